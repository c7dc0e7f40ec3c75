// Boxes beside the look of their class: the correlation of profiles (box_profiles.h) with
// templates, in place and moved along each axis.
#pragma once

#include <cstdint>

#include "fastlabel/fastlabel.h"

namespace fl {

// Boxes to compare: row rows[i] of profiles, of which each is 2 * FL_PROFILE_BINS bytes.
struct ProfileRows {
  const uint8_t* profiles;
  const int64_t* rows;
  int64_t n;
};

// What fl_compare_profiles writes, an entry a row; moves has two.
struct ProfileMatches {
  double* gain;
  int8_t* moves;
  double* likeness;
};

// templates: 4 * FL_PROFILE_BINS. workers: threads, 0 for one a CPU. No result depends on them.
void compare_profiles(const ProfileRows& boxes, const uint8_t* templates, int32_t workers,
                      const ProfileMatches& out);

}  // namespace fl
