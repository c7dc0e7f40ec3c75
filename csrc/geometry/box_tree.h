// Boxes that intersect a box, among boxes of any sizes: trees of bounding boxes, each twice the
// size of the one before it, so that a box put in is sorted again a few times only.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/big_vector.h"
#include "geometry/overlap.h"

namespace fl {

class BoxTree {
 public:
  // A measurable box.
  void insert(const double* box, int64_t id);

  // Calls visit for every box in here that intersects this one, until it returns true. Returns
  // whether it did.
  template <typename Visit>
  bool visit(const double* box, Visit visit) const;

 private:
  static constexpr size_t kWaiting = 64;  // boxes of the smallest tree
  static constexpr size_t kLeaf = 8;

  struct Node {
    double box[4];
  };
  // A full binary tree: the children of node k are 2 k and 2 k + 1, the root is 1.
  struct Tree {
    BigVector<IndexedBox> boxes;  // leaf by leaf; none: no tree
    BigVector<Node> nodes;
  };

  static bool meet(const double* a, const double* b) noexcept {
    return a[0] < b[2] && b[0] < a[2] && a[1] < b[3] && b[1] < a[3];
  }
  static void build(Tree* tree, size_t node, size_t begin, size_t end);

  template <typename Visit>
  static bool visit_tree(const Tree& tree, const double* box, Visit& visit);

  BigVector<IndexedBox> waiting_;
  BigVector<Tree> trees_;
};

template <typename Visit>
bool BoxTree::visit_tree(const Tree& tree, const double* box, Visit& visit) {
  const size_t leaves = tree.boxes.size() / kLeaf;
  size_t open[64];
  int count = 0;
  open[count++] = 1;
  while (count > 0) {
    const size_t node = open[--count];
    if (!meet(tree.nodes[node].box, box)) continue;
    if (node < leaves) {
      open[count++] = 2 * node + 1;
      open[count++] = 2 * node;
      continue;
    }
    const IndexedBox* leaf = tree.boxes.data() + (node - leaves) * kLeaf;
    for (size_t k = 0; k < kLeaf; ++k) {
      if (meet(leaf[k].box, box) && visit(leaf[k])) return true;
    }
  }
  return false;
}

template <typename Visit>
bool BoxTree::visit(const double* box, Visit visit) const {
  for (const IndexedBox& other : waiting_) {
    if (meet(other.box, box) && visit(other)) return true;
  }
  for (const Tree& tree : trees_) {
    if (!tree.boxes.empty() && visit_tree(tree, box, visit)) return true;
  }
  return false;
}

}  // namespace fl
