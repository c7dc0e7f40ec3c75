#include "tables/hamming.h"

#include <algorithm>
#include <atomic>
#include <bit>
#include <memory>
#include <mutex>
#include <new>
#include <numeric>
#include <vector>

#include "core/threads.h"
#include "tables/hamming_kernels.h"
#include "tables/hamming_plan.h"

namespace fl {
namespace {

using Hashes = BigVector<uint64_t>;
using Rows = BigVector<uint32_t>;

constexpr int64_t kTileRows = 16;
constexpr int64_t kTileColumns = 256;
// Rows of one bucket that are one piece of work, and pieces that a thread takes at a time.
constexpr int64_t kSlice = 1024;
constexpr int64_t kPieces = 64;
// Fewer hashes are not worth a second thread.
constexpr int64_t kFew = 4096;

int64_t threads_for(int32_t wanted, int64_t n) noexcept {
  return n < kFew ? 1 : worker_count(wanted);
}

struct Numbered {
  uint64_t hash;
  uint32_t row;

  bool operator<(const Numbered& other) const noexcept {
    return hash != other.hash ? hash < other.hash : row < other.row;
  }
};

// The distinct hashes, rising, and the rows of each.
struct Distinct {
  Hashes hashes;
  Rows rows;    // by hash, rising within one
  Rows starts;  // of each hash in rows, and the end

  Distinct(const uint64_t* all, int64_t n) : rows(static_cast<size_t>(n)) {
    BigVector<Numbered> sorted(static_cast<size_t>(n));
    for (size_t k = 0; k < sorted.size(); ++k) sorted[k] = {all[k], static_cast<uint32_t>(k)};
    std::sort(sorted.begin(), sorted.end());
    for (size_t k = 0; k < sorted.size(); ++k) {
      rows[k] = sorted[k].row;
      if (k > 0 && sorted[k].hash == sorted[k - 1].hash) continue;
      hashes.push_back(sorted[k].hash);
      starts.push_back(static_cast<uint32_t>(k));
    }
    starts.push_back(static_cast<uint32_t>(n));
  }

  int64_t size() const noexcept { return static_cast<int64_t>(hashes.size()); }
  int64_t copies(size_t u) const noexcept { return int64_t{starts[u + 1]} - starts[u]; }
};

// Hashes by the value of one block.
struct Buckets {
  Hashes hashes;
  Rows ids;
  Rows starts;  // of each value, and the end
  struct Piece {
    uint32_t value;
    int64_t first, last;  // places in hashes and ids
  };
  std::vector<Piece> pieces;  // of all that is there

  // Hashes of one value stay in the order given.
  void fill(const Hashes& all, const Rows& order, const HashBlock& block) {
    const size_t values = size_t{1} << block.bits;
    starts.assign(values + 1, 0);
    for (const uint32_t id : order) ++starts[block.value(all[id]) + 1];
    for (size_t v = 0; v < values; ++v) starts[v + 1] += starts[v];
    hashes.resize(all.size());
    ids.resize(all.size());
    Rows next(starts.begin(), starts.end() - 1);
    for (const uint32_t id : order) {
      const uint32_t at = next[block.value(all[id])]++;
      hashes[at] = all[id];
      ids[at] = id;
    }
    pieces.clear();
    for (size_t v = 0; v < values; ++v) {
      for (int64_t at = starts[v]; at < int64_t{starts[v + 1]}; at += kSlice) {
        const int64_t last = std::min<int64_t>(at + kSlice, starts[v + 1]);
        pieces.push_back({static_cast<uint32_t>(v), at, last});
      }
    }
  }
};

// Compares the hashes of two ranges of places. A visitor may skip tiles, gets the places of those
// that are near, and ends the search by returning false; finish() comes at the end of all.
template <typename Visitor>
class Comparer {
 public:
  Comparer(const Buckets& buckets, int32_t distance, Visitor& visitor)
      : buckets_(buckets), distance_(distance), visitor_(visitor),
        found_(static_cast<size_t>(kTileRows * kTileColumns)) {}

  bool between(int64_t a, int64_t a_end, int64_t b, int64_t b_end) {
    for (int64_t i = a; i < a_end;) {
      const int64_t i_end = tile_end(i, kTileRows, a_end);
      for (int64_t j = b; j < b_end;) {
        const int64_t j_end = tile_end(j, kTileColumns, b_end);
        if (!tile(i, i_end, j, j_end)) return false;
        j = j_end;
      }
      i = i_end;
    }
    return true;
  }

  // The rows a .. a_end with those that come after each, up to end.
  bool within(int64_t a, int64_t a_end, int64_t end) {
    for (int64_t i = a; i < a_end;) {
      const int64_t i_end = tile_end(i, kTileRows, a_end);
      for (int64_t k = i; k + 1 < i_end; ++k) {
        if (!tile(k, k + 1, k + 1, i_end)) return false;
      }
      if (!between(i, i_end, i_end, end)) return false;
      i = i_end;
    }
    return true;
  }

 private:
  // Tiles end at multiples of their size, so that none lies in two cells of a visitor.
  static int64_t tile_end(int64_t at, int64_t size, int64_t end) noexcept {
    return std::min((at / size + 1) * size, end);
  }

  bool tile(int64_t i, int64_t i_end, int64_t j, int64_t j_end) {
    if (visitor_.skips(i, i_end, j, j_end)) return true;
    const auto columns = static_cast<size_t>(j_end - j);
    const size_t count = kernels_.hamming_block(
        buckets_.hashes.data() + i, static_cast<size_t>(i_end - i), buckets_.hashes.data() + j,
        columns, distance_, found_.data());
    for (size_t k = 0; k < count; ++k) {
      const auto p = static_cast<size_t>(i) + found_[k] / columns;
      const auto q = static_cast<size_t>(j) + found_[k] % columns;
      if (!visitor_.near(p, q)) return false;
    }
    if (count > 0) visitor_.seen(i, j);
    return true;
  }

  const HammingKernels& kernels_ = hamming_kernels();
  const Buckets& buckets_;
  const int32_t distance_;
  Visitor& visitor_;
  std::vector<uint32_t> found_;
};

// All hashes of buckets that are near to each other, against each other. make() gives a visitor
// for each thread.
template <typename Make>
void search(const Buckets& buckets, const HashBlock& block, int32_t distance, int64_t threads,
            Make make) {
  const std::vector<uint32_t> masks = near_zero(block.bits, block.radius);
  const auto pieces = static_cast<int64_t>(buckets.pieces.size());
  std::atomic<int64_t> next{0};
  std::atomic<bool> ended{false};
  on_threads(threads, [&] {
    auto visitor = make();
    Comparer comparer(buckets, distance, visitor);
    const auto compare = [&](const Buckets::Piece& piece) {
      for (const uint32_t mask : masks) {
        const uint32_t other = piece.value ^ mask;
        if (other < piece.value) continue;  // its turn comes from the other side
        const int64_t end = buckets.starts[other + 1];
        const bool on = mask == 0 ? comparer.within(piece.first, piece.last, end)
                                  : comparer.between(piece.first, piece.last,
                                                     buckets.starts[other], end);
        if (!on) return false;
      }
      return true;
    };
    for (int64_t from = next.fetch_add(kPieces); from < pieces && !ended;
         from = next.fetch_add(kPieces)) {
      for (int64_t k = from; k < std::min(from + kPieces, pieces) && !ended; ++k) {
        if (!compare(buckets.pieces[static_cast<size_t>(k)])) ended = true;
      }
    }
    visitor.finish();
  });
}

Hashes rearranged(const Distinct& distinct, const HashPlan& plan) {
  Hashes out(distinct.hashes.size());
  std::transform(distinct.hashes.begin(), distinct.hashes.end(), out.begin(),
                 [&](uint64_t hash) { return plan.rearranged(hash); });
  return out;
}

// Counts pairs of rows up to a limit.
class Budget {
 public:
  explicit Budget(int64_t most) noexcept : most_(most) {}

  // False when there are more than the limit, now or before.
  bool take(int64_t a, int64_t b) noexcept {
    const int64_t pairs = std::min(a * b, most_ - std::min(most_, taken_.load()) + 1);
    return taken_.fetch_add(pairs) + pairs <= most_;
  }
  bool over() const noexcept { return taken_.load() > most_; }

 private:
  const int64_t most_;
  std::atomic<int64_t> taken_{0};
};

// Lists each pair of distinct hashes once: in the first block that it is near in.
class Lister {
 public:
  Lister(const Distinct& distinct, const Buckets& buckets, const std::vector<HashBlock>& blocks,
         size_t block, Budget& budget, HashPairs& out, std::mutex& lock)
      : distinct_(distinct), buckets_(buckets), blocks_(blocks), block_(block), budget_(budget),
        out_(out), lock_(lock) {}

  static bool skips(int64_t, int64_t, int64_t, int64_t) noexcept { return false; }
  static void seen(int64_t, int64_t) noexcept {}

  bool near(size_t p, size_t q) {
    const uint64_t apart = buckets_.hashes[p] ^ buckets_.hashes[q];
    for (size_t k = 0; k < block_; ++k) {
      if (std::popcount(blocks_[k].value(apart)) <= blocks_[k].radius) return true;
    }
    const uint32_t u = std::min(buckets_.ids[p], buckets_.ids[q]);
    const uint32_t v = std::max(buckets_.ids[p], buckets_.ids[q]);
    found_.push_back(uint64_t{u} << 32 | v);
    if (found_.size() == kFlush) finish();
    return budget_.take(distinct_.copies(u), distinct_.copies(v));
  }

  void finish() {
    const std::lock_guard<std::mutex> held(lock_);
    out_.insert(out_.end(), found_.begin(), found_.end());
    found_.clear();
  }

 private:
  static constexpr size_t kFlush = 1 << 16;

  const Distinct& distinct_;
  const Buckets& buckets_;
  const std::vector<HashBlock>& blocks_;
  const size_t block_;
  Budget& budget_;
  HashPairs& out_;
  std::mutex& lock_;
  std::vector<uint64_t> found_;
};

// Sets that grow together, from several threads: a root is always the smallest of its set (R. J.
// Anderson, H. Woll, "Wait-free Parallel Algorithms for the Union-Find Problem", STOC 1991).
class Components {
 public:
  explicit Components(size_t n) : parents_(n) {
    for (size_t i = 0; i < n; ++i) parents_[i].store(static_cast<uint32_t>(i), relaxed);
  }

  uint32_t root(uint32_t x) noexcept {
    for (;;) {
      const uint32_t parent = parents_[x].load(relaxed);
      const uint32_t above = parents_[parent].load(relaxed);
      if (parent == above) return parent;
      parents_[x].store(above, relaxed);  // still above x, whatever the others did
      x = above;
    }
  }

  void join(uint32_t a, uint32_t b) noexcept {
    for (;;) {
      a = root(a);
      b = root(b);
      if (a == b) return;
      if (a < b) std::swap(a, b);
      uint32_t expected = a;
      if (parents_[a].compare_exchange_weak(expected, b, relaxed)) return;
    }
  }

 private:
  static constexpr std::memory_order relaxed = std::memory_order_relaxed;
  std::vector<std::atomic<uint32_t>> parents_;
};

// Which cells of kTileColumns places are known to be of one component, as they stay then.
class Merged {
 public:
  Merged(const Buckets& buckets, Components& components)
      : buckets_(buckets), components_(components),
        known_(buckets.ids.size() / kTileColumns + 1) {}

  bool knows(int64_t at) const noexcept {
    return known_[static_cast<size_t>(at / kTileColumns)].load(std::memory_order_relaxed) != 0;
  }

  void look(int64_t at) noexcept {
    if (knows(at)) return;
    const auto cell = static_cast<size_t>(at / kTileColumns);
    const size_t from = cell * kTileColumns;
    const size_t to = std::min(from + kTileColumns, buckets_.ids.size());
    const uint32_t first = components_.root(buckets_.ids[from]);
    for (size_t k = from + 1; k < to; ++k) {
      if (components_.root(buckets_.ids[k]) != first) return;
    }
    known_[cell].store(1, std::memory_order_relaxed);
  }

 private:
  const Buckets& buckets_;
  Components& components_;
  std::vector<std::atomic<uint8_t>> known_;
};

// Joins what is near, and does not compare what is joined already.
class Joiner {
 public:
  // roots: of each place when its block began; equal ones of a bucket lie side by side.
  Joiner(const Buckets& buckets, const Rows& roots, Components& components, Merged& merged)
      : buckets_(buckets), roots_(roots), components_(components), merged_(merged) {}

  bool skips(int64_t i, int64_t i_end, int64_t j, int64_t j_end) const noexcept {
    return one(i, i_end) && one(j, j_end) && root(i) == root(j);
  }

  bool near(size_t p, size_t q) noexcept {
    components_.join(buckets_.ids[p], buckets_.ids[q]);
    return true;
  }

  // Something was joined in the tile that begins at i and j.
  void seen(int64_t i, int64_t j) noexcept {
    merged_.look(i);
    merged_.look(j);
  }

  void finish() const noexcept {}

 private:
  uint32_t root(int64_t at) const noexcept {
    return components_.root(buckets_.ids[static_cast<size_t>(at)]);
  }
  bool one(int64_t from, int64_t to) const noexcept {
    return roots_[static_cast<size_t>(from)] == roots_[static_cast<size_t>(to - 1)] ||
           merged_.knows(from);
  }

  const Buckets& buckets_;
  const Rows& roots_;
  Components& components_;
  Merged& merged_;
};

// Joins neighbours in the order of the numbers, and of the numbers with their bits turned round:
// what makes most of a dense set one before its pairs are counted in hundreds of billions.
void join_neighbours(const Hashes& all, int32_t bits, int32_t distance, Components& components) {
  constexpr int32_t kTurns = 4;
  const uint64_t kept = bits < 64 ? (uint64_t{1} << bits) - 1 : ~uint64_t{0};
  BigVector<Numbered> turned(all.size());
  for (int32_t turn = 0; turn < kTurns && turn < bits; ++turn) {
    const int32_t by = bits * turn / kTurns;
    for (size_t u = 0; u < turned.size(); ++u) {
      const uint64_t low = by == 0 ? 0 : all[u] >> (bits - by);
      turned[u] = {((all[u] << by) & kept) | low, static_cast<uint32_t>(u)};
    }
    std::sort(turned.begin(), turned.end());
    for (size_t k = 1; k < turned.size(); ++k) {
      if (std::popcount(turned[k - 1].hash ^ turned[k].hash) <= distance) {
        components.join(turned[k - 1].row, turned[k].row);
      }
    }
  }
}

// All ids, those of one component side by side; `of` gets the root of each id.
Rows by_component(Components& components, size_t n, Rows* of) {
  of->resize(n);
  Rows next(n + 1, 0);
  for (size_t u = 0; u < n; ++u) {
    (*of)[u] = components.root(static_cast<uint32_t>(u));
    ++next[(*of)[u] + 1];
  }
  for (size_t u = 0; u < n; ++u) next[u + 1] += next[u];
  Rows order(n);
  for (size_t u = 0; u < n; ++u) order[next[(*of)[u]]++] = static_cast<uint32_t>(u);
  return order;
}

}  // namespace

bool hamming_pairs(const uint64_t* hashes, int64_t n, int32_t distance, int32_t workers,
                   int64_t max_pairs, HashPairs* pairs) {
  pairs->clear();
  const Distinct distinct(hashes, n);
  Budget budget(max_pairs);
  for (size_t u = 0; u < distinct.hashes.size(); ++u) {
    const int64_t copies = distinct.copies(u);
    if (copies > 1 && !budget.take(copies * (copies - 1) / 2, 1)) return false;
  }

  HashPairs near;
  if (distance > 0 && distinct.size() > 1) {
    const HashPlan plan(distinct.hashes.data(), distinct.size(), distance);
    const Hashes all = rearranged(distinct, plan);
    Rows order(all.size());
    std::iota(order.begin(), order.end(), 0U);
    std::mutex lock;
    Buckets buckets;
    for (size_t k = 0; k < plan.blocks().size(); ++k) {
      if (plan.blocks()[k].radius < 0) continue;
      buckets.fill(all, order, plan.blocks()[k]);
      search(buckets, plan.blocks()[k], distance, threads_for(workers, distinct.size()), [&] {
        return Lister(distinct, buckets, plan.blocks(), k, budget, near, lock);
      });
      if (budget.over()) return false;
    }
  }

  const auto rows_of = [&](size_t u) { return distinct.rows.data() + distinct.starts[u]; };
  for (size_t u = 0; u < distinct.hashes.size(); ++u) {
    const uint32_t* rows = rows_of(u);
    for (int64_t i = 0; i < distinct.copies(u); ++i) {
      for (int64_t j = i + 1; j < distinct.copies(u); ++j) {
        pairs->push_back(uint64_t{rows[i]} << 32 | rows[j]);
      }
    }
  }
  for (const uint64_t pair : near) {
    const size_t u = pair >> 32;
    const size_t v = pair & 0xffffffffU;
    for (int64_t i = 0; i < distinct.copies(u); ++i) {
      for (int64_t j = 0; j < distinct.copies(v); ++j) {
        const uint32_t a = rows_of(u)[i];
        const uint32_t b = rows_of(v)[j];
        pairs->push_back(uint64_t{std::min(a, b)} << 32 | std::max(a, b));
      }
    }
  }
  std::sort(pairs->begin(), pairs->end());
  return true;
}

void hamming_clusters(const uint64_t* hashes, int64_t n, int32_t distance, int32_t workers,
                      int64_t* clusters) {
  const Distinct distinct(hashes, n);
  Components components(distinct.hashes.size());
  if (distance > 0 && distinct.size() > 1) {
    const HashPlan plan(distinct.hashes.data(), distinct.size(), distance);
    const Hashes all = rearranged(distinct, plan);
    join_neighbours(all, plan.bits(), distance, components);
    Buckets buckets;
    Rows of;
    Rows roots(all.size());
    for (const HashBlock& block : plan.blocks()) {
      if (block.radius < 0) continue;
      buckets.fill(all, by_component(components, all.size(), &of), block);
      for (size_t at = 0; at < roots.size(); ++at) roots[at] = of[buckets.ids[at]];
      Merged merged(buckets, components);
      search(buckets, block, distance, threads_for(workers, distinct.size()),
             [&] { return Joiner(buckets, roots, components, merged); });
    }
  }
  std::vector<int64_t> first(distinct.hashes.size(), n);
  for (size_t u = 0; u < distinct.hashes.size(); ++u) {
    int64_t& least = first[components.root(static_cast<uint32_t>(u))];
    least = std::min<int64_t>(least, distinct.rows[distinct.starts[u]]);
  }
  for (size_t u = 0; u < distinct.hashes.size(); ++u) {
    const int64_t cluster = first[components.root(static_cast<uint32_t>(u))];
    for (uint32_t k = distinct.starts[u]; k < distinct.starts[u + 1]; ++k) {
      clusters[distinct.rows[k]] = cluster;
    }
  }
}

}  // namespace fl
