#include "pixels/gate_rows.h"

#include <algorithm>

#include "fastlabel/gate.h"
#include "pixels/row_kernels.h"

extern "C" {

fl_status gate_kernels_ready(void) { return fl::init_tier(); }

void gate_rows_measure(const uint8_t* const* rows, int32_t count, int32_t n, uint32_t* cells,
                       gate_row_sums* sums) {
  const auto measured = static_cast<size_t>(count);
  const auto pixels = static_cast<size_t>(n);
  if (n > 2) {
    constexpr int32_t kMost = 16;
    const uint8_t* inner[kMost + 2];
    for (int32_t k = 0; k < count + 2; ++k) inner[k] = rows[k] + 1;
    fl::RowSums all;
    fl::row_kernels().row_sums(inner, measured, pixels - 2, &all);
    sums->laplacian_squares += all.lap2;
    sums->gradient_squares += all.grad2;
  }
  // After the sums, which read rows in their order: this goes from row to row, which memory far
  // away does not like.
  uint32_t shares[2] = {0, 0};
  fl::row_kernels().row_cells(rows + 1, measured, pixels, FL_GATE_GRID_WIDTH, cells, shares);
  sums->lit += shares[0];
  sums->bright += shares[1];
}

void gate_row_noise(const uint8_t* up, const uint8_t* cur, const uint8_t* down, int32_t n,
                    uint32_t* blocks) {
  constexpr int32_t kBlock = 32;
  constexpr int32_t kPiece = 16 * kBlock;
  // At an end both neighbours of a column are the same one.
  const auto end = [&](int32_t x, int32_t other) {
    const int32_t answer = 2 * (up[other] - 2 * cur[other] + down[other]) -
                           2 * (up[x] - 2 * cur[x] + down[x]);
    return static_cast<uint16_t>(answer < 0 ? -answer : answer);
  };
  for (int32_t from = 0; from < n; from += kPiece) {
    uint16_t noise[kPiece] = {};
    const int32_t count = std::min(kPiece, n - from);
    const int32_t first = std::max(from, 1);
    const int32_t last = std::min(from + count, n - 1);
    if (first < last) {
      fl::row_kernels().row_noise(up + first, cur + first, down + first,
                                  static_cast<size_t>(last - first), noise + (first - from));
    }
    if (from == 0) noise[0] = end(0, n > 1 ? 1 : 0);
    if (from + count == n && n > 1) noise[count - 1] = end(n - 1, n - 2);
    // What the piece lacks is zero. 32 answers of at most 2040 fit 16 bits.
    for (int32_t at = 0; at < count; at += kBlock) {
      uint16_t sum = 0;
      for (int32_t i = at; i < at + kBlock; ++i) sum = static_cast<uint16_t>(sum + noise[i]);
      *blocks++ += sum;
    }
  }
}

}  // extern "C"
