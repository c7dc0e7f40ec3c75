// One JPEG in, many JPEGs out: decoded once, row by row, every row into the encoders of the
// tiles that are open there. The picture as a whole is never in memory.
#pragma once

#include <cstddef>
#include <cstdint>

#include "codec/jpeg.h"
#include "codec/tile_sink.h"

namespace fl {

struct TileCutOptions {
  int64_t width, height;  // of the stored raster, as the windows were made for
  int quality;            // 1..100
  int32_t orientation;    // EXIF's, by which every tile is turned upright
  uint8_t fill[3];        // B, G, R of what lies outside the picture
  bool keep_profile;      // an ICC profile in every tile
};

struct TileCutResult {
  fl_image_status status = FL_IMAGE_UNREADABLE;
  bool stopped = false;  // the sink said so
  char detail[120] = {};
};

// The longest side of a JPEG.
constexpr int64_t kMaxTileSide = 65500;

// Cuts the windows of the stored raster out of the picture and re-encodes them: sides 1 to
// kMaxTileSide, each sharing at least one pixel with the picture.
//
// The picture's own luma and chroma planes go into the tiles: no conversion of colours, and no
// resampling of chroma but for windows that begin between two chroma samples, where the mean of
// the two is taken (what enlarging and reducing it again would give). Pictures that are neither
// gray nor YCbCr, of broken sampling ratios or to be turned go through RGB. With all windows inside
// of the picture, on few grids, what tiles share is encoded once: requantised_cut.h.
//
// Tiles are handed out in the order in which they are finished. A picture that turns out to be
// truncated or corrupt is no picture to cut: the status says so, and tiles handed out before are
// to be thrown away.
TileCutResult cut_jpeg(const uint8_t* data, size_t size, const TileWindow* windows, int64_t n,
                       const TileCutOptions& options, const JpegLimits& limits, TileSink& sink);

}  // namespace fl
