// The plain scalar oracle of the letterbox kernels: their definition, written to be read. Tests
// hold every tier against it; nothing else calls it.
#include "pixels/letterbox_kernels.h"

namespace fl {
namespace letterbox_oracle {
namespace {

void split_planes(const uint8_t* pixels, size_t n, int32_t channels, uint8_t* out,
                  size_t plane) noexcept {
  const size_t width = static_cast<size_t>(channels);
  for (size_t i = 0; i < n; ++i) {
    for (size_t c = 0; c < width; ++c) out[c * plane + i] = pixels[i * width + c];
  }
}

void join_planes(const uint8_t* planes, size_t plane, size_t n, int32_t channels,
                 uint8_t* out) noexcept {
  const size_t width = static_cast<size_t>(channels);
  for (size_t i = 0; i < n; ++i) {
    for (size_t c = 0; c < width; ++c) out[i * width + c] = planes[c * plane + i];
  }
}

void join_halves(const uint16_t* planes, size_t plane, size_t n, int32_t channels,
                 uint16_t* out) noexcept {
  const size_t width = static_cast<size_t>(channels);
  for (size_t i = 0; i < n; ++i) {
    for (size_t c = 0; c < width; ++c) out[i * width + c] = planes[c * plane + i];
  }
}

void join_floats(const float* planes, size_t plane, size_t n, int32_t channels,
                 float* out) noexcept {
  const size_t width = static_cast<size_t>(channels);
  for (size_t i = 0; i < n; ++i) {
    for (size_t c = 0; c < width; ++c) out[i * width + c] = planes[c * plane + i];
  }
}

void scale_row(const uint8_t* row, size_t n, float scale, float mean, float std,
               float* out) noexcept {
  for (size_t i = 0; i < n; ++i) {
    const float scaled = static_cast<float>(row[i]) * scale;
    const float centred = scaled - mean;
    out[i] = centred / std;
  }
}

void map_row(const uint8_t* row, size_t n, const uint8_t* table, uint8_t* out) noexcept {
  for (size_t i = 0; i < n; ++i) out[i] = table[row[i]];
}

void map_halves(const uint8_t* row, size_t n, const uint16_t* table, uint16_t* out) noexcept {
  for (size_t i = 0; i < n; ++i) out[i] = table[row[i]];
}

void shift_row(const uint8_t* row, size_t n, uint8_t shift, uint8_t* out) noexcept {
  for (size_t i = 0; i < n; ++i) out[i] = static_cast<uint8_t>(row[i] + shift);
}

const LetterboxKernels kTable = {FL_LETTERBOX_KERNELS(FL_KERNEL_ENTRY)};

}  // namespace
}  // namespace letterbox_oracle

const LetterboxKernels& oracle_letterbox_kernels() noexcept { return letterbox_oracle::kTable; }

FL_DEFINE_KERNELS(LetterboxKernels, letterbox_kernels, kLetterbox_)

}  // namespace fl
