// The fast bodies of the resizing kernels, compiled once per instruction-set tier into a
// namespace of their own; no STL, no shared inline functions (see row_kernels_tier.cpp).
//
// Portable bodies are loops for the compiler's vectoriser, or four-lane vectors of the compiler
// (a pixel is a vector). What is written out for AVX2 needs byte shuffles that no compiler finds.
#if defined(__AVX2__)
#include <immintrin.h>
#elif defined(__ARM_NEON)
#include <arm_neon.h>
#endif

#include "pixels/resize_kernels.h"

namespace fl {
namespace FL_TIER_NAME(resize_tier_) {
namespace {

// ---- area: vertical --------------------------------------------------------------------

inline void rows_any(const uint8_t* const* rows, const uint32_t* weights, size_t count, size_t from,
                     size_t n, bool add, uint32_t* __restrict acc) noexcept {
  constexpr size_t kBlock = 64;
  for (size_t at = from; at < n; at += kBlock) {
    const size_t size = n - at < kBlock ? n - at : kBlock;
    uint32_t sums[kBlock];
    for (size_t i = 0; i < size; ++i) sums[i] = add ? acc[at + i] : 0;
    for (size_t k = 0; k < count; ++k) {
      const uint8_t* __restrict row = rows[k] + at;
      const uint32_t w = weights[k];
      for (size_t i = 0; i < size; ++i) sums[i] += w * row[i];
    }
    for (size_t i = 0; i < size; ++i) acc[at + i] = sums[i];
  }
}

#if defined(__AVX2__)

inline __m256i load(const void* p) noexcept {
  return _mm256_loadu_si256(static_cast<const __m256i*>(p));
}
inline void store(void* p, __m256i v) noexcept {
  _mm256_storeu_si256(static_cast<__m256i*>(p), v);
}

// acc + a0 * b0 + a1 * b1 for each pair of 16-bit numbers.
inline __m256i multiply_add(__m256i acc, __m256i a, __m256i b) noexcept {
#if defined(__AVX512VNNI__) && defined(__AVX512VL__)
  return _mm256_dpwssd_epi32(acc, a, b);
#else
  return _mm256_add_epi32(acc, _mm256_madd_epi16(a, b));
#endif
}

// Four vectors whose 128-bit halves hold bytes 0-3|16-19, 4-7|20-23, ...: in order, 32 numbers.
inline void store_block(uint32_t* to, __m256i s0, __m256i s1, __m256i s2, __m256i s3,
                        bool add) noexcept {
  __m256i v[4] = {_mm256_permute2x128_si256(s0, s1, 0x20), _mm256_permute2x128_si256(s2, s3, 0x20),
                  _mm256_permute2x128_si256(s0, s1, 0x31), _mm256_permute2x128_si256(s2, s3, 0x31)};
  for (size_t i = 0; i < 4; ++i) {
    if (add) v[i] = _mm256_add_epi32(v[i], load(to + 8 * i));
    store(to + 8 * i, v[i]);
  }
}

// Two rows at a time: their bytes side by side, times their two weights.
void area_rows(const uint8_t* const* rows, const uint32_t* weights, size_t count, size_t n,
               bool add, uint32_t* acc) noexcept {
  uint32_t heaviest = 0;
  uint32_t total = 0;
  for (size_t k = 0; k < count; ++k) {
    if (weights[k] > heaviest) heaviest = weights[k];
    total = total < 1024 && weights[k] < 1024 ? total + weights[k] : 1024;
  }
  const __m256i zero = _mm256_setzero_si256();
  size_t i = 0;
  if (total <= 128 && heaviest <= 127) {
    // Light weights: byte times byte, sums of at most 255 * 128 in 16 bits.
    for (; i + 32 <= n; i += 32) {
      __m256i s0 = zero, s1 = zero;
      for (size_t k = 0; k < count; k += 2) {
        const bool pair = k + 1 < count;
        const uint32_t w = weights[k] | (pair ? weights[k + 1] << 8 : 0);
        const __m256i both = _mm256_set1_epi16(static_cast<int16_t>(w));
        const __m256i a = load(rows[k] + i);
        const __m256i b = pair ? load(rows[k + 1] + i) : zero;
        s0 = _mm256_add_epi16(s0, _mm256_maddubs_epi16(_mm256_unpacklo_epi8(a, b), both));
        s1 = _mm256_add_epi16(s1, _mm256_maddubs_epi16(_mm256_unpackhi_epi8(a, b), both));
      }
      store_block(acc + i, _mm256_unpacklo_epi16(s0, zero), _mm256_unpackhi_epi16(s0, zero),
                  _mm256_unpacklo_epi16(s1, zero), _mm256_unpackhi_epi16(s1, zero), add);
    }
  } else if (heaviest <= 32767) {
    for (; i + 32 <= n; i += 32) {
      __m256i s0 = zero, s1 = zero, s2 = zero, s3 = zero;
      for (size_t k = 0; k < count; k += 2) {
        const bool pair = k + 1 < count;
        const uint32_t w = weights[k] | (pair ? weights[k + 1] << 16 : 0);
        const __m256i both = _mm256_set1_epi32(static_cast<int32_t>(w));
        const __m256i a = load(rows[k] + i);
        const __m256i b = pair ? load(rows[k + 1] + i) : zero;
        const __m256i low = _mm256_unpacklo_epi8(a, b);
        const __m256i high = _mm256_unpackhi_epi8(a, b);
        s0 = multiply_add(s0, _mm256_unpacklo_epi8(low, zero), both);
        s1 = multiply_add(s1, _mm256_unpackhi_epi8(low, zero), both);
        s2 = multiply_add(s2, _mm256_unpacklo_epi8(high, zero), both);
        s3 = multiply_add(s3, _mm256_unpackhi_epi8(high, zero), both);
      }
      store_block(acc + i, s0, s1, s2, s3, add);
    }
  }
  rows_any(rows, weights, count, i, n, add, acc);
}

#else

void area_rows(const uint8_t* const* rows, const uint32_t* weights, size_t count, size_t n,
               bool add, uint32_t* acc) noexcept {
  rows_any(rows, weights, count, 0, n, add, acc);
}

#endif

// ---- area: horizontal ------------------------------------------------------------------

typedef uint32_t Pixel __attribute__((vector_size(16), aligned(4), may_alias));

// Pixels summed before their division: a few vectors, whole for every number of channels.
constexpr size_t kCells = 32;

// The sums of some cells, side by side. Numbers past the last one are written over.
template <size_t kChannels>
inline void sum_cells(const uint32_t* acc, const AreaCell* cells, size_t n, uint32_t full,
                      uint32_t* sums) noexcept {
  for (size_t i = 0; i < n; ++i) {
    const AreaCell cell = cells[i];
    const uint32_t* p = acc + static_cast<size_t>(cell.first) * kChannels;
    if constexpr (kChannels == 1) {
      uint32_t inner = 0;
      for (int32_t k = 1; k <= cell.inner; ++k) inner += p[k];
      uint32_t sum = cell.edge * *p + full * inner;
      if (cell.last > 0) sum += cell.last * p[cell.inner + 1];
      sums[i] = sum;
    } else {
      const auto pixel = [](const uint32_t* at) { return *reinterpret_cast<const Pixel*>(at); };
      Pixel sum = pixel(p) * cell.edge;
      Pixel inner = {0, 0, 0, 0};
      for (int32_t k = 0; k < cell.inner; ++k) inner += pixel(p += kChannels);
      sum += inner * full;
      if (cell.last > 0) sum += pixel(p + kChannels) * cell.last;
      *reinterpret_cast<Pixel*>(sums + i * kChannels) = sum;
    }
  }
}

inline void divide_any(const uint32_t* __restrict sums, size_t n, const AreaDivisor& d,
                       uint8_t* __restrict out) noexcept {
  for (size_t i = 0; i < n; ++i) {
    out[i] = static_cast<uint8_t>((static_cast<uint64_t>(sums[i] + d.half) * d.magic) >> d.shift);
  }
}

#if defined(__AVX2__)

// 32 numbers to 32 bytes.
inline void divide_32(const uint32_t* sums, const AreaDivisor& d, uint8_t* out) noexcept {
  const __m256i half = _mm256_set1_epi32(static_cast<int32_t>(d.half));
  const __m256i magic = _mm256_set1_epi32(static_cast<int32_t>(d.magic));
  const __m128i shift = _mm_cvtsi32_si128(static_cast<int32_t>(d.shift));
  const auto eight = [&](const uint32_t* p) {
    const __m256i x = _mm256_add_epi32(load(p), half);
    const __m256i even = _mm256_srl_epi64(_mm256_mul_epu32(x, magic), shift);
    const __m256i odd =
        _mm256_srl_epi64(_mm256_mul_epu32(_mm256_srli_epi64(x, 32), magic), shift);
    return _mm256_or_si256(even, _mm256_slli_epi64(odd, 32));
  };
  const __m256i low = _mm256_packus_epi32(eight(sums), eight(sums + 8));
  const __m256i high = _mm256_packus_epi32(eight(sums + 16), eight(sums + 24));
  const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
  store(out, _mm256_permutevar8x32_epi32(_mm256_packus_epi16(low, high), order));
}

#endif

template <size_t kChannels>
inline void columns_of(const uint32_t* acc, const AreaCell* cells, size_t n, uint32_t full,
                       const AreaDivisor& divisor, uint8_t* out) noexcept {
  uint32_t sums[kCells * kChannels + 4];
  size_t at = 0;
#if defined(__AVX2__)
  for (; at + kCells <= n; at += kCells) {
    sum_cells<kChannels>(acc, cells + at, kCells, full, sums);
    for (size_t k = 0; k < kChannels; ++k) {
      divide_32(sums + 32 * k, divisor, out + kChannels * at + 32 * k);
    }
  }
#endif
  for (; at < n; at += kCells) {
    const size_t size = n - at < kCells ? n - at : kCells;
    sum_cells<kChannels>(acc, cells + at, size, full, sums);
    divide_any(sums, size * kChannels, divisor, out + kChannels * at);
  }
}

void area_columns(const uint32_t* acc, const AreaCell* cells, size_t n, int32_t channels,
                  uint32_t full, const AreaDivisor* divisor, uint8_t* out) noexcept {
  if (channels == 1) {
    columns_of<1>(acc, cells, n, full, *divisor, out);
  } else if (channels == 3) {
    columns_of<3>(acc, cells, n, full, *divisor, out);
  } else {
    columns_of<4>(acc, cells, n, full, *divisor, out);
  }
}

template <size_t kChannels>
inline void wide_columns_of(const uint32_t* acc, const AreaCell* cells, size_t n, uint32_t full,
                            uint64_t area, uint8_t* out) noexcept {
  for (size_t i = 0; i < n; ++i) {
    const AreaCell cell = cells[i];
    const uint32_t* p = acc + static_cast<size_t>(cell.first) * kChannels;
    uint64_t inner[kChannels] = {};
    uint64_t sum[kChannels];
    for (size_t c = 0; c < kChannels; ++c) sum[c] = static_cast<uint64_t>(cell.edge) * p[c];
    for (int32_t k = 0; k < cell.inner; ++k) {
      p += kChannels;
      for (size_t c = 0; c < kChannels; ++c) inner[c] += p[c];
    }
    for (size_t c = 0; c < kChannels; ++c) {
      sum[c] += inner[c] * full;
      if (cell.last > 0) sum[c] += static_cast<uint64_t>(cell.last) * p[kChannels + c];
      out[i * kChannels + c] = static_cast<uint8_t>((sum[c] + area / 2) / area);
    }
  }
}

void area_columns_wide(const uint32_t* acc, const AreaCell* cells, size_t n, int32_t channels,
                       uint32_t full, uint64_t area, uint8_t* out) noexcept {
  if (channels == 1) {
    wide_columns_of<1>(acc, cells, n, full, area, out);
  } else if (channels == 3) {
    wide_columns_of<3>(acc, cells, n, full, area, out);
  } else {
    wide_columns_of<4>(acc, cells, n, full, area, out);
  }
}

template <size_t kChannels>
inline void halve_any(const uint8_t* __restrict a, const uint8_t* __restrict b, size_t from,
                      size_t n, uint8_t* __restrict out) noexcept {
  for (size_t i = from; i < n; ++i) {
    for (size_t c = 0; c < kChannels; ++c) {
      const size_t left = 2 * i * kChannels + c;
      const size_t right = left + kChannels;
      const int32_t sum = a[left] + a[right] + b[left] + b[right];
      out[i * kChannels + c] = static_cast<uint8_t>((sum + 2) >> 2);
    }
  }
}

#if defined(__AVX2__)

// (x0 + x1 + y0 + y1 + 2) / 4 of the pairs of bytes x of one row and y of another.
inline __m256i mean_of_pairs(__m256i x, __m256i y) noexcept {
  const __m256i one = _mm256_set1_epi8(1);
  const __m256i sum = _mm256_add_epi16(_mm256_maddubs_epi16(x, one), _mm256_maddubs_epi16(y, one));
  return _mm256_srli_epi16(_mm256_add_epi16(sum, _mm256_set1_epi16(2)), 2);
}

inline size_t halve_1(const uint8_t* a, const uint8_t* b, size_t n, uint8_t* out) noexcept {
  size_t i = 0;
  for (; i + 32 <= n; i += 32) {
    const __m256i low = mean_of_pairs(load(a + 2 * i), load(b + 2 * i));
    const __m256i high = mean_of_pairs(load(a + 2 * i + 32), load(b + 2 * i + 32));
    store(out + i, _mm256_permute4x64_epi64(_mm256_packus_epi16(low, high), 0xD8));
  }
  return i;
}

// Four pixels of three bytes in each half of a vector, `apart` bytes from each other.
inline __m256i two_fours(const uint8_t* p, size_t apart) noexcept {
  return _mm256_set_m128i(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p + apart)),
                          _mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
}

// Eight outputs at a time; loads and stores reach four bytes past them, hence the ten.
inline size_t halve_3(const uint8_t* a, const uint8_t* b, size_t n, uint8_t* out) noexcept {
  const __m256i pairs = _mm256_broadcastsi128_si256(
      _mm_setr_epi8(0, 3, 1, 4, 2, 5, 6, 9, 7, 10, 8, 11, -1, -1, -1, -1));
  const __m256i close = _mm256_broadcastsi128_si256(
      _mm_setr_epi8(0, 1, 2, 3, 4, 5, 8, 9, 10, 11, 12, 13, -1, -1, -1, -1));
  size_t i = 0;
  for (; i + 10 <= n; i += 8) {
    const auto mean = [&](size_t at) {
      return mean_of_pairs(_mm256_shuffle_epi8(two_fours(a + 6 * i + at, 24), pairs),
                           _mm256_shuffle_epi8(two_fours(b + 6 * i + at, 24), pairs));
    };
    const __m256i bytes = _mm256_shuffle_epi8(_mm256_packus_epi16(mean(0), mean(12)), close);
    uint8_t* to = out + 3 * i;
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to), _mm256_castsi256_si128(bytes));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to + 12), _mm256_extracti128_si256(bytes, 1));
  }
  return i;
}

inline size_t halve_4(const uint8_t* a, const uint8_t* b, size_t n, uint8_t* out) noexcept {
  const __m256i pairs = _mm256_broadcastsi128_si256(
      _mm_setr_epi8(0, 4, 1, 5, 2, 6, 3, 7, 8, 12, 9, 13, 10, 14, 11, 15));
  size_t i = 0;
  for (; i + 8 <= n; i += 8) {
    const auto mean = [&](size_t at) {
      return mean_of_pairs(_mm256_shuffle_epi8(load(a + 8 * i + at), pairs),
                           _mm256_shuffle_epi8(load(b + 8 * i + at), pairs));
    };
    const __m256i bytes = _mm256_packus_epi16(mean(0), mean(32));
    store(out + 4 * i, _mm256_permute4x64_epi64(bytes, 0xD8));
  }
  return i;
}

#endif

void area_halve(const uint8_t* a, const uint8_t* b, size_t n, int32_t channels,
                uint8_t* out) noexcept {
  size_t done = 0;
#if defined(__AVX2__)
  done = channels == 1 ? halve_1(a, b, n, out)
                       : channels == 3 ? halve_3(a, b, n, out) : halve_4(a, b, n, out);
#endif
  if (channels == 1) {
    halve_any<1>(a, b, done, n, out);
  } else if (channels == 3) {
    halve_any<3>(a, b, done, n, out);
  } else {
    halve_any<4>(a, b, done, n, out);
  }
}

#include "pixels/resize_linear_lanes.h"

constexpr ResizeKernels kTable = {FL_RESIZE_KERNELS(FL_KERNEL_ENTRY)};

}  // namespace
}  // namespace FL_TIER_NAME(resize_tier_)

extern const ResizeKernels FL_TIER_NAME(kResize_);
const ResizeKernels FL_TIER_NAME(kResize_) = FL_TIER_NAME(resize_tier_)::kTable;

}  // namespace fl
