// Rows of a picture of any strides as rows of pixels side by side, with memory of their own.
#pragma once

#include <cstdint>
#include <vector>

#include "pixels/picture_rows.h"

namespace fl {

class ImageRows {
 public:
  // Up to `slots` rows are held at a time, where rows must be copied at all.
  ImageRows(const fl_image& image, size_t slots)
      : memory_(size_of(image, slots)),
        arena_(memory_.data()),
        rows_(view_of(image, 0), slots, &arena_) {}
  ImageRows(const ImageRows&) = delete;
  ImageRows& operator=(const ImageRows&) = delete;

  // Valid until the slot's next use.
  const uint8_t* row(int64_t y, size_t slot) noexcept { return rows_.row(y, slot); }

 private:
  static size_t size_of(const fl_image& image, size_t slots) {
    Arena measure;
    const PictureRows rows(view_of(image, 0), slots, &measure);
    return static_cast<size_t>(measure.size());
  }

  std::vector<uint8_t> memory_;
  Arena arena_;
  PictureRows rows_;
};

}  // namespace fl
