// The scan: files or bytes in, one row an image and one row a box out, over a native pool.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "fastlabel/fastlabel.h"

namespace fl {

struct ScanBatch {
  std::vector<fl_scan_image> images;  // path pointers lead into `paths`
  std::vector<std::string> paths;
  std::vector<double> boxes;
  std::vector<int64_t> offsets;
  std::vector<fl_image_row> rows;
  std::vector<fl_box_row> box_rows;
  size_t next = 0;      // guarded by the scanner's mutex
  int64_t finished = 0; // likewise
};

class Scanner {
 public:
  explicit Scanner(const fl_scan_options& options);
  ~Scanner();
  Scanner(const Scanner&) = delete;
  Scanner& operator=(const Scanner&) = delete;

  fl_status submit(std::shared_ptr<ScanBatch> batch, int64_t* ticket);
  fl_status wait(int64_t ticket, int32_t timeout_ms, int64_t* done);
  fl_status collect(int64_t ticket, fl_image_row* rows, fl_box_row* box_rows);
  void cancel();

 private:
  void work();

  fl_scan_options options_;
  std::atomic<bool> cancelled_{false};
  std::mutex mutex_;
  std::condition_variable work_ready_, image_done_;
  std::deque<std::shared_ptr<ScanBatch>> queue_;  // batches with images not yet taken
  std::map<int64_t, std::shared_ptr<ScanBatch>> batches_;
  int64_t next_ticket_ = 1;
  bool closing_ = false;
  std::vector<std::thread> threads_;
};

// Headers of n files over a pool; never throws for a bad file.
void sniff_files(const char* const* paths, int64_t n, int32_t workers, fl_header* headers);

}  // namespace fl
