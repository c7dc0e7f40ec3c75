// The fuzzer of the C ABI: camera frames to a network's input.
#pragma once

#include <algorithm>
#include <vector>

#include "fastlabel/fastlabel.h"
#include "fuzz_input.h"

namespace fuzz {

// A frame of any kind in memory just as long as fl_frame_bytes says, or one that is refused.
inline void frames(Input& in) {
  fl_frame f = {};
  f.format = in.choice(-1, 6);
  f.matrix = in.choice(0, 1);
  f.range = in.choice(0, 1);
  f.width = in.below(100);
  f.height = in.below(50);
  const int64_t unit = f.format == FL_FRAME_YUYV ? 2 : f.format == FL_FRAME_RGB ? 3 : 1;
  for (int64_t& stride : f.strides) {
    stride = f.width * unit + in.below(12) - 2;
    if (in.byte() < 60) stride = -stride;
    if (in.byte() < 20) stride = in.whole(-200, 200);  // sometimes anything at all
  }
  if (in.byte() < 128) f.window = {in.whole(-2, 60), in.whole(-2, 30), in.below(90), in.below(40)};
  fl_letterbox_options o;
  fl_letterbox_options_init(&o, sizeof o);
  o.width = in.below(70);
  o.height = in.below(50);
  o.interpolation = in.choice(0, 1);
  o.layout = in.choice(0, 1);
  static constexpr int32_t kTypes[] = {FL_FLOAT32, FL_UINT8, FL_INT8, FL_FLOAT16};
  o.dtype = kTypes[in.below(4)];
  o.channels = in.choice(0, 3);
  o.order = in.choice(0, 2);
  o.stretch = in.choice(0, 1);
  if (in.byte() < 60) o.scale = static_cast<float>(std::clamp(in.number(), -3e38, 3e38));
  int64_t bytes[2];
  int64_t size = 0;
  int32_t planes = 0;
  size_t work_size = 0;
  if (fl_frame_bytes(&f, bytes) != FL_OK || std::max(bytes[0], bytes[1]) > 1 << 20) return;
  if (fl_letterbox_output(&f, &o, &planes, &size) != FL_OK) return;
  if (fl_letterbox_work_size(&f, &o, &work_size) != FL_OK) return;
  std::vector<uint8_t> memory[2];
  for (size_t k = 0; k < 2; ++k) {
    memory[k].resize(static_cast<size_t>(bytes[k]));
    in.fill(memory[k].data(), memory[k].size());
    f.planes[k] = memory[k].data();
    if (f.strides[k] < 0 && bytes[k] > 0) {
      const int64_t rows = k == 0 ? f.height : f.height / 2;
      f.planes[k] -= (rows - 1) * f.strides[k];
    }
  }
  std::vector<uint8_t> work(work_size);
  std::vector<uint8_t> out(static_cast<size_t>(size));
  if (fl_letterbox_into(&f, &o, out.data(), nullptr, work.data(), work_size, nullptr) != FL_OK) {
    __builtin_trap();
  }
}

}  // namespace fuzz
