// Axis-aligned boxes: IoU, overlapping pairs. float64 x1 y1 x2 y2.
#pragma once

#include <cstdint>
#include <vector>

#include "fastlabel/fastlabel.h"

namespace fl {

// IoU of two boxes; 0 when either is empty or not finite.
double iou(const double* a, const double* b) noexcept;
void box_iou(const double* a, int64_t n, const double* b, int64_t m, double* out) noexcept;
// See fl_box_pairs.
std::vector<fl_pair> box_pairs(const double* boxes, const int64_t* offsets, int64_t groups,
                               double threshold, int64_t max_per_box);

}  // namespace fl
