#include <memory>

#include "bindings.h"

namespace {

// Broken data is a ValueError, a type that is not read a TypeError.
[[noreturn]] void fail(fl_status status, const char* message) {
  const std::string text = message;
  if (text.empty()) check(status, "arrow");
  if (text.find("which is not read") != std::string::npos) throw py::type_error(text);
  throw py::value_error(text.empty() ? "arrow: failed" : text);
}

using Batch = std::shared_ptr<fl_arrow_batch>;

py::dtype numpy_dtype(int32_t dtype) {
  switch (dtype) {
    case FL_INT8: return py::dtype::of<int8_t>();
    case FL_INT16: return py::dtype::of<int16_t>();
    case FL_UINT16: return py::dtype::of<uint16_t>();
    case FL_INT32: return py::dtype::of<int32_t>();
    case FL_UINT32: return py::dtype::of<uint32_t>();
    case FL_INT64: return py::dtype::of<int64_t>();
    case FL_UINT64: return py::dtype::of<uint64_t>();
    case FL_FLOAT32: return py::dtype::of<float>();
    case FL_FLOAT64: return py::dtype::of<double>();
    default: return py::dtype::of<uint8_t>();
  }
}

// A read-only view that keeps the batch alive.
py::object view_of(const py::dtype& dtype, int64_t n, const void* data, const Batch& batch) {
  if (data == nullptr || n == 0) return py::array(dtype, 0);
  const py::capsule owner(new Batch(batch), [](void* held) { delete static_cast<Batch*>(held); });
  py::array out(dtype, {n}, {}, data, owner);
  py::detail::array_proxy(out.ptr())->flags &= ~py::detail::npy_api::NPY_ARRAY_WRITEABLE_;
  return out;
}

// One node of a column and what is below it.
struct Column {
  Batch batch;
  fl_arrow_view view;
  std::vector<Column> children;

  int64_t bytes_of_bits(int64_t offset) const { return (offset + view.length + 7) / 8; }

  py::object values() const {
    if (view.kind != FL_ARROW_NUMBERS && view.kind != FL_ARROW_DICTIONARY) return py::none();
    const bool bits = view.dtype == FL_BITS;
    const int64_t n = bits ? bytes_of_bits(view.bit_offset) : view.length;
    return view_of(numpy_dtype(view.dtype), view.length == 0 ? 0 : n, view.data, batch);
  }
  int64_t bit_offset() const { return view.dtype == FL_BITS ? view.bit_offset : -1; }
  py::object validity() const {
    if (view.validity == nullptr) return py::none();
    return view_of(py::dtype::of<uint8_t>(), bytes_of_bits(view.validity_offset), view.validity,
                   batch);
  }
  py::object offsets() const {
    if (view.kind != FL_ARROW_LIST) return py::none();
    if (view.offsets == nullptr) return py::array_t<int64_t>(std::vector<int64_t>(1, 0));
    const auto dtype =
        view.offset_bytes == 4 ? py::dtype::of<int32_t>() : py::dtype::of<int64_t>();
    return view_of(dtype, view.length + 1, view.offsets, batch);
  }
  py::list texts() const {
    py::list out;
    for (int64_t row = 0; row < view.length; ++row) {
      const char* data = nullptr;
      int64_t size = 0;
      check(fl_arrow_text(&view, row, &data, &size), "arrow");
      out.append(py::str(data, static_cast<size_t>(size)));
    }
    return out;
  }
  py::array_t<int32_t> codes(const std::vector<std::string>& names) const {
    std::vector<const char*> pointers;
    for (const std::string& name : names) pointers.push_back(name.c_str());
    py::array_t<int32_t> out(view.length);
    int32_t* to = out.mutable_data();
    fl_status status;
    {
      py::gil_scoped_release release;
      status = fl_arrow_text_codes(&view, pointers.data(), static_cast<int64_t>(names.size()), to);
    }
    check(status, "arrow");
    return out;
  }
  const char* kind() const {
    static constexpr const char* kNames[] = {"unsupported", "numbers",    "text",  "dictionary",
                                             "list",        "fixed_list", "struct"};
    return kNames[view.kind];
  }
};

Column build(const std::vector<fl_arrow_view>& nodes, size_t* at, const Batch& batch) {
  Column column{batch, nodes[*at], {}};
  ++*at;
  for (int32_t k = 0; k < column.view.n_children; ++k) {
    column.children.push_back(build(nodes, at, batch));
  }
  return column;
}

class Reader {
 public:
  // What __arrow_c_stream__ gave, or the pair that __arrow_c_array__ gave.
  explicit Reader(const py::object& given) {
    check(fl_arrow_create(&reader_), "arrow");
    std::unique_ptr<fl_arrow, decltype(&fl_arrow_destroy)> guard(reader_, &fl_arrow_destroy);
    fl_status status;
    if (py::isinstance<py::tuple>(given)) {
      const auto pair = given.cast<py::tuple>();
      if (pair.size() != 2) throw py::type_error("expected two Arrow capsules");
      auto* schema = static_cast<ArrowSchema*>(pointer(pair[0], "arrow_schema"));
      auto* array = static_cast<ArrowArray*>(pointer(pair[1], "arrow_array"));
      status = fl_arrow_open_array(reader_, schema, array);
    } else {
      status = fl_arrow_open_stream(
          reader_, static_cast<ArrowArrayStream*>(pointer(given, "arrow_array_stream")));
    }
    if (status != FL_OK) fail(status, fl_arrow_message(reader_));
    guard.release();
  }
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;
  ~Reader() { fl_arrow_destroy(reader_); }

  // (name, Arrow format) of each column.
  py::list fields() const {
    py::list out;
    for (int64_t k = 0; k < fl_arrow_columns(reader_); ++k) {
      out.append(py::make_tuple(fl_arrow_column_name(reader_, k),
                                fl_arrow_column_format(reader_, k)));
    }
    return out;
  }

  // The wanted columns of the next batch, or None.
  py::object next(const std::vector<int64_t>& wanted) {
    fl_arrow_batch* raw = nullptr;
    fl_status status;
    {
      py::gil_scoped_release release;
      status = fl_arrow_next(reader_, &raw);
    }
    const Batch batch(raw, &fl_arrow_batch_destroy);
    if (status != FL_OK) fail(status, fl_arrow_message(reader_));
    if (raw == nullptr) return py::none();
    py::list out;
    for (const int64_t column : wanted) {
      if (column < 0 || column >= fl_arrow_columns(reader_)) {
        throw py::index_error("there is no such column");
      }
      std::vector<fl_arrow_view> nodes(8);
      {
        py::gil_scoped_release release;
        int64_t n = 0;
        do {
          nodes.resize(std::max(nodes.size(), static_cast<size_t>(n)));
          status = fl_arrow_batch_column(raw, column, nodes.data(),
                                         static_cast<int64_t>(nodes.size()), &n);
        } while (status == FL_ERROR_CAPACITY);
      }
      if (status != FL_OK) fail(status, fl_arrow_batch_message(raw));
      size_t at = 0;
      out.append(build(nodes, &at, batch));
    }
    return py::make_tuple(fl_arrow_batch_rows(raw), out);
  }

 private:
  static void* pointer(const py::handle& capsule, const char* name) {
    void* held = PyCapsule_GetPointer(capsule.ptr(), name);
    if (held == nullptr) {
      PyErr_Clear();
      throw py::type_error(std::string("expected a capsule named ") + name);
    }
    return held;
  }

  fl_arrow* reader_ = nullptr;
};

}  // namespace

void register_arrow(py::module_& m) {
  py::class_<Column>(m, "ArrowColumn")
      .def_property_readonly("kind", &Column::kind)
      .def_property_readonly("name", [](const Column& c) { return std::string(c.view.name); })
      .def_property_readonly("format", [](const Column& c) { return std::string(c.view.format); })
      .def_property_readonly("length", [](const Column& c) { return c.view.length; })
      .def_property_readonly("null_count", [](const Column& c) { return c.view.null_count; })
      .def_property_readonly("values", &Column::values)
      .def_property_readonly("bit_offset", &Column::bit_offset)
      .def_property_readonly("validity", &Column::validity)
      .def_property_readonly("validity_offset",
                             [](const Column& c) { return c.view.validity_offset; })
      .def_property_readonly("offsets", &Column::offsets)
      .def_property_readonly("list_size", [](const Column& c) { return c.view.list_size; })
      .def_property_readonly("children", [](const Column& c) { return c.children; })
      .def("texts", &Column::texts)
      .def("codes", &Column::codes, py::arg("names"));
  py::class_<Reader>(m, "ArrowReader")
      .def(py::init<const py::object&>(), py::arg("capsules"))
      .def("fields", &Reader::fields)
      .def("next", &Reader::next, py::arg("columns"));
}
