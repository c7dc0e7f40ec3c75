// Fusion: many overlapping predictions become one. float64 x1 y1 x2 y2, rows contiguous.
#pragma once

#include <cstdint>
#include <vector>

namespace fl {

enum class Overlap { iou, ios };  // over the union; over the smaller of the two

struct Merged {
  std::vector<int64_t> best;   // the best row of every group, best score first
  std::vector<int64_t> group;  // of every row
};

// Greedy non-maximum merging: as suppression, but a suppressed box joins the group of the first
// box that suppresses it. Classes may be null: one class.
Merged non_max_merge(const double* boxes, const double* scores, const int64_t* classes, int64_t n,
                     Overlap overlap, double threshold);
// The box around each group. out: four numbers for every group.
void merged_boxes(const double* boxes, int64_t n, const Merged& merged, double* out) noexcept;

enum class Confidence { average, maximum, box_and_model_average, absent_model_aware_average };

struct Fused {
  double box[4];
  double score;
  int64_t label;
};

struct FusionInput {
  const double* boxes;
  const double* scores;
  const int64_t* labels;  // may be null: one label
  const int64_t* models;  // of every row, below the number of models
  int64_t n;
  const double* weights;  // of every model
  int64_t n_models;
};

// Weighted boxes fusion (Solovyev, Wang and Gabruseva 2021). Rows with a score below `skip` and
// boxes that measure nothing take no part. Best score first.
std::vector<Fused> weighted_boxes_fusion(const FusionInput& in, double iou_threshold, double skip,
                                         Confidence confidence, bool allows_overflow);

}  // namespace fl
