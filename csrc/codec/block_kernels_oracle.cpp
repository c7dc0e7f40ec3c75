// The plain scalar oracle of block_kernels.h: the transforms as sums over a matrix of whole
// numbers, which is what the fast ones come to.
#include <algorithm>
#include <array>
#include <cstdlib>

#include "codec/block_kernels.h"
#include "codec/jpeg_frame.h"

namespace fl {
namespace oracle {
namespace {

// kBasis[f][x]: 2^13 cos((2 x + 1) f pi / 16), times sqrt(2) but for f = 0; made of the rounded
// constants of the algorithm, so that they differ from the cosines by some units.
using Matrix = std::array<std::array<int64_t, 8>, 8>;
constexpr Matrix kBasis = [] {
  constexpr int64_t even[4][4] = {{8192, 8192, 8192, 8192},
                                  {4433 + 6270, 4433, -4433, -4433 - 6270},
                                  {8192, -8192, -8192, 8192},
                                  {4433, 4433 - 15137, 15137 - 4433, -4433}};
  constexpr int64_t z = 9633;
  constexpr int64_t odd[4][4] = {
      {12299 - 7373 - 3196 + z, z, z - 3196, z - 7373},
      {z, 25172 - 20995 - 16069 + z, z - 20995, z - 16069},
      {z - 3196, z - 20995, 16819 - 20995 - 3196 + z, z},
      {z - 7373, z - 16069, z, 2446 - 7373 - 16069 + z}};
  Matrix m{};
  for (size_t f = 0; f < 4; ++f) {
    for (size_t x = 0; x < 4; ++x) {
      m[2 * f][x] = m[2 * f][7 - x] = even[f][x];
      m[2 * f + 1][x] = odd[f][x];
      m[2 * f + 1][7 - x] = -odd[f][x];
    }
  }
  return m;
}();

// Halves up; of 32 bits.
int64_t descale(int64_t v, int bits) noexcept {
  return static_cast<int32_t>(static_cast<uint32_t>(v) + (1U << (bits - 1))) >> bits;
}

void samples_of(const int16_t* block, int64_t (&out)[64]) noexcept {
  int64_t rows[64], half[64];
  for (int k = 0; k < 64; ++k) rows[kZigzag[k]] = block[k];
  const auto pass = [](const int64_t* in, size_t step, size_t line, int bits, int64_t* to) {
    for (size_t l = 0; l < 8; ++l) {
      for (size_t x = 0; x < 8; ++x) {
        int64_t sum = 0;
        for (size_t f = 0; f < 8; ++f) sum += kBasis[f][x] * in[l * line + f * step];
        to[l * line + x * step] = descale(sum, bits);
      }
    }
  };
  pass(rows, 8, 1, 11, half);
  pass(half, 1, 8, 18, out);
  for (int64_t& v : out) v = std::clamp<int64_t>(v, -128, 127);
}

uint64_t requantise(const int16_t* block, const Divisors* by, int16_t* out) noexcept {
  uint64_t mask = 0;
  for (int k = 0; k < 64; ++k) {
    const int32_t x = std::min(std::abs(int32_t{block[k]}) + by->half[k], 16383);
    const uint32_t product = static_cast<uint32_t>(2 * x) * by->multiplier[k] >> 16;
    const auto r = static_cast<int32_t>(2 * product * by->scale[k] >> 16);
    out[k] = static_cast<int16_t>(
        std::clamp(block[k] < 0 ? -r : r, k == 0 ? -1024 : -1023, 1023));
    mask |= static_cast<uint64_t>(out[k] != 0) << k;
  }
  return mask;
}

uint64_t encode_samples(const int64_t* samples, const Divisors* by, int16_t* out) noexcept {
  int64_t half[64], rows[64];
  const auto pass = [](const int64_t* in, size_t step, size_t line, int bits, int64_t* to) {
    for (size_t l = 0; l < 8; ++l) {
      for (size_t f = 0; f < 8; ++f) {
        int64_t sum = 0;
        for (size_t x = 0; x < 8; ++x) sum += kBasis[f][x] * in[l * line + x * step];
        to[l * line + f * step] = descale(sum, bits);
      }
    }
  };
  pass(samples, 1, 8, 11, half);
  pass(half, 8, 1, 15, rows);
  int16_t block[64];
  for (int k = 0; k < 64; ++k) block[k] = static_cast<int16_t>(rows[kZigzag[k]]);
  return requantise(block, by, out);
}

void decode(const int16_t* block, uint8_t* samples, size_t stride) noexcept {
  int64_t values[64];
  samples_of(block, values);
  for (size_t y = 0; y < 8; ++y) {
    for (size_t x = 0; x < 8; ++x) {
      samples[y * stride + x] = static_cast<uint8_t>(values[8 * y + x] + 128);
    }
  }
}

uint64_t encode(const uint8_t* samples, size_t stride, const Divisors* by, int16_t* out) noexcept {
  int64_t values[64];
  for (size_t y = 0; y < 8; ++y) {
    for (size_t x = 0; x < 8; ++x) values[8 * y + x] = int64_t{samples[y * stride + x]} - 128;
  }
  return encode_samples(values, by, out);
}

uint64_t recode(const int16_t* block, const Divisors* by, int16_t* out) noexcept {
  int64_t values[64];
  samples_of(block, values);
  return encode_samples(values, by, out);
}

const BlockKernels kTable = {FL_BLOCK_KERNELS(FL_KERNEL_ENTRY)};

}  // namespace
}  // namespace oracle

const BlockKernels& oracle_block_kernels() noexcept { return oracle::kTable; }

FL_DEFINE_KERNELS(BlockKernels, block_kernels, kBlocks_)

}  // namespace fl
