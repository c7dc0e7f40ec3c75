// What COCOeval does in three steps. The rows are sorted into cells, one an image and class. The
// cells are matched, many at a time: for every area range and threshold at once, as bits. Then
// each class walks down its scores.
#include "geometry/evaluation.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "core/threads.h"
#include "geometry/coco_iou.h"

namespace fl {

namespace {

using Bits = uint32_t;  // one a threshold

struct Cell {
  int64_t prediction, prediction_end, label, label_end;  // places in the order of either side
  int64_t label_class;
};

// Rows by class, then image, then as they came.
std::vector<int32_t> by_class_and_image(const EvaluationRows& rows, int64_t images,
                                        int64_t classes) {
  const auto pass = [&](const int64_t* keys, int64_t values, const std::vector<int32_t>& from) {
    std::vector<int64_t> starts(static_cast<size_t>(values) + 1);
    for (int64_t i = 0; i < rows.n; ++i) ++starts[static_cast<size_t>(keys[i]) + 1];
    for (size_t v = 1; v < starts.size(); ++v) starts[v] += starts[v - 1];
    std::vector<int32_t> to(static_cast<size_t>(rows.n));
    for (int64_t i = 0; i < rows.n; ++i) {
      const int32_t row = from.empty() ? static_cast<int32_t>(i) : from[static_cast<size_t>(i)];
      to[static_cast<size_t>(starts[static_cast<size_t>(keys[row])]++)] = row;
    }
    return to;
  };
  std::vector<int32_t> order;
  if (!std::is_sorted(rows.images, rows.images + rows.n)) order = pass(rows.images, images, {});
  return pass(rows.classes, classes, order);
}

struct Matcher;

// What is known of every prediction, by its place in the order.
class Evaluation {
 public:
  Evaluation(const EvaluationJob& job, const EvaluationResult& out) : job_(job), out_(out) {}

  void run() {
    prepare();
    match_cells();
    walk_classes();
  }

 private:
  friend struct Matcher;

  void prepare();
  void list_cells();
  void match_cells();
  void walk_classes();

  bool ignored(int64_t label) const noexcept {
    return (job_.ignore != nullptr && job_.ignore[label] != 0) || crowd(label);
  }
  bool crowd(int64_t label) const noexcept {
    return job_.crowd != nullptr && job_.crowd[label] != 0;
  }
  double label_area(int64_t label) const noexcept {
    return job_.areas != nullptr ? job_.areas[label]
                                 : coco_box(job_.labels.boxes + 4 * label, job_.sizes).area;
  }
  // One bit an area range.
  uint8_t outside(double area) const noexcept {
    unsigned bits = 0;
    for (int64_t a = 0; a < job_.n_ranges; ++a) {
      const bool out = area < job_.ranges[2 * a] || area > job_.ranges[2 * a + 1];
      bits |= static_cast<unsigned>(out) << a;
    }
    return static_cast<uint8_t>(bits);
  }

  const EvaluationJob& job_;
  const EvaluationResult& out_;
  std::vector<int32_t> predictions_;  // rows by class and image, then best first
  std::vector<int32_t> labels_;       // rows by class and image
  std::vector<Cell> cells_;           // those with predictions
  std::vector<int64_t> class_start_;  // place of every class's first prediction, and the end
  std::vector<uint8_t> level_;        // the first limit that a prediction is within
  std::vector<uint8_t> outside_;      // of area ranges
  std::vector<int32_t> hit_;          // which one of hits_ of its chunk, or -1
  std::vector<std::vector<Bits>> hits_;  // of a chunk: matched and ignored for every area range
};

constexpr int64_t kChunk = 512;  // cells whose matches are kept together

// Matches cells; one a thread.
struct Matcher {
  explicit Matcher(Evaluation* e)
      : e_(*e), job_(e->job_), least_(std::min(job_.thresholds[0], 1 - 1e-10)) {}

  void match(const Cell& cell, std::vector<Bits>* hits);

 private:
  struct Label {
    CocoBox at;
    int64_t row;
    uint8_t ignored;  // one bit an area range
    bool crowd;
  };
  struct Near {
    int32_t label;
    double iou;
  };

  void take_labels(const Cell& cell);
  int32_t choose(Bits threshold_bit, double threshold, int64_t range) const noexcept;
  void tell(int64_t row, Bits matched, Bits ignored) noexcept;

  Evaluation& e_;
  const EvaluationJob& job_;
  const double least_;
  std::vector<Label> labels_;
  std::vector<Near> near_;   // of one prediction, by label
  std::vector<Bits> taken_;  // by area range and label
  int32_t chosen_[kMostThresholds] = {};  // in the first area range
};

void Matcher::take_labels(const Cell& cell) {
  labels_.clear();
  for (int64_t at = cell.label; at < cell.label_end; ++at) {
    const int64_t row = e_.labels_[static_cast<size_t>(at)];
    const uint8_t ignored = e_.ignored(row) ? uint8_t{0xff} : e_.outside(e_.label_area(row));
    labels_.push_back({coco_box(job_.labels.boxes + 4 * row, job_.sizes), row, ignored,
                       e_.crowd(row)});
  }
  taken_.assign(labels_.size() * static_cast<size_t>(job_.n_ranges), 0);
}

// The label for a prediction with these near it: of those that count the one with the largest
// IoU, else of those to ignore; the later of equal ones.
int32_t Matcher::choose(Bits threshold_bit, double threshold, int64_t range) const noexcept {
  const Bits* taken = taken_.data() + static_cast<size_t>(range) * labels_.size();
  for (const unsigned aside : {0U, 1U}) {
    double best = std::min(threshold, 1 - 1e-10);
    int32_t found = -1;
    for (const Near& n : near_) {
      const Label& label = labels_[static_cast<size_t>(n.label)];
      if (((unsigned{label.ignored} >> range) & 1U) != aside || n.iou < best) continue;
      if ((taken[n.label] & threshold_bit) != 0 && !label.crowd) continue;
      best = n.iou;
      found = n.label;
    }
    if (found >= 0) return found;
  }
  return -1;
}

void Matcher::tell(int64_t row, Bits matched, Bits ignored) noexcept {
  if (e_.out_.match == nullptr) return;
  for (int64_t t = 0; t < job_.n_thresholds; ++t) {
    const int64_t at = t * job_.predictions.n + row;
    if (((matched >> t) & 1U) != 0) {
      e_.out_.match[at] = labels_[static_cast<size_t>(chosen_[t])].row;
    }
    e_.out_.ignored[at] = static_cast<uint8_t>((ignored >> t) & 1U);
  }
}

void Matcher::match(const Cell& cell, std::vector<Bits>* hits) {
  int32_t* rows = e_.predictions_.data();
  std::sort(rows + cell.prediction, rows + cell.prediction_end, [&](int32_t a, int32_t b) {
    return job_.scores[a] > job_.scores[b] || (job_.scores[a] == job_.scores[b] && a < b);
  });
  take_labels(cell);
  const Bits all = static_cast<Bits>((uint64_t{1} << job_.n_thresholds) - 1);
  uint8_t level = 0;
  for (int64_t at = cell.prediction; at < cell.prediction_end; ++at) {
    const int64_t row = rows[at];
    while (level < job_.n_limits && at - cell.prediction >= job_.limits[level]) ++level;
    e_.level_[static_cast<size_t>(at)] = level;
    if (level == job_.n_limits) {
      tell(row, 0, all);
      continue;
    }
    const CocoBox box = coco_box(job_.predictions.boxes + 4 * row, job_.sizes);
    const uint8_t outside = e_.outside(box.area);
    e_.outside_[static_cast<size_t>(at)] = outside;
    near_.clear();
    for (size_t g = 0; g < labels_.size(); ++g) {
      const double iou = coco_iou(box, labels_[g].at, labels_[g].crowd);
      if (iou >= least_) near_.push_back({static_cast<int32_t>(g), iou});
    }
    if (near_.empty()) {
      tell(row, 0, (outside & 1U) != 0 ? all : 0);
      continue;
    }
    e_.hit_[static_cast<size_t>(at)] =
        static_cast<int32_t>(hits->size() / static_cast<size_t>(2 * job_.n_ranges));
    for (int64_t a = 0; a < job_.n_ranges; ++a) {
      Bits matched = 0;
      Bits ignored = ((unsigned{outside} >> a) & 1U) != 0 ? all : 0;
      for (int64_t t = 0; t < job_.n_thresholds; ++t) {
        const Bits bit = Bits{1} << t;
        const int32_t found = choose(bit, job_.thresholds[t], a);
        if (a == 0) chosen_[t] = found;
        if (found < 0) continue;
        matched |= bit;
        const bool aside = ((unsigned{labels_[static_cast<size_t>(found)].ignored} >> a) & 1U) != 0;
        ignored = aside ? ignored | bit : ignored & ~bit;
        taken_[static_cast<size_t>(a) * labels_.size() + static_cast<size_t>(found)] |= bit;
      }
      hits->push_back(matched);
      hits->push_back(ignored);
      if (a == 0) tell(row, matched, ignored);
    }
  }
}

// Walks down the scores of a class; one a thread.
class Walker {
 public:
  Walker(const EvaluationJob& job, const EvaluationResult& out)
      : job_(job), out_(out), steps_(static_cast<size_t>(job.n_thresholds)) {}

  struct Ranked {
    double score;
    int32_t at;
    Bits* hit;  // or null
  };

  void walk(int64_t k, const std::vector<Ranked>& ranked, const uint8_t* level,
            const uint8_t* outside) {
    for (int64_t a = 0; a < job_.n_ranges; ++a) {
      const int64_t labels = out_.labels[k * job_.n_ranges + a];
      for (int64_t m = 0; m < job_.n_limits; ++m) {
        if (labels > 0) {
          step(ranked, level, outside, a, m);
          for (int64_t t = 0; t < job_.n_thresholds; ++t) write(t, k, a, m, labels);
        }
      }
    }
  }

 private:
  struct Step {  // where one more is right
    double precision, score;
  };

  void step(const std::vector<Ranked>& ranked, const uint8_t* level, const uint8_t* outside,
            int64_t a, int64_t m) {
    for (std::vector<Step>& steps : steps_) steps.clear();
    const Bits all = static_cast<Bits>((uint64_t{1} << job_.n_thresholds) - 1);
    int64_t wrong[kMostThresholds] = {};
    int64_t wrong_at_all = 0;  // at every threshold
    best_ = 0;
    any_ = false;
    for (const Ranked& r : ranked) {
      if (level[r.at] > m) continue;
      if (!any_) best_ = r.score;
      any_ = true;
      const bool out = ((unsigned{outside[r.at]} >> a) & 1U) != 0;
      if (r.hit == nullptr) {
        wrong_at_all += out ? 0 : 1;
        continue;
      }
      const Bits matched = r.hit[2 * a];
      const Bits ignored = r.hit[2 * a + 1];
      for (Bits bits = all & ~ignored; bits != 0; bits &= bits - 1) {
        const auto t = static_cast<size_t>(__builtin_ctz(bits));
        if (((matched >> t) & 1U) == 0) {
          ++wrong[t];
          continue;
        }
        const auto right = static_cast<double>(steps_[t].size() + 1);
        const auto not_right = static_cast<double>(wrong[t] + wrong_at_all);
        steps_[t].push_back(
            {right / (not_right + right + std::numeric_limits<double>::epsilon()), r.score});
      }
    }
  }

  void write(int64_t t, int64_t k, int64_t a, int64_t m, int64_t labels) {
    std::vector<Step>& steps = steps_[static_cast<size_t>(t)];
    const auto whole = static_cast<double>(labels);
    out_.recall[((t * job_.classes + k) * job_.n_ranges + a) * job_.n_limits + m] =
        static_cast<double>(steps.size()) / whole;
    // The best precision at this recall or any higher one.
    for (size_t s = steps.size(); s-- > 1;) {
      steps[s - 1].precision = std::max(steps[s - 1].precision, steps[s].precision);
    }
    size_t s = 0;
    for (int64_t r = 0; r < job_.n_recalls; ++r) {
      while (s < steps.size() && static_cast<double>(s + 1) / whole < job_.recalls[r]) ++s;
      const int64_t at =
          (((t * job_.n_recalls + r) * job_.classes + k) * job_.n_ranges + a) * job_.n_limits + m;
      const bool start = job_.recalls[r] <= 0;  // reached by the first prediction, right or wrong
      const bool reached = s < steps.size();
      out_.precision[at] = reached ? steps[s].precision : 0;
      out_.scores[at] = start && any_ ? best_ : reached ? steps[s].score : 0;
    }
  }

  const EvaluationJob& job_;
  const EvaluationResult& out_;
  std::vector<std::vector<Step>> steps_;  // by threshold
  double best_ = 0;
  bool any_ = false;
};

void Evaluation::prepare() {
  const int64_t cells = job_.classes * job_.n_ranges * job_.n_limits;
  std::fill_n(out_.precision, job_.n_thresholds * job_.n_recalls * cells, -1.0);
  std::fill_n(out_.scores, job_.n_thresholds * job_.n_recalls * cells, -1.0);
  std::fill_n(out_.recall, job_.n_thresholds * cells, -1.0);
  std::fill_n(out_.labels, job_.classes * job_.n_ranges, int64_t{0});
  const int64_t n = job_.predictions.n;
  if (out_.match != nullptr) {
    std::fill_n(out_.match, job_.n_thresholds * n, int64_t{-1});
    std::fill_n(out_.ignored, job_.n_thresholds * n, uint8_t{0});
  }
  for (int64_t row = 0; row < job_.labels.n; ++row) {
    if (ignored(row)) continue;
    const unsigned out = outside(label_area(row));
    int64_t* counts = out_.labels + job_.labels.classes[row] * job_.n_ranges;
    for (int64_t a = 0; a < job_.n_ranges; ++a) counts[a] += ((out >> a) & 1U) == 0 ? 1 : 0;
  }
  predictions_ = by_class_and_image(job_.predictions, job_.images, job_.classes);
  labels_ = by_class_and_image(job_.labels, job_.images, job_.classes);
  level_.assign(static_cast<size_t>(n), 0);
  outside_.assign(static_cast<size_t>(n), 0);
  hit_.assign(static_cast<size_t>(n), -1);
  list_cells();
}

void Evaluation::list_cells() {
  const EvaluationRows& p = job_.predictions;
  const EvaluationRows& g = job_.labels;
  class_start_.assign(static_cast<size_t>(job_.classes) + 1, 0);
  size_t label = 0;
  for (size_t at = 0; at < predictions_.size();) {
    const int64_t k = p.classes[predictions_[at]];
    const int64_t image = p.images[predictions_[at]];
    size_t end = at;
    while (end < predictions_.size() && p.classes[predictions_[end]] == k &&
           p.images[predictions_[end]] == image) {
      ++end;
    }
    const auto before = [&](int32_t row) {
      return g.classes[row] < k || (g.classes[row] == k && g.images[row] < image);
    };
    while (label < labels_.size() && before(labels_[label])) ++label;
    size_t label_end = label;
    while (label_end < labels_.size() && g.classes[labels_[label_end]] == k &&
           g.images[labels_[label_end]] == image) {
      ++label_end;
    }
    cells_.push_back({static_cast<int64_t>(at), static_cast<int64_t>(end),
                      static_cast<int64_t>(label), static_cast<int64_t>(label_end), k});
    class_start_[static_cast<size_t>(k) + 1] = static_cast<int64_t>(end);
    at = end;
    label = label_end;
  }
  for (size_t k = 1; k < class_start_.size(); ++k) {
    class_start_[k] = std::max(class_start_[k], class_start_[k - 1]);
  }
}

void Evaluation::match_cells() {
  const auto cells = static_cast<int64_t>(cells_.size());
  const int64_t chunks = (cells + kChunk - 1) / kChunk;
  hits_.resize(static_cast<size_t>(chunks));
  share_out(chunks, 1, job_.workers, [&] {
    return [this, cells, matcher = Matcher(this)](int64_t chunk, int64_t) mutable {
      std::vector<Bits>* hits = &hits_[static_cast<size_t>(chunk)];
      for (int64_t c = chunk * kChunk; c < std::min((chunk + 1) * kChunk, cells); ++c) {
        matcher.match(cells_[static_cast<size_t>(c)], hits);
      }
    };
  });
}

void Evaluation::walk_classes() {
  // The chunk of every class's first prediction.
  std::vector<int64_t> first_cell(static_cast<size_t>(job_.classes) + 1,
                                  static_cast<int64_t>(cells_.size()));
  for (size_t c = cells_.size(); c-- > 0;) {
    first_cell[static_cast<size_t>(cells_[c].label_class)] = static_cast<int64_t>(c);
  }
  share_out(job_.classes, 1, job_.workers, [&] {
    return [this, &first_cell, walker = Walker(job_, out_),
            ranked = std::vector<Walker::Ranked>()](int64_t k, int64_t) mutable {
      ranked.clear();
      const int64_t end = class_start_[static_cast<size_t>(k) + 1];
      for (int64_t c = first_cell[static_cast<size_t>(k)];
           c < static_cast<int64_t>(cells_.size()) &&
           cells_[static_cast<size_t>(c)].prediction_end <= end;
           ++c) {
        const Cell& cell = cells_[static_cast<size_t>(c)];
        Bits* hits = hits_[static_cast<size_t>(c / kChunk)].data();
        for (int64_t at = cell.prediction; at < cell.prediction_end; ++at) {
          const auto place = static_cast<size_t>(at);
          if (level_[place] == job_.n_limits) break;
          ranked.push_back({job_.scores[predictions_[place]], static_cast<int32_t>(at),
                            hit_[place] < 0 ? nullptr : hits + 2 * job_.n_ranges * hit_[place]});
        }
      }
      std::sort(ranked.begin(), ranked.end(), [](const auto& x, const auto& y) {
        return x.score > y.score || (x.score == y.score && x.at < y.at);
      });
      walker.walk(k, ranked, level_.data(), outside_.data());
    };
  });
}

}  // namespace

void evaluate(const EvaluationJob& job, const EvaluationResult& out) { Evaluation(job, out).run(); }

}  // namespace fl
