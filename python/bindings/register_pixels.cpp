#include <optional>

#include "bindings.h"

namespace {

using Bytes = py::array_t<uint8_t, py::array::c_style>;

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

// A view of an array of shape (H, W) or (H, W, 1 | 3 | 4), of any strides.
fl_image image_of(const py::array_t<uint8_t>& image, bool rgb) {
  if (image.ndim() != 2 && image.ndim() != 3) {
    throw py::value_error("img: expected shape (H, W) or (H, W, C)");
  }
  const bool flat = image.ndim() == 2;
  const int64_t channels = flat ? 1 : image.shape(2);
  fl_image view{};
  view.data = image.data();
  view.width = image.shape(1);
  view.height = image.shape(0);
  view.row_stride = image.strides(0);
  view.pixel_stride = image.strides(1);
  view.channel_stride = flat ? 1 : image.strides(2);
  view.channels = static_cast<int32_t>(channels);
  view.order = channels == 1   ? FL_GRAY
               : channels == 3 ? (rgb ? FL_RGB : FL_BGR)
                               : (rgb ? FL_RGBA : FL_BGRA);
  return view;
}

using Boxes = std::optional<BoxArray>;

fl_boxes boxes_of(const Boxes& boxes) {
  if (!boxes) return {};
  return {boxes->data(), rows_of_boxes(*boxes, "boxes"), 4 * sizeof(double), sizeof(double),
          FL_FLOAT64, FL_XYXY};
}

py::array_t<double> laplacian_variance(const py::array_t<uint8_t>& img, const Boxes& boxes,
                                       bool rgb) {
  const fl_image image = image_of(img, rgb);
  const fl_boxes parts = boxes_of(boxes);
  py::array_t<double> out(boxes ? parts.n : 1);
  double* to = out.mutable_data();
  fl_status status;
  {
    py::gil_scoped_release release;
    status = fl_image_laplacian_variance(&image, boxes ? &parts : nullptr, to);
  }
  check(status, "laplacian_variance");
  return out;
}

py::array_t<uint64_t> luma_histogram(const py::array_t<uint8_t>& img, const Boxes& boxes,
                                     bool rgb) {
  const fl_image image = image_of(img, rgb);
  const fl_boxes parts = boxes_of(boxes);
  py::array_t<uint64_t> out({boxes ? parts.n : int64_t{1}, int64_t{256}});
  uint64_t* to = out.mutable_data();
  fl_status status;
  {
    py::gil_scoped_release release;
    status = fl_luma_histogram(&image, boxes ? &parts : nullptr, to);
  }
  check(status, "luma_histogram");
  return out;
}

py::array_t<double> histogram_entropy(
    const py::array_t<uint64_t, py::array::c_style>& counts) {
  if (counts.ndim() != 2 || counts.shape(1) != 256) {
    throw py::value_error("counts: expected shape (N, 256)");
  }
  py::array_t<double> out(counts.shape(0));
  check(fl_histogram_entropy(counts.data(), counts.shape(0), out.mutable_data()), "entropy");
  return out;
}

py::array_t<uint8_t> luma(const py::array_t<uint8_t>& img, bool rgb) {
  const fl_image image = image_of(img, rgb);
  py::array_t<uint8_t> out({image.height, image.width});
  uint8_t* to = out.mutable_data();
  fl_status status;
  {
    py::gil_scoped_release release;
    status = fl_luma(&image, to, image.width);
  }
  check(status, "luma");
  return out;
}

// Every statistic of a picture, and of boxes in it, as rows of the scan's own structs.
py::tuple image_stats(const py::array_t<uint8_t>& img, const BoxArray& boxes, bool rgb,
                      bool every_row) {
  const fl_image image = image_of(img, rgb);
  const fl_boxes parts = boxes_of(boxes);
  py::array_t<fl_luma_stats> stats(1);
  py::array_t<fl_box_row> rows(parts.n);
  fl_luma_stats* to = stats.mutable_data();
  fl_box_row* to_rows = parts.n > 0 ? rows.mutable_data() : nullptr;
  fl_status status;
  {
    py::gil_scoped_release release;
    status = fl_image_stats(&image, &parts, every_row ? 1 : 0, to, to_rows);
  }
  check(status, "image_stats");
  return py::make_tuple(stats, rows);
}

// Statistics of a plane and of boxes in it, as rows of the scan's own structs.
py::tuple measure_luma(const py::array_t<uint8_t>& luma, const BoxArray& boxes,
                       int32_t orientation, bool turned, bool rings) {
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
                             turned ? 1 : 0, rings ? 1 : 0, to, to_rows);
  }
  check(status, "measure_luma");
  return py::make_tuple(stats, rows);
}

// Pastes into scene, in place.
void composite(py::array_t<uint8_t>& scene, const py::array_t<uint8_t>& patch, int64_t x, int64_t y,
               const std::optional<py::array_t<uint8_t>>& mask, int32_t mode, int32_t feather,
               double opacity) {
  fl_image below = image_of(scene, false);
  below.data = scene.mutable_data();  // refuses an array that is read-only
  const fl_image above = image_of(patch, false);
  const fl_image weights = mask ? image_of(*mask, false) : fl_image{};
  const fl_composite_options options{sizeof(fl_composite_options), mode, feather, opacity};
  fl_status status;
  {
    py::gil_scoped_release release;
    status = fl_composite(&below, &above, x, y, mask ? &weights : nullptr, &options);
  }
  check(status, "composite");
}

// Profiles in place, as a column of Arrow has them: (N, 2 * FL_PROFILE_BINS).
py::tuple compare_profiles(const Bytes& profiles, const py::array_t<int64_t, py::array::c_style>& rows,
                           const Bytes& templates, int32_t workers) {
  if (profiles.ndim() != 2 || profiles.shape(1) != 2 * FL_PROFILE_BINS) {
    throw py::value_error("profiles: expected shape (N, 48)");
  }
  if (rows.ndim() != 1) throw py::value_error("rows: expected shape (n,)");
  if (templates.ndim() != 2 || templates.shape(0) != 4 || templates.shape(1) != FL_PROFILE_BINS) {
    throw py::value_error("templates: expected shape (4, 24)");
  }
  const int64_t n = rows.shape(0);
  py::array_t<double> gain(n);
  py::array_t<int8_t> moves({n, int64_t{2}});
  py::array_t<double> likeness(n);
  double* to_gain = gain.mutable_data();
  int8_t* to_moves = moves.mutable_data();
  double* to_likeness = likeness.mutable_data();
  fl_status status;
  {
    py::gil_scoped_release release;
    status = fl_compare_profiles(profiles.data(), profiles.shape(0), rows.data(), n,
                                 templates.data(), workers, to_gain, to_moves, to_likeness);
  }
  check(status, "compare_profiles");
  return py::make_tuple(gain, moves, likeness);
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
                       acutance, has_acutance, has_profile, profile, ring_pixels, ring_luma_mean,
                       ring_contrast, ring_gradient, ring_entropy);
  const auto img = py::arg("img").noconvert();
  const auto some = py::arg("boxes").noconvert();
  m.def("laplacian_variance", &laplacian_variance, img, some, py::arg("rgb"));
  m.def("luma_histogram", &luma_histogram, img, some, py::arg("rgb"));
  m.def("histogram_entropy", &histogram_entropy, py::arg("counts").noconvert());
  m.def("luma", &luma, img, py::arg("rgb"));
  m.def("image_stats", &image_stats, img, some, py::arg("rgb"), py::arg("every_row"));
  m.def("measure_luma", &measure_luma, py::arg("luma").noconvert(), py::arg("boxes").noconvert(),
        py::arg("orientation") = 1, py::arg("turned") = false, py::arg("rings") = false);
  m.def("composite", &composite, py::arg("scene").noconvert(), py::arg("patch").noconvert(),
        py::arg("x"), py::arg("y"), py::arg("mask").noconvert(), py::arg("mode"),
        py::arg("feather"), py::arg("opacity"));
  m.def("compare_profiles", &compare_profiles, py::arg("profiles").noconvert(),
        py::arg("rows").noconvert(), py::arg("templates").noconvert(), py::arg("workers"));
  m.def("content_hash", &content_hash, py::arg("data"));
}
