// Batches of work over a pool of threads: queued, waited for with a time limit, collected whole.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <new>
#include <thread>
#include <vector>

#if defined(__linux__)
#include <pthread.h>
#endif

#include "core/threads.h"
#include "fastlabel/fastlabel.h"

namespace fl {

// What tools that list threads call this one.
inline void name_this_thread() noexcept {
#if defined(__linux__)
  pthread_setname_np(pthread_self(), "fastlabel-pool");
#endif
}

// Batch has size(), `next` and `finished`, both 0 at first and the pool's own. Worker is what one
// thread keeps from item to item.
template <typename Batch, typename Worker>
class BatchPool {
 public:
  // Does item i of a batch; it throws nothing, and ends early once the flag is set.
  using Run = std::function<void(Batch&, size_t i, const std::atomic<bool>* cancelled, Worker&)>;

  BatchPool(int32_t workers, Run run) : run_(std::move(run)) {
    const auto start = [this] {
      name_this_thread();
      work();
    };
    start_threads(worker_count(workers), start, &threads_);
    if (threads_.empty()) throw std::bad_alloc();
  }
  ~BatchPool() {
    cancel();
    {
      std::lock_guard<std::mutex> lock(mutex_);
      closing_ = true;
    }
    work_ready_.notify_all();
    for (std::thread& t : threads_) t.join();
  }
  BatchPool(const BatchPool&) = delete;
  BatchPool& operator=(const BatchPool&) = delete;

  fl_status submit(std::shared_ptr<Batch> batch, int64_t* ticket) {
    std::lock_guard<std::mutex> lock(mutex_);
    if (cancelled_) return FL_ERROR_CANCELLED;
    *ticket = next_ticket_++;
    if (batch->size() > 0) queue_.push_back(batch);
    batches_[*ticket] = std::move(batch);
    work_ready_.notify_all();
    return FL_OK;
  }

  fl_status wait(int64_t ticket, int32_t timeout_ms, int64_t* done) {
    std::unique_lock<std::mutex> lock(mutex_);
    const auto found = batches_.find(ticket);
    if (found == batches_.end()) return FL_ERROR_ARGUMENT;
    const std::shared_ptr<Batch> batch = found->second;
    const size_t all = batch->size();
    item_done_.wait_for(lock, std::chrono::milliseconds(timeout_ms),
                        [&] { return cancelled_ || batch->finished == all; });
    if (done != nullptr) *done = static_cast<int64_t>(batch->finished);
    if (cancelled_) return FL_ERROR_CANCELLED;
    return batch->finished == all ? FL_OK : FL_ERROR_TIMEOUT;
  }

  // Takes a finished batch out of the pool.
  fl_status collect(int64_t ticket, std::shared_ptr<Batch>* batch) {
    std::lock_guard<std::mutex> lock(mutex_);
    const auto found = batches_.find(ticket);
    if (found == batches_.end()) return FL_ERROR_ARGUMENT;
    if (cancelled_) return FL_ERROR_CANCELLED;
    if (found->second->finished != found->second->size()) return FL_ERROR_TIMEOUT;
    *batch = std::move(found->second);
    batches_.erase(found);
    return FL_OK;
  }

  void cancel() {
    {
      std::lock_guard<std::mutex> lock(mutex_);
      cancelled_ = true;
      queue_.clear();
    }
    item_done_.notify_all();
  }

 private:
  void work() {
    Worker worker;
    std::unique_lock<std::mutex> lock(mutex_);
    for (;;) {
      work_ready_.wait(lock, [this] { return closing_ || (!queue_.empty() && !cancelled_); });
      if (closing_) return;
      const std::shared_ptr<Batch> batch = queue_.front();
      const size_t i = batch->next++;
      if (batch->next == batch->size()) queue_.pop_front();
      lock.unlock();
      run_(*batch, i, &cancelled_, worker);
      lock.lock();
      ++batch->finished;
      if (batch->finished == batch->size() || cancelled_) item_done_.notify_all();
    }
  }

  Run run_;
  std::atomic<bool> cancelled_{false};
  std::mutex mutex_;
  std::condition_variable work_ready_, item_done_;
  std::deque<std::shared_ptr<Batch>> queue_;  // batches with items not yet taken
  std::map<int64_t, std::shared_ptr<Batch>> batches_;
  int64_t next_ticket_ = 1;
  bool closing_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace fl
