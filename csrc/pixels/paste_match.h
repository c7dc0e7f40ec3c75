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

// Brightness: a gain for all channels and an offset for each, so that what surrounds the object
// has the mean of the scene in the same pixels. Luma changes by `bound` grey levels at most, a
// channel against it by a quarter of that: an object in other light is not of another colour.
// The gain and the offsets go to `report`.
void match_brightness(const Plane scene[3], double bound, PasteLayer* layer,
                      fl_paste_report* report);

// Where the patch still differs from the scene around the object, the difference, smoothed, is
// added to the patch at its rim and fades inwards over `radius` pixels.
void match_rim(const Plane scene[3], float radius, PasteLayer* layer);

// Blurs the luma of the patch until its acutance is no higher than that wanted, and its colour
// differences, by no less, until theirs is no higher than the scene's in the window, where codecs
// have thinned them out. Nothing is sharpened.
// The blurs go to `report`.
void match_sharpness(const Plane scene[3], double acutance, PasteLayer* layer,
                     fl_paste_report* report);

// A number of zero mean and unit variance that belongs to a pixel: a sum of eight bytes of a
// counter's SplitMix64 hash, so by integers alone.
float pixel_noise(uint64_t seed, int64_t x, int64_t y) noexcept;

}  // namespace fl
