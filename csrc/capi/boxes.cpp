// fastlabel.h: boxes.
#include <algorithm>
#include <cmath>

#include "capi/common.h"
#include "geometry/boxes.h"

using fl::check_offsets;
using fl::guarded;

extern "C" {

fl_status fl_box_iou(const double* a, int64_t n, const double* b, int64_t m, double* out) {
  int64_t cells = 0;
  if (n < 0 || m < 0) return FL_ERROR_ARGUMENT;
  if (!fl::checked_mul(n, m, &cells)) return FL_ERROR_OVERFLOW;
  if (cells > 0 && (a == nullptr || b == nullptr || out == nullptr)) return FL_ERROR_ARGUMENT;
  fl::box_iou(a, n, b, m, out);
  return FL_OK;
}

fl_status fl_box_pairs(const double* boxes, const int64_t* offsets, int64_t groups,
                       double threshold, int64_t max_per_box, fl_pair* out, int64_t capacity,
                       int64_t* count) {
  if (count == nullptr || capacity < 0 || max_per_box < 0) return FL_ERROR_ARGUMENT;
  if (!(threshold > 0 && threshold <= 1)) return FL_ERROR_ARGUMENT;
  if (!check_offsets(offsets, groups)) return FL_ERROR_ARGUMENT;
  if (offsets[groups] > 0 && boxes == nullptr) return FL_ERROR_ARGUMENT;
  return guarded([&] {
    const auto pairs = fl::box_pairs(boxes, offsets, groups, threshold, max_per_box);
    *count = static_cast<int64_t>(pairs.size());
    if (*count > capacity || (*count > 0 && out == nullptr)) return FL_ERROR_CAPACITY;
    std::copy(pairs.begin(), pairs.end(), out);
    return FL_OK;
  });
}

}  // extern "C"
