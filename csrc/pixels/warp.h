// A picture turned, sheared or shifted by fractions of a pixel.
#pragma once

#include "fastlabel/fastlabel.h"

namespace fl {

struct WarpTarget {
  uint8_t* data;
  int64_t width, height, row_stride;
};

// fl_warp_affine, of arguments that are checked.
void warp_affine(const fl_image& image, const double* m, bool edge, uint8_t fill,
                 const WarpTarget& out) noexcept;

}  // namespace fl
