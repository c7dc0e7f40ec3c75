#include <mutex>

#include "bindings.h"

namespace {

using Rows = py::array_t<uint8_t>;

// Rows of bytes, contiguous each, at any distance from one another that is no less than a row.
int64_t stride_of(const Rows& rows, int32_t width) {
  if (rows.ndim() != 2) throw py::value_error("rows: expected shape (rows, width)");
  if (rows.shape(1) != width) {
    throw py::value_error("rows: got " + std::to_string(rows.shape(1)) + " pixels a row, expected " +
                          std::to_string(width));
  }
  if (width > 1 && rows.strides(1) != 1) {
    throw py::value_error("rows: the pixels of a row must be contiguous");
  }
  if (rows.shape(0) == 1) return width;
  return rows.strides(0);
}

py::dict as_dict(const fl_gate_result& r) {
  fl_gate_measures m;
  check(fl_gate_measure(&r, &m), "gate");
  py::dict out;
  out["verdict"] = r.verdict;
  out["has_acutance"] = r.has_acutance;
  out["has_motion"] = r.has_motion;
  out["sharpness"] = r.sharpness;
  out["acutance"] = r.acutance;
  out["noise"] = r.noise;
  out["light"] = r.light;
  out["dark"] = r.dark;
  out["bright"] = r.bright;
  out["motion"] = r.motion;
  out["dark_pixels"] = r.dark_pixels;
  out["bright_pixels"] = r.bright_pixels;
  out["share_pixels"] = r.share_pixels;
  out["noise_response"] = r.noise_response;
  out["pixels"] = r.pixels;
  out["luma_sum"] = r.luma_sum;
  out["laplacian_sum"] = r.laplacian_sum;
  out["laplacian_squares"] = r.laplacian_squares;
  out["gradient_squares"] = r.gradient_squares;
  py::dict measures;
  measures["luma_mean"] = m.luma_mean;
  measures["dark_fraction"] = m.dark_fraction;
  measures["bright_fraction"] = m.bright_fraction;
  measures["laplacian_variance"] = m.laplacian_variance;
  measures["noise_sigma"] = m.noise_sigma;
  measures["sharpness"] = m.sharpness;
  measures["acutance"] = m.has_acutance != 0 ? py::object(py::float_(m.acutance)) : py::none();
  out["measures"] = measures;
  return out;
}

// A gate and its memory; threads that share one wait for each other.
class Gate {
 public:
  Gate(int32_t width, int32_t height, const std::vector<uint32_t>& limits) : width_(width) {
    size_t size = 0;
    check(fl_gate_state_size(width, height, &size), "gate");
    state_.resize((size + 7) / 8);
    fl_gate_options options;
    check(fl_gate_options_init(&options, sizeof options), "gate");
    if (!limits.empty()) {
      if (limits.size() != 7) throw py::value_error("limits: expected seven numbers");
      options.min_sharpness = limits[0];
      options.min_acutance = limits[1];
      options.min_light = limits[2];
      options.max_light = limits[3];
      options.max_dark = limits[4];
      options.max_bright = limits[5];
      options.min_motion = limits[6];
    }
    check(fl_gate_init(state_.data(), state_.size() * 8, width, height, &options), "gate");
  }

  void rows(const Rows& rows) {
    const int64_t stride = stride_of(rows, width_);
    if (rows.shape(0) > INT32_MAX) throw py::value_error("rows: too many");
    const auto count = static_cast<int32_t>(rows.shape(0));
    const uint8_t* data = rows.data();
    run("rows", [&] { return fl_gate_rows(state_.data(), data, count, stride); });
  }

  py::dict end() {
    fl_gate_result result;
    run("end", [&] { return fl_gate_end(state_.data(), &result); });
    return as_dict(result);
  }

  void drop() {
    run("drop", [&] { return fl_gate_drop(state_.data()); });
  }

 private:
  template <typename Call>
  void run(const char* name, Call call) {
    fl_status status;
    {
      py::gil_scoped_release release;
      const std::lock_guard<std::mutex> alone(lock_);
      status = call();
    }
    check(status, name);
  }

  int32_t width_;
  std::mutex lock_;
  std::vector<uint64_t> state_;
};

}  // namespace

void register_gate(py::module_& m) {
  m.attr("GATE_MAX_SIDE") = FL_GATE_MAX_SIDE;
  py::class_<Gate>(m, "Gate")
      .def(py::init<int32_t, int32_t, const std::vector<uint32_t>&>(), py::arg("width"),
           py::arg("height"), py::arg("limits"))
      .def("rows", &Gate::rows, py::arg("rows").noconvert())
      .def("end", &Gate::end)
      .def("drop", &Gate::drop);
}
