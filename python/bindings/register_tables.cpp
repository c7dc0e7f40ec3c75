#include <mutex>

#include "bindings.h"

namespace {

int32_t dtype_of(const py::array& values) {
  const char kind = values.dtype().kind();
  const auto size = values.itemsize();
  if (kind == 'f' && size == 8) return FL_FLOAT64;
  if (kind == 'f' && size == 4) return FL_FLOAT32;
  if (kind == 'i') {
    if (size == 1) return FL_INT8;
    if (size == 2) return FL_INT16;
    if (size == 4) return FL_INT32;
    if (size == 8) return FL_INT64;
  }
  if (kind == 'u' || kind == 'b') {
    if (size == 1) return FL_UINT8;
    if (size == 2) return FL_UINT16;
    if (size == 4) return FL_UINT32;
    if (size == 8) return FL_UINT64;
  }
  throw py::type_error("a column's dtype is none the engine reads: " +
                       py::str(values.dtype()).cast<std::string>());
}

void check_bits(int64_t first, int64_t n, const py::array& bytes, const char* name) {
  if (first < 0 || n > bytes.size() * 8 - first) {
    throw py::value_error(std::string(name) + ": has fewer bits than the column has rows");
  }
}

// (values, n, validity or None, validity_offset, bit_offset); a bit_offset of -1: values are no
// bits. Only a view: the caller's tuple keeps the memory alive.
fl_column column_of(const py::tuple& parts) {
  if (parts.size() != 5) throw py::value_error("a column: expected five parts");
  // A cast could make a copy, which would be gone before it is read.
  if (!py::isinstance<py::array>(parts[0]) ||
      !(parts[2].is_none() || py::isinstance<py::array_t<uint8_t>>(parts[2]))) {
    throw py::type_error("a column: expected an array, and a validity of uint8");
  }
  const auto values = parts[0].cast<py::array>();
  fl_column column{};
  column.n = parts[1].cast<int64_t>();
  column.data = values.data();
  if (values.ndim() != 1) throw py::value_error("a column: expected one dimension");
  const auto bit_offset = parts[4].cast<int64_t>();
  if (bit_offset >= 0) {
    if (values.itemsize() != 1 || (values.size() > 1 && values.strides(0) != 1)) {
      throw py::value_error("a column of bits: expected contiguous bytes");
    }
    check_bits(bit_offset, column.n, values, "values");
    column.dtype = FL_BITS;
    column.bit_offset = bit_offset;
  } else {
    if (column.n != values.shape(0)) throw py::value_error("a column: its length is not its own");
    column.dtype = dtype_of(values);
    column.stride = values.strides(0);
  }
  if (!parts[2].is_none()) {
    const auto validity = parts[2].cast<py::array_t<uint8_t>>();
    if (validity.ndim() != 1 || (validity.size() > 1 && validity.strides(0) != 1)) {
      throw py::value_error("validity: expected contiguous bytes");
    }
    column.validity_offset = parts[3].cast<int64_t>();
    check_bits(column.validity_offset, column.n, validity, "validity");
    column.validity = validity.data();
  }
  return column;
}

// Axes as (edges or None, bins), with a column each.
struct Grid {
  std::vector<py::array_t<double>> edges;
  std::vector<fl_axis> axes;
  std::vector<fl_column> columns;
  int64_t cells = 1;

  Grid(const py::list& axis_list, const py::list& column_list) {
    if (axis_list.size() != column_list.size()) {
      throw py::value_error("axes and columns: expected as many of the one as of the other");
    }
    for (const auto& item : axis_list) {
      const auto pair = item.cast<py::tuple>();
      fl_axis axis{nullptr, pair[1].cast<int64_t>()};
      if (!pair[0].is_none()) {
        edges.push_back(pair[0].cast<py::array_t<double, py::array::c_style>>());
        if (edges.back().ndim() != 1 || edges.back().size() != axis.bins + 1) {
          throw py::value_error("edges: expected one more than bins");
        }
        axis.edges = edges.back().data();
      }
      axes.push_back(axis);
      // Enough to keep the product from overflowing; the engine checks the rest.
      if (axis.bins < 1 || axis.bins > FL_MAX_CELLS || cells > FL_MAX_CELLS) {
        throw py::value_error("axes: too many cells");
      }
      cells *= axis.bins + 3;
    }
    for (const auto& item : column_list) columns.push_back(column_of(item.cast<py::tuple>()));
  }
  int32_t size() const { return static_cast<int32_t>(axes.size()); }
};

double histogram_fill(const py::list& axes, const py::list& columns, py::array_t<int64_t>& counts,
                      const py::object& weight, const py::object& sums) {
  const Grid grid(axes, columns);
  const auto is_flat = [](const py::array& a) { return (a.flags() & py::array::c_style) != 0; };
  if (!is_flat(counts) || counts.size() != grid.cells) {
    throw py::value_error("counts: expected a contiguous array of one entry a cell");
  }
  int64_t* to = counts.mutable_data();
  fl_column weights{};
  fl_fixed* to_sums = nullptr;
  double heaviest = 0;
  if (!weight.is_none()) {
    weights = column_of(weight.cast<py::tuple>());
    auto array = sums.cast<py::array_t<uint64_t>>();
    if (!is_flat(array) || array.size() != 2 * grid.cells) {
      throw py::value_error("sums: expected a contiguous array of two words a cell");
    }
    to_sums = reinterpret_cast<fl_fixed*>(array.mutable_data());
  }
  const bool weighted = to_sums != nullptr;
  fl_status status;
  {
    py::gil_scoped_release release;
    status = fl_histogram_fill(grid.axes.data(), grid.size(), grid.columns.data(),
                               weighted ? &weights : nullptr, to, to_sums,
                               weighted ? &heaviest : nullptr);
  }
  check(status, "histogram");
  return heaviest;
}

using Moments = py::array_t<fl_moments, py::array::c_style>;

Moments moments_new(int64_t groups) {
  Moments out(groups);
  check(fl_moments_init(out.mutable_data(), groups), "grouped_stats");
  return out;
}

void moments_fill(const py::list& axes, const py::list& columns, const py::tuple& value,
                  Moments& groups) {
  const Grid grid(axes, columns);
  const fl_column values = column_of(value);
  if (groups.size() != grid.cells) {
    throw py::value_error("groups: expected one entry a cell");
  }
  fl_moments* to = groups.mutable_data();
  fl_status status;
  {
    py::gil_scoped_release release;
    status = fl_moments_fill(grid.axes.data(), grid.size(), grid.columns.data(), &values, to);
  }
  check(status, "grouped_stats");
}

void moments_merge(Moments& into, const Moments& from) {
  if (into.size() != from.size()) throw py::value_error("groups: expected as many of both");
  check(fl_moments_merge(into.mutable_data(), from.data(), into.size()), "grouped_stats");
}

class Sketch {
 public:
  explicit Sketch(int32_t bits) { check(fl_sketch_create(bits, &sketch_), "QuantileSketch"); }
  Sketch(const Sketch&) = delete;
  Sketch& operator=(const Sketch&) = delete;
  ~Sketch() { fl_sketch_destroy(sketch_); }

  void fill(const py::list& axes, const py::list& columns, const py::tuple& value) {
    const Grid grid(axes, columns);
    const fl_column values = column_of(value);
    fl_status status;
    {
      py::gil_scoped_release release;
      const std::lock_guard<std::mutex> lock(mutex_);
      status = fl_sketch_fill(sketch_, grid.axes.data(), grid.size(), grid.columns.data(),
                              &values);
    }
    check(status, "QuantileSketch");
  }

  void add(const py::array_t<int64_t, py::array::c_style>& groups,
           const py::array_t<int32_t, py::array::c_style>& keys,
           const py::array_t<int64_t, py::array::c_style>& counts,
           const py::array_t<double, py::array::c_style>& lows,
           const py::array_t<double, py::array::c_style>& highs) {
    const auto n = groups.size();
    if (keys.size() != n || counts.size() != n || lows.size() != n || highs.size() != n) {
      throw py::value_error("groups, keys, counts, lows and highs: expected one length");
    }
    std::vector<fl_sketch_entry> entries;
    for (py::ssize_t k = 0; k < n; ++k) {
      entries.push_back({groups.data()[k], keys.data()[k], 0, counts.data()[k], lows.data()[k],
                         highs.data()[k]});
    }
    const std::lock_guard<std::mutex> lock(mutex_);
    check(fl_sketch_add(sketch_, entries.data(), n), "QuantileSketch");
  }

  py::tuple entries() {
    std::vector<fl_sketch_entry> found;
    {
      py::gil_scoped_release release;
      const std::lock_guard<std::mutex> lock(mutex_);
      int64_t n = 0;
      if (fl_sketch_entries(sketch_, nullptr, 0, &n) == FL_ERROR_CAPACITY) {
        found.resize(static_cast<size_t>(n));
        check(fl_sketch_entries(sketch_, found.data(), n, &n), "QuantileSketch");
      }
    }
    const auto n = static_cast<py::ssize_t>(found.size());
    py::array_t<int64_t> groups(n);
    py::array_t<int32_t> keys(n);
    py::array_t<int64_t> counts(n);
    py::array_t<double> lows(n);
    py::array_t<double> highs(n);
    for (py::ssize_t k = 0; k < n; ++k) {
      const fl_sketch_entry& entry = found[static_cast<size_t>(k)];
      groups.mutable_data()[k] = entry.group;
      keys.mutable_data()[k] = entry.key;
      counts.mutable_data()[k] = entry.count;
      lows.mutable_data()[k] = entry.min;
      highs.mutable_data()[k] = entry.max;
    }
    return py::make_tuple(groups, keys, counts, lows, highs);
  }

 private:
  fl_sketch* sketch_ = nullptr;
  std::mutex mutex_;
};

}  // namespace

void register_tables(py::module_& m) {
  PYBIND11_NUMPY_DTYPE(fl_moments, count, unknown, plus_inf, minus_inf, min, max, sum,
                       sum_of_squares);
  m.def("histogram_fill", &histogram_fill, py::arg("axes"), py::arg("columns"),
        py::arg("counts").noconvert(), py::arg("weight") = py::none(),
        py::arg("sums") = py::none());
  m.def("moments_new", &moments_new, py::arg("groups"));
  m.def("moments_fill", &moments_fill, py::arg("axes"), py::arg("columns"), py::arg("value"),
        py::arg("groups").noconvert());
  m.def("moments_merge", &moments_merge, py::arg("into").noconvert(),
        py::arg("other").noconvert());
  py::class_<Sketch>(m, "Sketch")
      .def(py::init<int32_t>(), py::arg("bits"))
      .def("fill", &Sketch::fill, py::arg("axes"), py::arg("columns"), py::arg("value"))
      .def("add", &Sketch::add, py::arg("groups"), py::arg("keys"), py::arg("counts"),
           py::arg("lows"), py::arg("highs"))
      .def("entries", &Sketch::entries);
}
