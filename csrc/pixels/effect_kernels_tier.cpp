// The fast bodies of effect_kernels.h, compiled once per instruction-set tier. FL_TIER is set by
// the build.
//
// The noises are plain loops over blocks, for the compiler to vectorise. Tables and filters are
// written out: a table is a byte shuffle, which no compiler finds, and a filter keeps its sums in
// registers over all taps.
#if defined(__SSE2__)
#include <immintrin.h>
#endif

#include "pixels/effect_kernels.h"

namespace fl {
namespace FL_TIER_NAME(tier_) {
namespace {

inline uint32_t hash(uint32_t x) noexcept {
  x ^= x >> 16;
  x *= 0x7FEB352DU;
  x ^= x >> 15;
  x *= 0x846CA68BU;
  return x ^ (x >> 16);
}

// The sum of the four bytes, less 510.
inline int32_t spread(uint32_t h) noexcept {
  const uint32_t pairs = (h & 0x00FF00FFU) + ((h >> 8) & 0x00FF00FFU);
  return static_cast<int32_t>((pairs & 0xFFFFU) + (pairs >> 16)) - 510;
}

constexpr float kUnit = 0.0067658751F;  // 1 / sqrt(21845)

// ---- tables ----------------------------------------------------------------------------

inline void look_up_any(const uint8_t* __restrict table, const uint8_t* __restrict image, size_t n,
                        uint8_t* __restrict out) noexcept {
  for (size_t i = 0; i < n; ++i) out[i] = table[image[i]];
}

inline void look_up_rgb_any(const uint8_t* __restrict tables, const uint8_t* __restrict image,
                            size_t n, uint8_t* __restrict out) noexcept {
  for (size_t p = 0; p < n; ++p) {
    out[3 * p] = tables[image[3 * p]];
    out[3 * p + 1] = tables[256 + image[3 * p + 1]];
    out[3 * p + 2] = tables[512 + image[3 * p + 2]];
  }
}

#if defined(__AVX512BW__)

// A whole table lies in four registers; the level lacks the byte permutation that most CPUs of
// the level have, so it is asked for.
#define FL_VBMI __attribute__((target("avx512vbmi")))

FL_VBMI inline __m512i permuted(const __m512i table[4], __m512i v) noexcept {
  const __m512i low = _mm512_permutex2var_epi8(table[0], v, table[1]);
  const __m512i high = _mm512_permutex2var_epi8(table[2], v, table[3]);
  return _mm512_mask_blend_epi8(_mm512_movepi8_mask(v), low, high);
}

FL_VBMI void look_up_vbmi(const uint8_t* table, const uint8_t* image, size_t n,
                          uint8_t* out) noexcept {
  __m512i t[4];
  for (size_t k = 0; k < 4; ++k) t[k] = _mm512_loadu_si512(table + 64 * k);
  size_t i = 0;
  for (; i + 64 <= n; i += 64) {
    _mm512_storeu_si512(out + i, permuted(t, _mm512_loadu_si512(image + i)));
  }
  const __mmask64 rest = (__mmask64{1} << (n - i)) - 1;
  const __m512i v = _mm512_maskz_loadu_epi8(rest, image + i);
  _mm512_mask_storeu_epi8(out + i, rest, permuted(t, v));
}

FL_VBMI void look_up_rgb_vbmi(const uint8_t* tables, const uint8_t* image, size_t n,
                              uint8_t* out) noexcept {
  __m512i t[3][4];
  for (size_t c = 0; c < 3; ++c) {
    for (size_t k = 0; k < 4; ++k) t[c][k] = _mm512_loadu_si512(tables + 256 * c + 64 * k);
  }
  // Bytes of channels 1 and 2 of a register that begins with channel 0, 1 or 2.
  constexpr uint64_t kThird = 0x9249249249249249U;  // every third byte, from the first on
  const __mmask64 one[3] = {kThird << 1, kThird, kThird << 2};
  const __mmask64 two[3] = {kThird << 2, kThird << 1, kThird};
  size_t i = 0;
  int phase = 0;
  for (; i < 3 * n; i += 64) {
    const __mmask64 in = 3 * n - i >= 64 ? ~__mmask64{0} : (__mmask64{1} << (3 * n - i)) - 1;
    const __m512i v = _mm512_maskz_loadu_epi8(in, image + i);
    __m512i r = permuted(t[0], v);
    r = _mm512_mask_blend_epi8(one[phase], r, permuted(t[1], v));
    r = _mm512_mask_blend_epi8(two[phase], r, permuted(t[2], v));
    _mm512_mask_storeu_epi8(out + i, in, r);
    phase = phase == 2 ? 0 : phase + 1;
  }
}

inline bool has_vbmi() noexcept {
  static const bool has = __builtin_cpu_supports("avx512vbmi") != 0;
  return has;
}

#endif

void look_up(const uint8_t* table, const uint8_t* image, size_t n, uint8_t* out) noexcept {
#if defined(__AVX512BW__)
  if (has_vbmi()) return look_up_vbmi(table, image, n, out);
#endif
  size_t i = 0;
#if defined(__AVX2__)
  __m256i t[16];
  for (size_t k = 0; k < 16; ++k) {
    t[k] = _mm256_broadcastsi128_si256(
        _mm_loadu_si128(reinterpret_cast<const __m128i*>(table + 16 * k)));
  }
  const __m256i step = _mm256_set1_epi8(16);
  const __m256i beyond = _mm256_set1_epi8(0x70);
  for (; i + 32 <= n; i += 32) {
    __m256i v = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(image + i));
    __m256i r = _mm256_setzero_si256();
    for (const __m256i& part : t) {
      // 0x70 more leaves the top bit, which makes the shuffle give 0, clear for 0 to 15 alone.
      r = _mm256_or_si256(r, _mm256_shuffle_epi8(part, _mm256_adds_epu8(v, beyond)));
      v = _mm256_sub_epi8(v, step);
    }
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + i), r);
  }
#endif
  look_up_any(table, image + i, n - i, out + i);
}

void look_up_rgb(const uint8_t* tables, const uint8_t* image, size_t n, uint8_t* out) noexcept {
#if defined(__AVX512BW__)
  if (has_vbmi()) return look_up_rgb_vbmi(tables, image, n, out);
#endif
  look_up_rgb_any(tables, image, n, out);
}

// ---- filter ----------------------------------------------------------------------------

#if defined(__AVX512BW__)
using Vector = __m512i;
inline Vector load(const uint8_t* p) noexcept { return _mm512_loadu_si512(p); }
inline void store(uint8_t* p, Vector v) noexcept { _mm512_storeu_si512(p, v); }
inline Vector all(uint16_t v) noexcept { return _mm512_set1_epi16(static_cast<int16_t>(v)); }
inline Vector zero() noexcept { return _mm512_setzero_si512(); }
inline Vector low(Vector v) noexcept { return _mm512_unpacklo_epi8(zero(), v); }
inline Vector high(Vector v) noexcept { return _mm512_unpackhi_epi8(zero(), v); }
inline Vector times(Vector a, Vector w) noexcept { return _mm512_mulhi_epu16(a, w); }
inline Vector plus(Vector a, Vector b) noexcept { return _mm512_add_epi16(a, b); }
inline Vector packed(Vector a, Vector b) noexcept {
  return _mm512_packus_epi16(_mm512_srli_epi16(a, 8), _mm512_srli_epi16(b, 8));
}
#elif defined(__AVX2__)
using Vector = __m256i;
inline Vector load(const uint8_t* p) noexcept {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
}
inline void store(uint8_t* p, Vector v) noexcept {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), v);
}
inline Vector all(uint16_t v) noexcept { return _mm256_set1_epi16(static_cast<int16_t>(v)); }
inline Vector zero() noexcept { return _mm256_setzero_si256(); }
inline Vector low(Vector v) noexcept { return _mm256_unpacklo_epi8(zero(), v); }
inline Vector high(Vector v) noexcept { return _mm256_unpackhi_epi8(zero(), v); }
inline Vector times(Vector a, Vector w) noexcept { return _mm256_mulhi_epu16(a, w); }
inline Vector plus(Vector a, Vector b) noexcept { return _mm256_add_epi16(a, b); }
inline Vector packed(Vector a, Vector b) noexcept {
  return _mm256_packus_epi16(_mm256_srli_epi16(a, 8), _mm256_srli_epi16(b, 8));
}
#elif defined(__SSE2__)
using Vector = __m128i;
inline Vector load(const uint8_t* p) noexcept {
  return _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
}
inline void store(uint8_t* p, Vector v) noexcept {
  _mm_storeu_si128(reinterpret_cast<__m128i*>(p), v);
}
inline Vector all(uint16_t v) noexcept { return _mm_set1_epi16(static_cast<int16_t>(v)); }
inline Vector zero() noexcept { return _mm_setzero_si128(); }
inline Vector low(Vector v) noexcept { return _mm_unpacklo_epi8(zero(), v); }
inline Vector high(Vector v) noexcept { return _mm_unpackhi_epi8(zero(), v); }
inline Vector times(Vector a, Vector w) noexcept { return _mm_mulhi_epu16(a, w); }
inline Vector plus(Vector a, Vector b) noexcept { return _mm_add_epi16(a, b); }
inline Vector packed(Vector a, Vector b) noexcept {
  return _mm_packus_epi16(_mm_srli_epi16(a, 8), _mm_srli_epi16(b, 8));
}
#endif

inline uint16_t half_of(size_t taps) noexcept {
  return static_cast<uint16_t>((taps / 2 < 127 ? taps / 2 : 127) + 128);
}

inline void filter_any(const uint8_t* const* samples, const uint16_t* weights, size_t taps,
                       size_t from, size_t n, uint8_t* out) noexcept {
  constexpr size_t kBlock = 64;
  for (size_t at = from; at < n; at += kBlock) {
    const size_t count = n - at < kBlock ? n - at : kBlock;
    uint16_t sums[kBlock];
    for (size_t i = 0; i < kBlock; ++i) sums[i] = half_of(taps);
    for (size_t k = 0; k < taps; ++k) {
      const uint8_t* from_k = samples[k] + at;
      const uint32_t w = weights[k];
      for (size_t i = 0; i < count; ++i) {
        const uint32_t high_byte = static_cast<uint32_t>(from_k[i]) << 8;
        sums[i] = static_cast<uint16_t>(sums[i] + ((high_byte * w) >> 16));
      }
    }
    for (size_t i = 0; i < count; ++i) out[at + i] = static_cast<uint8_t>(sums[i] >> 8);
  }
}

void filter(const uint8_t* const* samples, const uint16_t* weights, size_t taps, size_t n,
            uint8_t* out) noexcept {
  size_t i = 0;
#if defined(__SSE2__)
  constexpr size_t kWide = sizeof(Vector);
  const Vector half = all(half_of(taps));
  for (; i + 2 * kWide <= n; i += 2 * kWide) {
    Vector sums[4] = {half, half, half, half};
    for (size_t k = 0; k < taps; ++k) {
      const Vector w = all(weights[k]);
      const Vector a = load(samples[k] + i);
      const Vector b = load(samples[k] + i + kWide);
      sums[0] = plus(sums[0], times(low(a), w));
      sums[1] = plus(sums[1], times(high(a), w));
      sums[2] = plus(sums[2], times(low(b), w));
      sums[3] = plus(sums[3], times(high(b), w));
    }
    store(out + i, packed(sums[0], sums[1]));
    store(out + i + kWide, packed(sums[2], sums[3]));
  }
#endif
  filter_any(samples, weights, taps, i, n, out);
}

// ---- noise -----------------------------------------------------------------------------

constexpr size_t kPixels = 64;

// The square root that the machine has, without the library's errno.
inline float root(float v) noexcept { return __builtin_sqrtf(v); }

inline void noise_block(const NoiseRow& how, const uint8_t* __restrict image,
                        const float* __restrict common, uint32_t first, size_t samples,
                        uint8_t* __restrict out) noexcept {
  for (size_t i = 0; i < samples; ++i) {
    const float v = static_cast<float>(image[i]);
    const uint32_t h = hash(static_cast<uint32_t>(i) + first);
    const float z = common[i] + how.own * (static_cast<float>(spread(h)) * kUnit);
    float noisy = v + z * root(how.read2 + how.shot * v) + 0.5F;
    noisy = noisy < 0.0F ? 0.0F : noisy;
    noisy = noisy > 255.0F ? 255.0F : noisy;
    out[i] = static_cast<uint8_t>(static_cast<int32_t>(noisy));
  }
}

void noise(const NoiseRow* how, const uint8_t* image, size_t n, int32_t channels,
           uint8_t* out) noexcept {
  const size_t wide = static_cast<size_t>(channels);
  for (size_t at = 0; at < n; at += kPixels) {
    float common[3 * kPixels];
    for (size_t p = 0; p < kPixels; ++p) {
      const uint32_t h = hash(static_cast<uint32_t>(at + p) + how->pixel_key);
      common[p] = how->common * (static_cast<float>(spread(h)) * kUnit);
    }
    if (wide == 3) {  // from the end, as it grows in place
      for (size_t p = kPixels; p-- > 0;) {
        const float z = common[p];
        common[3 * p] = common[3 * p + 1] = common[3 * p + 2] = z;
      }
    }
    const size_t pixels = n - at < kPixels ? n - at : kPixels;
    const uint32_t first = static_cast<uint32_t>(wide * at) + how->sample_key;
    const uint8_t* from = image + wide * at;
    uint8_t* to = out + wide * at;
    if (wide == 3 && pixels == kPixels) {
      noise_block(*how, from, common, first, 3 * kPixels, to);
    } else {
      noise_block(*how, from, common, first, wide * pixels, to);
    }
  }
}

void specks(uint32_t key, uint32_t salt, uint32_t both, size_t n, int32_t channels,
            uint8_t* image) noexcept {
  const size_t wide = static_cast<size_t>(channels);
  for (size_t at = 0; at < n; at += kPixels) {
    uint32_t bits[kPixels];
    uint32_t least = ~uint32_t{0};
    for (size_t p = 0; p < kPixels; ++p) {
      bits[p] = hash(static_cast<uint32_t>(at + p) + key);
      least = bits[p] < least ? bits[p] : least;
    }
    if (least >= both) continue;
    // Which ones, without a branch that nobody can foresee.
    const size_t pixels = n - at < kPixels ? n - at : kPixels;
    uint8_t hits[kPixels];
    size_t count = 0;
    for (size_t p = 0; p < pixels; ++p) {
      hits[count] = static_cast<uint8_t>(p);
      count += bits[p] < both ? 1 : 0;
    }
    for (size_t j = 0; j < count; ++j) {
      const size_t p = hits[j];
      const uint8_t v = bits[p] < salt ? 255 : 0;
      uint8_t* to = image + wide * (at + p);
      for (size_t c = 0; c < wide; ++c) to[c] = v;
    }
  }
}

constexpr EffectKernels kTable = {FL_EFFECT_KERNELS(FL_KERNEL_ENTRY)};

}  // namespace
}  // namespace FL_TIER_NAME(tier_)

extern const EffectKernels FL_TIER_NAME(kEffects_);
const EffectKernels FL_TIER_NAME(kEffects_) = FL_TIER_NAME(tier_)::kTable;

}  // namespace fl
