// A patch as it falls onto the pixels of a scene: scaled, mirrored, at any fraction of a pixel.
#pragma once

#include <cstdint>
#include <vector>

#include "fastlabel/fastlabel.h"

namespace fl {

// Planes of floats, row by row. Every step on them is a fixed sequence of IEEE operations, so the
// result does not depend on the machine.
struct Plane {
  int64_t width = 0, height = 0;
  std::vector<float> v;

  Plane() = default;
  Plane(int64_t w, int64_t h) : width(w), height(h), v(static_cast<size_t>(w * h)) {}
  float* row(int64_t y) noexcept { return v.data() + y * width; }
  const float* row(int64_t y) const noexcept { return v.data() + y * width; }
};

struct PasteBox {
  double x1, y1, x2, y2;
};

struct PasteLayer {
  int64_t x = 0, y = 0;  // of the window in the scene
  int64_t width = 0, height = 0;
  Plane colour[3];  // the patch with all that is in it, 0..255
  Plane object[3];  // only the object: colour times alpha; empty when not asked for
  Plane alpha;      // 0..1: what the object covers
  Plane known;      // 1 where the patch has pixels, else 0
};

// The window of the scene that a patch can show in: `box` and `reach` pixels around it, cut to the
// scene. False when there is none.
bool paste_window(const PasteBox& box, int64_t reach, int64_t scene_width, int64_t scene_height,
                  int64_t window[4]) noexcept;

// Each pixel of the window is the mean of the part of the patch it covers; where the patch is
// enlarged, of a square of one patch pixel about its centre, which is linear interpolation. Patch
// pixels count with their alpha in `object`, all alike in `colour`.
// pre: the boxes are finite and have a size; patch has 3 channels, alpha is of its size. May
// allocate.
PasteLayer sample_patch(const fl_image& patch, const fl_image& alpha, const PasteBox& patch_box,
                        const PasteBox& box, bool flip, bool object, const int64_t window[4]);

// Blurs by the mean over a square of 2 radius + 1 pixels a side, the outermost by the fraction of
// them inside; beyond the border is 0.
void box_blur(Plane* plane, float radius);

}  // namespace fl
