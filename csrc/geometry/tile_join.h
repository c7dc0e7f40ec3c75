// Parts of one object, found in several tiles, put together again.
//
// A tile shows a part of its frame, so a box in it is right only about that part. Two boxes of
// different windows are of one object when
//  1. at least one of them goes on past an edge of the other's window,
//  2. wherever one goes on past such an edge, the other touches that edge: it is cut there,
//  3. in the part of the frame that both windows show they agree: the IoU of what they have of it
//     is above a threshold. Where the windows only abut, both are cut at the seam and their
//     extents along it agree.
// Boxes of neighbours that merely lie side by side, or in each other, fail 2 or 3.
#pragma once

#include <cstdint>

#include "core/big_vector.h"

namespace fl {

// Boxes of one frame's pixels, clipped to their windows. Rows of four numbers.
struct JoinInput {
  const double* boxes;
  const BigVector<int64_t>* order;  // all rows, the best first
  const int64_t* keys;      // only boxes of one key can be of one object
  const int64_t* window_of;  // of every box
  const double* windows;    // of four numbers
  const uint8_t* inner;     // of every window: the sides past which the frame goes on
  const uint8_t* whole;     // of every window: 1 for a pass over the whole frame
  const double* large;      // of every window: a box of the whole frame is large above this
  int64_t n;
  const int64_t* image_of;  // of every window
  int64_t n_windows;
  int64_t n_images;
};

enum Side : uint8_t { kLeft = 1, kTop = 2, kRight = 4, kBottom = 8 };

struct JoinRules {
  bool joins;        // join what is cut; the whole frame's large boxes win whatever this says
  double threshold;  // of agreement
  double tolerance;  // how near is at an edge, in pixels; for small boxes less
};

// One box for every group of rows that are one object.
struct Joined {
  BigVector<int64_t> group;    // of every row; groups in order of their best rows' numbers
  BigVector<int64_t> best;     // the best row of every group
  BigVector<double> boxes;     // four numbers a group
  BigVector<uint8_t> is_union;  // whether the box was put together from parts
};

// The sides of its window at which a box is cut. sides: those that count.
uint8_t cut_sides(const double* box, const double* window, uint8_t sides,
                  double tolerance) noexcept;

// How well two boxes agree in what both their windows show, by rules 1 to 3; 0: not one object.
double agreement(const double* a, const double* window_a, const double* b, const double* window_b,
                 double tolerance) noexcept;

Joined join_parts(const JoinInput& in, const JoinRules& rules);

}  // namespace fl
