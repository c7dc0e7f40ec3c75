// The fast bodies of blend_kernels.h, compiled once per instruction-set tier: plain loops on
// 16-bit numbers, in blocks of 64 samples, for the compiler to vectorise. FL_TIER is set by the
// build.
#include "pixels/blend_kernels.h"

namespace fl {
namespace FL_TIER_NAME(tier_) {
namespace {

constexpr size_t kBlock = 64;

// Nearest integer to a / 255 for a from 0 to 255 * 255: no division, and no more than 16 bits.
inline uint16_t over_255(uint16_t a) noexcept {
  const uint16_t t = static_cast<uint16_t>(a + 128);
  return static_cast<uint16_t>(static_cast<uint16_t>(t + (t >> 8)) >> 8);
}
inline uint16_t times(uint16_t a, uint16_t b) noexcept {
  return over_255(static_cast<uint16_t>(a * b));
}
// b (255 - w) + s w, whose parts may wrap where the whole does not.
inline uint16_t lerp(uint16_t b, uint16_t s, uint16_t w) noexcept {
  return over_255(static_cast<uint16_t>(b * 255 + w * (s - b)));
}

template <int kMode>
inline uint16_t mixed(uint16_t b, uint16_t s) noexcept {
  const uint16_t not_b = static_cast<uint16_t>(255 - b);
  const uint16_t not_s = static_cast<uint16_t>(255 - s);
  const auto both = [](bool low, uint16_t twice, uint16_t a, uint16_t not_a) {
    // One product serves both halves of a hard light.
    const uint16_t t = static_cast<uint16_t>(low ? twice : 510 - twice);
    const uint16_t product = times(t, low ? a : not_a);
    return static_cast<uint16_t>(low ? product : 255 - product);
  };
  switch (kMode) {
    case FL_BLEND_MULTIPLY: return times(b, s);
    case FL_BLEND_SCREEN: return static_cast<uint16_t>(255 - times(not_b, not_s));
    case FL_BLEND_OVERLAY: return both(b < 128, static_cast<uint16_t>(2 * b), s, not_s);
    case FL_BLEND_HARD_LIGHT: return both(s < 128, static_cast<uint16_t>(2 * s), b, not_b);
    case FL_BLEND_DARKEN: return b < s ? b : s;
    case FL_BLEND_LIGHTEN: return b > s ? b : s;
    case FL_BLEND_ADD: {
      const uint16_t sum = static_cast<uint16_t>(b + s);
      return sum < 255 ? sum : uint16_t{255};
    }
    case FL_BLEND_SUBTRACT: return static_cast<uint16_t>(b > s ? b - s : 0);
    case FL_BLEND_DIFFERENCE: return static_cast<uint16_t>(b > s ? b - s : s - b);
    case FL_BLEND_EXCLUSION: return static_cast<uint16_t>(times(b, not_s) + times(not_b, s));
    default: return s;
  }
}

template <int kMode>
inline void blend_block(const uint8_t* __restrict patch, const uint8_t* __restrict weight,
                        uint8_t cap, uint8_t* __restrict scene) noexcept {
  for (size_t i = 0; i < kBlock; ++i) {
    const uint16_t b = scene[i];
    const uint8_t w = weight[i] < cap ? weight[i] : cap;
    scene[i] = static_cast<uint8_t>(lerp(b, mixed<kMode>(b, patch[i]), w));
  }
}

// The weights of most of a patch are 0 or 255 in long runs.
enum Run { kMixed, kNone, kAll };
inline Run run_of(const uint8_t* weight) noexcept {
  uint64_t w[kBlock / 8];
  __builtin_memcpy(w, weight, kBlock);
  uint64_t any = 0;
  uint64_t all = ~uint64_t{0};
  for (size_t k = 0; k < kBlock / 8; ++k) {
    any |= w[k];
    all &= w[k];
  }
  return any == 0 ? kNone : all == ~uint64_t{0} ? kAll : kMixed;
}

template <int kMode>
void blend_mode(const uint8_t* patch, const uint8_t* weight, uint8_t cap, size_t n,
                uint8_t* scene) noexcept {
  if (cap == 0) return;
  size_t i = 0;
  for (; i + kBlock <= n; i += kBlock) {
    const Run run = run_of(weight + i);
    if (run == kNone) continue;
    if (kMode == FL_BLEND_NORMAL && run == kAll && cap == 255) {
      __builtin_memcpy(scene + i, patch + i, kBlock);
      continue;
    }
    blend_block<kMode>(patch + i, weight + i, cap, scene + i);
  }
  if (i == n) return;
  // The rest of the row goes through a block of its own.
  uint8_t some[3][kBlock] = {};
  const uint8_t* const from[3] = {patch + i, weight + i, scene + i};
  for (size_t k = 0; k < 3; ++k) __builtin_memcpy(some[k], from[k], n - i);
  blend_block<kMode>(some[0], some[1], cap, some[2]);
  __builtin_memcpy(scene + i, some[2], n - i);
}

template <int kMode>
void over_mode(const uint8_t* __restrict patch, const uint8_t* __restrict weight, uint8_t cap,
               size_t n, uint8_t* __restrict scene) noexcept {
  for (size_t i = 0; i < n; ++i) {
    const uint16_t m = weight[i] < cap ? weight[i] : cap;
    const uint16_t before = scene[4 * i + 3];
    const uint16_t after = static_cast<uint16_t>(before + m - times(before, m));
    const uint16_t share =
        after == 0 ? uint16_t{0} : static_cast<uint16_t>((510 * m + after) / (2 * after));
    for (size_t k = 0; k < 3; ++k) {
      const uint16_t b = scene[4 * i + k];
      const uint16_t s = patch[4 * i + k];
      scene[4 * i + k] = static_cast<uint8_t>(lerp(b, lerp(s, mixed<kMode>(b, s), before), share));
    }
    scene[4 * i + 3] = static_cast<uint8_t>(after);
  }
}

// Each mode is a loop of its own.
#define FL_EACH_MODE(CALL)                              \
  switch (mode) {                                       \
    case FL_BLEND_MULTIPLY: CALL(FL_BLEND_MULTIPLY)     \
    case FL_BLEND_SCREEN: CALL(FL_BLEND_SCREEN)         \
    case FL_BLEND_OVERLAY: CALL(FL_BLEND_OVERLAY)       \
    case FL_BLEND_HARD_LIGHT: CALL(FL_BLEND_HARD_LIGHT) \
    case FL_BLEND_DARKEN: CALL(FL_BLEND_DARKEN)         \
    case FL_BLEND_LIGHTEN: CALL(FL_BLEND_LIGHTEN)       \
    case FL_BLEND_ADD: CALL(FL_BLEND_ADD)               \
    case FL_BLEND_SUBTRACT: CALL(FL_BLEND_SUBTRACT)     \
    case FL_BLEND_DIFFERENCE: CALL(FL_BLEND_DIFFERENCE) \
    case FL_BLEND_EXCLUSION: CALL(FL_BLEND_EXCLUSION)   \
    default: CALL(FL_BLEND_NORMAL)                      \
  }

void blend(int32_t mode, const uint8_t* patch, const uint8_t* weight, uint8_t cap, size_t n,
           uint8_t* scene) noexcept {
#define FL_CALL(m) return blend_mode<m>(patch, weight, cap, n, scene);
  FL_EACH_MODE(FL_CALL)
#undef FL_CALL
}

void blend_over(int32_t mode, const uint8_t* patch, const uint8_t* weight, uint8_t cap, size_t n,
                uint8_t* scene) noexcept {
#define FL_CALL(m) return over_mode<m>(patch, weight, cap, n, scene);
  FL_EACH_MODE(FL_CALL)
#undef FL_CALL
}

void weight_scale(const uint8_t* __restrict by, size_t n, uint8_t* __restrict weight) noexcept {
  for (size_t i = 0; i < n; ++i) weight[i] = static_cast<uint8_t>(times(weight[i], by[i]));
}

void weight_fade(uint8_t by, size_t n, uint8_t* weight) noexcept {
  for (size_t i = 0; i < n; ++i) weight[i] = static_cast<uint8_t>(times(weight[i], by));
}

void weight_spread(const uint8_t* __restrict weight, size_t n, uint8_t* __restrict out) noexcept {
  for (size_t i = 0; i < n; ++i) out[3 * i] = out[3 * i + 1] = out[3 * i + 2] = weight[i];
}

void split_alpha(const uint8_t* __restrict pixels, size_t n, uint8_t* __restrict colour,
                 uint8_t* __restrict alpha) noexcept {
  for (size_t i = 0; i < n; ++i) {
    for (size_t k = 0; k < 3; ++k) colour[3 * i + k] = pixels[4 * i + k];
    alpha[i] = pixels[4 * i + 3];
  }
}

constexpr BlendKernels kTable = {FL_BLEND_KERNELS(FL_KERNEL_ENTRY)};

}  // namespace
}  // namespace FL_TIER_NAME(tier_)

extern const BlendKernels FL_TIER_NAME(kBlends_);
const BlendKernels FL_TIER_NAME(kBlends_) = FL_TIER_NAME(tier_)::kTable;

}  // namespace fl
