// From integer sums to the numbers people read. Every floating-point step is a fixed
// sequence of IEEE operations, so the result is the same on every machine.
#pragma once

#include <cstdint>

#include "pixels/luma_stats.h"

namespace fl {

// Standard deviation of the noise from LevelStats::noise_response(): Immerkaer, "Fast Noise
// Variance Estimation", CVIU 64(2), 1996: sigma = mean |N| * sqrt(pi / 2) / 6 for the kernel
// [1 -2 1; -2 4 -2; 1 -2 1].
double noise_sigma(int64_t response) noexcept;

struct Detail {
  double variance = 0;
  double sharpness = 0;
  double acutance = 0;
  bool has_acutance = false;
};

// Variance of n integers from their sum and the sum of their squares; exact up to one
// rounding.
double exact_variance(int64_t n, int64_t sum, uint64_t sum2) noexcept;
// Laplacian variance, and the two measures with the noise taken out of them.
Detail detail(const RowSums& sums, int64_t pixels, double noise_sigma) noexcept;
// Mean squared gradient (central differences, both directions) less what noise adds to it.
double gradient_energy(const RowSums& sums, int64_t pixels, double noise_sigma) noexcept;
// Shannon entropy of a histogram in bits; 0 of an empty one.
double histogram_entropy(const uint64_t counts[256]) noexcept;
// Percentiles, shares and entropy of a luma histogram.
void histogram_stats(const uint64_t counts[256], fl_luma_stats* stats) noexcept;
// DCT hash of a 32 x 32 grid of luma means: the 8 x 8 lowest frequencies against their median.
uint64_t perceptual_hash(const int16_t grid[32 * 32]) noexcept;
fl_box_row box_row(const BoxStats::Sums& sums, double noise_sigma) noexcept;

}  // namespace fl
