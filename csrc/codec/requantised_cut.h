// Tiles of a JPEG at another quality without going to pixels: the source's coefficients are
// quantised anew, coded once, and their bits shared by all the tiles that hold them.
#pragma once

#include <cstddef>
#include <cstdint>

#include "codec/lossless_cut.h"

namespace fl {

struct RequantiseOptions {
  int quality;        // 1..100, the scale of libjpeg and of Pillow
  bool keep_profile;  // an ICC profile in every tile
};

// As cut_jpeg_lossless, with which it shares the reading of the file and the cutting; of gray and
// YCbCr pictures, which the caller knows. Tiles are baseline, with the standard Huffman tables.
// Each coefficient is the source's to the nearest that the table of the quality has, so a tile is
// nearer to the source than one whose pixels were rounded to 8 bits in between. All of the picture
// is read, and a damaged row anywhere is an outcome of `broken`.
LosslessResult cut_jpeg_requantised(const uint8_t* data, size_t size, const TileWindow* windows,
                                    int64_t n, const RequantiseOptions& options,
                                    const JpegLimits& limits, TileSink& sink);

}  // namespace fl
