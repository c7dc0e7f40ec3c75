#include "codec/entropy_bits.h"

#include <algorithm>

namespace fl {

namespace {
constexpr size_t kChunk = size_t{64} << 10;
constexpr int kMostDcBits = 11;  // of a difference of 8-bit samples, T.81 table F.1
}  // namespace

// ---- BitSource ---------------------------------------------------------------------------

void BitSource::refill() {
  if (clean_.size() < clean_size_ + kChunk + kSlack) {
    clean_.resize(2 * clean_size_ + kChunk + kSlack);
  }
  uint8_t* out = clean_.data() + clean_size_;
  const size_t stop = in_ + std::min(kChunk, size_ - in_);
  while (in_ < stop) {
    const void* found = std::memchr(data_ + in_, 0xFF, stop - in_);
    const size_t run = found == nullptr
                           ? stop - in_
                           : static_cast<size_t>(static_cast<const uint8_t*>(found) - data_) - in_;
    std::memcpy(out, data_ + in_, run);
    out += run;
    in_ += run;
    if (found == nullptr) break;
    size_t after = in_ + 1;
    while (after < size_ && data_[after] == 0xFF) ++after;
    if (after < size_ && data_[after] == 0) {
      *out++ = 0xFF;
      in_ = after + 1;
    } else {
      ended_ = true;  // a marker, which stays for restart()
      break;
    }
  }
  if (in_ >= size_) ended_ = true;
  clean_size_ = static_cast<size_t>(out - clean_.data());
  std::memset(out, 0, kSlack);
  if (ended_) {
    safe_until_ = clean_size_ * 8 + 1;
  } else {
    safe_until_ = clean_size_ > kSlack ? (clean_size_ - kSlack) * 8 : 0;
  }
}

bool BitSource::restart(int n, uint64_t* at) {
  if (!ready(*at)) return false;
  // What is left of the interval is padding.
  while (!ended_) {
    clean_size_ = static_cast<size_t>((*at + 7) / 8);
    refill();
  }
  size_t marker = in_;
  while (marker < size_ && data_[marker] == 0xFF) ++marker;
  if (marker >= size_ || data_[marker] != 0xD0 + n) return false;
  in_ = marker + 1;
  ended_ = in_ >= size_;
  clean_size_ = static_cast<size_t>((*at + 7) / 8);
  *at = clean_size_ * 8;
  safe_until_ = 0;
  if (!ended_) refill();
  return true;
}

uint64_t BitSource::forget(uint64_t at) noexcept {
  const auto bytes = static_cast<size_t>(at / 8);
  if (bytes < kChunk * 4) return 0;
  std::memmove(clean_.data(), clean_.data() + bytes, clean_size_ - bytes + kSlack);
  clean_size_ -= bytes;
  safe_until_ -= std::min<uint64_t>(safe_until_, bytes * 8);
  return bytes * 8;
}

// ---- the tables --------------------------------------------------------------------------

void CanonicalCode::set(const HuffmanSpec& spec) noexcept {
  std::copy_n(spec.symbols, 256, symbols);
  int32_t code = 0;
  int32_t k = 0;
  for (int length = 1; length <= 16; ++length, code <<= 1) {
    offset[length] = k - code;
    k += spec.counts[length];
    code += spec.counts[length];
    last[length] = spec.counts[length] > 0 ? code - 1 : -1;
  }
}

void DcReader::set(const HuffmanSpec& spec) {
  code.set(spec);
  for (uint32_t index = 0; index < 1 << kPeek; ++index) {
    fast[index] = {};
    int size = 0;
    const int length = code.find(static_cast<uint64_t>(index) << (64 - kPeek), &size);
    if (length == 0 || length > kPeek || size > kMostDcBits) continue;
    fast[index].bits = static_cast<uint8_t>(length + size);
    if (length + size > kPeek) {
      fast[index].size = static_cast<uint8_t>(size);
      continue;
    }
    const uint32_t magnitude = index >> (kPeek - length - size) & ((1U << size) - 1);
    fast[index].value = static_cast<int16_t>(extend(magnitude, size));
  }
}

void CodeReader::set(const HuffmanSpec& spec) noexcept {
  code.set(spec);
  for (uint32_t index = 0; index < 1 << kPeek; ++index) {
    int symbol = 0;
    const int length = code.find(static_cast<uint64_t>(index) << (64 - kPeek), &symbol);
    fast[index] = length > 0 && length <= kPeek ? static_cast<uint16_t>(length << 8 | symbol)
                                                : uint16_t{0};
  }
}

bool DcReader::read_long(uint64_t bits, uint64_t* at, int32_t* difference) const noexcept {
  int size = 0;
  const int length = code.find(bits, &size);
  if (length == 0 || size > kMostDcBits) return false;
  *at += static_cast<uint64_t>(length + size);
  *difference = size == 0 ? 0 : extend(static_cast<uint32_t>(bits << length >> (64 - size)), size);
  return true;
}

void AcReader::set(const HuffmanSpec& spec) {
  code.set(spec);
  struct Symbol {
    uint8_t length, bits, forward, ends;
  };
  std::vector<Symbol> first(size_t{1} << kPeek);
  for (uint32_t index = 0; index < 1 << kPeek; ++index) {
    int symbol = 0;
    const int length = code.find(static_cast<uint64_t>(index) << (64 - kPeek), &symbol);
    if (length == 0 || length > kPeek) continue;
    const int run = symbol >> 4, size = symbol & 15;
    const bool ends = size == 0 && run != 15;
    first[index] = {static_cast<uint8_t>(length), static_cast<uint8_t>(length + size),
                    static_cast<uint8_t>(ends ? 0 : run + 1), ends};
  }
  for (uint32_t index = 0; index < 1 << kPeek; ++index) {
    uint32_t used = 0, forward = 0, ends = 0;
    while (used < kPeek && ends == 0) {
      const Symbol s = first[index << used & ((1U << kPeek) - 1)];
      // Only bits that were seen may decide: those shifted in are not the stream's.
      if (s.length == 0 || s.length > kPeek - used) break;
      used += s.bits;
      forward += s.forward;
      ends = s.ends;
    }
    const Symbol one = first[index];
    fast[index] = used | forward << 5 | ends << 13 | uint32_t{one.bits} << 16 |
                  uint32_t{one.forward} << 21 | uint32_t{one.ends} << 26;
  }
}

// One symbol: where the table has none, or where the ones after it are of the next block.
bool AcReader::step(uint64_t bits, uint64_t* at, uint32_t* k) const noexcept {
  int symbol = 0;
  const int length = code.find(bits, &symbol);
  if (length == 0) return false;
  const int run = symbol >> 4, size = symbol & 15;
  *at += static_cast<uint64_t>(length + size);
  *k = size == 0 && run != 15 ? 64 : *k + static_cast<uint32_t>(run) + 1;
  // A run of sixteen zeros past the end is odd, and libjpeg takes it for the end.
  return size == 0 || *k <= 64;
}

}  // namespace fl
