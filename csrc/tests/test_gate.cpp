// The frame gate: every tier and the plain C twin against a definition in loops of its own, and
// against fl_image_stats; arguments that cannot be right, with buffers of exactly their size.
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <vector>

#include "check.h"
#include "fastlabel/fastlabel.h"

extern "C" {
fl_status plain_gate_init(void* state, size_t size, int32_t width, int32_t height,
                          const fl_gate_options* options);
fl_status plain_gate_rows(void* state, const uint8_t* rows, int32_t count, int64_t stride);
fl_status plain_gate_end(void* state, fl_gate_result* result);
fl_status plain_gate_drop(void* state);
fl_status plain_gate_frame(void* state, const uint8_t* luma, int64_t stride,
                           fl_gate_result* result);
}

namespace {

// A frame in memory of exactly its size: the last row ends with its last pixel.
struct Frame {
  int32_t width, height;
  int64_t stride;
  std::vector<uint8_t> bytes;

  Frame(int32_t w, int32_t h, int64_t s) : width(w), height(h), stride(s) {
    bytes.resize(static_cast<size_t>(s * (h - 1) + w));
  }
  int32_t at(int32_t x, int32_t y) const {
    const auto mirrored = [](int32_t k, int32_t n) {
      if (n == 1) return 0;
      return k < 0 ? -k : k >= n ? 2 * n - 2 - k : k;
    };
    return bytes[static_cast<size_t>(mirrored(y, height) * stride + mirrored(x, width))];
  }
};

Frame drawn(test::Random* r, int32_t w, int32_t h, int kind) {
  Frame f(w, h, w + static_cast<int64_t>(r->below(5)));
  for (int32_t y = 0; y < h; ++y) {
    for (int32_t x = 0; x < w; ++x) {
      uint8_t v = r->byte();
      if (kind == 1) v = static_cast<uint8_t>((x + y) % 2 == 0 ? 255 : 0);
      if (kind == 2) v = static_cast<uint8_t>(255);
      if (kind == 3) v = static_cast<uint8_t>(x * 3 / 2 + y + v % 4);
      if (kind == 5) v = static_cast<uint8_t>((x / 5 + y / 5) % 2 == 0 ? 250 : 20 + v % 3);
      if (kind == 4) v = static_cast<uint8_t>(v % 12);  // black: no block is usable
      f.bytes[static_cast<size_t>(y * f.stride + x)] = v;
    }
  }
  return f;
}

struct Gate {
  std::vector<uint64_t> state;
  explicit Gate(const Frame& f) : Gate(f.width, f.height) {}
  Gate(int32_t w, int32_t h) {
    size_t size = 0;
    CHECK(fl_gate_state_size(w, h, &size) == FL_OK);
    CHECK(size % 8 == 0 && size == static_cast<size_t>(FL_GATE_STATE_SIZE(w, h)));
    state.resize(size / 8);
  }
  void* data() { return state.data(); }
  size_t size() const { return state.size() * 8; }
};

// What the sums are, said once more in the plainest way.
void expect_sums(const Frame& f, const fl_gate_result& r) {
  uint64_t sum = 0, lap2 = 0, grad2 = 0;
  int64_t lap = 0;
  for (int32_t y = 0; y < f.height; ++y) {
    for (int32_t x = 0; x < f.width; ++x) {
      const int64_t l = f.at(x - 1, y) + f.at(x + 1, y) + f.at(x, y - 1) + f.at(x, y + 1) -
                        4 * f.at(x, y);
      const int64_t gx = f.at(x + 1, y) - f.at(x - 1, y);
      const int64_t gy = f.at(x, y + 1) - f.at(x, y - 1);
      sum += static_cast<uint64_t>(f.at(x, y));
      lap += l;
      lap2 += static_cast<uint64_t>(l * l);
      grad2 += static_cast<uint64_t>(gx * gx + gy * gy);
    }
  }
  CHECK(r.luma_sum == sum);
  CHECK(r.laplacian_sum == lap);
  CHECK(r.laplacian_squares == lap2);
  CHECK(r.gradient_squares == grad2);
}

// The rounded-down measures against the floating-point ones, to a unit or a millionth.
void expect_measures(const fl_gate_result& r, const fl_gate_measures& m) {
  const auto near = [](uint32_t fixed, double unit, double value) {
    return std::abs(fixed - value * unit) <= 1.01 + 1e-5 * value * unit;
  };
  CHECK(near(r.light, 256, m.luma_mean));
  CHECK(near(r.dark, 65536, m.dark_fraction));
  CHECK(near(r.bright, 65536, m.bright_fraction));
  CHECK(near(r.noise, 256, m.noise_sigma));
  // A difference of two large numbers: what each of them is off by.
  CHECK(std::abs(r.sharpness - m.sharpness * 256) <= 3 + 1e-5 * m.laplacian_variance * 256);
}

// One number of every cell, and the largest change of it less the mean change.
std::vector<int32_t> grid_of(const Frame& f) {
  std::vector<int32_t> means;
  for (int32_t gy = 0; gy < FL_GATE_GRID_HEIGHT; ++gy) {
    for (int32_t gx = 0; gx < FL_GATE_GRID_WIDTH; ++gx) {
      int64_t sum = 0, n = 0;
      for (int32_t y = gy * f.height / 12; y < (gy + 1) * f.height / 12; ++y) {
        for (int32_t x = gx * f.width / 16; x < (gx + 1) * f.width / 16; ++x, ++n) {
          sum += f.at(x, y);
        }
      }
      if (n > 0) means.push_back(static_cast<int32_t>(sum * 256 / n));
    }
  }
  return means;
}

uint32_t motion_of(const Frame& before, const Frame& after) {
  const std::vector<int32_t> a = grid_of(before);
  const std::vector<int32_t> b = grid_of(after);
  int32_t total = 0, most = INT32_MIN, least = INT32_MAX;
  for (size_t k = 0; k < a.size(); ++k) {
    total += b[k] - a[k];
    most = std::max(most, b[k] - a[k]);
    least = std::min(least, b[k] - a[k]);
  }
  const int32_t mean = total / static_cast<int32_t>(a.size());
  return static_cast<uint32_t>(std::max(most - mean, mean - least));
}

// The library in every tier, fed in pieces, and the plain twin, fed at once.
void every_way_gives_the_same() {
  test::Random r(5);
  const char* names[8];
  const int32_t tiers = fl_isa_available(names, 8);
  const std::pair<int32_t, int32_t> sizes[] = {
      {1, 1},   {1, 7},   {7, 1},    {2, 2},    {3, 5},     {15, 11},  {16, 12},  {17, 13},
      {31, 33}, {32, 32}, {64, 65},  {100, 9},  {320, 240}, {333, 70}, {1050, 40}, {97, 331},
      {5, 300}, {600, 3}, {129, 128}};
  for (const auto& [w, h] : sizes) {
    for (int kind = 0; kind < 5; ++kind) {
      const Frame first = drawn(&r, w, h, 0);
      const Frame f = drawn(&r, w, h, kind);
      Gate plain(f);
      fl_gate_result expected[2];
      CHECK(plain_gate_init(plain.data(), plain.size(), w, h, nullptr) == FL_OK);
      CHECK(plain_gate_frame(plain.data(), first.bytes.data(), first.stride, &expected[0]) == FL_OK);
      CHECK(plain_gate_frame(plain.data(), f.bytes.data(), f.stride, &expected[1]) == FL_OK);
      expect_sums(f, expected[1]);
      CHECK(expected[0].has_motion == 0 && expected[0].motion == 0);
      CHECK(expected[1].has_motion == 1);
      CHECK(expected[1].motion == motion_of(first, f));
      fl_luma_stats stats;
      fl_image image = {f.bytes.data(), w, h, f.stride, 1, 1, 1, FL_GRAY};
      CHECK(fl_image_stats(&image, nullptr, 1, &stats, nullptr) == FL_OK);
      fl_gate_measures m;
      CHECK(fl_gate_measure(&expected[1], &m) == FL_OK);
      CHECK(m.luma_mean == stats.luma_mean && m.dark_fraction == stats.dark_fraction);
      CHECK(m.bright_fraction == stats.bright_fraction && m.noise_sigma == stats.noise_sigma);
      CHECK(m.laplacian_variance == stats.laplacian_variance && m.sharpness == stats.sharpness);
      CHECK(m.acutance == stats.acutance && m.has_acutance == (stats.has_acutance & 1));
      expect_measures(expected[1], m);
      for (int32_t t = 0; t < tiers; ++t) {
        CHECK(fl_isa_select(names[t]) == FL_OK);
        Gate gate(f);
        fl_gate_result got[2];
        CHECK(fl_gate_init(gate.data(), gate.size(), w, h, nullptr) == FL_OK);
        CHECK(fl_gate_frame(gate.data(), first.bytes.data(), first.stride, &got[0]) == FL_OK);
        for (int32_t y = 0; y < h;) {
          const int32_t count = std::min(h - y, 1 + static_cast<int32_t>(r.below(7)));
          CHECK(fl_gate_rows(gate.data(), f.bytes.data() + y * f.stride, count, f.stride) == FL_OK);
          y += count;
          // It holds no address: moved between calls it goes on.
          gate.state = std::vector<uint64_t>(gate.state);
        }
        CHECK(fl_gate_end(gate.data(), &got[1]) == FL_OK);
        CHECK(std::memcmp(got, expected, sizeof got) == 0);
      }
    }
  }
}

void verdicts() {
  const int32_t w = 64;
  const int32_t h = 48;
  test::Random r(9);
  const Frame f = drawn(&r, w, h, 5);
  Gate gate(f);
  fl_gate_options o;
  CHECK(fl_gate_options_init(&o, sizeof o) == FL_OK);
  fl_gate_result base;
  CHECK(fl_gate_init(gate.data(), gate.size(), w, h, &o) == FL_OK);
  CHECK(fl_gate_frame(gate.data(), f.bytes.data(), f.stride, &base) == FL_OK);
  CHECK(base.verdict == FL_GATE_OK && base.sharpness > 0 && base.has_acutance == 1);
  const auto verdict = [&](auto change, int frames) {
    fl_gate_options own = o;
    change(&own);
    fl_gate_result result{};
    CHECK(fl_gate_init(gate.data(), gate.size(), w, h, &own) == FL_OK);
    for (int k = 0; k < frames; ++k) {
      CHECK(fl_gate_frame(gate.data(), f.bytes.data(), f.stride, &result) == FL_OK);
    }
    return result.verdict;
  };
  // On the limit a frame passes; a unit further it does not.
  for (const uint32_t more : {0U, 1U}) {
    const auto flag = [more](int bit) { return more != 0 ? bit : 0; };
    CHECK(verdict([&](auto* p) { p->min_sharpness = base.sharpness + more; }, 1) ==
          flag(FL_GATE_BLURRY));
    CHECK(verdict([&](auto* p) { p->min_acutance = base.acutance + more; }, 1) ==
          flag(FL_GATE_BLURRY));
    CHECK(verdict([&](auto* p) { p->min_light = base.light + more; }, 1) == flag(FL_GATE_DARK));
    CHECK(verdict([&](auto* p) { p->max_light = base.light - more; }, 1) == flag(FL_GATE_BRIGHT));
    CHECK(verdict([&](auto* p) { p->max_dark = base.dark - more; }, 1) == flag(FL_GATE_DARK));
    CHECK(verdict([&](auto* p) { p->max_bright = base.bright - more; }, 1) ==
          flag(FL_GATE_BRIGHT));
    CHECK(verdict([&](auto* p) { p->min_motion = more; }, 2) == flag(FL_GATE_STILL));
    CHECK(verdict([&](auto* p) { p->min_motion = more; }, 1) == FL_GATE_OK);
  }
}

void rows_must_fit_the_frame() {
  const int32_t w = 20;
  const int32_t h = 14;
  test::Random r(3);
  const Frame f = drawn(&r, w, h, 0);
  const uint8_t* p = f.bytes.data();
  Gate gate(f);
  Gate other(f);
  fl_gate_result a;
  fl_gate_result b;
  CHECK(fl_gate_init(gate.data(), gate.size(), w, h, nullptr) == FL_OK);
  CHECK(fl_gate_init(other.data(), other.size(), w, h, nullptr) == FL_OK);
  CHECK(fl_gate_end(gate.data(), &a) == FL_ERROR_ROWS);
  CHECK(fl_gate_rows(gate.data(), p, h + 1, f.stride) == FL_ERROR_ROWS);
  CHECK(fl_gate_rows(gate.data(), p, INT32_MAX, f.stride) == FL_ERROR_ROWS);
  CHECK(fl_gate_rows(gate.data(), p, h - 1, f.stride) == FL_OK);
  std::memset(&a, 0x5a, sizeof a);
  const fl_gate_result before = a;
  CHECK(fl_gate_end(gate.data(), &a) == FL_ERROR_ROWS);
  CHECK(std::memcmp(&a, &before, sizeof a) == 0);
  CHECK(fl_gate_rows(gate.data(), p, 2, f.stride) == FL_ERROR_ROWS);
  // What was refused was not taken: the last row completes the frame.
  CHECK(fl_gate_rows(gate.data(), p + (h - 1) * f.stride, 1, f.stride) == FL_OK);
  CHECK(fl_gate_rows(gate.data(), p, 1, f.stride) == FL_ERROR_ROWS);
  CHECK(fl_gate_end(gate.data(), &a) == FL_OK);
  CHECK(fl_gate_frame(other.data(), p, f.stride, &b) == FL_OK);
  CHECK(std::memcmp(&a, &b, sizeof a) == 0);
  // A dropped frame leaves nothing behind; the one after it has none before it.
  CHECK(fl_gate_rows(gate.data(), p, 5, f.stride) == FL_OK);
  CHECK(fl_gate_drop(gate.data()) == FL_OK);
  CHECK(fl_gate_frame(gate.data(), p, f.stride, &a) == FL_OK);
  CHECK(std::memcmp(&a, &b, sizeof a) == 0);
  // With nothing taken there is nothing to drop.
  CHECK(fl_gate_drop(gate.data()) == FL_OK);
  CHECK(fl_gate_frame(gate.data(), p, f.stride, &a) == FL_OK);
  CHECK(a.has_motion == 1 && a.motion == 0);
  // A frame at once begins anew.
  CHECK(fl_gate_rows(gate.data(), p, 5, f.stride) == FL_OK);
  CHECK(fl_gate_frame(gate.data(), p, f.stride, &a) == FL_OK);
  CHECK(std::memcmp(&a, &b, sizeof a) == 0);
  CHECK(std::strstr(fl_status_text(FL_ERROR_ROWS), "row") != nullptr);
}

void bad_arguments() {
  size_t size = 7;
  for (const int32_t bad : {0, -1, FL_GATE_MAX_SIDE + 1, INT32_MIN, INT32_MAX}) {
    CHECK(fl_gate_state_size(bad, 5, &size) == FL_ERROR_SIZE);
    CHECK(fl_gate_state_size(5, bad, &size) == FL_ERROR_SIZE);
  }
  CHECK(size == 7 && fl_gate_state_size(5, 5, nullptr) == FL_ERROR_ARGUMENT);
  CHECK(fl_gate_state_size(FL_GATE_MAX_SIDE, FL_GATE_MAX_SIDE, &size) == FL_OK);
  Gate gate(24, 16);
  const std::vector<uint8_t> row(24, 90);
  fl_gate_result result;
  // Memory that is no gate yet.
  CHECK(fl_gate_rows(gate.data(), row.data(), 1, 24) == FL_ERROR_ARGUMENT);
  CHECK(fl_gate_end(gate.data(), &result) == FL_ERROR_ARGUMENT);
  CHECK(fl_gate_drop(gate.data()) == FL_ERROR_ARGUMENT);
  CHECK(fl_gate_frame(gate.data(), row.data(), 24, &result) == FL_ERROR_ARGUMENT);
  CHECK(fl_gate_init(nullptr, gate.size(), 24, 16, nullptr) == FL_ERROR_ARGUMENT);
  CHECK(fl_gate_init(gate.data(), gate.size() - 1, 24, 16, nullptr) == FL_ERROR_CAPACITY);
  CHECK(fl_gate_init(gate.data(), 0, 24, 16, nullptr) == FL_ERROR_CAPACITY);
  CHECK(fl_gate_init(gate.data(), gate.size(), 0, 16, nullptr) == FL_ERROR_SIZE);
  CHECK(fl_gate_init(gate.data(), gate.size(), 24, -3, nullptr) == FL_ERROR_SIZE);
  auto* bytes = static_cast<uint8_t*>(gate.data());
  for (int k = 1; k < 8; ++k) {
    CHECK(fl_gate_init(bytes + k, gate.size() - 8, 1, 1, nullptr) == FL_ERROR_ARGUMENT);
    CHECK(fl_gate_rows(bytes + k, row.data(), 1, 24) == FL_ERROR_ARGUMENT);
  }
  CHECK(fl_gate_init(gate.data(), gate.size(), 24, 16, nullptr) == FL_OK);
  CHECK(fl_gate_rows(nullptr, row.data(), 1, 24) == FL_ERROR_ARGUMENT);
  CHECK(fl_gate_rows(gate.data(), nullptr, 1, 24) == FL_ERROR_ARGUMENT);
  for (const int32_t count : {0, -1, INT32_MIN}) {
    CHECK(fl_gate_rows(gate.data(), row.data(), count, 24) == FL_ERROR_ARGUMENT);
  }
  for (const int64_t stride : {int64_t{23}, int64_t{0}, int64_t{-24}, INT64_MIN}) {
    CHECK(fl_gate_rows(gate.data(), row.data(), 1, stride) == FL_ERROR_STRIDE);
    CHECK(fl_gate_frame(gate.data(), row.data(), stride, &result) == FL_ERROR_STRIDE);
  }
  CHECK(fl_gate_frame(gate.data(), nullptr, 24, &result) == FL_ERROR_ARGUMENT);
  CHECK(fl_gate_frame(gate.data(), row.data(), 24, nullptr) == FL_ERROR_ARGUMENT);
  CHECK(fl_gate_end(gate.data(), nullptr) == FL_ERROR_ARGUMENT);
  CHECK(fl_gate_end(nullptr, &result) == FL_ERROR_ARGUMENT);
  CHECK(fl_gate_drop(nullptr) == FL_ERROR_ARGUMENT);
  fl_gate_measures m;
  result = {};
  CHECK(fl_gate_measure(nullptr, &m) == FL_ERROR_ARGUMENT);
  CHECK(fl_gate_measure(&result, nullptr) == FL_ERROR_ARGUMENT);
  CHECK(fl_gate_measure(&result, &m) == FL_ERROR_ARGUMENT);
}

void options_of_any_age() {
  Gate gate(16, 12);
  fl_gate_options o;
  CHECK(fl_gate_options_init(nullptr, sizeof o) == FL_ERROR_ARGUMENT);
  CHECK(fl_gate_options_init(&o, 3) == FL_ERROR_ARGUMENT);
  CHECK(fl_gate_options_init(&o, 5000) == FL_ERROR_ARGUMENT);
  struct {
    fl_gate_options known;
    uint32_t later[2];
  } longer;
  CHECK(fl_gate_options_init(&longer.known, sizeof longer) == FL_OK);
  CHECK(fl_gate_init(gate.data(), gate.size(), 16, 12, &longer.known) == FL_OK);
  longer.later[1] = 1;
  CHECK(fl_gate_init(gate.data(), gate.size(), 16, 12, &longer.known) == FL_ERROR_ARGUMENT);
  // A struct that ends early: what it lacks is the default.
  const size_t shorter = offsetof(fl_gate_options, max_light);
  std::unique_ptr<uint8_t[]> old(new uint8_t[shorter]);
  auto* early = reinterpret_cast<fl_gate_options*>(old.get());
  CHECK(fl_gate_options_init(early, shorter) == FL_OK);
  CHECK(fl_gate_init(gate.data(), gate.size(), 16, 12, early) == FL_OK);
  const std::vector<uint8_t> white(16 * 12, 255);
  fl_gate_result result;
  CHECK(fl_gate_frame(gate.data(), white.data(), 16, &result) == FL_OK);
  CHECK(result.verdict == FL_GATE_OK && result.light == 255 * 256);
  o.struct_size = 0;
  CHECK(fl_gate_init(gate.data(), gate.size(), 16, 12, &o) == FL_ERROR_ARGUMENT);
}

}  // namespace

int main() {
  every_way_gives_the_same();
  verdicts();
  rows_must_fit_the_frame();
  bad_arguments();
  options_of_any_age();
  return test::finish("gate");
}
