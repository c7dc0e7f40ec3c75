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

}  // namespace

struct FileReader::Stamp {
  uint64_t size;
  int64_t mtime_ns;

  static bool of(int fd, struct stat* info, Stamp* stamp) noexcept {
    if (::fstat(fd, info) != 0) return false;
    stamp->size = static_cast<uint64_t>(info->st_size);
    stamp->mtime_ns = int64_t{info->st_mtim.tv_sec} * 1000000000 + info->st_mtim.tv_nsec;
    return true;
  }
  bool operator==(const Stamp& other) const noexcept {
    return size == other.size && mtime_ns == other.mtime_ns;
  }
};

FileReader::~FileReader() { close(); }

void FileReader::close() noexcept {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
  open_path_.clear();
}

fl_image_status FileReader::fail(fl_image_status status, const char* text) noexcept {
  std::snprintf(error_, sizeof error_, "%s", text);
  return status;
}

fl_image_status FileReader::open(const char* path) {
  if (fd_ >= 0 && open_path_ == path) return FL_IMAGE_OK;
  close();
  // O_NONBLOCK: opening a pipe that is named like a picture must not hang the scan.
  do {
    fd_ = ::open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  } while (fd_ < 0 && errno == EINTR);  // network file systems may be interrupted
  if (fd_ < 0) {
    const bool missing = errno == ENOENT || errno == ENOTDIR;
    return fail(missing ? FL_IMAGE_MISSING : FL_IMAGE_UNREADABLE, std::strerror(errno));
  }
  open_path_ = path;
  return FL_IMAGE_OK;
}

fl_image_status FileReader::read(const FilePart& part, uint64_t limit, uint64_t most) {
  const bool whole = part.offset == 0 && part.length == 0;
  for (int attempt = 0; attempt < 2; ++attempt) {
    bool changed = false;
    const fl_image_status status = read_once(part, limit, most, &changed);
    if (whole || status != FL_IMAGE_OK || changed) close();
    if (!changed) return status;
  }
  size_ = 0;
  return fail(FL_IMAGE_UNREADABLE, part.file_size > 0
                                       ? "the file has changed since it was listed: run it again"
                                       : "the file changes while it is read: run it again");
}

fl_image_status FileReader::read_once(const FilePart& part, uint64_t limit, uint64_t most,
                                      bool* changed) {
  size_ = 0;
  part_size_ = 0;
  const fl_image_status opened = open(part.path);
  if (opened != FL_IMAGE_OK) return opened;
  struct stat info;
  Stamp before;
  if (!Stamp::of(fd_, &info, &before)) return fail(FL_IMAGE_UNREADABLE, std::strerror(errno));
  if (!S_ISREG(info.st_mode)) return fail(FL_IMAGE_UNREADABLE, "not a regular file");
  if (part.file_size > 0 && !(before == Stamp{part.file_size, part.file_mtime_ns})) {
    *changed = true;
    return FL_IMAGE_OK;
  }
  const uint64_t rest = before.size > part.offset ? before.size - part.offset : 0;
  part_size_ = part.length > 0 ? std::min(part.length, rest) : rest;
  if (part_size_ == 0) return fail(FL_IMAGE_UNREADABLE, "empty file");
  if (part_size_ > limit) {
    std::snprintf(error_, sizeof error_, "%llu bytes, the limit is %llu",
                  static_cast<unsigned long long>(part_size_),
                  static_cast<unsigned long long>(limit));
    return FL_IMAGE_OVER_LIMIT;
  }
  const uint64_t wanted = std::min(part_size_, most);
  if (buffer_.capacity() > kKeep && wanted < kKeep) std::vector<uint8_t>().swap(buffer_);
  if (buffer_.size() < wanted) buffer_.resize(wanted);
  while (size_ < wanted) {
    const ssize_t n = ::pread(fd_, buffer_.data() + size_, wanted - size_,
                              static_cast<off_t>(part.offset + size_));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail(FL_IMAGE_UNREADABLE, std::strerror(errno));
    if (n == 0) break;  // shortened while we read
    size_ += static_cast<uint64_t>(n);
  }
  Stamp after;
  if (!Stamp::of(fd_, &info, &after)) return fail(FL_IMAGE_UNREADABLE, std::strerror(errno));
  *changed = !(before == after);
  return FL_IMAGE_OK;
}

}  // namespace fl
