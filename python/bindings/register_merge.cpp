#include <algorithm>
#include <optional>

#include "bindings.h"

namespace {

using Doubles = py::array_t<double, py::array::c_style>;
using Integers = py::array_t<int64_t, py::array::c_style>;
using Bytes = py::array_t<uint8_t, py::array::c_style>;

template <typename Array>
auto entries(const Array& array, int64_t n, const char* name) {
  if (array.ndim() != 1 || array.shape(0) != n) {
    throw py::value_error(std::string(name) + ": expected shape (" + std::to_string(n) + ",)");
  }
  return array.data();
}

template <typename T>
py::array_t<T> first_of(const std::vector<T>& values, int64_t count) {
  py::array_t<T> out(count);
  std::copy_n(values.begin(), count, out.mutable_data());
  return out;
}

py::dict merge_tiles(const BoxArray& boxes, const Doubles& scores, const Integers& labels,
                     const Integers& tiles, const Integers& windows, const Integers& images,
                     const Bytes& whole, const std::optional<Integers>& sizes, int64_t n_images,
                     int32_t method, int32_t metric, int32_t confidence, bool by_label,
                     bool in_tile_pixels, bool join_cut, double threshold, double sigma,
                     double score_threshold, double join_threshold, double edge_tolerance,
                     double large) {
  const int64_t n = rows_of_boxes(boxes, "boxes");
  if (windows.ndim() != 2 || windows.shape(1) != 4) {
    throw py::value_error("windows: expected shape (N, 4)");
  }
  const int64_t n_windows = windows.shape(0);
  if (sizes.has_value() &&
      (sizes->ndim() != 2 || sizes->shape(0) != n_images || sizes->shape(1) != 2)) {
    throw py::value_error("sizes: expected shape (" + std::to_string(n_images) + ", 2)");
  }
  const fl_tile_predictions input = {
      sizeof(fl_tile_predictions), boxes.data(), entries(scores, n, "scores"),
      entries(labels, n, "labels"), entries(tiles, n, "tiles"), n, windows.data(),
      entries(images, n_windows, "images"), entries(whole, n_windows, "whole"), n_windows,
      sizes.has_value() ? sizes->data() : nullptr, n_images};
  const fl_tile_merge_options options = {
      sizeof(fl_tile_merge_options), method, metric, confidence, by_label ? 1 : 0,
      in_tile_pixels ? 1 : 0, join_cut ? 1 : 0, threshold, sigma, score_threshold,
      join_threshold, edge_tolerance, large};
  const auto room = static_cast<size_t>(n);
  std::vector<double> out_boxes(4 * room);
  std::vector<double> out_scores(room);
  std::vector<int64_t> out_labels(room);
  std::vector<int64_t> out_images(room);
  std::vector<uint8_t> joined(room);
  std::vector<int64_t> offsets(room + 1);
  std::vector<int64_t> members(room);
  fl_tile_merged out = {sizeof(fl_tile_merged), out_boxes.data(), out_scores.data(),
                        out_labels.data(), out_images.data(), joined.data(), offsets.data(),
                        members.data(), 0, 0, 0, 0};
  fl_status status;
  {
    py::gil_scoped_release release;
    status = fl_merge_tiles(&input, &options, &out);
  }
  check(status, "merge_tiles");
  const int64_t k = out.results;
  py::dict found;
  found["boxes"] = first_of(out_boxes, 4 * k).reshape({k, int64_t{4}});
  found["scores"] = first_of(out_scores, k);
  found["labels"] = first_of(out_labels, k);
  found["images"] = first_of(out_images, k);
  found["joined"] = first_of(joined, k).attr("astype")("bool");
  found["offsets"] = first_of(offsets, k + 1);
  found["members"] = first_of(members, offsets[static_cast<size_t>(k)]);
  found["empty"] = out.empty;
  found["outside"] = out.outside;
  found["faded"] = out.faded;
  return found;
}

}  // namespace

void register_merge(py::module_& m) {
  m.def("merge_tiles", &merge_tiles, py::arg("boxes").noconvert(), py::arg("scores").noconvert(),
        py::arg("labels").noconvert(), py::arg("tiles").noconvert(),
        py::arg("windows").noconvert(), py::arg("images").noconvert(),
        py::arg("whole").noconvert(), py::arg("sizes").noconvert(), py::arg("n_images"),
        py::arg("method"), py::arg("metric"), py::arg("confidence"), py::arg("by_label"),
        py::arg("in_tile_pixels"), py::arg("join_cut"), py::arg("threshold"), py::arg("sigma"),
        py::arg("score_threshold"), py::arg("join_threshold"), py::arg("edge_tolerance"),
        py::arg("large"));
}
