// Decimals to the nearest float32, halves to even: the same bits on every machine, without a C
// library or a floating-point unit.
#pragma once

#include <cstdint>

namespace fl {

constexpr int kMaxDigits = 19;  // significant ones, so that they fit 64 bits

// digits * 10^exponent, digits below 10^kMaxDigits. False where float32 has only infinity for it.
bool nearest_float(uint64_t digits, int32_t exponent, bool negative, float* out) noexcept;

}  // namespace fl
