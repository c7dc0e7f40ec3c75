// JPEG by rows, luma only, over libjpeg-turbo: no full frame is ever held.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "fastlabel/fastlabel.h"
#include "pixels/luma_stats.h"

namespace fl {

struct JpegLimits {
  uint64_t max_pixels;
  uint64_t max_memory;
  int32_t max_scans;
  const std::atomic<bool>* cancelled;  // may be null
};

struct JpegResult {
  fl_image_status status = FL_IMAGE_UNREADABLE;
  int32_t width = -1, height = -1, channels = 0;
  char detail[120] = {};
};

// Library, version and DCT, as they belong into every report.
const char* jpeg_codec_name() noexcept;

// Takes the boxes to measure once the size of the picture is known.
class BoxSource {
 public:
  virtual const std::vector<PixelBox>& boxes_for(int64_t width, int64_t height) = 0;

 protected:
  ~BoxSource() = default;
};

// Decodes into `stats`; stats.rows() tells how many rows were measured. Rows that a
// truncated baseline file no longer holds are not measured.
JpegResult decode_jpeg_luma(const uint8_t* data, size_t size, const JpegLimits& limits,
                            BoxSource& boxes, LumaStats& stats);

}  // namespace fl
