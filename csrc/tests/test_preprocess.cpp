#include <algorithm>
#include <cmath>
#include <cstring>

#include "check.h"
#include "pixels/letterbox_kernels.h"
#include "pixels/resize_area.h"
#include "pixels/resize_kernels.h"

namespace {

using test::Random;

std::vector<const char*> tiers() {
  const char* names[8];
  const int32_t n = fl_isa_available(names, 8);
  return {names, names + n};
}

std::vector<uint8_t> noise(Random* r, size_t n, int kind = 0) {
  std::vector<uint8_t> p(n);
  for (uint8_t& v : p) v = kind == 0 ? r->byte() : 255;
  return p;
}

// Every length up to past two vectors of bytes, and some long ones.
std::vector<size_t> lengths() {
  std::vector<size_t> n;
  for (size_t i = 0; i <= 70; ++i) n.push_back(i);
  for (const size_t i : {95U, 96U, 127U, 128U, 129U, 640U, 1921U}) n.push_back(i);
  return n;
}

void area_rows_equal_the_oracle() {
  Random r(1);
  // Bytes, 16-bit numbers, and weights that fit neither.
  const uint32_t limits[] = {9, 32767, 65000};
  for (const char* tier : tiers()) {
    CHECK(fl_isa_select(tier) == FL_OK);
    for (const size_t n : lengths()) {
      for (const uint32_t limit : limits) {
        for (const size_t count : {1U, 2U, 3U, 7U, 16U}) {
          const std::vector<uint8_t> p = noise(&r, 16 * (n + 33) + 8, int(n % 2));
          const uint8_t* rows[16];
          uint32_t weights[16];
          for (size_t k = 0; k < count; ++k) {
            rows[k] = p.data() + k * (n + 33) + size_t(r.below(8));
            weights[k] = 1 + uint32_t(r.below(limit));
          }
          std::vector<uint32_t> a(n + 1, 77);
          std::vector<uint32_t> b(n + 1, 77);
          const bool add = r.below(2) == 1;
          fl::resize_kernels().area_rows(rows, weights, count, n, add, a.data());
          fl::oracle_resize_kernels().area_rows(rows, weights, count, n, add, b.data());
          CHECK(a == b && a[n] == 77);
        }
      }
    }
  }
}

// The light and the heavy weights' loops at their limits: sums that fill their lanes.
void area_rows_hold_the_heaviest_sums() {
  const std::vector<uint8_t> white(100, 255);
  const uint8_t* rows[16];
  std::fill(std::begin(rows), std::end(rows), white.data());
  const uint32_t cases[][3] = {{1, 127, 0}, {64, 64, 0}, {127, 1, 0}, {127, 2, 0},
                               {128, 0, 0}, {32767, 32767, 32767}, {32768, 1, 1}, {127, 127, 127}};
  for (const char* tier : tiers()) {
    CHECK(fl_isa_select(tier) == FL_OK);
    for (const auto& weights : cases) {
      uint32_t a[100];
      uint32_t b[100];
      fl::resize_kernels().area_rows(rows, weights, 3, 100, false, a);
      fl::oracle_resize_kernels().area_rows(rows, weights, 3, 100, false, b);
      CHECK(std::memcmp(a, b, sizeof a) == 0);
    }
  }
}

void area_columns_equal_the_oracle() {
  Random r(2);
  for (const char* tier : tiers()) {
    CHECK(fl_isa_select(tier) == FL_OK);
    for (const int32_t channels : {1, 3, 4}) {
      for (const size_t n : lengths()) {
        if (n == 0) continue;
        const int64_t source = 1 + r.below(int64_t(3 * n));
        const fl::AreaAxis axis(source, int64_t(n));
        std::vector<fl::AreaCell> cells(n);
        for (size_t j = 0; j < n; ++j) cells[j] = axis.cell(int64_t(j));
        const size_t numbers = size_t(source * channels);
        // The sums of `rows` rows of bytes.
        const uint64_t rows = 1 + uint64_t(r.below(1 << 13));
        std::vector<uint32_t> acc(numbers + 4, 0);
        for (uint32_t& v : acc) v = uint32_t(r.below(int64_t(255 * rows + 1)));
        if (n % 3 == 0) std::fill(acc.begin(), acc.end(), uint32_t(255 * rows));
        const uint64_t area = axis.total * rows;
        const size_t m = n * size_t(channels);
        std::vector<uint8_t> wide(m + 1, 9);
        std::vector<uint8_t> b(m + 1, 9);
        fl::resize_kernels().area_columns_wide(acc.data(), cells.data(), n, channels,
                                               axis.full, area, wide.data());
        fl::oracle_resize_kernels().area_columns_wide(acc.data(), cells.data(), n, channels,
                                                      axis.full, area, b.data());
        CHECK(wide == b && b[m] == 9);
        if (area > (1U << 23)) continue;
        uint32_t bits = 0;
        while ((uint64_t{1} << bits) < area) ++bits;
        const uint32_t shift = 8 + 2 * bits;
        const uint64_t magic = ((uint64_t{1} << shift) + area - 1) / area;
        const fl::AreaDivisor d{uint32_t(area / 2), uint32_t(magic), shift};
        std::vector<uint8_t> narrow(m + 1, 9);
        fl::resize_kernels().area_columns(acc.data(), cells.data(), n, channels, axis.full,
                                          &d, narrow.data());
        CHECK(narrow == b);
        std::fill(narrow.begin(), narrow.end(), uint8_t{9});
        fl::oracle_resize_kernels().area_columns(acc.data(), cells.data(), n, channels,
                                                 axis.full, &d, narrow.data());
        CHECK(narrow == b);
      }
    }
  }
}

void halves_and_layouts_equal_the_oracle() {
  Random r(3);
  for (const char* tier : tiers()) {
    CHECK(fl_isa_select(tier) == FL_OK);
    const fl::LetterboxKernels& k = fl::letterbox_kernels();
    const fl::LetterboxKernels& oracle = fl::oracle_letterbox_kernels();
    for (const int32_t channels : {1, 3, 4}) {
      for (const size_t n : lengths()) {
        const size_t m = n * size_t(channels);
        // Exactly as long as the kernel may read: the sanitizer sees the rest.
        const std::vector<uint8_t> a = noise(&r, 2 * m, int(n % 2));
        const std::vector<uint8_t> b = noise(&r, 2 * m, int(n % 2));
        std::vector<uint8_t> x(m + 1, 9);
        std::vector<uint8_t> y(m + 1, 9);
        fl::resize_kernels().area_halve(a.data(), b.data(), n, channels, x.data());
        fl::oracle_resize_kernels().area_halve(a.data(), b.data(), n, channels, y.data());
        CHECK(x == y && x[m] == 9);
        const size_t plane = n + 3;
        std::vector<uint8_t> px(plane * 4, 9);
        std::vector<uint8_t> py(plane * 4, 9);
        k.split_planes(b.data(), n, channels, px.data(), plane);
        oracle.split_planes(b.data(), n, channels, py.data(), plane);
        CHECK(px == py);
        std::vector<uint8_t> jx(m + 1, 9);
        k.join_planes(px.data(), plane, n, channels, jx.data());
        CHECK(std::equal(jx.begin(), jx.end() - 1, b.begin()) && jx[m] == 9);
        oracle.join_planes(px.data(), plane, n, channels, y.data());
        CHECK(std::equal(jx.begin(), jx.end() - 1, y.begin()));
        std::vector<float> f(plane * 4);
        for (float& v : f) v = float(r.unit());
        std::vector<float> fx(m + 1, 9);
        std::vector<float> fy(m + 1, 9);
        k.join_floats(f.data(), plane, n, channels, fx.data());
        oracle.join_floats(f.data(), plane, n, channels, fy.data());
        CHECK(fx == fy && fx[m] == 9);
      }
    }
  }
}

void numbers_equal_the_oracle() {
  Random r(4);
  const std::vector<uint8_t> table = noise(&r, 256);
  const float cases[][3] = {{1.0F / 255, 0, 1}, {1, 0, 1}, {1.0F / 255, 0.485F, 0.229F},
                            {-2, 0, 1}, {0.1F, 3.5F, 1}, {1e-44F, 0, 3}, {3e38F, -3e38F, 1e-30F}};
  for (const char* tier : tiers()) {
    CHECK(fl_isa_select(tier) == FL_OK);
    const fl::LetterboxKernels& k = fl::letterbox_kernels();
    const fl::LetterboxKernels& oracle = fl::oracle_letterbox_kernels();
    for (const size_t n : lengths()) {
      const std::vector<uint8_t> row = noise(&r, n);
      for (const auto& c : cases) {
        std::vector<float> x(n + 1, 9);
        std::vector<float> y(n + 1, 9);
        k.scale_row(row.data(), n, c[0], c[1], c[2], x.data());
        oracle.scale_row(row.data(), n, c[0], c[1], c[2], y.data());
        CHECK(std::memcmp(x.data(), y.data(), (n + 1) * sizeof(float)) == 0);
      }
      std::vector<uint8_t> x(n + 1, 9);
      std::vector<uint8_t> y(n + 1, 9);
      k.map_row(row.data(), n, table.data(), x.data());
      oracle.map_row(row.data(), n, table.data(), y.data());
      CHECK(x == y);
    }
  }
}

void linear_equals_the_oracle() {
  Random r(5);
  for (const char* tier : tiers()) {
    CHECK(fl_isa_select(tier) == FL_OK);
    const fl::ResizeKernels& k = fl::resize_kernels();
    const fl::ResizeKernels& oracle = fl::oracle_resize_kernels();
    for (const int32_t channels : {1, 3, 4}) {
      for (const size_t n : lengths()) {
        const int64_t width = 2 + r.below(int64_t(2 * n + 2));
        const size_t bytes = size_t(width * channels);
        const std::vector<uint8_t> row = noise(&r, bytes, int(n % 2));
        std::vector<int32_t> at(n);
        std::vector<int16_t> weights(2 * n);
        for (int32_t& v : at) v = int32_t(r.below(width - 1)) * channels;
        std::sort(at.begin(), at.end());
        size_t safe = 0;
        for (size_t i = 0; i < n; ++i) {
          weights[2 * i] = int16_t(r.below(2049));
          weights[2 * i + 1] = int16_t(2048 - weights[2 * i]);
          if (size_t(at[i]) + 8 <= bytes) safe = i + 1;
        }
        const size_t plane = n + 5;
        std::vector<int16_t> x(plane * 4, 9);
        std::vector<int16_t> y(plane * 4, 9);
        k.linear_columns(row.data(), row.data(), at.data(), weights.data(), n, safe, channels,
                         x.data(), plane);
        oracle.linear_columns(row.data(), row.data(), at.data(), weights.data(), n, safe, channels,
                              y.data(), plane);
        CHECK(x == y);
        std::vector<int16_t> a(n + 1);
        std::vector<int16_t> b(n + 1);
        for (int16_t& v : a) v = int16_t(r.below(32641));
        for (int16_t& v : b) v = n % 2 == 0 ? int16_t{32640} : int16_t(r.below(32641));
        const auto w0 = int32_t(r.below(2049));
        for (const int32_t first : {w0, 0, 2048}) {
          std::vector<uint8_t> p(n + 1, 9);
          std::vector<uint8_t> q(n + 1, 9);
          k.linear_rows(a.data(), b.data(), first, 2048 - first, n, p.data());
          oracle.linear_rows(a.data(), b.data(), first, 2048 - first, n, q.data());
          CHECK(p == q && p[n] == 9);
        }
      }
    }
  }
}

fl_image packed(const std::vector<uint8_t>& p, int64_t w, int64_t h, int32_t channels) {
  return {p.data(), w, h, w * channels, channels, 1, channels, FL_BGR};
}

// By the definition: the weighted sum of all pixels, in 64 bits.
std::vector<uint8_t> exact_area(const fl_image& m, int64_t w, int64_t h) {
  std::vector<uint8_t> out;
  const auto shared = [](int64_t a, int64_t b, int64_t c, int64_t d) {
    return std::max<int64_t>(0, std::min(b, d) - std::max(a, c));
  };
  for (int64_t y = 0; y < h; ++y) {
    for (int64_t x = 0; x < w; ++x) {
      for (int32_t c = 0; c < m.channels; ++c) {
        int64_t sum = 0;
        for (int64_t t = y * m.height / h; t <= ((y + 1) * m.height - 1) / h; ++t) {
          const int64_t wy = shared(y * m.height, (y + 1) * m.height, t * h, (t + 1) * h);
          for (int64_t s = x * m.width / w; s <= ((x + 1) * m.width - 1) / w; ++s) {
            const int64_t wx = shared(x * m.width, (x + 1) * m.width, s * w, (s + 1) * w);
            sum += wx * wy *
                   m.data[t * m.row_stride + s * m.pixel_stride + c * m.channel_stride];
          }
        }
        const int64_t area = m.width * m.height;
        out.push_back(uint8_t((2 * sum + area) / (2 * area)));
      }
    }
  }
  return out;
}

void areas_are_exact() {
  Random r(6);
  // The last ones need sums of 64 bits, more rows than are summed at a time, weights over 2^15.
  const int64_t cases[][4] = {{1, 1, 1, 1},     {1, 1, 7, 5},      {8, 6, 4, 3},  {33, 21, 11, 7},
                              {50, 70, 13, 99}, {9, 1, 1, 9},      {64, 3, 7, 2}, {5, 97, 3, 2},
                              {2897, 2895, 3, 2}, {2903, 2897, 3, 2}, {6001, 5003, 7, 3}, {3, 40009, 2, 32771}, {2, 3, 40009, 40007}};
  for (const auto& size : cases) {
    const int32_t channels = size[0] * size[1] > 100000 ? 1 : 3;
    const std::vector<uint8_t> p = noise(&r, size_t(size[0] * size[1] * channels));
    const fl_image image = packed(p, size[0], size[1], channels);
    const bool huge = size[2] * size[3] > 100000000;
    const int64_t w = huge ? 4 : size[2];
    const std::vector<uint8_t> expected = exact_area(image, w, size[3]);
    std::vector<uint8_t> out(expected.size());
    for (const char* tier : tiers()) {
      CHECK(fl_isa_select(tier) == FL_OK);
      std::fill(out.begin(), out.end(), uint8_t{0});
      CHECK(fl_resize_area(&image, w, size[3], out.data(), w * channels, channels, 1) == FL_OK);
      CHECK(out == expected);
    }
  }
}

// A picture read backwards, its rows apart, written with gaps that stay as they were.
void any_strides() {
  Random r(7);
  const int64_t w = 23;
  const int64_t h = 17;
  const std::vector<uint8_t> p = noise(&r, size_t(w * h * 3));
  std::vector<uint8_t> apart(size_t(w * h * 9 + 10), 0);
  fl_image image{apart.data() + (w * h - 1) * 9 + 2, w, h, -w * 9, -9, -1, 3, FL_BGR};
  for (int64_t y = 0; y < h; ++y) {
    for (int64_t x = 0; x < w; ++x) {
      for (int64_t c = 0; c < 3; ++c) {
        const_cast<uint8_t*>(image.data)[y * image.row_stride + x * -9 - c] =
            p[size_t((y * w + x) * 3 + c)];
      }
    }
  }
  const fl_image plain = packed(p, w, h, 3);
  fl_letterbox_options o;
  CHECK(fl_letterbox_options_init(&o, sizeof o) == FL_OK);
  o.width = 31;
  o.height = 40;
  const size_t n = 31 * 40 * 3;
  for (const int32_t interpolation : {FL_LINEAR, FL_AREA}) {
    o.interpolation = interpolation;
    std::vector<float> a(n, 9);
    std::vector<float> b(n, 9);
    fl_placement at;
    CHECK(fl_letterbox(&plain, &o, a.data(), nullptr, &at) == FL_OK);
    CHECK(fl_letterbox(&image, &o, b.data(), nullptr, nullptr) == FL_OK);
    CHECK(a == b);
    // At an odd address, every second number: neither planar nor packed.
    std::vector<uint8_t> gaps(n * 8 + 8, 77);
    const int64_t strides[3] = {31 * 40 * 8, 31 * 8, 8};
    CHECK(fl_letterbox(&plain, &o, gaps.data() + 1, strides, nullptr) == FL_OK);
    bool same = gaps[0] == 77;
    for (size_t i = 0; i < n; ++i) {
      same = same && std::memcmp(&gaps[8 * i + 1], &a[i], 4) == 0 && gaps[8 * i + 5] == 77;
    }
    CHECK(same);
  }
  std::vector<uint8_t> x(7 * 5 * 3);
  std::vector<uint8_t> y(7 * 5 * 6, 77);
  CHECK(fl_resize_area(&plain, 7, 5, x.data(), 21, 3, 1) == FL_OK);
  CHECK(fl_resize_area(&image, 7, 5, y.data() + 4, 42, 6, -2) == FL_OK);
  for (size_t i = 0; i < x.size(); ++i) CHECK(y[2 * (3 * (i / 3) + 2 - i % 3)] == x[i]);
  CHECK(y[1] == 77 && y[3] == 77);
}

void batches_are_their_pictures() {
  Random r(8);
  fl_letterbox_options o;
  CHECK(fl_letterbox_options_init(&o, sizeof o) == FL_OK);
  o.width = 20;
  o.height = 24;
  o.dtype = FL_INT8;
  o.quantize = 1;
  o.quant_scale = 1.0F / 255;
  o.zero_point = -128;
  const int64_t size = 20 * 24 * 3;
  std::vector<std::vector<uint8_t>> pictures;
  std::vector<fl_image> images;
  for (int64_t i = 0; i < 9; ++i) {
    pictures.push_back(noise(&r, size_t((10 + i) * (20 - i) * 3)));
    images.push_back(packed(pictures.back(), 10 + i, 20 - i, 3));
  }
  std::vector<uint8_t> one(size_t(9 * size));
  std::vector<fl_placement> places(9);
  for (int64_t i = 0; i < 9; ++i) {
    CHECK(fl_letterbox(&images[size_t(i)], &o, &one[size_t(i * size)], nullptr, nullptr) == FL_OK);
  }
  for (const int32_t workers : {1, 3, 0, 50}) {
    std::vector<uint8_t> all(size_t(9 * size));
    CHECK(fl_letterbox_batch(images.data(), 9, &o, workers, all.data(), size, nullptr,
                             places.data()) == FL_OK);
    CHECK(all == one);
    CHECK(places[0].width == 12 && places[0].left == 4 && places[0].top == 0);
  }
  // A bad picture at the end: nothing is written.
  images[8].channels = 1;
  std::vector<uint8_t> all(size_t(9 * size), 5);
  CHECK(fl_letterbox_batch(images.data(), 9, &o, 2, all.data(), size, nullptr, nullptr) ==
        FL_ERROR_ARGUMENT);
  CHECK(std::count(all.begin(), all.end(), 5) == 9 * size);
}

void bad_arguments_are_refused() {
  const std::vector<uint8_t> p(48, 0);
  uint8_t out[48];
  const fl_image good = packed(p, 4, 4, 3);
  const auto resize = [&](const fl_image& m, int64_t w, int64_t h, int64_t row = 12) {
    return fl_resize_area(&m, w, h, out, row, 3, 1);
  };
  CHECK(resize(good, 4, 4) == FL_OK);
  CHECK(fl_resize_area(nullptr, 4, 4, out, 12, 3, 1) == FL_ERROR_ARGUMENT);
  CHECK(fl_resize_area(&good, 4, 4, nullptr, 12, 3, 1) == FL_ERROR_ARGUMENT);
  CHECK(resize(good, 0, 4) == FL_ERROR_ARGUMENT);
  CHECK(resize(good, 4, -1) == FL_ERROR_ARGUMENT);
  CHECK(resize(good, 4, 4, 0) == FL_ERROR_ARGUMENT);
  CHECK(resize(good, int64_t{1} << 40, 4) == FL_ERROR_ARGUMENT);
  CHECK(resize(good, INT32_MAX, 4) == FL_ERROR_OVERFLOW);
  CHECK(resize(good, 4, 4, INT64_MAX / 2) == FL_ERROR_OVERFLOW);
  fl_image bad = good;
  bad.data = nullptr;
  CHECK(resize(bad, 4, 4) == FL_ERROR_ARGUMENT);
  bad = good;
  bad.channels = 2;
  CHECK(resize(bad, 4, 4) == FL_ERROR_ARGUMENT);
  bad = good;
  bad.width = 0;
  CHECK(resize(bad, 4, 4) == FL_ERROR_ARGUMENT);
  bad = good;
  bad.row_stride = INT64_MIN;
  CHECK(resize(bad, 4, 4) == FL_ERROR_OVERFLOW);
  bad = good;
  bad.data = out + 40;
  CHECK(resize(bad, 4, 4) == FL_ERROR_ARGUMENT);  // overlap
  // A broadcast picture whose sums would not fit.
  fl_image endless{p.data(), INT32_MAX / 3, INT32_MAX, 0, 0, 1, 3, FL_BGR};
  CHECK(resize(endless, 4, 4) == FL_ERROR_OVERFLOW);

  fl_letterbox_options o;
  float to[48];
  const auto boxed = [&] { return fl_letterbox(&good, &o, to, nullptr, nullptr); };
  const auto fresh = [&] {
    fl_letterbox_options_init(&o, sizeof o);
    o.width = o.height = 4;
  };
  fresh();
  CHECK(boxed() == FL_OK);
  CHECK(fl_letterbox(&good, nullptr, to, nullptr, nullptr) == FL_ERROR_ARGUMENT);
  o.struct_size = 3;
  CHECK(boxed() == FL_ERROR_ARGUMENT);
  const auto refused = [&](auto change) {
    fresh();
    change();
    CHECK(boxed() == FL_ERROR_ARGUMENT);
  };
  refused([&] { o.width = 0; });
  refused([&] { o.interpolation = 2; });
  refused([&] { o.layout = 2; });
  refused([&] { o.dtype = FL_FLOAT64; });
  refused([&] { o.swap_rb = 2; });
  refused([&] { o.scale = 0; });
  refused([&] { o.scale = NAN; });
  refused([&] { o.mean[2] = INFINITY; });
  refused([&] { o.std[1] = 0; });
  refused([&] { o.std[1] = NAN; });
  refused([&] { o.quant_scale = -1; });
  refused([&] { o.zero_point = 256; });
  fresh();
  o.width = o.height = INT32_MAX;
  CHECK(boxed() == FL_ERROR_OVERFLOW);
  const int64_t flat[3] = {0, 16, 4};
  fresh();
  CHECK(fl_letterbox(&good, &o, to, flat, nullptr) == FL_ERROR_ARGUMENT);
  CHECK(fl_letterbox_batch(&good, -1, &o, 1, to, 0, nullptr, nullptr) == FL_ERROR_ARGUMENT);
  CHECK(fl_letterbox_batch(nullptr, 0, &o, 1, nullptr, 0, nullptr, nullptr) == FL_OK);
  CHECK(fl_letterbox_placement(1920, 1080, &o, nullptr) == FL_ERROR_ARGUMENT);
}

}  // namespace

int main() {
  area_rows_equal_the_oracle();
  area_rows_hold_the_heaviest_sums();
  area_columns_equal_the_oracle();
  halves_and_layouts_equal_the_oracle();
  numbers_equal_the_oracle();
  linear_equals_the_oracle();
  areas_are_exact();
  any_strides();
  batches_are_their_pictures();
  bad_arguments_are_refused();
  return test::finish("preprocess");
}
