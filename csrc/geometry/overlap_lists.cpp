// Boxes are sorted along a Z-shaped curve (Morton 1966) by their centres and packed, eight
// neighbours a block, under a tree of blocks of bounds (packed as Kamel and Faloutsos 1993). Every
// block of boxes asks the tree for the blocks from its own on that it meets, so that each pair is
// measured once.
#include "geometry/overlap_lists.h"

#include <algorithm>
#include <array>
#include <bit>
#include <limits>
#include <utility>

namespace fl {

namespace {

constexpr size_t kWide = 8;
constexpr double kFar = std::numeric_limits<double>::infinity();
// More than this a box, and the search by what is kept is faster.
constexpr size_t kMostPairs = 6;
constexpr size_t kMostBlocks = 16;
constexpr size_t kHeadStart = 256;  // boxes, before that is judged

struct Block {
  double x1[kWide], y1[kWide], x2[kWide], y2[kWide];

  void clear() noexcept {
    std::fill_n(x1, kWide, kFar);
    std::fill_n(y1, kWide, kFar);
    std::fill_n(x2, kWide, -kFar);
    std::fill_n(y2, kWide, -kFar);
  }
  void set(size_t k, const double* b) noexcept {
    x1[k] = b[0];
    y1[k] = b[1];
    x2[k] = b[2];
    y2[k] = b[3];
  }
  void get(size_t k, double* b) const noexcept {
    b[0] = x1[k];
    b[1] = y1[k];
    b[2] = x2[k];
    b[3] = y2[k];
  }
  // One bit for each that meets the box.
  unsigned meeting(const double* b) const noexcept {
    unsigned found = 0;
    for (size_t k = 0; k < kWide; ++k) {
      const bool meets = (x1[k] < b[2]) & (b[0] < x2[k]) & (y1[k] < b[3]) & (b[1] < y2[k]);
      found |= static_cast<unsigned>(meets) << k;
    }
    return found;
  }
  void bounds(double* b) const noexcept {
    b[0] = *std::min_element(x1, x1 + kWide);
    b[1] = *std::min_element(y1, y1 + kWide);
    b[2] = *std::max_element(x2, x2 + kWide);
    b[3] = *std::max_element(y2, y2 + kWide);
  }
};

struct Placed {
  uint32_t key;
  uint32_t place;
};

// The bits of a number below 2^16, each second bit free.
uint32_t spread(uint32_t v) noexcept {
  v = (v | v << 8) & 0x00FF00FFU;
  v = (v | v << 4) & 0x0F0F0F0FU;
  v = (v | v << 2) & 0x33333333U;
  return (v | v << 1) & 0x55555555U;
}

void sort_by_key(BigVector<Placed>* rows) {
  constexpr int kBits = 11;
  constexpr size_t kDigits = size_t{1} << kBits;
  BigVector<Placed> other(rows->size());
  for (int shift = 0; shift < 32; shift += kBits) {
    std::array<uint32_t, kDigits> count{};
    for (const Placed& r : *rows) ++count[r.key >> shift & (kDigits - 1)];
    uint32_t at = 0;
    for (uint32_t& c : count) at += std::exchange(c, at);
    for (const Placed& r : *rows) other[count[r.key >> shift & (kDigits - 1)]++] = r;
    rows->swap(other);
  }
}

class Packed {
 public:
  Packed(const double* boxes, const int64_t* rows, int64_t n) {
    sort(boxes, rows, n);
    levels_.emplace_back(blocks_of(order_.size()));
    area_.resize(order_.size());
    for (Block& block : levels_[0]) block.clear();
    for (size_t i = 0; i < order_.size(); ++i) {
      const size_t later = std::min(i + kAhead, order_.size() - 1);
      __builtin_prefetch(boxes + 4 * rows[order_[later].place]);
      const double* b = boxes + 4 * rows[order_[i].place];
      levels_[0][i / kWide].set(i % kWide, b);
      area_[i] = area_of(b);
    }
    while (levels_.back().size() > 1) {
      const BigVector<Block>& below = levels_.back();
      BigVector<Block> above(blocks_of(below.size()));
      for (Block& block : above) block.clear();
      for (size_t k = 0; k < below.size(); ++k) {
        double b[4];
        below[k].bounds(b);
        above[k / kWide].set(k % kWide, b);
      }
      levels_.push_back(std::move(above));
    }
  }

  // Calls pair(p, q) for places that overlap; false when there are too many.
  template <typename Pair>
  bool each_pair(Overlap overlap, double threshold, Pair pair) const {
    size_t pairs = 0;
    size_t looks = 0;
    for (size_t own = 0; own < levels_[0].size(); ++own) {
      double around[4];
      levels_[0][own].bounds(around);
      visit(around, own, [&](size_t other) {
        looks += pair_blocks(own, other, overlap, threshold, [&](size_t i, size_t j) {
          ++pairs;
          pair(order_[i].place, order_[j].place);
        });
      });
      const size_t done = (own + 1) * kWide + kHeadStart;
      if (pairs > kMostPairs * done || looks > kMostBlocks * done) return false;
    }
    return true;
  }

 private:
  static size_t blocks_of(size_t n) noexcept { return (n + kWide - 1) / kWide; }

  void sort(const double* boxes, const int64_t* rows, int64_t n) {
    // Halves, so that sums and differences stay numbers.
    double low[2] = {kFar, kFar};
    double high[2] = {-kFar, -kFar};
    order_.reserve(static_cast<size_t>(n));
    for (int64_t k = 0; k < n; ++k) {
      __builtin_prefetch(boxes + 4 * rows[std::min(k + static_cast<int64_t>(kAhead), n - 1)]);
      const double* b = boxes + 4 * rows[k];
      if (!measurable(b)) continue;
      order_.push_back({0, static_cast<uint32_t>(k)});
      for (int axis = 0; axis < 2; ++axis) {
        const double c = b[axis] / 4 + b[axis + 2] / 4;
        low[axis] = std::min(low[axis], c);
        high[axis] = std::max(high[axis], c);
      }
    }
    // Of one scale in both directions, so that blocks are about as wide as high.
    const double extent = std::max(high[0] - low[0], high[1] - low[1]);
    const double scale = extent > 0 ? 65535 / extent : 0;
    for (size_t i = 0; i < order_.size(); ++i) {
      __builtin_prefetch(boxes + 4 * rows[order_[std::min(i + kAhead, order_.size() - 1)].place]);
      Placed& r = order_[i];
      const double* b = boxes + 4 * rows[r.place];
      uint32_t at[2];
      for (int axis = 0; axis < 2; ++axis) {
        const double c = (b[axis] / 4 + b[axis + 2] / 4 - low[axis]) * scale;
        at[axis] = c >= 0 && c <= 65535 ? static_cast<uint32_t>(c) : 0;
      }
      r.key = spread(at[0]) | spread(at[1]) << 1;
    }
    sort_by_key(&order_);
  }

  // Blocks of boxes that meet the box, from the first on.
  template <typename Visit>
  void visit(const double* box, size_t first, Visit visit) const {
    struct Open {
      uint32_t level;
      size_t block;
    };
    if (levels_.size() == 1) return visit(size_t{0});
    Open open[kWide * 16];
    size_t count = 0;
    open[count++] = {static_cast<uint32_t>(levels_.size()) - 1, 0};
    while (count > 0) {
      const Open at = open[--count];
      unsigned found = levels_[at.level][at.block].meeting(box);
      for (; found != 0; found &= found - 1) {
        const size_t child = at.block * kWide + static_cast<size_t>(std::countr_zero(found));
        const uint32_t level = at.level - 1;
        if (((child + 1) << 3 * level) <= first) continue;  // all of it came before
        if (level == 0) {
          visit(child);
        } else {
          open[count++] = {level, child};
        }
      }
    }
  }

  // Returns how many blocks were looked at.
  template <typename Pair>
  size_t pair_blocks(size_t own, size_t other, Overlap overlap, double threshold,
                     Pair pair) const {
    const Block& a = levels_[0][own];
    const Block& b = levels_[0][other];
    double around[4];
    b.bounds(around);
    size_t looks = 0;
    for (unsigned near = a.meeting(around); near != 0; near &= near - 1) {
      const auto k = static_cast<size_t>(std::countr_zero(near));
      double p[4];
      a.get(k, p);
      unsigned found = b.meeting(p);
      if (own == other) found &= ~0U << (k + 1);
      ++looks;
      for (; found != 0; found &= found - 1) {
        const auto m = static_cast<size_t>(std::countr_zero(found));
        double q[4];
        b.get(m, q);
        const size_t i = own * kWide + k;
        const size_t j = other * kWide + m;
        if (overlap_of(overlap, p, area_[i], q, area_[j]) > threshold) pair(i, j);
      }
    }
    return looks;
  }

  BigVector<Placed> order_;
  BigVector<double> area_;
  BigVector<BigVector<Block>> levels_;  // boxes, bounds of their blocks, ...
};

}  // namespace

bool find_overlaps(const double* boxes, const int64_t* rows, int64_t n, Overlap overlap,
                   double threshold, OverlapLists* out) {
  struct Link {
    uint32_t worse, better;
  };
  if (n >= INT64_C(1) << 31) return false;
  const Packed packed(boxes, rows, n);
  BigVector<Link> links;
  const bool few = packed.each_pair(overlap, threshold, [&](uint32_t p, uint32_t q) {
    links.push_back({std::max(p, q), std::min(p, q)});
  });
  if (!few) return false;
  out->starts.assign(static_cast<size_t>(n) + 2, 0);
  for (const Link& link : links) ++out->starts[link.worse + 2];
  for (size_t k = 2; k < out->starts.size(); ++k) out->starts[k] += out->starts[k - 1];
  out->before.resize(links.size());
  for (const Link& link : links) out->before[out->starts[link.worse + 1]++] = link.better;
  out->starts.pop_back();
  return true;
}

}  // namespace fl
