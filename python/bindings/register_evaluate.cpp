#include <optional>

#include "bindings.h"

namespace {

using Doubles = py::array_t<double, py::array::c_style>;
using Integers = py::array_t<int64_t, py::array::c_style>;
using Bytes = py::array_t<uint8_t, py::array::c_style>;

template <typename Array>
auto entries(const Array& array, int64_t n, const char* name) {
  if (array.ndim() != 1 || array.shape(0) != n) {
    throw py::value_error(std::string(name) + ": expected shape (" + std::to_string(n) + ",)");
  }
  return array.data();
}

py::dict evaluate(const BoxArray& predictions, const Doubles& scores,
                  const Integers& prediction_images, const Integers& prediction_classes,
                  const BoxArray& labels, const std::optional<Doubles>& areas,
                  const Integers& label_images, const Integers& label_classes, const Bytes& crowd,
                  const Bytes& ignore, int64_t images, int64_t classes, const Doubles& thresholds,
                  const Doubles& recalls, const Doubles& area_ranges, const Integers& limits,
                  bool sizes, bool matches, int32_t workers) {
  const int64_t n = rows_of_boxes(predictions, "predictions");
  const int64_t m = rows_of_boxes(labels, "labels");
  if (area_ranges.ndim() != 2 || area_ranges.shape(1) != 2) {
    throw py::value_error("area_ranges: expected shape (A, 2)");
  }
  const int64_t t = thresholds.size();
  const int64_t r = recalls.size();
  const int64_t a = area_ranges.shape(0);
  const int64_t l = limits.size();
  if (images < 0 || classes < 0) throw py::value_error("images, classes: expected 0 or more");
  const fl_evaluation_input input = {
      sizeof(fl_evaluation_input), predictions.data(), entries(scores, n, "scores"),
      entries(prediction_images, n, "prediction_images"),
      entries(prediction_classes, n, "prediction_classes"), n, labels.data(),
      areas.has_value() ? entries(*areas, m, "areas") : nullptr,
      entries(label_images, m, "label_images"), entries(label_classes, m, "label_classes"),
      entries(crowd, m, "crowd"), entries(ignore, m, "ignore"), m, images, classes,
      entries(thresholds, t, "thresholds"), t, entries(recalls, r, "recalls"), r,
      area_ranges.data(), a, entries(limits, l, "limits"), l, sizes ? FL_XYWH : FL_XYXY, workers};
  Doubles precision({t, r, classes, a, l});
  Doubles at_score({t, r, classes, a, l});
  Doubles recall({t, classes, a, l});
  Integers counted({classes, a});
  Integers match({matches ? t : 0, n});
  Bytes ignored({matches ? t : 0, n});
  fl_evaluation out = {sizeof(fl_evaluation), precision.mutable_data(), at_score.mutable_data(),
                       recall.mutable_data(), counted.mutable_data(),
                       matches ? match.mutable_data() : nullptr,
                       matches ? ignored.mutable_data() : nullptr};
  fl_status status;
  {
    py::gil_scoped_release release;
    status = fl_evaluate(&input, &out);
  }
  check(status, "evaluate");
  py::dict found;
  found["precision"] = precision;
  found["scores"] = at_score;
  found["recall"] = recall;
  found["labels"] = counted;
  found["match"] = match;
  found["ignored"] = ignored;
  return found;
}

}  // namespace

void register_evaluate(py::module_& m) {
  m.def("evaluate", &evaluate, py::arg("predictions").noconvert(), py::arg("scores").noconvert(),
        py::arg("prediction_images").noconvert(), py::arg("prediction_classes").noconvert(),
        py::arg("labels").noconvert(), py::arg("areas").noconvert(),
        py::arg("label_images").noconvert(), py::arg("label_classes").noconvert(),
        py::arg("crowd").noconvert(), py::arg("ignore").noconvert(), py::arg("images"),
        py::arg("classes"), py::arg("thresholds").noconvert(), py::arg("recalls").noconvert(),
        py::arg("area_ranges").noconvert(), py::arg("limits").noconvert(), py::arg("sizes"),
        py::arg("matches"), py::arg("workers"));
}
