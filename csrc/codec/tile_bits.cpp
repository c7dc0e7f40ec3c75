#include "codec/tile_bits.h"

#include <algorithm>
#include <cstdlib>
#include <numeric>
#include <utility>

namespace fl {

namespace {

constexpr int kDcCategories = 12;

void put16(std::vector<uint8_t>* out, size_t value) {
  out->push_back(static_cast<uint8_t>(value >> 8));
  out->push_back(static_cast<uint8_t>(value));
}

void put_table(std::vector<uint8_t>* out, int kind, int number, const HuffmanSpec& spec) {
  out->push_back(0xFF);
  out->push_back(0xC4);
  put16(out, static_cast<size_t>(19 + spec.size));
  out->push_back(static_cast<uint8_t>(kind << 4 | number));
  out->insert(out->end(), spec.counts + 1, spec.counts + 17);
  out->insert(out->end(), spec.symbols, spec.symbols + spec.size);
}

}  // namespace

bool complete_dc(HuffmanSpec* spec) noexcept {
  bool has[256] = {};
  for (int k = 0; k < spec->size; ++k) has[spec->symbols[k]] = true;
  uint32_t missing = 0;
  for (int s = 0; s < kDcCategories; ++s) missing += has[s] ? 0 : 1;
  if (missing == 0) return true;
  uint32_t next = 0;  // the code after the last one, at the length of that one
  int longest = 0;
  for (int length = 1; length <= 16; ++length) {
    next = next * 2 + spec->counts[length];
    if (spec->counts[length] > 0) longest = length;
  }
  next >>= 16 - longest;
  for (int length = std::max(longest, 1); length <= 16; ++length) {
    // The code of all ones stays free: T.81 C.2.
    if ((next << (length - longest)) + missing > (1U << length) - 1) continue;
    for (int s = 0; s < kDcCategories; ++s) {
      if (!has[s]) spec->symbols[spec->size++] = static_cast<uint8_t>(s);
    }
    spec->counts[length] = static_cast<uint8_t>(spec->counts[length] + missing);
    return true;
  }
  return false;
}

TileCutter::TileCutter(const JpegFrame& frame, const TileCoding& coding, const TileWindow* windows,
                       int64_t n, TileSink& sink)
    : frame_(frame),
      windows_(windows),
      sink_(sink),
      components_(static_cast<int>(frame.components.size())) {
  std::copy_n(coding.scan_order, kJpegComponents, order_in_scan_);
  for (int c = 0; c < components_; ++c) make_codes(coding.dc[coding.dc_table[c]], &dc_[c]);
  order_.resize(static_cast<size_t>(n));
  std::iota(order_.begin(), order_.end(), int64_t{0});
  std::stable_sort(order_.begin(), order_.end(),
                   [&](int64_t a, int64_t b) { return windows[a].y < windows[b].y; });
  write_header(coding);
}

// All that comes before the entropy-coded data; the size is set for each tile.
void TileCutter::write_header(const TileCoding& coding) {
  std::vector<uint8_t>& h = header_;
  h = {0xFF, 0xD8};
  h.insert(h.end(), frame_.colour.begin(), frame_.colour.end());
  // Components with the same values share a table.
  int quant[kJpegComponents] = {};
  int tables = 0;
  bool wide = false;
  for (int c = 0; c < components_; ++c) {
    const uint16_t* values = frame_.components[static_cast<size_t>(c)].quant;
    quant[c] = tables;
    for (int other = 0; other < c; ++other) {
      const uint16_t* theirs = frame_.components[static_cast<size_t>(other)].quant;
      if (std::equal(values, values + 64, theirs)) quant[c] = quant[other];
    }
    if (quant[c] != tables) continue;
    const bool two_bytes = std::any_of(values, values + 64, [](uint16_t v) { return v > 255; });
    wide = wide || two_bytes;
    h.push_back(0xFF);
    h.push_back(0xDB);
    put16(&h, two_bytes ? 131 : 67);
    h.push_back(static_cast<uint8_t>((two_bytes ? 16 : 0) | tables));
    for (int k = 0; k < 64; ++k) {
      if (two_bytes) put16(&h, values[k]);
      else h.push_back(static_cast<uint8_t>(values[k]));
    }
    ++tables;
  }
  bool many = false;  // baseline has two Huffman tables of a kind
  for (int c = 0; c < components_; ++c) {
    many = many || coding.dc_table[c] > 1 || coding.ac_table[c] > 1;
  }
  h.push_back(0xFF);
  h.push_back(wide || many ? uint8_t{0xC1} : coding.frame_marker);
  put16(&h, static_cast<size_t>(8 + 3 * components_));
  h.push_back(8);
  size_at_ = h.size();
  h.insert(h.end(), 4, 0);
  h.push_back(static_cast<uint8_t>(components_));
  for (int c = 0; c < components_; ++c) {
    const JpegComponent& component = frame_.components[static_cast<size_t>(c)];
    h.push_back(component.id);
    h.push_back(static_cast<uint8_t>(component.h << 4 | component.v));
    h.push_back(static_cast<uint8_t>(quant[c]));
  }
  for (int t = 0; t < 4; ++t) {
    const auto uses = [&](const int* table) {
      return std::find(table, table + components_, t) != table + components_;
    };
    if (uses(coding.dc_table)) put_table(&h, 0, t, coding.dc[t]);
    if (uses(coding.ac_table)) put_table(&h, 1, t, coding.ac[t]);
  }
  h.push_back(0xFF);
  h.push_back(0xDA);
  put16(&h, static_cast<size_t>(6 + 2 * components_));
  h.push_back(static_cast<uint8_t>(components_));
  for (int k = 0; k < components_; ++k) {
    const int c = coding.scan_order[k];
    h.push_back(frame_.components[static_cast<size_t>(c)].id);
    h.push_back(static_cast<uint8_t>(coding.dc_table[c] << 4 | coding.ac_table[c]));
  }
  h.insert(h.end(), {0, 63, 0});
}

void TileCutter::open(int64_t index) {
  const TileWindow& w = windows_[index];
  const auto up = [](int64_t a, int64_t b) { return (a + b - 1) / b; };
  Tile tile{index, w.x / frame_.mcu_width, up(w.x + w.width, frame_.mcu_width),
            up(w.y + w.height, frame_.mcu_height), {}, {}};
  if (!spare_.empty()) {
    tile.bits = std::move(spare_.back());
    spare_.pop_back();
    tile.bits.clear();
  }
  uint8_t* size = header_.data() + size_at_;
  size[0] = static_cast<uint8_t>(w.height >> 8);
  size[1] = static_cast<uint8_t>(w.height);
  size[2] = static_cast<uint8_t>(w.width >> 8);
  size[3] = static_cast<uint8_t>(w.width);
  tile.bits.bytes(header_.data(), header_.size());
  open_.push_back(std::move(tile));
}

void TileCutter::begin_row(int64_t row) {
  for (; next_ < order_.size() && windows_[order_[next_]].y / frame_.mcu_height <= row; ++next_) {
    open(order_[next_]);
    edges_stale_ = true;
  }
  if (!edges_stale_) return;
  edges_stale_ = false;
  edges_.clear();
  for (const Tile& tile : open_) {
    edges_.push_back(tile.first_column);
    edges_.push_back(tile.end_column);
  }
  std::sort(edges_.begin(), edges_.end());
  edges_.erase(std::unique(edges_.begin(), edges_.end()), edges_.end());
}

// The MCUs from a mark to the bit `to`: the first DC codes anew, all else as it stands.
bool TileCutter::write_piece(Tile& tile, const uint8_t* base, const McuMark& from, uint64_t to) {
  uint64_t at = from.dc_begin[order_in_scan_[0]];
  tile.bits.reserve_bits(to - at + 64 * kJpegComponents);
  for (int k = 0; k < components_; ++k) {
    const int c = order_in_scan_[k];
    tile.bits.copy(base, at, from.dc_begin[c]);
    at = from.dc_end[c];
    const int32_t difference = from.dc[c] - tile.last_dc[c];
    const auto magnitude = static_cast<uint32_t>(std::abs(difference));
    const int size = magnitude == 0 ? 0 : 32 - __builtin_clz(magnitude);
    if (size >= kDcCategories || dc_[c].length[size] == 0) return false;
    const auto low = static_cast<uint32_t>(difference < 0 ? difference - 1 : difference);
    tile.bits.put(dc_[c].code[size], dc_[c].length[size]);
    tile.bits.put(low & ((1U << size) - 1), size);
  }
  tile.bits.copy(base, at, to);
  return true;
}

bool TileCutter::close(Tile& tile) {
  tile.bits.finish();
  const uint8_t end[] = {0xFF, 0xD9};
  tile.bits.bytes(end, 2);
  stopped_ = !sink_.take(tile.index, tile.bits.data(), tile.bits.size());
  spare_.push_back(std::move(tile.bits));
  return !stopped_;
}

bool TileCutter::end_row(int64_t row, const uint8_t* base, const std::vector<McuMark>& marks,
                         const std::vector<int64_t>& restarts) {
  const auto mark = [&](int64_t column) -> const McuMark& {
    return marks[static_cast<size_t>(column)];
  };
  bool closing = false;
  for (Tile& tile : open_) {
    int64_t from = tile.first_column;
    auto restart = std::upper_bound(restarts.begin(), restarts.end(), from);
    while (from < tile.end_column) {
      // The predictor of the source begins anew at a restart; the tile's does not.
      const int64_t to = restart != restarts.end() ? std::min(*restart, tile.end_column)
                                                   : tile.end_column;
      if (!write_piece(tile, base, mark(from), mark(to).before)) return false;
      std::copy_n(mark(to).dc_before, components_, tile.last_dc);
      from = to;
      if (restart != restarts.end()) ++restart;
    }
    closing = closing || tile.end_row == row + 1;
  }
  if (!closing) return true;
  for (Tile& tile : open_) {
    if (tile.end_row == row + 1 && !close(tile)) return false;
  }
  std::erase_if(open_, [&](const Tile& tile) { return tile.end_row == row + 1; });
  edges_stale_ = true;
  return true;
}

}  // namespace fl
