// A JPEG in memory, decoded row by row: as the planes it is made of, or as pixels.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "codec/jpeg_session.h"

namespace fl {

enum class JpegPixels { planes, gray, rgb, bgr };

class JpegSource {
 public:
  JpegSource() noexcept;
  ~JpegSource();
  JpegSource(const JpegSource&) = delete;
  JpegSource& operator=(const JpegSource&) = delete;

  // Reads the header. With `keep_profile` the colour profile's markers are kept. On false here
  // and below: status() and detail() say why.
  bool open(const uint8_t* data, size_t size, const JpegLimits& limits, bool keep_profile) noexcept;
  // Sets what comes out, and begins; a progressive file is read as a whole here.
  bool start(JpegPixels pixels) noexcept;
  // Only columns [*x, *x + *width) from now on, widened to what the codec can give; pixels only.
  bool crop(int64_t* x, int64_t* width) noexcept;
  bool skip(int64_t rows) noexcept;
  // One band of planes, lines_per_band() luma rows; rows past the end are written too.
  bool read_planes(JSAMPARRAY* planes) noexcept;
  // One row of pixels into `row`, of columns() pixels.
  bool read_row(uint8_t* row);
  // Reads on to the end of the picture, for the decoder's last word about it.
  bool finish() noexcept;

  // The sampling factors of the planes, for tiles made of them. False where there are none that
  // could be cut: colours neither gray nor YCbCr, ratios that are no whole numbers.
  bool plane_sampling(int h[3], int v[3]) const noexcept;
  bool is_cmyk() const noexcept;
  // Where chroma is 1 x 1, the sampling of luma; else 1 x 1.
  void luma_sampling(int* h, int* v) const noexcept;
  int64_t columns() const noexcept { return static_cast<int64_t>(info_.output_width); }
  int64_t width() const noexcept { return static_cast<int64_t>(info_.image_width); }
  int64_t height() const noexcept { return static_cast<int64_t>(info_.image_height); }
  const jpeg_decompress_struct& info() const noexcept { return info_; }
  fl_image_status status() const noexcept { return status_; }
  const char* detail() const noexcept { return detail_; }

 private:
  bool fail() noexcept;
  bool judge() noexcept;

  JpegSession session_;
  jpeg_decompress_struct info_;
  JpegLimits limits_;
  std::vector<uint8_t> inks_;  // one row of CMYK
  JpegPixels pixels_ = JpegPixels::rgb;
  fl_image_status status_ = FL_IMAGE_UNREADABLE;
  char detail_[120] = {};
};

}  // namespace fl
