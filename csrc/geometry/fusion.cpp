#include "geometry/fusion.h"

#include <algorithm>
#include <numeric>
#include <type_traits>

#include "geometry/index_choice.h"
#include "geometry/nms.h"
#include "geometry/overlap_lists.h"

namespace fl {

namespace {

// Over the smaller box a large partner may be of any size.
double reach_of(Overlap overlap, double threshold) noexcept {
  return overlap == Overlap::iou ? threshold : 0;
}

// The boxes of one cluster, summed so far, and the box that stands for them.
struct Cluster {
  double weighted[4] = {0, 0, 0, 0};
  double score_sum = 0;
  double score_max = 0;
  double weight_sum = 0;
  int64_t members = 0;
  int64_t label = 0;
  size_t first_member = 0;  // into a list of models, linked backwards
  size_t version = 0;       // of its box, counted over all clusters of the class
  bool loose = false;
};

class Fusion {
 public:
  Fusion(const FusionInput& in, const FusionRules& rules, BigVector<int64_t>* group) noexcept
      : in_(in), rules_(rules), group_(group) {}

  // One class: rows in order of weighted score.
  void fuse(const int64_t* rows, int64_t n) {
    with_index(in_.boxes, rows, n, reach_of(rules_.overlap, rules_.threshold), [&](auto& index) {
      for (int64_t k = 0; k < n; ++k) add(rows[k], index);
    });
    finish();
  }

  BigVector<Fused>& fused() noexcept { return out_; }

 private:
  struct Member {
    int64_t model;
    size_t before;
  };

  double weight(int64_t row) const noexcept { return in_.weights[in_.models[row]]; }

  template <typename Index>
  void add(int64_t row, Index& index) {
    const double* b = in_.boxes + 4 * row;
    const double area = area_of(b);
    const size_t found = best_of(b, area, index);
    const bool is_new = found == clusters_.size();
    if (is_new) {
      clusters_.emplace_back();
      clusters_.back().label = in_.labels == nullptr ? 0 : in_.labels[row];
      clusters_.back().first_member = SIZE_MAX;
      boxes_.insert(boxes_.end(), b, b + 4);
      areas_.push_back(area);
    }
    if (join(found, row) || is_new) find_again(found, index);
    if (group_ != nullptr) {
      (*group_)[static_cast<size_t>(row)] = static_cast<int64_t>(out_.size() + found);
    }
  }

  // The first of the fused boxes with the largest overlap above the threshold; none: their number.
  template <typename Index>
  size_t best_of(const double* b, double area, const Index& index) const {
    size_t best = clusters_.size();
    double most = rules_.threshold;
    const auto look = [&](size_t c) {
      const double shared = overlap_of(rules_.overlap, &boxes_[4 * c], areas_[c], b, area);
      if (shared > most || (shared == most && best < clusters_.size() && c < best)) {
        most = shared;
        best = c;
      }
    };
    index.visit(b, [&](const IndexedBox& other) {
      const auto version = static_cast<size_t>(other.id);
      const size_t c = cluster_of_[version];
      if (clusters_[c].version == version) look(c);  // else a place it has left
      return false;
    });
    for (const size_t c : loose_) look(c);
    return best;
  }

  // A fused box moves with every member; the index gets it again where it is now.
  template <typename Index>
  void find_again(size_t c, Index& index) {
    const double* box = &boxes_[4 * c];
    clusters_[c].version = cluster_of_.size();
    cluster_of_.push_back(c);
    if (ordinary(box) || (measurable(box) && std::is_same_v<Index, BoxTree>)) {
      index.insert(box, static_cast<int64_t>(clusters_[c].version));
    } else if (!clusters_[c].loose) {
      clusters_[c].loose = true;
      loose_.push_back(c);
    }
  }

  // Whether the fused box has moved.
  bool join(size_t number, int64_t row) {
    Cluster& c = clusters_[number];
    const double* b = in_.boxes + 4 * row;
    const double score = in_.scores[row] * weight(row);
    for (int k = 0; k < 4; ++k) c.weighted[k] += score * b[k];
    c.score_max = c.members == 0 ? score : std::max(c.score_max, score);
    c.score_sum += score;
    c.weight_sum += weight(row);
    ++c.members;
    members_.push_back({in_.models[row], c.first_member});
    c.first_member = members_.size() - 1;
    if (c.members < 2 || !(c.score_sum > 0)) return false;
    double* fused = &boxes_[4 * number];
    bool moved = false;
    for (int k = 0; k < 4; ++k) {
      const double at = c.weighted[k] / c.score_sum;
      moved = moved || at != fused[k];
      fused[k] = at;
    }
    areas_[number] = area_of(fused);
    return moved;
  }

  void finish() {
    for (size_t c = 0; c < clusters_.size(); ++c) {
      const double* b = &boxes_[4 * c];
      out_.push_back({{b[0], b[1], b[2], b[3]}, score_of(clusters_[c]), clusters_[c].label});
    }
    clusters_.clear();
    members_.clear();
    boxes_.clear();
    areas_.clear();
    cluster_of_.clear();
    loose_.clear();
  }

  double score_of(const Cluster& c) {
    const Confidence confidence = rules_.confidence;
    const double all = std::accumulate(in_.weights, in_.weights + in_.n_models, 0.0);
    const double count = static_cast<double>(c.members);
    const double mean = c.score_sum / count;
    if (confidence == Confidence::maximum) {
      return c.score_max / *std::max_element(in_.weights, in_.weights + in_.n_models);
    }
    if (confidence == Confidence::average) {
      const double most = static_cast<double>(in_.n_models);
      return mean * (rules_.allows_overflow ? count : std::min(most, count)) / all;
    }
    present_.assign(static_cast<size_t>(in_.n_models), 0);
    for (size_t m = c.first_member; m != SIZE_MAX; m = members_[m].before) {
      present_[static_cast<size_t>(members_[m].model)] = 1;
    }
    double here = 0;
    double absent = 0;
    for (int64_t m = 0; m < in_.n_models; ++m) {
      (present_[static_cast<size_t>(m)] != 0 ? here : absent) += in_.weights[m];
    }
    if (confidence == Confidence::box_and_model_average) {
      return mean * count / c.weight_sum * here / all;
    }
    return mean * count / (c.weight_sum + absent);
  }

  const FusionInput& in_;
  const FusionRules& rules_;
  BigVector<int64_t>* group_;
  BigVector<Fused> out_;
  BigVector<Cluster> clusters_;
  BigVector<Member> members_;
  BigVector<double> boxes_;  // of the clusters
  BigVector<double> areas_;
  BigVector<size_t> cluster_of_;  // of every version
  BigVector<size_t> loose_;       // clusters that no index takes
  BigVector<uint8_t> present_;
};

}  // namespace

namespace {

// Groups from the best row of every row.
Merged groups_of(const BigVector<int64_t>& order, const BigVector<int64_t>& best) {
  Merged out;
  out.group.resize(order.size());
  for (const int64_t row : order) {
    if (best[static_cast<size_t>(row)] != row) continue;
    out.group[static_cast<size_t>(row)] = static_cast<int64_t>(out.best.size());
    out.best.push_back(row);
  }
  for (size_t i = 0; i < best.size(); ++i) {
    out.group[i] = out.group[static_cast<size_t>(best[i])];
  }
  return out;
}

// Of every place in the rows, best score first, the first that overlaps it: itself where none
// does. Looked for among the bests, or among all.
void first_in_lists(const OverlapLists& lists, int64_t n, bool chained, int64_t* first) {
  for (int64_t k = 0; k < n; ++k) {
    first[k] = k;
    const auto at = static_cast<size_t>(k);
    for (size_t m = lists.starts[at]; m < lists.starts[at + 1]; ++m) {
      const int64_t other = lists.before[m];
      if (other < first[k] && (chained || first[other] == other)) first[k] = other;
    }
  }
}

template <typename Index>
void first_in_index(const double* boxes, const int64_t* rows, int64_t n, Overlap overlap,
                    double threshold, bool chained, Index* index, int64_t* first) {
  for (int64_t k = 0; k < n; ++k) {
    const double* b = boxes + 4 * rows[k];
    first[k] = k;
    if (!measurable(b)) continue;
    const double area = area_of(b);
    index->visit(b, [&](const IndexedBox& other) {
      if (other.id < first[k] && overlap_of(overlap, other.box, other.area, b, area) > threshold) {
        first[k] = other.id;
      }
      return false;
    });
    if (chained || first[k] == k) index->insert(b, k);
  }
}

Merged merge(const double* boxes, const BigVector<int64_t>& order, const int64_t* classes,
             Overlap overlap, double threshold, bool chained) {
  BigVector<int64_t> ends;
  const BigVector<int64_t> grouped = order_by_class(order, classes, &ends);
  BigVector<int64_t> best(order.size());
  BigVector<int64_t> first(order.size());
  OverlapLists lists;
  int64_t begin = 0;
  for (const int64_t end : ends) {
    const int64_t* rows = grouped.data() + begin;
    const int64_t count = end - begin;
    if (count >= OverlapLists::kPays &&
        find_overlaps(boxes, rows, count, overlap, threshold, &lists)) {
      first_in_lists(lists, count, chained, first.data());
    } else {
      with_index(boxes, rows, count, reach_of(overlap, threshold), [&](auto& index) {
        first_in_index(boxes, rows, count, overlap, threshold, chained, &index, first.data());
      });
    }
    for (int64_t k = 0; k < count; ++k) {
      // The group of a better one is settled.
      const int64_t row = rows[k];
      const int64_t other = rows[first[static_cast<size_t>(k)]];
      best[static_cast<size_t>(row)] = other == row ? row : best[static_cast<size_t>(other)];
    }
    begin = end;
  }
  return groups_of(order, best);
}

}  // namespace

Merged non_max_merge(const double* boxes, const double* scores, const int64_t* classes, int64_t n,
                     Overlap overlap, double threshold) {
  return merge(boxes, order_by_score(scores, n), classes, overlap, threshold, false);
}

Merged non_max_merge(const double* boxes, const BigVector<int64_t>& order,
                     const int64_t* classes, Overlap overlap, double threshold) {
  return merge(boxes, order, classes, overlap, threshold, false);
}

Merged chained_merge(const double* boxes, const double* scores, const int64_t* classes, int64_t n,
                     Overlap overlap, double threshold) {
  return merge(boxes, order_by_score(scores, n), classes, overlap, threshold, true);
}

Merged chained_merge(const double* boxes, const BigVector<int64_t>& order,
                     const int64_t* classes, Overlap overlap, double threshold) {
  return merge(boxes, order, classes, overlap, threshold, true);
}

void merged_boxes(const double* boxes, int64_t n, const Merged& merged, double* out) noexcept {
  for (size_t g = 0; g < merged.best.size(); ++g) {
    std::copy_n(boxes + 4 * merged.best[g], 4, out + 4 * g);
  }
  for (int64_t i = 0; i < n; ++i) {
    const double* b = boxes + 4 * i;
    double* to = out + 4 * merged.group[static_cast<size_t>(i)];
    to[0] = std::min(to[0], b[0]);
    to[1] = std::min(to[1], b[1]);
    to[2] = std::max(to[2], b[2]);
    to[3] = std::max(to[3], b[3]);
  }
}

BigVector<Fused> weighted_boxes_fusion(const FusionInput& in, const FusionRules& rules,
                                         BigVector<int64_t>* group) {
  BigVector<double> weighted(static_cast<size_t>(in.n));
  for (int64_t i = 0; i < in.n; ++i) {
    weighted[static_cast<size_t>(i)] = in.scores[i] * in.weights[in.models[i]];
  }
  BigVector<int64_t> order = order_by_score(weighted.data(), in.n);
  std::erase_if(order, [&](int64_t i) {
    return in.scores[i] < rules.skip || !measurable(in.boxes + 4 * i);
  });
  if (group != nullptr) group->assign(static_cast<size_t>(in.n), -1);
  BigVector<int64_t> ends;
  const BigVector<int64_t> grouped = order_by_class(order, in.labels, &ends);
  Fusion fusion(in, rules, group);
  int64_t begin = 0;
  for (const int64_t end : ends) {
    fusion.fuse(grouped.data() + begin, end - begin);
    begin = end;
  }
  const BigVector<Fused>& found = fusion.fused();
  BigVector<int64_t> ranks(found.size());
  std::iota(ranks.begin(), ranks.end(), int64_t{0});
  std::stable_sort(ranks.begin(), ranks.end(), [&](int64_t a, int64_t b) {
    return found[static_cast<size_t>(a)].score > found[static_cast<size_t>(b)].score;
  });
  BigVector<Fused> out;
  BigVector<int64_t> place(found.size());
  for (const int64_t f : ranks) {
    place[static_cast<size_t>(f)] = static_cast<int64_t>(out.size());
    out.push_back(found[static_cast<size_t>(f)]);
  }
  if (group != nullptr) {
    for (int64_t& g : *group) {
      if (g >= 0) g = place[static_cast<size_t>(g)];
    }
  }
  return out;
}

}  // namespace fl
