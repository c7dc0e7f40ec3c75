// Pictures to a network's input: resized, padded, normalised and laid out, row by row, so that
// nothing but the output itself is ever larger than a few rows.
#pragma once

#include <cstdint>
#include <vector>

#include "fastlabel/fastlabel.h"

namespace fl {

// Where a picture lies in the output, by the rules of Ultralytics' LetterBox: one ratio
// min(W / w, H / h), sides rounded half to even (here at least 1), the padding's odd pixel
// right and below.
fl_placement place(int64_t width, int64_t height, const fl_letterbox_options& options) noexcept;

class Letterbox {
 public:
  // pre: options checked.
  Letterbox(const fl_letterbox_options& options, int32_t channels);

  // strides: bytes from channel to channel, row to row, pixel to pixel.
  void write(const fl_image& image, const fl_placement& at, uint8_t* out,
             const int64_t strides[3]) const;

 private:
  template <typename T>
  class Writer;
  template <typename T>
  void write_as(const fl_image& image, const fl_placement& at, uint8_t* out,
                const int64_t strides[3]) const;
  template <typename T>
  T value(uint8_t byte, int32_t channel) const noexcept;

  fl_letterbox_options options_;
  int32_t channels_;
  bool mapped_;  // bytes go through table_
  uint8_t table_[4][256];
};

// Size in bytes of an element of the output; 0: not one that letterbox writes.
int64_t element_size(int32_t dtype) noexcept;

}  // namespace fl
