#include <algorithm>
#include <cmath>
#include <limits>

#include "check.h"
#include "fastlabel/fastlabel.h"
#include "geometry/boxes.h"

namespace {

std::vector<double> random_boxes(test::Random* r, int64_t n, double span) {
  std::vector<double> boxes;
  for (int64_t i = 0; i < n; ++i) {
    const double x = r->unit() * span;
    const double y = r->unit() * span;
    boxes.insert(boxes.end(), {x, y, x + r->unit() * 20, y + r->unit() * 20});
  }
  return boxes;
}

void bad_arguments_are_refused() {
  const double boxes[8] = {0, 0, 1, 1, 0, 0, 1, 1};
  int64_t count = 0;
  const double scores[] = {0.1, std::nan("")};
  int64_t keep[2];
  CHECK(fl_nms(boxes, scores, 2, 0.5, keep, &count) == FL_ERROR_ARGUMENT);
}

void nms_keeps_the_best() {
  test::Random r(3);
  const int64_t n = 300;
  const std::vector<double> boxes = random_boxes(&r, n, 60);
  std::vector<double> scores;
  for (int64_t i = 0; i < n; ++i) scores.push_back(r.unit());
  const auto kept = fl::nms(boxes.data(), scores.data(), n, 0.4);
  for (size_t a = 0; a < kept.size(); ++a) {
    for (size_t b = 0; b < a; ++b) {
      CHECK(scores[size_t(kept[b])] >= scores[size_t(kept[a])]);
      CHECK(fl::iou(&boxes[size_t(4 * kept[a])], &boxes[size_t(4 * kept[b])]) <= 0.4);
    }
  }
  // Every dropped box is covered by a better kept one.
  for (int64_t i = 0; i < n; ++i) {
    if (std::find(kept.begin(), kept.end(), i) != kept.end()) continue;
    CHECK(std::any_of(kept.begin(), kept.end(), [&](int64_t k) {
      return scores[size_t(k)] >= scores[size_t(i)] &&
             fl::iou(&boxes[size_t(4 * k)], &boxes[size_t(4 * i)]) > 0.4;
    }));
  }
}

}  // namespace

int main() {
  bad_arguments_are_refused();
  nms_keeps_the_best();
  return test::finish("geometry");
}
