#include "codec/coefficient_rows.h"

#include <algorithm>
#include <cstring>

namespace fl {

namespace {

constexpr int kMostAcBits = 10;  // of 8-bit samples, T.81 table F.2

}  // namespace

// AC symbols with their magnitudes, for coefficients whose values are wanted.
struct AcValues {
  // By the next bits, for the one or two whole symbols in them: 0-3 how many bits they take with
  // their magnitudes (0: ask the code), 4-7 how far the first goes on in the block, 8-11 the
  // second, 12 whether the block ends then, 16-23 and 24-31 the values. Of one symbol alone the
  // second is the first again, so that both are always stored. With bit 13 the block ends at
  // once, after as many bits as 16-23 say.
  uint32_t fast[1 << kPeek];
  CanonicalCode code;
  static constexpr uint32_t kEndAlone = 1 << 13, kCodeAlone = 1 << 14;

  explicit AcValues(const HuffmanSpec& spec) {
    code.set(spec);
    std::vector<Symbol> first(size_t{1} << kPeek);
    for (uint32_t index = 0; index < 1 << kPeek; ++index) {
      first[index] = symbol_of(static_cast<uint64_t>(index) << (64 - kPeek), kPeek);
    }
    for (uint32_t index = 0; index < 1 << kPeek; ++index) {
      fast[index] = 0;
      const Symbol one = first[index];
      if (one.bits == 0) {
        int symbol = 0;
        const int length = code.find(static_cast<uint64_t>(index) << (64 - kPeek), &symbol);
        if (length > 0 && length <= kPeek) {
          fast[index] = kCodeAlone | static_cast<uint32_t>(length << 16 | symbol << 24);
        }
        continue;
      }
      if (one.forward == 0) {
        fast[index] = kEndAlone | static_cast<uint32_t>(one.bits) << 16;
        continue;
      }
      // Only bits that were seen may decide: those shifted in are not the stream's.
      const auto after = [&](int used) {
        const Symbol s = first[index << used & ((1U << kPeek) - 1)];
        return s.bits != 0 && s.bits <= kPeek - used ? s : Symbol{};
      };
      int used = one.bits;
      Symbol two = after(used);
      bool ends = two.bits != 0 && two.forward == 0;
      if (two.bits == 0 || ends) {
        used += two.bits;
        two = {0, 0, one.value};
      } else {
        used += two.bits;
        const Symbol three = after(used);
        ends = three.bits != 0 && three.forward == 0;
        if (ends) used += three.bits;
      }
      fast[index] = static_cast<uint32_t>(used | one.forward << 4 | two.forward << 8 |
                                          static_cast<int>(ends) << 12) |
                    static_cast<uint32_t>(static_cast<uint8_t>(one.value)) << 16 |
                    static_cast<uint32_t>(static_cast<uint8_t>(two.value)) << 24;
    }
  }

  // The AC coefficients of a block, times their quantisers (of at most 255), of which `bits`
  // begins with the first `left` bits; a mask of where they stand, and 0 where that cannot be one.
  uint64_t read(const uint8_t* base, const uint16_t* quant, uint64_t bits, int left, uint64_t* at,
                int16_t* block) const noexcept {
    uint64_t position = *at;
    uint64_t mask = 1;
    uint32_t k = 0;
    do {
      if (left < kPeek) {
        bits = bits_at(base, position);
        left = 57;
      }
      const uint32_t e = fast[bits >> (64 - kPeek)];
      const uint32_t one = k + (e >> 4 & 15), two = one + (e >> 8 & 15);
      const uint32_t ends = e >> 12 & 1;
      if ((e & 15) != 0 && two + ends <= 63) [[likely]] {
        const auto first = static_cast<int8_t>(e >> 16), second = static_cast<int8_t>(e >> 24);
        block[one] = static_cast<int16_t>(first * quant[one]);
        block[two] = static_cast<int16_t>(second * quant[two]);
        mask |= uint64_t{1} << one | uint64_t{1} << two;
        position += e & 15;
        if (ends != 0) break;
        bits <<= e & 15;
        left -= static_cast<int>(e & 15);
        k = two;
      } else if ((e & kEndAlone) != 0) {
        position += e >> 16;
        break;
      } else {
        if (!step(e, bits_at(base, position), quant, &position, &k, block, &mask)) return 0;
        left = 0;
      }
    } while (k < 63);
    *at = position;
    return mask;
  }

 private:
  struct Symbol {
    int bits = 0;  // 0: none that goes into the table
    int forward = 0;  // 0: the block ends
    int value = 0;
  };
  Symbol symbol_of(uint64_t bits, int seen) const noexcept {
    int symbol = 0;
    const int length = code.find(bits, &symbol);
    const int run = symbol >> 4, size = symbol & 15;
    if (length == 0 || length + size > seen || run == 15 || size > 7) return {};
    if (size == 0) return run == 0 ? Symbol{length, 0, 0} : Symbol{};
    return {length + size, run + 1, extend(static_cast<uint32_t>(bits << length >> (64 - size)), size)};
  }

  // One symbol: where the table has none, or where the ones after it are of the next block.
  bool step(uint32_t e, uint64_t bits, const uint16_t* quant, uint64_t* at, uint32_t* k,
            int16_t* block, uint64_t* mask) const noexcept {
    auto symbol = static_cast<int>(e >> 24);
    const int length = (e & kCodeAlone) != 0 ? static_cast<int>(e >> 16 & 255)
                                             : code.find(bits, &symbol);
    const int run = symbol >> 4, size = symbol & 15;
    if (length == 0 || size > kMostAcBits) return false;
    *at += static_cast<uint64_t>(length + size);
    if (size == 0) {
      *k = run != 15 ? 63 : *k + 16;
      return true;
    }
    *k += static_cast<uint32_t>(run) + 1;
    if (*k > 63) return false;
    const int32_t value = extend(static_cast<uint32_t>(bits << length >> (64 - size)), size);
    const int32_t product = value * quant[*k];
    if (product > kMostDequantised || product < -kMostDequantised) return false;
    block[*k] = static_cast<int16_t>(product);
    *mask |= uint64_t{1} << *k;
    return true;
  }
};

CoefficientRow::CoefficientRow(const JpegFrame& frame) {
  for (size_t c = 0; c < frame.components.size(); ++c) {
    const JpegComponent& component = frame.components[c];
    planes[c].wide = frame.columns * component.h;
    const auto blocks = static_cast<size_t>(planes[c].wide * component.v);
    planes[c].values.resize(blocks * 64);
    planes[c].masks.resize(blocks);
  }
}

CoefficientRows::CoefficientRows(const uint8_t* data, size_t size, const CutPlan& plan)
    : frame_(plan.frame),
      source_(data, size, plan.scans[0].begin),
      dc_(4),
      ac_(4),
      interval_(plan.scans[0].restart),
      until_restart_(plan.scans[0].restart) {
  if (!plan.verbatim) {
    scans_ = std::make_unique<RecodedRows>(data, size, plan.frame, plan.scans, plan.coding);
    return;
  }
  const JpegScan& scan = plan.scans[0];
  for (int k = 0; k < scan.n; ++k) {
    const auto d = static_cast<size_t>(scan.dc[k]), a = static_cast<size_t>(scan.ac[k]);
    dc_[d].set(scan.dc_tables[d]);
    if (ac_[a] == nullptr) ac_[a] = std::make_shared<AcValues>(scan.ac_tables[a]);
    const int c = scan.component[k];
    const JpegComponent& component = frame_.components[static_cast<size_t>(c)];
    for (int b = 0; b < component.h * component.v; ++b) {
      blocks_.push_back({&dc_[d], ac_[a].get(), component.quant, c, component.h,
                         b / component.h, b % component.h, nullptr, nullptr});
    }
  }
}

bool CoefficientRows::restart() {
  if (!source_.holds(at_) || !source_.restart(next_restart_, &at_)) return false;
  next_restart_ = (next_restart_ + 1) & 7;
  until_restart_ = interval_;
  std::fill(last_, last_ + kJpegComponents, 0);
  return true;
}

bool CoefficientRows::read_one_scan(CoefficientRow* out) {
  at_ -= source_.forget(at_);
  for (Block& b : blocks_) {
    CoefficientRow::Plane& plane = out->planes[b.component];
    b.values = plane.values.data() + (b.y * plane.wide + b.x) * 64;
    b.mask = plane.masks.data() + b.y * plane.wide + b.x;
  }
  for (int64_t column = 0; column < frame_.columns;) {
    int64_t stop = frame_.columns;
    if (interval_ > 0) {
      if (until_restart_ == 0 && !restart()) return false;
      stop = std::min(stop, column + until_restart_);
      until_restart_ -= stop - column;
    }
    if (!read_mcus(stop - column)) return false;
    column = stop;
  }
  return source_.holds(at_);
}

bool CoefficientRows::read_mcus(int64_t n) {
  const uint8_t* base = source_.base();
  uint64_t safe = source_.safe_until();
  uint64_t at = at_;
  int32_t last[kJpegComponents];
  std::copy_n(last_, kJpegComponents, last);
  for (; n > 0; --n) {
    if (at >= safe) {
      if (!source_.ready(at)) return false;
      base = source_.base();
      safe = source_.safe_until();
    }
    for (Block& b : blocks_) {
      int16_t* values = b.values;
      uint64_t* mask = b.mask;
      b.values += b.step * 64;
      b.mask += b.step;
      if (*mask > 1) std::memset(values, 0, 64 * sizeof *values);  // of the row before
      *mask = ~uint64_t{0};
      int32_t difference = 0;
      const uint64_t bits = bits_at(base, at);
      const int length = b.dc->read(bits, &difference);
      if (length == 0) [[unlikely]] return false;
      at += static_cast<uint64_t>(length);
      const int32_t value = last[b.component] + difference;
      const int32_t dc = value * b.quant[0];
      if (dc < -kMostDequantised || dc > kMostDequantised) [[unlikely]] return false;
      last[b.component] = value;
      const uint64_t found = b.ac->read(base, b.quant, bits << length, 57 - length, &at, values);
      if (found == 0) [[unlikely]] return false;
      *mask = found;
      values[0] = static_cast<int16_t>(dc);
    }
  }
  std::copy_n(last, kJpegComponents, last_);
  at_ = at;
  return true;
}

bool CoefficientRows::read_scans(int64_t row, CoefficientRow* out) {
  if (!scans_->decode(row)) return false;
  bool fine = true;
  for (size_t c = 0; c < frame_.components.size(); ++c) {
    const JpegComponent& component = frame_.components[c];
    CoefficientRow::Plane& plane = out->planes[c];
    const int16_t* from = scans_->block(static_cast<int>(c), 0, 0);
    int16_t* to = plane.values.data();
    for (uint64_t& mask : plane.masks) {
      mask = 1;
      for (int k = 0; k < 64; ++k) {
        const int32_t product = from[k] * component.quant[k];
        fine = fine && product <= kMostDequantised && product >= -kMostDequantised;
        to[k] = static_cast<int16_t>(product);
        mask |= static_cast<uint64_t>(product != 0) << k;
      }
      from += 64;
      to += 64;
    }
  }
  return fine;
}

bool CoefficientRows::read(int64_t row, CoefficientRow* out) {
  return scans_ == nullptr ? read_one_scan(out) : read_scans(row, out);
}

bool CoefficientRows::left_over() {
  return scans_ == nullptr ? source_.left_over(at_) > kPaddingBytes : scans_->left_over();
}

}  // namespace fl
