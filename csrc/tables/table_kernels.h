// Kernels over blocks of table rows: which bin a number falls into, and counting.
#pragma once

#include "core/dispatch.h"

namespace fl {

// A cell index along one axis: 0 below, 1 .. bins the bins, bins + 1 above, bins + 2 unknown
// (NaN or null).
inline constexpr int32_t kFlowCells = 3;

// The bins of one axis. Bin k holds edges[k] <= x < edges[k + 1], the last one its upper edge
// too; that alone decides. The other members only say where to look first.
struct AxisTable {
  const double* edges;  // bins + 1, rising; the last one is +inf in place of `high`
  double low, high;     // the outer edges
  // Even bins: t = (x - low) * scale never falls as x rises, and is less than slack away from
  // j at every edge j. So a t further than slack from a whole number names the bin.
  double scale, slack;
  // Uneven bins: lookup[(bits of x >> shift) - base] is the last bin that begins in that
  // range of doubles; at most one does, so the bin is that one or the one before.
  const int32_t* lookup;
  int64_t base;
  int32_t shift;
  int32_t bins;
};

inline constexpr size_t kCountTables = 4;

// Return type, name, parameters of each kernel. All integers out: equal for every tier.
//
// index_even     cells[i] = the cell of x[i]; pre: scale and slack are set, slack < 1/4.
// index_lookup   the same by the lookup table; pre: low >= 0.
// index_search   the same by bisection.
// index_category cells[i] = 0 when x[i] < 0, x[i] + 1 below bins, bins + 1 from there on.
// combine        flat[i] = flat[i] * extent + cells[i].
// count          ++ of one of kCountTables tables of `stride` counters at each flat[i].
// sketch_keys    keys[i] = 1 + the top bits of |x[i]| with `bits` bits of mantissa, with the
//                sign of x[i]; 0 for a zero, INT32_MIN for NaN. pre: 1 <= bits <= 15.
#define FL_TABLE_KERNELS(X)                                                                  \
  X(void, index_even, (const double* x, size_t n, const AxisTable* axis, int32_t* cells))    \
  X(void, index_lookup, (const double* x, size_t n, const AxisTable* axis, int32_t* cells))  \
  X(void, index_search, (const double* x, size_t n, const AxisTable* axis, int32_t* cells))  \
  X(void, index_category, (const int32_t* x, size_t n, int32_t bins, int32_t* cells))        \
  X(void, combine, (const int32_t* cells, size_t n, int32_t extent, int32_t* flat))          \
  X(void, count, (const int32_t* flat, size_t n, size_t stride, uint32_t* tables))           \
  X(void, sketch_keys, (const double* x, size_t n, int32_t bits, int32_t* keys))

FL_DECLARE_KERNELS(TableKernels, FL_TABLE_KERNELS, table_kernels, oracle_table_kernels)

}  // namespace fl
