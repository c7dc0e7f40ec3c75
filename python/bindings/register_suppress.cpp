#include <algorithm>
#include <optional>

#include "bindings.h"

namespace {

using Doubles = py::array_t<double, py::array::c_style>;
using Integers = py::array_t<int64_t, py::array::c_style>;
using Bytes = py::array_t<uint8_t, py::array::c_style>;
using MaybeIntegers = std::optional<Integers>;

// float32 or float64 of any strides, as they are.
fl_boxes rows_as_they_are(const py::array& boxes, const char* name, int32_t format = FL_XYXY) {
  if (boxes.ndim() != 2 || boxes.shape(1) != 4) {
    throw py::value_error(std::string(name) + ": expected shape (N, 4)");
  }
  const bool single = py::isinstance<py::array_t<float>>(boxes);
  if (!single && !py::isinstance<py::array_t<double>>(boxes)) {
    throw py::type_error(std::string(name) + ": expected float32 or float64");
  }
  return {boxes.data(),       boxes.shape(0), boxes.strides(0), boxes.strides(1),
          single ? FL_FLOAT32 : FL_FLOAT64, format};
}

template <typename Array>
auto entries(const Array& array, int64_t n, const char* name) {
  if (array.ndim() != 1 || array.shape(0) != n) {
    throw py::value_error(std::string(name) + ": expected shape (" + std::to_string(n) + ",)");
  }
  return array.data();
}

const int64_t* classes_of(const MaybeIntegers& classes, int64_t n, const char* name) {
  return classes.has_value() ? entries(*classes, n, name) : nullptr;
}

int64_t rows_of(const Doubles& array, int64_t width, const char* name) {
  if (array.ndim() != 2 || array.shape(1) != width) {
    throw py::value_error(std::string(name) + ": expected shape (N, " + std::to_string(width) +
                          ")");
  }
  return array.shape(0);
}

// One array a column, cut to what was written; the spare memory goes back.
template <typename T>
py::array_t<T> first_of(const std::vector<T>& values, int64_t count) {
  py::array_t<T> out(count);
  std::copy_n(values.begin(), count, out.mutable_data());
  return out;
}

Integers nms(const py::array& boxes, const Doubles& scores, const MaybeIntegers& classes,
             double threshold) {
  const fl_boxes view = rows_as_they_are(boxes, "boxes");
  const double* s = entries(scores, view.n, "scores");
  const int64_t* c = classes_of(classes, view.n, "idxs");
  std::vector<int64_t> keep(static_cast<size_t>(view.n));
  int64_t kept = 0;
  fl_status status;
  {
    py::gil_scoped_release release;
    status = fl_nms(&view, s, c, threshold, keep.data(), &kept);
  }
  check(status, "nms");
  return first_of(keep, kept);
}

py::tuple soft_nms(const py::array& boxes, const Doubles& scores, const MaybeIntegers& classes,
                   bool gaussian, double threshold, double sigma, double score_threshold) {
  const fl_boxes view = rows_as_they_are(boxes, "boxes");
  const double* s = entries(scores, view.n, "scores");
  const int64_t* c = classes_of(classes, view.n, "idxs");
  std::vector<int64_t> keep(static_cast<size_t>(view.n));
  std::vector<double> left(static_cast<size_t>(view.n));
  int64_t kept = 0;
  fl_status status;
  {
    py::gil_scoped_release release;
    status = fl_soft_nms(&view, s, c, gaussian ? FL_DECAY_GAUSSIAN : FL_DECAY_LINEAR, threshold, sigma,
                         score_threshold, keep.data(), left.data(), &kept);
  }
  check(status, "soft_nms");
  return py::make_tuple(first_of(keep, kept), first_of(left, kept));
}

py::tuple non_max_merge(const py::array& boxes, const Doubles& scores,
                        const MaybeIntegers& classes, bool over_smaller, double threshold) {
  const fl_boxes view = rows_as_they_are(boxes, "boxes");
  const double* s = entries(scores, view.n, "scores");
  const int64_t* c = classes_of(classes, view.n, "idxs");
  std::vector<double> merged(static_cast<size_t>(4 * view.n));
  std::vector<int64_t> best(static_cast<size_t>(view.n));
  Integers group(view.n);
  int64_t* to = group.mutable_data();
  int64_t groups = 0;
  fl_status status;
  {
    py::gil_scoped_release release;
    status = fl_non_max_merge(&view, s, c, over_smaller ? FL_IOS : FL_IOU, threshold,
                              merged.data(), best.data(), to, &groups);
  }
  check(status, "non_max_merge");
  return py::make_tuple(first_of(merged, 4 * groups).reshape({groups, int64_t{4}}),
                        first_of(best, groups), group);
}

py::tuple weighted_boxes_fusion(const py::array& boxes, const Doubles& scores,
                                const Integers& classes, const Integers& models,
                                const Doubles& weights, int32_t confidence, double threshold,
                                double skip, bool allows_overflow) {
  const fl_boxes view = rows_as_they_are(boxes, "boxes");
  const double* s = entries(scores, view.n, "scores");
  const int64_t* c = entries(classes, view.n, "labels");
  const int64_t* m = entries(models, view.n, "models");
  const int64_t n_models = weights.size();
  const double* w = entries(weights, n_models, "weights");
  const fl_fusion_options options = {sizeof(fl_fusion_options), confidence,
                                     allows_overflow ? 1 : 0, threshold, skip};
  std::vector<double> to(static_cast<size_t>(4 * view.n));
  std::vector<double> left(static_cast<size_t>(view.n));
  std::vector<int64_t> labels(static_cast<size_t>(view.n));
  int64_t fused = 0;
  fl_status status;
  {
    py::gil_scoped_release release;
    status = fl_weighted_boxes_fusion(&view, s, c, m, w, n_models, &options, to.data(),
                                      left.data(), labels.data(), &fused);
  }
  check(status, "weighted_boxes_fusion");
  return py::make_tuple(first_of(to, 4 * fused).reshape({fused, int64_t{4}}),
                        first_of(left, fused), first_of(labels, fused));
}

py::tuple match_coco(const py::array& predictions, const Integers& prediction_offsets,
                     const Integers& prediction_classes, const Doubles& scores,
                     const py::array& labels, const Integers& label_offsets,
                     const Integers& label_classes, const Bytes& crowd, const Bytes& ignore,
                     const Doubles& thresholds, int64_t most, bool sizes) {
  const int32_t format = sizes ? FL_XYWH : FL_XYXY;
  const fl_boxes p = rows_as_they_are(predictions, "predictions", format);
  const fl_boxes g = rows_as_they_are(labels, "labels", format);
  if (prediction_offsets.ndim() != 1 || prediction_offsets.shape(0) < 1) {
    throw py::value_error("prediction_offsets: expected shape (images + 1,)");
  }
  const int64_t images = prediction_offsets.shape(0) - 1;
  const int64_t n_thresholds = thresholds.size();
  const fl_match_input input = {
      sizeof(fl_match_input),
      &p,
      prediction_offsets.data(),
      entries(prediction_classes, p.n, "prediction_classes"),
      entries(scores, p.n, "scores"),
      &g,
      entries(label_offsets, images + 1, "label_offsets"),
      entries(label_classes, g.n, "label_classes"),
      entries(crowd, g.n, "crowd"),
      entries(ignore, g.n, "ignore"),
      images,
      entries(thresholds, n_thresholds, "thresholds"),
      n_thresholds,
      most,
  };
  Integers prediction_match({n_thresholds, p.n});
  Bytes ignored({n_thresholds, p.n});
  Integers label_match({n_thresholds, g.n});
  int64_t* to_predictions = prediction_match.mutable_data();
  uint8_t* to_ignored = ignored.mutable_data();
  int64_t* to_labels = label_match.mutable_data();
  fl_status status;
  {
    py::gil_scoped_release release;
    status = fl_match_coco(&input, to_predictions, to_ignored, to_labels);
  }
  check(status, "match_coco");
  return py::make_tuple(prediction_match, ignored, label_match);
}

void obb_iou(const Doubles& a, const Doubles& b, Doubles& out) {
  const int64_t n = rows_of(a, 5, "boxes1");
  const int64_t m = rows_of(b, 5, "boxes2");
  if (rows_of(out, m, "out") != n) throw py::value_error("out: expected one row a box of boxes1");
  double* to = out.mutable_data();
  fl_status status;
  {
    py::gil_scoped_release release;
    status = fl_obb_iou(a.data(), n, b.data(), m, to);
  }
  check(status, "obb_iou");
}

void obb_iou_aligned(const Doubles& a, const Doubles& b, Doubles& out) {
  const int64_t n = rows_of(a, 5, "boxes1");
  if (rows_of(b, 5, "boxes2") != n) throw py::value_error("boxes2: expected as many as boxes1");
  entries(out, n, "out");
  double* to = out.mutable_data();
  fl_status status;
  {
    py::gil_scoped_release release;
    status = fl_obb_iou_aligned(a.data(), b.data(), n, to);
  }
  check(status, "obb_iou");
}

Integers obb_nms(const Doubles& boxes, const Doubles& scores, const MaybeIntegers& classes,
                 double threshold) {
  const int64_t n = rows_of(boxes, 5, "boxes");
  const double* s = entries(scores, n, "scores");
  const int64_t* c = classes_of(classes, n, "idxs");
  std::vector<int64_t> keep(static_cast<size_t>(n));
  int64_t kept = 0;
  fl_status status;
  {
    py::gil_scoped_release release;
    status = fl_obb_nms(boxes.data(), s, c, n, threshold, keep.data(), &kept);
  }
  check(status, "obb_nms");
  return first_of(keep, kept);
}

Doubles obb_to_corners(const Doubles& boxes) {
  const int64_t n = rows_of(boxes, 5, "boxes");
  Doubles out({n, int64_t{8}});
  check(fl_obb_to_corners(boxes.data(), n, out.mutable_data()), "obb_convert");
  return out;
}

Doubles obb_from_corners(const Doubles& corners) {
  const int64_t n = rows_of(corners, 8, "boxes");
  Doubles out({n, int64_t{5}});
  check(fl_obb_from_corners(corners.data(), n, out.mutable_data()), "obb_convert");
  return out;
}

}  // namespace

void register_suppress(py::module_& m) {
  m.def("nms", &nms, py::arg("boxes"), py::arg("scores").noconvert(), py::arg("idxs").noconvert(),
        py::arg("iou_threshold"));
  m.def("soft_nms", &soft_nms, py::arg("boxes"), py::arg("scores").noconvert(),
        py::arg("idxs").noconvert(), py::arg("gaussian"), py::arg("iou_threshold"),
        py::arg("sigma"), py::arg("score_threshold"));
  m.def("non_max_merge", &non_max_merge, py::arg("boxes"), py::arg("scores").noconvert(),
        py::arg("idxs").noconvert(), py::arg("over_smaller"), py::arg("threshold"));
  m.def("weighted_boxes_fusion", &weighted_boxes_fusion, py::arg("boxes"),
        py::arg("scores").noconvert(), py::arg("labels").noconvert(),
        py::arg("models").noconvert(), py::arg("weights").noconvert(), py::arg("confidence"),
        py::arg("iou_threshold"), py::arg("skip_threshold"), py::arg("allows_overflow"));
  m.def("match_coco", &match_coco, py::arg("predictions"),
        py::arg("prediction_offsets").noconvert(), py::arg("prediction_classes").noconvert(),
        py::arg("scores").noconvert(), py::arg("labels"), py::arg("label_offsets").noconvert(),
        py::arg("label_classes").noconvert(), py::arg("crowd").noconvert(),
        py::arg("ignore").noconvert(), py::arg("thresholds").noconvert(),
        py::arg("max_predictions"), py::arg("sizes"));
  m.def("obb_iou", &obb_iou, py::arg("boxes1").noconvert(), py::arg("boxes2").noconvert(),
        py::arg("out").noconvert());
  m.def("obb_iou_aligned", &obb_iou_aligned, py::arg("boxes1").noconvert(),
        py::arg("boxes2").noconvert(), py::arg("out").noconvert());
  m.def("obb_nms", &obb_nms, py::arg("boxes").noconvert(), py::arg("scores").noconvert(),
        py::arg("idxs").noconvert(), py::arg("iou_threshold"));
  m.def("obb_to_corners", &obb_to_corners, py::arg("boxes").noconvert());
  m.def("obb_from_corners", &obb_from_corners, py::arg("corners").noconvert());
}
