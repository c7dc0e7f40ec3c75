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

#include "tables/table_kernels.h"

namespace fl {
namespace FL_TIER_NAME(tier_) {
namespace {

inline int32_t flow_or(double x, const AxisTable& a, int32_t bin) noexcept {
  int32_t cell = bin + 1;
  cell = x < a.low ? 0 : cell;
  cell = x > a.high ? a.bins + 1 : cell;
  return x != x ? a.bins + 2 : cell;
}

// The estimate is at most one bin off, and the edges have the last word.
inline int32_t even_cell(double x, const AxisTable& a) noexcept {
  const bool inside = x >= a.low && x <= a.high;
  const double t = inside ? (x - a.low) * a.scale : 0;
  int32_t k = static_cast<int32_t>(t);
  k = k < a.bins ? k : a.bins - 1;
  k -= (x < a.edges[k]) & inside;
  k += (x >= a.edges[k + 1]) & inside;  // the last entry is +inf
  return flow_or(x, a, k);
}

#if defined(__AVX512F__) && defined(__AVX512DQ__) && defined(__AVX512VL__)

void index_even(const double* __restrict x, size_t n, const AxisTable* axis,
                int32_t* __restrict cells) noexcept {
  const AxisTable a = *axis;
  const __m512d low = _mm512_set1_pd(a.low);
  const __m512d high = _mm512_set1_pd(a.high);
  const __m512d scale = _mm512_set1_pd(a.scale);
  const __m512d slack = _mm512_set1_pd(a.slack);
  const __m512d far = _mm512_set1_pd(1 - a.slack);
  const __m256i one = _mm256_set1_epi32(1);
  const __m256i last = _mm256_set1_epi32(a.bins - 1);
  const __m256i above = _mm256_set1_epi32(a.bins + 1);
  const __m256i unknown = _mm256_set1_epi32(a.bins + 2);
  size_t i = 0;
  for (; i + 8 <= n; i += 8) {
    const __m512d v = _mm512_loadu_pd(x + i);
    const __mmask8 inside =
        _mm512_cmp_pd_mask(v, low, _CMP_GE_OQ) & _mm512_cmp_pd_mask(v, high, _CMP_LE_OQ);
    const __m512d t = _mm512_maskz_mul_pd(inside, _mm512_sub_pd(v, low), scale);
    const __m512d fraction = _mm512_reduce_pd(t, _MM_FROUND_TO_NEG_INF);
    __m256i k = _mm256_min_epi32(_mm512_cvttpd_epi32(t), last);
    const __mmask8 near = _mm512_mask_cmp_pd_mask(inside, fraction, slack, _CMP_LE_OQ) |
                          _mm512_mask_cmp_pd_mask(inside, fraction, far, _CMP_GE_OQ);
    if (near != 0) {
      const __m512d from = _mm512_i32gather_pd(k, a.edges, 8);
      const __m512d to = _mm512_i32gather_pd(k, a.edges + 1, 8);
      k = _mm256_mask_sub_epi32(k, _mm512_mask_cmp_pd_mask(near, v, from, _CMP_LT_OQ), k, one);
      k = _mm256_mask_add_epi32(k, _mm512_mask_cmp_pd_mask(near, v, to, _CMP_GE_OQ), k, one);
    }
    __m256i cell = _mm256_maskz_add_epi32(inside, k, one);
    cell = _mm256_mask_mov_epi32(cell, _mm512_cmp_pd_mask(v, high, _CMP_GT_OQ), above);
    cell = _mm256_mask_mov_epi32(cell, _mm512_cmp_pd_mask(v, v, _CMP_UNORD_Q), unknown);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(cells + i), cell);
  }
  for (; i < n; ++i) cells[i] = even_cell(x[i], a);
}

#elif defined(__AVX2__)

// The low halves of four 64-bit masks as four 32-bit ones.
inline __m128i narrowed(__m256d mask) noexcept {
  const __m256i pick = _mm256_setr_epi32(0, 2, 4, 6, 0, 2, 4, 6);
  return _mm256_castsi256_si128(_mm256_permutevar8x32_epi32(_mm256_castpd_si256(mask), pick));
}

void index_even(const double* __restrict x, size_t n, const AxisTable* axis,
                int32_t* __restrict cells) noexcept {
  const AxisTable a = *axis;
  const __m256d low = _mm256_set1_pd(a.low);
  const __m256d high = _mm256_set1_pd(a.high);
  const __m256d scale = _mm256_set1_pd(a.scale);
  const __m256d slack = _mm256_set1_pd(a.slack);
  const __m256d far = _mm256_set1_pd(1 - a.slack);
  const __m128i one = _mm_set1_epi32(1);
  const __m128i last = _mm_set1_epi32(a.bins - 1);
  const __m128i above = _mm_set1_epi32(a.bins + 1);
  const __m128i unknown = _mm_set1_epi32(a.bins + 2);
  size_t i = 0;
  for (; i + 4 <= n; i += 4) {
    const __m256d v = _mm256_loadu_pd(x + i);
    const __m256d inside =
        _mm256_and_pd(_mm256_cmp_pd(v, low, _CMP_GE_OQ), _mm256_cmp_pd(v, high, _CMP_LE_OQ));
    const __m256d t = _mm256_and_pd(_mm256_mul_pd(_mm256_sub_pd(v, low), scale), inside);
    const __m256d fraction = _mm256_sub_pd(t, _mm256_floor_pd(t));
    __m128i k = _mm_min_epi32(_mm256_cvttpd_epi32(t), last);
    const __m256d near =
        _mm256_and_pd(inside, _mm256_or_pd(_mm256_cmp_pd(fraction, slack, _CMP_LE_OQ),
                                           _mm256_cmp_pd(fraction, far, _CMP_GE_OQ)));
    if (_mm256_movemask_pd(near) != 0) {
      const __m256d from = _mm256_i32gather_pd(a.edges, k, 8);
      const __m256d to = _mm256_i32gather_pd(a.edges + 1, k, 8);
      const __m256d down = _mm256_and_pd(near, _mm256_cmp_pd(v, from, _CMP_LT_OQ));
      const __m256d up = _mm256_and_pd(near, _mm256_cmp_pd(v, to, _CMP_GE_OQ));
      k = _mm_sub_epi32(_mm_add_epi32(k, narrowed(down)), narrowed(up));  // a mask is -1
    }
    __m128i cell = _mm_and_si128(_mm_add_epi32(k, one), narrowed(inside));
    cell = _mm_blendv_epi8(cell, above, narrowed(_mm256_cmp_pd(v, high, _CMP_GT_OQ)));
    cell = _mm_blendv_epi8(cell, unknown, narrowed(_mm256_cmp_pd(v, v, _CMP_UNORD_Q)));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(cells + i), cell);
  }
  for (; i < n; ++i) cells[i] = even_cell(x[i], a);
}

#else

void index_even(const double* __restrict x, size_t n, const AxisTable* axis,
                int32_t* __restrict cells) noexcept {
  const AxisTable a = *axis;
  for (size_t i = 0; i < n; ++i) cells[i] = even_cell(x[i], a);
}

#endif

inline int32_t lookup_cell(double x, const AxisTable& a) noexcept {
  const bool inside = x >= a.low && x <= a.high;
  const double y = inside ? x + 0.0 : a.low + 0.0;  // a negative zero becomes a positive one
  int64_t pattern;
  __builtin_memcpy(&pattern, &y, 8);
  int32_t k = a.lookup[(pattern >> a.shift) - a.base];
  k -= y < a.edges[k];
  return flow_or(x, a, k);
}

#if defined(__AVX512F__) && defined(__AVX512DQ__) && defined(__AVX512VL__)

void index_lookup(const double* __restrict x, size_t n, const AxisTable* axis,
                  int32_t* __restrict cells) noexcept {
  const AxisTable a = *axis;
  const __m512d low = _mm512_set1_pd(a.low);
  const __m512d high = _mm512_set1_pd(a.high);
  const __m512i base = _mm512_set1_epi64(a.base);
  const __m128i shift = _mm_cvtsi32_si128(a.shift);
  const __m256i one = _mm256_set1_epi32(1);
  const __m256i above = _mm256_set1_epi32(a.bins + 1);
  const __m256i unknown = _mm256_set1_epi32(a.bins + 2);
  size_t i = 0;
  for (; i + 8 <= n; i += 8) {
    const __m512d v = _mm512_loadu_pd(x + i);
    const __mmask8 inside =
        _mm512_cmp_pd_mask(v, low, _CMP_GE_OQ) & _mm512_cmp_pd_mask(v, high, _CMP_LE_OQ);
    const __m512d y =
        _mm512_add_pd(_mm512_mask_blend_pd(inside, low, v), _mm512_setzero_pd());
    const __m512i bucket =
        _mm512_sub_epi64(_mm512_srl_epi64(_mm512_castpd_si512(y), shift), base);
    __m256i k = _mm512_i64gather_epi32(bucket, a.lookup, 4);
    const __mmask8 before =
        _mm512_cmp_pd_mask(y, _mm512_i32gather_pd(k, a.edges, 8), _CMP_LT_OQ);
    k = _mm256_mask_sub_epi32(k, before, k, one);
    __m256i cell = _mm256_maskz_add_epi32(inside, k, one);
    cell = _mm256_mask_mov_epi32(cell, _mm512_cmp_pd_mask(v, high, _CMP_GT_OQ), above);
    cell = _mm256_mask_mov_epi32(cell, _mm512_cmp_pd_mask(v, v, _CMP_UNORD_Q), unknown);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(cells + i), cell);
  }
  for (; i < n; ++i) cells[i] = lookup_cell(x[i], a);
}

#else

void index_lookup(const double* __restrict x, size_t n, const AxisTable* axis,
                  int32_t* __restrict cells) noexcept {
  const AxisTable a = *axis;
  for (size_t i = 0; i < n; ++i) cells[i] = lookup_cell(x[i], a);
}

#endif

void index_search(const double* __restrict x, size_t n, const AxisTable* axis,
                  int32_t* __restrict cells) noexcept {
  const AxisTable a = *axis;
  for (size_t i = 0; i < n; ++i) {
    // Halves the bins that are left, without a branch on the data.
    int32_t k = 0;
    for (int32_t left = a.bins; left > 1;) {
      const int32_t half = left / 2;
      k = a.edges[k + half] <= x[i] ? k + half : k;
      left -= half;
    }
    cells[i] = flow_or(x[i], a, k);
  }
}

void index_category(const int32_t* __restrict x, size_t n, int32_t bins,
                    int32_t* __restrict cells) noexcept {
  for (size_t i = 0; i < n; ++i) {
    const int32_t low = x[i] < -1 ? -1 : x[i];
    cells[i] = (low < bins ? low : bins) + 1;
  }
}

void combine(const int32_t* __restrict cells, size_t n, int32_t extent,
             int32_t* __restrict flat) noexcept {
  for (size_t i = 0; i < n; ++i) flat[i] = flat[i] * extent + cells[i];
}

// Several tables, so that a run of equal cells does not wait for its own last store.
void count(const int32_t* __restrict flat, size_t n, size_t stride,
           uint32_t* __restrict tables) noexcept {
  uint32_t* __restrict second = tables + stride;
  uint32_t* __restrict third = second + stride;
  uint32_t* __restrict fourth = third + stride;
  size_t i = 0;
  for (; i + 8 <= n; i += 8) {
    uint64_t pair[4];
    __builtin_memcpy(pair, flat + i, 32);
    // Which half is which does not matter: both are counted.
    ++tables[static_cast<uint32_t>(pair[0])];
    ++second[pair[0] >> 32];
    ++third[static_cast<uint32_t>(pair[1])];
    ++fourth[pair[1] >> 32];
    ++tables[static_cast<uint32_t>(pair[2])];
    ++second[pair[2] >> 32];
    ++third[static_cast<uint32_t>(pair[3])];
    ++fourth[pair[3] >> 32];
  }
  for (; i < n; ++i) ++tables[flat[i]];
}

void sketch_keys(const double* __restrict x, size_t n, int32_t bits,
                 int32_t* __restrict keys) noexcept {
  const int32_t shift = 52 - bits;
  for (size_t i = 0; i < n; ++i) {
    uint64_t pattern;
    __builtin_memcpy(&pattern, x + i, 8);
    const uint64_t magnitude = pattern & 0x7FFFFFFFFFFFFFFFULL;
    int32_t key = static_cast<int32_t>(magnitude >> shift) + 1;
    key = (pattern >> 63) != 0 ? -key : key;
    key = magnitude == 0 ? 0 : key;
    keys[i] = magnitude > 0x7FF0000000000000ULL ? static_cast<int32_t>(0x80000000U) : key;
  }
}

constexpr TableKernels kTable = {FL_TABLE_KERNELS(FL_KERNEL_ENTRY)};

}  // namespace
}  // namespace FL_TIER_NAME(tier_)

extern const TableKernels FL_TIER_NAME(kTables_);
const TableKernels FL_TIER_NAME(kTables_) = FL_TIER_NAME(tier_)::kTable;

}  // namespace fl
