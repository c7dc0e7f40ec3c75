// The plain scalar oracle: the definition of each kernel. Tests hold every tier against it;
// nothing else calls it.
#include <bit>

#include "tables/hamming_kernels.h"

namespace fl {
namespace oracle {
namespace {

size_t hamming_block(const uint64_t* a, size_t na, const uint64_t* b, size_t nb, int32_t distance,
                     uint32_t* out) noexcept {
  size_t count = 0;
  for (size_t i = 0; i < na; ++i) {
    for (size_t j = 0; j < nb; ++j) {
      if (std::popcount(a[i] ^ b[j]) <= distance) out[count++] = static_cast<uint32_t>(i * nb + j);
    }
  }
  return count;
}

const HammingKernels kTable = {FL_HAMMING_KERNELS(FL_KERNEL_ENTRY)};

}  // namespace
}  // namespace oracle

const HammingKernels& oracle_hamming_kernels() noexcept { return oracle::kTable; }

FL_DEFINE_KERNELS(HammingKernels, hamming_kernels, kHamming_)

}  // namespace fl
