// Unsigned integers of 128 bits, also where the compiler has none (32-bit ARM): the arithmetic
// that this library needs, modulo 2^128.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>

namespace fl {

#if defined(__SIZEOF_INT128__) && !defined(FL_OWN_UINT128)

__extension__ typedef unsigned __int128 uint128;

#else

class uint128 {
 public:
  constexpr uint128(uint64_t low = 0, uint64_t high = 0) noexcept : low_(low), high_(high) {}

  friend constexpr uint128 operator+(uint128 a, uint128 b) noexcept {
    const uint64_t low = a.low_ + b.low_;
    return {low, a.high_ + b.high_ + (low < a.low_ ? 1 : 0)};
  }
  friend constexpr uint128 operator-(uint128 a, uint128 b) noexcept {
    return {a.low_ - b.low_, a.high_ - b.high_ - (a.low_ < b.low_ ? 1 : 0)};
  }
  // By halves of 32 bits: what crosses from the low word takes part in the high one.
  friend constexpr uint128 operator*(uint128 a, uint128 b) noexcept {
    const uint64_t a0 = a.low_ & 0xFFFFFFFF, a1 = a.low_ >> 32;
    const uint64_t b0 = b.low_ & 0xFFFFFFFF, b1 = b.low_ >> 32;
    const uint64_t low = a0 * b0;
    const uint64_t middle = a1 * b0 + (low >> 32);
    const uint64_t other = a0 * b1 + (middle & 0xFFFFFFFF);
    return {(other << 32) | (low & 0xFFFFFFFF),
            a1 * b1 + (middle >> 32) + (other >> 32) + a.high_ * b.low_ + a.low_ * b.high_};
  }
  friend constexpr uint128 operator|(uint128 a, uint128 b) noexcept {
    return {a.low_ | b.low_, a.high_ | b.high_};
  }
  // pre: 0 <= n < 128
  friend constexpr uint128 operator<<(uint128 a, int n) noexcept {
    if (n == 0) return a;
    if (n >= 64) return {0, a.low_ << (n - 64)};
    return {a.low_ << n, (a.high_ << n) | (a.low_ >> (64 - n))};
  }
  friend constexpr uint128 operator>>(uint128 a, int n) noexcept {
    if (n == 0) return a;
    if (n >= 64) return {a.high_ >> (n - 64), 0};
    return {(a.low_ >> n) | (a.high_ << (64 - n)), a.high_ >> n};
  }
  constexpr uint128& operator+=(uint128 b) noexcept { return *this = *this + b; }
  constexpr uint128& operator>>=(int n) noexcept { return *this = *this >> n; }
  friend constexpr bool operator==(const uint128&, const uint128&) noexcept = default;

  explicit constexpr operator uint64_t() const noexcept { return low_; }
  // To the nearest, halves to even: the bits that a double has no room for decide as one.
  explicit operator double() const noexcept {
    if (high_ == 0) return static_cast<double>(low_);
    const int zeros = std::countl_zero(high_);
    const uint128 top = *this << zeros;
    return std::ldexp(static_cast<double>(top.high_ | (top.low_ != 0 ? 1 : 0)), 64 - zeros);
  }

 private:
  uint64_t low_, high_;
};

#endif

}  // namespace fl
