// Area averaging, row by row: each output pixel is the exact mean of what it covers, rounded
// half up.
//
// With N / M the reduced ratio of source to output along an axis, the output's cell j covers
// [j N, (j + 1) N) where a source pixel is M wide: every overlap is a whole number, and so is
// the weighted sum. Nothing is rounded but the one division by the cell's area.
#pragma once

#include <cstdint>
#include <vector>

#include "pixels/image_rows.h"
#include "pixels/resize_kernels.h"

namespace fl {

struct AreaAxis {
  std::vector<AreaCell> cells;
  uint64_t total = 0;  // N: the weights of a cell add up to it
  uint32_t full = 0;   // what a cell takes of a pixel wholly inside it
};

AreaAxis area_axis(int64_t source, int64_t output);
// Whether the sums of a resize stay within 64 bits, and those of a column within 32.
bool area_fits(int64_t width, int64_t height, int64_t out_width, int64_t out_height) noexcept;

class AreaResizer {
 public:
  AreaResizer(const fl_image& image, int64_t width, int64_t height);
  // Row y of the output, channels interleaved; valid until the next call. Rows in any order.
  const uint8_t* row(int64_t y);

 private:
  static constexpr int64_t kRows = 16;  // summed at a time

  void sum_rows(const AreaCell& cell);

  int64_t width_;
  int32_t channels_;
  size_t row_numbers_;  // in a row of the source
  bool halve_;
  ImageRows rows_;
  AreaAxis x_, y_;
  bool wide_;  // sums over an area need 64 bits
  AreaDivisor divisor_{};
  std::vector<uint32_t> sums_;
  std::vector<uint8_t> out_;
  int64_t single_ = -1;  // the source row that out_ shows, when it shows just one
};

}  // namespace fl
