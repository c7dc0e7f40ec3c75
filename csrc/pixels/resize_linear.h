// Two-sample linear interpolation, row by row, in the fixed point of cv2.INTER_LINEAR: weights
// of 11 bits, sums of a row shortened by 4 bits, products of two rows by 16, then rounded by 2.
#pragma once

#include <cstdint>
#include <vector>

#include "pixels/image_rows.h"
#include "pixels/resize_kernels.h"

namespace fl {

// Output i lies between the source's samples at[i] and at[i] + 1, with weights[2 i] and
// weights[2 i + 1] in 0..2048. A sample may lie outside: the caller clamps it.
struct LinearAxis {
  std::vector<int32_t> at;
  std::vector<int16_t> weights;
};

LinearAxis linear_axis(int64_t source, int64_t output);

class LinearResizer {
 public:
  LinearResizer(const fl_image& image, int64_t width, int64_t height);
  // Row y of the output, channel after channel, each `width` long; valid until the next call.
  const uint8_t* row(int64_t y);

 private:
  // The two source rows of an output row; the same one twice where one weighs nothing.
  struct Pair {
    int64_t above, below;
  };
  Pair sources(size_t y) const noexcept;
  const int16_t* columns(int64_t y, int64_t keep, int64_t next);

  int64_t width_, source_height_;
  int32_t channels_;
  ImageRows rows_;
  LinearAxis x_, y_;
  size_t safe_ = 0;          // leading outputs whose samples lie eight bytes before the row's end
  std::vector<uint8_t> twin_;  // a picture one pixel wide has no second sample: twice its pixel
  std::vector<int16_t> slots_[2];
  int64_t held_[2] = {-1, -1};  // the source rows in the slots
  std::vector<uint8_t> out_;
};

}  // namespace fl
