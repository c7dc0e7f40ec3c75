#include "tables/sketch.h"

#include <algorithm>
#include <limits>

namespace fl {

namespace {

constexpr uint64_t kEmpty = ~uint64_t{0};
constexpr uint32_t kZeroKey = 0x80000000U;
constexpr int32_t kUnknown = std::numeric_limits<int32_t>::min();

// Sorts as (group, key) do.
uint64_t code_of(int64_t group, int32_t key) noexcept {
  return (static_cast<uint64_t>(group) << 32) | (static_cast<uint32_t>(key) ^ kZeroKey);
}

}  // namespace

const Sketch::Slot Sketch::kFree = {kEmpty, 0, std::numeric_limits<double>::infinity(),
                                    -std::numeric_limits<double>::infinity()};

Sketch::Sketch(int32_t bits) : bits_(bits), slots_(1024, kFree) {}

Sketch::Slot& Sketch::slot_of(uint64_t code) noexcept {
  const size_t mask = slots_.size() - 1;
  // Fibonacci hashing: the high bits of the product are the well mixed ones.
  size_t at = static_cast<size_t>((code * 0x9E3779B97F4A7C15ULL) >> 32) & mask;
  while (slots_[at].code != code && slots_[at].code != kEmpty) at = (at + 1) & mask;
  if (slots_[at].code == kEmpty) {
    slots_[at].code = code;
    ++used_;
  }
  return slots_[at];
}

// Never more than half full, and free of charge until then.
void Sketch::make_room(int64_t more) {
  size_t size = slots_.size();
  while (static_cast<int64_t>(size) < 2 * (used_ + more)) size *= 2;
  if (size == slots_.size()) return;
  std::vector<Slot> old(size, kFree);
  old.swap(slots_);
  used_ = 0;
  for (const Slot& slot : old) {
    if (slot.code != kEmpty) slot_of(slot.code) = slot;
  }
}

void Sketch::fill(const Grid& grid, const fl_column& value) {
  const TableKernels& kernels = table_kernels();
  int32_t flat[kBlockRows];
  int32_t keys[kBlockRows];
  double scratch[kBlockRows];
  for (int64_t at = 0; at < value.n; at += kBlockRows) {
    const auto n = static_cast<size_t>(std::min<int64_t>(kBlockRows, value.n - at));
    grid.cells_of(kernels, at, n, flat);
    const double* x = doubles_of(value, at, n, scratch);
    kernels.sketch_keys(x, n, bits_, keys);
    for_unknown(value, at, n, [&](size_t i) { keys[i] = kUnknown; });
    make_room(static_cast<int64_t>(n));
    for (size_t i = 0; i < n; ++i) {
      if (keys[i] == kUnknown) continue;
      Slot& slot = slot_of(code_of(flat[i], keys[i]));
      const double y = x[i] + 0.0;  // zeros of either sign are one
      ++slot.count;
      slot.min = y < slot.min ? y : slot.min;
      slot.max = y > slot.max ? y : slot.max;
    }
  }
}

void Sketch::add(const fl_sketch_entry& entry) {
  make_room(1);
  Slot& slot = slot_of(code_of(entry.group, entry.key));
  slot.count += entry.count;
  slot.min = entry.min < slot.min ? entry.min : slot.min;
  slot.max = entry.max > slot.max ? entry.max : slot.max;
}

std::vector<fl_sketch_entry> Sketch::entries() const {
  std::vector<Slot> used;
  used.reserve(static_cast<size_t>(used_));
  for (const Slot& slot : slots_) {
    if (slot.code != kEmpty) used.push_back(slot);
  }
  std::sort(used.begin(), used.end(),
            [](const Slot& a, const Slot& b) { return a.code < b.code; });
  std::vector<fl_sketch_entry> out;
  out.reserve(used.size());
  for (const Slot& slot : used) {
    const auto key = static_cast<int32_t>(static_cast<uint32_t>(slot.code) ^ kZeroKey);
    out.push_back(
        {static_cast<int64_t>(slot.code >> 32), key, 0, slot.count, slot.min, slot.max});
  }
  return out;
}

}  // namespace fl
