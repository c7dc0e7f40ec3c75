#include "bindings.h"

namespace {

using Hashes = py::array_t<uint64_t, py::array::c_style>;

int64_t rows_of_hashes(const Hashes& hashes) {
  if (hashes.ndim() != 1) throw py::value_error("hashes: expected shape (N,)");
  return hashes.shape(0);
}

struct Columns {
  std::vector<int64_t> i, j;
  std::vector<uint8_t> distance;

  static fl_status take(void* context, const fl_hash_pair* pairs, int64_t n) {
    auto* to = static_cast<Columns*>(context);
    try {
      for (int64_t k = 0; k < n; ++k) {
        to->i.push_back(pairs[k].i);
        to->j.push_back(pairs[k].j);
        to->distance.push_back(static_cast<uint8_t>(pairs[k].distance));
      }
    } catch (const std::bad_alloc&) {
      return FL_ERROR_MEMORY;
    }
    return FL_OK;
  }
};

// None: there are more than max_pairs.
py::object hamming_pairs(const Hashes& hashes, int32_t distance, int32_t workers,
                         int64_t max_pairs) {
  const int64_t n = rows_of_hashes(hashes);
  Columns pairs;
  fl_status status;
  {
    py::gil_scoped_release release;
    status = fl_hamming_pairs(hashes.data(), n, distance, workers, max_pairs, &Columns::take,
                              &pairs);
  }
  if (status == FL_ERROR_OVERFLOW) return py::none();
  check(status, "hamming_pairs");
  return py::make_tuple(owned_by_python(std::move(pairs.i)), owned_by_python(std::move(pairs.j)),
                        owned_by_python(std::move(pairs.distance)));
}

py::array_t<int64_t> hamming_clusters(const Hashes& hashes, int32_t distance, int32_t workers) {
  const int64_t n = rows_of_hashes(hashes);
  py::array_t<int64_t> clusters(n);
  int64_t* const out = clusters.mutable_data();
  fl_status status;
  {
    py::gil_scoped_release release;
    status = fl_hamming_clusters(hashes.data(), n, distance, workers, out);
  }
  check(status, "hamming_clusters");
  return clusters;
}

}  // namespace

void register_hashes(py::module_& m) {
  m.def("hamming_pairs", &hamming_pairs, py::arg("hashes").noconvert(), py::arg("distance"),
        py::arg("workers"), py::arg("max_pairs"));
  m.def("hamming_clusters", &hamming_clusters, py::arg("hashes").noconvert(), py::arg("distance"),
        py::arg("workers"));
}
