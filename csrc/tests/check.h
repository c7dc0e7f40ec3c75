// The least that a test program needs: CHECK that counts, and an exit code.
#pragma once

#include <cstdint>
#include <cstdio>
#include <vector>

namespace test {

inline int failures = 0;
inline int checks = 0;

// Small, seeded, the same on every machine.
class Random {
 public:
  explicit Random(uint64_t seed) noexcept : state_(seed * 2654435761U + 88172645463325252ULL) {}
  uint64_t next() noexcept {
    state_ ^= state_ << 13;
    state_ ^= state_ >> 7;
    state_ ^= state_ << 17;
    return state_;
  }
  uint8_t byte() noexcept { return static_cast<uint8_t>(next() >> 32); }
  int64_t below(int64_t n) noexcept { return static_cast<int64_t>(next() >> 33) % n; }
  double unit() noexcept { return static_cast<double>(next() >> 11) / 9007199254740992.0; }

 private:
  uint64_t state_;
};

inline int finish(const char* name) {
  std::printf("%s: %d passed, %d failed\n", name, checks - failures, failures);
  return failures == 0 ? 0 : 1;
}

}  // namespace test

#define CHECK(condition)                                                       \
  do {                                                                         \
    ++test::checks;                                                            \
    if (!(condition)) {                                                        \
      ++test::failures;                                                        \
      std::printf("%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);      \
    }                                                                          \
  } while (false)
