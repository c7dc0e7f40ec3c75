// Boxes cut by the windows of their pictures, many pictures at a time.
//
// The windows of nearly every picture are a grid: the same columns in every row. Then the
// windows that a box meets are a range of columns times a range of rows, found by two binary
// searches each; any other windows are looked up in a tree.
#pragma once

#include <cstdint>

#include "geometry/box_kernels.h"

namespace fl {

struct TileJob {
  BoxSource boxes;
  bool single;  // float32
  const int64_t* box_offsets;
  const int64_t* windows;
  const int64_t* window_offsets;
  const int64_t* sizes;  // or null
  int64_t pictures;
  int32_t workers;
};

// tile_offsets gets the counts, summed up; outcome may be null. May throw std::bad_alloc.
void count_tile_boxes(const TileJob& job, int64_t* tile_offsets, uint8_t* outcome);

// False, with the arrays partly written, where the offsets do not fit the job.
bool clip_tile_boxes(const TileJob& job, const int64_t* tile_offsets, int64_t* row,
                     double* corners, double* visible);

}  // namespace fl
