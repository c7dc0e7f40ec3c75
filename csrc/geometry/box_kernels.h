// Kernels over axis-aligned boxes, float32 and float64.
//
// They work on columns: the boxes of a tile are packed once (x1, y1, x2, y2, area and one
// extra), and boxes that cannot overlap anything are replaced while packing, so that the
// inner loops have no cases.
#pragma once

#include "core/dispatch.h"

namespace fl {

// Boxes as somebody else keeps them: any strides, in bytes, any alignment.
struct BoxSource {
  const unsigned char* data;
  ptrdiff_t row;     // from a box to the next
  ptrdiff_t column;  // from a number to the next of its box
  int32_t format;    // fl_box_format
  int32_t reserved;
};

// Where four (or, for one column, one) numbers a row are written.
struct BoxTarget {
  unsigned char* data;
  ptrdiff_t row;
  ptrdiff_t column;
};

// What packing does with a box.
//
// kOverlap  for metrics that are 0 without overlap: a box without a positive, finite area
//           becomes the point (0, 0) of area 0.
// kHull     for metrics that judge the hull of two boxes: a box that is reversed or whose
//           area is not finite becomes NaN; an empty one stays.
// kShape    as kHull, and the extra column gets the angle atan(width / height).
enum class BoxRule : int32_t { kOverlap = 0, kHull = 1, kShape = 2 };

inline constexpr size_t kBoxColumns = 6;
// Every column may be read and, by best and count, their results be written this far past
// the last box: a vector of the widest tier.
inline constexpr size_t kBoxPad = 16;

// Packed boxes: column k begins at data + k * capacity.
template <typename T>
struct BoxColumns {
  const T* data;
  size_t capacity;
  size_t n;
};

// Internal to the kernels: fl_box_metric's values and IoU against crowd regions, whose flags
// (0 or 1) are in the extra column of b.
inline constexpr int32_t kIouWithCrowd = 100;

// A block of the matrix of a metric.
template <typename T>
struct BoxJob {
  BoxColumns<T> a, b;
  T* out;
  ptrdiff_t out_row;  // from a row of out to the next, in numbers
  // How many numbers from `out` on may be written beyond what they will hold in the end,
  // because they are results that are written later; 0: none. Only when out_row is b.n.
  size_t room;
  T eps;
  int32_t metric;
  int32_t stream;  // not 0: write around the caches; whoever calls ends with fence
};

// One list for both types. T is float or double, I the integer of its size.
//
// pack     packs rows begin .. begin + n of a source into `to` (kBoxColumns columns), and
//          kBoxPad zeros after each column. pre: capacity >= n + kBoxPad.
// matrix   out[i * out_row + j] = metric of a[i] and b[j].
// aligned  out[i] = metric of a[i] and b[i]; a.n == b.n.
// best     for each a[i] the first j of the largest metric (IoU, IoA, IoS): where it beats
//          value[i], value[i] and index[i] = first + j are set. When fresh is not 0, both are
//          set to 0 and -1 before. Writes up to kBoxPad further entries of both.
// count    adds to total[i] how many of b reach the threshold, after setting it to 0 when
//          fresh is not 0. Writes up to kBoxPad further entries.
// hits     writes the j, ascending, and metrics of the b that reach the threshold against
//          box `row` of a; returns how many. pre: threshold > 0; room for b.n of each.
// find_bad the first of n boxes that is reversed or not finite, or n.
// area     width times height; 0 for a box that is reversed or whose area is not finite.
// convert  rows of four numbers in another format, times in_size (from normalised) before
//          and divided by out_size (to normalised) after; null: neither. Sizes are width,
//          height, and size_step numbers on those of the next box.
// clip     corners clamped to [0, width] and [0, height]; NaN stays.
#define FL_BOX_KERNELS_OF(X, T, I, s)                                                            \
  X(void, pack_##s,                                                                              \
    (const BoxSource* from, size_t begin, size_t n, BoxRule rule, T* to, size_t capacity))       \
  X(void, matrix_##s, (const BoxJob<T>* job))                                                    \
  X(void, aligned_##s, (const BoxJob<T>* job))                                                   \
  X(void, best_##s,                                                                              \
    (const BoxColumns<T>* a, const BoxColumns<T>* b, int32_t metric, int32_t fresh,              \
     int32_t first, T* value, I* index))                                                         \
  X(void, count_##s,                                                                             \
    (const BoxColumns<T>* a, const BoxColumns<T>* b, int32_t metric, int32_t fresh, T threshold, \
     I* total))                                                                                  \
  X(size_t, hits_##s,                                                                            \
    (const BoxColumns<T>* a, size_t row, const BoxColumns<T>* b, int32_t metric, T threshold,    \
     int32_t* index, T* value))                                                                  \
  X(size_t, find_bad_##s, (const BoxSource* from, size_t n))                                     \
  X(void, area_##s, (const BoxSource* from, size_t n, const BoxTarget* to))                      \
  X(void, convert_##s,                                                                           \
    (const BoxSource* from, size_t n, int32_t out_format, const double* in_size,                 \
     const double* out_size, size_t size_step, const BoxTarget* to))                             \
  X(void, clip_##s,                                                                              \
    (const BoxSource* from, size_t n, double width, double height, const BoxTarget* to))

// fence  makes streamed results visible to other threads.
#define FL_BOX_KERNELS(X)                     \
  FL_BOX_KERNELS_OF(X, float, int32_t, f32)   \
  FL_BOX_KERNELS_OF(X, double, int64_t, f64)  \
  X(void, fence, ())

FL_DECLARE_KERNELS(BoxKernels, FL_BOX_KERNELS, box_kernels, oracle_box_kernels)

}  // namespace fl
