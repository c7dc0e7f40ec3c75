// Dequantised coefficients, and samples, to the coefficients of another table.
#pragma once

#include <cstdint>

#include "codec/block_kernels.h"

namespace fl {

class Requantiser {
 public:
  // Quantisers of 1 to 255, in zigzag order; those that come in are `times` (1 or 8) too large.
  void set(const uint16_t* quant, uint32_t times) noexcept;
  const Divisors* divisors() const noexcept { return &by_; }
  // The first of what block_kernels.h's requantise makes of a block.
  int16_t dc(int value) const noexcept;

 private:
  Divisors by_;
};

// The tables of luma and chroma, in zigzag order, that libjpeg's encoder takes for a quality.
bool quality_tables(int quality, uint16_t luma[64], uint16_t chroma[64]) noexcept;

}  // namespace fl
