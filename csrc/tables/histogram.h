// n-dimensional histograms of table columns: counts, and exact sums of weights.
#pragma once

#include "tables/axis.h"

namespace fl {

// The greatest |weight|; false when one is unknown, not finite or over FL_MAX_WEIGHT.
bool check_weights(const fl_column& weight, double* heaviest) noexcept;
// The caller has checked everything; `weight` and `sums` may be null, together.
void histogram_fill(const Grid& grid, int64_t rows, const fl_column* weight, int64_t* counts,
                    fl_fixed* sums);

}  // namespace fl
