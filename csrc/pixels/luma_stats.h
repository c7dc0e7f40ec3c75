// Every statistic of one luma plane in one pass over its rows, while they are in the cache.
//
// Rows are written into a small ring (no full frame is held) and measured as soon as their
// lower neighbour is there. All sums are integers, so a result does not depend on tier,
// thread or order; the few floating-point steps at the end use a fixed sequence.
#pragma once

#include <cstdint>
#include <vector>

#include "core/dispatch.h"
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
  // Rows in the ring: enough to hand a codec several empty rows at once.
  static constexpr int64_t kRing = 16;

  void reset(int64_t width, bool with_noise);
  // Where row y goes: `width` writable bytes. Valid until row y + kRing is asked for.
  uint8_t* row(int64_t y) noexcept { return rows_.data() + (y % kRing) * pitch_ + kPad; }
  const uint8_t* row(int64_t y) const noexcept {
    return rows_.data() + (y % kRing) * pitch_ + kPad;
  }
  // Mirrors the edge pixels of row y; call once it is written.
  void pad(int64_t y) noexcept;
  // Measures row y, whose upper and lower neighbours are rows up and down.
  void measure(int64_t up, int64_t y, int64_t down);
  // Closes the last, incomplete row of noise blocks.
  void finish();

  int64_t width() const noexcept { return width_; }
  const RowEnergy& energy() const noexcept { return energy_; }
  // Mean |N| times 1024 at the 10th percentile of the usable blocks; -1 without any.
  int64_t noise_response();

 private:
  static constexpr int64_t kPad = 64;
  static constexpr int64_t kBlock = 32;
  void close_blocks(const uint8_t* last_row);

  int64_t width_ = 0;
  int64_t pitch_ = 0;
  bool with_noise_ = false;
  int64_t rows_in_block_ = 0;
  const uint8_t* last_row_ = nullptr;
  RowEnergy energy_;
  std::vector<uint8_t> rows_;
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
  void add_row(int64_t y, const uint8_t* prev, const uint8_t* cur, const uint8_t* next);
  // Closes boxes that the picture ended before (a truncated file).
  void finish(int64_t rows);

  struct Sums {
    int64_t pixels = 0;
    uint64_t sum = 0, sum2 = 0, lap2 = 0, grad2 = 0;
    int64_t lap = 0;
  };
  const std::vector<Sums>& sums() const noexcept { return sums_; }
  // For tests: take one strategy whatever the boxes. 0 automatic, 1 direct, 2 columns.
  void force_strategy(int strategy) noexcept { forced_ = strategy; }

 private:
  void add_row_direct(int64_t y, const uint8_t* prev, const uint8_t* cur, const uint8_t* next);
  void add_row_columns(int64_t y, const uint8_t* prev, const uint8_t* cur, const uint8_t* next);
  void read_columns(int64_t y);

  std::vector<PixelBox> boxes_;
  std::vector<Sums> sums_;
  std::vector<int32_t> by_start_, by_end_, active_;
  size_t next_start_ = 0, next_end_ = 0;
  int64_t width_ = 0;
  int forced_ = 0;
  bool columns_ = false;
  struct Column {
    uint64_t sum, sum2, lap2, grad2;
    int64_t lap;
  };
  std::vector<Column> column_, prefix_;
};

class LumaStats {
 public:
  // height is what the header says; fewer rows may come.
  void begin(int64_t width, int64_t height, const std::vector<PixelBox>& boxes);
  // Up to `rows` next row buffers to fill, at most kMaxRows; then commit() says how many
  // were filled.
  static constexpr int64_t kMaxRows = 8;
  int64_t next_rows(uint8_t** buffers, int64_t rows) noexcept;
  void commit(int64_t rows);
  void finish(fl_luma_stats* stats, fl_box_row* box_rows);

  int64_t rows() const noexcept { return rows_; }
  BoxStats& boxes() noexcept { return boxes_; }

 private:
  void take_row(int64_t y);
  void measure_row(int64_t y, int64_t up, int64_t down);
  void halve_into(size_t level, int64_t y);
  void hash_row(int64_t y);
  void finish_levels();
  void fill_scales(double noise_sigma, fl_luma_stats* stats);

  static constexpr size_t kLevels = 1 + FL_SCALE_LEVELS;
  static constexpr int64_t kGrid = 32;

  int64_t width_ = 0, height_ = 0, rows_ = 0;
  uint32_t tables_[4 * 256];
  LevelStats levels_[kLevels];
  int64_t level_rows_[kLevels] = {};
  BoxStats boxes_;
  std::vector<uint32_t> column_sums_;
  int64_t grid_row_ = 0, grid_rows_summed_ = 0;
  int64_t grid_[kGrid * kGrid];
};

}  // namespace fl
