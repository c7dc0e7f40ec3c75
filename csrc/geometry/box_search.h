// Best matches and counts in large images, over the pairs that meet and not over all of them.
#pragma once

#include <cstdint>

#include "geometry/box_sets.h"

namespace fl {

// As ragged_best and ragged_counts for one image; rows of b count from 0. False, with nothing
// written, where the image is small or its boxes so crowded that comparing all is quicker.
template <typename T>
bool best_among_met(const BoxSet& a, const BoxSet& b, int32_t metric, T least, int64_t first_b,
                    int64_t* index, T* value);
template <typename T>
bool count_among_met(const BoxSet& a, const BoxSet& b, T least, int64_t* counts);

}  // namespace fl
