/* A part of fastlabel.h, which is what to include: near duplicates among 64-bit hashes.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef FASTLABEL_HASHES_H_
#define FASTLABEL_HASHES_H_

#include "fastlabel/base.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct fl_hash_pair {
  int64_t i; /* rows, i < j */
  int64_t j;
  int32_t distance; /* bits that differ */
} fl_hash_pair;

/* Gets pairs in order, some at a time; anything but FL_OK ends the call and is returned. */
typedef fl_status (*fl_hash_pair_sink)(void* context, const fl_hash_pair* pairs, int64_t n);

/* All pairs of hashes that differ in at most `distance` bits, 0 to 64, sorted by (i, j): none is
 * missed. Where there are more than max_pairs none is given and the status is FL_ERROR_OVERFLOW;
 * fl_hamming_clusters has no such limit. Fewer than 2^31 hashes. workers: threads, 0 for one a
 * CPU; the result does not depend on it. */
FL_API fl_status fl_hamming_pairs(const uint64_t* hashes, int64_t n, int32_t distance,
                                  int32_t workers, int64_t max_pairs, fl_hash_pair_sink sink,
                                  void* context);

/* What these pairs link together: clusters[i] is the first row of the cluster of row i, i itself
 * where it is alone. No pair is kept, so memory grows with n only. */
FL_API fl_status fl_hamming_clusters(const uint64_t* hashes, int64_t n, int32_t distance,
                                     int32_t workers, int64_t* clusters);

#ifdef __cplusplus
}
#endif

#endif /* FASTLABEL_HASHES_H_ */
