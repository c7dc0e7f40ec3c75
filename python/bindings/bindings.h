// Shared by the register files: one a family, no algorithm in any of them.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <unistd.h>

#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "fastlabel/fastlabel.h"

namespace py = pybind11;

// Turns a status into the Python exception it means; FL_OK returns.
inline void check(fl_status status, const char* where) {
  if (status == FL_OK) return;
  const std::string text = std::string(where) + ": " + fl_status_text(status);
  if (status == FL_ERROR_MEMORY) throw std::bad_alloc();
  if (status == FL_ERROR_OVERFLOW) throw std::overflow_error(text);
  if (status == FL_ERROR_CANCELLED || status == FL_ERROR_TIMEOUT) throw std::runtime_error(text);
  throw py::value_error(text);
}

using BoxArray = py::array_t<double, py::array::c_style>;

inline int64_t rows_of_boxes(const BoxArray& boxes, const char* name) {
  if (boxes.ndim() != 2 || boxes.shape(1) != 4) {
    throw py::value_error(std::string(name) + ": expected shape (N, 4)");
  }
  return boxes.shape(0);
}

// An array of what a vector holds, without a copy.
template <typename T>
py::array_t<T> owned_by_python(std::vector<T>&& column) {
  auto* kept = new std::vector<T>(std::move(column));
  const py::capsule owner(kept, [](void* p) { delete static_cast<std::vector<T>*>(p); });
  return py::array_t<T>({static_cast<py::ssize_t>(kept->size())}, kept->data(), owner);
}

// The bytes of a buffer, which must lie side by side: a strided or reversed view would be read
// past its end.
inline py::buffer_info contiguous_bytes(const py::buffer& data, const char* name) {
  py::buffer_info info = data.request();
  if (PyBuffer_IsContiguous(info.view(), 'C') == 0) {
    throw py::value_error(std::string(name) + ": the bytes must be contiguous; copy them first");
  }
  return info;
}

// A path with a NUL inside would name another file in C; the empty path names none.
inline std::string whole_path(std::string path) {
  if (path.find('\0') != std::string::npos) path.clear();
  return path;
}

// A native pool of threads that takes batches and gives a ticket for each. Kind names its handle
// and functions, and what a batch holds until it is collected.
template <typename Kind>
class Batches {
 public:
  // (finished, pictures done)
  py::tuple wait(int64_t ticket, int32_t timeout_ms) {
    const std::shared_ptr<Native> native = opened();
    int64_t done = 0;
    fl_status status;
    {
      py::gil_scoped_release release;
      status = Kind::wait(native->handle, ticket, timeout_ms, &done);
    }
    if (status != FL_OK && status != FL_ERROR_TIMEOUT) check(status, "wait");
    return py::make_tuple(status == FL_OK, done);
  }

  // Calls under way end with "cancelled"; later ones are refused.
  void close() {
    if (native_ != nullptr && !native_->forked()) Kind::cancel(native_->handle);
    native_.reset();
  }

 protected:
  // Shared by the calls under way, so that close() in one thread takes nothing from a wait() in
  // another. The last owner, who has the GIL, ends it.
  struct Native {
    typename Kind::Handle* handle = nullptr;
    const pid_t owner = ::getpid();
    std::map<int64_t, typename Kind::Held> held;

    // After a fork the child has no worker threads to join, and a lock may be held for ever: the
    // native half is left alone.
    bool forked() const { return ::getpid() != owner; }

    ~Native() {
      if (forked()) return;
      // Joins the workers, so that no one reads what is held any more.
      py::gil_scoped_release release;
      Kind::destroy(handle);
    }
  };

  std::shared_ptr<Native> opened() const {
    if (native_ == nullptr) throw py::value_error(std::string("the ") + Kind::name + " is closed");
    return native_;
  }

  // How many rows of either kind a batch has.
  std::pair<int64_t, int64_t> sizes_of(int64_t ticket) const {
    const auto found = sizes_.find(ticket);
    if (found == sizes_.end()) throw py::key_error("collect: no such batch");
    return found->second;
  }

  void forget(const std::shared_ptr<Native>& native, int64_t ticket) {
    sizes_.erase(ticket);
    native->held.erase(ticket);
  }

  std::shared_ptr<Native> native_ = std::make_shared<Native>();
  std::map<int64_t, std::pair<int64_t, int64_t>> sizes_;
};

void register_arrow(py::module_& m);
void register_boxes(py::module_& m);
void register_coco(py::module_& m);
void register_cut(py::module_& m);
void register_labels(py::module_& m);
void register_effects(py::module_& m);
void register_evaluate(py::module_& m);
void register_files(py::module_& m);
void register_gate(py::module_& m);
void register_hashes(py::module_& m);
void register_merge(py::module_& m);
void register_pairing(py::module_& m);
void register_paste(py::module_& m);
void register_pixels(py::module_& m);
void register_preprocess(py::module_& m);
void register_scan(py::module_& m);
void register_suppress(py::module_& m);
void register_tables(py::module_& m);
void register_tiles(py::module_& m);
void register_warp(py::module_& m);
