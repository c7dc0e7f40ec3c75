// Boxes that can be measured, and how much two of them overlap. float64 x1 y1 x2 y2: what
// suppression and fusion visit box by box. Whole sets, in their own dtype, are box_sets.h.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace fl {

inline double area_of(const double* b) noexcept { return (b[2] - b[0]) * (b[3] - b[1]); }

// False for boxes that overlap nothing: empty, reversed or not finite, or with an area that a
// double cannot hold.
inline bool measurable(const double* b) noexcept {
  const double area = area_of(b);
  return std::isfinite(b[0]) && std::isfinite(b[1]) && std::isfinite(b[2]) &&
         std::isfinite(b[3]) && b[2] > b[0] && b[3] > b[1] && area > 0 && std::isfinite(area);
}

// Where products of a box's sides keep all their digits.
inline bool ordinary(const double* b) noexcept {
  const auto near = [](double v, double limit) { return v >= 1 / limit && v <= limit; };
  return near(b[2] - b[0], 1e200) && near(b[3] - b[1], 1e200) && near(area_of(b), 1e280);
}

// IoU of two measurable boxes.
inline double iou_of(const double* a, double area_a, const double* b, double area_b) noexcept {
  const double w = std::min(a[2], b[2]) - std::max(a[0], b[0]);
  const double h = std::min(a[3], b[3]) - std::max(a[1], b[1]);
  if (w <= 0 || h <= 0) return 0;
  const double overlap = w * h;
  const double either = area_a + area_b - overlap;
  return either > 0 && std::isfinite(either) ? overlap / either : 0;
}

enum class Overlap { iou, ios };  // over the union; over the smaller of the two

// IoU or IoS of two measurable boxes.
inline double overlap_of(Overlap kind, const double* a, double area_a, const double* b,
                         double area_b) noexcept {
  if (kind == Overlap::iou) return iou_of(a, area_a, b, area_b);
  const double w = std::min(a[2], b[2]) - std::max(a[0], b[0]);
  const double h = std::min(a[3], b[3]) - std::max(a[1], b[1]);
  return w > 0 && h > 0 ? w * h / std::min(area_a, area_b) : 0;
}

// A box in an index, under a number of the caller's.
struct IndexedBox {
  double box[4];
  double area;
  int64_t id;
};

}  // namespace fl
