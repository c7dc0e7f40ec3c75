// What a box and its surroundings look like along x and along y: mean luma and mean gradient in
// FL_PROFILE_BINS strips across and down, from the rows as they pass by.
//
// A strip is a sixteenth of the box; four more lie on each side of it. Rows are sampled (at most
// 31 for the columns of a box), so the cost of a large box grows with its width alone.
#pragma once

#include <cstdint>
#include <vector>

#include "fastlabel/fastlabel.h"

namespace fl {

struct PixelBox;

class BoxProfiles {
 public:
  void reset(const std::vector<PixelBox>& boxes, int64_t width);
  // Rows y .. y + count - 1 are rows[1] .. rows[count]; their neighbours stand around them.
  void add_rows(int64_t y, int64_t count, const uint8_t* const* rows);
  // Profile of box i of a picture of `rows` rows; false where it has none: a box with a side
  // under 8 pixels (or over a million), below the last row, or among more boxes than there is
  // memory for.
  bool finish(size_t i, int64_t rows, uint8_t* out) const;

 private:
  static constexpr int32_t kBins = FL_PROFILE_BINS;

  struct Item {
    int32_t x0 = 0, y0 = 0, x1 = 0, y1 = 0;
    int32_t left = 0, right = 0;  // columns that are summed, inside the picture
    int32_t top = 0, bottom = 0;  // rows that are looked at; top may be above the picture
    int32_t step = 1;          // from one sampled row to the next
    int64_t next_inside = 0, next_row = 0;  // next rows for the columns, and for the rows
    int32_t column_rows = 0;   // rows in the columns' sums
    int32_t bin = 0, bin_end = 0;  // first strip of rows that is not over yet, and its end
    size_t columns = 0;        // where the columns' sums begin
    uint64_t luma[FL_PROFILE_BINS] = {}, gradient[FL_PROFILE_BINS] = {};
    int32_t rows[FL_PROFILE_BINS] = {};
  };

  void add_to_columns(Item* item, const uint8_t* row);
  void add_row(Item* item, const uint8_t* above, const uint8_t* row, const uint8_t* below);

  std::vector<Item> items_;
  std::vector<int32_t> by_top_, active_;
  size_t next_ = 0;
  int64_t width_ = 0;
  std::vector<uint16_t> columns_;  // of each box: luma, then gradient
};

}  // namespace fl
