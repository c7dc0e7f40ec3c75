#include "scan/file_stamps.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <climits>
#include <cstring>

#include "core/threads.h"

namespace fl {

namespace {

// Files that a thread takes at a time: neighbours, whose folder the system has at hand.
constexpr int64_t kPiece = 512;

// The folder that names are taken from; looked up once, not once a name.
class Folder {
 public:
  explicit Folder(const char* path)
      : fd_(path == nullptr ? AT_FDCWD
                            : ::open(path, O_PATH | O_DIRECTORY | O_CLOEXEC)) {}
  ~Folder() {
    if (fd_ >= 0) ::close(fd_);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  // Of one that cannot be opened -1, with which every relative name fails, and absolute ones work.
  int fd() const noexcept { return fd_; }

 private:
  int fd_;
};

int64_t nanoseconds(const timespec& t) noexcept {
  // Wraps for a time of year 2262 or later, as another one that cannot be told apart: no error.
  return static_cast<int64_t>(static_cast<uint64_t>(t.tv_sec) * 1000000000U +
                              static_cast<uint64_t>(t.tv_nsec));
}

void stat_one(int folder, const char* text, int64_t length, fl_file_stamp* out) noexcept {
  *out = {-1, 0, 0};
  char name[PATH_MAX];  // no longer one can be opened
  const auto bytes = static_cast<size_t>(length);
  // A NUL inside would name another file.
  if (length < 1 || length >= PATH_MAX || std::memchr(text, 0, bytes) != nullptr) return;
  std::memcpy(name, text, bytes);
  name[bytes] = 0;
  struct stat info;
  if (::fstatat(folder, name, &info, 0) != 0 || !S_ISREG(info.st_mode)) return;
  *out = {static_cast<int64_t>(info.st_size), nanoseconds(info.st_mtim),
          nanoseconds(info.st_ctim)};
}

}  // namespace

void stat_files(const char* folder, const char* names, const int64_t* offsets, int64_t n,
                int32_t workers, fl_file_stamp* out) {
  if (n == 0) return;
  const Folder at(folder);
  const auto stamp = [&](int64_t from, int64_t to) {
    for (int64_t i = from; i < to; ++i) {
      stat_one(at.fd(), names + offsets[i], offsets[i + 1] - offsets[i], out + i);
    }
  };
  share_out(n, kPiece, workers, [&] { return stamp; });
}

}  // namespace fl
