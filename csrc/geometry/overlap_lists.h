// Of boxes in an order, which of those before it each overlaps: the search of suppression, done
// place by place and not in the order of scores, so that memory is read near where it was read
// last however many boxes there are.
#pragma once

#include <cstdint>

#include "core/big_vector.h"
#include "geometry/overlap.h"

namespace fl {

struct OverlapLists {
  static constexpr int64_t kPays = 512;  // from so many rows on

  BigVector<uint32_t> starts;  // of every place in the order, and the end
  BigVector<uint32_t> before;  // places, in no order
};

// Places are those in `rows`, numbers of boxes. Listed are those whose overlap is above the
// threshold, 0 or more. False where boxes lie so close together that lists are longer than the
// search by what suppression keeps; then nothing is found.
bool find_overlaps(const double* boxes, const int64_t* rows, int64_t n, Overlap overlap,
                   double threshold, OverlapLists* out);

}  // namespace fl
