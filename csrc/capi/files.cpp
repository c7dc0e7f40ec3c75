// fastlabel.h: files and pieces of memory, many at once.
#include "capi/common.h"
#include "pixels/content_hash.h"
#include "scan/file_stamps.h"

using fl::check_offsets;
using fl::guarded;

extern "C" {

fl_status fl_stat_files(const char* folder, const char* names, const int64_t* offsets, int64_t n,
                        int32_t workers, fl_file_stamp* out) {
  if (n < 0 || workers < 0 || workers > 4096 || !check_offsets(offsets, n)) {
    return FL_ERROR_ARGUMENT;
  }
  if ((n > 0 && out == nullptr) || (offsets[n] > 0 && names == nullptr)) return FL_ERROR_ARGUMENT;
  return guarded([&] {
    fl::stat_files(folder, names, offsets, n, workers, out);
    return FL_OK;
  });
}

fl_status fl_hash_slices(const uint8_t* data, const int64_t* offsets, int64_t n, uint8_t* out) {
  if (n < 0 || !check_offsets(offsets, n)) return FL_ERROR_ARGUMENT;
  if ((n > 0 && out == nullptr) || (offsets[n] > 0 && data == nullptr)) return FL_ERROR_ARGUMENT;
  return guarded([&] {
    for (int64_t i = 0; i < n; ++i) {
      fl::content_hash(data + offsets[i], static_cast<uint64_t>(offsets[i + 1] - offsets[i]),
                       out + 16 * i);
    }
    return FL_OK;
  });
}

}  // extern "C"
