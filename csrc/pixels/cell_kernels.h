// Kernels of the frame gate: rows of 8-bit pixels summed in the cells of a grid, and counted by
// their light.
#pragma once

#include "core/dispatch.h"

namespace fl {

// Return type, name, parameters of each kernel.
//
// row_cells  adds the pixels of each of `cells` parts of `count` rows to its sum; part k of a row
//            begins at k n / cells. Adds to shares[0] how many pixels are from 32 on, to
//            shares[1] how many from 224 on. pre: a part of all rows has less than 2^24 pixels.
#define FL_CELL_KERNELS(X)                                                                       \
  X(void, row_cells,                                                                             \
    (const uint8_t* const* rows, size_t count, size_t n, size_t cells, uint32_t* sums,           \
     uint32_t* shares))

FL_DECLARE_KERNELS(CellKernels, FL_CELL_KERNELS, cell_kernels, oracle_cell_kernels)

}  // namespace fl
