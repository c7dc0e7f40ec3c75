// The fast bodies, compiled once per instruction-set tier into a namespace of their own.
//
// No STL and no shared inline functions here: an inline function compiled for AVX2 must not
// be the copy that the linker keeps for the baseline. FL_TIER is set by the build.
//
// The loops are shaped for the compiler's vectoriser: int16 temporaries (no value leaves
// [-2040, 2040]), int32 partial sums over a chunk short enough that they cannot overflow,
// and restrict pointers. row_sums, the heart of the scan, row_halve and row_noise are written
// out for AVX2: byte multiply-adds take them to over twice the compiler's speed. (512-bit vectors
// gave nothing more where they were tried, so the v4 tier takes the same bodies.)
#if defined(__SSE2__)
#include <immintrin.h>
#endif

#include "pixels/row_kernels.h"

namespace fl {
namespace FL_TIER_NAME(tier_) {
namespace {

// 1020^2 * 1024 < 2^31: the squared Laplacian of a chunk fits an int32 partial sum even if
// the whole chunk fell into one lane.
constexpr size_t kChunk = 1024;

// Any width, for the compiler to vectorise; also for rows too narrow for the wide loop.
inline void sums_any(const uint8_t* __restrict prev, const uint8_t* __restrict cur,
                     const uint8_t* __restrict next, size_t n, RowSums* __restrict out) noexcept {
  const uint8_t* __restrict left = cur - 1;
  const uint8_t* __restrict right = cur + 1;
  for (size_t at = 0; at < n; at += kChunk) {
    const size_t end = n - at < kChunk ? n : at + kChunk;
    int32_t sum = 0;
    int32_t sum2 = 0;
    int32_t lap = 0;
    int32_t lap2 = 0;
    int32_t grad2 = 0;
    for (size_t i = at; i < end; ++i) {
      const int16_t c = cur[i];
      const int16_t cross = static_cast<int16_t>(left[i] + right[i] + prev[i] + next[i]);
      const int16_t v = static_cast<int16_t>(cross - 4 * c);
      const int16_t gx = static_cast<int16_t>(right[i] - left[i]);
      const int16_t gy = static_cast<int16_t>(next[i] - prev[i]);
      sum += c;
      sum2 += static_cast<int32_t>(c) * c;
      lap += v;
      lap2 += static_cast<int32_t>(v) * v;
      grad2 += static_cast<int32_t>(gx) * gx + static_cast<int32_t>(gy) * gy;
    }
    out->sum += static_cast<uint32_t>(sum);
    out->sum2 += static_cast<uint32_t>(sum2);
    out->lap += lap;
    out->lap2 += static_cast<uint32_t>(lap2);
    out->grad2 += static_cast<uint32_t>(grad2);
  }
}

inline uint64_t squares_any(const uint8_t* __restrict up, const uint8_t* __restrict cur,
                            const uint8_t* __restrict down, size_t n) noexcept {
  const uint8_t* __restrict left = cur - 1;
  const uint8_t* __restrict right = cur + 1;
  uint64_t total = 0;
  for (size_t at = 0; at < n; at += kChunk) {
    const size_t end = n - at < kChunk ? n : at + kChunk;
    int32_t squares = 0;
    for (size_t i = at; i < end; ++i) {
      const int16_t cross = static_cast<int16_t>(left[i] + right[i] + up[i] + down[i]);
      const int16_t v = static_cast<int16_t>(cross - 4 * cur[i]);
      squares += static_cast<int32_t>(v) * v;
    }
    total += static_cast<uint32_t>(squares);
  }
  return total;
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

// The running sums of some rows: 16- and 32-bit lanes that are emptied into 64-bit ones
// before they can overflow.
struct WideSums {
  __m256i lap16, lap;                        // 16-bit and 32-bit lanes
  __m256i lap2[2], sum2[2], gx2[2], gy2[2];  // 32-bit lanes, one for each half of a vector
  __m256i sum, total_lap, total_lap2, total_sum2, total_grad2;  // 64-bit lanes
};

// acc + a0 * b0 + a1 * b1 for each pair of 16-bit numbers.
inline __m256i multiply_add(__m256i acc, __m256i a, __m256i b) noexcept {
#if defined(__AVX512VNNI__) && defined(__AVX512VL__)
  return _mm256_dpwssd_epi32(acc, a, b);
#else
  return _mm256_add_epi32(acc, _mm256_madd_epi16(a, b));
#endif
}

inline __m256i widened(__m256i v) noexcept {
  return _mm256_add_epi64(_mm256_cvtepi32_epi64(_mm256_castsi256_si128(v)),
                          _mm256_cvtepi32_epi64(_mm256_extracti128_si256(v, 1)));
}

inline void empty_16(WideSums* s) noexcept {
  s->lap = _mm256_add_epi32(s->lap, _mm256_madd_epi16(s->lap16, _mm256_set1_epi16(1)));
  s->lap16 = _mm256_setzero_si256();
}

inline void empty_32(WideSums* s) noexcept {
  s->total_lap = _mm256_add_epi64(s->total_lap, widened(s->lap));
  s->lap = _mm256_setzero_si256();
  for (int k = 0; k < 2; ++k) {
    s->total_lap2 = _mm256_add_epi64(s->total_lap2, widened(s->lap2[k]));
    s->total_sum2 = _mm256_add_epi64(s->total_sum2, widened(s->sum2[k]));
    s->total_grad2 = _mm256_add_epi64(s->total_grad2, widened(s->gx2[k]));
    s->total_grad2 = _mm256_add_epi64(s->total_grad2, widened(s->gy2[k]));
    s->lap2[k] = s->sum2[k] = s->gx2[k] = s->gy2[k] = _mm256_setzero_si256();
  }
}

// Half of a vector's pixels. The neighbours come interleaved, so that one byte multiply-add
// gives a + b, or b - a, as 16-bit numbers, in an order that sums do not care about. Each half
// has sums of its own, so that neither waits for the other.
template <int kHalf>
inline void add_half(__m256i leftright, __m256i updown, __m256i centre, WideSums* s) noexcept {
  const __m256i plus = _mm256_set1_epi8(1);
  const __m256i difference = _mm256_set1_epi16(0x01ff);  // bytes -1, +1
  const __m256i cross = _mm256_add_epi16(_mm256_maddubs_epi16(leftright, plus),
                                         _mm256_maddubs_epi16(updown, plus));
  const __m256i lap = _mm256_sub_epi16(cross, _mm256_slli_epi16(centre, 2));
  const __m256i gx = _mm256_maddubs_epi16(leftright, difference);
  const __m256i gy = _mm256_maddubs_epi16(updown, difference);
  s->lap16 = _mm256_add_epi16(s->lap16, lap);
  s->lap2[kHalf] = multiply_add(s->lap2[kHalf], lap, lap);
  s->sum2[kHalf] = multiply_add(s->sum2[kHalf], centre, centre);
  s->gx2[kHalf] = multiply_add(s->gx2[kHalf], gx, gx);
  s->gy2[kHalf] = multiply_add(s->gy2[kHalf], gy, gy);
}

// One vector of pixels; in a row's tail, bytes outside the mask count as black all round and
// add nothing.
template <bool kTail>
inline void add_vector(const uint8_t* up, const uint8_t* cur, const uint8_t* down, __m256i mask,
                       WideSums* s) noexcept {
  const __m256i zero = _mm256_setzero_si256();
  const auto pixels = [mask](const uint8_t* p) {
    return kTail ? _mm256_and_si256(load(p), mask) : load(p);
  };
  const __m256i l = pixels(cur - 1);
  const __m256i c = pixels(cur);
  const __m256i r = pixels(cur + 1);
  const __m256i u = pixels(up);
  const __m256i d = pixels(down);
  s->sum = _mm256_add_epi64(s->sum, _mm256_sad_epu8(c, zero));
  add_half<0>(_mm256_unpacklo_epi8(l, r), _mm256_unpacklo_epi8(u, d),
              _mm256_unpacklo_epi8(c, zero), s);
  add_half<1>(_mm256_unpackhi_epi8(l, r), _mm256_unpackhi_epi8(u, d),
              _mm256_unpackhi_epi8(c, zero), s);
}

// 32 zeros, then 32 ones: a window into it masks off the first bytes of a vector.
alignas(32) constexpr uint8_t kMask[64] = {
    0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,
    0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,
    255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255,
    255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255};

void row_sums(const uint8_t* const* rows, size_t count, size_t n, RowSums* out) noexcept {
  if (n < kWide) {
    for (size_t y = 1; y <= count; ++y) sums_any(rows[y - 1], rows[y], rows[y + 1], n, out);
    return;
  }
  const __m256i zero = _mm256_setzero_si256();
  const size_t tail = n % kWide;
  // The last vector of a row ends with the row; the pixels it shares with the one before
  // are masked off.
  const __m256i tail_mask = load(kMask + tail);
  WideSums s{};
  size_t vectors = 0;
  for (size_t y = 1; y <= count; ++y) {
    const uint8_t* up = rows[y - 1];
    const uint8_t* cur = rows[y];
    const uint8_t* down = rows[y + 1];
    for (size_t at = 0; at + kWide <= n;) {
      // 15 steps and a tail: 32 Laplacians of at most 1020 fit a 16-bit lane.
      const size_t left = (n - at) / kWide;
      const size_t steps = left < 15 ? left : 15;
      for (size_t k = 0; k < steps; ++k, at += kWide) {
        add_vector<false>(up + at, cur + at, down + at, zero, &s);
      }
      vectors += steps;
      if (at + kWide > n && tail > 0) {
        const size_t last = n - kWide;
        add_vector<true>(up + last, cur + last, down + last, tail_mask, &s);
        ++vectors;
      }
      empty_16(&s);
      // A vector adds at most 2 * 1020^2 to a 32-bit lane: a thousand of them still fit.
      if (vectors > 960) {
        empty_32(&s);
        vectors = 0;
      }
    }
  }
  empty_32(&s);
  out->sum += static_cast<uint64_t>(sum64(s.sum));
  out->sum2 += static_cast<uint64_t>(sum64(s.total_sum2));
  out->lap += sum64(s.total_lap);
  out->lap2 += static_cast<uint64_t>(sum64(s.total_lap2));
  out->grad2 += static_cast<uint64_t>(sum64(s.total_grad2));
}

// Even and odd pixels of a vector, as 16-bit numbers: a mask and a shift, which every port can do,
// where widening bytes takes shuffles, which one or two can.
struct Halves {
  __m256i even, odd;
};
inline Halves halves(__m256i v) noexcept {
  return {_mm256_and_si256(v, _mm256_set1_epi16(0x00ff)), _mm256_srli_epi16(v, 8)};
}

// Squared Laplacians of a vector of pixels; u and d are the rows above and below. Of the cross,
// two terms come with -4 times the centre in one byte multiply-add.
inline void add_squares(Halves u, const uint8_t* cur, __m256i c, Halves d, Halves mask,
                        Halves* sums) noexcept {
  // Weights -4, 1: the even pixel and its right neighbour; 1, -4: the odd one and its left.
  const __m256i right_of_even = _mm256_maddubs_epi16(c, _mm256_set1_epi16(0x01fc));
  const __m256i left_of_odd =
      _mm256_maddubs_epi16(c, _mm256_set1_epi16(static_cast<int16_t>(0xfc01)));
  const __m256i left_of_even = halves(load(cur - 1)).even;
  const __m256i right_of_odd = halves(load(cur + 1)).odd;
  const __m256i even = _mm256_add_epi16(_mm256_add_epi16(right_of_even, left_of_even),
                                        _mm256_add_epi16(u.even, d.even));
  const __m256i odd = _mm256_add_epi16(_mm256_add_epi16(left_of_odd, right_of_odd),
                                       _mm256_add_epi16(u.odd, d.odd));
  sums->even = multiply_add(sums->even, even, _mm256_and_si256(even, mask.even));
  sums->odd = multiply_add(sums->odd, odd, _mm256_and_si256(odd, mask.odd));
}

// Four rows at a time share what each needs of its neighbours. Pixels outside the mask add
// nothing.
template <size_t kRows>
inline void add_rows(const uint8_t* const* rows, size_t at, Halves mask, Halves* sums) noexcept {
  __m256i v[kRows + 2];
  Halves h[kRows + 2];
  for (size_t y = 0; y < kRows + 2; ++y) {
    v[y] = load(rows[y] + at);
    h[y] = halves(v[y]);
  }
  // Where the next rows will be, if rows lie evenly: a picture's memory comes page by page, which
  // the processor does not foresee across rows.
  const ptrdiff_t ahead = rows[kRows + 1] - rows[1];
  for (size_t y = 1; y <= kRows; ++y) {
    __builtin_prefetch(rows[y + 1] + ahead + at);
    add_squares(h[y - 1], rows[y] + at, v[y], h[y + 1], mask, &sums[y % 2]);
  }
}

// 32-bit lanes take at most 2 * 1020^2 a vector, so a thousand vectors fit.
constexpr size_t kRoom = 1000;

template <size_t kRows>
inline void squares_of_rows(const uint8_t* const* rows, size_t n, __m256i* total) noexcept {
  const __m256i zero = _mm256_setzero_si256();
  const __m256i ones = _mm256_set1_epi8(-1);
  const Halves all = {ones, ones};
  size_t at = 0;
  do {
    Halves sums[2] = {{zero, zero}, {zero, zero}};
    const size_t left = (n - at) / kWide;
    const size_t steps = left < kRoom / kRows ? left : kRoom / kRows;
    for (size_t k = 0; k < steps; ++k, at += kWide) add_rows<kRows>(rows, at, all, sums);
    if (at + kWide > n && at < n) {
      // The last vector ends with the row; the pixels it shares with the one before are masked.
      const __m256i mask = load(kMask + (n - at));
      add_rows<kRows>(rows, n - kWide,
                      {_mm256_srai_epi16(_mm256_slli_epi16(mask, 8), 8),
                       _mm256_srai_epi16(mask, 8)},
                      sums);
      at = n;
    }
    for (const Halves& s : sums) {
      *total = _mm256_add_epi64(*total, _mm256_add_epi64(widened(s.even), widened(s.odd)));
    }
  } while (at < n);
}

void row_squares(const uint8_t* const* rows, size_t count, size_t n, uint64_t* lap2) noexcept {
  if (n < kWide) {
    for (size_t y = 1; y <= count; ++y) {
      *lap2 += squares_any(rows[y - 1], rows[y], rows[y + 1], n);
    }
    return;
  }
  __m256i total = _mm256_setzero_si256();
  size_t y = 0;
  for (; y + 4 <= count; y += 4) squares_of_rows<4>(rows + y, n, &total);
  for (; y < count; ++y) squares_of_rows<1>(rows + y, n, &total);
  *lap2 += static_cast<uint64_t>(sum64(total));
}

#else

void row_sums(const uint8_t* const* rows, size_t count, size_t n, RowSums* out) noexcept {
  for (size_t y = 1; y <= count; ++y) sums_any(rows[y - 1], rows[y], rows[y + 1], n, out);
}

void row_squares(const uint8_t* const* rows, size_t count, size_t n, uint64_t* lap2) noexcept {
  for (size_t y = 1; y <= count; ++y) *lap2 += squares_any(rows[y - 1], rows[y], rows[y + 1], n);
}

#endif

void row_noise(const uint8_t* __restrict prev, const uint8_t* __restrict cur,
               const uint8_t* __restrict next, size_t n, uint16_t* __restrict noise) noexcept {
  const uint8_t* __restrict above_left = prev - 1;
  const uint8_t* __restrict left = cur - 1;
  const uint8_t* __restrict below_left = next - 1;
  size_t i = 0;
#if defined(__AVX2__)
  const auto wide = [](const uint8_t* p) {
    return _mm256_cvtepu8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
  };
  for (; i + 16 <= n; i += 16) {
    const __m256i corners =
        _mm256_add_epi16(_mm256_add_epi16(wide(above_left + i), wide(above_left + i + 2)),
                         _mm256_add_epi16(wide(below_left + i), wide(below_left + i + 2)));
    const __m256i cross = _mm256_add_epi16(_mm256_add_epi16(wide(left + i), wide(left + i + 2)),
                                           _mm256_add_epi16(wide(prev + i), wide(next + i)));
    const __m256i k =
        _mm256_add_epi16(_mm256_sub_epi16(corners, _mm256_slli_epi16(cross, 1)),
                         _mm256_slli_epi16(wide(cur + i), 2));
    __m256i* to = reinterpret_cast<__m256i*>(noise + i);
    _mm256_storeu_si256(to, _mm256_add_epi16(_mm256_loadu_si256(to), _mm256_abs_epi16(k)));
  }
#endif
  for (; i < n; ++i) {
    const int16_t corners = static_cast<int16_t>(above_left[i] + above_left[i + 2] +
                                                 below_left[i] + below_left[i + 2]);
    const int16_t cross = static_cast<int16_t>(left[i] + left[i + 2] + prev[i] + next[i]);
    const int16_t k = static_cast<int16_t>(corners - 2 * cross + 4 * cur[i]);
    const int16_t magnitude = static_cast<int16_t>(k < 0 ? -k : k);
    noise[i] = static_cast<uint16_t>(noise[i] + magnitude);
  }
}

void row_halve(const uint8_t* __restrict a, const uint8_t* __restrict b, size_t n,
               uint8_t* __restrict out) noexcept {
  size_t i = 0;
#if defined(__AVX2__)
  const __m256i plus = _mm256_set1_epi8(1);
  const __m256i two = _mm256_set1_epi16(2);
  for (; i + 16 <= n; i += 16) {
    const __m256i sum = _mm256_add_epi16(_mm256_maddubs_epi16(load(a + 2 * i), plus),
                                         _mm256_maddubs_epi16(load(b + 2 * i), plus));
    const __m256i mean = _mm256_srli_epi16(_mm256_add_epi16(sum, two), 2);
    const __m128i bytes =
        _mm_packus_epi16(_mm256_castsi256_si128(mean), _mm256_extracti128_si256(mean, 1));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out + i), bytes);
  }
#endif
  for (; i < n; ++i) {
    out[i] = static_cast<uint8_t>((a[2 * i] + a[2 * i + 1] + b[2 * i] + b[2 * i + 1] + 2) >> 2);
  }
}

void row_add(const uint8_t* __restrict row, size_t n, uint32_t* __restrict acc) noexcept {
  for (size_t i = 0; i < n; ++i) acc[i] += row[i];
}

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

#if defined(__AVX2__)

// Interleaved pixels of kStep bytes, eight at a time: the shuffles put (c0, c1) and (c2, 0) of a
// pixel into 32-bit lanes, and two multiply-adds make the weighted sum.
template <int kStep>
inline size_t luma_interleaved(const uint8_t* __restrict px, const int16_t* weights, size_t n,
                               uint8_t* __restrict out) noexcept {
  const __m256i first = _mm256_set1_epi32((weights[1] << 16) | weights[0]);
  const __m256i second = _mm256_set1_epi32(((1 << 14) << 16) | weights[2]);
  const __m256i one = _mm256_set1_epi32(1 << 16);
  constexpr char s = kStep;
  const __m256i pairs = _mm256_broadcastsi128_si256(
      _mm_setr_epi8(0, -1, 1, -1, s, -1, s + 1, -1, 2 * s, -1, 2 * s + 1, -1, 3 * s, -1,
                    3 * s + 1, -1));
  const __m256i rest = _mm256_broadcastsi128_si256(
      _mm_setr_epi8(2, -1, -1, -1, s + 2, -1, -1, -1, 2 * s + 2, -1, -1, -1, 3 * s + 2, -1, -1,
                    -1));
  const auto eight = [&](const uint8_t* p) {
    const __m256i v = _mm256_inserti128_si256(
        _mm256_castsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))),
        _mm_loadu_si128(reinterpret_cast<const __m128i*>(p + 4 * kStep)), 1);
    const __m256i a = _mm256_madd_epi16(_mm256_shuffle_epi8(v, pairs), first);
    const __m256i b =
        _mm256_madd_epi16(_mm256_or_si256(_mm256_shuffle_epi8(v, rest), one), second);
    return _mm256_srli_epi32(_mm256_add_epi32(a, b), 15);
  };
  size_t i = 0;
  // The last load reaches 16 - 4 kStep bytes past its four pixels: 34 pixels cover it.
  for (; i + 34 <= n; i += 32) {
    const uint8_t* p = px + i * kStep;
    const __m256i a = _mm256_packus_epi32(eight(p), eight(p + 8 * kStep));
    const __m256i b = _mm256_packus_epi32(eight(p + 16 * kStep), eight(p + 24 * kStep));
    const __m256i bytes = _mm256_permutevar8x32_epi32(
        _mm256_packus_epi16(a, b), _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + i), bytes);
  }
  return i;
}

#endif

void row_luma(const uint8_t* __restrict c0, const uint8_t* __restrict c1,
              const uint8_t* __restrict c2, ptrdiff_t step, const int16_t* weights, size_t n,
              uint8_t* __restrict out) noexcept {
  const int32_t w0 = weights[0];
  const int32_t w1 = weights[1];
  const int32_t w2 = weights[2];
  const auto mix = [=](uint8_t a, uint8_t b, uint8_t c) {
    return static_cast<uint8_t>((w0 * a + w1 * b + w2 * c + (1 << 14)) >> 15);
  };
  size_t i = 0;
  if (step == 1) {
    for (; i < n; ++i) out[i] = mix(c0[i], c1[i], c2[i]);
    return;
  }
#if defined(__AVX2__)
  if (c1 == c0 + 1 && c2 == c0 + 2) {
    if (step == 3) i = luma_interleaved<3>(c0, weights, n, out);
    if (step == 4) i = luma_interleaved<4>(c0, weights, n, out);
  }
#endif
  for (; i < n; ++i) {
    const ptrdiff_t at = static_cast<ptrdiff_t>(i) * step;
    out[i] = mix(c0[at], c1[at], c2[at]);
  }
}

void row_pick(const uint8_t* __restrict row, ptrdiff_t step, size_t n,
              uint8_t* __restrict out) noexcept {
  for (size_t i = 0; i < n; ++i) out[i] = row[static_cast<ptrdiff_t>(i) * step];
}

void hash_stripes(const uint8_t* __restrict data, size_t stripes, const uint8_t* __restrict secret,
                  uint64_t* __restrict acc) noexcept {
  const uint8_t* last_key = secret + 8 * kHashBlock;
#if defined(__AVX2__)
  __m256i* lanes = reinterpret_cast<__m256i*>(acc);
  __m256i low = _mm256_loadu_si256(lanes);
  __m256i high = _mm256_loadu_si256(lanes + 1);
  const auto mix = [](__m256i sum, __m256i value, __m256i key) {
    const __m256i keyed = _mm256_xor_si256(value, key);
    const __m256i product = _mm256_mul_epu32(keyed, _mm256_srli_epi64(keyed, 32));
    // 0x4E swaps the two 64-bit numbers of each half.
    return _mm256_add_epi64(sum, _mm256_add_epi64(product, _mm256_shuffle_epi32(value, 0x4E)));
  };
  const auto scramble = [](__m256i sum, __m256i key) {
    const __m256i prime = _mm256_set1_epi64x(static_cast<int64_t>(kHashPrime));
    const __m256i x = _mm256_xor_si256(_mm256_xor_si256(sum, _mm256_srli_epi64(sum, 47)), key);
    const __m256i above = _mm256_mul_epu32(_mm256_srli_epi64(x, 32), prime);
    return _mm256_add_epi64(_mm256_mul_epu32(x, prime), _mm256_slli_epi64(above, 32));
  };
  while (stripes >= kHashBlock) {
    for (size_t k = 0; k < kHashBlock; ++k) {
      low = mix(low, load(data + 64 * k), load(secret + 8 * k));
      high = mix(high, load(data + 64 * k + 32), load(secret + 8 * k + 32));
    }
    low = scramble(low, load(last_key));
    high = scramble(high, load(last_key + 32));
    data += 64 * kHashBlock;
    stripes -= kHashBlock;
  }
  for (size_t k = 0; k < stripes; ++k) {
    low = mix(low, load(data + 64 * k), load(secret + 8 * k));
    high = mix(high, load(data + 64 * k + 32), load(secret + 8 * k + 32));
  }
  _mm256_storeu_si256(lanes, low);
  _mm256_storeu_si256(lanes + 1, high);
#else
  const auto words = [](const uint8_t* from, uint64_t* to) {
    __builtin_memcpy(to, from, 64);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    for (size_t i = 0; i < 8; ++i) to[i] = __builtin_bswap64(to[i]);
#endif
  };
  uint64_t key[8];
  for (size_t k = 0; k < stripes; ++k) {
    uint64_t value[8];
    words(data + 64 * k, value);
    words(secret + 8 * (k % kHashBlock), key);
    for (size_t i = 0; i < 8; ++i) {
      const uint64_t keyed = value[i] ^ key[i];
      acc[i] += value[i ^ 1] + (keyed & 0xFFFFFFFFU) * (keyed >> 32);
    }
    if (k % kHashBlock + 1 < kHashBlock) continue;
    words(last_key, key);
    for (size_t i = 0; i < 8; ++i) acc[i] = (acc[i] ^ (acc[i] >> 47) ^ key[i]) * kHashPrime;
  }
#endif
}

// Eight tables, so that a run of equal bytes does not wait for its own last store.
void histogram(const uint8_t* __restrict row, size_t n, uint32_t* __restrict tables) noexcept {
  size_t i = 0;
  for (; i + 8 <= n; i += 8) {
    uint64_t eight;
    __builtin_memcpy(&eight, row + i, 8);
    ++tables[eight & 255];
    ++tables[256 + ((eight >> 8) & 255)];
    ++tables[512 + ((eight >> 16) & 255)];
    ++tables[768 + ((eight >> 24) & 255)];
    ++tables[1024 + ((eight >> 32) & 255)];
    ++tables[1280 + ((eight >> 40) & 255)];
    ++tables[1536 + ((eight >> 48) & 255)];
    ++tables[1792 + (eight >> 56)];
  }
  for (; i < n; ++i) ++tables[row[i]];
}

constexpr RowKernels kTable = {FL_ROW_KERNELS(FL_KERNEL_ENTRY)};

}  // namespace
}  // namespace FL_TIER_NAME(tier_)

extern const RowKernels FL_TIER_NAME(kRows_);
const RowKernels FL_TIER_NAME(kRows_) = FL_TIER_NAME(tier_)::kTable;

}  // namespace fl
