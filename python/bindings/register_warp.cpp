#include "bindings.h"

namespace {

using Packed = py::array_t<uint8_t, py::array::c_style>;

// image: (H, W) or (H, W, C) of 1 to 4 channels, C order. matrix: (6,).
Packed warp_affine(const Packed& image, const py::array_t<double, py::array::c_style>& matrix,
                   int64_t width, int64_t height, bool edge, uint8_t fill) {
  const bool flat = image.ndim() == 2;
  if ((!flat && image.ndim() != 3) || matrix.ndim() != 1 || matrix.shape(0) != 6 || width < 1 ||
      height < 1 || width > FL_WARP_MAX_SIDE || height > FL_WARP_MAX_SIDE) {
    throw py::value_error("warp_affine: a shape that does not fit");
  }
  fl_image view{};
  view.data = image.data();
  view.height = image.shape(0);
  view.width = image.shape(1);
  view.channels = flat ? 1 : static_cast<int32_t>(image.shape(2));
  view.row_stride = image.strides(0);
  view.pixel_stride = image.strides(1);
  view.channel_stride = 1;
  view.order = view.channels == 1 ? FL_GRAY : view.channels == 4 ? FL_BGRA : FL_BGR;
  std::vector<py::ssize_t> shape{height, width};
  if (!flat) shape.push_back(image.shape(2));
  Packed out(shape);
  uint8_t* to = out.mutable_data();
  const double* m = matrix.data();
  fl_status status;
  {
    py::gil_scoped_release release;
    status = fl_warp_affine(&view, m, edge, fill, to, width, height, width * view.channels);
  }
  check(status, "warp_affine");
  return out;
}

}  // namespace

void register_warp(py::module_& m) {
  m.def("warp_affine", &warp_affine, py::arg("image").noconvert(), py::arg("matrix").noconvert(),
        py::arg("width"), py::arg("height"), py::arg("edge"), py::arg("fill"));
}
