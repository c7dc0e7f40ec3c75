// The plain scalar oracle of blend_kernels.h, by division.
#include <algorithm>
#include <cstdlib>

#include "pixels/blend_kernels.h"

namespace fl {
namespace oracle {
namespace {

// Nearest integer to a / 255.
int over_255(int a) noexcept { return (2 * a + 255) / 510; }
int lerp(int b, int s, int w) noexcept { return over_255(b * (255 - w) + s * w); }

int hard_light(int b, int s) noexcept {
  return s < 128 ? over_255(2 * s * b) : 255 - over_255((510 - 2 * s) * (255 - b));
}

int mixed(int32_t mode, int b, int s) noexcept {
  switch (mode) {
    case FL_BLEND_MULTIPLY: return over_255(b * s);
    case FL_BLEND_SCREEN: return 255 - over_255((255 - b) * (255 - s));
    case FL_BLEND_OVERLAY: return hard_light(s, b);
    case FL_BLEND_HARD_LIGHT: return hard_light(b, s);
    case FL_BLEND_DARKEN: return std::min(b, s);
    case FL_BLEND_LIGHTEN: return std::max(b, s);
    case FL_BLEND_ADD: return std::min(255, b + s);
    case FL_BLEND_SUBTRACT: return std::max(0, b - s);
    case FL_BLEND_DIFFERENCE: return std::abs(b - s);
    case FL_BLEND_EXCLUSION: return over_255(b * (255 - s)) + over_255((255 - b) * s);
    default: return s;
  }
}

void blend(int32_t mode, const uint8_t* patch, const uint8_t* weight, uint8_t cap, size_t n,
           uint8_t* scene) noexcept {
  for (size_t i = 0; i < n; ++i) {
    const int b = scene[i];
    scene[i] = static_cast<uint8_t>(
        lerp(b, mixed(mode, b, patch[i]), std::min(weight[i], cap)));
  }
}

void blend_over(int32_t mode, const uint8_t* patch, const uint8_t* weight, uint8_t cap, size_t n,
                uint8_t* scene) noexcept {
  for (size_t i = 0; i < n; ++i) {
    const int m = std::min(weight[i], cap);
    const int before = scene[4 * i + 3];
    const int after = before + m - over_255(before * m);
    const int share = after == 0 ? 0 : (2 * 255 * m + after) / (2 * after);
    for (size_t k = 0; k < 3; ++k) {
      const int b = scene[4 * i + k];
      const int s = patch[4 * i + k];
      scene[4 * i + k] =
          static_cast<uint8_t>(lerp(b, lerp(s, mixed(mode, b, s), before), share));
    }
    scene[4 * i + 3] = static_cast<uint8_t>(after);
  }
}

void weight_scale(const uint8_t* by, size_t n, uint8_t* weight) noexcept {
  for (size_t i = 0; i < n; ++i) weight[i] = static_cast<uint8_t>(over_255(weight[i] * by[i]));
}

void weight_fade(uint8_t by, size_t n, uint8_t* weight) noexcept {
  for (size_t i = 0; i < n; ++i) weight[i] = static_cast<uint8_t>(over_255(weight[i] * by));
}

void weight_spread(const uint8_t* weight, size_t n, uint8_t* out) noexcept {
  for (size_t i = 0; i < 3 * n; ++i) out[i] = weight[i / 3];
}

void split_alpha(const uint8_t* pixels, size_t n, uint8_t* colour, uint8_t* alpha) noexcept {
  for (size_t i = 0; i < n; ++i) {
    for (size_t k = 0; k < 3; ++k) colour[3 * i + k] = pixels[4 * i + k];
    alpha[i] = pixels[4 * i + 3];
  }
}

const BlendKernels kTable = {FL_BLEND_KERNELS(FL_KERNEL_ENTRY)};

}  // namespace
}  // namespace oracle

const BlendKernels& oracle_blend_kernels() noexcept { return oracle::kTable; }

FL_DEFINE_KERNELS(BlendKernels, blend_kernels, kBlends_)

}  // namespace fl
