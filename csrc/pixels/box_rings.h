// What surrounds each box: sums, gradients and a coarse histogram of the ring around it, from the
// rows as they pass by.
#pragma once

#include <cstdint>
#include <vector>

#include "fastlabel/fastlabel.h"
#include "pixels/row_kernels.h"

namespace fl {

struct PixelBox;

class BoxRings {
 public:
  void reset(const std::vector<PixelBox>& boxes, int64_t width, int64_t height);
  // Rows y .. y + count - 1 are rows[1] .. rows[count]; their neighbours stand around them.
  // count is at most 16.
  void add_rows(int64_t y, int64_t count, const uint8_t* const* rows);
  // Writes the ring of box i into its row. Every row that is to come has come.
  void finish(size_t i, double noise_sigma, fl_box_row* row);

 private:
  static constexpr size_t kBins = 64;

  struct Item {
    int32_t x0 = 0, y0 = 0, x1 = 0, y1 = 0;          // the box
    int32_t left = 0, top = 0, right = 0, bottom = 0;  // the box grown, inside the picture
    int32_t slot = -1;                                 // of its histogram, while rows come
    int64_t pixels = 0;
    RowSums sums;
    double entropy = 0;
  };

  void add_part(Item* item, int64_t y, int64_t from, int64_t to, int32_t x0, int32_t x1,
                const uint8_t* const* rows);
  void close(Item* item);

  std::vector<Item> items_;
  std::vector<int32_t> by_top_, active_, free_;
  std::vector<uint32_t> counts_;  // kBins of each slot
  size_t next_ = 0;
};

}  // namespace fl
