#include "pixels/box_rings.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "pixels/finish.h"
#include "pixels/luma_stats.h"

namespace fl {

namespace {

// A quarter of the shorter side, so that a ring is of the size of its object, but enough pixels
// around a tiny one, and no more rows of a large one than say what is near it.
constexpr int32_t kLeast = 4, kMost = 64;

int32_t margin(const PixelBox& b) noexcept {
  return std::clamp((std::min(b.x1 - b.x0, b.y1 - b.y0) + 2) / 4, kLeast, kMost);
}

}  // namespace

void BoxRings::reset(const std::vector<PixelBox>& boxes, int64_t width, int64_t height) {
  items_.assign(boxes.size(), Item{});
  by_top_.clear();
  active_.clear();
  free_.clear();
  counts_.clear();
  next_ = 0;
  for (size_t i = 0; i < boxes.size(); ++i) {
    const PixelBox& b = boxes[i];
    if (b.x1 <= b.x0 || b.y1 <= b.y0) continue;
    Item& item = items_[i];
    const int32_t m = margin(b);
    item.x0 = b.x0, item.y0 = b.y0, item.x1 = b.x1, item.y1 = b.y1;
    item.left = std::max<int32_t>(0, b.x0 - m);
    item.top = std::max<int32_t>(0, b.y0 - m);
    item.right = static_cast<int32_t>(std::min<int64_t>(width, int64_t{b.x1} + m));
    item.bottom = static_cast<int32_t>(std::min<int64_t>(height, int64_t{b.y1} + m));
    by_top_.push_back(static_cast<int32_t>(i));
  }
  std::sort(by_top_.begin(), by_top_.end(), [this](int32_t a, int32_t b) {
    return items_[static_cast<size_t>(a)].top < items_[static_cast<size_t>(b)].top;
  });
}

void BoxRings::add_rows(int64_t y, int64_t count, const uint8_t* const* rows) {
  const int64_t end = y + count;
  while (next_ < by_top_.size() && items_[static_cast<size_t>(by_top_[next_])].top < end) {
    Item& item = items_[static_cast<size_t>(by_top_[next_])];
    if (free_.empty()) {
      free_.push_back(static_cast<int32_t>(counts_.size() / kBins));
      counts_.resize(counts_.size() + kBins);
    }
    item.slot = free_.back();
    free_.pop_back();
    std::fill_n(counts_.begin() + static_cast<ptrdiff_t>(kBins) * item.slot, kBins, 0U);
    active_.push_back(by_top_[next_++]);
  }
  for (size_t k = 0; k < active_.size();) {
    Item& item = items_[static_cast<size_t>(active_[k])];
    const int64_t first = std::max<int64_t>(item.top, y);
    const int64_t last = std::min<int64_t>(item.bottom, end);
    add_part(&item, y, first, std::min<int64_t>(item.y0, last), item.left, item.right, rows);
    const int64_t from = std::max<int64_t>(item.y0, first), to = std::min<int64_t>(item.y1, last);
    add_part(&item, y, from, to, item.left, item.x0, rows);
    add_part(&item, y, from, to, item.x1, item.right, rows);
    add_part(&item, y, std::max<int64_t>(item.y1, first), last, item.left, item.right, rows);
    if (item.bottom > end) {
      ++k;
      continue;
    }
    close(&item);
    active_[k] = active_.back();
    active_.pop_back();
  }
}

void BoxRings::add_part(Item* item, int64_t y, int64_t from, int64_t to, int32_t x0, int32_t x1,
                        const uint8_t* const* rows) {
  if (from >= to || x0 >= x1) return;
  const int64_t count = to - from;
  const auto n = static_cast<size_t>(x1 - x0);
  const uint8_t* parts[LevelStats::kMaxRows + 2];
  for (int64_t k = 0; k < count + 2; ++k) parts[k] = rows[from - y + k] + x0;
  row_kernels().row_sums(parts, static_cast<size_t>(count), n, &item->sums);
  uint32_t* counts = counts_.data() + kBins * static_cast<size_t>(item->slot);
  for (int64_t k = 1; k <= count; ++k) {
    for (size_t x = 0; x < n; ++x) ++counts[parts[k][x] / (256 / kBins)];
  }
  item->pixels += count * static_cast<int64_t>(n);
}

void BoxRings::close(Item* item) {
  uint64_t counts[256] = {};
  std::copy_n(counts_.begin() + static_cast<ptrdiff_t>(kBins) * item->slot, kBins, counts);
  item->entropy = histogram_entropy(counts);
  free_.push_back(item->slot);
  item->slot = -1;
}

void BoxRings::finish(size_t i, double noise_sigma, fl_box_row* row) {
  Item& item = items_[i];
  if (item.slot >= 0) close(&item);  // the picture ended before the ring did
  if (item.pixels == 0) return;
  const auto n = static_cast<double>(item.pixels);
  row->ring_pixels = item.pixels;
  row->ring_luma_mean = static_cast<double>(item.sums.sum) / n;
  row->ring_contrast = std::sqrt(
      exact_variance(item.pixels, static_cast<int64_t>(item.sums.sum), item.sums.sum2));
  row->ring_gradient = gradient_energy(item.sums, item.pixels, noise_sigma);
  row->ring_entropy = item.entropy;
}

}  // namespace fl
