#include <algorithm>
#include <cmath>
#include <limits>

#include "check.h"
#include "fastlabel/fastlabel.h"
#include "geometry/boxes.h"

namespace {

std::vector<double> random_boxes(test::Random* r, int64_t n, double span) {
  std::vector<double> boxes;
  for (int64_t i = 0; i < n; ++i) {
    const double x = r->unit() * span;
    const double y = r->unit() * span;
    boxes.insert(boxes.end(), {x, y, x + r->unit() * 20, y + r->unit() * 20});
  }
  return boxes;
}

// Every pair, by the definition.
std::vector<fl_pair> all_pairs(const std::vector<double>& b, const std::vector<int64_t>& offsets,
                               double threshold) {
  std::vector<fl_pair> out;
  for (size_t g = 0; g + 1 < offsets.size(); ++g) {
    for (int64_t i = offsets[g]; i < offsets[g + 1]; ++i) {
      for (int64_t j = i + 1; j < offsets[g + 1]; ++j) {
        const double value = fl::iou(&b[size_t(4 * i)], &b[size_t(4 * j)]);
        if (value >= threshold) out.push_back({i, j, value});
      }
    }
  }
  return out;
}

void pairs_are_all_pairs() {
  test::Random r(1);
  for (int round = 0; round < 60; ++round) {
    const int64_t n = r.below(120);
    std::vector<double> boxes = random_boxes(&r, n, round % 3 == 0 ? 5 : 60);
    // Equal boxes, empty ones and ones that are not finite among them.
    for (int64_t i = 0; i + 1 < n; i += 7) std::copy_n(&boxes[size_t(4 * i)], 4, &boxes[size_t(4 * i + 4)]);
    if (n > 3) boxes[2] = boxes[0];
    if (n > 5) boxes[4 * 5] = std::numeric_limits<double>::quiet_NaN();
    const int64_t cut = n > 0 ? r.below(n) : 0;
    const std::vector<int64_t> offsets = {0, cut, cut, n};
    for (const double threshold : {0.05, 0.5, 0.8, 1.0}) {
      const auto expected = all_pairs(boxes, offsets, threshold);
      const auto found = fl::box_pairs(boxes.data(), offsets.data(), 3, threshold, 0);
      CHECK(found.size() == expected.size());
      const bool same = found.size() == expected.size() &&
                        std::equal(found.begin(), found.end(), expected.begin(),
                                   [](const fl_pair& a, const fl_pair& b) {
                                     return a.i == b.i && a.j == b.j && a.iou == b.iou;
                                   });
      CHECK(same);
    }
  }
}

void equal_boxes_do_not_explode() {
  const int64_t n = 50000;
  std::vector<double> boxes;
  for (int64_t i = 0; i < n; ++i) boxes.insert(boxes.end(), {0, 0, 10, 10});
  const std::vector<int64_t> offsets = {0, n};
  const auto found = fl::box_pairs(boxes.data(), offsets.data(), 1, 0.8, 4);
  CHECK(found.size() <= size_t(4 * n));
  std::vector<int> partners(size_t(n), 0);
  for (const fl_pair& p : found) ++partners[size_t(p.j)];
  CHECK(*std::max_element(partners.begin(), partners.end()) == 4);
  CHECK(std::count(partners.begin() + 1, partners.end(), 0) == 0);
}

void bad_arguments_are_refused() {
  const double boxes[8] = {0, 0, 1, 1, 0, 0, 1, 1};
  const int64_t good[] = {0, 2};
  const int64_t falling[] = {0, 2, 1};
  int64_t count = 0;
  fl_pair out[4];
  CHECK(fl_box_pairs(boxes, good, 1, 0.5, 0, out, 4, &count) == FL_OK && count == 1);
  CHECK(fl_box_pairs(boxes, good, 1, 0.5, 0, out, 0, &count) == FL_ERROR_CAPACITY && count == 1);
  CHECK(fl_box_pairs(boxes, falling, 2, 0.5, 0, out, 4, &count) == FL_ERROR_ARGUMENT);
  CHECK(fl_box_pairs(boxes, good, 1, 0.0, 0, out, 4, &count) == FL_ERROR_ARGUMENT);
  CHECK(fl_box_pairs(boxes, good, 1, std::nan(""), 0, out, 4, &count) == FL_ERROR_ARGUMENT);
  CHECK(fl_box_iou(boxes, INT64_MAX, boxes, 2, nullptr) == FL_ERROR_OVERFLOW);
  CHECK(fl_box_iou(boxes, -1, boxes, 2, nullptr) == FL_ERROR_ARGUMENT);
}

}  // namespace

int main() {
  pairs_are_all_pairs();
  equal_boxes_do_not_explode();
  bad_arguments_are_refused();
  return test::finish("geometry");
}
