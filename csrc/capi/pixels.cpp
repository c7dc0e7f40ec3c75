// fastlabel.h: pixel statistics and hashes.
#include <cstring>
#include <vector>

#include "capi/common.h"
#include "pixels/content_hash.h"
#include "pixels/luma_stats.h"

using fl::guarded;

namespace {

fl_status check_plane(const uint8_t* luma, int64_t width, int64_t height, int64_t stride) noexcept {
  int64_t bytes = 0;
  if (luma == nullptr || width < 1 || height < 1 || stride < width) return FL_ERROR_ARGUMENT;
  if (width > INT32_MAX || height > INT32_MAX) return FL_ERROR_ARGUMENT;
  return fl::checked_mul(stride, height, &bytes) ? FL_OK : FL_ERROR_OVERFLOW;
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
  const fl_status ready = fl::init_tier();
  if (ready == FL_OK) fl::content_hash(data, size, out);
  return ready;
}

}  // extern "C"
