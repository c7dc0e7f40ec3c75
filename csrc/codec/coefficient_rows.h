// The coefficients of a picture, dequantised, a row of MCUs at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "codec/cut_plan.h"
#include "codec/entropy_bits.h"
#include "codec/mcu_rows.h"

namespace fl {

// Dequantised coefficients are not larger than this; sound 8-bit samples give some 1100.
constexpr int32_t kMostDequantised = 32640;

// One row: for each component blocks of 64 in zigzag order, and for each block which of its
// coefficients may be other than zero (bit 0 says nothing).
struct CoefficientRow {
  struct Plane {
    int64_t wide = 0;  // blocks
    std::vector<int16_t> values;
    std::vector<uint64_t> masks;
  };
  explicit CoefficientRow(const JpegFrame& frame);
  const int16_t* block(int c, int64_t y, int64_t x) const noexcept {
    return planes[c].values.data() + (y * planes[c].wide + x) * 64;
  }
  uint64_t mask(int c, int64_t y, int64_t x) const noexcept {
    return planes[c].masks[static_cast<size_t>(y * planes[c].wide + x)];
  }
  Plane planes[kJpegComponents];
};

// The sample, less 128, that all of a block has that is nothing but its mean.
inline int flat_sample(int16_t dc) noexcept {
  const int sample = (dc + 4) >> 3;
  return sample < -128 ? -128 : sample > 127 ? 127 : sample;
}

class CoefficientRows {
 public:
  CoefficientRows(const uint8_t* data, size_t size, const CutPlan& plan);

  // The next row; false where the data is damaged, ends, or means no picture of 8 bits.
  bool read(int64_t row, CoefficientRow* out);
  // After the last row: whether more data follows than some encoders pad with.
  bool left_over();

 private:
  struct Block {
    const DcReader* dc;
    const struct AcValues* ac;
    const uint16_t* quant;
    int component;
    int64_t step;      // from MCU to MCU
    int64_t y, x;      // in the MCU
    int16_t* values;   // the next block of its kind
    uint64_t* mask;
  };
  bool read_one_scan(CoefficientRow* out);
  bool read_scans(int64_t row, CoefficientRow* out);
  bool read_mcus(int64_t n);
  bool restart();

  const JpegFrame& frame_;
  // Of one sequential scan
  BitSource source_;
  std::vector<DcReader> dc_;
  std::vector<std::shared_ptr<struct AcValues>> ac_;
  std::vector<Block> blocks_;
  int64_t interval_, until_restart_;
  int next_restart_ = 0;
  uint64_t at_ = 0;
  int32_t last_[kJpegComponents] = {};
  // Of several
  std::unique_ptr<RecodedRows> scans_;
};

}  // namespace fl
