// Shared by the register files: one a family, no algorithm in any of them.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <stdexcept>
#include <string>

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

// The bytes of a buffer, which must lie side by side: a strided or reversed view would be read
// past its end.
inline py::buffer_info contiguous_bytes(const py::buffer& data, const char* name) {
  py::buffer_info info = data.request();
  if (PyBuffer_IsContiguous(info.view(), 'C') == 0) {
    throw py::value_error(std::string(name) + ": the bytes must be contiguous; copy them first");
  }
  return info;
}

void register_arrow(py::module_& m);
void register_boxes(py::module_& m);
void register_cut(py::module_& m);
void register_merge(py::module_& m);
void register_paste(py::module_& m);
void register_pixels(py::module_& m);
void register_preprocess(py::module_& m);
void register_scan(py::module_& m);
void register_suppress(py::module_& m);
void register_tables(py::module_& m);
void register_tiles(py::module_& m);
