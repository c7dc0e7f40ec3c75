#include "geometry/box_sets.h"

#include <algorithm>
#include <cstring>
#include <type_traits>

#include "geometry/box_search.h"

namespace fl {

namespace {

// Results larger than this will not be in the caches when they are read, so they are written
// around them, which spares reading the lines first.
constexpr int64_t kStreamBytes = int64_t{8} << 20;

// Rows of a that are packed at a time.
constexpr size_t kRows = 64;

template <typename T>
using IndexOf = std::conditional_t<sizeof(T) == 4, int32_t, int64_t>;

BoxRule rule_of(int32_t metric) noexcept {
  if (metric == FL_CIOU) return BoxRule::kShape;
  return metric == FL_GIOU || metric == FL_DIOU ? BoxRule::kHull : BoxRule::kOverlap;
}

int32_t kernel_metric(const OverlapChoice& choice) noexcept {
  return choice.crowd != nullptr ? kIouWithCrowd : choice.metric;
}

template <typename T>
void pack_b(const BoxSource& b, size_t begin, size_t n, const OverlapChoice& choice,
            BoxTile<T>* tile) noexcept {
  FL_BOX_KERNEL(T, pack)(&b, begin, n, rule_of(choice.metric), tile->data, tile->kCapacity);
  if (choice.crowd == nullptr) return;
  const uint8_t* flag = choice.crowd + static_cast<ptrdiff_t>(begin) * choice.crowd_stride;
  for (size_t j = 0; j < n; ++j, flag += choice.crowd_stride) tile->extra()[j] = *flag != 0;
}

// Whether rows of out can be written as numbers of type T that lie side by side.
template <typename T>
bool is_plain(const unsigned char* out, int64_t row_stride, int64_t column_stride) noexcept {
  return column_stride == static_cast<int64_t>(sizeof(T)) &&
         row_stride % static_cast<int64_t>(sizeof(T)) == 0 &&
         reinterpret_cast<uintptr_t>(out) % alignof(T) == 0;
}

template <typename T>
void scatter(const T* from, size_t n, unsigned char* to, int64_t stride) noexcept {
  for (size_t k = 0; k < n; ++k, to += stride) std::memcpy(to, from + k, sizeof(T));
}

}  // namespace

template <typename T>
void box_matrix(const BoxSet& a, const BoxSet& b, const OverlapChoice& choice, unsigned char* out,
                int64_t row_stride, int64_t column_stride) noexcept {
  const auto pack = FL_BOX_KERNEL(T, pack);
  const auto matrix = FL_BOX_KERNEL(T, matrix);
  BoxTile<T> columns;
  alignas(64) T rows[kBoxColumns * (kRows + kBoxPad)];
  T line[kTileBoxes<T>];
  const bool plain = is_plain<T>(out, row_stride, column_stride);
  BoxJob<T> job{};
  job.metric = kernel_metric(choice);
  job.eps = static_cast<T>(choice.eps);
  job.stream = plain && a.n > 0 && b.n > kStreamBytes / static_cast<int64_t>(sizeof(T)) / a.n;
  const size_t n = static_cast<size_t>(a.n);
  const size_t m = static_cast<size_t>(b.n);
  for (size_t j = 0; j < m; j += kTileBoxes<T>) {
    const size_t width = std::min(kTileBoxes<T>, m - j);
    pack_b(b.source, j, width, choice, &columns);
    job.b = columns.columns(0, width);
    for (size_t i = 0; i < n; i += kRows) {
      const size_t height = std::min(kRows, n - i);
      pack(&a.source, i, height, rule_of(choice.metric), rows, kRows + kBoxPad);
      job.a = {rows, kRows + kBoxPad, height};
      unsigned char* at = out + static_cast<int64_t>(i) * row_stride +
                          static_cast<int64_t>(j) * column_stride;
      if (plain) {
        job.out = reinterpret_cast<T*>(at);
        job.out_row = static_cast<ptrdiff_t>(row_stride) / static_cast<ptrdiff_t>(sizeof(T));
        matrix(&job);
        continue;
      }
      job.out = line;
      for (size_t k = 0; k < height; ++k, at += row_stride) {
        job.a = {rows + k, kRows + kBoxPad, 1};
        matrix(&job);
        scatter(line, width, at, column_stride);
      }
    }
  }
  if (job.stream != 0) box_kernels().fence();
}

template <typename T>
void box_aligned(const BoxSet& a, const BoxSet& b, const OverlapChoice& choice,
                 unsigned char* out, int64_t stride) noexcept {
  BoxTile<T> first;
  BoxTile<T> second;
  T line[kTileBoxes<T>];
  BoxJob<T> job{};
  job.metric = kernel_metric(choice);
  job.eps = static_cast<T>(choice.eps);
  job.out = line;
  const size_t n = static_cast<size_t>(a.n);
  for (size_t i = 0; i < n; i += kTileBoxes<T>) {
    const size_t count = std::min(kTileBoxes<T>, n - i);
    FL_BOX_KERNEL(T, pack)(&a.source, i, count, rule_of(choice.metric), first.data,
                           first.kCapacity);
    pack_b(b.source, i, count, choice, &second);
    job.a = first.columns(0, count);
    job.b = second.columns(0, count);
    FL_BOX_KERNEL(T, aligned)(&job);
    scatter(line, count, out + static_cast<int64_t>(i) * stride, stride);
  }
}

int64_t end_of_run(const RaggedSets& sets, int64_t from, int64_t most) noexcept {
  int64_t g = from;
  while (g < sets.groups && sets.offsets_a[g + 1] - sets.offsets_a[from] <= most &&
         sets.offsets_b[g + 1] - sets.offsets_b[from] <= most) {
    ++g;
  }
  return g;
}

namespace {

// The boxes of image g alone.
BoxSet part(const BoxSource& source, const int64_t* offsets, int64_t g) noexcept {
  BoxSource moved = source;
  if (offsets[g + 1] > offsets[g]) moved.data += offsets[g] * source.row;
  return {moved, offsets[g + 1] - offsets[g]};
}

// Packs the runs of small images a tile at a time and calls `each(g, a, b, at_a, at_b)` with the
// columns of image g and their place in the tiles, and `done(g, end)` after the images of a run;
// `large(g)` with an image that does not fit.
template <typename T, typename Each, typename Done, typename Large>
void for_each_image(const RaggedSets& sets, const OverlapChoice& choice, Each each, Done done,
                    Large large) {
  BoxTile<T> tile_a;
  BoxTile<T> tile_b;
  for (int64_t first = 0; first < sets.groups;) {
    const int64_t end = end_of_run(sets, first, static_cast<int64_t>(kTileBoxes<T>));
    if (end == first) {
      large(first++);
      continue;
    }
    const int64_t first_a = sets.offsets_a[first];
    const int64_t first_b = sets.offsets_b[first];
    FL_BOX_KERNEL(T, pack)(&sets.a, static_cast<size_t>(first_a),
                           static_cast<size_t>(sets.offsets_a[end] - first_a),
                           rule_of(choice.metric), tile_a.data, tile_a.kCapacity);
    pack_b(sets.b, static_cast<size_t>(first_b),
           static_cast<size_t>(sets.offsets_b[end] - first_b), choice, &tile_b);
    size_t at_a = 0;
    size_t at_b = 0;
    for (int64_t g = first; g < end; ++g) {
      const size_t n = static_cast<size_t>(sets.offsets_a[g + 1] - sets.offsets_a[g]);
      const size_t m = static_cast<size_t>(sets.offsets_b[g + 1] - sets.offsets_b[g]);
      each(tile_a.columns(at_a, n), tile_b.columns(at_b, m), at_a, at_b);
      at_a += n;
      at_b += m;
    }
    done(first, end);
    first = end;
  }
}

// For a large image: `visit(i, rows, j, columns)` with every tile of a, and for each every tile
// of b in order, once with an empty one when b is empty; then `done(i, rows)`.
template <typename T, typename Visit, typename Done>
void for_each_tile(const BoxSet& a, const BoxSet& b, Visit visit, Done done) noexcept {
  const auto pack = FL_BOX_KERNEL(T, pack);
  BoxTile<T> tile_a;
  BoxTile<T> tile_b;
  const size_t n = static_cast<size_t>(a.n);
  const size_t m = static_cast<size_t>(b.n);
  for (size_t i = 0; i < n; i += kTileBoxes<T>) {
    const size_t height = std::min(kTileBoxes<T>, n - i);
    pack(&a.source, i, height, BoxRule::kOverlap, tile_a.data, tile_a.kCapacity);
    for (size_t j = 0; j == 0 || j < m; j += kTileBoxes<T>) {
      const size_t width = std::min(kTileBoxes<T>, m - j);
      pack(&b.source, j, width, BoxRule::kOverlap, tile_b.data, tile_b.kCapacity);
      visit(tile_a.columns(0, height), j, tile_b.columns(0, width));
    }
    done(i, height);
  }
}

}  // namespace

template <typename T>
void ragged_matrix(const RaggedSets& sets, const OverlapChoice& choice, T* out) {
  const auto matrix = FL_BOX_KERNEL(T, matrix);
  int64_t total = 0;
  for (int64_t g = 0; g < sets.groups; ++g) {
    total += (sets.offsets_a[g + 1] - sets.offsets_a[g]) *
             (sets.offsets_b[g + 1] - sets.offsets_b[g]);
  }
  T* const end = out + total;
  BoxJob<T> job{};
  job.metric = kernel_metric(choice);
  job.eps = static_cast<T>(choice.eps);
  for_each_image<T>(
      sets, choice,
      [&](const BoxColumns<T>& a, const BoxColumns<T>& b, size_t, size_t) noexcept {
        if (a.n == 0 || b.n == 0) return;
        job.a = a;
        job.b = b;
        job.out = out;
        job.out_row = static_cast<ptrdiff_t>(b.n);
        job.room = static_cast<size_t>(end - out);
        matrix(&job);
        out += a.n * b.n;
      },
      [](int64_t, int64_t) noexcept {},
      [&](int64_t g) noexcept {
        const BoxSet a = part(sets.a, sets.offsets_a, g);
        const BoxSet b = part(sets.b, sets.offsets_b, g);
        OverlapChoice here = choice;
        if (here.crowd != nullptr) here.crowd += sets.offsets_b[g] * choice.crowd_stride;
        box_matrix<T>(a, b, here, reinterpret_cast<unsigned char*>(out),
                      b.n * static_cast<int64_t>(sizeof(T)), sizeof(T));
        out += a.n * b.n;
      });
}

template <typename T>
void ragged_best(const RaggedSets& sets, int32_t metric, double threshold, int64_t* index,
                 T* value) {
  const auto best = FL_BOX_KERNEL(T, best);
  const T least = static_cast<T>(threshold);
  T values[kTileBoxes<T> + kBoxPad];
  IndexOf<T> rows[kTileBoxes<T> + kBoxPad];
  const auto write = [&](int64_t at, size_t n, int64_t first_b) noexcept {
    for (size_t i = 0; i < n; ++i) {
      const bool good = rows[i] >= 0 && values[i] >= least;
      index[at + static_cast<int64_t>(i)] = good ? first_b + rows[i] : -1;
      value[at + static_cast<int64_t>(i)] = good ? values[i] : T{0};
    }
  };
  for_each_image<T>(
      sets, {metric, 0, nullptr, 0},
      [&](const BoxColumns<T>& a, const BoxColumns<T>& b, size_t at_a, size_t at_b) noexcept {
        best(&a, &b, metric, 1, static_cast<int32_t>(at_b), values + at_a, rows + at_a);
      },
      [&](int64_t g, int64_t end) noexcept {
        write(sets.offsets_a[g], static_cast<size_t>(sets.offsets_a[end] - sets.offsets_a[g]),
              sets.offsets_b[g]);
      },
      [&](int64_t g) {
        const BoxSet all_a = part(sets.a, sets.offsets_a, g);
        const BoxSet all_b = part(sets.b, sets.offsets_b, g);
        const int64_t at = sets.offsets_a[g];
        if (best_among_met(all_a, all_b, metric, least, sets.offsets_b[g], index + at,
                           value + at)) {
          return;
        }
        for_each_tile<T>(
            all_a, all_b,
            [&](const BoxColumns<T>& a, size_t first, const BoxColumns<T>& b) noexcept {
              best(&a, &b, metric, first == 0, static_cast<int32_t>(first), values, rows);
            },
            [&](size_t i, size_t n) noexcept {
              write(at + static_cast<int64_t>(i), n, sets.offsets_b[g]);
            });
      });
}

template <typename T>
void ragged_counts(const RaggedSets& sets, double threshold, int64_t* counts) {
  const auto count = FL_BOX_KERNEL(T, count);
  const T least = static_cast<T>(threshold);
  IndexOf<T> totals[kTileBoxes<T> + kBoxPad];
  for_each_image<T>(
      sets, {FL_IOU, 0, nullptr, 0},
      [&](const BoxColumns<T>& a, const BoxColumns<T>& b, size_t at_a, size_t) noexcept {
        count(&a, &b, FL_IOU, 1, least, totals + at_a);
      },
      [&](int64_t g, int64_t end) noexcept {
        std::copy_n(totals, sets.offsets_a[end] - sets.offsets_a[g], counts + sets.offsets_a[g]);
      },
      [&](int64_t g) {
        const BoxSet all_a = part(sets.a, sets.offsets_a, g);
        const BoxSet all_b = part(sets.b, sets.offsets_b, g);
        if (count_among_met(all_a, all_b, least, counts + sets.offsets_a[g])) return;
        for_each_tile<T>(
            all_a, all_b,
            [&](const BoxColumns<T>& a, size_t first, const BoxColumns<T>& b) noexcept {
              count(&a, &b, FL_IOU, first == 0, least, totals);
            },
            [&](size_t i, size_t n) noexcept {
              std::copy_n(totals, n, counts + sets.offsets_a[g] + static_cast<int64_t>(i));
            });
      });
}

#define FL_INSTANTIATE(T)                                                                         \
  template void box_matrix<T>(const BoxSet&, const BoxSet&, const OverlapChoice&, unsigned char*, \
                              int64_t, int64_t) noexcept;                                         \
  template void box_aligned<T>(const BoxSet&, const BoxSet&, const OverlapChoice&,                \
                               unsigned char*, int64_t) noexcept;                                 \
  template void ragged_matrix<T>(const RaggedSets&, const OverlapChoice&, T*);                    \
  template void ragged_best<T>(const RaggedSets&, int32_t, double, int64_t*, T*);                 \
  template void ragged_counts<T>(const RaggedSets&, double, int64_t*);
FL_INSTANTIATE(float)
FL_INSTANTIATE(double)

}  // namespace fl
