// Entropy-coded JPEG data as a plain string of bits: read without its stuffing and markers,
// walked by table, written back with stuffing. ITU-T T.81, annexes C and F.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

#include "codec/jpeg_frame.h"

namespace fl {

inline uint64_t load_be64(const uint8_t* p) noexcept {
  uint64_t word;
  std::memcpy(&word, p, sizeof word);
  if constexpr (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__) word = __builtin_bswap64(word);
  return word;
}

// The bits from `at` on, left-aligned; at least 57 of them count.
inline uint64_t bits_at(const uint8_t* base, uint64_t at) noexcept {
  return load_be64(base + (at >> 3)) << (at & 7);
}

// 64 bits from `at` on.
inline uint64_t word_at(const uint8_t* base, uint64_t at) noexcept {
  const uint8_t* p = base + (at >> 3);
  const auto shift = static_cast<unsigned>(at & 7);
  return load_be64(p) << shift | static_cast<uint64_t>(p[8]) >> (8 - shift);
}

// The data of one scan as bits, a chunk at a time: stuffed zeros are taken out, and markers
// end it until restart() goes past one. Behind the last bit there are zeros enough for a whole
// MCU of the longest codes, so that a walk need not look after every symbol.
class BitSource {
 public:
  // Of a block: 64 codes of 16 bits with 15 more each. Of an MCU, and a word more for a peek.
  static constexpr uint64_t kBlockBits = 64 * 31;
  static constexpr size_t kSlack = kBlocksInMcu * kBlockBits / 8 + 64;

  BitSource(const uint8_t* data, size_t size, size_t begin) noexcept
      : data_(data), size_(size), in_(begin) {}

  // Where bits stand; changes with every call of a function that is not const.
  const uint8_t* base() const noexcept { return clean_.data(); }
  // Reading at or beyond this bit wants ready() first.
  uint64_t safe_until() const noexcept { return safe_until_; }

  // Makes an MCU's worth of bits after `at` readable; false when `at` is past the data's end.
  bool ready(uint64_t at) {
    while (!ended_ && at >= safe_until_) refill();
    return at < safe_until_;
  }
  // Whether what ends at `at` was all there.
  bool holds(uint64_t at) const noexcept { return at <= clean_size_ * 8; }

  // How many whole bytes there are after `at` before the next marker.
  uint64_t left_over(uint64_t at);

  // Goes past restart marker number n (0..7); the bit after it, or false when it is not there.
  bool restart(int n, uint64_t* at);
  // Forgets what is before `at`; all positions are then smaller by what is returned.
  uint64_t forget(uint64_t at) noexcept;

 private:
  void refill();

  const uint8_t* data_;
  size_t size_;
  size_t in_;                // next byte of the file
  std::vector<uint8_t> clean_ = std::vector<uint8_t>(2 * kSlack);
  size_t clean_size_ = 0;
  uint64_t safe_until_ = 0;
  bool ended_ = false;       // at a marker, or the file's end
};

// ---- reading -----------------------------------------------------------------------------

// A canonical code by the T.81 F.2.2.3 procedure; what the fast tables leave out.
struct CanonicalCode {
  int32_t last[18] = {};    // largest code of a length, -1 when it has none
  int32_t offset[17] = {};  // from a code to its symbol
  uint8_t symbols[256] = {};

  void set(const HuffmanSpec& spec) noexcept;
  // Length of the code that the bits begin with, 0 when none does.
  int find(uint64_t bits, int* symbol) const noexcept {
    const auto top = static_cast<int32_t>(bits >> 48);
    for (int length = 1; length <= 16; ++length) {
      const int32_t code = top >> (16 - length);
      if (code <= last[length]) {
        *symbol = symbols[code + offset[length]];
        return length;
      }
    }
    return 0;
  }
};

// The value of `size` magnitude bits. T.81 F.2.2.1, EXTEND.
inline int32_t extend(uint32_t bits, int size) noexcept {
  const auto value = static_cast<int32_t>(bits);
  return size > 0 && value < 1 << (size - 1) ? value - (1 << size) + 1 : value;
}

constexpr int kPeek = 12;    // bits of a table's index
constexpr int kDcPeek = 10;

struct DcReader {
  // By the next bits: how many bits the whole difference takes (0: ask the code), whether the
  // value stands here too, and the value.
  struct Entry {
    int16_t value;
    uint8_t bits;
    uint8_t size;  // of the magnitude, where the value is not known yet; else 0
  };
  Entry fast[1 << kDcPeek];
  CanonicalCode code;

  void set(const HuffmanSpec& spec);

  // Reads a difference off bits of which 31 or more count, and says how many it took; 0 where no
  // code matches or the size is beyond 8-bit samples'.
  int read(uint64_t bits, int32_t* difference) const noexcept {
    const Entry e = fast[bits >> (64 - kDcPeek)];
    if (e.bits == 0) [[unlikely]] return read_long(bits, difference);
    *difference = e.value;
    if (e.size != 0) {
      *difference = extend(static_cast<uint32_t>(bits << (e.bits - e.size) >> (64 - e.size)), e.size);
    }
    return e.bits;
  }
  // Of bits that read() gives 0 for: whether there is a code, of a size beyond 8-bit samples'.
  bool beyond(uint64_t bits) const noexcept {
    int size = 0;
    return code.find(bits, &size) != 0;
  }

 private:
  int read_long(uint64_t bits, int32_t* difference) const noexcept;
};

struct AcReader {
  // By the next bits, for all the whole symbols in them: bits 0-4 how many bits they take with
  // their magnitudes (0: ask the code), 5-12 how far they go on in the block, 13 whether the
  // last one ends it; for the first one alone the same in 16-20, 21-25, 26.
  uint32_t fast[1 << kPeek];
  CanonicalCode code;

  void set(const HuffmanSpec& spec);

  // Goes over the 63 AC coefficients of a block, of which `bits` begins with the first `left`
  // bits; false where that cannot be one.
  bool skip(const uint8_t* base, uint64_t bits, int left, uint64_t* at) const noexcept {
    uint64_t position = *at;
    uint32_t k = 1;
    do {
      if (left < kPeek) {
        bits = bits_at(base, position);
        left = 57;
      }
      const uint32_t e = fast[bits >> (64 - kPeek)];
      const uint32_t ends = e >> 13 & 1;
      const uint32_t next = k + (e >> 5 & 255);
      if ((e & 31) != 0 && next + ends <= 64) [[likely]] {
        position += e & 31;
        if (ends != 0) break;
        bits <<= e & 31;
        left -= static_cast<int>(e & 31);
        k = next;
      } else {
        if (!step(bits_at(base, position), &position, &k)) return false;
        left = 0;
      }
    } while (k < 64);
    *at = position;
    return true;
  }

 private:
  bool step(uint64_t bits, uint64_t* at, uint32_t* k) const noexcept;
};

// Symbols one by one, for coefficients whose values are wanted.
struct CodeReader {
  uint16_t fast[1 << kPeek] = {};  // length, symbol
  CanonicalCode code;

  void set(const HuffmanSpec& spec) noexcept;
  // Length of the code, 0 when there is none.
  int find(uint64_t bits, int* symbol) const noexcept {
    const uint16_t e = fast[bits >> (64 - kPeek)];
    if (e == 0) return code.find(bits, symbol);
    *symbol = e & 255;
    return e >> 8;
  }
};

// ---- writing -----------------------------------------------------------------------------

// A growing string of bits; with stuffing as a file has it, or plain.
template <bool kStuffed>
class BitSink {
 public:
  void clear() noexcept {
    size_ = 0;
    word_ = 0;
    used_ = 0;
  }
  uint64_t bits() const noexcept { return size_ * 8 + static_cast<uint64_t>(used_); }  // plain only
  const uint8_t* data() const noexcept { return bytes_.data(); }
  size_t size() const noexcept { return size_; }

  // The bytes with the last bits among them and room for a peek; plain only.
  const uint8_t* settled() {
    reserve(16);
    for (size_t k = 0; k < 8; ++k) {
      bytes_[size_ + k] = static_cast<uint8_t>(word_ >> (56 - 8 * k));
    }
    return bytes_.data();
  }

  // Whole bytes, between bit strings.
  void bytes(const uint8_t* from, size_t n) {
    reserve(n);
    std::memcpy(bytes_.data() + size_, from, n);
    size_ += n;
  }
  // Room for n more bits; put and copy want it.
  void reserve_bits(uint64_t n) { reserve(static_cast<size_t>(n / 4) + 64); }

  // The low `length` bits, 0..63 of them; the rest of `bits` is zero.
  void put(uint64_t bits, int length) noexcept {
    const int after = used_ + length;
    if (after < 64) {
      if (length > 0) word_ |= bits << (64 - after);
      used_ = after;
      return;
    }
    used_ = after - 64;
    store(word_ | bits >> used_);
    word_ = used_ > 0 ? bits << (64 - used_) : 0;
  }
  void copy(const uint8_t* base, uint64_t from, uint64_t to) noexcept {
    if (used_ == 0) {
      for (; to - from >= 64; from += 64) store(word_at(base, from));
    } else {
      uint64_t carry = word_;
      const int used = used_;
      for (; to - from >= 64; from += 64) {
        const uint64_t word = word_at(base, from);
        store(carry | word >> used);
        carry = word << (64 - used);
      }
      word_ = carry;
    }
    if (from < to) {
      const auto rest = static_cast<int>(to - from);
      put(word_at(base, from) >> (64 - rest), rest);
    }
  }
  // Bits put in quick succession, of a sink that is plain: its state at hand, and no branches.
  // reserve_bits first; done() hands the state back.
  class Pen {
   public:
    explicit Pen(BitSink& sink) noexcept
        : sink_(sink), to_(sink.bytes_.data() + sink.size_), word_(sink.word_), used_(sink.used_) {
      static_assert(!kStuffed);
      flush();
    }
    // 1 to 56 bits, as put.
    void put(uint64_t bits, int length) noexcept {
      word_ |= bits << (64 - used_ - length);
      used_ += length;
      flush();
    }
    uint64_t bits() const noexcept {
      return static_cast<uint64_t>(to_ - sink_.bytes_.data()) * 8 + static_cast<uint64_t>(used_);
    }
    void done() noexcept {
      sink_.size_ = static_cast<size_t>(to_ - sink_.bytes_.data());
      sink_.word_ = word_;
      sink_.used_ = used_;
    }

   private:
    void flush() noexcept {
      uint64_t word = word_;
      if constexpr (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__) word = __builtin_bswap64(word);
      std::memcpy(to_, &word, sizeof word);
      to_ += used_ >> 3;
      word_ <<= used_ & 56;
      used_ &= 7;
    }
    BitSink& sink_;
    uint8_t* to_;
    uint64_t word_;
    int used_;
  };

  // Ends the bits on a byte, filled up with ones (T.81 F.1.2.3).
  void finish() {
    reserve_bits(64);
    const int fill = (8 - used_ % 8) % 8;
    put((uint64_t{1} << fill) - 1, fill);
    for (; used_ > 0; used_ -= 8, word_ <<= 8) byte(static_cast<uint8_t>(word_ >> 56));
    word_ = 0;
  }

 private:
  void reserve(size_t n) {
    const size_t want = size_ + n;
    if (want > bytes_.size()) bytes_.resize(want + want / 2);
  }
  void byte(uint8_t value) noexcept {
    bytes_[size_++] = value;
    if (kStuffed && value == 0xFF) bytes_[size_++] = 0;
  }
  void store(uint64_t word) noexcept {
    // Whether a byte is 0xFF: a zero byte of the complement.
    constexpr uint64_t ones = 0x0101010101010101ULL;
    if (!kStuffed || ((~word - ones) & word & (ones << 7)) == 0) [[likely]] {
      if constexpr (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__) word = __builtin_bswap64(word);
      std::memcpy(bytes_.data() + size_, &word, sizeof word);
      size_ += 8;
      return;
    }
    for (int shift = 56; shift >= 0; shift -= 8) byte(static_cast<uint8_t>(word >> shift));
  }

  std::vector<uint8_t> bytes_;
  size_t size_ = 0;
  uint64_t word_ = 0;  // left-aligned
  int used_ = 0;       // bits in it, below 64
};

}  // namespace fl
