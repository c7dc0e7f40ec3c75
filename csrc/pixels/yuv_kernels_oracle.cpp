// The plain scalar oracle of the YUV kernels: their definition, written to be read. Tests hold
// every tier against it; nothing else calls it.
#include "pixels/yuv_kernels.h"

namespace fl {
namespace yuv_oracle {
namespace {

uint8_t clipped(int32_t sum) noexcept {
  const int32_t level = sum >> 20;
  return static_cast<uint8_t>(level < 0 ? 0 : level > 255 ? 255 : level);
}

void convert(uint8_t y, const uint8_t* pair, const YuvWeights& w, uint8_t* out) noexcept {
  const int32_t above = y > w.black ? y - w.black : 0;
  const int32_t light = w.luma * above + (1 << 19);
  const int32_t a = pair[0] - 128;
  const int32_t b = pair[1] - 128;
  out[0] = clipped(light + w.first * b);
  out[1] = clipped(light + w.green[0] * a + w.green[1] * b);
  out[2] = clipped(light + w.last * a);
}

void yuv_pairs(const uint8_t* y, const uint8_t* chroma, size_t n, const YuvWeights* weights,
               uint8_t* out) noexcept {
  for (size_t i = 0; i < n; ++i) convert(y[i], chroma + 2 * (i / 2), *weights, out + 3 * i);
}

void yuv_pixels(const uint8_t* y, const uint8_t* chroma, size_t n, const YuvWeights* weights,
                uint8_t* out) noexcept {
  for (size_t i = 0; i < n; ++i) convert(y[i], chroma + 2 * i, *weights, out + 3 * i);
}

void yuv_split(const uint8_t* pixels, size_t n, uint8_t* y, uint8_t* chroma) noexcept {
  for (size_t i = 0; i < n; ++i) y[i] = pixels[2 * i];
  for (size_t i = 0; i < (n + 1) / 2 * 2; ++i) chroma[i] = pixels[2 * i + 1];
}

void yuv_pick(const uint8_t* y, const uint8_t* chroma, const int32_t* columns, size_t n,
              uint8_t* out_y, uint8_t* out_chroma) noexcept {
  const bool packed = chroma == nullptr;
  for (size_t i = 0; i < n; ++i) {
    const auto x = static_cast<size_t>(columns[i]);
    out_y[i] = packed ? y[2 * x] : y[x];
    out_chroma[2 * i] = packed ? y[x / 2 * 4 + 1] : chroma[x / 2 * 2];
    out_chroma[2 * i + 1] = packed ? y[x / 2 * 4 + 3] : chroma[x / 2 * 2 + 1];
  }
}

const YuvKernels kTable = {FL_YUV_KERNELS(FL_KERNEL_ENTRY)};

}  // namespace
}  // namespace yuv_oracle

const YuvKernels& oracle_yuv_kernels() noexcept { return yuv_oracle::kTable; }

FL_DEFINE_KERNELS(YuvKernels, yuv_kernels, kYuv_)

}  // namespace fl
