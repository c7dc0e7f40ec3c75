#include <algorithm>
#include <cstring>

#include "check.h"
#include "pixels/blend_kernels.h"
#include "pixels/composite.h"

namespace {

std::vector<uint8_t> bytes(test::Random* r, size_t n) {
  std::vector<uint8_t> p(n);
  for (uint8_t& b : p) b = r->byte();
  return p;
}

// Runs of 0 and of 255 among others, as the weights of a patch have them.
std::vector<uint8_t> weights(test::Random* r, size_t n) {
  std::vector<uint8_t> w(n);
  for (size_t i = 0; i < n;) {
    const size_t end = std::min(n, i + size_t(r->below(150)) + 1);
    const int64_t kind = r->below(3);
    for (; i < end; ++i) w[i] = kind == 0 ? uint8_t(0) : kind == 1 ? uint8_t(255) : r->byte();
  }
  return w;
}

void every_tier_equals_the_oracle() {
  test::Random r(21);
  const fl::BlendKernels& oracle = fl::oracle_blend_kernels();
  const char* names[8];
  const int32_t tiers = fl_isa_available(names, 8);
  for (int32_t t = 0; t < tiers; ++t) {
    CHECK(fl_isa_select(names[t]) == FL_OK);
    const fl::BlendKernels& k = fl::blend_kernels();
    std::vector<size_t> lengths;
    for (size_t n = 0; n <= 140; ++n) lengths.push_back(n);
    for (const size_t n : {511U, 512U, 1000U, 4099U}) lengths.push_back(n);
    for (const size_t n : lengths) {
      const size_t shift = size_t(r.below(8));
      const std::vector<uint8_t> patch = bytes(&r, 4 * n + shift);
      const std::vector<uint8_t> weight = weights(&r, n + shift);
      const std::vector<uint8_t> scene = bytes(&r, 4 * n + shift + 1);
      const uint8_t caps[] = {255, 0, r.byte()};
      for (int32_t mode = 0; mode < FL_BLEND_MODES; ++mode) {
        for (const uint8_t cap : caps) {
          std::vector<uint8_t> a = scene;
          std::vector<uint8_t> b = scene;
          k.blend(mode, patch.data() + shift, weight.data() + shift, cap, n, a.data() + shift);
          oracle.blend(mode, patch.data() + shift, weight.data() + shift, cap, n,
                       b.data() + shift);
          CHECK(a == b);
          k.blend_over(mode, patch.data() + shift, weight.data() + shift, cap, n,
                       a.data() + shift);
          oracle.blend_over(mode, patch.data() + shift, weight.data() + shift, cap, n,
                            b.data() + shift);
          CHECK(a == b);
        }
      }
      std::vector<uint8_t> a(scene.begin(), scene.begin() + ptrdiff_t(n + 1));
      std::vector<uint8_t> b = a;
      k.weight_scale(weight.data() + shift, n, a.data());
      oracle.weight_scale(weight.data() + shift, n, b.data());
      CHECK(a == b);
      k.weight_fade(caps[2], n, a.data());
      oracle.weight_fade(caps[2], n, b.data());
      CHECK(a == b);
      std::vector<uint8_t> sa(3 * n + 1, 9);
      std::vector<uint8_t> sb(3 * n + 1, 9);
      k.weight_spread(weight.data() + shift, n, sa.data());
      oracle.weight_spread(weight.data() + shift, n, sb.data());
      CHECK(sa == sb && sa[3 * n] == 9);
      k.split_alpha(patch.data() + shift, n, sa.data(), a.data());
      oracle.split_alpha(patch.data() + shift, n, sb.data(), b.data());
      CHECK(sa == sb && a == b && sa[3 * n] == 9);
    }
  }
}

// Every pair of samples, and every weight of some pairs.
void every_sample() {
  const fl::BlendKernels& oracle = fl::oracle_blend_kernels();
  const char* names[8];
  const int32_t tiers = fl_isa_available(names, 8);
  for (int32_t t = 0; t < tiers; ++t) {
    CHECK(fl_isa_select(names[t]) == FL_OK);
    for (int32_t mode = 0; mode < FL_BLEND_MODES; ++mode) {
      for (int row = 0; row < 256; ++row) {
        for (const int fixed : {255, 130, -1}) {
          uint8_t scene[256], patch[256], weight[256], other[256];
          for (int i = 0; i < 256; ++i) {
            scene[i] = other[i] = uint8_t(fixed < 0 ? 255 - row : row);
            patch[i] = uint8_t(fixed < 0 ? row / 3 : i);
            weight[i] = uint8_t(fixed < 0 ? i : fixed);
          }
          fl::blend_kernels().blend(mode, patch, weight, 255, 256, scene);
          oracle.blend(mode, patch, weight, 255, 256, other);
          CHECK(std::memcmp(scene, other, 256) == 0);
        }
      }
    }
  }
}

void feathers() {
  CHECK(fl::feather_ramp(0, 9, 0) == 255);
  CHECK(fl::feather_ramp(0, 9, 1) == 85 && fl::feather_ramp(1, 9, 1) == 255);
  CHECK(fl::feather_ramp(8, 9, 1) == 85);
  test::Random r(3);
  for (int round = 0; round < 60; ++round) {
    const int64_t w = 1 + r.below(20);
    const int64_t h = 1 + r.below(20);
    const int64_t radius = 1 + r.below(24);
    const std::vector<uint8_t> before = weights(&r, size_t(w * h));
    std::vector<uint8_t> after = before;
    fl::feather_mask(after.data(), w, h, radius);
    for (int64_t y = 0; y < h; ++y) {
      for (int64_t x = 0; x < w; ++x) {
        int64_t sum = 0;
        for (int64_t v = std::max<int64_t>(0, y - radius); v < std::min(h, y + radius + 1); ++v) {
          for (int64_t u = std::max<int64_t>(0, x - radius); u < std::min(w, x + radius + 1); ++u) {
            sum += before[size_t(v * w + u)];
          }
        }
        const int64_t pixels = (2 * radius + 1) * (2 * radius + 1);
        const int64_t soft = std::max<int64_t>(0, (4 * sum + pixels) / (2 * pixels) - 255);
        const auto at = size_t(y * w + x);
        CHECK(after[at] == std::min<int64_t>(before[at], soft));
      }
    }
  }
}

void bad_arguments_are_refused() {
  uint8_t scene_bytes[48] = {};
  uint8_t patch_bytes[12];
  uint8_t mask_bytes[4] = {255, 255, 255, 255};
  std::memset(patch_bytes, 9, sizeof patch_bytes);
  const fl_image scene{scene_bytes, 4, 4, 12, 3, 1, 3, FL_BGR};
  const fl_image patch{patch_bytes, 2, 2, 6, 3, 1, 3, FL_BGR};
  const fl_image mask{mask_bytes, 2, 2, 2, 1, 1, 1, FL_GRAY};
  fl_composite_options options;
  CHECK(fl_composite_options_init(&options, sizeof options) == FL_OK);
  const auto untouched = [&] {
    return std::all_of(scene_bytes, scene_bytes + 48, [](uint8_t b) { return b == 0; });
  };
  const auto status = [&](const fl_image* s, const fl_image* p, const fl_image* m,
                          const fl_composite_options* o) {
    return fl_composite(s, p, 1, 1, m, o);
  };
  CHECK(status(nullptr, &patch, nullptr, nullptr) == FL_ERROR_ARGUMENT);
  CHECK(status(&scene, nullptr, nullptr, nullptr) == FL_ERROR_ARGUMENT);
  fl_image bad = patch;
  bad.order = FL_RGB;
  CHECK(status(&scene, &bad, nullptr, nullptr) == FL_ERROR_ARGUMENT);
  bad = mask;
  CHECK(status(&scene, &bad, nullptr, nullptr) == FL_ERROR_ARGUMENT);
  bad.width = 1;
  CHECK(status(&scene, &patch, &bad, nullptr) == FL_ERROR_ARGUMENT);
  CHECK(status(&scene, &patch, &patch, nullptr) == FL_ERROR_ARGUMENT);
  bad = patch;
  bad.data = scene_bytes + 30;
  CHECK(status(&scene, &bad, nullptr, nullptr) == FL_ERROR_ARGUMENT);
  bad = mask;
  bad.data = scene_bytes + 44;
  CHECK(status(&scene, &patch, &bad, nullptr) == FL_ERROR_ARGUMENT);
  bad = scene;
  bad.row_stride = 0;
  CHECK(status(&bad, &patch, nullptr, nullptr) == FL_ERROR_ARGUMENT);
  bad = scene;  // whose last byte would lie beyond any address
  bad.row_stride = INT64_MAX / 3;
  CHECK(status(&bad, &patch, nullptr, nullptr) == FL_ERROR_OVERFLOW);
  bad.row_stride = INT64_MIN / 3;
  CHECK(status(&bad, &patch, nullptr, nullptr) == FL_ERROR_OVERFLOW);
  for (int k = 0; k < 6; ++k) {
    fl_composite_options o = options;
    if (k == 0) o.mode = FL_BLEND_MODES;
    if (k == 1) o.mode = -1;
    if (k == 2) o.feather = -1;
    if (k == 3) o.opacity = 1.5;
    if (k == 4) o.opacity = -0.1;
    if (k == 5) o.struct_size = 4;
    CHECK(status(&scene, &patch, nullptr, &o) == FL_ERROR_ARGUMENT);
  }
  CHECK(fl_composite(&scene, &patch, INT64_MAX, INT64_MIN, nullptr, nullptr) == FL_OK);
  CHECK(fl_composite(&scene, &patch, 4, 0, nullptr, nullptr) == FL_OK);
  CHECK(fl_composite(&scene, &patch, 0, -2, nullptr, nullptr) == FL_OK);
  CHECK(untouched());
  CHECK(status(&scene, &patch, &mask, &options) == FL_OK);
  CHECK(scene_bytes[15] == 9 && scene_bytes[14] == 0 && scene_bytes[20] == 9 &&
        scene_bytes[21] == 0);
}

// A paste's switches are 0 or 1, and what is reserved stays 0.
void paste_options() {
  const double box[4] = {4, 4, 12, 12};
  int64_t window[4];
  const auto with = [&](int32_t fl_paste_options::*field, int32_t value) {
    fl_paste_options o;
    fl_paste_options_init(&o, sizeof o);
    o.*field = value;
    return fl_paste_window(64, 64, box, &o, window);
  };
  for (const auto field : {&fl_paste_options::match, &fl_paste_options::flip,
                           &fl_paste_options::loose, &fl_paste_options::apply}) {
    CHECK(with(field, 0) == FL_OK && with(field, 1) == FL_OK);
    CHECK(with(field, 2) == FL_ERROR_ARGUMENT && with(field, -1) == FL_ERROR_ARGUMENT);
  }
  CHECK(with(&fl_paste_options::blend, 3) == FL_ERROR_ARGUMENT);
  CHECK(with(&fl_paste_options::reserved, 1) == FL_ERROR_ARGUMENT);
}

}  // namespace

int main() {
  paste_options();
  every_tier_equals_the_oracle();
  every_sample();
  feathers();
  bad_arguments_are_refused();
  return test::finish("composite");
}
