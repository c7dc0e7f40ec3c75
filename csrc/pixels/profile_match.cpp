#include "pixels/profile_match.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "core/threads.h"

namespace fl {
namespace {

constexpr int32_t kBins = FL_PROFILE_BINS;
constexpr int32_t kReach = FL_PROFILE_REACH;
constexpr int32_t kMoves = 2 * kReach + 1;
constexpr int32_t kLanes = 12;  // the moves, and zeros up to whole vectors
constexpr int32_t kPairs = (kMoves + 1) / 2;
constexpr int32_t kOutside = 15;
constexpr int64_t kGrain = 4096;  // boxes a thread takes at a time

typedef float Four __attribute__((vector_size(16)));
typedef double Two __attribute__((vector_size(16)));

// Sums of whole numbers under 2^24, one a move: floats hold them, in whatever order they are made.
// Whole vectors, in so many words: a compiler left to itself takes them apart.
union Sums {
  Four fours[kLanes / 4];
  float at[kLanes];
};

// One of the four rows of strips of a class, at every move. A box moved by m strips has its strip
// i where it had i - m: beside strip i stands the template's i - m.
struct Template {
  Sums value[kBins] = {};   // 0 where the template ends
  Sums square[kBins] = {};
  Sums inside[kBins] = {};  // 1 where the template is
  Sums n = {}, sum = {}, sum_of_squares = {};  // when all strips are in view

  explicit Template(const uint8_t* usual) noexcept {
    for (int32_t i = 0; i < kBins; ++i) {
      for (int32_t k = 0; k < kMoves; ++k) {
        const int32_t from = i - (k - kReach);
        if (from < 0 || from >= kBins) continue;
        const auto v = static_cast<float>(usual[from]);
        value[i].at[k] = v;
        square[i].at[k] = v * v;
        inside[i].at[k] = 1;
        n.at[k] += 1;
        sum.at[k] += v;
        sum_of_squares.at[k] += v * v;
      }
    }
  }
};

void add(const Sums& from, Sums* to) noexcept {
  for (int32_t f = 0; f < kLanes / 4; ++f) to->fours[f] += from.fours[f];
}

// Luma or gradient of a box's strips, 0 where out of view, and its own sums under each move.
struct Strips {
  float value[kBins];
  Sums sum = {}, sum_of_squares = {};

  Strips(const uint8_t* codes, const uint8_t* gradient) noexcept {
    uint8_t whole[kBins];
    int32_t all = 0;
    int32_t squares = 0;
    for (int32_t i = 0; i < kBins; ++i) {
      whole[i] = codes[i] & static_cast<uint8_t>(gradient[i] == kOutside ? 0 : 15);
    }
    for (int32_t i = 0; i < kBins; ++i) {
      value[i] = whole[i];
      all += whole[i];
      squares += whole[i] * whole[i];
    }
    // A move to the right leaves out the first strips, one to the left the last.
    Strips& self = *this;
    const auto leave_out = [&self, &whole, all, squares](int32_t first, int32_t step) {
      int32_t left = all;
      int32_t left_squares = squares;
      for (int32_t m = 1; m <= kReach; ++m) {
        const int32_t v = whole[first + step * (m - 1)];
        left -= v;
        left_squares -= v * v;
        self.sum.at[kReach + step * m] = static_cast<float>(left);
        self.sum_of_squares.at[kReach + step * m] = static_cast<float>(left_squares);
      }
    };
    sum.at[kReach] = static_cast<float>(all);
    sum_of_squares.at[kReach] = static_cast<float>(squares);
    leave_out(0, 1);
    leave_out(kBins - 1, -1);
  }
};

// Correlations under each move. Numerator and variances are whole numbers under 2^53, so that
// only the root and the division round.
struct Correlations {
  double at[kLanes];

  Correlations(const Strips& a, const Template& b, const Sums& n, const Sums& sum_b,
               const Sums& sum_bb) noexcept {
    Sums sum_ab = {};
    for (int32_t i = 0; i < kBins; ++i) {
      for (int32_t f = 0; f < kLanes / 4; ++f) {
        sum_ab.fours[f] += a.value[i] * b.value[i].fours[f];
      }
    }
    for (int32_t t = 0; t < kPairs; ++t) {
      const Two many = two(n, t);
      const Two sa = two(a.sum, t);
      const Two sb = two(sum_b, t);
      const Two of_a = many * two(a.sum_of_squares, t) - sa * sa;
      const Two of_b = many * two(sum_bb, t) - sb * sb;
      const Two spread = of_a * of_b;
      const Two root = {std::sqrt(std::max(spread[0], 1.0)), std::sqrt(std::max(spread[1], 1.0))};
      const Two value = (many * two(sum_ab, t) - sa * sb) / root;
      at[2 * t] = value[0];
      at[2 * t + 1] = value[1];
    }
  }

 private:
  static Two two(const Sums& s, int32_t t) noexcept {
    const Two value = {static_cast<double>(s.at[2 * t]), static_cast<double>(s.at[2 * t + 1])};
    return value;
  }
};

// Luma plus gradient of one axis under each move; NaN where too few strips are in view.
void compare_axis(const uint8_t* codes, const Template* usual, double* both) noexcept {
  const uint8_t* gradient = codes + kBins;
  const Strips luma(codes, gradient);
  const Strips edges(gradient, gradient);
  if (std::find(gradient, gradient + kBins, kOutside) == gradient + kBins) {
    const Correlations l(luma, usual[0], usual[0].n, usual[0].sum, usual[0].sum_of_squares);
    const Correlations g(edges, usual[1], usual[1].n, usual[1].sum, usual[1].sum_of_squares);
    for (int32_t k = 0; k < kMoves; ++k) both[k] = l.at[k] + g.at[k];
    return;
  }
  Sums n = {};
  Sums sums[2] = {};
  Sums squares[2] = {};
  for (int32_t i = 0; i < kBins; ++i) {
    if (gradient[i] == kOutside) continue;
    add(usual[0].inside[i], &n);
    for (int32_t t = 0; t < 2; ++t) {
      add(usual[t].value[i], &sums[t]);
      add(usual[t].square[i], &squares[t]);
    }
  }
  const Correlations l(luma, usual[0], n, sums[0], squares[0]);
  const Correlations g(edges, usual[1], n, sums[1], squares[1]);
  for (int32_t k = 0; k < kMoves; ++k) {
    both[k] = n.at[k] >= FL_PROFILE_IN_VIEW ? l.at[k] + g.at[k]
                                            : std::numeric_limits<double>::quiet_NaN();
  }
}

void compare_box(const uint8_t* profile, const Template* usual, int64_t i,
                 const ProfileMatches& out) noexcept {
  uint8_t codes[4 * kBins];
  for (int32_t k = 0; k < 2 * kBins; ++k) {
    codes[2 * k] = profile[k] & 15;
    codes[2 * k + 1] = profile[k] >> 4;
  }
  double gain = 0;
  double likeness = 0;
  for (int32_t axis = 0; axis < 2; ++axis) {
    double both[kMoves];
    compare_axis(codes + 2 * axis * kBins, usual + 2 * axis, both);
    int32_t best = 0;
    double highest = -std::numeric_limits<double>::infinity();
    for (int32_t k = 0; k < kMoves; ++k) {
      if (both[k] > highest) {
        highest = both[k];
        best = k;
      }
    }
    gain += both[best] - both[kReach];
    likeness += both[kReach] / 4;
    out.moves[2 * i + axis] = static_cast<int8_t>(best - kReach);
  }
  out.gain[i] = gain;
  out.likeness[i] = likeness;
}

}  // namespace

void compare_profiles(const ProfileRows& boxes, const uint8_t* templates, int32_t workers,
                      const ProfileMatches& out) {
  const Template usual[4] = {Template(templates), Template(templates + kBins),
                             Template(templates + 2 * kBins), Template(templates + 3 * kBins)};
  const auto compare = [&](int64_t from, int64_t to) noexcept {
    for (int64_t i = from; i < to; ++i) {
      // The boxes of one class lie far apart.
      __builtin_prefetch(boxes.profiles + boxes.rows[std::min(i + 8, to - 1)] * 2 * kBins);
      compare_box(boxes.profiles + boxes.rows[i] * 2 * kBins, usual, i, out);
    }
  };
  share_out(boxes.n, kGrain, workers, [&] { return compare; });
}

}  // namespace fl
