// The plain scalar oracle: the definition of each kernel, written to be read. Tests hold
// every tier against it; nothing else calls it.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <numbers>

#include "geometry/box_kernels.h"

namespace fl {
namespace oracle {
namespace {

#if defined(FL_NO_SIMD)
// Here the oracle is what runs, and gives what the tiers give to the last bit.
#include "geometry/box_shape.h"
#else
double shape_angle(double w, double h) noexcept {
  return w == 0 && h == 0 ? std::numbers::pi / 4 : std::atan2(w, h);
}
#endif

template <typename T>
struct Corners {
  T x1, y1, x2, y2;
};

template <typename T>
T number(const BoxSource& from, size_t row, int column) noexcept {
  T value;
  std::memcpy(&value,
              from.data + static_cast<ptrdiff_t>(row) * from.row + column * from.column,
              sizeof value);
  return value;
}

template <typename T>
Corners<T> corners(T a, T b, T c, T d, int32_t format) noexcept {
  if (format == FL_XYWH) return {a, b, a + c, b + d};
  if (format == FL_CXCYWH) {
    return {a - T(0.5) * c, b - T(0.5) * d, a + T(0.5) * c, b + T(0.5) * d};
  }
  return {a, b, c, d};
}

template <typename T>
Corners<T> box(const BoxSource& from, size_t row) noexcept {
  return corners(number<T>(from, row, 0), number<T>(from, row, 1), number<T>(from, row, 2),
                 number<T>(from, row, 3), from.format);
}

template <typename T>
void write(const BoxTarget& to, size_t row, int column, T value) noexcept {
  std::memcpy(to.data + static_cast<ptrdiff_t>(row) * to.row + column * to.column, &value,
              sizeof value);
}

template <typename T>
void pack(const BoxSource* from, size_t begin, size_t n, BoxRule rule, T* to,
          size_t capacity) noexcept {
  for (size_t i = 0; i < n; ++i) {
    const Corners<T> b = box<T>(*from, begin + i);
    const T w = b.x2 - b.x1;
    const T h = b.y2 - b.y1;
    const T area = w * h;
    T columns[kBoxColumns] = {b.x1, b.y1, b.x2, b.y2, area, 0};
    if (rule == BoxRule::kOverlap) {
      if (!(w > 0 && h > 0 && area > 0 && std::isfinite(area))) std::fill_n(columns, 6, T{0});
    } else if (!(w >= 0 && h >= 0 && std::isfinite(area))) {
      std::fill_n(columns, 5, std::numeric_limits<T>::quiet_NaN());
    } else if (rule == BoxRule::kShape) {
      columns[5] = static_cast<T>(shape_angle(w, h));
    }
    for (size_t k = 0; k < kBoxColumns; ++k) to[k * capacity + i] = columns[k];
  }
  for (size_t k = 0; k < kBoxColumns; ++k) std::fill_n(to + k * capacity + n, kBoxPad, T{0});
}

template <typename T>
struct Packed {
  T x1, y1, x2, y2, area, extra;
};

template <typename T>
Packed<T> packed(const BoxColumns<T>& from, size_t i) noexcept {
  const T* p = from.data + i;
  const size_t c = from.capacity;
  return {p[0], p[c], p[2 * c], p[3 * c], p[4 * c], p[5 * c]};
}

template <typename T>
T metric_of(int32_t metric, const Packed<T>& a, const Packed<T>& b, T eps) noexcept {
  const bool hull_metric = metric == FL_GIOU || metric == FL_DIOU || metric == FL_CIOU;
  if (hull_metric && (std::isnan(a.x1) || std::isnan(b.x1))) return -1;
  const T w = std::max(std::min(a.x2, b.x2) - std::max(a.x1, b.x1), T{0});
  const T h = std::max(std::min(a.y2, b.y2) - std::max(a.y1, b.y1), T{0});
  const T inter = w * h;
  const T either = a.area + b.area - inter;
  T whole = either;
  if (metric == FL_IOA) whole = a.area;
  if (metric == FL_IOS) whole = std::min(a.area, b.area);
  if (metric == kIouWithCrowd && b.extra != 0) whole = a.area;
  const T iou = whole > 0 ? inter / whole : T{0};
  if (!hull_metric) return iou;
  const T hull_w = std::max(a.x2, b.x2) - std::min(a.x1, b.x1);
  const T hull_h = std::max(a.y2, b.y2) - std::min(a.y1, b.y1);
  if (metric == FL_GIOU) {
    const T hull = hull_w * hull_h;
    const T penalty = (hull - either) / hull;
    if (!(hull > 0)) return iou;
    return iou - (penalty <= 1 && penalty >= -1 ? penalty : T{1});
  }
  const T dx = (a.x1 + a.x2) / 2 - (b.x1 + b.x2) / 2;
  const T dy = (a.y1 + a.y2) / 2 - (b.y1 + b.y2) / 2;
  const T penalty = (dx * dx + dy * dy) / (hull_w * hull_w + hull_h * hull_h + eps);
  const T diou = iou - (penalty <= 1 ? penalty : T{1});
  if (metric == FL_DIOU) return diou;
  const T turn = b.extra - a.extra;
  const T v = static_cast<T>(4 / (std::numbers::pi * std::numbers::pi)) * (turn * turn);
  return diou - v / (1 - iou + v + eps) * v;
}

template <typename T>
void matrix(const BoxJob<T>* job) noexcept {
  for (size_t i = 0; i < job->a.n; ++i) {
    for (size_t j = 0; j < job->b.n; ++j) {
      job->out[static_cast<ptrdiff_t>(i) * job->out_row + static_cast<ptrdiff_t>(j)] =
          metric_of(job->metric, packed(job->a, i), packed(job->b, j), job->eps);
    }
  }
}

template <typename T>
void aligned(const BoxJob<T>* job) noexcept {
  for (size_t i = 0; i < job->a.n; ++i) {
    job->out[i] = metric_of(job->metric, packed(job->a, i), packed(job->b, i), job->eps);
  }
}

template <typename T, typename I>
void best(const BoxColumns<T>* a, const BoxColumns<T>* b, int32_t metric, int32_t fresh,
          int32_t first, T* value, I* index) noexcept {
  for (size_t i = 0; i < a->n; ++i) {
    if (fresh != 0) {
      value[i] = 0;
      index[i] = -1;
    }
    for (size_t j = 0; j < b->n; ++j) {
      const T now = metric_of(metric, packed(*a, i), packed(*b, j), T{0});
      if (!(now > value[i])) continue;
      value[i] = now;
      index[i] = static_cast<I>(first + static_cast<I>(j));
    }
  }
}

template <typename T, typename I>
void count(const BoxColumns<T>* a, const BoxColumns<T>* b, int32_t metric, int32_t fresh,
           T threshold, I* total) noexcept {
  for (size_t i = 0; i < a->n; ++i) {
    if (fresh != 0) total[i] = 0;
    for (size_t j = 0; j < b->n; ++j) {
      total[i] += metric_of(metric, packed(*a, i), packed(*b, j), T{0}) >= threshold;
    }
  }
}

template <typename T>
size_t hits(const BoxColumns<T>* a, size_t row, const BoxColumns<T>* b, int32_t metric,
            T threshold, int32_t* index, T* value) noexcept {
  size_t found = 0;
  for (size_t j = 0; j < b->n; ++j) {
    const T now = metric_of(metric, packed(*a, row), packed(*b, j), T{0});
    if (!(now >= threshold)) continue;
    index[found] = static_cast<int32_t>(j);
    value[found] = now;
    ++found;
  }
  return found;
}

template <typename T>
size_t find_bad(const BoxSource* from, size_t n) noexcept {
  for (size_t i = 0; i < n; ++i) {
    const Corners<T> b = box<T>(*from, i);
    const bool finite = std::isfinite(b.x1) && std::isfinite(b.y1) && std::isfinite(b.x2) &&
                        std::isfinite(b.y2);
    if (!finite || b.x2 < b.x1 || b.y2 < b.y1) return i;
  }
  return n;
}

template <typename T>
void area(const BoxSource* from, size_t n, const BoxTarget* to) noexcept {
  for (size_t i = 0; i < n; ++i) {
    const Corners<T> b = box<T>(*from, i);
    const T w = b.x2 - b.x1;
    const T h = b.y2 - b.y1;
    write(*to, i, 0, w > 0 && h > 0 && std::isfinite(w * h) ? w * h : T{0});
  }
}

template <typename T>
void convert(const BoxSource* from, size_t n, int32_t out_format, const double* in_size,
             const double* out_size, size_t size_step, const BoxTarget* to) noexcept {
  for (size_t i = 0; i < n; ++i) {
    T v[4];
    for (int k = 0; k < 4; ++k) {
      v[k] = number<T>(*from, i, k);
      if (in_size != nullptr) {
        v[k] *= static_cast<T>(in_size[i * size_step + static_cast<size_t>(k % 2)]);
      }
    }
    if (from->format != out_format) {
      const Corners<T> b = corners(v[0], v[1], v[2], v[3], from->format);
      if (out_format == FL_XYXY) {
        const T as[4] = {b.x1, b.y1, b.x2, b.y2};
        std::copy_n(as, 4, v);
      } else if (out_format == FL_XYWH) {
        const T as[4] = {b.x1, b.y1, b.x2 - b.x1, b.y2 - b.y1};
        std::copy_n(as, 4, v);
      } else {
        const T as[4] = {(b.x1 + b.x2) / 2, (b.y1 + b.y2) / 2, b.x2 - b.x1, b.y2 - b.y1};
        std::copy_n(as, 4, v);
      }
    }
    for (int k = 0; k < 4; ++k) {
      if (out_size != nullptr) {
        v[k] /= static_cast<T>(out_size[i * size_step + static_cast<size_t>(k % 2)]);
      }
      write(*to, i, k, v[k]);
    }
  }
}

template <typename T>
void clip(const BoxSource* from, size_t n, double width, double height,
          const BoxTarget* to) noexcept {
  for (size_t i = 0; i < n; ++i) {
    const Corners<T> b = box<T>(*from, i);
    const T as[4] = {b.x1, b.y1, b.x2, b.y2};
    for (int k = 0; k < 4; ++k) {
      const T limit = static_cast<T>(k % 2 == 0 ? width : height);
      write(*to, i, k, std::isnan(as[k]) ? as[k] : std::clamp(as[k], T{0}, limit));
    }
  }
}

void fence() noexcept {}

const BoxKernels kTable = {
    pack<float>,           matrix<float>, aligned<float>,  best<float, int32_t>,
    count<float, int32_t>, hits<float>,   find_bad<float>, area<float>,
    convert<float>,        clip<float>,

    pack<double>,           matrix<double>, aligned<double>,  best<double, int64_t>,
    count<double, int64_t>, hits<double>,   find_bad<double>, area<double>,
    convert<double>,        clip<double>,   fence};

}  // namespace
}  // namespace oracle

const BoxKernels& oracle_box_kernels() noexcept { return oracle::kTable; }

FL_DEFINE_KERNELS(BoxKernels, box_kernels, kBoxes_)

}  // namespace fl
