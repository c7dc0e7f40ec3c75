// Kernels over 64-bit hashes: which of two lists differ in few bits.
#pragma once

#include "core/dispatch.h"

namespace fl {

// Return type, name, parameters of each kernel. Equal for every tier.
//
// hamming_block  writes i * nb + j for each a[i] and b[j] that differ in at most `distance` bits,
//                rising, and returns how many; out has room for na * nb, which is below 2^32.
#define FL_HAMMING_KERNELS(X)                                                            \
  X(size_t, hamming_block, (const uint64_t* a, size_t na, const uint64_t* b, size_t nb,  \
                            int32_t distance, uint32_t* out))

FL_DECLARE_KERNELS(HammingKernels, FL_HAMMING_KERNELS, hamming_kernels, oracle_hamming_kernels)

}  // namespace fl
