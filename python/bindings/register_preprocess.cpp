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
  o.channels = whole("channels");
  o.order = whole("order");
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

// The result of inputs of these options: its dtype goes into them, its strides to the engine.
class Output {
 public:
  Output(py::array& out, fl_letterbox_options* options, py::ssize_t n, py::ssize_t channels)
      : data_(out.mutable_data()) {
    options->dtype = dtype_of(out);
    const int channel = options->layout == FL_NCHW ? 1 : 3;
    const int row = options->layout == FL_NCHW ? 2 : 1;
    const bool fits = out.ndim() == 4 && out.shape(0) == n && out.shape(row) == options->height &&
                      out.shape(row + 1) == options->width &&
                      (n == 0 || out.shape(channel) == channels);
    if (!fits) throw py::value_error("out: has another shape than the result");
    strides_[0] = out.strides(channel);
    strides_[1] = out.strides(row);
    strides_[2] = out.strides(row + 1);
    image_stride_ = out.strides(0);
    placements_.resize(static_cast<size_t>(n));
  }

  template <typename Batch, typename Input>
  py::list fill(Batch batch, const std::vector<Input>& inputs, const fl_letterbox_options& options,
                int32_t workers) {
    fl_status status;
    {
      py::gil_scoped_release release;
      status = batch(inputs.data(), static_cast<int64_t>(inputs.size()), &options, workers, data_,
                     image_stride_, strides_, placements_.data());
    }
    check(status, "letterbox");
    py::list result;
    for (const fl_placement& p : placements_) {
      result.append(py::make_tuple(p.width, p.height, p.left, p.top, p.scale_x, p.scale_y));
    }
    return result;
  }

 private:
  static int32_t dtype_of(const py::array& out) {
    const char kind = out.dtype().kind();
    const py::ssize_t size = out.itemsize();
    if (kind == 'f' && size == 4) return FL_FLOAT32;
    if (kind == 'f' && size == 2) return FL_FLOAT16;
    if (kind == 'i' && size == 1) return FL_INT8;
    if (kind == 'u' && size == 1) return FL_UINT8;
    throw py::type_error("out: expected float32, float16, uint8 or int8");
  }

  void* data_;
  int64_t strides_[3];
  int64_t image_stride_;
  std::vector<fl_placement> placements_;
};

// Letterboxes pictures into out, (N, channels, height, width) or, with layout 1,
// (N, height, width, channels); (width, height, left, top, scale_x, scale_y) of each.
py::list letterbox(const std::vector<py::array>& pictures, const py::dict& given, py::array& out,
                   int32_t workers) {
  fl_letterbox_options options = options_of(given);
  const bool rgb = given["rgb"].cast<int32_t>() != 0;
  std::vector<fl_image> images;
  images.reserve(pictures.size());
  for (const py::array& picture : pictures) {
    fl_image image = image_of(picture);
    if (rgb && image.channels > 1) image.order = image.channels == 3 ? FL_RGB : FL_RGBA;
    images.push_back(image);
  }
  const int32_t own = images.empty() ? 0 : images[0].channels;
  Output to(out, &options, static_cast<py::ssize_t>(images.size()),
            options.channels == 0 ? own : options.channels);
  return to.fill(fl_letterbox_batch, images, options, workers);
}

#ifdef FASTLABEL_FRAME_H_
// The same of camera frames: (format, matrix, full range, width, height, planes, window).
py::list letterbox_frames(const std::vector<py::tuple>& given_frames, const py::dict& given,
                          py::array& out, int32_t workers) {
  constexpr int32_t formats[] = {FL_FRAME_BGR,  FL_FRAME_RGB,  FL_FRAME_GRAY,
                                 FL_FRAME_NV12, FL_FRAME_NV21, FL_FRAME_YUYV};
  fl_letterbox_options options = options_of(given);
  std::vector<fl_frame> frames;
  frames.reserve(given_frames.size());
  for (const py::tuple& one : given_frames) {
    fl_frame frame{};
    frame.format = formats[one[0].cast<size_t>() % 6];
    frame.matrix = one[1].cast<int32_t>();
    frame.range = one[2].cast<int32_t>();
    frame.width = one[3].cast<int64_t>();
    frame.height = one[4].cast<int64_t>();
    size_t k = 0;
    for (const py::handle& item : one[5].cast<py::list>()) {
      const auto plane = py::reinterpret_borrow<py::array>(item);
      if (k == 2 || !py::isinstance<py::array_t<uint8_t>>(plane) || plane.ndim() != 2) {
        throw py::type_error("img: expected one or two planes of uint8");
      }
      frame.planes[k] = static_cast<const uint8_t*>(plane.data());
      frame.strides[k++] = plane.strides(0);
    }
    const auto window = one[6].cast<py::tuple>();
    frame.window = {window[0].cast<int64_t>(), window[1].cast<int64_t>(),
                    window[2].cast<int64_t>(), window[3].cast<int64_t>()};
    frames.push_back(frame);
  }
  Output to(out, &options, static_cast<py::ssize_t>(frames.size()),
            options.channels == 0 ? 3 : options.channels);
  return to.fill(fl_letterbox_frame_batch, frames, options, workers);
}

#endif

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
#ifdef FASTLABEL_FRAME_H_
  m.def("letterbox_frames", &letterbox_frames, py::arg("frames"), py::arg("options"),
        py::arg("out"), py::arg("workers") = 1);
#endif
  m.def("letterbox_placement", &letterbox_placement, py::arg("image_width"),
        py::arg("image_height"), py::arg("width"), py::arg("height"), py::arg("center") = 1,
        py::arg("scale_up") = 1, py::arg("stretch") = 0);
  m.def("read_recipe", &read_recipe, py::arg("text"));
}
