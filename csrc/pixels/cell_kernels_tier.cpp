// The fast bodies of the gate's kernels, compiled once per instruction-set tier into a namespace
// of their own; no STL, no shared inline functions (see row_kernels_tier.cpp).
#if defined(__SSE2__)
#include <immintrin.h>
#endif

#include "pixels/cell_kernels.h"

namespace fl {
namespace FL_TIER_NAME(cell_tier_) {
namespace {

// How many of n pixels are from 32 on, and from 224 on; for the compiler to vectorise.
inline void shares_any(const uint8_t* __restrict row, size_t n, uint32_t* shares) noexcept {
  for (size_t at = 0; at < n;) {
    // Sixteen counters of a byte each hold 255 turns.
    const size_t turns = (n - at) / 16 < 255 ? (n - at) / 16 : 255;
    if (turns == 0) {
      for (; at < n; ++at) {
        shares[0] += row[at] >= 32;
        shares[1] += row[at] >= 224;
      }
      return;
    }
    uint8_t any[16] = {};
    uint8_t all[16] = {};
    for (size_t k = 0; k < turns; ++k, at += 16) {
      for (size_t i = 0; i < 16; ++i) {
        any[i] = static_cast<uint8_t>(any[i] + (row[at + i] >= 32));
        all[i] = static_cast<uint8_t>(all[i] + (row[at + i] >= 224));
      }
    }
    for (size_t i = 0; i < 16; ++i) {
      shares[0] += any[i];
      shares[1] += all[i];
    }
  }
}

inline void cells_any(const uint8_t* const* rows, size_t count, size_t n, size_t cells,
                      uint32_t* sums, uint32_t* shares) noexcept {
  for (size_t y = 0; y < count; ++y) {
    const uint8_t* __restrict row = rows[y];
    shares_any(row, n, shares);
    size_t i = 0;
    for (size_t k = 0; k < cells; ++k) {
      const size_t end = (k + 1) * n / cells;
      uint32_t sum = 0;
#if defined(__SSE2__)
      // Sums of bytes, which the compiler does not see in the plain loop.
      __m128i wide = _mm_setzero_si128();
      for (; i + 16 <= end; i += 16) {
        const __m128i v = _mm_loadu_si128(reinterpret_cast<const __m128i*>(row + i));
        wide = _mm_add_epi64(wide, _mm_sad_epu8(v, _mm_setzero_si128()));
      }
      sum = static_cast<uint32_t>(_mm_cvtsi128_si32(wide) +
                                  _mm_cvtsi128_si32(_mm_srli_si128(wide, 8)));
#endif
      for (; i < end; ++i) sum += row[i];
      sums[k] += sum;
    }
  }
}

#if defined(__AVX2__)

constexpr size_t kWide = sizeof(__m256i);

inline __m256i load(const uint8_t* p) noexcept {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
}

inline int64_t sum64(__m256i v) noexcept {
  const __m128i two = _mm_add_epi64(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
  return _mm_cvtsi128_si64(two) + _mm_extract_epi64(two, 1);
}

// 32 zeros, then 32 ones: a window into it masks off the first bytes of a vector.
alignas(32) constexpr uint8_t kMask[64] = {
    0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,
    0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,
    255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255,
    255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255};

void row_cells(const uint8_t* const* rows, size_t count, size_t n, size_t cells, uint32_t* sums,
               uint32_t* shares) noexcept {
  if (n < kWide) {
    cells_any(rows, count, n, cells, sums, shares);
    return;
  }
  const __m256i zero = _mm256_setzero_si256();
  __m256i lit = zero;
  __m256i bright = zero;
  size_t from = 0;
  for (size_t k = 0; k < cells; ++k) {
    const size_t end = (k + 1) * n / cells;
    __m256i sum = zero;
    const auto add = [&](size_t begin, __m256i mask) {
      for (size_t y = 0; y < count;) {
        // Counts of a byte: at most 255 rows of them.
        const size_t rest = count - y < 255 ? count - y : 255;
        __m256i any = zero;
        __m256i all = zero;
        for (size_t r = 0; r < rest; ++r, ++y) {
          const __m256i v = _mm256_and_si256(load(rows[y] + begin), mask);
          sum = _mm256_add_epi64(sum, _mm256_sad_epu8(v, zero));
          // -1 where the greater of the two is the pixel.
          any = _mm256_sub_epi8(any, _mm256_cmpeq_epi8(_mm256_max_epu8(v, _mm256_set1_epi8(32)), v));
          all = _mm256_sub_epi8(
              all, _mm256_cmpeq_epi8(_mm256_max_epu8(v, _mm256_set1_epi8(-32)), v));
        }
        lit = _mm256_add_epi64(lit, _mm256_sad_epu8(any, zero));
        bright = _mm256_add_epi64(bright, _mm256_sad_epu8(all, zero));
      }
    };
    // Whole vectors from the part's beginning; what is left of it lies in one that ends with it,
    // or, near the row's beginning, in the row's first.
    size_t at = from;
    for (; at + kWide <= end; at += kWide) add(at, _mm256_set1_epi8(-1));
    if (at < end) {
      const size_t begin = end < kWide ? 0 : end - kWide;
      // kMask's window of 32 zeros and ones: ones from byte at - begin on, and none from
      // end - begin on.
      const __m256i behind = load(kMask + kWide - (at - begin));
      add(begin, _mm256_andnot_si256(load(kMask + kWide - (end - begin)), behind));
    }
    sums[k] += static_cast<uint32_t>(sum64(sum));
    from = end;
  }
  shares[0] += static_cast<uint32_t>(sum64(lit));
  shares[1] += static_cast<uint32_t>(sum64(bright));
}

#else

void row_cells(const uint8_t* const* rows, size_t count, size_t n, size_t cells, uint32_t* sums,
               uint32_t* shares) noexcept {
  cells_any(rows, count, n, cells, sums, shares);
}

#endif

constexpr CellKernels kTable = {FL_CELL_KERNELS(FL_KERNEL_ENTRY)};

}  // namespace
}  // namespace FL_TIER_NAME(cell_tier_)

extern const CellKernels FL_TIER_NAME(kCells_);
const CellKernels FL_TIER_NAME(kCells_) = FL_TIER_NAME(cell_tier_)::kTable;

}  // namespace fl
