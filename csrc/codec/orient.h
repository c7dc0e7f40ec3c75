// EXIF orientation: windows of the upright picture in the stored one, and pixels turned upright.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <utility>

#include "codec/tile_sink.h"

namespace fl {

// Orientations 5 to 8 swap rows and columns.
constexpr bool swaps_sides(int32_t orientation) noexcept { return orientation >= 5; }
// Whether the upright picture begins at the right, at the bottom of the stored one.
constexpr bool from_right(int32_t o) noexcept { return o == 2 || o == 3 || o == 7 || o == 8; }
constexpr bool from_bottom(int32_t o) noexcept { return o == 3 || o == 4 || o == 6 || o == 7; }

// Where a window of the upright picture lies in the stored raster of width x height, and back.
inline TileWindow to_stored(TileWindow w, int32_t orientation, int64_t width,
                            int64_t height) noexcept {
  if (swaps_sides(orientation)) {
    std::swap(w.x, w.y);
    std::swap(w.width, w.height);
  }
  if (from_right(orientation)) w.x = width - w.x - w.width;
  if (from_bottom(orientation)) w.y = height - w.y - w.height;
  return w;
}

inline TileWindow to_upright(TileWindow w, int32_t orientation, int64_t width,
                             int64_t height) noexcept {
  if (from_right(orientation)) w.x = width - w.x - w.width;
  if (from_bottom(orientation)) w.y = height - w.y - w.height;
  if (swaps_sides(orientation)) {
    std::swap(w.x, w.y);
    std::swap(w.width, w.height);
  }
  return w;
}

// Copies width x height stored pixels of `channels` bytes to their upright places.
inline void turn_upright(const uint8_t* from, int64_t width, int64_t height, int channels,
                         int32_t orientation, uint8_t* to, int64_t to_stride) noexcept {
  const bool swapped = swaps_sides(orientation);
  const int64_t rows = swapped ? width : height;
  const int64_t columns = swapped ? height : width;
  const int64_t along_x = from_right(orientation) ? -channels : channels;
  const int64_t along_y = (from_bottom(orientation) ? -width : width) * channels;
  const uint8_t* first = from + (from_right(orientation) ? (width - 1) * channels : 0) +
                         (from_bottom(orientation) ? (height - 1) * width * channels : 0);
  const int64_t step = swapped ? along_y : along_x;
  const int64_t row_step = swapped ? along_x : along_y;
  for (int64_t y = 0; y < rows; ++y) {
    const uint8_t* in = first + y * row_step;
    uint8_t* out = to + y * to_stride;
    if (step == channels) {
      std::memcpy(out, in, static_cast<size_t>(columns * channels));
    } else if (channels == 3) {
      for (int64_t x = 0; x < columns; ++x, in += step, out += 3) {
        out[0] = in[0];
        out[1] = in[1];
        out[2] = in[2];
      }
    } else {
      for (int64_t x = 0; x < columns; ++x, in += step) out[x] = *in;
    }
  }
}

}  // namespace fl
