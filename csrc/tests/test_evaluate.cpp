// fl_evaluate beside the definition, step by step and with dense arrays, to the last bit.
#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "check.h"
#include "fastlabel/fastlabel.h"

namespace {

struct Set {
  std::vector<double> p_boxes, g_boxes, scores, areas;
  std::vector<int64_t> p_images, p_classes, g_images, g_classes;
  std::vector<uint8_t> crowd, ignore;
  int64_t images, classes;
  std::vector<double> thresholds, recalls, ranges;
  std::vector<int64_t> limits;

  fl_evaluation_input input(int32_t workers) const {
    return {sizeof(fl_evaluation_input),
            p_boxes.data(),
            scores.data(),
            p_images.data(),
            p_classes.data(),
            static_cast<int64_t>(scores.size()),
            g_boxes.data(),
            areas.data(),
            g_images.data(),
            g_classes.data(),
            crowd.data(),
            ignore.data(),
            static_cast<int64_t>(areas.size()),
            images,
            classes,
            thresholds.data(),
            static_cast<int64_t>(thresholds.size()),
            recalls.data(),
            static_cast<int64_t>(recalls.size()),
            ranges.data(),
            static_cast<int64_t>(ranges.size() / 2),
            limits.data(),
            static_cast<int64_t>(limits.size()),
            FL_XYWH,
            workers};
  }
};

struct Result {
  std::vector<double> precision, scores, recall;
  std::vector<int64_t> labels, match;
  std::vector<uint8_t> ignored;

  explicit Result(const Set& s) {
    const size_t cells = size_t(s.classes) * (s.ranges.size() / 2) * s.limits.size();
    precision.assign(s.thresholds.size() * s.recalls.size() * cells, -2);
    scores = precision;
    recall.assign(s.thresholds.size() * cells, -2);
    labels.assign(size_t(s.classes) * (s.ranges.size() / 2), -2);
    match.assign(s.thresholds.size() * s.scores.size(), -2);
    ignored.assign(match.size(), 7);
  }
  fl_evaluation out() {
    return {sizeof(fl_evaluation), precision.data(), scores.data(), recall.data(),
            labels.data(),         match.data(),     ignored.data()};
  }
  bool operator==(const Result&) const = default;
};

Set random_set(test::Random* r) {
  Set s;
  s.images = 1 + r->below(5);
  s.classes = 1 + r->below(4);
  // Whole numbers and few scores, so that there are ties and boxes that are the same.
  const auto box = [&](std::vector<double>* to) {
    for (int k = 0; k < 2; ++k) to->push_back(double(r->below(12)));
    for (int k = 0; k < 2; ++k) to->push_back(double(r->below(9)));
  };
  for (int64_t i = r->below(40); i > 0; --i) {
    box(&s.g_boxes);
    s.g_images.push_back(r->below(s.images));
    s.g_classes.push_back(r->below(s.classes));
    s.areas.push_back(double(r->below(60)));
    s.crowd.push_back(r->below(8) == 0);
    s.ignore.push_back(r->below(8) == 0);
  }
  for (int64_t i = r->below(60); i > 0; --i) {
    if (!s.areas.empty() && r->below(2) == 0) {
      const auto from = size_t(r->below(int64_t(s.areas.size())));
      for (size_t k = 0; k < 4; ++k) {
        s.p_boxes.push_back(std::max(0.0, s.g_boxes[4 * from + k] + double(r->below(3)) - 1));
      }
      s.p_images.push_back(s.g_images[from]);
      s.p_classes.push_back(s.g_classes[from]);
    } else {
      box(&s.p_boxes);
      s.p_images.push_back(r->below(s.images));
      s.p_classes.push_back(r->below(s.classes));
    }
    s.scores.push_back(double(r->below(10)) / 10);
  }
  for (int64_t t = 1 + r->below(5); t > 0; --t) s.thresholds.push_back(r->unit());
  if (r->below(4) == 0) s.thresholds.push_back(1);
  std::sort(s.thresholds.begin(), s.thresholds.end());
  for (int k = 0; k <= 10; ++k) s.recalls.push_back(k / 10.0);
  s.ranges = {0, 1e10, 0, 20, 20, 40};
  s.limits = {1, 3, 1 + r->below(20)};
  std::sort(s.limits.begin(), s.limits.end());
  return s;
}

double iou(const double* d, const double* g, bool crowd) {
  const double w = std::fmin(d[2] + d[0], g[2] + g[0]) - std::fmax(d[0], g[0]);
  const double h = std::fmin(d[3] + d[1], g[3] + g[1]) - std::fmax(d[1], g[1]);
  if (w <= 0 || h <= 0) return 0;
  const double u = crowd ? d[2] * d[3] : d[2] * d[3] + g[2] * g[3] - w * h;
  return w * h / u;
}

// What became of the predictions of one image and class.
struct Judged {
  std::vector<size_t> rows;                  // best first
  std::vector<std::vector<int64_t>> match;   // by threshold
  std::vector<std::vector<bool>> ignored;
};

Judged judge(const Set& s, int64_t image, int64_t k, double low, double high, int64_t most) {
  std::vector<size_t> d, g;
  for (size_t i = 0; i < s.scores.size(); ++i) {
    if (s.p_images[i] == image && s.p_classes[i] == k) d.push_back(i);
  }
  for (size_t i = 0; i < s.areas.size(); ++i) {
    if (s.g_images[i] == image && s.g_classes[i] == k) g.push_back(i);
  }
  const auto aside = [&](size_t i) {
    return s.crowd[i] != 0 || s.ignore[i] != 0 || s.areas[i] < low || s.areas[i] > high;
  };
  std::stable_sort(d.begin(), d.end(), [&](size_t a, size_t b) { return s.scores[a] > s.scores[b]; });
  std::stable_sort(g.begin(), g.end(), [&](size_t a, size_t b) { return aside(a) < aside(b); });
  if (int64_t(d.size()) > most) d.resize(size_t(most));
  Judged out{d, {}, {}};
  for (const double t : s.thresholds) {
    std::vector<bool> taken(g.size());
    out.match.emplace_back(d.size(), -1);
    out.ignored.emplace_back(d.size());
    for (size_t x = 0; x < d.size(); ++x) {
      const double* box = &s.p_boxes[4 * d[x]];
      double best = std::min(t, 1 - 1e-10);
      int64_t found = -1;
      for (size_t y = 0; y < g.size(); ++y) {
        if (taken[y] && s.crowd[g[y]] == 0) continue;
        if (found >= 0 && !aside(g[size_t(found)]) && aside(g[y])) break;
        const double overlap = iou(box, &s.g_boxes[4 * g[y]], s.crowd[g[y]] != 0);
        if (overlap < best) continue;
        best = overlap;
        found = int64_t(y);
      }
      const double area = box[2] * box[3];
      if (found < 0) {
        out.ignored.back()[x] = area < low || area > high;
        continue;
      }
      taken[size_t(found)] = true;
      out.match.back()[x] = int64_t(g[size_t(found)]);
      out.ignored.back()[x] = aside(g[size_t(found)]);
    }
  }
  return out;
}

Result by_definition(const Set& s) {
  Result out(s);
  const size_t ranges = s.ranges.size() / 2, limits = s.limits.size(), k_n = size_t(s.classes);
  const size_t n = s.scores.size();
  for (size_t k = 0; k < k_n; ++k) {
    for (size_t a = 0; a < ranges; ++a) {
      int64_t labels = 0;
      for (size_t i = 0; i < s.areas.size(); ++i) {
        labels += s.g_classes[i] == int64_t(k) && s.crowd[i] == 0 && s.ignore[i] == 0 &&
                  s.areas[i] >= s.ranges[2 * a] && s.areas[i] <= s.ranges[2 * a + 1];
      }
      out.labels[k * ranges + a] = labels;
      for (size_t m = 0; m < limits; ++m) {
        std::vector<Judged> judged;
        for (int64_t i = 0; i < s.images; ++i) {
          judged.push_back(
              judge(s, i, int64_t(k), s.ranges[2 * a], s.ranges[2 * a + 1], s.limits[m]));
        }
        for (size_t t = 0; t < s.thresholds.size(); ++t) {
          struct One {
            double score;
            bool right, wrong;
          };
          std::vector<One> all;
          for (const Judged& j : judged) {
            for (size_t x = 0; x < j.rows.size(); ++x) {
              const bool counts = !j.ignored[t][x];
              const bool hit = j.match[t][x] >= 0;
              all.push_back({s.scores[j.rows[x]], counts && hit, counts && !hit});
              if (a == 0 && m + 1 == limits) {
                out.match[t * n + j.rows[x]] = j.match[t][x];
                out.ignored[t * n + j.rows[x]] = !counts;
              }
            }
          }
          std::stable_sort(all.begin(), all.end(),
                           [](const One& x, const One& y) { return x.score > y.score; });
          std::vector<double> rc, pr;
          double tp = 0, fp = 0;
          for (const One& one : all) {
            tp += one.right;
            fp += one.wrong;
            rc.push_back(tp / double(labels));
            pr.push_back(tp / (fp + tp + std::numeric_limits<double>::epsilon()));
          }
          for (size_t x = pr.size(); x-- > 1;) pr[x - 1] = std::max(pr[x - 1], pr[x]);
          const size_t last = (k * ranges + a) * limits + m;
          const size_t cells = k_n * ranges * limits;
          out.recall[t * cells + last] = labels == 0 ? -1 : rc.empty() ? 0 : rc.back();
          for (size_t r = 0; r < s.recalls.size(); ++r) {
            const size_t at = (t * s.recalls.size() + r) * cells + last;
            const auto x =
                size_t(std::lower_bound(rc.begin(), rc.end(), s.recalls[r]) - rc.begin());
            const bool reached = x < rc.size();
            out.precision[at] = labels == 0 ? -1 : reached ? pr[x] : 0;
            out.scores[at] = labels == 0 ? -1 : reached ? all[x].score : 0;
          }
        }
      }
    }
  }
  for (size_t t = 0; t < s.thresholds.size(); ++t) {
    for (size_t i = 0; i < n; ++i) {  // beyond the limit
      if (out.match[t * n + i] != -2) continue;
      out.match[t * n + i] = -1;
      out.ignored[t * n + i] = 1;
    }
  }
  return out;
}

void test_definition() {
  test::Random r(11);
  int64_t matched = 0;
  for (int round = 0; round < 600; ++round) {
    const Set s = random_set(&r);
    const Result wanted = by_definition(s);
    for (const int32_t workers : {1, 3}) {
      Result found(s);
      const fl_evaluation_input in = s.input(workers);
      fl_evaluation out = found.out();
      CHECK(fl_evaluate(&in, &out) == FL_OK);
      CHECK(found == wanted);
    }
    matched += std::count_if(wanted.match.begin(), wanted.match.end(),
                             [](int64_t row) { return row >= 0; });
  }
  CHECK(matched > 3000);
}

// More cells than are matched at once, so that classes begin and end within chunks.
void test_many_cells() {
  test::Random r(5);
  Set s;
  s.images = 700;
  s.classes = 3;
  for (int64_t i = 0; i < 6000; ++i) {
    const double x = double(r.below(50)), y = double(r.below(50));
    s.g_boxes.insert(s.g_boxes.end(), {x, y, 20, 20});
    s.g_images.push_back(r.below(s.images));
    s.g_classes.push_back(r.below(s.classes));
    s.areas.push_back(400);
    s.crowd.push_back(0);
    s.ignore.push_back(r.below(30) == 0);
    s.p_boxes.insert(s.p_boxes.end(), {x + double(r.below(9)), y, 20, 20});
    s.p_images.push_back(s.g_images.back());
    s.p_classes.push_back(s.g_classes.back());
    s.scores.push_back(r.unit());
  }
  s.thresholds = {0.5, 0.75};
  s.recalls = {0, 0.5, 1};
  s.ranges = {0, 1e10};
  s.limits = {5};
  const Result wanted = by_definition(s);
  Result found(s);
  const fl_evaluation_input in = s.input(2);
  fl_evaluation out = found.out();
  CHECK(fl_evaluate(&in, &out) == FL_OK);
  CHECK(found == wanted);
}

void test_without_matches_and_areas() {
  test::Random r(3);
  Set s = random_set(&r);
  for (size_t i = 0; i < s.areas.size(); ++i) s.areas[i] = s.g_boxes[4 * i + 2] * s.g_boxes[4 * i + 3];
  const Result wanted = by_definition(s);
  Result found(s);
  fl_evaluation_input in = s.input(1);
  in.label_areas = nullptr;
  fl_evaluation out = found.out();
  out.prediction_match = nullptr;
  out.prediction_ignored = nullptr;
  CHECK(fl_evaluate(&in, &out) == FL_OK);
  CHECK(found.precision == wanted.precision && found.recall == wanted.recall);
}

void test_refusals() {
  test::Random r(4);
  Set s = random_set(&r);
  while (s.scores.empty() || s.areas.empty()) s = random_set(&r);
  Result found(s);
  fl_evaluation out = found.out();
  const auto status = [&](auto change) {
    Set changed = s;
    fl_evaluation_input in = changed.input(1);
    change(&changed, &in);
    return fl_evaluate(&in, &out);
  };
  CHECK(fl_evaluate(nullptr, &out) == FL_ERROR_ARGUMENT);
  CHECK(status([](Set*, auto* in) { in->struct_size = 1; }) == FL_ERROR_ARGUMENT);
  CHECK(status([](Set* x, auto*) { x->scores[0] = NAN; }) == FL_ERROR_ARGUMENT);
  CHECK(status([](Set* x, auto*) { x->p_boxes[1] = INFINITY; }) == FL_ERROR_ARGUMENT);
  CHECK(status([](Set* x, auto*) { x->g_boxes[2] = NAN; }) == FL_ERROR_ARGUMENT);
  CHECK(status([](Set* x, auto*) { x->p_images[0] = x->images; }) == FL_ERROR_ARGUMENT);
  CHECK(status([](Set* x, auto*) { x->g_images[0] = -1; }) == FL_ERROR_ARGUMENT);
  CHECK(status([](Set* x, auto*) { x->g_classes[0] = x->classes; }) == FL_ERROR_ARGUMENT);
  CHECK(status([](Set* x, auto*) { x->thresholds[0] = -0.5; }) == FL_ERROR_ARGUMENT);
  CHECK(status([](Set* x, auto*) { x->recalls[0] = 0.7; }) == FL_ERROR_ARGUMENT);
  CHECK(status([](Set* x, auto*) { x->limits[0] = 0; }) == FL_ERROR_ARGUMENT);
  CHECK(status([](Set* x, auto*) { x->ranges[1] = NAN; }) == FL_ERROR_ARGUMENT);
  CHECK(status([](Set*, auto* in) { in->n_thresholds = 33; }) == FL_ERROR_ARGUMENT);
  CHECK(status([](Set*, auto* in) { in->n_area_ranges = 0; }) == FL_ERROR_ARGUMENT);
  CHECK(status([](Set*, auto* in) { in->format = FL_CXCYWH; }) == FL_ERROR_ARGUMENT);
  CHECK(status([](Set*, auto* in) { in->workers = -1; }) == FL_ERROR_ARGUMENT);
  CHECK(status([](Set*, auto* in) { in->scores = nullptr; }) == FL_ERROR_ARGUMENT);
  CHECK(status([](Set*, auto* in) { in->n_predictions = INT64_MAX; }) == FL_ERROR_OVERFLOW);
  CHECK(status([](Set*, auto* in) { in->classes = INT64_MAX; }) == FL_ERROR_OVERFLOW);
  out.prediction_match = nullptr;
  CHECK(status([](Set*, auto*) {}) == FL_ERROR_ARGUMENT);
  out = found.out();
  out.recall = nullptr;
  CHECK(status([](Set*, auto*) {}) == FL_ERROR_ARGUMENT);
  out = found.out();
  out.struct_size = 8;
  CHECK(status([](Set*, auto*) {}) == FL_ERROR_ARGUMENT);
}

}  // namespace

int main() {
  test_definition();
  test_many_cells();
  test_without_matches_and_areas();
  test_refusals();
  return test::finish("evaluate");
}
