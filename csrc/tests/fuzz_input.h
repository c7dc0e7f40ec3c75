// What the fuzzer of the C ABI makes of its bytes: numbers, and arrays of exactly their extent.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <initializer_list>
#include <limits>
#include <vector>

#include "fastlabel/fastlabel.h"

namespace fuzz {

// Choices out of the fuzzer's bytes; zeros when they are used up.
class Input {
 public:
  Input(const uint8_t* data, size_t size) noexcept : at_(data), end_(data + size) {}

  uint8_t byte() noexcept { return at_ < end_ ? *at_++ : uint8_t{0}; }
  int64_t below(int64_t n) noexcept { return (byte() + 256 * byte()) % n; }
  // Mostly ordinary, now and then far out.
  int64_t whole(int64_t low, int64_t high) noexcept {
    static constexpr int64_t kOdd[] = {-1, 0, INT32_MIN, INT32_MAX, INT64_MIN, INT64_MAX};
    if (byte() == 255) return kOdd[below(6)];
    return low + below(high - low + 1);
  }
  int32_t choice(int32_t low, int32_t high) noexcept {
    return static_cast<int32_t>(whole(low, high));
  }
  double number() noexcept {
    static constexpr double kOdd[] = {0.0, -0.0, 1.0, 5e-324, -1e-310, 1e200, -1e300,
                                      std::numeric_limits<double>::max(),
                                      std::numeric_limits<double>::infinity(),
                                      -std::numeric_limits<double>::infinity(),
                                      std::numeric_limits<double>::quiet_NaN(), 2147483648.0,
                                      9.3e18};
    const uint8_t kind = byte();
    if (kind < 200) return static_cast<double>(byte()) + kind / 8.0;
    return kind < 240 ? kOdd[below(13)] : -static_cast<double>(byte()) / 3;
  }
  double share() noexcept { return byte() < 250 ? byte() / 255.0 : number(); }
  void fill(void* to, size_t n) noexcept {
    auto* bytes = static_cast<uint8_t*>(to);
    const uint8_t seed = byte();
    for (size_t k = 0; k < n; ++k) {
      bytes[k] = at_ < end_ ? *at_++ : static_cast<uint8_t>(seed * (k + 7));
    }
  }

 private:
  const uint8_t* at_;
  const uint8_t* end_;
};

struct Axis {
  int64_t length;
  int64_t stride;
};

// An array in a block of exactly its own extent.
class Array {
 public:
  // Axes from the slowest to the fastest; elements side by side, spread out, or backwards.
  Array(Input& in, std::initializer_list<int64_t> lengths, int64_t element, bool apart) {
    int64_t step = element;
    axes_.reserve(lengths.size());
    for (const int64_t length : lengths) axes_.push_back({length, 0});
    for (size_t k = axes_.size(); k-- > 0;) {
      const uint8_t how = in.byte();
      if (how > 200) step += in.below(9);
      axes_[k].stride = how % 4 == 3 ? -step : step;
      if (!apart && how == 255) axes_[k].stride = 0;
      step *= std::max<int64_t>(1, axes_[k].length);
    }
    int64_t low = 0;
    int64_t high = element;
    bool none = false;
    for (const Axis& axis : axes_) {
      none = none || axis.length == 0;
      const int64_t reach = (axis.length - 1) * axis.stride;
      (reach < 0 ? low : high) += reach;
    }
    if (none) return;
    block_.reset(static_cast<uint8_t*>(std::malloc(static_cast<size_t>(high - low))), high - low);
    first_ = block_.data - low;
  }
  uint8_t* first() const noexcept { return first_; }
  int64_t stride(size_t k) const noexcept { return axes_[k].stride; }
  void random(Input& in) { in.fill(block_.data, static_cast<size_t>(block_.size)); }
  template <typename T>
  void numbers(Input& in) {
    if (first_ == nullptr) return;
    for (int64_t i = 0; i < axes_[0].length; ++i) {
      for (int64_t k = 0; k < axes_[1].length; ++k) {
        const auto value = static_cast<T>(in.number());
        std::memcpy(first_ + i * axes_[0].stride + k * axes_[1].stride, &value, sizeof value);
      }
    }
  }

 private:
  struct Block {
    uint8_t* data = nullptr;
    int64_t size = 0;
    Block() = default;
    Block(const Block&) = delete;
    Block& operator=(const Block&) = delete;
    ~Block() { std::free(data); }
    void reset(uint8_t* to, int64_t n) noexcept {
      data = to;
      size = n;
    }
  };
  std::vector<Axis> axes_;
  Block block_;
  uint8_t* first_ = nullptr;
};

// Boxes of any numbers, strides and convention.
struct Boxes {
  Boxes(Input& in, int64_t n, int32_t dtype)
      : array(in, {n, 4}, dtype == FL_FLOAT32 ? 4 : 8, false) {
    if (dtype == FL_FLOAT32) {
      array.numbers<float>(in);
    } else {
      array.numbers<double>(in);
    }
    view = {array.first(), n, array.stride(0), array.stride(1), dtype, in.choice(0, 2)};
  }
  Array array;
  fl_boxes view;
};

}  // namespace fuzz
