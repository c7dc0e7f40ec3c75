// The fast bodies of the letterbox kernels, compiled once per instruction-set tier into a
// namespace of their own; no STL, no shared inline functions (see row_kernels_tier.cpp).
//
// Loops for the compiler's vectoriser; the shuffles of three-channel bytes are written out.
#if defined(__AVX2__)
#include <immintrin.h>
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

void map_row(const uint8_t* __restrict row, size_t n, const uint8_t* __restrict table,
             uint8_t* __restrict out) noexcept {
  for (size_t i = 0; i < n; ++i) out[i] = table[row[i]];
}

constexpr LetterboxKernels kTable = {FL_LETTERBOX_KERNELS(FL_KERNEL_ENTRY)};

}  // namespace
}  // namespace FL_TIER_NAME(letterbox_tier_)

extern const LetterboxKernels FL_TIER_NAME(kLetterbox_);
const LetterboxKernels FL_TIER_NAME(kLetterbox_) = FL_TIER_NAME(letterbox_tier_)::kTable;

}  // namespace fl
