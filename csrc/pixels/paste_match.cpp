#include "pixels/paste_match.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>

namespace fl {

namespace {

constexpr float kLuma[3] = {0.114F, 0.587F, 0.299F};  // BT.601, blue first
// Of white noise of variance 1: the energy of the 4-neighbour Laplacian, and of gradients by
// differences over two pixels in both directions.
constexpr double kNoiseInLaplacian = 20.0;
constexpr double kNoiseInGradient = 4.0;
constexpr double kMinGradient = 4.0;
// Immerkaer's kernel answers unit noise by 6; the first quartile of |N(0, 1)|.
constexpr double kQuartile = 6.0 * 0.31864;
// A patch whose luma fits as it is comes from a like picture: its colour is softened only where it
// is this much sharper than that of its place.
constexpr double kColourTolerance = 2.0;
constexpr size_t kFewest = 12;  // pixels to judge a place by

Plane luma_of(const Plane colour[3]) {
  Plane out(colour[0].width, colour[0].height);
  for (size_t i = 0; i < out.v.size(); ++i) {
    out.v[i] = kLuma[0] * colour[0].v[i] + kLuma[1] * colour[1].v[i] + kLuma[2] * colour[2].v[i];
  }
  return out;
}

// exp(-1 / (2 sigma^2)) for sigma from 0.3 on, as decimals: no library's exp differs then.
struct Gaussian {
  float sigma, q;
};
constexpr Gaussian kBlurs[] = {
    {0.35F, 0.016880F}, {0.45F, 0.084658F}, {0.55F, 0.191495F}, {0.65F, 0.306226F},
    {0.75F, 0.411112F}, {0.90F, 0.539408F}, {1.10F, 0.661515F}, {1.35F, 0.760067F},
    {1.65F, 0.832223F}, {2.00F, 0.882497F}};
constexpr int64_t kBlurCount = sizeof kBlurs / sizeof kBlurs[0];
constexpr int64_t kRadius = 5;

// Separable, normalised where `known` ends: plane must be 0 where it is 0.
void gaussian(const Gaussian& by, const Plane& from, Plane* to) {
  float k[kRadius + 1];
  for (int64_t i = 0; i <= kRadius; ++i) {
    k[i] = 1;
    for (int64_t j = 0; j < i * i; ++j) k[i] *= by.q;
  }
  const int64_t w = from.width;
  const int64_t h = from.height;
  Plane across(w, h);
  for (int64_t y = 0; y < h; ++y) {
    const float* in = from.row(y);
    float* out = across.row(y);
    for (int64_t x = 0; x < w; ++x) out[x] = k[0] * in[x];
    for (int64_t d = 1; d <= kRadius && k[d] > 1e-4F; ++d) {
      for (int64_t x = d; x < w; ++x) out[x] += k[d] * in[x - d];
      for (int64_t x = 0; x + d < w; ++x) out[x] += k[d] * in[x + d];
    }
  }
  *to = Plane(w, h);
  for (int64_t y = 0; y < h; ++y) {
    float* out = to->row(y);
    const float* mid = across.row(y);
    for (int64_t x = 0; x < w; ++x) out[x] = k[0] * mid[x];
    for (int64_t d = 1; d <= kRadius && k[d] > 1e-4F; ++d) {
      for (const int64_t at : {y - d, y + d}) {
        if (at < 0 || at >= h) continue;
        const float* in = across.row(at);
        for (int64_t x = 0; x < w; ++x) out[x] += k[d] * in[x];
      }
    }
  }
}

// A blur of a plane, over the blur of where it is known.
Plane blurred(const Gaussian& by, const Plane& plane, const Plane& weight) {
  Plane out;
  gaussian(by, plane, &out);
  for (size_t i = 0; i < out.v.size(); ++i) {
    out.v[i] = weight.v[i] > 0 ? out.v[i] / weight.v[i] : plane.v[i];
  }
  return out;
}

PlaceStats judge(const Plane& luma, const Plane& use) {
  double lap2 = 0;
  double grad2 = 0;
  size_t n = 0;
  std::vector<float> noise;
  for (int64_t y = 1; y + 1 < luma.height; ++y) {
    const float* up = luma.row(y - 1);
    const float* at = luma.row(y);
    const float* down = luma.row(y + 1);
    const float* rows[3] = {use.row(y - 1), use.row(y), use.row(y + 1)};
    for (int64_t x = 1; x + 1 < luma.width; ++x) {
      bool all = true;
      for (const float* row : rows) {
        all = all && row[x - 1] > 0 && row[x] > 0 && row[x + 1] > 0;
      }
      if (!all) continue;
      const float cross = up[x] + down[x] + at[x - 1] + at[x + 1];
      const float lap = cross - 4 * at[x];
      const float gx = at[x + 1] - at[x - 1];
      const float gy = down[x] - up[x];
      const float corners = up[x - 1] + up[x + 1] + down[x - 1] + down[x + 1];
      lap2 += static_cast<double>(lap * lap);
      grad2 += static_cast<double>(gx * gx + gy * gy);
      noise.push_back(std::fabs(corners - 2 * cross + 4 * at[x]));
      ++n;
    }
  }
  PlaceStats stats{std::numeric_limits<double>::quiet_NaN(), 0};
  if (n < kFewest) return stats;
  const auto quarter = noise.begin() + static_cast<std::ptrdiff_t>(n / 4);
  std::nth_element(noise.begin(), quarter, noise.end());
  stats.noise = static_cast<double>(*quarter) / kQuartile;
  const double variance = stats.noise * stats.noise;
  const auto count = static_cast<double>(n);
  const double gradient = grad2 / count - kNoiseInGradient * variance;
  if (gradient >= kMinGradient) {
    stats.acutance = std::max(0.0, lap2 / count - kNoiseInLaplacian * variance) / gradient;
  }
  return stats;
}

Plane difference(const Plane& a, const Plane& b) {
  Plane out = a;
  for (size_t i = 0; i < out.v.size(); ++i) out.v[i] -= b.v[i];
  return out;
}

double plane_acutance(const Plane& plane, const Plane& use) {
  return judge(plane, use).acutance;
}

// The number of the least blur, `least` or more, after which a plane is no sharper than wanted:
// -1 is none; the strongest there is where none is enough.
int64_t blur_wanted(const Plane& plane, const Plane& known, double acutance, int64_t least) {
  if (!(acutance >= 0)) return least;
  Plane weight;
  const auto sharper = [&](int64_t blur) {
    if (blur < 0) return plane_acutance(plane, known) > acutance;
    gaussian(kBlurs[blur], known, &weight);
    return plane_acutance(blurred(kBlurs[blur], plane, weight), known) > acutance;
  };
  if (!sharper(least)) return least;
  int64_t low = least + 1;
  int64_t high = kBlurCount - 1;
  while (low < high) {
    const int64_t middle = (low + high) / 2;
    if (sharper(middle)) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return std::min(low, kBlurCount - 1);
}

// Blurs luma by one and the differences of blue and red to it by another.
void blur_planes(int64_t of_luma, int64_t of_colour, const Plane& known, Plane planes[3]) {
  if (of_colour < 0) return;
  const Plane luma = luma_of(planes);
  Plane weight;
  Plane base = luma;
  if (of_luma >= 0) {
    gaussian(kBlurs[of_luma], known, &weight);
    base = blurred(kBlurs[of_luma], luma, weight);
  }
  gaussian(kBlurs[of_colour], known, &weight);
  Plane green(luma.width, luma.height);
  for (const size_t c : {0U, 2U}) {
    const Plane soft = blurred(kBlurs[of_colour], difference(planes[c], luma), weight);
    for (size_t i = 0; i < soft.v.size(); ++i) {
      green.v[i] -= kLuma[c] * soft.v[i];
      planes[c].v[i] = base.v[i] + soft.v[i];
    }
  }
  // The three weighted differences to the luma add up to nothing.
  for (size_t i = 0; i < green.v.size(); ++i) {
    planes[1].v[i] = base.v[i] + green.v[i] / kLuma[1];
  }
}

// Pixels around the object that both patch and scene show.
bool around(const PasteLayer& layer, size_t i) {
  return layer.known.v[i] > 0 && layer.alpha.v[i] < 0.004F;
}

}  // namespace

PlaceStats place_stats(const Plane colour[3], const Plane& use) {
  return judge(luma_of(colour), use);
}

void match_brightness(const Plane scene[3], double bound, PasteLayer* layer,
                      fl_paste_report* report) {
  double mine[3] = {0, 0, 0};
  double theirs[3] = {0, 0, 0};
  size_t n = 0;
  for (size_t i = 0; i < layer->known.v.size(); ++i) {
    if (!around(*layer, i)) continue;
    for (size_t c = 0; c < 3; ++c) {
      mine[c] += static_cast<double>(layer->colour[c].v[i]);
      theirs[c] += static_cast<double>(scene[c].v[i]);
    }
    ++n;
  }
  if (n < kFewest) return;
  double mean = 0;
  double wanted = 0;
  for (size_t c = 0; c < 3; ++c) {
    mine[c] /= static_cast<double>(n);
    theirs[c] /= static_cast<double>(n);
    mean += static_cast<double>(kLuma[c]) * mine[c];
    wanted += static_cast<double>(kLuma[c]) * theirs[c];
  }
  // Light is a factor, the same for all colours, so a gain goes as far as light plausibly changes
  // within one set. The offsets take the rest.
  const double change = std::clamp(wanted - mean, -bound, bound);
  const double gain = std::clamp((mean + change + 8) / (mean + 8), 0.7, 1.4);
  report->gain = gain;
  for (size_t c = 0; c < 3; ++c) {
    const double cast = std::clamp(theirs[c] - wanted - (mine[c] - mean), -bound / 4, bound / 4);
    const auto g = static_cast<float>(gain);
    const auto o = static_cast<float>(mine[c] + change + cast - gain * mine[c]);
    report->offset[c] = static_cast<double>(o);
    for (size_t i = 0; i < layer->known.v.size(); ++i) {
      if (layer->known.v[i] > 0) layer->colour[c].v[i] = g * layer->colour[c].v[i] + o;
    }
    if (layer->object[c].v.empty()) continue;
    for (size_t i = 0; i < layer->known.v.size(); ++i) {
      layer->object[c].v[i] = g * layer->object[c].v[i] + o * layer->alpha.v[i];
    }
  }
}

void match_rim(const Plane scene[3], float radius, PasteLayer* layer) {
  Plane weight(layer->width, layer->height);
  for (size_t i = 0; i < weight.v.size(); ++i) {
    weight.v[i] = layer->known.v[i] * (1 - layer->alpha.v[i]);
  }
  Plane total = weight;
  box_blur(&total, radius);
  box_blur(&total, radius);
  for (size_t c = 0; c < 3; ++c) {
    Plane difference(layer->width, layer->height);
    for (size_t i = 0; i < weight.v.size(); ++i) {
      difference.v[i] = weight.v[i] * (scene[c].v[i] - layer->colour[c].v[i]);
    }
    box_blur(&difference, radius);
    box_blur(&difference, radius);
    for (size_t i = 0; i < weight.v.size(); ++i) {
      // On a straight outline half of the square lies outside; less than that is inside it.
      if (total.v[i] > 1e-6F && layer->known.v[i] > 0) {
        const float share = std::min(1.0F, 2 * total.v[i]);
        layer->colour[c].v[i] += difference.v[i] / total.v[i] * share;
      }
    }
  }
}

void match_sharpness(const Plane scene[3], double acutance, PasteLayer* layer,
                     fl_paste_report* report) {
  const Plane luma = luma_of(layer->colour);
  const int64_t of_luma = blur_wanted(luma, layer->known, acutance, -1);
  Plane all(layer->width, layer->height);
  std::fill(all.v.begin(), all.v.end(), 1.0F);
  int64_t of_colour = of_luma;
  const Plane theirs = luma_of(scene);
  for (const size_t c : {0U, 2U}) {
    const double there = plane_acutance(difference(scene[c], theirs), all);
    const double wanted = there * (of_luma >= 0 ? 1.0 : kColourTolerance);
    of_colour = blur_wanted(difference(layer->colour[c], luma), layer->known, wanted, of_colour);
  }
  if (of_luma >= 0) report->blur = static_cast<double>(kBlurs[of_luma].sigma);
  if (of_colour >= 0) report->colour_blur = static_cast<double>(kBlurs[of_colour].sigma);
  blur_planes(of_luma, of_colour, layer->known, layer->colour);
  if (layer->object[0].v.empty()) return;
  blur_planes(of_luma, of_colour, layer->known, layer->object);
  if (of_luma >= 0) {
    Plane weight;
    gaussian(kBlurs[of_luma], layer->known, &weight);
    layer->alpha = blurred(kBlurs[of_luma], layer->alpha, weight);
  }
}

float pixel_noise(uint64_t seed, int64_t x, int64_t y) noexcept {
  uint64_t z = seed + 0x9E3779B97F4A7C15U * (static_cast<uint64_t>(y) << 32 ^
                                             (static_cast<uint64_t>(x) & 0xFFFFFFFFU));
  for (int round = 0; round < 2; ++round) {
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9U;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBU;
    z ^= z >> 31;
  }
  int32_t sum = 0;
  for (int k = 0; k < 64; k += 8) sum += static_cast<int32_t>((z >> k) & 255U);
  // Mean 8 * 127.5; variance 8 * (256^2 - 1) / 12.
  return static_cast<float>(sum - 1020) / 209.0231F;
}

}  // namespace fl
