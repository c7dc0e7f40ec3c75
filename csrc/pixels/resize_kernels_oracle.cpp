// The plain scalar oracle of the resizing kernels: their definition, written to be read. Tests
// hold every tier against it; nothing else calls it.
#include "pixels/resize_kernels.h"

namespace fl {
namespace resize_oracle {
namespace {

void area_rows(const uint8_t* const* rows, const uint32_t* weights, size_t count, size_t n,
               bool add, uint32_t* acc) noexcept {
  for (size_t i = 0; i < n; ++i) {
    uint32_t sum = add ? acc[i] : 0;
    for (size_t k = 0; k < count; ++k) sum += weights[k] * rows[k][i];
    acc[i] = sum;
  }
}

// What a cell sums of one channel.
uint64_t cell_sum(const uint32_t* acc, const AreaCell& cell, size_t channels, size_t c,
                  uint32_t full) noexcept {
  const uint32_t* p = acc + static_cast<size_t>(cell.first) * channels + c;
  uint64_t sum = static_cast<uint64_t>(cell.edge) * *p;
  for (int32_t k = 0; k < cell.inner; ++k) sum += static_cast<uint64_t>(full) * *(p += channels);
  if (cell.last > 0) sum += static_cast<uint64_t>(cell.last) * *(p + channels);
  return sum;
}

void area_columns(const uint32_t* acc, const AreaCell* cells, size_t n, int32_t channels,
                  uint32_t full, const AreaDivisor* divisor, uint8_t* out) noexcept {
  const size_t width = static_cast<size_t>(channels);
  for (size_t i = 0; i < n; ++i) {
    for (size_t c = 0; c < width; ++c) {
      const uint64_t sum = cell_sum(acc, cells[i], width, c, full) + divisor->half;
      out[i * width + c] = static_cast<uint8_t>((sum * divisor->magic) >> divisor->shift);
    }
  }
}

void area_columns_wide(const uint32_t* acc, const AreaCell* cells, size_t n, int32_t channels,
                       uint32_t full, uint64_t area, uint8_t* out) noexcept {
  const size_t width = static_cast<size_t>(channels);
  for (size_t i = 0; i < n; ++i) {
    for (size_t c = 0; c < width; ++c) {
      const uint64_t sum = cell_sum(acc, cells[i], width, c, full);
      out[i * width + c] = static_cast<uint8_t>((sum + area / 2) / area);
    }
  }
}

void area_halve(const uint8_t* a, const uint8_t* b, size_t n, int32_t channels,
                uint8_t* out) noexcept {
  const size_t width = static_cast<size_t>(channels);
  for (size_t i = 0; i < n; ++i) {
    for (size_t c = 0; c < width; ++c) {
      const size_t left = 2 * i * width + c;
      const size_t right = left + width;
      out[i * width + c] = static_cast<uint8_t>((a[left] + a[right] + b[left] + b[right] + 2) / 4);
    }
  }
}

void linear_columns(const uint8_t* row, const uint8_t* /*next*/, const int32_t* at,
                    const int16_t* weights, size_t n, size_t /*safe*/, int32_t channels,
                    int16_t* out, size_t plane) noexcept {
  for (size_t i = 0; i < n; ++i) {
    for (int32_t c = 0; c < channels; ++c) {
      const uint8_t* p = row + at[i] + c;
      const int32_t sum = weights[2 * i] * p[0] + weights[2 * i + 1] * p[channels];
      out[static_cast<size_t>(c) * plane + i] = static_cast<int16_t>(sum >> 4);
    }
  }
}

void pick_columns(const uint8_t* row, const uint8_t* /*next*/, const int32_t* at, size_t n,
                  size_t /*safe*/, int32_t channels, uint8_t* out, size_t plane) noexcept {
  for (size_t i = 0; i < n; ++i) {
    for (int32_t c = 0; c < channels; ++c) out[static_cast<size_t>(c) * plane + i] = row[at[i] + c];
  }
}

void linear_rows(const int16_t* a, const int16_t* b, int32_t w0, int32_t w1, size_t n,
                 uint8_t* out) noexcept {
  for (size_t i = 0; i < n; ++i) {
    out[i] = static_cast<uint8_t>((((w0 * a[i]) >> 16) + ((w1 * b[i]) >> 16) + 2) >> 2);
  }
}

const ResizeKernels kTable = {FL_RESIZE_KERNELS(FL_KERNEL_ENTRY)};

}  // namespace
}  // namespace resize_oracle

const ResizeKernels& oracle_resize_kernels() noexcept { return resize_oracle::kTable; }

FL_DEFINE_KERNELS(ResizeKernels, resize_kernels, kResize_)

}  // namespace fl
