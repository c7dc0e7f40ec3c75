// Kernels that turn one row of a picture.
#pragma once

#include "core/dispatch.h"

namespace fl {

// Fractions of a pixel that interpolation knows: 2^6.
constexpr int32_t kWarpBits = 6;

// Positions are 32.32 fixed: the upper half is a pixel, the next 6 bits f its weight.
// warp_rgb   n pixels of 3 bytes, the picture of packed pixels (rows `stride` bytes apart,
//            0 < stride < 2^31) at (x + i dx, y + i dy): with p00 p01 / p10 p11 the pixels there,
//            to its right, below, and both,
//            ((p00 (64 - fx) + p01 fx) (64 - fy) + (p10 (64 - fx) + p11 fx) fy + 2048) / 4096.
//            All of these, and the pixel right of them in the same row, must be in the picture.
#define FL_WARP_KERNELS(X)                                                                     \
  X(void, warp_rgb,                                                                            \
    (const uint8_t* src, int64_t stride, int64_t x, int64_t y, int64_t dx, int64_t dy, size_t n, \
     uint8_t* out))

FL_DECLARE_KERNELS(WarpKernels, FL_WARP_KERNELS, warp_kernels, oracle_warp_kernels)

}  // namespace fl
