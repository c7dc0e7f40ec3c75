#include "geometry/nms.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <numeric>
#include <queue>
#include <utility>

#include "geometry/index_choice.h"
#include "geometry/overlap_lists.h"

namespace fl {

namespace {

constexpr int64_t kFew = 192;    // rows a class; below, looking at all kept boxes is faster
constexpr size_t kBlock = 8;     // boxes looked at before asking whether one of them covers
constexpr int64_t kRadix = 1024;  // rows from which sorting by digits pays

struct Ranked {
  uint64_t key;
  int64_t row;
};

// Falls as the score rises; -0 and 0 are one score.
uint64_t falling_key(double score) noexcept {
  const uint64_t bits = std::bit_cast<uint64_t>(score + 0.0);
  return (bits >> 63) != 0 ? bits : ~(bits | (uint64_t{1} << 63));
}

void sort_by_digits(BigVector<Ranked>* rows) {
  constexpr int kBits = 11;
  constexpr size_t kDigits = size_t{1} << kBits;
  constexpr int kPasses = (64 + kBits - 1) / kBits;
  BigVector<std::array<int64_t, kDigits>> counts(kPasses);
  for (auto& pass : counts) pass.fill(0);
  for (const Ranked& r : *rows) {
    for (int p = 0; p < kPasses; ++p) ++counts[p][(r.key >> (p * kBits)) & (kDigits - 1)];
  }
  BigVector<Ranked> other(rows->size());
  for (int p = 0; p < kPasses; ++p) {
    auto& count = counts[p];
    const size_t first = ((*rows)[0].key >> (p * kBits)) & (kDigits - 1);
    if (count[first] == static_cast<int64_t>(rows->size())) continue;  // all the same here
    int64_t at = 0;
    for (int64_t& c : count) at += std::exchange(c, at);
    for (const Ranked& r : *rows) {
      other[static_cast<size_t>(count[(r.key >> (p * kBits)) & (kDigits - 1)]++)] = r;
    }
    rows->swap(other);
  }
}

// Kept boxes side by side, so that several are measured at once.
struct Kept {
  BigVector<double> x1, y1, x2, y2, area;
  size_t size = 0;

  void clear() noexcept { size = 0; }
  void add(const double* b) {
    if (size + kBlock > x1.size()) {
      for (auto* v : {&x1, &y1, &x2, &y2, &area}) v->resize(2 * (size + kBlock), 0.0);
    }
    x1[size] = b[0];
    y1[size] = b[1];
    x2[size] = b[2];
    y2[size] = b[3];
    area[size] = area_of(b);
    ++size;
  }
  bool covers(const double* b, double threshold) const noexcept {
    const double own = area_of(b);
    for (size_t k = 0; k < size; k += kBlock) {
      double best = 0;
      // What lies past the last box never counts: it is masked by its index.
      for (size_t i = k; i < k + kBlock; ++i) {
        const double left = x1[i] > b[0] ? x1[i] : b[0];
        const double top = y1[i] > b[1] ? y1[i] : b[1];
        const double right = x2[i] < b[2] ? x2[i] : b[2];
        const double bottom = y2[i] < b[3] ? y2[i] : b[3];
        const double w = right - left;
        const double h = bottom - top;
        const double overlap = (w > 0 ? w : 0) * (h > 0 ? h : 0);
        const double iou = overlap / (own + area[i] - overlap);
        const double counted = i < size ? iou : 0;
        best = counted > best ? counted : best;
      }
      if (best > threshold) return true;
    }
    return false;
  }
};

void suppress_few(const double* boxes, const int64_t* order, int64_t n, double threshold,
                  Kept* kept, BigVector<uint8_t>* stays) {
  kept->clear();
  for (int64_t k = 0; k < n; ++k) {
    const double* b = boxes + 4 * order[k];
    if (measurable(b)) {
      if (kept->covers(b, threshold)) continue;
      kept->add(b);
    }
    (*stays)[static_cast<size_t>(order[k])] = 1;
  }
}

void suppress_many(const double* boxes, const int64_t* order, int64_t n, double threshold,
                   OverlapLists* lists, BigVector<uint8_t>* stays) {
  if (n >= OverlapLists::kPays &&
      find_overlaps(boxes, order, n, Overlap::iou, threshold, lists)) {
    for (int64_t k = 0; k < n; ++k) {
      const auto at = static_cast<size_t>(k);
      const auto covers = [&](uint32_t p) { return (*stays)[static_cast<size_t>(order[p])] != 0; };
      (*stays)[static_cast<size_t>(order[k])] =
          std::none_of(lists->before.begin() + lists->starts[at],
                       lists->before.begin() + lists->starts[at + 1], covers);
    }
    return;
  }
  with_index(boxes, order, n, threshold, [&](auto& kept) {
    for (int64_t k = 0; k < n; ++k) {
      const double* b = boxes + 4 * order[k];
      if (measurable(b)) {
        const double area = area_of(b);
        const bool covered = kept.visit(b, [&](const IndexedBox& other) {
          return iou_of(other.box, other.area, b, area) > threshold;
        });
        if (covered) continue;
        kept.insert(b, order[k]);
      }
      (*stays)[static_cast<size_t>(order[k])] = 1;
    }
  });
}

// One class of soft suppression. A heap holds every box under a score it had once; scores only
// fall, so the top is the best as soon as its score is still the one it has.
void decay_class(const double* boxes, const int64_t* rows, int64_t n, const SoftRules& rules,
                 BigVector<double>* scores, BigVector<Decayed>* out) {
  const auto less = [](const Decayed& a, const Decayed& b) {
    return a.score < b.score || (a.score == b.score && a.row > b.row);
  };
  std::priority_queue<Decayed, BigVector<Decayed>, decltype(less)> heap(less);
  BigVector<int64_t> taking_part;
  for (int64_t k = 0; k < n; ++k) {
    const double score = (*scores)[static_cast<size_t>(rows[k])];
    if (score < rules.score_threshold) continue;
    taking_part.push_back(rows[k]);
    heap.push({rows[k], score});
  }
  // Over the smaller box, and under a Gaussian, a partner may be of any size.
  const bool near = rules.decay == Decay::linear && rules.overlap == Overlap::iou;
  const double reach = near ? rules.threshold : 0;
  const auto count = static_cast<int64_t>(taking_part.size());
  with_index(boxes, taking_part.data(), count, reach, [&](auto& index) {
    for (const int64_t row : taking_part) {
      if (measurable(boxes + 4 * row)) index.insert(boxes + 4 * row, row);
    }
    while (!heap.empty()) {
      const Decayed top = heap.top();
      heap.pop();
      double& now = (*scores)[static_cast<size_t>(top.row)];
      if (now < rules.score_threshold) continue;
      if (now != top.score) {
        heap.push({top.row, now});
        continue;
      }
      out->push_back(top);
      now = -1;  // taken
      const double* b = boxes + 4 * top.row;
      if (!measurable(b)) continue;
      const double area = area_of(b);
      index.visit(b, [&](const IndexedBox& other) {
        double& left = (*scores)[static_cast<size_t>(other.id)];
        if (left < 0) return false;
        const double shared = overlap_of(rules.overlap, b, area, other.box, other.area);
        if (rules.decay == Decay::gaussian) {
          if (shared > 0) left *= std::exp(-(shared * shared) / rules.sigma);
        } else if (shared > rules.threshold) {
          left *= 1 - shared;
        }
        return false;
      });
    }
  });
}

}  // namespace

BigVector<int64_t> order_by_score(const double* scores, int64_t n, const int64_t* ties) {
  BigVector<Ranked> rows(static_cast<size_t>(n));
  for (int64_t i = 0; i < n; ++i) rows[static_cast<size_t>(i)] = {falling_key(scores[i]), i};
  if (n >= kRadix) {
    sort_by_digits(&rows);
  } else {
    std::sort(rows.begin(), rows.end(), [](const Ranked& a, const Ranked& b) {
      return a.key < b.key || (a.key == b.key && a.row < b.row);
    });
  }
  if (ties != nullptr) {
    for (auto from = rows.begin(); from != rows.end();) {
      auto to = from + 1;
      while (to != rows.end() && to->key == from->key) ++to;
      if (to - from > 1) {
        std::sort(from, to,
                  [&](const Ranked& a, const Ranked& b) { return ties[a.row] < ties[b.row]; });
      }
      from = to;
    }
  }
  BigVector<int64_t> order(static_cast<size_t>(n));
  std::transform(rows.begin(), rows.end(), order.begin(), [](const Ranked& r) { return r.row; });
  return order;
}

BigVector<int64_t> order_by_class(const BigVector<int64_t>& order, const int64_t* classes,
                                    BigVector<int64_t>* ends) {
  ends->clear();
  if (order.empty()) return order;
  if (classes == nullptr) {
    ends->push_back(static_cast<int64_t>(order.size()));
    return order;
  }
  BigVector<Ranked> rows(order.size());
  for (size_t k = 0; k < order.size(); ++k) {
    // In the order of signed numbers.
    const auto key = static_cast<uint64_t>(classes[order[k]]) ^ (uint64_t{1} << 63);
    rows[k] = {key, order[k]};
  }
  const auto before = [](const Ranked& a, const Ranked& b) { return a.key < b.key; };
  if (static_cast<int64_t>(rows.size()) >= kRadix) {
    sort_by_digits(&rows);
  } else {
    std::stable_sort(rows.begin(), rows.end(), before);
  }
  BigVector<int64_t> grouped(rows.size());
  for (size_t k = 0; k < rows.size(); ++k) {
    grouped[k] = rows[k].row;
    if (k > 0 && rows[k].key != rows[k - 1].key) ends->push_back(static_cast<int64_t>(k));
  }
  ends->push_back(static_cast<int64_t>(grouped.size()));
  return grouped;
}

BigVector<int64_t> nms(const double* boxes, const double* scores, const int64_t* classes,
                         int64_t n, double threshold) {
  const BigVector<int64_t> order = order_by_score(scores, n);
  if (threshold >= 1) return order;  // no IoU is above 1
  BigVector<int64_t> ends;
  const BigVector<int64_t> grouped = order_by_class(order, classes, &ends);
  BigVector<uint8_t> stays(static_cast<size_t>(n), 0);
  Kept kept;
  OverlapLists lists;
  int64_t begin = 0;
  for (const int64_t end : ends) {
    if (end - begin <= kFew) {
      suppress_few(boxes, grouped.data() + begin, end - begin, threshold, &kept, &stays);
    } else {
      suppress_many(boxes, grouped.data() + begin, end - begin, threshold, &lists, &stays);
    }
    begin = end;
  }
  BigVector<int64_t> rows;
  std::copy_if(order.begin(), order.end(), std::back_inserter(rows),
               [&](int64_t i) { return stays[static_cast<size_t>(i)] != 0; });
  return rows;
}

BigVector<Decayed> soft_nms(const double* boxes, const double* scores, const int64_t* classes,
                              int64_t n, const SoftRules& rules) {
  BigVector<int64_t> rows(static_cast<size_t>(n));
  std::iota(rows.begin(), rows.end(), int64_t{0});
  BigVector<int64_t> ends;
  const BigVector<int64_t> grouped = order_by_class(rows, classes, &ends);
  BigVector<double> left(scores, scores + n);
  BigVector<Decayed> out;
  int64_t begin = 0;
  for (const int64_t end : ends) {
    decay_class(boxes, grouped.data() + begin, end - begin, rules, &left, &out);
    begin = end;
  }
  std::sort(out.begin(), out.end(), [](const Decayed& a, const Decayed& b) {
    return a.score > b.score || (a.score == b.score && a.row < b.row);
  });
  return out;
}

}  // namespace fl
