#include <array>

#include "bindings.h"

namespace {

using Bytes = py::array_t<uint8_t>;
using Corners = std::array<double, 4>;

fl_image image_of(const Bytes& pixels, const char* name, py::ssize_t axes) {
  if (pixels.ndim() != axes || (axes == 3 && pixels.shape(2) != 3)) {
    throw py::value_error(std::string(name) + ": expected shape " +
                          (axes == 3 ? "(height, width, 3)" : "(height, width)"));
  }
  fl_image image{};
  image.data = pixels.data();
  image.height = pixels.shape(0);
  image.width = pixels.shape(1);
  image.row_stride = pixels.strides(0);
  image.pixel_stride = pixels.strides(1);
  image.channels = axes == 3 ? 3 : 1;
  image.channel_stride = axes == 3 ? pixels.strides(2) : 1;
  image.order = axes == 3 ? FL_BGR : FL_GRAY;
  return image;
}

// Pastes into scene, in place, or with apply false leaves it and gives the matched pixels too:
// (x, y, mask, pixels or None, (gain, offsets, blur, colour blur, noise)).
py::tuple paste_object(Bytes& scene, const Bytes& patch, const Bytes& alpha,
                       const Corners& patch_box, const Corners& box, int32_t blend, bool match,
                       bool flip, bool loose, bool apply, double feather, double acutance,
                       double noise, uint64_t seed) {
  fl_image below = image_of(scene, "scene", 3);
  if (apply) below.data = scene.mutable_data();  // refuses an array that is read-only
  const fl_image above = image_of(patch, "patch", 3);
  const fl_image cover = image_of(alpha, "alpha", 2);
  fl_paste_options o;
  check(fl_paste_options_init(&o, sizeof o), "paste_object");
  o.blend = blend;
  o.match = match ? 1 : 0;
  o.flip = flip ? 1 : 0;
  o.loose = loose ? 1 : 0;
  o.apply = apply ? 1 : 0;
  o.feather = feather;
  o.acutance = acutance;
  o.noise = noise;
  o.seed = seed;
  int64_t window[4];
  check(fl_paste_window(below.width, below.height, box.data(), &o, window), "box");
  Bytes mask({window[3], window[2]});
  py::object pixels = py::none();
  uint8_t* to_pixels = nullptr;
  if (!apply) {
    Bytes made({window[3], window[2], int64_t{3}});
    to_pixels = made.mutable_data();
    pixels = made;
  }
  uint8_t* to_mask = mask.mutable_data();
  fl_paste_report made;
  fl_status status;
  {
    py::gil_scoped_release release;
    status = fl_paste_object(&below, &above, &cover, patch_box.data(), box.data(), &o, to_mask,
                             to_pixels, &made);
  }
  check(status, "paste_object");
  const py::tuple report =
      py::make_tuple(made.gain, py::make_tuple(made.offset[0], made.offset[1], made.offset[2]),
                     made.blur, made.colour_blur, made.noise);
  return py::make_tuple(window[0], window[1], mask, pixels, report);
}

}  // namespace

void register_paste(py::module_& m) {
  m.def("paste_object", &paste_object, py::arg("scene").noconvert(), py::arg("patch").noconvert(),
        py::arg("alpha").noconvert(), py::arg("patch_box"), py::arg("box"), py::arg("blend"),
        py::arg("match"), py::arg("flip"), py::arg("loose"), py::arg("apply"), py::arg("feather"),
        py::arg("acutance"), py::arg("noise"), py::arg("seed"));
}
