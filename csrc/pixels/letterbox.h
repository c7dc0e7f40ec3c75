// Pictures to a network's input: resized, padded, normalised and laid out, row by row, so that
// nothing but the output itself is ever larger than a few rows. Freestanding: all memory comes
// from an arena.
#pragma once

#include <cstddef>
#include <cstdint>

#include "fastlabel/fastlabel.h"
#include "pixels/picture_rows.h"
#include "pixels/resize_area.h"
#include "pixels/resize_linear.h"

namespace fl {

// Where a picture lies in the output, by the rules of Ultralytics' LetterBox: one ratio
// min(W / w, H / h), sides rounded half to even (here at least 1), the padding's odd pixel
// right and below.
fl_placement place(int64_t width, int64_t height, const fl_letterbox_options& options) noexcept;

// Size in bytes of an element of the output; 0: not one that letterbox writes.
int64_t element_size(int32_t dtype) noexcept;

// Rows of the resized picture, channel after channel.
class PlanarRows {
 public:
  PlanarRows(const Picture& picture, const fl_placement& at, int32_t interpolation,
             Arena* arena) noexcept;
  PlanarRows(const PlanarRows&) = delete;
  PlanarRows& operator=(const PlanarRows&) = delete;

  const uint8_t* row(int64_t y) noexcept;

 private:
  enum Way { kSame, kArea, kLinear };

  static Way way_of(const Picture& picture, const fl_placement& at, int32_t interpolation) noexcept;

  Way way_;
  size_t width_;
  int32_t channels_;
  union {  // none of them owns anything: no destructor has to run
    PictureRows same_;
    AreaResizer area_;
    LinearResizer linear_;
  };
  uint8_t* planes_ = nullptr;
};

// One picture's way into the output.
class Letterbox {
 public:
  // pre: options checked; channels: of the output, those of the picture or 3 of its one.
  Letterbox(const Picture& picture, const fl_placement& at, const fl_letterbox_options& options,
            int32_t channels, Arena* arena) noexcept;

  // strides: bytes from channel to channel, row to row, pixel to pixel. pre: the arena did not
  // measure.
  void write(uint8_t* out, const int64_t strides[3]) noexcept;

 private:
  template <typename T>
  class Writer;
  enum Map { kCopy, kShift, kTable, kHalves, kScale };

  void prepare() noexcept;
  Map map_for(int32_t channel) noexcept;
  // Of the output's channel: the picture's channel, the plane that holds it, and the place of its
  // color, mean and std.
  int32_t source(int32_t channel) const noexcept;
  int32_t plane(int32_t channel) const noexcept;
  int32_t setting(int32_t channel) const noexcept;
  template <typename T>
  T value(uint8_t byte, int32_t channel) const noexcept;

  fl_letterbox_options options_;
  fl_placement at_;
  int32_t planes_;
  int32_t channels_;
  bool red_first_, reversed_;
  PlanarRows rows_;
  void* values_;    // a row of the picture in the output's type, channel after channel
  void* border_;    // a row of pixels of padding
  uint8_t* bytes_;  // tables of 256 entries a channel
  uint16_t* halves_;
  Map map_[4] = {kCopy, kCopy, kCopy, kCopy};
  uint8_t shift_[4] = {0, 0, 0, 0};
  int32_t table_of_[4] = {0, 1, 2, 3};  // channels of the same numbers share a table
};

}  // namespace fl
