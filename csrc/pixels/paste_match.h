// Making a patch look as if it had been taken where it is pasted.
#pragma once

#include <cstdint>

#include "pixels/paste_layer.h"

namespace fl {

struct PlaceStats {
  double acutance;  // NaN: there are no edges to judge by
  double noise;     // grey levels
};

// Acutance (Laplacian energy over gradient energy, noise taken out of both) and noise of the luma
// of three planes, where `use` is not 0. Noise is the first quartile of the absolute response to
// Immerkaer's kernel over that of unit noise, which texture disturbs less than its mean.
PlaceStats place_stats(const Plane colour[3], const Plane& use);

// Brightness: each channel of the patch becomes gain * v + offset, so that what surrounds the
// object has the mean of the scene in the same pixels. `bound` is the most that a channel's mean
// may change, in grey levels.
void match_brightness(const Plane scene[3], double bound, PasteLayer* layer);

// Where the patch still differs from the scene around the object, the difference, smoothed, is
// added to the patch at its rim and fades inwards over `radius` pixels.
void match_rim(const Plane scene[3], float radius, PasteLayer* layer);

// Blurs the patch until its acutance is no higher than that of its place; never sharpens.
void match_sharpness(double acutance, PasteLayer* layer);

// A number of zero mean and unit variance that belongs to a pixel: a sum of eight bytes of a
// counter's SplitMix64 hash, so by integers alone.
float pixel_noise(uint64_t seed, int64_t x, int64_t y) noexcept;

}  // namespace fl
