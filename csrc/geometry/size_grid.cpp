#include "geometry/size_grid.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace fl {

namespace {

// Rounding moves a computed IoU by less than this share of it.
constexpr double kSlack = 1e-9;

uint64_t mixed(uint64_t h) noexcept {
  h ^= h >> 32;
  h *= 0xD6E8FEB86659FD93U;
  return h ^ h >> 32;
}

int64_t cell_of(double at) noexcept {
  constexpr double kLimit = 2305843009213693952.0;  // 2^61
  return static_cast<int64_t>(std::clamp(std::floor(at), -kLimit, kLimit));
}

}  // namespace

SizeGrid::SizeGrid(double threshold) {
  threshold_ = threshold * (1 - kSlack);
  // IoU is at most that of the intervals along x, o / (wa + wb - o), whatever the heights; so
  // the centres are apart by at most (wa + wb) / 2 - t (wa + wb) / (1 + t).
  reach_ = (1 - threshold_) / (2 * (1 + threshold_)) * (1 + kSlack);
  // Few distinct sizes share a bucket and few centres a cell, also where the threshold is high.
  int bits = 0;
  for (double rest = 1 - threshold_; rest < 0.3 && bits < 9; rest *= 2) ++bits;
  key_shift_ = 52 - bits;
  cell_ = std::max(6 * reach_, 1.0 / 512);
}

SizeGrid::Query SizeGrid::query_of(const double* b) noexcept {
  return {b[0] / 2 + b[2] / 2, b[1] / 2 + b[3] / 2, b[2] - b[0], b[3] - b[1],
          std::max(std::abs(b[0]), std::abs(b[2])), std::max(std::abs(b[1]), std::abs(b[3]))};
}

// Four by four neighbours share a hash but for its last four bits, and so a cache line of
// slots: a query looks into neighbours.
uint64_t SizeGrid::cell_hash(uint32_t bucket, int64_t x, int64_t y) noexcept {
  const uint64_t block = mixed(static_cast<uint64_t>(x >> 2) * 0x9E3779B97F4A7C15U +
                               static_cast<uint64_t>(y >> 2) * 0xC2B2AE3D27D4EB4FU +
                               bucket * 0x165667B19E3779F9U);
  return (block & ~uint64_t{15}) | static_cast<uint64_t>((y & 3) << 2 | (x & 3));
}

// The leading bits of a positive double rise with its value.
uint64_t SizeGrid::key_of(double side) const noexcept {
  return std::bit_cast<uint64_t>(side) >> key_shift_;
}

double SizeGrid::side_of(uint64_t key) const noexcept {
  return std::bit_cast<double>(key << key_shift_);
}

uint32_t SizeGrid::find_bucket(uint64_t key) const noexcept {
  if (bucket_slots_.empty()) return kNone;
  const size_t mask = bucket_slots_.size() - 1;
  for (size_t s = static_cast<size_t>(mixed(key)) & mask;; s = (s + 1) & mask) {
    const uint32_t b = bucket_slots_[s];
    if (b == kNone || buckets_[b].key == key) return b;
  }
}

void SizeGrid::grow_buckets() {
  bucket_slots_.assign(std::max<size_t>(64, 2 * bucket_slots_.size()), kNone);
  const size_t mask = bucket_slots_.size() - 1;
  for (uint32_t b = 0; b < buckets_.size(); ++b) {
    size_t s = static_cast<size_t>(mixed(buckets_[b].key)) & mask;
    while (bucket_slots_[s] != kNone) s = (s + 1) & mask;
    bucket_slots_[s] = b;
  }
}

uint32_t SizeGrid::make_bucket(uint64_t w_key, uint64_t h_key) {
  const double w = side_of(w_key);
  const double h = side_of(h_key);
  buckets_.push_back({w_key << 32 | h_key, w, side_of(w_key + 1), h, side_of(h_key + 1),
                      1 / (cell_ * w), 1 / (cell_ * h), kNone, 0});
  const auto number = static_cast<uint32_t>(buckets_.size() - 1);
  if (2 * buckets_.size() > bucket_slots_.size()) {
    grow_buckets();
    return number;
  }
  const size_t mask = bucket_slots_.size() - 1;
  size_t s = static_cast<size_t>(mixed(buckets_[number].key)) & mask;
  while (bucket_slots_[s] != kNone) s = (s + 1) & mask;
  bucket_slots_[s] = number;
  return number;
}

void SizeGrid::grow_slots() {
  slots_.assign(std::max<size_t>(256, 2 * slots_.size()), kNone);
  shift_ = 64 - std::countr_zero(slots_.size() / kBlock);
  for (uint32_t e = 0; e < entries_.size(); ++e) {
    uint32_t& head = slots_[slot_of(entries_[e].cell)];
    entries_[e].next = head;
    head = e;
  }
}

void SizeGrid::insert(const double* box, int64_t id) {
  const auto number = static_cast<uint32_t>(entries_.size());
  entries_.push_back({{{box[0], box[1], box[2], box[3]}, area_of(box), id}, 0, kNone, kNone});
  const Query q = query_of(box);
  const uint64_t w_key = key_of(q.w);
  const uint64_t h_key = key_of(q.h);
  uint32_t b = find_bucket(w_key << 32 | h_key);
  if (b == kNone) b = make_bucket(w_key, h_key);
  Bucket& bucket = buckets_[b];
  Entry& entry = entries_[number];
  entry.cell = cell_hash(b, cell_of(q.x * bucket.cells_per_x), cell_of(q.y * bucket.cells_per_y));
  entry.in_bucket = bucket.head;
  bucket.head = number;
  ++bucket.count;
  if (entries_.size() > slots_.size() / 2) {
    grow_slots();
    return;
  }
  uint32_t& head = slots_[slot_of(entry.cell)];
  entry.next = head;
  head = number;
}

bool SizeGrid::reachable(const Bucket& b, const Query& q, Cells* cells) const noexcept {
  // How much wider one is at least than the other, and which. The best that can be is one
  // box inside the other, or, where one is wider and the other higher, a cross.
  const double w = q.w < b.w_low ? b.w_low / q.w : q.w > b.w_high ? q.w / b.w_high : 1;
  const double h = q.h < b.h_low ? b.h_low / q.h : q.h > b.h_high ? q.h / b.h_high : 1;
  const bool nested = (q.w < b.w_low) == (q.h < b.h_low);
  if ((nested ? w * h : w + h - 1) * threshold_ > 1) return false;
  const double w_most = std::min(b.w_high, q.w / threshold_);
  const double h_most = std::min(b.h_high, q.h / threshold_);
  // Far from the origin a centre is known to the last digits of its coordinates only.
  const double dx = (q.w + w_most) * reach_ + (q.far_x + w_most) * 1e-15;
  const double dy = (q.h + h_most) * reach_ + (q.far_y + h_most) * 1e-15;
  *cells = {cell_of((q.x - dx) * b.cells_per_x), cell_of((q.x + dx) * b.cells_per_x),
            cell_of((q.y - dy) * b.cells_per_y), cell_of((q.y + dy) * b.cells_per_y)};
  return true;
}

}  // namespace fl
