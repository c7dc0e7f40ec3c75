// Pairs over a threshold by an index of centres.
//
// With inter = ow * oh >= t * union, and union at least either area, the overlap's width ow is at
// least t times either box's width (oh is at most either height), and so with heights. Hence the
// widths of a pair differ by no more than the factor t, and as ow <= (wa + wb) / 2 - |dx|, its
// centres lie within |dx| <= (wa + wb) / 2 - t * max(wa, wb), and so in y. So boxes are put into
// buckets by the powers of two of width and height; in a bucket they lie in rows of cells about
// as high as the boxes, each row sorted by the centre's x. A search looks at the buckets of like
// sizes, the rows in reach, and the run in reach of each row: boxes that cluster, share a side or
// are thin do not make it look at more than those that are almost pairs.
//
// Bounds are widened by more than the rounding of the IoU itself, so the pairs and their IoU are
// those of the matrix, bit for bit.
#include "geometry/box_index.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

namespace fl {

namespace {

// From this many boxes on an index pays for itself.
constexpr size_t kIndexFrom = 1024;
// Rows of cells with fewer boxes are looked at whole.
constexpr size_t kShortRun = 24;
// Boxes compared in one call; small enough to stop soon when enough pairs are found.
constexpr size_t kChunk = 512;

// Columns of one image's boxes, packed once.
template <typename T>
class Packed {
 public:
  void pack(const BoxSource& source, int64_t begin, int64_t end) {
    n_ = static_cast<size_t>(end - begin);
    capacity_ = n_ + kBoxPad;
    if (data_.size() < kBoxColumns * capacity_) data_.resize(kBoxColumns * capacity_);
    FL_BOX_KERNEL(T, pack)(&source, static_cast<size_t>(begin), n_, BoxRule::kOverlap,
                           data_.data(), capacity_);
  }
  size_t size() const noexcept { return n_; }
  const T* column(size_t k) const noexcept { return data_.data() + k * capacity_; }
  BoxColumns<T> part(size_t begin, size_t n) const noexcept {
    return {data_.data() + begin, capacity_, n};
  }
  BoxColumns<T> all() const noexcept { return part(0, n_); }

  // Takes the boxes `order` of another.
  void gather(const Packed& from, const std::vector<int32_t>& order) {
    n_ = order.size();
    capacity_ = n_ + kBoxPad;
    data_.assign(kBoxColumns * capacity_, T{0});
    for (size_t k = 0; k < kBoxColumns; ++k) {
      for (size_t i = 0; i < n_; ++i) {
        data_[k * capacity_ + i] = from.column(k)[static_cast<size_t>(order[i])];
      }
    }
  }

 private:
  size_t n_ = 0;
  size_t capacity_ = 0;
  std::vector<T> data_;
};

// In the boxes' type, where no threshold above 0 becomes 0.
template <typename T>
T rounded_threshold(double threshold) noexcept {
  return std::max(static_cast<T>(threshold), std::numeric_limits<T>::denorm_min());
}

template <typename T>
struct Hit {
  int64_t row;
  T value;
};

// Width, height and centre of a packed box.
struct Place {
  double w, h, x, y;
};

template <typename T>
Place place_of(const BoxColumns<T>& boxes, size_t i) noexcept {
  const T* p = boxes.data + i;
  const double x1 = p[0];
  const double y1 = p[boxes.capacity];
  const double x2 = p[2 * boxes.capacity];
  const double y2 = p[3 * boxes.capacity];
  return {x2 - x1, y2 - y1, x1 / 2 + x2 / 2, y1 / 2 + y2 / 2};
}

// The farthest that centres of a pair can lie apart, for a side of length a and one of any
// length from low to high.
double reach(double a, double low, double high, double t) noexcept {
  const double largest = std::numeric_limits<double>::max();
  const auto apart = [a, t](double b) { return a / 2 + b / 2 - t * std::max(a, b); };
  low = std::max(low, t * a);
  high = std::min({high, a / t, largest});
  double most = std::max(apart(low), apart(high));
  if (low < a && a < high) most = std::max(most, apart(a));
  return most;
}

template <typename T>
class Index {
 public:
  Index(const Packed<T>& boxes, double threshold);

  // Calls found(position, count) for runs of boxes() that may hold partners of box i of `from`,
  // until it returns false.
  template <typename Found>
  void search(const BoxColumns<T>& from, size_t i, Found found) const;

  const Packed<T>& boxes() const noexcept { return sorted_; }
  int64_t row(size_t position) const noexcept { return order_[position]; }

 private:
  struct Entry {
    int32_t width_power, height_power;
    double cell;  // number of its row of cells
    double x;
    int32_t row;
  };
  struct Cells {  // one row of cells of a bucket
    double cell;
    size_t begin;
  };
  struct Bucket {
    int32_t width_power, height_power;
    double scale;         // cells per unit of y
    size_t first_cells;   // in cells_
    size_t begin;         // in sorted_
  };

  bool ordinary(double area) const noexcept { return area >= least_area_; }
  double cells_per_unit(int32_t height_power) const noexcept {
    // A power of two, so that multiplying by it is exact; kept in range.
    return std::ldexp(1.0, std::clamp<int32_t>(shrink_ - height_power - 1, -1000, 1000));
  }
  template <typename Found>
  bool search_bucket(size_t b, const Place& at, double dx, double dy, Found& found) const;

  double t_;
  int32_t shrink_;
  double least_area_;
  double slack_ = 0;
  size_t odd_ = 0;  // so many of the first of sorted_ are beyond the arithmetic of the bounds
  Packed<T> sorted_;
  std::vector<int32_t> order_;
  std::vector<double> x_;
  std::vector<Cells> cells_;
  std::vector<Bucket> buckets_;
};

template <typename T>
Index<T>::Index(const Packed<T>& boxes, double threshold)
    : t_(threshold * (1 - 64 * static_cast<double>(std::numeric_limits<T>::epsilon()))),
      shrink_(std::clamp<int32_t>(static_cast<int32_t>(std::floor(-std::log2(2 * (1 - t_)))), 0, 6)),
      // Areas so small that their products lose digits keep none of the bounds.
      least_area_(4 * static_cast<double>(std::numeric_limits<T>::min()) / t_) {
  const BoxColumns<T> all = boxes.all();
  std::vector<Entry> entries;
  entries.reserve(all.n);
  double farthest = 0;
  for (size_t i = 0; i < all.n; ++i) {
    const double area = boxes.column(4)[i];
    if (!(area > 0)) continue;
    const int32_t row = static_cast<int32_t>(i);
    if (!ordinary(area)) {
      order_.push_back(row);
      continue;
    }
    const Place at = place_of(all, i);
    const int32_t height_power = std::ilogb(at.h);
    entries.push_back({std::ilogb(at.w), height_power,
                       std::floor(at.y * cells_per_unit(height_power)), at.x, row});
    for (size_t k = 0; k < 4; ++k) {
      farthest = std::max(farthest, std::abs(static_cast<double>(boxes.column(k)[i])));
    }
  }
  odd_ = order_.size();
  slack_ = 16 * std::numeric_limits<double>::epsilon() * farthest;
  std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
    if (a.width_power != b.width_power) return a.width_power < b.width_power;
    if (a.height_power != b.height_power) return a.height_power < b.height_power;
    if (a.cell != b.cell) return a.cell < b.cell;
    if (a.x != b.x) return a.x < b.x;
    return a.row < b.row;
  });
  x_.assign(odd_, 0.0);
  for (const Entry& e : entries) {
    const bool new_bucket = buckets_.empty() || buckets_.back().width_power != e.width_power ||
                            buckets_.back().height_power != e.height_power;
    if (new_bucket) {
      buckets_.push_back({e.width_power, e.height_power, cells_per_unit(e.height_power),
                          cells_.size(), order_.size()});
    }
    if (new_bucket || cells_.back().cell != e.cell) cells_.push_back({e.cell, order_.size()});
    order_.push_back(e.row);
    x_.push_back(e.x);
  }
  // An end for the last of each.
  buckets_.push_back({0, 0, 0, cells_.size(), order_.size()});
  cells_.push_back({0, order_.size()});
  sorted_.gather(boxes, order_);
}

template <typename T>
template <typename Found>
bool Index<T>::search_bucket(size_t b, const Place& at, double dx, double dy,
                             Found& found) const {
  const Bucket& bucket = buckets_[b];
  const size_t size = buckets_[b + 1].begin - bucket.begin;
  if (size <= kShortRun) return found(bucket.begin, size);
  const double low = std::floor((at.y - dy) * bucket.scale);
  const double high = std::floor((at.y + dy) * bucket.scale);
  const auto first = cells_.begin() + static_cast<ptrdiff_t>(bucket.first_cells);
  const auto last = cells_.begin() + static_cast<ptrdiff_t>(buckets_[b + 1].first_cells);
  auto cells = std::lower_bound(first, last, low,
                                [](const Cells& c, double value) { return c.cell < value; });
  for (; cells != last && cells->cell <= high; ++cells) {
    size_t begin = cells->begin;
    size_t end = (cells + 1)->begin;
    if (end - begin > kShortRun) {
      const auto x = x_.begin();
      begin = static_cast<size_t>(std::lower_bound(x + static_cast<ptrdiff_t>(begin),
                                                   x + static_cast<ptrdiff_t>(end), at.x - dx) - x);
      end = static_cast<size_t>(std::upper_bound(x + static_cast<ptrdiff_t>(begin),
                                                 x + static_cast<ptrdiff_t>(end), at.x + dx) - x);
    }
    if (begin < end && !found(begin, end - begin)) return false;
  }
  return true;
}

template <typename T>
template <typename Found>
void Index<T>::search(const BoxColumns<T>& from, size_t i, Found found) const {
  const double area = from.data[4 * from.capacity + i];
  if (!(area > 0)) return;
  if (!ordinary(area)) {
    found(size_t{0}, sorted_.size());
    return;
  }
  if (odd_ > 0 && !found(size_t{0}, odd_)) return;
  const Place at = place_of(from, i);
  const double far = std::max(std::abs(at.x) + at.w, std::abs(at.y) + at.h);
  const double slack = slack_ + 16 * std::numeric_limits<double>::epsilon() * far;
  const int32_t width_from = std::ilogb(t_ * at.w);
  const int32_t width_to = std::ilogb(at.w / t_);
  const int32_t height_from = std::ilogb(t_ * at.h);
  const int32_t height_to = std::ilogb(at.h / t_);
  const auto before = [](const Bucket& bucket, std::pair<int32_t, int32_t> power) {
    return bucket.width_power < power.first ||
           (bucket.width_power == power.first && bucket.height_power < power.second);
  };
  const auto last = buckets_.end() - 1;
  auto bucket = std::lower_bound(buckets_.begin(), last, std::pair{width_from, height_from},
                                 before);
  while (bucket != last && bucket->width_power <= width_to) {
    if (bucket->height_power > height_to) {  // on to the next width
      bucket = std::lower_bound(bucket, last, std::pair{bucket->width_power + 1, height_from},
                                before);
      continue;
    }
    if (bucket->height_power < height_from) {
      bucket = std::lower_bound(bucket, last, std::pair{bucket->width_power, height_from},
                                before);
      continue;
    }
    const double dx = reach(at.w, std::ldexp(1.0, bucket->width_power),
                            std::ldexp(2.0, bucket->width_power), t_) + slack;
    const double dy = reach(at.h, std::ldexp(1.0, bucket->height_power),
                            std::ldexp(2.0, bucket->height_power), t_) + slack;
    const size_t b = static_cast<size_t>(bucket - buckets_.begin());
    if (dx >= 0 && dy >= 0 && !search_bucket(b, at, dx, dy, found)) return;
    ++bucket;
  }
}

// Hands pairs on, some thousand at a time.
class Sender {
 public:
  Sender(fl_pair_sink sink, void* context) : sink_(sink), context_(context) {
    pairs_.reserve(kMost);
  }
  bool add(int64_t i, int64_t j, double iou) {
    pairs_.push_back({i, j, iou});
    return pairs_.size() < kMost || flush() == FL_OK;
  }
  fl_status flush() {
    if (status_ == FL_OK && !pairs_.empty()) {
      status_ = sink_(context_, pairs_.data(), static_cast<int64_t>(pairs_.size()));
    }
    pairs_.clear();
    return status_;
  }

 private:
  static constexpr size_t kMost = 4096;
  fl_pair_sink sink_;
  void* context_;
  fl_status status_ = FL_OK;
  std::vector<fl_pair> pairs_;
};

// The partners of box i of `a` among `b`, as runs of at most kChunk; take(row, value) returns
// false to stop.
template <typename T>
class Search {
 public:
  explicit Search(T threshold) : threshold_(threshold), hits_(FL_BOX_KERNEL(T, hits)) {}

  template <typename Take>
  bool run(const BoxColumns<T>& a, size_t i, const Packed<T>& b, size_t begin, size_t count,
           Take take) {
    for (size_t at = begin; at < begin + count; at += kChunk) {
      const BoxColumns<T> part = b.part(at, std::min(kChunk, begin + count - at));
      const size_t found = hits_(&a, i, &part, FL_IOU, threshold_, index_, value_);
      for (size_t k = 0; k < found; ++k) {
        if (!take(at + static_cast<size_t>(index_[k]), value_[k])) return false;
      }
    }
    return true;
  }

 private:
  T threshold_;
  decltype(FL_BOX_KERNEL(T, hits)) hits_;
  int32_t index_[kChunk];
  T value_[kChunk];
};

template <typename T>
void sort_by_row(std::vector<Hit<T>>* hits) {
  if (hits->size() < 2) return;
  std::sort(hits->begin(), hits->end(),
            [](const Hit<T>& p, const Hit<T>& q) { return p.row < q.row; });
}

}  // namespace

template <typename T>
fl_status pairs_between(const RaggedSets& sets, double threshold, fl_pair_sink sink,
                        void* context) {
  Sender sender(sink, context);
  const T least = rounded_threshold<T>(threshold);
  Search<T> search(least);
  Packed<T> a;
  Packed<T> b;
  std::vector<Hit<T>> hits;
  for (int64_t g = 0; g < sets.groups; ++g) {
    const int64_t first_a = sets.offsets_a[g];
    const int64_t first_b = sets.offsets_b[g];
    if (sets.offsets_a[g + 1] == first_a || sets.offsets_b[g + 1] == first_b) continue;
    a.pack(sets.a, first_a, sets.offsets_a[g + 1]);
    b.pack(sets.b, first_b, sets.offsets_b[g + 1]);
    const BoxColumns<T> rows = a.all();
    if (b.size() < kIndexFrom || a.size() < kIndexFrom / 16) {
      for (size_t i = 0; i < a.size(); ++i) {
        const bool more = search.run(rows, i, b, 0, b.size(), [&](size_t j, T value) {
          return sender.add(first_a + static_cast<int64_t>(i), first_b + static_cast<int64_t>(j),
                            static_cast<double>(value));
        });
        if (!more) return sender.flush();
      }
      continue;
    }
    const Index<T> index(b, static_cast<double>(least));
    for (size_t i = 0; i < a.size(); ++i) {
      hits.clear();
      index.search(rows, i, [&](size_t begin, size_t count) {
        return search.run(rows, i, index.boxes(), begin, count, [&](size_t at, T value) {
          hits.push_back({index.row(at), value});
          return true;
        });
      });
      sort_by_row(&hits);
      for (const Hit<T>& hit : hits) {
        if (!sender.add(first_a + static_cast<int64_t>(i), first_b + hit.row,
                        static_cast<double>(hit.value))) {
          return sender.flush();
        }
      }
    }
  }
  return sender.flush();
}

namespace {

// Pairs of one image with a limit: box by box as the later one, so that it can stop early.
template <typename T, typename Runs>
void limited_pairs(size_t n, size_t limit, Runs runs, std::vector<fl_pair>* out) {
  for (size_t j = 1; j < n; ++j) {
    size_t partners = 0;
    runs(j, [&](size_t i, T value) {
      if (i >= j) return true;
      out->push_back({static_cast<int64_t>(i), static_cast<int64_t>(j),
                      static_cast<double>(value)});
      return ++partners < limit;
    });
  }
  std::sort(out->begin(), out->end(), [](const fl_pair& p, const fl_pair& q) {
    return p.i < q.i || (p.i == q.i && p.j < q.j);
  });
}

}  // namespace

template <typename T>
fl_status pairs_within(const BoxSource& boxes, const int64_t* offsets, int64_t groups,
                       double threshold, int64_t max_per_box, fl_pair_sink sink, void* context) {
  Sender sender(sink, context);
  const T least = rounded_threshold<T>(threshold);
  Search<T> search(least);
  Packed<T> packed;
  std::vector<Hit<T>> hits;
  std::vector<fl_pair> limited;
  const size_t limit = static_cast<size_t>(max_per_box);
  for (int64_t g = 0; g < groups; ++g) {
    const int64_t first = offsets[g];
    if (offsets[g + 1] - first < 2) continue;
    packed.pack(boxes, first, offsets[g + 1]);
    const size_t n = packed.size();
    const BoxColumns<T> rows = packed.all();
    limited.clear();
    const auto send_limited = [&] {
      return std::all_of(limited.begin(), limited.end(), [&](const fl_pair& p) {
        return sender.add(first + p.i, first + p.j, p.iou);
      });
    };
    if (n < kIndexFrom) {
      if (limit > 0) {
        limited_pairs<T>(
            n, limit,
            [&](size_t j, auto take) { search.run(rows, j, packed, 0, j, take); }, &limited);
        if (!send_limited()) return sender.flush();
        continue;
      }
      for (size_t i = 0; i + 1 < n; ++i) {
        const bool more = search.run(rows, i, packed, i + 1, n - i - 1, [&](size_t j, T value) {
          return sender.add(first + static_cast<int64_t>(i), first + static_cast<int64_t>(j),
                            static_cast<double>(value));
        });
        if (!more) return sender.flush();
      }
      continue;
    }
    const Index<T> index(packed, static_cast<double>(least));
    if (limit > 0) {
      limited_pairs<T>(
          n, limit,
          [&](size_t j, auto take) {
            index.search(rows, j, [&](size_t begin, size_t count) {
              return search.run(rows, j, index.boxes(), begin, count, [&](size_t at, T value) {
                return take(static_cast<size_t>(index.row(at)), value);
              });
            });
          },
          &limited);
      if (!send_limited()) return sender.flush();
      continue;
    }
    for (size_t i = 0; i < n; ++i) {
      hits.clear();
      index.search(rows, i, [&](size_t begin, size_t count) {
        return search.run(rows, i, index.boxes(), begin, count, [&](size_t at, T value) {
          if (index.row(at) > static_cast<int64_t>(i)) hits.push_back({index.row(at), value});
          return true;
        });
      });
      sort_by_row(&hits);
      for (const Hit<T>& hit : hits) {
        if (!sender.add(first + static_cast<int64_t>(i), first + hit.row,
                        static_cast<double>(hit.value))) {
          return sender.flush();
        }
      }
    }
  }
  return sender.flush();
}

#define FL_INSTANTIATE(T)                                                                      \
  template fl_status pairs_between<T>(const RaggedSets&, double, fl_pair_sink, void*);         \
  template fl_status pairs_within<T>(const BoxSource&, const int64_t*, int64_t, double, int64_t, \
                                     fl_pair_sink, void*);
FL_INSTANTIATE(float)
FL_INSTANTIATE(double)

}  // namespace fl
