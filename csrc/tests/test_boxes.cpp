// Every box kernel of every tier against its oracle, and the C ABI of boxes.
#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <iterator>
#include <limits>
#include <string>
#include <vector>

#include "check.h"
#include "core/dispatch.h"
#include "fastlabel/fastlabel.h"
#include "geometry/box_sets.h"

namespace {

constexpr size_t kLengths = 2 * 64 / sizeof(float) + 1;  // 0 to twice the widest vector

template <typename T>
constexpr T kNaN = std::numeric_limits<T>::quiet_NaN();
template <typename T>
constexpr T kInf = std::numeric_limits<T>::infinity();

// The kernel of type T.
#define OF(table, name)                      \
  [](const fl::BoxKernels& of) {             \
    if constexpr (sizeof(T) == 4) {          \
      return of.name##_f32;                  \
    } else {                                 \
      return of.name##_f64;                  \
    }                                        \
  }(table)

template <typename T>
bool same_bits(T a, T b) {
  return std::memcmp(&a, &b, sizeof a) == 0 || (std::isnan(a) && std::isnan(b));
}

// Boxes of every kind: most overlap, some are empty, reversed, not finite, huge or tiny.
template <typename T>
std::vector<T> all_sorts(test::Random* r, size_t n) {
  std::vector<T> boxes;
  for (size_t i = 0; i < n; ++i) {
    const T x = static_cast<T>(r->unit() * 20 - 10);
    const T y = static_cast<T>(r->unit() * 20 - 10);
    T box[4] = {x, y, x + static_cast<T>(r->unit() * 20), y + static_cast<T>(r->unit() * 20)};
    switch (r->below(24)) {
      case 0: box[2] = box[0]; break;
      case 1: std::swap(box[0], box[2]); break;
      case 2: box[r->below(4)] = kNaN<T>; break;
      case 3: box[r->below(4)] = r->below(2) ? kInf<T> : -kInf<T>; break;
      case 4: for (T& v : box) v *= std::numeric_limits<T>::max() / 64; break;
      case 5: for (T& v : box) v *= std::numeric_limits<T>::min(); break;
      case 6: std::swap(box[0], box[2]); std::swap(box[1], box[3]); break;
      case 7: box[0] = box[1] = -T{0}; break;
      case 8: if (i > 0) std::copy_n(&boxes[4 * i - 4], 4, box); break;
      case 9: box[2] = box[0]; box[3] = box[1]; break;
      default: break;
    }
    boxes.insert(boxes.end(), box, box + 4);
  }
  return boxes;
}

template <typename T>
fl::BoxSource dense(const std::vector<T>& boxes, int32_t format = FL_XYXY) {
  return {reinterpret_cast<const unsigned char*>(boxes.data()), 4 * sizeof(T), sizeof(T), format, 0};
}

template <typename T>
struct Columns {
  size_t n, capacity;
  std::vector<T> data;

  Columns(const fl::BoxKernels& kernels, const fl::BoxSource& from, size_t begin, size_t count,
          fl::BoxRule rule)
      : n(count), capacity(count + fl::kBoxPad + 3), data(fl::kBoxColumns * capacity, T{7}) {
    OF(kernels, pack)(&from, begin, count, rule, data.data(), capacity);
  }
  fl::BoxColumns<T> view() const { return {data.data(), capacity, n}; }
};

template <typename T>
void packing(const fl::BoxKernels& fast) {
  const fl::BoxKernels& plain = fl::oracle_box_kernels();
  test::Random r(1);
  for (size_t n = 0; n < kLengths; ++n) {
    const std::vector<T> boxes = all_sorts<T>(&r, n + 3);
    // Dense; every second number of a table, unaligned; backwards; columns of a transpose.
    std::vector<unsigned char> table(1 + (n + 3) * 9 * sizeof(T));
    for (size_t i = 0; i < 4 * (n + 3); ++i) {
      std::memcpy(&table[1 + (i / 4 * 9 + i % 4 * 2) * sizeof(T)], &boxes[i], sizeof(T));
    }
    std::vector<T> turned(boxes.size());
    for (size_t i = 0; i < boxes.size(); ++i) turned[i % 4 * (n + 3) + i / 4] = boxes[i];
    const ptrdiff_t size = sizeof(T);
    for (const int32_t format : {FL_XYXY, FL_XYWH, FL_CXCYWH}) {
      const fl::BoxSource sources[] = {
          dense(boxes, format),
          {&table[1], 9 * size, 2 * size, format, 0},
          {reinterpret_cast<const unsigned char*>(&boxes[4 * (n + 2)]), -4 * size, size, format, 0},
          {reinterpret_cast<const unsigned char*>(turned.data()), size,
           static_cast<ptrdiff_t>(n + 3) * size, format, 0}};
      for (const fl::BoxSource& source : sources) {
        for (const fl::BoxRule rule :
             {fl::BoxRule::kOverlap, fl::BoxRule::kHull, fl::BoxRule::kShape}) {
          const Columns<T> a(fast, source, 2, n, rule);
          const Columns<T> b(plain, source, 2, n, rule);
          bool same = true;
          for (size_t i = 0; i < a.data.size(); ++i) {
            // The angle is computed by another way than the oracle's.
            const bool angle = rule == fl::BoxRule::kShape && i >= 5 * a.capacity;
            same &= angle ? std::abs(a.data[i] - b.data[i]) <= std::numeric_limits<T>::epsilon() * 2
                          : same_bits(a.data[i], b.data[i]);
          }
          CHECK(same);
        }
        CHECK(OF(fast, find_bad)(&source, n) == OF(plain, find_bad)(&source, n));
        std::vector<T> area_a(2 * n + 1), area_b(2 * n + 1);
        const fl::BoxTarget to_a = {reinterpret_cast<unsigned char*>(area_a.data()), 2 * size, 0};
        const fl::BoxTarget to_b = {reinterpret_cast<unsigned char*>(area_b.data()), 2 * size, 0};
        OF(fast, area)(&source, n, &to_a);
        OF(plain, area)(&source, n, &to_b);
        CHECK(area_a == area_b);
      }
    }
  }
}

// One bad box among good ones, wherever it stands: in whole blocks, behind them, in any lane.
template <typename T>
void bad_boxes_are_found(const fl::BoxKernels& fast) {
  const fl::BoxKernels& plain = fl::oracle_box_kernels();
  const T inf = std::numeric_limits<T>::infinity();
  const T nan = std::numeric_limits<T>::quiet_NaN();
  const T faults[][4] = {{5, 0, 4, 9}, {0, 5, 9, 4},   {nan, 0, 1, 1}, {0, nan, 1, 1},
                         {0, 0, nan, 1}, {0, 0, 1, nan}, {-inf, 0, 1, 1}, {0, 0, inf, 1},
                         {0, -inf, 1, 1}, {0, 0, 1, inf}};
  for (const size_t n : {size_t{127}, size_t{128}, size_t{300}}) {
    std::vector<T> boxes;
    // Empty boxes are good ones.
    for (size_t i = 0; i < n; ++i) {
      const T x = static_cast<T>(i);
      boxes.insert(boxes.end(), {x, -x, x + static_cast<T>(i % 3), -x});
    }
    const fl::BoxSource source = dense(boxes, FL_XYXY);
    CHECK(OF(fast, find_bad)(&source, n) == n);
    for (size_t i = 0; i < n; i += i < 130 ? 1 : 13) {
      const auto& fault = faults[i % std::size(faults)];
      T good[4];
      std::copy_n(&boxes[4 * i], 4, good);
      std::copy_n(fault, 4, &boxes[4 * i]);
      CHECK(OF(fast, find_bad)(&source, n) == i && OF(plain, find_bad)(&source, n) == i);
      std::copy_n(good, 4, &boxes[4 * i]);
    }
    std::vector<T> packed(n), apart(2 * n);
    const fl::BoxTarget to_packed = {reinterpret_cast<unsigned char*>(packed.data()), sizeof(T), 0};
    const fl::BoxTarget to_apart = {reinterpret_cast<unsigned char*>(apart.data()), 2 * sizeof(T),
                                    0};
    OF(fast, area)(&source, n, &to_packed);
    OF(plain, area)(&source, n, &to_apart);
    bool same = true;
    for (size_t i = 0; i < n; ++i) same &= packed[i] == apart[2 * i];
    CHECK(same);
  }
}

template <typename T>
void one_at_a_time(const fl::BoxKernels& fast) {
  const fl::BoxKernels& plain = fl::oracle_box_kernels();
  test::Random r(2);
  for (const size_t n : {size_t{0}, size_t{1}, size_t{5}, size_t{16}, size_t{127}, size_t{300}}) {
    const std::vector<T> boxes = all_sorts<T>(&r, n);
    std::vector<double> sizes;
    for (size_t i = 0; i < n + 1; ++i) {
      sizes.push_back(1 + r.unit() * 2000);
      sizes.push_back(1 + r.unit() * 2000);
    }
    const ptrdiff_t size = sizeof(T);
    for (const ptrdiff_t gap : {ptrdiff_t{4}, ptrdiff_t{7}}) {
      const auto same = [&](auto run) {
        std::vector<T> a(n * 7 + 1, T{3}), b(n * 7 + 1, T{3});
        const fl::BoxTarget to_a = {reinterpret_cast<unsigned char*>(a.data()), gap * size, size};
        const fl::BoxTarget to_b = {reinterpret_cast<unsigned char*>(b.data()), gap * size, size};
        run(fast, to_a);
        run(plain, to_b);
        bool equal = true;
        for (size_t i = 0; i < a.size(); ++i) equal &= same_bits(a[i], b[i]);
        return equal;
      };
      for (const int32_t from : {FL_XYXY, FL_XYWH, FL_CXCYWH}) {
        const fl::BoxSource source = dense(boxes, from);
        for (const int32_t to : {FL_XYXY, FL_XYWH, FL_CXCYWH}) {
          for (const size_t step : {size_t{0}, size_t{2}}) {
            for (int kind = 0; kind < 3; ++kind) {
              CHECK(same([&](const fl::BoxKernels& k, const fl::BoxTarget& target) {
                OF(k, convert)(&source, n, to, kind == 1 ? sizes.data() : nullptr,
                               kind == 2 ? sizes.data() : nullptr, step, &target);
              }));
            }
          }
        }
        CHECK(same([&](const fl::BoxKernels& k, const fl::BoxTarget& target) {
          OF(k, clip)(&source, n, 5, 3.3, &target);
        }));
      }
    }
  }
}

fl::BoxRule rule_of(int32_t metric) {
  if (metric == FL_CIOU) return fl::BoxRule::kShape;
  return metric == FL_GIOU || metric == FL_DIOU ? fl::BoxRule::kHull : fl::BoxRule::kOverlap;
}

template <typename T>
void metrics(const fl::BoxKernels& fast) {
  const fl::BoxKernels& plain = fl::oracle_box_kernels();
  test::Random r(3);
  for (size_t m = 0; m < kLengths; ++m) {
    const size_t n = m % 7 + (m % 3 == 0 ? 20 : 0);
    const std::vector<T> first = all_sorts<T>(&r, n);
    const std::vector<T> second = all_sorts<T>(&r, m);
    for (const int32_t metric :
         {int32_t{FL_IOU}, int32_t{FL_IOA}, int32_t{FL_IOS}, int32_t{FL_GIOU}, int32_t{FL_DIOU},
          int32_t{FL_CIOU}, fl::kIouWithCrowd}) {
      const Columns<T> a(plain, dense(first), 0, n, rule_of(metric));
      Columns<T> b(plain, dense(second), 0, m, rule_of(metric));
      if (metric == fl::kIouWithCrowd) {
        for (size_t j = 0; j < m; ++j) b.data[5 * b.capacity + j] = static_cast<T>(r.below(2));
      }
      fl::BoxJob<T> job{};
      job.a = a.view();
      job.b = b.view();
      job.metric = metric;
      job.eps = static_cast<T>(1e-7);
      // Rows with gaps that must stay as they are; and packed rows that may spill.
      for (const bool packed : {false, true}) {
        for (const int32_t stream : {0, 1}) {
          for (size_t shift = 0; shift < 17; shift += 5) {
            const size_t wide = packed ? m : m + 3;
            std::vector<T> got(shift + n * wide + 1, T{9}), expected(got);
            job.out_row = static_cast<ptrdiff_t>(wide);
            job.room = packed ? n * m : 0;
            job.stream = stream;
            job.out = got.data() + shift;
            OF(fast, matrix)(&job);
            fast.fence();
            job.out = expected.data() + shift;
            OF(plain, matrix)(&job);
            bool same = true;
            for (size_t i = 0; i < got.size(); ++i) same &= same_bits(got[i], expected[i]);
            CHECK(same);
            for (size_t i = 0; i < n; ++i) {
              for (size_t j = 0; j < m; ++j) {
                const T v = expected[shift + i * wide + j];
                same &= v <= 1 && (metric == FL_CIOU ? v >= -3 : v >= -1);
              }
            }
            CHECK(same);
          }
        }
      }
      const size_t least = std::min(n, m);
      std::vector<T> got(least + 1, T{9}), expected(got);
      job.a.n = job.b.n = least;
      job.out = got.data();
      OF(fast, aligned)(&job);
      job.out = expected.data();
      OF(plain, aligned)(&job);
      bool same = true;
      for (size_t i = 0; i < got.size(); ++i) same &= same_bits(got[i], expected[i]);
      CHECK(same);
    }
  }
}

template <typename T>
void matching(const fl::BoxKernels& fast) {
  using I = std::conditional_t<sizeof(T) == 4, int32_t, int64_t>;
  const fl::BoxKernels& plain = fl::oracle_box_kernels();
  test::Random r(4);
  for (size_t n = 0; n < kLengths; ++n) {
    const size_t m = n * 5 % 37;
    const Columns<T> a(plain, dense(all_sorts<T>(&r, n)), 0, n, fl::BoxRule::kOverlap);
    const Columns<T> b(plain, dense(all_sorts<T>(&r, m)), 0, m, fl::BoxRule::kOverlap);
    const fl::BoxColumns<T> rows = a.view();
    const fl::BoxColumns<T> columns = b.view();
    for (const int32_t metric : {FL_IOU, FL_IOA, FL_IOS}) {
      const auto best_of = [&](const fl::BoxKernels& k) {
        std::vector<T> value(n + fl::kBoxPad);
        std::vector<I> index(n + fl::kBoxPad);
        // In two halves, as tiles come.
        const fl::BoxColumns<T> left = {columns.data, columns.capacity, m / 2};
        const fl::BoxColumns<T> right = {columns.data + m / 2, columns.capacity, m - m / 2};
        OF(k, best)(&rows, &left, metric, 1, 100, value.data(), index.data());
        OF(k, best)(&rows, &right, metric, 0, 100 + static_cast<int32_t>(m / 2), value.data(),
                    index.data());
        value.resize(n);
        index.resize(n);
        return std::pair{value, index};
      };
      CHECK(best_of(fast) == best_of(plain));
      for (const T threshold : {T(0.01), T(0.5), T(1)}) {
        const auto count_of = [&](const fl::BoxKernels& k) {
          std::vector<I> total(n + fl::kBoxPad);
          OF(k, count)(&rows, &columns, metric, 1, threshold, total.data());
          OF(k, count)(&rows, &columns, metric, 0, threshold, total.data());
          total.resize(n);
          return total;
        };
        CHECK(count_of(fast) == count_of(plain));
        for (size_t i = 0; i < n; ++i) {
          std::vector<int32_t> at_a(m), at_b(m);
          std::vector<T> value_a(m), value_b(m);
          const size_t found =
              OF(fast, hits)(&rows, i, &columns, metric, threshold, at_a.data(), value_a.data());
          CHECK(found == OF(plain, hits)(&rows, i, &columns, metric, threshold, at_b.data(),
                                         value_b.data()));
          CHECK(at_a == at_b && value_a == value_b);
        }
      }
    }
  }
}

// The entries that choose their own way through the kernels agree with the plain one.
template <typename T>
void entries() {
  test::Random r(5);
  const int32_t dtype = sizeof(T) == 4 ? FL_FLOAT32 : FL_FLOAT64;
  const int64_t size = sizeof(T);
  for (const int64_t n : {0, 1, 2, 7, 65, 130}) {
    for (const int64_t m : {0, 1, 3, 4, 17, 1500}) {
      const std::vector<T> a = all_sorts<T>(&r, static_cast<size_t>(n));
      const std::vector<T> b = all_sorts<T>(&r, static_cast<size_t>(m));
      std::vector<T> expected;
      for (int64_t i = 0; i < n; ++i) {
        for (int64_t j = 0; j < m; ++j) {
          expected.push_back(fl::pair_iou(&a[size_t(4 * i)], &b[size_t(4 * j)]));
        }
      }
      std::vector<T> got(expected.size() + 1, T{5});
      fl_status status;
      if constexpr (sizeof(T) == 4) {
        status = fl_box_iou_f32(a.data(), n, b.data(), m, got.data());
      } else {
        status = fl_box_iou(a.data(), n, b.data(), m, got.data());
      }
      CHECK(status == FL_OK && got.back() == 5);
      CHECK(std::equal(expected.begin(), expected.end(), got.begin()));
      const fl_boxes view_a = {a.data(), n, 4 * size, size, dtype, FL_XYXY};
      const fl_boxes view_b = {b.data(), m, 4 * size, size, dtype, FL_XYXY};
      // Transposed and unaligned.
      std::vector<unsigned char> bytes(expected.size() * sizeof(T) + 1);
      CHECK(fl_box_matrix(&view_a, &view_b, nullptr, bytes.data() + 1, size, n * size) == FL_OK);
      bool same = true;
      for (int64_t i = 0; i < n; ++i) {
        for (int64_t j = 0; j < m; ++j) {
          T v;
          std::memcpy(&v, &bytes[1 + static_cast<size_t>((j * n + i) * size)], sizeof v);
          same &= v == expected[static_cast<size_t>(i * m + j)];
        }
      }
      CHECK(same);
    }
  }
}

void wrong_arguments() {
  const double boxes[8] = {0, 0, 1, 1, 0, 0, 1, 1};
  double out[4];
  int64_t index[2];
  fl_boxes good = {boxes, 2, 32, 8, FL_FLOAT64, FL_XYXY};
  const int64_t offsets[] = {0, 2};
  const int64_t falling[] = {0, 3, 2};
  const int64_t short_offsets[] = {0, 1};
  fl_overlap_options options;
  CHECK(fl_overlap_options_init(&options, sizeof options) == FL_OK);
  CHECK(fl_box_matrix(&good, &good, &options, out, 16, 8) == FL_OK && out[3] == 1);
  CHECK(fl_box_matrix(&good, nullptr, &options, out, 16, 8) == FL_ERROR_ARGUMENT);
  CHECK(fl_box_matrix(&good, &good, &options, nullptr, 16, 8) == FL_ERROR_ARGUMENT);
  for (const auto& spoil : std::vector<void (*)(fl_boxes*)>{
           [](fl_boxes* b) { b->n = -1; }, [](fl_boxes* b) { b->data = nullptr; },
           [](fl_boxes* b) { b->dtype = FL_INT32; }, [](fl_boxes* b) { b->dtype = FL_FLOAT32; },
           [](fl_boxes* b) { b->format = 3; }, [](fl_boxes* b) { b->format = -1; }}) {
    fl_boxes bad = good;
    spoil(&bad);
    CHECK(fl_box_matrix(&good, &bad, nullptr, out, 16, 8) == FL_ERROR_ARGUMENT);
    CHECK(fl_ragged_iou(&good, offsets, &bad, offsets, 1, nullptr, out) == FL_ERROR_ARGUMENT);
  }
  fl_boxes far = good;
  far.row_stride = INT64_MAX;
  CHECK(fl_box_matrix(&good, &far, nullptr, out, 16, 8) == FL_ERROR_OVERFLOW);
  for (const auto& spoil : std::vector<void (*)(fl_overlap_options*)>{
           [](fl_overlap_options* o) { o->struct_size = sizeof(size_t) - 1; },
           [](fl_overlap_options* o) { o->metric = 6; },
           [](fl_overlap_options* o) { o->metric = fl::kIouWithCrowd; },
           [](fl_overlap_options* o) { o->eps = 0; },
           [](fl_overlap_options* o) { o->eps = std::nan(""); }}) {
    fl_overlap_options bad = options;
    spoil(&bad);
    CHECK(fl_box_matrix(&good, &good, &bad, out, 16, 8) == FL_ERROR_ARGUMENT);
  }
  CHECK(fl_box_iou(boxes, INT64_MAX, boxes, 2, nullptr) == FL_ERROR_OVERFLOW);
  CHECK(fl_box_iou(boxes, -1, boxes, 2, out) == FL_ERROR_ARGUMENT);
  CHECK(fl_box_iou(boxes, 1, boxes, 1, nullptr) == FL_ERROR_ARGUMENT);
  CHECK(fl_ragged_iou(&good, falling, &good, falling, 2, nullptr, out) == FL_ERROR_ARGUMENT);
  CHECK(fl_ragged_iou(&good, short_offsets, &good, offsets, 1, nullptr, out) ==
        FL_ERROR_ARGUMENT);
  CHECK(fl_ragged_best(&good, offsets, &good, offsets, 1, FL_GIOU, 0, index, out) ==
        FL_ERROR_ARGUMENT);
  CHECK(fl_ragged_best(&good, offsets, &good, offsets, 1, FL_IOU, 2, index, out) ==
        FL_ERROR_ARGUMENT);
  CHECK(fl_ragged_counts(&good, offsets, &good, offsets, 1, 0, index) == FL_ERROR_ARGUMENT);
  CHECK(fl_box_convert(&good, 3, nullptr, nullptr, 0, out, 32, 8) == FL_ERROR_ARGUMENT);
  CHECK(fl_box_clip(&good, -1, 2, out, 32, 8) == FL_ERROR_ARGUMENT);
  CHECK(fl_box_clip(&good, std::nan(""), 2, out, 32, 8) == FL_ERROR_ARGUMENT);
  CHECK(fl_box_find_bad(&good, nullptr) == FL_ERROR_ARGUMENT);
  int64_t many[] = {0, INT64_MAX, INT64_MAX};
  int64_t sizes[3];
  CHECK(fl_ragged_sizes(many, many, 2, sizes) == FL_ERROR_OVERFLOW);
}

}  // namespace

int main() {
  const char* names[16];
  const int32_t tiers = fl::available_tiers(names, 16);
  for (int32_t k = 0; k < tiers; ++k) {
    CHECK(fl::select_tier(names[k]) == FL_OK);
    const fl::BoxKernels& fast = fl::box_kernels();
    packing<float>(fast);
    packing<double>(fast);
    bad_boxes_are_found<float>(fast);
    bad_boxes_are_found<double>(fast);
    one_at_a_time<float>(fast);
    one_at_a_time<double>(fast);
    metrics<float>(fast);
    metrics<double>(fast);
    matching<float>(fast);
    matching<double>(fast);
    entries<float>();
    entries<double>();
  }
  wrong_arguments();
  return test::finish("boxes");
}
