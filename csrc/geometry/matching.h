// Matching of predictions to labels, image by image.
#pragma once

#include <cstdint>

namespace fl {

struct MatchSide {
  const double* boxes;     // rows of corner and size (x y w h) or of two corners
  const int64_t* offsets;  // image i is rows offsets[i] .. offsets[i + 1]
  const int64_t* classes;  // may be null: one class
};

struct MatchCoco {
  MatchSide predictions;
  const double* scores;  // of the predictions
  MatchSide labels;
  const uint8_t* crowd;   // of the labels; may be null: none
  const uint8_t* ignore;  // of the labels; may be null: the crowds alone
  int64_t images;
  const double* thresholds;
  int64_t n_thresholds;
  int64_t max_predictions;  // an image and class, best first; 0: all
  bool sizes;               // boxes are corner and size
  int64_t* prediction_match;    // threshold by prediction: a label's row or -1
  uint8_t* prediction_ignored;  // threshold by prediction
  int64_t* label_match;         // threshold by label: a prediction's row or -1
};

// What COCOeval.evaluateImg does, without area ranges.
void match_coco(const MatchCoco& m);

}  // namespace fl
