// libFuzzer harness: any bytes through the tile cutter, lossless and not, and the window reader.
//   cmake -S . -B build/fuzz -DCMAKE_CXX_COMPILER=clang++ -DFASTLABEL_FUZZ=ON
//   build/fuzz/fuzz_cut -max_total_time=60 CORPUS
#include <cstddef>
#include <cstdint>
#include <vector>

#include "fastlabel/fastlabel.h"

namespace {

int32_t count(void* user, int64_t, const uint8_t* bytes, uint64_t size) {
  *static_cast<uint64_t*>(user) += size > 0 ? bytes[size - 1] : 0;
  return 0;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  fl_cut_options options;
  fl_cut_options_init(&options, sizeof options);
  options.max_pixels = 1000000;
  options.max_memory = uint64_t{64} << 20;
  options.max_scans = 50;
  // The last byte turns the windows about: inside, across the edges, between chroma samples.
  const int64_t k = size > 0 ? data[size - 1] : 0;
  const int64_t windows[16] = {0,  0,  32 + k, 16 + k, k, k / 2, k + 33, k / 2 + 21,
                               -k, -3, 40,     50,     1, 17,    2,      18};
  fl_cut_row row;
  fl_cut_tile tiles[4];
  uint64_t sum = 0;
  for (options.lossless = 0; options.lossless < 2; ++options.lossless) {
    fl_cut_jpeg(data, size, windows, 4, &options, count, &sum, &row, tiles);
  }
  options.lossless = 0;
  for (int i = 0; i < 4; ++i) {
    const int64_t* w = windows + 4 * i;
    std::vector<uint8_t> pixels(static_cast<size_t>((w[2] - w[0]) * (w[3] - w[1]) * 3));
    const int64_t stride = (w[2] - w[0]) * 3;
    fl_read_window(data, size, w, i % 3, &options, pixels.data(), stride, &row);
  }
  return 0;
}
