#include <algorithm>
#include <cmath>
#include <cstring>
#include <memory>

#include "check.h"
#include "fastlabel/fastlabel.h"

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

// ---- frames ------------------------------------------------------------------------------

// A frame in memory just as long as it must be, its rows apart, perhaps upside down; and the
// picture in it, made pixel by pixel.
struct Camera {
  Camera(Random* r, int32_t format, int64_t width, int64_t height) {
    f.format = format;
    f.matrix = int32_t(r->below(2));
    f.range = int32_t(r->below(2));
    f.width = width;
    f.height = height;
    const bool planes = format == FL_FRAME_NV12 || format == FL_FRAME_NV21;
    const int64_t unit =
        format == FL_FRAME_YUYV ? 2 : format == FL_FRAME_RGB || format == FL_FRAME_BGR ? 3 : 1;
    lay(r, 0, width * unit, height);
    if (planes) lay(r, 1, width, height / 2);
  }

  void lay(Random* r, int k, int64_t row, int64_t rows) {
    const int64_t stride = row + r->below(5);
    const auto size = static_cast<size_t>((rows - 1) * stride + row);
    memory[k] = noise(r, size);
    bytes[k] = int64_t(size);
    const bool upwards = r->below(4) == 0;
    f.planes[k] = memory[k].get() + (upwards ? (rows - 1) * stride : 0);
    f.strides[k] = upwards ? -stride : stride;
  }

  std::vector<uint8_t> picture(int32_t channels) const {
    static constexpr double kFactors[2][2][5] = {
        {{1220542, 1673527, -409993, -852492, 2116026},
         {1048576, 1470104, -360853, -748826, 1858077}},
        {{1220945, 1879825, -223607, -558796, 2215014},
         {1048576, 1651297, -196424, -490864, 1945738}}};
    const double* m = kFactors[f.matrix][f.range];
    const double black = f.range == FL_LIMITED_RANGE ? 16 : 0;
    const fl_window w = whole() ? fl_window{0, 0, f.width, f.height} : f.window;
    std::vector<uint8_t> out;
    for (int64_t y = w.y; y < w.y + w.height; ++y) {
      const uint8_t* row = f.planes[0] + y * f.strides[0];
      for (int64_t x = w.x; x < w.x + w.width; ++x) {
        if (f.format == FL_FRAME_GRAY) {
          out.push_back(row[x]);
          continue;
        }
        if (f.format == FL_FRAME_RGB || f.format == FL_FRAME_BGR) {
          const bool rgb = f.format == FL_FRAME_RGB;
          const int32_t c[3] = {row[3 * x + (rgb ? 0 : 2)], row[3 * x + 1], row[3 * x + (rgb ? 2 : 0)]};
          if (channels == 1) {
            out.push_back(uint8_t((9798 * c[0] + 19235 * c[1] + 3735 * c[2] + 16384) >> 15));
          } else {
            for (const int32_t v : c) out.push_back(uint8_t(v));
          }
          continue;
        }
        int32_t u = 0;
        int32_t v = 0;
        const int32_t luma = f.format == FL_FRAME_YUYV ? row[2 * x] : row[x];
        if (f.format == FL_FRAME_YUYV) {
          u = row[x / 2 * 4 + 1];
          v = row[x / 2 * 4 + 3];
        } else {
          const uint8_t* pair = f.planes[1] + y / 2 * f.strides[1] + x / 2 * 2;
          u = pair[f.format == FL_FRAME_NV12 ? 0 : 1];
          v = pair[f.format == FL_FRAME_NV12 ? 1 : 0];
        }
        if (channels == 1) {
          out.push_back(uint8_t(luma));
          continue;
        }
        const double light = m[0] * std::max(0.0, luma - black);
        const double sums[3] = {light + m[1] * (v - 128),
                                light + m[2] * (u - 128) + m[3] * (v - 128),
                                light + m[4] * (u - 128)};
        // Whole numbers below 2^53: nothing is rounded before the last line.
        for (const double sum : sums) {
          out.push_back(uint8_t(std::clamp(std::floor((sum + 524288) / 1048576), 0.0, 255.0)));
        }
      }
    }
    return out;
  }

  bool whole() const { return f.window.width == 0; }

  fl_frame f{};
  Bytes memory[2];
  int64_t bytes[2] = {0, 0};
};

fl_letterbox_options some_options(Random* r, bool colour) {
  fl_letterbox_options o;
  CHECK(fl_letterbox_options_init(&o, sizeof o) == FL_OK);
  o.width = 1 + r->below(60);
  o.height = 1 + r->below(40);
  o.interpolation = int32_t(r->below(2));
  o.layout = int32_t(r->below(2));
  static constexpr int32_t kTypes[] = {FL_FLOAT32, FL_FLOAT16, FL_UINT8, FL_INT8};
  o.dtype = kTypes[r->below(4)];
  o.quantize = int32_t(r->below(2));
  o.center = int32_t(r->below(2));
  o.scale_up = int32_t(r->below(2));
  o.stretch = int32_t(r->below(2));
  o.order = int32_t(r->below(3));
  static constexpr int32_t kChannels[] = {0, 1, 3};
  o.channels = kChannels[r->below(3)];
  o.swap_rb = o.order == 0 && colour && o.channels != 1 ? int32_t(r->below(2)) : 0;
  for (int c = 0; c < 4; ++c) {
    o.color[c] = r->byte();
    o.mean[c] = r->below(2) == 0 ? 0 : float(r->unit());
    o.std[c] = r->below(2) == 0 ? 1 : 0.1F + float(r->unit());
  }
  if (r->below(2) == 0) std::fill(o.mean, o.mean + 4, o.mean[0]);
  o.quant_scale = r->below(2) == 0 ? 1.0F / 255 : 0.02F;
  o.zero_point = o.dtype == FL_INT8 ? -128 : 0;
  return o;
}

size_t element(const fl_letterbox_options& o) {
  return o.dtype == FL_FLOAT32 ? 4 : o.dtype == FL_FLOAT16 ? 2 : 1;
}

// What a frame gives is what the picture in it gives, step by step: fl_letterbox of the colours,
// which other tests hold against OpenCV.
void frames_are_the_pictures_in_them() {
  Random r(6);
  const std::vector<const char*> names = tiers();
  for (int round = 0; round < 1500; ++round) {
    CHECK(fl_isa_select(names[size_t(r.below(int64_t(names.size())))]) == FL_OK);
    const auto format = int32_t(r.below(6));
    const bool square = format == FL_FRAME_NV12 || format == FL_FRAME_NV21;
    int64_t width = 1 + r.below(round % 3 == 0 ? 400 : 90);
    int64_t height = 1 + r.below(60);
    if (square || format == FL_FRAME_YUYV) width += width % 2;
    if (square) height += height % 2;
    Camera camera(&r, format, width, height);
    fl_frame& f = camera.f;
    if (r.below(3) != 0) {
      f.window.x = r.below(width);
      f.window.y = r.below(height);
      f.window.width = 1 + r.below(width - f.window.x);
      f.window.height = 1 + r.below(height - f.window.y);
    }
    const bool colour = format != FL_FRAME_GRAY;
    fl_letterbox_options o = some_options(&r, colour);
    const fl_window w = camera.whole() ? fl_window{0, 0, width, height} : f.window;
    if (r.below(4) == 0) {  // the same size, a third and a fifth: each has a way of its own
      const int64_t part = 1 + 2 * r.below(3);
      o.width = std::max<int64_t>(1, w.width / part);
      o.height = std::max<int64_t>(1, w.height / part);
      o.stretch = 1;
    }

    const int32_t picture_channels = colour && o.channels != 1 ? 3 : 1;
    const std::vector<uint8_t> pixels = camera.picture(o.channels);
    fl_image image{pixels.data(), w.width, w.height, w.width * picture_channels, picture_channels,
                   1, picture_channels, picture_channels == 3 ? FL_RGB : FL_GRAY};
    // In the order of the frame's channels where no order is named.
    fl_letterbox_options plain = o;
    std::vector<uint8_t> turned = pixels;
    if (o.order == 0 && picture_channels == 3 && format == FL_FRAME_BGR) {
      for (size_t i = 0; i < turned.size(); i += 3) std::swap(turned[i], turned[i + 2]);
      image.data = turned.data();
      image.order = FL_BGR;
    }
    int32_t channels = 0;
    int64_t size = 0;
    CHECK(fl_letterbox_output(&f, &o, &channels, &size) == FL_OK);
    CHECK(size == o.width * o.height * channels * int64_t(element(o)));
    const Bytes expected(new uint8_t[size_t(size)]);
    fl_placement there;
    CHECK(fl_letterbox(&image, &plain, expected.get(), nullptr, &there) == FL_OK);

    const Bytes out(new uint8_t[size_t(size)]);
    fl_placement at;
    size_t work_size = 0;
    fl_frame sizes = f;
    sizes.planes[0] = sizes.planes[1] = nullptr;
    CHECK(fl_letterbox_work_size(&sizes, &o, &work_size) == FL_OK);
    const auto shift = size_t(r.below(17));
    const Bytes work = noise(&r, work_size + shift);
    CHECK(fl_letterbox_into(&f, &o, out.get(), nullptr, work.get() + shift, work_size, &at) ==
          FL_OK);
    const bool same = std::memcmp(out.get(), expected.get(), size_t(size)) == 0;
    CHECK(same);
    if (!same) {
      std::printf("  format %d, %ld x %ld, window %ld %ld %ld %ld -> %ld x %ld\n", int(format),
                  long(width), long(height), long(w.x), long(w.y), long(w.width), long(w.height),
                  long(o.width), long(o.height));
    }
    CHECK(std::memcmp(&at, &there, sizeof at) == 0);
    fl_placement placed;
    CHECK(fl_frame_placement(&sizes, &o, &placed) == FL_OK);
    CHECK(std::memcmp(&at, &placed, sizeof at) == 0);
    int64_t bytes[2];
    CHECK(fl_frame_bytes(&sizes, bytes) == FL_OK);
    CHECK(bytes[0] == camera.bytes[0] && bytes[1] == camera.bytes[1]);
    // The call that allocates, and an output with gaps.
    std::memset(out.get(), 77, size_t(size));
    CHECK(fl_letterbox_frame(&f, &o, out.get(), nullptr, nullptr) == FL_OK);
    CHECK(std::memcmp(out.get(), expected.get(), size_t(size)) == 0);
    const auto e = int64_t(element(o));
    const int64_t strides[3] = {o.width * o.height * e * 2, o.width * e * 2, e * 2};
    const Bytes gaps(new uint8_t[size_t(2 * size) + 1]);
    CHECK(fl_letterbox_into(&f, &o, gaps.get() + 1, strides, work.get(), work_size, nullptr) ==
          FL_OK);
    fl_letterbox_options planar = o;
    planar.layout = FL_NCHW;
    CHECK(fl_letterbox(&image, &planar, expected.get(), nullptr, nullptr) == FL_OK);
    bool spread = true;
    for (int64_t i = 0; i < size / e; ++i) {
      spread = spread &&
               std::memcmp(gaps.get() + 1 + 2 * i * e, expected.get() + i * e, size_t(e)) == 0;
    }
    CHECK(spread);
  }
}

void windows_over_threads_are_single_calls() {
  Random r(7);
  const Camera camera(&r, FL_FRAME_NV12, 200, 120);
  fl_letterbox_options o;
  CHECK(fl_letterbox_options_init(&o, sizeof o) == FL_OK);
  o.width = 48;
  o.height = 32;
  o.order = FL_RGB;
  o.dtype = FL_INT8;
  o.quant_scale = 0.01F;
  std::vector<fl_frame> tiles(12, camera.f);
  const int64_t size = 48 * 32 * 3;
  std::vector<uint8_t> one(size_t(12 * size));
  for (int64_t i = 0; i < 12; ++i) {
    tiles[size_t(i)].window = {i * 7, i * 3, 40 + i * 5, 30 + i * 4};
    CHECK(fl_letterbox_frame(&tiles[size_t(i)], &o, &one[size_t(i * size)], nullptr, nullptr) == FL_OK);
  }
  std::vector<fl_placement> places(12);
  for (const int32_t workers : {1, 3, 0}) {
    std::vector<uint8_t> all(size_t(12 * size));
    CHECK(fl_letterbox_frame_batch(tiles.data(), 12, &o, workers, all.data(), size, nullptr,
                                   places.data()) == FL_OK);
    CHECK(all == one);
  }
  tiles[11].window.x = 199;
  std::vector<uint8_t> all(size_t(12 * size), 5);
  CHECK(fl_letterbox_frame_batch(tiles.data(), 12, &o, 2, all.data(), size, nullptr, nullptr) ==
        FL_ERROR_WINDOW);
  CHECK(std::count(all.begin(), all.end(), 5) == 12 * size);
}

// ---- boxes -------------------------------------------------------------------------------

template <typename T>
void boxes_go_there_and_back(int32_t dtype) {
  const fl_placement at = {640, 360, 0, 140, 1.0 / 3, 1.0 / 3};
  const fl_window window = {100, 50, 1920, 1080};
  const T xyxy[8] = {100, 50, 2020, 1130, 400, 650, 430, 710};
  fl_boxes boxes = {xyxy, 2, 4 * sizeof(T), sizeof(T), dtype, FL_XYXY};
  T out[8];
  CHECK(fl_letterbox_boxes_to_input(&at, &window, &boxes, out) == FL_OK);
  CHECK(std::abs(out[2] - 640) < 1e-3 && std::abs(out[3] - 500) < 1e-3 && out[1] == 140);
  fl_boxes back = boxes;
  back.data = out;
  T again[8];
  CHECK(fl_letterbox_boxes_to_frame(&at, &window, 0, &back, again) == FL_OK);
  for (int i = 0; i < 8; ++i) CHECK(std::abs(again[i] - xyxy[i]) < 1e-3);
  // In place, as corner and size, and as centre and size: the same boxes.
  T sizes[8];
  T centres[8];
  for (int i = 0; i < 8; i += 4) {
    for (int k = 0; k < 2; ++k) {
      sizes[i + k] = xyxy[i + k];
      sizes[i + k + 2] = xyxy[i + k + 2] - xyxy[i + k];
      centres[i + k] = (xyxy[i + k] + xyxy[i + k + 2]) / 2;
      centres[i + k + 2] = sizes[i + k + 2];
    }
  }
  boxes.data = sizes;
  boxes.format = FL_XYWH;
  CHECK(fl_letterbox_boxes_to_input(&at, &window, &boxes, sizes) == FL_OK);
  boxes.data = centres;
  boxes.format = FL_CXCYWH;
  CHECK(fl_letterbox_boxes_to_input(&at, &window, &boxes, centres) == FL_OK);
  for (int i = 0; i < 8; i += 4) {
    for (int k = 0; k < 2; ++k) {
      CHECK(std::abs(sizes[i + k] + sizes[i + k + 2] - out[i + k + 2]) < 1e-3);
      CHECK(std::abs(centres[i + k] - centres[i + k + 2] / 2 - out[i + k]) < 1e-3);
    }
  }
  // Cut off at the window: corners, and sizes that follow.
  const T wild[4] = {-50, 100, 700, 900};
  const T limits[4] = {100, 50, 2020, 1130};
  for (const int32_t format : {FL_XYXY, FL_XYWH, FL_CXCYWH}) {
    T given[4] = {wild[0], wild[1], wild[2], wild[3]};
    if (format != FL_XYXY) {
      given[2] -= given[0];
      given[3] -= given[1];
    }
    if (format == FL_CXCYWH) {
      given[0] += given[2] / 2;
      given[1] += given[3] / 2;
    }
    const fl_boxes one = {given, 1, 0, sizeof(T), dtype, format};
    CHECK(fl_letterbox_boxes_to_frame(&at, &window, 1, &one, given) == FL_OK);
    if (format == FL_CXCYWH) {
      given[0] -= given[2] / 2;
      given[1] -= given[3] / 2;
    }
    if (format != FL_XYXY) {
      given[2] += given[0];
      given[3] += given[1];
    }
    for (int k = 0; k < 4; ++k) CHECK(std::abs(given[k] - limits[k]) < 1e-2);
  }
  const T none[4] = {NAN, 0, 1, 1};
  const fl_boxes unknown = {none, 1, 0, sizeof(T), dtype, FL_XYXY};
  CHECK(fl_letterbox_boxes_to_frame(&at, &window, 1, &unknown, again) == FL_OK);
  CHECK(again[0] != again[0] && again[2] == again[2]);
}

// ---- bad input ---------------------------------------------------------------------------

void bad_frames_are_refused() {
  Random r(8);
  const Camera nv12(&r, FL_FRAME_NV12, 32, 16);
  const Camera yuyv(&r, FL_FRAME_YUYV, 32, 16);
  fl_letterbox_options o;
  std::vector<uint8_t> out(64 * 64 * 3 * 4, 5);
  std::vector<uint8_t> work(1 << 16);
  size_t capacity = work.size();
  const auto call = [&](const fl_frame& f) {
    return fl_letterbox_into(&f, &o, out.data(), nullptr, work.data(), capacity, nullptr);
  };
  const auto fresh = [&] {
    fl_letterbox_options_init(&o, sizeof o);
    o.width = o.height = 24;
  };
  fresh();
  const auto changed = [&](const Camera& camera, auto change) {
    fl_frame f = camera.f;
    change(f);
    return call(f);
  };
  const auto frame_is = [&](fl_status expected, auto change) {
    CHECK(changed(nv12, change) == expected);
    fl_frame f = nv12.f;
    change(f);
    int64_t bytes[2] = {-1, -1};
    if (f.planes[0] != nullptr && f.planes[1] != nullptr) {
      CHECK(fl_frame_bytes(&f, bytes) == expected && bytes[0] == -1);
    }
  };
  frame_is(FL_ERROR_ARGUMENT, [](fl_frame& f) { f.format = 6; });
  frame_is(FL_ERROR_ARGUMENT, [](fl_frame& f) { f.format = -1; });
  frame_is(FL_ERROR_ARGUMENT, [](fl_frame& f) { f.matrix = 2; });
  frame_is(FL_ERROR_ARGUMENT, [](fl_frame& f) { f.range = -1; });
  frame_is(FL_ERROR_ARGUMENT, [](fl_frame& f) { f.reserved = 1; });
  frame_is(FL_ERROR_ARGUMENT, [](fl_frame& f) { f.planes[0] = nullptr; });
  frame_is(FL_ERROR_ARGUMENT, [](fl_frame& f) { f.planes[1] = nullptr; });
  frame_is(FL_ERROR_SIZE, [](fl_frame& f) { f.width = 0; });
  frame_is(FL_ERROR_SIZE, [](fl_frame& f) { f.height = -2; });
  frame_is(FL_ERROR_SIZE, [](fl_frame& f) { f.width = 31; });
  frame_is(FL_ERROR_SIZE, [](fl_frame& f) { f.height = 15; });
  frame_is(FL_ERROR_SIZE, [](fl_frame& f) { f.width = int64_t{1} << 33; });
  frame_is(FL_ERROR_OVERFLOW, [](fl_frame& f) { f.width = 1 << 30; });
  frame_is(FL_ERROR_STRIDE, [](fl_frame& f) { f.strides[0] = 31; });
  frame_is(FL_ERROR_STRIDE, [](fl_frame& f) { f.strides[0] = -31; });
  frame_is(FL_ERROR_STRIDE, [](fl_frame& f) { f.strides[1] = 30; });
  frame_is(FL_ERROR_STRIDE, [](fl_frame& f) { f.strides[1] = 0; });
  frame_is(FL_ERROR_OVERFLOW, [](fl_frame& f) { f.strides[0] = INT64_MIN; });
  frame_is(FL_ERROR_OVERFLOW, [](fl_frame& f) { f.strides[1] = INT64_MAX / 4; });
  frame_is(FL_ERROR_WINDOW, [](fl_frame& f) { f.window = {0, 0, 33, 16}; });
  frame_is(FL_ERROR_WINDOW, [](fl_frame& f) { f.window = {1, 0, 32, 16}; });
  frame_is(FL_ERROR_WINDOW, [](fl_frame& f) { f.window = {0, 1, 8, 16}; });
  frame_is(FL_ERROR_WINDOW, [](fl_frame& f) { f.window = {-1, 0, 8, 8}; });
  frame_is(FL_ERROR_WINDOW, [](fl_frame& f) { f.window = {4, 4, 0, 0}; });
  frame_is(FL_ERROR_WINDOW, [](fl_frame& f) { f.window = {0, 0, 8, 0}; });
  frame_is(FL_ERROR_WINDOW, [](fl_frame& f) { f.window = {INT64_MAX, INT64_MAX, 2, 2}; });
  frame_is(FL_ERROR_WINDOW, [](fl_frame& f) { f.window = {2, 2, INT64_MAX, INT64_MAX}; });
  CHECK(changed(yuyv, [](fl_frame& f) { f.width = 31; }) == FL_ERROR_SIZE);
  CHECK(changed(yuyv, [](fl_frame& f) { f.height = 15; }) == FL_OK);
  CHECK(changed(yuyv, [](fl_frame& f) { f.strides[0] = 63; }) == FL_ERROR_STRIDE);
  std::fill(out.begin(), out.end(), uint8_t{5});

  const auto options_are = [&](fl_status expected, auto change) {
    fresh();
    change();
    CHECK(call(nv12.f) == expected);
    size_t bytes = 7;
    CHECK(fl_letterbox_work_size(&nv12.f, &o, &bytes) == expected && bytes == 7);
  };
  options_are(FL_ERROR_SIZE, [&] { o.width = 0; });
  options_are(FL_ERROR_SIZE, [&] { o.height = -1; });
  options_are(FL_ERROR_SCALE, [&] { o.scale = 0; });
  options_are(FL_ERROR_SCALE, [&] { o.scale = NAN; });
  options_are(FL_ERROR_SCALE, [&] { o.std[2] = 0; });
  options_are(FL_ERROR_SCALE, [&] { o.std[0] = -1; });
  options_are(FL_ERROR_SCALE, [&] { o.quant_scale = 0; });
  options_are(FL_ERROR_SCALE, [&] { o.quant_scale = INFINITY; });
  options_are(FL_ERROR_ARGUMENT, [&] { o.mean[1] = INFINITY; });
  options_are(FL_ERROR_ARGUMENT, [&] { o.zero_point = 256; });
  options_are(FL_ERROR_ARGUMENT, [&] { o.dtype = FL_FLOAT64; });
  options_are(FL_ERROR_ARGUMENT, [&] { o.channels = 2; });
  options_are(FL_ERROR_ARGUMENT, [&] { o.channels = 4; });
  options_are(FL_ERROR_ARGUMENT, [&] { o.order = FL_BGRA; });
  options_are(FL_ERROR_ARGUMENT, [&] { o.order = FL_RGB, o.swap_rb = 1; });
  options_are(FL_ERROR_ARGUMENT, [&] { o.channels = 1, o.swap_rb = 1; });
  options_are(FL_ERROR_ARGUMENT, [&] { o.struct_size = 3; });
  options_are(FL_ERROR_OVERFLOW, [&] { o.width = o.height = INT32_MAX; });
  fresh();
  CHECK(fl_letterbox_into(&nv12.f, nullptr, out.data(), nullptr, work.data(), capacity, nullptr) ==
        FL_ERROR_ARGUMENT);
  CHECK(fl_letterbox_into(nullptr, &o, out.data(), nullptr, work.data(), capacity, nullptr) ==
        FL_ERROR_ARGUMENT);
  CHECK(fl_letterbox_into(&nv12.f, &o, nullptr, nullptr, work.data(), capacity, nullptr) ==
        FL_ERROR_ARGUMENT);
  CHECK(fl_letterbox_into(&nv12.f, &o, out.data(), nullptr, nullptr, capacity, nullptr) ==
        FL_ERROR_ARGUMENT);
  size_t needed = 0;
  CHECK(fl_letterbox_work_size(&nv12.f, &o, &needed) == FL_OK && needed < capacity);
  capacity = needed - 1;
  CHECK(call(nv12.f) == FL_ERROR_CAPACITY);
  capacity = needed;
  const int64_t flat[3] = {0, 96, 4};
  CHECK(fl_letterbox_into(&nv12.f, &o, out.data(), flat, work.data(), capacity, nullptr) ==
        FL_ERROR_ARGUMENT);
  // Output in the frame, work in the frame, work in the output.
  CHECK(fl_letterbox_into(&nv12.f, &o, nv12.memory[1].get(), nullptr, work.data(), capacity,
                          nullptr) == FL_ERROR_ARGUMENT);
  CHECK(fl_letterbox_into(&nv12.f, &o, out.data(), nullptr, nv12.memory[0].get(), capacity,
                          nullptr) == FL_ERROR_ARGUMENT);
  CHECK(fl_letterbox_into(&nv12.f, &o, out.data(), nullptr, out.data() + 100, capacity, nullptr) ==
        FL_ERROR_ARGUMENT);
  CHECK(fl_letterbox_frame(&nv12.f, &o, nv12.memory[0].get(), nullptr, nullptr) ==
        FL_ERROR_ARGUMENT);
  CHECK(std::count(out.begin(), out.end(), 5) == int64_t(out.size()));
  CHECK(call(nv12.f) == FL_OK);
  // Options of a caller who was compiled before channels and order were known.
  std::vector<uint8_t> now(out);
  o.struct_size = offsetof(fl_letterbox_options, channels);
  o.channels = 99;
  std::fill(out.begin(), out.end(), uint8_t{0});
  CHECK(call(nv12.f) == FL_OK);
  CHECK(std::equal(out.begin(), out.begin() + 24 * 24 * 12, now.begin()));

  const fl_placement at = {24, 24, 0, 0, 1, 1};
  const float box[4] = {0, 0, 1, 1};
  float to[4];
  const fl_boxes boxes = {box, 1, 16, 4, FL_FLOAT32, FL_XYXY};
  const auto refused = [&](fl_status expected, fl_placement p, fl_window w, int32_t clip) {
    CHECK(fl_letterbox_boxes_to_frame(&p, &w, clip, &boxes, to) == expected);
  };
  refused(FL_OK, at, {0, 0, 8, 8}, 1);
  refused(FL_ERROR_SCALE, {24, 24, 0, 0, 0, 1}, {}, 0);
  refused(FL_ERROR_SCALE, {24, 24, 0, 0, 1, INFINITY}, {}, 0);
  refused(FL_ERROR_SCALE, {24, 24, 0, 0, 1, NAN}, {}, 0);
  refused(FL_ERROR_ARGUMENT, {24, 24, INT64_MAX, 0, 1, 1}, {}, 0);
  refused(FL_ERROR_ARGUMENT, at, {}, 2);
  refused(FL_ERROR_WINDOW, at, {}, 1);
  refused(FL_ERROR_WINDOW, at, {INT64_MAX, 0, 8, 8}, 1);
  CHECK(fl_letterbox_boxes_to_input(nullptr, nullptr, &boxes, to) == FL_ERROR_ARGUMENT);
  CHECK(fl_letterbox_boxes_to_input(&at, nullptr, nullptr, to) == FL_ERROR_ARGUMENT);
  CHECK(fl_letterbox_boxes_to_input(&at, nullptr, &boxes, nullptr) == FL_ERROR_ARGUMENT);
}

}  // namespace

int main() {
  frames_are_the_pictures_in_them();
  windows_over_threads_are_single_calls();
  boxes_go_there_and_back<float>(FL_FLOAT32);
  boxes_go_there_and_back<double>(FL_FLOAT64);
  bad_frames_are_refused();
  return test::finish("frame");
}
