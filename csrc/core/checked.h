// 64-bit checked arithmetic for every size that comes from a file or a caller.
#pragma once

#include <cstdint>

namespace fl {

// True on success; *out is untouched on overflow.
[[nodiscard]] inline bool checked_mul(int64_t a, int64_t b, int64_t* out) noexcept {
  int64_t product = 0;
  if (__builtin_mul_overflow(a, b, &product)) return false;
  *out = product;
  return true;
}

[[nodiscard]] inline bool checked_add(int64_t a, int64_t b, int64_t* out) noexcept {
  int64_t sum = 0;
  if (__builtin_add_overflow(a, b, &sum)) return false;
  *out = sum;
  return true;
}

// Stays at the end of 64 bits that it would leave.
inline int64_t saturating_add(int64_t a, int64_t b) noexcept {
  int64_t sum = 0;
  return checked_add(a, b, &sum) ? sum : b < 0 ? INT64_MIN : INT64_MAX;
}

// The addresses of an array that reaches from `low` to `high` bytes around p, as far as 64 bits
// tell them apart: no memory lies beyond.
struct Reach {
  int64_t begin, end;
};
inline Reach reach_of(const void* p, int64_t low, int64_t high) noexcept {
  const uint64_t address = reinterpret_cast<uintptr_t>(p);
  const int64_t at = address > INT64_MAX ? INT64_MAX : static_cast<int64_t>(address);
  return {saturating_add(at, low), saturating_add(at, high)};
}
// Whether an array can lie there at all.
inline bool addressable(const Reach& reach) noexcept {
  constexpr uint64_t kLast = sizeof(void*) == 8 ? uint64_t{INT64_MAX} : uint64_t{UINTPTR_MAX};
  return reach.begin >= 0 && reach.end <= static_cast<int64_t>(kLast);
}

}  // namespace fl
