// Precision and recall of predictions, as COCO defines them.
#pragma once

#include <cstddef>
#include <cstdint>

namespace fl {

inline constexpr int64_t kMostThresholds = 32;
inline constexpr int64_t kMostAreaRanges = 8;
inline constexpr int64_t kMostLimits = 8;

struct EvaluationRows {
  const double* boxes;  // four numbers a row
  const int64_t* images;
  const int64_t* classes;
  int64_t n;
};

struct EvaluationJob {
  EvaluationRows predictions;
  const double* scores;
  EvaluationRows labels;
  const double* areas;    // may be null: of the boxes
  const uint8_t* crowd;   // may be null: none
  const uint8_t* ignore;  // may be null: the crowds alone
  int64_t images;
  int64_t classes;
  const double* thresholds;
  int64_t n_thresholds;
  const double* recalls;
  int64_t n_recalls;
  const double* ranges;  // pairs
  int64_t n_ranges;
  const int64_t* limits;
  int64_t n_limits;
  bool sizes;  // boxes are corner and size
  int32_t workers;
};

struct EvaluationResult {
  double* precision;
  double* scores;
  double* recall;
  int64_t* labels;
  int64_t* match;    // may be null
  uint8_t* ignored;  // may be null
};

void evaluate(const EvaluationJob& job, const EvaluationResult& out);

}  // namespace fl
