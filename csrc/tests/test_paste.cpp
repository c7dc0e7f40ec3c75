// Pasting by its definition, written anew, in buffers of exactly the size needed.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "check.h"
#include "fastlabel/fastlabel.h"

namespace {

using test::Random;

struct Picture {
  int64_t width, height, channels, stride;
  std::vector<uint8_t> bytes;

  Picture(int64_t w, int64_t h, int64_t c, int64_t gap, Random* random)
      : width(w), height(h), channels(c), stride(w * c + gap),
        bytes(static_cast<size_t>((h - 1) * stride + w * c)) {
    for (auto& b : bytes) b = random->byte();
  }
  fl_image image() const {
    fl_image i{};
    i.data = bytes.data();
    i.width = width;
    i.height = height;
    i.row_stride = stride;
    i.pixel_stride = channels;
    i.channel_stride = 1;
    i.channels = static_cast<int32_t>(channels);
    i.order = channels == 3 ? FL_BGR : FL_GRAY;
    return i;
  }
  uint8_t at(int64_t x, int64_t y, int64_t c) const {
    return bytes[static_cast<size_t>(y * stride + x * channels + c)];
  }
};

// At scale 1 and whole pixels each pixel of the patch falls on one of the scene.
void at_scale_one(Random* random, int32_t blend, bool loose, bool flip) {
  const int64_t w = 1 + random->below(9);
  const int64_t h = 1 + random->below(9);
  Picture scene(1 + random->below(20), 1 + random->below(20), 3, random->below(5), random);
  // Two pixels of the patch lie around the box.
  const Picture patch(w + 4, h + 4, 3, random->below(4), random);
  const Picture alpha(w + 4, h + 4, 1, random->below(4), random);
  const int64_t x0 = random->below(scene.width + w) - w;
  const int64_t y0 = random->below(scene.height + h) - h;
  const double from[4] = {2, 2, static_cast<double>(w + 2), static_cast<double>(h + 2)};
  const double to[4] = {static_cast<double>(x0), static_cast<double>(y0),
                        static_cast<double>(x0 + w), static_cast<double>(y0 + h)};
  fl_paste_options o;
  CHECK(fl_paste_options_init(&o, sizeof o) == FL_OK);
  o.blend = blend;
  o.match = 0;
  o.loose = loose ? 1 : 0;
  o.flip = flip ? 1 : 0;
  o.feather = 0;
  int64_t window[4];
  CHECK(fl_paste_window(scene.width, scene.height, to, &o, window) == FL_OK);
  std::vector<uint8_t> mask(static_cast<size_t>(window[2] * window[3]));
  const Picture before = scene;
  const fl_image s = scene.image();
  const fl_image p = patch.image();
  const fl_image a = alpha.image();
  fl_paste_report report;
  CHECK(fl_paste_object(&s, &p, &a, from, to, &o, mask.data(), nullptr, &report) == FL_OK);
  CHECK(report.gain == 1 && report.blur == 0 && report.noise == 0);
  int wrong = 0;
  for (int64_t y = 0; y < scene.height; ++y) {
    for (int64_t x = 0; x < scene.width; ++x) {
      const bool seen = x >= window[0] && x < window[0] + window[2] && y >= window[1] &&
                        y < window[1] + window[3];
      const int64_t px = flip ? x0 + w + 1 - x : x - x0 + 2;
      const int64_t py = y - y0 + 2;
      const bool inside = seen && px >= 0 && px < w + 4 && py >= 0 && py < h + 4;
      const bool boxed = x >= x0 && x < x0 + w && y >= y0 && y < y0 + h;
      double cover = inside ? alpha.at(px, py, 0) / 255.0 : 0;
      if (blend == FL_PASTE_RECTANGLE) cover = boxed ? 1 : 0;
      for (int64_t c = 0; c < 3; ++c) {
        const double back = before.at(x, y, c);
        const double want = inside ? back + cover * (patch.at(px, py, c) - back) : back;
        wrong += std::fabs(want - scene.at(x, y, c)) > 0.51;
      }
      if (!seen) continue;
      const auto i = static_cast<size_t>((y - window[1]) * window[2] + x - window[0]);
      wrong += std::fabs(cover * 255 - mask[i]) > 0.51;
    }
  }
  CHECK(wrong == 0);
}

// Matched pastes of any size and place: the same bytes twice, nothing changed where nothing covers.
void matched(Random* random, int32_t blend, bool loose) {
  Picture scene(1 + random->below(60), 1 + random->below(60), 3, random->below(5), random);
  Picture patch(1 + random->below(50), 1 + random->below(50), 3, 0, random);
  for (auto& b : patch.bytes) b = static_cast<uint8_t>(b / 4);  // dark: gains come to their bound
  Picture alpha(patch.width, patch.height, 1, 0, random);
  // Ground to match by: nothing of the object in the outer columns.
  for (int64_t i = 0; i < patch.width * patch.height; ++i) {
    const int64_t column = i % patch.width;
    if (column < patch.width / 3) alpha.bytes[static_cast<size_t>(i)] = 0;
  }
  const double from[4] = {0.25 * static_cast<double>(patch.width), 0,
                          static_cast<double>(patch.width), static_cast<double>(patch.height)};
  const double x = random->unit() * 70 - 10;
  const double y = random->unit() * 70 - 10;
  const double to[4] = {x, y, x + 0.2 + 25 * random->unit(), y + 0.2 + 25 * random->unit()};
  fl_paste_options o;
  CHECK(fl_paste_options_init(&o, sizeof o) == FL_OK);
  o.blend = blend;
  o.loose = loose ? 1 : 0;
  o.noise = 3;
  o.seed = 7;
  int64_t window[4];
  CHECK(fl_paste_window(scene.width, scene.height, to, &o, window) == FL_OK);
  std::vector<uint8_t> mask(static_cast<size_t>(window[2] * window[3]));
  const Picture before = scene;
  Picture again = scene;
  const fl_image p = patch.image();
  const fl_image a = alpha.image();
  fl_paste_report report;
  for (Picture* each : {&scene, &again}) {
    const fl_image s = each->image();
    CHECK(fl_paste_object(&s, &p, &a, from, to, &o, mask.data(), nullptr, &report) == FL_OK);
  }
  CHECK(scene.bytes == again.bytes);
  CHECK(report.gain >= 0.7 && report.gain <= 1.4 && report.noise <= 3.01);
  int wrong = 0;
  for (int64_t yy = 0; yy < scene.height; ++yy) {
    for (int64_t xx = 0; xx < scene.width; ++xx) {
      const bool seen = xx >= window[0] && xx < window[0] + window[2] && yy >= window[1] &&
                        yy < window[1] + window[3];
      const auto i = static_cast<size_t>((yy - window[1]) * window[2] + xx - window[0]);
      if (seen && mask[i] != 0) continue;
      for (int64_t c = 0; c < 3; ++c) wrong += scene.at(xx, yy, c) != before.at(xx, yy, c);
    }
  }
  CHECK(wrong == 0);
}

}  // namespace

int main() {
  Random random(5);
  for (int round = 0; round < 60; ++round) {
    for (const int32_t blend : {FL_PASTE_FEATHER, FL_PASTE_ALPHA, FL_PASTE_RECTANGLE}) {
      for (const bool loose : {false, true}) {
        at_scale_one(&random, blend, loose, round % 2 == 1);
        matched(&random, blend, loose);
      }
    }
  }
  return test::finish("paste");
}
