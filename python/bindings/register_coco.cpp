#include <memory>

#include "bindings.h"

namespace {

using Handle = std::unique_ptr<fl_coco, decltype(&fl_coco_destroy)>;

// A file's columns; each is taken out once, as the buffers that Arrow wants.
class CocoColumns {
 public:
  CocoColumns(const std::string& path, int32_t workers, int64_t window, int64_t most_text) {
    const std::string name = whole_path(path);
    fl_coco_options options;
    check(fl_coco_options_init(&options, sizeof options), "read_coco");
    options.workers = workers;
    if (window > 0) options.window = window;
    if (most_text > 0) options.most_text = most_text;
    fl_coco* made = nullptr;
    fl_status status;
    {
      py::gil_scoped_release release;
      status = fl_coco_read(name.c_str(), &options, &made);
    }
    check(status, "read_coco");
    coco_.reset(made);
    check(fl_coco_summarise(made, &summary_), "read_coco");
  }

  // (section, offset, elements, key, value) of each member of the top level
  py::list members() const {
    py::list out;
    for (int64_t k = 0; k < summary_.members; ++k) {
      int32_t section = 0;
      int64_t offset = 0, elements = 0, key_bytes = 0, value_bytes = 0;
      const char *key = nullptr, *value = nullptr;
      check(fl_coco_member(coco_.get(), k, &section, &offset, &elements, &key, &key_bytes, &value,
                           &value_bytes),
            "members");
      out.append(py::make_tuple(section, offset, elements,
                                py::bytes(key, static_cast<size_t>(key_bytes)),
                                py::bytes(value, static_cast<size_t>(value_bytes))));
    }
    return out;
  }

  // (rows, values, offsets, valid) of each piece of a column
  py::list take(const std::string& column) {
    int64_t pieces = 0;
    check(fl_coco_pieces(coco_.get(), column.c_str(), &pieces), "take");
    py::list out;
    for (int64_t k = 0; k < pieces; ++k) {
      int64_t rows = 0;
      check(fl_coco_rows(coco_.get(), column.c_str(), k, &rows), "take");
      out.append(py::make_tuple(rows, part(column, k, FL_COCO_VALUES),
                                part(column, k, FL_COCO_OFFSETS), part(column, k, FL_COCO_VALID)));
    }
    return out;
  }

  fl_coco_summary summary() const { return summary_; }

 private:
  py::object part(const std::string& column, int64_t piece, int32_t which) {
    void* data = nullptr;
    int64_t bytes = 0;
    check(fl_coco_take(coco_.get(), column.c_str(), piece, which, &data, &bytes), "take");
    if (data == nullptr) return py::none();
    const py::capsule owner(data, &fl_coco_free);
    return py::array_t<uint8_t>({bytes}, {1}, static_cast<uint8_t*>(data), owner);
  }

  Handle coco_{nullptr, &fl_coco_destroy};
  fl_coco_summary summary_ = {};
};

}  // namespace

void register_coco(py::module_& m) {
  py::class_<CocoColumns>(m, "CocoColumns")
      .def(py::init<const std::string&, int32_t, int64_t, int64_t>(), py::arg("path"),
           py::arg("workers") = 0, py::arg("window") = 0, py::arg("most_text") = 0)
      .def("members", &CocoColumns::members)
      .def("take", &CocoColumns::take, py::arg("column"))
      .def_property_readonly("outcome", [](const CocoColumns& c) { return c.summary().outcome; })
      .def_property_readonly("error", [](const CocoColumns& c) { return c.summary().error; })
      .def_property_readonly("file_bytes",
                             [](const CocoColumns& c) { return c.summary().file_bytes; })
      .def_property_readonly("stopped_at",
                             [](const CocoColumns& c) { return c.summary().stopped_at; })
      .def_property_readonly("images", [](const CocoColumns& c) { return c.summary().images; })
      .def_property_readonly("annotations",
                             [](const CocoColumns& c) { return c.summary().annotations; })
      .def_property_readonly("odd", [](const CocoColumns& c) { return c.summary().odd; })
      .def_property_readonly("ids_rise",
                             [](const CocoColumns& c) { return c.summary().ids_rise != 0; });
}
