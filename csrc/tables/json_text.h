// Pieces of JSON over their tokens: skipping, copying, printing again.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "tables/growing.h"

namespace fl {

// A walk over the tokens of a text. Every step returns false, and leaves the walk anywhere, at
// what it does not judge: text that is not JSON, and what Python's json accepts beyond it
// (NaN, Infinity) or with limits of its own (depth, long integers).
class JsonWalk {
 public:
  JsonWalk(const uint8_t* text, const uint32_t* tokens, size_t count) noexcept
      : text_(text), token_(tokens), end_(tokens + count) {}

  bool at_end() const noexcept { return token_ >= end_; }
  uint8_t c() const noexcept { return text_[*token_]; }
  const uint8_t* here() const noexcept { return text_ + *token_; }
  const uint32_t* token() const noexcept { return token_; }
  // The text from one token to another of one byte, that byte included.
  std::string_view between(const uint32_t* from, const uint32_t* to) const noexcept {
    return {reinterpret_cast<const char*>(text_) + *from, *to + size_t{1} - *from};
  }
  void go(const uint32_t* token) noexcept { token_ = token; }
  void step() noexcept { ++token_; }
  bool take(uint8_t wanted) noexcept {
    if (c() != wanted) return false;
    ++token_;
    return true;
  }

  // A string, without its quotes; escapes are left as they are.
  bool string(std::string_view* inside) noexcept;
  // A key and the colon after it.
  bool key(std::string_view* inside) noexcept;
  // Any value and its source text. Escapes in strings are checked.
  bool value(std::string_view* source, int depth = 0) noexcept;
  // A list of numbers, or of such lists, copied without white space. A number alone is one, too.
  bool numbers(char* to, size_t* n) noexcept;
  // The value as Python's json.dumps(ensure_ascii=False) prints it after loading.
  bool dump(Grow<char>* to, int depth = 0);
  // Steps past one element of a list, whatever it is made of: to the comma after it, or the
  // end. False where there is none.
  bool element(std::string_view* source) noexcept;

 private:
  const uint8_t* closing_quote() const noexcept;

  const uint8_t* text_;
  const uint32_t* token_;
  const uint32_t* end_;
};

// Whether every escape is one of JSON's.
bool sound_escapes(std::string_view inside) noexcept;
// The text a string stands for; false where an escape is unsound or half a surrogate pair.
bool unescape(std::string_view inside, Grow<char>* to);

}  // namespace fl
