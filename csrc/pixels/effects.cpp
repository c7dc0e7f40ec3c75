#include "pixels/effects.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "pixels/blend_kernels.h"
#include "pixels/effect_kernels.h"
#include "pixels/image_rows.h"

namespace fl {

namespace {

size_t row_samples(const fl_image& image) noexcept {
  return static_cast<size_t>(image.width) * static_cast<size_t>(image.channels);
}

// 64 bits that belong to a row: two rounds of SplitMix64's finaliser.
uint64_t row_key(uint64_t seed, int64_t y) noexcept {
  uint64_t z = seed ^ (0x9E3779B97F4A7C15U * (static_cast<uint64_t>(y) + 1));
  for (int round = 0; round < 2; ++round) {
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9U;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBU;
    z ^= z >> 31;
  }
  return z;
}

// Where a place before or behind a line of n falls when it is mirrored, the ends not repeated.
int64_t mirrored(int64_t i, int64_t n) noexcept {
  if (n == 1) return 0;
  const int64_t period = 2 * (n - 1);
  i %= period;
  if (i < 0) i += period;
  return i < n ? i : period - i;
}

// Rows of a picture with a mirrored margin on both sides, the last few at hand.
class MarginRows {
 public:
  MarginRows(const fl_image& image, int64_t left, int64_t right, int64_t rows)
      : image_(image),
        rows_(image, 1),
        left_(left),
        right_(right),
        slots_(rows),
        stride_(static_cast<size_t>((left + image.width + right) * image.channels)),
        held_(stride_ * static_cast<size_t>(rows)) {}

  // Takes row y, mirrored, in place of row y - rows.
  void take(int64_t y) noexcept {
    const int64_t wide = image_.channels;
    const uint8_t* from = rows_.row(mirrored(y, image_.height), 0);
    uint8_t* to = slot(y);
    for (int64_t x = 0; x < left_; ++x) {
      std::memcpy(to + x * wide, from + mirrored(x - left_, image_.width) * wide,
                  static_cast<size_t>(wide));
    }
    std::memcpy(to + left_ * wide, from, row_samples(image_));
    to += (left_ + image_.width) * wide;
    for (int64_t x = 0; x < right_; ++x) {
      std::memcpy(to + x * wide, from + mirrored(image_.width + x, image_.width) * wide,
                  static_cast<size_t>(wide));
    }
  }

  // Pixel 0 of the row in the picture; `left` pixels before it and `right` behind the last.
  const uint8_t* row(int64_t y) noexcept { return slot(y) + left_ * image_.channels; }

 private:
  uint8_t* slot(int64_t y) noexcept {
    const int64_t k = ((y % slots_) + slots_) % slots_;
    return held_.data() + static_cast<size_t>(k) * stride_;
  }

  fl_image image_;
  ImageRows rows_;
  int64_t left_, right_, slots_;
  size_t stride_;
  std::vector<uint8_t> held_;
};

}  // namespace

std::vector<Tap> whole_taps(const int32_t* dx, const int32_t* dy, const double* weights,
                            int64_t n) {
  double sum = 0;
  for (int64_t k = 0; k < n; ++k) sum += weights[k];
  std::vector<Tap> taps;
  double before = 0;
  int64_t given = 0;
  for (int64_t k = 0; k < n; ++k) {
    before += weights[k];
    const auto up_to = static_cast<int64_t>(std::floor(std::min(before / sum, 1.0) * 65535 + 0.5));
    const int64_t up = k + 1 == n ? 65535 : up_to;
    if (up > given) taps.push_back({dx[k], dy[k], static_cast<uint16_t>(up - given)});
    given = std::max(given, up);
  }
  return taps;
}

void look_up(const fl_image& image, const uint8_t* tables, int32_t n_tables, EffectRows out) {
  const EffectKernels& k = effect_kernels();
  ImageRows rows(image, 1);
  for (int64_t y = 0; y < image.height; ++y) {
    const uint8_t* from = rows.row(y, 0);
    if (n_tables == 1) {
      k.look_up(tables, from, row_samples(image), out.row(y));
    } else {
      k.look_up_rgb(tables, from, static_cast<size_t>(image.width), out.row(y));
    }
  }
}

void filter_taps(const fl_image& image, const std::vector<Tap>& taps, EffectRows out) {
  int64_t left = 0;
  int64_t right = 0;
  int64_t top = taps[0].dy;
  int64_t bottom = taps[0].dy;
  for (const Tap& t : taps) {
    left = std::max<int64_t>(left, -int64_t{t.dx});
    right = std::max<int64_t>(right, t.dx);
    top = std::min<int64_t>(top, t.dy);
    bottom = std::max<int64_t>(bottom, t.dy);
  }
  MarginRows rows(image, left, right, bottom - top + 1);
  std::vector<const uint8_t*> samples(taps.size());
  std::vector<uint16_t> weights(taps.size());
  for (size_t k = 0; k < taps.size(); ++k) weights[k] = taps[k].weight;
  const EffectKernels& kernels = effect_kernels();
  for (int64_t y = top; y < bottom; ++y) rows.take(y);
  for (int64_t y = 0; y < image.height; ++y) {
    rows.take(y + bottom);
    for (size_t k = 0; k < taps.size(); ++k) {
      samples[k] = rows.row(y + taps[k].dy) + int64_t{taps[k].dx} * image.channels;
    }
    kernels.filter(samples.data(), weights.data(), taps.size(), row_samples(image), out.row(y));
  }
}

void sensor_noise(const fl_image& image, double read, double shot, double colour, uint64_t seed,
                  EffectRows out) {
  ImageRows rows(image, 1);
  const auto own = static_cast<float>(colour);
  NoiseRow how{static_cast<float>(read * read), static_cast<float>(shot),
               static_cast<float>(std::sqrt(1 - colour * colour)), own, 0, 0};
  const EffectKernels& kernels = effect_kernels();
  for (int64_t y = 0; y < image.height; ++y) {
    const uint64_t key = row_key(seed, y);
    how.pixel_key = static_cast<uint32_t>(key);
    how.sample_key = static_cast<uint32_t>(key >> 32);
    kernels.noise(&how, rows.row(y, 0), static_cast<size_t>(image.width), image.channels,
                  out.row(y));
  }
}

void salt_and_pepper(const fl_image& image, double amount, double salt, uint64_t seed,
                     EffectRows out) {
  // Of 2^32 hashes; one less than all at most, which no picture shows.
  const double all = 4294967295.0;
  const auto both = static_cast<uint32_t>(std::floor(amount * all + 0.5));
  const auto white = static_cast<uint32_t>(std::floor(amount * salt * all + 0.5));
  ImageRows rows(image, 1);
  const EffectKernels& kernels = effect_kernels();
  for (int64_t y = 0; y < image.height; ++y) {
    std::memcpy(out.row(y), rows.row(y, 0), row_samples(image));
    kernels.specks(static_cast<uint32_t>(row_key(seed, y)), white, both,
                   static_cast<size_t>(image.width), image.channels, out.row(y));
  }
}

void veil(const fl_image& image, const fl_image& mask, const uint8_t* colour, EffectRows out) {
  const size_t samples = row_samples(image);
  const auto width = static_cast<size_t>(image.width);
  const BlendKernels& kernels = blend_kernels();
  std::vector<uint8_t> patch(samples);
  for (size_t i = 0; i < samples; ++i) patch[i] = colour[i % static_cast<size_t>(image.channels)];
  std::vector<uint8_t> spread(image.channels == 1 ? 0 : samples);
  ImageRows rows(image, 1);
  ImageRows masks(mask, 1);
  for (int64_t y = 0; y < image.height; ++y) {
    const uint8_t* weight = masks.row(y, 0);
    if (image.channels == 3) {
      kernels.weight_spread(weight, width, spread.data());
      weight = spread.data();
    }
    std::memcpy(out.row(y), rows.row(y, 0), samples);
    kernels.blend(FL_BLEND_NORMAL, patch.data(), weight, 255, samples, out.row(y));
  }
}

}  // namespace fl
