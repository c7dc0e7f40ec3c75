// One JPEG written into memory, band by band; made to be used again for the next one.
#pragma once

#include <cstddef>
#include <cstdint>

#include "codec/jpeg_session.h"

namespace fl {

struct EncoderSetup {
  int64_t width, height;
  int quality;     // 1..100, the scale of libjpeg and of Pillow
  int components;  // 1 gray, 3 colour
  bool planes;     // bands of planes come in; else rows of pixels, gray or RGB
  int h[3], v[3];  // sampling factors
  const jpeg_decompress_struct* profile_of;  // whose colour profile is kept; may be null
};

class TileEncoder {
 public:
  TileEncoder() noexcept;
  ~TileEncoder();
  TileEncoder(const TileEncoder&) = delete;
  TileEncoder& operator=(const TileEncoder&) = delete;

  // False, here and below: no memory, or a size that JPEG cannot hold; error() says which.
  bool begin(const EncoderSetup& setup) noexcept;
  bool write_planes(JSAMPARRAY* planes, int rows) noexcept;
  bool write_row(const uint8_t* row) noexcept;
  bool finish() noexcept;

  const uint8_t* bytes() const noexcept { return out_.data; }
  size_t size() const noexcept { return out_.size; }
  const char* error() const noexcept { return error_; }

 private:
  // Grows as libjpeg writes; kept from tile to tile.
  struct Output {
    jpeg_destination_mgr manager;  // first: libjpeg hands back its address
    uint8_t* data;
    size_t size, capacity;
  };
  static void on_begin(j_compress_ptr info);
  static boolean on_full(j_compress_ptr info);
  static void on_end(j_compress_ptr info);
  bool fail() noexcept;

  JpegSession session_;
  jpeg_compress_struct info_;
  Output out_;
  bool created_ = false;
  char error_[120] = {};
};

}  // namespace fl
