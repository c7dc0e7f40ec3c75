// The samples of two rows of MCUs, one below the other, for blocks whose grid lies elsewhere.
#pragma once

#include <cstdint>
#include <vector>

#include "codec/block_kernels.h"
#include "codec/coefficient_rows.h"

namespace fl {

// Where a component's blocks begin in the MCUs of its own grid: whole samples, and parts of one.
struct SampleShift {
  int64_t x = 0, y = 0;
  int64_t part_x = 0, of_x = 1, part_y = 0, of_y = 1;
};

class SampleRows {
 public:
  explicit SampleRows(const JpegFrame& frame);

  // The row that was below is now above.
  void add(const CoefficientRow& row);

  // The samples of block (y, x) of component c in the shifted grid, counted from the row above, or
  // from the one below. Parts of a sample are means by their distance, halves of two in turn up and
  // down. In place, or in `room` of 64; `stride` says how far its rows are apart.
  const uint8_t* block(int c, const SampleShift& shift, bool below, int64_t y, int64_t x,
                       uint8_t* room, size_t* stride) const noexcept;

 private:
  struct Plane {
    int64_t wide, high;  // blocks in a row of MCUs
    std::vector<uint8_t> samples;
  };
  std::vector<Plane> planes_;
};

}  // namespace fl
