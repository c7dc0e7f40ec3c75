// Takes the place of dispatch.cpp where there is one tier, the baseline, and no C library to ask:
// on a microcontroller. Freestanding.
#include "core/dispatch.h"

namespace fl {

namespace {

constexpr char kName[] = "baseline";

}  // namespace

int32_t current_tier() noexcept { return 0; }
fl_status init_tier() noexcept { return FL_OK; }
const char* tier_name() noexcept { return kName; }

fl_status select_tier(const char* name) noexcept {
  size_t k = 0;
  while (k < sizeof kName - 1 && name[k] == kName[k]) ++k;
  return name[k] == kName[k] ? FL_OK : FL_ERROR_ISA;
}

int32_t available_tiers(const char** names, int32_t capacity) noexcept {
  if (capacity > 0) names[0] = kName;
  return 1;
}

}  // namespace fl
