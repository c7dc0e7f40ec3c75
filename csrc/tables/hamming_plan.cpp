#include "tables/hamming_plan.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "core/big_vector.h"

namespace fl {
namespace {

constexpr int32_t kHashBits = 64;
// A table of more buckets falls out of the cache, and is mostly empty.
constexpr int32_t kMostBits = 22;
constexpr int64_t kMostNeighbours = 1 << 14;
constexpr int64_t kSample = 1 << 15;  // hashes that the cost is estimated from
constexpr int64_t kProbes = 512;      // of them, with all their buckets
// Nanoseconds, roughly: of a bucket that is looked up, of a pair that is compared, of a hash
// that is sorted into buckets.
constexpr double kLookup = 2.5;
constexpr double kCompare = 0.3;
constexpr double kSort = 25;

int64_t neighbours(int32_t bits, int32_t radius) noexcept {
  double sum = 0;
  double term = 1;
  for (int32_t k = 0; k <= std::min(radius, bits); ++k) {
    sum += term;
    term = term * (bits - k) / (k + 1);
  }
  return sum > 9e18 ? std::numeric_limits<int64_t>::max() : static_cast<int64_t>(sum + 0.5);
}

// Bits that differ anywhere, those that split the hashes best first, and how well each does: minus
// the logarithm of the chance that two hashes agree in it.
struct Bits {
  std::vector<int32_t> order;
  std::vector<double> weight;
};

Bits telling_bits(const uint64_t* hashes, int64_t n) {
  int64_t set[kHashBits] = {};
  for (int64_t i = 0; i < n; ++i) {
    for (int32_t b = 0; b < kHashBits; ++b) set[b] += static_cast<int64_t>((hashes[i] >> b) & 1);
  }
  Bits out{{}, std::vector<double>(kHashBits, 0.0)};
  for (int32_t b = 0; b < kHashBits; ++b) {
    if (set[b] == 0 || set[b] == n) continue;
    const double p = static_cast<double>(set[b]) / static_cast<double>(n);
    out.weight[static_cast<size_t>(b)] = -std::log2(p * p + (1 - p) * (1 - p));
    out.order.push_back(b);
  }
  std::stable_sort(out.order.begin(), out.order.end(), [&](int32_t a, int32_t b) {
    return out.weight[static_cast<size_t>(a)] > out.weight[static_cast<size_t>(b)];
  });
  return out;
}

struct Deal {
  std::vector<HashBlock> blocks;
  std::vector<int32_t> order;  // bit of the hash that comes to each place
};

// Bits are dealt so that all blocks tell hashes apart equally well.
Deal deal(const Bits& bits, int32_t count, int32_t distance) {
  const auto m = static_cast<size_t>(count);
  const size_t most = (bits.order.size() + m - 1) / m;
  std::vector<std::vector<int32_t>> hands(m);
  std::vector<double> sums(m, 0.0);
  for (const int32_t bit : bits.order) {
    size_t best = m;
    for (size_t k = 0; k < m; ++k) {
      if (hands[k].size() < most && (best == m || sums[k] < sums[best])) best = k;
    }
    hands[best].push_back(bit);
    sums[best] += bits.weight[static_cast<size_t>(bit)];
  }
  Deal out;
  int32_t shift = 0;
  for (size_t k = 0; k < m; ++k) {
    const auto width = static_cast<int32_t>(hands[k].size());
    const bool wider = static_cast<int32_t>(k) < (distance + 1) % count;
    out.blocks.push_back({shift, width, (distance + 1) / count - (wider ? 0 : 1)});
    out.order.insert(out.order.end(), hands[k].begin(), hands[k].end());
    shift += width;
  }
  return out;
}

uint64_t moved(uint64_t hash, const std::vector<int32_t>& order) noexcept {
  uint64_t out = 0;
  for (size_t k = 0; k < order.size(); ++k) out |= ((hash >> order[k]) & 1) << k;
  return out;
}

// What a search by these blocks would take, in nanoseconds.
double cost_of(const Deal& dealt, const std::vector<uint64_t>& sample, int64_t n) {
  std::vector<uint64_t> hashes(sample.size());
  for (size_t i = 0; i < sample.size(); ++i) hashes[i] = moved(sample[i], dealt.order);
  const auto total = static_cast<double>(n);
  const auto seen = static_cast<double>(sample.size());
  const size_t step = std::max<size_t>(1, sample.size() / kProbes);
  double cost = 0;
  std::vector<uint32_t> counts;
  for (const HashBlock& block : dealt.blocks) {
    const std::vector<uint32_t> masks = near_zero(block.bits, block.radius);
    counts.assign(size_t{1} << block.bits, 0);
    for (const uint64_t hash : hashes) ++counts[block.value(hash)];
    double near = 0;
    double probes = 0;
    for (size_t i = 0; i < hashes.size(); i += step, ++probes) {
      const uint32_t value = block.value(hashes[i]);
      for (const uint32_t mask : masks) near += counts[value ^ mask];
      near -= 1;  // itself
    }
    const double pairs = near / (probes * std::max(seen - 1, 1.0)) * total * total / 2;
    const double filled = std::min(total, std::ldexp(1.0, block.bits));
    cost += filled * static_cast<double>(masks.size()) / 2 * kLookup + pairs * kCompare +
            total * kSort;
  }
  return cost;
}

}  // namespace

std::vector<uint32_t> near_zero(int32_t bits, int32_t radius) {
  std::vector<uint32_t> out = {0};
  size_t from = 0;
  for (int32_t k = 0; k < std::min(radius, bits); ++k) {
    const size_t to = out.size();
    for (size_t i = from; i < to; ++i) {
      // One bit more, above the highest, so that each number comes once.
      const int32_t first = out[i] == 0 ? 0 : 32 - __builtin_clz(out[i]);
      for (int32_t b = first; b < bits; ++b) out.push_back(out[i] | (1U << b));
    }
    from = to;
  }
  return out;
}

HashPlan::HashPlan(const uint64_t* hashes, int64_t n, int32_t distance) {
  std::vector<uint64_t> sample;
  const int64_t step = std::max<int64_t>(1, n / kSample);
  for (int64_t i = 0; i < n; i += step) sample.push_back(hashes[i]);
  // Over all hashes: a bit that is equal in a sample need not be equal in all.
  const Bits bits = telling_bits(hashes, n);
  const auto telling = static_cast<int32_t>(bits.order.size());

  // Every pair: one bucket for all.
  Deal best = {{{0, 0, 0}}, bits.order};
  double least = static_cast<double>(n) * static_cast<double>(n) / 2 * kCompare;
  const auto at_least = std::max(1, (telling + kMostBits - 1) / kMostBits);
  for (int32_t count = at_least; count <= std::min({distance + 1, telling, kHashBits}); ++count) {
    const int32_t widest = (telling + count - 1) / count;
    if (neighbours(widest, (distance + count) / count - 1) > kMostNeighbours) continue;
    Deal dealt = deal(bits, count, distance);
    const double cost = cost_of(dealt, sample, n);
    if (cost < least) {
      least = cost;
      best = std::move(dealt);
    }
  }
  blocks_ = best.blocks;
  bits_ = telling;
  set_places(best.order);
}

void HashPlan::set_places(const std::vector<int32_t>& order) {
  for (auto& table : places_) std::fill(std::begin(table), std::end(table), 0);
  for (size_t place = 0; place < order.size(); ++place) {
    auto& table = places_[order[place] / 8];
    for (uint32_t byte = 0; byte < 256; ++byte) {
      if ((byte >> (order[place] % 8) & 1U) != 0) table[byte] |= uint64_t{1} << place;
    }
  }
}

}  // namespace fl
