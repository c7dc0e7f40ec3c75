#include <optional>

#include "bindings.h"

namespace {

using Offsets = py::array_t<int64_t, py::array::c_style>;

// How many slices the offsets mean; all of them lie in the buffer.
int64_t slices_of(const Offsets& offsets, const py::buffer_info& data, const char* where) {
  const bool fits = offsets.ndim() == 1 && offsets.shape(0) >= 1 &&
                    offsets.at(offsets.shape(0) - 1) <= data.size * data.itemsize;
  if (!fits) throw py::value_error(std::string(where) + ": offsets must fit the bytes");
  return offsets.shape(0) - 1;
}

py::array_t<uint8_t> hash_slices(const py::buffer& data, const Offsets& offsets) {
  const py::buffer_info bytes = contiguous_bytes(data, "data");
  const int64_t n = slices_of(offsets, bytes, "hash_slices");
  py::array_t<uint8_t> out({n, int64_t{16}});
  uint8_t* to = out.mutable_data();
  fl_status status;
  {
    py::gil_scoped_release release;
    status = fl_hash_slices(static_cast<const uint8_t*>(bytes.ptr), offsets.data(), n, to);
  }
  check(status, "hash_slices");
  return out;
}

py::array_t<fl_file_stamp> stat_files(const std::optional<std::string>& folder,
                                      const py::buffer& names, const Offsets& offsets,
                                      int32_t workers) {
  const py::buffer_info bytes = contiguous_bytes(names, "names");
  const int64_t n = slices_of(offsets, bytes, "stat_files");
  py::array_t<fl_file_stamp> out(n);
  fl_file_stamp* to = out.mutable_data();
  const std::string from = folder ? whole_path(*folder) : std::string();
  fl_status status;
  {
    py::gil_scoped_release release;
    status = fl_stat_files(folder ? from.c_str() : nullptr, static_cast<const char*>(bytes.ptr),
                           offsets.data(), n, workers, to);
  }
  check(status, "stat_files");
  return out;
}

}  // namespace

void register_files(py::module_& m) {
  PYBIND11_NUMPY_DTYPE(fl_file_stamp, size, mtime_ns, ctime_ns);
  m.def("hash_slices", &hash_slices, py::arg("data"), py::arg("offsets").noconvert());
  m.def("stat_files", &stat_files, py::arg("folder"), py::arg("names"),
        py::arg("offsets").noconvert(), py::arg("workers") = 0);
}
