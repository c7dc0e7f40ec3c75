#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "check.h"
#include "fastlabel/fastlabel.h"
#include "geometry/box_tree.h"
#include "geometry/nms.h"
#include "geometry/oriented.h"
#include "geometry/overlap.h"
#include "geometry/overlap_lists.h"
#include "geometry/size_grid.h"

namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();

// Places and sizes of many scales, copies that differ by little, and what cannot be measured.
std::vector<double> random_boxes(test::Random* r, int64_t n, double span) {
  std::vector<double> boxes;
  for (int64_t i = 0; i < n; ++i) {
    const double x = r->unit() * span;
    const double y = r->unit() * span;
    const double w = std::exp(r->unit() * 6 - 1);
    const double h = w * std::exp(r->unit() * 3 - 1.5);
    boxes.insert(boxes.end(), {x, y, x + w, y + h});
    if (i > 0 && r->below(3) == 0) {
      const auto from = size_t(4 * r->below(i));
      for (size_t k = 0; k < 4; ++k) {
        boxes[size_t(4 * i) + k] = boxes[from + k] + (r->below(2) == 0 ? r->unit() : 0);
      }
    }
    if (r->below(40) == 0) boxes[size_t(4 * i + r->below(4))] = r->below(2) == 0 ? kNan : -kInf;
  }
  return boxes;
}

std::vector<double> random_scores(test::Random* r, int64_t n) {
  std::vector<double> scores;
  for (int64_t i = 0; i < n; ++i) scores.push_back(double(r->below(50)) / 50 - 0.2);
  return scores;
}

double iou(const double* a, const double* b) {
  if (!fl::measurable(a) || !fl::measurable(b)) return 0;
  return fl::iou_of(a, fl::area_of(a), b, fl::area_of(b));
}

// Every row with every better kept one.
std::vector<int64_t> greedy(const std::vector<double>& boxes, const std::vector<double>& scores,
                            const int64_t* classes, double threshold) {
  std::vector<int64_t> order;
  for (size_t i = 0; i < scores.size(); ++i) order.push_back(int64_t(i));
  std::stable_sort(order.begin(), order.end(),
                   [&](int64_t a, int64_t b) { return scores[size_t(a)] > scores[size_t(b)]; });
  std::vector<int64_t> kept;
  for (const int64_t i : order) {
    const bool covered = std::any_of(kept.begin(), kept.end(), [&](int64_t k) {
      return (classes == nullptr || classes[k] == classes[i]) &&
             iou(&boxes[size_t(4 * k)], &boxes[size_t(4 * i)]) > threshold;
    });
    if (!covered) kept.push_back(i);
  }
  return kept;
}

fl_boxes view(const std::vector<double>& boxes) {
  return {boxes.data(), int64_t(boxes.size() / 4), 32, 8, FL_FLOAT64, FL_XYXY};
}

void nms_is_the_greedy_search() {
  test::Random r(3);
  for (int round = 0; round < 40; ++round) {
    const int64_t n = round % 2 == 0 ? r.below(220) : 200 + r.below(900);
    const std::vector<double> boxes = random_boxes(&r, n, round % 3 == 0 ? 60 : 900);
    const std::vector<double> scores = random_scores(&r, n);
    std::vector<int64_t> classes;
    for (int64_t i = 0; i < n; ++i) classes.push_back(r.below(3) - 1);
    const fl_boxes rows = view(boxes);
    for (const double threshold : {0.0, 0.02, 0.2, 0.5, 0.77, 0.95, 1.0}) {
      for (const int64_t* c : {static_cast<const int64_t*>(nullptr),
                               static_cast<const int64_t*>(classes.data())}) {
        std::vector<int64_t> keep(static_cast<size_t>(n));
        int64_t kept = -1;
        CHECK(fl_nms(&rows, scores.data(), c, threshold, keep.data(), &kept) == FL_OK);
        keep.resize(size_t(kept));
        CHECK(keep == greedy(boxes, scores, c, threshold));
      }
    }
  }
}

// What an index hands out holds every partner, and no box twice.
template <typename Index>
void index_finds_all(Index* index, const std::vector<double>& boxes, double threshold) {
  const auto n = int64_t(boxes.size() / 4);
  std::vector<int> seen(static_cast<size_t>(n));
  for (int64_t i = 0; i < n; ++i) {
    const double* b = &boxes[size_t(4 * i)];
    if (!fl::measurable(b)) continue;
    std::fill(seen.begin(), seen.end(), 0);
    index->visit(b, [&](const fl::IndexedBox& e) {
      ++seen[size_t(e.id)];
      return false;
    });
    for (int64_t j = 0; j < i; ++j) {
      CHECK(seen[size_t(j)] <= 1);
      if (iou(&boxes[size_t(4 * j)], b) > threshold) CHECK(seen[size_t(j)] == 1);
    }
    index->insert(b, i);
  }
}

void indices_find_all() {
  test::Random r(5);
  for (int round = 0; round < 6; ++round) {
    const std::vector<double> boxes = random_boxes(&r, 500, round % 2 == 0 ? 50 : 500);
    fl::BoxTree tree;
    index_finds_all(&tree, boxes, 0);
    for (const double threshold : {fl::SizeGrid::kLeast, 0.3, 0.5, 0.75, 0.9, 0.99, 0.99999}) {
      fl::SizeGrid grid(threshold);
      index_finds_all(&grid, boxes, threshold);
    }
  }
}

void views_are_read_as_they_are() {
  // float32, every second row, columns apart, not aligned, centre and size.
  test::Random r(7);
  const int64_t n = 300;
  std::vector<double> boxes;
  std::vector<unsigned char> bytes(size_t(n * 48 + 1));
  const std::vector<double> scores = random_scores(&r, n);
  for (int64_t i = 0; i < n; ++i) {
    const float c[4] = {float(r.below(400)), float(r.below(400)), float(2 * r.below(40)),
                        float(2 * r.below(40))};
    for (int64_t k = 0; k < 4; ++k) {
      std::memcpy(&bytes[size_t(1 + i * 48 + k * 12)], &c[k], 4);
    }
    boxes.insert(boxes.end(), {c[0] - c[2] / 2, c[1] - c[3] / 2, c[0] + c[2] / 2, c[1] + c[3] / 2});
  }
  const fl_boxes rows = {&bytes[1], n, 48, 12, FL_FLOAT32, FL_CXCYWH};
  std::vector<int64_t> keep(static_cast<size_t>(n));
  int64_t kept = 0;
  CHECK(fl_nms(&rows, scores.data(), nullptr, 0.3, keep.data(), &kept) == FL_OK);
  keep.resize(size_t(kept));
  CHECK(keep == greedy(boxes, scores, nullptr, 0.3));
  // And from the last row to the first.
  const fl_boxes back = {boxes.data() + 4 * (n - 1), n, -32, 8, FL_FLOAT64, FL_XYXY};
  std::vector<double> reversed;
  for (int64_t i = n; i-- > 0;) {
    reversed.insert(reversed.end(), &boxes[size_t(4 * i)], &boxes[size_t(4 * i)] + 4);
  }
  keep.resize(size_t(n));
  CHECK(fl_nms(&back, scores.data(), nullptr, 0.3, keep.data(), &kept) == FL_OK);
  keep.resize(size_t(kept));
  CHECK(keep == greedy(reversed, scores, nullptr, 0.3));
}

void groups_follow_suppression() {
  test::Random r(9);
  const int64_t n = 600;
  const std::vector<double> boxes = random_boxes(&r, n, 200);
  const std::vector<double> scores = random_scores(&r, n);
  const fl_boxes rows = view(boxes);
  std::vector<double> merged(size_t(4 * n));
  std::vector<int64_t> best(static_cast<size_t>(n)), group(static_cast<size_t>(n));
  int64_t groups = 0;
  CHECK(fl_non_max_merge(&rows, scores.data(), nullptr, FL_IOU, 0.4, merged.data(), best.data(),
                         group.data(), &groups) == FL_OK);
  best.resize(size_t(groups));
  const auto kept = greedy(boxes, scores, nullptr, 0.4);
  CHECK(best == kept);
  for (int64_t i = 0; i < n; ++i) {
    const double* b = &boxes[size_t(4 * i)];
    const int64_t g = group[size_t(i)];
    if (kept[size_t(g)] == i) continue;
    CHECK(iou(&boxes[size_t(4 * kept[size_t(g)])], b) > 0.4);
    for (int64_t better = 0; better < g; ++better) {
      const bool before = scores[size_t(kept[size_t(better)])] > scores[size_t(i)] ||
                          (scores[size_t(kept[size_t(better)])] == scores[size_t(i)] &&
                           kept[size_t(better)] < i);
      CHECK(!before || iou(&boxes[size_t(4 * kept[size_t(better)])], b) <= 0.4);
    }
    const double* m = &merged[size_t(4 * g)];
    CHECK(m[0] <= b[0] && m[1] <= b[1] && m[2] >= b[2] && m[3] >= b[3]);
  }
}

void oriented_boxes() {
  const double half_turn = 3.141592653589793;
  const double a[10] = {0, 0, 2, 2, 0, 1, 0, 2, 2, 0};
  const double b[10] = {0, 0, 2, 2, half_turn / 4, 1e6, 0, 2, 2, 0};
  double out[4];
  CHECK(fl_obb_iou(a, 2, b, 2, out) == FL_OK);
  CHECK(std::abs(out[0] - std::sqrt(0.5)) < 1e-15);
  CHECK(out[1] == 0 && out[3] == 0);
  CHECK(fl_obb_iou_aligned(a, a, 2, out) == FL_OK && out[0] == 1 && out[1] == 1);
  CHECK(fl_obb_iou(a, 1, a + 5, 1, out) == FL_OK && std::abs(out[0] - 1.0 / 3) < 1e-15);
  const double bad[5] = {0, 0, 1, 1, kInf};
  CHECK(fl_obb_iou(bad, 1, bad, 1, out) == FL_OK && out[0] == 0);
  double corners[16], back[10];
  CHECK(fl_obb_to_corners(b, 2, corners) == FL_OK);
  CHECK(fl_obb_from_corners(corners, 2, back) == FL_OK);
  for (int k = 0; k < 10; ++k) CHECK(std::abs(back[k] - b[k]) < 1e-9);
}

void refused() {
  const std::vector<double> boxes = {0, 0, 1, 1, 0, 0, 1, 1};
  const fl_boxes rows = view(boxes);
  const double scores[] = {0.5, 0.4};
  const double unranked[] = {0.1, kNan};
  int64_t keep[2], count = 7;
  double out[8];
  CHECK(fl_nms(&rows, scores, nullptr, 0.5, keep, &count) == FL_OK && count == 1);
  count = 7;
  CHECK(fl_nms(nullptr, scores, nullptr, 0.5, keep, &count) == FL_ERROR_ARGUMENT);
  CHECK(fl_nms(&rows, unranked, nullptr, 0.5, keep, &count) == FL_ERROR_ARGUMENT);
  CHECK(fl_nms(&rows, nullptr, nullptr, 0.5, keep, &count) == FL_ERROR_ARGUMENT);
  CHECK(fl_nms(&rows, scores, nullptr, 1.5, keep, &count) == FL_ERROR_ARGUMENT);
  CHECK(fl_nms(&rows, scores, nullptr, kNan, keep, &count) == FL_ERROR_ARGUMENT);
  CHECK(fl_nms(&rows, scores, nullptr, 0.5, nullptr, &count) == FL_ERROR_ARGUMENT);
  CHECK(fl_nms(&rows, scores, nullptr, 0.5, keep, nullptr) == FL_ERROR_ARGUMENT);
  fl_boxes wrong = rows;
  wrong.dtype = FL_INT32;
  CHECK(fl_nms(&wrong, scores, nullptr, 0.5, keep, &count) == FL_ERROR_ARGUMENT);
  wrong = rows;
  wrong.n = INT64_MAX;
  CHECK(fl_nms(&wrong, scores, nullptr, 0.5, keep, &count) == FL_ERROR_OVERFLOW);
  wrong.n = -1;
  CHECK(fl_nms(&wrong, scores, nullptr, 0.5, keep, &count) == FL_ERROR_ARGUMENT);
  const fl_boxes none = {nullptr, 0, 0, 0, FL_FLOAT64, FL_XYXY};
  CHECK(count == 7);
  CHECK(fl_nms(&none, nullptr, nullptr, 0.5, nullptr, &count) == FL_OK && count == 0);
  CHECK(fl_soft_nms(&rows, scores, nullptr, 9, 0.5, 0.5, 0, keep, out, &count) ==
        FL_ERROR_ARGUMENT);
  CHECK(fl_soft_nms(&rows, scores, nullptr, FL_DECAY_LINEAR, 0.5, 0, 0, keep, out, &count) ==
        FL_ERROR_ARGUMENT);
  const double negative[] = {0.5, -1};
  CHECK(fl_soft_nms(&rows, negative, nullptr, FL_DECAY_LINEAR, 0.5, 0.5, 0, keep, out, &count) ==
        FL_ERROR_ARGUMENT);
  // Equal boxes: infinity times 1 - 1 is NaN, which no threshold ends.
  const double endless[] = {kInf, kInf};
  CHECK(fl_soft_nms(&rows, endless, nullptr, FL_DECAY_LINEAR, 0.5, 0.5, 0, keep, out, &count) ==
        FL_ERROR_ARGUMENT);
  // Each stride fits 64 bits by itself, not both together; rows that step out of them.
  wrong = rows;
  wrong.row_stride = INT64_MAX / 2;
  wrong.column_stride = INT64_MAX / 4;
  CHECK(fl_nms(&wrong, scores, nullptr, 0.5, keep, &count) == FL_ERROR_OVERFLOW);
  wrong.row_stride = INT64_MAX - 8;
  CHECK(fl_nms(&wrong, scores, nullptr, 0.5, keep, &count) == FL_ERROR_OVERFLOW);
  CHECK(fl_non_max_merge(&rows, scores, nullptr, FL_GIOU, 0.5, out, keep, keep, &count) ==
        FL_ERROR_ARGUMENT);
  const int64_t models[] = {0, 1};
  const double weights[] = {1, 0};
  fl_fusion_options options = {sizeof options, FL_AVERAGE, 0, 0.5, 0};
  CHECK(fl_weighted_boxes_fusion(&rows, scores, nullptr, models, weights, 2, &options, out, out,
                                 keep, &count) == FL_ERROR_ARGUMENT);
  CHECK(fl_weighted_boxes_fusion(&rows, scores, nullptr, models, weights, 1, &options, out, out,
                                 keep, &count) == FL_ERROR_ARGUMENT);
  options.struct_size = sizeof(size_t) - 1;
  CHECK(fl_weighted_boxes_fusion(&rows, scores, nullptr, models, scores, 2, &options, out, out,
                                 keep, &count) == FL_ERROR_ARGUMENT);
  CHECK(fl_obb_iou(out, INT64_MAX, out, 2, out) == FL_ERROR_OVERFLOW);
  CHECK(fl_obb_iou(out, -1, out, 2, out) == FL_ERROR_ARGUMENT);
  CHECK(fl_obb_iou(nullptr, 1, out, 1, out) == FL_ERROR_ARGUMENT);
  CHECK(fl_obb_nms(out, unranked, nullptr, 2, 0.5, keep, &count) == FL_ERROR_ARGUMENT);
}

void matching() {
  const std::vector<double> boxes = {0, 0, 10, 10, 1, 0, 11, 10};
  const fl_boxes predictions = view(boxes);
  fl_boxes labels = view(boxes);
  labels.n = 1;
  const int64_t two[] = {0, 2};
  const int64_t one[] = {0, 1};
  const double scores[] = {0.8, 0.9};
  const double thresholds[] = {0.5, 0.9};
  fl_match_input in = {};
  in.struct_size = sizeof in;
  in.predictions = &predictions;
  in.prediction_offsets = two;
  in.scores = scores;
  in.labels = &labels;
  in.label_offsets = one;
  in.images = 1;
  in.thresholds = thresholds;
  in.n_thresholds = 2;
  int64_t match[4], taken[2];
  uint8_t ignored[4];
  CHECK(fl_match_coco(&in, match, ignored, taken) == FL_OK);
  CHECK(match[0] == -1 && match[1] == 0 && match[2] == 0 && match[3] == -1);
  CHECK(taken[0] == 1 && taken[1] == 0);
  in.max_predictions = 1;
  CHECK(fl_match_coco(&in, match, ignored, taken) == FL_OK);
  CHECK(match[2] == -1 && ignored[0] == 1 && ignored[1] == 0);
  // What is not finite matches nothing, not even its equal; nor do areas that are not.
  for (const double far : {kInf, 1e200}) {
    const std::vector<double> wide = {0, 0, far, far, 0, 0, far, far};
    const fl_boxes endless = view(wide);
    fl_boxes its_equal = endless;
    its_equal.n = 1;
    fl_match_input other = in;
    other.predictions = &endless;
    other.labels = &its_equal;
    CHECK(fl_match_coco(&other, match, ignored, taken) == FL_OK);
    CHECK(taken[0] == -1 && taken[1] == -1);
  }
  CHECK(fl_match_coco(nullptr, match, ignored, taken) == FL_ERROR_ARGUMENT);
  in.label_offsets = two;
  CHECK(fl_match_coco(&in, match, ignored, taken) == FL_ERROR_ARGUMENT);
  in.label_offsets = one;
  labels.format = FL_XYWH;
  CHECK(fl_match_coco(&in, match, ignored, taken) == FL_ERROR_ARGUMENT);
  labels.format = FL_XYXY;
  in.n_thresholds = -1;
  CHECK(fl_match_coco(&in, match, ignored, taken) == FL_ERROR_ARGUMENT);
}

// Every pair over the threshold once, under the worse of the two; or a refusal.
void lists_hold_every_pair() {
  test::Random r(15);
  int found = 0;
  for (int round = 0; round < 60; ++round) {
    const int64_t n = r.below(round % 3 == 0 ? 20 : 700);
    std::vector<double> boxes = random_boxes(&r, n, 200 + double(round) * 60);
    if (n > 0 && round % 5 == 0) {  // so far away that all others are one place
      const double far[4] = {1e150, -1e150, 2e150, 1e150};
      std::copy_n(far, 4, &boxes[size_t(4 * r.below(n))]);
    }
    std::vector<int64_t> rows;  // some, in any order
    for (int64_t i = 0; i < n; ++i) rows.push_back(i);
    for (int64_t i = n - 1; i > 0; --i) std::swap(rows[size_t(i)], rows[size_t(r.below(i + 1))]);
    rows.resize(size_t(r.below(n + 1)));
    const auto count = int64_t(rows.size());
    for (const fl::Overlap overlap : {fl::Overlap::iou, fl::Overlap::ios}) {
      for (const double threshold : {0.0, 0.4, 0.9}) {
        fl::OverlapLists lists;
        if (!fl::find_overlaps(boxes.data(), rows.data(), count, overlap, threshold, &lists)) {
          continue;
        }
        ++found;
        CHECK(lists.starts.size() == size_t(count + 1) && lists.starts[0] == 0);
        for (int64_t k = 0; k < count; ++k) {
          const double* b = &boxes[size_t(4 * rows[size_t(k)])];
          std::vector<uint32_t> expected;
          for (int64_t j = 0; j < k; ++j) {
            const double* a = &boxes[size_t(4 * rows[size_t(j)])];
            if (fl::measurable(a) && fl::measurable(b) &&
                fl::overlap_of(overlap, a, fl::area_of(a), b, fl::area_of(b)) > threshold) {
              expected.push_back(uint32_t(j));
            }
          }
          std::vector<uint32_t> listed(lists.before.begin() + lists.starts[size_t(k)],
                                       lists.before.begin() + lists.starts[size_t(k + 1)]);
          std::sort(listed.begin(), listed.end());
          CHECK(listed == expected);
        }
      }
    }
  }
  CHECK(found > 100);
  // All in one place: as many pairs as there can be.
  std::vector<double> same;
  std::vector<int64_t> rows;
  for (int64_t i = 0; i < 4000; ++i) {
    same.insert(same.end(), {0, 0, 10, 10});
    rows.push_back(i);
  }
  fl::OverlapLists lists;
  CHECK(!fl::find_overlaps(same.data(), rows.data(), 4000, fl::Overlap::iou, 0.5, &lists));
}

}  // namespace

int main() {
  lists_hold_every_pair();
  nms_is_the_greedy_search();
  indices_find_all();
  views_are_read_as_they_are();
  groups_follow_suppression();
  oriented_boxes();
  matching();
  refused();
  return test::finish("suppress");
}
