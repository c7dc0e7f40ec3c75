#include "bindings.h"

namespace {

using Image = py::array_t<uint8_t>;
using Packed = py::array_t<uint8_t, py::array::c_style>;

// (H, W) or (H, W, 3), of any strides. The order of channels means nothing here.
fl_image view_of(const Image& pixels, const char* name) {
  const bool flat = pixels.ndim() == 2;
  if (!flat && (pixels.ndim() != 3 || (pixels.shape(2) != 1 && pixels.shape(2) != 3))) {
    throw py::value_error(std::string(name) + ": expected shape (H, W) or (H, W, 1 | 3)");
  }
  fl_image view{};
  view.data = pixels.data();
  view.height = pixels.shape(0);
  view.width = pixels.shape(1);
  view.row_stride = pixels.strides(0);
  view.pixel_stride = pixels.strides(1);
  view.channel_stride = flat ? 1 : pixels.strides(2);
  view.channels = flat ? 1 : static_cast<int32_t>(pixels.shape(2));
  view.order = view.channels == 1 ? FL_GRAY : FL_BGR;
  return view;
}

// A new picture of the shape of another, filled by `work(view, out, row_stride)`.
template <typename Work>
Packed made_of(const Image& pixels, const char* where, Work work) {
  const fl_image view = view_of(pixels, "image");
  Packed out(std::vector<py::ssize_t>(pixels.shape(), pixels.shape() + pixels.ndim()));
  uint8_t* to = out.mutable_data();
  fl_status status;
  {
    py::gil_scoped_release release;
    status = work(view, to, view.width * view.channels);
  }
  check(status, where);
  return out;
}

// tables: (256,), or (channels, 256).
Packed look_up(const Image& image, const Packed& tables) {
  if (tables.ndim() < 1 || tables.ndim() > 2 || tables.shape(tables.ndim() - 1) != 256) {
    throw py::value_error("tables: expected shape (256,) or (channels, 256)");
  }
  const int32_t n = tables.ndim() == 1 ? 1 : static_cast<int32_t>(tables.shape(0));
  const uint8_t* from = tables.data();
  return made_of(image, "look_up", [&](const fl_image& view, uint8_t* out, int64_t stride) {
    return fl_look_up(&view, from, n, out, stride);
  });
}

Packed filter_taps(const Image& image, const py::array_t<int32_t, py::array::c_style>& offsets,
                   const py::array_t<double, py::array::c_style>& weights) {
  if (weights.ndim() != 1 || offsets.ndim() != 2 || offsets.shape(0) != 2 ||
      offsets.shape(1) != weights.shape(0)) {
    throw py::value_error("filter_taps: expected offsets (2, N), of x and of y, and weights (N,)");
  }
  const int64_t n = weights.shape(0);
  const int32_t* dx = offsets.data();
  const double* w = weights.data();
  return made_of(image, "filter_taps", [&](const fl_image& view, uint8_t* out, int64_t stride) {
    return fl_filter_taps(&view, dx, dx + n, w, n, out, stride);
  });
}

Packed sensor_noise(const Image& image, double read, double shot, double colour, uint64_t seed) {
  return made_of(image, "sensor_noise", [&](const fl_image& view, uint8_t* out, int64_t stride) {
    return fl_sensor_noise(&view, read, shot, colour, seed, out, stride);
  });
}

Packed salt_and_pepper(const Image& image, double amount, double salt, uint64_t seed) {
  return made_of(image, "salt_and_pepper", [&](const fl_image& view, uint8_t* out, int64_t stride) {
    return fl_salt_and_pepper(&view, amount, salt, seed, out, stride);
  });
}

Packed veil(const Image& image, const Image& mask, const Packed& colour) {
  const fl_image cover = view_of(mask, "mask");
  if (colour.ndim() != 1 || colour.shape(0) != view_of(image, "image").channels) {
    throw py::value_error("colour: expected a byte a channel");
  }
  const uint8_t* from = colour.data();
  return made_of(image, "veil", [&](const fl_image& view, uint8_t* out, int64_t stride) {
    return fl_veil(&view, &cover, from, out, stride);
  });
}

}  // namespace

void register_effects(py::module_& m) {
  m.def("look_up", &look_up, py::arg("image").noconvert(), py::arg("tables").noconvert());
  m.def("filter_taps", &filter_taps, py::arg("image").noconvert(), py::arg("offsets").noconvert(),
        py::arg("weights").noconvert());
  m.def("sensor_noise", &sensor_noise, py::arg("image").noconvert(), py::arg("read"),
        py::arg("shot"), py::arg("colour"), py::arg("seed"));
  m.def("salt_and_pepper", &salt_and_pepper, py::arg("image").noconvert(), py::arg("amount"),
        py::arg("salt"), py::arg("seed"));
  m.def("veil", &veil, py::arg("image").noconvert(), py::arg("mask").noconvert(),
        py::arg("colour").noconvert());
}
