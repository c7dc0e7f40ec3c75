// libFuzzer harness: COCO files of any bytes, through the whole of fl_coco_read.
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "fastlabel/fastlabel.h"

namespace {

// One file for the process, written anew for each input.
const std::string& path() {
  static const std::string name = [] {
    char text[] = "/tmp/fuzz-coco-XXXXXX";
    ::close(::mkstemp(text));
    std::atexit([] { std::remove(path().c_str()); });
    return std::string(text);
  }();
  return name;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  std::FILE* file = std::fopen(path().c_str(), "wb");
  if (file == nullptr) return 0;
  std::fwrite(data + 2, 1, size - 2, file);
  std::fclose(file);
  fl_coco_options options;
  fl_coco_options_init(&options, sizeof options);
  options.window = 64 + data[0] * 4;
  options.workers = 1 + data[1] % 2;
  options.most_text = 1 + data[1];
  fl_coco* coco = nullptr;
  if (fl_coco_read(path().c_str(), &options, &coco) != FL_OK) return 0;
  static const char* const names[] = {"segmentation", "attributes", "raw", "x1", "crowd", "obb",
                                      "source_id", "images.file_name", "odd.text"};
  for (const char* name : names) {
    int64_t pieces = 0;
    if (fl_coco_pieces(coco, name, &pieces) != FL_OK) std::abort();
    for (int64_t piece = 0; piece < pieces; ++piece) {
      for (int32_t part = FL_COCO_VALUES; part <= FL_COCO_VALID; ++part) {
        void* taken = nullptr;
        int64_t bytes = 0;
        if (fl_coco_take(coco, name, piece, part, &taken, &bytes) != FL_OK) std::abort();
        fl_coco_free(taken);
      }
    }
  }
  fl_coco_destroy(coco);
  return 0;
}
