// What a model found in the tiles of frames, as one set of boxes in the frames' pixels.
#pragma once

#include <cstdint>

#include "core/big_vector.h"
#include "geometry/fusion.h"

namespace fl {

enum class TileMethod { suppress, soft_linear, soft_gaussian, merge, chained_merge, fuse };

struct TileMergeInput {
  const double* boxes;    // x1 y1 x2 y2, finite
  const double* scores;   // none NaN
  const int64_t* labels;  // null: one label
  const int64_t* tiles;   // of every box, the row of its window
  int64_t n;
  const int64_t* windows;  // x1 y1 x2 y2 in frame pixels
  const int64_t* images;   // of every window; null: one image
  const uint8_t* whole;    // of every window: a pass over the whole frame; null: none
  int64_t n_windows;
  const int64_t* sizes;  // of every image, width and height; null: as far as its windows reach
  int64_t n_images;
};

struct TileMergeRules {
  TileMethod method;
  Overlap overlap;
  Confidence confidence;  // of a fused box
  bool by_label;
  bool in_tile_pixels;  // else in the frame's already
  bool joins;
  double threshold;
  double sigma, score_threshold;  // of soft suppression
  double join_threshold;
  double tolerance;
  double large;
};

struct TileMerged {
  BigVector<double> boxes;
  BigVector<double> scores;
  BigVector<int64_t> labels;
  BigVector<int64_t> images;
  BigVector<uint8_t> joined;
  BigVector<int64_t> offsets;  // into members
  BigVector<int64_t> members;  // input rows, best first
  int64_t empty = 0;    // rows without an area
  int64_t outside = 0;  // rows that lie outside their window, or outside the frame
  int64_t faded = 0;    // rows of which soft suppression left too little
};

// Images in their order, the best score first in each; equal scores in the order of their best
// rows. Every row is a member of one result, or counted.
TileMerged merge_tiles(const TileMergeInput& in, const TileMergeRules& rules);

}  // namespace fl
