// What entries of the C ABI check that a microcontroller has too. Freestanding.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/checked.h"
#include "core/plain.h"
#include "fastlabel/fastlabel.h"

namespace fl {

// Option structs grow at their end only; no honest one is as large as this.
constexpr size_t kMaxOptions = 4096;

// fl_..._options_init: the defaults, as far as the caller's struct reaches.
template <typename Options>
fl_status init_options(Options* to, size_t struct_size, const Options& defaults) noexcept {
  static_assert(__is_trivially_copyable(Options) && offsetof(Options, struct_size) == 0);
  if (to == nullptr || struct_size < sizeof(size_t) || struct_size > kMaxOptions) {
    return FL_ERROR_ARGUMENT;
  }
  auto* bytes = reinterpret_cast<unsigned char*>(to);
  __builtin_memset(bytes, 0, struct_size);
  __builtin_memcpy(bytes, &defaults, least(struct_size, sizeof defaults));
  __builtin_memcpy(bytes, &struct_size, sizeof struct_size);
  return FL_OK;
}

// Reads a caller's struct of any age: see the header's first comment.
template <typename Options>
fl_status read_options(const Options* from, const Options& defaults, Options* to) noexcept {
  static_assert(__is_trivially_copyable(Options) && offsetof(Options, struct_size) == 0);
  if (from == nullptr) return FL_ERROR_ARGUMENT;
  const auto* bytes = reinterpret_cast<const unsigned char*>(from);
  size_t struct_size = 0;
  __builtin_memcpy(&struct_size, bytes, sizeof struct_size);
  if (struct_size < sizeof(size_t) || struct_size > kMaxOptions) return FL_ERROR_ARGUMENT;
  for (size_t k = sizeof(Options); k < struct_size; ++k) {
    if (bytes[k] != 0) return FL_ERROR_ARGUMENT;
  }
  *to = defaults;
  __builtin_memcpy(to, bytes, least(struct_size, sizeof(Options)));
  to->struct_size = sizeof(Options);
  return FL_OK;
}

// Whether the numbers of a view can be read: a pointer, a dtype, a format, and no box out of the
// reach of an address.
inline fl_status check_boxes(const fl_boxes* boxes) noexcept {
  if (boxes == nullptr || boxes->n < 0) return FL_ERROR_ARGUMENT;
  if (boxes->n > 0 && boxes->data == nullptr) return FL_ERROR_ARGUMENT;
  if (boxes->dtype != FL_FLOAT32 && boxes->dtype != FL_FLOAT64) return FL_ERROR_ARGUMENT;
  if (boxes->format < FL_XYXY || boxes->format > FL_CXCYWH) return FL_ERROR_ARGUMENT;
  int64_t rows = 0;
  int64_t columns = 0;
  const bool fits = checked_mul(boxes->n, boxes->row_stride, &rows) &&
                    checked_mul(4, boxes->column_stride, &columns) &&
                    checked_add(rows, columns, &rows) && rows >= PTRDIFF_MIN &&
                    rows <= PTRDIFF_MAX;
  return fits ? FL_OK : FL_ERROR_OVERFLOW;
}

}  // namespace fl
