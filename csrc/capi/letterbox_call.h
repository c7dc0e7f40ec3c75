// The arguments of every letterbox call, checked once for pictures and frames. Freestanding.
#pragma once

#include <cstddef>
#include <cstdint>

#include "capi/options.h"
#include "pixels/letterbox.h"

namespace fl {

// The bytes that a strided array covers, around its first element: [low, high).
struct Extent {
  int64_t low = 0;
  int64_t high = 0;
};

struct Axis {
  int64_t length, stride;
};

fl_status extent_of(const Axis (&axes)[3], int64_t element, Extent* out) noexcept;
bool overlap(const void* a, const Extent& x, const void* b, const Extent& y) noexcept;
// Whether the output's elements can be told apart at all.
bool steps(const Axis (&axes)[3]) noexcept;
inline bool side(int64_t length) noexcept { return length >= 1 && length <= INT32_MAX; }

fl_letterbox_options default_letterbox_options() noexcept;
// The caller's options, of any age, in full.
fl_status read_letterbox_options(const fl_letterbox_options* given,
                                 fl_letterbox_options* out) noexcept;

// The one status that the calls of pictures had for arguments before frames came to have finer
// ones.
inline fl_status as_before(fl_status status) noexcept {
  return status == FL_ERROR_SIZE || status == FL_ERROR_SCALE ? FL_ERROR_ARGUMENT : status;
}

// All but the pictures that a call needs to know.
struct LetterboxCall {
  fl_letterbox_options options;
  int32_t channels;  // of the output
  int64_t strides[3];
  Extent out;

  // Of pictures of `channels` channels; strides may be null.
  fl_status prepare(const fl_letterbox_options* given, int32_t picture_channels,
                    const int64_t* given_strides) noexcept;
  // Where a picture of this size goes.
  fl_status admit(int64_t width, int64_t height, fl_placement* at) const noexcept;
};

// The extents of a frame's planes; with its planes null only where they are not needed.
fl_status check_frame(const fl_frame* frame, bool with_planes, Extent planes[2]) noexcept;
inline int32_t channels_of(const fl_frame& frame) noexcept {
  return frame.format == FL_FRAME_GRAY ? 1 : 3;
}

uint64_t letterbox_work(const Picture& picture, const fl_placement& at,
                        const LetterboxCall& call) noexcept;
// pre: work holds letterbox_work() bytes.
void run_letterbox(const Picture& picture, const fl_placement& at, const LetterboxCall& call,
                   uint8_t* out, void* work) noexcept;

}  // namespace fl
