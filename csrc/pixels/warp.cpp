#include "pixels/warp.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "pixels/warp_kernels.h"

namespace fl {
namespace {

constexpr double kOne = 4294967296.0;  // of 32.32 fixed numbers
// Sides up to which the sums below cannot overflow: more than any picture has that is packed.
constexpr int64_t kMostSide = int64_t{1} << 28;
constexpr int64_t kHalfStep = int64_t{1} << (32 - kWarpBits - 1);

int64_t fixed(double v) noexcept { return static_cast<int64_t>(std::llround(v * kOne)); }

int64_t divided_up(int64_t a, int64_t b) noexcept { return a / b + (a % b > 0); }  // b > 0

// The columns of [*low, *high) at which 0 <= start + step column < end.
void narrow(int64_t start, int64_t step, int64_t end, int64_t* low, int64_t* high) noexcept {
  if (step < 0) {  // the same columns satisfy 0 <= end - 1 - value < end
    start = end - 1 - start;
    step = -step;
  }
  if (step == 0) {
    if (start < 0 || start >= end) *high = *low;
    return;
  }
  *low = std::max(*low, divided_up(-start, step));
  *high = std::max(*low, std::min(*high, divided_up(end - start, step)));
}

struct Sampler {
  const fl_image& image;
  bool edge;
  uint8_t fill;

  int32_t tap(int64_t x, int64_t y, int32_t channel) const noexcept {
    if (edge) {
      x = std::clamp<int64_t>(x, 0, image.width - 1);
      y = std::clamp<int64_t>(y, 0, image.height - 1);
    } else if (x < 0 || y < 0 || x >= image.width || y >= image.height) {
      return fill;
    }
    return image.data[y * image.row_stride + x * image.pixel_stride +
                      channel * image.channel_stride];
  }

  void pixel(int64_t x, int64_t y, uint8_t* out) const noexcept {
    const int64_t left = x >> 32;
    const int64_t top = y >> 32;
    if (!edge && (left < -1 || top < -1 || left >= image.width || top >= image.height)) {
      std::fill_n(out, image.channels, fill);
      return;
    }
    const int32_t fx = static_cast<int32_t>((x >> (32 - kWarpBits)) & 63);
    const int32_t fy = static_cast<int32_t>((y >> (32 - kWarpBits)) & 63);
    for (int32_t c = 0; c < image.channels; ++c) {
      const int32_t above = tap(left, top, c) * (64 - fx) + tap(left + 1, top, c) * fx;
      const int32_t below = tap(left, top + 1, c) * (64 - fx) + tap(left + 1, top + 1, c) * fx;
      out[c] = static_cast<uint8_t>((above * (64 - fy) + below * fy + 2048) >> 12);
    }
  }
};

}  // namespace

void warp_affine(const fl_image& image, const double* m, bool edge, uint8_t fill,
                 const WarpTarget& out) noexcept {
  const Sampler sampler{image, edge, fill};
  const WarpKernels& kernels = warp_kernels();
  const bool packed = image.channels == 3 && image.channel_stride == 1 && image.pixel_stride == 3 &&
                      image.row_stride > 0 &&
                      image.row_stride <= std::numeric_limits<int32_t>::max() &&
                      image.width > 2 && image.height > 1 && image.width <= kMostSide &&
                      image.height <= kMostSide;
  const int64_t dx = fixed(m[0]);
  const int64_t dy = fixed(m[3]);
  for (int64_t row = 0; row < out.height; ++row) {
    const double down = static_cast<double>(row);
    const int64_t x = fixed(m[1] * down + m[2]) + kHalfStep;
    const int64_t y = fixed(m[4] * down + m[5]) + kHalfStep;
    uint8_t* to = out.data + row * out.row_stride;
    int64_t low = 0;
    int64_t high = packed ? out.width : 0;
    if (packed) {
      narrow(x, dx, (image.width - 2) << 32, &low, &high);
      narrow(y, dy, (image.height - 1) << 32, &low, &high);
      if (low >= high) low = high = 0;
    }
    for (int64_t at = 0; at < low; ++at) {
      sampler.pixel(x + at * dx, y + at * dy, to + at * image.channels);
    }
    if (high > low) {
      kernels.warp_rgb(image.data, image.row_stride, x + low * dx, y + low * dy, dx, dy,
                       static_cast<size_t>(high - low), to + low * 3);
    }
    for (int64_t at = high; at < out.width; ++at) {
      sampler.pixel(x + at * dx, y + at * dy, to + at * image.channels);
    }
  }
}

}  // namespace fl
