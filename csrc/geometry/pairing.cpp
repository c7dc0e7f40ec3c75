#include "geometry/pairing.h"

#include <algorithm>
#include <limits>
#include <vector>

#include "core/threads.h"

namespace fl {
namespace {

// Images that a thread takes at a time; sets with fewer pairs of boxes use one thread.
constexpr int64_t kImages = 64;
constexpr int64_t kFewBoxes = 1 << 14;

struct Box {
  double x1, y1, x2, y2, area;  // area 0: overlaps nothing
};

Box box_of(const double* b) noexcept {
  const double w = b[2] - b[0];
  const double h = b[3] - b[1];
  const double area = w * h;
  const bool sound = w > 0 && h > 0 && area > 0 && area <= std::numeric_limits<double>::max();
  return {b[0], b[1], b[2], b[3], sound ? area : 0.0};
}

double shared(const Box& a, const Box& b) noexcept {
  const double w = (a.x2 < b.x2 ? a.x2 : b.x2) - (a.x1 > b.x1 ? a.x1 : b.x1);
  const double h = (a.y2 < b.y2 ? a.y2 : b.y2) - (a.y1 > b.y1 ? a.y1 : b.y1);
  return w > 0 && h > 0 ? w * h : 0.0;
}

// A label and a prediction that overlap. Rows count from the image's first.
struct Meeting {
  double key;  // 0: they cannot be one object
  double iou;
  double part;  // share of the prediction that lies in the label
  int32_t label;
  int32_t prediction;
  bool same;
};

bool comes_first(const Meeting& a, const Meeting& b) noexcept {
  if (a.key != b.key) return a.key > b.key;
  if (a.label != b.label) return a.label < b.label;
  return a.prediction < b.prediction;
}

class Image {
 public:
  Image(const PairingSide& labels, const PairingSide& predictions, const double* scores,
        const PairingRule& rule, const PairingResult& out)
      : labels_(labels), predictions_(predictions), scores_(scores), rule_(rule), out_(out) {}

  void pair(int64_t image) {
    g0_ = labels_.offsets[image];
    p0_ = predictions_.offsets[image];
    read(labels_, g0_, labels_.offsets[image + 1], &g_);
    read(predictions_, p0_, predictions_.offsets[image + 1], &p_);
    clear();
    meet();
    match();
    describe();
    compare();
  }

 private:
  static void read(const PairingSide& side, int64_t from, int64_t to, std::vector<Box>* boxes) {
    boxes->clear();
    for (int64_t k = from; k < to; ++k) boxes->push_back(box_of(side.boxes + 4 * k));
  }

  void clear() noexcept {
    for (size_t k = 0; k < g_.size(); ++k) {
      const int64_t g = g0_ + static_cast<int64_t>(k);
      out_.own[g] = out_.other[g] = -1;
      out_.own_iou[g] = out_.same_score[g] = out_.other_score[g] = 0;
      out_.parts[g] = 0;
    }
    for (size_t k = 0; k < p_.size(); ++k) {
      const int64_t p = p0_ + static_cast<int64_t>(k);
      out_.label[p] = -1;
      out_.agrees[p] = 0;
      out_.iou[p] = out_.touch[p] = out_.inside[p] = out_.higher[p] = 0;
      out_.wholes[p] = 0;
    }
  }

  // Lists what overlaps, prediction by prediction, and of it what could be one object.
  void meet() {
    met_.clear();
    able_.clear();
    for (size_t k = 0; k < p_.size(); ++k) {
      if (!(p_[k].area > 0)) continue;
      const int64_t p = p0_ + static_cast<int64_t>(k);
      const size_t first = able_.size();
      for (size_t l = 0; l < g_.size(); ++l) {
        const double both = shared(p_[k], g_[l]);
        if (!(both > 0 && g_[l].area > 0)) continue;
        meet(l, k, both, scores_[p]);
      }
      if (able_.size() - first > static_cast<size_t>(kPairingPartners)) {
        const auto begin = able_.begin() + static_cast<std::ptrdiff_t>(first);
        std::nth_element(begin, begin + kPairingPartners, able_.end(), comes_first);
        able_.resize(first + static_cast<size_t>(kPairingPartners));
      }
    }
  }

  void meet(size_t l, size_t k, double both, double score) {
    const int64_t g = g0_ + static_cast<int64_t>(l);
    const int64_t p = p0_ + static_cast<int64_t>(k);
    Meeting m;
    m.iou = both / (g_[l].area + p_[k].area - both);
    m.same = labels_.classes[g] >= 0 && labels_.classes[g] == predictions_.classes[p];
    m.part = both / p_[k].area;
    m.label = static_cast<int32_t>(l);
    m.prediction = static_cast<int32_t>(k);
    m.key = 0;
    if (m.iou >= rule_.placed || (m.same && m.iou >= rule_.near)) {
      m.key = (m.iou + (m.same ? rule_.same : 0.0)) * (0.25 + 0.75 * score);
      able_.push_back(m);
    }
    if (m.same && m.iou < rule_.placed) {
      out_.parts[g] += m.part >= rule_.inside;
      out_.wholes[p] += both / g_[l].area >= rule_.inside;
    }
    met_.push_back(m);
  }

  // One to one, the best pair first.
  void match() {
    std::sort(able_.begin(), able_.end(), comes_first);
    taken_.assign(g_.size(), 0);
    for (const Meeting& m : able_) {
      const int64_t p = p0_ + m.prediction;
      if (taken_[static_cast<size_t>(m.label)] || out_.label[p] >= 0) continue;
      taken_[static_cast<size_t>(m.label)] = 1;
      const int64_t g = g0_ + m.label;
      out_.label[p] = g;
      out_.agrees[p] = m.same;
      out_.iou[p] = m.iou;
      if (m.same) {
        out_.own[g] = p;
        out_.own_iou[g] = m.iou;
      }
    }
  }

  void describe() noexcept {
    for (const Meeting& m : met_) {
      const int64_t g = g0_ + m.label;
      const int64_t p = p0_ + m.prediction;
      if (m.iou >= rule_.placed) {
        if (m.same) {
          out_.same_score[g] = std::max(out_.same_score[g], scores_[p]);
        } else if (!(out_.agrees[p] && out_.label[p] != g) &&
                   (out_.other[g] < 0 || scores_[p] > out_.other_score[g])) {
          out_.other[g] = p;
          out_.other_score[g] = scores_[p];
        }
      }
      if (out_.label[p] != g) {
        out_.touch[p] = std::max(out_.touch[p], m.iou);
        out_.inside[p] = std::max(out_.inside[p], m.part);
      }
    }
  }

  // Predictions among themselves; of equal scores the first one is the higher.
  void compare() noexcept {
    for (size_t a = 0; a < p_.size(); ++a) {
      if (!(p_[a].area > 0)) continue;
      for (size_t b = a + 1; b < p_.size(); ++b) {
        const double both = shared(p_[a], p_[b]);
        if (!(both > 0 && p_[b].area > 0)) continue;
        const double iou = both / (p_[a].area + p_[b].area - both);
        const int64_t pa = p0_ + static_cast<int64_t>(a);
        const int64_t pb = p0_ + static_cast<int64_t>(b);
        const int64_t low = scores_[pa] < scores_[pb] ? pa : pb;
        out_.higher[low] = std::max(out_.higher[low], iou);
      }
    }
  }

  const PairingSide& labels_;
  const PairingSide& predictions_;
  const double* scores_;
  const PairingRule& rule_;
  const PairingResult& out_;
  int64_t g0_ = 0;
  int64_t p0_ = 0;
  std::vector<Box> g_, p_;
  std::vector<Meeting> met_, able_;
  std::vector<uint8_t> taken_;
};

}  // namespace

void pair_predictions(const PairingSide& labels, const PairingSide& predictions,
                      const double* scores, int64_t images, const PairingRule& rule,
                      int32_t workers, const PairingResult& out) {
  const int64_t boxes = labels.offsets[images] + predictions.offsets[images];
  share_out(images, kImages, boxes < kFewBoxes ? 1 : workers, [&] {
    return [image = Image(labels, predictions, scores, rule, out)](int64_t from,
                                                                   int64_t to) mutable {
      for (int64_t at = from; at < to; ++at) image.pair(at);
    };
  });
}

}  // namespace fl
