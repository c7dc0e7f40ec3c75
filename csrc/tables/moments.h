// Count, extremes and the exact sums of numbers and of their squares, by group.
#pragma once

#include "tables/axis.h"

namespace fl {

void moments_init(fl_moments* groups, int64_t n) noexcept;
void moments_fill(const Grid& grid, const fl_column& value, fl_moments* groups);
void moments_merge(fl_moments* into, const fl_moments* from, int64_t n) noexcept;

}  // namespace fl
