#include "pixels/decimal.h"

#include <cstring>

namespace fl {

namespace {

constexpr int32_t kMostExponent = 40;    // 10^39 is beyond float32
constexpr int32_t kLeastExponent = -70;  // 10^19 * 10^-70 is far below half its least number
constexpr int kLimbs = 12;               // 10^70 has 233 bits, and a quotient adds 26
constexpr int kFraction = 23;
constexpr int kLeastBit = -149;
constexpr int kQuotient = kFraction + 2;  // at least one bit more than a float32 has

// A whole number of 384 bits, limbs from the lowest.
struct Big {
  uint32_t limb[kLimbs];

  explicit Big(uint64_t value) noexcept {
    for (uint32_t& part : limb) part = 0;
    limb[0] = static_cast<uint32_t>(value);
    limb[1] = static_cast<uint32_t>(value >> 32);
  }

  void times_ten() noexcept {
    uint64_t carry = 0;
    for (uint32_t& part : limb) {
      carry += uint64_t{part} * 10;
      part = static_cast<uint32_t>(carry);
      carry >>= 32;
    }
  }

  int bits() const noexcept {
    for (int i = kLimbs - 1; i >= 0; --i) {
      if (limb[i] != 0) return 32 * i + 32 - __builtin_clz(limb[i]);
    }
    return 0;
  }

  void up(int bits) noexcept {
    const int whole = bits / 32;
    const int part = bits % 32;
    for (int i = kLimbs - 1; i >= 0; --i) {
      const uint64_t high = i >= whole ? limb[i - whole] : 0;
      const uint64_t low = i > whole ? limb[i - whole - 1] : 0;
      limb[i] = static_cast<uint32_t>((high << 32 | low) >> (32 - part));
    }
  }

  void half() noexcept {
    for (int i = 0; i + 1 < kLimbs; ++i) limb[i] = limb[i] >> 1 | limb[i + 1] << 31;
    limb[kLimbs - 1] >>= 1;
  }

  bool less_than(const Big& other) const noexcept {
    for (int i = kLimbs - 1; i >= 0; --i) {
      if (limb[i] != other.limb[i]) return limb[i] < other.limb[i];
    }
    return false;
  }

  void subtract(const Big& other) noexcept {
    uint64_t borrow = 0;
    for (int i = 0; i < kLimbs; ++i) {
      const uint64_t part = uint64_t{limb[i]} - other.limb[i] - borrow;
      limb[i] = static_cast<uint32_t>(part);
      borrow = part >> 63;
    }
  }
};

float of_bits(uint32_t bits, bool negative) noexcept {
  bits |= negative ? 0x80000000U : 0U;
  float value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

}  // namespace

bool nearest_float(uint64_t digits, int32_t exponent, bool negative, float* out) noexcept {
  *out = of_bits(0, negative);
  if (digits == 0 || exponent < kLeastExponent) return true;
  if (exponent > kMostExponent) return false;
  // The value is over / under; a quotient of 25 or 26 bits and whether anything is left say all.
  Big over(digits);
  Big under(1);
  for (int32_t k = 0; k < exponent; ++k) over.times_ten();
  for (int32_t k = exponent; k < 0; ++k) under.times_ten();
  const int shift = kQuotient - (over.bits() - under.bits());
  if (shift >= 0) {
    over.up(shift);
  } else {
    under.up(-shift);
  }
  under.up(kQuotient);
  uint32_t quotient = 0;
  for (int bit = kQuotient; bit >= 0; --bit) {
    if (!over.less_than(under)) {
      over.subtract(under);
      quotient |= 1U << bit;
    }
    under.half();
  }
  const bool rest = over.bits() != 0;
  // quotient * 2^-shift; what is kept of it ends at the last bit of a float32 of that size.
  const int last_normal = 31 - __builtin_clz(quotient) - shift - kFraction;
  const int last = last_normal < kLeastBit ? kLeastBit : last_normal;
  const int drop = last + shift;  // at least 1
  if (drop > kQuotient + 1) return true;
  uint32_t kept = quotient >> drop;
  const uint32_t lost = quotient & ((1U << drop) - 1);
  const uint32_t middle = 1U << (drop - 1);
  if (lost > middle || (lost == middle && (rest || (kept & 1) != 0))) ++kept;
  // The leading bit counts one in the exponent, and so does a carry past the fraction.
  const uint32_t bits = (static_cast<uint32_t>(last - kLeastBit) << kFraction) + kept;
  if (bits >= 0x7F800000U) return false;
  *out = of_bits(bits, negative);
  return true;
}

}  // namespace fl
