#include "codec/requantiser.h"

#include <algorithm>
#include <cstring>

#include "codec/jpeg_frame.h"
#include "codec/jpeg_session.h"

namespace fl {

namespace {

// What size 10 of the AC code, and of the DC's difference size 11, can say.
constexpr int16_t kMostAc = 1023, kLeastDc = -1024;
// Twice the product below must not be more than 16 bits.
constexpr int16_t kMostDividend = 16383;

// x * y >> 16
inline uint16_t high(uint16_t x, uint16_t y) noexcept {
  return static_cast<uint16_t>(static_cast<uint32_t>(x) * y >> 16);
}

}  // namespace

void Requantiser::set(const uint16_t* quant) noexcept {
  for (int k = 0; k < 64; ++k) {
    const uint32_t q = quant[k];
    const int shift = q == 1 ? 0 : 32 - __builtin_clz(q - 1);
    half_[k] = static_cast<uint16_t>(q / 2);
    multiplier_[k] = static_cast<uint16_t>(((uint32_t{1} << (15 + shift)) + q - 1) / q);
    scale_[k] = static_cast<uint16_t>(1U << (15 - shift));
  }
}

uint64_t Requantiser::apply(const int16_t* values, int16_t* out) const noexcept {
  uint8_t set[64];
  for (int k = 0; k < 64; ++k) {
    const int16_t v = values[k];
    const auto sign = static_cast<int16_t>(v >> 15);
    const auto sum = static_cast<int16_t>(static_cast<int16_t>((v ^ sign) - sign) + half_[k]);
    const auto x = static_cast<uint16_t>(std::min(sum, kMostDividend));
    const uint16_t product = high(static_cast<uint16_t>(2 * x), multiplier_[k]);
    auto r = static_cast<int16_t>(high(static_cast<uint16_t>(2 * product), scale_[k]));
    r = std::min(r, kMostAc);
    out[k] = static_cast<int16_t>((r ^ sign) - sign);
  }
  out[0] = apply_dc(values[0]);
  for (int k = 0; k < 64; ++k) set[k] = out[k] != 0;
  uint64_t mask = 0;
  for (int k = 0; k < 8; ++k) {  // eight bytes of 0 or 1 to eight bits
    uint64_t eight;
    std::memcpy(&eight, set + 8 * k, sizeof eight);
    if constexpr (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__) eight = __builtin_bswap64(eight);
    mask |= (eight * 0x0102040810204080ULL >> 56) << (8 * k);
  }
  return mask;
}

int16_t Requantiser::apply_dc(int16_t value) const noexcept {
  const int sum = (value < 0 ? -value : value) + half_[0];
  const auto x = static_cast<uint16_t>(std::min<int>(sum, kMostDividend));
  const uint16_t product = high(static_cast<uint16_t>(2 * x), multiplier_[0]);
  const int r = high(static_cast<uint16_t>(2 * product), scale_[0]);
  return static_cast<int16_t>(value < 0 ? std::max<int>(-r, kLeastDc) : std::min<int>(r, kMostAc));
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
