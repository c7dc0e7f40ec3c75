// Pasting a patch into a scene.
#pragma once

#include <cstdint>

#include "fastlabel/fastlabel.h"

namespace fl {

// Feathers a mask of width x height contiguous bytes in place, inwards over `radius` pixels:
// m = min(m, max(0, 2 M - 255)), M being the mean of the (2 radius + 1)^2 pixels around, 0 outside
// the mask, and 2 M rounded half up. A straight edge becomes a linear ramp. May allocate.
void feather_mask(uint8_t* mask, int64_t width, int64_t height, int64_t radius);

// The same for the full rectangle, along one side of it: what pixel i of n has at most.
uint8_t feather_ramp(int64_t i, int64_t n, int64_t radius) noexcept;

struct Paste {
  fl_image scene;  // its pixels are written
  fl_image patch;
  int64_t x, y;            // of the patch in the scene
  const fl_image* mask;    // null, or of the patch's size
  int32_t mode;            // fl_blend_mode
  int32_t feather;         // pixels
  uint8_t opacity;
};

// pre: images checked, channels fit, nothing overlaps. May allocate.
void composite(const Paste& paste);

}  // namespace fl
