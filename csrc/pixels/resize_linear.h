// Two-sample linear interpolation, row by row, in the fixed point of cv2.INTER_LINEAR: weights
// of 11 bits, sums of a row shortened by 4 bits, products of two rows by 16, then rounded by 2.
// Freestanding.
#pragma once

#include <cstddef>
#include <cstdint>

#include "pixels/picture_rows.h"

namespace fl {

// An output lies between the samples `first` and first + 1 of its axis, with these weights, each
// in 0..2048. A sample may lie outside: the caller clamps it.
struct LinearSample {
  int32_t first;
  int16_t weights[2];
};

// Of output i, when an axis of `source` samples becomes `output` of them.
LinearSample linear_sample(int64_t i, int64_t source, int64_t output) noexcept;

class LinearResizer {
 public:
  LinearResizer(const Picture& picture, int64_t width, int64_t height, Arena* arena) noexcept;
  // Row y of the output, channel after channel, each `width` long; valid until the next call.
  const uint8_t* row(int64_t y) noexcept;

 private:
  // The two source rows of an output row; the same one twice where one weighs nothing.
  struct Pair {
    int64_t above, below;
    int16_t weights[2];
  };
  static bool sparse(const Picture& picture, int64_t width) noexcept;
  void prepare(const Picture& picture) noexcept;
  void pick_columns(const Picture& picture, int32_t* columns) noexcept;
  Pair sources(int64_t y) const noexcept;
  const uint8_t* source_row(int64_t y) noexcept;
  const int16_t* columns(int64_t y, int64_t keep, int64_t next) noexcept;

  int64_t width_, height_, source_height_;
  int32_t channels_;
  int32_t* columns_;  // of a picture of which few are looked at; or null
  PictureRows rows_;
  int32_t* at_;           // in a source row, each output's first sample
  int16_t* weights_;      // two an output
  size_t safe_ = 0;       // leading outputs whose samples lie eight bytes before the row's end
  bool single_ = false;   // each output is one sample
  bool in_order_ = false; // and they lie side by side
  uint8_t* twin_ = nullptr;  // a picture one pixel wide has no second sample: twice its pixel
  int16_t* slots_[2];
  int64_t held_[2] = {-1, -1};  // the source rows in the slots
  uint8_t* out_;
};

}  // namespace fl
