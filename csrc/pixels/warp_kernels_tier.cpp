// The fast bodies of warp_kernels.h, compiled once per instruction-set tier. With AVX2 four
// pixels at a time: each fetches its two neighbourhoods of 8 bytes, and the rest is done for all.
#if defined(__AVX2__)
#include <immintrin.h>
#endif

#include "pixels/warp_kernels.h"

namespace fl {
namespace FL_TIER_NAME(tier_) {
namespace {

inline void one(const uint8_t* at, int64_t stride, int64_t x, int64_t y, uint8_t* out) noexcept {
  at += (y >> 32) * stride + (x >> 32) * 3;
  const int32_t fx = static_cast<int32_t>((x >> (32 - kWarpBits)) & 63);
  const int32_t fy = static_cast<int32_t>((y >> (32 - kWarpBits)) & 63);
  for (size_t c = 0; c < 3; ++c) {
    const int32_t above = at[c] * 64 + (at[c + 3] - at[c]) * fx;
    const uint8_t* next = at + stride;
    const int32_t below = next[c] * 64 + (next[c + 3] - next[c]) * fx;
    out[c] = static_cast<uint8_t>((above * 64 + (below - above) * fy + 2048) >> 12);
  }
}

#if defined(__AVX2__)
inline int64_t eight(const uint8_t* p) noexcept {
  int64_t v;
  __builtin_memcpy(&v, p, 8);
  return v;
}

// Pixels i to i + 3; writes 2 bytes beyond the last.
inline void four(const uint8_t* src, int64_t stride, __m256i x, __m256i y, uint8_t* out) noexcept {
  const __m256i bit = _mm256_set1_epi64x(63);
  const __m256i rows = _mm256_mul_epu32(_mm256_srli_epi64(y, 32), _mm256_set1_epi64x(stride));
  const __m256i column = _mm256_srli_epi64(x, 32);
  const __m256i place =
      _mm256_add_epi64(rows, _mm256_add_epi64(column, _mm256_add_epi64(column, column)));
  alignas(32) int64_t at[4];
  _mm256_store_si256(reinterpret_cast<__m256i*>(at), place);
  const uint8_t* p[4] = {src + at[0], src + at[1], src + at[2], src + at[3]};
  const __m256i above = _mm256_set_epi64x(eight(p[3]), eight(p[2]), eight(p[1]), eight(p[0]));
  const __m256i below = _mm256_set_epi64x(eight(p[3] + stride), eight(p[2] + stride),
                                          eight(p[1] + stride), eight(p[0] + stride));
  // Each channel beside that of the pixel to the right, in two pixels a lane.
  const __m256i pairs = _mm256_broadcastsi128_si256(
      _mm_setr_epi8(0, 3, 1, 4, 2, 5, -1, -1, 8, 11, 9, 12, 10, 13, -1, -1));
  const __m256i fx = _mm256_and_si256(_mm256_srli_epi64(x, 32 - kWarpBits), bit);
  const __m256i fy = _mm256_and_si256(_mm256_srli_epi64(y, 32 - kWarpBits), bit);
  const __m256i full = _mm256_set1_epi64x(64);
  const __m256i across = _mm256_shuffle_epi8(
      _mm256_or_si256(_mm256_sub_epi64(full, fx), _mm256_slli_epi64(fx, 8)),
      _mm256_broadcastsi128_si256(
          _mm_setr_epi8(0, 1, 0, 1, 0, 1, 0, 1, 8, 9, 8, 9, 8, 9, 8, 9)));
  const __m256i top = _mm256_maddubs_epi16(_mm256_shuffle_epi8(above, pairs), across);
  const __m256i bottom = _mm256_maddubs_epi16(_mm256_shuffle_epi8(below, pairs), across);
  const __m256i down = _mm256_or_si256(_mm256_sub_epi64(full, fy), _mm256_slli_epi64(fy, 16));
  const __m256i half = _mm256_set1_epi32(2048);
  const __m256i even = _mm256_srli_epi32(
      _mm256_add_epi32(_mm256_madd_epi16(_mm256_unpacklo_epi16(top, bottom),
                                         _mm256_shuffle_epi32(down, _MM_SHUFFLE(0, 0, 0, 0))),
                       half),
      12);
  const __m256i odd = _mm256_srli_epi32(
      _mm256_add_epi32(_mm256_madd_epi16(_mm256_unpackhi_epi16(top, bottom),
                                         _mm256_shuffle_epi32(down, _MM_SHUFFLE(2, 2, 2, 2))),
                       half),
      12);
  const __m256i words = _mm256_packs_epi32(even, odd);
  const __m256i made = _mm256_shuffle_epi8(
      words, _mm256_broadcastsi128_si256(_mm_setr_epi8(0, 2, 4, 8, 10, 12, -1, -1, -1, -1, -1, -1,
                                                       -1, -1, -1, -1)));
  _mm_storel_epi64(reinterpret_cast<__m128i*>(out), _mm256_castsi256_si128(made));
  _mm_storel_epi64(reinterpret_cast<__m128i*>(out + 6), _mm256_extracti128_si256(made, 1));
}
#endif

void warp_rgb(const uint8_t* src, int64_t stride, int64_t x, int64_t y, int64_t dx, int64_t dy,
              size_t n, uint8_t* out) noexcept {
  size_t i = 0;
#if defined(__AVX2__)
  __m256i at_x = _mm256_setr_epi64x(x, x + dx, x + 2 * dx, x + 3 * dx);
  __m256i at_y = _mm256_setr_epi64x(y, y + dy, y + 2 * dy, y + 3 * dy);
  const __m256i step_x = _mm256_set1_epi64x(4 * dx);
  const __m256i step_y = _mm256_set1_epi64x(4 * dy);
  for (; i + 5 <= n; i += 4) {
    four(src, stride, at_x, at_y, out + 3 * i);
    at_x = _mm256_add_epi64(at_x, step_x);
    at_y = _mm256_add_epi64(at_y, step_y);
  }
  x += static_cast<int64_t>(i) * dx;
  y += static_cast<int64_t>(i) * dy;
#endif
  for (; i < n; ++i, x += dx, y += dy) one(src, stride, x, y, out + 3 * i);
}

constexpr WarpKernels kTable = {FL_WARP_KERNELS(FL_KERNEL_ENTRY)};

}  // namespace
}  // namespace FL_TIER_NAME(tier_)

extern const WarpKernels FL_TIER_NAME(kWarps_);
const WarpKernels FL_TIER_NAME(kWarps_) = FL_TIER_NAME(tier_)::kTable;

}  // namespace fl
