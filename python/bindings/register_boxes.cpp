#include "bindings.h"

namespace {

using Offsets = py::array_t<int64_t, py::array::c_style>;
using Sizes = py::array_t<double, py::array::c_style>;
using Flags = py::array_t<uint8_t, py::array::c_style>;

// A view of (N, 4) float32 or float64, whatever its strides.
fl_boxes view_of(const py::array& boxes, int32_t format, const char* name) {
  fl_boxes view{};
  const py::dtype type = boxes.dtype();
  if (type.kind() != 'f' || (type.itemsize() != 4 && type.itemsize() != 8) ||
      (type.byteorder() != '=' && type.byteorder() != '|')) {
    throw py::type_error(std::string(name) + ": expected float32 or float64");
  }
  if (boxes.ndim() != 2 || boxes.shape(1) != 4) {
    throw py::value_error(std::string(name) + ": expected shape (N, 4)");
  }
  view.data = boxes.data();
  view.n = boxes.shape(0);
  view.row_stride = boxes.strides(0);
  view.column_stride = boxes.strides(1);
  view.dtype = type.itemsize() == 4 ? FL_FLOAT32 : FL_FLOAT64;
  view.format = format;
  return view;
}

// The caller's memory for results of a size; that it is writable and shares nothing with the
// inputs is Python's to check.
void* target_of(py::array& out, const fl_boxes& like, std::vector<int64_t> shape) {
  const int64_t item = like.dtype == FL_FLOAT32 ? 4 : 8;
  bool fits = out.dtype().kind() == 'f' && out.itemsize() == item &&
              out.ndim() == static_cast<py::ssize_t>(shape.size());
  for (size_t k = 0; fits && k < shape.size(); ++k) {
    fits = out.shape(static_cast<py::ssize_t>(k)) == shape[k];
  }
  if (!fits) throw py::value_error("out: another shape or dtype than the result's");
  return out.mutable_data();
}

fl_overlap_options options_of(int32_t metric, double eps, const std::optional<Flags>& crowd,
                              int64_t n) {
  fl_overlap_options options{};
  check(fl_overlap_options_init(&options, sizeof options), "options");
  options.metric = metric;
  options.eps = eps;
  if (crowd.has_value()) {
    if (crowd->ndim() != 1 || crowd->shape(0) != n) {
      throw py::value_error("crowd: expected one flag for each box");
    }
    options.crowd = crowd->data();
    options.crowd_stride = 1;
  }
  return options;
}

int64_t find_bad_box(const py::array& boxes, int32_t format) {
  const fl_boxes view = view_of(boxes, format, "boxes");
  int64_t row = 0;
  check(fl_box_find_bad(&view, &row), "find_bad_box");
  return row;
}

void box_matrix(const py::array& boxes1, const py::array& boxes2, py::array& out, int32_t metric,
                double eps, int32_t format, const std::optional<Flags>& crowd) {
  const fl_boxes a = view_of(boxes1, format, "boxes1");
  const fl_boxes b = view_of(boxes2, format, "boxes2");
  const fl_overlap_options options = options_of(metric, eps, crowd, b.n);
  void* to = target_of(out, a, {a.n, b.n});
  const int64_t row = out.strides(0);
  const int64_t column = out.strides(1);
  fl_status status;
  {
    py::gil_scoped_release release;
    status = fl_box_matrix(&a, &b, &options, to, row, column);
  }
  check(status, "box_matrix");
}

void box_aligned(const py::array& boxes1, const py::array& boxes2, py::array& out, int32_t metric,
                 double eps, int32_t format, const std::optional<Flags>& crowd) {
  const fl_boxes a = view_of(boxes1, format, "boxes1");
  const fl_boxes b = view_of(boxes2, format, "boxes2");
  const fl_overlap_options options = options_of(metric, eps, crowd, b.n);
  void* to = target_of(out, a, {a.n});
  const int64_t stride = out.strides(0);
  fl_status status;
  {
    py::gil_scoped_release release;
    status = fl_box_aligned(&a, &b, &options, to, stride);
  }
  check(status, "box_aligned");
}

void box_area(const py::array& boxes, py::array& out, int32_t format) {
  const fl_boxes a = view_of(boxes, format, "boxes");
  void* to = target_of(out, a, {a.n});
  const int64_t stride = out.strides(0);
  fl_status status;
  {
    py::gil_scoped_release release;
    status = fl_box_area(&a, to, stride);
  }
  check(status, "box_area");
}

void box_convert(const py::array& boxes, py::array& out, int32_t in_format, int32_t out_format,
                 const std::optional<Sizes>& in_size, const std::optional<Sizes>& out_size) {
  const fl_boxes a = view_of(boxes, in_format, "boxes");
  void* to = target_of(out, a, {a.n, 4});
  // (1, 2): one size for all boxes; (N, 2): one for each.
  const auto step = [&a](const Sizes& size) -> int64_t {
    const bool fits = size.ndim() == 2 && size.shape(1) == 2 &&
                      (size.shape(0) == 1 || size.shape(0) == a.n);
    if (!fits) throw py::value_error("size: expected (1, 2) or (N, 2)");
    return size.shape(0) == 1 ? 0 : 2;
  };
  int64_t size_step = 0;
  if (in_size.has_value()) size_step = step(*in_size);
  if (out_size.has_value()) {
    const int64_t other = step(*out_size);
    if (in_size.has_value() && other != size_step) {
      throw py::value_error("size: expected one shape for both");
    }
    size_step = other;
  }
  const double* from_size = in_size.has_value() ? in_size->data() : nullptr;
  const double* to_size = out_size.has_value() ? out_size->data() : nullptr;
  const int64_t row = out.strides(0);
  const int64_t column = out.strides(1);
  fl_status status;
  {
    py::gil_scoped_release release;
    status = fl_box_convert(&a, out_format, from_size, to_size, size_step, to, row, column);
  }
  check(status, "box_convert");
}

void clip_boxes(const py::array& boxes, py::array& out, double width, double height) {
  const fl_boxes a = view_of(boxes, FL_XYXY, "boxes");
  void* to = target_of(out, a, {a.n, 4});
  const int64_t row = out.strides(0);
  const int64_t column = out.strides(1);
  fl_status status;
  {
    py::gil_scoped_release release;
    status = fl_box_clip(&a, width, height, to, row, column);
  }
  check(status, "clip_boxes");
}

int64_t groups_of(const Offsets& first, const Offsets& second) {
  if (first.ndim() != 1 || first.shape(0) < 1 || second.ndim() != 1 ||
      second.shape(0) != first.shape(0)) {
    throw py::value_error("offsets: expected two of one length, at least one entry each");
  }
  return first.shape(0) - 1;
}

py::array_t<int64_t> ragged_sizes(const Offsets& offsets1, const Offsets& offsets2) {
  const int64_t groups = groups_of(offsets1, offsets2);
  py::array_t<int64_t> out(groups + 1);
  check(fl_ragged_sizes(offsets1.data(), offsets2.data(), groups, out.mutable_data()),
        "ragged_sizes");
  return out;
}

void ragged_iou(const py::array& boxes1, const Offsets& offsets1, const py::array& boxes2,
                const Offsets& offsets2, py::array& out, int64_t total, int32_t metric, double eps,
                const std::optional<Flags>& crowd) {
  const fl_boxes a = view_of(boxes1, FL_XYXY, "boxes1");
  const fl_boxes b = view_of(boxes2, FL_XYXY, "boxes2");
  const int64_t groups = groups_of(offsets1, offsets2);
  const fl_overlap_options options = options_of(metric, eps, crowd, b.n);
  void* to = target_of(out, a, {total});
  if (total > 1 && out.strides(0) != out.itemsize()) {
    throw py::value_error("out: expected contiguous memory");
  }
  fl_status status;
  {
    py::gil_scoped_release release;
    status = fl_ragged_iou(&a, offsets1.data(), &b, offsets2.data(), groups, &options, to);
  }
  check(status, "ragged_iou");
}

void ragged_best(const py::array& boxes1, const Offsets& offsets1, const py::array& boxes2,
                 const Offsets& offsets2, Offsets& index, py::array& value, int32_t metric,
                 double threshold) {
  const fl_boxes a = view_of(boxes1, FL_XYXY, "boxes1");
  const fl_boxes b = view_of(boxes2, FL_XYXY, "boxes2");
  const int64_t groups = groups_of(offsets1, offsets2);
  if (index.ndim() != 1 || index.shape(0) != a.n) {
    throw py::value_error("out[0]: another shape than the result's");
  }
  int64_t* to = index.mutable_data();
  void* values = target_of(value, a, {a.n});
  if (a.n > 1 && value.strides(0) != value.itemsize()) {
    throw py::value_error("out[1]: expected contiguous memory");
  }
  fl_status status;
  {
    py::gil_scoped_release release;
    status = fl_ragged_best(&a, offsets1.data(), &b, offsets2.data(), groups, metric, threshold,
                            to, values);
  }
  check(status, "ragged_best");
}

void ragged_counts(const py::array& boxes1, const Offsets& offsets1, const py::array& boxes2,
                   const Offsets& offsets2, Offsets& counts, double threshold) {
  const fl_boxes a = view_of(boxes1, FL_XYXY, "boxes1");
  const fl_boxes b = view_of(boxes2, FL_XYXY, "boxes2");
  const int64_t groups = groups_of(offsets1, offsets2);
  if (counts.ndim() != 1 || counts.shape(0) != a.n) {
    throw py::value_error("out: another shape than the result's");
  }
  int64_t* to = counts.mutable_data();
  fl_status status;
  {
    py::gil_scoped_release release;
    status = fl_ragged_counts(&a, offsets1.data(), &b, offsets2.data(), groups, threshold, to);
  }
  check(status, "ragged_counts");
}

// Pairs as three columns, which become arrays without a copy.
struct PairColumns {
  std::vector<int64_t> i, j;
  std::vector<double> iou;

  static fl_status take(void* context, const fl_pair* pairs, int64_t n) {
    try {
      auto* to = static_cast<PairColumns*>(context);
      for (int64_t k = 0; k < n; ++k) {
        to->i.push_back(pairs[k].i);
        to->j.push_back(pairs[k].j);
        to->iou.push_back(pairs[k].iou);
      }
    } catch (...) {
      return FL_ERROR_MEMORY;
    }
    return FL_OK;
  }
};

py::tuple columns_of(PairColumns&& pairs) {
  return py::make_tuple(owned_by_python(std::move(pairs.i)), owned_by_python(std::move(pairs.j)),
                        owned_by_python(std::move(pairs.iou)));
}

py::tuple box_pairs(const py::array& boxes, const Offsets& offsets, double threshold,
                    int64_t max_per_box) {
  const fl_boxes a = view_of(boxes, FL_XYXY, "boxes");
  const int64_t groups = groups_of(offsets, offsets);
  PairColumns pairs;
  fl_status status;
  {
    py::gil_scoped_release release;
    status = fl_box_pairs_within(&a, offsets.data(), groups, threshold, max_per_box,
                                 &PairColumns::take, &pairs);
  }
  check(status, "box_pairs");
  return columns_of(std::move(pairs));
}

py::tuple box_pairs_between(const py::array& boxes1, const Offsets& offsets1,
                            const py::array& boxes2, const Offsets& offsets2, double threshold) {
  const fl_boxes a = view_of(boxes1, FL_XYXY, "boxes1");
  const fl_boxes b = view_of(boxes2, FL_XYXY, "boxes2");
  const int64_t groups = groups_of(offsets1, offsets2);
  PairColumns pairs;
  fl_status status;
  {
    py::gil_scoped_release release;
    status = fl_box_pairs_between(&a, offsets1.data(), &b, offsets2.data(), groups, threshold,
                                  &PairColumns::take, &pairs);
  }
  check(status, "box_pairs_between");
  return columns_of(std::move(pairs));
}

}  // namespace

void register_boxes(py::module_& m) {
  m.def("find_bad_box", &find_bad_box, py::arg("boxes"), py::arg("format") = 0);
  m.def("box_matrix", &box_matrix, py::arg("boxes1"), py::arg("boxes2"), py::arg("out"),
        py::arg("metric"), py::arg("eps"), py::arg("format"),
        py::arg("crowd").noconvert() = py::none());
  m.def("box_aligned", &box_aligned, py::arg("boxes1"), py::arg("boxes2"), py::arg("out"),
        py::arg("metric"), py::arg("eps"), py::arg("format"),
        py::arg("crowd").noconvert() = py::none());
  m.def("box_area", &box_area, py::arg("boxes"), py::arg("out"), py::arg("format"));
  m.def("box_convert", &box_convert, py::arg("boxes"), py::arg("out"), py::arg("in_format"),
        py::arg("out_format"), py::arg("in_size").noconvert() = py::none(),
        py::arg("out_size").noconvert() = py::none());
  m.def("clip_boxes", &clip_boxes, py::arg("boxes"), py::arg("out"), py::arg("width"),
        py::arg("height"));
  m.def("ragged_sizes", &ragged_sizes, py::arg("offsets1").noconvert(),
        py::arg("offsets2").noconvert());
  m.def("ragged_iou", &ragged_iou, py::arg("boxes1"), py::arg("offsets1").noconvert(),
        py::arg("boxes2"), py::arg("offsets2").noconvert(), py::arg("out"), py::arg("total"),
        py::arg("metric"), py::arg("eps"), py::arg("crowd").noconvert() = py::none());
  m.def("ragged_best", &ragged_best, py::arg("boxes1"), py::arg("offsets1").noconvert(),
        py::arg("boxes2"), py::arg("offsets2").noconvert(), py::arg("index").noconvert(),
        py::arg("value"), py::arg("metric"), py::arg("threshold"));
  m.def("ragged_counts", &ragged_counts, py::arg("boxes1"), py::arg("offsets1").noconvert(),
        py::arg("boxes2"), py::arg("offsets2").noconvert(), py::arg("counts").noconvert(),
        py::arg("threshold"));
  m.def("box_pairs", &box_pairs, py::arg("boxes"), py::arg("offsets").noconvert(),
        py::arg("threshold"), py::arg("max_per_box") = 0);
  m.def("box_pairs_between", &box_pairs_between, py::arg("boxes1"),
        py::arg("offsets1").noconvert(), py::arg("boxes2"), py::arg("offsets2").noconvert(),
        py::arg("threshold"));
}
