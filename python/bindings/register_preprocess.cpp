#include <array>
#include <tuple>
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
  if (given.contains("channels")) o.channels = whole("channels");
  if (given.contains("order")) o.order = whole("order");
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

// What an output array may hold.
int32_t dtype_of(const py::array& out) {
  const char kind = out.dtype().kind();
  if (py::isinstance<py::array_t<float>>(out)) return FL_FLOAT32;
  if (kind == 'f' && out.itemsize() == 2 && out.dtype().byteorder() != '>') return FL_FLOAT16;
  if (py::isinstance<py::array_t<int8_t>>(out)) return FL_INT8;
  if (py::isinstance<py::array_t<uint8_t>>(out)) return FL_UINT8;
  throw py::type_error("out: expected float32, float16, uint8 or int8");
}

// Letterboxes n inputs into out, (N, channels, height, width) or, with layout 1, (N, height,
// width, channels), by call(data, image_stride, strides, placements);
// (width, height, left, top, scale_x, scale_y) of each.
template <typename Call>
py::list write_into(py::array& out, int64_t n, int32_t channels,
                    const fl_letterbox_options& options, Call call) {
  const int channel = options.layout == FL_NCHW ? 1 : 3;
  const int row = options.layout == FL_NCHW ? 2 : 1;
  const bool fits = out.ndim() == 4 && out.shape(0) == n && out.shape(row) == options.height &&
                    out.shape(row + 1) == options.width &&
                    (n == 0 || out.shape(channel) == channels);
  if (!fits) throw py::value_error("out: has another shape than the result");
  const int64_t strides[3] = {out.strides(channel), out.strides(row), out.strides(row + 1)};
  const int64_t image_stride = out.strides(0);
  void* data = out.mutable_data();
  std::vector<fl_placement> placements(static_cast<size_t>(n));
  fl_status status;
  {
    py::gil_scoped_release release;
    status = call(data, image_stride, strides, placements.data());
  }
  check(status, "letterbox");
  py::list result;
  for (const fl_placement& p : placements) {
    result.append(py::make_tuple(p.width, p.height, p.left, p.top, p.scale_x, p.scale_y));
  }
  return result;
}

py::list letterbox(const std::vector<py::array>& pictures, const py::dict& given, py::array& out,
                   int32_t workers) {
  fl_letterbox_options options = options_of(given);
  options.dtype = dtype_of(out);
  std::vector<fl_image> images;
  images.reserve(pictures.size());
  for (const py::array& picture : pictures) {
    images.push_back(image_of(picture));
    if (given.contains("input_order")) images.back().order = given["input_order"].cast<int32_t>();
  }
  const auto n = static_cast<int64_t>(images.size());
  const int32_t own = n == 0 ? 0 : images[0].channels;
  const int32_t channels = options.channels == 0 ? own : options.channels;
  return write_into(out, n, channels, options, [&](void* data, int64_t stride,
                                                   const int64_t* strides, fl_placement* at) {
    return fl_letterbox_batch(images.data(), n, &options, workers, data, stride, strides, at);
  });
}

// (format, matrix, range, width, height, planes, (x, y, width, height)); each plane an array of
// (rows, bytes) whose bytes lie side by side.
fl_frame frame_of(const py::tuple& given) {
  if (given.size() != 7) throw py::value_error("frame: expected seven values");
  fl_frame frame{};
  frame.format = given[0].cast<int32_t>();
  frame.matrix = given[1].cast<int32_t>();
  frame.range = given[2].cast<int32_t>();
  frame.width = given[3].cast<int64_t>();
  frame.height = given[4].cast<int64_t>();
  const auto planes = given[5].cast<std::vector<py::array>>();
  if (planes.empty() || planes.size() > 2) throw py::value_error("frame: expected 1 or 2 planes");
  const bool chroma = frame.format == FL_FRAME_NV12 || frame.format == FL_FRAME_NV21;
  if (planes.size() != (chroma ? 2 : 1)) throw py::value_error("frame: wrong number of planes");
  for (size_t k = 0; k < planes.size(); ++k) {
    const py::array& plane = planes[k];
    if (!py::isinstance<py::array_t<uint8_t>>(plane) || plane.ndim() != 2) {
      throw py::type_error("frame: expected planes of uint8, (rows, bytes)");
    }
    const int64_t bytes = frame.format == FL_FRAME_YUYV                                     ? 2
                          : frame.format == FL_FRAME_RGB || frame.format == FL_FRAME_BGR ? 3
                                                                                            : 1;
    const bool enough = plane.shape(0) >= (k == 0 ? frame.height : frame.height / 2) &&
                        plane.shape(1) / bytes >= frame.width &&
                        (plane.shape(1) <= 1 || plane.strides(1) == 1);
    if (!enough) throw py::value_error("frame: a plane is smaller than the frame");
    frame.planes[k] = static_cast<const uint8_t*>(plane.data());
    frame.strides[k] = plane.strides(0);
  }
  const auto window = given[6].cast<std::vector<int64_t>>();
  if (window.size() != 4) throw py::value_error("window: expected (x, y, width, height)");
  frame.window = {window[0], window[1], window[2], window[3]};
  return frame;
}

py::list letterbox_frames(const std::vector<py::tuple>& given_frames, const py::dict& given,
                          py::array& out, int32_t workers) {
  fl_letterbox_options options = options_of(given);
  options.dtype = dtype_of(out);
  std::vector<fl_frame> frames;
  frames.reserve(given_frames.size());
  for (const py::tuple& frame : given_frames) frames.push_back(frame_of(frame));
  const auto n = static_cast<int64_t>(frames.size());
  const int32_t own = n == 0 ? 0 : frames[0].format == FL_FRAME_GRAY ? 1 : 3;
  const int32_t channels = options.channels == 0 ? own : options.channels;
  return write_into(out, n, channels, options, [&](void* data, int64_t stride,
                                                   const int64_t* strides, fl_placement* at) {
    return fl_letterbox_frame_batch(frames.data(), n, &options, workers, data, stride, strides, at);
  });
}

// Boxes (N, 4) xyxy of a frame in an input's pixels, or back; placement as letterbox returns it.
template <typename T>
py::array_t<T> letterbox_boxes(const py::array_t<T>& boxes,
                               const std::tuple<int64_t, int64_t, int64_t, int64_t, double, double>& at,
                               const std::array<int64_t, 4>& window, bool back, bool clip) {
  if (boxes.ndim() != 2 || boxes.shape(1) != 4) {
    throw py::value_error("boxes: expected shape (N, 4)");
  }
  const fl_boxes view = {boxes.data(),     boxes.shape(0), boxes.strides(0), boxes.strides(1),
                         sizeof(T) == 4 ? FL_FLOAT32 : FL_FLOAT64, FL_XYXY};
  const fl_placement placement = {std::get<0>(at), std::get<1>(at), std::get<2>(at),
                                  std::get<3>(at), std::get<4>(at), std::get<5>(at)};
  const fl_window part = {window[0], window[1], window[2], window[3]};
  py::array_t<T> out({boxes.shape(0), py::ssize_t{4}});
  check(back ? fl_letterbox_boxes_to_frame(&placement, &part, clip ? 1 : 0, &view,
                                           out.mutable_data())
             : fl_letterbox_boxes_to_input(&placement, &part, &view, out.mutable_data()),
        "letterbox_boxes");
  return out;
}

// (width, height, left, top, scale_x, scale_y) of a picture in an input.
py::tuple letterbox_placement(int64_t image_width, int64_t image_height, int64_t width,
                              int64_t height, int32_t center, int32_t scale_up, int32_t stretch) {
  fl_letterbox_options o;
  check(fl_letterbox_options_init(&o, sizeof o), "letterbox_placement");
  o.width = width;
  o.height = height;
  o.center = center;
  o.scale_up = scale_up;
  o.stretch = stretch;
  fl_placement p;
  check(fl_letterbox_placement(image_width, image_height, &o, &p), "letterbox_placement");
  return py::make_tuple(p.width, p.height, p.left, p.top, p.scale_x, p.scale_y);
}

// What a recipe says, by the names of letterbox's arguments; ValueError with the reason.
py::dict read_recipe(const py::buffer& text) {
  const py::buffer_info bytes = text.request();
  if (bytes.ndim != 1 || bytes.itemsize != 1) throw py::type_error("text: expected bytes");
  fl_letterbox_options o;
  fl_recipe_error error;
  const char* from = bytes.size == 0 ? "" : static_cast<const char*>(bytes.ptr);
  const fl_status status =
      fl_recipe_read(from, static_cast<size_t>(bytes.size), &o, sizeof o, &error);
  if (status == FL_ERROR_RECIPE) throw py::value_error(error.text);
  check(status, "read_recipe");
  py::dict d;
  const auto several = [&](const auto* values) {
    py::tuple t(static_cast<size_t>(o.channels));
    for (size_t c = 0; c < t.size(); ++c) t[c] = values[c];
    return t;
  };
  d["size"] = py::make_tuple(o.width, o.height);
  d["interpolation"] = o.interpolation == FL_AREA ? "area" : "linear";
  d["layout"] = o.layout == FL_NHWC ? "nhwc" : "nchw";
  d["dtype"] = o.dtype == FL_FLOAT32   ? "float32"
               : o.dtype == FL_FLOAT16 ? "float16"
               : o.dtype == FL_INT8    ? "int8"
                                       : "uint8";
  d["order"] = o.channels == 1 ? "gray" : o.order == FL_RGB ? "rgb" : "bgr";
  d["center"] = o.center != 0;
  d["scale_up"] = o.scale_up != 0;
  d["stretch"] = o.stretch != 0;
  d["color"] = several(o.color);
  d["scale"] = o.scale;
  d["mean"] = several(o.mean);
  d["std"] = several(o.std);
  d["quantize"] = py::none();
  if (o.quantize != 0) d["quantize"] = py::make_tuple(o.quant_scale, o.zero_point);
  return d;
}

}  // namespace

void register_preprocess(py::module_& m) {
  m.def("resize_area", &resize_area, py::arg("img"), py::arg("out").noconvert());
  m.def("letterbox", &letterbox, py::arg("images"), py::arg("options"), py::arg("out"),
        py::arg("workers") = 1);
  m.def("letterbox_frames", &letterbox_frames, py::arg("frames"), py::arg("options"),
        py::arg("out"), py::arg("workers") = 1);
  m.def("letterbox_boxes", &letterbox_boxes<float>, py::arg("boxes").noconvert(), py::arg("at"),
        py::arg("window"), py::arg("back") = false, py::arg("clip") = false);
  m.def("letterbox_boxes", &letterbox_boxes<double>, py::arg("boxes").noconvert(), py::arg("at"),
        py::arg("window"), py::arg("back") = false, py::arg("clip") = false);
  m.def("letterbox_placement", &letterbox_placement, py::arg("image_width"),
        py::arg("image_height"), py::arg("width"), py::arg("height"), py::arg("center") = 1,
        py::arg("scale_up") = 1, py::arg("stretch") = 0);
  m.def("read_recipe", &read_recipe, py::arg("text"));
}
