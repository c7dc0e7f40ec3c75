#include "core/dispatch.h"

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <iterator>

#if defined(FL_TIER_SVE)
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif

namespace fl {

namespace {

struct Tier {
  const char* name;
  bool (*supported)() noexcept;
};

bool always() noexcept { return true; }
#if defined(FL_TIER_V3)
bool has_v3() noexcept {
  __builtin_cpu_init();
#if defined(__GNUC__) && !defined(__clang__) && __GNUC__ >= 12
  return __builtin_cpu_supports("x86-64-v3");
#else
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") &&
         __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("fma");
#endif
}
#endif
#if defined(FL_TIER_V4)
bool has_v4() noexcept {
  return has_v3() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
         __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512vnni");
}
#endif

#if defined(FL_TIER_SVE)
bool has_sve() noexcept { return (getauxval(AT_HWCAP) & HWCAP_SVE) != 0; }
#endif

// Worst first.
const Tier kTiers[] = {
    {"baseline", always},
#if defined(FL_TIER_V3)
    {"v3", has_v3},
#endif
#if defined(FL_TIER_V4)
    {"v4", has_v4},
#endif
#if defined(FL_TIER_SVE)
    {"sve", has_sve},
#endif
};

constexpr int32_t kUnchosen = -1;
std::atomic<int32_t> g_tier{kUnchosen};

// The tier of that name where this CPU can run it; kUnchosen: there is none.
int32_t find_tier(const char* name) noexcept {
  for (int32_t k = 0; k < static_cast<int32_t>(std::size(kTiers)); ++k) {
    if (std::strcmp(kTiers[k].name, name) == 0 && kTiers[k].supported()) return k;
  }
  return kUnchosen;
}

}  // namespace

int32_t current_tier() noexcept {
  const int32_t tier = g_tier.load(std::memory_order_acquire);
  return tier == kUnchosen ? 0 : tier;
}

fl_status select_tier(const char* name) noexcept {
  const int32_t tier = find_tier(name);
  if (tier == kUnchosen) return FL_ERROR_ISA;
  g_tier.store(tier, std::memory_order_release);
  return FL_OK;
}

fl_status init_tier() noexcept {
  if (g_tier.load(std::memory_order_acquire) != kUnchosen) return FL_OK;
  int32_t chosen = 0;
  const char* wanted = std::getenv("FASTLABEL_ISA");
  if (wanted != nullptr && wanted[0] != '\0') {
    chosen = find_tier(wanted);
    if (chosen == kUnchosen) return FL_ERROR_ISA;
  } else {
    for (int32_t k = 0; k < static_cast<int32_t>(std::size(kTiers)); ++k) {
      if (kTiers[k].supported()) chosen = k;
    }
  }
  // Whoever comes first: all who are here at once found the same.
  int32_t before = kUnchosen;
  g_tier.compare_exchange_strong(before, chosen, std::memory_order_acq_rel);
  return FL_OK;
}

const char* tier_name() noexcept {
  const int32_t tier = g_tier.load(std::memory_order_acquire);
  return tier == kUnchosen ? "" : kTiers[tier].name;
}

int32_t available_tiers(const char** names, int32_t capacity) noexcept {
  int32_t count = 0;
  for (const Tier& tier : kTiers) {
    if (!tier.supported()) continue;
    if (count < capacity) names[count] = tier.name;
    ++count;
  }
  return count;
}

}  // namespace fl
