// Overlap as COCO's evaluation has it, of boxes as two corners or as a corner and sizes.
#pragma once

#include <algorithm>
#include <cmath>

namespace fl {

struct CocoBox {
  double x1, y1, x2, y2, area;
};

inline CocoBox coco_box(const double* b, bool sizes) noexcept {
  if (sizes) return {b[0], b[1], b[0] + b[2], b[1] + b[3], b[2] * b[3]};
  return {b[0], b[1], b[2], b[3], (b[2] - b[0]) * (b[3] - b[1])};
}

// A crowd is a region: what counts is how much of the prediction lies in it.
inline double coco_iou(const CocoBox& prediction, const CocoBox& label, bool crowd) noexcept {
  const double w = std::min(prediction.x2, label.x2) - std::max(prediction.x1, label.x1);
  if (!(w > 0)) return 0;
  const double h = std::min(prediction.y2, label.y2) - std::max(prediction.y1, label.y1);
  if (!(h > 0)) return 0;
  const double overlap = w * h;
  const double either = crowd ? prediction.area : prediction.area + label.area - overlap;
  // What is not finite overlaps nothing: NaN would be taken for a match.
  return either > 0 && std::isfinite(either) ? overlap / either : 0;
}

}  // namespace fl
