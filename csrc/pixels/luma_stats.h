// Every statistic of one luma plane in one pass over its rows, while they are in the cache.
//
// Rows are written into a small ring (no full frame is held) and measured as soon as their
// lower neighbour is there. All sums are integers, so a result does not depend on tier,
// thread or order; the few floating-point steps at the end use a fixed sequence.
#pragma once

#include <cstdint>
#include <vector>

#include "pixels/box_profiles.h"
#include "pixels/box_rings.h"
#include "pixels/row_kernels.h"
#include "fastlabel/fastlabel.h"

namespace fl {

// A box in whole pixels of the plane, half-open, already clipped to it.
struct PixelBox {
  int32_t x0, y0, x1, y1;
};

// The pixels a box of continuous coordinates touches inside width x height; all zero when
// it touches none or is not finite.
PixelBox pixel_box(const double* xyxy, int64_t width, int64_t height) noexcept;

// Maps a box of the EXIF-turned picture back into the stored raster (width x height stored).
void unturn_box(int32_t orientation, double width, double height, const double* in,
                double* out) noexcept;

// Gradient statistics of one pyramid level.
class LevelStats {
 public:
  static constexpr int64_t kMaxRows = 16;
  // Rows in the ring: enough to hand a codec several empty rows at once.
  static constexpr int64_t kRing = 64;

  void reset(int64_t width, bool with_noise);
  // Where row y goes: `width` writable bytes. Valid until row y + kRing is asked for.
  uint8_t* row(int64_t y) noexcept { return first_ + (y % kRing) * pitch_; }
  const uint8_t* row(int64_t y) const noexcept { return first_ + (y % kRing) * pitch_; }
  // Mirrors the edge pixels of row y; call once it is written.
  void pad(int64_t y) noexcept;
  // Measures rows y .. y + count - 1, at most kMaxRows of them. Their neighbours are in the
  // ring but for the last row's lower one, which is row `below`.
  void measure(int64_t y, int64_t count, int64_t below);
  // Those rows with their neighbours: count + 2 pointers.
  void list(int64_t y, int64_t count, int64_t below, const uint8_t** rows) const noexcept;
  // Closes the last, incomplete row of noise blocks.
  void finish();

  int64_t width() const noexcept { return width_; }
  const RowSums& sums() const noexcept { return sums_; }
  // Mean |N| times 1024 at the 10th percentile of the usable blocks; -1 without any.
  int64_t noise_response();

 private:
  static constexpr int64_t kPad = 64;
  static constexpr int64_t kBlock = 32;
  // Noise is looked for in every ninth row: 128 pixels a block are enough for its mean, and
  // the rows fall on several phases of a JPEG's 8 x 8 blocks, whose seams would pass for noise.
  static constexpr int64_t kNoiseStep = 9;
  void close_blocks(const uint8_t* last_row);

  int64_t width_ = 0;
  int64_t pitch_ = 0;
  bool with_noise_ = false;
  int64_t rows_in_block_ = 0, sampled_rows_ = 0;
  const uint8_t* last_row_ = nullptr;
  RowSums sums_;
  std::vector<uint8_t> rows_;
  uint8_t* first_ = nullptr;  // row 0; every row begins at a cache line
  std::vector<uint16_t> noise_columns_;
  std::vector<uint32_t> usable_;  // mean |N| * 1024 of blocks that are neither black nor white
  std::vector<uint32_t> other_;   // of the rest, and of blocks too small to trust
};

// Sums inside the boxes, by one of two strategies with equal results: each box's own row
// segments (few boxes), or running column sums read off where boxes begin and end, whose
// cost does not grow with overlap (many boxes).
class BoxStats {
 public:
  void reset(const std::vector<PixelBox>& boxes, int64_t width, int64_t height);
  // Rows y .. y + count - 1 are rows[1] .. rows[count]; their neighbours stand around them.
  void add_rows(int64_t y, int64_t count, const uint8_t* const* rows);
  // Closes boxes that the picture ended before (a truncated file).
  void finish(int64_t rows);

  struct Sums {
    int64_t pixels = 0;
    RowSums rows;
  };
  const std::vector<Sums>& sums() const noexcept { return sums_; }
  // For tests: take one strategy whatever the boxes. 0 automatic, 1 direct, 2 columns.
  void force_strategy(int strategy) noexcept { forced_ = strategy; }

 private:
  void add_direct(int64_t y, int64_t count, const uint8_t* const* rows);
  void add_columns(int64_t y, const uint8_t* prev, const uint8_t* cur, const uint8_t* next);
  void read_columns(int64_t y);

  std::vector<PixelBox> boxes_;
  std::vector<Sums> sums_;
  std::vector<int32_t> by_start_, by_end_, active_;
  size_t next_start_ = 0, next_end_ = 0;
  int64_t width_ = 0;
  int forced_ = 0;
  bool columns_ = false;
  std::vector<RowSums> column_, prefix_;
};

class LumaStats {
 public:
  // height is what the header says; fewer rows may come.
  void begin(int64_t width, int64_t height, const std::vector<PixelBox>& boxes);
  // Put every row into the histogram, not a sample of them; call before begin().
  void sample_all_rows() noexcept { sample_all_ = true; }
  // Measure what surrounds the boxes too; call before begin().
  void measure_rings(bool wanted) noexcept { with_rings_ = wanted; }
  static constexpr int64_t kMaxRows = LevelStats::kMaxRows;
  // The next kMaxRows row buffers, each with room for 32 bytes of a codec's padding behind the
  // row. Returns how many rows the picture still has; then commit() says how many were filled.
  int64_t next_rows(uint8_t** buffers) noexcept;
  void commit(int64_t rows);
  void finish(fl_luma_stats* stats, fl_box_row* box_rows);

  int64_t rows() const noexcept { return rows_; }
  BoxStats& boxes() noexcept { return boxes_; }

 private:
  void process();
  void take_row(int64_t y);
  void measure_rows(int64_t y, int64_t count, int64_t below);
  void halve_into(size_t level, int64_t rows);
  void hash_row(size_t level, int64_t y);
  void finish_levels();
  void fill_scales(double noise_sigma, fl_luma_stats* stats);

  static constexpr size_t kLevels = 1 + FL_SCALE_LEVELS;
  static constexpr int64_t kGrid = 32;
  // Rows wait for this many, so that the decoder's tables leave the cache half as often. The
  // ring holds them, a further kMaxRows and the two rows before.
  static constexpr int64_t kBatchRows = LevelStats::kRing - LevelStats::kMaxRows - 1;
  // Rows of a lower level wait until there are this many to measure in one call.
  static constexpr int64_t kLevelRows = 8;
  // At most this many rows go into the histogram, evenly spread, and at least half as many;
  // all rows of lower pictures.
  static constexpr int64_t kHistogramRows = 64;

  int64_t width_ = 0, height_ = 0;
  int64_t rows_ = 0;   // filled
  int64_t taken_ = 0;  // measured, but for the last of them
  bool sample_all_ = false;
  int64_t histogram_step_ = 1, next_histogram_row_ = 0;
  size_t hash_level_ = 0;
  uint32_t tables_[kHistogramTables * 256];
  LevelStats levels_[kLevels];
  int64_t level_rows_[kLevels] = {};      // rows made so far
  int64_t level_measured_[kLevels] = {};  // rows measured so far
  BoxStats boxes_;
  BoxProfiles profiles_;
  BoxRings rings_;
  bool with_rings_ = false;
  std::vector<uint32_t> column_sums_;
  int64_t grid_row_ = 0, grid_rows_summed_ = 0;
  int16_t grid_[kGrid * kGrid];  // cell means times 16
};

}  // namespace fl
