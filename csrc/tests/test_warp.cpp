#include <cmath>
#include <cstring>

#include "check.h"
#include "fastlabel/fastlabel.h"
#include "pixels/warp_kernels.h"

namespace {

std::vector<uint8_t> bytes(test::Random* r, size_t n) {
  std::vector<uint8_t> p(n);
  for (uint8_t& b : p) b = r->byte();
  return p;
}

void every_tier_equals_the_oracle() {
  test::Random r(9);
  const fl::WarpKernels& oracle = fl::oracle_warp_kernels();
  const char* names[8];
  const int32_t tiers = fl_isa_available(names, 8);
  for (int32_t t = 0; t < tiers; ++t) {
    CHECK(fl_isa_select(names[t]) == FL_OK);
    const fl::WarpKernels& k = fl::warp_kernels();
    for (size_t n = 0; n < 70; ++n) {
      // The exact size: a byte read beyond the picture is found by the sanitizer.
      const int64_t width = 80;
      const int64_t height = 40;
      const std::vector<uint8_t> image = bytes(&r, size_t(width * height * 3));
      const auto one = int64_t{1} << 32;
      const int64_t dx = r.below(2) ? one - int64_t(r.below(1 << 20)) * 512 : 0;
      const int64_t dy = int64_t(r.below(1 << 30));
      const int64_t x = int64_t(r.below(1 << 30)) * 4;
      const int64_t y = r.below(2) ? int64_t(r.below(1 << 30)) * 8 : ((height - 1) << 32) - 1;
      const int64_t down = y + int64_t(n) * dy < ((height - 1) << 32) ? dy : 0;
      std::vector<uint8_t> a(3 * n + 1, 9);
      std::vector<uint8_t> b = a;
      k.warp_rgb(image.data(), width * 3, x, y, dx, down, n, a.data());
      oracle.warp_rgb(image.data(), width * 3, x, y, dx, down, n, b.data());
      CHECK(a == b && a[3 * n] == 9);
    }
  }
}

// Every pixel by itself, from the header's words.
uint8_t expected(const fl_image& i, const double* m, bool edge, uint8_t fill, int64_t column,
                 int64_t row, int32_t channel) {
  const auto fixed = [](double v) { return int64_t(std::llround(v * 4294967296.0)); };
  const double down = double(row);
  const int64_t half = int64_t{1} << 25;
  const int64_t x = fixed(m[1] * down + m[2]) + column * fixed(m[0]) + half;
  const int64_t y = fixed(m[4] * down + m[5]) + column * fixed(m[3]) + half;
  const auto at = [&](int64_t px, int64_t py) -> int64_t {
    if (px < 0 || py < 0 || px >= i.width || py >= i.height) {
      if (!edge) return fill;
      px = px < 0 ? 0 : px >= i.width ? i.width - 1 : px;
      py = py < 0 ? 0 : py >= i.height ? i.height - 1 : py;
    }
    return i.data[py * i.row_stride + px * i.pixel_stride + channel * i.channel_stride];
  };
  const int64_t fx = (x >> 26) & 63;
  const int64_t fy = (y >> 26) & 63;
  const int64_t left = x >> 32;
  const int64_t top = y >> 32;
  const int64_t above = at(left, top) * (64 - fx) + at(left + 1, top) * fx;
  const int64_t below = at(left, top + 1) * (64 - fx) + at(left + 1, top + 1) * fx;
  return uint8_t((above * (64 - fy) + below * fy + 2048) >> 12);
}

void pictures_equal_their_definition() {
  test::Random r(4);
  for (int round = 0; round < 400; ++round) {
    fl_image i{};
    i.channels = round % 3 == 0 ? 1 : round % 3 == 1 ? 3 : 4;
    i.order = i.channels == 1 ? FL_GRAY : i.channels == 3 ? FL_BGR : FL_BGRA;
    i.width = int64_t(r.below(40)) + 1;
    i.height = int64_t(r.below(40)) + 1;
    i.pixel_stride = i.channels + (r.below(4) == 0);
    i.channel_stride = 1;
    i.row_stride = i.width * i.pixel_stride + int64_t(r.below(3));
    const std::vector<uint8_t> pixels = bytes(&r, size_t(i.height * i.row_stride));
    i.data = pixels.data();
    double m[6];
    for (int k = 0; k < 6; ++k) {
      m[k] = (r.unit() - 0.5) * (k % 3 == 2 ? 60 : round % 5 == 0 ? 100 : 3);
    }
    if (round % 7 == 0) m[0] = m[4] = 1, m[1] = m[3] = m[2] = m[5] = 0;
    if (round % 11 == 0) m[3] = 0;
    const int64_t width = int64_t(r.below(50)) + 1;
    const int64_t height = int64_t(r.below(20)) + 1;
    const bool edge = r.below(2) == 0;
    const int64_t stride = width * i.channels + 2;
    std::vector<uint8_t> out(size_t(height * stride), 7);
    CHECK(fl_warp_affine(&i, m, edge, 114, out.data(), width, height, stride) == FL_OK);
    for (int64_t y = 0; y < height; ++y) {
      for (int64_t x = 0; x < width * i.channels; ++x) {
        CHECK(out[size_t(y * stride + x)] ==
              expected(i, m, edge, 114, x / i.channels, y, int32_t(x % i.channels)));
      }
      CHECK(out[size_t(y * stride + stride - 1)] == 7);
    }
  }
}

void arguments_are_checked() {
  uint8_t pixels[12] = {};
  uint8_t out[12];
  fl_image i{};
  i.data = pixels;
  i.width = i.height = 2;
  i.channels = 3;
  i.order = FL_BGR;
  i.row_stride = 6;
  i.pixel_stride = 3;
  i.channel_stride = 1;
  double m[6] = {1, 0, 0, 0, 1, 0};
  CHECK(fl_warp_affine(&i, m, 0, 0, out, 2, 2, 6) == FL_OK);
  CHECK(std::memcmp(out, pixels, 12) == 0);
  CHECK(fl_warp_affine(nullptr, m, 0, 0, out, 2, 2, 6) == FL_ERROR_ARGUMENT);
  CHECK(fl_warp_affine(&i, nullptr, 0, 0, out, 2, 2, 6) == FL_ERROR_ARGUMENT);
  CHECK(fl_warp_affine(&i, m, 0, 0, nullptr, 2, 2, 6) == FL_ERROR_ARGUMENT);
  CHECK(fl_warp_affine(&i, m, 0, 0, out, 0, 2, 6) == FL_ERROR_ARGUMENT);
  CHECK(fl_warp_affine(&i, m, 0, 0, out, 2, FL_WARP_MAX_SIDE + 1, 6) == FL_ERROR_ARGUMENT);
  CHECK(fl_warp_affine(&i, m, 0, 0, out, 2, 2, 5) == FL_ERROR_ARGUMENT);
  for (const double bad : {std::nan(""), 5000.0, -HUGE_VAL}) {
    m[1] = bad;
    CHECK(fl_warp_affine(&i, m, 0, 0, out, 2, 2, 6) == FL_ERROR_ARGUMENT);
  }
  // The farthest that is allowed.
  double far[6] = {4096, -4096, 67108864, -4096, 4096, -67108864};
  CHECK(fl_warp_affine(&i, far, 1, 0, out, 2, 2, 6) == FL_OK);
}

}  // namespace

int main() {
  every_tier_equals_the_oracle();
  pictures_equal_their_definition();
  arguments_are_checked();
  return test::finish("warp");
}
