// libFuzzer harness: any bytes through the header reader, the JPEG decoder and the statistics.
//   cmake -S . -B build/fuzz -DCMAKE_CXX_COMPILER=clang++ -DFASTLABEL_FUZZ=ON
//   build/fuzz/fuzz_scan -max_total_time=60 CORPUS
#include <cstddef>
#include <cstdint>
#include <vector>

#include "codec/jpeg.h"
#include "codec/sniff.h"
#include "pixels/luma_stats.h"

namespace {

class TwoBoxes final : public fl::BoxSource {
 public:
  const std::vector<fl::PixelBox>& boxes_for(int64_t width, int64_t height) override {
    const auto w = static_cast<int32_t>(width);
    const auto h = static_cast<int32_t>(height);
    boxes_ = {{0, 0, w, h}, {w / 3, h / 2, w / 3 + 1, h / 2 + 1}};
    return boxes_;
  }

 private:
  std::vector<fl::PixelBox> boxes_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  fl::init_tier();
  fl::sniff(data, size);
  TwoBoxes boxes;
  fl::LumaStats stats;
  stats.measure_rings(size % 2 == 0);
  const fl::JpegLimits limits{4000000, uint64_t{64} << 20, 50, nullptr};
  fl::decode_jpeg_luma(data, size, limits, boxes, stats);
  if (stats.rows() > 0) {
    fl_luma_stats out;
    fl_box_row rows[2];
    stats.finish(&out, rows);
  }
  return 0;
}
