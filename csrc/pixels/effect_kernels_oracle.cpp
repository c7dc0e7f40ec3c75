// The plain scalar oracle of effect_kernels.h.
#include <algorithm>
#include <cmath>

#include "pixels/effect_kernels.h"

namespace fl {
namespace oracle {
namespace {

uint32_t hash(uint32_t x) noexcept {
  x ^= x >> 16;
  x *= 0x7FEB352DU;
  x ^= x >> 15;
  x *= 0x846CA68BU;
  return x ^ (x >> 16);
}

float unit_noise(uint32_t h) noexcept {
  int sum = -510;
  for (int shift = 0; shift < 32; shift += 8) sum += static_cast<int>((h >> shift) & 255U);
  return static_cast<float>(sum) * 0.0067658751F;
}

void look_up(const uint8_t* table, const uint8_t* image, size_t n, uint8_t* out) noexcept {
  for (size_t i = 0; i < n; ++i) out[i] = table[image[i]];
}

void look_up_rgb(const uint8_t* tables, const uint8_t* image, size_t n, uint8_t* out) noexcept {
  for (size_t i = 0; i < 3 * n; ++i) out[i] = tables[256 * (i % 3) + image[i]];
}

void filter(const uint8_t* const* samples, const uint16_t* weights, size_t taps, size_t n,
            uint8_t* out) noexcept {
  for (size_t i = 0; i < n; ++i) {
    uint32_t sum = static_cast<uint32_t>(std::min<size_t>(taps / 2, 127)) + 128;
    for (size_t k = 0; k < taps; ++k) {
      sum += (256U * samples[k][i] * uint32_t{weights[k]}) >> 16;
    }
    out[i] = static_cast<uint8_t>(sum >> 8);
  }
}

void noise(const NoiseRow* how, const uint8_t* image, size_t n, int32_t channels,
           uint8_t* out) noexcept {
  const size_t wide = static_cast<size_t>(channels);
  for (size_t i = 0; i < wide * n; ++i) {
    const float v = static_cast<float>(image[i]);
    const float shared = unit_noise(hash(static_cast<uint32_t>(i / wide) + how->pixel_key));
    const float alone = unit_noise(hash(static_cast<uint32_t>(i) + how->sample_key));
    const float z = how->common * shared + how->own * alone;
    const float noisy = v + z * std::sqrt(how->read2 + how->shot * v) + 0.5F;
    out[i] = static_cast<uint8_t>(std::clamp(noisy, 0.0F, 255.0F));
  }
}

void specks(uint32_t key, uint32_t salt, uint32_t both, size_t n, int32_t channels,
            uint8_t* image) noexcept {
  const size_t wide = static_cast<size_t>(channels);
  for (size_t i = 0; i < wide * n; ++i) {
    const uint32_t h = hash(static_cast<uint32_t>(i / wide) + key);
    if (h < salt) {
      image[i] = 255;
    } else if (h < both) {
      image[i] = 0;
    }
  }
}

const EffectKernels kTable = {FL_EFFECT_KERNELS(FL_KERNEL_ENTRY)};

}  // namespace
}  // namespace oracle

const EffectKernels& oracle_effect_kernels() noexcept { return oracle::kTable; }

FL_DEFINE_KERNELS(EffectKernels, effect_kernels, kEffects_)

}  // namespace fl
