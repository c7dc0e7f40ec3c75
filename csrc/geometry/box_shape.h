// The shape of a box as CIoU has it, for box_kernels_tier.cpp, and for its scalar twin where that
// is the only tier: see box_lanes.h.

// atan(w / h) of a size that is not negative; a point has the shape of a square. Its own code,
// so that it is the same number wherever it runs: three reductions bring the argument under
// tan(pi / 16), where 12 terms of the series leave less than a double can hold.
inline double shape_angle(double w, double h) noexcept {
  constexpr double kQuarterTurn = 1.57079632679489661923;
  constexpr double kTan8 = 0.41421356237309504880;   // tan(pi / 8)
  constexpr double kTan16 = 0.19891236737965800691;  // tan(pi / 16)
  if (w == 0 && h == 0) return kQuarterTurn / 2;
  const bool flat = w > h;
  double t = flat ? h / w : w / h;
  double turn = 0;
  if (t > kTan8) {
    t = (t - 1) / (t + 1);
    turn = kQuarterTurn / 2;
  }
  const double side = t < 0 ? -1 : 1;
  t *= side;
  double more = 0;
  if (t > kTan16) {
    t = (t - kTan8) / (1 + t * kTan8);
    more = kQuarterTurn / 4;
  }
  const double t2 = t * t;
  double sum = 0;
  for (int k = 23; k >= 1; k -= 2) sum = 1.0 / k - t2 * sum;
  const double angle = turn + side * (more + t * sum);
  return flat ? kQuarterTurn - angle : angle;
}
