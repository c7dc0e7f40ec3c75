// The fast bodies, compiled once per instruction-set tier into a namespace of their own.
//
// No STL and no shared inline functions here: an inline function compiled for AVX2 must not
// be the copy that the linker keeps for the baseline. FL_TIER is set by the build.
#if defined(__AVX2__)
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

#include "tables/hamming_kernels.h"

namespace fl {
namespace FL_TIER_NAME(tier_) {
namespace {

// Vectors of bits are counted by halves of bytes: a shuffle looks up sixteen of them at once
// (Mula, Kurz, Lemire, "Faster Population Counts Using AVX2 Instructions", 2018).

#if defined(__AVX512BW__) && defined(__AVX512VL__)

inline __m512i bits_of(__m512i v) noexcept {
  const __m512i counts = _mm512_broadcast_i32x4(
      _mm_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4));
  const __m512i low = _mm512_set1_epi8(15);
  const __m512i of_low = _mm512_shuffle_epi8(counts, _mm512_and_si512(v, low));
  const __m512i of_high =
      _mm512_shuffle_epi8(counts, _mm512_and_si512(_mm512_srli_epi64(v, 4), low));
  return _mm512_sad_epu8(_mm512_add_epi8(of_low, of_high), _mm512_setzero_si512());
}

inline size_t row(uint64_t x, const uint64_t* b, size_t nb, int32_t distance, uint32_t first,
                  uint32_t* out) noexcept {
  const __m512i key = _mm512_set1_epi64(static_cast<int64_t>(x));
  const __m512i limit = _mm512_set1_epi64(distance);
  size_t count = 0;
  for (size_t j = 0; j < nb; j += 8) {
    const size_t left = nb - j;
    const auto there = static_cast<__mmask8>(left >= 8 ? 255U : (1U << left) - 1U);
    const __m512i v = _mm512_xor_si512(_mm512_maskz_loadu_epi64(there, b + j), key);
    unsigned hits = _mm512_mask_cmple_epu64_mask(there, bits_of(v), limit);
    for (; hits != 0; hits &= hits - 1) {
      out[count++] = first + static_cast<uint32_t>(j) + static_cast<uint32_t>(__builtin_ctz(hits));
    }
  }
  return count;
}

#elif defined(__AVX2__)

inline __m256i bits_of(__m256i v) noexcept {
  const __m256i counts = _mm256_broadcastsi128_si256(
      _mm_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4));
  const __m256i low = _mm256_set1_epi8(15);
  const __m256i of_low = _mm256_shuffle_epi8(counts, _mm256_and_si256(v, low));
  const __m256i of_high =
      _mm256_shuffle_epi8(counts, _mm256_and_si256(_mm256_srli_epi64(v, 4), low));
  return _mm256_sad_epu8(_mm256_add_epi8(of_low, of_high), _mm256_setzero_si256());
}

inline size_t row(uint64_t x, const uint64_t* b, size_t nb, int32_t distance, uint32_t first,
                  uint32_t* out) noexcept {
  const __m256i key = _mm256_set1_epi64x(static_cast<int64_t>(x));
  const __m256i limit = _mm256_set1_epi64x(distance);
  size_t count = 0;
  size_t j = 0;
  for (; j + 4 <= nb; j += 4) {
    const __m256i v = _mm256_xor_si256(
        _mm256_loadu_si256(reinterpret_cast<const __m256i*>(b + j)), key);
    const __m256i over = _mm256_cmpgt_epi64(bits_of(v), limit);
    unsigned hits = ~static_cast<unsigned>(_mm256_movemask_pd(_mm256_castsi256_pd(over))) & 15U;
    for (; hits != 0; hits &= hits - 1) {
      out[count++] = first + static_cast<uint32_t>(j) + static_cast<uint32_t>(__builtin_ctz(hits));
    }
  }
  for (; j < nb; ++j) {
    if (__builtin_popcountll(x ^ b[j]) <= distance) out[count++] = first + static_cast<uint32_t>(j);
  }
  return count;
}

#else

inline int32_t bits_of(uint64_t v) noexcept {
#if defined(__x86_64__) && !defined(__POPCNT__)
  // Sums of neighbours; without the instruction the compiler would call a function.
  v -= (v >> 1) & 0x5555555555555555ULL;
  v = (v & 0x3333333333333333ULL) + ((v >> 2) & 0x3333333333333333ULL);
  v = (v + (v >> 4)) & 0x0f0f0f0f0f0f0f0fULL;
  return static_cast<int32_t>((v * 0x0101010101010101ULL) >> 56);
#else
  return __builtin_popcountll(v);
#endif
}

inline size_t row(uint64_t x, const uint64_t* b, size_t nb, int32_t distance, uint32_t first,
                  uint32_t* out) noexcept {
  size_t count = 0;
  for (size_t j = 0; j < nb; ++j) {
    if (bits_of(x ^ b[j]) <= distance) out[count++] = first + static_cast<uint32_t>(j);
  }
  return count;
}

#endif

size_t hamming_block(const uint64_t* a, size_t na, const uint64_t* b, size_t nb, int32_t distance,
                     uint32_t* out) noexcept {
  size_t count = 0;
  for (size_t i = 0; i < na; ++i) {
    count += row(a[i], b, nb, distance, static_cast<uint32_t>(i * nb), out + count);
  }
  return count;
}

constexpr HammingKernels kTable = {FL_HAMMING_KERNELS(FL_KERNEL_ENTRY)};

}  // namespace
}  // namespace FL_TIER_NAME(tier_)

extern const HammingKernels FL_TIER_NAME(kHamming_);
const HammingKernels FL_TIER_NAME(kHamming_) = FL_TIER_NAME(tier_)::kTable;

}  // namespace fl
