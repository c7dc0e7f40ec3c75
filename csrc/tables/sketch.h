// Quantile sketches: how many numbers of a group share sign, exponent and the first bits of
// the mantissa, and the extremes of those. Whole numbers that only add up, and extremes:
// merging cannot depend on the order.
#pragma once

#include "tables/axis.h"

namespace fl {

class Sketch {
 public:
  explicit Sketch(int32_t bits);

  int32_t bits() const noexcept { return bits_; }
  void fill(const Grid& grid, const fl_column& value);
  void add(const fl_sketch_entry& entry);
  // Sorted by group and key.
  std::vector<fl_sketch_entry> entries() const;
  int64_t size() const noexcept { return used_; }
  // The greatest key of numbers with that many bits of mantissa, which is infinity's.
  static int32_t greatest_key(int32_t bits) noexcept { return (0x7FF << bits) + 1; }

 private:
  struct Slot {
    uint64_t code;  // group and key; kEmpty when the slot is free
    int64_t count;
    double min, max;
  };
  static const Slot kFree;
  void make_room(int64_t more);
  Slot& slot_of(uint64_t code) noexcept;

  int32_t bits_;
  int64_t used_ = 0;
  std::vector<Slot> slots_;  // open addressing, a power of two
};

}  // namespace fl
