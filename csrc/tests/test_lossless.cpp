// Tiles cut without loss hold the source's own coefficients: libjpeg reads both.
#include <algorithm>
#include <cstring>
#include <string>

#include "check.h"
#include "codec/lossless_cut.h"
#include "jpeg_coefficients.h"
#include "jpeg_writer.h"

namespace {

using Bytes = std::vector<uint8_t>;

const fl::JpegLimits kLimits{250000000, 512u << 20, 200, nullptr};

class Tiles final : public fl::TileSink {
 public:
  explicit Tiles(size_t n) : tiles(n) {}
  bool take(int64_t index, const uint8_t* bytes, size_t size) override {
    Bytes& tile = tiles[size_t(index)];
    CHECK(tile.empty());
    tile.assign(bytes, bytes + size);
    return ++taken != stop_after;
  }
  std::vector<Bytes> tiles;
  int taken = 0;
  int stop_after = -1;
};

using test::Coefficients;
using test::read_coefficients;

// Whether a tile's coefficients are those of its window; counts blocks.
bool same(const Coefficients& source, const Coefficients& tile, const fl::TileWindow& w,
          int64_t mcu_width, int64_t mcu_height, int64_t* blocks) {
  if (tile.width != w.width || tile.height != w.height || tile.warnings != 0) return false;
  if (tile.components.size() != source.components.size()) return false;
  if (tile.colour_space != source.colour_space) return false;
  for (size_t c = 0; c < tile.components.size(); ++c) {
    const auto& s = source.components[c];
    const auto& t = tile.components[c];
    if (s.id != t.id || !std::equal(s.quant, s.quant + 64, t.quant)) return false;
    const bool one = source.components.size() == 1;
    const int64_t x0 = w.x / mcu_width * (one ? 1 : s.h), y0 = w.y / mcu_height * (one ? 1 : s.v);
    if (x0 + t.wide > s.wide || y0 + t.high > s.high) return false;
    for (int64_t y = 0; y < t.high; ++y) {
      const int16_t* a = s.blocks.data() + ((y0 + y) * s.wide + x0) * 64;
      const int16_t* b = t.blocks.data() + y * t.wide * 64;
      if (!std::equal(b, b + t.wide * 64, a)) return false;
      *blocks += t.wide;
    }
  }
  return true;
}

Bytes noise(test::Random* r, int w, int h, int components) {
  Bytes p(size_t(w) * size_t(h) * size_t(components));
  const int64_t rough = 1 + r->below(120);
  for (size_t i = 0; i < p.size(); ++i) {
    p[i] = uint8_t(std::min<int64_t>(255, int64_t(i / 7 % 200) + r->below(rough)));
  }
  return p;
}

// A plan of overlapping windows whose left and top are on the grid, and some odd ones.
std::vector<fl::TileWindow> windows_of(test::Random* r, int64_t w, int64_t h, int64_t mw,
                                       int64_t mh) {
  std::vector<fl::TileWindow> all = {{0, 0, w, h}};
  for (int k = 0; k < 12; ++k) {
    const int64_t x = r->below((w + mw - 1) / mw) * mw, y = r->below((h + mh - 1) / mh) * mh;
    all.push_back({x, y, 1 + r->below(w - x), 1 + r->below(h - y)});
  }
  return all;
}

void check_cut(const Bytes& source, test::Random* r, const std::string& name) {
  int64_t mw = 0, mh = 0;
  fl::LosslessResult why;
  CHECK(fl::jpeg_mcu(source.data(), source.size(), kLimits, &mw, &mh, &why));
  const Coefficients truth = read_coefficients(source);
  CHECK(truth.width == why.width && truth.height == why.height);
  const auto windows = windows_of(r, truth.width, truth.height, mw, mh);
  Tiles tiles(windows.size());
  const auto result = fl::cut_jpeg_lossless(source.data(), source.size(), windows.data(),
                                            int64_t(windows.size()), kLimits, tiles);
  CHECK(result.outcome == fl::LosslessOutcome::done);
  if (result.outcome != fl::LosslessOutcome::done) {
    std::printf("  %s: %s\n", name.c_str(), result.why);
    return;
  }
  for (size_t k = 0; k < windows.size(); ++k) {
    int64_t blocks = 0;
    const bool good = same(truth, read_coefficients(tiles.tiles[k]), windows[k], mw, mh, &blocks);
    CHECK(good && blocks > 0);
    if (!good) std::printf("  %s: window %zu\n", name.c_str(), k);
  }
}

void every_kind() {
  test::Random r(7);
  const int samplings[][4] = {{2, 2, 1, 1}, {2, 1, 1, 1}, {1, 1, 1, 1}, {1, 2, 1, 1}, {4, 1, 1, 1},
                              {2, 2, 2, 1}, {2, 2, 1, 2}, {1, 1, 2, 2}, {1, 1, 1, 2}, {3, 1, 1, 1}};
  const int sizes[][2] = {{200, 120}, {131, 77}, {16, 16}, {1, 1}, {33, 9}};
  for (const auto& s : samplings) {
    for (const auto& size : sizes) {
      for (int variant = 0; variant < 24; ++variant) {
        test::JpegKind kind;
        kind.h = s[0], kind.v = s[1], kind.chroma_h = s[2], kind.chroma_v = s[3];
        kind.progressive = variant % 3 == 1;
        kind.separate = variant % 3 == 2;
        kind.optimised = variant / 3 % 2 == 1;
        kind.restart = variant / 6 == 1 ? 1 : variant / 6 == 2 ? 5 : 0;
        kind.quality = variant / 6 == 3 ? 100 : 85;
        const Bytes pixels = noise(&r, size[0], size[1], 3);
        check_cut(test::write_jpeg(pixels, size[0], size[1], kind), &r,
                  std::to_string(s[0]) + "x" + std::to_string(s[1]) + " variant " +
                      std::to_string(variant));
      }
    }
  }
  for (int components : {1, 4}) {
    for (int variant = 0; variant < 12; ++variant) {
      test::JpegKind kind;
      kind.components = components;
      kind.h = variant % 2 + 1;
      kind.v = variant / 2 % 2 + 1;
      kind.progressive = variant / 4 == 1;
      kind.optimised = variant / 4 == 2;
      kind.restart = variant % 3 == 1 ? 4 : 0;
      check_cut(test::write_jpeg(noise(&r, 150, 91, components), 150, 91, kind), &r,
                "components " + std::to_string(components) + " variant " + std::to_string(variant));
    }
  }
}

// Flat but for one step: the optimised table has two DC codes, and tiles need others.
void missing_dc_codes() {
  Bytes pixels(size_t(256) * 64, 10);
  for (size_t y = 0; y < 64; ++y) std::fill_n(pixels.begin() + long(y * 256 + 128), 128, uint8_t{250});
  test::JpegKind kind;
  kind.components = 1;
  kind.h = kind.v = 1;
  kind.optimised = true;
  test::Random r(3);
  check_cut(test::write_jpeg(pixels, 256, 64, kind), &r, "missing DC codes");
}

void large_and_chunked() {
  // Compressed data of more than the reader holds at a time, and of more than it keeps.
  test::Random r(11);
  Bytes pixels(size_t(1500) * 1100 * 3);
  for (auto& p : pixels) p = r.byte();
  test::JpegKind kind;
  kind.quality = 97;
  check_cut(test::write_jpeg(pixels, 1500, 1100, kind), &r, "large");
  kind.restart = 37;
  check_cut(test::write_jpeg(pixels, 1500, 1100, kind), &r, "large with restarts");
}

fl::LosslessResult cut_whole(const Bytes& b, int64_t w, int64_t h, Tiles* tiles,
                             const fl::JpegLimits& limits = kLimits) {
  const fl::TileWindow window{0, 0, w, h};
  return fl::cut_jpeg_lossless(b.data(), b.size(), &window, 1, limits, *tiles);
}

void refusals() {
  test::Random r(5);
  const Bytes good = test::write_jpeg(noise(&r, 64, 48, 3), 64, 48, {});
  const auto refused = [](const fl::LosslessResult& result, const char* text) {
    const bool so = result.outcome == fl::LosslessOutcome::refused &&
                    std::strstr(result.why, text) != nullptr;
    if (!so) std::printf("  wanted %s, got %s\n", text, result.why);
    return so;
  };
  const auto with_frame = [&](uint8_t marker, uint8_t bits) {
    Bytes b = good;
    for (size_t k = 2; k + 4 < b.size(); ++k) {
      if (b[k] == 0xFF && b[k + 1] == 0xC0) {
        b[k + 1] = marker;
        b[k + 4] = bits;
        break;
      }
    }
    Tiles none(1);
    const auto result = cut_whole(b, 64, 48, &none);
    CHECK((none.taken == 0) == (result.outcome != fl::LosslessOutcome::done));
    return result;
  };
  CHECK(refused(with_frame(0xC9, 8), "arithmetic"));
  CHECK(refused(with_frame(0xC3, 8), "lossless"));
  CHECK(refused(with_frame(0xC5, 8), "hierarchical"));
  CHECK(refused(with_frame(0xC1, 12), "12-bit"));
  CHECK(with_frame(0xC1, 8).outcome == fl::LosslessOutcome::done);
  Tiles none(2);
  CHECK(refused(cut_whole(good, 65, 48, &none), "outside"));
  const fl::TileWindow off[] = {{8, 0, 16, 16}, {0, 0, 16, 0}};
  CHECK(refused(fl::cut_jpeg_lossless(good.data(), good.size(), off, 1, kLimits, none), "grid"));
  CHECK(refused(fl::cut_jpeg_lossless(good.data(), good.size(), off + 1, 1, kLimits, none), "grid"));
  CHECK(refused(cut_whole({}, 1, 1, &none), "not a JPEG"));
  CHECK(refused(cut_whole({0xFF, 0xD8, 0xFF, 0xD9}, 1, 1, &none), "no picture"));
  fl::JpegLimits small = kLimits;
  small.max_pixels = 64 * 48 - 1;
  CHECK(refused(cut_whole(good, 64, 48, &none, small), "limit"));
  test::JpegKind kind;
  kind.progressive = true;
  const Bytes progressive = test::write_jpeg(noise(&r, 64, 48, 3), 64, 48, kind);
  small = kLimits;
  small.max_scans = 3;
  CHECK(refused(cut_whole(progressive, 64, 48, &none, small), "more than 3 scans"));
  CHECK(none.taken == 0);

  // Cut off anywhere: refused or broken, and never a tile that is not sound.
  for (const Bytes* source : {&good, &progressive}) {
    const Coefficients truth = read_coefficients(*source);
    for (size_t size = 0; size + 2 < source->size(); size += 1 + size / 40) {
      const Bytes part(source->begin(), source->begin() + long(size));
      Tiles some(1);
      const auto result = cut_whole(part, 64, 48, &some);
      CHECK(result.outcome != fl::LosslessOutcome::done || size + 8 > source->size());
      CHECK(result.why[0] != '\0' || result.outcome == fl::LosslessOutcome::done);
      int64_t blocks = 0;
      if (some.taken > 0) {
        CHECK(same(truth, read_coefficients(some.tiles[0]), {0, 0, 64, 48}, 16, 16, &blocks));
      }
    }
  }
  // Data left over after the last row says that the place was lost before.
  Bytes longer = good;
  longer.insert(longer.end() - 2, 200, uint8_t{0x55});
  Tiles some(1);
  CHECK(cut_whole(longer, 64, 48, &some).outcome == fl::LosslessOutcome::broken);
  CHECK(some.taken == 0);
  // A few bytes of padding, or no end of image, are no fault.
  longer.resize(good.size() + 10);
  CHECK(cut_whole(longer, 64, 48, &some).outcome == fl::LosslessOutcome::done);
  // The sink may stop.
  const fl::TileWindow three[] = {{0, 0, 16, 16}, {16, 0, 16, 16}, {0, 16, 16, 16}};
  Tiles one(3);
  one.stop_after = 1;
  CHECK(fl::cut_jpeg_lossless(good.data(), good.size(), three, 3, kLimits, one).outcome ==
        fl::LosslessOutcome::stopped);
  CHECK(one.taken == 1);
  std::atomic<bool> cancelled{true};
  fl::JpegLimits limits = kLimits;
  limits.cancelled = &cancelled;
  CHECK(cut_whole(good, 64, 48, &none, limits).outcome == fl::LosslessOutcome::stopped);
}

// Numbers beyond those of 8-bit samples are no damage: a decoder takes them.
void beyond_eight_bits() {
  const auto file = [](bool progressive, Bytes data) {
    Bytes b = {0xFF, 0xD8, 0xFF, 0xDB, 0, 67, 0};
    b.insert(b.end(), 64, 1);
    const uint8_t marker = progressive ? 0xC2 : 0xC0;
    const Bytes heads = {0xFF, marker, 0, 11, 8, 0, 8, 0, 24, 1, 1, 0x11, 0,
                         0xFF, 0xC4, 0, 22, 0x00, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 11, 12,
                         0xFF, 0xC4, 0, 20, 0x10, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
                         0xFF, 0xDA, 0, 8, 1, 1, 0, 0, uint8_t(progressive ? 0 : 63), 0};
    b.insert(b.end(), heads.begin(), heads.end());
    b.insert(b.end(), data.begin(), data.end());
    b.insert(b.end(), {0xFF, 0xD9});
    return b;
  };
  const auto cut = [](const Bytes& b, int64_t x) {
    const fl::TileWindow window{x, 0, 24 - x, 8};
    Tiles none(1);
    const auto r = fl::cut_jpeg_lossless(b.data(), b.size(), &window, 1, kLimits, none);
    CHECK((r.outcome == fl::LosslessOutcome::done) == (none.taken == 1));
    return r;
  };
  const auto beyond = [](const fl::LosslessResult& r) {
    return r.outcome == fl::LosslessOutcome::broken && r.status == FL_IMAGE_UNSUPPORTED &&
           std::strstr(r.why, "beyond") != nullptr;
  };
  // Codes 00, 01, 10 of differences of 0, 11 and 12 bits; then 00 ends a sequential block.
  const Bytes twelve = file(false, {0xBE, 0x80, 0x00});  // 10 111110100000 00, then two of 00 00
  CHECK(beyond(cut(twelve, 0)));
  CHECK(beyond(cut(twelve, 8)));
  CHECK(beyond(cut(file(true, {0xBE, 0x80, 0x3F}), 0)));
  const Bytes twice = file(false, {0x7E, 0x80, 0xFD, 0x00, 0x3F});  // 01 11111010000 00, twice
  CHECK(cut(twice, 0).outcome == fl::LosslessOutcome::done);
  CHECK(beyond(cut(twice, 16)));
  // A code that there is none of is damage.
  const auto r = cut(file(false, {0xC0, 0, 0, 0}), 0);
  CHECK(r.outcome == fl::LosslessOutcome::broken && r.status == FL_IMAGE_CORRUPT);
}

// The profile and the Adobe marker go into the tiles; EXIF stays behind.
void markers() {
  test::Random r(9);
  Bytes b = test::write_jpeg(noise(&r, 32, 32, 4), 32, 32, {4, 1, 1});
  Bytes profile = {0xFF, 0xE2, 0, 20};
  for (const char* p = "ICC_PROFILE\0\1\1abcd"; profile.size() < 22; ++p) profile.push_back(uint8_t(*p));
  Bytes exif = {0xFF, 0xE1, 0, 12, 'E', 'x', 'i', 'f', 0, 0, 'M', 'M', 0, '*'};
  b.insert(b.begin() + 2, profile.begin(), profile.end());
  b.insert(b.begin() + 2, exif.begin(), exif.end());
  Tiles tile(1);
  CHECK(cut_whole(b, 32, 32, &tile).outcome == fl::LosslessOutcome::done);
  const Bytes& t = tile.tiles[0];
  const auto has = [&](const char* text) {
    return std::search(t.begin(), t.end(), text, text + std::strlen(text)) != t.end();
  };
  CHECK(has("ICC_PROFILE") && has("Adobe") && !has("Exif"));
}

}  // namespace

int main() {
  every_kind();
  missing_dc_codes();
  large_and_chunked();
  refusals();
  beyond_eight_bits();
  markers();
  return test::finish("lossless");
}
