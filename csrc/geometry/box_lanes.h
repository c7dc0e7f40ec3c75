// Vectors of a tier, for box_kernels_tier.cpp alone: everything here is of its unnamed
// namespace, one copy a tier.
//
// GCC's vector extensions give the arithmetic on any CPU; intrinsics only what they lack:
// min and max in one instruction, stores around the caches, comparison masks.
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#define FL_INLINE inline __attribute__((always_inline))

#if defined(__AVX512F__)
constexpr size_t kWideBytes = 64;
#elif defined(__AVX2__)
constexpr size_t kWideBytes = 32;
#else
constexpr size_t kWideBytes = 16;
#endif

template <typename T, size_t kBytes>
struct LanesOf {
  typedef T Vector __attribute__((vector_size(kBytes)));
  static constexpr size_t kLanes = kBytes / sizeof(T);
};
template <typename T>
using Wide = typename LanesOf<T, kWideBytes>::Vector;
// For rows that would leave most of a wide vector idle.
template <typename T>
using Narrow = typename LanesOf<T, kWideBytes == 64 ? 32 : 16>::Vector;

template <typename V, typename T>
FL_INLINE V load(const T* p) noexcept {
  V v;
  __builtin_memcpy(&v, p, sizeof v);
  return v;
}
template <typename V, typename T>
FL_INLINE void store(T* p, V v) noexcept {
  __builtin_memcpy(p, &v, sizeof v);
}
template <typename V, typename T>
FL_INLINE V splat(T x) noexcept {
  return x - V{};
}

// a < b ? a : b, so b when either is NaN. (GCC 12 warns of its own header's plain 512-bit min;
// a full mask makes the same instruction.)
template <typename T, typename V>
FL_INLINE V lesser(V a, V b) noexcept {
#if defined(__AVX512F__)
  if constexpr (sizeof(V) == 64 && sizeof(T) == 4) {
    return V(_mm512_maskz_min_ps(0xffff, __m512(a), __m512(b)));
  }
  if constexpr (sizeof(V) == 64 && sizeof(T) == 8) {
    return V(_mm512_maskz_min_pd(0xff, __m512d(a), __m512d(b)));
  }
#endif
#if defined(__AVX2__)
  if constexpr (sizeof(V) == 32 && sizeof(T) == 4) return V(_mm256_min_ps(__m256(a), __m256(b)));
  if constexpr (sizeof(V) == 32 && sizeof(T) == 8) return V(_mm256_min_pd(__m256d(a), __m256d(b)));
#endif
#if defined(__SSE2__)
  if constexpr (sizeof(V) == 16 && sizeof(T) == 4) return V(_mm_min_ps(__m128(a), __m128(b)));
  if constexpr (sizeof(V) == 16 && sizeof(T) == 8) return V(_mm_min_pd(__m128d(a), __m128d(b)));
#endif
  return a < b ? a : b;
}
// a > b ? a : b, so b when either is NaN.
template <typename T, typename V>
FL_INLINE V greater(V a, V b) noexcept {
#if defined(__AVX512F__)
  if constexpr (sizeof(V) == 64 && sizeof(T) == 4) {
    return V(_mm512_maskz_max_ps(0xffff, __m512(a), __m512(b)));
  }
  if constexpr (sizeof(V) == 64 && sizeof(T) == 8) {
    return V(_mm512_maskz_max_pd(0xff, __m512d(a), __m512d(b)));
  }
#endif
#if defined(__AVX2__)
  if constexpr (sizeof(V) == 32 && sizeof(T) == 4) return V(_mm256_max_ps(__m256(a), __m256(b)));
  if constexpr (sizeof(V) == 32 && sizeof(T) == 8) return V(_mm256_max_pd(__m256d(a), __m256d(b)));
#endif
#if defined(__SSE2__)
  if constexpr (sizeof(V) == 16 && sizeof(T) == 4) return V(_mm_max_ps(__m128(a), __m128(b)));
  if constexpr (sizeof(V) == 16 && sizeof(T) == 8) return V(_mm_max_pd(__m128d(a), __m128d(b)));
#endif
  return a > b ? a : b;
}

// Stores around the caches. pre: p is a multiple of sizeof(V).
template <typename V, typename T>
FL_INLINE void stream(T* p, V v) noexcept {
#if defined(__AVX512F__)
  if constexpr (sizeof(V) == 64) {
    _mm512_stream_si512(reinterpret_cast<__m512i*>(p), __m512i(v));
    return;
  }
#endif
#if defined(__AVX2__)
  if constexpr (sizeof(V) == 32) {
    _mm256_stream_si256(reinterpret_cast<__m256i*>(p), __m256i(v));
    return;
  }
#endif
#if defined(__SSE2__)
  if constexpr (sizeof(V) == 16) {
    _mm_stream_si128(reinterpret_cast<__m128i*>(p), __m128i(v));
    return;
  }
#endif
  store(p, v);
}

// Bit k: lane k of a is at least lane k of b.
template <typename T, typename V>
FL_INLINE uint32_t at_least(V a, V b) noexcept {
#if defined(__AVX512F__)
  if constexpr (sizeof(V) == 64 && sizeof(T) == 4) {
    return _mm512_cmp_ps_mask(__m512(a), __m512(b), _CMP_GE_OQ);
  }
  if constexpr (sizeof(V) == 64 && sizeof(T) == 8) {
    return _mm512_cmp_pd_mask(__m512d(a), __m512d(b), _CMP_GE_OQ);
  }
#endif
  const auto mask = a >= b;
#if defined(__AVX2__)
  if constexpr (sizeof(V) == 32 && sizeof(T) == 4) {
    return static_cast<uint32_t>(_mm256_movemask_ps(__m256(mask)));
  }
  if constexpr (sizeof(V) == 32 && sizeof(T) == 8) {
    return static_cast<uint32_t>(_mm256_movemask_pd(__m256d(mask)));
  }
#endif
#if defined(__SSE2__)
  if constexpr (sizeof(V) == 16 && sizeof(T) == 4) {
    return static_cast<uint32_t>(_mm_movemask_ps(__m128(mask)));
  }
  if constexpr (sizeof(V) == 16 && sizeof(T) == 8) {
    return static_cast<uint32_t>(_mm_movemask_pd(__m128d(mask)));
  }
#endif
  uint32_t bits = 0;
  for (size_t k = 0; k < sizeof(V) / sizeof(T); ++k) bits |= uint32_t{mask[k] != 0} << k;
  return bits;
}
