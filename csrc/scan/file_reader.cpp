#include "scan/file_reader.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>

namespace fl {

namespace {

// A buffer above this size is given back rather than kept for the next file.
constexpr size_t kKeep = size_t{16} << 20;

struct Descriptor {
  int fd;
  ~Descriptor() {
    if (fd >= 0) ::close(fd);
  }
};

}  // namespace

fl_image_status FileReader::fail(fl_image_status status, const char* text) noexcept {
  std::snprintf(error_, sizeof error_, "%s", text);
  return status;
}

fl_image_status FileReader::read(const char* path, uint64_t limit, uint64_t most) {
  size_ = 0;
  file_size_ = 0;
  // O_NONBLOCK: opening a pipe that is named like a picture must not hang the scan.
  Descriptor file{-1};
  do {
    file.fd = ::open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  } while (file.fd < 0 && errno == EINTR);  // network file systems may be interrupted
  if (file.fd < 0) {
    const bool missing = errno == ENOENT || errno == ENOTDIR;
    return fail(missing ? FL_IMAGE_MISSING : FL_IMAGE_UNREADABLE, std::strerror(errno));
  }
  struct stat info;
  if (::fstat(file.fd, &info) != 0) return fail(FL_IMAGE_UNREADABLE, std::strerror(errno));
  if (!S_ISREG(info.st_mode)) return fail(FL_IMAGE_UNREADABLE, "not a regular file");
  file_size_ = static_cast<uint64_t>(info.st_size);
  if (file_size_ == 0) return fail(FL_IMAGE_UNREADABLE, "empty file");
  if (file_size_ > limit) {
    std::snprintf(error_, sizeof error_, "%llu bytes, the limit is %llu",
                  static_cast<unsigned long long>(file_size_),
                  static_cast<unsigned long long>(limit));
    return FL_IMAGE_OVER_LIMIT;
  }
  const uint64_t wanted = std::min(file_size_, most);
  if (buffer_.capacity() > kKeep && wanted < kKeep) std::vector<uint8_t>().swap(buffer_);
  if (buffer_.size() < wanted) buffer_.resize(wanted);
  while (size_ < wanted) {
    const ssize_t n = ::read(file.fd, buffer_.data() + size_, wanted - size_);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail(FL_IMAGE_UNREADABLE, std::strerror(errno));
    if (n == 0) break;  // shortened while we read: what is there counts
    size_ += static_cast<uint64_t>(n);
  }
  return FL_IMAGE_OK;
}

}  // namespace fl
