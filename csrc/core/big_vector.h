// Long arrays in huge pages, where the system gives them on request: arrays that are read out of
// order then miss the page tables less, and new ones are not faulted in four kilobytes at a time.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <limits>
#include <new>
#include <utility>
#include <vector>

#if defined(__linux__) && !defined(FL_PROFILE_EDGE)
#include <sys/mman.h>
#endif

namespace fl {

#if defined(FL_PROFILE_EDGE)

// A device has no such arrays, and perhaps no pages.
struct BigPagesKept {
  BigPagesKept() noexcept {}
};
template <typename T>
using BigVector = std::vector<T>;

#else

// While one lives, what long arrays of its thread give back is kept for the next of them: pages
// are not given to the system and fetched again, zeroed, from one step of a call to the next.
class BigPagesKept {
 public:
  BigPagesKept() noexcept : before_(mine()) { mine() = this; }
  ~BigPagesKept() {
    mine() = before_;
    for (const Block& block : blocks_) std::free(block.memory);
  }
  BigPagesKept(const BigPagesKept&) = delete;
  BigPagesKept& operator=(const BigPagesKept&) = delete;

  // The innermost of this thread, or null.
  static BigPagesKept*& mine() noexcept {
    thread_local BigPagesKept* kept = nullptr;
    return kept;
  }

  // The smallest block that is long enough and not twice as long as asked for.
  void* take(size_t bytes) noexcept {
    Block* best = nullptr;
    for (Block& block : blocks_) {
      if (block.memory != nullptr && block.bytes >= bytes && block.bytes <= 2 * bytes &&
          (best == nullptr || block.bytes < best->bytes)) {
        best = &block;
      }
    }
    if (best == nullptr) return nullptr;
    return std::exchange(best->memory, nullptr);
  }

  // False where no more are kept.
  bool keep(void* memory, size_t bytes) noexcept {
    for (Block& block : blocks_) {
      if (block.memory != nullptr) continue;
      block = {memory, bytes};
      return true;
    }
    return false;
  }

 private:
  struct Block {
    void* memory = nullptr;
    size_t bytes = 0;
  };
  Block blocks_[16];
  BigPagesKept* before_;
};

template <typename T>
struct BigPages {
  using value_type = T;

  static constexpr size_t kPage = size_t{2} << 20;
  static constexpr size_t kBig = kPage;  // bytes; shorter arrays are like all others
  // Plain operator new knows of 16 bytes only, and entries may be a cache line each.
  static constexpr std::align_val_t kAligned{alignof(T) > __STDCPP_DEFAULT_NEW_ALIGNMENT__
                                                 ? alignof(T)
                                                 : __STDCPP_DEFAULT_NEW_ALIGNMENT__};

  BigPages() noexcept = default;
  template <typename U>
  BigPages(const BigPages<U>&) noexcept {}

  T* allocate(size_t n) {
    if (n > (std::numeric_limits<size_t>::max() - kPage) / sizeof(T)) {
      throw std::bad_array_new_length();
    }
    if (n * sizeof(T) < kBig) return static_cast<T*>(::operator new(n * sizeof(T), kAligned));
    const size_t bytes = long_of(n);
    if (BigPagesKept* kept = BigPagesKept::mine()) {
      if (void* memory = kept->take(bytes)) return static_cast<T*>(memory);
    }
    void* memory = std::aligned_alloc(kPage, bytes);
    if (memory == nullptr) throw std::bad_alloc();
#if defined(__linux__)
    madvise(memory, bytes, MADV_HUGEPAGE);  // a wish: small pages serve as well
#endif
    return static_cast<T*>(memory);
  }
  void deallocate(T* memory, size_t n) noexcept {
    if (n * sizeof(T) < kBig) {
      ::operator delete(memory, kAligned);
    } else {
      BigPagesKept* kept = BigPagesKept::mine();
      if (kept == nullptr || !kept->keep(memory, long_of(n))) std::free(memory);
    }
  }

  static constexpr size_t long_of(size_t n) noexcept {
    return (n * sizeof(T) + kPage - 1) / kPage * kPage;
  }

  template <typename U>
  bool operator==(const BigPages<U>&) const noexcept {
    return true;
  }
};

template <typename T>
using BigVector = std::vector<T, BigPages<T>>;

#endif

// Of arrays read in an order that jumps, what is read this many steps later is asked for now.
inline constexpr size_t kAhead = 16;

// The place `order` jumps to kAhead steps after k, or to at its end.
template <typename Order>
size_t place_ahead(const Order& order, size_t k) noexcept {
  return static_cast<size_t>(order[k + kAhead < order.size() ? k + kAhead : order.size() - 1]);
}

}  // namespace fl
