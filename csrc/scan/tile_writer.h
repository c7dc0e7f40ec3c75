// Cutting: pictures in, tile files out, over a native pool.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "codec/tile_sink.h"
#include "fastlabel/fastlabel.h"
#include "scan/batch_pool.h"
#include "scan/file_reader.h"

namespace fl {

// Cuts n windows (x1, y1, x2, y2 in the upright picture) out of one file in memory. The tiles'
// rows say which of them were handed to the sink in full and are to be kept: when the status is
// not ok, none.
void cut_picture(const uint8_t* data, uint64_t size, const int64_t* windows, int64_t n,
                 const fl_cut_options& options, const std::atomic<bool>* cancelled, TileSink& sink,
                 fl_cut_row* row, fl_cut_tile* tiles);

// The windows that a lossless cut takes: moved out at the left and the top to whole MCUs, where
// that can be done; else as they are. False, and why, when none can.
bool align_windows(const uint8_t* data, uint64_t size, const int64_t* windows, int64_t n,
                   const fl_cut_options& options, int64_t* out, char* why, size_t room);

struct CutPicture {
  std::string path;
  const uint8_t* data;  // null: read the path
  uint64_t size;
  size_t first_tile, tiles;
};

using FileIdentity = std::pair<dev_t, ino_t>;

struct CutBatch {
  std::vector<CutPicture> pictures;
  std::vector<int64_t> windows;      // 4 a tile
  std::vector<std::string> outputs;  // a path a tile
  std::vector<fl_cut_row> rows;
  std::vector<fl_cut_tile> tiles;
  std::set<FileIdentity> sources;    // not to be written

  // Fills in the sources. False where two tiles have one path.
  bool know_files();
  size_t size() const noexcept { return pictures.size(); }
  size_t next = 0, finished = 0;  // the pool's
};

class TileWriter {
 public:
  explicit TileWriter(const fl_cut_options& options);

  fl_status submit(std::shared_ptr<CutBatch> batch, int64_t* ticket) {
    return pool_.submit(std::move(batch), ticket);
  }
  fl_status wait(int64_t ticket, int32_t timeout_ms, int64_t* done) {
    return pool_.wait(ticket, timeout_ms, done);
  }
  fl_status collect(int64_t ticket, fl_cut_row* rows, fl_cut_tile* tiles);
  void cancel() { pool_.cancel(); }

 private:
  BatchPool<CutBatch, FileReader> pool_;
};

}  // namespace fl
