#include "codec/sample_rows.h"

#include <algorithm>
#include <cstring>

namespace fl {

namespace {

// a + (b - a) * part / of; `up` says whether halves of two go up.
uint8_t mean(int a, int b, int64_t part, int64_t of, bool up) noexcept {
  if (of == 2) return static_cast<uint8_t>((a + b + static_cast<int>(up)) >> 1);
  return static_cast<uint8_t>((a * (of - part) + b * part + of / 2) / of);
}

}  // namespace

SampleRows::SampleRows(const JpegFrame& frame) {
  for (const JpegComponent& component : frame.components) {
    Plane plane{frame.columns * component.h, component.v, {}};
    plane.samples.resize(static_cast<size_t>(2 * plane.wide * plane.high * 64));
    planes_.push_back(std::move(plane));
  }
}

void SampleRows::add(const CoefficientRow& row) {
  const BlockKernels& kernels = block_kernels();
  for (size_t c = 0; c < planes_.size(); ++c) {
    Plane& p = planes_[c];
    const auto stride = static_cast<size_t>(p.wide * 8);
    uint8_t* below = p.samples.data() + p.samples.size() / 2;
    std::memcpy(p.samples.data(), below, p.samples.size() / 2);
    for (int64_t y = 0; y < p.high; ++y) {
      for (int64_t x = 0; x < p.wide; ++x) {
        uint8_t* to = below + y * 8 * p.wide * 8 + x * 8;
        const int16_t* block = row.block(static_cast<int>(c), y, x);
        if (row.mask(static_cast<int>(c), y, x) != 1) {
          kernels.decode(block, to, stride);
          continue;
        }
        const int flat = flat_sample(block[0]) + 128;
        for (size_t k = 0; k < 8; ++k) std::memset(to + k * stride, flat, 8);
      }
    }
  }
}

const uint8_t* SampleRows::block(int c, const SampleShift& shift, bool below, int64_t y, int64_t x,
                                 uint8_t* room, size_t* stride) const noexcept {
  const Plane& p = planes_[static_cast<size_t>(c)];
  const int64_t wide = p.wide * 8;
  const int64_t row = (y + (below ? p.high : 0)) * 8 + shift.y, column = x * 8 + shift.x;
  const uint8_t* from = p.samples.data() + row * wide + column;
  if (shift.part_x == 0 && shift.part_y == 0) {
    *stride = static_cast<size_t>(wide);
    return from;
  }
  *stride = 8;
  for (int64_t j = 0; j < 8; ++j, from += wide) {
    const auto sample = [&](int64_t i) -> int {
      if (shift.part_y == 0) return from[i];
      return mean(from[i], from[i + wide], shift.part_y, shift.of_y, ((column + i) & 1) != 0);
    };
    for (int64_t i = 0; i < 8; ++i) {
      room[8 * j + i] = static_cast<uint8_t>(
          shift.part_x == 0 ? sample(i)
                            : mean(sample(i), sample(i + 1), shift.part_x, shift.of_x,
                                   (i & 1) != 0));
    }
  }
  return room;
}

}  // namespace fl
