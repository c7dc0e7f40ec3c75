// Windows over pictures, and boxes cut by them.
#include <optional>

#include "bindings.h"

namespace {

using Integers = py::array_t<int64_t, py::array::c_style>;

fl_tile_grid grid_of(int64_t width, int64_t height, int64_t step_x, int64_t step_y, bool centred,
                     bool pad) {
  return {sizeof(fl_tile_grid),
          width,
          height,
          step_x,
          step_y,
          centred ? FL_TILE_CENTER : FL_TILE_ORIGIN,
          pad ? FL_TILE_PAD : FL_TILE_SHIFT};
}

py::tuple tile_counts(int64_t width, int64_t height, int64_t tile_width, int64_t tile_height,
                      int64_t step_x, int64_t step_y, bool centred, bool pad) {
  const fl_tile_grid grid = grid_of(tile_width, tile_height, step_x, step_y, centred, pad);
  int64_t columns = 0;
  int64_t rows = 0;
  check(fl_tile_counts(&grid, width, height, &columns, &rows), "tile_counts");
  return py::make_tuple(columns, rows);
}

void tile_windows(int64_t width, int64_t height, int64_t tile_width, int64_t tile_height,
                  int64_t step_x, int64_t step_y, bool centred, bool pad, Integers& out) {
  const fl_tile_grid grid = grid_of(tile_width, tile_height, step_x, step_y, centred, pad);
  if (out.ndim() != 2 || out.shape(1) != 4) throw py::value_error("out: expected shape (N, 4)");
  check(fl_tile_windows(&grid, width, height, out.mutable_data(), out.shape(0)), "tile_windows");
}

py::tuple tile_boxes(const py::array& boxes, const Integers& box_offsets, const Integers& windows,
                     const Integers& window_offsets, const std::optional<Integers>& sizes,
                     int32_t workers) {
  if (boxes.ndim() != 2 || boxes.shape(1) != 4 || windows.ndim() != 2 || windows.shape(1) != 4) {
    throw py::value_error("boxes, windows: expected shape (N, 4)");
  }
  if (box_offsets.ndim() != 1 || box_offsets.shape(0) < 1 || window_offsets.ndim() != 1 ||
      window_offsets.shape(0) != box_offsets.shape(0)) {
    throw py::value_error("box_offsets, window_offsets: expected shape (pictures + 1,)");
  }
  const int64_t pictures = box_offsets.shape(0) - 1;
  if (sizes.has_value() &&
      (sizes->ndim() != 2 || sizes->shape(0) != pictures || sizes->shape(1) != 2)) {
    throw py::value_error("sizes: expected shape (pictures, 2)");
  }
  const bool single = py::isinstance<py::array_t<float>>(boxes);
  if (!single && !py::isinstance<py::array_t<double>>(boxes)) {
    throw py::type_error("boxes: expected float32 or float64");
  }
  const int64_t tiles = windows.shape(0);
  if (window_offsets.data()[pictures] != tiles) {
    throw py::value_error("window_offsets: expected the last to be the number of windows");
  }
  const fl_boxes view = {boxes.data(),       boxes.shape(0), boxes.strides(0), boxes.strides(1),
                         single ? FL_FLOAT32 : FL_FLOAT64, FL_XYXY};
  const fl_tile_job job = {sizeof(fl_tile_job),
                           &view,
                           box_offsets.data(),
                           windows.data(),
                           window_offsets.data(),
                           sizes.has_value() ? sizes->data() : nullptr,
                           pictures,
                           workers,
                           0};
  Integers offsets(tiles + 1);
  py::array_t<uint8_t> outcome(view.n);
  int64_t* to_offsets = offsets.mutable_data();
  uint8_t* to_outcome = outcome.mutable_data();
  fl_status status;
  {
    py::gil_scoped_release release;
    status = fl_tile_count_boxes(&job, to_offsets, to_outcome);
  }
  check(status, "clip_boxes_to_tiles");
  const int64_t pairs = to_offsets[tiles];
  Integers row(pairs);
  BoxArray corners({pairs, int64_t{4}});
  py::array_t<double> visible(pairs);
  int64_t* to_row = row.mutable_data();
  double* to_corners = corners.mutable_data();
  double* to_visible = visible.mutable_data();
  {
    py::gil_scoped_release release;
    status = fl_tile_clip_boxes(&job, to_offsets, to_row, to_corners, to_visible);
  }
  check(status, "clip_boxes_to_tiles");
  return py::make_tuple(offsets, row, corners, visible, outcome);
}

}  // namespace

void register_tiles(py::module_& m) {
  m.def("tile_counts", &tile_counts, py::arg("width"), py::arg("height"), py::arg("tile_width"),
        py::arg("tile_height"), py::arg("step_x"), py::arg("step_y"), py::arg("centred"),
        py::arg("pad"));
  m.def("tile_windows", &tile_windows, py::arg("width"), py::arg("height"), py::arg("tile_width"),
        py::arg("tile_height"), py::arg("step_x"), py::arg("step_y"), py::arg("centred"),
        py::arg("pad"), py::arg("out").noconvert());
  m.def("tile_boxes", &tile_boxes, py::arg("boxes"), py::arg("box_offsets").noconvert(),
        py::arg("windows").noconvert(), py::arg("window_offsets").noconvert(),
        py::arg("sizes").noconvert(), py::arg("workers"));
}
