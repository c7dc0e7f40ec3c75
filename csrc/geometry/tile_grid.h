// Grids of windows over a picture: arithmetic alone, so that a plan is counted before anything
// is allocated for it.
#pragma once

#include <cstdint>

#include "fastlabel/fastlabel.h"

namespace fl {

// Sides of pictures and tiles; sums of two and products with a count stay far from 64 bits.
inline constexpr int64_t kMostSide = INT64_C(1) << 31;

// One side of a grid of windows.
struct TileAxis {
  int64_t length;  // of the picture
  int64_t tile;
  int64_t step;
  int64_t first;  // where the first window would begin, were it not moved inside
  int64_t count;
  bool shift;

  TileAxis(int64_t picture, int64_t size, int64_t stride, bool centred, bool shifted) noexcept;

  int64_t begin(int64_t k) const noexcept;
  int64_t end(int64_t k) const noexcept;
};

}  // namespace fl
