#include "geometry/matching.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "geometry/coco_iou.h"

namespace fl {

namespace {

// Rows of one image and class, in the order in which they are looked at.
class Cell {
 public:
  explicit Cell(const MatchCoco& m) noexcept : m_(m) {}

  void match(const std::vector<int64_t>& predictions, const std::vector<int64_t>& labels) {
    const int64_t count = static_cast<int64_t>(predictions.size());
    const int64_t looked_at = m_.max_predictions > 0 ? std::min(m_.max_predictions, count) : count;
    const int64_t all = m_.predictions.offsets[m_.images];
    for (int64_t k = looked_at; k < count; ++k) {
      for (int64_t t = 0; t < m_.n_thresholds; ++t) {
        m_.prediction_ignored[t * all + predictions[static_cast<size_t>(k)]] = 1;
      }
    }
    if (labels.empty()) return;
    measure(predictions, looked_at, labels);
    for (int64_t t = 0; t < m_.n_thresholds; ++t) match_at(t, predictions, looked_at, labels);
  }

  bool ignored(int64_t label) const noexcept {
    return (m_.ignore != nullptr && m_.ignore[label] != 0) || crowd(label);
  }

 private:
  bool crowd(int64_t label) const noexcept {
    return m_.crowd != nullptr && m_.crowd[label] != 0;
  }

  void measure(const std::vector<int64_t>& predictions, int64_t looked_at,
               const std::vector<int64_t>& labels) {
    iou_.resize(static_cast<size_t>(looked_at) * labels.size());
    label_corners_.clear();
    flags_.clear();
    for (const int64_t g : labels) {
      label_corners_.push_back(coco_box(m_.labels.boxes + 4 * g, m_.sizes));
      flags_.push_back(static_cast<uint8_t>((ignored(g) ? kIgnored : 0) | (crowd(g) ? kCrowd : 0)));
    }
    double* to = iou_.data();
    for (int64_t k = 0; k < looked_at; ++k) {
      const CocoBox p =
          coco_box(m_.predictions.boxes + 4 * predictions[static_cast<size_t>(k)], m_.sizes);
      for (size_t g = 0; g < labels.size(); ++g) {
        *to++ = coco_iou(p, label_corners_[g], (flags_[g] & kCrowd) != 0);
      }
    }
  }

  void match_at(int64_t t, const std::vector<int64_t>& predictions, int64_t looked_at,
                const std::vector<int64_t>& labels) {
    int64_t* prediction_match = m_.prediction_match + t * m_.predictions.offsets[m_.images];
    uint8_t* prediction_ignored = m_.prediction_ignored + t * m_.predictions.offsets[m_.images];
    int64_t* label_match = m_.label_match + t * m_.labels.offsets[m_.images];
    const double* iou = iou_.data();
    for (int64_t k = 0; k < looked_at; ++k, iou += labels.size()) {
      double best = std::min(m_.thresholds[t], 1 - 1e-10);
      size_t found = labels.size();
      for (size_t g = 0; g < labels.size(); ++g) {
        if (label_match[labels[g]] >= 0 && (flags_[g] & kCrowd) == 0) continue;
        // The labels to ignore come last, and are a match only where no other is.
        if (found < labels.size() && (flags_[found] & kIgnored) == 0 &&
            (flags_[g] & kIgnored) != 0) {
          break;
        }
        if (iou[g] < best) continue;
        best = iou[g];
        found = g;
      }
      if (found == labels.size()) continue;
      const int64_t row = predictions[static_cast<size_t>(k)];
      prediction_match[row] = labels[found];
      prediction_ignored[row] = (flags_[found] & kIgnored) != 0;
      label_match[labels[found]] = row;
    }
  }

  static constexpr uint8_t kIgnored = 1;
  static constexpr uint8_t kCrowd = 2;

  const MatchCoco& m_;
  std::vector<double> iou_;
  std::vector<CocoBox> label_corners_;
  std::vector<uint8_t> flags_;
};

int64_t class_of(const MatchSide& side, int64_t row) noexcept {
  return side.classes == nullptr ? 0 : side.classes[row];
}

// The rows of an image, class by class, the order inside a class decided by `before`.
template <typename Before>
void list_rows(const MatchSide& side, int64_t image, Before before, std::vector<int64_t>* rows) {
  rows->resize(static_cast<size_t>(side.offsets[image + 1] - side.offsets[image]));
  std::iota(rows->begin(), rows->end(), side.offsets[image]);
  std::sort(rows->begin(), rows->end(), [&](int64_t a, int64_t b) {
    const int64_t ca = class_of(side, a);
    const int64_t cb = class_of(side, b);
    if (ca != cb) return ca < cb;
    if (before(a, b)) return true;
    return !before(b, a) && a < b;
  });
}

size_t end_of_class(const MatchSide& side, const std::vector<int64_t>& rows, size_t at) noexcept {
  const int64_t own = class_of(side, rows[at]);
  while (at < rows.size() && class_of(side, rows[at]) == own) ++at;
  return at;
}

}  // namespace

void match_coco(const MatchCoco& m) {
  const int64_t n = m.predictions.offsets[m.images];
  std::fill_n(m.prediction_match, m.n_thresholds * n, int64_t{-1});
  std::fill_n(m.prediction_ignored, m.n_thresholds * n, uint8_t{0});
  std::fill_n(m.label_match, m.n_thresholds * m.labels.offsets[m.images], int64_t{-1});
  Cell cell(m);
  std::vector<int64_t> predictions, labels, some_predictions, some_labels;
  for (int64_t image = 0; image < m.images; ++image) {
    list_rows(m.predictions, image,
              [&](int64_t a, int64_t b) { return m.scores[a] > m.scores[b]; }, &predictions);
    list_rows(m.labels, image,
              [&](int64_t a, int64_t b) { return !cell.ignored(a) && cell.ignored(b); }, &labels);
    size_t g = 0;
    for (size_t p = 0; p < predictions.size();) {
      const int64_t own = class_of(m.predictions, predictions[p]);
      const size_t p_end = end_of_class(m.predictions, predictions, p);
      while (g < labels.size() && class_of(m.labels, labels[g]) < own) ++g;
      size_t g_end = g;
      while (g_end < labels.size() && class_of(m.labels, labels[g_end]) == own) ++g_end;
      some_predictions.assign(predictions.begin() + static_cast<int64_t>(p),
                              predictions.begin() + static_cast<int64_t>(p_end));
      some_labels.assign(labels.begin() + static_cast<int64_t>(g),
                         labels.begin() + static_cast<int64_t>(g_end));
      cell.match(some_predictions, some_labels);
      p = p_end;
      g = g_end;
    }
  }
}

}  // namespace fl
