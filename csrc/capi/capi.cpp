// fastlabel.h: check the arguments, choose the tier, call, turn exceptions into statuses.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <memory>
#include <new>

#include "codec/jpeg.h"
#include "codec/sniff.h"
#include "core/checked.h"
#include "core/dispatch.h"
#include "fastlabel/fastlabel.h"
#include "geometry/boxes.h"
#include "pixels/content_hash.h"
#include "pixels/luma_stats.h"
#include "scan/scanner.h"

#define FL_STRING_(a) #a
#define FL_STRING(a) FL_STRING_(a)

struct fl_scanner {
  explicit fl_scanner(const fl_scan_options& options) : scanner(options) {}
  fl::Scanner scanner;
};

namespace {

// Runs a body that may allocate; no exception crosses the C boundary.
template <typename Body>
fl_status guarded(Body body) noexcept {
  const fl_status ready = fl::init_kernels();
  if (ready != FL_OK) return ready;
  try {
    return body();
  } catch (const std::bad_alloc&) {
    return FL_ERROR_MEMORY;
  } catch (...) {
    return FL_ERROR_ARGUMENT;
  }
}

fl_status check_plane(const uint8_t* luma, int64_t width, int64_t height, int64_t stride) noexcept {
  int64_t bytes = 0;
  if (luma == nullptr || width < 1 || height < 1 || stride < width) return FL_ERROR_ARGUMENT;
  if (width > INT32_MAX || height > INT32_MAX) return FL_ERROR_ARGUMENT;
  return fl::checked_mul(stride, height, &bytes) ? FL_OK : FL_ERROR_OVERFLOW;
}

bool check_offsets(const int64_t* offsets, int64_t groups) noexcept {
  if (offsets == nullptr || groups < 0 || offsets[0] != 0) return false;
  for (int64_t g = 0; g < groups; ++g) {
    if (offsets[g + 1] < offsets[g]) return false;
  }
  return true;
}

void feed(fl::LumaStats* stats, const uint8_t* luma, int64_t width, int64_t height,
          int64_t stride) {
  for (int64_t y = 0; y < height;) {
    uint8_t* rows[fl::LumaStats::kMaxRows];
    const int64_t n = stats->next_rows(rows);
    for (int64_t k = 0; k < n; ++k) {
      std::memcpy(rows[k], luma + (y + k) * stride, static_cast<size_t>(width));
    }
    stats->commit(n);
    y += n;
  }
}

}  // namespace

extern "C" {

int32_t fl_abi_version(void) { return FL_ABI_VERSION; }
const char* fl_version(void) { return FL_STRING(FL_VERSION); }

const char* fl_status_text(fl_status status) {
  switch (status) {
    case FL_OK: return "ok";
    case FL_ERROR_ARGUMENT: return "invalid argument";
    case FL_ERROR_OVERFLOW: return "sizes overflow 64 bits";
    case FL_ERROR_MEMORY: return "out of memory";
    case FL_ERROR_CAPACITY: return "the output is too small";
    case FL_ERROR_TIMEOUT: return "not finished in time";
    case FL_ERROR_CANCELLED: return "cancelled";
    case FL_ERROR_ISA: return "FASTLABEL_ISA names an instruction set unknown or absent here";
  }
  return "unknown status";
}

fl_status fl_init(void) { return fl::init_kernels(); }
const char* fl_isa_name(void) { return fl::selected_name(); }
int32_t fl_isa_available(const char** names, int32_t capacity) {
  return fl::available_kernels(names, names == nullptr ? 0 : capacity);
}
fl_status fl_isa_select(const char* name) {
  return name == nullptr ? FL_ERROR_ARGUMENT : fl::select_kernels(name);
}

fl_status fl_box_iou(const double* a, int64_t n, const double* b, int64_t m, double* out) {
  int64_t cells = 0;
  if (n < 0 || m < 0) return FL_ERROR_ARGUMENT;
  if (!fl::checked_mul(n, m, &cells)) return FL_ERROR_OVERFLOW;
  if (cells > 0 && (a == nullptr || b == nullptr || out == nullptr)) return FL_ERROR_ARGUMENT;
  fl::box_iou(a, n, b, m, out);
  return FL_OK;
}

fl_status fl_box_pairs(const double* boxes, const int64_t* offsets, int64_t groups,
                       double threshold, int64_t max_per_box, fl_pair* out, int64_t capacity,
                       int64_t* count) {
  if (count == nullptr || capacity < 0 || max_per_box < 0) return FL_ERROR_ARGUMENT;
  if (!(threshold > 0 && threshold <= 1)) return FL_ERROR_ARGUMENT;
  if (!check_offsets(offsets, groups)) return FL_ERROR_ARGUMENT;
  if (offsets[groups] > 0 && boxes == nullptr) return FL_ERROR_ARGUMENT;
  return guarded([&] {
    const auto pairs = fl::box_pairs(boxes, offsets, groups, threshold, max_per_box);
    *count = static_cast<int64_t>(pairs.size());
    if (*count > capacity || (*count > 0 && out == nullptr)) return FL_ERROR_CAPACITY;
    std::copy(pairs.begin(), pairs.end(), out);
    return FL_OK;
  });
}

fl_status fl_nms(const double* boxes, const double* scores, int64_t n, double iou_threshold,
                 int64_t* keep, int64_t* kept) {
  if (n < 0 || kept == nullptr || !std::isfinite(iou_threshold)) return FL_ERROR_ARGUMENT;
  if (n > 0 && (boxes == nullptr || scores == nullptr || keep == nullptr)) {
    return FL_ERROR_ARGUMENT;
  }
  // A NaN score has no place in an order.
  if (std::any_of(scores, scores + n, [](double s) { return std::isnan(s); })) {
    return FL_ERROR_ARGUMENT;
  }
  return guarded([&] {
    const auto rows = fl::nms(boxes, scores, n, iou_threshold);
    *kept = static_cast<int64_t>(rows.size());
    std::copy(rows.begin(), rows.end(), keep);
    return FL_OK;
  });
}

fl_status fl_laplacian_variance(const uint8_t* luma, int64_t width, int64_t height,
                                int64_t stride_bytes, double* out) {
  if (out == nullptr) return FL_ERROR_ARGUMENT;
  fl_luma_stats stats;
  const fl_status status = fl_measure_luma(luma, width, height, stride_bytes, nullptr, 0, 1, 0,
                                           &stats, nullptr);
  if (status == FL_OK) *out = stats.laplacian_variance;
  return status;
}

fl_status fl_measure_luma(const uint8_t* luma, int64_t width, int64_t height,
                          int64_t stride_bytes, const double* boxes, int64_t n_boxes,
                          int32_t orientation, int32_t turned, fl_luma_stats* stats,
                          fl_box_row* box_rows) {
  const fl_status plane = check_plane(luma, width, height, stride_bytes);
  if (plane != FL_OK) return plane;
  if (stats == nullptr || n_boxes < 0) return FL_ERROR_ARGUMENT;
  if (n_boxes > 0 && (boxes == nullptr || box_rows == nullptr)) return FL_ERROR_ARGUMENT;
  if (orientation < 1 || orientation > 8) return FL_ERROR_ARGUMENT;
  return guarded([&] {
    std::vector<fl::PixelBox> mapped;
    for (int64_t i = 0; i < n_boxes; ++i) {
      double stored[4];
      fl::unturn_box(turned != 0 ? orientation : 1, static_cast<double>(width),
                     static_cast<double>(height), boxes + 4 * i, stored);
      mapped.push_back(fl::pixel_box(stored, width, height));
    }
    fl::LumaStats measure;
    measure.begin(width, height, mapped);
    feed(&measure, luma, width, height, stride_bytes);
    measure.finish(stats, box_rows);
    return FL_OK;
  });
}

fl_status fl_content_hash(const uint8_t* data, uint64_t size, uint8_t out[16]) {
  if ((data == nullptr && size > 0) || out == nullptr) return FL_ERROR_ARGUMENT;
  const fl_status ready = fl::init_kernels();
  if (ready == FL_OK) fl::content_hash(data, size, out);
  return ready;
}

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

fl_status fl_scan_options_init(fl_scan_options* options) {
  if (options == nullptr) return FL_ERROR_ARGUMENT;
  *options = fl_scan_options{};
  options->struct_size = sizeof *options;
  options->max_scans = 200;
  options->max_pixels = uint64_t{250} * 1000 * 1000;
  options->max_bytes = uint64_t{512} << 20;
  options->max_memory = uint64_t{512} << 20;
  return FL_OK;
}

fl_status fl_scanner_create(const fl_scan_options* options, fl_scanner** out) {
  if (options == nullptr || out == nullptr) return FL_ERROR_ARGUMENT;
  if (options->struct_size < sizeof(fl_scan_options)) return FL_ERROR_ARGUMENT;
  if (options->workers < 0 || options->workers > 4096 || options->max_scans < 1) {
    return FL_ERROR_ARGUMENT;
  }
  return guarded([&] {
    *out = new fl_scanner(*options);
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
