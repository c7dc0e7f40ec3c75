// Boxes found again by place and size: the index behind suppression and merging.
//
// A box lies in the bucket of its width and its height (their leading bits), and there in the
// cell of its centre; a cell is about as wide as a partner's centre may be away. Boxes that
// suppression kept overlap each other little, so that a cell holds few of them and a query
// costs the same however many there are. What a query visits is never too little; the caller
// measures every visited box, so that results are those of the search through all.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/big_vector.h"
#include "geometry/overlap.h"

namespace fl {

class SizeGrid {
 public:
  struct alignas(64) Entry : IndexedBox {
    uint64_t cell;       // the hash of its cell
    uint32_t next;       // the next of the same slot
    uint32_t in_bucket;  // the next of the same bucket
  };

  // Below this threshold too many sizes can be partners.
  static constexpr double kLeast = 0.1;

  // threshold: only partners with an IoU above it need to be found; kLeast to 1.
  explicit SizeGrid(double threshold);

  // An ordinary box.
  void insert(const double* box, int64_t id);

  // Calls visit for every box in here that may be a partner of this ordinary one, until it
  // returns true. Returns whether it did.
  template <typename Visit>
  bool visit(const double* box, Visit visit) const;

 private:
  static constexpr uint32_t kNone = UINT32_MAX;
  static constexpr size_t kAll = 24;  // so few are visited without looking for them

  struct Bucket {
    uint64_t key;
    double w_low, w_high, h_low, h_high;
    double cells_per_x, cells_per_y;
    uint32_t head, count;
  };
  struct Query {
    double x, y, w, h, far_x, far_y;
  };
  struct Cells {
    int64_t x0, x1, y0, y1;
    bool few(uint32_t than) const noexcept {
      const uint64_t nx = static_cast<uint64_t>(x1 - x0) + 1;
      const uint64_t ny = static_cast<uint64_t>(y1 - y0) + 1;
      return nx <= than && ny <= than && nx * ny <= than;
    }
  };

  static Query query_of(const double* box) noexcept;
  static uint64_t cell_hash(uint32_t bucket, int64_t x, int64_t y) noexcept;
  uint64_t key_of(double side) const noexcept;
  double side_of(uint64_t key) const noexcept;
  uint32_t find_bucket(uint64_t key) const noexcept;
  uint32_t make_bucket(uint64_t w_key, uint64_t h_key);
  void grow_slots();
  void grow_buckets();
  bool reachable(const Bucket& bucket, const Query& q, Cells* cells) const noexcept;
  static constexpr size_t kBlock = 16;  // slots of one line
  size_t slot_of(uint64_t hash) const noexcept {
    return static_cast<size_t>(hash >> shift_) * kBlock + static_cast<size_t>(hash % kBlock);
  }

  template <typename Visit>
  bool visit_bucket(uint32_t number, const Query& q, Visit& visit) const;

  double threshold_;  // a hair below the caller's
  double reach_;      // of centres, in sums of widths
  double cell_;       // side of a cell in sides of its bucket's smallest box
  int key_shift_;
  BigVector<Entry> entries_;
  BigVector<uint32_t> slots_;
  int shift_ = 0;
  BigVector<Bucket> buckets_;
  BigVector<uint32_t> bucket_slots_;
};

// ---- visiting --------------------------------------------------------------------------

template <typename Visit>
bool SizeGrid::visit_bucket(uint32_t number, const Query& q, Visit& visit) const {
  const Bucket& bucket = buckets_[number];
  Cells cells;
  if (!reachable(bucket, q, &cells)) return false;
  if (!cells.few(bucket.count)) {
    for (uint32_t e = bucket.head; e != kNone; e = entries_[e].in_bucket) {
      if (visit(entries_[e])) return true;
    }
    return false;
  }
  for (int64_t y = cells.y0; y <= cells.y1; ++y) {
    for (int64_t x = cells.x0; x <= cells.x1; ++x) {
      const uint64_t hash = cell_hash(number, x, y);
      for (uint32_t e = slots_[slot_of(hash)]; e != kNone; e = entries_[e].next) {
        if (entries_[e].cell == hash && visit(entries_[e])) return true;
      }
    }
  }
  return false;
}

template <typename Visit>
bool SizeGrid::visit(const double* box, Visit visit) const {
  if (entries_.size() <= kAll) {
    for (const Entry& e : entries_) {
      if (visit(e)) return true;
    }
    return false;
  }
  const Query q = query_of(box);
  // Most partners are of about the same size.
  const uint32_t own = find_bucket(key_of(q.w) << 32 | key_of(q.h));
  if (own != kNone && visit_bucket(own, q, visit)) return true;
  const uint64_t w0 = key_of(q.w * threshold_);
  const uint64_t w1 = key_of(q.w / threshold_);
  const uint64_t h0 = key_of(q.h * threshold_);
  const uint64_t h1 = key_of(q.h / threshold_);
  if ((w1 - w0 + 1) * (h1 - h0 + 1) > buckets_.size()) {
    for (uint32_t b = 0; b < buckets_.size(); ++b) {
      if (b != own && visit_bucket(b, q, visit)) return true;
    }
    return false;
  }
  for (uint64_t kw = w0; kw <= w1; ++kw) {
    for (uint64_t kh = h0; kh <= h1; ++kh) {
      const uint32_t b = find_bucket(kw << 32 | kh);
      if (b != kNone && b != own && visit_bucket(b, q, visit)) return true;
    }
  }
  return false;
}

}  // namespace fl
