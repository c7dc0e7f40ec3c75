// Oriented boxes: five float64, centre x and y, width, height, angle in radians. The angle turns
// the width's direction from the x axis towards the y axis (clockwise on a screen, y down).
#pragma once

#include <cstdint>

#include "core/big_vector.h"

namespace fl {

// What is needed of a box again and again.
struct Oriented {
  double x, y, w, h, angle, cosine, sine;
  double reach_x, reach_y;  // half sides of the upright box around it
  bool measurable;          // finite, with an area
};

Oriented oriented(const double* five) noexcept;
// By clipping one rectangle by the sides of the other, in the frame of the latter.
double oriented_iou(const Oriented& a, const Oriented& b) noexcept;

void oriented_iou_matrix(const double* a, int64_t n, const double* b, int64_t m, double* out);
void oriented_iou_aligned(const double* a, const double* b, int64_t n, double* out) noexcept;
BigVector<int64_t> oriented_nms(const double* boxes, const double* scores,
                                  const int64_t* classes, int64_t n, double threshold);

// Corners x y: of (-w, -h), (w, -h), (w, h), (-w, h) halves, turned. out: eight numbers a box.
void oriented_to_corners(const double* boxes, int64_t n, double* out) noexcept;
// The rectangle of four corners in that order: sides as the means of opposite sides.
void corners_to_oriented(const double* corners, int64_t n, double* out) noexcept;

}  // namespace fl
