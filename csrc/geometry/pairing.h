// Labels and the predictions of one model, paired image by image: what the rules on labels against
// predictions judge. Plain loops: an image has tens of boxes, and its pairs stay in the cache.
#pragma once

#include <cstdint>

namespace fl {

struct PairingSide {
  const double* boxes;     // x1 y1 x2 y2
  const int64_t* classes;  // below 0: of no class, and like no other
  const int64_t* offsets;  // of each image
};

struct PairingRule {
  double near;    // least IoU with a box of the same class
  double placed;  // least IoU with a box of another class
  double same;    // what the same class adds to the IoU
  double inside;  // share of a box that makes it a part of another
};

// Columns of results: one entry a label, or one a prediction.
struct PairingResult {
  int64_t* own;
  double* own_iou;
  double* same_score;
  int64_t* other;
  double* other_score;
  int32_t* parts;
  int64_t* label;
  uint8_t* agrees;
  double* iou;
  double* touch;
  double* inside;
  double* higher;
  int32_t* wholes;
};

// Labels that a prediction may stand for, at most: the best of them.
constexpr int64_t kPairingPartners = 64;

// workers: 0 means one a CPU. The result does not depend on it. Throws std::bad_alloc.
void pair_predictions(const PairingSide& labels, const PairingSide& predictions,
                      const double* scores, int64_t images, const PairingRule& rule,
                      int32_t workers, const PairingResult& out);

}  // namespace fl
