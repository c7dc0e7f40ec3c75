// fastlabel/tiles.h: arguments checked, then the work, then a status.
#include <cstddef>

#include "capi/common.h"
#include "geometry/tile_boxes.h"
#include "geometry/tile_grid.h"

using fl::guarded;
using fl::TileAxis;

namespace {

constexpr fl_tile_grid kGrid = {sizeof(fl_tile_grid), 640, 640, 512, 512, FL_TILE_ORIGIN,
                                FL_TILE_SHIFT};
constexpr fl_tile_job kJob = {sizeof(fl_tile_job), nullptr, nullptr, nullptr, nullptr,
                              nullptr,             0,       1,       0};
constexpr int64_t kFarthest = INT64_C(1) << 40;
constexpr int32_t kMostWorkers = 4096;

bool is_side(int64_t value) noexcept { return value >= 1 && value <= fl::kMostSide; }

fl_status read_grid(const fl_tile_grid* from, int64_t width, int64_t height,
                    fl_tile_grid* grid) noexcept {
  const fl_status status = fl::read_options(from, kGrid, grid);
  if (status != FL_OK) return status;
  const bool fine = is_side(width) && is_side(height) && is_side(grid->width) &&
                    is_side(grid->height) && grid->step_x >= 1 && grid->step_x <= grid->width &&
                    grid->step_y >= 1 && grid->step_y <= grid->height &&
                    (grid->anchor == FL_TILE_ORIGIN || grid->anchor == FL_TILE_CENTER) &&
                    (grid->last == FL_TILE_SHIFT || grid->last == FL_TILE_PAD);
  return fine ? FL_OK : FL_ERROR_ARGUMENT;
}

TileAxis columns_of(const fl_tile_grid& grid, int64_t width) noexcept {
  return {width, grid.width, grid.step_x, grid.anchor == FL_TILE_CENTER,
          grid.last == FL_TILE_SHIFT};
}

TileAxis rows_of(const fl_tile_grid& grid, int64_t height) noexcept {
  return {height, grid.height, grid.step_y, grid.anchor == FL_TILE_CENTER,
          grid.last == FL_TILE_SHIFT};
}

bool sound_windows(const int64_t* windows, int64_t n) noexcept {
  const auto near = [](int64_t v) { return v >= -kFarthest && v <= kFarthest; };
  for (const int64_t* w = windows; w < windows + 4 * n; w += 4) {
    if (!near(w[0]) || !near(w[1]) || !near(w[2]) || !near(w[3])) return false;
    if (w[0] >= w[2] || w[1] >= w[3]) return false;
  }
  return true;
}

bool sound_sizes(const int64_t* sizes, int64_t pictures) noexcept {
  for (int64_t k = 0; sizes != nullptr && k < 2 * pictures; ++k) {
    if (sizes[k] < 0 || sizes[k] > kFarthest) return false;
  }
  return true;
}

fl_status read_job(const fl_tile_job* from, fl::TileJob* to) noexcept {
  fl_tile_job job;
  const fl_status status = fl::read_options(from, kJob, &job);
  if (status != FL_OK) return status;
  const fl_status boxes = fl::check_boxes(job.boxes);
  if (boxes != FL_OK) return boxes;
  if (job.boxes->format != FL_XYXY || job.pictures < 0 || job.workers < 0 ||
      job.workers > kMostWorkers || job.reserved != 0) {
    return FL_ERROR_ARGUMENT;
  }
  if (!fl::check_offsets(job.box_offsets, job.pictures) ||
      !fl::check_offsets(job.window_offsets, job.pictures)) {
    return FL_ERROR_ARGUMENT;
  }
  const int64_t windows = job.window_offsets[job.pictures];
  if (job.box_offsets[job.pictures] != job.boxes->n) return FL_ERROR_ARGUMENT;
  if (windows > 0 && job.windows == nullptr) return FL_ERROR_ARGUMENT;
  if (windows > kFarthest || job.pictures > kFarthest) return FL_ERROR_OVERFLOW;
  if (!sound_windows(job.windows, windows) || !sound_sizes(job.sizes, job.pictures)) {
    return FL_ERROR_ARGUMENT;
  }
  const fl::BoxSource source = {static_cast<const unsigned char*>(job.boxes->data),
                                static_cast<ptrdiff_t>(job.boxes->row_stride),
                                static_cast<ptrdiff_t>(job.boxes->column_stride), FL_XYXY, 0};
  *to = {source,      job.boxes->dtype == FL_FLOAT32, job.box_offsets, job.windows,
         job.window_offsets, job.sizes, job.pictures, job.workers};
  return FL_OK;
}

}  // namespace

extern "C" {

fl_status fl_tile_grid_init(fl_tile_grid* grid, size_t struct_size) {
  return fl::init_options(grid, struct_size, kGrid);
}

fl_status fl_tile_counts(const fl_tile_grid* grid, int64_t width, int64_t height,
                         int64_t* columns, int64_t* rows) {
  return guarded([&]() -> fl_status {
    fl_tile_grid g;
    const fl_status status = read_grid(grid, width, height, &g);
    if (status != FL_OK) return status;
    if (columns == nullptr || rows == nullptr) return FL_ERROR_ARGUMENT;
    *columns = columns_of(g, width).count;
    *rows = rows_of(g, height).count;
    return FL_OK;
  });
}

fl_status fl_tile_windows(const fl_tile_grid* grid, int64_t width, int64_t height, int64_t* out,
                          int64_t capacity) {
  return guarded([&]() -> fl_status {
    fl_tile_grid g;
    const fl_status status = read_grid(grid, width, height, &g);
    if (status != FL_OK) return status;
    if (out == nullptr || capacity < 0) return FL_ERROR_ARGUMENT;
    const TileAxis x = columns_of(g, width);
    const TileAxis y = rows_of(g, height);
    int64_t total = 0;
    if (!fl::checked_mul(x.count, y.count, &total)) return FL_ERROR_OVERFLOW;
    if (total > capacity) return FL_ERROR_CAPACITY;
    for (int64_t r = 0; r < y.count; ++r) {
      for (int64_t c = 0; c < x.count; ++c, out += 4) {
        out[0] = x.begin(c);
        out[1] = y.begin(r);
        out[2] = x.end(c);
        out[3] = y.end(r);
      }
    }
    return FL_OK;
  });
}

fl_status fl_tile_count_boxes(const fl_tile_job* job, int64_t* tile_offsets, uint8_t* outcome) {
  return guarded([&]() -> fl_status {
    fl::TileJob work;
    const fl_status status = read_job(job, &work);
    if (status != FL_OK) return status;
    if (tile_offsets == nullptr) return FL_ERROR_ARGUMENT;
    fl::count_tile_boxes(work, tile_offsets, outcome);
    return FL_OK;
  });
}

fl_status fl_tile_clip_boxes(const fl_tile_job* job, const int64_t* tile_offsets, int64_t* row,
                             double* corners, double* visible) {
  return guarded([&]() -> fl_status {
    fl::TileJob work;
    const fl_status status = read_job(job, &work);
    if (status != FL_OK) return status;
    const int64_t tiles = work.window_offsets[work.pictures];
    if (!fl::check_offsets(tile_offsets, tiles)) return FL_ERROR_ARGUMENT;
    if (tile_offsets[tiles] > 0 && (row == nullptr || corners == nullptr || visible == nullptr)) {
      return FL_ERROR_ARGUMENT;
    }
    return fl::clip_tile_boxes(work, tile_offsets, row, corners, visible) ? FL_OK
                                                                         : FL_ERROR_CAPACITY;
  });
}

}  // extern "C"
