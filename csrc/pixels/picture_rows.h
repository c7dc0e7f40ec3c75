// Rows of a picture of any format and strides as rows of pixels side by side. Freestanding.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/arena.h"
#include "fastlabel/fastlabel.h"
#include "pixels/yuv_kernels.h"

namespace fl {

// What the engine looks at: the part of a picture that a window leaves, as rows of `channels`
// channels. Made by view_of(); its arguments are checked before.
struct Picture {
  enum Kind : int32_t {
    kStrided,  // bytes as they are
    kLuma,     // luma of three colours
    kPlanes,   // NV12, NV21
    kYuyv
  };
  Kind kind;
  int32_t channels;
  int64_t width, height;
  const uint8_t* data;
  const uint8_t* chroma;
  int64_t row_stride, pixel_stride, channel_stride, chroma_stride;
  // The top left pixel is the second of its chroma pair, or in the second row of its square.
  int32_t odd_x, odd_y;
  bool red_first;  // of three channels; YUV becomes red, green, blue
  bool reversed;   // the rows of NV21 come as blue, green, red
  YuvWeights weights;
};

// channels: 0 as the picture has them, 1 luma, 3 without a fourth.
Picture view_of(const fl_image& image, int32_t channels) noexcept;
Picture view_of(const fl_frame& frame, int32_t channels) noexcept;
// The window, or the whole frame.
fl_window window_of(const fl_frame& frame) noexcept;

class PictureRows {
 public:
  // Up to `slots` rows are held at a time, where rows must be made or copied at all.
  PictureRows(const Picture& picture, size_t slots, Arena* arena) noexcept;
  // Rows of the `n` columns alone, side by side; `most` of them are allowed for in the arena. The
  // list may be filled in until the first row is asked for. pre: picks(picture).
  PictureRows(const Picture& picture, size_t most, int32_t* columns, Arena* arena) noexcept;
  static bool picks(const Picture& picture) noexcept { return picture.kind >= Picture::kPlanes; }
  void set_columns(size_t n) noexcept { picked_ = n; }

  // The row in the picture's own memory, if its pixels lie side by side there; or null.
  const uint8_t* in_place(int64_t y) const noexcept {
    return packed_ ? picture_.data + y * picture_.row_stride : nullptr;
  }
  // Bytes of a row that may be read.
  size_t readable() const noexcept { return readable_; }

  // Valid until the slot's next use.
  const uint8_t* row(int64_t y, size_t slot) noexcept;

 private:
  static constexpr size_t kSlack = 16;  // readable past a row of our own

  const uint8_t* chroma_row(int64_t y) const noexcept {
    return picture_.chroma + (y + picture_.odd_y) / 2 * picture_.chroma_stride;
  }
  const uint8_t* pick(int64_t y) noexcept;
  const uint8_t* convert(int64_t y, uint8_t* to) noexcept;

  Picture picture_;
  bool packed_;
  size_t row_bytes_;
  size_t readable_;
  uint8_t* slots_ = nullptr;
  uint8_t* luma_ = nullptr;
  uint8_t* pairs_ = nullptr;
  const int32_t* columns_ = nullptr;
  size_t picked_ = 0;
};

}  // namespace fl
