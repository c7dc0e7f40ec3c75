#include "geometry/box_tree.h"

#include <algorithm>

namespace fl {

void BoxTree::build(Tree* tree, size_t node, size_t begin, size_t end) {
  IndexedBox* boxes = tree->boxes.data();
  Node bounds = {{boxes[begin].box[0], boxes[begin].box[1], boxes[begin].box[2],
                  boxes[begin].box[3]}};
  double low[2] = {0, 0};
  double high[2] = {0, 0};
  const auto centre = [](const IndexedBox& b, int axis) {
    return b.box[axis] / 2 + b.box[axis + 2] / 2;
  };
  for (size_t k = begin; k < end; ++k) {
    for (int axis = 0; axis < 2; ++axis) {
      bounds.box[axis] = std::min(bounds.box[axis], boxes[k].box[axis]);
      bounds.box[axis + 2] = std::max(bounds.box[axis + 2], boxes[k].box[axis + 2]);
      const double c = centre(boxes[k], axis);
      low[axis] = k == begin ? c : std::min(low[axis], c);
      high[axis] = k == begin ? c : std::max(high[axis], c);
    }
  }
  tree->nodes[node] = bounds;
  if (end - begin <= kLeaf) return;
  // Across the direction in which the centres lie apart the most.
  const int axis = high[0] / 2 - low[0] / 2 >= high[1] / 2 - low[1] / 2 ? 0 : 1;
  const size_t middle = begin + (end - begin) / 2;
  std::nth_element(boxes + begin, boxes + middle, boxes + end,
                   [&](const IndexedBox& a, const IndexedBox& b) {
                     return centre(a, axis) < centre(b, axis);
                   });
  build(tree, 2 * node, begin, middle);
  build(tree, 2 * node + 1, middle, end);
}

void BoxTree::insert(const double* box, int64_t id) {
  waiting_.push_back({{box[0], box[1], box[2], box[3]}, area_of(box), id});
  if (waiting_.size() < kWaiting) return;
  BigVector<IndexedBox> all;
  all.swap(waiting_);
  size_t level = 0;
  for (; level < trees_.size() && !trees_[level].boxes.empty(); ++level) {
    all.insert(all.end(), trees_[level].boxes.begin(), trees_[level].boxes.end());
    trees_[level] = {};
  }
  if (level == trees_.size()) trees_.emplace_back();
  Tree& tree = trees_[level];
  tree.boxes.swap(all);
  tree.nodes.resize(2 * tree.boxes.size() / kLeaf);
  build(&tree, 1, 0, tree.boxes.size());
  waiting_.reserve(kWaiting);
}

}  // namespace fl
