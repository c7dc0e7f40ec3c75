// Dequantised coefficients to those of another table.
#pragma once

#include <cstdint>

namespace fl {

class Requantiser {
 public:
  // Quantisers of 1 to 255, in zigzag order.
  void set(const uint16_t* quant) noexcept;

  // Rounds values / quant to the nearest, halves away from zero, into what a code of 8-bit samples
  // can say; and says which are not zero. Values are at most kMostDequantised; those beyond 16256,
  // which no 8-bit samples have, count as that or somewhat more.
  uint64_t apply(const int16_t* values, int16_t* out) const noexcept;
  // Of a block that is nothing but its mean.
  int16_t apply_dc(int16_t value) const noexcept;

 private:
  // (x * multiplier_ >> 15) >> shift is x / quant for all x of 14 bits, rounded down: the
  // multiplier is 2^(15 + shift) / quant rounded up, and shift the bits of quant. Granlund and
  // Montgomery, "Division by invariant integers using multiplication", 1994.
  uint16_t half_[64], multiplier_[64], scale_[64];  // scale: 2^(15 - shift)
};

// The tables of luma and chroma, in zigzag order, that libjpeg's encoder takes for a quality.
bool quality_tables(int quality, uint16_t luma[64], uint16_t chroma[64]) noexcept;

}  // namespace fl
