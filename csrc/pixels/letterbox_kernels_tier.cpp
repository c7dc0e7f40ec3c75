// The fast bodies of the letterbox kernels, compiled once per instruction-set tier into a
// namespace of their own; no STL, no shared inline functions (see row_kernels_tier.cpp).
//
// Loops for the compiler's vectoriser; the shuffles of three-channel bytes are written out.
#if defined(__AVX2__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

#include "pixels/letterbox_kernels.h"

namespace fl {
namespace FL_TIER_NAME(letterbox_tier_) {
namespace {

template <size_t kChannels>
inline void split_any(const uint8_t* __restrict pixels, size_t from, size_t n,
                      uint8_t* __restrict out, size_t plane) noexcept {
  for (size_t i = from; i < n; ++i) {
    for (size_t c = 0; c < kChannels; ++c) out[c * plane + i] = pixels[i * kChannels + c];
  }
}

#if defined(__AVX2__)

inline __m128i load_16(const uint8_t* p) noexcept {
  return _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
}

// Which bytes of three vectors make up a fourth; -1 takes none.
struct Pick {
  int8_t from[3][16];
};

inline __m128i pick(const __m128i* v, const Pick& p) noexcept {
  __m128i out = _mm_setzero_si128();
  for (size_t k = 0; k < 3; ++k) {
    const __m128i order = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p.from[k]));
    out = _mm_or_si128(out, _mm_shuffle_epi8(v[k], order));
  }
  return out;
}

struct Picks {
  Pick split[3];  // channel c of 16 pixels, from their 48 bytes
  Pick join[3];   // bytes 16 k to 16 k + 15 of 16 pixels, from their three channels
};

constexpr Picks make_picks() noexcept {
  Picks p{};
  for (int k = 0; k < 3; ++k) {
    for (int v = 0; v < 3; ++v) {
      for (int i = 0; i < 16; ++i) {
        const int byte = 3 * i + k;
        p.split[k].from[v][i] = static_cast<int8_t>(byte / 16 == v ? byte % 16 : -1);
        const int out = 16 * k + i;
        p.join[k].from[v][i] = static_cast<int8_t>(out % 3 == v ? out / 3 : -1);
      }
    }
  }
  return p;
}

constexpr Picks kPicks = make_picks();

inline size_t split_3(const uint8_t* pixels, size_t n, uint8_t* out, size_t plane) noexcept {
  size_t i = 0;
  for (; i + 16 <= n; i += 16) {
    const uint8_t* p = pixels + 3 * i;
    const __m128i v[3] = {load_16(p), load_16(p + 16), load_16(p + 32)};
    for (size_t c = 0; c < 3; ++c) {
      _mm_storeu_si128(reinterpret_cast<__m128i*>(out + c * plane + i), pick(v, kPicks.split[c]));
    }
  }
  return i;
}

inline size_t join_3(const uint8_t* planes, size_t plane, size_t n, uint8_t* out) noexcept {
  size_t i = 0;
  for (; i + 16 <= n; i += 16) {
    const uint8_t* p = planes + i;
    const __m128i v[3] = {load_16(p), load_16(p + plane), load_16(p + 2 * plane)};
    for (size_t k = 0; k < 3; ++k) {
      _mm_storeu_si128(reinterpret_cast<__m128i*>(out + 3 * i + 16 * k), pick(v, kPicks.join[k]));
    }
  }
  return i;
}

#endif

void split_planes(const uint8_t* pixels, size_t n, int32_t channels, uint8_t* out,
                  size_t plane) noexcept {
  if (channels == 1) {
    if (n > 0) __builtin_memcpy(out, pixels, n);
  } else if (channels == 3) {
    size_t done = 0;
#if defined(__AVX2__)
    done = split_3(pixels, n, out, plane);
#endif
    split_any<3>(pixels, done, n, out, plane);
  } else {
    split_any<4>(pixels, 0, n, out, plane);
  }
}

template <size_t kChannels, typename T>
inline void join_any(const T* __restrict planes, size_t plane, size_t from, size_t n,
                     T* __restrict out) noexcept {
  for (size_t i = from; i < n; ++i) {
    for (size_t c = 0; c < kChannels; ++c) out[i * kChannels + c] = planes[c * plane + i];
  }
}

template <typename T>
inline void join(const T* planes, size_t plane, size_t n, int32_t channels, T* out) noexcept {
  if (channels == 1) {
    if (n > 0) __builtin_memcpy(out, planes, n * sizeof(T));
  } else if (channels == 3) {
    size_t done = 0;
#if defined(__AVX2__)
    if constexpr (sizeof(T) == 1) done = join_3(planes, plane, n, out);
#endif
    join_any<3>(planes, plane, done, n, out);
  } else {
    join_any<4>(planes, plane, 0, n, out);
  }
}

void join_planes(const uint8_t* planes, size_t plane, size_t n, int32_t channels,
                 uint8_t* out) noexcept {
  join(planes, plane, n, channels, out);
}

void join_halves(const uint16_t* planes, size_t plane, size_t n, int32_t channels,
                 uint16_t* out) noexcept {
  join(planes, plane, n, channels, out);
}

void join_floats(const float* planes, size_t plane, size_t n, int32_t channels,
                 float* out) noexcept {
  join(planes, plane, n, channels, out);
}

// x - 0 and x / 1 are x, so that the short loop gives the long one's bits.
void scale_row(const uint8_t* __restrict row, size_t n, float scale, float mean, float std,
               float* __restrict out) noexcept {
  if (mean == 0.0F && std == 1.0F) {
    for (size_t i = 0; i < n; ++i) out[i] = static_cast<float>(row[i]) * scale;
  } else {
    for (size_t i = 0; i < n; ++i) {
      const float scaled = static_cast<float>(row[i]) * scale;
      const float centred = scaled - mean;
      out[i] = centred / std;
    }
  }
}

// Tables in registers, where a machine has shuffles wide enough to look things up in them. Each
// returns how many bytes were mapped.
#if defined(__AVX512BW__)

// 32 bytes at a time, in words: of the table's 128 pairs of bytes the one, of it the half.
inline size_t map_blocks(const uint8_t* row, size_t n, const uint8_t* table,
                         uint8_t* out) noexcept {
  const __m512i t[4] = {_mm512_loadu_si512(table), _mm512_loadu_si512(table + 64),
                        _mm512_loadu_si512(table + 128), _mm512_loadu_si512(table + 192)};
  const __m512i upper = _mm512_set1_epi16(64);
  const __m512i odd = _mm512_set1_epi16(8);
  size_t i = 0;
  for (; i + 32 <= n; i += 32) {
    const __m512i v = _mm512_cvtepu8_epi16(
        _mm256_loadu_si256(reinterpret_cast<const __m256i*>(row + i)));
    const __m512i pair = _mm512_srli_epi16(v, 1);
    const __m512i word = _mm512_mask_blend_epi16(_mm512_test_epi16_mask(pair, upper),
                                                 _mm512_permutex2var_epi16(t[0], pair, t[1]),
                                                 _mm512_permutex2var_epi16(t[2], pair, t[3]));
    const __m512i shift = _mm512_and_si512(_mm512_slli_epi16(v, 3), odd);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + i),
                        _mm512_maskz_cvtepi16_epi8(~0U, _mm512_srlv_epi16(word, shift)));
  }
  return i;
}

inline size_t map_blocks(const uint8_t* row, size_t n, const uint16_t* table,
                         uint16_t* out) noexcept {
  __m512i t[8];
  for (size_t k = 0; k < 8; ++k) t[k] = _mm512_loadu_si512(table + 32 * k);
  const __m512i bit_6 = _mm512_set1_epi16(64);
  const __m512i bit_7 = _mm512_set1_epi16(128);
  size_t i = 0;
  for (; i + 32 <= n; i += 32) {
    const __m512i v = _mm512_cvtepu8_epi16(
        _mm256_loadu_si256(reinterpret_cast<const __m256i*>(row + i)));
    const __mmask32 second = _mm512_test_epi16_mask(v, bit_6);
    const __m512i low = _mm512_mask_blend_epi16(second, _mm512_permutex2var_epi16(t[0], v, t[1]),
                                                _mm512_permutex2var_epi16(t[2], v, t[3]));
    const __m512i high = _mm512_mask_blend_epi16(second, _mm512_permutex2var_epi16(t[4], v, t[5]),
                                                 _mm512_permutex2var_epi16(t[6], v, t[7]));
    _mm512_storeu_si512(out + i,
                        _mm512_mask_blend_epi16(_mm512_test_epi16_mask(v, bit_7), low, high));
  }
  return i;
}

#elif defined(__AVX2__)

// A shuffle gives 0 for an index with its top bit set: of the sixteen, all but one.
inline size_t map_blocks(const uint8_t* row, size_t n, const uint8_t* table,
                         uint8_t* out) noexcept {
  const __m256i past = _mm256_set1_epi8(0x70);
  size_t i = 0;
  for (; i + 64 <= n; i += 64) {
    const auto* from = reinterpret_cast<const __m256i*>(row + i);
    const __m256i v0 = _mm256_loadu_si256(from);
    const __m256i v1 = _mm256_loadu_si256(from + 1);
    __m256i sum0 = _mm256_setzero_si256();
    __m256i sum1 = sum0;
    for (int32_t k = 0; k < 16; ++k) {
      const __m256i part = _mm256_broadcastsi128_si256(load_16(table + 16 * k));
      const __m256i base = _mm256_set1_epi8(static_cast<int8_t>(16 * k));
      const auto pick = [&](__m256i v) {
        return _mm256_shuffle_epi8(part, _mm256_adds_epu8(_mm256_xor_si256(v, base), past));
      };
      sum0 = _mm256_or_si256(sum0, pick(v0));
      sum1 = _mm256_or_si256(sum1, pick(v1));
    }
    auto* to = reinterpret_cast<__m256i*>(out + i);
    _mm256_storeu_si256(to, sum0);
    _mm256_storeu_si256(to + 1, sum1);
  }
  return i;
}

#elif defined(__aarch64__)

inline size_t map_blocks(const uint8_t* row, size_t n, const uint8_t* table,
                         uint8_t* out) noexcept {
  uint8x16x4_t t[4];
  for (size_t k = 0; k < 4; ++k) t[k] = vld1q_u8_x4(table + 64 * k);
  const uint8x16_t part = vdupq_n_u8(64);
  size_t i = 0;
  for (; i + 16 <= n; i += 16) {
    uint8x16_t v = vld1q_u8(row + i);
    uint8x16_t q = vqtbl4q_u8(t[0], v);  // 0 past the table
    for (size_t k = 1; k < 4; ++k) {
      v = vsubq_u8(v, part);
      q = vqtbx4q_u8(q, t[k], v);  // what it was past the table
    }
    vst1q_u8(out + i, q);
  }
  return i;
}

#endif

void map_row(const uint8_t* __restrict row, size_t n, const uint8_t* __restrict table,
             uint8_t* __restrict out) noexcept {
  size_t i = 0;
#if defined(__AVX2__) || defined(__aarch64__)
  i = map_blocks(row, n, table, out);
#endif
  for (; i < n; ++i) out[i] = table[row[i]];
}

void map_halves(const uint8_t* __restrict row, size_t n, const uint16_t* __restrict table,
                uint16_t* __restrict out) noexcept {
  size_t i = 0;
#if defined(__AVX512BW__)
  i = map_blocks(row, n, table, out);
#endif
  for (; i < n; ++i) out[i] = table[row[i]];
}

void shift_row(const uint8_t* __restrict row, size_t n, uint8_t shift,
               uint8_t* __restrict out) noexcept {
  for (size_t i = 0; i < n; ++i) out[i] = static_cast<uint8_t>(row[i] + shift);
}

constexpr LetterboxKernels kTable = {FL_LETTERBOX_KERNELS(FL_KERNEL_ENTRY)};

}  // namespace
}  // namespace FL_TIER_NAME(letterbox_tier_)

extern const LetterboxKernels FL_TIER_NAME(kLetterbox_);
const LetterboxKernels FL_TIER_NAME(kLetterbox_) = FL_TIER_NAME(letterbox_tier_)::kTable;

}  // namespace fl
