// Statistics of a part of a picture at rest in memory: its rows are read where they lie, or,
// where they are no luma yet, a block at a time through a small buffer. LumaStats is for rows that
// come one by one.
#pragma once

#include <cstdint>

#include "pixels/colour.h"
#include "pixels/luma_stats.h"

namespace fl {

// Variance of the 4-neighbour Laplacian inside the box. Neighbours outside the box are those of
// the picture; outside the picture they are mirrored. pre: the box has a pixel. May allocate.
double laplacian_variance(const LumaRows& rows, const PixelBox& box);

// Adds the pixels of the box to counts. May allocate.
void luma_histogram(const LumaRows& rows, const PixelBox& box, uint64_t counts[256]);

}  // namespace fl
