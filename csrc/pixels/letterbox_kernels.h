// Kernels that turn rows of 8-bit pixels into a network's input.
//
// The one that writes floats does single IEEE operations, each rounded, on whole numbers 0..255:
// the same bits on every machine.
#pragma once

#include "core/dispatch.h"

namespace fl {

// Return type, name, parameters of each kernel.
//
// split_planes  out[c * plane + i] = pixels[i * channels + c].
// join_planes   the way back, of bytes; join_halves, of two; join_floats, of floats.
// scale_row     out[i] = (row[i] * scale - mean) / std, each operation rounded to float32.
// map_row       out[i] = table[row[i]]; map_halves, of entries of two bytes.
// shift_row     out[i] = row[i] + shift, the low eight bits of it.
// channels is 1, 3 or 4.
#define FL_LETTERBOX_KERNELS(X)                                                                  \
  X(void, split_planes,                                                                          \
    (const uint8_t* pixels, size_t n, int32_t channels, uint8_t* out, size_t plane))             \
  X(void, join_planes,                                                                           \
    (const uint8_t* planes, size_t plane, size_t n, int32_t channels, uint8_t* out))             \
  X(void, join_halves,                                                                           \
    (const uint16_t* planes, size_t plane, size_t n, int32_t channels, uint16_t* out))           \
  X(void, join_floats,                                                                           \
    (const float* planes, size_t plane, size_t n, int32_t channels, float* out))                 \
  X(void, scale_row,                                                                             \
    (const uint8_t* row, size_t n, float scale, float mean, float std, float* out))              \
  X(void, map_row, (const uint8_t* row, size_t n, const uint8_t* table, uint8_t* out))           \
  X(void, map_halves, (const uint8_t* row, size_t n, const uint16_t* table, uint16_t* out))      \
  X(void, shift_row, (const uint8_t* row, size_t n, uint8_t shift, uint8_t* out))

FL_DECLARE_KERNELS(LetterboxKernels, FL_LETTERBOX_KERNELS, letterbox_kernels,
                   oracle_letterbox_kernels)

}  // namespace fl
