#include "geometry/boxes.h"

#include <algorithm>
#include <cmath>

namespace fl {

namespace {

bool usable(const double* b) noexcept {
  return std::isfinite(b[0]) && std::isfinite(b[1]) && std::isfinite(b[2]) &&
         std::isfinite(b[3]) && b[2] > b[0] && b[3] > b[1];
}

double area(const double* b) noexcept { return (b[2] - b[0]) * (b[3] - b[1]); }

}  // namespace

double iou(const double* a, const double* b) noexcept {
  if (!usable(a) || !usable(b)) return 0;
  const double w = std::min(a[2], b[2]) - std::max(a[0], b[0]);
  const double h = std::min(a[3], b[3]) - std::max(a[1], b[1]);
  if (w <= 0 || h <= 0) return 0;
  const double overlap = w * h;
  // Sides whose product leaves the range of a double have no IoU that could be told.
  const double either = area(a) + area(b) - overlap;
  return either > 0 && std::isfinite(either) ? overlap / either : 0;
}

}  // namespace fl
