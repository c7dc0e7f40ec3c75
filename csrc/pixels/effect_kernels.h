// Kernels of the effects of a camera and of the air, on one row of 8-bit samples.
#pragma once

#include "core/dispatch.h"

namespace fl {

// Random bits of sample i of a row: H(i + key), all in 32 bits, wrapping; H(x) is
//   x ^= x >> 16; x *= 0x7FEB352D; x ^= x >> 15; x *= 0x846CA68B; x ^= x >> 16,
// a bijection of low bias found by C. Wellons' search ("hash prospector", 2018).
//
// g(h) = (sum of the four bytes of h, less 510) / sqrt(21845): mean 0, variance 1, within 3.45.

// Noise of a sensor: variance read2 + shot v of a sample v. z = common g(H(p + pixel_key)) +
// own g(H(i + sample_key)) for sample i of pixel p; the sample becomes v + z sqrt(variance),
// rounded half up and clipped, each operation in float32.
typedef struct NoiseRow {
  float read2, shot;
  float common, own;
  uint32_t pixel_key, sample_key;
} NoiseRow;

// look_up      out[i] = table[image[i]]; i < n.
// look_up_rgb  out[3 p + c] = tables[256 c + image[3 p + c]]; p < n.
// filter       out[i] = (S + min(taps / 2, 127) + 128) >> 8, S the sum over k of
//              (256 samples[k][i] weights[k]) >> 16; i < n. pre: the weights sum to 65535 at most.
// noise        as above, of n pixels of 1 or 3 channels.
// specks       pixels p with H(p + key) < salt become 255 in all channels, else those with
//              H(p + key) < both become 0.
#define FL_EFFECT_KERNELS(X) \
  X(void, look_up, (const uint8_t* table, const uint8_t* image, size_t n, uint8_t* out)) \
  X(void, look_up_rgb, (const uint8_t* tables, const uint8_t* image, size_t n, uint8_t* out)) \
  X(void, filter, \
    (const uint8_t* const* samples, const uint16_t* weights, size_t taps, size_t n, \
     uint8_t* out)) \
  X(void, noise, (const NoiseRow* how, const uint8_t* image, size_t n, int32_t channels, \
                  uint8_t* out)) \
  X(void, specks, (uint32_t key, uint32_t salt, uint32_t both, size_t n, int32_t channels, \
                   uint8_t* image))

FL_DECLARE_KERNELS(EffectKernels, FL_EFFECT_KERNELS, effect_kernels, oracle_effect_kernels)

}  // namespace fl
