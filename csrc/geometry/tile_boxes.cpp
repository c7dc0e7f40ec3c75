#include "geometry/tile_boxes.h"

#include <algorithm>
#include <atomic>
#include <cfloat>
#include <cmath>
#include <cstring>
#include <exception>
#include <vector>

#include "core/threads.h"
#include "geometry/box_tree.h"

namespace fl {

namespace {

// Pictures that a thread takes at a time.
constexpr int64_t kPictures = 64;
constexpr double kBelowOne = 1 - DBL_EPSILON / 2;

struct Corners {
  double v[4];
};

// A half-open span meets another where they share a length; one of no length (a point) lies in
// those that hold it.
struct Span {
  double low, high;
  bool point() const noexcept { return low == high; }
};

// What a window shows of a span, and the share of it.
struct Shown {
  double low, high, share;
  bool whole;
};

Shown shown(const Span& span, double begin, double end) noexcept {
  const double low = std::max(span.low, begin);
  const double high = std::min(span.high, end);
  const bool whole = low == span.low && high == span.high;
  return {low, high, whole ? 1 : (high - low) / (span.high - span.low), whole};
}

double share_of(const Shown& x, const Shown& y) noexcept {
  if (x.whole && y.whole) return 1;
  return std::min(std::max(x.share * y.share, DBL_MIN), kBelowOne);
}

// Windows along one side of a grid, both ends rising.
struct Side {
  std::vector<double> begin, end;

  bool rises() const noexcept {
    return std::is_sorted(begin.begin(), begin.end()) && std::is_sorted(end.begin(), end.end());
  }

  struct Range {
    int64_t first, last;
  };

  Range meeting(const Span& span) const noexcept {
    const int64_t first = none_above(end, span.low);
    const int64_t last = span.point() ? none_above(begin, span.low) : below(begin, span.high);
    return {first, last};
  }

  // What window k shows of the span.
  Shown part(const Span& span, int64_t k) const noexcept {
    const auto at = static_cast<size_t>(k);
    return shown(span, begin[at], end[at]);
  }

 private:
  // So few are counted one by one: a search would guess wrong at every step.
  static constexpr size_t kFew = 48;

  // How many values are at most, and how many are below this one.
  static int64_t none_above(const std::vector<double>& values, double v) noexcept {
    if (values.size() > kFew) {
      return std::upper_bound(values.begin(), values.end(), v) - values.begin();
    }
    int64_t n = 0;
    for (const double value : values) n += value <= v;
    return n;
  }
  static int64_t below(const std::vector<double>& values, double v) noexcept {
    if (values.size() > kFew) {
      return std::lower_bound(values.begin(), values.end(), v) - values.begin();
    }
    int64_t n = 0;
    for (const double value : values) n += value < v;
    return n;
  }
};

// The windows of one picture. Reused from picture to picture, so that nothing is allocated
// for most of them.
class Windows {
 public:
  void take(const int64_t* windows, int64_t n) {
    windows_ = windows;
    is_grid_ = read_grid(n);
    if (is_grid_) return;
    tree_ = BoxTree();
    for (int64_t k = 0; k < n; ++k) {
      double box[4];
      for (int64_t c = 0; c < 4; ++c) box[c] = static_cast<double>(windows[4 * k + c]);
      tree_.insert(box, k);
    }
  }

  // visit(k, x, y) for each window that shows some of the box: its number and what it shows.
  // Stops and returns false when visit does.
  template <typename Visit>
  bool visit(const Span& x, const Span& y, Visit visit) const {
    if (!is_grid_) return visit_tree(x, y, visit);
    const Side::Range columns = columns_.meeting(x);
    const Side::Range rows = rows_.meeting(y);
    const int64_t width = static_cast<int64_t>(columns_.begin.size());
    for (int64_t r = rows.first; r < rows.last; ++r) {
      const Shown sy = rows_.part(y, r);
      for (int64_t c = columns.first; c < columns.last; ++c) {
        if (!visit(r * width + c, columns_.part(x, c), sy)) return false;
      }
    }
    return true;
  }

  // As visit, with the numbers alone.
  template <typename Visit>
  int64_t visit_numbers(const Span& x, const Span& y, Visit visit) const {
    int64_t met = 0;
    if (is_grid_) {
      const Side::Range columns = columns_.meeting(x);
      const Side::Range rows = rows_.meeting(y);
      const int64_t width = static_cast<int64_t>(columns_.begin.size());
      for (int64_t r = rows.first; r < rows.last; ++r) {
        for (int64_t c = columns.first; c < columns.last; ++c, ++met) visit(r * width + c);
      }
      return met;
    }
    visit_tree(x, y, [&](int64_t k, const Shown&, const Shown&) {
      visit(k);
      ++met;
      return true;
    });
    return met;
  }

 private:
  template <typename Visit>
  bool visit_tree(const Span& x, const Span& y, Visit visit) const {
    // The tree meets open boxes: a point is stretched by the least there is.
    const auto past = [](const Span& s) {
      return s.point() ? std::nextafter(s.high, HUGE_VAL) : s.high;
    };
    const double box[4] = {x.low, y.low, past(x), past(y)};
    return !tree_.visit(box, [&](const IndexedBox& w) {
      return !visit(w.id, shown(x, w.box[0], w.box[2]), shown(y, w.box[1], w.box[3]));
    });
  }

  // Whether the windows are rows of the same columns.
  bool read_grid(int64_t n) {
    if (n == 0) return false;
    int64_t width = 1;
    while (width < n && same_rows(0, width)) ++width;
    if (n % width != 0) return false;
    columns_.begin.clear();
    columns_.end.clear();
    rows_.begin.clear();
    rows_.end.clear();
    for (int64_t k = 0; k < n; ++k) {
      const int64_t* w = windows_ + 4 * k;
      const int64_t column = k % width;
      if (!same_rows(k - column, k)) return false;
      const int64_t* top = windows_ + 4 * column;
      if (w[0] != top[0] || w[2] != top[2]) return false;
      if (k < width) {
        columns_.begin.push_back(static_cast<double>(w[0]));
        columns_.end.push_back(static_cast<double>(w[2]));
      }
      if (column == 0) {
        rows_.begin.push_back(static_cast<double>(w[1]));
        rows_.end.push_back(static_cast<double>(w[3]));
      }
    }
    return columns_.rises() && rows_.rises();
  }

  bool same_rows(int64_t j, int64_t k) const noexcept {
    return windows_[4 * j + 1] == windows_[4 * k + 1] && windows_[4 * j + 3] == windows_[4 * k + 3];
  }

  const int64_t* windows_ = nullptr;
  bool is_grid_ = false;
  Side columns_, rows_;
  BoxTree tree_;
};

template <typename T>
Corners load(const unsigned char* at, ptrdiff_t column) noexcept {
  Corners out;
  for (ptrdiff_t k = 0; k < 4; ++k) {
    T number;  // data need not be aligned
    std::memcpy(&number, at + k * column, sizeof number);
    out.v[k] = static_cast<double>(number);
  }
  return out;
}

Corners corners_of(const TileJob& job, int64_t row) noexcept {
  const unsigned char* at = job.boxes.data + row * job.boxes.row;
  return job.single ? load<float>(at, job.boxes.column) : load<double>(at, job.boxes.column);
}

// A side of a box within the picture. False: outside.
bool inside(Span* span, double length) noexcept {
  if (span->point()) return span->low >= 0 && span->low < length;
  span->low = std::max(span->low, 0.0);
  span->high = std::min(span->high, length);
  return span->low < span->high;
}

fl_tile_box spans_of(const TileJob& job, int64_t picture, int64_t row, Span* x,
                     Span* y) noexcept {
  const Corners box = corners_of(job, row);
  for (const double v : box.v) {
    if (!std::isfinite(v)) return FL_TILE_BOX_NOT_FINITE;
  }
  // + 0.0 so that no corner is minus zero.
  *x = {box.v[0] + 0.0, box.v[2] + 0.0};
  *y = {box.v[1] + 0.0, box.v[3] + 0.0};
  if (x->high < x->low || y->high < y->low) return FL_TILE_BOX_REVERSED;
  if (job.sizes == nullptr) return FL_TILE_BOX_SEEN;
  const bool in_x = inside(x, static_cast<double>(job.sizes[2 * picture]));
  const bool in_y = inside(y, static_cast<double>(job.sizes[2 * picture + 1]));
  return in_x && in_y ? FL_TILE_BOX_SEEN : FL_TILE_BOX_OUTSIDE;
}

// Calls each(picture, windows) for every picture, on the threads of the job.
template <typename Each>
void for_each_picture(const TileJob& job, Each each) {
  share_out(job.pictures, kPictures, job.workers, [&] {
    return [&, windows = Windows()](int64_t from, int64_t to) mutable {
      for (int64_t g = from; g < to; ++g) {
        const int64_t first = job.window_offsets[g];
        windows.take(job.windows + 4 * first, job.window_offsets[g + 1] - first);
        each(g, windows);
      }
    };
  });
}

}  // namespace

void count_tile_boxes(const TileJob& job, int64_t* tile_offsets, uint8_t* outcome) {
  const int64_t tiles = job.window_offsets[job.pictures];
  std::fill_n(tile_offsets, tiles + 1, 0);
  for_each_picture(job, [&](int64_t g, const Windows& windows) {
    int64_t* counts = tile_offsets + job.window_offsets[g] + 1;
    for (int64_t row = job.box_offsets[g]; row < job.box_offsets[g + 1]; ++row) {
      Span x, y;
      fl_tile_box what = spans_of(job, g, row, &x, &y);
      if (what == FL_TILE_BOX_SEEN) {
        const int64_t met = windows.visit_numbers(x, y, [&](int64_t k) { ++counts[k]; });
        if (met == 0) what = FL_TILE_BOX_UNCOVERED;
      }
      if (outcome != nullptr) outcome[row] = static_cast<uint8_t>(what);
    }
  });
  for (int64_t t = 0; t < tiles; ++t) tile_offsets[t + 1] += tile_offsets[t];
}

bool clip_tile_boxes(const TileJob& job, const int64_t* tile_offsets, int64_t* row,
                     double* corners, double* visible) {
  const int64_t tiles = job.window_offsets[job.pictures];
  std::vector<int64_t> next(tile_offsets, tile_offsets + tiles);
  std::atomic<bool> fits{true};
  for_each_picture(job, [&](int64_t g, const Windows& windows) {
    const int64_t first = job.window_offsets[g];
    const int64_t* window = job.windows + 4 * first;
    for (int64_t k = job.box_offsets[g]; k < job.box_offsets[g + 1]; ++k) {
      Span x, y;
      if (spans_of(job, g, k, &x, &y) != FL_TILE_BOX_SEEN) continue;
      const bool room = windows.visit(x, y, [&](int64_t w, const Shown& sx, const Shown& sy) {
        const int64_t tile = first + w;
        const int64_t at = next[static_cast<size_t>(tile)]++;
        if (at >= tile_offsets[tile + 1]) return false;
        const double left = static_cast<double>(window[4 * w]);
        const double top = static_cast<double>(window[4 * w + 1]);
        row[at] = k;
        corners[4 * at] = sx.low - left;
        corners[4 * at + 1] = sy.low - top;
        corners[4 * at + 2] = sx.high - left;
        corners[4 * at + 3] = sy.high - top;
        visible[at] = share_of(sx, sy);
        return true;
      });
      if (!room) {
        fits = false;
        return;
      }
    }
  });
  for (int64_t t = 0; t < tiles && fits; ++t) {
    fits = next[static_cast<size_t>(t)] == tile_offsets[t + 1];
  }
  return fits;
}

}  // namespace fl
