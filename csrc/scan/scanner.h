// The scan: files or bytes in, one row an image and one row a box out, over a native pool.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "codec/jpeg.h"
#include "fastlabel/fastlabel.h"
#include "scan/batch_pool.h"
#include "scan/file_reader.h"
#include "scan/read_ahead.h"

namespace fl {

struct ScanBatch {
  std::vector<fl_scan_image> images;  // path pointers lead into `paths`
  std::vector<std::string> paths;
  std::vector<double> boxes;
  std::vector<int64_t> offsets;
  std::vector<fl_image_row> rows;
  std::vector<fl_box_row> box_rows;

  size_t size() const noexcept { return images.size(); }
  size_t next = 0, finished = 0;    // the pool's
  std::atomic<size_t> reached{0};  // images that a worker has begun with
};

// The boxes of one image, mapped into its stored raster.
class ImageBoxes final : public BoxSource {
 public:
  void set(const double* boxes, int64_t n, int32_t orientation, bool turned);
  const std::vector<PixelBox>& boxes_for(int64_t width, int64_t height) override;

 private:
  const double* boxes_ = nullptr;
  int64_t n_ = 0;
  int32_t orientation_ = 1;
  std::vector<PixelBox> mapped_;
};

// What one worker keeps from image to image.
struct ScanWorker {
  FileReader file;
  LumaStats stats;
  ImageBoxes boxes;
};

class Scanner {
 public:
  explicit Scanner(const fl_scan_options& options);

  fl_status submit(std::shared_ptr<ScanBatch> batch, int64_t* ticket) {
    ahead_.add(batch);
    return pool_.submit(std::move(batch), ticket);
  }
  fl_status wait(int64_t ticket, int32_t timeout_ms, int64_t* done) {
    return pool_.wait(ticket, timeout_ms, done);
  }
  fl_status collect(int64_t ticket, fl_image_row* rows, fl_box_row* box_rows);
  void cancel() { pool_.cancel(); }

 private:
  ReadAhead ahead_;  // before the pool, whose threads tell it
  BatchPool<ScanBatch, ScanWorker> pool_;
};

// Headers of n files over a pool; never throws for a bad file.
void sniff_files(const char* const* paths, int64_t n, int32_t workers, fl_header* headers);

}  // namespace fl
