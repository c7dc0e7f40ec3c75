// Which index serves a set of boxes while it grows: the choice changes the time only. Pairs among
// boxes that are all known have an index of their own (box_index.h).
#pragma once

#include <algorithm>
#include <cstdint>

#include "geometry/box_tree.h"
#include "geometry/size_grid.h"

namespace fl {

// Calls body with an empty index that finds, for the measurable boxes among these rows, at least
// the partners with an IoU above the threshold. 0: all that intersect.
template <typename Body>
void with_index(const double* boxes, const int64_t* rows, int64_t n, double threshold,
                Body body) {
  const bool by_size = threshold >= SizeGrid::kLeast &&
                       std::all_of(rows, rows + n, [boxes](int64_t i) {
                         return ordinary(boxes + 4 * i) || !measurable(boxes + 4 * i);
                       });
  if (by_size) {
    SizeGrid grid(threshold);
    body(grid);
  } else {
    BoxTree tree;
    body(tree);
  }
}

}  // namespace fl
