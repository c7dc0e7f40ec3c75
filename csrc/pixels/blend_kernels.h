// Kernels that paste one row of 8-bit samples over another.
#pragma once

#include "core/dispatch.h"

namespace fl {

// a * b / 255 means the nearest integer here; there are no ties, 255 being odd.
//
// lerp(b, s, w) = (b (255 - w) + s w) / 255, rounded once.
// B(b, s), the blend of scene b and patch s by fl_blend_mode, after "Compositing and Blending
// Level 1" (W3C), on 0..255:
//   normal s; multiply b s / 255; screen 255 - (255 - b)(255 - s) / 255;
//   hard light 2 s b / 255 for s < 128, else 255 - (510 - 2 s)(255 - b) / 255;
//   overlay: hard light of b and s exchanged; darken min; lighten max; add min(255, b + s);
//   subtract max(0, b - s); difference |b - s|;
//   exclusion b (255 - s) / 255 + (255 - b) s / 255.
//
// blend         scene[i] = lerp(scene[i], B(scene[i], patch[i]), min(weight[i], cap)); i < n.
// blend_over    the same for n pixels of 4 bytes whose fourth is alpha A, patch's fourth unused:
//               with m = min(weight[i], cap), the new alpha is R = A + m - A m / 255, a colour b
//               becomes lerp(b, lerp(s, B(b, s), A), 255 m / R rounded half up; 0 for R = 0).
// weight_scale  weight[i] = weight[i] by[i] / 255.
// weight_fade   weight[i] = weight[i] by / 255.
// weight_spread out[3 i .. 3 i + 2] = weight[i].
// split_alpha   of n pixels of 4 bytes, 3 to colour and the fourth to alpha.
#define FL_BLEND_KERNELS(X) \
  X(void, blend, \
    (int32_t mode, const uint8_t* patch, const uint8_t* weight, uint8_t cap, size_t n, \
     uint8_t* scene)) \
  X(void, blend_over, \
    (int32_t mode, const uint8_t* patch, const uint8_t* weight, uint8_t cap, size_t n, \
     uint8_t* scene)) \
  X(void, weight_scale, (const uint8_t* by, size_t n, uint8_t* weight)) \
  X(void, weight_fade, (uint8_t by, size_t n, uint8_t* weight)) \
  X(void, weight_spread, (const uint8_t* weight, size_t n, uint8_t* out)) \
  X(void, split_alpha, (const uint8_t* pixels, size_t n, uint8_t* colour, uint8_t* alpha))

FL_DECLARE_KERNELS(BlendKernels, FL_BLEND_KERNELS, blend_kernels, oracle_blend_kernels)

}  // namespace fl
