// Tiles at another quality hold the source's coefficients to the nearest of the new table where the
// grid is the source's; elsewhere, and above a quality of 85, those that libjpeg makes of the
// samples that libjpeg decodes. libjpeg reads both.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <string>

#include "check.h"
#include "codec/block_kernels.h"
#include "codec/requantised_cut.h"
#include "codec/requantiser.h"
#include "codec/tile_cut.h"
#include "jpeg_coefficients.h"
#include "jpeg_writer.h"

namespace {

using Bytes = std::vector<uint8_t>;
using test::Coefficients;
using test::read_coefficients;

const fl::JpegLimits kLimits{250000000, 512u << 20, 200, nullptr};

class Tiles final : public fl::TileSink {
 public:
  explicit Tiles(size_t n) : tiles(n) {}
  bool take(int64_t index, const uint8_t* bytes, size_t size) override {
    tiles[size_t(index)].assign(bytes, bytes + size);
    return ++taken != stop_after;
  }
  std::vector<Bytes> tiles;
  int taken = 0, stop_after = -1;
};

Bytes noise(test::Random* r, int w, int h, int components) {
  Bytes p(size_t(w) * size_t(h) * size_t(components));
  const int64_t rough = 1 + r->below(120);
  for (size_t i = 0; i < p.size(); ++i) {
    p[i] = uint8_t(std::min<int64_t>(255, int64_t(i / 7 % 200) + r->below(rough)));
  }
  return p;
}

// Halves away from zero, into what a code of 8-bit samples can say.
int rounded(double value, int k) {
  const int r = int(value < 0 ? std::ceil(value - 0.5) : std::floor(value + 0.5));
  return std::clamp(r, k == 0 ? -1024 : -1023, 1023);
}

// The same tiles through the decoder and the encoder of libjpeg: a window that runs past the picture
// wants pixels, and all of them take that way then.
std::vector<Bytes> by_libjpeg(const Bytes& source, std::vector<fl::TileWindow> windows, int width,
                              int height, int quality) {
  windows.push_back({width - 8, height - 8, 16, 16});
  Tiles tiles(windows.size());
  const fl::TileCutOptions options{width, height, quality, 1, {114, 114, 114}, true};
  const auto result = fl::cut_jpeg(source.data(), source.size(), windows.data(),
                                   int64_t(windows.size()), options, kLimits, tiles);
  CHECK(result.status == FL_IMAGE_OK);
  return tiles.tiles;
}

void check_tile(const Coefficients& source, const Bytes& bytes, const Bytes& libjpeg,
                const fl::TileWindow& w, int quality, const std::string& name) {
  const Coefficients tile = read_coefficients(bytes), other = read_coefficients(libjpeg);
  bool good = tile.width == w.width && tile.height == w.height && tile.warnings == 0 &&
              tile.components.size() == source.components.size() &&
              tile.colour_space == source.colour_space;
  const bool one = source.components.size() == 1;
  int most_h = 1, most_v = 1;
  for (const auto& c : source.components) {
    if (!one) most_h = std::max(most_h, c.h), most_v = std::max(most_v, c.v);
  }
  const bool on_grid = w.x % (8 * most_h) == 0 && w.y % (8 * most_v) == 0;
  for (size_t c = 0; good && c < tile.components.size(); ++c) {
    const auto& s = source.components[c];
    const auto& t = tile.components[c];
    const int64_t ratio_x = one ? 1 : most_h / s.h, ratio_y = one ? 1 : most_v / s.v;
    bool exact = true;
    for (int k = 0; k < 64; ++k) exact = exact && s.quant[k] % t.quant[k] == 0;
    for (int64_t y = 0; y < t.high && good; ++y) {
      for (int64_t x = 0; x < t.wide && good; ++x) {
        const int16_t* b = t.blocks.data() + (y * t.wide + x) * 64;
        if (on_grid && (quality <= 85 || exact)) {
          const int64_t y0 = w.y / ratio_y / 8, x0 = w.x / ratio_x / 8;
          const int16_t* a = s.blocks.data() + ((y0 + y) * s.wide + x0 + x) * 64;
          for (int k = 0; k < 64; ++k) {
            good = good && b[k] == rounded(double(a[k] * s.quant[k]) / t.quant[k], k);
          }
          continue;
        }
        // Beyond its last sample the decoder's tile has that one again, ours the picture's next.
        if (8 * (y + 1) * ratio_y > w.height || 8 * (x + 1) * ratio_x > w.width) continue;
        good = good && std::equal(b, b + 64, other.components[c].blocks.data() +
                                                 (y * other.components[c].wide + x) * 64);
      }
    }
  }
  CHECK(good);
  if (!good) {
    std::printf("  %s: window %d %d %d %d\n", name.c_str(), int(w.x), int(w.y), int(w.width),
                int(w.height));
  }
}

void every_kind() {
  test::Random r(7);
  const int samplings[][4] = {{2, 2, 1, 1}, {2, 1, 1, 1}, {1, 1, 1, 1}, {1, 2, 1, 1},
                              {4, 1, 1, 1}, {3, 1, 1, 1}, {1, 1, 2, 1}};
  for (const auto& s : samplings) {
    for (int variant = 0; variant < 12; ++variant) {
      test::JpegKind kind;
      kind.h = s[0], kind.v = s[1], kind.chroma_h = s[2], kind.chroma_v = s[3];
      kind.progressive = variant % 3 == 1;
      kind.separate = variant % 3 == 2;
      kind.optimised = variant / 3 % 2 == 1;
      kind.restart = variant / 6 == 1 ? 5 : 0;
      kind.quality = variant % 4 == 3 ? 100 : variant % 4 == 2 ? 30 : 90;
      if (variant == 11) kind.components = 1, kind.h = kind.v = kind.chroma_h = kind.chroma_v = 1;
      const int w = 203, h = 121;
      const Bytes source = test::write_jpeg(noise(&r, w, h, kind.components), w, h, kind);
      const Coefficients truth = read_coefficients(source);
      const int64_t mw = variant == 11 ? 8 : 8 * std::max(s[0], s[2]);
      const int64_t mh = variant == 11 ? 8 : 8 * std::max(s[1], s[3]);
      for (const int quality : {1, 30, 75, 90, 95, 100}) {
        // On the grid, anything goes; off it, whole MCUs that lie in the picture.
        std::vector<fl::TileWindow> windows = {{0, 0, w, h}};
        for (int k = 0; k < 4; ++k) {
          const int64_t x = r.below((w + mw - 1) / mw) * mw, y = r.below((h + mh - 1) / mh) * mh;
          windows.push_back({x, y, 1 + r.below(w - x), 1 + r.below(h - y)});
        }
        for (int k = 0; k < 3; ++k) {
          const int64_t tw = 2 * mw, th = 2 * mh;
          windows.push_back({k == 1 ? mw : r.below(w - tw), k == 2 ? mh : r.below(h - th), tw, th});
        }
        Tiles tiles(windows.size());
        const auto result =
            fl::cut_jpeg_requantised(source.data(), source.size(), windows.data(),
                                     int64_t(windows.size()), {quality, true}, kLimits, tiles);
        CHECK(result.outcome == fl::LosslessOutcome::done);
        if (result.outcome != fl::LosslessOutcome::done) std::printf("  %s\n", result.why);
        if (tiles.taken != int(windows.size())) continue;
        const std::vector<Bytes> libjpeg = by_libjpeg(source, windows, w, h, quality);
        for (size_t k = 0; k < windows.size(); ++k) {
          check_tile(truth, tiles.tiles[k], libjpeg[k], windows[k], quality,
                     std::to_string(s[0]) + "x" + std::to_string(s[1]) + " variant " +
                         std::to_string(variant) + " quality " + std::to_string(quality));
        }
      }
    }
  }
}

// The division without one is exact for all there is.
void every_value() {
  int16_t values[64], out[64];
  for (int q = 1; q <= 255; ++q) {
    uint16_t table[64];
    std::fill_n(table, 64, uint16_t(q));
    for (const int times : {1, 8}) {
      fl::Requantiser requantiser;
      requantiser.set(table, uint32_t(times));
      const int all = q * times, most = 16383 - all / 2;
      bool good = true;
      for (int v = -most; v <= most; v += 63) {
        for (int k = 0; k < 64; ++k) values[k] = int16_t(std::min(v + k, most));
        const uint64_t mask =
            fl::oracle_block_kernels().requantise(values, requantiser.divisors(), out);
        for (int k = 0; k < 64; ++k) {
          const int r = (std::abs(int(values[k])) + all / 2) / all * (values[k] < 0 ? -1 : 1);
          good = good && out[k] == std::clamp(r, k == 0 ? -1024 : -1023, 1023);
          good = good && (mask >> k & 1) == (out[k] != 0);
        }
        good = good && requantiser.dc(values[0]) == out[0];
      }
      CHECK(good);
    }
  }
}

void every_tier_equals_the_oracle() {
  test::Random r(17);
  const fl::BlockKernels& oracle = fl::oracle_block_kernels();
  const char* names[8];
  const int32_t tiers = fl_isa_available(names, 8);
  for (int32_t t = 0; t < tiers; ++t) {
    CHECK(fl_isa_select(names[t]) == FL_OK);
    const fl::BlockKernels& k = fl::block_kernels();
    bool good = true;
    for (int round = 0; round < 4000; ++round) {
      uint16_t table[64];
      for (uint16_t& q : table) q = uint16_t(1 + r.below(round % 3 == 0 ? 4 : 255));
      fl::Requantiser one, eight;
      one.set(table, 1);
      eight.set(table, 8);
      // From nearly empty to full, from small to what the reader lets pass.
      int16_t block[64] = {}, a[64], b[64];
      const int64_t most = int64_t{1} << (2 + r.below(12)), some = 1 + r.below(64);
      for (int64_t i = 0; i < some; ++i) block[r.below(64)] = int16_t(r.below(2 * most) - most);
      const uint64_t ma = k.recode(block, eight.divisors(), a);
      good = good && ma == oracle.recode(block, eight.divisors(), b) && std::equal(a, a + 64, b);
      uint8_t sa[8 * 11 + 8] = {}, sb[8 * 11 + 8] = {};
      k.decode(block, sa + 1, 11);
      oracle.decode(block, sb + 1, 11);
      good = good && std::equal(sa, sa + sizeof sa, sb);
      for (uint8_t& s : sa) s = round % 2 == 0 ? r.byte() : uint8_t(r.below(2) * 255);
      const uint64_t me = k.encode(sa + 1, 11, eight.divisors(), a);
      good = good && me == oracle.encode(sa + 1, 11, eight.divisors(), b) &&
             std::equal(a, a + 64, b);
      for (int16_t& v : block) v = int16_t(r.below(65281) - 32640);
      const uint64_t mr = k.requantise(block, one.divisors(), a);
      good = good && mr == oracle.requantise(block, one.divisors(), b) && std::equal(a, a + 64, b);
    }
    CHECK(good);
    if (!good) std::printf("  tier %s\n", names[t]);
  }
  CHECK(fl_isa_select(names[tiers - 1]) == FL_OK);
}

// Whatever is wrong with a file, the answer is the decoder's: a window that runs past the picture
// takes the way by pixels, and is asked beside.
void damage() {
  test::Random r(5);
  for (const bool progressive : {false, true}) {
    test::JpegKind kind;
    kind.progressive = progressive;
    kind.restart = progressive ? 0 : 5;
    const Bytes good = test::write_jpeg(noise(&r, 96, 80, 3), 96, 80, kind);
    const fl::TileWindow windows[] = {{0, 0, 32, 32}, {16, 10, 32, 32}, {90, 70, 20, 20}};
    const fl::TileCutOptions options{96, 80, 75, 1, {0, 0, 0}, true};
    const auto compare = [&](const Bytes& bytes) {
      Tiles mine(3), theirs(3);
      const auto a = fl::cut_jpeg(bytes.data(), bytes.size(), windows, 2, options, kLimits, mine);
      const auto b = fl::cut_jpeg(bytes.data(), bytes.size(), windows, 3, options, kLimits, theirs);
      CHECK(a.status == b.status);
      if (a.status != b.status) {
        std::printf("  %d against %d, %zu bytes: %s | %s\n", a.status, b.status, bytes.size(),
                    a.detail, b.detail);
      }
      CHECK(a.status != FL_IMAGE_OK || !mine.tiles[1].empty());
    };
    for (size_t size = 0; size <= good.size(); size += 1 + size / 60) {
      compare(Bytes(good.begin(), good.begin() + long(size)));
    }
    for (size_t cut = 1; cut < 6; ++cut) compare(Bytes(good.begin(), good.end() - long(cut)));
    Bytes longer = good;
    longer.insert(longer.end() - 2, 200, uint8_t{0x55});
    compare(longer);
  }
}

void refusals() {
  test::Random r(9);
  const Bytes good = test::write_jpeg(noise(&r, 64, 48, 3), 64, 48, {});
  Tiles tiles(2);
  const auto cut = [&](const Bytes& b, fl::TileWindow w) {
    return fl::cut_jpeg_requantised(b.data(), b.size(), &w, 1, {75, true}, kLimits, tiles);
  };
  const fl::TileWindow out[] = {{-1, 0, 16, 16}, {0, 33, 16, 16}, {49, 0, 16, 16}, {8, 0, 56, 50},
                                {0, 0, 0, 16},   {64, 0, 1, 1},   {8, 0, 50, 16},
                                {INT64_MAX, 0, 16, 16}};
  for (const fl::TileWindow& w : out) {
    const bool fits = w.x == 8 && w.width == 50 && w.height == 16;
    CHECK((cut(good, w).outcome == fl::LosslessOutcome::refused) == !fits || fits);
  }
  CHECK(tiles.taken <= 1);
  // Quantisers of 16 bits.
  test::JpegKind coarse;
  coarse.quality = 1;
  CHECK(cut(test::write_jpeg(noise(&r, 64, 48, 3), 64, 48, coarse), {0, 0, 16, 16}).outcome ==
        fl::LosslessOutcome::done);
  Bytes wide = good;
  for (size_t k = 2; k + 4 < wide.size(); ++k) {
    if (wide[k] == 0xFF && wide[k + 1] == 0xDB) {
      Bytes table = {0xFF, 0xDB, 0, 131, uint8_t(16 | wide[k + 4])};
      for (size_t i = 0; i < 64; ++i) table.insert(table.end(), {1, wide[k + 5 + i]});
      wide.erase(wide.begin() + long(k), wide.begin() + long(k + 69));
      wide.insert(wide.begin() + long(k), table.begin(), table.end());
      break;
    }
  }
  CHECK(cut(wide, {0, 0, 16, 16}).outcome == fl::LosslessOutcome::refused);
  const fl::TileCutOptions options{64, 48, 75, 1, {0, 0, 0}, true};
  const fl::TileWindow whole{0, 0, 64, 48};
  Tiles one(1);
  CHECK(fl::cut_jpeg(wide.data(), wide.size(), &whole, 1, options, kLimits, one).status ==
        FL_IMAGE_OK);
  CHECK(one.taken == 1);
  // The profile goes or stays, and the sink may stop.
  Bytes profiled = good;
  Bytes profile = {0xFF, 0xE2, 0, 20};
  for (const char* p = "ICC_PROFILE\0\1\1abcd"; profile.size() < 22; ++p) profile.push_back(uint8_t(*p));
  profiled.insert(profiled.begin() + 2, profile.begin(), profile.end());
  for (const bool keep : {false, true}) {
    Tiles t(1);
    fl::cut_jpeg_requantised(profiled.data(), profiled.size(), &whole, 1, {75, keep}, kLimits, t);
    const char* text = "ICC_PROFILE";
    const bool has = std::search(t.tiles[0].begin(), t.tiles[0].end(), text, text + 11) !=
                     t.tiles[0].end();
    CHECK(t.taken == 1 && has == keep);
  }
  const fl::TileWindow three[] = {{0, 0, 16, 16}, {16, 0, 16, 16}, {0, 16, 16, 16}};
  Tiles some(3);
  some.stop_after = 2;
  CHECK(fl::cut_jpeg_requantised(good.data(), good.size(), three, 3, {75, true}, kLimits, some)
            .outcome == fl::LosslessOutcome::stopped);
  CHECK(some.taken == 2);
}

}  // namespace

int main() {
  every_value();
  every_tier_equals_the_oracle();
  every_kind();
  damage();
  refusals();
  return test::finish("requantise");
}
