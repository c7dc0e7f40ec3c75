// Tiles of a JPEG at another quality: the source is read once, its coefficients are made those of
// the tiles and coded once, and their bits shared by all the tiles that hold them.
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
//
// Up to a quality of 85, and where the table of the quality divides the source's, tiles on the
// source's grid have each coefficient to the nearest that the table has, and never see pixels:
// nearer to the source than through pixels rounded to 8 bits. Above it, and off the grid, the
// coefficients are those that libjpeg's encoder makes of the samples of libjpeg's decoder, to the
// bit. All of the picture is read, and a damaged row anywhere is an outcome of `broken`.
LosslessResult cut_jpeg_requantised(const uint8_t* data, size_t size, const TileWindow* windows,
                                    int64_t n, const RequantiseOptions& options,
                                    const JpegLimits& limits, TileSink& sink);

}  // namespace fl
