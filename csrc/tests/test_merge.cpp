#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "check.h"
#include "fastlabel/fastlabel.h"
#include "geometry/tile_join.h"

namespace {

struct Frame {
  std::vector<double> boxes, scores;
  std::vector<int64_t> labels, tiles, windows;

  fl_tile_predictions view() const {
    fl_tile_predictions p = {};
    p.struct_size = sizeof p;
    p.boxes = boxes.data();
    p.scores = scores.data();
    p.labels = labels.data();
    p.tiles = tiles.data();
    p.n = int64_t(scores.size());
    p.windows = windows.data();
    p.n_windows = int64_t(windows.size() / 4);
    p.n_images = 1;
    return p;
  }
};

// Memory of exactly the promised size, so that a sanitizer sees what is written past it.
struct Room {
  std::vector<double> boxes, scores;
  std::vector<int64_t> labels, images, offsets, members;
  std::vector<uint8_t> joined;
  fl_tile_merged out = {};

  explicit Room(int64_t rows)
      : boxes(size_t(4 * rows)), scores(size_t(rows)), labels(size_t(rows)), images(size_t(rows)),
        offsets(size_t(rows + 1)), members(size_t(rows)), joined(size_t(rows)) {
    out = {sizeof out, boxes.data(), scores.data(), labels.data(), images.data(), joined.data(),
           offsets.data(), members.data(), 0, 0, 0, 0};
  }
};

fl_tile_merge_options defaults() {
  fl_tile_merge_options o;
  CHECK(fl_tile_merge_options_init(&o, sizeof o) == FL_OK);
  return o;
}

Frame two_halves() {
  return {{70, 40, 100, 60, 0, 41, 49, 61}, {0.9, 0.7}, {2, 2}, {0, 1},
          {0, 0, 100, 100, 80, 0, 180, 100}};
}

// Room is taken for the images that windows are of, whatever their numbers are.
void images_without_windows_take_no_room() {
  const Frame f = two_halves();
  fl_tile_predictions p = f.view();
  const fl_tile_merge_options o = defaults();
  const int64_t last = (INT64_C(1) << 31) - 2;
  const std::vector<int64_t> images = {last, last};
  p.images = images.data();
  p.n_images = last + 1;
  Room room(2);
  CHECK(fl_merge_tiles(&p, &o, &room.out) == FL_OK);
  CHECK(room.out.results == 1);
  CHECK(room.images[0] == last);
  p.n = 0;
  p.n_windows = 0;
  Room none(0);
  CHECK(fl_merge_tiles(&p, &o, &none.out) == FL_OK);
  CHECK(none.out.results == 0);
}

void halves_are_joined_at_their_edges() {
  const Frame f = two_halves();
  const fl_tile_predictions p = f.view();
  fl_tile_merge_options o = defaults();
  Room room(2);
  CHECK(fl_merge_tiles(&p, &o, &room.out) == FL_OK);
  CHECK(room.out.results == 1 && room.joined[0] == 1 && room.scores[0] == 0.9);
  CHECK((room.boxes[0] == 70 && room.boxes[1] == 40 && room.boxes[2] == 129 && room.boxes[3] == 61));
  CHECK((room.offsets[1] == 2 && room.members[0] == 0 && room.members[1] == 1));
  o.join_cut = 0;
  CHECK(fl_merge_tiles(&p, &o, &room.out) == FL_OK);
  CHECK(room.out.results == 2);
}

// The rules of joining, one by one, on two windows that share 80 to 100.
void parts_agree_by_three_rules() {
  const double left[4] = {0, 0, 100, 100};
  const double right[4] = {80, 0, 180, 100};
  const auto agree = [&](std::vector<double> a, std::vector<double> b, double tolerance = 4) {
    const double one = fl::agreement(a.data(), left, b.data(), right, tolerance);
    const double other = fl::agreement(b.data(), right, a.data(), left, tolerance);
    CHECK(one == other);
    return one;
  };
  CHECK(agree({50, 40, 100, 60}, {80, 40, 130, 60}) == 1);
  CHECK(agree({50, 40, 98, 60}, {83, 40, 130, 60}) == 1);  // near enough to the edges
  CHECK(agree({50, 40, 93, 60}, {80, 40, 130, 60}) == 0);  // ends before the edge
  CHECK(agree({50, 40, 100, 60}, {88, 40, 130, 60}) == 0);  // begins after it
  CHECK(agree({50, 40, 100, 60}, {80, 60, 130, 80}) == 0);  // beside each other
  CHECK(std::abs(agree({50, 40, 100, 60}, {80, 50, 130, 70}) - 1.0 / 3) < 1e-12);
  CHECK(agree({85, 40, 95, 60}, {85, 40, 95, 60}) == 0);  // both see all of it: doubles
  CHECK(agree({85, 40, 100, 60}, {85, 40, 130, 60}) == 1);  // a part and the whole
  CHECK(agree({60, 40, 100, 60}, {85, 40, 130, 60}) == 0);  // two objects
  // No part at all is shared.
  const double next[4] = {100, 0, 200, 100};
  const double a[4] = {50, 40, 100, 60};
  const double b[4] = {100, 40, 150, 60};
  const double lower[4] = {100, 80, 150, 95};
  CHECK(fl::agreement(a, left, b, next, 4) == 1);
  CHECK(fl::agreement(a, left, lower, next, 4) == 0);
  const double far[4] = {110, 0, 210, 100};
  const double beyond[4] = {110, 40, 150, 60};
  CHECK(fl::agreement(a, left, beyond, far, 4) == 0);
}

void a_frame_that_ends_cuts_nothing() {
  const double window[4] = {0, 0, 100, 100};
  const double corner[4] = {0, 0, 100, 50};
  CHECK(fl::cut_sides(corner, window, 15, 4) == (fl::kLeft | fl::kTop | fl::kRight));
  CHECK(fl::cut_sides(corner, window, fl::kRight, 4) == fl::kRight);
  CHECK(fl::cut_sides(corner, window, 0, 4) == 0);
  const double small[4] = {2, 50, 6, 54};  // 2 px away, and 4 px wide
  CHECK(fl::cut_sides(small, window, 15, 4) == 0);
}

// Any boxes: every row is in one result or counted, results are inside the frame.
void rows_are_kept_or_counted() {
  test::Random r(11);
  for (int round = 0; round < 300; ++round) {
    Frame f;
    const int64_t side = 20 + r.below(100);
    const int64_t step = 10 + r.below(120);
    const int64_t across = 1 + r.below(4);
    for (int64_t y = 0; y < across; ++y) {
      for (int64_t x = 0; x < across; ++x) {
        for (const int64_t v : {x * step, y * step, x * step + side, y * step + side}) {
          f.windows.push_back(v);
        }
      }
    }
    const int64_t n = r.below(120);
    for (int64_t i = 0; i < n; ++i) {
      const double x = double(r.below(side + 10)) - 5;
      const double y = double(r.below(side + 10)) - 5;
      const double w = r.below(9) == 0 ? 0 : std::exp(r.unit() * 5);
      for (const double v : {x, y, x + w, y + std::exp(r.unit() * 5)}) f.boxes.push_back(v);
      f.scores.push_back(double(r.below(20)) / 20);
      f.labels.push_back(r.below(3));
      f.tiles.push_back(r.below(across * across));
    }
    fl_tile_merge_options o = defaults();
    o.method = int32_t(round % 6);
    o.metric = r.below(2) == 0 ? FL_IOU : FL_IOS;
    o.threshold = r.unit();
    o.join_threshold = r.unit();
    o.edge_tolerance = double(r.below(12));
    o.by_label = int32_t(r.below(2));
    Room room(n);
    const fl_tile_predictions p = f.view();
    CHECK(fl_merge_tiles(&p, &o, &room.out) == FL_OK);
    const int64_t k = room.out.results;
    std::vector<int> seen(size_t(n), 0);
    for (int64_t m = 0; m < room.offsets[size_t(k)]; ++m) ++seen[size_t(room.members[size_t(m)])];
    CHECK(std::all_of(seen.begin(), seen.end(), [](int times) { return times <= 1; }));
    CHECK(room.offsets[size_t(k)] + room.out.empty + room.out.outside + room.out.faded == n);
    const double end = double((across - 1) * step + side);
    for (int64_t b = 0; b < k; ++b) {
      const double* box = &room.boxes[size_t(4 * b)];
      CHECK(box[0] >= -1e-9 && box[1] >= -1e-9 && box[2] <= end + 1e-9 && box[3] <= end + 1e-9);
      CHECK(b == 0 || room.scores[size_t(b)] <= room.scores[size_t(b - 1)]);
    }
  }
}

void bad_arguments_are_refused() {
  const Frame f = two_halves();
  const fl_tile_predictions good = f.view();
  const fl_tile_merge_options o = defaults();
  Room room(2);
  const auto refused = [&](fl_tile_predictions p, fl_tile_merge_options with) {
    return fl_merge_tiles(&p, &with, &room.out) == FL_ERROR_ARGUMENT;
  };
  CHECK(!refused(good, o));
  fl_tile_predictions p = good;
  const int64_t beyond[2] = {0, 2};
  p.tiles = beyond;
  CHECK(refused(p, o));
  p = good;
  const double bad[8] = {0, 0, std::numeric_limits<double>::quiet_NaN(), 1, 0, 0, 1, 1};
  p.boxes = bad;
  CHECK(refused(p, o));
  p = good;
  p.boxes = nullptr;
  CHECK(refused(p, o));
  p = good;
  p.n = -1;
  CHECK(refused(p, o));
  p = good;
  const int64_t flat[8] = {0, 0, 100, 100, 80, 0, 80, 100};
  p.windows = flat;
  CHECK(refused(p, o));
  p = good;
  p.n_images = 0;
  CHECK(refused(p, o));
  p = good;
  const int64_t images[2] = {0, 1};
  p.images = images;
  CHECK(refused(p, o));
  p = good;
  const int64_t far[8] = {0, 0, INT64_MAX, 100, 80, 0, 180, 100};
  p.windows = far;
  CHECK(fl_merge_tiles(&p, &o, &room.out) == FL_ERROR_OVERFLOW);
  fl_tile_merge_options with = o;
  with.method = 6;
  CHECK(refused(good, with));
  with = o;
  with.metric = FL_IOA;
  CHECK(refused(good, with));
  with = o;
  with.sigma = 0;
  CHECK(refused(good, with));
  with = o;
  with.edge_tolerance = -1;
  CHECK(refused(good, with));
  Room small(2);
  small.out.struct_size -= 8;
  CHECK(fl_merge_tiles(&good, &o, &small.out) == FL_ERROR_ARGUMENT);
  Room none(2);
  none.out.members = nullptr;
  CHECK(fl_merge_tiles(&good, &o, &none.out) == FL_ERROR_ARGUMENT);
  CHECK(fl_merge_tiles(nullptr, &o, &room.out) == FL_ERROR_ARGUMENT);
  CHECK(fl_merge_tiles(&good, nullptr, &room.out) == FL_ERROR_ARGUMENT);
  CHECK(fl_merge_tiles(&good, &o, nullptr) == FL_ERROR_ARGUMENT);
}

}  // namespace

int main() {
  images_without_windows_take_no_room();
  halves_are_joined_at_their_edges();
  parts_agree_by_three_rules();
  a_frame_that_ends_cuts_nothing();
  rows_are_kept_or_counted();
  bad_arguments_are_refused();
  return test::finish("merge");
}
