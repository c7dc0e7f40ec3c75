#include "pixels/finish.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "core/uint128.h"

namespace fl {

namespace {

// log2 of a positive integer below 2^53, by a fixed series: libm's log differs between
// machines in the last bit, and the entropy is to be the same on all.
double log2_exact_steps(double x) noexcept {
  int exponent = 0;
  double m = std::frexp(x, &exponent);  // [0.5, 1)
  if (m < 0.7071067811865476) {
    m *= 2;
    --exponent;
  }
  const double z = (m - 1) / (m + 1);  // |z| < 0.172
  const double z2 = z * z;
  // atanh(z) / z = 1 + z^2 / 3 + z^4 / 5 + ...
  constexpr double kTerms[] = {1.0 / 21, 1.0 / 19, 1.0 / 17, 1.0 / 15, 1.0 / 13, 1.0 / 11,
                               1.0 / 9,  1.0 / 7,  1.0 / 5,  1.0 / 3,  1.0};
  double series = 0;
  for (const double term : kTerms) series = series * z2 + term;
  return exponent + 2 * z * series * 1.4426950408889634;
}

// n log2 n for the small counts that make up most of a histogram.
constexpr uint64_t kSmallCounts = 2048;
struct EntropyTerms {
  double value[kSmallCounts];
  EntropyTerms() noexcept {
    value[0] = 0;
    for (uint64_t n = 1; n < kSmallCounts; ++n) {
      value[n] = static_cast<double>(n) * log2_exact_steps(static_cast<double>(n));
    }
  }
};

double entropy_term(uint64_t n) noexcept {
  static const EntropyTerms table;
  if (n < kSmallCounts) return table.value[n];
  return static_cast<double>(n) * log2_exact_steps(static_cast<double>(n));
}

constexpr int kGrid = 32;
constexpr int kLow = 8;

// round(2^12 cos(pi (2 x + 1) u / 64))
struct CosTable {
  int16_t value[kLow][kGrid];
  CosTable() noexcept {
    for (int u = 0; u < kLow; ++u) {
      for (int x = 0; x < kGrid; ++x) {
        value[u][x] =
            static_cast<int16_t>(std::lround(4096.0 * std::cos(std::numbers::pi * (2 * x + 1) * u / 64.0)));
      }
    }
  }
};

// What noise of variance 1 adds to the mean squared Laplacian (1 + 1 + 1 + 1 + 16) and to
// the mean squared gradient (2 differences of 2 pixels each).
constexpr double kNoiseInLaplacian = 20.0;
constexpr double kNoiseInGradient = 4.0;
// sqrt(pi / 2) / 6
constexpr double kNoisePerResponse = 1.2533141373155003 / 6.0;
// Below this mean squared gradient there is no edge to judge.
constexpr double kMinGradient = 0.25;

}  // namespace

double noise_sigma(int64_t response) noexcept {
  return response < 0 ? 0.0 : static_cast<double>(response) / 1024.0 * kNoisePerResponse;
}

// n * sum2 - sum * sum over n * n, in 128-bit integers before the one division.
double exact_variance(int64_t n, int64_t sum, uint64_t sum2) noexcept {
  const auto count = static_cast<uint64_t>(n);
  const auto size = static_cast<uint64_t>(sum < 0 ? -sum : sum);
  // Never below zero, the mean of squares being no less than the square of the mean.
  const uint128 numerator =
      static_cast<uint128>(count) * sum2 - static_cast<uint128>(size) * size;
  return static_cast<double>(numerator) / (static_cast<double>(n) * static_cast<double>(n));
}

double gradient_energy(const RowSums& e, int64_t pixels, double noise_sigma) noexcept {
  const double mean = static_cast<double>(e.grad2) / static_cast<double>(pixels);
  return std::max(0.0, mean - kNoiseInGradient * (noise_sigma * noise_sigma));
}

Detail detail(const RowSums& e, int64_t pixels, double noise_sigma) noexcept {
  Detail d;
  const double n = static_cast<double>(pixels);
  d.variance = exact_variance(pixels, e.lap, e.lap2);
  const double noise = noise_sigma * noise_sigma;
  d.sharpness = std::max(0.0, d.variance - kNoiseInLaplacian * noise);
  const double gradient = static_cast<double>(e.grad2) / n - kNoiseInGradient * noise;
  d.has_acutance = gradient >= kMinGradient;
  d.acutance = d.has_acutance ? d.sharpness / gradient : 0.0;
  return d;
}

double histogram_entropy(const uint64_t counts[256]) noexcept {
  uint64_t n = 0;
  double terms = 0;
  for (uint64_t v = 0; v < 256; ++v) {
    n += counts[v];
    terms += entropy_term(counts[v]);
  }
  if (n == 0) return 0;
  const double total = static_cast<double>(n);
  return std::max(0.0, log2_exact_steps(total) - terms / total);
}

void histogram_stats(const uint64_t counts[256], fl_luma_stats* s) noexcept {
  uint64_t n = 0;
  uint64_t dark = 0;
  uint64_t bright = 0;
  for (uint64_t v = 0; v < 256; ++v) {
    const uint64_t c = counts[v];
    n += c;
    if (v < 32) dark += c;
    if (v >= 224) bright += c;
  }
  const double total = static_cast<double>(n);
  s->dark_fraction = static_cast<double>(dark) / total;
  s->bright_fraction = static_cast<double>(bright) / total;
  s->entropy = histogram_entropy(counts);

  const uint64_t percents[] = {1, 5, 50, 95, 99};
  uint8_t* const out[] = {&s->p01, &s->p05, &s->p50, &s->p95, &s->p99};
  uint64_t cumulative = 0;
  size_t k = 0;
  for (uint64_t v = 0; v < 256 && k < 5; ++v) {
    cumulative += counts[v];
    // Nearest rank: the smallest value that at least p percent do not exceed.
    while (k < 5 && cumulative * 100 >= percents[k] * n) *out[k++] = static_cast<uint8_t>(v);
  }
}

uint64_t perceptual_hash(const int16_t grid[kGrid * kGrid]) noexcept {
  static const CosTable table;
  // 32 * 4080 * 2^12 < 2^31, and 16-bit factors are what multiply-add instructions take.
  int32_t rows[kGrid][kLow];
  for (int y = 0; y < kGrid; ++y) {
    for (int u = 0; u < kLow; ++u) {
      int32_t sum = 0;
      for (int x = 0; x < kGrid; ++x) sum += grid[y * kGrid + x] * table.value[u][x];
      rows[y][u] = sum;
    }
  }
  int64_t low[kLow * kLow];
  for (int v = 0; v < kLow; ++v) {
    for (int u = 0; u < kLow; ++u) {
      int64_t sum = 0;
      for (int y = 0; y < kGrid; ++y) sum += int64_t{rows[y][u]} * table.value[v][y];
      low[v * kLow + u] = sum;
    }
  }
  int64_t ranked[kLow * kLow];
  std::copy(low, low + kLow * kLow, ranked);
  std::nth_element(ranked, ranked + 32, ranked + kLow * kLow);
  const int64_t twice_median = ranked[32] + *std::max_element(ranked, ranked + 32);
  uint64_t hash = 0;
  for (int k = 0; k < kLow * kLow; ++k) {
    hash = (hash << 1) | static_cast<uint64_t>(2 * low[k] > twice_median);
  }
  return hash;
}

fl_box_row box_row(const BoxStats::Sums& b, double noise_sigma) noexcept {
  fl_box_row row{};
  row.pixels = b.pixels;
  if (b.pixels == 0) return row;
  const Detail d = detail(b.rows, b.pixels, noise_sigma);
  row.luma_mean = static_cast<double>(b.rows.sum) / static_cast<double>(b.pixels);
  row.contrast =
      std::sqrt(exact_variance(b.pixels, static_cast<int64_t>(b.rows.sum), b.rows.sum2));
  row.laplacian_variance = d.variance;
  row.sharpness = d.sharpness;
  row.acutance = d.acutance;
  row.has_acutance = d.has_acutance ? 1 : 0;
  return row;
}

}  // namespace fl
