#include "pixels/composite.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "pixels/blend_kernels.h"

namespace fl {

namespace {

// Pixels worked on at a time, in buffers on the stack.
constexpr int64_t kBlock = 512;

uint8_t times_255(int a, int b) noexcept { return static_cast<uint8_t>((2 * a * b + 255) / 510); }

bool packed(const fl_image& i, int64_t channels) noexcept {
  return i.channels == channels && i.pixel_stride == channels &&
         (channels == 1 || i.channel_stride == 1);
}

const uint8_t* pixel(const fl_image& i, int64_t x, int64_t y) noexcept {
  return i.data + y * i.row_stride + x * i.pixel_stride;
}

// The first `channels` channels of n pixels, side by side, `step` bytes a pixel.
void gather(const fl_image& i, int64_t x, int64_t y, int64_t n, int64_t channels, int64_t step,
            uint8_t* out) noexcept {
  const uint8_t* from = pixel(i, x, y);
  for (int64_t k = 0; k < n; ++k) {
    for (int64_t c = 0; c < channels; ++c) {
      out[k * step + c] = from[k * i.pixel_stride + c * i.channel_stride];
    }
  }
}

void scatter(const uint8_t* from, int64_t n, const fl_image& i, uint8_t* to) noexcept {
  for (int64_t k = 0; k < n; ++k) {
    for (int64_t c = 0; c < i.channels; ++c) {
      to[k * i.pixel_stride + c * i.channel_stride] = from[k * i.channels + c];
    }
  }
}

// The channel of the patch, or of the mask, that holds weights.
fl_image channel(const fl_image& i, int64_t c) noexcept {
  fl_image one = i;
  one.data += c * i.channel_stride;
  one.channels = 1;
  return one;
}

// Columns [left, right) and rows [top, bottom) of the patch.
struct Part {
  int64_t left, top, right, bottom;
};

// Where the weights of a patch come from. They are functions of the patch, not of what the scene
// leaves visible of it.
class Weights {
 public:
  explicit Weights(const Paste& p) : paste_(p), shaped_(p.patch.channels == 4 || p.mask != nullptr) {
    const int64_t w = p.patch.width;
    if (!shaped_) {
      // min(a, b) o / 255 = min(a o / 255, b o / 255), so the opacity goes into the ramps.
      const int64_t channels = p.scene.channels;
      columns_.assign(static_cast<size_t>(w * channels), p.opacity);
      for (int64_t i = 0; i < w; ++i) {
        const uint8_t at = times_255(feather_ramp(i, w, p.feather), p.opacity);
        for (int64_t c = 0; c < channels; ++c) {
          columns_[static_cast<size_t>(i * channels + c)] = at;
        }
      }
    } else if (p.feather > 0) {
      plane_.resize(static_cast<size_t>(w * p.patch.height));
      for (int64_t y = 0; y < p.patch.height; ++y) mask_row(0, y, w, plane_.data() + y * w);
      feather_mask(plane_.data(), w, p.patch.height, p.feather);
    }
  }
  // Weights are columns(), per sample, capped by cap(y); there is nothing else to them.
  bool plain() const noexcept { return !shaped_; }
  const uint8_t* columns() const noexcept { return columns_.data(); }
  uint8_t cap(int64_t y) const noexcept {
    return times_255(feather_ramp(y, paste_.patch.height, paste_.feather), paste_.opacity);
  }
  // Weights of n pixels of a patch with a mask or alpha.
  void row(int64_t x, int64_t y, int64_t n, uint8_t* out) const noexcept {
    if (!plane_.empty()) {
      std::memcpy(out, plane_.data() + y * paste_.patch.width + x, static_cast<size_t>(n));
    } else {
      mask_row(x, y, n, out);
    }
    if (paste_.opacity < 255) {
      blend_kernels().weight_fade(paste_.opacity, static_cast<size_t>(n), out);
    }
  }

 private:
  // n is at most a block, but for a plane, which is made once.
  void mask_row(int64_t x, int64_t y, int64_t n, uint8_t* out) const noexcept {
    const bool alpha = paste_.patch.channels == 4;
    if (alpha) gather(channel(paste_.patch, 3), x, y, n, 1, 1, out);
    if (paste_.mask == nullptr) return;
    if (!alpha) {
      gather(*paste_.mask, x, y, n, 1, 1, out);
      return;
    }
    uint8_t mask[kBlock];
    for (int64_t at = 0; at < n; at += kBlock) {
      const int64_t some = std::min(kBlock, n - at);
      gather(*paste_.mask, x + at, y, some, 1, 1, mask);
      blend_kernels().weight_scale(mask, static_cast<size_t>(some), out + at);
    }
  }

  const Paste& paste_;
  bool shaped_;
  std::vector<uint8_t> columns_;
  std::vector<uint8_t> plane_;
};

// One block of a row: n pixels from patch pixel (u, v) on scene pixel (u + x, v + y).
void paste_block(const Paste& p, const Weights& weights, int64_t u, int64_t v, int64_t n) noexcept {
  const BlendKernels& kernels = blend_kernels();
  const int64_t channels = p.scene.channels;
  const auto samples = static_cast<size_t>(n * channels);
  // The scene was handed over to be written.
  auto* const at = const_cast<uint8_t*>(pixel(p.scene, u + p.x, v + p.y));
  uint8_t scene_copy[4 * kBlock];
  const bool scene_packed = packed(p.scene, channels);
  if (!scene_packed) gather(p.scene, u + p.x, v + p.y, n, channels, channels, scene_copy);
  uint8_t* const scene = scene_packed ? at : scene_copy;

  uint8_t patch_copy[4 * kBlock];
  uint8_t alpha[kBlock];
  const uint8_t* patch = patch_copy;
  if (packed(p.patch, channels)) {
    patch = pixel(p.patch, u, v);
  } else if (channels == 3 && packed(p.patch, 4)) {
    kernels.split_alpha(pixel(p.patch, u, v), static_cast<size_t>(n), patch_copy, alpha);
  } else {
    gather(p.patch, u, v, n, std::min<int64_t>(channels, 3), channels, patch_copy);
  }

  uint8_t by_pixel[kBlock];
  uint8_t by_sample[3 * kBlock];
  if (weights.plain() && channels != 4) {
    kernels.blend(p.mode, patch, weights.columns() + u * channels, weights.cap(v), samples, scene);
  } else if (weights.plain()) {
    for (int64_t k = 0; k < n; ++k) by_pixel[k] = weights.columns()[4 * (u + k)];
    kernels.blend_over(p.mode, patch, by_pixel, weights.cap(v), static_cast<size_t>(n), scene);
  } else {
    weights.row(u, v, n, by_pixel);
    if (channels == 4) {
      kernels.blend_over(p.mode, patch, by_pixel, 255, static_cast<size_t>(n), scene);
    } else if (channels == 1) {
      kernels.blend(p.mode, patch, by_pixel, 255, samples, scene);
    } else {
      kernels.weight_spread(by_pixel, static_cast<size_t>(n), by_sample);
      kernels.blend(p.mode, patch, by_sample, 255, samples, scene);
    }
  }
  if (!scene_packed) scatter(scene_copy, n, p.scene, at);
}

// Rows of samples that lie side by side, with nothing but ramps for weights. pre: the part is
// not empty.
void paste_plain(const Paste& p, const Weights& weights, const Part& part) noexcept {
  const int64_t channels = p.scene.channels;
  const int64_t n = (part.right - part.left) * channels;
  // Inside its feather, an opaque patch is copied; the sides are whole blocks of the kernel, which
  // are its fastest.
  constexpr int64_t kWhole = 64;
  const auto whole = [](int64_t pixels) { return (pixels + kWhole - 1) / kWhole * kWhole; };
  const bool opaque = p.mode == FL_BLEND_NORMAL && p.opacity == 255;
  const int64_t reach = p.patch.width - p.feather;
  const int64_t first =
      std::min(n, whole(std::max<int64_t>(0, p.feather - part.left) * channels));
  const int64_t last =
      std::max(first, n - whole(std::max<int64_t>(0, part.right - reach) * channels));
  const BlendKernels& kernels = blend_kernels();
  const uint8_t* columns = weights.columns() + part.left * channels;
  for (int64_t v = part.top; v < part.bottom; ++v) {
    const uint8_t* from = pixel(p.patch, part.left, v);
    // The scene was handed over to be written.
    auto* const to = const_cast<uint8_t*>(pixel(p.scene, part.left + p.x, v + p.y));
    const uint8_t cap = weights.cap(v);
    const auto paste = [&](int64_t begin, int64_t end) {
      kernels.blend(p.mode, from + begin, columns + begin, cap, static_cast<size_t>(end - begin),
                    to + begin);
    };
    if (opaque && cap == 255) {
      if (first > 0) paste(0, first);
      std::memcpy(to + first, from + first, static_cast<size_t>(last - first));
      if (last < n) paste(last, n);
    } else {
      paste(0, n);
    }
  }
}

}  // namespace

uint8_t feather_ramp(int64_t i, int64_t n, int64_t radius) noexcept {
  const int64_t d = std::min(i, n - 1 - i);
  if (d >= radius) return 255;
  const int64_t whole = 2 * radius + 1;
  return static_cast<uint8_t>((2 * 255 * (2 * d + 1) + whole) / (2 * whole));
}

void feather_mask(uint8_t* mask, int64_t width, int64_t height, int64_t radius) {
  if (radius <= 0) return;
  const auto w = static_cast<size_t>(width);
  const std::vector<uint8_t> before(mask, mask + w * static_cast<size_t>(height));
  // Of each column, the sum of the rows in the window.
  std::vector<int64_t> columns(w, 0);
  const auto add_row = [&](int64_t y, int64_t sign) {
    if (y < 0 || y >= height) return;
    const uint8_t* row = before.data() + static_cast<size_t>(y) * w;
    for (size_t x = 0; x < w; ++x) columns[x] += sign * row[x];
  };
  std::vector<double> sums(w);
  const double pixels = static_cast<double>((2 * radius + 1) * (2 * radius + 1));
  for (int64_t y = 0; y < std::min(radius, height); ++y) add_row(y, 1);
  for (int64_t y = 0; y < height; ++y) {
    add_row(y + radius, 1);
    add_row(y - radius - 1, -1);
    int64_t sum = 0;
    for (int64_t x = 0; x < std::min(radius, width); ++x) sum += columns[static_cast<size_t>(x)];
    for (int64_t x = 0; x < width; ++x) {
      if (x + radius < width) sum += columns[static_cast<size_t>(x + radius)];
      if (x - radius - 1 >= 0) sum -= columns[static_cast<size_t>(x - radius - 1)];
      sums[static_cast<size_t>(x)] = static_cast<double>(sum);
    }
    uint8_t* row = mask + static_cast<size_t>(y) * w;
    for (size_t x = 0; x < w; ++x) {
      // Exact: numerator and denominator are integers below 2^53, and a quotient that is no
      // integer is further from one than a double's rounding.
      const int twice = static_cast<int>((4 * sums[x] + pixels) / (2 * pixels));
      row[x] = static_cast<uint8_t>(std::min<int>(row[x], std::max(0, twice - 255)));
    }
  }
}

void composite(const Paste& p) {
  // The part of the patch that lies in the scene.
  const Part part{std::max<int64_t>(0, -p.x), std::max<int64_t>(0, -p.y),
                  std::min(p.patch.width, p.scene.width - p.x),
                  std::min(p.patch.height, p.scene.height - p.y)};
  if (part.left >= part.right || part.top >= part.bottom || p.opacity == 0) return;
  const Weights weights(p);
  const int64_t channels = p.scene.channels;
  if (weights.plain() && channels != 4 && packed(p.scene, channels) && packed(p.patch, channels)) {
    paste_plain(p, weights, part);
    return;
  }
  for (int64_t v = part.top; v < part.bottom; ++v) {
    for (int64_t u = part.left; u < part.right; u += kBlock) {
      paste_block(p, weights, u, v, std::min(kBlock, part.right - u));
    }
  }
}

}  // namespace fl
