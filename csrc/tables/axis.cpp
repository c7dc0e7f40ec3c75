#include "tables/axis.h"

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

#include "core/checked.h"

namespace fl {

namespace {

constexpr int64_t kMaxLookup = 8192;

template <typename T>
T value_at(const fl_column& column, int64_t row) noexcept {
  T value;
  std::memcpy(&value, static_cast<const char*>(column.data) + row * column.stride, sizeof value);
  return value;
}

bool bit_at(const fl_column& column, int64_t row) noexcept {
  const int64_t bit = column.bit_offset + row;
  return ((static_cast<const uint8_t*>(column.data)[bit >> 3] >> (bit & 7)) & 1) != 0;
}

template <typename T>
void widen(const fl_column& column, int64_t at, size_t n, double* out) noexcept {
  for (size_t i = 0; i < n; ++i) {
    out[i] = static_cast<double>(value_at<T>(column, at + static_cast<int64_t>(i)));
  }
}

// Whole numbers as int32; what does not fit keeps its side of every category.
template <typename T>
void clamp(const fl_column& column, int64_t at, size_t n, int32_t* out) noexcept {
  constexpr int32_t kMost = std::numeric_limits<int32_t>::max();
  for (size_t i = 0; i < n; ++i) {
    const T value = value_at<T>(column, at + static_cast<int64_t>(i));
    if constexpr (std::numeric_limits<T>::is_signed) {
      if (value < 0) {
        out[i] = -1;
        continue;
      }
    }
    out[i] = static_cast<uint64_t>(value) > static_cast<uint64_t>(kMost)
                 ? kMost
                 : static_cast<int32_t>(value);
  }
}

const int32_t* whole_numbers_of(const fl_column& column, int64_t at, size_t n,
                                int32_t* scratch) noexcept {
  switch (column.dtype) {
    case FL_INT32: {
      const char* from = static_cast<const char*>(column.data) + at * column.stride;
      if (column.stride == 4 && reinterpret_cast<uintptr_t>(from) % alignof(int32_t) == 0) {
        return reinterpret_cast<const int32_t*>(from);
      }
      clamp<int32_t>(column, at, n, scratch);
      break;
    }
    case FL_UINT8: clamp<uint8_t>(column, at, n, scratch); break;
    case FL_INT8: clamp<int8_t>(column, at, n, scratch); break;
    case FL_INT16: clamp<int16_t>(column, at, n, scratch); break;
    case FL_UINT16: clamp<uint16_t>(column, at, n, scratch); break;
    case FL_UINT32: clamp<uint32_t>(column, at, n, scratch); break;
    case FL_INT64: clamp<int64_t>(column, at, n, scratch); break;
    case FL_UINT64: clamp<uint64_t>(column, at, n, scratch); break;
    default:  // FL_BITS
      for (size_t i = 0; i < n; ++i) scratch[i] = bit_at(column, at + static_cast<int64_t>(i));
  }
  return scratch;
}

bool is_whole(int32_t dtype) noexcept { return dtype != FL_FLOAT32 && dtype != FL_FLOAT64; }

}  // namespace

size_t width_of(int32_t dtype) noexcept {
  switch (dtype) {
    case FL_UINT8:
    case FL_INT8: return 1;
    case FL_INT16:
    case FL_UINT16: return 2;
    case FL_INT32:
    case FL_UINT32:
    case FL_FLOAT32: return 4;
    case FL_INT64:
    case FL_UINT64:
    case FL_FLOAT64: return 8;
    default: return 0;
  }
}

bool check_column(const fl_column& column) noexcept {
  if (column.n < 0 || column.validity_offset < 0 || column.bit_offset < 0) return false;
  if (column.dtype != FL_BITS && width_of(column.dtype) == 0) return false;
  if (column.n > 0 && column.data == nullptr) return false;
  int64_t reach = 0;
  return checked_mul(column.n, column.stride, &reach) &&
         checked_add(column.n, column.validity_offset, &reach) &&
         checked_add(column.n, column.bit_offset, &reach);
}

const double* doubles_of(const fl_column& column, int64_t at, size_t n,
                         double* scratch) noexcept {
  switch (column.dtype) {
    case FL_FLOAT64: {
      const char* from = static_cast<const char*>(column.data) + at * column.stride;
      if (column.stride == 8 && reinterpret_cast<uintptr_t>(from) % alignof(double) == 0) {
        return reinterpret_cast<const double*>(from);
      }
      widen<double>(column, at, n, scratch);
      break;
    }
    case FL_FLOAT32: widen<float>(column, at, n, scratch); break;
    case FL_UINT8: widen<uint8_t>(column, at, n, scratch); break;
    case FL_INT8: widen<int8_t>(column, at, n, scratch); break;
    case FL_INT16: widen<int16_t>(column, at, n, scratch); break;
    case FL_UINT16: widen<uint16_t>(column, at, n, scratch); break;
    case FL_INT32: widen<int32_t>(column, at, n, scratch); break;
    case FL_UINT32: widen<uint32_t>(column, at, n, scratch); break;
    case FL_INT64: widen<int64_t>(column, at, n, scratch); break;
    case FL_UINT64: widen<uint64_t>(column, at, n, scratch); break;
    default:  // FL_BITS
      for (size_t i = 0; i < n; ++i) scratch[i] = bit_at(column, at + static_cast<int64_t>(i));
  }
  return scratch;
}

bool is_known(const fl_column& column, int64_t row) noexcept {
  if (column.validity == nullptr) return true;
  const int64_t bit = column.validity_offset + row;
  return ((column.validity[bit >> 3] >> (bit & 7)) & 1) != 0;
}

Axis::Axis(const fl_axis& axis)
    : bins_(static_cast<int32_t>(axis.bins)), look_(Look::kCategory) {
  if (axis.edges == nullptr) return;
  edges_.assign(axis.edges, axis.edges + axis.bins + 1);
  table_.low = axis.edges[0];
  table_.high = axis.edges[axis.bins];
  table_.bins = bins_;
  edges_.back() = std::numeric_limits<double>::infinity();
  look_ = even(axis) ? Look::kEven : lookup(axis) ? Look::kLookup : Look::kSearch;
}

// The same arithmetic as the kernel's, at every edge: it never falls as x rises, so between
// two edges it lies between what the edges give.
bool Axis::even(const fl_axis& axis) noexcept {
  const double scale = static_cast<double>(axis.bins) / (table_.high - table_.low);
  double worst = 0;
  for (int64_t j = 0; j <= axis.bins; ++j) {
    const double off = std::fabs((axis.edges[j] - table_.low) * scale - static_cast<double>(j));
    if (!(off < 0.2)) return false;
    worst = off > worst ? off : worst;
  }
  table_.scale = scale;
  // A little more, so that "further than" needs no thought about rounding.
  table_.slack = worst * 1.001 + 1e-15;
  return true;
}

bool Axis::lookup(const fl_axis& axis) {
  if (!(table_.low >= 0)) return false;
  const auto pattern = [&](int64_t j) {
    return static_cast<int64_t>(std::bit_cast<uint64_t>(axis.edges[j] + 0.0));
  };
  // The coarsest ranges that hold no two edges.
  for (int32_t shift = 58; shift >= 0; --shift) {
    const int64_t base = pattern(0) >> shift;
    const int64_t size = (pattern(axis.bins) >> shift) - base + 1;
    if (size > kMaxLookup) return false;
    bool alone = true;
    for (int64_t j = 1; j < axis.bins && alone; ++j) {
      alone = (pattern(j) >> shift) != (pattern(j - 1) >> shift);
    }
    if (!alone) continue;
    lookup_.resize(static_cast<size_t>(size));
    int64_t bin = 0;
    for (int64_t k = 0; k < size; ++k) {
      while (bin + 1 < axis.bins && (pattern(bin + 1) >> shift) - base <= k) ++bin;
      lookup_[static_cast<size_t>(k)] = static_cast<int32_t>(bin);
    }
    table_.base = base;
    table_.shift = shift;
    return true;
  }
  return false;
}

AxisTable Axis::table() const noexcept {
  AxisTable table = table_;
  table.edges = edges_.data();
  table.lookup = lookup_.data();
  return table;
}

void Axis::cells(const TableKernels& kernels, const fl_column& column, int64_t at, size_t n,
                 int32_t* cells) const noexcept {
  if (look_ == Look::kCategory) {
    int32_t scratch[kBlockRows];
    kernels.index_category(whole_numbers_of(column, at, n, scratch), n, bins_, cells);
  } else {
    double scratch[kBlockRows];
    const double* x = doubles_of(column, at, n, scratch);
    const AxisTable table = this->table();
    const auto index = look_ == Look::kEven     ? kernels.index_even
                       : look_ == Look::kLookup ? kernels.index_lookup
                                                : kernels.index_search;
    index(x, n, &table, cells);
  }
  const int32_t unknown = bins_ + 2;
  for_unknown(column, at, n, [&](size_t i) { cells[i] = unknown; });
}

fl_status Grid::check(const fl_axis* axes, int32_t n_axes, const fl_column* columns,
                      int64_t* rows, int64_t* cells) noexcept {
  if (n_axes < 0 || n_axes > FL_MAX_AXES) return FL_ERROR_ARGUMENT;
  if (n_axes > 0 && (axes == nullptr || columns == nullptr)) return FL_ERROR_ARGUMENT;
  *cells = 1;
  for (int32_t a = 0; a < n_axes; ++a) {
    const fl_axis& axis = axes[a];
    const fl_column& column = columns[a];
    if (axis.bins < 1 || !check_column(column)) return FL_ERROR_ARGUMENT;
    if (a == 0) *rows = column.n;
    if (column.n != *rows) return FL_ERROR_ARGUMENT;
    if (axis.bins > FL_MAX_CELLS - kFlowCells) return FL_ERROR_OVERFLOW;
    if (!checked_mul(*cells, axis.bins + kFlowCells, cells)) return FL_ERROR_OVERFLOW;
    if (*cells > FL_MAX_CELLS) return FL_ERROR_OVERFLOW;
    if (axis.edges == nullptr) {
      if (!is_whole(column.dtype)) return FL_ERROR_ARGUMENT;
      continue;
    }
    if (!std::isfinite(axis.edges[0])) return FL_ERROR_ARGUMENT;
    for (int64_t j = 0; j < axis.bins; ++j) {
      if (!(axis.edges[j] < axis.edges[j + 1])) return FL_ERROR_ARGUMENT;
    }
    if (!std::isfinite(axis.edges[axis.bins])) return FL_ERROR_ARGUMENT;
  }
  return FL_OK;
}

Grid::Grid(const fl_axis* axes, int32_t n_axes, const fl_column* columns) : columns_(columns) {
  axes_.reserve(static_cast<size_t>(n_axes));
  for (int32_t a = 0; a < n_axes; ++a) {
    axes_.emplace_back(axes[a]);
    cells_ *= axes_.back().extent();
  }
}

void Grid::cells_of(const TableKernels& kernels, int64_t at, size_t n,
                    int32_t* flat) const noexcept {
  if (axes_.empty()) {
    std::memset(flat, 0, n * sizeof *flat);
    return;
  }
  axes_[0].cells(kernels, columns_[0], at, n, flat);
  for (size_t a = 1; a < axes_.size(); ++a) {
    int32_t cells[kBlockRows];
    axes_[a].cells(kernels, columns_[a], at, n, cells);
    kernels.combine(cells, n, axes_[a].extent(), flat);
  }
}

}  // namespace fl
