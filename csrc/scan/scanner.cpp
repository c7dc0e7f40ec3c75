#include "scan/scanner.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>

#include "codec/jpeg.h"
#include "codec/sniff.h"
#include "core/threads.h"
#include "pixels/content_hash.h"
#include "scan/file_reader.h"

namespace fl {

namespace {

void set_detail(fl_image_row* row, const char* text) noexcept {
  std::snprintf(row->detail, sizeof row->detail, "%s", text);
}

// Whether the boxes are drawn on the picture as EXIF turns it: the caller says so, or the
// declared size fits only that reading.
bool boxes_are_turned(const fl_scan_image& image, const fl_image_row& row) noexcept {
  if (row.orientation == 1) return false;
  if (image.turned != 0) return true;
  return row.orientation >= 5 && row.width != row.height &&
         image.declared_width == row.height && image.declared_height == row.width;
}

void measure_jpeg(const uint8_t* data, uint64_t size, const fl_scan_options& o,
                  const std::atomic<bool>* cancelled, ScanWorker& w, fl_image_row* row,
                  fl_box_row* box_rows) {
  w.stats.measure_rings(o.rings != 0);
  const JpegLimits limits{o.max_pixels, o.max_memory, o.max_scans, cancelled};
  const JpegResult r = decode_jpeg_luma(data, size, limits, w.boxes, w.stats);
  row->status = r.status;
  if (r.width > 0) row->width = r.width;
  if (r.height > 0) row->height = r.height;
  if (r.channels > 0) row->channels = r.channels;
  set_detail(row, r.detail);
  if (w.stats.rows() == 0 || r.status == FL_IMAGE_OVER_LIMIT) return;
  w.stats.finish(&row->stats, box_rows);
  row->measured = 1;
}

void measure(const uint8_t* data, uint64_t size, const fl_scan_image& image, const double* boxes,
             int64_t n_boxes, const fl_scan_options& o, const std::atomic<bool>* cancelled,
             ScanWorker& w, fl_image_row* row, fl_box_row* box_rows) {
  const fl_header h = sniff(data, size);
  row->format = h.format;
  row->width = h.width;
  row->height = h.height;
  row->channels = h.channels;
  row->orientation = h.orientation;
  row->turned = boxes_are_turned(image, *row) ? 1 : 0;
  if (h.format == FL_FORMAT_UNKNOWN) {
    const char* name = unread_format(data, size);
    row->status = name != nullptr ? FL_IMAGE_UNSUPPORTED : FL_IMAGE_UNREADABLE;
    std::snprintf(row->detail, sizeof row->detail, "%s",
                  name != nullptr ? name : "not a picture of a known format");
    return;
  }
  if (h.format == FL_FORMAT_JPEG || h.format == FL_FORMAT_MPO) {
    w.boxes.set(boxes, n_boxes, h.orientation, row->turned != 0);
    measure_jpeg(data, size, o, cancelled, w, row, box_rows);
    return;
  }
  if (h.width < 1 || h.height < 1) {
    row->status = FL_IMAGE_UNREADABLE;
    set_detail(row, "the header gives no size");
    return;
  }
  if (uint64_t(h.width) * uint64_t(h.height) > o.max_pixels) {
    row->status = FL_IMAGE_OVER_LIMIT;
    std::snprintf(row->detail, sizeof row->detail, "%d x %d pixels, the limit is %llu", h.width,
                  h.height, static_cast<unsigned long long>(o.max_pixels));
    return;
  }
  row->status = FL_IMAGE_NEEDS_DECODER;
}

void scan_bytes(const uint8_t* data, uint64_t size, const fl_scan_image& image,
                const double* boxes, int64_t n_boxes, const fl_scan_options& o,
                const std::atomic<bool>* cancelled, ScanWorker& w, fl_image_row* row,
                fl_box_row* box_rows) {
  measure(data, size, image, boxes, n_boxes, o, cancelled, w, row, box_rows);
  // After the decoder, whose pace hides the fetching of the bytes: now they are in the cache.
  content_hash(data, size, row->content_hash);
  row->has_hash = 1;
}

void scan_one(ScanBatch& b, size_t i, const fl_scan_options& o, const std::atomic<bool>* cancelled,
              ScanWorker& w, ReadAhead& ahead) {
  b.reached.store(i + 1, std::memory_order_relaxed);
  const fl_scan_image& image = b.images[i];
  fl_image_row* row = &b.rows[i];
  const int64_t first = b.offsets[i];
  const int64_t n_boxes = b.offsets[i + 1] - first;
  const double* boxes = b.boxes.data() + 4 * first;
  fl_box_row* box_rows = b.box_rows.data() + first;
  row->width = row->height = -1;
  row->orientation = 1;
  row->bytes = -1;
  const uint8_t* data = image.data;
  uint64_t size = image.size;
  try {
    if (data == nullptr) {
      const FilePart part{image.path, image.offset, image.size, image.file_size,
                          image.file_mtime_ns};
      const auto began = std::chrono::steady_clock::now();
      const fl_image_status status = w.file.read(part, o.max_bytes, UINT64_MAX);
      ahead.read_took((std::chrono::steady_clock::now() - began) / std::chrono::nanoseconds(1));
      if (status != FL_IMAGE_MISSING) row->bytes = static_cast<int64_t>(w.file.part_size());
      if (status != FL_IMAGE_OK) {
        row->status = status;
        set_detail(row, w.file.error());
        return;
      }
      data = w.file.data();
      size = w.file.size();
    }
    row->bytes = static_cast<int64_t>(size);
    if (size == 0) {  // in memory; the same row as for an empty file
      row->status = FL_IMAGE_UNREADABLE;
      set_detail(row, "empty file");
      return;
    }
    if (size > o.max_bytes) {
      row->status = FL_IMAGE_OVER_LIMIT;
      std::snprintf(row->detail, sizeof row->detail, "%llu bytes, the limit is %llu",
                    static_cast<unsigned long long>(size),
                    static_cast<unsigned long long>(o.max_bytes));
      return;
    }
    if (o.hash_only != 0) {
      content_hash(data, size, row->content_hash);
      row->has_hash = 1;
      return;
    }
    scan_bytes(data, size, image, boxes, n_boxes, o, cancelled, w, row, box_rows);
  } catch (const std::exception&) {  // in practice: no memory
    row->status = FL_IMAGE_OVER_LIMIT;
    set_detail(row, "not enough memory to decode it");
  }
}

}  // namespace

void ImageBoxes::set(const double* boxes, int64_t n, int32_t orientation, bool turned) {
  boxes_ = boxes;
  n_ = n;
  orientation_ = turned ? orientation : 1;
}

const std::vector<PixelBox>& ImageBoxes::boxes_for(int64_t width, int64_t height) {
  mapped_.clear();
  for (int64_t i = 0; i < n_; ++i) {
    double stored[4];
    unturn_box(orientation_, static_cast<double>(width), static_cast<double>(height),
               boxes_ + 4 * i, stored);
    mapped_.push_back(pixel_box(stored, width, height));
  }
  return mapped_;
}

Scanner::Scanner(const fl_scan_options& options)
    : pool_(options.workers,
            [this, options](ScanBatch& batch, size_t i, const std::atomic<bool>* cancelled,
                            ScanWorker& worker) {
              scan_one(batch, i, options, cancelled, worker, ahead_);
            }) {}

fl_status Scanner::collect(int64_t ticket, fl_image_row* rows, fl_box_row* box_rows) {
  std::shared_ptr<ScanBatch> batch;
  const fl_status status = pool_.collect(ticket, &batch);
  if (status != FL_OK) return status;
  std::copy(batch->rows.begin(), batch->rows.end(), rows);
  std::copy(batch->box_rows.begin(), batch->box_rows.end(), box_rows);
  return FL_OK;
}

void sniff_files(const char* const* paths, int64_t n, int32_t workers, fl_header* headers) {
  // Enough for the header of all but a few pictures; those are read again to their end.
  constexpr uint64_t kHead = uint64_t{64} << 10;
  constexpr uint64_t kLimit = uint64_t{1} << 40;
  share_out(n, 1, workers, [&] {
    return [&, file = FileReader()](int64_t i, int64_t) mutable {
      headers[i] = sniff(nullptr, 0);
      try {
        const FilePart whole{paths[i], 0, 0, 0, 0};
        if (file.read(whole, kLimit, kHead) != FL_IMAGE_OK) return;
        headers[i] = sniff(file.data(), file.size());
        const bool cut = headers[i].width < 0 && file.part_size() > kHead;
        // EXIF with a thumbnail or an ICC profile can push the size beyond the head.
        if (cut && file.read(whole, kLimit, uint64_t{16} << 20) == FL_IMAGE_OK) {
          headers[i] = sniff(file.data(), file.size());
        }
      } catch (const std::exception&) {
        headers[i] = sniff(nullptr, 0);
      }
    };
  });
}

}  // namespace fl
