// fastlabel/cut.h: arguments checked, then the work, then a status.
#include <memory>
#include <utility>

#include "capi/common.h"
#include "codec/sniff.h"
#include "codec/tile_cut.h"
#include "codec/window_read.h"
#include "scan/tile_writer.h"

using fl::guarded;

struct fl_cutter {
  explicit fl_cutter(const fl_cut_options& options) : writer(options) {}
  fl::TileWriter writer;
};

namespace {

// Far outside of any picture, and far inside of 64 bits.
constexpr int64_t kFarthest = int64_t{1} << 40;

fl_cut_options default_options() noexcept {
  fl_cut_options options = {};
  options.struct_size = sizeof options;
  options.quality = 95;
  options.max_scans = 200;
  options.max_pixels = uint64_t{250} * 1000 * 1000;
  options.max_bytes = uint64_t{512} << 20;
  options.max_memory = uint64_t{512} << 20;
  options.fill[0] = options.fill[1] = options.fill[2] = 114;
  options.keep_profile = 1;
  return options;
}

fl_status read_cut_options(const fl_cut_options* from, fl_cut_options* to) noexcept {
  const fl_status read = fl::read_options(from, default_options(), to);
  if (read != FL_OK) return read;
  const bool fine = to->quality >= 1 && to->quality <= 100 && to->workers >= 0 &&
                    to->workers <= 4096 && to->max_scans >= 1 &&
                    (to->lossless == 0 || to->lossless == 1) &&
                    (to->keep_profile == 0 || to->keep_profile == 1);
  return fine ? FL_OK : FL_ERROR_ARGUMENT;
}

bool check_windows(const int64_t* windows, int64_t n, int64_t longest) noexcept {
  if (n < 0 || (n > 0 && windows == nullptr)) return false;
  for (int64_t i = 0; i < n; ++i) {
    const int64_t* w = windows + 4 * i;
    for (int k = 0; k < 4; ++k) {
      if (w[k] < -kFarthest || w[k] > kFarthest) return false;
    }
    if (w[2] <= w[0] || w[3] <= w[1] || w[2] - w[0] > longest || w[3] - w[1] > longest) {
      return false;
    }
  }
  return true;
}

class TakerSink final : public fl::TileSink {
 public:
  TakerSink(fl_tile_taker taker, void* user) : taker_(taker), user_(user) {}
  bool take(int64_t index, const uint8_t* bytes, size_t size) override {
    stopped = taker_(user_, index, bytes, size) != 0;
    return !stopped;
  }
  bool stopped = false;

 private:
  fl_tile_taker taker_;
  void* user_;
};

}  // namespace

extern "C" {

const char* fl_cut_mode_name(int32_t mode) {
  static const char* const names[] = {"failed", "lossless", "reencoded"};
  return mode >= 0 && mode <= FL_CUT_REENCODED ? names[mode] : "";
}

fl_status fl_cut_options_init(fl_cut_options* options, size_t struct_size) {
  return fl::init_options(options, struct_size, default_options());
}

fl_status fl_cut_jpeg(const uint8_t* data, uint64_t size, const int64_t* windows, int64_t n,
                      const fl_cut_options* options, fl_tile_taker taker, void* user,
                      fl_cut_row* row, fl_cut_tile* tiles) {
  fl_cut_options known;
  const fl_status read = read_cut_options(options, &known);
  if (read != FL_OK) return read;
  if ((data == nullptr && size > 0) || taker == nullptr || row == nullptr) return FL_ERROR_ARGUMENT;
  if (!check_windows(windows, n, fl::kMaxTileSide)) return FL_ERROR_ARGUMENT;
  if (n > 0 && tiles == nullptr) return FL_ERROR_ARGUMENT;
  return guarded([&] {
    TakerSink sink(taker, user);
    fl::cut_picture(data, size, windows, n, known, nullptr, sink, row, tiles);
    return sink.stopped ? FL_ERROR_CANCELLED : FL_OK;
  });
}

fl_status fl_cut_align(const uint8_t* data, uint64_t size, const int64_t* windows, int64_t n,
                       const fl_cut_options* options, int64_t* out) {
  fl_cut_options known;
  const fl_status read = read_cut_options(options, &known);
  if (read != FL_OK) return read;
  if ((data == nullptr && size > 0) || !check_windows(windows, n, fl::kMaxTileSide)) {
    return FL_ERROR_ARGUMENT;
  }
  if (n > 0 && out == nullptr) return FL_ERROR_ARGUMENT;
  return guarded([&] {
    char why[120];
    fl::align_windows(data, size, windows, n, known, out, why, sizeof why);
    return FL_OK;
  });
}

fl_status fl_read_window(const uint8_t* data, uint64_t size, const int64_t* window, int32_t color,
                         const fl_cut_options* options, uint8_t* out, int64_t stride,
                         fl_cut_row* row) {
  fl_cut_options known;
  const fl_status read = read_cut_options(options, &known);
  if (read != FL_OK) return read;
  if ((data == nullptr && size > 0) || out == nullptr || row == nullptr) return FL_ERROR_ARGUMENT;
  if (!check_windows(window, 1, INT32_MAX)) return FL_ERROR_ARGUMENT;
  if (color < FL_COLOR_BGR || color > FL_COLOR_GRAY) return FL_ERROR_ARGUMENT;
  const int64_t bytes = (window[2] - window[0]) * (color == FL_COLOR_GRAY ? 1 : 3);
  if (stride < bytes) return FL_ERROR_ARGUMENT;
  return guarded([&] {
    const fl_header h = fl::sniff(data, size);
    *row = fl_cut_row{};
    row->format = h.format;
    row->orientation = h.orientation;
    row->write_tile = -1;
    uint8_t fill[3] = {known.fill[0], known.fill[1], known.fill[2]};
    if (color == FL_COLOR_RGB) std::swap(fill[0], fill[2]);
    if (color == FL_COLOR_GRAY) {
      fill[0] = static_cast<uint8_t>(
          (19595 * fill[2] + 38470 * fill[1] + 7471 * fill[0] + 32768) >> 16);
    }
    const fl::JpegPixels pixels = color == FL_COLOR_BGR   ? fl::JpegPixels::bgr
                                  : color == FL_COLOR_RGB ? fl::JpegPixels::rgb
                                                          : fl::JpegPixels::gray;
    const fl::JpegLimits limits{known.max_pixels, known.max_memory, known.max_scans, nullptr};
    const fl::TileWindow w{window[0], window[1], window[2] - window[0], window[3] - window[1]};
    const fl::WindowResult r =
        fl::read_window(data, size, w, h.orientation, pixels, fill, limits, out, stride);
    row->status = r.status;
    row->width = static_cast<int32_t>(r.width);
    row->height = static_cast<int32_t>(r.height);
    std::memcpy(row->detail, r.detail, sizeof r.detail);
    return FL_OK;
  });
}

fl_status fl_cutter_create(const fl_cut_options* options, fl_cutter** out) {
  if (out == nullptr) return FL_ERROR_ARGUMENT;
  fl_cut_options known;
  const fl_status read = read_cut_options(options, &known);
  if (read != FL_OK) return read;
  return guarded([&] {
    *out = new fl_cutter(known);
    return FL_OK;
  });
}

fl_status fl_cutter_submit(fl_cutter* cutter, const fl_cut_job* jobs, int64_t n,
                           const int64_t* windows, const char* const* outputs, int64_t* ticket) {
  if (cutter == nullptr || ticket == nullptr || n < 0) return FL_ERROR_ARGUMENT;
  if (n > 0 && jobs == nullptr) return FL_ERROR_ARGUMENT;
  int64_t all = 0;
  for (int64_t i = 0; i < n; ++i) {
    if (jobs[i].data == nullptr && jobs[i].path == nullptr) return FL_ERROR_ARGUMENT;
    if (jobs[i].tiles < 0) return FL_ERROR_ARGUMENT;
    if (!fl::checked_add(all, jobs[i].tiles, &all)) return FL_ERROR_OVERFLOW;
  }
  if (!check_windows(windows, all, fl::kMaxTileSide)) return FL_ERROR_ARGUMENT;
  if (all > 0 && outputs == nullptr) return FL_ERROR_ARGUMENT;
  for (int64_t i = 0; i < all; ++i) {
    if (outputs[i] == nullptr) return FL_ERROR_ARGUMENT;
  }
  return guarded([&] {
    auto batch = std::make_shared<fl::CutBatch>();
    size_t first = 0;
    for (int64_t i = 0; i < n; ++i) {
      const auto tiles = static_cast<size_t>(jobs[i].tiles);
      batch->pictures.push_back({jobs[i].data == nullptr ? jobs[i].path : "", jobs[i].data,
                                 jobs[i].size, first, tiles});
      first += tiles;
    }
    batch->windows.assign(windows, windows + 4 * all);
    batch->outputs.assign(outputs, outputs + all);
    if (!batch->know_files()) return FL_ERROR_ARGUMENT;
    batch->rows.resize(static_cast<size_t>(n));
    batch->tiles.resize(static_cast<size_t>(all));
    return cutter->writer.submit(std::move(batch), ticket);
  });
}

fl_status fl_cutter_wait(fl_cutter* cutter, int64_t ticket, int32_t timeout_ms, int64_t* done) {
  if (cutter == nullptr || timeout_ms < 0) return FL_ERROR_ARGUMENT;
  return guarded([&] { return cutter->writer.wait(ticket, timeout_ms, done); });
}

fl_status fl_cutter_collect(fl_cutter* cutter, int64_t ticket, fl_cut_row* rows,
                            fl_cut_tile* tiles) {
  if (cutter == nullptr || rows == nullptr || tiles == nullptr) return FL_ERROR_ARGUMENT;
  return guarded([&] { return cutter->writer.collect(ticket, rows, tiles); });
}

fl_status fl_cutter_cancel(fl_cutter* cutter) {
  if (cutter == nullptr) return FL_ERROR_ARGUMENT;
  cutter->writer.cancel();
  return FL_OK;
}

void fl_cutter_destroy(fl_cutter* cutter) { delete cutter; }

}  // extern "C"
