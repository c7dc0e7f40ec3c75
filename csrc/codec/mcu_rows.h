// The MCU rows of a picture as strings of bits in one scan: as they stand in the file, or coded
// anew from the coefficients of several scans.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

#include "codec/entropy_bits.h"
#include "codec/jpeg_frame.h"
#include "codec/row_coder.h"
#include "codec/tile_bits.h"

namespace fl {

constexpr uint64_t kPaddingBytes = 64;

// A picture of one sequential scan.
class VerbatimRows {
 public:
  VerbatimRows(const uint8_t* data, size_t size, const JpegFrame& frame, const JpegScan& scan);

  // Sets the marks of the edges, and of the columns where the source restarts, which are named.
  // False where the data is damaged or ends.
  bool read(int64_t row, const std::vector<int64_t>& edges, std::vector<McuMark>* marks,
            std::vector<int64_t>* restarts);
  const uint8_t* base() const noexcept { return source_.base(); }
  bool data_ended() const noexcept { return data_ended_; }
  // Whether it was no damage that read() failed at, but a number beyond what tiles can hold.
  bool beyond() const noexcept { return beyond_; }
  // After the last row: whether more data follows than some encoders pad with. Then the place in
  // it was lost on the way.
  bool left_over() { return source_.left_over(at_) > kPaddingBytes; }

 private:
  struct Block {
    const DcReader* dc;
    const AcReader* ac;
    int component;
    bool first;
  };
  bool walk(int64_t mcus);
  bool walk_marked(McuMark* mark);

  const JpegFrame& frame_;
  BitSource source_;
  std::vector<DcReader> dc_;
  std::vector<AcReader> ac_;
  std::vector<Block> blocks_;
  int64_t interval_, until_restart_;
  int next_restart_ = 0;
  uint64_t at_ = 0;
  uint32_t last_[kJpegComponents] = {};        // predictors; they wrap, and are checked where used
  bool data_ended_ = false;
  bool beyond_ = false;
};

// A picture of several scans: all of them walked side by side, a row of MCUs at a time.
class RecodedRows {
 public:
  RecodedRows(const uint8_t* data, size_t size, const JpegFrame& frame,
              const std::vector<JpegScan>& scans, const TileCoding& coding);

  bool read(int64_t row, const std::vector<int64_t>& edges, std::vector<McuMark>* marks,
            std::vector<int64_t>* restarts);
  const uint8_t* base() { return coder_.base(); }
  // The row's coefficients alone.
  bool decode(int64_t row);
  const int16_t* block(int component, int64_t y, int64_t x) noexcept {
    return block_at(component, y, x);
  }
  bool data_ended() const noexcept { return data_ended_; }
  bool beyond() const noexcept { return beyond_; }
  bool left_over() {
    return std::any_of(cursors_.begin(), cursors_.end(), [](Cursor& cursor) {
      return cursor.source.left_over(cursor.at) > kPaddingBytes;
    });
  }

 private:
  struct Cursor {
    Cursor(const uint8_t* data, size_t size, const JpegScan& s)
        : scan(s), source(data, size, s.begin), until_restart(s.restart) {}
    JpegScan scan;
    BitSource source;
    uint64_t at = 0;
    std::array<CodeReader, 4> dc, ac;
    int32_t last[kJpegComponents] = {};
    uint32_t end_of_band = 0;  // blocks that a run still covers
    int64_t until_restart;
    int next_restart = 0;
  };
  using BlockReader = bool (RecodedRows::*)(Cursor&, int, int16_t*);

  bool read_scan(Cursor& cursor, int64_t row);
  bool begin_unit(Cursor& cursor);
  bool sequential(Cursor& cursor, int k, int16_t* block);
  bool dc_first(Cursor& cursor, int k, int16_t* block);
  bool dc_refine(Cursor& cursor, int k, int16_t* block);
  bool ac_first(Cursor& cursor, int k, int16_t* block);
  bool ac_refine(Cursor& cursor, int k, int16_t* block);
  int16_t* block_at(int component, int64_t y, int64_t x) noexcept {
    return coefficients_[component].data() + (y * wide_[component] + x) * 64;
  }

  const JpegFrame& frame_;
  std::vector<Cursor> cursors_;
  std::vector<int16_t> coefficients_[kJpegComponents];      // of the row, in zigzag order
  int64_t wide_[kJpegComponents] = {};                      // blocks
  RowCoder coder_;
  bool data_ended_ = false;
  bool beyond_ = false;
};

}  // namespace fl
