// Long arrays in huge pages, where the system gives them on request: arrays that are read out of
// order then miss the page tables less, and new ones are not faulted in four kilobytes at a time.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <limits>
#include <new>
#include <vector>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace fl {

template <typename T>
struct BigPages {
  using value_type = T;

  static constexpr size_t kPage = size_t{2} << 20;
  static constexpr size_t kBig = kPage;  // bytes; shorter arrays are like all others

  BigPages() noexcept = default;
  template <typename U>
  BigPages(const BigPages<U>&) noexcept {}

  T* allocate(size_t n) {
    if (n > (std::numeric_limits<size_t>::max() - kPage) / sizeof(T)) {
      throw std::bad_array_new_length();
    }
    if (n * sizeof(T) < kBig) return static_cast<T*>(::operator new(n * sizeof(T)));
    const size_t bytes = (n * sizeof(T) + kPage - 1) / kPage * kPage;
    void* memory = std::aligned_alloc(kPage, bytes);
    if (memory == nullptr) throw std::bad_alloc();
#if defined(__linux__)
    madvise(memory, bytes, MADV_HUGEPAGE);  // a wish: small pages serve as well
#endif
    return static_cast<T*>(memory);
  }
  void deallocate(T* memory, size_t n) noexcept {
    if (n * sizeof(T) < kBig) {
      ::operator delete(memory);
    } else {
      std::free(memory);
    }
  }

  template <typename U>
  bool operator==(const BigPages<U>&) const noexcept {
    return true;
  }
};

template <typename T>
using BigVector = std::vector<T, BigPages<T>>;

// Of arrays read in an order that jumps, what is read this many steps later is asked for now.
inline constexpr size_t kAhead = 16;

// The place `order` jumps to kAhead steps after k, or to at its end.
template <typename Order>
size_t place_ahead(const Order& order, size_t k) noexcept {
  return static_cast<size_t>(order[k + kAhead < order.size() ? k + kAhead : order.size() - 1]);
}

}  // namespace fl
