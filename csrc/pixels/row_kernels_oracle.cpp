// The plain scalar oracle: the definition of each kernel, written to be read. Tests hold
// every tier against it; nothing else calls it.
#include <cstdlib>

#include "pixels/row_kernels.h"

namespace fl {
namespace oracle {
namespace {

void row_sums(const uint8_t* const* rows, size_t count, size_t n, RowSums* out) noexcept {
  for (size_t y = 1; y <= count; ++y) {
    const uint8_t* up = rows[y - 1];
    const uint8_t* cur = rows[y];
    const uint8_t* down = rows[y + 1];
    for (size_t k = 0; k < n; ++k) {
      const ptrdiff_t i = static_cast<ptrdiff_t>(k);
      const int64_t lap = cur[i - 1] + cur[i + 1] + up[i] + down[i] - 4 * cur[i];
      const int64_t gx = cur[i + 1] - cur[i - 1];
      const int64_t gy = down[i] - up[i];
      out->sum += cur[i];
      out->sum2 += static_cast<uint64_t>(cur[i]) * cur[i];
      out->lap += lap;
      out->lap2 += static_cast<uint64_t>(lap * lap);
      out->grad2 += static_cast<uint64_t>(gx * gx + gy * gy);
    }
  }
}

void row_squares(const uint8_t* const* rows, size_t count, size_t n, uint64_t* lap2) noexcept {
  RowSums all;
  row_sums(rows, count, n, &all);
  *lap2 += all.lap2;
}

void row_noise(const uint8_t* prev, const uint8_t* cur, const uint8_t* next, size_t n,
               uint16_t* noise) noexcept {
  for (size_t k = 0; k < n; ++k) {
    const ptrdiff_t i = static_cast<ptrdiff_t>(k);
    const int response = prev[i - 1] - 2 * prev[i] + prev[i + 1] - 2 * cur[i - 1] + 4 * cur[i] -
                         2 * cur[i + 1] + next[i - 1] - 2 * next[i] + next[i + 1];
    noise[i] = static_cast<uint16_t>(noise[i] + std::abs(response));
  }
}

void row_halve(const uint8_t* a, const uint8_t* b, size_t n, uint8_t* out) noexcept {
  for (size_t i = 0; i < n; ++i) {
    out[i] = static_cast<uint8_t>((a[2 * i] + a[2 * i + 1] + b[2 * i] + b[2 * i + 1] + 2) / 4);
  }
}

void row_add(const uint8_t* row, size_t n, uint32_t* acc) noexcept {
  for (size_t i = 0; i < n; ++i) acc[i] += row[i];
}

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

void row_luma(const uint8_t* c0, const uint8_t* c1, const uint8_t* c2, ptrdiff_t step,
              const int16_t* weights, size_t n, uint8_t* out) noexcept {
  for (size_t k = 0; k < n; ++k) {
    const ptrdiff_t at = static_cast<ptrdiff_t>(k) * step;
    const int32_t sum = weights[0] * c0[at] + weights[1] * c1[at] + weights[2] * c2[at];
    out[k] = static_cast<uint8_t>((sum + (1 << 14)) >> 15);
  }
}

void row_pick(const uint8_t* row, ptrdiff_t step, size_t n, uint8_t* out) noexcept {
  for (size_t k = 0; k < n; ++k) out[k] = row[static_cast<ptrdiff_t>(k) * step];
}

void hash_stripes(const uint8_t* data, size_t stripes, const uint8_t* secret,
                  uint64_t* acc) noexcept {
  const auto word = [](const uint8_t* p) {
    uint64_t value = 0;
    for (size_t i = 0; i < 8; ++i) value |= uint64_t{p[i]} << (8 * i);
    return value;
  };
  for (size_t k = 0; k < stripes; ++k) {
    for (size_t lane = 0; lane < 8; ++lane) {
      const uint64_t value = word(data + 64 * k + 8 * lane);
      const uint64_t keyed = value ^ word(secret + 8 * (k % kHashBlock) + 8 * lane);
      acc[lane ^ 1] += value;
      acc[lane] += (keyed & 0xFFFFFFFFU) * (keyed >> 32);
    }
    if (k % kHashBlock != kHashBlock - 1) continue;
    for (size_t lane = 0; lane < 8; ++lane) {
      acc[lane] ^= (acc[lane] >> 47) ^ word(secret + 8 * kHashBlock + 8 * lane);
      acc[lane] *= kHashPrime;
    }
  }
}

void histogram(const uint8_t* row, size_t n, uint32_t* tables) noexcept {
  for (size_t i = 0; i < n; ++i) ++tables[row[i]];
}

const RowKernels kTable = {FL_ROW_KERNELS(FL_KERNEL_ENTRY)};

}  // namespace
}  // namespace oracle

const RowKernels& oracle_row_kernels() noexcept { return oracle::kTable; }

FL_DEFINE_KERNELS(RowKernels, row_kernels, kRows_)

}  // namespace fl
