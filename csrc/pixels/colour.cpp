#include "pixels/colour.h"

#include <cstring>

#include "core/checked.h"
#include "pixels/row_kernels.h"

namespace fl {

namespace {

// ITU-R BT.601's 0.114, 0.587 and 0.299 in units of 2^-15, rounded so that they add up to one.
constexpr int16_t kBlue = 3735;
constexpr int16_t kGreen = 19235;
constexpr int16_t kRed = 9798;

}  // namespace

fl_status check_image(const fl_image* image) noexcept {
  if (image == nullptr || image->data == nullptr) return FL_ERROR_ARGUMENT;
  const fl_image& i = *image;
  if (i.width < 1 || i.height < 1 || i.width > INT32_MAX || i.height > INT32_MAX) {
    return FL_ERROR_ARGUMENT;
  }
  const bool gray = i.order == FL_GRAY && i.channels == 1;
  const bool three = (i.order == FL_BGR || i.order == FL_RGB) && i.channels == 3;
  const bool four = (i.order == FL_BGRA || i.order == FL_RGBA) && i.channels == 4;
  if (!gray && !three && !four) return FL_ERROR_ARGUMENT;
  int64_t rows = 0;
  int64_t pixels = 0;
  int64_t channels = 0;
  if (!checked_mul(i.height - 1, i.row_stride, &rows) ||
      !checked_mul(i.width - 1, i.pixel_stride, &pixels) ||
      !checked_mul(i.channels - 1, i.channel_stride, &channels)) {
    return FL_ERROR_OVERFLOW;
  }
  int64_t sum = 0;
  const bool fits = !__builtin_add_overflow(rows, pixels, &sum) &&
                    !__builtin_add_overflow(sum, channels, &sum);
  return fits ? FL_OK : FL_ERROR_OVERFLOW;
}

LumaRows::LumaRows(const fl_image& image) noexcept
    : image_(image), weights_{kBlue, kGreen, kRed} {
  if (image.order == FL_RGB || image.order == FL_RGBA) {
    weights_[0] = kRed;
    weights_[2] = kBlue;
  }
}

void LumaRows::copy(int64_t x, int64_t y, int64_t n, uint8_t* out) const noexcept {
  const uint8_t* from = image_.data + y * image_.row_stride + x * image_.pixel_stride;
  const auto count = static_cast<size_t>(n);
  const auto step = static_cast<ptrdiff_t>(image_.pixel_stride);
  if (image_.channels > 1) {
    row_kernels().row_luma(from, from + image_.channel_stride, from + 2 * image_.channel_stride,
                           step, weights_, count, out);
  } else if (in_place()) {
    std::memcpy(out, from, count);
  } else {
    row_kernels().row_pick(from, step, count, out);
  }
}

}  // namespace fl
