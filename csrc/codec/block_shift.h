// Blocks of a picture whose grid lies elsewhere, from the blocks of its own grid, without going to
// pixels: S. F. Chang, D. G. Messerschmitt, "Manipulation and compositing of MC-DCT compressed
// video", IEEE J. Sel. Areas in Communications 13 (1), 1995.
#pragma once

#include <cstdint>

#include "codec/coefficient_rows.h"

namespace fl {

// The shift of one component along both axes. Between two samples the mean of them is taken, by
// their distance.
class BlockShift {
 public:
  // By `x` / `of` and `y` / `of` samples to the right and down; below one MCU.
  void set(int64_t x, int64_t of_x, int64_t y, int64_t of_y) noexcept;

  // The block (y, x) of the shifted grid in the row of MCUs `here`, of which `below` is the next
  // one. `out` is in zigzag order; the mask says which coefficients may be other than zero. Past
  // the end of the planes the last block stands in.
  uint64_t apply(const CoefficientRow& here, const CoefficientRow& below, int c, int64_t high,
                 int64_t y, int64_t x, int16_t* out) const noexcept;

 private:
  struct Axis {
    int64_t blocks = 0;           // whole ones
    bool moves = false;
    // What a coefficient of the one block in reach, and of the next, gives to all of the line's.
    float near[8][8], far[8][8];
    void set(int64_t shift, int64_t of) noexcept;
  };
  Axis x_, y_;
};

}  // namespace fl
