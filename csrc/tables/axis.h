// The axes of a histogram, made ready for the kernels, and blocks of columns put into cells.
#pragma once

#include <cstdint>
#include <vector>

#include "tables/table_kernels.h"

namespace fl {

inline constexpr size_t kBlockRows = 1024;

// Bytes of one value; 0 for FL_BITS and for what is no dtype.
size_t width_of(int32_t dtype) noexcept;
// Whether the pointers, strides and offsets of a column can be right.
bool check_column(const fl_column& column) noexcept;
// Rows at .. at + n as float64: the column's own memory where it is that already, else scratch.
const double* doubles_of(const fl_column& column, int64_t at, size_t n, double* scratch) noexcept;
// Whether a row of a column is known: its validity bit.
bool is_known(const fl_column& column, int64_t row) noexcept;
// Calls put(i) for each row at + i < at + n that is not known.
template <typename Put>
void for_unknown(const fl_column& column, int64_t at, size_t n, Put put) {
  if (column.validity == nullptr) return;
  for (size_t i = 0; i < n; ++i) {
    const int64_t bit = column.validity_offset + at + static_cast<int64_t>(i);
    if ((bit & 7) == 0 && i + 8 <= n && column.validity[bit >> 3] == 0xFF) {
      i += 7;
      continue;
    }
    if (((column.validity[bit >> 3] >> (bit & 7)) & 1) == 0) put(i);
  }
}

// One axis with what its kernel needs.
class Axis {
 public:
  // The caller has checked the axis.
  explicit Axis(const fl_axis& axis);

  int32_t extent() const noexcept { return bins_ + kFlowCells; }
  // The cells of a block of a column.
  void cells(const TableKernels& kernels, const fl_column& column, int64_t at, size_t n,
             int32_t* cells) const noexcept;
  // The table, as tests of the kernels want it; `look` says which kernel it suits.
  enum class Look { kCategory, kEven, kLookup, kSearch };
  Look look() const noexcept { return look_; }
  AxisTable table() const noexcept;

 private:
  bool even(const fl_axis& axis) noexcept;
  bool lookup(const fl_axis& axis);

  int32_t bins_;
  Look look_;
  AxisTable table_{};
  std::vector<double> edges_;
  std::vector<int32_t> lookup_;
};

// Several axes: the product of their cells.
class Grid {
 public:
  // FL_OK when axes and columns can be right; n_axes may be 0. *rows gets the rows of the
  // columns, or stays when there are none.
  static fl_status check(const fl_axis* axes, int32_t n_axes, const fl_column* columns,
                         int64_t* rows, int64_t* cells) noexcept;
  Grid(const fl_axis* axes, int32_t n_axes, const fl_column* columns);

  int64_t cells() const noexcept { return cells_; }
  // The cell of each row of a block; all 0 without axes.
  void cells_of(const TableKernels& kernels, int64_t at, size_t n, int32_t* flat) const noexcept;

 private:
  std::vector<Axis> axes_;
  const fl_column* columns_;
  int64_t cells_ = 1;
};

}  // namespace fl
