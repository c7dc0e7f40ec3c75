#include "tables/histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "core/uint128.h"

namespace fl {

namespace {

// Histograms of at most this many cells are counted in small tables on the stack.
constexpr int64_t kSmallCells = 1024;
// Rows after which a 32-bit counter could overflow.
constexpr int64_t kCounterRows = int64_t{1} << 31;

// w * 2^64 as a whole number modulo 2^128, half to even; pre: |w| <= FL_MAX_WEIGHT.
uint128 fixed_of(double w) noexcept {
  const uint64_t pattern = std::bit_cast<uint64_t>(w);
  const int exponent = static_cast<int>((pattern >> 52) & 0x7FF);
  uint64_t mantissa = pattern & ((uint64_t{1} << 52) - 1);
  if (exponent > 0) mantissa |= uint64_t{1} << 52;
  // w = mantissa * 2^(e - 1075), e at least 1; shifted by 64 more.
  const int shift = (exponent > 0 ? exponent : 1) - 1075 + 64;
  uint128 magnitude = 0;
  if (shift >= 0) {
    magnitude = static_cast<uint128>(mantissa) << shift;
  } else if (shift >= -54) {
    const int drop = -shift;
    const uint64_t rest = mantissa & ((uint64_t{1} << drop) - 1);
    const uint64_t half = uint64_t{1} << (drop - 1);
    uint64_t kept = mantissa >> drop;
    if (rest > half || (rest == half && (kept & 1) != 0)) ++kept;
    magnitude = kept;
  }
  return (pattern >> 63) != 0 ? uint128{0} - magnitude : magnitude;
}

void add_weights(const fl_column& weight, int64_t at, size_t n, const int32_t* flat,
                 fl_fixed* sums) noexcept {
  double scratch[kBlockRows];
  const double* w = doubles_of(weight, at, n, scratch);
  for (size_t i = 0; i < n; ++i) {
    fl_fixed& sum = sums[flat[i]];
    // Modulo 2^128, so that the order cannot matter.
    uint128 total = (static_cast<uint128>(static_cast<uint64_t>(sum.high)) << 64) | sum.low;
    total += fixed_of(w[i]);
    sum.low = static_cast<uint64_t>(total);
    sum.high = static_cast<int64_t>(static_cast<uint64_t>(total >> 64));
  }
}

void empty_tables(uint32_t* tables, int64_t cells, int64_t* counts) noexcept {
  for (int64_t c = 0; c < cells; ++c) {
    for (size_t t = 0; t < kCountTables; ++t) {
      counts[c] += tables[t * static_cast<size_t>(kSmallCells) + static_cast<size_t>(c)];
    }
  }
  std::memset(tables, 0, kCountTables * kSmallCells * sizeof *tables);
}

}  // namespace

bool check_weights(const fl_column& weight, double* heaviest) noexcept {
  bool known = true;
  for (int64_t at = 0; at < weight.n; at += kBlockRows) {
    const auto n = static_cast<size_t>(std::min<int64_t>(kBlockRows, weight.n - at));
    double scratch[kBlockRows];
    const double* w = doubles_of(weight, at, n, scratch);
    double most = 0;
    bool fine = true;
    for (size_t i = 0; i < n; ++i) {
      const double size = std::fabs(w[i]);
      fine = fine & (size <= FL_MAX_WEIGHT);
      most = size > most ? size : most;
    }
    for_unknown(weight, at, n, [&](size_t) { known = false; });
    if (!fine || !known) return false;
    *heaviest = most > *heaviest ? most : *heaviest;
  }
  return true;
}

void histogram_fill(const Grid& grid, int64_t rows, const fl_column* weight, int64_t* counts,
                    fl_fixed* sums) {
  const TableKernels& kernels = table_kernels();
  const bool small = grid.cells() <= kSmallCells;
  uint32_t tables[kCountTables * kSmallCells];
  if (small) std::memset(tables, 0, sizeof tables);
  int64_t counted = 0;
  int32_t flat[kBlockRows];
  for (int64_t at = 0; at < rows; at += kBlockRows) {
    const auto n = static_cast<size_t>(std::min<int64_t>(kBlockRows, rows - at));
    grid.cells_of(kernels, at, n, flat);
    if (small) {
      kernels.count(flat, n, kSmallCells, tables);
      counted += static_cast<int64_t>(n);
      if (counted > kCounterRows) {
        empty_tables(tables, grid.cells(), counts);
        counted = 0;
      }
    } else {
      for (size_t i = 0; i < n; ++i) ++counts[flat[i]];
    }
    if (weight != nullptr) add_weights(*weight, at, n, flat, sums);
  }
  if (small) empty_tables(tables, grid.cells(), counts);
}

}  // namespace fl
