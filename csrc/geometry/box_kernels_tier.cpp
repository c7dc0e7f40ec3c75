// The fast bodies, compiled once per instruction-set tier into a namespace of their own.
// FL_TIER is set by the build; no STL and no shared inline functions here.
#include "geometry/box_kernels.h"
// Before the namespace, which its second inclusion is inside of.
#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace fl {
namespace FL_TIER_NAME(tier_) {
namespace {

#include "geometry/box_lanes.h"
#include "geometry/box_metrics.h"
#include "geometry/box_shape.h"

// ---- packing --------------------------------------------------------------------------

template <typename T>
constexpr T kLargest = sizeof(T) == 4 ? T(__FLT_MAX__) : T(__DBL_MAX__);

template <typename T>
bool is_dense(const BoxSource& from) noexcept {
  return from.column == static_cast<ptrdiff_t>(sizeof(T)) &&
         from.row == static_cast<ptrdiff_t>(4 * sizeof(T)) &&
         reinterpret_cast<uintptr_t>(from.data) % alignof(T) == 0;
}

// The four numbers of n boxes as they stand.
template <typename T>
void read_columns(const BoxSource& from, size_t begin, size_t n, T* __restrict c0,
                  T* __restrict c1, T* __restrict c2, T* __restrict c3) noexcept {
  const unsigned char* at = from.data + static_cast<ptrdiff_t>(begin) * from.row;
  if (is_dense<T>(from)) {
    const T* __restrict p = reinterpret_cast<const T*>(at);
    for (size_t i = 0; i < n; ++i) {
      c0[i] = p[4 * i];
      c1[i] = p[4 * i + 1];
      c2[i] = p[4 * i + 2];
      c3[i] = p[4 * i + 3];
    }
    return;
  }
  for (size_t i = 0; i < n; ++i, at += from.row) {
    __builtin_memcpy(c0 + i, at, sizeof(T));
    __builtin_memcpy(c1 + i, at + from.column, sizeof(T));
    __builtin_memcpy(c2 + i, at + 2 * from.column, sizeof(T));
    __builtin_memcpy(c3 + i, at + 3 * from.column, sizeof(T));
  }
}

template <typename T>
void to_corners(int32_t format, size_t n, T* __restrict c0, T* __restrict c1, T* __restrict c2,
                T* __restrict c3) noexcept {
  if (format == FL_XYWH) {
    for (size_t i = 0; i < n; ++i) {
      c2[i] = c0[i] + c2[i];
      c3[i] = c1[i] + c3[i];
    }
  } else if (format == FL_CXCYWH) {
    for (size_t i = 0; i < n; ++i) {
      const T half_w = T(0.5) * c2[i];
      const T half_h = T(0.5) * c3[i];
      const T x = c0[i];
      const T y = c1[i];
      c0[i] = x - half_w;
      c1[i] = y - half_h;
      c2[i] = x + half_w;
      c3[i] = y + half_h;
    }
  }
}

template <typename T>
void pack(const BoxSource* from, size_t begin, size_t n, BoxRule rule, T* to,
          size_t capacity) noexcept {
  T* __restrict x1 = to;
  T* __restrict y1 = to + capacity;
  T* __restrict x2 = to + 2 * capacity;
  T* __restrict y2 = to + 3 * capacity;
  T* __restrict area = to + 4 * capacity;
  T* __restrict extra = to + 5 * capacity;
  read_columns<T>(*from, begin, n, x1, y1, x2, y2);
  if (from->format != FL_XYXY) to_corners<T>(from->format, n, x1, y1, x2, y2);
  if (rule == BoxRule::kOverlap) {
    for (size_t i = 0; i < n; ++i) {
      const T w = x2[i] - x1[i];
      const T a = w * (y2[i] - y1[i]);
      // A finite area means finite corners. With w > 0 it means that the height is positive.
      const bool good = (w > 0) & (a > 0) & (a <= kLargest<T>);
      x1[i] = good ? x1[i] : T{0};
      y1[i] = good ? y1[i] : T{0};
      x2[i] = good ? x2[i] : T{0};
      y2[i] = good ? y2[i] : T{0};
      area[i] = good ? a : T{0};
    }
  } else {
    const T none = static_cast<T>(__builtin_nan(""));
    for (size_t i = 0; i < n; ++i) {
      const T w = x2[i] - x1[i];
      const T h = y2[i] - y1[i];
      const T a = w * h;
      const bool good = (w >= 0) & (h >= 0) & (a <= kLargest<T>);
      x1[i] = good ? x1[i] : none;
      y1[i] = good ? y1[i] : none;
      x2[i] = good ? x2[i] : none;
      y2[i] = good ? y2[i] : none;
      area[i] = good ? a : none;
    }
  }
  if (rule == BoxRule::kShape) {
    for (size_t i = 0; i < n; ++i) {
      extra[i] = area[i] == area[i] ? static_cast<T>(shape_angle(x2[i] - x1[i], y2[i] - y1[i]))
                                    : T{0};
    }
  } else {
    for (size_t i = 0; i < n; ++i) extra[i] = 0;
  }
  for (size_t k = 0; k < kBoxColumns; ++k) {
    for (size_t i = 0; i < kBoxPad; ++i) to[k * capacity + n + i] = 0;
  }
}

// ---- a metric of every box with every other ---------------------------------------------

// The first `count` lanes of v.
template <typename T, typename V>
FL_INLINE void store_some(T* to, V v, size_t count) noexcept {
  T lanes[sizeof(V) / sizeof(T)];
  store(lanes, v);
  for (size_t k = 0; k < count; ++k) to[k] = lanes[k];
}

// All of b fits one vector: it stays in registers while the rows go by.
template <int32_t kMetric, typename T, typename V>
void matrix_one_vector(const BoxJob<T>& job) noexcept {
  constexpr size_t kLanes = sizeof(V) / sizeof(T);
  const size_t m = job.b.n;
  const BoxVector<V> b = load_boxes<V>(job.b, 0);
  T* out = job.out;
  size_t i = 0;
  // Whole vectors as long as what they spill will be written over by later rows.
  const size_t safe = job.room < kLanes ? 0 : (job.room - kLanes) / m + 1;
  const size_t whole = safe < job.a.n ? safe : job.a.n;
  for (; i < whole; ++i, out += job.out_row) {
    store(out, metric_of<kMetric, true, T>(splat_box<V>(job.a, i), b, job.eps));
  }
  for (; i < job.a.n; ++i, out += job.out_row) {
    store_some(out, metric_of<kMetric, true, T>(splat_box<V>(job.a, i), b, job.eps), m);
  }
}

template <int32_t kMetric, typename T>
void matrix_rows(const BoxJob<T>& job) noexcept {
  using V = Wide<T>;
  using W = Narrow<T>;
  constexpr size_t kLanes = sizeof(V) / sizeof(T);
  constexpr bool kHull = kMetric == FL_GIOU || kMetric == FL_DIOU || kMetric == FL_CIOU;
  const size_t m = job.b.n;
  for (size_t i = 0; i < job.a.n; ++i) {
    T* out = job.out + static_cast<ptrdiff_t>(i) * job.out_row;
    if constexpr (!kHull) {
      if (!(job.a.data[4 * job.a.capacity + i] > 0)) {
        for (size_t j = 0; j < m; ++j) out[j] = 0;
        continue;
      }
    }
    const BoxVector<V> a = splat_box<V>(job.a, i);
    size_t j = 0;
    if (job.stream != 0) {
      const size_t over = reinterpret_cast<uintptr_t>(out) % sizeof(V) / sizeof(T);
      if (over != 0) {
        j = kLanes - over < m ? kLanes - over : m;
        store_some(out, metric_of<kMetric, false, T>(a, load_boxes<V>(job.b, 0), job.eps), j);
      }
      for (; j + kLanes <= m; j += kLanes) {
        stream(out + j, metric_of<kMetric, false, T>(a, load_boxes<V>(job.b, j), job.eps));
      }
    } else {
      for (; j + kLanes <= m; j += kLanes) {
        store(out + j, metric_of<kMetric, false, T>(a, load_boxes<V>(job.b, j), job.eps));
      }
    }
    const BoxVector<W> narrow = splat_box<W>(job.a, i);
    for (; j < m; j += sizeof(W) / sizeof(T)) {
      const W value = metric_of<kMetric, false, T>(narrow, load_boxes<W>(job.b, j), job.eps);
      const size_t left = m - j;
      if (left >= sizeof(W) / sizeof(T)) {
        store(out + j, value);
      } else {
        store_some(out + j, value, left);
      }
    }
  }
}

template <int32_t kMetric, typename T>
void matrix_of(const BoxJob<T>& job) noexcept {
  if (job.b.n == 0) return;
  if (job.b.n <= sizeof(Narrow<T>) / sizeof(T)) {
    matrix_one_vector<kMetric, T, Narrow<T>>(job);
  } else if (job.b.n <= sizeof(Wide<T>) / sizeof(T)) {
    matrix_one_vector<kMetric, T, Wide<T>>(job);
  } else {
    matrix_rows<kMetric, T>(job);
  }
}

template <int32_t kMetric, typename T>
void aligned_of(const BoxJob<T>& job) noexcept {
  using V = Wide<T>;
  constexpr size_t kLanes = sizeof(V) / sizeof(T);
  for (size_t i = 0; i < job.a.n; i += kLanes) {
    const V value = metric_of<kMetric, true, T>(load_boxes<V>(job.a, i), load_boxes<V>(job.b, i),
                                                job.eps);
    if (job.a.n - i >= kLanes) {
      store(job.out + i, value);
    } else {
      store_some(job.out + i, value, job.a.n - i);
    }
  }
}

// Cases of a switch that run their arguments, a statement, with kMetric the metric.
#define FL_METRIC_CASE(metric, ...)    \
  case metric: {                       \
    constexpr int32_t kMetric = metric; \
    __VA_ARGS__;                       \
    break;                             \
  }
#define FL_OVERLAP_CASES(...)         \
  FL_METRIC_CASE(FL_IOU, __VA_ARGS__) \
  FL_METRIC_CASE(FL_IOA, __VA_ARGS__) \
  FL_METRIC_CASE(FL_IOS, __VA_ARGS__) \
  default: break;
#define FL_ALL_CASES(...)                    \
  FL_METRIC_CASE(FL_GIOU, __VA_ARGS__)       \
  FL_METRIC_CASE(FL_DIOU, __VA_ARGS__)       \
  FL_METRIC_CASE(FL_CIOU, __VA_ARGS__)       \
  FL_METRIC_CASE(kIouWithCrowd, __VA_ARGS__) \
  FL_OVERLAP_CASES(__VA_ARGS__)

template <typename T>
void matrix(const BoxJob<T>* job) noexcept {
  switch (job->metric) { FL_ALL_CASES(matrix_of<kMetric, T>(*job)) }
}
template <typename T>
void aligned(const BoxJob<T>* job) noexcept {
  switch (job->metric) { FL_ALL_CASES(aligned_of<kMetric, T>(*job)) }
}

// ---- results for each box, no matrix ------------------------------------------------------

// Boxes of a lie in the lanes and those of b come one by one, so that the best of each lane
// needs no reduction. 0 / 0 of two boxes without area compares as false.
template <int32_t kMetric, typename T, typename V, typename I>
void best_of(const BoxColumns<T>& a, const BoxColumns<T>& b, int32_t fresh, int32_t first,
             T* value, I* index) noexcept {
  typedef I Indices __attribute__((vector_size(sizeof(V))));
  for (size_t i = 0; i < a.n; i += sizeof(V) / sizeof(T)) {
    const BoxVector<V> rows = load_boxes<V>(a, i);
    V most = V{};
    Indices where = Indices{} - 1;
    if (fresh == 0) {
      most = load<V>(value + i);
      where = load<Indices>(index + i);
    }
    for (size_t j = 0; j < b.n; ++j) {
      const V now = metric_of<kMetric, false, T>(rows, splat_box<V>(b, j), T{0});
      const auto better = now > most;
      most = better ? now : most;
      where = better ? Indices{} + static_cast<I>(first + static_cast<I>(j)) : where;
    }
    store(value + i, most);
    store(index + i, where);
  }
}

template <int32_t kMetric, typename T, typename V, typename I>
void count_of(const BoxColumns<T>& a, const BoxColumns<T>& b, int32_t fresh, T threshold,
              I* total) noexcept {
  typedef I Counts __attribute__((vector_size(sizeof(V))));
  for (size_t i = 0; i < a.n; i += sizeof(V) / sizeof(T)) {
    const BoxVector<V> rows = load_boxes<V>(a, i);
    Counts counts = Counts{};
    if (fresh == 0) counts = load<Counts>(total + i);
    for (size_t j = 0; j < b.n; ++j) {
      const V now = metric_of<kMetric, false, T>(rows, splat_box<V>(b, j), T{0});
      counts -= now >= splat<V>(threshold);  // true is -1
    }
    store(total + i, counts);
  }
}

template <typename T, typename I>
void best(const BoxColumns<T>* a, const BoxColumns<T>* b, int32_t metric, int32_t fresh,
          int32_t first, T* value, I* index) noexcept {
  const bool narrow = a->n <= sizeof(Narrow<T>) / sizeof(T);
  switch (metric) {
    FL_OVERLAP_CASES(narrow ? best_of<kMetric, T, Narrow<T>, I>(*a, *b, fresh, first, value, index)
                            : best_of<kMetric, T, Wide<T>, I>(*a, *b, fresh, first, value, index))
  }
}

template <typename T, typename I>
void count(const BoxColumns<T>* a, const BoxColumns<T>* b, int32_t metric, int32_t fresh,
           T threshold, I* total) noexcept {
  const bool narrow = a->n <= sizeof(Narrow<T>) / sizeof(T);
  switch (metric) {
    FL_OVERLAP_CASES(narrow ? count_of<kMetric, T, Narrow<T>, I>(*a, *b, fresh, threshold, total)
                            : count_of<kMetric, T, Wide<T>, I>(*a, *b, fresh, threshold, total))
  }
}

template <int32_t kMetric, typename T, typename V>
size_t hits_of(const BoxColumns<T>& a, size_t row, const BoxColumns<T>& b, T threshold,
               int32_t* index, T* value) noexcept {
  constexpr size_t kLanes = sizeof(V) / sizeof(T);
  const BoxVector<V> one = splat_box<V>(a, row);
  const V least = splat<V>(threshold);
  size_t found = 0;
  for (size_t j = 0; j < b.n; j += kLanes) {
    const V now = metric_of<kMetric, false, T>(one, load_boxes<V>(b, j), T{0});
    uint32_t bits = at_least<T>(now, least);
    if (b.n - j < kLanes) bits &= (1U << (b.n - j)) - 1;
    if (bits == 0) continue;
    T lanes[kLanes];
    store(lanes, now);
    for (; bits != 0; bits &= bits - 1) {
      const int lane = __builtin_ctz(bits);
      index[found] = static_cast<int32_t>(j) + lane;
      value[found] = lanes[lane];
      ++found;
    }
  }
  return found;
}

template <typename T>
size_t hits(const BoxColumns<T>* a, size_t row, const BoxColumns<T>* b, int32_t metric,
            T threshold, int32_t* index, T* value) noexcept {
  const bool narrow = b->n <= sizeof(Narrow<T>) / sizeof(T);
  switch (metric) {
    FL_OVERLAP_CASES(
        return narrow ? hits_of<kMetric, T, Narrow<T>>(*a, row, *b, threshold, index, value)
                      : hits_of<kMetric, T, Wide<T>>(*a, row, *b, threshold, index, value))
  }
  return 0;
}

// ---- a box at a time ----------------------------------------------------------------------

constexpr size_t kBlock = 128;

template <typename T>
struct Block {
  T c[4][kBlock];

  void read(const BoxSource& from, size_t begin, size_t n) noexcept {
    read_columns<T>(from, begin, n, c[0], c[1], c[2], c[3]);
  }
  void to_corners_from(int32_t format, size_t n) noexcept {
    to_corners<T>(format, n, c[0], c[1], c[2], c[3]);
  }
  void write(const BoxTarget& to, size_t begin, size_t n) const noexcept {
    unsigned char* at = to.data + static_cast<ptrdiff_t>(begin) * to.row;
    if (to.column == static_cast<ptrdiff_t>(sizeof(T)) &&
        to.row == static_cast<ptrdiff_t>(4 * sizeof(T)) &&
        reinterpret_cast<uintptr_t>(at) % alignof(T) == 0) {
      T* __restrict p = reinterpret_cast<T*>(at);
      for (size_t i = 0; i < n; ++i) {
        for (size_t k = 0; k < 4; ++k) p[4 * i + k] = c[k][i];
      }
      return;
    }
    for (size_t i = 0; i < n; ++i, at += to.row) {
      for (ptrdiff_t k = 0; k < 4; ++k) {
        __builtin_memcpy(at + k * to.column, &c[k][i], sizeof(T));
      }
    }
  }
};

// Lane k of the result is lane partner[k] of v, which is k with its second bit flipped.
template <typename V, typename Mask>
V partners(const V& v, [[maybe_unused]] const Mask& partner) noexcept {
#ifdef __clang__  // has no shuffle by a vector, and makes one of this
  constexpr size_t kLanes = sizeof(V) / sizeof(v[0]);
  V out;
  for (size_t k = 0; k < kLanes; ++k) out[k] = v[(k ^ 2) % kLanes];
  return out;
#else
  return __builtin_shuffle(v, partner);
#endif
}

// How many of n boxes, a multiple of kBlock, lie before the first block with a bad one. The
// boxes are packed x1 y1 x2 y2, and are looked at as they lie: each number beside the one it
// is ordered with, two places on.
template <typename T>
size_t good_blocks(const unsigned char* data, size_t n) noexcept {
  using V = Wide<T>;
  using Mask = decltype(V{} < V{});
  constexpr size_t kLanes = sizeof(V) / sizeof(T);
  Mask partner;
  Mask lower;  // lanes of x1 and y1, which have an order to keep
  for (size_t k = 0; k < kLanes; ++k) {
    partner[k] = static_cast<decltype(partner[k] + 0)>((k & ~size_t{3}) + ((k + 2) & 3));
    lower[k] = (k & 3) < 2 ? -1 : 0;
  }
  const V most = splat<V, T>(kLargest<T>);
  size_t done = 0;
  for (; done + kBlock <= n; done += kBlock) {
    Mask bad{};
    for (size_t at = 0; at < 4 * kBlock; at += kLanes) {
      V v;
      __builtin_memcpy(&v, data + (4 * done + at) * sizeof(T), sizeof v);
      const V other = partners(v, partner);
      bad |= ~((v <= most) & (v >= -most)) | (~(other >= v) & lower);
    }
    for (size_t k = 0; k < kLanes; ++k) {
      if (bad[k] != 0) return done;
    }
  }
  return done;
}

template <typename T>
size_t find_bad(const BoxSource* from, size_t n) noexcept {
  Block<T> block;
  const bool packed = from->format == FL_XYXY && from->column == sizeof(T) &&
                      from->row == 4 * sizeof(T) && sizeof(Wide<T>) >= 4 * sizeof(T);
  const size_t first = packed ? good_blocks<T>(from->data, n) : 0;
  for (size_t begin = first; begin < n; begin += kBlock) {
    const size_t count = n - begin < kBlock ? n - begin : kBlock;
    block.read(*from, begin, count);
    if (from->format != FL_XYXY) block.to_corners_from(from->format, count);
    const auto bad = [&block](size_t i) noexcept {
      // With its order checked a corner is finite when the lower is not -inf and the upper not inf.
      return !((block.c[2][i] >= block.c[0][i]) & (block.c[3][i] >= block.c[1][i]) &
               (block.c[0][i] >= -kLargest<T>) & (block.c[1][i] >= -kLargest<T>) &
               (block.c[2][i] <= kLargest<T>) & (block.c[3][i] <= kLargest<T>));
    };
    int32_t any = 0;
    for (size_t i = 0; i < count; ++i) any |= bad(i);
    if (any == 0) continue;
    for (size_t i = 0; i < count; ++i) {
      if (bad(i)) return begin + i;
    }
  }
  return n;
}

template <typename T>
void area(const BoxSource* from, size_t n, const BoxTarget* to) noexcept {
  Block<T> block;
  T result[kBlock];
  for (size_t begin = 0; begin < n; begin += kBlock) {
    const size_t count = n - begin < kBlock ? n - begin : kBlock;
    block.read(*from, begin, count);
    if (from->format != FL_XYXY) block.to_corners_from(from->format, count);
    for (size_t i = 0; i < count; ++i) {
      const T w = block.c[2][i] - block.c[0][i];
      const T h = block.c[3][i] - block.c[1][i];
      const T product = w * h;
      result[i] = ((w > 0) & (h > 0) & (product <= kLargest<T>)) ? product : T{0};
    }
    unsigned char* at = to->data + static_cast<ptrdiff_t>(begin) * to->row;
    if (to->row == sizeof(T)) {
      __builtin_memcpy(at, result, count * sizeof(T));
      continue;
    }
    for (size_t i = 0; i < count; ++i, at += to->row) __builtin_memcpy(at, result + i, sizeof(T));
  }
}

template <typename T>
void from_corners(int32_t format, size_t n, Block<T>* b) noexcept {
  if (format == FL_XYWH) {
    for (size_t i = 0; i < n; ++i) {
      b->c[2][i] = b->c[2][i] - b->c[0][i];
      b->c[3][i] = b->c[3][i] - b->c[1][i];
    }
  } else if (format == FL_CXCYWH) {
    for (size_t i = 0; i < n; ++i) {
      const T x1 = b->c[0][i];
      const T y1 = b->c[1][i];
      const T x2 = b->c[2][i];
      const T y2 = b->c[3][i];
      b->c[0][i] = (x1 + x2) / T{2};
      b->c[1][i] = (y1 + y2) / T{2};
      b->c[2][i] = x2 - x1;
      b->c[3][i] = y2 - y1;
    }
  }
}

template <typename T>
void convert(const BoxSource* from, size_t n, int32_t out_format, const double* in_size,
             const double* out_size, size_t size_step, const BoxTarget* to) noexcept {
  Block<T> block;
  for (size_t begin = 0; begin < n; begin += kBlock) {
    const size_t count = n - begin < kBlock ? n - begin : kBlock;
    block.read(*from, begin, count);
    if (in_size != nullptr) {
      for (size_t i = 0; i < count; ++i) {
        const double* size = in_size + (begin + i) * size_step;
        for (size_t k = 0; k < 4; ++k) block.c[k][i] *= static_cast<T>(size[k % 2]);
      }
    }
    if (from->format != out_format) {
      block.to_corners_from(from->format, count);
      from_corners<T>(out_format, count, &block);
    }
    if (out_size != nullptr) {
      for (size_t i = 0; i < count; ++i) {
        const double* size = out_size + (begin + i) * size_step;
        for (size_t k = 0; k < 4; ++k) block.c[k][i] /= static_cast<T>(size[k % 2]);
      }
    }
    block.write(*to, begin, count);
  }
}

template <typename T>
void clip(const BoxSource* from, size_t n, double width, double height,
          const BoxTarget* to) noexcept {
  Block<T> block;
  const T most[2] = {static_cast<T>(width), static_cast<T>(height)};
  for (size_t begin = 0; begin < n; begin += kBlock) {
    const size_t count = n - begin < kBlock ? n - begin : kBlock;
    block.read(*from, begin, count);
    if (from->format != FL_XYXY) block.to_corners_from(from->format, count);
    for (size_t k = 0; k < 4; ++k) {
      const T limit = most[k % 2];
      for (size_t i = 0; i < count; ++i) {
        T v = block.c[k][i];
        v = v < 0 ? T{0} : v;
        block.c[k][i] = v > limit ? limit : v;
      }
    }
    block.write(*to, begin, count);
  }
}

void fence() noexcept {
#if defined(__SSE2__)
  _mm_sfence();
#endif
}

const BoxKernels kTable = {
    pack<float>,           matrix<float>, aligned<float>,  best<float, int32_t>,
    count<float, int32_t>, hits<float>,   find_bad<float>, area<float>,
    convert<float>,        clip<float>,

    pack<double>,           matrix<double>, aligned<double>,  best<double, int64_t>,
    count<double, int64_t>, hits<double>,   find_bad<double>, area<double>,
    convert<double>,        clip<double>,   fence};

}  // namespace
}  // namespace FL_TIER_NAME(tier_)

extern const BoxKernels FL_TIER_NAME(kBoxes_);
const BoxKernels FL_TIER_NAME(kBoxes_) = FL_TIER_NAME(tier_)::kTable;

}  // namespace fl
