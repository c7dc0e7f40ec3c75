// Threads that share the work of one call; in the edge profile the calling one alone.
#pragma once

#include <algorithm>
#include <cstdint>
#if !defined(FL_PROFILE_EDGE)
#include <atomic>
#include <exception>
#include <new>
#include <thread>
#include <vector>
#endif

namespace fl {

// No machine is served by more.
inline constexpr int64_t kMostThreads = 4096;

#if !defined(FL_PROFILE_EDGE)

// How many threads `wanted` means; 0 or less: one a CPU.
inline int64_t worker_count(int64_t wanted) noexcept {
  // The CPUs are asked for only when needed: the answer costs a system call or two.
  const int64_t count = wanted > 0 ? wanted : int64_t{std::thread::hardware_concurrency()};
  return std::clamp(count, int64_t{1}, kMostThreads);
}

// As many threads as can be had, up to `wanted`: a machine short of them is no reason to stop,
// and the results do not depend on their number.
template <typename Work>
void start_threads(int64_t wanted, const Work& work, std::vector<std::thread>* threads) {
  try {
    threads->reserve(static_cast<size_t>(std::clamp(wanted, int64_t{0}, kMostThreads)));
    for (int64_t k = 0; k < wanted; ++k) threads->emplace_back(work);
  } catch (const std::exception&) {
  }
}

// Calls work() on that many threads, this one among them. What one of them throws ends as one
// bad_alloc, after all have ended.
template <typename Work>
void on_threads(int64_t threads, const Work& work) {
  std::atomic<bool> failed{false};
  const auto guarded = [&]() noexcept {
    try {
      work();
    } catch (...) {
      failed = true;
    }
  };
  std::vector<std::thread> pool;
  start_threads(threads - 1, guarded, &pool);
  guarded();
  for (std::thread& thread : pool) thread.join();
  if (failed) throw std::bad_alloc();
}

// Shares the numbers 0 .. count - 1 out in pieces of `piece`. make_worker() gives each thread what
// is called with the begin and the end of a piece. As on_threads; after a failure no piece begins.
template <typename MakeWorker>
void share_out(int64_t count, int64_t piece, int32_t workers, const MakeWorker& make_worker) {
  std::atomic<int64_t> next{0};
  std::atomic<bool> failed{false};
  const int64_t pieces = count / piece + (count % piece != 0 ? 1 : 0);
  on_threads(pieces > 1 ? std::min(worker_count(workers), pieces) : 1, [&] {
    try {
      auto worker = make_worker();
      for (;;) {
        const int64_t from = next.fetch_add(piece);
        if (from >= count || failed) return;
        worker(from, std::min(from + piece, count));
      }
    } catch (...) {
      failed = true;
      throw;
    }
  });
}

#else

// As above, of which a device needs this one.
template <typename MakeWorker>
void share_out(int64_t count, int64_t piece, int32_t, const MakeWorker& make_worker) {
  auto worker = make_worker();
  for (int64_t from = 0; from < count; from += std::min(piece, count - from)) {
    worker(from, from + std::min(piece, count - from));
  }
}

#endif

}  // namespace fl
