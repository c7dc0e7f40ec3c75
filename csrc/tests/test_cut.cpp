// Tiles cut out of JPEGs, and windows of them, against the whole picture decoded by libjpeg.
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <string>

#include "check.h"
#include "codec/orient.h"
#include "codec/tile_cut.h"
#include "codec/window_read.h"
#include "fastlabel/fastlabel.h"
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

// Where a window begins between two chroma samples, the last ones at the edges of the picture
// keep its colour, not the fill's or none.
void colour_at_the_edges() {
  std::vector<uint8_t> red(32 * 32 * 3);
  for (size_t k = 0; k < red.size(); k += 3) red[k] = 220;
  const auto jpeg = test::write_jpeg(red, 32, 32, {});
  const TileWindow windows[] = {{17, 0, 15, 16}, {-1, 0, 17, 16}};
  Kept kept;
  const auto r = fl::cut_jpeg(jpeg.data(), jpeg.size(), windows, 2, options(32, 32), kLimits, kept);
  CHECK(r.status == FL_IMAGE_OK && kept.tiles.size() == 2);
  const auto right = whole(kept.tiles[0], 15, 16), left = whole(kept.tiles[1], 17, 16);
  // Chroma is enlarged with a filter, so next to the fill it is not all its own.
  CHECK(left[(5 * 17 + 1) * 3 + 2] > 175);
  CHECK(right[(5 * 15 + 14) * 3 + 2] > 205 && right[(5 * 15 + 14) * 3] < 20);
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

// ---- many files ----------------------------------------------------------------------

class Folder {
 public:
  Folder() {
    char name[] = "/tmp/fastlabel_cut_XXXXXX";
    CHECK(::mkdtemp(name) != nullptr);
    path_ = name;
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  std::string operator/(const std::string& name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

std::vector<uint8_t> bytes_of(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

void save(const std::string& path, const std::vector<uint8_t>& bytes) {
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(bytes.data()), std::streamsize(bytes.size()));
}

struct Batch {
  std::vector<std::string> sources, outputs;
  std::vector<int64_t> windows;
  int64_t each = 3;

  fl_status submit(fl_cutter* cutter, int64_t* ticket) const {
    std::vector<fl_cut_job> jobs;
    for (const auto& s : sources) jobs.push_back({s.c_str(), nullptr, 0, each});
    std::vector<const char*> to;
    for (const auto& o : outputs) to.push_back(o.c_str());
    return fl_cutter_submit(cutter, jobs.data(), int64_t(jobs.size()), windows.data(), to.data(),
                            ticket);
  }
};

Batch some_batch(const Folder& folder, const std::string& to, int pictures) {
  Batch b;
  for (int k = 0; k < pictures; ++k) {
    b.sources.push_back(folder / (std::to_string(k) + ".jpg"));
    for (int64_t j = 0; j < b.each; ++j) {
      b.outputs.push_back(folder / (to + std::to_string(k) + "_" + std::to_string(j) + ".jpg"));
      b.windows.insert(b.windows.end(), {16 * j, 16 * j, 16 * j + 40, 16 * j + 33});
    }
  }
  return b;
}

// The same bytes for any number of threads, also with several batches under way.
void any_number_of_workers() {
  const Folder folder;
  for (int k = 0; k < 12; ++k) {
    test::JpegKind kind;
    kind.progressive = k % 3 == 0;
    save(folder / (std::to_string(k) + ".jpg"),
         test::write_jpeg(picture(131, 97, 3, uint64_t(k)), 131, 97, kind));
  }
  for (const int32_t lossless : {0, 1}) {
    std::vector<std::vector<uint8_t>> first;
    for (const int32_t workers : {1, 2, 7}) {
      fl_cut_options o;
      fl_cut_options_init(&o, sizeof o);
      o.workers = workers;
      o.lossless = lossless;
      fl_cutter* cutter = nullptr;
      CHECK(fl_cutter_create(&o, &cutter) == FL_OK);
      const Batch a = some_batch(folder, "a", 12), b = some_batch(folder, "b", 12);
      int64_t tickets[2] = {};
      CHECK(a.submit(cutter, &tickets[0]) == FL_OK && b.submit(cutter, &tickets[1]) == FL_OK);
      std::vector<fl_cut_row> rows(12);
      std::vector<fl_cut_tile> tiles(36);
      for (const int64_t ticket : tickets) {
        fl_status status = FL_ERROR_TIMEOUT;
        while (status == FL_ERROR_TIMEOUT) status = fl_cutter_wait(cutter, ticket, 50, nullptr);
        CHECK(status == FL_OK);
        CHECK(fl_cutter_collect(cutter, ticket, rows.data(), tiles.data()) == FL_OK);
        CHECK(fl_cutter_collect(cutter, ticket, rows.data(), tiles.data()) == FL_ERROR_ARGUMENT);
        for (const auto& row : rows) CHECK(row.status == FL_IMAGE_OK && row.write_error == 0);
        for (const auto& tile : tiles) {
          CHECK(tile.mode == (lossless != 0 ? FL_CUT_LOSSLESS : FL_CUT_REENCODED));
        }
      }
      std::vector<std::vector<uint8_t>> found;
      for (const auto& path : a.outputs) found.push_back(bytes_of(path));
      for (size_t k = 0; k < found.size(); ++k) {
        CHECK(!found[k].empty() && found[k] == bytes_of(b.outputs[k]));
      }
      if (first.empty()) first = found;
      CHECK(found == first);
      fl_cutter_destroy(cutter);
    }
  }
}

// Given up in the middle: what is there is whole.
void given_up() {
  const Folder folder;
  for (int k = 0; k < 20; ++k) {
    save(folder / (std::to_string(k) + ".jpg"),
         test::write_jpeg(picture(131, 97, 3, uint64_t(k)), 131, 97, {}));
  }
  for (int after = 0; after < 6; ++after) {
    fl_cut_options o;
    fl_cut_options_init(&o, sizeof o);
    o.workers = 3;
    fl_cutter* cutter = nullptr;
    CHECK(fl_cutter_create(&o, &cutter) == FL_OK);
    const Batch b = some_batch(folder, "g", 20);
    int64_t ticket = 0;
    CHECK(b.submit(cutter, &ticket) == FL_OK);
    fl_cutter_wait(cutter, ticket, after, nullptr);
    CHECK(fl_cutter_cancel(cutter) == FL_OK);
    CHECK(fl_cutter_wait(cutter, ticket, 1000, nullptr) == FL_ERROR_CANCELLED);
    CHECK(b.submit(cutter, &ticket) == FL_ERROR_CANCELLED);
    fl_cutter_destroy(cutter);
    for (const auto& path : b.outputs) {
      const auto bytes = bytes_of(path);
      const bool whole_file = bytes.size() > 4 && bytes[bytes.size() - 1] == 0xD9;
      CHECK(!std::filesystem::exists(path) || whole_file);
      std::filesystem::remove(path);
    }
  }
}

// Sources stay as they are, and two tiles do not share a file.
void nothing_is_written_over() {
  const Folder folder;
  const auto jpeg = test::write_jpeg(picture(131, 97, 3, 5), 131, 97, {});
  save(folder / "0.jpg", jpeg);
  save(folder / "1.jpg", jpeg);
  std::filesystem::create_symlink(folder / "1.jpg", folder / "link.jpg");
  fl_cut_options o;
  fl_cut_options_init(&o, sizeof o);
  o.workers = 1;
  fl_cutter* cutter = nullptr;
  CHECK(fl_cutter_create(&o, &cutter) == FL_OK);
  Batch b = some_batch(folder, "t", 2);
  b.outputs[4] = b.outputs[1];
  int64_t ticket = 0;
  CHECK(b.submit(cutter, &ticket) == FL_ERROR_ARGUMENT);
  for (const char* name : {"0.jpg", "1.jpg", "link.jpg"}) {
    b = some_batch(folder, "t", 2);
    b.outputs[1] = folder / name;
    CHECK(b.submit(cutter, &ticket) == FL_OK);
    while (fl_cutter_wait(cutter, ticket, 50, nullptr) == FL_ERROR_TIMEOUT) {
    }
    std::vector<fl_cut_row> rows(2);
    std::vector<fl_cut_tile> tiles(6);
    CHECK(fl_cutter_collect(cutter, ticket, rows.data(), tiles.data()) == FL_OK);
    CHECK(rows[0].write_error == EEXIST && rows[0].write_tile == 1 && rows[1].write_error == 0);
    CHECK(!std::filesystem::exists(b.outputs[0]) && std::filesystem::exists(b.outputs[3]));
    CHECK(bytes_of(folder / "0.jpg") == jpeg && bytes_of(folder / "1.jpg") == jpeg);
  }
  fl_cutter_destroy(cutter);
}

// What the C ABI refuses, before anything is read.
void bad_arguments() {
  const auto jpeg = test::write_jpeg(picture(40, 30, 3, 5), 40, 30, {});
  const int64_t good[4] = {0, 0, 16, 16};
  fl_cut_options o;
  fl_cut_options_init(&o, sizeof o);
  fl_cut_row row;
  fl_cut_tile tile;
  const auto nothing = [](void*, int64_t, const uint8_t*, uint64_t) { return int32_t{0}; };
  const auto cut = [&](const int64_t* windows, int64_t n) {
    return fl_cut_jpeg(jpeg.data(), jpeg.size(), windows, n, &o, nothing, nullptr, &row, &tile);
  };
  CHECK(cut(good, 1) == FL_OK && tile.mode == FL_CUT_REENCODED);
  CHECK(cut(nullptr, 0) == FL_OK && row.status == FL_IMAGE_OK);
  CHECK(cut(nullptr, 1) == FL_ERROR_ARGUMENT && cut(good, -1) == FL_ERROR_ARGUMENT);
  const int64_t far = int64_t{1} << 62;
  const int64_t bad[][4] = {{0, 0, 0, 16},       {0, 16, 16, 16},   {16, 0, 0, 16},
                            {0, 0, 65501, 1},    {0, 0, 1, 65501},  {far, 0, far + 1, 1},
                            {0, -far, 1, 1 - far}, {-far, 0, far, 1}, {INT64_MIN, 0, INT64_MAX, 1}};
  uint8_t pixels[16 * 16 * 3];
  const auto read = [&](const int64_t* w, int32_t color, int64_t stride) {
    return fl_read_window(jpeg.data(), jpeg.size(), w, color, &o, pixels, stride, &row);
  };
  int64_t moved[4];
  for (const auto& w : bad) {
    CHECK(cut(w, 1) == FL_ERROR_ARGUMENT);
    CHECK(fl_cut_align(jpeg.data(), jpeg.size(), w, 1, &o, moved) == FL_ERROR_ARGUMENT);
    if (w[2] != 65501 && w[3] != 65501) CHECK(read(w, FL_COLOR_BGR, 1 << 20) == FL_ERROR_ARGUMENT);
  }
  CHECK(read(good, FL_COLOR_BGR, 48) == FL_OK && row.status == FL_IMAGE_OK);
  CHECK(read(good, FL_COLOR_GRAY, 16) == FL_OK && read(good, FL_COLOR_GRAY, 15) != FL_OK);
  CHECK(read(good, FL_COLOR_BGR, 47) == FL_ERROR_ARGUMENT && read(good, 3, 48) != FL_OK);
  CHECK(read(good, -1, 48) == FL_ERROR_ARGUMENT && read(nullptr, 0, 48) == FL_ERROR_ARGUMENT);
  CHECK(fl_read_window(nullptr, 1, good, 0, &o, pixels, 48, &row) == FL_ERROR_ARGUMENT);
  CHECK(fl_read_window(nullptr, 0, good, 0, &o, pixels, 48, &row) == FL_OK &&
        row.status != FL_IMAGE_OK);
  const auto with = [&](auto&& set) {
    fl_cut_options changed = o;
    set(changed);
    fl_cutter* cutter = nullptr;
    const fl_status status = fl_cutter_create(&changed, &cutter);
    fl_cutter_destroy(cutter);
    return status;
  };
  CHECK(with([](fl_cut_options&) {}) == FL_OK);
  CHECK(with([](fl_cut_options& c) { c.quality = 0; }) == FL_ERROR_ARGUMENT);
  CHECK(with([](fl_cut_options& c) { c.quality = 101; }) == FL_ERROR_ARGUMENT);
  CHECK(with([](fl_cut_options& c) { c.lossless = 2; }) == FL_ERROR_ARGUMENT);
  CHECK(with([](fl_cut_options& c) { c.keep_profile = -1; }) == FL_ERROR_ARGUMENT);
  CHECK(with([](fl_cut_options& c) { c.workers = -1; }) == FL_ERROR_ARGUMENT);
  CHECK(with([](fl_cut_options& c) { c.workers = 4097; }) == FL_ERROR_ARGUMENT);
  CHECK(with([](fl_cut_options& c) { c.max_scans = 0; }) == FL_ERROR_ARGUMENT);
  CHECK(with([](fl_cut_options& c) { c.struct_size = 0; }) == FL_ERROR_ARGUMENT);
  CHECK(with([](fl_cut_options& c) { c.struct_size = sizeof(size_t); }) == FL_OK);  // an old one
}

}  // namespace

int main() {
  colour_at_the_edges();
  any_number_of_workers();
  given_up();
  nothing_is_written_over();
  bad_arguments();
  windows_equal_the_whole();
  tiles_are_near_the_whole();
  turns();
  bad_files_end_well();
  return test::finish("cut");
}
