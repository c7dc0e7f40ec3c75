#include "codec/window_read.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "codec/orient.h"

namespace fl {

namespace {

// Chroma is enlarged with a filter that looks one sample to each side, and libjpeg begins it anew
// where it is told to begin: so many MCUs more are decoded and thrown away.
constexpr int64_t kMargin = 1;

WindowResult failed(const JpegSource& source, WindowResult result) noexcept {
  result.status = source.status();
  std::snprintf(result.detail, sizeof result.detail, "%s", source.detail());
  return result;
}

void fill_pixels(uint8_t* out, int64_t n, int channels, const uint8_t fill[3]) noexcept {
  if (channels == 1 || (fill[0] == fill[1] && fill[1] == fill[2])) {
    std::memset(out, fill[0], static_cast<size_t>(n * channels));
    return;
  }
  for (int64_t k = 0; k < n; ++k) std::memcpy(out + 3 * k, fill, 3);
}

}  // namespace

WindowResult read_window(const uint8_t* data, size_t size, const TileWindow& window,
                         int32_t orientation, JpegPixels pixels, const uint8_t fill[3],
                         const JpegLimits& limits, uint8_t* out, int64_t stride) {
  WindowResult result;
  JpegSource source;
  if (!source.open(data, size, limits, false)) return failed(source, result);
  const int64_t width = result.width = source.width();
  const int64_t height = result.height = source.height();
  const TileWindow w = to_stored(window, orientation, width, height);
  const int64_t left = std::max<int64_t>(w.x, 0);
  const int64_t right = std::min(w.x + w.width, width);
  const int64_t top = std::max<int64_t>(w.y, 0);
  const int64_t bottom = std::min(w.y + w.height, height);
  if (left >= right || top >= bottom) {
    std::snprintf(result.detail, sizeof result.detail, "the window lies outside the picture");
    return result;
  }
  if (!source.start(pixels)) return failed(source, result);

  const int64_t mcu_width = int64_t{source.info().max_h_samp_factor} * DCTSIZE;
  const int64_t mcu_height = int64_t{source.info().max_v_samp_factor} * DCTSIZE;
  int64_t from = std::max<int64_t>(left / mcu_width - kMargin, 0) * mcu_width;
  const int64_t to = std::min((right + mcu_width - 1) / mcu_width * mcu_width + kMargin * mcu_width,
                              width);
  int64_t columns = to - from;
  if (columns < width && !source.crop(&from, &columns)) return failed(source, result);
  const int64_t skipped = std::max<int64_t>(top / mcu_height - kMargin, 0) * mcu_height;
  if (skipped > 0 && !source.skip(skipped)) return failed(source, result);

  const int channels = pixels == JpegPixels::gray ? 1 : 3;
  std::vector<uint8_t> row(static_cast<size_t>(columns * channels));
  const bool turned = orientation != 1;
  std::vector<uint8_t> stored(turned ? static_cast<size_t>(w.width * w.height * channels) : 0);
  uint8_t* to_rows = turned ? stored.data() : out;
  const int64_t step = turned ? w.width * channels : stride;
  const bool padded = right - left < w.width || bottom - top < w.height;
  for (int64_t y = 0; padded && y < w.height; ++y) {
    fill_pixels(to_rows + y * step, w.width, channels, fill);
  }
  for (int64_t y = skipped; y < bottom; ++y) {
    if (!source.read_row(row.data())) return failed(source, result);
    if (y < top) continue;
    std::memcpy(to_rows + (y - w.y) * step + (left - w.x) * channels,
                row.data() + (left - from) * channels,
                static_cast<size_t>((right - left) * channels));
  }
  if (turned) {
    turn_upright(stored.data(), w.width, w.height, channels, orientation, out, stride);
  }
  result.status = FL_IMAGE_OK;
  return result;
}

}  // namespace fl
