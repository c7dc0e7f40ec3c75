#include "bindings.h"

namespace {

py::array_t<double> box_iou(const BoxArray& a, const BoxArray& b) {
  const int64_t n = rows_of_boxes(a, "boxes1");
  const int64_t m = rows_of_boxes(b, "boxes2");
  py::array_t<double> out({n, m});
  double* to = out.mutable_data();
  fl_status status;
  {
    py::gil_scoped_release release;
    status = fl_box_iou(a.data(), n, b.data(), m, to);
  }
  check(status, "box_iou");
  return out;
}

py::tuple box_pairs(const BoxArray& boxes, const py::array_t<int64_t, py::array::c_style>& offsets,
                    double threshold, int64_t max_per_box) {
  const int64_t n = rows_of_boxes(boxes, "boxes");
  if (offsets.ndim() != 1 || offsets.shape(0) < 1) {
    throw py::value_error("offsets: expected one dimension and at least one entry");
  }
  const int64_t groups = offsets.shape(0) - 1;
  if (offsets.at(groups) != n) {
    throw py::value_error("offsets: the last entry is " + std::to_string(offsets.at(groups)) +
                          ", boxes has " + std::to_string(n) + " rows");
  }
  std::vector<fl_pair> pairs(1024);
  int64_t count = 0;
  fl_status status;
  {
    py::gil_scoped_release release;
    status = fl_box_pairs(boxes.data(), offsets.data(), groups, threshold, max_per_box,
                          pairs.data(), static_cast<int64_t>(pairs.size()), &count);
    if (status == FL_ERROR_CAPACITY) {
      pairs.resize(static_cast<size_t>(count));
      status = fl_box_pairs(boxes.data(), offsets.data(), groups, threshold, max_per_box,
                            pairs.data(), count, &count);
    }
  }
  check(status, "box_pairs");
  py::array_t<int64_t> i(count);
  py::array_t<int64_t> j(count);
  py::array_t<double> iou(count);
  for (int64_t k = 0; k < count; ++k) {
    i.mutable_at(k) = pairs[static_cast<size_t>(k)].i;
    j.mutable_at(k) = pairs[static_cast<size_t>(k)].j;
    iou.mutable_at(k) = pairs[static_cast<size_t>(k)].iou;
  }
  return py::make_tuple(i, j, iou);
}

}  // namespace

void register_boxes(py::module_& m) {
  m.def("box_iou", &box_iou, py::arg("boxes1").noconvert(), py::arg("boxes2").noconvert());
  m.def("box_pairs", &box_pairs, py::arg("boxes").noconvert(), py::arg("offsets").noconvert(),
        py::arg("threshold"), py::arg("max_per_box") = 0);
}
