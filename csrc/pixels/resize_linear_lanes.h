// The part of resize_kernels_tier.cpp that interpolates between two samples or picks one. It is
// included there once, inside the tier's namespace, and nowhere else: no include of its own.

template <size_t kChannels>
inline void linear_any(const uint8_t* __restrict row, const int32_t* __restrict at,
                       const int16_t* __restrict weights, size_t from, size_t n,
                       int16_t* __restrict out, size_t plane) noexcept {
  for (size_t i = from; i < n; ++i) {
    const uint8_t* p = row + at[i];
    const int32_t w0 = weights[2 * i];
    const int32_t w1 = weights[2 * i + 1];
    for (size_t c = 0; c < kChannels; ++c) {
      out[c * plane + i] = static_cast<int16_t>((w0 * p[c] + w1 * p[c + kChannels]) >> 4);
    }
  }
}

#if defined(__AVX2__)

// Four outputs' eight bytes each: [p0 p1 | p2 p3] of the outputs `a`, `b`, `c` and `d`.
inline __m256i four_pairs(const uint8_t* row, int32_t a, int32_t b, int32_t c, int32_t d) noexcept {
  const auto eight = [row](int32_t at) {
    int64_t value;
    __builtin_memcpy(&value, row + at, sizeof value);
    return value;
  };
  return _mm256_set_m128i(_mm_set_epi64x(eight(d), eight(c)), _mm_set_epi64x(eight(b), eight(a)));
}

inline __m256i weigh(__m256i pairs, __m256i weights) noexcept {
  return _mm256_srli_epi32(_mm256_madd_epi16(pairs, weights), 4);
}

// Eight numbers of 32 bits, two vectors of them, to sixteen of 16 in order.
inline void store_words(int16_t* first, int16_t* second, __m256i a, __m256i b) noexcept {
  const __m256i words = _mm256_permute4x64_epi64(_mm256_packs_epi32(a, b), 0xD8);
  _mm_storeu_si128(reinterpret_cast<__m128i*>(first), _mm256_castsi256_si128(words));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(second), _mm256_extracti128_si256(words, 1));
}

// Eight outputs at a time. Of each, the bytes b0 g0 r0 b1 g1 r1 are brought channel by channel
// beside the same channel of the next output, so that one multiply-add serves eight outputs.
inline size_t linear_3(const uint8_t* row, const uint8_t* next, const int32_t* at,
                       const int16_t* weights, size_t n, int16_t* out, size_t plane) noexcept {
  const __m256i zero = _mm256_setzero_si256();
  const __m256i pick = _mm256_broadcastsi128_si256(
      _mm_setr_epi8(0, 3, 8, 11, 1, 4, 9, 12, 2, 5, 10, 13, -1, -1, -1, -1));
  size_t i = 0;
  for (; i + 8 <= n; i += 8) {
    const int32_t* x = at + i;
    __builtin_prefetch(next + x[0]);
    __builtin_prefetch(next + x[4]);
    const __m256i even =
        _mm256_shuffle_epi8(four_pairs(row, x[0], x[1], x[4], x[5]), pick);  // b01 g01 r01 0
    const __m256i odd = _mm256_shuffle_epi8(four_pairs(row, x[2], x[3], x[6], x[7]), pick);
    const __m256i blue_green = _mm256_unpacklo_epi32(even, odd);  // b01 b23 g01 g23
    const __m256i red = _mm256_unpackhi_epi32(even, odd);         // r01 r23
    const __m256i w = load(weights + 2 * i);
    const __m256i b = weigh(_mm256_unpacklo_epi8(blue_green, zero), w);
    const __m256i g = weigh(_mm256_unpackhi_epi8(blue_green, zero), w);
    const __m256i r = weigh(_mm256_unpacklo_epi8(red, zero), w);
    store_words(out + i, out + plane + i, b, g);
    const __m256i words = _mm256_permute4x64_epi64(_mm256_packs_epi32(r, r), 0xD8);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out + 2 * plane + i),
                     _mm256_castsi256_si128(words));
  }
  return i;
}

inline size_t linear_4(const uint8_t* row, const uint8_t* next, const int32_t* at,
                       const int16_t* weights, size_t n, int16_t* out, size_t plane) noexcept {
  const __m256i zero = _mm256_setzero_si256();
  const __m256i pick = _mm256_broadcastsi128_si256(
      _mm_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15));
  size_t i = 0;
  for (; i + 8 <= n; i += 8) {
    const int32_t* x = at + i;
    __builtin_prefetch(next + x[0]);
    __builtin_prefetch(next + x[4]);
    const __m256i even = _mm256_shuffle_epi8(four_pairs(row, x[0], x[1], x[4], x[5]), pick);
    const __m256i odd = _mm256_shuffle_epi8(four_pairs(row, x[2], x[3], x[6], x[7]), pick);
    const __m256i low = _mm256_unpacklo_epi32(even, odd);
    const __m256i high = _mm256_unpackhi_epi32(even, odd);
    const __m256i w = load(weights + 2 * i);
    store_words(out + i, out + plane + i, weigh(_mm256_unpacklo_epi8(low, zero), w),
                weigh(_mm256_unpackhi_epi8(low, zero), w));
    store_words(out + 2 * plane + i, out + 3 * plane + i,
                weigh(_mm256_unpacklo_epi8(high, zero), w),
                weigh(_mm256_unpackhi_epi8(high, zero), w));
  }
  return i;
}

#elif defined(__ARM_NEON)

// Each channel of one output, from the bytes of its two samples and two lanes of weights.
template <size_t kChannels, int kLane>
inline int16x4_t mix(const uint8_t* p, int16x4_t w) noexcept {
  const int16x8_t v = vreinterpretq_s16_u16(vmovl_u8(vld1_u8(p)));
  const int16x4_t right = kChannels == 3 ? vget_low_s16(vextq_s16(v, v, 3)) : vget_high_s16(v);
  const int32x4_t left = vmull_lane_s16(vget_low_s16(v), w, kLane);
  return vshrn_n_s32(vmlal_lane_s16(left, right, w, kLane + 1), 4);
}

// Four outputs at a time, each of the eight bytes from its first sample on.
template <size_t kChannels>
inline size_t linear_blocks(const uint8_t* row, const uint8_t* next, const int32_t* at,
                            const int16_t* weights, size_t n, int16_t* out,
                            size_t plane) noexcept {
  size_t i = 0;
  for (; i + 4 <= n; i += 4) {
    const int32_t* x = at + i;
    __builtin_prefetch(next + x[0]);
    const int16x8_t w = vld1q_s16(weights + 2 * i);
    const int16x4_t low = vget_low_s16(w);
    const int16x4_t high = vget_high_s16(w);
    const int16x8_t a =
        vcombine_s16(mix<kChannels, 0>(row + x[0], low), mix<kChannels, 2>(row + x[1], low));
    const int16x8_t b =
        vcombine_s16(mix<kChannels, 0>(row + x[2], high), mix<kChannels, 2>(row + x[3], high));
    const int16x8x2_t once = vuzpq_s16(a, b);  // 0 2 0 2 ..., 1 3 1 3 ...
    const int16x8x2_t twice = vuzpq_s16(once.val[0], once.val[1]);  // 0 ... 1 ..., 2 ... 3 ...
    vst1_s16(out + i, vget_low_s16(twice.val[0]));
    vst1_s16(out + plane + i, vget_high_s16(twice.val[0]));
    vst1_s16(out + 2 * plane + i, vget_low_s16(twice.val[1]));
    if constexpr (kChannels == 4) vst1_s16(out + 3 * plane + i, vget_high_s16(twice.val[1]));
  }
  return i;
}

#endif

void linear_columns(const uint8_t* row, const uint8_t* next, const int32_t* at,
                    const int16_t* weights, size_t n, size_t safe, int32_t channels, int16_t* out,
                    size_t plane) noexcept {
  size_t done = 0;
#if defined(__AVX2__)
  if (channels == 3) done = linear_3(row, next, at, weights, safe, out, plane);
  if (channels == 4) done = linear_4(row, next, at, weights, safe, out, plane);
#elif defined(__ARM_NEON)
  if (channels == 3) done = linear_blocks<3>(row, next, at, weights, safe, out, plane);
  if (channels == 4) done = linear_blocks<4>(row, next, at, weights, safe, out, plane);
#else
  static_cast<void>(safe);
  static_cast<void>(next);
#endif
  if (channels == 1) {
    linear_any<1>(row, at, weights, done, n, out, plane);
  } else if (channels == 3) {
    linear_any<3>(row, at, weights, done, n, out, plane);
  } else {
    linear_any<4>(row, at, weights, done, n, out, plane);
  }
}

template <size_t kChannels>
inline void pick_any(const uint8_t* __restrict row, const int32_t* __restrict at, size_t from,
                     size_t n, uint8_t* __restrict out, size_t plane) noexcept {
  for (size_t i = from; i < n; ++i) {
    const uint8_t* p = row + at[i];
    for (size_t c = 0; c < kChannels; ++c) out[c * plane + i] = p[c];
  }
}

#if defined(__AVX2__)

// Sixteen pixels of three or four bytes at a time, read as four.
template <size_t kChannels>
inline size_t pick_blocks(const uint8_t* row, const uint8_t* next, const int32_t* at, size_t n,
                          uint8_t* out, size_t plane) noexcept {
  const __m128i order = _mm_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
  const auto four = [row](int32_t x) {
    int32_t value;
    __builtin_memcpy(&value, row + x, sizeof value);
    return value;
  };
  size_t i = 0;
  for (; i + 16 <= n; i += 16) {
    const int32_t* x = at + i;
    __m128i v[4];  // of four pixels each: channel 0 of all, channel 1, ...
    for (size_t k = 0; k < 4; ++k, x += 4) {
      __builtin_prefetch(next + x[0]);
      v[k] = _mm_shuffle_epi8(_mm_setr_epi32(four(x[0]), four(x[1]), four(x[2]), four(x[3])), order);
    }
    const __m128i a = _mm_unpacklo_epi32(v[0], v[1]);
    const __m128i b = _mm_unpacklo_epi32(v[2], v[3]);
    const __m128i c = _mm_unpackhi_epi32(v[0], v[1]);
    const __m128i d = _mm_unpackhi_epi32(v[2], v[3]);
    const __m128i planes[4] = {_mm_unpacklo_epi64(a, b), _mm_unpackhi_epi64(a, b),
                               _mm_unpacklo_epi64(c, d), _mm_unpackhi_epi64(c, d)};
    for (size_t k = 0; k < kChannels; ++k) {
      _mm_storeu_si128(reinterpret_cast<__m128i*>(out + k * plane + i), planes[k]);
    }
  }
  return i;
}

#elif defined(__aarch64__)

// Sixteen pixels of three or four bytes at a time, read as four.
template <size_t kChannels>
inline size_t pick_blocks(const uint8_t* row, const uint8_t* next, const int32_t* at, size_t n,
                          uint8_t* out, size_t plane) noexcept {
  static constexpr uint8_t kOrder[16] = {0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15};
  const uint8x16_t order = vld1q_u8(kOrder);
  const auto four = [row](int32_t x) {
    uint32_t value;
    __builtin_memcpy(&value, row + x, sizeof value);
    return value;
  };
  size_t i = 0;
  for (; i + 16 <= n; i += 16) {
    const int32_t* x = at + i;
    uint32x4_t v[4];  // of four pixels each: channel 0 of all, channel 1, ...
    for (size_t k = 0; k < 4; ++k, x += 4) {
      __builtin_prefetch(next + x[0]);
      uint32x4_t p = vdupq_n_u32(four(x[0]));
      p = vsetq_lane_u32(four(x[1]), p, 1);
      p = vsetq_lane_u32(four(x[2]), p, 2);
      p = vsetq_lane_u32(four(x[3]), p, 3);
      v[k] = vreinterpretq_u32_u8(vqtbl1q_u8(vreinterpretq_u8_u32(p), order));
    }
    const uint32x4_t low[2] = {vzip1q_u32(v[0], v[1]), vzip1q_u32(v[2], v[3])};
    const uint32x4_t high[2] = {vzip2q_u32(v[0], v[1]), vzip2q_u32(v[2], v[3])};
    const auto pair = [](const uint32x4_t* p) {
      return uint64x2x2_t{{vreinterpretq_u64_u32(p[0]), vreinterpretq_u64_u32(p[1])}};
    };
    const uint64x2x2_t a = pair(low);
    const uint64x2x2_t b = pair(high);
    const uint64x2_t planes[4] = {vzip1q_u64(a.val[0], a.val[1]), vzip2q_u64(a.val[0], a.val[1]),
                                  vzip1q_u64(b.val[0], b.val[1]), vzip2q_u64(b.val[0], b.val[1])};
    for (size_t k = 0; k < kChannels; ++k) {
      vst1q_u8(out + k * plane + i, vreinterpretq_u8_u64(planes[k]));
    }
  }
  return i;
}

#endif

void pick_columns(const uint8_t* row, const uint8_t* next, const int32_t* at, size_t n, size_t safe,
                  int32_t channels, uint8_t* out, size_t plane) noexcept {
  size_t done = 0;
#if defined(__AVX2__) || defined(__aarch64__)
  if (channels == 3) done = pick_blocks<3>(row, next, at, safe, out, plane);
  if (channels == 4) done = pick_blocks<4>(row, next, at, safe, out, plane);
#else
  static_cast<void>(safe);
  static_cast<void>(next);
#endif
  if (channels == 1) {
    pick_any<1>(row, at, 0, n, out, plane);
  } else if (channels == 3) {
    pick_any<3>(row, at, done, n, out, plane);
  } else {
    pick_any<4>(row, at, done, n, out, plane);
  }
}

void linear_rows(const int16_t* __restrict a, const int16_t* __restrict b, int32_t w0, int32_t w1,
                 size_t n, uint8_t* __restrict out) noexcept {
  size_t i = 0;
#if defined(__AVX2__)
  const __m256i first = _mm256_set1_epi16(static_cast<int16_t>(w0));
  const __m256i second = _mm256_set1_epi16(static_cast<int16_t>(w1));
  const __m256i two = _mm256_set1_epi16(2);
  const auto sixteen = [&](size_t k) {
    const __m256i sum = _mm256_add_epi16(_mm256_mulhi_epi16(load(a + k), first),
                                         _mm256_mulhi_epi16(load(b + k), second));
    return _mm256_srli_epi16(_mm256_add_epi16(sum, two), 2);
  };
  for (; i + 32 <= n; i += 32) {
    const __m256i bytes = _mm256_packus_epi16(sixteen(i), sixteen(i + 16));
    store(out + i, _mm256_permute4x64_epi64(bytes, 0xD8));
  }
#elif defined(__ARM_NEON)
  // Twice the product's upper half, halved: nothing is lost by rounding down twice.
  const int16x8_t first = vdupq_n_s16(static_cast<int16_t>(w0));
  const int16x8_t second = vdupq_n_s16(static_cast<int16_t>(w1));
  const auto eight = [&](size_t k) {
    const int16x8_t above = vshrq_n_s16(vqdmulhq_s16(vld1q_s16(a + k), first), 1);
    const int16x8_t sum = vsraq_n_s16(above, vqdmulhq_s16(vld1q_s16(b + k), second), 1);
    return vrshrn_n_u16(vreinterpretq_u16_s16(sum), 2);
  };
  for (; i + 16 <= n; i += 16) vst1q_u8(out + i, vcombine_u8(eight(i), eight(i + 8)));
#endif
  const int16_t x = static_cast<int16_t>(w0);
  const int16_t y = static_cast<int16_t>(w1);
  for (; i < n; ++i) {
    out[i] = static_cast<uint8_t>((((x * a[i]) >> 16) + ((y * b[i]) >> 16) + 2) >> 2);
  }
}
