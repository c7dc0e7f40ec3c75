#include "pixels/resize_linear.h"

#include "core/plain.h"
#include "pixels/letterbox_kernels.h"
#include "pixels/resize_kernels.h"

namespace fl {

namespace {

constexpr int16_t kOne = 2048;

int32_t* columns_for(bool sparse, int64_t width, Arena* arena) noexcept {
  return sparse ? arena->take<int32_t>(static_cast<size_t>(2 * width)) : nullptr;
}

PictureRows rows_for(const Picture& picture, bool sparse, int64_t width, int32_t* columns,
                     Arena* arena) noexcept {
  if (sparse) return {picture, static_cast<size_t>(2 * width), columns, arena};
  return {picture, 1, arena};
}

}  // namespace

LinearSample linear_sample(int64_t i, int64_t source, int64_t output) noexcept {
  // The order and the widths of these operations are OpenCV's: they decide the last bit.
  const double scale = 1.0 / (static_cast<double>(output) / static_cast<double>(source));
  const float centre = static_cast<float>((static_cast<double>(i) + 0.5) * scale - 0.5);
  // The largest float that an int32 holds: at such widths a float is no longer exact.
  const float bounded = least(centre, 2147483520.0F);
  int32_t first = static_cast<int32_t>(bounded);
  if (static_cast<float>(first) > bounded) --first;
  const float part = centre > bounded ? 0.0F : centre - static_cast<float>(first);
  return {first,
          {static_cast<int16_t>(round_half_even((1.0F - part) * 2048.0F)),
           static_cast<int16_t>(round_half_even(part * 2048.0F))}};
}

// Whether so few columns are looked at that they are better picked before their colour is made.
bool LinearResizer::sparse(const Picture& picture, int64_t width) noexcept {
  if (!PictureRows::picks(picture) || picture.width < 4) return false;
  const int64_t factor = picture.width / width;
  const bool single = picture.width % width == 0 && factor % 2 == 1;  // sample on pixels
  return factor >= (single ? 2 : 4);
}

LinearResizer::LinearResizer(const Picture& picture, int64_t width, int64_t height,
                             Arena* arena) noexcept
    : width_(width),
      height_(height),
      source_height_(picture.height),
      channels_(picture.channels),
      columns_(columns_for(sparse(picture, width), width, arena)),
      rows_(rows_for(picture, sparse(picture, width), width, columns_, arena)),
      at_(arena->take<int32_t>(static_cast<size_t>(width))),
      weights_(arena->take<int16_t>(static_cast<size_t>(2 * width))) {
  const auto numbers = static_cast<size_t>(width * channels_);
  if (picture.width == 1) twin_ = arena->take<uint8_t>(static_cast<size_t>(2 * channels_));
  for (int16_t*& slot : slots_) slot = arena->take<int16_t>(numbers);
  out_ = arena->take<uint8_t>(numbers);
  if (!arena->measures()) prepare(picture);
}

void LinearResizer::prepare(const Picture& picture) noexcept {
  const auto last = static_cast<int32_t>(most<int64_t>(picture.width - 2, 0));
  single_ = true;
  for (int64_t i = 0; i < width_; ++i) {
    LinearSample s = linear_sample(i, picture.width, width_);
    // Beyond the outer samples the outermost one alone counts.
    if (s.first < 0) {
      s = {0, {kOne, 0}};
    } else if (s.first >= picture.width - 1) {
      s = {last, {0, kOne}};
    }
    at_[i] = s.first;
    weights_[2 * i] = s.weights[0];
    weights_[2 * i + 1] = s.weights[1];
    // With a neighbour to the right, which is read and weighs nothing.
    const bool second = s.weights[0] == 0;
    single_ = single_ && (second || s.weights[1] == 0) && s.first + second < picture.width - 1;
  }
  if (columns_ != nullptr) pick_columns(picture, columns_);
  in_order_ = single_;
  for (int64_t i = 0; i < width_; ++i) {
    // Where one sample weighs nothing, it need not be read: the other one is all there is.
    if (single_ && weights_[2 * i] == 0) {
      ++at_[i];
      weights_[2 * i] = kOne;
      weights_[2 * i + 1] = 0;
    }
    in_order_ = in_order_ && at_[i] == i;
    at_[i] *= channels_;
    const auto k = static_cast<size_t>(i);
    if (safe_ == k && static_cast<size_t>(at_[i]) + 8 <= rows_.readable()) safe_ = k + 1;
  }
}

// Makes the list of the columns that weigh something, and at_ point into it.
void LinearResizer::pick_columns(const Picture& picture, int32_t* columns) noexcept {
  int32_t n = 0;
  int32_t newest = -1;
  for (int64_t i = 0; i < width_; ++i) {
    int16_t* w = weights_ + 2 * i;
    if (w[0] == 0) {
      ++at_[i];
      w[0] = kOne;
      w[1] = 0;
    }
    const int32_t first = at_[i];
    if (first > newest) columns[n++] = newest = first;
    at_[i] = first == newest ? n - 1 : n - 2;
    if (w[1] != 0 && first + 1 > newest) columns[n++] = newest = first + 1;
  }
  for (int32_t k = 0; k < n; ++k) columns[k] += picture.odd_x;
  rows_.set_columns(static_cast<size_t>(n));
}

const uint8_t* LinearResizer::source_row(int64_t y) noexcept {
  const uint8_t* row = rows_.row(y, 0);
  if (twin_ == nullptr) return row;
  for (int32_t c = 0; c < channels_; ++c) twin_[c] = twin_[channels_ + c] = row[c];
  return twin_;
}

// The source row y, interpolated along x; never put over the row `keep`. Row `next` is fetched
// meanwhile: rows far apart are no stream that a CPU foresees.
const int16_t* LinearResizer::columns(int64_t y, int64_t keep, int64_t next) noexcept {
  if (held_[0] == y) return slots_[0];
  if (held_[1] == y) return slots_[1];
  const size_t slot = held_[0] == keep ? 1 : 0;
  const uint8_t* row = source_row(y);
  const uint8_t* ahead = twin_ == nullptr ? rows_.in_place(next) : nullptr;
  if (ahead == nullptr) ahead = row;
  const auto n = static_cast<size_t>(width_);
  resize_kernels().linear_columns(row, ahead, at_, weights_, n, safe_, channels_, slots_[slot], n);
  held_[slot] = y;
  return slots_[slot];
}

LinearResizer::Pair LinearResizer::sources(int64_t y) const noexcept {
  const LinearSample s = linear_sample(y, source_height_, height_);
  const int64_t last = source_height_ - 1;
  const int64_t above = within<int64_t>(s.first, 0, last);
  const int64_t below = within<int64_t>(int64_t{s.first} + 1, 0, last);
  const int16_t w[2] = {s.weights[0], s.weights[1]};
  // A row that weighs nothing need not be made.
  if (w[0] == 0) return {below, below, {w[0], w[1]}};
  if (w[1] == 0) return {above, above, {w[0], w[1]}};
  return {above, below, {w[0], w[1]}};
}

const uint8_t* LinearResizer::row(int64_t y) noexcept {
  const auto numbers = static_cast<size_t>(width_ * channels_);
  const auto n = static_cast<size_t>(width_);
  const Pair now = sources(y);
  const Pair next = sources(least(y + 1, height_ - 1));
  // Samples on pixels along both axes: the roundings leave a byte what it is.
  if (single_ && (now.weights[0] == 0 || now.weights[1] == 0)) {
    const uint8_t* row = rows_.row(now.above, 0);
    if (in_order_ && channels_ == 1) return row;
    if (in_order_) {
      letterbox_kernels().split_planes(row, n, channels_, out_, n);
    } else {
      const uint8_t* ahead = rows_.in_place(next.above);
      resize_kernels().pick_columns(row, ahead == nullptr ? row : ahead, at_, n, safe_, channels_,
                                    out_, n);
    }
    return out_;
  }
  const int16_t* a = columns(now.above, now.below, next.above);
  const int16_t* b = columns(now.below, now.above, next.below);
  resize_kernels().linear_rows(a, b, now.weights[0], now.weights[1], numbers, out_);
  return out_;
}

}  // namespace fl
