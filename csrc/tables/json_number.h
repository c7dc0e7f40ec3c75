// Numbers of JSON text, as Python reads them.
#pragma once

#include <cstdint>

namespace fl {

struct JsonNumber {
  bool whole;     // no fraction, no exponent
  int64_t value;  // of a whole one
  double real;
  double as_double() const noexcept { return whole ? static_cast<double>(value) : real; }
};

// Where a scalar may end.
inline bool ends_scalar(uint8_t c) noexcept {
  return c == ',' || c == ']' || c == '}' || c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

// Reads the number at `from`, up to whatever ends it; behind the text there is space.
// Null where there is none, or one that 64 bits do not hold exactly: more than 18 digits without a
// fraction, or a double that is infinite.
const uint8_t* read_number(const uint8_t* from, JsonNumber* number) noexcept;

// The end of the number at `from`, or null: its grammar alone.
const uint8_t* skip_number(const uint8_t* from) noexcept;

}  // namespace fl
