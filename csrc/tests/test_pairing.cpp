#include <limits>
#include <vector>

#include "check.h"
#include "fastlabel/fastlabel.h"

namespace {

struct Scene {
  std::vector<double> labels, predictions, scores;
  std::vector<int64_t> classes, said, offsets, starts;

  fl_pairing_input view() const {
    return {sizeof(fl_pairing_input), labels.data(), classes.data(), offsets.data(),
            predictions.data(), said.data(), scores.data(), starts.data(),
            int64_t(offsets.size()) - 1};
  }
};

// Memory of exactly the promised size, so that a sanitizer sees what is written past it.
struct Room {
  std::vector<int64_t> own, other, label;
  std::vector<double> own_iou, same, other_score, iou, touch, inside, higher;
  std::vector<int32_t> parts, wholes;
  std::vector<uint8_t> agrees;
  fl_pairing_result out = {};

  Room(size_t n, size_t m)
      : own(n), other(n), label(m), own_iou(n), same(n), other_score(n), iou(m), touch(m),
        inside(m), higher(m), parts(n), wholes(m), agrees(m) {
    out = {sizeof out, own.data(), own_iou.data(), same.data(), other.data(),
           other_score.data(), parts.data(), label.data(), agrees.data(), iou.data(),
           touch.data(), inside.data(), higher.data(), wholes.data()};
  }
};

fl_pairing_options defaults() {
  fl_pairing_options o;
  CHECK(fl_pairing_options_init(&o, sizeof o) == FL_OK);
  return o;
}

// A prediction on a label, a double of it, and another class in its place.
Scene three_on_one() {
  return {{0, 0, 10, 9, 30, 0, 40, 10}, {0, 0, 10, 10, 0, 0, 10, 6, 0, 0, 10, 8}, {0.9, 0.3, 0.5},
          {1, 1}, {1, 1, 0}, {0, 2}, {0, 3}};
}

void the_best_stands_for_the_label() {
  const Scene s = three_on_one();
  const fl_pairing_input in = s.view();
  const fl_pairing_options o = defaults();
  Room room(2, 3);
  CHECK(fl_pair_predictions(&in, &o, &room.out) == FL_OK);
  CHECK(room.own[0] == 0 && room.own[1] == -1);
  CHECK(room.own_iou[0] == 0.9 && room.own_iou[1] == 0);
  CHECK(room.same[0] == 0.9 && room.other[0] == 2 && room.other_score[0] == 0.5);
  CHECK(room.label[0] == 0 && room.label[1] == -1 && room.label[2] == -1);
  CHECK(room.agrees[0] == 1 && room.agrees[1] == 0);
  CHECK(room.touch[0] == 0 && room.touch[1] == 60.0 / 90 && room.touch[2] == 80.0 / 90);
  CHECK(room.higher[1] == 0.75 && room.higher[2] == 0.8 && room.higher[0] == 0);
}

void boxes_that_are_none_overlap_nothing() {
  Scene s = three_on_one();
  s.labels[0] = std::numeric_limits<double>::quiet_NaN();
  s.predictions[2] = -5;
  s.predictions[4] = -std::numeric_limits<double>::infinity();
  const fl_pairing_input in = s.view();
  const fl_pairing_options o = defaults();
  Room room(2, 3);
  CHECK(fl_pair_predictions(&in, &o, &room.out) == FL_OK);
  for (size_t k = 0; k < 3; ++k) CHECK(room.label[k] == -1 && room.touch[k] == 0);
  CHECK(room.own[0] == -1 && room.own[1] == -1);
}

void images_do_not_meet() {
  Scene s = three_on_one();
  s.offsets = {0, 0, 2};
  s.starts = {0, 3, 3};
  const fl_pairing_input in = s.view();
  const fl_pairing_options o = defaults();
  Room room(2, 3);
  CHECK(fl_pair_predictions(&in, &o, &room.out) == FL_OK);
  for (size_t k = 0; k < 3; ++k) CHECK(room.label[k] == -1);
  CHECK(room.higher[2] == 0.8);
}

// Many images, so that several threads work: every image is as when it is alone.
void threads_change_nothing() {
  const Scene one = three_on_one();
  Scene many;
  many.offsets = many.starts = {0};
  constexpr size_t kImages = 5000;
  for (size_t k = 0; k < kImages; ++k) {
    many.labels.insert(many.labels.end(), one.labels.begin(), one.labels.end());
    many.classes.insert(many.classes.end(), one.classes.begin(), one.classes.end());
    many.predictions.insert(many.predictions.end(), one.predictions.begin(),
                            one.predictions.end());
    many.said.insert(many.said.end(), one.said.begin(), one.said.end());
    many.scores.insert(many.scores.end(), one.scores.begin(), one.scores.end());
    many.offsets.push_back(many.offsets.back() + 2);
    many.starts.push_back(many.starts.back() + 3);
  }
  const fl_pairing_input in = many.view();
  for (const int32_t workers : {1, 2, 5}) {
    fl_pairing_options o = defaults();
    o.workers = workers;
    Room room(2 * kImages, 3 * kImages);
    CHECK(fl_pair_predictions(&in, &o, &room.out) == FL_OK);
    bool right = true;
    for (size_t k = 0; k < kImages; ++k) {
      right = right && room.own[2 * k] == int64_t(3 * k) && room.own[2 * k + 1] == -1 &&
              room.other[2 * k] == int64_t(3 * k + 2) && room.label[3 * k] == int64_t(2 * k) &&
              room.higher[3 * k + 1] == 0.75;
    }
    CHECK(right);
  }
}

bool refused(const Scene& s, const fl_pairing_options& o) {
  const fl_pairing_input in = s.view();
  Room room(2, 3);
  return fl_pair_predictions(&in, &o, &room.out) == FL_ERROR_ARGUMENT;
}

void bad_arguments_are_refused() {
  const Scene good = three_on_one();
  const fl_pairing_options o = defaults();
  CHECK(!refused(good, o));
  Scene s = good;
  s.scores[1] = std::numeric_limits<double>::quiet_NaN();
  CHECK(refused(s, o));
  s = good;
  s.scores[1] = 1.25;
  CHECK(refused(s, o));
  s = good;
  s.offsets = {1, 2};
  CHECK(refused(s, o));
  s = good;
  s.starts = {0, 4, 3};
  s.offsets = {0, 2, 2};
  CHECK(refused(s, o));
  fl_pairing_options with = o;
  with.near_iou = 0;
  CHECK(refused(good, with));
  with = o;
  with.placed_iou = 1.5;
  CHECK(refused(good, with));
  with = o;
  with.same = -1;
  CHECK(refused(good, with));
  with = o;
  with.workers = -1;
  CHECK(refused(good, with));
  const fl_pairing_input in = good.view();
  Room room(2, 3);
  fl_pairing_result out = room.out;
  out.struct_size -= 8;
  CHECK(fl_pair_predictions(&in, &o, &out) == FL_ERROR_ARGUMENT);
  out = room.out;
  out.wholes = nullptr;
  CHECK(fl_pair_predictions(&in, &o, &out) == FL_ERROR_ARGUMENT);
  CHECK(fl_pair_predictions(nullptr, &o, &room.out) == FL_ERROR_ARGUMENT);
  CHECK(fl_pair_predictions(&in, nullptr, &room.out) == FL_ERROR_ARGUMENT);
  CHECK(fl_pair_predictions(&in, &o, nullptr) == FL_ERROR_ARGUMENT);
}

}  // namespace

int main() {
  the_best_stands_for_the_label();
  boxes_that_are_none_overlap_nothing();
  images_do_not_meet();
  threads_change_nothing();
  bad_arguments_are_refused();
  return test::finish("pairing");
}
