// Pairs over a threshold, ragged batches and best matches against the plain definition.
#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "check.h"
#include "core/dispatch.h"
#include "fastlabel/fastlabel.h"
#include "geometry/box_sets.h"

namespace {

fl_status keep(void* context, const fl_pair* pairs, int64_t n) {
  auto* to = static_cast<std::vector<fl_pair>*>(context);
  to->insert(to->end(), pairs, pairs + n);
  return FL_OK;
}

bool equal(const std::vector<fl_pair>& a, const std::vector<fl_pair>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const fl_pair& p, const fl_pair& q) {
    return p.i == q.i && p.j == q.j && p.iou == q.iou;
  });
}

template <typename T>
fl_boxes view(const std::vector<T>& boxes) {
  const int64_t size = sizeof(T);
  return {boxes.data(), static_cast<int64_t>(boxes.size() / 4), 4 * size, size,
          sizeof(T) == 4 ? FL_FLOAT32 : FL_FLOAT64, FL_XYXY};
}

template <typename T>
std::vector<fl_pair> by_definition(const std::vector<T>& a, const std::vector<T>& b,
                                   const std::vector<int64_t>& offsets_a,
                                   const std::vector<int64_t>& offsets_b, double threshold,
                                   bool within) {
  std::vector<fl_pair> out;
  for (size_t g = 0; g + 1 < offsets_a.size(); ++g) {
    for (int64_t i = offsets_a[g]; i < offsets_a[g + 1]; ++i) {
      for (int64_t j = within ? i + 1 : offsets_b[g]; j < offsets_b[g + 1]; ++j) {
        const T value = fl::pair_iou(&a[size_t(4 * i)], &b[size_t(4 * j)]);
        if (value >= static_cast<T>(threshold)) out.push_back({i, j, static_cast<double>(value)});
      }
    }
  }
  return out;
}

// Scenes that are hard on an index.
template <typename T>
std::vector<T> scene(test::Random* r, int kind, int64_t n) {
  std::vector<T> boxes;
  const auto add = [&boxes](double x, double y, double w, double h) {
    for (const double v : {x, y, x + w, y + h}) boxes.push_back(static_cast<T>(v));
  };
  for (int64_t i = 0; i < n; ++i) {
    const double u = r->unit();
    const double v = r->unit();
    const double s = r->unit();
    const double q = r->unit();
    switch (kind) {
      case 0: add(u * 900, v * 900, 5 + s * 40, 5 + q * 40); break;            // plain
      case 1: add(100, v * 5000, 20 + s * 10, 20 + q * 10); break;             // one column
      case 2: add(u * 9, v * 900, 1000 + s * 100, 1 + q); break;               // long and thin
      case 3: add(u * 500, v * 500, std::exp2(s * 10), std::exp2(q * 10)); break;  // sizes 1 : 1000
      case 4: add(u < 0.5 ? 5 : 6, v < 0.5 ? 7 : 8, 10, 10); break;            // four places
      case 5: add(1e6 + u * 30, -1e6 + v * 30, 5 + s, 5 + q); break;           // far off
      case 6: add(std::floor(u * 300), std::floor(v * 300), 16, 8); break;     // on a raster
      case 7: add(u * 1e-21, v * 1e-21, 1e-20 * s, 1e-20 * q); break;          // areas lose digits
      case 8: add(u * 3e18, v * 3e18, 1e18 * s, 1e18 * q); break;              // sums of areas overflow
      default: add(u * 100, 0, 50 + s, q < 0.5 ? 50 : 1e-3); break;
    }
  }
  // Equal ones, empty ones and ones that are not finite among them.
  for (size_t i = 0; i + 8 < boxes.size(); i += 4 * 37) {
    std::copy_n(&boxes[i], 4, &boxes[i + 4]);
  }
  if (n > 3) boxes[4 * 3 + 2] = boxes[4 * 3];
  if (n > 5) boxes[4 * 5] = std::numeric_limits<T>::quiet_NaN();
  if (n > 6) boxes[4 * 6 + 3] = std::numeric_limits<T>::infinity();
  return boxes;
}

template <typename T>
void pairs_are_those_of_the_matrix() {
  test::Random r(1);
  for (int kind = 0; kind < 10; ++kind) {
    // Below and above the size from which on there is an index.
    for (const int64_t n : {0, 1, 40, 1100}) {
      const std::vector<T> a = scene<T>(&r, kind, n);
      const std::vector<T> b = scene<T>(&r, kind, n + n / 8);
      const int64_t m = static_cast<int64_t>(b.size() / 4);
      const std::vector<int64_t> rows = {0, 0, n / 100, n / 100, n};
      const std::vector<int64_t> columns = {0, m / 90, m / 90, m / 90, m};
      const int64_t groups = 4;
      for (const double threshold : {1e-60, 0.02, 0.3, 0.5, 0.7, 0.95, 1.0}) {
        const fl_boxes view_a = view(a);
        const fl_boxes view_b = view(b);
        std::vector<fl_pair> got;
        const double least =
            std::max(threshold, static_cast<double>(std::numeric_limits<T>::denorm_min()));
        CHECK(fl_box_pairs_between(&view_a, rows.data(), &view_b, columns.data(), groups, threshold,
                                   keep, &got) == FL_OK);
        CHECK(equal(got, by_definition(a, b, rows, columns, least, false)));
        got.clear();
        CHECK(fl_box_pairs_within(&view_b, columns.data(), groups, threshold, 0, keep, &got) ==
              FL_OK);
        const auto all = by_definition(b, b, columns, columns, least, true);
        CHECK(equal(got, all));
        got.clear();
        CHECK(fl_box_pairs_within(&view_b, columns.data(), groups, threshold, 2, keep, &got) ==
              FL_OK);
        // Some of all, sorted, as many of each later box as there are, but for the limit.
        std::vector<int64_t> limited(size_t(m), 0), whole(size_t(m), 0);
        for (const fl_pair& p : got) ++limited[size_t(p.j)];
        for (const fl_pair& p : all) ++whole[size_t(p.j)];
        bool right = true;
        for (size_t j = 0; j < size_t(m); ++j) right &= limited[j] == std::min<int64_t>(whole[j], 2);
        const auto before = [](const fl_pair& p, const fl_pair& q) {
          return p.i < q.i || (p.i == q.i && p.j < q.j);
        };
        right &= std::is_sorted(got.begin(), got.end(), before);
        right &= std::includes(all.begin(), all.end(), got.begin(), got.end(), before);
        CHECK(right);
      }
    }
  }
}

template <typename T>
void ragged_is_image_by_image() {
  test::Random r(2);
  for (int round = 0; round < 12; ++round) {
    std::vector<int64_t> rows = {0}, columns = {0};
    const int64_t groups = round == 0 ? 0 : 150;
    for (int64_t g = 0; g < groups; ++g) {
      // One image that fills tiles, the others small or empty.
      const bool large = g == 70 && round % 3 == 0;
      rows.push_back(rows.back() + (large ? 1500 : r.below(20)));
      columns.push_back(columns.back() + (large ? 1100 : r.below(20)));
    }
    const std::vector<T> a = scene<T>(&r, round % 2 == 0 ? 9 : 3, rows.back());
    const std::vector<T> b = scene<T>(&r, round % 2 == 0 ? 9 : 3, columns.back());
    const fl_boxes view_a = view(a);
    const fl_boxes view_b = view(b);
    std::vector<uint8_t> crowd;
    for (int64_t j = 0; j < columns.back(); ++j) crowd.push_back(static_cast<uint8_t>(r.below(2)));
    std::vector<int64_t> offsets(size_t(groups) + 1);
    CHECK(fl_ragged_sizes(rows.data(), columns.data(), groups, offsets.data()) == FL_OK);
    for (int32_t metric = FL_IOU; metric <= FL_CIOU + 1; ++metric) {
      fl_overlap_options options;
      CHECK(fl_overlap_options_init(&options, sizeof options) == FL_OK);
      options.metric = metric > FL_CIOU ? int32_t{FL_IOU} : metric;
      if (metric > FL_CIOU) {
        options.crowd = crowd.data();
        options.crowd_stride = 1;
      }
      std::vector<T> got(size_t(offsets.back()) + 1, T{5}), expected(got);
      CHECK(fl_ragged_iou(&view_a, rows.data(), &view_b, columns.data(), groups, &options,
                          got.data()) == FL_OK);
      for (size_t g = 0; g < size_t(groups); ++g) {
        const int64_t size = sizeof(T);
        fl_boxes one = view_a;
        fl_boxes other = view_b;
        one.data = a.data() + 4 * rows[g];
        one.n = rows[g + 1] - rows[g];
        other.data = b.data() + 4 * columns[g];
        other.n = columns[g + 1] - columns[g];
        fl_overlap_options here = options;
        if (here.crowd != nullptr) here.crowd += columns[g];
        CHECK(fl_box_matrix(&one, &other, &here, expected.data() + offsets[g], other.n * size,
                            size) == FL_OK);
      }
      CHECK(got == expected);
      if (metric > FL_IOS) continue;
      for (const double threshold : {0.0, 0.4}) {
        const size_t n = size_t(rows.back());
        std::vector<int64_t> index(n + 1, 77), best(n + 1, 77);
        std::vector<T> value(n + 1, T{7}), most(n + 1, T{7});
        CHECK(fl_ragged_best(&view_a, rows.data(), &view_b, columns.data(), groups, metric,
                             threshold, index.data(), value.data()) == FL_OK);
        std::vector<int64_t> counts(n + 1, 77), total(n + 1, 77);
        for (size_t g = 0; g < size_t(groups); ++g) {
          const T* row = got.data() + offsets[g];
          for (int64_t i = rows[g]; i < rows[g + 1]; ++i) {
            best[size_t(i)] = -1;
            most[size_t(i)] = 0;
            total[size_t(i)] = 0;
            for (int64_t j = columns[g]; j < columns[g + 1]; ++j, ++row) {
              total[size_t(i)] += *row >= T(0.4);
              if (!(*row > most[size_t(i)]) || *row < static_cast<T>(threshold)) continue;
              best[size_t(i)] = j;
              most[size_t(i)] = *row;
            }
          }
        }
        CHECK(index == best && value == most);
        if (metric != FL_IOU) continue;
        CHECK(fl_ragged_counts(&view_a, rows.data(), &view_b, columns.data(), groups, 0.4,
                               counts.data()) == FL_OK);
        CHECK(counts == total);
      }
    }
  }
}

void equal_boxes_do_not_explode() {
  const int64_t n = 50000;
  std::vector<double> boxes;
  for (int64_t i = 0; i < n; ++i) boxes.insert(boxes.end(), {0, 0, 10, 10});
  const std::vector<int64_t> offsets = {0, n};
  std::vector<fl_pair> found;
  const fl_boxes all = view(boxes);
  CHECK(fl_box_pairs_within(&all, offsets.data(), 1, 0.8, 4, keep, &found) == FL_OK);
  CHECK(found.size() <= size_t(4 * n));
  std::vector<int> partners(size_t(n), 0);
  for (const fl_pair& p : found) ++partners[size_t(p.j)];
  CHECK(*std::max_element(partners.begin(), partners.end()) == 4);
  CHECK(std::count(partners.begin() + 1, partners.end(), 0) == 0);
}

void the_sink_ends_the_search() {
  std::vector<double> boxes;
  for (int64_t i = 0; i < 3000; ++i) boxes.insert(boxes.end(), {0, 0, 10, 10});
  const std::vector<int64_t> offsets = {0, 3000};
  const fl_boxes all = view(boxes);
  int calls = 0;
  const auto refuse = [](void* context, const fl_pair*, int64_t) {
    ++*static_cast<int*>(context);
    return FL_ERROR_CANCELLED;
  };
  CHECK(fl_box_pairs_within(&all, offsets.data(), 1, 0.5, 0, refuse, &calls) ==
        FL_ERROR_CANCELLED);
  CHECK(fl_box_pairs_between(&all, offsets.data(), &all, offsets.data(), 1, 0.5, refuse, &calls) ==
        FL_ERROR_CANCELLED);
  CHECK(calls == 2);
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
  CHECK(fl_box_pairs(boxes, good, 1, 0.5, -1, out, 4, &count) == FL_ERROR_ARGUMENT);
  CHECK(fl_box_pairs(boxes, good, 1, std::nan(""), 0, out, 4, &count) == FL_ERROR_ARGUMENT);
  CHECK(fl_box_pairs(boxes, good, 1, 0.5, 0, nullptr, 4, &count) == FL_ERROR_ARGUMENT);
  CHECK(fl_box_pairs(nullptr, good, 1, 0.5, 0, out, 4, &count) == FL_ERROR_ARGUMENT);
}

}  // namespace

int main() {
  pairs_are_those_of_the_matrix<float>();
  pairs_are_those_of_the_matrix<double>();
  ragged_is_image_by_image<float>();
  ragged_is_image_by_image<double>();
  equal_boxes_do_not_explode();
  the_sink_ends_the_search();
  bad_arguments_are_refused();
  return test::finish("box_pairs");
}
