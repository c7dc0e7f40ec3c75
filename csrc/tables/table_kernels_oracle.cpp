// The plain scalar oracle: the definition of each kernel, written to be read. Tests hold
// every tier against it; nothing else calls it.
#include <bit>
#include <cmath>
#include <limits>

#include "tables/table_kernels.h"

namespace fl {
namespace oracle {
namespace {

// All three ways to look must find this cell.
int32_t cell_of(double x, const AxisTable& axis) noexcept {
  if (std::isnan(x)) return axis.bins + 2;
  if (x < axis.low) return 0;
  if (x > axis.high) return axis.bins + 1;
  int32_t bin = 0;
  while (bin + 1 < axis.bins && axis.edges[bin + 1] <= x) ++bin;
  return bin + 1;
}

void index_even(const double* x, size_t n, const AxisTable* axis, int32_t* cells) noexcept {
  for (size_t i = 0; i < n; ++i) cells[i] = cell_of(x[i], *axis);
}

void index_lookup(const double* x, size_t n, const AxisTable* axis, int32_t* cells) noexcept {
  index_even(x, n, axis, cells);
}

void index_search(const double* x, size_t n, const AxisTable* axis, int32_t* cells) noexcept {
  index_even(x, n, axis, cells);
}

void index_category(const int32_t* x, size_t n, int32_t bins, int32_t* cells) noexcept {
  for (size_t i = 0; i < n; ++i) cells[i] = x[i] < 0 ? 0 : x[i] < bins ? x[i] + 1 : bins + 1;
}

void combine(const int32_t* cells, size_t n, int32_t extent, int32_t* flat) noexcept {
  for (size_t i = 0; i < n; ++i) flat[i] = flat[i] * extent + cells[i];
}

void count(const int32_t* flat, size_t n, size_t, uint32_t* tables) noexcept {
  for (size_t i = 0; i < n; ++i) ++tables[flat[i]];
}

void sketch_keys(const double* x, size_t n, int32_t bits, int32_t* keys) noexcept {
  for (size_t i = 0; i < n; ++i) {
    const uint64_t magnitude = std::bit_cast<uint64_t>(std::fabs(x[i]));
    const int32_t key = static_cast<int32_t>(magnitude >> (52 - bits)) + 1;
    keys[i] = std::isnan(x[i]) ? std::numeric_limits<int32_t>::min()
              : x[i] == 0      ? 0
              : x[i] < 0       ? -key
                               : key;
  }
}

const TableKernels kTable = {FL_TABLE_KERNELS(FL_KERNEL_ENTRY)};

}  // namespace
}  // namespace oracle

const TableKernels& oracle_table_kernels() noexcept { return oracle::kTable; }

FL_DEFINE_KERNELS(TableKernels, table_kernels, kTables_)

}  // namespace fl
