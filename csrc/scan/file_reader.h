// Read-only access to one file at a time, into a buffer that is kept for the next.
#pragma once

#include <cstdint>
#include <vector>

#include "fastlabel/fastlabel.h"

namespace fl {

class FileReader {
 public:
  // FL_IMAGE_OK, or MISSING, UNREADABLE, OVER_LIMIT with a text in error().
  // At most `most` bytes are read; a file longer than `limit` is refused.
  fl_image_status read(const char* path, uint64_t limit, uint64_t most);
  const uint8_t* data() const noexcept { return buffer_.data(); }
  uint64_t size() const noexcept { return size_; }        // bytes read
  uint64_t file_size() const noexcept { return file_size_; }
  const char* error() const noexcept { return error_; }

 private:
  fl_image_status fail(fl_image_status status, const char* text) noexcept;

  std::vector<uint8_t> buffer_;
  uint64_t size_ = 0, file_size_ = 0;
  char error_[120] = {};
};

}  // namespace fl
