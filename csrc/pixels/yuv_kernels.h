// Kernels that turn rows of YUV into rows of three interleaved colours, in fixed point.
#pragma once

#include "core/dispatch.h"

namespace fl {

// With y' = max(0, y - black), a and b the two chroma bytes less 128, in the order of memory:
//   out 0 = (luma y' + half + first b) >> 20
//   out 1 = (luma y' + half + green[0] a + green[1] b) >> 20
//   out 2 = (luma y' + half + last a) >> 20
// each clipped to a byte; half is 2^19. So NV12 (U V) becomes R G B, NV21 (V U) becomes B G R.
// Every factor is below 2^22 in size.
struct YuvWeights {
  int32_t black;
  int32_t luma;
  int32_t first;
  int32_t green[2];
  int32_t last;
};

// Return type, name, parameters of each kernel.
//
// yuv_pairs   n pixels; pixel i has the chroma pair i / 2.
// yuv_pixels  n pixels, each with a chroma pair of its own.
// yuv_split   n pixels of Y0 U Y1 V: their n bytes Y and the pairs of them, (n + 1) / 2.
//             pre: the memory holds an even number of pixels.
// yuv_pick    of the n columns of a row, their Y and their chroma pair: of Y0 U Y1 V where chroma
//             is null, else of a row of Y and a row of pairs.
#define FL_YUV_KERNELS(X)                                                                        \
  X(void, yuv_pairs,                                                                             \
    (const uint8_t* y, const uint8_t* chroma, size_t n, const YuvWeights* weights, uint8_t* out)) \
  X(void, yuv_pixels,                                                                            \
    (const uint8_t* y, const uint8_t* chroma, size_t n, const YuvWeights* weights, uint8_t* out)) \
  X(void, yuv_split, (const uint8_t* pixels, size_t n, uint8_t* y, uint8_t* chroma))             \
  X(void, yuv_pick,                                                                              \
    (const uint8_t* y, const uint8_t* chroma, const int32_t* columns, size_t n, uint8_t* out_y,  \
     uint8_t* out_chroma))

FL_DECLARE_KERNELS(YuvKernels, FL_YUV_KERNELS, yuv_kernels, oracle_yuv_kernels)

}  // namespace fl
