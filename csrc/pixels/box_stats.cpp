#include <algorithm>
#include <numeric>

#include "pixels/luma_stats.h"

namespace fl {

namespace {

// Above this much box area per picture area the column strategy is the cheaper one.
constexpr int64_t kDenseOverlap = 3;

}  // namespace

void BoxStats::reset(const std::vector<PixelBox>& boxes, int64_t width, int64_t height) {
  boxes_ = boxes;
  sums_.assign(boxes.size(), Sums{});
  width_ = width;
  next_start_ = next_end_ = 0;
  active_.clear();
  by_start_.resize(boxes.size());
  std::iota(by_start_.begin(), by_start_.end(), 0);
  std::sort(by_start_.begin(), by_start_.end(), [this](int32_t a, int32_t b) {
    return boxes_[static_cast<size_t>(a)].y0 < boxes_[static_cast<size_t>(b)].y0;
  });
  int64_t area = 0;
  for (const PixelBox& b : boxes_) area += int64_t{b.x1 - b.x0} * (b.y1 - b.y0);
  columns_ = forced_ == 2 || (forced_ == 0 && area > kDenseOverlap * width * height);
  if (!columns_) return;
  by_end_ = by_start_;
  std::sort(by_end_.begin(), by_end_.end(), [this](int32_t a, int32_t b) {
    return boxes_[static_cast<size_t>(a)].y1 < boxes_[static_cast<size_t>(b)].y1;
  });
  column_.assign(static_cast<size_t>(width), RowSums{});
  prefix_.assign(static_cast<size_t>(width) + 1, RowSums{});
}

void BoxStats::add_rows(int64_t y, int64_t count, const uint8_t* const* rows) {
  if (boxes_.empty()) return;
  if (!columns_) {
    add_direct(y, count, rows);
    return;
  }
  for (int64_t k = 0; k < count; ++k) add_columns(y + k, rows[k], rows[k + 1], rows[k + 2]);
}

void BoxStats::add_direct(int64_t y, int64_t count, const uint8_t* const* rows) {
  const int64_t end = y + count;
  while (next_start_ < by_start_.size() &&
         boxes_[static_cast<size_t>(by_start_[next_start_])].y0 < end) {
    active_.push_back(by_start_[next_start_++]);
  }
  for (size_t k = 0; k < active_.size();) {
    const auto at = static_cast<size_t>(active_[k]);
    const PixelBox& b = boxes_[at];
    if (b.y1 <= y) {
      active_[k] = active_.back();
      active_.pop_back();
      continue;
    }
    const int64_t first = std::max<int64_t>(b.y0, y);
    const int64_t inside = std::min<int64_t>(b.y1, end) - first;
    const auto n = static_cast<size_t>(b.x1 - b.x0);
    const uint8_t* segments[LevelStats::kMaxRows + 2];
    for (int64_t r = 0; r < inside + 2; ++r) segments[r] = rows[first - y + r] + b.x0;
    row_kernels().row_sums(segments, static_cast<size_t>(inside), n, &sums_[at].rows);
    sums_[at].pixels += inside * static_cast<int64_t>(n);
    ++k;
  }
}

// Takes the boxes that begin at row y (minus) and end before it (plus) off the column sums
// of the rows above y.
void BoxStats::read_columns(int64_t y) {
  const auto begins = [this](size_t k) { return boxes_[static_cast<size_t>(by_start_[k])].y0; };
  const auto ends = [this](size_t k) { return boxes_[static_cast<size_t>(by_end_[k])].y1; };
  const bool any = (next_start_ < boxes_.size() && begins(next_start_) <= y) ||
                   (next_end_ < boxes_.size() && ends(next_end_) <= y);
  if (!any) return;
  for (size_t x = 0; x < static_cast<size_t>(width_); ++x) {
    prefix_[x + 1] = prefix_[x];
    prefix_[x + 1] += column_[x];
  }
  // Unsigned sums wrap and wrap back; the differences are exact.
  const auto add = [this](int32_t index, bool plus) {
    const PixelBox& b = boxes_[static_cast<size_t>(index)];
    RowSums inside = prefix_[static_cast<size_t>(b.x1)];
    inside -= prefix_[static_cast<size_t>(b.x0)];
    RowSums& total = sums_[static_cast<size_t>(index)].rows;
    if (plus) {
      total += inside;
    } else {
      total -= inside;
    }
  };
  for (; next_start_ < boxes_.size() && begins(next_start_) <= y; ++next_start_) {
    add(by_start_[next_start_], false);
  }
  for (; next_end_ < boxes_.size() && ends(next_end_) <= y; ++next_end_) {
    add(by_end_[next_end_], true);
  }
}

void BoxStats::add_columns(int64_t y, const uint8_t* prev, const uint8_t* cur,
                           const uint8_t* next) {
  read_columns(y);
  for (int64_t x = 0; x < width_; ++x) {
    const int v = cur[x];
    const int lap = cur[x - 1] + cur[x + 1] + prev[x] + next[x] - 4 * v;
    const int gx = cur[x + 1] - cur[x - 1];
    const int gy = next[x] - prev[x];
    RowSums& c = column_[static_cast<size_t>(x)];
    c.sum += static_cast<uint64_t>(v);
    c.sum2 += static_cast<uint64_t>(v * v);
    c.lap += lap;
    c.lap2 += static_cast<uint64_t>(lap * lap);
    c.grad2 += static_cast<uint64_t>(gx * gx + gy * gy);
  }
}

void BoxStats::finish(int64_t rows) {
  if (!columns_ || boxes_.empty()) return;
  // A picture that ended early: boxes end with it, and those below it were never begun.
  for (PixelBox& b : boxes_) {
    b.y0 = static_cast<int32_t>(std::min<int64_t>(b.y0, rows));
    b.y1 = static_cast<int32_t>(std::min<int64_t>(b.y1, rows));
  }
  read_columns(rows);
  for (size_t i = 0; i < boxes_.size(); ++i) {
    sums_[i].pixels = int64_t{boxes_[i].x1 - boxes_[i].x0} * (boxes_[i].y1 - boxes_[i].y0);
  }
}

}  // namespace fl
