// Kernels on one block of 8 x 8: between coefficients, samples and quantised coefficients.
#pragma once

#include "core/dispatch.h"

namespace fl {

// What x / quant is for x of 14 bits, rounded down, by (x * multiplier >> 15) >> shift: the
// multiplier is 2^(15 + shift) / quant rounded up, and shift the bits of quant - 1. Granlund and
// Montgomery, "Division by invariant integers using multiplication", 1994.
struct Divisors {
  uint16_t half[64], multiplier[64], scale[64];  // quant / 2; scale: 2^(15 - shift)
};

// Coefficients are in zigzag order, and dequantised where they come in.
//
// requantise  each divided by its quant to the nearest, halves away from zero, into what a code of
//             8-bit samples can say (+-1023, of the first -1024..1023); bit k of what is returned
//             says that the k-th is not zero. Numbers that with half a quant are beyond 16383 count
//             as that.
// decode      the 64 samples of a block, rows `stride` apart: the inverse DCT in integers of
//             C. Loeffler, A. Ligtenberg, G. Moschytz, "Practical fast 1-D DCT algorithms with 11
//             multiplications", 1989, with the 13-bit constants and the roundings of libjpeg's
//             "islow", so that both give the same samples; 128 is added, and 0..255 kept to. Sums
//             that no sound picture has wrap around at 32 bits.
// encode      the forward DCT of the same kind, which is eight times too large; then as requantise
//             does. Divisors are of eight times the quants.
// recode      decode and encode in one.
#define FL_BLOCK_KERNELS(X)                                                                   \
  X(uint64_t, requantise, (const int16_t* block, const Divisors* divisors, int16_t* out))     \
  X(void, decode, (const int16_t* block, uint8_t* samples, size_t stride))                    \
  X(uint64_t, encode,                                                                         \
    (const uint8_t* samples, size_t stride, const Divisors* divisors, int16_t* out))          \
  X(uint64_t, recode, (const int16_t* block, const Divisors* divisors, int16_t* out))

FL_DECLARE_KERNELS(BlockKernels, FL_BLOCK_KERNELS, block_kernels, oracle_block_kernels)

}  // namespace fl
