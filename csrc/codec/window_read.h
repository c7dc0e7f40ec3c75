// One window of a JPEG as pixels: only the rows and columns that it needs are made.
#pragma once

#include <cstddef>
#include <cstdint>

#include "codec/jpeg_source.h"
#include "codec/tile_sink.h"

namespace fl {

struct WindowResult {
  fl_image_status status = FL_IMAGE_UNREADABLE;
  int64_t width = -1, height = -1;  // of the stored raster
  char detail[120] = {};
};

// The pixels (bgr, rgb or gray) of `window`, which lies in the upright picture and may run past
// its edges; these pixels get `fill`, in the order of the output. Equal to the same part of the
// whole picture decoded. Of a baseline file the rows below the window are not read: damage there
// is not seen.
WindowResult read_window(const uint8_t* data, size_t size, const TileWindow& window,
                         int32_t orientation, JpegPixels pixels, const uint8_t fill[3],
                         const JpegLimits& limits, uint8_t* out, int64_t stride);

}  // namespace fl
