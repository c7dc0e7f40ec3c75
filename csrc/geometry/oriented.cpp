#include "geometry/oriented.h"

#include <algorithm>
#include <cmath>

#include "geometry/box_tree.h"
#include "geometry/nms.h"

namespace fl {

namespace {

struct Point {
  double x, y;
};

struct Polygon {
  Point at[8];  // four corners and one more for each of four cuts
  int size;
};

// Keeps the part where sign * coordinate <= limit. A new corner is made only between a point
// inside and one outside, so that no division is by nothing.
template <int kAxis>
void cut(Polygon* polygon, double sign, double limit) noexcept {
  Polygon out;
  out.size = 0;
  const auto over = [&](const Point& p) { return sign * (kAxis == 0 ? p.x : p.y) - limit; };
  for (int k = 0; k < polygon->size; ++k) {
    const Point& p = polygon->at[k];
    const Point& q = polygon->at[k + 1 < polygon->size ? k + 1 : 0];
    const double dp = over(p);
    const double dq = over(q);
    if (dp <= 0 && out.size < 8) out.at[out.size++] = p;
    if (((dp < 0 && dq > 0) || (dp > 0 && dq < 0)) && out.size < 8) {
      const double share = dp / (dp - dq);
      Point made = {p.x + share * (q.x - p.x), p.y + share * (q.y - p.y)};
      (kAxis == 0 ? made.x : made.y) = sign * limit;  // exactly on the line
      out.at[out.size++] = made;
    }
  }
  *polygon = out;
}

double area_of_polygon(const Polygon& p) noexcept {
  double twice = 0;
  for (int k = 1; k + 1 < p.size; ++k) {
    const double ux = p.at[k].x - p.at[0].x;
    const double uy = p.at[k].y - p.at[0].y;
    const double vx = p.at[k + 1].x - p.at[0].x;
    const double vy = p.at[k + 1].y - p.at[0].y;
    twice += ux * vy - uy * vx;
  }
  return std::abs(twice) / 2;
}

// The same answer for (a, b) and (b, a).
bool comes_first(const Oriented& a, const Oriented& b) noexcept {
  const double one[] = {a.x, a.y, a.w, a.h, a.angle};
  const double other[] = {b.x, b.y, b.w, b.h, b.angle};
  return !std::lexicographical_compare(other, other + 5, one, one + 5);
}

double overlap_in_frame(const Oriented& a, const Oriented& b) noexcept {
  const double dx = b.x - a.x;
  const double dy = b.y - a.y;
  const double x = dx * a.cosine + dy * a.sine;
  const double y = dy * a.cosine - dx * a.sine;
  double c = 1;
  double s = 0;
  if (a.angle != b.angle) {
    c = b.cosine * a.cosine + b.sine * a.sine;
    s = b.sine * a.cosine - b.cosine * a.sine;
  }
  const double wx = b.w / 2 * c;
  const double wy = b.w / 2 * s;
  const double hx = -b.h / 2 * s;
  const double hy = b.h / 2 * c;
  Polygon polygon = {{{x - wx - hx, y - wy - hy},
                      {x + wx - hx, y + wy - hy},
                      {x + wx + hx, y + wy + hy},
                      {x - wx + hx, y - wy + hy}},
                     4};
  cut<0>(&polygon, 1, a.w / 2);
  cut<0>(&polygon, -1, a.w / 2);
  cut<1>(&polygon, 1, a.h / 2);
  cut<1>(&polygon, -1, a.h / 2);
  return area_of_polygon(polygon);
}

}  // namespace

Oriented oriented(const double* b) noexcept {
  Oriented o = {b[0], b[1], b[2], b[3], b[4], std::cos(b[4]), std::sin(b[4]), 0, 0, false};
  const double area = o.w * o.h;
  o.measurable = std::isfinite(o.x) && std::isfinite(o.y) && std::isfinite(o.angle) && o.w > 0 &&
                 o.h > 0 && area > 0 && std::isfinite(area);
  // A hair wide, so that rounding loses no pair.
  o.reach_x = (std::abs(o.w * o.cosine) + std::abs(o.h * o.sine)) / 2 * (1 + 1e-12) +
              std::abs(o.x) * 1e-15;
  o.reach_y = (std::abs(o.w * o.sine) + std::abs(o.h * o.cosine)) / 2 * (1 + 1e-12) +
              std::abs(o.y) * 1e-15;
  return o;
}

double oriented_iou(const Oriented& a, const Oriented& b) noexcept {
  if (std::abs(a.x - b.x) > a.reach_x + b.reach_x || std::abs(a.y - b.y) > a.reach_y + b.reach_y) {
    return 0;
  }
  if (!a.measurable || !b.measurable) return 0;
  const double area_a = a.w * a.h;
  const double area_b = b.w * b.h;
  const double raw = comes_first(a, b) ? overlap_in_frame(a, b) : overlap_in_frame(b, a);
  const double overlap = std::min({raw, area_a, area_b});
  const double either = area_a + area_b - overlap;
  return overlap > 0 && either > 0 && std::isfinite(either) ? overlap / either : 0;
}

void oriented_iou_matrix(const double* a, int64_t n, const double* b, int64_t m, double* out) {
  BigVector<Oriented> others(static_cast<size_t>(m));
  for (int64_t j = 0; j < m; ++j) others[static_cast<size_t>(j)] = oriented(b + 5 * j);
  for (int64_t i = 0; i < n; ++i) {
    const Oriented own = oriented(a + 5 * i);
    for (int64_t j = 0; j < m; ++j) {
      out[i * m + j] = oriented_iou(own, others[static_cast<size_t>(j)]);
    }
  }
}

void oriented_iou_aligned(const double* a, const double* b, int64_t n, double* out) noexcept {
  for (int64_t i = 0; i < n; ++i) out[i] = oriented_iou(oriented(a + 5 * i), oriented(b + 5 * i));
}

BigVector<int64_t> oriented_nms(const double* boxes, const double* scores,
                                  const int64_t* classes, int64_t n, double threshold) {
  const BigVector<int64_t> order = order_by_score(scores, n);
  if (threshold >= 1) return order;
  BigVector<int64_t> ends;
  const BigVector<int64_t> grouped = order_by_class(order, classes, &ends);
  BigVector<Oriented> all(static_cast<size_t>(n));
  for (int64_t i = 0; i < n; ++i) all[static_cast<size_t>(i)] = oriented(boxes + 5 * i);
  BigVector<uint8_t> stays(static_cast<size_t>(n), 0);
  int64_t begin = 0;
  for (const int64_t end : ends) {
    BoxTree kept;
    for (int64_t k = begin; k < end; ++k) {
      const int64_t row = grouped[static_cast<size_t>(k)];
      const Oriented& o = all[static_cast<size_t>(row)];
      const double around[4] = {o.x - o.reach_x, o.y - o.reach_y, o.x + o.reach_x,
                                o.y + o.reach_y};
      if (o.measurable && measurable(around)) {
        const bool covered = kept.visit(around, [&](const IndexedBox& other) {
          return oriented_iou(all[static_cast<size_t>(other.id)], o) > threshold;
        });
        if (covered) continue;
        kept.insert(around, row);
      }
      stays[static_cast<size_t>(row)] = 1;
    }
    begin = end;
  }
  BigVector<int64_t> rows;
  std::copy_if(order.begin(), order.end(), std::back_inserter(rows),
               [&](int64_t i) { return stays[static_cast<size_t>(i)] != 0; });
  return rows;
}

void oriented_to_corners(const double* boxes, int64_t n, double* out) noexcept {
  for (int64_t i = 0; i < n; ++i, boxes += 5, out += 8) {
    const double c = std::cos(boxes[4]);
    const double s = std::sin(boxes[4]);
    const double wx = boxes[2] / 2 * c;
    const double wy = boxes[2] / 2 * s;
    const double hx = -boxes[3] / 2 * s;
    const double hy = boxes[3] / 2 * c;
    const double signs[4][2] = {{-1, -1}, {1, -1}, {1, 1}, {-1, 1}};
    for (int k = 0; k < 4; ++k) {
      out[2 * k] = boxes[0] + signs[k][0] * wx + signs[k][1] * hx;
      out[2 * k + 1] = boxes[1] + signs[k][0] * wy + signs[k][1] * hy;
    }
  }
}

void corners_to_oriented(const double* corners, int64_t n, double* out) noexcept {
  for (int64_t i = 0; i < n; ++i, corners += 8, out += 5) {
    const double* p = corners;
    const auto side = [p](int from, int to) {
      return std::hypot(p[2 * to] - p[2 * from], p[2 * to + 1] - p[2 * from + 1]);
    };
    // Differences first: corners far from the origin keep their digits.
    const double wx = (p[2] - p[0]) + (p[4] - p[6]);
    const double wy = (p[3] - p[1]) + (p[5] - p[7]);
    const double hx = (p[6] - p[0]) + (p[4] - p[2]);
    const double hy = (p[7] - p[1]) + (p[5] - p[3]);
    out[0] = p[0] + ((p[2] - p[0]) + (p[4] - p[0]) + (p[6] - p[0])) / 4;
    out[1] = p[1] + ((p[3] - p[1]) + (p[5] - p[1]) + (p[7] - p[1])) / 4;
    out[2] = (side(0, 1) + side(3, 2)) / 2;
    out[3] = (side(0, 3) + side(1, 2)) / 2;
    // Without a width the height's direction still tells the angle.
    out[4] = wx != 0 || wy != 0 ? std::atan2(wy, wx) : hx != 0 || hy != 0 ? std::atan2(-hx, hy) : 0;
  }
}

}  // namespace fl
