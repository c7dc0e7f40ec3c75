// Instruction-set tiers: one table of functions a topic and tier, one choice for the process.
//
// A topic (pixels/row_kernels.h is one) lists its kernels once, as an X-macro; from the list
// come its struct of function pointers, each tier's table and the every-ISA test. Its bodies
// are compiled once per tier by the build, with FL_TIER set to the tier's name.
#pragma once

#include <cstddef>
#include <cstdint>

#include "fastlabel/fastlabel.h"

namespace fl {

// Index of the tier in force; 0, the baseline, before init_tier() returned FL_OK.
int32_t current_tier() noexcept;
fl_status init_tier() noexcept;
fl_status select_tier(const char* name) noexcept;
// "" before a good init_tier().
const char* tier_name() noexcept;
// Names of the tiers this CPU can run, worst first; returns how many, writes at most capacity.
int32_t available_tiers(const char** names, int32_t capacity) noexcept;

}  // namespace fl

// Turn an entry (return type, name, parameters) of a kernel list into a member, and into the
// function of that name in scope.
#define FL_KERNEL_MEMBER(ret, name, args) ret(*name) args noexcept;
#define FL_KERNEL_ENTRY(ret, name, args) name,

// Declares a topic: struct Type with one member a kernel, `const Type& access()`, the table
// in force, and `const Type& oracle()`, the plain scalar twin for tests.
#define FL_DECLARE_KERNELS(Type, LIST, access, oracle) \
  struct Type {                                        \
    LIST(FL_KERNEL_MEMBER)                             \
  };                                                   \
  const Type& access() noexcept;                       \
  const Type& oracle() noexcept;

#if defined(FL_TIER_V4)
#define FL_TIER_TABLES_(Type, prefix)     \
  extern const Type prefix##baseline;     \
  extern const Type prefix##v3;           \
  extern const Type prefix##v4;           \
  namespace {                             \
  const Type* const prefix##tables[] = {  \
      &prefix##baseline, &prefix##v3, &prefix##v4}; \
  }
#elif defined(FL_TIER_SVE)
#define FL_TIER_TABLES_(Type, prefix) \
  extern const Type prefix##baseline; \
  extern const Type prefix##sve;      \
  namespace {                         \
  const Type* const prefix##tables[] = {&prefix##baseline, &prefix##sve}; \
  }
#else
#define FL_TIER_TABLES_(Type, prefix) \
  extern const Type prefix##baseline; \
  namespace {                         \
  const Type* const prefix##tables[] = {&prefix##baseline}; \
  }
#endif
// Defines access(), in one ordinary source file of the topic, inside namespace fl. In a build
// without SIMD the oracle is the one tier.
#if defined(FL_NO_SIMD)
#define FL_DEFINE_KERNELS(Type, access, prefix) \
  const Type& access() noexcept { return oracle_##access(); }
#else
#define FL_DEFINE_KERNELS(Type, access, prefix) \
  FL_TIER_TABLES_(Type, prefix)                 \
  const Type& access() noexcept { return *prefix##tables[current_tier()]; }
#endif

// For the files compiled once per tier: FL_TIER_NAME(kRows_) is kRows_v3 in the file's v3 copy.
#define FL_CONCAT_(a, b) a##b
#define FL_CONCAT(a, b) FL_CONCAT_(a, b)
#define FL_TIER_NAME(prefix) FL_CONCAT(prefix, FL_TIER)
