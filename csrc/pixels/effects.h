// Effects of a camera and of the air: whole pictures, row by row through the kernels.
#pragma once

#include <cstdint>
#include <vector>

#include "fastlabel/fastlabel.h"

namespace fl {

// Where the rows of a result go.
struct EffectRows {
  uint8_t* data;
  int64_t stride;
  uint8_t* row(int64_t y) const noexcept { return data + y * stride; }
};

// One pixel of a filter and its share, in 65535ths.
struct Tap {
  int32_t dx, dy;
  uint16_t weight;
};

// Weights as whole 65535ths that sum to 65535, each rounding's error carried to the next.
// Taps without weight are left out.
// pre: none negative, the sum positive and finite.
std::vector<Tap> whole_taps(const int32_t* dx, const int32_t* dy, const double* weights, int64_t n);

void look_up(const fl_image& image, const uint8_t* tables, int32_t n_tables, EffectRows out);
void filter_taps(const fl_image& image, const std::vector<Tap>& taps, EffectRows out);
void sensor_noise(const fl_image& image, double read, double shot, double colour, uint64_t seed,
                  EffectRows out);
void salt_and_pepper(const fl_image& image, double amount, double salt, uint64_t seed,
                     EffectRows out);
void veil(const fl_image& image, const fl_image& mask, const uint8_t* colour, EffectRows out);

}  // namespace fl
