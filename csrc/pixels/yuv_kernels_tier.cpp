// The fast bodies of the YUV kernels, compiled once per instruction-set tier into a namespace of
// their own; no STL, no shared inline functions (see row_kernels_tier.cpp).
//
// AVX2 has no product of 32 bits that is as quick as its multiply-add of pairs of 16: a factor f
// below 2^22 is 128 (f >> 7) + (f & 127), and 128 x fits 16 bits as x does.
#if defined(__AVX2__)
#include <immintrin.h>
#elif defined(__ARM_NEON)
#include <arm_neon.h>
#endif

#include "pixels/yuv_kernels.h"

namespace fl {
namespace FL_TIER_NAME(yuv_tier_) {
namespace {

inline uint8_t clipped(int32_t sum) noexcept {
  const int32_t level = sum >> 20;
  return static_cast<uint8_t>(level < 0 ? 0 : level > 255 ? 255 : level);
}

// kShared: one chroma pair for two pixels.
template <bool kShared>
inline void convert_any(const uint8_t* __restrict y, const uint8_t* __restrict chroma, size_t from,
                        size_t n, const YuvWeights& w, uint8_t* __restrict out) noexcept {
  const int32_t black = w.black;
  for (size_t i = from; i < n; ++i) {
    const uint8_t* pair = chroma + 2 * (kShared ? i / 2 : i);
    const int32_t above = y[i] > black ? y[i] - black : 0;
    const int32_t light = w.luma * above + (1 << 19);
    const int32_t a = pair[0] - 128;
    const int32_t b = pair[1] - 128;
    out[3 * i] = clipped(light + w.first * b);
    out[3 * i + 1] = clipped(light + w.green[0] * a + w.green[1] * b);
    out[3 * i + 2] = clipped(light + w.last * a);
  }
}

#if defined(__AVX2__)

// The two parts of a factor for the pair (x, y), in each 32 bits.
inline __m256i upper(int32_t x, int32_t y) noexcept {
  return _mm256_set1_epi32((x >> 7 & 0xFFFF) | static_cast<int32_t>(static_cast<uint32_t>(y >> 7) << 16));
}
inline __m256i lower(int32_t x, int32_t y) noexcept {
  return _mm256_set1_epi32((x & 127) | (y & 127) << 16);
}

// x a + y b of eight pairs (a, b).
struct PairFactors {
  PairFactors(int32_t x, int32_t y) noexcept : high(upper(x, y)), low(lower(x, y)) {}
  __m256i of(__m256i pairs) const noexcept {
    return _mm256_add_epi32(_mm256_slli_epi32(_mm256_madd_epi16(pairs, high), 7),
                            _mm256_madd_epi16(pairs, low));
  }
  __m256i high, low;
};

inline __m256i bytes_to_words(const uint8_t* p) noexcept {
  return _mm256_cvtepu8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
}

// luma y' + half of eight pixels.
inline __m256i light_of(const uint8_t* y, __m256i black, __m256i factor, __m256i half) noexcept {
  const __m256i words = _mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(y)));
  const __m256i above = _mm256_subs_epu16(words, black);
  const __m256i both = _mm256_or_si256(above, _mm256_slli_epi32(above, 23));  // y', 128 y'
  return _mm256_add_epi32(_mm256_madd_epi16(both, factor), half);
}

// Sixteen sums, two vectors of them, to bytes.
inline __m128i bytes_of(__m256i a, __m256i b) noexcept {
  const __m256i words = _mm256_permute4x64_epi64(
      _mm256_packs_epi32(_mm256_srai_epi32(a, 20), _mm256_srai_epi32(b, 20)), 0xD8);
  return _mm_packus_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1));
}

// Bytes 16 k to 16 k + 15 of 16 pixels, from their three channels; -1 takes none.
struct Picks {
  int8_t from[3][3][16];
};

constexpr Picks make_picks() noexcept {
  Picks p{};
  for (int k = 0; k < 3; ++k) {
    for (int c = 0; c < 3; ++c) {
      for (int i = 0; i < 16; ++i) {
        const int at = 16 * k + i;
        p.from[k][c][i] = static_cast<int8_t>(at % 3 == c ? at / 3 : -1);
      }
    }
  }
  return p;
}

constexpr Picks kPicks = make_picks();

inline void store_pixels(__m128i c0, __m128i c1, __m128i c2, uint8_t* out) noexcept {
  for (size_t k = 0; k < 3; ++k) {
    const auto order = [k](size_t c) {
      return _mm_loadu_si128(reinterpret_cast<const __m128i*>(kPicks.from[k][c]));
    };
    const __m128i bytes =
        _mm_or_si128(_mm_or_si128(_mm_shuffle_epi8(c0, order(0)), _mm_shuffle_epi8(c1, order(1))),
                     _mm_shuffle_epi8(c2, order(2)));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out + 16 * k), bytes);
  }
}

// Sixteen pixels at a time; returns how many were made.
template <bool kShared>
inline size_t convert_blocks(const uint8_t* y, const uint8_t* chroma, size_t n,
                             const YuvWeights& w, uint8_t* out) noexcept {
  const __m256i black = _mm256_set1_epi32(w.black);
  const __m256i light = _mm256_set1_epi32((w.luma & 127) | (w.luma >> 7) << 16);
  const __m256i half = _mm256_set1_epi32(1 << 19);
  const __m256i middle = _mm256_set1_epi16(128);
  const PairFactors factors[3] = {{0, w.first}, {w.green[0], w.green[1]}, {w.last, 0}};
  const __m256i low = _mm256_setr_epi32(0, 0, 1, 1, 2, 2, 3, 3);
  const __m256i high = _mm256_setr_epi32(4, 4, 5, 5, 6, 6, 7, 7);
  size_t i = 0;
  for (; i + 16 <= n; i += 16) {
    const __m256i first = light_of(y + i, black, light, half);
    const __m256i second = light_of(y + i + 8, black, light, half);
    __m128i bytes[3];
    if constexpr (kShared) {
      const __m256i pairs = _mm256_sub_epi16(bytes_to_words(chroma + i), middle);
      for (size_t c = 0; c < 3; ++c) {
        const __m256i sums = factors[c].of(pairs);
        bytes[c] = bytes_of(_mm256_add_epi32(first, _mm256_permutevar8x32_epi32(sums, low)),
                            _mm256_add_epi32(second, _mm256_permutevar8x32_epi32(sums, high)));
      }
    } else {
      const __m256i a = _mm256_sub_epi16(bytes_to_words(chroma + 2 * i), middle);
      const __m256i b = _mm256_sub_epi16(bytes_to_words(chroma + 2 * i + 16), middle);
      for (size_t c = 0; c < 3; ++c) {
        bytes[c] = bytes_of(_mm256_add_epi32(first, factors[c].of(a)),
                            _mm256_add_epi32(second, factors[c].of(b)));
      }
    }
    store_pixels(bytes[0], bytes[1], bytes[2], out + 3 * i);
  }
  return i;
}

#elif defined(__ARM_NEON)

// Sixteen sums to bytes: 20 bits in two steps, the first of which clips at 0.
inline uint8x16_t bytes_of(int32x4_t a, int32x4_t b, int32x4_t c, int32x4_t d) noexcept {
  const uint16x8_t low = vcombine_u16(vqshrun_n_s32(a, 16), vqshrun_n_s32(b, 16));
  const uint16x8_t high = vcombine_u16(vqshrun_n_s32(c, 16), vqshrun_n_s32(d, 16));
  return vcombine_u8(vqshrn_n_u16(low, 4), vqshrn_n_u16(high, 4));
}

// Chroma's part of a colour, of eight pairs, with the half that rounds.
struct Tint {
  int32x4_t low, high;
};

inline Tint added(Tint t, int16x8_t a, int32_t factor) noexcept {
  return {vmlaq_n_s32(t.low, vmovl_s16(vget_low_s16(a)), factor),
          vmlaq_n_s32(t.high, vmovl_s16(vget_high_s16(a)), factor)};
}

inline Tint tint_of(int16x8_t a, int32_t factor) noexcept {
  const int32x4_t half = vdupq_n_s32(1 << 19);
  return added({half, half}, a, factor);
}

// Sixteen pixels at a time; returns how many were made.
template <bool kShared>
inline size_t convert_blocks(const uint8_t* y, const uint8_t* chroma, size_t n,
                             const YuvWeights& w, uint8_t* out) noexcept {
  const uint8x16_t black = vdupq_n_u8(static_cast<uint8_t>(w.black));
  const uint8x8_t middle = vdup_n_u8(128);
  const auto centred = [middle](uint8x8_t v) { return vreinterpretq_s16_u16(vsubl_u8(v, middle)); };
  const int32_t first = w.first;
  const int32_t green_a = w.green[0];
  const int32_t green_b = w.green[1];
  const int32_t last = w.last;
  size_t i = 0;
  for (; i + 16 <= n; i += 16) {
    const uint8x16_t above = vqsubq_u8(vld1q_u8(y + i), black);
    const uint16x8_t words[2] = {vmovl_u8(vget_low_u8(above)), vmovl_u8(vget_high_u8(above))};
    int32x4_t light[4];
    for (size_t k = 0; k < 2; ++k) {
      const int16x8_t v = vreinterpretq_s16_u16(words[k]);
      light[2 * k] = vmulq_n_s32(vmovl_s16(vget_low_s16(v)), w.luma);
      light[2 * k + 1] = vmulq_n_s32(vmovl_s16(vget_high_s16(v)), w.luma);
    }
    uint8x16x3_t pixels;
    if constexpr (kShared) {
      const uint8x8x2_t pairs = vld2_u8(chroma + i);
      const int16x8_t a = centred(pairs.val[0]);
      const int16x8_t b = centred(pairs.val[1]);
      const auto colour = [&](const Tint& t) {
        const int32x4x2_t low = vzipq_s32(t.low, t.low);
        const int32x4x2_t high = vzipq_s32(t.high, t.high);
        return bytes_of(vaddq_s32(light[0], low.val[0]), vaddq_s32(light[1], low.val[1]),
                        vaddq_s32(light[2], high.val[0]), vaddq_s32(light[3], high.val[1]));
      };
      pixels.val[0] = colour(tint_of(b, first));
      pixels.val[1] = colour(added(tint_of(a, green_a), b, green_b));
      pixels.val[2] = colour(tint_of(a, last));
    } else {
      const uint8x16x2_t pairs = vld2q_u8(chroma + 2 * i);
      const int16x8_t a[2] = {centred(vget_low_u8(pairs.val[0])), centred(vget_high_u8(pairs.val[0]))};
      const int16x8_t b[2] = {centred(vget_low_u8(pairs.val[1])), centred(vget_high_u8(pairs.val[1]))};
      const auto colour = [&](const Tint& s, const Tint& t) {
        return bytes_of(vaddq_s32(light[0], s.low), vaddq_s32(light[1], s.high),
                        vaddq_s32(light[2], t.low), vaddq_s32(light[3], t.high));
      };
      pixels.val[0] = colour(tint_of(b[0], first), tint_of(b[1], first));
      pixels.val[1] = colour(added(tint_of(a[0], green_a), b[0], green_b),
                             added(tint_of(a[1], green_a), b[1], green_b));
      pixels.val[2] = colour(tint_of(a[0], last), tint_of(a[1], last));
    }
    vst3q_u8(out + 3 * i, pixels);
  }
  return i;
}

#endif

template <bool kShared>
inline void convert(const uint8_t* y, const uint8_t* chroma, size_t n, const YuvWeights& w,
                    uint8_t* out) noexcept {
  size_t done = 0;
#if defined(__AVX2__) || defined(__ARM_NEON)
  done = convert_blocks<kShared>(y, chroma, n, w, out);
#endif
  convert_any<kShared>(y, chroma, done, n, w, out);
}

void yuv_pairs(const uint8_t* y, const uint8_t* chroma, size_t n, const YuvWeights* weights,
               uint8_t* out) noexcept {
  convert<true>(y, chroma, n, *weights, out);
}

void yuv_pixels(const uint8_t* y, const uint8_t* chroma, size_t n, const YuvWeights* weights,
                uint8_t* out) noexcept {
  convert<false>(y, chroma, n, *weights, out);
}

void yuv_split(const uint8_t* __restrict pixels, size_t n, uint8_t* __restrict y,
               uint8_t* __restrict chroma) noexcept {
  const size_t pairs = n / 2;
  for (size_t i = 0; i < 2 * pairs; ++i) {
    y[i] = pixels[2 * i];
    chroma[i] = pixels[2 * i + 1];
  }
  if (n % 2 != 0) {
    y[n - 1] = pixels[2 * n - 2];
    chroma[n - 1] = pixels[2 * n - 1];
    chroma[n] = pixels[2 * n + 1];
  }
}

// kGap: between the bytes of a pair.
template <size_t kStep, size_t kPairStep, size_t kGap>
inline void pick_of(const uint8_t* __restrict y, const uint8_t* __restrict chroma,
                    const int32_t* __restrict columns, size_t n, uint8_t* __restrict out_y,
                    uint8_t* __restrict out_chroma) noexcept {
  for (size_t i = 0; i < n; ++i) {
    const auto x = static_cast<size_t>(columns[i]);
    const uint8_t* pair = chroma + x / 2 * kPairStep;
    out_y[i] = y[x * kStep];
    if constexpr (kGap == 1) {
      __builtin_memcpy(out_chroma + 2 * i, pair, 2);
    } else {
      out_chroma[2 * i] = pair[0];
      out_chroma[2 * i + 1] = pair[kGap];
    }
  }
}

void yuv_pick(const uint8_t* y, const uint8_t* chroma, const int32_t* columns, size_t n,
              uint8_t* out_y, uint8_t* out_chroma) noexcept {
  if (chroma != nullptr) {
    pick_of<1, 2, 1>(y, chroma, columns, n, out_y, out_chroma);
  } else {
    pick_of<2, 4, 2>(y, y + 1, columns, n, out_y, out_chroma);
  }
}

constexpr YuvKernels kTable = {FL_YUV_KERNELS(FL_KERNEL_ENTRY)};

}  // namespace
}  // namespace FL_TIER_NAME(yuv_tier_)

extern const YuvKernels FL_TIER_NAME(kYuv_);
const YuvKernels FL_TIER_NAME(kYuv_) = FL_TIER_NAME(yuv_tier_)::kTable;

}  // namespace fl
