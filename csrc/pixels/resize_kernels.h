// Kernels that resize 8-bit pictures. Integers throughout, so that a picture is the same bytes
// on every machine.
#pragma once

#include "core/dispatch.h"

namespace fl {

// What one output pixel takes from an axis: `edge` of source pixel `first`, `full` (the same
// for all cells of an axis) of each of the `inner` pixels after it, `last` of the next one.
struct AreaCell {
  int32_t first;
  int32_t inner;
  uint32_t edge;
  uint32_t last;  // 0: there is no last pixel, and it is not read
};

// n / area, rounded half up, without a division: (n + half) * magic >> shift. Exact for
// n <= 255.5 * area and area <= 2^23.
struct AreaDivisor {
  uint32_t half;
  uint32_t magic;
  uint32_t shift;
};

// Return type, name, parameters of each kernel.
//
// area_rows     acc[i] = (add ? acc[i] : 0) + sum of weights[k] * rows[k][i], k < count, i < n.
//               pre: no sum leaves 32 bits.
// area_columns  the cells' weighted sums over the pixels acc, divided and rounded, as pixels.
//               pre: acc readable for four numbers past its pixels; no sum leaves 32 bits.
// area_columns_wide  the same where sums need 64 bits; area is what they are divided by.
// area_halve    means of 2 x 2 pixels of the rows a and b, rounded half up; n pixels out.
// linear_columns  out[c * plane + i] = (w0 p[at[i] + c] + w1 p[at[i] + channels + c]) >> 4 with
//               w0, w1 = weights[2 i], weights[2 i + 1]. pre: 0 <= w0 + w1 <= 2049; the first
//               `safe` of the n outputs may read eight bytes from at[i] on. `next` is the
//               row of the call to come, fetched into the cache meanwhile; or row again.
// pick_columns  out[c * plane + i] = row[at[i] + c]. pre and next as for linear_columns.
// linear_rows   out[i] = ((w0 a[i] >> 16) + (w1 b[i] >> 16) + 2) >> 2.
//               pre: 0 <= a[i], b[i]; w0 and w1 in 0..2048.
// channels is 1, 3 or 4.
#define FL_RESIZE_KERNELS(X)                                                                     \
  X(void, area_rows,                                                                             \
    (const uint8_t* const* rows, const uint32_t* weights, size_t count, size_t n, bool add,      \
     uint32_t* acc))                                                                             \
  X(void, area_columns,                                                                          \
    (const uint32_t* acc, const AreaCell* cells, size_t n, int32_t channels, uint32_t full,      \
     const AreaDivisor* divisor, uint8_t* out))                                                  \
  X(void, area_columns_wide,                                                                     \
    (const uint32_t* acc, const AreaCell* cells, size_t n, int32_t channels, uint32_t full,      \
     uint64_t area, uint8_t* out))                                                               \
  X(void, area_halve,                                                                            \
    (const uint8_t* a, const uint8_t* b, size_t n, int32_t channels, uint8_t* out))              \
  X(void, linear_columns,                                                                        \
    (const uint8_t* row, const uint8_t* next, const int32_t* at, const int16_t* weights,         \
     size_t n, size_t safe, int32_t channels, int16_t* out, size_t plane))                       \
  X(void, pick_columns,                                                                          \
    (const uint8_t* row, const uint8_t* next, const int32_t* at, size_t n, size_t safe,          \
     int32_t channels, uint8_t* out, size_t plane))                                              \
  X(void, linear_rows,                                                                           \
    (const int16_t* a, const int16_t* b, int32_t w0, int32_t w1, size_t n, uint8_t* out))

FL_DECLARE_KERNELS(ResizeKernels, FL_RESIZE_KERNELS, resize_kernels, oracle_resize_kernels)

}  // namespace fl
