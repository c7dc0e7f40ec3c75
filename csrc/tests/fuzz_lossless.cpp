// libFuzzer harness: any bytes through the lossless cutter; what it hands out must be JPEG again.
//   cmake -S . -B build/fuzz -DCMAKE_CXX_COMPILER=clang++ -DFASTLABEL_FUZZ=ON
//   build/fuzz/fuzz_lossless -max_total_time=60 CORPUS
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "codec/lossless_cut.h"

namespace {

const fl::JpegLimits kLimits{4000000, uint64_t{64} << 20, 50, nullptr};

class Again final : public fl::TileSink {
 public:
  explicit Again(const fl::TileWindow* w) : windows(w) {}
  bool take(int64_t index, const uint8_t* bytes, size_t size) override {
    int64_t w = 0, h = 0;
    fl::LosslessResult r;
    // Its own headers must be good, and of the window's size.
    if (!fl::jpeg_mcu(bytes, size, kLimits, &w, &h, &r)) std::abort();
    if (r.width != windows[index].width || r.height != windows[index].height) std::abort();
    if (deep) {
      const fl::TileWindow whole{0, 0, r.width, r.height};
      Again flat(&whole);
      flat.deep = false;
      const auto outcome = fl::cut_jpeg_lossless(bytes, size, &whole, 1, kLimits, flat).outcome;
      if (outcome != fl::LosslessOutcome::done) std::abort();
    }
    return true;
  }
  const fl::TileWindow* windows;
  bool deep = true;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  int64_t mw = 0, mh = 0;
  fl::LosslessResult r;
  if (!fl::jpeg_mcu(data, size, kLimits, &mw, &mh, &r)) return 0;
  std::vector<fl::TileWindow> windows = {{0, 0, r.width, r.height}};
  const int64_t columns = (r.width + mw - 1) / mw, rows = (r.height + mh - 1) / mh;
  for (int64_t k = 0; k < 5; ++k) {
    const int64_t x = columns * k / 5 * mw, y = rows * ((k * 3 + 1) % 5) / 5 * mh;
    windows.push_back({x, y, 1 + (r.width - x - 1) * (5 - k) / 5, 1 + (r.height - y - 1) * k / 5});
  }
  Again sink(windows.data());
  fl::cut_jpeg_lossless(data, size, windows.data(), static_cast<int64_t>(windows.size()), kLimits,
                        sink);
  return 0;
}
