// Axis-aligned boxes: IoU of two. float64 x1 y1 x2 y2.
#pragma once

namespace fl {

// IoU of two boxes; 0 when either is empty or not finite.
double iou(const double* a, const double* b) noexcept;

}  // namespace fl
