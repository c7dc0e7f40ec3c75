#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <memory>

#include "check.h"
#include "core/plain.h"
#include "pixels/letterbox_kernels.h"
#include "pixels/resize_kernels.h"
#include "pixels/resize_linear.h"
#include "pixels/yuv_kernels.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace {

using test::Random;
using Bytes = std::unique_ptr<uint8_t[]>;

std::vector<const char*> tiers() {
  const char* names[8];
  const int32_t n = fl_isa_available(names, 8);
  return {names, names + n};
}

// Exactly as long as said: the sanitizer sees what is read past it.
Bytes noise(Random* r, size_t n) {
  Bytes p(new uint8_t[n]);
  const bool harsh = r->below(4) == 0;
  for (size_t i = 0; i < n; ++i) p[i] = harsh ? (r->below(2) == 0 ? 0 : 255) : r->byte();
  return p;
}

// ---- numbers -----------------------------------------------------------------------------

void rounding_is_the_librarys() {
  Random r(1);
  for (int i = 0; i < 200000; ++i) {
    const double scale = std::pow(2.0, double(r.below(80)) - 20);
    const double x = (r.unit() - 0.5) * scale;
    const double y = std::floor(x) + 0.5;
    for (const double v : {x, y, -y, std::floor(x)}) {
      CHECK(fl::round_half_even(v) == std::nearbyint(v));
      const auto f = static_cast<float>(v);
      CHECK(fl::round_half_even(f) == std::nearbyint(f));
    }
  }
  const float inf = std::numeric_limits<float>::infinity();
  CHECK(fl::round_half_even(inf) == inf && fl::round_half_even(-inf) == -inf);
  CHECK(fl::round_half_even(0x1.fffffep22F) == std::nearbyint(0x1.fffffep22F));
}

#if defined(__x86_64__)
__attribute__((target("f16c"))) uint16_t half_of_the_machine(float x) {
  return static_cast<uint16_t>(
      _mm_extract_epi16(_mm_cvtps_ph(_mm_set_ss(x), _MM_FROUND_TO_NEAREST_INT), 0));
}
#endif

void halves_are_the_machines() {
  CHECK(fl::half_bits(1.0F) == 0x3C00 && fl::half_bits(-2.0F) == 0xC000);
  CHECK(fl::half_bits(65504.0F) == 0x7BFF && fl::half_bits(65520.0F) == 0x7C00);
  CHECK(fl::half_bits(0x1p-24F) == 1 && fl::half_bits(0x1p-25F) == 0);
#if defined(__x86_64__)
  if (!__builtin_cpu_supports("f16c")) return;
  bool same = true;
  for (uint64_t bits = 0; bits < 0x100000000ULL; bits += bits < 0x10000000U ? 65521 : 211) {
    const auto word = static_cast<uint32_t>(bits);
    float x = 0;
    std::memcpy(&x, &word, 4);
    if (x != x) continue;
    same = same && fl::half_bits(x) == half_of_the_machine(x);
  }
  // Each half, and the floats half way to the next one and beside it.
  for (uint32_t e = 100; e < 145; ++e) {
    for (uint32_t m = 0; m < 4096; ++m) {
      for (const uint32_t low : {0U, 1U, 0xFFFU, 0x7FFU}) {
        const uint32_t word = e << 23 | m << 11 | low;
        float x = 0;
        std::memcpy(&x, &word, 4);
        same = same && fl::half_bits(x) == half_of_the_machine(x) &&
               fl::half_bits(-x) == half_of_the_machine(-x);
      }
    }
  }
  CHECK(same);
#endif
}

void samples_are_opencvs() {
  Random r(2);
  const auto check = [](int64_t i, int64_t source, int64_t output) {
    const double scale = 1.0 / (static_cast<double>(output) / static_cast<double>(source));
    const auto centre = static_cast<float>((static_cast<double>(i) + 0.5) * scale - 0.5);
    const float whole = std::floor(centre);
    const float part = centre - whole;
    const fl::LinearSample s = fl::linear_sample(i, source, output);
    return s.first == static_cast<int32_t>(std::min(whole, 2147483520.0F)) &&
           s.weights[0] == static_cast<int16_t>(std::nearbyint((1.0F - part) * 2048.0F)) &&
           s.weights[1] == static_cast<int16_t>(std::nearbyint(part * 2048.0F));
  };
  bool same = true;
  for (int k = 0; k < 100000; ++k) {
    const int64_t source = 1 + r.below(int64_t{1} << (1 + r.below(31)));
    const int64_t output = 1 + r.below(int64_t{1} << (1 + r.below(31)));
    same = same && check(r.below(output), source, output) && check(0, source, output) &&
           check(output - 1, source, output);
  }
  CHECK(same);
  CHECK(check(INT32_MAX - 1, INT32_MAX, INT32_MAX) && check(0, INT32_MAX, 1));
}

// ---- kernels -----------------------------------------------------------------------------

void yuv_kernels_equal_the_oracle() {
  Random r(3);
  const fl::YuvWeights cases[] = {{16, 1220542, 1673527, {-409993, -852492}, 2116026},
                                  {0, 1048576, 1945738, {-490864, -196424}, 1651297}};
  const fl::YuvKernels& oracle = fl::oracle_yuv_kernels();
  for (const char* tier : tiers()) {
    CHECK(fl_isa_select(tier) == FL_OK);
    const fl::YuvKernels& k = fl::yuv_kernels();
    for (size_t n = 0; n < 200; n = n < 140 ? n + 1 : n + 19) {
      for (const fl::YuvWeights& w : cases) {
        const Bytes y = noise(&r, n);
        const Bytes shared = noise(&r, (n + 1) / 2 * 2);
        const Bytes own = noise(&r, 2 * n);
        std::vector<uint8_t> a(3 * n + 1, 9);
        std::vector<uint8_t> b(3 * n + 1, 9);
        k.yuv_pairs(y.get(), shared.get(), n, &w, a.data());
        oracle.yuv_pairs(y.get(), shared.get(), n, &w, b.data());
        CHECK(a == b && a[3 * n] == 9);
        k.yuv_pixels(y.get(), own.get(), n, &w, a.data());
        oracle.yuv_pixels(y.get(), own.get(), n, &w, b.data());
        CHECK(a == b && a[3 * n] == 9);
      }
      const size_t even = (n + 1) / 2 * 2;
      const Bytes pixels = noise(&r, 2 * even);
      std::vector<uint8_t> y[2], c[2];
      for (int i = 0; i < 2; ++i) {
        y[i].assign(n + 1, 9);
        c[i].assign(even + 1, 9);
        (i == 0 ? k : oracle).yuv_split(pixels.get(), n, y[i].data(), c[i].data());
      }
      CHECK(y[0] == y[1] && c[0] == c[1] && y[0][n] == 9 && c[0][even] == 9);
      if (n == 0) continue;
      std::vector<int32_t> columns(n);
      for (int32_t& column : columns) column = int32_t(r.below(int64_t(even)));
      columns.back() = int32_t(even) - 1;
      const Bytes row = noise(&r, even);
      const Bytes pairs = noise(&r, even);
      for (const bool packed : {true, false}) {
        for (int i = 0; i < 2; ++i) {
          y[i].assign(n + 1, 9);
          c[i].assign(2 * n + 1, 9);
          (i == 0 ? k : oracle)
              .yuv_pick(packed ? pixels.get() : row.get(), packed ? nullptr : pairs.get(),
                        columns.data(), n, y[i].data(), c[i].data());
        }
        CHECK(y[0] == y[1] && c[0] == c[1] && y[0][n] == 9 && c[0][2 * n] == 9);
        const uint8_t* last = packed ? pixels.get() + 2 * even - 1 : pairs.get() + even - 1;
        CHECK(c[0][2 * n - 1] == *last);
      }
    }
  }
}

void picking_equals_the_oracle() {
  Random r(4);
  for (const char* tier : tiers()) {
    CHECK(fl_isa_select(tier) == FL_OK);
    for (const int32_t channels : {1, 3, 4}) {
      for (size_t n = 1; n < 150; ++n) {
        const int64_t width = 2 + r.below(int64_t(4 * n));
        const size_t bytes = size_t(width * channels);
        const Bytes row = noise(&r, bytes);
        std::vector<int32_t> at(n);
        for (int32_t& v : at) v = int32_t(r.below(width - 1)) * channels;
        std::sort(at.begin(), at.end());
        size_t safe = 0;
        while (safe < n && size_t(at[safe]) + 8 <= bytes) ++safe;
        const size_t plane = n + 3;
        std::vector<uint8_t> a(4 * plane, 9);
        std::vector<uint8_t> b(4 * plane, 9);
        fl::resize_kernels().pick_columns(row.get(), row.get(), at.data(), n, safe, channels,
                                          a.data(), plane);
        fl::oracle_resize_kernels().pick_columns(row.get(), row.get(), at.data(), n, safe, channels,
                                                 b.data(), plane);
        CHECK(a == b);
      }
    }
  }
}

void halves_and_shifts_equal_the_oracle() {
  Random r(5);
  uint16_t table[256];
  for (uint16_t& v : table) v = static_cast<uint16_t>(r.next());
  for (const char* tier : tiers()) {
    CHECK(fl_isa_select(tier) == FL_OK);
    const fl::LetterboxKernels& k = fl::letterbox_kernels();
    const fl::LetterboxKernels& oracle = fl::oracle_letterbox_kernels();
    for (size_t n = 0; n < 200; ++n) {
      const Bytes row = noise(&r, n);
      std::vector<uint16_t> a(n + 1, 9);
      std::vector<uint16_t> b(n + 1, 9);
      k.map_halves(row.get(), n, table, a.data());
      oracle.map_halves(row.get(), n, table, b.data());
      CHECK(a == b && a[n] == 9);
      std::vector<uint8_t> x(n + 1, 9);
      std::vector<uint8_t> y(n + 1, 9);
      k.shift_row(row.get(), n, 128, x.data());
      oracle.shift_row(row.get(), n, 128, y.data());
      CHECK(x == y && x[n] == 9);
      for (const int32_t channels : {1, 3, 4}) {
        const size_t plane = n + 2;
        std::vector<uint16_t> planes(4 * plane);
        for (uint16_t& v : planes) v = static_cast<uint16_t>(r.next());
        std::vector<uint16_t> p(4 * n + 1, 9);
        std::vector<uint16_t> q(4 * n + 1, 9);
        k.join_halves(planes.data(), plane, n, channels, p.data());
        oracle.join_halves(planes.data(), plane, n, channels, q.data());
        CHECK(p == q);
      }
    }
  }
}

}  // namespace

int main() {
  rounding_is_the_librarys();
  halves_are_the_machines();
  samples_are_opencvs();
  yuv_kernels_equal_the_oracle();
  picking_equals_the_oracle();
  halves_and_shifts_equal_the_oracle();
  return test::finish("frame_kernels");
}
