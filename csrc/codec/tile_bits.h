// Tiles out of rows of MCUs whose bits are known: in the row of a tile all bits are copied as
// they stand but the DC codes of its first MCU, whose predictor is another one in the tile.
#pragma once

#include <cstdint>
#include <vector>

#include "codec/entropy_bits.h"
#include "codec/jpeg_frame.h"
#include "codec/tile_sink.h"

namespace fl {

// What is known of the row's bits at the left edge of an MCU.
struct McuMark {
  uint64_t before = 0;  // where the MCU before it ends; there may be a restart in between
  uint64_t dc_begin[kJpegComponents] = {}, dc_end[kJpegComponents] = {};  // its first DC codes
  int32_t dc[kJpegComponents] = {};       // the values they stand for
  int32_t dc_before[kJpegComponents] = {};  // the last values before them
};

// How a tile's one scan is coded, by component.
struct TileCoding {
  uint8_t frame_marker = 0;
  HuffmanSpec dc[4], ac[4];  // by table number; size 0: not used
  int dc_table[kJpegComponents] = {}, ac_table[kJpegComponents] = {};
  int scan_order[kJpegComponents] = {};  // the components as the scan interleaves them
};

class TileCutter {
 public:
  // Windows on the MCU grid, inside the picture.
  TileCutter(const JpegFrame& frame, const TileCoding& coding, const TileWindow* windows, int64_t n,
             TileSink& sink);

  // Opens the tiles that begin here. Columns that want a mark, ascending and unique, are then
  // in edges(); the last of them ends the last tile.
  void begin_row(int64_t row);
  const std::vector<int64_t>& edges() const noexcept { return edges_; }
  bool finished() const noexcept { return next_ == order_.size() && open_.empty(); }

  // Marks of all edges and of the columns in `restarts` (ascending) must be set. False when a
  // DC difference has no code, or when the sink said stop.
  bool end_row(int64_t row, const uint8_t* base, const std::vector<McuMark>& marks,
               const std::vector<int64_t>& restarts);
  bool stopped() const noexcept { return stopped_; }

 private:
  struct Tile {
    int64_t index, first_column, end_column, end_row;
    int32_t last_dc[kJpegComponents];
    BitSink<true> bits;
  };

  void write_header(const TileCoding& coding);
  void open(int64_t index);
  bool write_piece(Tile& tile, const uint8_t* base, const McuMark& from, uint64_t to);
  bool close(Tile& tile);

  const JpegFrame& frame_;
  const TileWindow* windows_;
  TileSink& sink_;
  int components_;
  int order_in_scan_[kJpegComponents];
  HuffmanCodes dc_[kJpegComponents];  // by component
  std::vector<uint8_t> header_;
  size_t size_at_ = 0;                // of height and width in the header
  std::vector<int64_t> order_;        // windows by first row
  size_t next_ = 0;
  std::vector<Tile> open_;
  std::vector<BitSink<true>> spare_;  // memory of tiles that are done
  std::vector<int64_t> edges_;
  bool edges_stale_ = true;
  bool stopped_ = false;
};

// Gives a DC table codes for all differences of 8-bit samples, behind those it has, which keep
// theirs. False where there is no room.
bool complete_dc(HuffmanSpec* spec) noexcept;

}  // namespace fl
