// Files that the scan comes to next, asked of the disk before their turn.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace fl {

struct ScanBatch;

// A worker that waits for a disk decodes nothing, and two of them keep no disk busy. Where
// reading was slow, some more threads open the files behind it and ask the system to fetch
// them; where files come from its cache, they sleep. Nothing is read here: what the scan finds
// does not depend on it.
class ReadAhead {
 public:
  ReadAhead() = default;
  ~ReadAhead();
  ReadAhead(const ReadAhead&) = delete;
  ReadAhead& operator=(const ReadAhead&) = delete;

  // A batch whose turn comes after those given before.
  void add(std::shared_ptr<ScanBatch> batch);
  // Reading a file took so long.
  void read_took(int64_t nanoseconds);
  // Whether all that is wanted for now has been asked for.
  bool idle();

 private:
  void work() noexcept;
  std::shared_ptr<ScanBatch> next_item(size_t* item);

  std::mutex mutex_;
  std::condition_variable wanted_;
  std::deque<std::shared_ptr<ScanBatch>> queue_;  // batches with files not yet asked for
  size_t next_ = 0;                               // of the first of them
  int64_t budget_ = 0;                            // files to ask for before sleeping again
  int64_t busy_ = 0;                              // files being asked for
  bool closing_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace fl
