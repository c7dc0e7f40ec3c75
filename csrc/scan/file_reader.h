// Read-only access to one file at a time, into a buffer that is kept for the next.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "fastlabel/fastlabel.h"

namespace fl {

// A part of a file. `file_size` and `file_mtime_ns` are what the file had when the part was
// looked up; file_size 0 compares nothing.
struct FilePart {
  const char* path;
  uint64_t offset;
  uint64_t length;  // 0: to the end of the file
  uint64_t file_size;
  int64_t file_mtime_ns;
};

class FileReader {
 public:
  FileReader() = default;
  ~FileReader();
  FileReader(const FileReader&) = delete;
  FileReader& operator=(const FileReader&) = delete;

  // FL_IMAGE_OK, or MISSING, UNREADABLE, OVER_LIMIT with a text in error(). At most `most`
  // bytes are read; more than `limit` are refused. A file that changes meanwhile is read once
  // more, and then refused.
  fl_image_status read(const FilePart& part, uint64_t limit, uint64_t most);
  const uint8_t* data() const noexcept { return buffer_.data(); }
  uint64_t size() const noexcept { return size_; }            // bytes read
  uint64_t part_size() const noexcept { return part_size_; }  // bytes that there are to read
  const char* error() const noexcept { return error_; }

 private:
  struct Stamp;

  fl_image_status fail(fl_image_status status, const char* text) noexcept;
  fl_image_status open(const char* path);
  fl_image_status read_once(const FilePart& part, uint64_t limit, uint64_t most, bool* changed);
  void close() noexcept;

  std::vector<uint8_t> buffer_;
  uint64_t size_ = 0, part_size_ = 0;
  // An archive stays open from member to member.
  std::string open_path_;
  int fd_ = -1;
  char error_[120] = {};
};

}  // namespace fl
