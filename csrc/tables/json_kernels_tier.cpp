// The fast bodies, compiled once per instruction-set tier into a namespace of their own.
//
// No STL and no shared inline functions here: an inline function compiled for AVX2 must not
// be the copy that the linker keeps for the baseline. FL_TIER is set by the build.
#if defined(__SSE2__)
#if defined(__GNUC__) && !defined(__clang__)
// GCC 12 takes the intrinsics' own "undefined" operands for ours (its bug 105593).
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wuninitialized"
#endif
#include <immintrin.h>
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif
#endif

#include "tables/json_kernels.h"

namespace fl {
namespace FL_TIER_NAME(tier_) {
namespace {

constexpr size_t kBlock = 64;
// Brackets and braces differ in this bit alone.
constexpr uint8_t kBrace = 0x20;

// One bit a byte of a block: where each character stands.
struct Masks {
  uint64_t quote, backslash, comma, open, close;
};

#if defined(__AVX512BW__)

inline Masks masks_of(const uint8_t* text) noexcept {
  const __m512i v = _mm512_loadu_si512(text);
  const __m512i brace = _mm512_or_si512(v, _mm512_set1_epi8(kBrace));
  return {_mm512_cmpeq_epi8_mask(v, _mm512_set1_epi8('"')),
          _mm512_cmpeq_epi8_mask(v, _mm512_set1_epi8('\\')),
          _mm512_cmpeq_epi8_mask(v, _mm512_set1_epi8(',')),
          _mm512_cmpeq_epi8_mask(brace, _mm512_set1_epi8('{')),
          _mm512_cmpeq_epi8_mask(brace, _mm512_set1_epi8('}'))};
}

#elif defined(__AVX2__)

inline uint64_t equal(__m256i a, __m256i b, char c) noexcept {
  const __m256i value = _mm256_set1_epi8(c);
  const auto low = static_cast<uint32_t>(_mm256_movemask_epi8(_mm256_cmpeq_epi8(a, value)));
  const auto high = static_cast<uint32_t>(_mm256_movemask_epi8(_mm256_cmpeq_epi8(b, value)));
  return low | (static_cast<uint64_t>(high) << 32);
}

inline Masks masks_of(const uint8_t* text) noexcept {
  const __m256i a = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(text));
  const __m256i b = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(text + 32));
  const __m256i bit = _mm256_set1_epi8(kBrace);
  const __m256i c = _mm256_or_si256(a, bit);
  const __m256i d = _mm256_or_si256(b, bit);
  return {equal(a, b, '"'), equal(a, b, '\\'), equal(a, b, ','), equal(c, d, '{'),
          equal(c, d, '}')};
}

#elif defined(__SSE2__)

inline uint64_t equal(const __m128i* v, char c) noexcept {
  uint64_t mask = 0;
  for (int k = 3; k >= 0; --k) {
    const __m128i same = _mm_cmpeq_epi8(v[k], _mm_set1_epi8(c));
    mask = mask << 16 | static_cast<uint32_t>(_mm_movemask_epi8(same));
  }
  return mask;
}

inline Masks masks_of(const uint8_t* text) noexcept {
  __m128i v[4], w[4];
  for (int k = 0; k < 4; ++k) {
    v[k] = _mm_loadu_si128(reinterpret_cast<const __m128i*>(text + 16 * k));
    w[k] = _mm_or_si128(v[k], _mm_set1_epi8(kBrace));
  }
  return {equal(v, '"'), equal(v, '\\'), equal(v, ','), equal(w, '{'), equal(w, '}')};
}

#else

inline Masks masks_of(const uint8_t* text) noexcept {
  Masks m = {0, 0, 0, 0, 0};
  for (size_t k = 0; k < kBlock; ++k) {
    const uint8_t c = text[k];
    const uint8_t brace = c | kBrace;
    m.quote |= static_cast<uint64_t>(c == '"') << k;
    m.backslash |= static_cast<uint64_t>(c == '\\') << k;
    m.comma |= static_cast<uint64_t>(c == ',') << k;
    m.open |= static_cast<uint64_t>(brace == '{') << k;
    m.close |= static_cast<uint64_t>(brace == '}') << k;
  }
  return m;
}

#endif

// Bytes that a backslash escapes; *carry says so of the first, and then of the next block's.
inline uint64_t escaped_by(uint64_t backslash, uint64_t* carry) noexcept {
  uint64_t escaped = *carry;
  *carry = 0;
  uint64_t rest = backslash & ~escaped;
  while (rest != 0) {
    const uint64_t first = rest & (~rest + 1);
    const uint64_t next = first << 1;
    escaped |= next;
    if (next == 0) *carry = 1;
    rest &= ~(first | next);
  }
  return escaped;
}

// Bit k is the parity of bits 0 .. k.
inline uint64_t parity_up_to(uint64_t bits) noexcept {
  bits ^= bits << 1;
  bits ^= bits << 2;
  bits ^= bits << 4;
  bits ^= bits << 8;
  bits ^= bits << 16;
  bits ^= bits << 32;
  return bits;
}

// One block; the index of the closing bracket, or kBlock.
inline size_t walk_block(const uint8_t* text, JsonDepth* s) noexcept {
  Masks m = masks_of(text);
  if ((m.quote | m.backslash | s->escaped) != 0) {
    const uint64_t escaped = escaped_by(m.backslash, &s->escaped);
    const uint64_t inside = parity_up_to(m.quote & ~escaped) ^ s->in_string;
    s->in_string = static_cast<uint64_t>(static_cast<int64_t>(inside) >> 63);
    m.open &= ~inside;
    m.close &= ~inside;
    m.comma &= ~inside;
  } else if (s->in_string != 0) {
    return kBlock;
  }
  const int64_t opened = __builtin_popcountll(m.open);
  const int64_t closed = __builtin_popcountll(m.close);
  if (s->depth - closed > 2) {  // nothing in this block lies at depth 2
    s->depth += opened - closed;
    return kBlock;
  }
  int64_t depth = s->depth;
  for (uint64_t rest = m.open | m.close | m.comma; rest != 0; rest &= rest - 1) {
    const uint64_t bit = rest & (~rest + 1);
    if ((m.open & bit) != 0) {
      ++depth;
    } else if ((m.close & bit) != 0) {
      if (--depth < 2) return static_cast<size_t>(__builtin_ctzll(bit));
    } else if (depth == 2) {
      ++s->commas;
      s->last_comma = s->position + __builtin_ctzll(bit);
    }
  }
  s->depth = depth;
  return kBlock;
}

size_t json_depth(const uint8_t* text, size_t n, JsonDepth* state) noexcept {
  JsonDepth s = *state;
  size_t at = 0;
  for (; at + kBlock <= n; at += kBlock) {
    const size_t stop = walk_block(text + at, &s);
    if (stop != kBlock) {
      *state = s;
      return at + stop;
    }
    s.position += static_cast<int64_t>(kBlock);
  }
  if (at < n) {
    uint8_t tail[kBlock];
    const size_t left = n - at;
    for (size_t k = 0; k < kBlock; ++k) tail[k] = k < left ? text[at + k] : ' ';
    uint64_t carry = s.escaped;
    const size_t stop = walk_block(tail, &s);
    if (stop != kBlock) {
      *state = s;
      return at + stop;
    }
    // A backslash at the very end escapes the byte whose place the filling took.
    s.escaped = escaped_by(masks_of(tail).backslash, &carry) >> left & 1;
    s.position += static_cast<int64_t>(left);
  }
  *state = s;
  return n;
}

constexpr JsonKernels kTable = {FL_JSON_KERNELS(FL_KERNEL_ENTRY)};

}  // namespace
}  // namespace FL_TIER_NAME(tier_)

extern const JsonKernels FL_TIER_NAME(kJson_);
const JsonKernels FL_TIER_NAME(kJson_) = FL_TIER_NAME(tier_)::kTable;

}  // namespace fl
