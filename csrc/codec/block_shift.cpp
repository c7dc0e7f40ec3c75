#include "codec/block_shift.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

#include "codec/jpeg_frame.h"

namespace fl {

namespace {

// The same for a block column by column.
constexpr auto kZigzagTurned = [] {
  std::array<uint8_t, 64> turned{};
  for (size_t k = 0; k < 64; ++k) {
    turned[k] = static_cast<uint8_t>(kZigzag[k] % 8 * 8 + kZigzag[k] / 8);
  }
  return turned;
}();

// Eight in one go: left to itself the compiler takes them one by one.
using Four = float __attribute__((vector_size(16)));

void add(float* sum, const float* line, float factor) noexcept {
  Four s[2], l[2];
  std::memcpy(s, sum, sizeof s);
  std::memcpy(l, line, sizeof l);
  s[0] += l[0] * factor;
  s[1] += l[1] * factor;
  std::memcpy(sum, s, sizeof s);
}

}  // namespace

void BlockShift::Axis::set(int64_t shift, int64_t of) noexcept {
  const int64_t whole = shift / of;
  const double part = static_cast<double>(shift % of) / static_cast<double>(of);
  blocks = whole / 8;
  moves = shift % (8 * of) != 0;
  const auto basis = [](int frequency, int64_t sample) {
    const double scale = frequency == 0 ? std::sqrt(0.125) : 0.5;
    return scale * std::cos((2 * static_cast<double>(sample) + 1) * frequency * 3.14159265358979323846 / 16);
  };
  for (int to = 0; to < 8; ++to) {
    for (int from = 0; from < 8; ++from) {
      double sums[2] = {};
      for (int sample = 0; sample < 8; ++sample) {
        for (int64_t side = 0; side < 2; ++side) {
          const int64_t at = sample + whole % 8 + side;
          sums[at / 8] += (side == 0 ? 1 - part : part) * basis(to, sample) * basis(from, at % 8);
        }
      }
      near[from][to] = static_cast<float>(sums[0]);
      far[from][to] = static_cast<float>(sums[1]);
    }
  }
}

void BlockShift::set(int64_t x, int64_t of_x, int64_t y, int64_t of_y) noexcept {
  x_.set(x, of_x);
  y_.set(y, of_y);
}

uint64_t BlockShift::apply(const CoefficientRow& here, const CoefficientRow& below, int c,
                           int64_t high, int64_t y, int64_t x, int16_t* out) const noexcept {
  // Adds what one block of the source gives, coefficient by coefficient, most of which are zero:
  // along the one axis, with lines of the other one's frequencies behind each other.
  const auto gather = [&](int64_t down, int64_t right, const float (*matrix)[8], bool along_x,
                          float* sum) {
    const int64_t row = y + y_.blocks + down;
    const int64_t column = std::min(x + x_.blocks + right, here.planes[c].wide - 1);
    const CoefficientRow& from = row < high ? here : below;
    const int64_t at = row < high ? row : std::min(row - high, high - 1);
    const int16_t* values = from.block(c, at, column);
    for (uint64_t rest = from.mask(c, at, column) | 1; rest != 0; rest &= rest - 1) {
      const int k = __builtin_ctzll(rest);
      const int v = kZigzag[k] / 8, u = kZigzag[k] % 8;
      add(sum + 8 * (along_x ? v : u), matrix[along_x ? u : v], values[k]);
    }
  };
  float sum[64] = {};
  const uint8_t* order = kZigzagTurned.data();
  if (!x_.moves) {
    gather(0, 0, y_.near, false, sum);
    gather(1, 0, y_.far, false, sum);
  } else if (!y_.moves) {
    gather(0, 0, x_.near, true, sum);
    gather(0, 1, x_.far, true, sum);
    order = kZigzag;
  } else {
    for (int right = 0; right < 2; ++right) {
      float column[64] = {};
      gather(0, right, y_.near, false, column);
      gather(1, right, y_.far, false, column);
      const auto* matrix = right == 0 ? x_.near : x_.far;
      for (int from = 0; from < 8; ++from) {
        for (int to = 0; to < 8; ++to) add(sum + 8 * to, column + 8 * from, matrix[from][to]);
      }
    }
  }
  // Halves away from zero. Sums are far inside of 32 bits, and sound ones of kMostDequantised.
  int16_t rounded[64];
  for (int k = 0; k < 64; ++k) {
    int32_t v = static_cast<int32_t>(sum[k] + std::copysign(0.5f, sum[k]));
    v = v < kMostDequantised ? v : kMostDequantised;
    v = v > -kMostDequantised ? v : -kMostDequantised;
    rounded[k] = static_cast<int16_t>(v);
  }
  for (int k = 0; k < 64; ++k) out[k] = rounded[order[k]];
  return ~uint64_t{0};
}

}  // namespace fl
