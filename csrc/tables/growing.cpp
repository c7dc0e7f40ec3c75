#include "tables/growing.h"

#include <algorithm>
#include <cstdlib>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace fl {

namespace {

constexpr size_t kHeader = 64;
// From here on a block has pages of its own.
constexpr size_t kLong = size_t{1} << 18;
constexpr size_t kPage = 4096;
// From here on it asks for huge ones.
constexpr size_t kHuge = size_t{8} << 20;

struct Header {
  size_t bytes;  // of the whole block
  bool mapped;
};

Header* header_of(void* block) noexcept {
  return reinterpret_cast<Header*>(static_cast<char*>(block) - kHeader);
}

void* begin(void* memory, size_t bytes, bool mapped) noexcept {
  *static_cast<Header*>(memory) = {bytes, mapped};
  return static_cast<char*>(memory) + kHeader;
}

#if defined(__linux__)
// Pages of two megabytes, where the system gives them on request, are fetched once in place of
// 512 times. A wish: small ones serve as well.
void wish_for_huge_pages(void* memory, size_t bytes) noexcept {
#if defined(MADV_HUGEPAGE)
  if (bytes >= kHuge) ::madvise(memory, bytes, MADV_HUGEPAGE);
#endif
}
#endif

void* new_block(size_t bytes) noexcept {
#if defined(__linux__)
  if (bytes >= kLong) {
    void* memory =
        ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return nullptr;
    wish_for_huge_pages(memory, bytes);
    return begin(memory, bytes, true);
  }
#endif
  void* memory = std::aligned_alloc(kHeader, (bytes + kHeader - 1) / kHeader * kHeader);
  return memory == nullptr ? nullptr : begin(memory, bytes, false);
}

}  // namespace

void* resize_block(void* block, size_t bytes) noexcept {
  if (bytes > SIZE_MAX - kHeader - kPage) return nullptr;
  bytes += kHeader;
  if (bytes >= kLong) bytes = (bytes + kPage - 1) / kPage * kPage;
  if (block == nullptr) return new_block(bytes);
  Header* header = header_of(block);
#if defined(__linux__)
  if (header->mapped && bytes >= kLong) {
    const size_t header_bytes = header->bytes;
    void* memory = ::mremap(header, header_bytes, bytes, MREMAP_MAYMOVE);
    if (memory == MAP_FAILED) return nullptr;
    if (bytes > header_bytes) wish_for_huge_pages(memory, bytes);
    return begin(memory, bytes, true);
  }
#endif
  void* fresh = new_block(bytes);
  if (fresh == nullptr) return nullptr;
  std::memcpy(fresh, block, std::min(bytes, header->bytes) - kHeader);
  free_block(block);
  return fresh;
}

void free_block(void* block) noexcept {
  if (block == nullptr) return;
  Header* header = header_of(block);
#if defined(__linux__)
  if (header->mapped) {
    ::munmap(header, header->bytes);
    return;
  }
#endif
  std::free(header);
}

void Bits::fill(size_t n, bool bit) {
  while (n > 0 && (size_ & 7) != 0) {
    bytes_[size_ >> 3] = static_cast<uint8_t>(bytes_[size_ >> 3] | (bit << (size_ & 7)));
    ++size_;
    --n;
  }
  if (n == 0) return;
  bytes_.fill((n + 7) / 8, bit ? 0xff : 0);
  size_ += n;
  if (bit && (size_ & 7) != 0) {
    bytes_[size_ >> 3] = static_cast<uint8_t>((1 << (size_ & 7)) - 1);
  }
}

void Bits::append(const Bits& other) {
  const size_t shift = size_ & 7;
  if (shift == 0) {
    bytes_.append(other.bytes_.data(), other.bytes_.size());
    size_ += other.size_;
    return;
  }
  size_ += other.size_;
  for (size_t k = 0; k < other.bytes_.size(); ++k) {
    const unsigned byte = other.bytes_[k];
    bytes_[bytes_.size() - 1] =
        static_cast<uint8_t>(bytes_[bytes_.size() - 1] | (byte << shift));
    bytes_.push(static_cast<uint8_t>(byte >> (8 - shift)));
  }
  bytes_.cut((size_ + 7) / 8);
}

void Texts::push_nulls(size_t n) {
  if (!last_.has_null) {
    last_.has_null = true;
    last_.valid.fill(last_.rows, true);
  }
  last_.offsets.fill(n, static_cast<int32_t>(last_.bytes.size()));
  last_.valid.fill(n, false);
  last_.rows += n;
  rows_ += n;
}

void Texts::append(size_t rows, const Texts& other) {
  if (other.rows_ == 0) return;
  pad(rows);
  if (last_.rows > 0 && last_.bytes.size() + other.last_.bytes.size() > most_) {
    last_.offsets.push(static_cast<int32_t>(last_.bytes.size()));
    full_.push_back(std::move(last_));
    last_ = Piece();
  }
  const auto base = static_cast<int32_t>(last_.bytes.size());
  const size_t n = other.last_.rows;
  int32_t* to = last_.offsets.room(n);
  const int32_t* from = other.last_.offsets.data();
  for (size_t k = 0; k < n; ++k) to[k] = from[k] + base;
  last_.offsets.add(n);
  last_.bytes.append(other.last_.bytes.data(), other.last_.bytes.size());
  if (other.last_.has_null || last_.has_null) {
    if (!last_.has_null) {
      last_.has_null = true;
      last_.valid.fill(last_.rows, true);
    }
    if (other.last_.has_null) {
      last_.valid.append(other.last_.valid);
    } else {
      last_.valid.fill(n, true);
    }
  }
  last_.rows += n;
  rows_ += n;
}

void Texts::clear() noexcept {
  rows_ = 0;
  full_.clear();
  last_.rows = 0;
  last_.offsets.clear();
  last_.bytes.clear();
  last_.valid.clear();
  last_.has_null = false;
}

}  // namespace fl
