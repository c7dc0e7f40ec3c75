#include "geometry/tile_merge.h"

#include <algorithm>
#include <limits>
#include <numeric>
#include <tuple>

#include "geometry/nms.h"
#include "geometry/tile_join.h"

namespace fl {

namespace {

// Where each frame ends, and past which sides of its windows it goes on.
struct Frames {
  std::vector<double> ends;     // four numbers an image
  std::vector<double> windows;  // four numbers a window, cut to its frame
  std::vector<uint8_t> inner;
  std::vector<double> shorter;  // of an image: the shortest side among its tiles
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

// The rows that take part, in the frame's pixels and cut to their windows.
struct Placed {
  std::vector<int64_t> rows;
  std::vector<double> boxes;
  std::vector<double> scores;
  std::vector<int64_t> window_of;
  std::vector<int64_t> images;
  std::vector<int64_t> labels;
  std::vector<int64_t> keys;  // rows of one key can meet

  int64_t size() const noexcept { return static_cast<int64_t>(rows.size()); }
};

Placed place(const TileMergeInput& in, const TileMergeRules& rules, const Frames& frames,
             TileMerged* out) {
  Placed p;
  for (int64_t i = 0; i < in.n; ++i) {
    const int64_t w = in.tiles[i];
    const double* b = in.boxes + 4 * i;
    const double* window = &frames.windows[static_cast<size_t>(4 * w)];
    if (!(b[2] > b[0] && b[3] > b[1])) {
      ++out->empty;
      continue;
    }
    double box[4];
    for (int k = 0; k < 4; ++k) {
      const bool shifts = rules.in_tile_pixels && !is_whole(in, w);
      const double at = b[k] + (shifts ? static_cast<double>(in.windows[4 * w + k % 2]) : 0);
      box[k] = k < 2 ? std::max(at, window[k]) : std::min(at, window[k]);
    }
    if (!measurable(box)) {
      ++(box[2] > box[0] && box[3] > box[1] ? out->empty : out->outside);
      continue;
    }
    p.rows.push_back(i);
    p.boxes.insert(p.boxes.end(), box, box + 4);
    p.scores.push_back(in.scores[i]);
    p.window_of.push_back(w);
    p.images.push_back(image_of(in, w));
    p.labels.push_back(in.labels == nullptr ? 0 : in.labels[i]);
  }
  p.keys = p.images;
  if (!rules.by_label || in.labels == nullptr) return p;
  std::vector<std::pair<int64_t, int64_t>> kinds;
  for (size_t k = 0; k < p.rows.size(); ++k) kinds.emplace_back(p.images[k], p.labels[k]);
  std::vector<int64_t> order(p.rows.size());
  std::iota(order.begin(), order.end(), int64_t{0});
  std::sort(order.begin(), order.end(), [&](int64_t a, int64_t b) {
    return kinds[static_cast<size_t>(a)] < kinds[static_cast<size_t>(b)];
  });
  int64_t key = -1;
  for (size_t k = 0; k < order.size(); ++k) {
    const auto row = static_cast<size_t>(order[k]);
    if (k == 0 || kinds[row] != kinds[static_cast<size_t>(order[k - 1])]) ++key;
    p.keys[row] = key;
  }
  return p;
}

// Boxes after joining: what the method works on. Their numbers rise with those of their best rows.
struct Units {
  std::vector<double> scores;
  std::vector<int64_t> keys;
};

// One result for every kept unit.
struct Kept {
  std::vector<int64_t> best;    // unit
  std::vector<double> boxes;
  std::vector<double> scores;
  std::vector<int64_t> group;  // of every unit its result, or -1
};

Kept keep(const Joined& units, const Units& u, const TileMergeRules& rules) {
  const auto n = static_cast<int64_t>(units.best.size());
  const double* boxes = units.boxes.data();
  Kept out;
  if (rules.method == TileMethod::soft_linear || rules.method == TileMethod::soft_gaussian) {
    const Decay decay = rules.method == TileMethod::soft_linear ? Decay::linear : Decay::gaussian;
    out.group.assign(static_cast<size_t>(n), -1);
    for (const Decayed& d : soft_nms(boxes, u.scores.data(), u.keys.data(), n,
                                     {decay, rules.overlap, rules.threshold, rules.sigma,
                                      rules.score_threshold})) {
      out.group[static_cast<size_t>(d.row)] = static_cast<int64_t>(out.best.size());
      out.best.push_back(d.row);
      out.scores.push_back(d.score);
      out.boxes.insert(out.boxes.end(), boxes + 4 * d.row, boxes + 4 * d.row + 4);
    }
    return out;
  }
  if (rules.method == TileMethod::fuse) {
    const std::vector<int64_t> models(static_cast<size_t>(n), 0);
    const double weight = 1;
    const auto fused = weighted_boxes_fusion(
        {boxes, u.scores.data(), u.keys.data(), models.data(), n, &weight, 1},
        {rules.overlap, rules.threshold, -std::numeric_limits<double>::infinity(),
         rules.confidence, false},
        &out.group);
    out.best.assign(fused.size(), -1);
    for (int64_t k = 0; k < n; ++k) {
      int64_t& best = out.best[static_cast<size_t>(out.group[static_cast<size_t>(k)])];
      if (best < 0 || u.scores[static_cast<size_t>(k)] > u.scores[static_cast<size_t>(best)]) {
        best = k;
      }
    }
    for (const Fused& f : fused) {
      out.scores.push_back(f.score);
      out.boxes.insert(out.boxes.end(), f.box, f.box + 4);
    }
    return out;
  }
  const auto merge = rules.method == TileMethod::chained_merge ? chained_merge : non_max_merge;
  const Merged merged =
      merge(boxes, u.scores.data(), u.keys.data(), n, rules.overlap, rules.threshold);
  out.best = merged.best;
  out.group = merged.group;
  out.boxes.resize(4 * merged.best.size());
  if (rules.method != TileMethod::suppress) merged_boxes(boxes, n, merged, out.boxes.data());
  for (size_t g = 0; g < merged.best.size(); ++g) {
    const auto best = static_cast<size_t>(merged.best[g]);
    out.scores.push_back(u.scores[best]);
    if (rules.method == TileMethod::suppress) {
      std::copy_n(boxes + 4 * best, 4, &out.boxes[4 * g]);
    }
  }
  return out;
}

}  // namespace

TileMerged merge_tiles(const TileMergeInput& in, const TileMergeRules& rules) {
  TileMerged out;
  const Frames frames = frames_of(in);
  const Placed p = place(in, rules, frames, &out);
  std::vector<double> large(static_cast<size_t>(in.n_windows));
  std::vector<uint8_t> whole(static_cast<size_t>(in.n_windows));
  for (int64_t w = 0; w < in.n_windows; ++w) {
    const auto k = static_cast<size_t>(w);
    whole[k] = is_whole(in, w) ? 1 : 0;
    large[k] = rules.large * frames.shorter[static_cast<size_t>(image_of(in, w))];
  }
  const Joined units =
      join_parts({p.boxes.data(), p.scores.data(), p.keys.data(), p.window_of.data(),
                  frames.windows.data(), frames.inner.data(), whole.data(), large.data(),
                  p.size()},
                 {rules.joins, rules.join_threshold, rules.tolerance});
  Units u;
  for (const int64_t best : units.best) {
    u.scores.push_back(p.scores[static_cast<size_t>(best)]);
    u.keys.push_back(p.keys[static_cast<size_t>(best)]);
  }
  const Kept kept = keep(units, u, rules);

  // By image; in each the method's order, which is by score and then by the best row.
  std::vector<int64_t> order(kept.best.size());
  std::iota(order.begin(), order.end(), int64_t{0});
  const auto best_row = [&](int64_t result) {
    return static_cast<size_t>(
        units.best[static_cast<size_t>(kept.best[static_cast<size_t>(result)])]);
  };
  std::sort(order.begin(), order.end(), [&](int64_t a, int64_t b) {
    return std::tuple(p.images[best_row(a)], -kept.scores[static_cast<size_t>(a)], best_row(a)) <
           std::tuple(p.images[best_row(b)], -kept.scores[static_cast<size_t>(b)], best_row(b));
  });
  std::vector<int64_t> number(order.size());
  for (size_t k = 0; k < order.size(); ++k) {
    const auto g = static_cast<size_t>(order[k]);
    number[g] = static_cast<int64_t>(k);
    out.boxes.insert(out.boxes.end(), &kept.boxes[4 * g], &kept.boxes[4 * g] + 4);
    out.scores.push_back(kept.scores[g]);
    out.images.push_back(p.images[best_row(order[k])]);
    out.labels.push_back(p.labels[best_row(order[k])]);
  }
  out.joined.assign(order.size(), 0);
  out.offsets.assign(order.size() + 1, 0);
  std::vector<int64_t> result_of(p.rows.size(), -1);
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
  std::vector<int64_t> at(out.offsets.begin(), out.offsets.end() - 1);
  for (const int64_t i : order_by_score(p.scores.data(), p.size())) {
    const int64_t k = result_of[static_cast<size_t>(i)];
    if (k < 0) continue;
    out.members[static_cast<size_t>(at[static_cast<size_t>(k)]++)] =
        p.rows[static_cast<size_t>(i)];
  }
  return out;
}

}  // namespace fl
