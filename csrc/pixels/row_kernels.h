// Kernels over rows of 8-bit pixels: the statistics' inner loops.
#pragma once

#include "core/dispatch.h"

namespace fl {

// What a row of pixels adds to the statistics. Integer sums: the same for any order, thread
// count and instruction set.
struct RowSums {
  uint64_t sum = 0;    // of the pixels
  uint64_t sum2 = 0;   // of their squares
  int64_t lap = 0;     // of the 4-neighbour Laplacian
  uint64_t lap2 = 0;   // of its squares
  uint64_t grad2 = 0;  // of squared central differences, both directions

  RowSums& operator+=(const RowSums& o) noexcept {
    sum += o.sum;
    sum2 += o.sum2;
    lap += o.lap;
    lap2 += o.lap2;
    grad2 += o.grad2;
    return *this;
  }
  RowSums& operator-=(const RowSums& o) noexcept {
    sum -= o.sum;
    sum2 -= o.sum2;
    lap -= o.lap;
    lap2 -= o.lap2;
    grad2 -= o.grad2;
    return *this;
  }
};

// Return type, name, parameters of each kernel.
//
// row_sums   measures `count` rows of n pixels: rows[1] .. rows[count], each with the one
//            before and after it in the list. pre: count >= 1, n < 2^24; all rows readable at
//            [0, n), the measured ones at [-1, n]. Adds to *out.
// row_squares  the same rows and preconditions; adds the squares of the 4-neighbour Laplacian to
//            *lap2. Their plain sum needs no kernel: it telescopes to the border.
// row_noise  pre: prev, cur, next readable at [-1, n]; noise[i] at most 65535 - 2040.
//            Adds |N| of the 3x3 noise kernel to noise[i].
// row_halve  out[i] = rounded mean of the 2x2 block at a[2i], b[2i]; i < n.
// row_add    acc[i] += row[i].
// row_cells  adds the pixels of each of `cells` parts of `count` rows to its sum; part k of a row
//            begins at k n / cells. Adds to shares[0] how many pixels are from 32 on, to
//            shares[1] how many from 224 on. pre: a part of all rows has less than 2^24 pixels.
// hash_stripes  mixes `stripes` times 64 bytes into 8 accumulators of the content hash. Stripe k
//            of a block is keyed by the 64 bytes at secret + 8 k; after kHashBlock of them the
//            accumulators are scrambled by those at secret + 8 kHashBlock, and a block begins.
// histogram  adds n bytes to kHistogramTables interleaved tables of 256 counters.
#define FL_ROW_KERNELS(X) \
  X(void, row_sums, \
    (const uint8_t* const* rows, size_t count, size_t n, RowSums* out)) \
  X(void, row_squares, \
    (const uint8_t* const* rows, size_t count, size_t n, uint64_t* lap2)) \
  X(void, row_noise, \
    (const uint8_t* prev, const uint8_t* cur, const uint8_t* next, size_t n, uint16_t* noise)) \
  X(void, row_halve, (const uint8_t* a, const uint8_t* b, size_t n, uint8_t* out)) \
  X(void, row_add, (const uint8_t* row, size_t n, uint32_t* acc)) \
  X(void, row_cells, \
    (const uint8_t* const* rows, size_t count, size_t n, size_t cells, uint32_t* sums, \
     uint32_t* shares)) \
  X(void, row_luma, \
    (const uint8_t* c0, const uint8_t* c1, const uint8_t* c2, ptrdiff_t step, \
     const int16_t* weights, size_t n, uint8_t* out)) \
  X(void, row_pick, (const uint8_t* row, ptrdiff_t step, size_t n, uint8_t* out)) \
  X(void, hash_stripes, \
    (const uint8_t* data, size_t stripes, const uint8_t* secret, uint64_t* acc)) \
  X(void, histogram, (const uint8_t* row, size_t n, uint32_t* tables))

inline constexpr size_t kHistogramTables = 8;
inline constexpr size_t kHashBlock = 16;
inline constexpr uint64_t kHashPrime = 0x9E3779B1U;  // XXH_PRIME32_1, of the scramble

FL_DECLARE_KERNELS(RowKernels, FL_ROW_KERNELS, row_kernels, oracle_row_kernels)

}  // namespace fl
