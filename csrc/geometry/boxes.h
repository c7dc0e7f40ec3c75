// Axis-aligned boxes: IoU of two, greedy suppression. float64 x1 y1 x2 y2.
#pragma once

#include <cstdint>
#include <vector>

#include "fastlabel/fastlabel.h"

namespace fl {

// IoU of two boxes; 0 when either is empty or not finite.
double iou(const double* a, const double* b) noexcept;
std::vector<int64_t> nms(const double* boxes, const double* scores, int64_t n, double threshold);

}  // namespace fl
