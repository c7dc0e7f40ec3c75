// The plain scalar oracle: the definition of each kernel, written to be read. Tests hold
// every tier against it; nothing else calls it.
#include "pixels/cell_kernels.h"

namespace fl {
namespace cell_oracle {
namespace {

void row_cells(const uint8_t* const* rows, size_t count, size_t n, size_t cells, uint32_t* sums,
               uint32_t* shares) noexcept {
  for (size_t y = 0; y < count; ++y) {
    for (size_t i = 0; i < n; ++i) {
      shares[0] += rows[y][i] >= 32;
      shares[1] += rows[y][i] >= 224;
    }
    for (size_t k = 0; k < cells; ++k) {
      for (size_t i = k * n / cells; i < (k + 1) * n / cells; ++i) sums[k] += rows[y][i];
    }
  }
}

const CellKernels kTable = {FL_CELL_KERNELS(FL_KERNEL_ENTRY)};

}  // namespace
}  // namespace cell_oracle

const CellKernels& oracle_cell_kernels() noexcept { return cell_oracle::kTable; }

FL_DEFINE_KERNELS(CellKernels, cell_kernels, kCells_)

}  // namespace fl
