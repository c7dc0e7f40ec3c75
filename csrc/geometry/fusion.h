// Fusion: many overlapping predictions become one. float64 x1 y1 x2 y2, rows contiguous.
#pragma once

#include <cstdint>

#include "core/big_vector.h"
#include "geometry/overlap.h"

namespace fl {

struct Merged {
  BigVector<int64_t> best;   // the best row of every group, best score first
  BigVector<int64_t> group;  // of every row
};

// Greedy non-maximum merging: as suppression, but a suppressed box joins the group of the first
// box that suppresses it. Classes may be null: one class.
Merged non_max_merge(const double* boxes, const double* scores, const int64_t* classes, int64_t n,
                     Overlap overlap, double threshold);
// Non-maximum merging by chains: a box also joins through a member of the group that is better
// than itself, however little it overlaps the group's best.
Merged chained_merge(const double* boxes, const double* scores, const int64_t* classes, int64_t n,
                     Overlap overlap, double threshold);
// The same over rows in an order of the caller's, the best first, each row once.
Merged non_max_merge(const double* boxes, const BigVector<int64_t>& order,
                     const int64_t* classes, Overlap overlap, double threshold);
Merged chained_merge(const double* boxes, const BigVector<int64_t>& order,
                     const int64_t* classes, Overlap overlap, double threshold);
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

struct FusionRules {
  Overlap overlap;
  double threshold;  // a row joins the fused box with the largest overlap above this
  double skip;       // rows with a lower score take no part
  Confidence confidence;
  bool allows_overflow;
};

// Weighted boxes fusion (Solovyev, Wang and Gabruseva 2021). Boxes that
// measure nothing take no part. Best score first.
// group, where not null, gets for every row the fused box it went into, or -1.
BigVector<Fused> weighted_boxes_fusion(const FusionInput& in, const FusionRules& rules,
                                         BigVector<int64_t>* group = nullptr);

}  // namespace fl
