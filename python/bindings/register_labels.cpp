#include <memory>

#include "bindings.h"

namespace {

using Handle = std::unique_ptr<fl_label_columns, decltype(&fl_label_destroy)>;
using Read = fl_status (*)(const fl_label_files*, const fl_label_options*, fl_label_columns**);

// Columns of many files; each is taken out once, as the buffers that Arrow wants.
class LabelColumns {
 public:
  explicit LabelColumns(fl_label_columns* columns) : columns_(columns, &fl_label_destroy) {}

  // (rows, values, offsets, valid) of each piece of a column
  py::list take(const std::string& column) {
    int64_t pieces = 0;
    check(fl_label_pieces(columns_.get(), column.c_str(), &pieces), "take");
    py::list out;
    for (int64_t k = 0; k < pieces; ++k) {
      int64_t rows = 0;
      check(fl_label_rows(columns_.get(), column.c_str(), k, &rows), "take");
      out.append(py::make_tuple(rows, part(column, k, FL_LABEL_VALUES),
                                part(column, k, FL_LABEL_OFFSETS),
                                part(column, k, FL_LABEL_VALID)));
    }
    return out;
  }

 private:
  py::object part(const std::string& column, int64_t piece, int32_t which) {
    void* data = nullptr;
    int64_t bytes = 0;
    check(fl_label_take(columns_.get(), column.c_str(), piece, which, &data, &bytes), "take");
    if (data == nullptr) return py::none();
    const py::capsule owner(data, &fl_label_free);
    return py::array_t<uint8_t>({bytes}, {1}, static_cast<uint8_t*>(data), owner);
  }

  Handle columns_;
};

std::unique_ptr<LabelColumns> read(Read reader, const std::string& folder, const py::bytes& names,
                                   int64_t count, int32_t workers, int64_t keypoints,
                                   int64_t most_text) {
  const std::string whole = whole_path(folder);
  const std::string_view text = names;
  const fl_label_files files = {whole.c_str(), text.data(), static_cast<int64_t>(text.size()),
                                count};
  fl_label_options options;
  check(fl_label_options_init(&options, sizeof options), "read_labels");
  options.workers = workers;
  options.keypoints = keypoints;
  if (most_text > 0) options.most_text = most_text;
  fl_label_columns* made = nullptr;
  fl_status status;
  {
    py::gil_scoped_release release;
    status = reader(&files, &options, &made);
  }
  check(status, "read_labels");
  return std::make_unique<LabelColumns>(made);
}

}  // namespace

void register_labels(py::module_& m) {
  py::class_<LabelColumns>(m, "LabelColumns").def("take", &LabelColumns::take, py::arg("column"));
  m.def(
      "read_yolo",
      [](const std::string& folder, const py::bytes& names, int64_t count, int32_t workers,
         int64_t keypoints, int64_t most_text) {
        return read(&fl_yolo_read, folder, names, count, workers, keypoints, most_text);
      },
      py::arg("folder"), py::arg("names"), py::arg("count"), py::arg("workers") = 0,
      py::arg("keypoints") = 0, py::arg("most_text") = 0);
  m.def(
      "read_voc",
      [](const std::string& folder, const py::bytes& names, int64_t count, int32_t workers,
         int64_t most_text) {
        return read(&fl_voc_read, folder, names, count, workers, 0, most_text);
      },
      py::arg("folder"), py::arg("names"), py::arg("count"), py::arg("workers") = 0,
      py::arg("most_text") = 0);
}
