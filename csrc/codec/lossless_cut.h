// Tiles of a JPEG with the source's own quantised coefficients: nothing is decoded to pixels,
// and nothing is quantised again.
#pragma once

#include <cstddef>
#include <cstdint>

#include "codec/jpeg.h"
#include "codec/tile_sink.h"
#include "fastlabel/fastlabel.h"

namespace fl {

enum class LosslessOutcome {
  done,      // every tile was handed out
  refused,   // none was: see why
  broken,    // the data gave out on the way; tiles that were handed out are sound
  stopped,   // the sink said stop, or the work was cancelled
};

struct LosslessResult {
  LosslessOutcome outcome = LosslessOutcome::refused;
  fl_image_status status = FL_IMAGE_UNREADABLE;  // of the source, when not done
  int64_t width = 0, height = 0;                 // as stored; 0 when not known
  char why[120] = {};
};

// Cuts windows (any order, overlapping as they like) out of a Huffman-coded 8-bit JPEG: x and y
// are multiples of its MCU, right and bottom ends anywhere inside the picture. Tiles come in the
// order of their last rows. Holds the compressed bytes of the tiles that a row crosses, and a
// row of MCUs; a picture of one scan is walked once, its bits copied as they stand. Of another
// (progressive, or a scan for each component) all scans are walked side by side, and the
// coefficients are coded anew, as baseline. Metadata but for what the colours hang on stays
// behind; so does the EXIF orientation. A second picture after the first (MPO) is not looked at.
LosslessResult cut_jpeg_lossless(const uint8_t* data, size_t size, const TileWindow* windows,
                                 int64_t n, const JpegLimits& limits, TileSink& sink);

// The grid that windows must begin on, in pixels; false where cut_jpeg_lossless refuses the
// file by its headers, and `why` (may be null) then says why.
bool jpeg_mcu(const uint8_t* data, size_t size, const JpegLimits& limits, int64_t* mcu_width,
              int64_t* mcu_height, LosslessResult* why);

}  // namespace fl
