#include "geometry/tile_merge.h"

#include <algorithm>
#include <limits>
#include <numeric>
#include <utility>

#include "geometry/nms.h"
#include "geometry/tile_join.h"

namespace fl {

namespace {

// Where each frame ends, and past which sides of its windows it goes on.
struct Frames {
  BigVector<double> ends;     // four numbers an image
  BigVector<double> windows;  // four numbers a window, cut to its frame
  BigVector<uint8_t> inner;
  BigVector<double> shorter;  // of an image: the shortest side among its tiles
};

int64_t image_of(const TileMergeInput& in, int64_t window) noexcept {
  return in.images == nullptr ? 0 : in.images[window];
}

bool is_whole(const TileMergeInput& in, int64_t window) noexcept {
  return in.whole != nullptr && in.whole[window] != 0;
}

Frames frames_of(const TileMergeInput& in) {
  constexpr double kFar = std::numeric_limits<double>::infinity();
  Frames f;
  f.ends.resize(static_cast<size_t>(4 * in.n_images));
  f.shorter.assign(static_cast<size_t>(in.n_images), kFar);
  for (size_t i = 0; i < f.ends.size(); i += 4) {
    f.ends[i] = f.ends[i + 1] = in.sizes != nullptr ? 0 : kFar;
    for (size_t k = 2; k < 4; ++k) {
      f.ends[i + k] = in.sizes != nullptr ? static_cast<double>(in.sizes[i / 2 + k - 2]) : -kFar;
    }
  }
  f.windows.resize(static_cast<size_t>(4 * in.n_windows));
  for (int64_t w = 0; w < in.n_windows; ++w) {
    double* end = &f.ends[static_cast<size_t>(4 * image_of(in, w))];
    double* window = &f.windows[static_cast<size_t>(4 * w)];
    for (int k = 0; k < 4; ++k) window[k] = static_cast<double>(in.windows[4 * w + k]);
    if (!is_whole(in, w)) {
      double& shorter = f.shorter[static_cast<size_t>(image_of(in, w))];
      shorter = std::min({shorter, window[2] - window[0], window[3] - window[1]});
    }
    if (in.sizes != nullptr) continue;
    for (int k = 0; k < 2; ++k) end[k] = std::min(end[k], window[k]);
    for (int k = 2; k < 4; ++k) end[k] = std::max(end[k], window[k]);
  }
  for (int64_t w = 0; w < in.n_windows; ++w) {
    const double* end = &f.ends[static_cast<size_t>(4 * image_of(in, w))];
    double* window = &f.windows[static_cast<size_t>(4 * w)];
    int sides = 0;
    for (int k = 0; k < 2; ++k) {
      if (window[k] > end[k]) sides |= kLeft << k;
      if (window[k + 2] < end[k + 2]) sides |= kRight << k;
      window[k] = std::max(window[k], end[k]);
      window[k + 2] = std::min(window[k + 2], end[k + 2]);
    }
    f.inner.push_back(static_cast<uint8_t>(sides));
  }
  return f;
}

// The rows that take part, in the frame's pixels and cut to their windows: tile by tile, so that
// what is near in the frame is near in memory too.
struct Placed {
  BigVector<int64_t> rows;
  BigVector<int64_t> order;  // places in here, the best first; of equal scores the first row
  BigVector<double> boxes;
  BigVector<double> scores;
  BigVector<int64_t> window_of;
  BigVector<int64_t> images;
  BigVector<int64_t> labels;
  BigVector<int64_t> keys;  // rows of one key can meet

  int64_t size() const noexcept { return static_cast<int64_t>(rows.size()); }
};

// Rows window by window, in each in their order; those of window w end at ends[w].
BigVector<int64_t> rows_by_window(const TileMergeInput& in, BigVector<int64_t>* ends) {
  BigVector<int64_t> rows(static_cast<size_t>(in.n));
  BigVector<int64_t>& at = *ends;
  at.assign(static_cast<size_t>(in.n_windows) + 1, 0);
  for (int64_t i = 0; i < in.n; ++i) ++at[static_cast<size_t>(in.tiles[i]) + 1];
  std::partial_sum(at.begin(), at.end(), at.begin());
  for (int64_t i = 0; i < in.n; ++i) {
    rows[static_cast<size_t>(at[static_cast<size_t>(in.tiles[i])]++)] = i;
  }
  return rows;
}

Placed place(const TileMergeInput& in, const TileMergeRules& rules, const Frames& frames,
             TileMerged* out) {
  Placed p;
  const auto n = static_cast<size_t>(in.n);
  for (auto* column : {&p.rows, &p.window_of, &p.images, &p.labels}) column->reserve(n);
  p.boxes.reserve(4 * n);
  p.scores.reserve(n);
  BigVector<int64_t> window_ends;
  const BigVector<int64_t> by_window = rows_by_window(in, &window_ends);
  size_t next = 0;
  for (int64_t w = 0; w < in.n_windows; ++w) {
    const double* window = &frames.windows[static_cast<size_t>(4 * w)];
    const bool shifts = rules.in_tile_pixels && !is_whole(in, w);
    const double x = shifts ? static_cast<double>(in.windows[4 * w]) : 0;
    const double y = shifts ? static_cast<double>(in.windows[4 * w + 1]) : 0;
    const int64_t image = image_of(in, w);
    for (; next < static_cast<size_t>(window_ends[static_cast<size_t>(w)]); ++next) {
      const size_t later = place_ahead(by_window, next);
      __builtin_prefetch(in.boxes + 4 * later);
      __builtin_prefetch(in.boxes + 4 * later + 3);
      __builtin_prefetch(in.scores + later);
      if (in.labels != nullptr) __builtin_prefetch(in.labels + later);
      const int64_t i = by_window[next];
      const double* b = in.boxes + 4 * i;
      if (!(b[2] > b[0] && b[3] > b[1])) {
        ++out->empty;
        continue;
      }
      const double box[4] = {std::max(b[0] + x, window[0]), std::max(b[1] + y, window[1]),
                             std::min(b[2] + x, window[2]), std::min(b[3] + y, window[3])};
      if (!measurable(box)) {
        ++(box[2] > box[0] && box[3] > box[1] ? out->empty : out->outside);
        continue;
      }
      p.rows.push_back(i);
      p.boxes.insert(p.boxes.end(), box, box + 4);
      p.scores.push_back(in.scores[i]);
      p.window_of.push_back(w);
      p.images.push_back(image);
      p.labels.push_back(in.labels == nullptr ? 0 : in.labels[i]);
    }
  }
  p.order = order_by_score(p.scores.data(), p.size(), p.rows.data());
  p.keys = p.images;
  if (!rules.by_label || in.labels == nullptr || p.labels.empty()) return p;
  // Labels are mostly few and small: then a key is worked out, not looked for by sorting.
  const auto [low, high] = std::minmax_element(p.labels.begin(), p.labels.end());
  const uint64_t reach = static_cast<uint64_t>(*high) - static_cast<uint64_t>(*low);
  if (reach < n && (reach + 1) * static_cast<uint64_t>(in.n_images) <= 4 * n) {
    const int64_t least = *low;
    const auto span = static_cast<int64_t>(reach + 1);
    for (size_t k = 0; k < p.keys.size(); ++k) {
      p.keys[k] = p.images[k] * span + (p.labels[k] - least);
    }
    return p;
  }
  BigVector<int64_t> rows(p.rows.size());
  std::iota(rows.begin(), rows.end(), int64_t{0});
  BigVector<int64_t> ends;
  rows = order_by_class(order_by_class(rows, p.labels.data(), &ends), p.images.data(), &ends);
  int64_t key = 0;
  for (size_t k = 0; k < rows.size(); ++k) {
    const auto row = static_cast<size_t>(rows[k]);
    const auto last = static_cast<size_t>(rows[k == 0 ? 0 : k - 1]);
    if (p.labels[row] != p.labels[last] || p.images[row] != p.images[last]) ++key;
    p.keys[row] = key;
  }
  return p;
}

// One result for every kept unit: a box after joining.
struct Kept {
  BigVector<int64_t> best;   // unit
  BigVector<double> boxes;   // of every result
  BigVector<double> scores;
  BigVector<int64_t> group;  // of every unit its result, or -1
};

// Units in the order of their best rows in the input, for methods that break ties by it.
struct Units {
  BigVector<int64_t> numbers;
  BigVector<double> boxes;
  BigVector<double> scores;
  BigVector<int64_t> keys;

  Units(const TileMergeInput& in, const Placed& p, const Joined& joined) {
    BigVector<int64_t> of_row(static_cast<size_t>(in.n), -1);
    for (size_t k = 0; k < joined.best.size(); ++k) {
      const auto best = static_cast<size_t>(joined.best[k]);
      of_row[static_cast<size_t>(p.rows[best])] = static_cast<int64_t>(k);
    }
    for (size_t row = 0; row < of_row.size(); ++row) {
      if (of_row[row] < 0) continue;
      const auto k = static_cast<size_t>(of_row[row]);
      numbers.push_back(of_row[row]);
      boxes.insert(boxes.end(), &joined.boxes[4 * k], &joined.boxes[4 * k] + 4);
      scores.push_back(in.scores[row]);
      keys.push_back(p.keys[static_cast<size_t>(joined.best[k])]);
    }
  }
  int64_t size() const noexcept { return static_cast<int64_t>(numbers.size()); }
};

Kept fade(const Units& units, const TileMergeRules& rules) {
  const Decay decay = rules.method == TileMethod::soft_linear ? Decay::linear : Decay::gaussian;
  Kept out;
  out.group.assign(units.numbers.size(), -1);
  for (const Decayed& d :
       soft_nms(units.boxes.data(), units.scores.data(), units.keys.data(), units.size(),
                {decay, rules.overlap, rules.threshold, rules.sigma, rules.score_threshold})) {
    const int64_t unit = units.numbers[static_cast<size_t>(d.row)];
    const double* box = &units.boxes[static_cast<size_t>(4 * d.row)];
    out.group[static_cast<size_t>(unit)] = static_cast<int64_t>(out.best.size());
    out.best.push_back(unit);
    out.scores.push_back(d.score);
    out.boxes.insert(out.boxes.end(), box, box + 4);
  }
  return out;
}

Kept fuse(const Units& units, const TileMergeRules& rules) {
  const BigVector<int64_t> models(units.numbers.size(), 0);
  const double weight = 1;
  BigVector<int64_t> group;
  const auto fused = weighted_boxes_fusion(
      {units.boxes.data(), units.scores.data(), units.keys.data(), models.data(), units.size(),
       &weight, 1},
      {rules.overlap, rules.threshold, -std::numeric_limits<double>::infinity(),
       rules.confidence, false},
      &group);
  Kept out;
  out.group.resize(group.size());
  BigVector<int64_t> best(fused.size(), -1);
  for (size_t k = 0; k < group.size(); ++k) {
    out.group[static_cast<size_t>(units.numbers[k])] = group[k];
    int64_t& b = best[static_cast<size_t>(group[k])];
    if (b < 0 || units.scores[k] > units.scores[static_cast<size_t>(b)]) {
      b = static_cast<int64_t>(k);
    }
  }
  for (size_t f = 0; f < fused.size(); ++f) {
    out.best.push_back(units.numbers[static_cast<size_t>(best[f])]);
    out.scores.push_back(fused[f].score);
    out.boxes.insert(out.boxes.end(), fused[f].box, fused[f].box + 4);
  }
  return out;
}

Kept keep(const TileMergeInput& in, const Placed& p, const Joined& units,
          const TileMergeRules& rules) {
  switch (rules.method) {
    case TileMethod::soft_linear:
    case TileMethod::soft_gaussian:
      return fade(Units(in, p, units), rules);
    case TileMethod::fuse:
      return fuse(Units(in, p, units), rules);
    default:
      break;
  }
  const size_t n = units.best.size();
  BigVector<int64_t> keys(n);
  BigVector<int64_t> led(p.rows.size(), -1);  // of every best place its unit
  for (size_t k = 0; k < n; ++k) {
    const auto best = static_cast<size_t>(units.best[k]);
    keys[k] = p.keys[best];
    led[best] = static_cast<int64_t>(k);
  }
  BigVector<int64_t> order;
  order.reserve(n);
  for (size_t k = 0; k < p.order.size(); ++k) {
    __builtin_prefetch(&led[place_ahead(p.order, k)]);
    const int64_t unit = led[static_cast<size_t>(p.order[k])];
    if (unit >= 0) order.push_back(unit);
  }
  const double* boxes = units.boxes.data();
  Merged merged = rules.method == TileMethod::chained_merge
                      ? chained_merge(boxes, order, keys.data(), rules.overlap, rules.threshold)
                      : non_max_merge(boxes, order, keys.data(), rules.overlap, rules.threshold);
  Kept out;
  out.boxes.resize(4 * merged.best.size());
  if (rules.method != TileMethod::suppress) {
    merged_boxes(boxes, static_cast<int64_t>(n), merged, out.boxes.data());
  }
  out.scores.reserve(merged.best.size());
  for (size_t g = 0; g < merged.best.size(); ++g) {
    const auto best = static_cast<size_t>(merged.best[g]);
    const size_t later = place_ahead(merged.best, g);
    __builtin_prefetch(&units.best[later]);
    __builtin_prefetch(boxes + 4 * later);
    out.scores.push_back(p.scores[static_cast<size_t>(units.best[best])]);
    if (rules.method == TileMethod::suppress) {
      std::copy_n(boxes + 4 * best, 4, &out.boxes[4 * g]);
    }
  }
  out.best = std::move(merged.best);
  out.group = std::move(merged.group);
  return out;
}

TileMerged merge_frames(const TileMergeInput& in, const TileMergeRules& rules) {
  const BigPagesKept pages;
  TileMerged out;
  const Frames frames = frames_of(in);
  const Placed p = place(in, rules, frames, &out);
  BigVector<double> large(static_cast<size_t>(in.n_windows));
  BigVector<uint8_t> whole(static_cast<size_t>(in.n_windows));
  BigVector<int64_t> image_of_window(static_cast<size_t>(in.n_windows));
  for (int64_t w = 0; w < in.n_windows; ++w) {
    const auto k = static_cast<size_t>(w);
    whole[k] = is_whole(in, w) ? 1 : 0;
    image_of_window[k] = image_of(in, w);
    large[k] = rules.large * frames.shorter[static_cast<size_t>(image_of(in, w))];
  }
  const Joined units =
      join_parts({p.boxes.data(), &p.order, p.keys.data(), p.window_of.data(),
                  frames.windows.data(), frames.inner.data(), whole.data(), large.data(),
                  p.size(), image_of_window.data(), in.n_windows, in.n_images},
                 {rules.joins, rules.join_threshold, rules.tolerance});
  const Kept kept = keep(in, p, units, rules);

  // By image; in each by score and then by the best row, as all methods but fusion order them.
  BigVector<int64_t> order(kept.best.size());
  std::iota(order.begin(), order.end(), int64_t{0});
  const auto best_place = [&](int64_t result) {
    return static_cast<size_t>(
        units.best[static_cast<size_t>(kept.best[static_cast<size_t>(result)])]);
  };
  const auto row_of = [&](int64_t result) { return p.rows[best_place(result)]; };
  if (rules.method == TileMethod::fuse) {
    std::sort(order.begin(), order.end(), [&](int64_t a, int64_t b) {
      return std::pair(-kept.scores[static_cast<size_t>(a)], row_of(a)) <
             std::pair(-kept.scores[static_cast<size_t>(b)], row_of(b));
    });
  }
  if (in.n_images > 1) {
    BigVector<int64_t> images(order.size());
    for (size_t g = 0; g < images.size(); ++g) {
      images[g] = p.images[best_place(static_cast<int64_t>(g))];
    }
    BigVector<int64_t> ends;
    order = order_by_class(order, images.data(), &ends);
  }
  BigVector<int64_t> number(order.size());
  out.boxes.reserve(4 * order.size());
  for (auto* column : {&out.images, &out.labels}) column->reserve(order.size());
  out.scores.reserve(order.size());
  for (size_t k = 0; k < order.size(); ++k) {
    const auto g = static_cast<size_t>(order[k]);
    __builtin_prefetch(&units.best[static_cast<size_t>(kept.best[place_ahead(order, k)])]);
    number[g] = static_cast<int64_t>(k);
    out.boxes.insert(out.boxes.end(), &kept.boxes[4 * g], &kept.boxes[4 * g] + 4);
    out.scores.push_back(kept.scores[g]);
    out.images.push_back(p.images[best_place(order[k])]);
    out.labels.push_back(p.labels[best_place(order[k])]);
  }
  out.joined.assign(order.size(), 0);
  out.offsets.assign(order.size() + 1, 0);
  BigVector<int64_t> result_of(p.rows.size(), -1);
  for (size_t i = 0; i < p.rows.size(); ++i) {
    const auto unit = static_cast<size_t>(units.group[i]);
    const int64_t g = kept.group[unit];
    if (g < 0) {
      ++out.faded;
      continue;
    }
    const int64_t k = number[static_cast<size_t>(g)];
    result_of[i] = k;
    ++out.offsets[static_cast<size_t>(k) + 1];
    if (units.is_union[unit] != 0) out.joined[static_cast<size_t>(k)] = 1;
  }
  std::partial_sum(out.offsets.begin(), out.offsets.end(), out.offsets.begin());
  out.members.resize(static_cast<size_t>(out.offsets.back()));
  BigVector<int64_t> at(out.offsets.begin(), out.offsets.end() - 1);
  for (size_t step = 0; step < p.order.size(); ++step) {
    const size_t later = place_ahead(p.order, step);
    __builtin_prefetch(&result_of[later]);
    __builtin_prefetch(&p.rows[later]);
    const auto i = static_cast<size_t>(p.order[step]);
    const int64_t k = result_of[i];
    if (k < 0) continue;
    out.members[static_cast<size_t>(at[static_cast<size_t>(k)]++)] = p.rows[i];
  }
  return out;
}

}  // namespace

TileMerged merge_tiles(const TileMergeInput& in, const TileMergeRules& rules) {
  if (in.n_images <= in.n_windows + 1) return merge_frames(in, rules);
  // Images that no window is of take no room.
  BigVector<int64_t> shown;
  for (int64_t w = 0; w < in.n_windows; ++w) shown.push_back(image_of(in, w));
  BigVector<int64_t> images = shown;
  std::sort(shown.begin(), shown.end());
  shown.erase(std::unique(shown.begin(), shown.end()), shown.end());
  for (int64_t& image : images) {
    image = std::lower_bound(shown.begin(), shown.end(), image) - shown.begin();
  }
  BigVector<int64_t> sizes;
  TileMergeInput dense = in;
  if (in.sizes != nullptr) {
    for (const int64_t image : shown) {
      sizes.insert(sizes.end(), in.sizes + 2 * image, in.sizes + 2 * image + 2);
    }
    dense.sizes = sizes.data();
  }
  dense.images = images.data();
  dense.n_images = static_cast<int64_t>(shown.size());
  TileMerged out = merge_frames(dense, rules);
  for (int64_t& image : out.images) image = shown[static_cast<size_t>(image)];
  return out;
}

}  // namespace fl
