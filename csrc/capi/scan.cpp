// fastlabel.h: files and the scanner.
#include <algorithm>
#include <cstdio>
#include <memory>
#include <string>
#include <utility>

#include "capi/common.h"
#include "codec/jpeg.h"
#include "codec/sniff.h"
#include "scan/scanner.h"
#include "scan/tar_index.h"

using fl::check_offsets;
using fl::guarded;

struct fl_scanner {
  explicit fl_scanner(const fl_scan_options& options) : scanner(options) {}
  fl::Scanner scanner;
};

struct fl_tar {
  fl::TarIndex index;
};

namespace {

fl_scan_options default_options() noexcept {
  fl_scan_options options = {};
  options.struct_size = sizeof options;
  options.max_scans = 200;
  options.max_pixels = uint64_t{250} * 1000 * 1000;
  options.max_bytes = uint64_t{512} << 20;
  options.max_memory = uint64_t{512} << 20;
  return options;
}

}  // namespace

extern "C" {

const char* fl_format_name(int32_t format) {
  static const char* const names[] = {"", "jpeg", "mpo", "png", "webp", "bmp", "tiff", "gif"};
  return format >= 0 && format <= FL_FORMAT_GIF ? names[format] : "";
}

const char* fl_image_status_name(int32_t status) {
  static const char* const names[] = {"ok",          "truncated",  "corrupt", "unreadable",
                                      "unsupported", "over_limit", "missing", "escaped",
                                      "needs_decoder"};
  return status >= 0 && status <= FL_IMAGE_NEEDS_DECODER ? names[status] : "";
}

fl_status fl_sniff(const uint8_t* data, uint64_t size, fl_header* header) {
  if ((data == nullptr && size > 0) || header == nullptr) return FL_ERROR_ARGUMENT;
  *header = fl::sniff(data, size);
  return FL_OK;
}

fl_status fl_sniff_files(const char* const* paths, int64_t n, int32_t workers,
                         fl_header* headers) {
  if (n < 0 || (n > 0 && (paths == nullptr || headers == nullptr))) return FL_ERROR_ARGUMENT;
  return guarded([&] {
    fl::sniff_files(paths, n, workers, headers);
    return FL_OK;
  });
}

fl_status fl_tar_index(const char* path, fl_tar_summary* summary, fl_tar** out) {
  if (path == nullptr || summary == nullptr || out == nullptr) return FL_ERROR_ARGUMENT;
  return guarded([&] {
    auto tar = std::make_unique<fl_tar>();
    std::string error;
    *summary = fl_tar_summary{};
    summary->status = fl::index_tar_file(path, &tar->index, &summary->file_size,
                                         &summary->file_mtime_ns, &error);
    std::snprintf(summary->error, sizeof summary->error, "%s", error.c_str());
    summary->end = tar->index.end;
    summary->end_offset = tar->index.end_offset;
    summary->members = static_cast<int64_t>(tar->index.members.size());
    summary->names = tar->index.names.size();
    *out = tar.release();
    return FL_OK;
  });
}

fl_status fl_tar_copy(const fl_tar* tar, fl_tar_member* members, char* names) {
  if (tar == nullptr) return FL_ERROR_ARGUMENT;
  if (!tar->index.members.empty() && members == nullptr) return FL_ERROR_ARGUMENT;
  if (!tar->index.names.empty() && names == nullptr) return FL_ERROR_ARGUMENT;
  std::copy(tar->index.members.begin(), tar->index.members.end(), members);
  std::copy(tar->index.names.begin(), tar->index.names.end(), names);
  return FL_OK;
}

void fl_tar_destroy(fl_tar* tar) { delete tar; }

fl_status fl_scan_options_init(fl_scan_options* options, size_t struct_size) {
  return fl::init_options(options, struct_size, default_options());
}

fl_status fl_scanner_create(const fl_scan_options* options, fl_scanner** out) {
  if (out == nullptr) return FL_ERROR_ARGUMENT;
  fl_scan_options known;
  const fl_status read = fl::read_options(options, default_options(), &known);
  if (read != FL_OK) return read;
  if (known.workers < 0 || known.workers > 4096 || known.max_scans < 1) return FL_ERROR_ARGUMENT;
  return guarded([&] {
    *out = new fl_scanner(known);
    return FL_OK;
  });
}

fl_status fl_scanner_submit(fl_scanner* scanner, const fl_scan_image* images, int64_t n,
                            const double* boxes, const int64_t* offsets, int64_t* ticket) {
  if (scanner == nullptr || ticket == nullptr || n < 0) return FL_ERROR_ARGUMENT;
  if (n > 0 && images == nullptr) return FL_ERROR_ARGUMENT;
  if (!check_offsets(offsets, n)) return FL_ERROR_ARGUMENT;
  if (offsets[n] > 0 && boxes == nullptr) return FL_ERROR_ARGUMENT;
  for (int64_t i = 0; i < n; ++i) {
    if (images[i].data == nullptr && images[i].path == nullptr) return FL_ERROR_ARGUMENT;
  }
  return guarded([&] {
    auto batch = std::make_shared<fl::ScanBatch>();
    const auto count = static_cast<size_t>(n);
    batch->images.assign(images, images + n);
    batch->paths.resize(count);
    for (size_t i = 0; i < count; ++i) {
      if (images[i].data != nullptr) continue;
      batch->paths[i] = images[i].path;
      batch->images[i].path = batch->paths[i].c_str();
    }
    batch->boxes.assign(boxes, boxes + 4 * offsets[n]);
    batch->offsets.assign(offsets, offsets + n + 1);
    batch->rows.resize(count);
    batch->box_rows.resize(static_cast<size_t>(offsets[n]));
    return scanner->scanner.submit(std::move(batch), ticket);
  });
}

fl_status fl_scanner_wait(fl_scanner* scanner, int64_t ticket, int32_t timeout_ms,
                          int64_t* done) {
  if (scanner == nullptr || timeout_ms < 0) return FL_ERROR_ARGUMENT;
  return guarded([&] { return scanner->scanner.wait(ticket, timeout_ms, done); });
}

fl_status fl_scanner_collect(fl_scanner* scanner, int64_t ticket, fl_image_row* rows,
                             fl_box_row* box_rows) {
  if (scanner == nullptr || rows == nullptr || box_rows == nullptr) return FL_ERROR_ARGUMENT;
  return guarded([&] { return scanner->scanner.collect(ticket, rows, box_rows); });
}

fl_status fl_scanner_cancel(fl_scanner* scanner) {
  if (scanner == nullptr) return FL_ERROR_ARGUMENT;
  scanner->scanner.cancel();
  return FL_OK;
}

void fl_scanner_destroy(fl_scanner* scanner) { delete scanner; }

const char* fl_jpeg_codec(void) { return fl::jpeg_codec_name(); }

}  // extern "C"
