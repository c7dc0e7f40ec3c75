// The frame gate beside the kernels that the scan measures a picture with: row sums, noise in
// every ninth row, the histogram, of up to 64 rows as the scan has it and of all as the gate counts
// dark and bright pixels; interleaved, the least of many turns.
//   build/bench/gate_floor [WIDTH HEIGHT]
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "fastlabel/fastlabel.h"
#include "pixels/row_kernels.h"

namespace {

constexpr int64_t kBatch = 16;

// What the scan does for its sums, with nothing around it: rows with room for their mirrored ends.
uint64_t kernels(const std::vector<uint8_t>& padded, int64_t width, int64_t height,
                 int64_t step) {
  const fl::RowKernels& k = fl::row_kernels();
  const int64_t pitch = width + 64;
  const auto n = static_cast<size_t>(width);
  std::vector<uint16_t> noise(n);
  std::vector<uint32_t> tables(fl::kHistogramTables * 256);
  const auto row = [&](int64_t y) {
    return padded.data() + std::clamp<int64_t>(y, 0, height - 1) * pitch + 32;
  };
  fl::RowSums sums;
  for (int64_t y = 0; y < height; y += kBatch) {
    const int64_t count = std::min(kBatch, height - y);
    const uint8_t* rows[kBatch + 2];
    for (int64_t i = 0; i < count + 2; ++i) rows[i] = row(y + i - 1);
    k.row_sums(rows, static_cast<size_t>(count), n, &sums);
  }
  for (int64_t y = 0; y < height; y += 9) {
    if (y % 27 == 0) std::fill(noise.begin(), noise.end(), uint16_t{0});
    k.row_noise(row(y - 1), row(y), row(y + 1), n, noise.data());
  }
  for (int64_t y = 0; y < height; y += step) k.histogram(row(y), n, tables.data());
  return sums.lap2 + noise[0] + tables[7];
}

}  // namespace

int main(int argc, char** argv) {
  const int32_t width = argc > 2 ? std::atoi(argv[1]) : 1920;
  const int32_t height = argc > 2 ? std::atoi(argv[2]) : 1080;
  size_t size = 0;
  if (fl_gate_state_size(width, height, &size) != FL_OK || fl_init() != FL_OK) return 2;
  std::vector<uint64_t> state(size / 8);
  if (fl_gate_init(state.data(), size, width, height, nullptr) != FL_OK) return 2;
  std::vector<uint8_t> frame(static_cast<size_t>(width) * static_cast<size_t>(height));
  uint32_t seed = 1;
  for (uint8_t& v : frame) v = static_cast<uint8_t>((seed = seed * 1664525 + 1013904223) >> 24);
  std::vector<uint8_t> padded(static_cast<size_t>(width + 64) * static_cast<size_t>(height) + 64);
  for (int64_t y = 0; y < height; ++y) {
    std::copy_n(frame.data() + y * width, width, padded.data() + y * (width + 64) + 32);
  }
  double gate = 1e9;
  double scan = 1e9;
  double all_rows = 1e9;
  double stats = 1e9;
  uint64_t used = 0;
  const auto timed = [](double* best, auto body) {
    const auto start = std::chrono::steady_clock::now();
    body();
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    *best = std::min(*best, took.count());
  };
  const fl_image image = {frame.data(), width, height, width, 1, 1, 1, FL_GRAY};
  for (int turn = 0; turn < 60; ++turn) {
    fl_gate_result result;
    fl_luma_stats all;
    timed(&gate, [&] { used += fl_gate_frame(state.data(), frame.data(), width, &result); });
    timed(&scan, [&] { used += kernels(padded, width, height, (height + 63) / 64); });
    timed(&all_rows, [&] { used += kernels(padded, width, height, 1); });
    timed(&stats, [&] { used += fl_image_stats(&image, nullptr, 0, &all, nullptr); });
  }
  std::printf("%s %d x %d: gate %.1f us; the scan's kernels %.1f us, ratio %.2f; with the histogram "
              "of all rows %.1f us, ratio %.2f; image_stats %.1f us (%llu)\n",
              fl_isa_name(), width, height, gate * 1e6, scan * 1e6, gate / scan, all_rows * 1e6,
              gate / all_rows, stats * 1e6, static_cast<unsigned long long>(used % 7));
  return 0;
}
