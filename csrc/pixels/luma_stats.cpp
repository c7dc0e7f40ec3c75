#include "pixels/luma_stats.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "pixels/finish.h"

namespace fl {

namespace {

// Blocks whose brightness leaves no room for noise to show say nothing about noise.
constexpr uint32_t kBlackBlock = 16;
constexpr uint32_t kWhiteBlock = 239;
// Blocks of fewer sampled pixels (at the right and lower edge) are too small to trust.
constexpr uint32_t kMinBlockPixels = 32;

constexpr int64_t kLine = 64;  // bytes of a cache line

}  // namespace

PixelBox pixel_box(const double* b, int64_t width, int64_t height) noexcept {
  const PixelBox none{0, 0, 0, 0};
  for (int k = 0; k < 4; ++k) {
    if (!std::isfinite(b[k])) return none;
  }
  const double w = static_cast<double>(width);
  const double h = static_cast<double>(height);
  // Clamp before the cast: a huge double does not fit an int32.
  const double x0 = std::floor(std::clamp(b[0], 0.0, w));
  const double y0 = std::floor(std::clamp(b[1], 0.0, h));
  const double x1 = std::ceil(std::clamp(b[2], 0.0, w));
  const double y1 = std::ceil(std::clamp(b[3], 0.0, h));
  if (x1 <= x0 || y1 <= y0 || b[2] <= b[0] || b[3] <= b[1]) return none;
  return {static_cast<int32_t>(x0), static_cast<int32_t>(y0), static_cast<int32_t>(x1),
          static_cast<int32_t>(y1)};
}

void unturn_box(int32_t orientation, double w, double h, const double* in, double* out) noexcept {
  const double x1 = in[0], y1 = in[1], x2 = in[2], y2 = in[3];
  // Each case is the inverse of what a viewer does for that EXIF orientation.
  switch (orientation) {
    case 2:  // mirrored left-right
      out[0] = w - x2, out[1] = y1, out[2] = w - x1, out[3] = y2;
      return;
    case 3:  // turned by 180 degrees
      out[0] = w - x2, out[1] = h - y2, out[2] = w - x1, out[3] = h - y1;
      return;
    case 4:  // mirrored top-bottom
      out[0] = x1, out[1] = h - y2, out[2] = x2, out[3] = h - y1;
      return;
    case 5:  // transposed
      out[0] = y1, out[1] = x1, out[2] = y2, out[3] = x2;
      return;
    case 6:  // shown after a clockwise quarter turn
      out[0] = y1, out[1] = h - x2, out[2] = y2, out[3] = h - x1;
      return;
    case 7:  // transversed
      out[0] = w - y2, out[1] = h - x2, out[2] = w - y1, out[3] = h - x1;
      return;
    case 8:  // shown after a counter-clockwise quarter turn
      out[0] = w - y2, out[1] = x1, out[2] = w - y1, out[3] = x2;
      return;
    default:
      std::copy(in, in + 4, out);
  }
}

// ---- LevelStats -------------------------------------------------------------------

void LevelStats::reset(int64_t width, bool with_noise) {
  width_ = width;
  pitch_ = (width + 2 * kPad + kLine - 1) / kLine * kLine;
  with_noise_ = with_noise;
  rows_in_block_ = sampled_rows_ = 0;
  last_row_ = nullptr;
  sums_ = RowSums{};
  rows_.resize(static_cast<size_t>(pitch_ * kRing + kLine));
  const auto address = reinterpret_cast<uintptr_t>(rows_.data());
  first_ = rows_.data() + (kLine - static_cast<int64_t>(address % kLine)) % kLine + kPad;
  noise_columns_.assign(with_noise ? static_cast<size_t>(width) : 0, 0);
  usable_.clear();
  other_.clear();
}

void LevelStats::pad(int64_t y) noexcept {
  uint8_t* r = row(y);
  r[-1] = width_ > 1 ? r[1] : r[0];
  r[width_] = width_ > 1 ? r[width_ - 2] : r[0];
}

void LevelStats::list(int64_t y, int64_t count, int64_t below, const uint8_t** rows) const noexcept {
  // The row above the first is its mirror image, the one below it.
  rows[0] = row(y > 0 ? y - 1 : (count > 1 ? y + 1 : below));
  for (int64_t k = 0; k < count; ++k) rows[k + 1] = row(y + k);
  rows[count + 1] = row(below);
}

void LevelStats::measure(int64_t y, int64_t count, int64_t below) {
  const size_t n = static_cast<size_t>(width_);
  const uint8_t* rows[kMaxRows + 2];
  list(y, count, below, rows);
  row_kernels().row_sums(rows, static_cast<size_t>(count), n, &sums_);
  if (!with_noise_) return;
  for (int64_t k = 1; k <= count; ++k) {
    if (rows_in_block_ % kNoiseStep == 0) {
      row_kernels().row_noise(rows[k - 1], rows[k], rows[k + 1], n, noise_columns_.data());
      ++sampled_rows_;
      last_row_ = rows[k];
    }
    if (++rows_in_block_ == kBlock) close_blocks(last_row_);
  }
}

void LevelStats::close_blocks(const uint8_t* last_row) {
  for (int64_t x = 0; x < width_; x += kBlock) {
    const int64_t n = std::min(kBlock, width_ - x);
    uint32_t response = 0;
    uint32_t light = 0;
    for (int64_t i = x; i < x + n; ++i) response += noise_columns_[static_cast<size_t>(i)];
    // A few pixels tell whether a block is black or white.
    for (int64_t i = x; i < x + n; i += 4) light += last_row[i];
    light /= static_cast<uint32_t>((n + 3) / 4);
    // At most 32 x 32 pixels, each at most 2040: 32 bits hold it, and divide it faster.
    const auto pixels = static_cast<uint32_t>(n * sampled_rows_);
    const uint32_t mean = response * 1024 / pixels;
    const bool trusted = pixels >= kMinBlockPixels && light >= kBlackBlock && light <= kWhiteBlock;
    (trusted ? usable_ : other_).push_back(mean);
  }
  std::fill(noise_columns_.begin(), noise_columns_.end(), static_cast<uint16_t>(0));
  rows_in_block_ = sampled_rows_ = 0;
}

void LevelStats::finish() {
  if (with_noise_ && rows_in_block_ > 0) close_blocks(last_row_);
}

int64_t LevelStats::noise_response() {
  std::vector<uint32_t>& blocks = usable_.empty() ? other_ : usable_;
  if (blocks.empty()) return -1;
  // The 10th percentile, not the mean: texture answers the noise kernel too, so the calmest
  // tenth of the picture is what shows the noise. Where all is equally noisy that tenth lies
  // 11 % below the mean (128 correlated pixels a block), which 9 / 8 undoes.
  const auto tenth = blocks.begin() + static_cast<ptrdiff_t>((blocks.size() - 1) / 10);
  std::nth_element(blocks.begin(), tenth, blocks.end());
  return int64_t{*tenth} * 9 / 8;
}

// ---- LumaStats --------------------------------------------------------------------

void LumaStats::begin(int64_t width, int64_t height, const std::vector<PixelBox>& boxes) {
  width_ = width;
  height_ = height;
  rows_ = taken_ = 0;
  std::memset(tables_, 0, sizeof tables_);
  int64_t w = width;
  for (size_t k = 0; k < kLevels; ++k, w /= 2) {
    levels_[k].reset(w, k == 0);
    level_rows_[k] = level_measured_[k] = 0;
  }
  boxes_.reset(boxes, width, height);
  profiles_.reset(boxes, width);
  if (with_rings_) rings_.reset(boxes, width, height);
  next_histogram_row_ = 0;
  histogram_step_ =
      sample_all_ ? 1 : std::max<int64_t>(1, (height + kHistogramRows - 1) / kHistogramRows);
  // The hash averages 32 x 32 cells: a quarter of the size has all it needs, if large enough.
  hash_level_ = 0;
  while (hash_level_ < 2 && std::min(width, height) >> (hash_level_ + 1) >= 2 * kGrid) {
    ++hash_level_;
  }
  column_sums_.assign(static_cast<size_t>(levels_[hash_level_].width()), 0);
  grid_row_ = 0;
  grid_rows_summed_ = 0;
}

int64_t LumaStats::next_rows(uint8_t** buffers) noexcept {
  for (int64_t k = 0; k < kMaxRows; ++k) buffers[k] = levels_[0].row(rows_ + k);
  return std::min(kMaxRows, height_ - rows_);
}

void LumaStats::commit(int64_t rows) {
  rows_ += rows;
  if (rows_ - taken_ >= kBatchRows) process();
}

void LumaStats::process() {
  if (rows_ == taken_) return;
  // Each row is measured once the one below it is there.
  const int64_t from = std::max<int64_t>(0, taken_ - 1);
  while (taken_ < rows_) take_row(taken_++);
  for (int64_t y = from; y < rows_ - 1;) {
    const int64_t count = std::min(LevelStats::kMaxRows, rows_ - 1 - y);
    measure_rows(y, count, y + count);
    y += count;
  }
  halve_into(1, rows_);
}

void LumaStats::take_row(int64_t y) {
  LevelStats& full = levels_[0];
  full.pad(y);
  if (y == next_histogram_row_) {
    row_kernels().histogram(full.row(y), static_cast<size_t>(width_), tables_);
    next_histogram_row_ += histogram_step_;
  }
  if (hash_level_ == 0) hash_row(0, y);
  level_rows_[0] = y + 1;
}

void LumaStats::measure_rows(int64_t y, int64_t count, int64_t below) {
  LevelStats& full = levels_[0];
  full.measure(y, count, below);
  const uint8_t* rows[LevelStats::kMaxRows + 2];
  full.list(y, count, below, rows);
  boxes_.add_rows(y, count, rows);
  profiles_.add_rows(y, count, rows);
  if (with_rings_) rings_.add_rows(y, count, rows);
}

// Makes the rows of `level` that `rows` rows of the one above suffice for, and so on down.
void LumaStats::halve_into(size_t level, int64_t rows) {
  if (level >= kLevels || levels_[level].width() < 1) return;
  LevelStats& above = levels_[level - 1];
  LevelStats& here = levels_[level];
  int64_t& made = level_rows_[level];
  for (; 2 * made + 1 < rows; ++made) {
    row_kernels().row_halve(above.row(2 * made), above.row(2 * made + 1),
                        static_cast<size_t>(here.width()), here.row(made));
    here.pad(made);
    if (hash_level_ == level) hash_row(level, made);
  }
  int64_t& measured = level_measured_[level];
  // The last row made has no neighbour below it yet.
  while (made - 1 - measured >= kLevelRows) {
    here.measure(measured, kLevelRows, measured + kLevelRows);
    measured += kLevelRows;
  }
  halve_into(level + 1, made);
}

// Means of a 32 x 32 grid for the perceptual hash. Cells of a picture with fewer than 32
// rows or columns repeat the nearest one.
void LumaStats::hash_row(size_t level, int64_t y) {
  if (grid_row_ >= kGrid) return;
  const int64_t width = levels_[level].width();
  const int64_t height = height_ >> level;
  row_kernels().row_add(levels_[level].row(y), static_cast<size_t>(width), column_sums_.data());
  ++grid_rows_summed_;
  bool closed = false;
  for (; grid_row_ < kGrid; ++grid_row_) {
    const int64_t begin = grid_row_ * height / kGrid;
    const int64_t end = std::max(begin + 1, (grid_row_ + 1) * height / kGrid);
    if (end != y + 1) break;
    for (int64_t k = 0; k < kGrid; ++k) {
      const int64_t x0 = k * width / kGrid;
      const int64_t x1 = std::max(x0 + 1, (k + 1) * width / kGrid);
      uint64_t sum = 0;
      for (int64_t x = x0; x < x1; ++x) sum += column_sums_[static_cast<size_t>(x)];
      const auto pixels = static_cast<double>((x1 - x0) * grid_rows_summed_);
      grid_[grid_row_ * kGrid + k] = static_cast<int16_t>(static_cast<double>(sum) * 16 / pixels);
    }
    closed = true;
  }
  if (closed) {
    std::fill(column_sums_.begin(), column_sums_.end(), 0U);
    grid_rows_summed_ = 0;
  }
}

void LumaStats::finish_levels() {
  // The row below the last is its mirror image, the one above it.
  measure_rows(rows_ - 1, 1, std::max<int64_t>(0, rows_ - 2));
  levels_[0].finish();
  for (size_t k = 1; k < kLevels; ++k) {
    const int64_t rows = level_rows_[k];
    const int64_t waiting = rows - 1 - level_measured_[k];
    if (waiting > 0) levels_[k].measure(level_measured_[k], waiting, rows - 1);
    if (rows > 0) levels_[k].measure(rows - 1, 1, std::max<int64_t>(0, rows - 2));
  }
}

void LumaStats::fill_scales(double noise_sigma, fl_luma_stats* s) {
  s->has_scale = 1;
  double sigma = noise_sigma;
  for (size_t k = 1; k < kLevels; ++k) {
    const int64_t rows = level_rows_[k];
    const int64_t w = levels_[k].width();
    if (rows < 3 || w < 3) break;
    // The mean of four pixels has half the noise.
    sigma /= 2;
    const Detail d = detail(levels_[k].sums(), w * rows, sigma);
    s->scale_sharpness[k - 1] = d.sharpness;
    s->scale_acutance[k - 1] = d.acutance;
    s->has_scale = static_cast<uint8_t>(s->has_scale | (1U << k));
    if (d.has_acutance) s->has_acutance = static_cast<uint8_t>(s->has_acutance | (1U << k));
  }
}

void LumaStats::finish(fl_luma_stats* stats, fl_box_row* box_rows) {
  *stats = fl_luma_stats{};
  stats->pixels = width_ * rows_;
  if (stats->pixels == 0) return;
  process();
  finish_levels();

  uint64_t counts[256];
  for (size_t v = 0; v < 256; ++v) {
    counts[v] = 0;
    for (size_t k = 0; k < kHistogramTables; ++k) counts[v] += tables_[256 * k + v];
  }
  histogram_stats(counts, stats);
  const RowSums& all = levels_[0].sums();
  stats->luma_mean = static_cast<double>(all.sum) / static_cast<double>(stats->pixels);
  stats->luma_std = std::sqrt(
      exact_variance(stats->pixels, static_cast<int64_t>(all.sum), all.sum2));

  const double sigma = noise_sigma(levels_[0].noise_response());
  const Detail d = detail(levels_[0].sums(), stats->pixels, sigma);
  stats->noise_sigma = sigma;
  stats->laplacian_variance = d.variance;
  stats->sharpness = d.sharpness;
  stats->acutance = d.acutance;
  stats->has_acutance = d.has_acutance ? 1 : 0;
  fill_scales(sigma, stats);

  stats->has_phash = grid_row_ == kGrid ? 1 : 0;
  if (stats->has_phash != 0) stats->phash = perceptual_hash(grid_);

  boxes_.finish(rows_);
  const std::vector<BoxStats::Sums>& sums = boxes_.sums();
  for (size_t i = 0; i < sums.size(); ++i) {
    box_rows[i] = box_row(sums[i], sigma);
    box_rows[i].has_profile = profiles_.finish(i, rows_, box_rows[i].profile) ? 1 : 0;
    if (with_rings_) rings_.finish(i, sigma, &box_rows[i]);
  }
}

}  // namespace fl
