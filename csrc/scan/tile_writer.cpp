#include "scan/tile_writer.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <exception>

#include "codec/jpeg.h"
#include "codec/lossless_cut.h"
#include "codec/orient.h"
#include "codec/sniff.h"
#include "codec/tile_cut.h"

namespace fl {

namespace {

template <size_t N>
void say(char (&to)[N], const char* text) noexcept {
  std::snprintf(to, N, "%.*s", static_cast<int>(N - 1), text);
}

// Hands on to the user's sink what belongs to the picture's tiles `indices`.
class MappedSink final : public TileSink {
 public:
  MappedSink(TileSink& sink, const std::vector<int64_t>& indices, int32_t mode, fl_cut_tile* tiles)
      : sink_(sink), indices_(indices), mode_(mode), tiles_(tiles) {}
  bool take(int64_t index, const uint8_t* bytes, size_t size) override {
    const int64_t tile = indices_[static_cast<size_t>(index)];
    if (!sink_.take(tile, bytes, size)) return false;
    tiles_[tile].mode = mode_;
    return true;
  }

 private:
  TileSink& sink_;
  const std::vector<int64_t>& indices_;
  int32_t mode_;
  fl_cut_tile* tiles_;
};

TileWindow stored_window(const int64_t* w, const fl_header& h) noexcept {
  return to_stored({w[0], w[1], w[2] - w[0], w[3] - w[1]}, h.orientation, h.width, h.height);
}

bool touches(const int64_t* window, const fl_header& h) noexcept {
  const TileWindow w = stored_window(window, h);
  return w.x < h.width && w.y < h.height && w.x + w.width > 0 && w.y + w.height > 0;
}

// Of a picture that EXIF does not turn.
bool inside(const int64_t* w, const fl_header& h) noexcept {
  return w[0] >= 0 && w[1] >= 0 && w[2] <= h.width && w[3] <= h.height;
}

void align(int64_t* window, const int64_t mcu[2]) noexcept {
  window[0] -= window[0] % mcu[0];
  window[1] -= window[1] % mcu[1];
}

// Whether tiles of the picture can have its own coefficients; else why not.
bool mcu_of(const uint8_t* data, uint64_t size, const fl_header& h, const JpegLimits& limits,
            int64_t mcu[2], char* why, size_t room) {
  if (h.format != FL_FORMAT_JPEG && h.format != FL_FORMAT_MPO) {
    std::snprintf(why, room, "the source is no JPEG");
    return false;
  }
  if (h.orientation != 1) {
    std::snprintf(why, room, "EXIF turns the source, which takes its pixels");
    return false;
  }
  LosslessResult refused;
  if (jpeg_mcu(data, size, limits, &mcu[0], &mcu[1], &refused)) return true;
  std::snprintf(why, room, "%s", refused.why);
  return false;
}

void fail_all(fl_cut_tile* tiles, int64_t n, const char* why) noexcept {
  for (int64_t i = 0; i < n; ++i) {
    tiles[i].mode = FL_CUT_FAILED;
    say(tiles[i].reason, why);
  }
}

// Cuts those of the tiles in `rest` that can have the source's coefficients, and takes them out of
// it; the others learn why not. False when the picture is damaged or the sink said stop.
bool cut_losslessly(const uint8_t* data, uint64_t size, const int64_t* windows, const fl_header& h,
                    const JpegLimits& limits, TileSink& sink, fl_cut_row* row, fl_cut_tile* tiles,
                    std::vector<int64_t>* rest) {
  int64_t mcu[2];
  char why[sizeof row->detail];
  std::vector<int64_t> mine, others;
  std::vector<TileWindow> cut;
  const bool possible = mcu_of(data, size, h, limits, mcu, why, sizeof why);
  for (const int64_t i : *rest) {
    if (!possible || !inside(windows + 4 * i, h)) {
      say(tiles[i].reason, possible ? "the window runs past the picture" : why);
      others.push_back(i);
      continue;
    }
    align(tiles[i].window, mcu);
    const int64_t* w = tiles[i].window;
    if (std::max(w[2] - w[0], w[3] - w[1]) > kMaxTileSide) {
      std::copy(windows + 4 * i, windows + 4 * i + 4, tiles[i].window);
      say(tiles[i].reason, "moved to whole MCUs the tile is too large for a JPEG");
      others.push_back(i);
      continue;
    }
    mine.push_back(i);
    cut.push_back({w[0], w[1], w[2] - w[0], w[3] - w[1]});
  }
  *rest = others;
  if (mine.empty()) return true;
  MappedSink mapped(sink, mine, FL_CUT_LOSSLESS, tiles);
  const LosslessResult r = cut_jpeg_lossless(data, size, cut.data(),
                                             static_cast<int64_t>(cut.size()), limits, mapped);
  if (r.outcome == LosslessOutcome::done) return true;
  // Coefficients that no tile can hold are only met on the way; a decoder makes a picture of them.
  // Tiles handed out by then are whole, and stay.
  const bool beyond =
      r.outcome == LosslessOutcome::broken && r.status == FL_IMAGE_UNSUPPORTED;
  if (r.outcome == LosslessOutcome::refused || beyond) {
    for (const int64_t i : mine) {
      if (tiles[i].mode == FL_CUT_LOSSLESS) continue;
      std::copy(windows + 4 * i, windows + 4 * i + 4, tiles[i].window);
      say(tiles[i].reason, r.why);
      rest->push_back(i);
    }
    std::sort(rest->begin(), rest->end());
    return true;
  }
  row->status = r.status == FL_IMAGE_OK ? FL_IMAGE_UNREADABLE : r.status;
  say(row->detail, r.outcome == LosslessOutcome::stopped ? "stopped" : r.why);
  return false;
}

// Writes each tile to its file, whole or not at all; never over a picture of the batch, whatever
// name the file goes by.
class FileSink final : public TileSink {
 public:
  FileSink(const CutBatch& batch, const CutPicture& picture)
      : sources_(batch.sources),
        outputs_(batch.outputs.data() + picture.first_tile),
        written_(picture.tiles, false) {}

  bool take(int64_t index, const uint8_t* bytes, size_t size) override {
    const char* path = outputs_[index].c_str();
    error = write(path, bytes, size);
    if (error != 0) {
      failed = index;
      return false;
    }
    written_[static_cast<size_t>(index)] = true;
    return true;
  }

  void remove_all() noexcept {
    for (size_t i = 0; i < written_.size(); ++i) {
      if (written_[i]) remove(outputs_[i].c_str());
    }
  }

  int error = 0;
  int64_t failed = -1;

 private:
  // An error, or 0: the open file is one that may be written, and is empty.
  int claim(int fd) const noexcept {
    struct stat info;
    if (::fstat(fd, &info) != 0) return errno;
    if (sources_.count({info.st_dev, info.st_ino}) > 0) return EEXIST;
    return !S_ISREG(info.st_mode) || ::ftruncate(fd, 0) == 0 ? 0 : errno;
  }

  // A device that refused is not ours to remove.
  static void remove(const char* path) noexcept {
    struct stat info;
    if (::lstat(path, &info) != 0) return;
    if (S_ISREG(info.st_mode) || S_ISLNK(info.st_mode)) ::unlink(path);
  }

  int write(const char* path, const uint8_t* bytes, size_t size) const noexcept {
    int fd;
    do {
      // Not emptied before it is known what it is; a pipe must not hang us.
      fd = ::open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0666);
    } while (fd < 0 && errno == EINTR);
    if (fd < 0) return errno;
    int failure = claim(fd);
    if (failure != 0) {
      ::close(fd);
      return failure;
    }
    while (size > 0 && failure == 0) {
      const ssize_t n = ::write(fd, bytes, size);
      if (n < 0) {
        if (errno != EINTR) failure = errno;
        continue;
      }
      bytes += n;
      size -= static_cast<size_t>(n);
    }
    // Some file systems find out only now that there is no room.
    if (::close(fd) != 0 && failure == 0 && errno != EINTR) failure = errno;
    if (failure != 0) remove(path);
    return failure;
  }

  const std::set<FileIdentity>& sources_;
  const std::string* outputs_;
  std::vector<bool> written_;
};

void cut_one(CutBatch& b, size_t i, const fl_cut_options& o, const std::atomic<bool>* cancelled,
             FileReader& file) {
  const CutPicture& picture = b.pictures[i];
  fl_cut_row* row = &b.rows[i];
  fl_cut_tile* tiles = b.tiles.data() + picture.first_tile;
  const int64_t* windows = b.windows.data() + 4 * picture.first_tile;
  const auto n = static_cast<int64_t>(picture.tiles);
  FileSink sink(b, picture);
  try {
    const uint8_t* data = picture.data;
    uint64_t size = picture.size;
    if (data == nullptr) {
      const fl_image_status status = file.read({picture.path.c_str(), 0, 0, 0, 0}, o.max_bytes, UINT64_MAX);
      if (status != FL_IMAGE_OK) {
        cut_picture(nullptr, 0, windows, n, o, cancelled, sink, row, tiles);
        row->status = status;
        say(row->detail, file.error());
        fail_all(tiles, n, file.error());
        return;
      }
      data = file.data();
      size = file.size();
    }
    cut_picture(data, size, windows, n, o, cancelled, sink, row, tiles);
  } catch (const std::exception&) {  // in practice: no memory
    row->status = FL_IMAGE_OVER_LIMIT;
    say(row->detail, "not enough memory to cut it");
    fail_all(tiles, n, row->detail);
  }
  if (sink.failed >= 0) {
    row->write_error = sink.error;
    row->write_tile = sink.failed;
    say(row->detail, std::strerror(sink.error));
    fail_all(tiles, n, "a tile of this picture could not be written");
  }
  if (row->status != FL_IMAGE_OK || sink.failed >= 0) sink.remove_all();
}

}  // namespace

void cut_picture(const uint8_t* data, uint64_t size, const int64_t* windows, int64_t n,
                 const fl_cut_options& o, const std::atomic<bool>* cancelled, TileSink& sink,
                 fl_cut_row* row, fl_cut_tile* tiles) {
  const fl_header h = sniff(data, size);
  *row = fl_cut_row{};
  row->format = h.format;
  row->width = h.width;
  row->height = h.height;
  row->orientation = h.orientation;
  row->write_tile = -1;
  for (int64_t i = 0; i < n; ++i) {
    tiles[i] = fl_cut_tile{};
    std::copy(windows + 4 * i, windows + 4 * i + 4, tiles[i].window);
  }
  if (h.format != FL_FORMAT_JPEG && h.format != FL_FORMAT_MPO) {
    const char* name = h.format == FL_FORMAT_UNKNOWN ? unread_format(data, size) : nullptr;
    row->status = h.format != FL_FORMAT_UNKNOWN ? FL_IMAGE_NEEDS_DECODER
                  : name != nullptr             ? FL_IMAGE_UNSUPPORTED
                                                : FL_IMAGE_UNREADABLE;
    say(row->detail, h.format != FL_FORMAT_UNKNOWN ? "not a JPEG"
                     : name != nullptr             ? name
                                                   : "not a picture of a known format");
    fail_all(tiles, n, row->detail);
    return;
  }
  const JpegLimits limits{o.max_pixels, o.max_memory, o.max_scans, cancelled};
  std::vector<int64_t> rest;  // to be re-encoded
  for (int64_t i = 0; i < n; ++i) {
    if (h.width > 0 && !touches(windows + 4 * i, h)) {
      say(tiles[i].reason, "the window lies outside the picture");
    } else {
      rest.push_back(i);
    }
  }
  if (o.lossless != 0 && !cut_losslessly(data, size, windows, h, limits, sink, row, tiles, &rest)) {
    fail_all(tiles, n, row->detail);
    return;
  }
  if (o.lossless != 0 && rest.empty()) return;
  std::vector<TileWindow> stored;
  for (const int64_t i : rest) stored.push_back(stored_window(windows + 4 * i, h));
  const TileCutOptions cut{h.width,   h.height, o.quality, h.orientation,
                           {o.fill[0], o.fill[1], o.fill[2]}, o.keep_profile != 0};
  MappedSink mapped(sink, rest, FL_CUT_REENCODED, tiles);
  const TileCutResult r = cut_jpeg(data, size, stored.data(), static_cast<int64_t>(stored.size()),
                                   cut, limits, mapped);
  row->status = r.status;
  say(row->detail, r.stopped ? "stopped" : r.detail);
  if (r.status != FL_IMAGE_OK) fail_all(tiles, n, row->detail);
}

bool align_windows(const uint8_t* data, uint64_t size, const int64_t* windows, int64_t n,
                   const fl_cut_options& o, int64_t* out, char* why, size_t room) {
  std::copy(windows, windows + 4 * n, out);
  const fl_header h = sniff(data, size);
  const JpegLimits limits{o.max_pixels, o.max_memory, o.max_scans, nullptr};
  int64_t mcu[2];
  if (!mcu_of(data, size, h, limits, mcu, why, room)) return false;
  for (int64_t i = 0; i < n; ++i) {
    if (inside(windows + 4 * i, h)) align(out + 4 * i, mcu);
  }
  return true;
}

TileWriter::TileWriter(const fl_cut_options& options)
    : pool_(options.workers, [options](CutBatch& batch, size_t i,
                                       const std::atomic<bool>* cancelled, FileReader& file) {
        cut_one(batch, i, options, cancelled, file);
      }) {}

bool CutBatch::know_files() {
  for (const CutPicture& picture : pictures) {
    struct stat info;
    if (picture.data == nullptr && ::stat(picture.path.c_str(), &info) == 0) {
      sources.insert({info.st_dev, info.st_ino});
    }
  }
  std::set<std::string_view> names;
  for (const std::string& output : outputs) {
    // Those that name no file fail one by one.
    if (!output.empty() && !names.insert(output).second) return false;
  }
  return true;
}

fl_status TileWriter::collect(int64_t ticket, fl_cut_row* rows, fl_cut_tile* tiles) {
  std::shared_ptr<CutBatch> batch;
  const fl_status status = pool_.collect(ticket, &batch);
  if (status != FL_OK) return status;
  std::copy(batch->rows.begin(), batch->rows.end(), rows);
  std::copy(batch->tiles.begin(), batch->tiles.end(), tiles);
  return FL_OK;
}

}  // namespace fl
