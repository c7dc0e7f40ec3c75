// Tiles cut out of JPEGs, and windows of them, against the whole picture decoded by libjpeg.
#include <cstdlib>
#include <cstring>
#include <map>

#include "check.h"
#include "codec/orient.h"
#include "codec/tile_cut.h"
#include "codec/window_read.h"
#include "jpeg_writer.h"

using fl::TileWindow;

namespace {

const fl::JpegLimits kLimits{1000000, uint64_t{64} << 20, 100, nullptr};

std::vector<uint8_t> picture(int w, int h, int channels, uint64_t seed) {
  test::Random random(seed);
  std::vector<uint8_t> pixels;
  for (int y = 0; y < h; ++y) {
    for (int x = 0; x < w; ++x) {
      for (int c = 0; c < channels; ++c) {
        const int wave = std::abs((x * (c + 2) + y * 3) % 400 - 200);  // no edges in it
        const int v = wave + int(random.below(9));
        pixels.push_back(static_cast<uint8_t>(v));
      }
    }
  }
  return pixels;
}

// All of it, by the reader itself without skipping or cropping anything.
std::vector<uint8_t> whole(const std::vector<uint8_t>& jpeg, int64_t w, int64_t h) {
  fl::JpegSource source;
  std::vector<uint8_t> pixels(static_cast<size_t>(w * h * 3));
  CHECK(source.open(jpeg.data(), jpeg.size(), kLimits, false));
  CHECK(source.start(fl::JpegPixels::bgr));
  for (int64_t y = 0; y < h; ++y) CHECK(source.read_row(pixels.data() + y * w * 3));
  CHECK(source.finish());
  return pixels;
}

class Kept final : public fl::TileSink {
 public:
  bool take(int64_t index, const uint8_t* bytes, size_t size) override {
    tiles[index].assign(bytes, bytes + size);
    return tiles.size() != stop_after;
  }
  std::map<int64_t, std::vector<uint8_t>> tiles;
  size_t stop_after = SIZE_MAX;
};

fl::TileCutOptions options(int64_t w, int64_t h, int32_t orientation = 1) {
  return {w, h, 98, orientation, {10, 20, 30}, true};
}

struct Case {
  test::JpegKind kind;
  int w, h;
};

std::vector<Case> cases() {
  std::vector<Case> all;
  for (const auto& [sh, sv] : {std::pair(1, 1), {2, 1}, {1, 2}, {2, 2}, {4, 1}, {1, 4}, {4, 2}}) {
    for (const bool progressive : {false, true}) {
      test::JpegKind kind;
      kind.h = sh;
      kind.v = sv;
      kind.progressive = progressive;
      all.push_back({kind, 131, 97});
      kind.restart = 3;
      all.push_back({kind, 17, 203});
    }
  }
  test::JpegKind gray;
  gray.components = 1;
  gray.h = gray.v = 1;
  all.push_back({gray, 77, 60});
  gray.h = gray.v = 2;
  all.push_back({gray, 77, 60});
  test::JpegKind inks;
  inks.components = 4;
  inks.h = inks.v = 1;
  all.push_back({inks, 77, 60});
  test::JpegKind large_chroma;
  large_chroma.h = large_chroma.v = 1;
  large_chroma.chroma_h = 2;
  all.push_back({large_chroma, 77, 60});
  return all;
}

void windows_equal_the_whole() {
  test::Random random(1);
  for (const Case& c : cases()) {
    const auto jpeg = test::write_jpeg(picture(c.w, c.h, c.kind.components, 5), c.w, c.h, c.kind);
    const auto all = whole(jpeg, c.w, c.h);
    for (int k = 0; k < 40; ++k) {
      const int64_t x = random.below(c.w), y = random.below(c.h);
      const int64_t w = 1 + random.below(c.w - x + 5), h = 1 + random.below(c.h - y + 5);
      std::vector<uint8_t> out(static_cast<size_t>(w * h * 3));
      const uint8_t fill[3] = {1, 2, 3};
      const auto r = fl::read_window(jpeg.data(), jpeg.size(), {x, y, w, h}, 1,
                                     fl::JpegPixels::bgr, fill, kLimits, out.data(), w * 3);
      CHECK(r.status == FL_IMAGE_OK);
      bool same = true;
      for (int64_t j = 0; j < h; ++j) {
        for (int64_t i = 0; i < w; ++i) {
          const bool in = x + i < c.w && y + j < c.h;
          const uint8_t* want = in ? all.data() + ((y + j) * c.w + x + i) * 3 : fill;
          same = same && std::memcmp(out.data() + (j * w + i) * 3, want, 3) == 0;
        }
      }
      CHECK(same);
    }
  }
}

void tiles_are_near_the_whole() {
  for (const Case& c : cases()) {
    const auto jpeg = test::write_jpeg(picture(c.w, c.h, c.kind.components, 5), c.w, c.h, c.kind);
    const auto all = whole(jpeg, c.w, c.h);
    std::vector<TileWindow> windows;
    for (int64_t y = -7; y < c.h; y += 13) {
      for (int64_t x = -3; x < c.w; x += 11) windows.push_back({x, y, 31 + (x & 7), 29});
    }
    Kept kept;
    const auto r = fl::cut_jpeg(jpeg.data(), jpeg.size(), windows.data(),
                                static_cast<int64_t>(windows.size()), options(c.w, c.h), kLimits,
                                kept);
    CHECK(r.status == FL_IMAGE_OK);
    CHECK(kept.tiles.size() == windows.size());
    double error = 0;
    int64_t n = 0;
    for (const auto& [index, bytes] : kept.tiles) {
      const TileWindow& w = windows[static_cast<size_t>(index)];
      const auto tile = whole(bytes, w.width, w.height);
      // Away from the rim of the picture, over which chroma filters bleed.
      for (int64_t j = 4; j < w.height - 4; ++j) {
        for (int64_t i = 4; i < w.width - 4; ++i) {
          const int64_t x = w.x + i, y = w.y + j;
          if (x < 4 || y < 4 || x >= c.w - 4 || y >= c.h - 4) continue;
          for (int64_t k = 0; k < 3; ++k) {
            const int d = tile[static_cast<size_t>((j * w.width + i) * 3 + k)] -
                          all[static_cast<size_t>((y * c.w + x) * 3 + k)];
            error += d * d;
            ++n;
          }
        }
      }
    }
    CHECK(n == 0 || error / static_cast<double>(n) < 25);
  }
}

// The windows of a turned picture are the turned windows.
void turns() {
  const int64_t w = 5, h = 3;
  std::vector<uint8_t> stored(15);
  for (size_t k = 0; k < stored.size(); ++k) stored[k] = static_cast<uint8_t>(k);
  // Where the pixel 0 (row 0, column 0) lies in the upright picture, by the EXIF standard.
  const int64_t corner[9][2] = {{},     {0, 0},         {w - 1, 0}, {w - 1, h - 1}, {0, h - 1},
                                {0, 0}, {h - 1, 0}, {h - 1, w - 1}, {0, w - 1}};
  for (int32_t o = 1; o <= 8; ++o) {
    const int64_t uw = fl::swaps_sides(o) ? h : w, uh = fl::swaps_sides(o) ? w : h;
    std::vector<uint8_t> upright(15);
    fl::turn_upright(stored.data(), w, h, 1, o, upright.data(), uw);
    CHECK(upright[static_cast<size_t>(corner[o][1] * uw + corner[o][0])] == 0);
    for (int64_t y = 0; y < uh; ++y) {
      for (int64_t x = 0; x < uw; ++x) {
        const TileWindow at = fl::to_stored({x, y, 1, 1}, o, w, h);
        CHECK(stored[static_cast<size_t>(at.y * w + at.x)] ==
              upright[static_cast<size_t>(y * uw + x)]);
        const TileWindow back = fl::to_upright(at, o, w, h);
        CHECK(back.x == x && back.y == y);
      }
    }
  }
}

void bad_files_end_well() {
  test::JpegKind kind;
  const auto jpeg = test::write_jpeg(picture(131, 97, 3, 5), 131, 97, kind);
  const TileWindow windows[3] = {{0, 0, 40, 40}, {33, 21, 64, 64}, {-9, 60, 50, 50}};
  for (size_t size = 0; size < jpeg.size(); size += 7) {
    Kept kept;
    const auto r = fl::cut_jpeg(jpeg.data(), size, windows, 3, options(131, 97), kLimits, kept);
    CHECK(r.status != FL_IMAGE_OK && r.detail[0] != '\0');
  }
  test::Random random(3);
  for (int k = 0; k < 400; ++k) {
    auto bent = jpeg;
    for (int j = 0; j < 4; ++j) bent[static_cast<size_t>(random.below(int64_t(bent.size())))] = random.byte();
    for (const int32_t orientation : {1, 6}) {
      Kept kept;
      const auto r = fl::cut_jpeg(bent.data(), bent.size(), windows, 3,
                                  options(131, 97, orientation), kLimits, kept);
      CHECK(r.status != FL_IMAGE_OK || kept.tiles.size() == 3);
    }
  }
  Kept stops;
  stops.stop_after = 2;
  const auto r = fl::cut_jpeg(jpeg.data(), jpeg.size(), windows, 3, options(131, 97), kLimits, stops);
  CHECK(r.stopped && stops.tiles.size() == 2);
  Kept kept;
  CHECK(fl::cut_jpeg(jpeg.data(), jpeg.size(), windows, 3, options(131, 98), kLimits, kept).status ==
        FL_IMAGE_CORRUPT);
  const std::atomic<bool> yes{true};
  const fl::JpegLimits given_up{1000000, uint64_t{64} << 20, 100, &yes};
  CHECK(fl::cut_jpeg(jpeg.data(), jpeg.size(), windows, 3, options(131, 97), given_up, kept).status !=
        FL_IMAGE_OK);
}

}  // namespace

int main() {
  windows_equal_the_whole();
  tiles_are_near_the_whole();
  turns();
  bad_files_end_well();
  return test::finish("cut");
}
