// The IoU family over whole sets: matrices, aligned rows, batches of many images. Blocks on the
// stack, no allocation but for the index of a large image (best, counts).
#pragma once

#include <cstdint>
#include <limits>

#include "geometry/box_kernels.h"

// The kernel of type T, of the tier in force.
#define FL_BOX_KERNEL(T, name)                        \
  [](const ::fl::BoxKernels& kernels) noexcept {      \
    if constexpr (sizeof(T) == 4) {                   \
      return kernels.name##_f32;                      \
    } else {                                          \
      return kernels.name##_f64;                      \
    }                                                 \
  }(::fl::box_kernels())

namespace fl {

struct BoxSet {
  BoxSource source;
  int64_t n;
};

struct OverlapChoice {
  int32_t metric;        // fl_box_metric
  double eps;
  const uint8_t* crowd;  // or null
  int64_t crowd_stride;
};

// Boxes of a tile: their columns take most of a 32 kB cache.
template <typename T>
inline constexpr size_t kTileBoxes = 4096 / sizeof(T);

template <typename T>
struct BoxTile {
  static constexpr size_t kCapacity = kTileBoxes<T> + kBoxPad;
  alignas(64) T data[kBoxColumns * kCapacity];

  BoxColumns<T> columns(size_t begin, size_t n) const noexcept {
    return {data + begin, kCapacity, n};
  }
  T* extra() noexcept { return data + 5 * kCapacity; }
};

// IoU of two boxes of four numbers side by side, by the same operations as the kernels', for
// calls too small to be worth packing.
template <typename T>
inline T pair_iou(const T* a, const T* b) noexcept {
  const T wa = a[2] - a[0];
  const T wb = b[2] - b[0];
  const T area_a = wa * (a[3] - a[1]);
  const T area_b = wb * (b[3] - b[1]);
  constexpr T kLargest = std::numeric_limits<T>::max();
  if (!(wa > 0 && wb > 0 && area_a > 0 && area_b > 0)) return 0;
  if (!(area_a <= kLargest && area_b <= kLargest)) return 0;
  const T w = (a[2] < b[2] ? a[2] : b[2]) - (a[0] > b[0] ? a[0] : b[0]);
  const T h = (a[3] < b[3] ? a[3] : b[3]) - (a[1] > b[1] ? a[1] : b[1]);
  if (!(w > 0 && h > 0)) return 0;
  const T overlap = w * h;
  return overlap / (area_a + area_b - overlap);
}

// out: a.n rows of b.n numbers of type T, strides in bytes.
template <typename T>
void box_matrix(const BoxSet& a, const BoxSet& b, const OverlapChoice& choice, unsigned char* out,
                int64_t row_stride, int64_t column_stride) noexcept;
template <typename T>
void box_aligned(const BoxSet& a, const BoxSet& b, const OverlapChoice& choice,
                 unsigned char* out, int64_t stride) noexcept;

// Rows offsets[g] .. offsets[g + 1] are image g's, of `groups` images.
struct RaggedSets {
  BoxSource a;
  const int64_t* offsets_a;
  BoxSource b;
  const int64_t* offsets_b;
  int64_t groups;
};

// The last group of the run that begins with `from` and fits one tile on either side, plus one;
// `from` itself when not even one group fits.
int64_t end_of_run(const RaggedSets& sets, int64_t from, int64_t most) noexcept;

template <typename T>
void ragged_matrix(const RaggedSets& sets, const OverlapChoice& choice, T* out);
template <typename T>
void ragged_best(const RaggedSets& sets, int32_t metric, double threshold, int64_t* index,
                 T* value);
template <typename T>
void ragged_counts(const RaggedSets& sets, double threshold, int64_t* counts);

}  // namespace fl
