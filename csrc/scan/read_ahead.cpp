#include "scan/read_ahead.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>

#include "core/threads.h"
#include "scan/scanner.h"

namespace fl {

namespace {

// From the system's cache a picture comes in a few dozen microseconds.
constexpr int64_t kSlow = 250'000;
// One slow file says that the next ones are not in the cache either.
constexpr int64_t kBudget = 256;
// A disk serves several requests at a time, and most of the wait is for inodes.
constexpr int64_t kThreads = 6;

void fetch(const char* path) noexcept {
#if defined(POSIX_FADV_WILLNEED)
  // O_NONBLOCK: as FileReader opens, for a pipe that is named like a picture.
  const int fd = ::open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return;
  ::posix_fadvise(fd, 0, 0, POSIX_FADV_WILLNEED);
  ::close(fd);
#else
  static_cast<void>(path);
#endif
}

}  // namespace

ReadAhead::~ReadAhead() {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    closing_ = true;
  }
  wanted_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void ReadAhead::add(std::shared_ptr<ScanBatch> batch) {
  std::lock_guard<std::mutex> lock(mutex_);
  // Batches that the workers have been through meanwhile.
  while (!queue_.empty() && queue_.front()->reached.load() >= queue_.front()->size()) {
    queue_.pop_front();
    next_ = 0;
  }
  queue_.push_back(std::move(batch));
  if (budget_ > 0) wanted_.notify_all();
}

void ReadAhead::read_took(int64_t nanoseconds) {
  if (nanoseconds < kSlow) return;
  std::lock_guard<std::mutex> lock(mutex_);
  budget_ = kBudget;
  if (threads_.empty()) start_threads(kThreads, [this] { work(); }, &threads_);
  wanted_.notify_all();
}

bool ReadAhead::idle() {
  std::lock_guard<std::mutex> lock(mutex_);
  return busy_ == 0 && (budget_ == 0 || queue_.empty());
}

std::shared_ptr<ScanBatch> ReadAhead::next_item(size_t* item) {
  while (!queue_.empty()) {
    const std::shared_ptr<ScanBatch> batch = queue_.front();
    next_ = std::max(next_, batch->reached.load());
    if (next_ < batch->size()) {
      *item = next_++;
      return batch;
    }
    queue_.pop_front();
    next_ = 0;
  }
  return nullptr;
}

void ReadAhead::work() noexcept {
  std::unique_lock<std::mutex> lock(mutex_);
  while (!closing_) {
    size_t item = 0;
    const std::shared_ptr<ScanBatch> batch = budget_ > 0 ? next_item(&item) : nullptr;
    if (batch == nullptr) {
      wanted_.wait(lock);
      continue;
    }
    --budget_;
    ++busy_;
    lock.unlock();
    const fl_scan_image& image = batch->images[item];
    // Members of an archive follow each other: the system sees that by itself.
    if (image.data == nullptr && image.path != nullptr && image.offset == 0) fetch(image.path);
    lock.lock();
    --busy_;
  }
}

}  // namespace fl
