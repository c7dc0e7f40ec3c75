// What freestanding code takes from no library.
#pragma once

#include <cstdint>

namespace fl {

template <typename T>
constexpr T least(T a, T b) noexcept {
  return b < a ? b : a;
}

template <typename T>
constexpr T most(T a, T b) noexcept {
  return a < b ? b : a;
}

template <typename T>
constexpr T within(T value, T low, T high) noexcept {
  return value < low ? low : high < value ? high : value;
}

// pre: a, b > 0.
constexpr int64_t common_divisor(int64_t a, int64_t b) noexcept {
  while (b != 0) {
    const int64_t rest = a % b;
    a = b;
    b = rest;
  }
  return a;
}

// To the nearest whole number, halves to the even one, whatever the rounding mode is. NaN and
// numbers that hold no fraction stay.
template <typename Real>
constexpr Real round_half_even(Real x) noexcept {
  constexpr Real kWhole = sizeof(Real) == 4 ? Real(1 << 23) : Real(int64_t{1} << 52);
  if (!(x > -kWhole && x < kWhole)) return x;
  const int64_t toward_zero = static_cast<int64_t>(x);
  const Real rest = x - static_cast<Real>(toward_zero);
  const bool odd = toward_zero % 2 != 0;
  int64_t step = 0;
  if (rest > Real(0.5) || (rest == Real(0.5) && odd)) step = 1;
  if (rest < Real(-0.5) || (rest == Real(-0.5) && odd)) step = -1;
  return static_cast<Real>(toward_zero + step);
}

// The bits of the binary16 nearest to x, halves to the even one; past the largest, infinity.
// pre: x is no NaN.
inline uint16_t half_bits(float x) noexcept {
  uint32_t bits = 0;
  __builtin_memcpy(&bits, &x, sizeof bits);
  const uint32_t sign = bits >> 16 & 0x8000U;
  const uint32_t size = bits & 0x7FFFFFFFU;
  if (size >= 0x47800000U) return static_cast<uint16_t>(sign | 0x7C00U);  // 2^16 and over
  // Below 2^-14 a binary16 has fewer digits: steps of 2^-24.
  const uint32_t exponent = size >> 23;
  const bool small = exponent < 113;
  const uint32_t digits = (size & 0x7FFFFFU) | 0x800000U;
  const uint32_t drop = small ? 126 - exponent : 13;
  if (drop > 24) return static_cast<uint16_t>(sign);
  const uint32_t kept = digits >> drop;
  const uint32_t rest = digits & ((1U << drop) - 1);
  const uint32_t half = 1U << (drop - 1);
  const uint32_t up = rest > half || (rest == half && (kept & 1) != 0) ? 1 : 0;
  // A carry runs into the exponent, as it should.
  const uint32_t base = small ? 0 : (exponent - 113) << 10;
  return static_cast<uint16_t>(sign | (base + kept + up));
}

}  // namespace fl
