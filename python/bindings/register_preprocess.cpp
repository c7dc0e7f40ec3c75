#include <vector>

#include "bindings.h"

namespace {

// A picture of any strides: (height, width) or (height, width, channels) of bytes.
fl_image image_of(const py::array& pixels) {
  if (!py::isinstance<py::array_t<uint8_t>>(pixels)) throw py::type_error("img: expected uint8");
  if (pixels.ndim() != 2 && pixels.ndim() != 3) {
    throw py::value_error("img: expected shape (height, width) or (height, width, channels)");
  }
  fl_image image{};
  image.data = static_cast<const uint8_t*>(pixels.data());
  image.height = pixels.shape(0);
  image.width = pixels.shape(1);
  image.row_stride = pixels.strides(0);
  image.pixel_stride = pixels.strides(1);
  const bool gray = pixels.ndim() == 2;
  const py::ssize_t channels = gray ? 1 : pixels.shape(2);
  image.channels = channels <= 4 ? static_cast<int32_t>(channels) : 0;
  image.channel_stride = gray ? 1 : pixels.strides(2);
  image.order = channels == 1 ? FL_GRAY : channels == 3 ? FL_BGR : FL_BGRA;
  return image;
}

void resize_area(const py::array& pixels, py::array_t<uint8_t>& out) {
  const fl_image image = image_of(pixels);
  const fl_image to = image_of(out);
  if (to.channels != image.channels) throw py::value_error("out: has other channels than img");
  uint8_t* data = out.mutable_data();
  fl_status status;
  {
    py::gil_scoped_release release;
    status = fl_resize_area(&image, to.width, to.height, data, to.row_stride, to.pixel_stride,
                            to.channel_stride);
  }
  check(status, "resize_area");
}

// The options as a NumPy record would hold them, by name.
fl_letterbox_options options_of(const py::dict& given) {
  fl_letterbox_options o;
  check(fl_letterbox_options_init(&o, sizeof o), "letterbox");
  const auto whole = [&](const char* name) { return given[name].cast<int32_t>(); };
  o.interpolation = whole("interpolation");
  o.layout = whole("layout");
  o.swap_rb = whole("swap_rb");
  o.center = whole("center");
  o.scale_up = whole("scale_up");
  o.stretch = whole("stretch");
  o.quantize = whole("quantize");
  o.zero_point = whole("zero_point");
  o.width = given["width"].cast<int64_t>();
  o.height = given["height"].cast<int64_t>();
  o.scale = given["scale"].cast<float>();
  o.quant_scale = given["quant_scale"].cast<float>();
  const auto color = given["color"].cast<py::list>();
  const auto mean = given["mean"].cast<py::list>();
  const auto std = given["std"].cast<py::list>();
  for (size_t c = 0; c < 4; ++c) {
    o.color[c] = color[c].cast<uint8_t>();
    o.mean[c] = mean[c].cast<float>();
    o.std[c] = std[c].cast<float>();
  }
  return o;
}

// Letterboxes pictures into out, (N, channels, height, width) or, with layout 1,
// (N, height, width, channels); (width, height, left, top, scale_x, scale_y) of each.
py::list letterbox(const std::vector<py::array>& pictures, const py::dict& given, py::array& out,
                   int32_t workers) {
  fl_letterbox_options options = options_of(given);
  if (py::isinstance<py::array_t<float>>(out)) {
    options.dtype = FL_FLOAT32;
  } else {
    options.dtype = py::isinstance<py::array_t<int8_t>>(out) ? FL_INT8 : FL_UINT8;
    if (out.itemsize() != 1) throw py::type_error("out: expected float32, uint8 or int8");
  }
  std::vector<fl_image> images;
  images.reserve(pictures.size());
  for (const py::array& picture : pictures) images.push_back(image_of(picture));
  const auto n = static_cast<int64_t>(images.size());
  const int channel = options.layout == FL_NCHW ? 1 : 3;
  const int row = options.layout == FL_NCHW ? 2 : 1;
  const bool fits = out.ndim() == 4 && out.shape(0) == n && out.shape(row) == options.height &&
                    out.shape(row + 1) == options.width &&
                    (n == 0 || out.shape(channel) == images[0].channels);
  if (!fits) throw py::value_error("out: has another shape than the result");
  const int64_t strides[3] = {out.strides(channel), out.strides(row), out.strides(row + 1)};
  const int64_t image_stride = out.strides(0);
  void* data = out.mutable_data();
  std::vector<fl_placement> placements(images.size());
  fl_status status;
  {
    py::gil_scoped_release release;
    status = fl_letterbox_batch(images.data(), n, &options, workers, data, image_stride, strides,
                                placements.data());
  }
  check(status, "letterbox");
  py::list result;
  for (const fl_placement& p : placements) {
    result.append(py::make_tuple(p.width, p.height, p.left, p.top, p.scale_x, p.scale_y));
  }
  return result;
}

}  // namespace

void register_preprocess(py::module_& m) {
  m.def("resize_area", &resize_area, py::arg("img"), py::arg("out").noconvert());
  m.def("letterbox", &letterbox, py::arg("images"), py::arg("options"), py::arg("out"),
        py::arg("workers") = 1);
}
