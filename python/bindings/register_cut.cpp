#include <vector>

#include "bindings.h"

namespace {

using WindowArray = py::array_t<int64_t, py::array::c_style>;

int64_t rows_of_windows(const WindowArray& windows) {
  if (windows.ndim() != 2 || windows.shape(1) != 4) {
    throw py::value_error("windows: expected shape (N, 4)");
  }
  return windows.shape(0);
}

fl_cut_options options_of(const py::dict& given) {
  fl_cut_options o;
  fl_cut_options_init(&o, sizeof o);
  for (const auto& [key, value] : given) {
    const auto name = key.cast<std::string>();
    if (name == "quality") {
      o.quality = value.cast<int32_t>();
    } else if (name == "lossless") {
      o.lossless = value.cast<bool>() ? 1 : 0;
    } else if (name == "workers") {
      o.workers = value.cast<int32_t>();
    } else if (name == "max_scans") {
      o.max_scans = value.cast<int32_t>();
    } else if (name == "max_pixels") {
      o.max_pixels = value.cast<uint64_t>();
    } else if (name == "max_bytes") {
      o.max_bytes = value.cast<uint64_t>();
    } else if (name == "max_memory") {
      o.max_memory = value.cast<uint64_t>();
    } else if (name == "fill") {
      const auto colour = value.cast<std::vector<uint8_t>>();
      if (colour.size() != 3) throw py::value_error("fill: expected three numbers");
      std::copy(colour.begin(), colour.end(), o.fill);
    } else {
      throw py::key_error(name);
    }
  }
  return o;
}

struct Cutting {
  using Handle = fl_cutter;
  struct Held {};  // the native side keeps its own copies
  static constexpr const char* name = "cutter";
  static fl_status wait(Handle* handle, int64_t ticket, int32_t timeout_ms, int64_t* done) {
    return fl_cutter_wait(handle, ticket, timeout_ms, done);
  }
  static void cancel(Handle* handle) { fl_cutter_cancel(handle); }
  static void destroy(Handle* handle) { fl_cutter_destroy(handle); }
};

class PyCutter : public Batches<Cutting> {
 public:
  explicit PyCutter(const py::dict& options) {
    const fl_cut_options o = options_of(options);
    check(fl_cutter_create(&o, &native_->handle), "Cutter");
  }

  int64_t submit(const py::list& sources, const WindowArray& windows,
                 const std::vector<int64_t>& counts, std::vector<std::string> outputs) {
    const std::shared_ptr<Native> native = opened();
    const auto n = static_cast<size_t>(sources.size());
    int64_t all = 0;
    for (const int64_t count : counts) all += count;
    if (counts.size() != n || rows_of_windows(windows) != all ||
        outputs.size() != static_cast<size_t>(all)) {
      throw py::value_error("submit: windows, counts and outputs must fit the sources");
    }
    std::vector<fl_cut_job> jobs(n);
    std::vector<std::string> paths(n);
    for (size_t i = 0; i < n; ++i) {
      jobs[i] = fl_cut_job{};
      paths[i] = whole_path(sources[i].cast<std::string>());
      jobs[i].path = paths[i].c_str();
      jobs[i].tiles = counts[i];
    }
    std::vector<const char*> to;
    for (std::string& output : outputs) {
      output = whole_path(std::move(output));
      to.push_back(output.c_str());
    }
    int64_t ticket = 0;
    check(fl_cutter_submit(native->handle, jobs.data(), static_cast<int64_t>(n), windows.data(),
                           to.data(), &ticket),
          "submit");
    sizes_[ticket] = {static_cast<int64_t>(n), all};
    return ticket;
  }

  py::tuple collect(int64_t ticket) {
    const std::shared_ptr<Native> native = opened();
    const auto [pictures, parts] = sizes_of(ticket);
    py::array_t<fl_cut_row> rows(pictures);
    py::array_t<fl_cut_tile> tiles(parts);
    check(fl_cutter_collect(native->handle, ticket, rows.mutable_data(), tiles.mutable_data()),
          "collect");
    forget(native, ticket);
    return py::make_tuple(rows, tiles);
  }
};

// (row, tiles, bytes of each tile or None)
py::tuple cut_jpeg(const py::buffer& data, const WindowArray& windows, const py::dict& options) {
  const py::buffer_info bytes = contiguous_bytes(data, "data");
  const int64_t n = rows_of_windows(windows);
  const fl_cut_options o = options_of(options);
  std::vector<std::string> cut(static_cast<size_t>(n));
  py::array_t<fl_cut_row> row(1);
  py::array_t<fl_cut_tile> tiles(n);
  const auto take = [](void* user, int64_t tile, const uint8_t* tile_bytes, uint64_t size) {
    try {
      (*static_cast<std::vector<std::string>*>(user))[static_cast<size_t>(tile)].assign(
          reinterpret_cast<const char*>(tile_bytes), size);
      return int32_t{0};
    } catch (const std::exception&) {
      return int32_t{1};
    }
  };
  fl_cut_row* to_row = row.mutable_data();
  fl_cut_tile* to_tiles = tiles.mutable_data();
  fl_status status;
  {
    py::gil_scoped_release release;
    status = fl_cut_jpeg(static_cast<const uint8_t*>(bytes.ptr),
                         static_cast<uint64_t>(bytes.size * bytes.itemsize), windows.data(), n, &o,
                         take, &cut, to_row, to_tiles);
  }
  if (status == FL_ERROR_CANCELLED) throw std::bad_alloc();
  check(status, "cut_jpeg");
  py::list out;
  for (int64_t i = 0; i < n; ++i) {
    if (to_tiles[i].mode == FL_CUT_FAILED) {
      out.append(py::none());
    } else {
      out.append(py::bytes(cut[static_cast<size_t>(i)]));
    }
  }
  return py::make_tuple(row, tiles, out);
}

WindowArray cut_align(const py::buffer& data, const WindowArray& windows,
                      const py::dict& options) {
  const py::buffer_info bytes = contiguous_bytes(data, "data");
  const int64_t n = rows_of_windows(windows);
  const fl_cut_options o = options_of(options);
  WindowArray out({static_cast<py::ssize_t>(n), py::ssize_t{4}});
  int64_t* to = out.mutable_data();
  fl_status status;
  {
    py::gil_scoped_release release;
    status = fl_cut_align(static_cast<const uint8_t*>(bytes.ptr),
                          static_cast<uint64_t>(bytes.size * bytes.itemsize), windows.data(), n,
                          &o, to);
  }
  check(status, "cut_align");
  return out;
}

// (pixels, row); the pixels mean nothing unless the status is ok
py::tuple read_window(const py::buffer& data, const WindowArray& window, int32_t color,
                      const py::dict& options) {
  const py::buffer_info bytes = contiguous_bytes(data, "data");
  if (window.ndim() != 1 || window.shape(0) != 4) {
    throw py::value_error("window: expected four numbers");
  }
  const fl_cut_options o = options_of(options);
  const int64_t* w = window.data();
  if (w[2] <= w[0] || w[3] <= w[1]) throw py::value_error("window: expected x1 < x2 and y1 < y2");
  std::vector<py::ssize_t> shape{w[3] - w[1], w[2] - w[0]};
  if (color != FL_COLOR_GRAY) shape.push_back(3);
  py::array_t<uint8_t> pixels(shape);
  py::array_t<fl_cut_row> row(1);
  uint8_t* to = pixels.mutable_data();
  fl_cut_row* to_row = row.mutable_data();
  const int64_t stride = pixels.strides(0);
  fl_status status;
  {
    py::gil_scoped_release release;
    status = fl_read_window(static_cast<const uint8_t*>(bytes.ptr),
                            static_cast<uint64_t>(bytes.size * bytes.itemsize), w, color, &o, to,
                            stride, to_row);
  }
  check(status, "read_window");
  return py::make_tuple(pixels, row);
}

// (format, width, height, orientation) of the stored raster
py::tuple sniff_bytes(const py::buffer& data) {
  const py::buffer_info bytes = contiguous_bytes(data, "data");
  fl_header h;
  check(fl_sniff(static_cast<const uint8_t*>(bytes.ptr),
                 static_cast<uint64_t>(bytes.size * bytes.itemsize), &h),
        "sniff_bytes");
  return py::make_tuple(fl_format_name(h.format), h.width, h.height, h.orientation);
}

}  // namespace

void register_cut(py::module_& m) {
  PYBIND11_NUMPY_DTYPE(fl_cut_row, status, format, width, height, orientation, write_error,
                       write_tile, detail);
  PYBIND11_NUMPY_DTYPE(fl_cut_tile, window, mode, reason);
  py::class_<PyCutter>(m, "Cutter")
      .def(py::init<const py::dict&>(), py::arg("options"))
      .def("submit", &PyCutter::submit, py::arg("sources"), py::arg("windows").noconvert(),
           py::arg("counts"), py::arg("outputs"))
      .def("wait", &PyCutter::wait, py::arg("ticket"), py::arg("timeout_ms"))
      .def("collect", &PyCutter::collect, py::arg("ticket"))
      .def("close", &PyCutter::close);
  m.def("cut_jpeg", &cut_jpeg, py::arg("data"), py::arg("windows").noconvert(),
        py::arg("options"));
  m.def("cut_align", &cut_align, py::arg("data"), py::arg("windows").noconvert(),
        py::arg("options"));
  m.def("read_window", &read_window, py::arg("data"), py::arg("window").noconvert(),
        py::arg("color"), py::arg("options"));
  m.def("sniff_bytes", &sniff_bytes, py::arg("data"));
  py::list modes;
  for (int32_t k = 0; k <= FL_CUT_REENCODED; ++k) modes.append(fl_cut_mode_name(k));
  m.attr("CUT_MODES") = modes;
}
