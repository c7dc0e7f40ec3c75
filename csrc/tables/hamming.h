// Pairs and clusters of 64-bit hashes that differ in few bits, by multi-index hashing.
#pragma once

#include <cstdint>

#include "core/big_vector.h"

namespace fl {

// Row numbers i < j of a pair, i in the upper half.
using HashPairs = BigVector<uint64_t>;

// All pairs within `distance` bits, sorted. False where there are more than max_pairs, which is
// found out without listing them. pre: n < 2^31, distance >= 0, max_pairs >= 0.
bool hamming_pairs(const uint64_t* hashes, int64_t n, int32_t distance, int32_t workers,
                   int64_t max_pairs, HashPairs* pairs);

// clusters[i] = the first row that row i is linked to by steps of at most `distance` bits. Memory
// grows with n only, and so does the time where many hashes are near to each other.
void hamming_clusters(const uint64_t* hashes, int64_t n, int32_t distance, int32_t workers,
                      int64_t* clusters);

}  // namespace fl
