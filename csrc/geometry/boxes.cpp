#include "geometry/boxes.h"

#include <algorithm>
#include <cmath>

namespace fl {

namespace {

bool usable(const double* b) noexcept {
  return std::isfinite(b[0]) && std::isfinite(b[1]) && std::isfinite(b[2]) &&
         std::isfinite(b[3]) && b[2] > b[0] && b[3] > b[1];
}

double area(const double* b) noexcept { return (b[2] - b[0]) * (b[3] - b[1]); }

// The pairs of one group by a sweep along x. IoU >= t needs the overlap's width to be at
// least t times either width, so x1 of the partner lies within (1 - t) / t of this box's own
// width: the window is local, whatever the widths of the others.
void pairs_of_group(const double* boxes, int64_t begin, int64_t end, double threshold,
                    int64_t max_per_box, std::vector<int64_t>* order,
                    std::vector<int64_t>* partners, std::vector<fl_pair>* out) {
  order->clear();
  for (int64_t i = begin; i < end; ++i) {
    if (usable(boxes + 4 * i)) order->push_back(i);
  }
  std::sort(order->begin(), order->end(), [boxes](int64_t a, int64_t b) {
    const double xa = boxes[4 * a];
    const double xb = boxes[4 * b];
    return xa < xb || (xa == xb && a < b);
  });
  partners->assign(static_cast<size_t>(end - begin), 0);
  const double reach = (1 - threshold) / threshold;
  for (size_t k = 0; k < order->size(); ++k) {
    const int64_t j = (*order)[k];
    const double* b = boxes + 4 * j;
    // A hair wider than exact arithmetic needs, so that rounding cannot lose a pair.
    const double lowest = b[0] - reach * (b[2] - b[0]) * (1 + 1e-9) - 1e-9;
    for (size_t m = k; m-- > 0;) {
      const int64_t i = (*order)[m];
      const double* a = boxes + 4 * i;
      if (a[0] < lowest) break;
      int64_t& count = (*partners)[static_cast<size_t>(std::max(i, j) - begin)];
      if (max_per_box > 0 && count >= max_per_box) {
        if (std::max(i, j) == j) break;  // this box has all the partners it may name
        continue;
      }
      const double value = iou(a, b);
      if (value < threshold) continue;
      out->push_back({std::min(i, j), std::max(i, j), value});
      ++count;
    }
  }
}

}  // namespace

double iou(const double* a, const double* b) noexcept {
  if (!usable(a) || !usable(b)) return 0;
  const double w = std::min(a[2], b[2]) - std::max(a[0], b[0]);
  const double h = std::min(a[3], b[3]) - std::max(a[1], b[1]);
  if (w <= 0 || h <= 0) return 0;
  const double overlap = w * h;
  // Sides whose product leaves the range of a double have no IoU that could be told.
  const double either = area(a) + area(b) - overlap;
  return either > 0 && std::isfinite(either) ? overlap / either : 0;
}

void box_iou(const double* a, int64_t n, const double* b, int64_t m, double* out) noexcept {
  for (int64_t i = 0; i < n; ++i) {
    for (int64_t j = 0; j < m; ++j) out[i * m + j] = iou(a + 4 * i, b + 4 * j);
  }
}

std::vector<fl_pair> box_pairs(const double* boxes, const int64_t* offsets, int64_t groups,
                               double threshold, int64_t max_per_box) {
  std::vector<fl_pair> pairs;
  std::vector<int64_t> order;
  std::vector<int64_t> partners;
  for (int64_t g = 0; g < groups; ++g) {
    pairs_of_group(boxes, offsets[g], offsets[g + 1], threshold, max_per_box, &order, &partners,
                   &pairs);
  }
  std::sort(pairs.begin(), pairs.end(), [](const fl_pair& p, const fl_pair& q) {
    return p.i < q.i || (p.i == q.i && p.j < q.j);
  });
  return pairs;
}

}  // namespace fl
