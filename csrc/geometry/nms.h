// Suppression: which of many overlapping predictions stay. float64 x1 y1 x2 y2, rows contiguous.
#pragma once

#include <cstdint>

#include "core/big_vector.h"
#include "geometry/overlap.h"

namespace fl {

// Row numbers, best score first, equal scores in row order, or by what `ties` has of each row.
// No score is NaN.
BigVector<int64_t> order_by_score(const double* scores, int64_t n, const int64_t* ties = nullptr);

// Rows listed class by class, each class in the given order; `ends` gets where each class ends.
// classes may be null: one class.
BigVector<int64_t> order_by_class(const BigVector<int64_t>& order, const int64_t* classes,
                                    BigVector<int64_t>* ends);

// Greedy suppression inside each class: the kept rows, best score first over all classes.
BigVector<int64_t> nms(const double* boxes, const double* scores, const int64_t* classes,
                         int64_t n, double threshold);

enum class Decay { linear, gaussian };

struct Decayed {
  int64_t row;
  double score;
};

struct SoftRules {
  Decay decay;
  Overlap overlap;
  double threshold, sigma, score_threshold;
};

// Soft suppression (Bodla et al. 2017): a box that overlaps a better one loses score, and is
// dropped only when less than score_threshold is left. Best final score first.
BigVector<Decayed> soft_nms(const double* boxes, const double* scores, const int64_t* classes,
                              int64_t n, const SoftRules& rules);

}  // namespace fl
