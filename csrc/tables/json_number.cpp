#include "tables/json_number.h"

#include <charconv>
#include <cmath>
#include <system_error>

namespace fl {

namespace {

bool is_digit(uint8_t c) noexcept { return static_cast<uint8_t>(c - '0') < 10; }

// Powers of ten that a double holds exactly.
constexpr double kTens[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                            1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                            1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

const uint8_t* exponent_end(const uint8_t* p) noexcept {
  ++p;
  if (*p == '+' || *p == '-') ++p;
  if (!is_digit(*p)) return nullptr;
  while (is_digit(*p)) ++p;
  return p;
}

}  // namespace

const uint8_t* skip_number(const uint8_t* p) noexcept {
  if (*p == '-') ++p;
  if (!is_digit(*p)) return nullptr;
  if (*p == '0' && is_digit(p[1])) return nullptr;
  while (is_digit(*p)) ++p;
  if (*p == '.') {
    if (!is_digit(p[1])) return nullptr;
    ++p;
    while (is_digit(*p)) ++p;
  }
  if (*p == 'e' || *p == 'E') {
    p = exponent_end(p);
    if (p == nullptr) return nullptr;
  }
  return ends_scalar(*p) ? p : nullptr;
}

const uint8_t* read_number(const uint8_t* from, JsonNumber* number) noexcept {
  const uint8_t* p = from;
  const bool negative = *p == '-';
  if (negative) ++p;
  const uint8_t* const first = p;
  uint64_t digits = 0;
  while (is_digit(*p)) digits = digits * 10 + static_cast<uint64_t>(*p++ - '0');
  auto count = p - first;
  if (count == 0 || (count > 1 && *first == '0')) return nullptr;
  if (*p != '.' && *p != 'e' && *p != 'E') {
    if (count > 18 || !ends_scalar(*p)) return nullptr;
    const auto value = static_cast<int64_t>(digits);
    *number = {true, negative ? -value : value, 0};
    return p;
  }
  int64_t scale = 0;
  if (*p == '.') {
    const uint8_t* const point = p++;
    while (is_digit(*p)) digits = digits * 10 + static_cast<uint64_t>(*p++ - '0');
    scale = p - point - 1;
    if (scale == 0) return nullptr;
    count += scale;
  }
  if (*p == 'e' || *p == 'E') {
    p = exponent_end(p);
    if (p == nullptr || !ends_scalar(*p)) return nullptr;
    count = 99;
  }
  if (!ends_scalar(*p)) return nullptr;
  // Both the digits and the power are exact, so their quotient is rounded once (Clinger 1990).
  if (count <= 18 && digits < (uint64_t{1} << 53)) {
    const double real = static_cast<double>(digits) / kTens[scale];
    *number = {false, 0, negative ? -real : real};
    return p;
  }
  double real = 0;
  const auto* text = reinterpret_cast<const char*>(from);
  const auto done = std::from_chars(text, reinterpret_cast<const char*>(p), real);
  if (done.ec == std::errc::result_out_of_range) return nullptr;
  if (done.ec != std::errc() || !std::isfinite(real)) return nullptr;
  *number = {false, 0, real};
  return p;
}

}  // namespace fl
