#include "bindings.h"

namespace {

// A plane of bytes whose rows are contiguous; rows may lie apart.
struct Plane {
  const uint8_t* data;
  int64_t width, height, stride;
};

Plane plane_of(const py::array_t<uint8_t>& luma) {
  if (luma.ndim() != 2) throw py::value_error("luma: expected shape (height, width)");
  if (luma.shape(0) < 1 || luma.shape(1) < 1) throw py::value_error("luma: has no pixels");
  if ((luma.shape(1) > 1 && luma.strides(1) != 1) || luma.strides(0) < luma.shape(1)) {
    throw py::value_error("luma: the pixels of a row must be contiguous");
  }
  return {luma.data(), luma.shape(1), luma.shape(0), luma.strides(0)};
}

double laplacian_variance(const py::array_t<uint8_t>& luma) {
  const Plane p = plane_of(luma);
  double out = 0;
  fl_status status;
  {
    py::gil_scoped_release release;
    status = fl_laplacian_variance(p.data, p.width, p.height, p.stride, &out);
  }
  check(status, "laplacian_variance");
  return out;
}

// Statistics of a plane and of boxes in it, as rows of the scan's own structs.
py::tuple measure_luma(const py::array_t<uint8_t>& luma, const BoxArray& boxes,
                       int32_t orientation, bool turned) {
  const Plane p = plane_of(luma);
  const int64_t n = rows_of_boxes(boxes, "boxes");
  py::array_t<fl_luma_stats> stats(1);
  py::array_t<fl_box_row> rows(n);
  fl_luma_stats* to = stats.mutable_data();
  fl_box_row* to_rows = n > 0 ? rows.mutable_data() : nullptr;
  fl_status status;
  {
    py::gil_scoped_release release;
    status = fl_measure_luma(p.data, p.width, p.height, p.stride, boxes.data(), n, orientation,
                             turned ? 1 : 0, to, to_rows);
  }
  check(status, "measure_luma");
  return py::make_tuple(stats, rows);
}

py::bytes content_hash(const py::buffer& data) {
  const py::buffer_info info = contiguous_bytes(data, "data");
  uint8_t out[16];
  const auto size = static_cast<uint64_t>(info.size * info.itemsize);
  check(fl_content_hash(static_cast<const uint8_t*>(info.ptr), size, out), "content_hash");
  return {reinterpret_cast<const char*>(out), sizeof out};
}

}  // namespace

void register_pixels(py::module_& m) {
  PYBIND11_NUMPY_DTYPE(fl_luma_stats, pixels, luma_mean, luma_std, p01, p05, p50, p95, p99,
                       has_acutance, has_scale, has_phash, dark_fraction, bright_fraction, entropy,
                       laplacian_variance, noise_sigma, sharpness, acutance, scale_sharpness,
                       scale_acutance, phash);
  PYBIND11_NUMPY_DTYPE(fl_box_row, pixels, luma_mean, contrast, laplacian_variance, sharpness,
                       acutance, has_acutance, reserved);
  m.def("laplacian_variance", &laplacian_variance, py::arg("luma").noconvert());
  m.def("measure_luma", &measure_luma, py::arg("luma").noconvert(), py::arg("boxes").noconvert(),
        py::arg("orientation") = 1, py::arg("turned") = false);
  m.def("content_hash", &content_hash, py::arg("data"));
}
