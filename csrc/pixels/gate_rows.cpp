#include "pixels/gate_rows.h"

#include <algorithm>

#include "fastlabel/gate.h"
#include "pixels/row_kernels.h"

extern "C" {

fl_status gate_kernels_ready(void) { return fl::init_tier(); }

void gate_row_measure(const uint8_t* up, const uint8_t* cur, const uint8_t* down, int32_t n,
                      uint32_t* cells, gate_row_sums* sums) {
  const uint8_t* rows[3] = {up, cur, down};
  fl::RowSums all;
  fl::row_kernels().row_sums(rows, 1, static_cast<size_t>(n), &all);
  fl::row_kernels().row_cells(cur, static_cast<size_t>(n), FL_GATE_GRID_WIDTH, cells);
  sums->laplacian_squares += all.lap2;
  sums->gradient_squares += all.grad2;
}

void gate_row_noise(const uint8_t* up, const uint8_t* cur, const uint8_t* down, int32_t n,
                    uint32_t* blocks) {
  constexpr int32_t kBlock = 32;
  constexpr int32_t kPiece = 16 * kBlock;
  for (int32_t from = 0; from < n; from += kPiece) {
    const int32_t count = std::min(kPiece, n - from);
    uint16_t noise[kPiece] = {};
    fl::row_kernels().row_noise(up + from, cur + from, down + from, static_cast<size_t>(count),
                                noise);
    // What the piece lacks is zero.
    for (int32_t at = 0; at < count; at += kBlock) {
      uint32_t sum = 0;
      for (int32_t i = at; i < at + kBlock; ++i) sum += noise[i];
      *blocks++ += sum;
    }
  }
}

}  // extern "C"
