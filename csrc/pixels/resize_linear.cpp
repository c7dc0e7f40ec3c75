#include "pixels/resize_linear.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace fl {

LinearAxis linear_axis(int64_t source, int64_t output) {
  LinearAxis axis;
  const auto n = static_cast<size_t>(output);
  axis.at.resize(n);
  axis.weights.resize(2 * n);
  // The order and the widths of these operations are OpenCV's: they decide the last bit.
  const double scale = 1.0 / (static_cast<double>(output) / static_cast<double>(source));
  for (size_t i = 0; i < n; ++i) {
    const float centre = static_cast<float>((static_cast<double>(i) + 0.5) * scale - 0.5);
    const float whole = std::floor(centre);
    const float part = centre - whole;
    // The largest float that an int32 holds: at such widths a float is no longer exact.
    axis.at[i] = static_cast<int32_t>(std::min(whole, 2147483520.0F));
    axis.weights[2 * i] = static_cast<int16_t>(std::nearbyint((1.0F - part) * 2048.0F));
    axis.weights[2 * i + 1] = static_cast<int16_t>(std::nearbyint(part * 2048.0F));
  }
  return axis;
}

LinearResizer::LinearResizer(const fl_image& image, int64_t width, int64_t height)
    : width_(width),
      source_height_(image.height),
      channels_(image.channels),
      rows_(image, 1),
      x_(linear_axis(image.width, width)),
      y_(linear_axis(image.height, height)),
      out_(static_cast<size_t>(width * image.channels)) {
  const int64_t row_bytes = image.width * channels_;
  const auto last = static_cast<int32_t>(std::max<int64_t>(image.width - 2, 0));
  for (size_t i = 0; i < x_.at.size(); ++i) {
    // Beyond the outer samples the outermost one alone counts.
    if (x_.at[i] < 0) {
      x_.at[i] = 0;
      x_.weights[2 * i] = 2048;
      x_.weights[2 * i + 1] = 0;
    } else if (x_.at[i] >= image.width - 1) {
      x_.at[i] = last;
      x_.weights[2 * i] = 0;
      x_.weights[2 * i + 1] = 2048;
    }
    x_.at[i] *= channels_;
    if (int64_t{x_.at[i]} + 8 <= row_bytes) safe_ = i + 1;
  }
  if (image.width == 1) twin_.resize(static_cast<size_t>(2 * channels_));
  for (auto& slot : slots_) slot.resize(out_.size());
}

// The source row y, interpolated along x; never put over the row `keep`. Row `next` is fetched
// meanwhile: rows far apart are no stream that a CPU foresees.
const int16_t* LinearResizer::columns(int64_t y, int64_t keep, int64_t next) {
  if (held_[0] == y) return slots_[0].data();
  if (held_[1] == y) return slots_[1].data();
  const size_t slot = held_[0] == keep ? 1 : 0;
  const uint8_t* row = rows_.row(y, 0);
  if (!twin_.empty()) {
    std::memcpy(twin_.data(), row, twin_.size() / 2);
    std::memcpy(twin_.data() + twin_.size() / 2, row, twin_.size() / 2);
    row = twin_.data();
  }
  const uint8_t* ahead = twin_.empty() ? rows_.in_place(next) : nullptr;
  if (ahead == nullptr) ahead = row;
  const auto n = static_cast<size_t>(width_);
  resize_kernels().linear_columns(row, ahead, x_.at.data(), x_.weights.data(), n,
                                  safe_, channels_, slots_[slot].data(), n);
  held_[slot] = y;
  return slots_[slot].data();
}

LinearResizer::Pair LinearResizer::sources(size_t y) const noexcept {
  const int64_t last = source_height_ - 1;
  const int64_t above = std::clamp<int64_t>(y_.at[y], 0, last);
  const int64_t below = std::clamp<int64_t>(int64_t{y_.at[y]} + 1, 0, last);
  // A row that weighs nothing need not be made.
  if (y_.weights[2 * y] == 0) return {below, below};
  if (y_.weights[2 * y + 1] == 0) return {above, above};
  return {above, below};
}

const uint8_t* LinearResizer::row(int64_t y) {
  const auto i = static_cast<size_t>(y);
  const Pair now = sources(i);
  const Pair next = sources(std::min(i + 1, y_.at.size() - 1));
  const int16_t* a = columns(now.above, now.below, next.above);
  const int16_t* b = columns(now.below, now.above, next.below);
  resize_kernels().linear_rows(a, b, y_.weights[2 * i], y_.weights[2 * i + 1], out_.size(),
                               out_.data());
  return out_.data();
}

}  // namespace fl
