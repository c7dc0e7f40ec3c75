#include "codec/mcu_rows.h"

#include <algorithm>

namespace fl {

// ---- VerbatimRows ------------------------------------------------------------------------

VerbatimRows::VerbatimRows(const uint8_t* data, size_t size, const JpegFrame& frame,
                           const JpegScan& scan)
    : frame_(frame),
      source_(data, size, scan.begin),
      dc_(4),
      ac_(4),
      interval_(scan.restart),
      until_restart_(scan.restart) {
  bool dc_set[4] = {}, ac_set[4] = {};
  for (int k = 0; k < scan.n; ++k) {
    const int d = scan.dc[k], a = scan.ac[k];
    if (!dc_set[d]) dc_[static_cast<size_t>(d)].set(scan.dc_tables[d]);
    if (!ac_set[a]) ac_[static_cast<size_t>(a)].set(scan.ac_tables[a]);
    dc_set[d] = ac_set[a] = true;
    const JpegComponent& c = frame.components[static_cast<size_t>(scan.component[k])];
    for (int b = 0; b < c.h * c.v; ++b) {
      blocks_.push_back({&dc_[static_cast<size_t>(d)], &ac_[static_cast<size_t>(a)],
                         scan.component[k], b == 0});
    }
  }
}

bool VerbatimRows::walk(int64_t mcus) {
  const uint8_t* base = source_.base();
  uint64_t safe = source_.safe_until();
  uint64_t at = at_;
  uint32_t last[kJpegComponents];  // of its own: no store through a byte pointer can change it
  std::copy_n(last_, kJpegComponents, last);
  const Block* begin = blocks_.data();
  const Block* end = begin + blocks_.size();
  for (; mcus > 0; --mcus) {
    if (at >= safe) {
      if (!source_.ready(at)) {
        data_ended_ = true;
        return false;
      }
      base = source_.base();
      safe = source_.safe_until();
    }
    for (const Block* b = begin; b != end; ++b) {
      int32_t difference = 0;
      const uint64_t bits = bits_at(base, at);
      const int n = b->dc->read(bits, &difference);
      if (n == 0) [[unlikely]] {
        beyond_ = b->dc->beyond(bits);
        return false;
      }
      last[b->component] += static_cast<uint32_t>(difference);
      at += static_cast<uint64_t>(n);
      if (!b->ac->skip(base, bits << n, 57 - n, &at)) [[unlikely]] return false;
    }
  }
  std::copy_n(last, kJpegComponents, last_);
  at_ = at;
  return true;
}

bool VerbatimRows::walk_marked(McuMark* mark) {
  if (!source_.ready(at_)) {
    data_ended_ = true;
    return false;
  }
  const uint8_t* base = source_.base();
  for (const Block& b : blocks_) {
    const uint64_t begin = at_;
    int32_t difference = 0;
    const uint64_t bits = bits_at(base, at_);
    const int n = b.dc->read(bits, &difference);
    if (n == 0) {
      beyond_ = b.dc->beyond(bits);
      return false;
    }
    at_ += static_cast<uint64_t>(n);
    uint32_t& last = last_[b.component];
    last += static_cast<uint32_t>(difference);
    if (b.first) {
      const auto value = static_cast<int32_t>(last);
      if (value < INT16_MIN || value > INT16_MAX) return false;  // no coefficient
      mark->dc_begin[b.component] = begin;
      mark->dc_end[b.component] = at_;
      mark->dc[b.component] = value;
    }
    if (!b.ac->skip(base, 0, 0, &at_)) return false;
  }
  return true;
}

bool VerbatimRows::read(int64_t, const std::vector<int64_t>& edges, std::vector<McuMark>* marks,
                        std::vector<int64_t>* restarts) {
  at_ -= source_.forget(at_);
  restarts->clear();
  auto edge = edges.begin();
  const auto end_mark = [&](int64_t column) {
    McuMark& mark = (*marks)[static_cast<size_t>(column)];
    mark.before = at_;
    for (int c = 0; c < kJpegComponents; ++c) mark.dc_before[c] = static_cast<int32_t>(last_[c]);
  };
  for (int64_t column = 0; column < frame_.columns;) {
    int64_t stop = frame_.columns;
    if (edge != edges.end()) stop = std::min(stop, *edge);
    if (interval_ > 0) stop = std::min(stop, column + until_restart_);
    if (!walk(stop - column)) return false;
    if (interval_ > 0) until_restart_ -= stop - column;
    column = stop;
    if (column == frame_.columns) break;
    end_mark(column);
    if (edge != edges.end() && *edge == column) ++edge;
    if (interval_ > 0 && until_restart_ == 0) {
      if (!source_.holds(at_) || !source_.restart(next_restart_, &at_)) {
        data_ended_ = true;
        return false;
      }
      next_restart_ = (next_restart_ + 1) & 7;
      until_restart_ = interval_;
      std::fill(last_, last_ + kJpegComponents, 0);
      restarts->push_back(column);
    }
    if (!walk_marked(&(*marks)[static_cast<size_t>(column)])) return false;
    if (interval_ > 0) --until_restart_;
    ++column;
  }
  end_mark(frame_.columns);
  if (!source_.holds(at_)) data_ended_ = true;
  return !data_ended_;
}

// ---- RecodedRows -------------------------------------------------------------------------

RecodedRows::RecodedRows(const uint8_t* data, size_t size, const JpegFrame& frame,
                         const std::vector<JpegScan>& scans, const TileCoding& coding)
    : frame_(frame), coder_(frame, coding) {
  cursors_.reserve(scans.size());
  for (const JpegScan& scan : scans) {
    Cursor& cursor = cursors_.emplace_back(data, size, scan);
    for (size_t t = 0; t < 4; ++t) {
      cursor.dc[t].set(scan.dc_tables[t]);
      cursor.ac[t].set(scan.ac_tables[t]);
    }
  }
  for (size_t c = 0; c < frame.components.size(); ++c) {
    const JpegComponent& component = frame.components[c];
    wide_[c] = frame.columns * component.h;
    coefficients_[c].resize(static_cast<size_t>(wide_[c] * component.v * 64));
  }
}

bool RecodedRows::begin_unit(Cursor& cursor) {
  if (cursor.scan.restart > 0) {
    if (cursor.until_restart == 0) {
      if (!cursor.source.holds(cursor.at) ||
          !cursor.source.restart(cursor.next_restart, &cursor.at)) {
        data_ended_ = true;
        return false;
      }
      cursor.next_restart = (cursor.next_restart + 1) & 7;
      cursor.until_restart = cursor.scan.restart;
      cursor.end_of_band = 0;
      std::fill(cursor.last, cursor.last + kJpegComponents, 0);
    }
    --cursor.until_restart;
  }
  if (cursor.at >= cursor.source.safe_until() && !cursor.source.ready(cursor.at)) {
    data_ended_ = true;
    return false;
  }
  return true;
}

bool RecodedRows::read_scan(Cursor& cursor, int64_t row) {
  const JpegScan& scan = cursor.scan;
  cursor.at -= cursor.source.forget(cursor.at);
  const BlockReader reader = !frame_.progressive ? &RecodedRows::sequential
                             : scan.first == 0
                                 ? scan.high == 0 ? &RecodedRows::dc_first : &RecodedRows::dc_refine
                             : scan.high == 0 ? &RecodedRows::ac_first
                                              : &RecodedRows::ac_refine;
  if (scan.n == 1) {  // not interleaved: block by block, without the MCU's padding
    const int c = scan.component[0];
    const JpegComponent& component = frame_.components[static_cast<size_t>(c)];
    const int64_t high = std::min<int64_t>(component.v, component.blocks_high - row * component.v);
    for (int64_t y = 0; y < high; ++y) {
      for (int64_t x = 0; x < component.blocks_wide; ++x) {
        if (!begin_unit(cursor) || !(this->*reader)(cursor, 0, block_at(c, y, x))) return false;
      }
    }
  } else {
    for (int64_t column = 0; column < frame_.columns; ++column) {
      if (!begin_unit(cursor)) return false;
      for (int k = 0; k < scan.n; ++k) {
        const int c = scan.component[k];
        const JpegComponent& component = frame_.components[static_cast<size_t>(c)];
        for (int b = 0; b < component.h * component.v; ++b) {
          int16_t* block = block_at(c, b / component.h, column * component.h + b % component.h);
          if (!(this->*reader)(cursor, k, block)) return false;
        }
      }
    }
  }
  if (!cursor.source.holds(cursor.at)) data_ended_ = true;
  return !data_ended_;
}

namespace {

// Bits one after another, out of a source that holds enough of them.
struct Bits {
  const uint8_t* base;
  uint64_t* at;
  uint32_t take(int n) noexcept {
    if (n == 0) return 0;
    const uint64_t bits = bits_at(base, *at);
    *at += static_cast<uint64_t>(n);
    return static_cast<uint32_t>(bits >> (64 - n));
  }
  // A code and what it stands for; false when there is none.
  bool symbol(const CodeReader& reader, int* symbol) noexcept {
    const int length = reader.find(bits_at(base, *at), symbol);
    *at += static_cast<uint64_t>(length);
    return length > 0;
  }
};

bool fits(int32_t value) noexcept { return value >= INT16_MIN && value <= INT16_MAX; }

// One more bit of a coefficient that is not zero.
void refine(Bits& bits, int16_t* coefficient, int low) noexcept {
  const int one = 1 << low;
  if (bits.take(1) == 0 || (*coefficient & one) != 0) return;
  *coefficient = static_cast<int16_t>(*coefficient + (*coefficient >= 0 ? one : -one));
}

}  // namespace

bool RecodedRows::dc_first(Cursor& cursor, int k, int16_t* block) {
  Bits bits{cursor.source.base(), &cursor.at};
  int size = 0;
  if (!bits.symbol(cursor.dc[static_cast<size_t>(cursor.scan.dc[k])], &size)) return false;
  int32_t& last = cursor.last[k];
  last += extend(bits.take(size), size);
  const int32_t value = last * (1 << cursor.scan.low);
  if (!fits(last) || !fits(value)) return false;
  block[0] = static_cast<int16_t>(value);
  return true;
}

bool RecodedRows::dc_refine(Cursor& cursor, int, int16_t* block) {
  Bits bits{cursor.source.base(), &cursor.at};
  if (bits.take(1) != 0) block[0] = static_cast<int16_t>(block[0] | 1 << cursor.scan.low);
  return true;
}

bool RecodedRows::sequential(Cursor& cursor, int k, int16_t* block) {
  if (!dc_first(cursor, k, block)) return false;  // Al is 0 here
  Bits bits{cursor.source.base(), &cursor.at};
  const CodeReader& codes = cursor.ac[static_cast<size_t>(cursor.scan.ac[k])];
  for (int i = 1; i < 64; ++i) {
    int symbol = 0;
    if (!bits.symbol(codes, &symbol)) return false;
    const int run = symbol >> 4, size = symbol & 15;
    if (size == 0 && run != 15) break;
    i += run;
    if (size == 0) continue;
    const int32_t value = extend(bits.take(size), size);
    if (i > 63) return false;
    block[i] = static_cast<int16_t>(value);
  }
  return true;
}

bool RecodedRows::ac_first(Cursor& cursor, int k, int16_t* block) {
  if (cursor.end_of_band > 0) {
    --cursor.end_of_band;
    return true;
  }
  Bits bits{cursor.source.base(), &cursor.at};
  const CodeReader& codes = cursor.ac[static_cast<size_t>(cursor.scan.ac[k])];
  for (int i = cursor.scan.first; i <= cursor.scan.last; ++i) {
    int symbol = 0;
    if (!bits.symbol(codes, &symbol)) return false;
    const int run = symbol >> 4, size = symbol & 15;
    if (size == 0 && run != 15) {
      cursor.end_of_band = (1U << run) + bits.take(run) - 1;
      break;
    }
    i += run;
    if (size == 0) continue;
    const int32_t value = extend(bits.take(size), size) * (1 << cursor.scan.low);
    if (i > cursor.scan.last || !fits(value)) return false;
    block[i] = static_cast<int16_t>(value);
  }
  return true;
}

// T.81 G.1.2.3: new coefficients in the gaps, and a bit for each old one that is passed.
bool RecodedRows::ac_refine(Cursor& cursor, int k, int16_t* block) {
  Bits bits{cursor.source.base(), &cursor.at};
  const int last = cursor.scan.last, low = cursor.scan.low;
  int i = cursor.scan.first;
  if (cursor.end_of_band == 0) {
    const CodeReader& codes = cursor.ac[static_cast<size_t>(cursor.scan.ac[k])];
    for (; i <= last; ++i) {
      int symbol = 0;
      if (!bits.symbol(codes, &symbol)) return false;
      int run = symbol >> 4;
      int value = 0;
      if ((symbol & 15) > 1) return false;
      if ((symbol & 15) == 1) {
        value = bits.take(1) != 0 ? 1 << low : -(1 << low);
      } else if (run != 15) {
        cursor.end_of_band = (1U << run) + bits.take(run);
        break;
      }
      for (; i <= last; ++i) {
        if (block[i] != 0) {
          refine(bits, block + i, low);
        } else if (--run < 0) {
          break;
        }
      }
      if (value == 0) continue;
      if (i > last) return false;
      block[i] = static_cast<int16_t>(value);
    }
  }
  if (cursor.end_of_band > 0) {
    for (; i <= last; ++i) {
      if (block[i] != 0) refine(bits, block + i, low);
    }
    --cursor.end_of_band;
  }
  return true;
}

bool RecodedRows::decode(int64_t row) {
  for (auto& coefficients : coefficients_) {
    std::fill(coefficients.begin(), coefficients.end(), int16_t{0});
  }
  for (Cursor& cursor : cursors_) {
    if (!read_scan(cursor, row)) return false;
  }
  return true;
}

bool RecodedRows::read(int64_t row, const std::vector<int64_t>& edges, std::vector<McuMark>* marks,
                       std::vector<int64_t>* restarts) {
  restarts->clear();
  if (!decode(row)) return false;
  beyond_ = !coder_.code(
      edges,
      [this](int c, int64_t y, int64_t x) {
        const int16_t* values = block_at(c, y, x);
        uint64_t mask = 0;
        for (int k = 0; k < 64; ++k) mask |= static_cast<uint64_t>(values[k] != 0) << k;
        return CodedBlock{values, mask};
      },
      marks);
  return !beyond_;
}

}  // namespace fl
