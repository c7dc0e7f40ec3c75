// fastlabel/effects.h: arguments checked, then the work, then a status.
#include "pixels/effects.h"

#include <cmath>
#include <limits>

#include "capi/common.h"
#include "pixels/colour.h"

using fl::guarded;

namespace {

// A picture that can be read, and rows that can hold what is made of it.
fl_status check_rows(const fl_image* image, const uint8_t* out, int64_t row_stride) noexcept {
  const fl_status status = fl::check_image(image);
  if (status != FL_OK) return status;
  if (image->channels != 1 && image->channels != 3) return FL_ERROR_ARGUMENT;
  int64_t samples = 0;
  int64_t bytes = 0;
  if (!fl::checked_mul(image->width, image->channels, &samples) ||
      samples > std::numeric_limits<int32_t>::max() ||
      !fl::checked_mul(image->height, row_stride, &bytes)) {
    return FL_ERROR_OVERFLOW;
  }
  return out != nullptr && row_stride >= samples ? FL_OK : FL_ERROR_ARGUMENT;
}

// NaN is not within.
bool within(double v, double low, double high) noexcept { return v >= low && v <= high; }

}  // namespace

extern "C" {

fl_status fl_look_up(const fl_image* image, const uint8_t* tables, int32_t n_tables, uint8_t* out,
                     int64_t row_stride) {
  const fl_status status = check_rows(image, out, row_stride);
  if (status != FL_OK) return status;
  if (tables == nullptr || (n_tables != 1 && n_tables != image->channels)) {
    return FL_ERROR_ARGUMENT;
  }
  return guarded([&] {
    fl::look_up(*image, tables, n_tables, {out, row_stride});
    return FL_OK;
  });
}

fl_status fl_filter_taps(const fl_image* image, const int32_t* dx, const int32_t* dy,
                         const double* weights, int64_t taps, uint8_t* out, int64_t row_stride) {
  const fl_status status = check_rows(image, out, row_stride);
  if (status != FL_OK) return status;
  if (dx == nullptr || dy == nullptr || weights == nullptr || taps < 1 || taps > FL_MAX_TAPS) {
    return FL_ERROR_ARGUMENT;
  }
  double sum = 0;
  for (int64_t k = 0; k < taps; ++k) {
    const bool near = dx[k] >= -FL_MAX_REACH && dx[k] <= FL_MAX_REACH && dy[k] >= -FL_MAX_REACH &&
                      dy[k] <= FL_MAX_REACH;
    if (!near || !(weights[k] >= 0)) return FL_ERROR_ARGUMENT;
    sum += weights[k];
  }
  if (!(sum > 0) || !std::isfinite(sum)) return FL_ERROR_ARGUMENT;
  return guarded([&] {
    fl::filter_taps(*image, fl::whole_taps(dx, dy, weights, taps), {out, row_stride});
    return FL_OK;
  });
}

fl_status fl_sensor_noise(const fl_image* image, double read, double shot, double colour,
                          uint64_t seed, uint8_t* out, int64_t row_stride) {
  const fl_status status = check_rows(image, out, row_stride);
  if (status != FL_OK) return status;
  if (!within(read, 0, 255) || !within(shot, 0, 255) || !within(colour, 0, 1)) {
    return FL_ERROR_ARGUMENT;
  }
  return guarded([&] {
    fl::sensor_noise(*image, read, shot, colour, seed, {out, row_stride});
    return FL_OK;
  });
}

fl_status fl_salt_and_pepper(const fl_image* image, double amount, double salt, uint64_t seed,
                             uint8_t* out, int64_t row_stride) {
  const fl_status status = check_rows(image, out, row_stride);
  if (status != FL_OK) return status;
  if (!within(amount, 0, 1) || !within(salt, 0, 1)) return FL_ERROR_ARGUMENT;
  return guarded([&] {
    fl::salt_and_pepper(*image, amount, salt, seed, {out, row_stride});
    return FL_OK;
  });
}

fl_status fl_veil(const fl_image* image, const fl_image* mask, const uint8_t* colour, uint8_t* out,
                  int64_t row_stride) {
  fl_status status = check_rows(image, out, row_stride);
  if (status == FL_OK) status = fl::check_image(mask);
  if (status != FL_OK) return status;
  if (colour == nullptr || mask->channels != 1 || mask->width != image->width ||
      mask->height != image->height) {
    return FL_ERROR_ARGUMENT;
  }
  return guarded([&] {
    fl::veil(*image, *mask, colour, {out, row_stride});
    return FL_OK;
  });
}

}  // extern "C"
