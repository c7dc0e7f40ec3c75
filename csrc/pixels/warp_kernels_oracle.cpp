#include "pixels/warp_kernels.h"

namespace fl {
namespace oracle {
namespace {

void warp_rgb(const uint8_t* src, int64_t stride, int64_t x, int64_t y, int64_t dx, int64_t dy,
              size_t n, uint8_t* out) noexcept {
  for (size_t i = 0; i < n; ++i, x += dx, y += dy) {
    const uint8_t* at = src + (y >> 32) * stride + (x >> 32) * 3;
    const int32_t fx = static_cast<int32_t>((x >> (32 - kWarpBits)) & 63);
    const int32_t fy = static_cast<int32_t>((y >> (32 - kWarpBits)) & 63);
    for (size_t c = 0; c < 3; ++c) {
      const int32_t above = at[c] * (64 - fx) + at[c + 3] * fx;
      const uint8_t* next = at + stride;
      const int32_t below = next[c] * (64 - fx) + next[c + 3] * fx;
      out[3 * i + c] = static_cast<uint8_t>((above * (64 - fy) + below * fy + 2048) >> 12);
    }
  }
}

const WarpKernels kTable = {FL_WARP_KERNELS(FL_KERNEL_ENTRY)};

}  // namespace
}  // namespace oracle

const WarpKernels& oracle_warp_kernels() noexcept { return oracle::kTable; }

FL_DEFINE_KERNELS(WarpKernels, warp_kernels, kWarps_)

}  // namespace fl
