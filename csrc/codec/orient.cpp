#include "codec/orient.h"

#include <cstring>

namespace fl {

void turn_upright(const uint8_t* from, int64_t width, int64_t height, int channels,
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
