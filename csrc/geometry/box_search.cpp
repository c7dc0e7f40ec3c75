#include "geometry/box_search.h"

#include <algorithm>
#include <cstring>
#include <type_traits>
#include <vector>

#include "geometry/box_tree.h"

namespace fl {

namespace {

// Below this number of pairs all are compared in some milliseconds.
constexpr int64_t kFewPairs = int64_t{1} << 22;
// Looking a box up costs about as much as comparing this many.
constexpr int64_t kVisit = 32;
constexpr int64_t kSample = 64;

template <typename T>
using IndexOf = std::conditional_t<sizeof(T) == 4, int32_t, int64_t>;

template <typename T>
std::vector<T> corners_of(const BoxSet& set) {
  std::vector<T> corners(static_cast<size_t>(4 * set.n));
  const BoxTarget to = {reinterpret_cast<unsigned char*>(corners.data()), 4 * sizeof(T), sizeof(T)};
  FL_BOX_KERNEL(T, convert)(&set.source, static_cast<size_t>(set.n), FL_XYXY, nullptr, nullptr, 0,
                            &to);
  return corners;
}

// The boxes of b that a box of a meets. The tree only chooses them: the kernels measure, so that
// results have the bits of the search through all.
template <typename T>
class Meeting {
 public:
  Meeting(const BoxSet& a, const BoxSet& b) : n_(a.n), m_(b.n), a_(corners_of<T>(a)) {
    b_ = corners_of<T>(b);
    for (int64_t j = 0; j < m_; ++j) {
      double box[4];
      std::copy_n(&b_[static_cast<size_t>(4 * j)], 4, box);
      if (measurable(box)) tree_.insert(box, j);
    }
  }

  bool pays() {
    int64_t met = 0;
    for (int64_t k = 0; k < kSample; ++k) met += find(k * (n_ - 1) / (kSample - 1));
    return met * kVisit <= m_ * kSample;
  }

  // Calls measure(i, one, first, tile) with box i of a alone and the boxes that it meets, in
  // order, a tile at a time; then done(i).
  template <typename Measure, typename Done>
  void each(Measure measure, Done done) {
    const auto pack = FL_BOX_KERNEL(T, pack);
    alignas(64) T one[kBoxColumns * (1 + kBoxPad)];
    BoxTile<T> tile;
    std::vector<T> met(4 * kTileBoxes<T>);
    for (int64_t i = 0; i < n_; ++i) {
      find(i);
      // Of equals the first is the best.
      std::sort(met_.begin(), met_.end());
      const BoxSource box = source(&a_[static_cast<size_t>(4 * i)]);
      pack(&box, 0, 1, BoxRule::kOverlap, one, 1 + kBoxPad);
      for (size_t k = 0; k == 0 || k < met_.size(); k += kTileBoxes<T>) {
        const size_t width = std::min(kTileBoxes<T>, met_.size() - k);
        for (size_t j = 0; j < width; ++j) {
          std::copy_n(&b_[static_cast<size_t>(4 * met_[k + j])], 4, &met[4 * j]);
        }
        const BoxSource boxes = source(met.data());
        pack(&boxes, 0, width, BoxRule::kOverlap, tile.data, tile.kCapacity);
        measure(BoxColumns<T>{one, 1 + kBoxPad, 1}, k, tile.columns(0, width));
      }
      done(i);
    }
  }

  int64_t met(int64_t k) const noexcept { return met_[static_cast<size_t>(k)]; }

 private:
  static BoxSource source(const T* boxes) noexcept {
    return {reinterpret_cast<const unsigned char*>(boxes), 4 * sizeof(T), sizeof(T), FL_XYXY, 0};
  }

  int64_t find(int64_t i) {
    double box[4];
    std::copy_n(&a_[static_cast<size_t>(4 * i)], 4, box);
    met_.clear();
    if (measurable(box)) {
      tree_.visit(box, [this](const IndexedBox& other) {
        met_.push_back(other.id);
        return false;
      });
    }
    return static_cast<int64_t>(met_.size());
  }

  int64_t n_, m_;
  std::vector<T> a_, b_;
  BoxTree tree_;
  std::vector<int64_t> met_;
};

bool is_large(const BoxSet& a, const BoxSet& b) noexcept {
  return a.n > 1 && b.n > 0 && b.n >= kFewPairs / a.n;
}

}  // namespace

template <typename T>
bool best_among_met(const BoxSet& a, const BoxSet& b, int32_t metric, T least, int64_t first_b,
                    int64_t* index, T* value) {
  if (!is_large(a, b)) return false;
  Meeting<T> meeting(a, b);
  if (!meeting.pays()) return false;
  T values[1 + kBoxPad];
  IndexOf<T> rows[1 + kBoxPad];
  const auto best = FL_BOX_KERNEL(T, best);
  meeting.each(
      [&](const BoxColumns<T>& one, size_t first, const BoxColumns<T>& tile) {
        best(&one, &tile, metric, first == 0, static_cast<int32_t>(first), values, rows);
      },
      [&](int64_t i) {
        const bool good = rows[0] >= 0 && values[0] >= least;
        index[i] = good ? first_b + meeting.met(rows[0]) : -1;
        value[i] = good ? values[0] : T{0};
      });
  return true;
}

template <typename T>
bool count_among_met(const BoxSet& a, const BoxSet& b, T least, int64_t* counts) {
  if (!is_large(a, b)) return false;
  Meeting<T> meeting(a, b);
  if (!meeting.pays()) return false;
  IndexOf<T> totals[1 + kBoxPad];
  const auto count = FL_BOX_KERNEL(T, count);
  meeting.each(
      [&](const BoxColumns<T>& one, size_t first, const BoxColumns<T>& tile) {
        count(&one, &tile, FL_IOU, first == 0, least, totals);
      },
      [&](int64_t i) { counts[i] = totals[0]; });
  return true;
}

template bool best_among_met<float>(const BoxSet&, const BoxSet&, int32_t, float, int64_t, int64_t*,
                                    float*);
template bool best_among_met<double>(const BoxSet&, const BoxSet&, int32_t, double, int64_t,
                                     int64_t*, double*);
template bool count_among_met<float>(const BoxSet&, const BoxSet&, float, int64_t*);
template bool count_among_met<double>(const BoxSet&, const BoxSet&, double, int64_t*);

}  // namespace fl
