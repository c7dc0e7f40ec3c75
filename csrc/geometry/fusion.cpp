#include "geometry/fusion.h"

#include <algorithm>
#include <numeric>

#include "geometry/index_choice.h"
#include "geometry/nms.h"

namespace fl {

namespace {

double overlap_of(Overlap kind, const double* a, double area_a, const double* b,
                  double area_b) noexcept {
  if (kind == Overlap::iou) return iou_of(a, area_a, b, area_b);
  const double w = std::min(a[2], b[2]) - std::max(a[0], b[0]);
  const double h = std::min(a[3], b[3]) - std::max(a[1], b[1]);
  return w > 0 && h > 0 ? w * h / std::min(area_a, area_b) : 0;
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
};

class Fusion {
 public:
  Fusion(const FusionInput& in, double threshold) noexcept : in_(in), threshold_(threshold) {}

  void add(int64_t row) {
    const double* b = in_.boxes + 4 * row;
    const double area = area_of(b);
    const size_t found = best_of(b, area);
    if (found == clusters_.size()) {
      clusters_.emplace_back();
      clusters_.back().label = in_.labels == nullptr ? 0 : in_.labels[row];
      clusters_.back().first_member = SIZE_MAX;
      boxes_.insert(boxes_.end(), b, b + 4);
      areas_.push_back(area);
    }
    join(found, row);
  }

  void finish(Confidence confidence, bool allows_overflow, std::vector<Fused>* out) {
    for (size_t c = 0; c < clusters_.size(); ++c) {
      const double* b = &boxes_[4 * c];
      out->push_back({{b[0], b[1], b[2], b[3]},
                      score_of(clusters_[c], confidence, allows_overflow),
                      clusters_[c].label});
    }
    clusters_.clear();
    members_.clear();
    boxes_.clear();
    areas_.clear();
  }

 private:
  struct Member {
    int64_t model;
    size_t before;
  };

  double weight(int64_t row) const noexcept { return in_.weights[in_.models[row]]; }

  // The first of the fused boxes with the largest IoU above the threshold; none: their number.
  size_t best_of(const double* b, double area) const noexcept {
    size_t best = clusters_.size();
    double most = threshold_;
    for (size_t c = 0; c < clusters_.size(); ++c) {
      const double iou = iou_of(&boxes_[4 * c], areas_[c], b, area);
      if (iou > most) {
        most = iou;
        best = c;
      }
    }
    return best;
  }

  void join(size_t number, int64_t row) {
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
    if (c.members > 1 && c.score_sum > 0) {
      double* fused = &boxes_[4 * number];
      for (int k = 0; k < 4; ++k) fused[k] = c.weighted[k] / c.score_sum;
      areas_[number] = area_of(fused);
    }
  }

  double score_of(const Cluster& c, Confidence confidence, bool allows_overflow) {
    const double all = std::accumulate(in_.weights, in_.weights + in_.n_models, 0.0);
    const double count = static_cast<double>(c.members);
    const double mean = c.score_sum / count;
    if (confidence == Confidence::maximum) {
      return c.score_max / *std::max_element(in_.weights, in_.weights + in_.n_models);
    }
    if (confidence == Confidence::average) {
      const double most = static_cast<double>(in_.n_models);
      return mean * (allows_overflow ? count : std::min(most, count)) / all;
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
  double threshold_;
  std::vector<Cluster> clusters_;
  std::vector<Member> members_;
  std::vector<double> boxes_;  // of the clusters
  std::vector<double> areas_;
  std::vector<uint8_t> present_;
};

}  // namespace

Merged non_max_merge(const double* boxes, const double* scores, const int64_t* classes, int64_t n,
                     Overlap overlap, double threshold) {
  const std::vector<int64_t> order = order_by_score(scores, n);
  std::vector<int64_t> ends;
  const std::vector<int64_t> grouped = order_by_class(order, classes, &ends);
  std::vector<int64_t> best(static_cast<size_t>(n));
  int64_t begin = 0;
  for (const int64_t end : ends) {
    // Over the smaller box a large partner may be of any size.
    const double reach = overlap == Overlap::iou ? threshold : 0;
    with_index(boxes, grouped.data() + begin, end - begin, reach, [&](auto& bests) {
      for (int64_t k = begin; k < end; ++k) {
        const int64_t row = grouped[static_cast<size_t>(k)];
        const double* b = boxes + 4 * row;
        int64_t first = k;
        if (measurable(b)) {
          const double area = area_of(b);
          bests.visit(b, [&](const IndexedBox& other) {
            if (other.id < first && overlap_of(overlap, other.box, other.area, b, area) > threshold) {
              first = other.id;
            }
            return false;
          });
          if (first == k) bests.insert(b, k);
        }
        best[static_cast<size_t>(row)] = grouped[static_cast<size_t>(first)];
      }
    });
    begin = end;
  }
  Merged out;
  out.group.resize(static_cast<size_t>(n));
  for (const int64_t row : order) {
    if (best[static_cast<size_t>(row)] != row) continue;
    out.group[static_cast<size_t>(row)] = static_cast<int64_t>(out.best.size());
    out.best.push_back(row);
  }
  for (int64_t i = 0; i < n; ++i) {
    out.group[static_cast<size_t>(i)] =
        out.group[static_cast<size_t>(best[static_cast<size_t>(i)])];
  }
  return out;
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

std::vector<Fused> weighted_boxes_fusion(const FusionInput& in, double iou_threshold, double skip,
                                         Confidence confidence, bool allows_overflow) {
  std::vector<double> weighted(static_cast<size_t>(in.n));
  for (int64_t i = 0; i < in.n; ++i) {
    weighted[static_cast<size_t>(i)] = in.scores[i] * in.weights[in.models[i]];
  }
  std::vector<int64_t> order = order_by_score(weighted.data(), in.n);
  std::erase_if(order, [&](int64_t i) {
    return in.scores[i] < skip || !measurable(in.boxes + 4 * i);
  });
  std::vector<int64_t> ends;
  const std::vector<int64_t> grouped = order_by_class(order, in.labels, &ends);
  Fusion fusion(in, iou_threshold);
  std::vector<Fused> out;
  int64_t begin = 0;
  for (const int64_t end : ends) {
    for (int64_t k = begin; k < end; ++k) fusion.add(grouped[static_cast<size_t>(k)]);
    fusion.finish(confidence, allows_overflow, &out);
    begin = end;
  }
  std::stable_sort(out.begin(), out.end(),
                   [](const Fused& a, const Fused& b) { return a.score > b.score; });
  return out;
}

}  // namespace fl
