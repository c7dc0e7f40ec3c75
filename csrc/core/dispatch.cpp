#include "core/dispatch.h"

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <mutex>

namespace fl {

// Each tier's table is defined by pixels/row_kernels_tier.cpp, compiled once per tier.
extern const Kernels kKernels_baseline;
#if defined(FL_TIER_V3)
extern const Kernels kKernels_v3;
#endif
#if defined(FL_TIER_V4)
extern const Kernels kKernels_v4;
#endif

namespace {

struct Tier {
  const Kernels* table;
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

// Worst first.
const Tier kTiers[] = {
    {&kKernels_baseline, always},
#if defined(FL_TIER_V3)
    {&kKernels_v3, has_v3},
#endif
#if defined(FL_TIER_V4)
    {&kKernels_v4, has_v4},
#endif
};

std::atomic<const Kernels*> g_kernels{nullptr};
std::mutex g_init_mutex;

}  // namespace

const Kernels& kernels() noexcept {
  const Kernels* table = g_kernels.load(std::memory_order_acquire);
  return table != nullptr ? *table : kKernels_baseline;
}

fl_status select_kernels(const char* name) noexcept {
  for (const Tier& tier : kTiers) {
    if (std::strcmp(tier.table->name, name) == 0 && tier.supported()) {
      g_kernels.store(tier.table, std::memory_order_release);
      return FL_OK;
    }
  }
  return FL_ERROR_ISA;
}

fl_status init_kernels() noexcept {
  if (g_kernels.load(std::memory_order_acquire) != nullptr) return FL_OK;
  std::lock_guard<std::mutex> lock(g_init_mutex);
  if (g_kernels.load(std::memory_order_acquire) != nullptr) return FL_OK;
  const char* wanted = std::getenv("FASTLABEL_ISA");
  if (wanted != nullptr && wanted[0] != '\0') return select_kernels(wanted);
  const Kernels* best = nullptr;
  for (const Tier& tier : kTiers) {
    if (tier.supported()) best = tier.table;
  }
  g_kernels.store(best, std::memory_order_release);
  return FL_OK;
}

const char* selected_name() noexcept {
  const Kernels* table = g_kernels.load(std::memory_order_acquire);
  return table != nullptr ? table->name : "";
}

int32_t available_kernels(const char** names, int32_t capacity) noexcept {
  int32_t count = 0;
  for (const Tier& tier : kTiers) {
    if (!tier.supported()) continue;
    if (count < capacity) names[count] = tier.table->name;
    ++count;
  }
  return count;
}

}  // namespace fl
