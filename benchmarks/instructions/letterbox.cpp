// nv12|bgr SIDE linear|area TIMES: a 1080p frame to int8 SIDE x SIDE, so many times.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "fastlabel/fastlabel.h"

int main(int argc, char** argv) {
  if (argc != 5) return 2;
  const int64_t width = 1920;
  const int64_t height = 1080;
  std::vector<uint8_t> pixels(width * height * 3);
  for (size_t i = 0; i < pixels.size(); ++i) pixels[i] = static_cast<uint8_t>(i % 251);
  fl_frame frame = {};
  const bool nv12 = std::strcmp(argv[1], "nv12") == 0;
  frame.format = nv12 ? FL_FRAME_NV12 : FL_FRAME_BGR;
  frame.width = width;
  frame.height = height;
  frame.planes[0] = pixels.data();
  frame.planes[1] = pixels.data() + width * height;
  frame.strides[0] = nv12 ? width : 3 * width;
  frame.strides[1] = width;
  fl_letterbox_options options;
  fl_letterbox_options_init(&options, sizeof options);
  options.width = options.height = std::atoi(argv[2]);
  options.interpolation = std::strcmp(argv[3], "area") == 0 ? FL_AREA : FL_LINEAR;
  options.dtype = FL_INT8;
  options.quant_scale = 1.0F / 255;
  options.zero_point = -128;
  options.order = FL_RGB;
  size_t work_size = 0;
  if (fl_letterbox_work_size(&frame, &options, &work_size) != FL_OK) return 1;
  std::vector<uint8_t> work(work_size);
  std::vector<int8_t> out(static_cast<size_t>(options.width * options.height * 3));
  for (int k = 0; k < std::atoi(argv[4]); ++k) {
    if (fl_letterbox_into(&frame, &options, out.data(), nullptr, work.data(), work_size, nullptr) !=
        FL_OK) {
      return 1;
    }
  }
  return 0;
}
