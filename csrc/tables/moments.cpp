// The sums are long integers in units of the smallest double (after R. Neal, "Fast exact
// summation using small and large superaccumulators", 2015): every finite double is a whole
// number of such units, so the sum is exact and its order of no account.
#include "tables/moments.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

#include "core/uint128.h"

namespace fl {

namespace {

// A 64-bit limb holds 32 bits and takes this many additions of less than 2^32 before its
// carry must move on.
constexpr int64_t kAdditions = int64_t{1} << 30;

// Every limb but the last to 0 .. 2^32 - 1: the one way to write a number.
void carry(int64_t* limbs, int n) noexcept {
  for (int k = 0; k + 1 < n; ++k) {
    limbs[k + 1] += limbs[k] >> 32;  // rounds down, also below zero
    limbs[k] &= 0xFFFFFFFF;
  }
}

void carry_all(fl_moments* group) noexcept {
  carry(group->sum, FL_SUM_LIMBS);
  carry(group->sum_of_squares, FL_SQUARE_LIMBS);
}

// Adds number * 2^position, number below 2^(32 kParts - 31).
template <int kParts>
void add_at(int64_t* limbs, uint128 number, int position, int64_t sign) noexcept {
  int64_t* to = limbs + position / 32;
  const int shift = position % 32;
  // By 32 bits at a time, since number << shift may have more than 128.
  uint64_t low = static_cast<uint64_t>(number) & 0xFFFFFFFF;
  uint64_t rest = low << shift;
  to[0] += sign * static_cast<int64_t>(rest & 0xFFFFFFFF);
  for (int k = 1; k < kParts; ++k) {
    number >>= 32;
    low = static_cast<uint64_t>(number) & 0xFFFFFFFF;
    rest = (rest >> 32) + (low << shift);
    to[k] += sign * static_cast<int64_t>(rest & 0xFFFFFFFF);
  }
}

void add(fl_moments* group, double x) noexcept {
  const uint64_t pattern = std::bit_cast<uint64_t>(x);
  const int exponent = static_cast<int>((pattern >> 52) & 0x7FF);
  const bool negative = (pattern >> 63) != 0;
  if (exponent == 0x7FF) {
    if (x != x) {
      ++group->unknown;
      return;
    }
    ++(negative ? group->minus_inf : group->plus_inf);
  } else {
    uint64_t mantissa = pattern & ((uint64_t{1} << 52) - 1);
    if (exponent > 0) mantissa |= uint64_t{1} << 52;
    const int position = exponent > 0 ? exponent - 1 : 0;
    add_at<3>(group->sum, mantissa, position, negative ? -1 : 1);
    add_at<5>(group->sum_of_squares, static_cast<uint128>(mantissa) * mantissa, 2 * position, 1);
  }
  ++group->count;
  const double y = x + 0.0;  // zeros of either sign are one
  group->min = y < group->min ? y : group->min;
  group->max = y > group->max ? y : group->max;
}

}  // namespace

void moments_init(fl_moments* groups, int64_t n) noexcept {
  for (int64_t g = 0; g < n; ++g) {
    std::memset(&groups[g], 0, sizeof groups[g]);
    groups[g].min = std::numeric_limits<double>::infinity();
    groups[g].max = -std::numeric_limits<double>::infinity();
  }
}

void moments_fill(const Grid& grid, const fl_column& value, fl_moments* groups) {
  const TableKernels& kernels = table_kernels();
  int64_t since = 0;
  int32_t flat[kBlockRows];
  double scratch[kBlockRows];
  for (int64_t at = 0; at < value.n; at += kBlockRows) {
    const auto n = static_cast<size_t>(std::min<int64_t>(kBlockRows, value.n - at));
    grid.cells_of(kernels, at, n, flat);
    const double* x = doubles_of(value, at, n, scratch);
    if (value.validity == nullptr) {
      for (size_t i = 0; i < n; ++i) add(&groups[flat[i]], x[i]);
    } else {
      for (size_t i = 0; i < n; ++i) {
        if (is_known(value, at + static_cast<int64_t>(i))) {
          add(&groups[flat[i]], x[i]);
        } else {
          ++groups[flat[i]].unknown;
        }
      }
    }
    since += static_cast<int64_t>(n);
    if (since > kAdditions) {
      for (int64_t g = 0; g < grid.cells(); ++g) carry_all(&groups[g]);
      since = 0;
    }
  }
  for (int64_t g = 0; g < grid.cells(); ++g) carry_all(&groups[g]);
}

void moments_merge(fl_moments* into, const fl_moments* from, int64_t n) noexcept {
  for (int64_t g = 0; g < n; ++g) {
    fl_moments& a = into[g];
    const fl_moments& b = from[g];
    a.count += b.count;
    a.unknown += b.unknown;
    a.plus_inf += b.plus_inf;
    a.minus_inf += b.minus_inf;
    a.min = b.min < a.min ? b.min : a.min;
    a.max = b.max > a.max ? b.max : a.max;
    for (int k = 0; k < FL_SUM_LIMBS; ++k) a.sum[k] += b.sum[k];
    for (int k = 0; k < FL_SQUARE_LIMBS; ++k) a.sum_of_squares[k] += b.sum_of_squares[k];
    carry_all(&a);
  }
}

}  // namespace fl
