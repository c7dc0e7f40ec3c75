#include "pixels/box_profiles.h"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <numeric>

#include "pixels/luma_stats.h"

namespace fl {

namespace {

constexpr int32_t kInside = 16;  // strips of the box itself
constexpr int32_t kBefore = (FL_PROFILE_BINS - kInside) / 2;
constexpr int32_t kMinSide = 8;
constexpr int32_t kMostRows = 16;  // sampled rows of a box: at most twice as many, less one
constexpr int32_t kMaxSide = 1 << 20;  // sums of a row fit 32 bits
// Sums of columns of one picture's boxes: 64 MB. A picture with more has no profiles.
constexpr size_t kMostColumns = size_t{1} << 25;
constexpr uint32_t kTop = 14;      // the greatest value of a row of strips
constexpr uint8_t kOutside = 15;   // the strip leaves the picture
// Gradients are taken in quarters. Rows of strips that differ by less than this are stretched
// as if they differed by so much: what is flat is not to look like an edge.
constexpr uint32_t kUnit = 4, kLeastRange = 8;

// Where strip b of a side from low to high begins; rounded down, also left of zero.
int32_t edge(int32_t low, int32_t high, int32_t b) noexcept {
  const int64_t at = int64_t{b - kBefore} * (high - low);
  return static_cast<int32_t>(low + (at >= 0 ? at / kInside : -((-at + kInside - 1) / kInside)));
}

int32_t edge_end(int32_t low, int32_t high, int32_t b) noexcept {
  return std::max(edge(low, high, b + 1), edge(low, high, b) + 1);
}

uint32_t mean(uint64_t sum, uint64_t n) noexcept {
  return static_cast<uint32_t>((2 * sum + n) / (2 * n));
}

// Stretches the strips that are in the picture to 0 .. kTop and packs two into a byte.
void pack(const uint32_t* values, const bool* seen, uint8_t* out) noexcept {
  uint32_t low = UINT32_MAX, high = 0;
  for (int32_t b = 0; b < FL_PROFILE_BINS; ++b) {
    if (!seen[b]) continue;
    low = std::min(low, values[b]);
    high = std::max(high, values[b]);
  }
  const uint32_t range = std::max(high > low ? high - low : 0, kLeastRange);
  std::fill_n(out, FL_PROFILE_BINS / 2, static_cast<uint8_t>(0));
  for (int32_t b = 0; b < FL_PROFILE_BINS; ++b) {
    const uint32_t code =
        seen[b] ? (2 * kTop * (values[b] - low) + range) / (2 * range) : kOutside;
    out[b / 2] = static_cast<uint8_t>(out[b / 2] | code << (4 * (b % 2)));
  }
}

}  // namespace

void BoxProfiles::reset(const std::vector<PixelBox>& boxes, int64_t width) {
  width_ = width;
  next_ = 0;
  active_.clear();
  items_.assign(boxes.size(), Item{});
  by_top_.clear();
  size_t total = 0;
  for (size_t i = 0; i < boxes.size(); ++i) {
    const PixelBox& b = boxes[i];
    Item& item = items_[i];
    item.x0 = b.x0, item.y0 = b.y0, item.x1 = b.x1, item.y1 = b.y1;
    const int32_t w = b.x1 - b.x0, h = b.y1 - b.y0;
    if (w >= kMinSide && h >= kMinSide && w <= kMaxSide && h <= kMaxSide) {
      item.left = std::max<int32_t>(0, edge(b.x0, b.x1, 0));
      item.right = static_cast<int32_t>(
          std::min<int64_t>(width, edge_end(b.x0, b.x1, FL_PROFILE_BINS - 1)));
      item.top = edge(b.y0, b.y1, 0);
      item.bottom = edge_end(b.y0, b.y1, FL_PROFILE_BINS - 1);
      item.step = std::max<int32_t>(1, h / kMostRows);
      item.next_inside = b.y0;
      item.next_row = item.top;
      // Rows above the picture never come.
      if (item.top < 0) item.next_row += (-item.top + item.step - 1) / item.step * item.step;
      item.bin_end = edge_end(b.y0, b.y1, 0);
      item.columns = total;
      total += 2 * static_cast<size_t>(item.right - item.left);
      by_top_.push_back(static_cast<int32_t>(i));
    }
  }
  if (total > kMostColumns) {
    by_top_.clear();
    total = 0;
  }
  columns_.assign(total, 0);
  std::sort(by_top_.begin(), by_top_.end(), [this](int32_t a, int32_t b) {
    return items_[static_cast<size_t>(a)].top < items_[static_cast<size_t>(b)].top;
  });
}

void BoxProfiles::add_rows(int64_t y, int64_t count, const uint8_t* const* rows) {
  const int64_t end = y + count;
  while (next_ < by_top_.size() && items_[static_cast<size_t>(by_top_[next_])].top < end) {
    active_.push_back(by_top_[next_++]);
  }
  for (size_t k = 0; k < active_.size();) {
    Item& item = items_[static_cast<size_t>(active_[k])];
    if (item.bottom <= y) {
      active_[k] = active_.back();
      active_.pop_back();
      continue;
    }
    const int64_t inside = std::min<int64_t>(item.y1, end);
    for (; item.next_inside < inside; item.next_inside += item.step) {
      add_to_columns(&item, rows[item.next_inside - y + 1]);
    }
    const int64_t last = std::min<int64_t>(item.bottom, end);
    for (; item.next_row < last; item.next_row += item.step) {
      const int64_t at = item.next_row - y;
      add_row(&item, rows[at], rows[at + 1], rows[at + 2]);
    }
    ++k;
  }
}

void BoxProfiles::add_to_columns(Item* item, const uint8_t* row) {
  const auto n = static_cast<size_t>(item->right - item->left);
  uint16_t* luma = columns_.data() + item->columns;
  uint16_t* gradient = luma + n;
  const uint8_t* at = row + item->left;
  for (size_t x = 0; x < n; ++x) luma[x] = static_cast<uint16_t>(luma[x] + at[x]);
  const uint8_t* before = at - 1;
  const uint8_t* after = at + 1;
  for (size_t x = 0; x < n; ++x) {
    gradient[x] = static_cast<uint16_t>(gradient[x] + std::abs(after[x] - before[x]));
  }
  ++item->column_rows;
}

void BoxProfiles::add_row(Item* item, const uint8_t* above, const uint8_t* row,
                          const uint8_t* below) {
  const auto y = static_cast<int32_t>(item->next_row);
  while (item->bin < kBins && item->bin_end <= y) {
    ++item->bin;
    item->bin_end = edge_end(item->y0, item->y1, item->bin);
  }
  int32_t luma = 0, gradient = 0;
  for (int32_t x = item->x0; x < item->x1; ++x) luma += row[x];
  for (int32_t x = item->x0; x < item->x1; ++x) gradient += std::abs(below[x] - above[x]);
  // Strips of a box lower than 16 pixels share rows.
  for (int32_t b = item->bin; b < kBins && edge(item->y0, item->y1, b) <= y; ++b) {
    if (y >= edge_end(item->y0, item->y1, b)) continue;
    item->luma[b] += static_cast<uint64_t>(luma);
    item->gradient[b] += static_cast<uint64_t>(gradient);
    ++item->rows[b];
  }
}

bool BoxProfiles::finish(size_t i, int64_t rows, uint8_t* out) const {
  const Item& item = items_[i];
  std::fill_n(out, 2 * kBins, static_cast<uint8_t>(0));
  if (columns_.empty() || item.column_rows == 0) return false;
  const auto n = static_cast<size_t>(item.right - item.left);
  const uint16_t* columns = columns_.data() + item.columns;
  const auto used = static_cast<uint64_t>(item.column_rows);
  uint32_t luma[kBins] = {}, gradient[kBins] = {};
  bool seen[kBins] = {};
  for (int32_t b = 0; b < kBins; ++b) {
    const int32_t begin = edge(item.x0, item.x1, b), end = edge_end(item.x0, item.x1, b);
    seen[b] = begin >= 0 && end <= width_;
    if (!seen[b]) continue;
    uint64_t sum = 0, steep = 0;
    for (int32_t x = begin; x < end; ++x) {
      const auto at = static_cast<size_t>(x - item.left);
      sum += columns[at];
      steep += columns[n + at];
    }
    const uint64_t pixels = used * static_cast<uint64_t>(end - begin);
    luma[b] = mean(sum, pixels);
    gradient[b] = mean(kUnit * steep, pixels);
  }
  pack(luma, seen, out);
  pack(gradient, seen, out + kBins / 2);
  for (int32_t b = 0; b < kBins; ++b) {
    seen[b] = edge(item.y0, item.y1, b) >= 0 && edge_end(item.y0, item.y1, b) <= rows &&
              item.rows[b] > 0;
    if (!seen[b]) continue;
    const uint64_t pixels =
        static_cast<uint64_t>(item.rows[b]) * static_cast<uint64_t>(item.x1 - item.x0);
    luma[b] = mean(item.luma[b], pixels);
    gradient[b] = mean(uint64_t{kUnit} * item.gradient[b], pixels);
  }
  pack(luma, seen, out + kBins);
  pack(gradient, seen, out + 3 * kBins / 2);
  return true;
}

}  // namespace fl
