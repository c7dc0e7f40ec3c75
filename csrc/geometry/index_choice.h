// Which index serves a set of boxes while it grows: the choice changes the time only. Pairs among
// boxes that are all known have an index of their own (box_index.h).
#pragma once

#include <algorithm>
#include <cstdint>

#include "geometry/box_tree.h"
#include "geometry/size_grid.h"

namespace fl {

// No index: so few boxes are all looked at sooner than found.
class BoxList {
 public:
  static constexpr int64_t kMost = 24;

  void insert(const double* box, int64_t id) noexcept {
    boxes_[size_++] = {{box[0], box[1], box[2], box[3]}, area_of(box), id};
  }

  template <typename Visit>
  bool visit(const double*, Visit visit) const {
    for (size_t k = 0; k < size_; ++k) {
      if (visit(boxes_[k])) return true;
    }
    return false;
  }

 private:
  IndexedBox boxes_[kMost];
  size_t size_ = 0;
};

// Calls body with an empty index that finds, for the measurable boxes among these rows, at least
// the partners with an IoU above the threshold. 0: all that intersect. Each row goes in at most
// once.
template <typename Body>
void with_index(const double* boxes, const int64_t* rows, int64_t n, double threshold,
                Body body) {
  if (n <= BoxList::kMost) {
    BoxList list;
    body(list);
    return;
  }
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
