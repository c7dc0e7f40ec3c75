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

}  // namespace fl
