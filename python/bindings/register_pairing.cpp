#include "bindings.h"

namespace {

using Doubles = py::array_t<double, py::array::c_style>;
using Integers = py::array_t<int64_t, py::array::c_style>;

void expect_rows(const py::array& array, int64_t n, const char* name) {
  if (array.ndim() != 1 || array.shape(0) != n) {
    throw py::value_error(std::string(name) + ": expected shape (" + std::to_string(n) + ",)");
  }
}

int64_t last(const Integers& offsets, int64_t images, const char* name) {
  expect_rows(offsets, images + 1, name);
  return offsets.data()[images];
}

py::dict pair_predictions(const BoxArray& labels, const Integers& classes, const Integers& offsets,
                          const BoxArray& predictions, const Integers& said,
                          const Doubles& scores, const Integers& starts, int32_t workers) {
  if (offsets.ndim() != 1 || offsets.shape(0) < 1) {
    throw py::value_error("offsets: expected one entry for each image, and one more");
  }
  const int64_t images = offsets.shape(0) - 1;
  const int64_t n = rows_of_boxes(labels, "labels");
  const int64_t m = rows_of_boxes(predictions, "predictions");
  expect_rows(classes, n, "classes");
  expect_rows(said, m, "said");
  expect_rows(scores, m, "scores");
  if (last(offsets, images, "offsets") != n || last(starts, images, "starts") != m) {
    throw py::value_error("offsets, starts: expected to end at the number of boxes");
  }
  const fl_pairing_input input = {
      sizeof(fl_pairing_input), labels.data(), classes.data(), offsets.data(), predictions.data(),
      said.data(), scores.data(), starts.data(), images};
  fl_pairing_options options;
  check(fl_pairing_options_init(&options, sizeof options), "pair_predictions");
  options.workers = workers;
  py::array_t<int64_t> own(n), other(n), label(m);
  py::array_t<double> own_iou(n), same(n), other_score(n), iou(m), touch(m), inside(m), higher(m);
  py::array_t<int32_t> parts(n), wholes(m);
  py::array_t<uint8_t> agrees(m);
  const fl_pairing_result result = {
      sizeof(fl_pairing_result), own.mutable_data(), own_iou.mutable_data(), same.mutable_data(),
      other.mutable_data(), other_score.mutable_data(), parts.mutable_data(),
      label.mutable_data(), agrees.mutable_data(), iou.mutable_data(), touch.mutable_data(),
      inside.mutable_data(), higher.mutable_data(), wholes.mutable_data()};
  fl_status status;
  {
    py::gil_scoped_release release;
    status = fl_pair_predictions(&input, &options, &result);
  }
  check(status, "pair_predictions");
  py::dict found;
  found["own"] = own;
  found["own_iou"] = own_iou;
  found["same"] = same;
  found["other"] = other;
  found["other_score"] = other_score;
  found["parts"] = parts;
  found["label"] = label;
  found["agrees"] = agrees.attr("view")("bool");
  found["iou"] = iou;
  found["touch"] = touch;
  found["inside"] = inside;
  found["higher"] = higher;
  found["wholes"] = wholes;
  return found;
}

}  // namespace

void register_pairing(py::module_& m) {
  m.def("pair_predictions", &pair_predictions, py::arg("labels").noconvert(),
        py::arg("classes").noconvert(), py::arg("offsets").noconvert(),
        py::arg("predictions").noconvert(), py::arg("said").noconvert(),
        py::arg("scores").noconvert(), py::arg("starts").noconvert(), py::arg("workers"));
}
