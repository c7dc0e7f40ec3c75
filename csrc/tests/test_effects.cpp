#include <algorithm>
#include <cstring>

#include "check.h"
#include "pixels/effect_kernels.h"
#include "pixels/effects.h"

namespace {

std::vector<uint8_t> bytes(test::Random* r, size_t n) {
  std::vector<uint8_t> p(n);
  for (uint8_t& b : p) b = r->byte();
  return p;
}

void every_tier_equals_the_oracle() {
  test::Random r(5);
  const fl::EffectKernels& oracle = fl::oracle_effect_kernels();
  const char* names[8];
  const int32_t tiers = fl_isa_available(names, 8);
  for (int32_t t = 0; t < tiers; ++t) {
    CHECK(fl_isa_select(names[t]) == FL_OK);
    const fl::EffectKernels& k = fl::effect_kernels();
    std::vector<size_t> lengths;
    for (size_t n = 0; n <= 140; ++n) lengths.push_back(n);
    for (const size_t n : {255U, 256U, 640U, 1001U}) lengths.push_back(n);
    for (const size_t n : lengths) {
      const size_t shift = size_t(r.below(8));
      const std::vector<uint8_t> image = bytes(&r, 3 * n + shift);
      const std::vector<uint8_t> tables = bytes(&r, 768);
      const uint8_t* from = image.data() + shift;
      std::vector<uint8_t> a(3 * n + 1, 9);
      std::vector<uint8_t> b = a;
      k.look_up(tables.data(), from, n, a.data());
      oracle.look_up(tables.data(), from, n, b.data());
      CHECK(a == b);
      k.look_up_rgb(tables.data(), from, n, a.data());
      oracle.look_up_rgb(tables.data(), from, n, b.data());
      CHECK(a == b && a[3 * n] == 9);
      for (const int32_t channels : {1, 3}) {
        const fl::NoiseRow how{float(r.unit()) * 400, float(r.unit()), float(r.unit()),
                               float(r.unit()), uint32_t(r.next()), uint32_t(r.next())};
        k.noise(&how, from, n, channels, a.data());
        oracle.noise(&how, from, n, channels, b.data());
        CHECK(a == b && a[3 * n] == 9);
        const uint32_t both = uint32_t(r.next() >> size_t(r.below(24)));
        k.specks(how.pixel_key, both / 2, both, n, channels, a.data());
        oracle.specks(how.pixel_key, both / 2, both, n, channels, b.data());
        CHECK(a == b && a[3 * n] == 9);
      }
      const size_t taps = size_t(r.below(300)) + 1;
      std::vector<const uint8_t*> samples(taps);
      std::vector<uint16_t> weights(taps);
      const std::vector<uint8_t> field = bytes(&r, n + 600);
      for (size_t j = 0; j < taps; ++j) {
        samples[j] = field.data() + r.below(600);
        weights[j] = uint16_t(65535U / taps);
      }
      k.filter(samples.data(), weights.data(), taps, n, a.data());
      oracle.filter(samples.data(), weights.data(), taps, n, b.data());
      CHECK(a == b);
    }
  }
}

fl_image view(const std::vector<uint8_t>& p, int64_t w, int64_t h, int32_t channels) {
  return {p.data(), w, h, w * channels, channels, 1, channels, channels == 1 ? FL_GRAY : FL_BGR};
}

void weights_are_shared_out_without_a_rest() {
  test::Random r(8);
  for (int round = 0; round < 200; ++round) {
    const int64_t n = r.below(40) + 1;
    std::vector<int32_t> at(size_t(n), 0);
    std::vector<double> w(size_t(n), 0);
    for (double& v : w) v = r.below(4) == 0 ? 0 : r.unit();
    w[0] += 0.01;
    double sum = 0;
    for (const double v : w) sum += v;
    int64_t total = 0;
    for (const fl::Tap& t : fl::whole_taps(at.data(), at.data(), w.data(), n)) total += t.weight;
    CHECK(total == 65535);
  }
}

void pictures_of_any_strides() {
  test::Random r(3);
  const std::vector<uint8_t> plain = bytes(&r, 5 * 7 * 3);
  // The same pixels upside down, mirrored, with planes apart.
  std::vector<uint8_t> other(plain.size());
  for (int64_t y = 0; y < 5; ++y) {
    for (int64_t x = 0; x < 7; ++x) {
      for (int64_t c = 0; c < 3; ++c) {
        other[size_t(35 * c + 7 * (4 - y) + 6 - x)] = plain[size_t(21 * y + 3 * x + c)];
      }
    }
  }
  const fl_image a = view(plain, 7, 5, 3);
  const fl_image b = {other.data() + 34, 7, 5, -7, -1, 35, 3, FL_BGR};
  std::vector<uint8_t> to_a(105);
  std::vector<uint8_t> to_b(105);
  const int32_t dx[] = {-9, 0, 20};
  const int32_t dy[] = {1, 0, -17};
  const double w[] = {1, 2, 3};
  CHECK(fl_filter_taps(&a, dx, dy, w, 3, to_a.data(), 21) == FL_OK);
  CHECK(fl_filter_taps(&b, dx, dy, w, 3, to_b.data(), 21) == FL_OK);
  CHECK(to_a == to_b);
  CHECK(fl_sensor_noise(&a, 3, 0.5, 0.5, 7, to_a.data(), 21) == FL_OK);
  CHECK(fl_sensor_noise(&b, 3, 0.5, 0.5, 7, to_b.data(), 21) == FL_OK);
  CHECK(to_a == to_b && to_a != plain);
  const std::vector<uint8_t> mask = bytes(&r, 35);
  const fl_image m = view(mask, 7, 5, 1);
  const uint8_t colour[] = {10, 200, 90};
  CHECK(fl_veil(&b, &m, colour, to_b.data(), 21) == FL_OK);
  for (size_t i = 0; i < 105; ++i) {
    const int v = plain[i];
    const int weight = mask[i / 3];
    CHECK(to_b[i] == (2 * (v * (255 - weight) + colour[i % 3] * weight) + 255) / 510);
  }
}

void bad_arguments_are_refused() {
  const std::vector<uint8_t> p(48, 100);
  std::vector<uint8_t> out(48, 1);
  const fl_image a = view(p, 4, 4, 3);
  const fl_image four = view(p, 3, 4, 4);
  const std::vector<uint8_t> table(768, 0);
  CHECK(fl_look_up(nullptr, table.data(), 1, out.data(), 12) == FL_ERROR_ARGUMENT);
  CHECK(fl_look_up(&four, table.data(), 1, out.data(), 12) == FL_ERROR_ARGUMENT);
  CHECK(fl_look_up(&a, nullptr, 1, out.data(), 12) == FL_ERROR_ARGUMENT);
  CHECK(fl_look_up(&a, table.data(), 2, out.data(), 12) == FL_ERROR_ARGUMENT);
  CHECK(fl_look_up(&a, table.data(), 1, nullptr, 12) == FL_ERROR_ARGUMENT);
  CHECK(fl_look_up(&a, table.data(), 1, out.data(), 11) == FL_ERROR_ARGUMENT);
  const double nan = __builtin_nan("");
  for (const double v : {-0.1, 255.1, nan}) {
    CHECK(fl_sensor_noise(&a, v, 0, 0, 0, out.data(), 12) == FL_ERROR_ARGUMENT);
    CHECK(fl_sensor_noise(&a, 0, v, 0, 0, out.data(), 12) == FL_ERROR_ARGUMENT);
    CHECK(fl_sensor_noise(&a, 0, 0, v, 0, out.data(), 12) == FL_ERROR_ARGUMENT);
    CHECK(fl_salt_and_pepper(&a, v, 0, 0, out.data(), 12) == FL_ERROR_ARGUMENT);
    CHECK(fl_salt_and_pepper(&a, 0, v, 0, out.data(), 12) == FL_ERROR_ARGUMENT);
  }
  const int32_t here[] = {0, 0};
  const int32_t far[] = {0, FL_MAX_REACH + 1};
  const double good[] = {1, 1};
  const double bad[] = {1, nan};
  const double less[] = {1, -1};
  const double none[] = {0, 0};
  const double huge[] = {1e308, 1e308};
  for (const double* w : {bad, less, none, huge}) {
    CHECK(fl_filter_taps(&a, here, here, w, 2, out.data(), 12) == FL_ERROR_ARGUMENT);
  }
  CHECK(fl_filter_taps(&a, far, here, good, 2, out.data(), 12) == FL_ERROR_ARGUMENT);
  CHECK(fl_filter_taps(&a, here, far, good, 2, out.data(), 12) == FL_ERROR_ARGUMENT);
  CHECK(fl_filter_taps(&a, here, here, good, 0, out.data(), 12) == FL_ERROR_ARGUMENT);
  CHECK(fl_filter_taps(&a, here, here, good, FL_MAX_TAPS + 1, out.data(), 12) ==
        FL_ERROR_ARGUMENT);
  const fl_image small = view(p, 3, 4, 1);
  CHECK(fl_veil(&a, &small, table.data(), out.data(), 12) == FL_ERROR_ARGUMENT);
  CHECK(fl_veil(&a, &a, table.data(), out.data(), 12) == FL_ERROR_ARGUMENT);
  CHECK(std::all_of(out.begin(), out.end(), [](uint8_t v) { return v == 1; }));
}

}  // namespace

int main() {
  every_tier_equals_the_oracle();
  weights_are_shared_out_without_a_rest();
  pictures_of_any_strides();
  bad_arguments_are_refused();
  return test::finish("effects");
}
