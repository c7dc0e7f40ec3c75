// What every entry of the C ABI does first: check the arguments, choose the tier, and let no
// exception out.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>

#include "capi/options.h"
#include "core/checked.h"
#include "core/dispatch.h"
#include "fastlabel/fastlabel.h"

namespace fl {

// Runs a body that may allocate; no exception crosses the C boundary.
template <typename Body>
fl_status guarded(Body body) noexcept {
  const fl_status ready = init_tier();
  if (ready != FL_OK) return ready;
  try {
    return body();
  } catch (const std::bad_alloc&) {
    return FL_ERROR_MEMORY;
  } catch (...) {
    return FL_ERROR_ARGUMENT;
  }
}

// Arrow list offsets: from 0, never falling.
inline bool check_offsets(const int64_t* offsets, int64_t groups) noexcept {
  if (offsets == nullptr || groups < 0 || offsets[0] != 0) return false;
  for (int64_t g = 0; g < groups; ++g) {
    if (offsets[g + 1] < offsets[g]) return false;
  }
  return true;
}

}  // namespace fl
