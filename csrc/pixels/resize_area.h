// Area averaging, row by row: each output pixel is the exact mean of what it covers, rounded
// half up.
//
// With N / M the reduced ratio of source to output along an axis, the output's cell j covers
// [j N, (j + 1) N) where a source pixel is M wide: every overlap is a whole number, and so is
// the weighted sum. Nothing is rounded but the one division by the cell's area. Freestanding.
#pragma once

#include <cstddef>
#include <cstdint>

#include "pixels/picture_rows.h"
#include "pixels/resize_kernels.h"

namespace fl {

// An axis of `source` pixels that becomes one of `output` cells.
struct AreaAxis {
  AreaAxis(int64_t source, int64_t output) noexcept;
  AreaCell cell(int64_t j) const noexcept;

  uint32_t total;  // N: the weights of a cell add up to it
  uint32_t full;   // M: what a cell takes of a pixel wholly inside it
};

// Whether the sums of a resize stay within 64 bits, and those of a column within 32.
bool area_fits(int64_t width, int64_t height, int64_t out_width, int64_t out_height) noexcept;

class AreaResizer {
 public:
  AreaResizer(const Picture& picture, int64_t width, int64_t height, Arena* arena) noexcept;
  // Row y of the output, channels interleaved; valid until the next call. Rows in any order.
  const uint8_t* row(int64_t y) noexcept;

 private:
  static constexpr size_t kRows = 16;  // summed at a time, where they lie in memory

  void sum_rows(const AreaCell& cell) noexcept;

  int64_t width_;
  int32_t channels_;
  size_t row_numbers_;  // in a row of the source
  size_t slots_;        // rows summed at a time
  bool halve_;
  PictureRows rows_;
  AreaAxis x_, y_;
  bool wide_;  // sums over an area need 64 bits
  AreaDivisor divisor_{};
  AreaCell* cells_;
  uint32_t* sums_ = nullptr;
  uint8_t* out_;
  int64_t single_ = -1;  // the source row that out_ shows, when it shows just one
};

}  // namespace fl
