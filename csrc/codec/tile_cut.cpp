#include "codec/tile_cut.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <numeric>
#include <utility>
#include <vector>

#include "codec/jpeg_source.h"
#include "codec/orient.h"
#include "codec/requantised_cut.h"
#include "codec/tile_encoder.h"

namespace fl {

namespace {

// Decoded bands that are kept: a tile that begins inside a band needs parts of two, and chroma
// between two rows one row of a third.
constexpr int64_t kBands = 3;
constexpr int kMaxBandRows = MAX_SAMP_FACTOR * DCTSIZE;

int64_t ceil_div(int64_t a, int64_t b) noexcept { return (a + b - 1) / b; }
int64_t floor_div(int64_t a, int64_t b) noexcept { return a >= 0 ? a / b : -((-a + b - 1) / b); }

// The fill colour as the planes have it: JFIF's equations.
void fill_of_planes(const uint8_t bgr[3], uint8_t planes[3]) noexcept {
  const int b = bgr[0], g = bgr[1], r = bgr[2];
  planes[0] = static_cast<uint8_t>((19595 * r + 38470 * g + 7471 * b + 32768) >> 16);
  const int centre = (128 << 16) + 32767;
  planes[1] = static_cast<uint8_t>((-11059 * r - 21709 * g + 32768 * b + centre) >> 16);
  planes[2] = static_cast<uint8_t>((32768 * r - 27439 * g - 5329 * b + centre) >> 16);
}

// What the two ways of cutting share: the windows in the order of their first rows, the encoders
// that are free, and the word about what went wrong.
class Cut {
 public:
  Cut(JpegSource& source, const TileWindow* windows, int64_t n, const TileCutOptions& options,
      TileSink& sink)
      : source_(source), windows_(windows), options_(options), sink_(sink) {
    order_.resize(static_cast<size_t>(n));
    std::iota(order_.begin(), order_.end(), int64_t{0});
    std::stable_sort(order_.begin(), order_.end(),
                     [&](int64_t a, int64_t b) { return windows[a].y < windows[b].y; });
    for (int64_t i = 0; i < n; ++i) widest_ = std::max(widest_, windows[i].width);
  }
  TileCutResult result;

 protected:
  bool source_failed() noexcept {
    result.status = source_.status();
    std::snprintf(result.detail, sizeof result.detail, "%s", source_.detail());
    return false;
  }
  bool encoder_failed(const TileEncoder& encoder) noexcept {
    result.status = FL_IMAGE_OVER_LIMIT;
    std::snprintf(result.detail, sizeof result.detail, "tile: %.100s", encoder.error());
    return false;
  }
  std::unique_ptr<TileEncoder> free_encoder() {
    if (free_.empty()) return std::make_unique<TileEncoder>();
    std::unique_ptr<TileEncoder> e = std::move(free_.back());
    free_.pop_back();
    return e;
  }
  bool hand_out(int64_t index, std::unique_ptr<TileEncoder> encoder) {
    if (!encoder->finish()) return encoder_failed(*encoder);
    if (!sink_.take(index, encoder->bytes(), encoder->size())) {
      result.stopped = true;
      return false;
    }
    free_.push_back(std::move(encoder));
    return true;
  }
  const jpeg_decompress_struct* profile() const noexcept {
    return options_.keep_profile && !source_.is_cmyk() ? &source_.info() : nullptr;
  }
  // The next window that begins above row `end`, or -1.
  int64_t next_above(int64_t end) noexcept {
    if (next_ == order_.size() || windows_[order_[next_]].y >= end) return -1;
    return order_[next_++];
  }

  JpegSource& source_;
  const TileWindow* windows_;
  const TileCutOptions& options_;
  TileSink& sink_;
  int64_t widest_ = 0;

 private:
  std::vector<int64_t> order_;
  size_t next_ = 0;
  std::vector<std::unique_ptr<TileEncoder>> free_;
};

// ---- by planes -----------------------------------------------------------------------

// The last rows decoded of one component.
struct Plane {
  int64_t ratio_x, ratio_y;  // luma pixels a sample
  int64_t width, height;     // of the picture, in samples
  int64_t band;              // rows a decoded band
  int64_t stride;
  int64_t decoded = 0;       // rows so far
  uint8_t fill;
  std::vector<uint8_t> ring;

  uint8_t* row(int64_t y) noexcept { return ring.data() + (y % (kBands * band)) * stride; }
};

class PlaneCut final : public Cut {
 public:
  using Cut::Cut;
  bool run(const int h[3], const int v[3]);

 private:
  struct Tile {
    int64_t index;
    int64_t band = 0;  // the next to write
    std::unique_ptr<TileEncoder> encoder;
  };

  void set_up(const int h[3], const int v[3]);
  int64_t row_room(const Plane& p) const noexcept;
  bool read_band();
  bool open_tile(int64_t index);
  int64_t bands_of(const TileWindow& w) const noexcept { return ceil_div(w.height, max_v_ * DCTSIZE); }
  bool ready(const Tile& tile) const noexcept;
  bool write_band(Tile& tile);
  uint8_t* tile_row(Plane& p, const TileWindow& w, int64_t y, uint8_t* scratch);

  int components_ = 0;
  int h_[3] = {}, v_[3] = {}, max_v_ = 1;  // of the tiles
  Plane planes_[3];
  std::vector<uint8_t> scratch_[3], mixed_;
  std::vector<Tile> open_;
};

void PlaneCut::set_up(const int h[3], const int v[3]) {
  const jpeg_decompress_struct& info = source_.info();
  components_ = info.num_components;
  uint8_t fill[3];
  fill_of_planes(options_.fill, fill);
  for (int c = 0; c < components_; ++c) {
    const jpeg_component_info& component = info.comp_info[c];
    h_[c] = h[c];
    v_[c] = v[c];
    max_v_ = std::max(max_v_, v_[c]);
    Plane& p = planes_[c];
    p.ratio_x = info.max_h_samp_factor / component.h_samp_factor;
    p.ratio_y = info.max_v_samp_factor / component.v_samp_factor;
    p.width = ceil_div(source_.width(), p.ratio_x);
    p.height = ceil_div(source_.height(), p.ratio_y);
    p.band = int64_t{component.v_samp_factor} * DCTSIZE;
    p.fill = fill[c];
    // Whole MCUs, as the decoder writes them.
    p.stride = ceil_div(source_.width(), int64_t{DCTSIZE} * info.max_h_samp_factor) * DCTSIZE *
               component.h_samp_factor;
    p.ring.resize(static_cast<size_t>(p.stride * kBands * p.band));
    scratch_[c].resize(static_cast<size_t>(v_[c] * DCTSIZE * row_room(p)));
    mixed_.resize(std::max(mixed_.size(), static_cast<size_t>(p.width)));
  }
}

int64_t PlaneCut::row_room(const Plane& p) const noexcept {
  return ceil_div(ceil_div(widest_, p.ratio_x), DCTSIZE) * DCTSIZE;
}

bool PlaneCut::read_band() {
  JSAMPROW rows[3][kMaxBandRows];
  JSAMPARRAY planes[3];
  for (int c = 0; c < components_; ++c) {
    Plane& p = planes_[c];
    for (int64_t k = 0; k < p.band; ++k) rows[c][k] = p.row(p.decoded + k);
    planes[c] = rows[c];
  }
  if (!source_.read_planes(planes)) return source_failed();
  for (int c = 0; c < components_; ++c) planes_[c].decoded += planes_[c].band;
  return true;
}

bool PlaneCut::open_tile(int64_t index) {
  const TileWindow& w = windows_[index];
  EncoderSetup setup{w.width, w.height, options_.quality, components_, true, {}, {}, profile()};
  std::copy(h_, h_ + 3, setup.h);
  std::copy(v_, v_ + 3, setup.v);
  open_.push_back({index, 0, free_encoder()});
  TileEncoder& encoder = *open_.back().encoder;
  return encoder.begin(setup) || encoder_failed(encoder);
}

// Whether every row of the tile's next band is decoded.
bool PlaneCut::ready(const Tile& tile) const noexcept {
  const TileWindow& w = windows_[tile.index];
  for (int c = 0; c < components_; ++c) {
    const Plane& p = planes_[c];
    const int64_t first = floor_div(w.y, p.ratio_y);
    const bool between = first * p.ratio_y != w.y;
    const int64_t rows = ceil_div(w.height, p.ratio_y);
    const int64_t end = std::min((tile.band + 1) * v_[c] * DCTSIZE, rows);
    const int64_t last = std::min(first + end - 1 + (between ? 1 : 0), p.height - 1);
    if (last >= p.decoded) return false;
  }
  return true;
}

// out = a + (b - a) * part / whole. Halves are rounded up and down in turn, so that the mean stays.
void mix(const uint8_t* a, const uint8_t* b, int64_t part, int64_t whole, int64_t n,
         uint8_t* out) noexcept {
  if (whole == 2) {
    for (int64_t x = 0; x < n; ++x) out[x] = static_cast<uint8_t>((a[x] + b[x] + (x & 1)) >> 1);
    return;
  }
  const auto second = static_cast<int>(part);
  const auto all = static_cast<int>(whole);
  for (int64_t x = 0; x < n; ++x) {
    out[x] = static_cast<uint8_t>((a[x] * (all - second) + b[x] * second + all / 2) / all);
  }
}

// Row y of the tile in samples of the plane: in place where it can be read so, else put together
// in `scratch`, up to whole blocks.
uint8_t* PlaneCut::tile_row(Plane& p, const TileWindow& w, int64_t y, uint8_t* scratch) {
  const int64_t left = floor_div(w.x, p.ratio_x);
  const int64_t part_x = w.x - left * p.ratio_x;
  const int64_t top = floor_div(w.y, p.ratio_y);
  const int64_t part_y = w.y - top * p.ratio_y;
  const int64_t width = ceil_div(w.width, p.ratio_x);
  const int64_t room = ceil_div(width, DCTSIZE) * DCTSIZE;
  // Between a row inside the picture and one outside of it, the one inside counts.
  const int64_t above = std::clamp<int64_t>(top + y, 0, p.height - 1);
  const int64_t below = part_y == 0 ? above : std::clamp<int64_t>(top + y + 1, 0, p.height - 1);
  const bool outside = top + y >= p.height || top + y + (part_y == 0 ? 0 : 1) < 0;
  if (outside) {
    std::memset(scratch, p.fill, static_cast<size_t>(room));
    return scratch;
  }
  uint8_t* row = p.row(above);
  if (above != below) {
    mix(row, p.row(below), part_y, p.ratio_y, p.width, mixed_.data());
    row = mixed_.data();
  } else if (part_x == 0 && width == room && left >= 0 && left + width <= p.width) {
    return row + left;
  }
  // Samples [first, last) of the tile lie in the picture.
  const int64_t first = std::clamp<int64_t>(-left, 0, width);
  const int64_t last = std::clamp<int64_t>(p.width - left, first, width);
  std::memset(scratch, p.fill, static_cast<size_t>(first));
  std::memset(scratch + last, p.fill, static_cast<size_t>(width - last));
  if (part_x == 0) {
    std::memcpy(scratch + first, row + left + first, static_cast<size_t>(last - first));
  } else {
    // Sample k lies between left + k and left + k + 1.
    const int64_t both = std::min(last, p.width - 1 - left);
    if (both > first) {
      mix(row + left + first, row + left + first + 1, part_x, p.ratio_x, both - first,
          scratch + first);
    }
    if (both < last) scratch[last - 1] = row[p.width - 1];
    if (first > 0 && left + first == 0) scratch[first - 1] = row[0];
  }
  std::memset(scratch + width, scratch[width - 1], static_cast<size_t>(room - width));
  return scratch;
}

bool PlaneCut::write_band(Tile& tile) {
  const TileWindow& w = windows_[tile.index];
  JSAMPROW rows[3][kMaxBandRows];
  JSAMPARRAY planes[3];
  for (int c = 0; c < components_; ++c) {
    Plane& p = planes_[c];
    const int64_t all = ceil_div(w.height, p.ratio_y);
    const int64_t n = int64_t{v_[c]} * DCTSIZE;
    const int64_t room = row_room(p);
    for (int64_t k = 0; k < n; ++k) {
      const int64_t y = tile.band * n + k;
      // Below the tile its last row fills up the blocks.
      rows[c][k] = y < all || k == 0 ? tile_row(p, w, std::min(y, all - 1),
                                                scratch_[c].data() + k * room)
                                     : rows[c][k - 1];
    }
    planes[c] = rows[c];
  }
  if (!tile.encoder->write_planes(planes, max_v_ * DCTSIZE)) return encoder_failed(*tile.encoder);
  ++tile.band;
  return true;
}

bool PlaneCut::run(const int h[3], const int v[3]) {
  if (!source_.start(JpegPixels::planes)) return source_failed();
  set_up(h, v);
  const int64_t band = int64_t{source_.info().max_v_samp_factor} * DCTSIZE;
  for (int64_t end = band; end - band < source_.height(); end += band) {
    if (!read_band()) return false;
    for (int64_t i = next_above(end); i >= 0; i = next_above(end)) {
      if (!open_tile(i)) return false;
    }
    for (Tile& tile : open_) {
      const int64_t bands = bands_of(windows_[tile.index]);
      while (tile.band < bands && ready(tile)) {
        if (!write_band(tile)) return false;
      }
      if (tile.band == bands && !hand_out(tile.index, std::move(tile.encoder))) return false;
    }
    std::erase_if(open_, [](const Tile& tile) { return tile.encoder == nullptr; });
  }
  return source_.finish() || source_failed();
}

// ---- by pixels -----------------------------------------------------------------------

class PixelCut final : public Cut {
 public:
  PixelCut(JpegSource& source, const TileWindow* windows, int64_t n, const TileCutOptions& options,
           const JpegLimits& limits, TileSink& sink)
      : Cut(source, windows, n, options, sink), max_memory_(limits.max_memory) {}
  bool run();

 private:
  struct Tile {
    int64_t index;
    std::vector<uint8_t> pixels;  // of the stored raster
  };

  bool open_tile(int64_t index);
  void copy_row(Tile& tile, int64_t y, const uint8_t* row) const noexcept;
  bool write(Tile& tile);

  uint64_t max_memory_;
  int channels_ = 3;
  std::vector<Tile> open_;
  int64_t held_ = 0;  // bytes of their pixels
  std::vector<uint8_t> upright_;
};

// False where the pixels of the tiles that are open, and those of one turned, are too many.
bool PixelCut::open_tile(int64_t index) {
  const TileWindow& w = windows_[index];
  held_ += w.width * w.height * channels_;
  if (static_cast<uint64_t>(held_ + w.width * w.height * channels_) > max_memory_) {
    result.status = FL_IMAGE_OVER_LIMIT;
    std::snprintf(result.detail, sizeof result.detail,
                  "tiles of %lld bytes of pixels at a time, the limit is %llu",
                  static_cast<long long>(held_ + w.width * w.height * channels_),
                  static_cast<unsigned long long>(max_memory_));
    return false;
  }
  std::vector<uint8_t> pixels(static_cast<size_t>(w.width * w.height * channels_));
  const uint8_t* bgr = options_.fill;
  uint8_t gray[3];
  fill_of_planes(bgr, gray);
  if (channels_ == 1) {
    std::fill(pixels.begin(), pixels.end(), gray[0]);
  } else {
    for (size_t k = 0; k < pixels.size(); ++k) pixels[k] = bgr[2 - k % 3];
  }
  open_.push_back({index, std::move(pixels)});
  return true;
}

void PixelCut::copy_row(Tile& tile, int64_t y, const uint8_t* row) const noexcept {
  const TileWindow& w = windows_[tile.index];
  const int64_t from = std::max<int64_t>(w.x, 0);
  const int64_t to = std::min(w.x + w.width, source_.width());
  uint8_t* out = tile.pixels.data() + ((y - w.y) * w.width + from - w.x) * channels_;
  std::memcpy(out, row + from * channels_, static_cast<size_t>((to - from) * channels_));
}

bool PixelCut::write(Tile& tile) {
  const TileWindow& w = windows_[tile.index];
  const TileWindow upright = to_upright(w, options_.orientation, source_.width(), source_.height());
  const uint8_t* pixels = tile.pixels.data();
  if (options_.orientation != 1) {
    upright_.resize(tile.pixels.size());
    turn_upright(pixels, w.width, w.height, channels_, options_.orientation, upright_.data(),
                 upright.width * channels_);
    pixels = upright_.data();
  }
  int h = 1;
  int v = 1;
  source_.luma_sampling(&h, &v);
  if (swaps_sides(options_.orientation)) std::swap(h, v);
  const EncoderSetup setup{upright.width, upright.height, options_.quality, channels_, false,
                           {h, 1, 1},     {v, 1, 1},      profile()};
  std::unique_ptr<TileEncoder> encoder = free_encoder();
  if (!encoder->begin(setup)) return encoder_failed(*encoder);
  for (int64_t y = 0; y < upright.height; ++y) {
    if (!encoder->write_row(pixels + y * upright.width * channels_)) return encoder_failed(*encoder);
  }
  return hand_out(tile.index, std::move(encoder));
}

bool PixelCut::run() {
  const bool gray = source_.info().jpeg_color_space == JCS_GRAYSCALE;
  channels_ = gray ? 1 : 3;
  if (!source_.start(gray ? JpegPixels::gray : JpegPixels::rgb)) return source_failed();
  std::vector<uint8_t> row(static_cast<size_t>(source_.width() * channels_));
  for (int64_t y = 0; y < source_.height(); ++y) {
    if (!source_.read_row(row.data())) return source_failed();
    for (int64_t i = next_above(y + 1); i >= 0; i = next_above(y + 1)) {
      if (!open_tile(i)) return false;
    }
    for (Tile& tile : open_) {
      copy_row(tile, y, row.data());
      const TileWindow& w = windows_[tile.index];
      if (y + 1 < std::min(w.y + w.height, source_.height())) continue;
      if (!write(tile)) return false;
      held_ -= static_cast<int64_t>(tile.pixels.size());
      tile.pixels.clear();
    }
    std::erase_if(open_, [](const Tile& tile) { return tile.pixels.empty(); });
  }
  return source_.finish() || source_failed();
}

}  // namespace

TileCutResult cut_jpeg(const uint8_t* data, size_t size, const TileWindow* windows, int64_t n,
                       const TileCutOptions& options, const JpegLimits& limits, TileSink& sink) {
  TileCutResult result;
  JpegSource source;
  if (!source.open(data, size, limits, options.keep_profile)) {
    result.status = source.status();
    std::snprintf(result.detail, sizeof result.detail, "%s", source.detail());
    return result;
  }
  if (source.width() != options.width || source.height() != options.height) {
    result.status = FL_IMAGE_CORRUPT;
    std::snprintf(result.detail, sizeof result.detail, "two sizes in one header");
    return result;
  }
  int h[3];
  int v[3];
  if (options.orientation == 1 && source.plane_sampling(h, v)) {
    // Where that says no, or finds damage, the decoder has the last word.
    const RequantiseOptions how{options.quality, options.keep_profile};
    const LosslessResult r = cut_jpeg_requantised(data, size, windows, n, how, limits, sink);
    if (r.outcome == LosslessOutcome::done || r.outcome == LosslessOutcome::stopped) {
      result.status = r.outcome == LosslessOutcome::done ? FL_IMAGE_OK : FL_IMAGE_UNREADABLE;
      result.stopped = r.outcome == LosslessOutcome::stopped;
      std::snprintf(result.detail, sizeof result.detail, "%s", r.why);
      return result;
    }
    PlaneCut cut(source, windows, n, options, sink);
    if (cut.run(h, v)) cut.result.status = FL_IMAGE_OK;
    return cut.result;
  }
  PixelCut cut(source, windows, n, options, limits, sink);
  if (cut.run()) cut.result.status = FL_IMAGE_OK;
  return cut.result;
}

}  // namespace fl
