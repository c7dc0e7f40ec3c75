// Grids of windows and boxes cut by them, against loops over every pair.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "check.h"
#include "fastlabel/fastlabel.h"

namespace {

using test::Random;

fl_tile_grid grid_of(int64_t width, int64_t height, int64_t step_x, int64_t step_y,
                     int32_t anchor, int32_t last) {
  return {sizeof(fl_tile_grid), width, height, step_x, step_y, anchor, last};
}

void grids() {
  fl_tile_grid grid;
  CHECK(fl_tile_grid_init(&grid, sizeof grid) == FL_OK);
  int64_t columns = 0;
  int64_t rows = 0;
  CHECK(fl_tile_counts(&grid, 4000, 2250, &columns, &rows) == FL_OK);
  CHECK(columns == 8 && rows == 5);
  std::vector<int64_t> out(4 * 40, -1);
  CHECK(fl_tile_windows(&grid, 4000, 2250, out.data(), 39) == FL_ERROR_CAPACITY);
  CHECK(out[0] == -1);
  CHECK(fl_tile_windows(&grid, 4000, 2250, out.data(), 40) == FL_OK);
  CHECK(out[0] == 0 && out[4] == 512);
  CHECK(out[158] == 4000 && out[159] == 2250 && out[156] == 3360 && out[157] == 1610);

  // The largest grid is counted, and never made.
  grid = grid_of(2, 2, 1, 1, FL_TILE_ORIGIN, FL_TILE_PAD);
  CHECK(fl_tile_counts(&grid, INT64_C(1) << 31, INT64_C(1) << 31, &columns, &rows) == FL_OK);
  CHECK(columns == (INT64_C(1) << 31) - 1 && rows == columns);
  CHECK(fl_tile_windows(&grid, INT64_C(1) << 31, INT64_C(1) << 31, out.data(), 40) ==
        FL_ERROR_CAPACITY);

  const int64_t bad[][4] = {{0, 4, 1, 1}, {4, 4, 0, 1}, {4, 4, 5, 1}, {4, 4, 1, 5},
                            {4, -1, 1, 1}, {(INT64_C(1) << 31) + 1, 4, 1, 1}};
  for (const auto& b : bad) {
    grid = grid_of(b[0], b[1], b[2], b[3], FL_TILE_ORIGIN, FL_TILE_PAD);
    CHECK(fl_tile_counts(&grid, 10, 10, &columns, &rows) == FL_ERROR_ARGUMENT);
  }
  grid = grid_of(4, 4, 4, 4, 2, FL_TILE_PAD);
  CHECK(fl_tile_counts(&grid, 10, 10, &columns, &rows) == FL_ERROR_ARGUMENT);
  grid = grid_of(4, 4, 4, 4, FL_TILE_CENTER, -1);
  CHECK(fl_tile_counts(&grid, 10, 10, &columns, &rows) == FL_ERROR_ARGUMENT);
  grid = grid_of(4, 4, 4, 4, FL_TILE_CENTER, FL_TILE_PAD);
  CHECK(fl_tile_counts(&grid, 0, 10, &columns, &rows) == FL_ERROR_ARGUMENT);
  CHECK(fl_tile_counts(&grid, 10, 10, nullptr, &rows) == FL_ERROR_ARGUMENT);
  CHECK(fl_tile_counts(nullptr, 10, 10, &columns, &rows) == FL_ERROR_ARGUMENT);
  CHECK(fl_tile_windows(&grid, 10, 10, nullptr, 100) == FL_ERROR_ARGUMENT);
}

struct Scene {
  std::vector<double> boxes;
  std::vector<int64_t> box_offsets{0}, windows, window_offsets{0}, sizes;
};

Scene scene_of(uint64_t seed, bool any) {
  Random random(seed);
  Scene s;
  for (int image = 0; image < 150; ++image) {
    const int64_t width = 1 + random.below(300);
    const int64_t height = 1 + random.below(200);
    s.sizes.insert(s.sizes.end(), {width, height});
    const int64_t boxes = random.below(12);
    for (int64_t k = 0; k < boxes; ++k) {
      const double x = random.unit() * 340 - 20;
      const double y = random.unit() * 240 - 20;
      const double w = random.below(5) == 0 ? 0 : random.unit() * 120;
      const double h = random.below(5) == 0 ? 0 : random.unit() * 90;
      double box[4] = {x, y, x + w, y + h};
      if (random.below(9) == 0) {
        for (double& v : box) v = std::floor(v);
      }
      if (random.below(25) == 0) box[random.below(4)] = std::nan("");
      if (random.below(25) == 0) std::swap(box[0], box[2]);
      s.boxes.insert(s.boxes.end(), box, box + 4);
    }
    s.box_offsets.push_back(s.box_offsets.back() + boxes);
    if (any) {
      const int64_t n = random.below(90);
      for (int64_t k = 0; k < n; ++k) {
        const int64_t x = random.below(300) - 20;
        const int64_t y = random.below(200) - 20;
        s.windows.insert(s.windows.end(), {x, y, x + 1 + random.below(90), y + 1 + random.below(90)});
      }
      s.window_offsets.push_back(s.window_offsets.back() + n);
      continue;
    }
    const int64_t tile_w = 10 + random.below(90);
    const int64_t tile_h = 10 + random.below(90);
    const fl_tile_grid grid = grid_of(
        tile_w, tile_h, 1 + random.below(tile_w), 1 + random.below(tile_h),
        random.below(2) != 0 ? FL_TILE_CENTER : FL_TILE_ORIGIN,
        random.below(2) != 0 ? FL_TILE_PAD : FL_TILE_SHIFT);
    int64_t columns = 0;
    int64_t rows = 0;
    CHECK(fl_tile_counts(&grid, width, height, &columns, &rows) == FL_OK);
    const size_t at = s.windows.size();
    s.windows.resize(at + static_cast<size_t>(4 * columns * rows));
    CHECK(fl_tile_windows(&grid, width, height, s.windows.data() + at, columns * rows) == FL_OK);
    s.window_offsets.push_back(s.window_offsets.back() + columns * rows);
  }
  return s;
}

fl_boxes view_of(const Scene& s) {
  return {s.boxes.data(), static_cast<int64_t>(s.boxes.size() / 4), 32, 8, FL_FLOAT64, FL_XYXY};
}

fl_tile_job job_of(const Scene& s, const fl_boxes* view, int32_t workers) {
  return {sizeof(fl_tile_job),
          view,
          s.box_offsets.data(),
          s.windows.data(),
          s.window_offsets.data(),
          s.sizes.data(),
          static_cast<int64_t>(s.box_offsets.size()) - 1,
          workers,
          0};
}

// What a window shows of one side, by the definition; false: nothing.
bool side_by_hand(double a, double b, double length, double begin, double end, double* low,
                  double* high) {
  if (a == b) {
    *low = *high = a;
    return a >= 0 && a < length && begin <= a && a < end;
  }
  *low = std::max({a, 0.0, begin});
  *high = std::min({b, length, end});
  return *low < *high;
}

void check_scene(const Scene& s) {
  const fl_boxes view = view_of(s);
  const fl_tile_job job = job_of(s, &view, 1);
  const int64_t tiles = s.window_offsets.back();
  std::vector<int64_t> offsets(static_cast<size_t>(tiles) + 1);
  std::vector<uint8_t> outcome(static_cast<size_t>(view.n));
  CHECK(fl_tile_count_boxes(&job, offsets.data(), outcome.data()) == FL_OK);
  const size_t pairs = static_cast<size_t>(offsets.back());
  std::vector<int64_t> row(pairs);
  std::vector<double> corners(4 * pairs);
  std::vector<double> visible(pairs);
  CHECK(fl_tile_clip_boxes(&job, offsets.data(), row.data(), corners.data(), visible.data()) ==
        FL_OK);
  size_t at = 0;
  bool same = true;
  for (int64_t g = 0; g < job.pictures; ++g) {
    for (int64_t t = s.window_offsets[g]; t < s.window_offsets[g + 1]; ++t) {
      same = same && offsets[t] == static_cast<int64_t>(at);
      for (int64_t k = s.box_offsets[g]; k < s.box_offsets[g + 1]; ++k) {
        const double* b = s.boxes.data() + 4 * k;
        const int64_t* w = s.windows.data() + 4 * t;
        const bool sound = std::isfinite(b[0] + b[1] + b[2] + b[3]) && b[0] <= b[2] && b[1] <= b[3];
        double x[2], y[2];
        if (!sound ||
            !side_by_hand(b[0], b[2], static_cast<double>(s.sizes[2 * g]),
                          static_cast<double>(w[0]), static_cast<double>(w[2]), x, x + 1) ||
            !side_by_hand(b[1], b[3], static_cast<double>(s.sizes[2 * g + 1]),
                          static_cast<double>(w[1]), static_cast<double>(w[3]), y, y + 1)) {
          continue;
        }
        const double left = static_cast<double>(w[0]);
        const double top = static_cast<double>(w[1]);
        same = same && at < pairs && row[at] == k && corners[4 * at] == x[0] - left &&
               corners[4 * at + 1] == y[0] - top && corners[4 * at + 2] == x[1] - left &&
               corners[4 * at + 3] == y[1] - top && visible[at] > 0 && visible[at] <= 1 &&
               outcome[k] == FL_TILE_BOX_SEEN;
        ++at;
      }
    }
  }
  CHECK(same);
  CHECK(at == pairs);
  CHECK(pairs > 100);

  for (const int32_t workers : {0, 2, 5}) {
    const fl_tile_job other = job_of(s, &view, workers);
    std::vector<int64_t> offsets2(offsets.size());
    std::vector<int64_t> row2(pairs);
    std::vector<double> corners2(4 * pairs);
    std::vector<double> visible2(pairs);
    CHECK(fl_tile_count_boxes(&other, offsets2.data(), nullptr) == FL_OK);
    CHECK(offsets2 == offsets);
    CHECK(fl_tile_clip_boxes(&other, offsets2.data(), row2.data(), corners2.data(),
                             visible2.data()) == FL_OK);
    CHECK(row2 == row && corners2 == corners && visible2 == visible);
  }

  // Offsets of another job are refused, and nothing is written past them.
  std::vector<int64_t> less(offsets.size(), 0);
  CHECK(fl_tile_clip_boxes(&job, less.data(), row.data(), corners.data(), visible.data()) ==
        FL_ERROR_CAPACITY);
  std::vector<int64_t> more = offsets;
  more.back() += 1;
  row.resize(pairs + 1);
  corners.resize(4 * pairs + 4);
  visible.resize(pairs + 1);
  CHECK(fl_tile_clip_boxes(&job, more.data(), row.data(), corners.data(), visible.data()) ==
        FL_ERROR_CAPACITY);
}

void bad_jobs() {
  const Scene s = scene_of(1, false);
  const fl_boxes view = view_of(s);
  const fl_tile_job fine = job_of(s, &view, 1);
  std::vector<int64_t> offsets(static_cast<size_t>(s.window_offsets.back()) + 1);
  const auto refused = [&](auto change) {
    fl_tile_job job = fine;
    change(job);
    return fl_tile_count_boxes(&job, offsets.data(), nullptr) == FL_ERROR_ARGUMENT;
  };
  CHECK(refused([](fl_tile_job& j) { j.boxes = nullptr; }));
  CHECK(refused([](fl_tile_job& j) { j.windows = nullptr; }));
  CHECK(refused([](fl_tile_job& j) { j.box_offsets = nullptr; }));
  CHECK(refused([](fl_tile_job& j) { j.window_offsets = nullptr; }));
  CHECK(refused([](fl_tile_job& j) { j.pictures = -1; }));
  CHECK(refused([](fl_tile_job& j) { j.pictures -= 1; }));
  CHECK(refused([](fl_tile_job& j) { j.workers = -1; }));
  CHECK(refused([](fl_tile_job& j) { j.workers = 5000; }));
  CHECK(refused([](fl_tile_job& j) { j.reserved = 1; }));
  CHECK(refused([](fl_tile_job& j) { j.struct_size = 3; }));
  std::vector<int64_t> windows = s.windows;
  windows[2] = windows[0];
  CHECK(refused([&](fl_tile_job& j) { j.windows = windows.data(); }));
  windows[2] = (INT64_C(1) << 40) + 1;
  CHECK(refused([&](fl_tile_job& j) { j.windows = windows.data(); }));
  std::vector<int64_t> sizes = s.sizes;
  sizes[1] = -1;
  CHECK(refused([&](fl_tile_job& j) { j.sizes = sizes.data(); }));
  CHECK(fl_tile_count_boxes(&fine, nullptr, nullptr) == FL_ERROR_ARGUMENT);
  CHECK(fl_tile_count_boxes(nullptr, offsets.data(), nullptr) == FL_ERROR_ARGUMENT);
  CHECK(fl_tile_count_boxes(&fine, offsets.data(), nullptr) == FL_OK);
  CHECK(fl_tile_clip_boxes(&fine, offsets.data(), nullptr, nullptr, nullptr) == FL_ERROR_ARGUMENT);
  CHECK(fl_tile_clip_boxes(&fine, nullptr, nullptr, nullptr, nullptr) == FL_ERROR_ARGUMENT);
}

}  // namespace

int main() {
  grids();
  for (uint64_t seed = 0; seed < 4; ++seed) {
    check_scene(scene_of(seed, false));
    check_scene(scene_of(seed, true));
  }
  bad_jobs();
  return test::finish("tiles");
}
