// Luma of 8-bit pictures of any strides, by OpenCV's integer formula.
#pragma once

#include <cstdint>

#include "fastlabel/fastlabel.h"

namespace fl {

// Whether sizes, channels and order go together, and no address overflows.
fl_status check_image(const fl_image* image) noexcept;

// The rows of a picture as luma: a single channel as it is, colour by
// (3735 B + 19235 G + 9798 R + 2^14) >> 15; a fourth channel has no part in it.
class LumaRows {
 public:
  // pre: check_image(&image) is FL_OK; the pixels outlive this.
  explicit LumaRows(const fl_image& image) noexcept;

  int64_t width() const noexcept { return image_.width; }
  int64_t height() const noexcept { return image_.height; }
  // The luma of a row lies in memory side by side.
  bool in_place() const noexcept {
    return image_.channels == 1 && (image_.pixel_stride == 1 || image_.width == 1);
  }
  // pre: in_place().
  const uint8_t* row(int64_t y) const noexcept { return image_.data + y * image_.row_stride; }
  // Luma of the n pixels from (x, y) on.
  void copy(int64_t x, int64_t y, int64_t n, uint8_t* out) const noexcept;

 private:
  fl_image image_;
  int16_t weights_[3];
};

}  // namespace fl
