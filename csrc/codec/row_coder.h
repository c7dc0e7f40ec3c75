// A row of MCUs coded anew from coefficients, as one string of bits with the marks that cutting
// it wants.
#pragma once

#include <algorithm>
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
 public:
  RowCoder(const JpegFrame& frame, const TileCoding& coding) : frame_(frame) {
    for (size_t c = 0; c < frame.components.size(); ++c) {
      make_codes(coding.dc[coding.dc_table[c]], &dc_[c]);
      make_codes(coding.ac[coding.ac_table[c]], &ac_[c]);
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

  static int size_of(int32_t value) noexcept {
    const auto magnitude = static_cast<uint32_t>(std::abs(value));
    return magnitude == 0 ? 0 : 32 - __builtin_clz(magnitude);
  }
  static bool put(Pen& pen, const HuffmanCodes& codes, int run, int32_t value) noexcept {
    const int size = size_of(value);
    const int symbol = run << 4 | size;
    if (size > 15 || codes.length[symbol] == 0) [[unlikely]] return false;
    const auto low = static_cast<uint32_t>(value + (value >> 31)) & ((1U << size) - 1);
    pen.put(static_cast<uint64_t>(codes.code[symbol]) << size | low, codes.length[symbol] + size);
    return true;
  }
  bool write(Pen& pen, int component, const CodedBlock& block) noexcept {
    if (!put(pen, dc_[component], 0, block.values[0] - last_[component])) [[unlikely]] return false;
    last_[component] = block.values[0];
    const HuffmanCodes& codes = ac_[component];
    int before = 0;
    for (uint64_t rest = block.mask & ~uint64_t{1}; rest != 0; rest &= rest - 1) {
      const int at = __builtin_ctzll(rest);
      int run = at - before - 1;
      for (; run > 15; run -= 16) pen.put(codes.code[0xF0], codes.length[0xF0]);
      if (!put(pen, codes, run, block.values[at])) [[unlikely]] return false;
      before = at;
    }
    if (before < 63) pen.put(codes.code[0], codes.length[0]);
    return true;
  }

  const JpegFrame& frame_;
  HuffmanCodes dc_[kJpegComponents], ac_[kJpegComponents];  // by component
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
            const int size = size_of(block.values[0] - last_[c]);
            mark->dc_begin[c] = pen.bits();
            mark->dc_end[c] =
                mark->dc_begin[c] + dc_[c].length[size] + static_cast<uint32_t>(size);
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
