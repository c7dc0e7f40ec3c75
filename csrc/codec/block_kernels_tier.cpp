// The fast bodies of block_kernels.h, compiled once per instruction-set tier: a line of eight
// coefficients or samples is one vector of 32-bit numbers. FL_TIER is set by the build.
#include "codec/block_kernels.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace fl {
namespace FL_TIER_NAME(tier_) {
namespace {

// Without sign, so that what no sound picture has wraps around everywhere alike.
typedef uint32_t Line __attribute__((vector_size(32)));
typedef int32_t SignedLine __attribute__((vector_size(32)));
typedef int16_t ShortLine __attribute__((vector_size(16)));
typedef uint8_t ByteLine __attribute__((vector_size(8)));

constexpr uint8_t kNatural[64] = {
    0,  1,  8,  16, 9,  2,  3,  10, 17, 24, 32, 25, 18, 11, 4,  5,  12, 19, 26, 33, 40, 48,
    41, 34, 27, 20, 13, 6,  7,  14, 21, 28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23,
    30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63};

// Cosines with 13 bits behind the point, as libjpeg has them.
constexpr uint32_t k0_298 = 2446, k0_390 = 3196, k0_541 = 4433, k0_765 = 6270, k0_899 = 7373,
                   k1_175 = 9633, k1_501 = 12299, k1_847 = 15137, k1_961 = 16069, k2_053 = 16819,
                   k2_562 = 20995, k3_072 = 25172;

template <int kBits>
inline void descale(Line& v) noexcept {
  v = reinterpret_cast<Line>(reinterpret_cast<SignedLine>(v + (1U << (kBits - 1))) >> kBits);
}

inline void transpose(Line (&v)[8]) noexcept {
  Line a[8], b[8];
  for (int k = 0; k < 8; k += 2) {
    a[k] = __builtin_shufflevector(v[k], v[k + 1], 0, 8, 1, 9, 4, 12, 5, 13);
    a[k + 1] = __builtin_shufflevector(v[k], v[k + 1], 2, 10, 3, 11, 6, 14, 7, 15);
  }
  for (int k = 0; k < 8; k += 4) {
    for (int i = 0; i < 2; ++i) {
      b[k + 2 * i] = __builtin_shufflevector(a[k + i], a[k + i + 2], 0, 1, 8, 9, 4, 5, 12, 13);
      b[k + 2 * i + 1] =
          __builtin_shufflevector(a[k + i], a[k + i + 2], 2, 3, 10, 11, 6, 7, 14, 15);
    }
  }
  for (int k = 0; k < 4; ++k) {
    v[k] = __builtin_shufflevector(b[k], b[k + 4], 0, 1, 2, 3, 8, 9, 10, 11);
    v[k + 4] = __builtin_shufflevector(b[k], b[k + 4], 4, 5, 6, 7, 12, 13, 14, 15);
  }
}

// Along the array; each of the vectors' numbers for itself.
template <int kBits>
inline void inverse(Line (&v)[8]) noexcept {
  const Line z = (v[2] + v[6]) * k0_541;
  const Line low = z - v[6] * k1_847, high = z + v[2] * k0_765;
  const Line sum = (v[0] + v[4]) << 13, difference = (v[0] - v[4]) << 13;
  const Line even[4] = {sum + high, difference + low, difference - low, sum - high};
  const Line cross = (v[7] + v[3] + v[5] + v[1]) * k1_175;
  const Line z1 = (v[7] + v[1]) * k0_899, z2 = (v[5] + v[3]) * k2_562;
  const Line z3 = cross - (v[7] + v[3]) * k1_961, z4 = cross - (v[5] + v[1]) * k0_390;
  const Line odd[4] = {v[1] * k1_501 - z1 + z4, v[3] * k3_072 - z2 + z3, v[5] * k2_053 - z2 + z4,
                       v[7] * k0_298 - z1 + z3};
  for (int k = 0; k < 4; ++k) {
    v[k] = even[k] + odd[k];
    v[7 - k] = even[k] - odd[k];
    descale<kBits>(v[k]);
    descale<kBits>(v[7 - k]);
  }
}

// kFirst: of the two passes, after which two bits more are kept.
template <bool kFirst>
inline void forward(Line (&v)[8]) noexcept {
  constexpr int kBits = kFirst ? 11 : 15;
  const Line s[4] = {v[0] + v[7], v[1] + v[6], v[2] + v[5], v[3] + v[4]};
  const Line d[4] = {v[0] - v[7], v[1] - v[6], v[2] - v[5], v[3] - v[4]};
  const Line outer = s[0] + s[3], inner = s[1] + s[2];
  const Line slope = s[0] - s[3], step = s[1] - s[2];
  if constexpr (kFirst) {
    v[0] = (outer + inner) << 2;
    v[4] = (outer - inner) << 2;
  } else {
    v[0] = outer + inner;
    v[4] = outer - inner;
    descale<2>(v[0]);
    descale<2>(v[4]);
  }
  const Line z = (step + slope) * k0_541;
  v[2] = z + slope * k0_765;
  v[6] = z - step * k1_847;
  const Line cross = (d[3] + d[1] + d[2] + d[0]) * k1_175;
  const Line z1 = (d[3] + d[0]) * k0_899, z2 = (d[2] + d[1]) * k2_562;
  const Line z3 = cross - (d[3] + d[1]) * k1_961, z4 = cross - (d[2] + d[0]) * k0_390;
  v[7] = d[3] * k0_298 - z1 + z3;
  v[5] = d[2] * k2_053 - z2 + z4;
  v[3] = d[1] * k3_072 - z2 + z3;
  v[1] = d[0] * k1_501 - z1 + z4;
  descale<kBits>(v[7]);
  descale<kBits>(v[5]);
  descale<kBits>(v[3]);
  descale<kBits>(v[1]);
  descale<kBits>(v[2]);
  descale<kBits>(v[6]);
}

// Numbers that 16 bits hold; told how, as compilers take them one by one.
inline ShortLine narrow(const Line& v) noexcept {
#if defined(__AVX512VL__)
  return reinterpret_cast<ShortLine>(_mm256_cvtepi32_epi16(reinterpret_cast<__m256i>(v)));
#elif defined(__x86_64__)
  __m128i half[2];
  __builtin_memcpy(half, &v, sizeof half);
  return reinterpret_cast<ShortLine>(_mm_packs_epi32(half[0], half[1]));
#else
  return __builtin_convertvector(reinterpret_cast<SignedLine>(v), ShortLine);
#endif
}

// From zigzag order to rows, and back.
inline void arrange(const int16_t* block, int16_t* rows) noexcept {
#if defined(__AVX512BW__)
  alignas(64) static constexpr uint16_t kTo[64] = {
      0,  1,  5,  6,  14, 15, 27, 28, 2,  4,  7,  13, 16, 26, 29, 42, 3,  8,  12, 17, 25, 30,
      41, 43, 9,  11, 18, 24, 31, 40, 44, 53, 10, 19, 23, 32, 39, 45, 52, 54, 20, 22, 33, 38,
      46, 51, 55, 60, 21, 34, 37, 47, 50, 56, 59, 61, 35, 36, 48, 49, 57, 58, 62, 63};
  const __m512i a = _mm512_loadu_si512(block), b = _mm512_loadu_si512(block + 32);
  _mm512_storeu_si512(rows, _mm512_permutex2var_epi16(a, _mm512_load_si512(kTo), b));
  _mm512_storeu_si512(rows + 32, _mm512_permutex2var_epi16(a, _mm512_load_si512(kTo + 32), b));
#else
  for (int k = 0; k < 64; ++k) rows[kNatural[k]] = block[k];
#endif
}

inline void arrange_back(const int16_t* rows, int16_t* block) noexcept {
#if defined(__AVX512BW__)
  alignas(64) static constexpr uint16_t kFrom[64] = {
      0,  1,  8,  16, 9,  2,  3,  10, 17, 24, 32, 25, 18, 11, 4,  5,  12, 19, 26, 33, 40, 48,
      41, 34, 27, 20, 13, 6,  7,  14, 21, 28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23,
      30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63};
  const __m512i a = _mm512_loadu_si512(rows), b = _mm512_loadu_si512(rows + 32);
  _mm512_storeu_si512(block, _mm512_permutex2var_epi16(a, _mm512_load_si512(kFrom), b));
  _mm512_storeu_si512(block + 32, _mm512_permutex2var_epi16(a, _mm512_load_si512(kFrom + 32), b));
#else
  for (int k = 0; k < 64; ++k) block[k] = rows[kNatural[k]];
#endif
}

// Samples of a block, less 128, in vectors each of one column.
inline void columns_of(const int16_t* block, Line (&v)[8]) noexcept {
  alignas(64) int16_t rows[64];
  arrange(block, rows);
  for (int k = 0; k < 8; ++k) {
    ShortLine s;
    __builtin_memcpy(&s, rows + 8 * k, sizeof s);
    v[k] = reinterpret_cast<Line>(__builtin_convertvector(s, SignedLine));
  }
  inverse<11>(v);
  transpose(v);
  inverse<18>(v);
  for (int k = 0; k < 8; ++k) {
    SignedLine s = reinterpret_cast<SignedLine>(v[k]);
    s = s < -128 ? SignedLine{} - 128 : s;
    s = s > 127 ? SignedLine{} + 127 : s;
    v[k] = reinterpret_cast<Line>(s);
  }
}

// x * y >> 16
inline uint16_t high(uint16_t x, uint16_t y) noexcept {
  return static_cast<uint16_t>(static_cast<uint32_t>(x) * y >> 16);
}

constexpr int16_t kMostAc = 1023, kLeastDc = -1024;
constexpr int16_t kMostDividend = 16383;

#if defined(__AVX512BW__)
// Half a block; `least` is what a code says at the least.
inline uint64_t requantise_half(const int16_t* block, const Divisors* by, int at, __m512i least,
                                int16_t* out) noexcept {
  const __m512i v = _mm512_loadu_si512(block + at), zero = _mm512_setzero_si512();
  const __m512i sum = _mm512_add_epi16(_mm512_abs_epi16(v), _mm512_loadu_si512(by->half + at));
  const __m512i x = _mm512_min_epi16(sum, _mm512_set1_epi16(kMostDividend));
  const __m512i product =
      _mm512_mulhi_epu16(_mm512_slli_epi16(x, 1), _mm512_loadu_si512(by->multiplier + at));
  const __m512i r =
      _mm512_mulhi_epu16(_mm512_slli_epi16(product, 1), _mm512_loadu_si512(by->scale + at));
  const __m512i negative = _mm512_max_epi16(_mm512_sub_epi16(zero, r), least);
  const __m512i values = _mm512_mask_mov_epi16(
      _mm512_min_epi16(r, _mm512_set1_epi16(kMostAc)), _mm512_movepi16_mask(v), negative);
  _mm512_storeu_si512(out + at, values);
  return _mm512_test_epi16_mask(values, values);
}

uint64_t requantise(const int16_t* block, const Divisors* by, int16_t* out) noexcept {
  const __m512i least = _mm512_set1_epi16(-kMostAc);
  const __m512i first = _mm512_mask_mov_epi16(least, 1, _mm512_set1_epi16(kLeastDc));
  const uint64_t mask = requantise_half(block, by, 0, first, out);
  return mask | requantise_half(block, by, 32, least, out) << 32;
}
#else
uint64_t requantise(const int16_t* __restrict block, const Divisors* __restrict by,
                    int16_t* __restrict out) noexcept {
  for (int k = 0; k < 64; ++k) {
    const int16_t v = block[k];
    const auto sign = static_cast<int16_t>(v >> 15);
    const auto sum = static_cast<int16_t>(static_cast<int16_t>((v ^ sign) - sign) + by->half[k]);
    const auto x = static_cast<uint16_t>(sum < kMostDividend ? sum : kMostDividend);
    const uint16_t product = high(static_cast<uint16_t>(2 * x), by->multiplier[k]);
    auto r = static_cast<int16_t>(high(static_cast<uint16_t>(2 * product), by->scale[k]));
    r = r < kMostAc ? r : kMostAc;
    out[k] = static_cast<int16_t>((r ^ sign) - sign);
  }
  // Of the first there is one more below; so much that the quotient is it, or beyond.
  if (out[0] == -kMostAc) [[unlikely]] {
    const auto x = static_cast<uint32_t>(by->half[0] - block[0]);
    const uint32_t product = 2 * (x < kMostDividend ? x : kMostDividend) * by->multiplier[0] >> 16;
    if ((2 * product * by->scale[0] >> 16) > kMostAc) out[0] = kLeastDc;
  }
  uint64_t mask = 0;
#if defined(__x86_64__)
  for (int k = 0; k < 4; ++k) {  // what is not zero is not zero as a byte either, with its sign
    const __m128i a = _mm_loadu_si128(reinterpret_cast<const __m128i*>(out + 16 * k));
    const __m128i b = _mm_loadu_si128(reinterpret_cast<const __m128i*>(out + 16 * k + 8));
    const __m128i zero = _mm_cmpeq_epi8(_mm_packs_epi16(a, b), _mm_setzero_si128());
    mask |= static_cast<uint64_t>(~static_cast<uint32_t>(_mm_movemask_epi8(zero)) & 0xFFFF)
            << (16 * k);
  }
#else
  for (int k = 0; k < 64; ++k) mask |= static_cast<uint64_t>(out[k] != 0) << k;
#endif
  return mask;
}
#endif

// Of vectors each of one column.
uint64_t encode_columns(Line (&v)[8], const Divisors* by, int16_t* out) noexcept {
  forward<true>(v);
  transpose(v);
  forward<false>(v);
  alignas(64) int16_t rows[64], block[64];
  for (int k = 0; k < 8; ++k) {
    const ShortLine s = narrow(v[k]);
    __builtin_memcpy(rows + 8 * k, &s, sizeof s);
  }
  arrange_back(rows, block);
  return requantise(block, by, out);
}

void decode(const int16_t* block, uint8_t* samples, size_t stride) noexcept {
  Line v[8];
  columns_of(block, v);
  transpose(v);
  for (int k = 0; k < 8; ++k) {
    const ShortLine s = narrow(v[k] + 128);
#if defined(__x86_64__)
    const __m128i b = _mm_packus_epi16(reinterpret_cast<__m128i>(s), __m128i{});
#else
    const ByteLine b = __builtin_convertvector(s, ByteLine);
#endif
    __builtin_memcpy(samples + static_cast<size_t>(k) * stride, &b, sizeof(ByteLine));
  }
}

uint64_t encode(const uint8_t* samples, size_t stride, const Divisors* by,
                int16_t* out) noexcept {
  Line v[8];
  for (int k = 0; k < 8; ++k) {
    ByteLine b;
    __builtin_memcpy(&b, samples + static_cast<size_t>(k) * stride, sizeof b);
    v[k] = __builtin_convertvector(b, Line) - 128;
  }
  transpose(v);
  return encode_columns(v, by, out);
}

uint64_t recode(const int16_t* block, const Divisors* by, int16_t* out) noexcept {
  Line v[8];
  columns_of(block, v);
  return encode_columns(v, by, out);
}

constexpr BlockKernels kTable = {FL_BLOCK_KERNELS(FL_KERNEL_ENTRY)};

}  // namespace
}  // namespace FL_TIER_NAME(tier_)

extern const BlockKernels FL_TIER_NAME(kBlocks_);
const BlockKernels FL_TIER_NAME(kBlocks_) = FL_TIER_NAME(tier_)::kTable;

}  // namespace fl
