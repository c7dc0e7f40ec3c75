// Pairs of boxes over a threshold, without a matrix.
//
// The index here is built once, over boxes that are all known, so that runs of them lie side by
// side and are measured as vectors. That of suppression (index_choice.h) grows box by box, with
// what was kept, and its questions end at the first answer: the two share the geometry, not the
// layout.
#pragma once

#include <cstdint>

#include "geometry/box_sets.h"

namespace fl {

// Calls sink with all pairs of each image, sorted by (i, j); see fl_box_pairs_between.
template <typename T>
fl_status pairs_between(const RaggedSets& sets, double threshold, fl_pair_sink sink,
                        void* context);
// i < j within one set; see fl_box_pairs_within.
template <typename T>
fl_status pairs_within(const BoxSource& boxes, const int64_t* offsets, int64_t groups,
                       double threshold, int64_t max_per_box, fl_pair_sink sink, void* context);

}  // namespace fl
