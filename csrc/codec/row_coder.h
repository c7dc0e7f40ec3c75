// A row of MCUs coded anew from coefficients, as one string of bits with the marks that cutting
// it wants.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "codec/entropy_bits.h"
#include "codec/jpeg_frame.h"
#include "codec/tile_bits.h"

namespace fl {

// Quantised coefficients in zigzag order, and which of them are not zero; bit 0 says nothing.
struct CodedBlock {
  const int16_t* values;
  uint64_t mask;
};

class RowCoder {
  static constexpr uint32_t kMostSize = 11;  // of 8-bit samples: T.81, tables F.1 and F.2
  static constexpr uint32_t kMostMagnitude = (1U << kMostSize) - 1;
  // The bits of a magnitude; quicker at hand than counted.
  static constexpr std::array<uint8_t, kMostMagnitude + 1> kSizes = [] {
    std::array<uint8_t, kMostMagnitude + 1> sizes{};
    for (uint32_t m = 1; m <= kMostMagnitude; ++m) {
      sizes[m] = static_cast<uint8_t>(sizes[m / 2] + 1);
    }
    return sizes;
  }();

 public:
  RowCoder(const JpegFrame& frame, const TileCoding& coding) : frame_(frame) {
    for (size_t c = 0; c < frame.components.size(); ++c) {
      dc_[c].set(coding.dc[coding.dc_table[c]]);
      ac_[c].set(coding.ac[coding.ac_table[c]]);
    }
  }

  // Codes the MCUs from the first of the edges to the last, and sets the edges' marks. The block
  // of a component at row y, column x of the row's blocks is blocks(component, y, x). False for a
  // coefficient beyond 8-bit samples'.
  template <typename Blocks>
  bool code(const std::vector<int64_t>& edges, Blocks&& blocks, std::vector<McuMark>* marks);
  const uint8_t* base() { return out_.settled(); }

 private:
  using Pen = BitSink<false>::Pen;

  // By the symbol: the code, left by the magnitude's bits, and under it (5 bits) how many bits
  // that is in all; 0: no code.
  struct Codes {
    static constexpr int32_t kSmall = 64;
    uint32_t symbols[256] = {};
    // The same with the magnitude's bits in place, for values of -kSmall to kSmall - 1 after runs
    // of up to 15: most of all there are.
    uint32_t small[16 * 2 * kSmall] = {};
    void set(const HuffmanSpec& spec) noexcept {
      HuffmanCodes codes;
      make_codes(spec, &codes);
      for (uint32_t s = 0; s < 256; ++s) {
        const uint32_t size = s & 15;
        if (codes.length[s] == 0 || size > kMostSize) continue;
        symbols[s] = (uint32_t{codes.code[s]} << size) << 5 | (codes.length[s] + size);
      }
      for (uint32_t run = 0; run < 16; ++run) {
        for (int32_t value = -kSmall; value < kSmall; ++value) {
          const uint32_t size = kSizes[static_cast<uint32_t>(std::abs(value))];
          const uint32_t e = value == 0 ? 0 : symbols[run << 4 | size];
          const uint32_t low = static_cast<uint32_t>(value + (value >> 31)) & ((1U << size) - 1);
          small[run * 2 * kSmall + static_cast<uint32_t>(value + kSmall)] =
              e == 0 ? 0 : e | low << 5;
        }
      }
    }
  };

  static bool put(Pen& pen, const Codes& codes, int run, int32_t value) noexcept {
    const auto magnitude = static_cast<uint32_t>(std::abs(value));
    if (magnitude > kMostMagnitude) [[unlikely]] return false;
    const uint32_t size = kSizes[magnitude];
    const uint32_t e = codes.symbols[static_cast<uint32_t>(run) << 4 | size];
    if (e == 0) [[unlikely]] return false;
    const uint32_t low = static_cast<uint32_t>(value + (value >> 31)) & ((1U << size) - 1);
    pen.put(e >> 5 | low, static_cast<int>(e & 31));
    return true;
  }
  static void put(Pen& pen, const Codes& codes, uint32_t symbol) noexcept {
    pen.put(codes.symbols[symbol] >> 5, static_cast<int>(codes.symbols[symbol] & 31));
  }
  // How many bits write() begins with; any number where it will find no code.
  uint32_t dc_bits(int component, int32_t value) const noexcept {
    const auto magnitude = static_cast<uint32_t>(std::abs(value - last_[component]));
    return dc_[component].symbols[kSizes[std::min(magnitude, kMostMagnitude)]] & 31;
  }
  bool write(Pen& pen, int component, const CodedBlock& block) noexcept {
    if (!put(pen, dc_[component], 0, block.values[0] - last_[component])) [[unlikely]] return false;
    last_[component] = block.values[0];
    const Codes& codes = ac_[component];
    int before = 0;
    for (uint64_t rest = block.mask & ~uint64_t{1}; rest != 0; rest &= rest - 1) {
      const int at = __builtin_ctzll(rest);
      int run = at - before - 1;
      const auto value = static_cast<uint32_t>(block.values[at] + Codes::kSmall);
      if (value < 2 * Codes::kSmall && run < 16) [[likely]] {
        const uint32_t e = codes.small[static_cast<uint32_t>(run) * 2 * Codes::kSmall + value];
        if (e == 0) [[unlikely]] return false;
        pen.put(e >> 5, static_cast<int>(e & 31));
        before = at;
        continue;
      }
      for (; run > 15; run -= 16) put(pen, codes, 0xF0);
      if (!put(pen, codes, run, block.values[at])) [[unlikely]] return false;
      before = at;
    }
    if (before < 63) put(pen, codes, 0);
    return true;
  }

  const JpegFrame& frame_;
  Codes dc_[kJpegComponents], ac_[kJpegComponents];  // by component
  int32_t last_[kJpegComponents] = {};
  BitSink<false> out_;
};

template <typename Blocks>
bool RowCoder::code(const std::vector<int64_t>& edges, Blocks&& blocks,
                    std::vector<McuMark>* marks) {
  out_.clear();
  std::fill(last_, last_ + kJpegComponents, 0);
  const auto components = static_cast<int>(frame_.components.size());
  auto edge = edges.begin();
  for (int64_t column = edges.empty() ? 0 : *edge; edge != edges.end(); ++column) {
    McuMark* mark = nullptr;
    if (*edge == column) {
      mark = &(*marks)[static_cast<size_t>(column)];
      mark->before = out_.bits();
      std::copy_n(last_, kJpegComponents, mark->dc_before);
      if (++edge == edges.end()) break;  // no tile goes on from here
    }
    out_.reserve_bits(kBlocksInMcu * BitSource::kBlockBits);
    Pen pen(out_);
    for (int c = 0; c < components; ++c) {
      const JpegComponent& component = frame_.components[static_cast<size_t>(c)];
      for (int y = 0; y < component.v; ++y) {
        for (int x = 0; x < component.h; ++x) {
          const CodedBlock block = blocks(c, y, column * component.h + x);
          if (mark != nullptr && y == 0 && x == 0) {
            mark->dc_begin[c] = pen.bits();
            mark->dc_end[c] = mark->dc_begin[c] + dc_bits(c, block.values[0]);
            mark->dc[c] = block.values[0];
          }
          if (!write(pen, c, block)) [[unlikely]] return false;
        }
      }
    }
    pen.done();
  }
  return true;
}

}  // namespace fl
