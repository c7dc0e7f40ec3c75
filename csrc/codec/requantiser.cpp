#include "codec/requantiser.h"

#include <algorithm>
#include <cstdlib>

#include "codec/jpeg_frame.h"
#include "codec/jpeg_session.h"

namespace fl {

void Requantiser::set(const uint16_t* quant, uint32_t times) noexcept {
  for (int k = 0; k < 64; ++k) {
    const uint32_t q = quant[k] * times;
    const int shift = q == 1 ? 0 : 32 - __builtin_clz(q - 1);
    by_.half[k] = static_cast<uint16_t>(q / 2);
    by_.multiplier[k] = static_cast<uint16_t>(((uint32_t{1} << (15 + shift)) + q - 1) / q);
    by_.scale[k] = static_cast<uint16_t>(1U << (15 - shift));
  }
}

int16_t Requantiser::dc(int value) const noexcept {
  const auto x = static_cast<uint32_t>(std::min(std::abs(value) + by_.half[0], 16383));
  const uint32_t product = 2 * x * by_.multiplier[0] >> 16;
  const auto r = static_cast<int>(2 * product * by_.scale[0] >> 16);
  return static_cast<int16_t>(value < 0 ? std::max(-r, -1024) : std::min(r, 1023));
}

bool quality_tables(int quality, uint16_t luma[64], uint16_t chroma[64]) noexcept {
  constexpr JpegLimits kNoLimits{UINT64_MAX, UINT64_MAX, INT32_MAX, nullptr};
  JpegSession session{};
  set_up_session(&session, &kNoLimits);
  jpeg_compress_struct info{};
  info.err = &session.errors;
  if (setjmp(session.escape) != 0) {
    jpeg_destroy_compress(&info);
    return false;
  }
  info.client_data = &session;
  jpeg_create_compress(&info);
  jpeg_set_quality(&info, quality, TRUE);
  for (int k = 0; k < 64; ++k) {
    luma[k] = info.quant_tbl_ptrs[0]->quantval[kZigzag[k]];
    chroma[k] = info.quant_tbl_ptrs[1]->quantval[kZigzag[k]];
  }
  jpeg_destroy_compress(&info);
  return true;
}

}  // namespace fl
