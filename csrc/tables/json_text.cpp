#include "tables/json_text.h"

#include <charconv>
#include <cmath>
#include <cstring>

#include "tables/json_number.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace fl {

namespace {

constexpr int kMostDepth = 48;

bool is_space(uint8_t c) noexcept { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }

std::string_view view(const uint8_t* from, const uint8_t* to) noexcept {
  return {reinterpret_cast<const char*>(from), static_cast<size_t>(to - from)};
}

int hex(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// The four hexadecimal digits at `from`, or -1.
int32_t four(std::string_view text, size_t from) noexcept {
  if (from + 4 > text.size()) return -1;
  int32_t value = 0;
  for (size_t k = from; k < from + 4; ++k) {
    const int digit = hex(text[k]);
    if (digit < 0) return -1;
    value = value * 16 + digit;
  }
  return value;
}

bool has_escape(std::string_view text) noexcept {
  return std::memchr(text.data(), '\\', text.size()) != nullptr;
}

// true, false and null as they stand.
const uint8_t* literal_end(const uint8_t* p) noexcept {
  size_t n = 4;
  if (std::memcmp(p, "true", 4) != 0 && std::memcmp(p, "null", 4) != 0) {
    if (std::memcmp(p, "false", 5) != 0) return nullptr;
    n = 5;
  }
  return ends_scalar(p[n]) ? p + n : nullptr;
}

void push_utf8(Grow<char>* to, uint32_t c) {
  if (c < 0x80) {
    to->push(static_cast<char>(c));
  } else if (c < 0x800) {
    to->push(static_cast<char>(0xc0 | c >> 6));
    to->push(static_cast<char>(0x80 | (c & 0x3f)));
  } else if (c < 0x10000) {
    to->push(static_cast<char>(0xe0 | c >> 12));
    to->push(static_cast<char>(0x80 | (c >> 6 & 0x3f)));
    to->push(static_cast<char>(0x80 | (c & 0x3f)));
  } else {
    to->push(static_cast<char>(0xf0 | c >> 18));
    to->push(static_cast<char>(0x80 | (c >> 12 & 0x3f)));
    to->push(static_cast<char>(0x80 | (c >> 6 & 0x3f)));
    to->push(static_cast<char>(0x80 | (c & 0x3f)));
  }
}

void push_text(Grow<char>* to, std::string_view text) { to->append(text.data(), text.size()); }

// A string as Python prints it: what must be escaped, by the short forms where there are any.
void print_string(Grow<char>* to, std::string_view text) {
  to->push('"');
  for (const char c : text) {
    switch (c) {
      case '"': push_text(to, "\\\""); break;
      case '\\': push_text(to, "\\\\"); break;
      case '\n': push_text(to, "\\n"); break;
      case '\r': push_text(to, "\\r"); break;
      case '\t': push_text(to, "\\t"); break;
      case '\f': push_text(to, "\\f"); break;
      case '\b': push_text(to, "\\b"); break;
      default: {
        const auto byte = static_cast<uint8_t>(c);
        if (byte < 0x20) {
          static const char digits[] = "0123456789abcdef";
          push_text(to, "\\u00");
          to->push(digits[byte >> 4]);
          to->push(digits[byte & 15]);
        } else {
          to->push(c);
        }
      }
    }
  }
  to->push('"');
}

// Python's repr of a finite double: the shortest digits that read back, without an exponent
// from 1e-4 up to 1e16.
void print_double(Grow<char>* to, double value) {
  char text[64];
  const auto done = std::to_chars(text, text + sizeof text, value, std::chars_format::scientific);
  const char* p = text;
  if (*p == '-') to->push(*p++);
  char digits[32];
  size_t n = 0;
  for (; p < done.ptr && *p != 'e'; ++p) {
    if (*p != '.') digits[n++] = *p;
  }
  ++p;
  const bool below = *p == '-';
  if (*p == '-' || *p == '+') ++p;
  int exponent = 0;
  for (; p < done.ptr; ++p) exponent = exponent * 10 + (*p - '0');
  if (below) exponent = -exponent;
  if (exponent < -4 || exponent >= 16) {
    to->push(digits[0]);
    if (n > 1) {
      to->push('.');
      to->append(digits + 1, n - 1);
    }
    to->push('e');
    to->push(exponent < 0 ? '-' : '+');
    const int size = exponent < 0 ? -exponent : exponent;
    if (size < 10) to->push('0');
    char number[16];
    const auto end = std::to_chars(number, number + sizeof number, size);
    to->append(number, static_cast<size_t>(end.ptr - number));
  } else if (exponent < 0) {
    push_text(to, "0.");
    to->fill(static_cast<size_t>(-exponent - 1), '0');
    to->append(digits, n);
  } else {
    const auto whole = static_cast<size_t>(exponent) + 1;
    to->append(digits, n < whole ? n : whole);
    if (n < whole) to->fill(whole - n, '0');
    to->push('.');
    if (n > whole) {
      to->append(digits + whole, n - whole);
    } else {
      to->push('0');
    }
  }
}

}  // namespace

bool sound_escapes(std::string_view text) noexcept {
  for (size_t k = 0; k < text.size(); ++k) {
    if (text[k] != '\\') continue;
    ++k;
    if (k == text.size()) return false;
    if (text[k] == 'u') {
      if (four(text, k + 1) < 0) return false;
      k += 4;
    } else if (std::memchr("\"\\/bfnrt", text[k], 8) == nullptr) {
      return false;
    }
  }
  return true;
}

bool unescape(std::string_view text, Grow<char>* to) {
  to->clear();
  if (!has_escape(text)) {
    push_text(to, text);
    return true;
  }
  for (size_t k = 0; k < text.size(); ++k) {
    if (text[k] != '\\') {
      to->push(text[k]);
      continue;
    }
    if (++k == text.size()) return false;
    switch (text[k]) {
      case 'b': to->push('\b'); break;
      case 'f': to->push('\f'); break;
      case 'n': to->push('\n'); break;
      case 'r': to->push('\r'); break;
      case 't': to->push('\t'); break;
      case '"':
      case '\\':
      case '/': to->push(text[k]); break;
      case 'u': {
        const int32_t unit = four(text, k + 1);
        if (unit < 0 || (unit >= 0xdc00 && unit < 0xe000)) return false;
        k += 4;
        auto c = static_cast<uint32_t>(unit);
        if (unit >= 0xd800 && unit < 0xdc00) {
          if (k + 2 >= text.size() || text[k + 1] != '\\' || text[k + 2] != 'u') return false;
          const int32_t low = four(text, k + 3);
          if (low < 0xdc00 || low >= 0xe000) return false;
          c = 0x10000 + ((c - 0xd800) << 10) + (static_cast<uint32_t>(low) - 0xdc00);
          k += 6;
        }
        push_utf8(to, c);
        break;
      }
      default: return false;
    }
  }
  return true;
}

// Of the string at the current token: before the next one there is nothing else but space.
const uint8_t* JsonWalk::closing_quote() const noexcept {
  const uint8_t* p = text_ + token_[1] - 1;
  while (is_space(*p)) --p;
  return p;
}

bool JsonWalk::string(std::string_view* inside) noexcept {
  if (c() != '"') return false;
  const uint8_t* from = here() + 1;
  const uint8_t* to = closing_quote();
  if (to < from || *to != '"') return false;
  *inside = view(from, to);
  ++token_;
  return true;
}

bool JsonWalk::key(std::string_view* inside) noexcept { return string(inside) && take(':'); }

bool JsonWalk::value(std::string_view* source, int depth) noexcept {
  const uint8_t* from = here();
  const uint8_t* to = nullptr;
  std::string_view inside;
  switch (*from) {
    case '"':
      if (!string(&inside)) return false;
      if (has_escape(inside) && !sound_escapes(inside)) return false;
      *source = {inside.data() - 1, inside.size() + 2};
      return true;
    case '[':
    case '{': {
      if (depth >= kMostDepth) return false;
      const bool object = *from == '{';
      const uint8_t close = object ? '}' : ']';
      ++token_;
      if (c() != close) {
        for (;;) {
          std::string_view piece;
          if (object) {
            if (!key(&inside)) return false;
            if (has_escape(inside) && !sound_escapes(inside)) return false;
          }
          if (!value(&piece, depth + 1)) return false;
          if (c() == close) break;
          if (!take(',')) return false;
        }
      }
      *source = view(from, here() + 1);
      ++token_;
      return true;
    }
    default:
      to = *from == '-' || static_cast<uint8_t>(*from - '0') < 10 ? skip_number(from)
                                                                   : literal_end(from);
      if (to == nullptr) return false;
      *source = view(from, to);
      ++token_;
      return true;
  }
}

bool JsonWalk::numbers(char* to, size_t* n) noexcept {
  char* out = to;
  int depth = 0;
  const uint32_t* t = token_;
  for (;;) {
    // A value: lists open, or a number.
    while (text_[*t] == '[') {
      *out++ = '[';
      if (++depth > kMostDepth) return false;
      ++t;
      if (text_[*t] == ']') {
        *out++ = ']';
        --depth;
        ++t;
        goto after_value;
      }
    }
    {
      const uint8_t* from = text_ + *t;
#if defined(__SSE2__)
      // Sixteen bytes at once: which are digits tells where the number's parts end.
      const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
      const __m128i low = _mm_cmpgt_epi8(bytes, _mm_set1_epi8('0' - 1));
      const __m128i high = _mm_cmpgt_epi8(_mm_set1_epi8('9' + 1), bytes);
      const auto others = ~static_cast<uint32_t>(_mm_movemask_epi8(_mm_and_si128(low, high)));
      const unsigned minus = *from == '-' ? 1 : 0;
      unsigned length = static_cast<unsigned>(__builtin_ctz(others >> minus | 1U << 20)) + minus;
      bool sound = length > minus && (length == minus + 1 || from[minus] != '0');
      if (length < 15 && from[length] == '.') {
        const auto more = static_cast<unsigned>(__builtin_ctz(others >> (length + 1)));
        sound = sound && more > 0;
        length += 1 + more;
      }
      if (sound && length < 16 && ends_scalar(from[length])) {
        _mm_storeu_si128(reinterpret_cast<__m128i*>(out), bytes);
        out += length;
        ++t;
        goto after_value;
      }
#endif
      const uint8_t* end = skip_number(from);
      if (end == nullptr) return false;
      std::memcpy(out, from, static_cast<size_t>(end - from));
      out += end - from;
      ++t;
    }
  after_value:
    while (depth > 0 && text_[*t] == ']') {
      *out++ = ']';
      --depth;
      ++t;
    }
    if (depth == 0) break;
    if (text_[*t] != ',') return false;
    *out++ = ',';
    ++t;
  }
  token_ = t;
  *n = static_cast<size_t>(out - to);
  return true;
}

bool JsonWalk::dump(Grow<char>* to, int depth) {
  const uint8_t* from = here();
  std::string_view inside;
  switch (*from) {
    case '"': {
      if (!string(&inside)) return false;
      if (!has_escape(inside)) {
        to->push('"');
        push_text(to, inside);
        to->push('"');
        return true;
      }
      Grow<char> plain;
      if (!unescape(inside, &plain)) return false;
      print_string(to, {plain.data(), plain.size()});
      return true;
    }
    case '[':
    case '{': {
      if (depth >= kMostDepth) return false;
      const bool object = *from == '{';
      const uint8_t close = object ? '}' : ']';
      to->push(static_cast<char>(*from));
      ++token_;
      constexpr size_t kMostKeys = 32;
      std::string_view keys[kMostKeys];
      for (size_t k = 0; c() != close; ++k) {
        if (k > 0) {
          if (!take(',')) return false;
          push_text(to, ", ");
        }
        if (object) {
          // A key given twice keeps its first place and its last value: not judged here.
          if (k == kMostKeys || !key(&keys[k]) || has_escape(keys[k])) return false;
          for (size_t other = 0; other < k; ++other) {
            if (keys[other] == keys[k]) return false;
          }
          to->push('"');
          push_text(to, keys[k]);
          push_text(to, "\": ");
        }
        if (!dump(to, depth + 1)) return false;
      }
      to->push(static_cast<char>(close));
      ++token_;
      return true;
    }
    default: {
      if (*from == '-' || static_cast<uint8_t>(*from - '0') < 10) {
        JsonNumber number;
        if (read_number(from, &number) == nullptr) return false;
        if (number.whole) {
          char text[24];
          const auto end = std::to_chars(text, text + sizeof text, number.value);
          to->append(text, static_cast<size_t>(end.ptr - text));
        } else {
          print_double(to, number.real);
        }
      } else {
        const uint8_t* end = literal_end(from);
        if (end == nullptr) return false;
        push_text(to, view(from, end));
      }
      ++token_;
      return true;
    }
  }
}

bool JsonWalk::element(std::string_view* source) noexcept {
  const uint8_t* from = here();
  int64_t depth = 0;
  if (at_end() || *from == ',') return false;
  for (; token_ < end_; ++token_) {
    const uint8_t b = c();
    if (b == '{' || b == '[') ++depth;
    if (b == '}' || b == ']') --depth;
    if (b == ',' && depth == 0) break;
  }
  const uint8_t* to = here();
  while (to > from && is_space(to[-1])) --to;
  *source = view(from, to);
  return true;
}

}  // namespace fl
