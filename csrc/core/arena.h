// Work memory that somebody else owns, given out piece by piece: what a computation needs is
// claimed first without memory, to learn its size, and then with it. Freestanding.
#pragma once

#include <cstddef>
#include <cstdint>

namespace fl {

class Arena {
 public:
  // Measures: every piece is null.
  Arena() noexcept = default;
  // pre: memory holds what measuring came to; it may have any alignment and hold anything.
  explicit Arena(void* memory) noexcept
      : next_(static_cast<uint8_t*>(memory) +
              (kAlignment - reinterpret_cast<uintptr_t>(memory) % kAlignment) % kAlignment) {}

  bool measures() const noexcept { return next_ == nullptr; }

  template <typename T>
  T* take(uint64_t n) noexcept {
    const uint64_t bytes = (n * sizeof(T) + kAlignment - 1) / kAlignment * kAlignment;
    size_ += bytes;
    if (measures()) return nullptr;
    uint8_t* piece = next_;
    next_ += static_cast<size_t>(bytes);
    return reinterpret_cast<T*>(piece);
  }

  // Of memory that holds all that was taken, wherever it begins.
  uint64_t size() const noexcept { return size_ + kAlignment - 1; }

 private:
  static constexpr size_t kAlignment = 16;

  uint8_t* next_ = nullptr;
  uint64_t size_ = 0;
};

}  // namespace fl
