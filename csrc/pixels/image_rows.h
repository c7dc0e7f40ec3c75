// Rows of a picture of any strides as rows of pixels side by side.
#pragma once

#include <cstdint>
#include <vector>

#include "fastlabel/fastlabel.h"

namespace fl {

class ImageRows {
 public:
  // Up to `slots` rows are held at a time, where rows must be copied at all.
  ImageRows(const fl_image& image, int64_t slots)
      : image_(image),
        row_bytes_(image.width * image.channels),
        packed_((image.channels == 1 || image.channel_stride == 1) &&
                (image.width == 1 || image.pixel_stride == image.channels)) {
    if (!packed_) copies_.resize(static_cast<size_t>(row_bytes_ * slots));
  }

  // The row in the picture's own memory, if its pixels lie side by side there; or null.
  const uint8_t* in_place(int64_t y) const noexcept {
    return packed_ ? image_.data + y * image_.row_stride : nullptr;
  }

  // Valid until the slot's next use.
  const uint8_t* row(int64_t y, int64_t slot) noexcept {
    const uint8_t* from = image_.data + y * image_.row_stride;
    if (packed_) return from;
    uint8_t* to = copies_.data() + slot * row_bytes_;
    for (int64_t x = 0; x < image_.width; ++x) {
      for (int32_t c = 0; c < image_.channels; ++c) {
        *to++ = from[x * image_.pixel_stride + c * image_.channel_stride];
      }
    }
    return to - row_bytes_;
  }

 private:
  fl_image image_;
  int64_t row_bytes_;
  bool packed_;
  std::vector<uint8_t> copies_;
};

}  // namespace fl
