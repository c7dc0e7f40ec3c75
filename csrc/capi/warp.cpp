// fastlabel/warp.h: arguments checked, then the work, then a status.
#include "pixels/warp.h"

#include "capi/common.h"
#include "pixels/colour.h"

using fl::guarded;

namespace {

constexpr double kMostFactor = 4096;
constexpr double kMostShift = 1 << 26;

// NaN is not within.
bool within(double v, double most) noexcept { return v >= -most && v <= most; }

}  // namespace

extern "C" {

fl_status fl_warp_affine(const fl_image* image, const double m[6], int32_t edge, uint8_t fill,
                         uint8_t* out, int64_t width, int64_t height, int64_t row_stride) {
  const fl_status status = fl::check_image(image);
  if (status != FL_OK) return status;
  if (m == nullptr || out == nullptr || image->channels > 4) return FL_ERROR_ARGUMENT;
  for (int k = 0; k < 6; ++k) {
    if (!within(m[k], k % 3 == 2 ? kMostShift : kMostFactor)) return FL_ERROR_ARGUMENT;
  }
  if (width < 1 || height < 1 || width > FL_WARP_MAX_SIDE || height > FL_WARP_MAX_SIDE) {
    return FL_ERROR_ARGUMENT;
  }
  if (row_stride < width * image->channels) return FL_ERROR_ARGUMENT;
  int64_t bytes = 0;
  if (!fl::checked_mul(height, row_stride, &bytes)) return FL_ERROR_OVERFLOW;
  return guarded([&] {
    fl::warp_affine(*image, m, edge != 0, fill, {out, width, height, row_stride});
    return FL_OK;
  });
}

}  // extern "C"
