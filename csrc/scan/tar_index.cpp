#include "scan/tar_index.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string_view>

namespace fl {

namespace {

constexpr uint64_t kBlock = 512;
// Longer extended headers (names, pax records) are no names: their member gets its short one.
constexpr uint64_t kMostExtra = uint64_t{1} << 20;

using Block = unsigned char[kBlock];

// Fields of a header block: POSIX.1-2017, pax, "ustar Interchange Format".
constexpr size_t kName = 0, kNameSize = 100;
constexpr size_t kSize = 124, kSizeSize = 12;
constexpr size_t kSum = 148, kSumSize = 8;
constexpr size_t kType = 156;
constexpr size_t kMagic = 257;
constexpr size_t kPrefix = 345, kPrefixSize = 155;
// Old GNU sparse headers: whether a block with more of the map follows.
constexpr size_t kMoreInHeader = 482, kMoreInBlock = 504;

// Octal text, or GNU's base 256 where the first bit is set. False: neither.
bool number(const unsigned char* field, size_t size, uint64_t* value) noexcept {
  uint64_t v = 0;
  if ((field[0] & 0x80) != 0) {
    if (field[0] != 0x80) return false;  // negative, or beyond 64 bits
    for (size_t k = 1; k < size; ++k) {
      if ((v >> 55) != 0) return false;
      v = (v << 8) | field[k];
    }
    *value = v;
    return true;
  }
  size_t k = 0;
  while (k < size && field[k] == ' ') ++k;
  for (; k < size && field[k] >= '0' && field[k] <= '7'; ++k) v = (v << 3) | (field[k] - '0');
  for (; k < size; ++k) {
    if (field[k] != ' ' && field[k] != 0) return false;
  }
  *value = v;
  return true;
}

// The sum of all bytes, the sum's own field as blanks; some old writers added signed chars.
bool sum_is_right(const Block& b) noexcept {
  uint64_t wanted = 0;
  if (!number(b + kSum, kSumSize, &wanted)) return false;
  uint64_t sum = 0;
  int64_t signed_sum = 0;
  for (size_t k = 0; k < kBlock; ++k) {
    const bool own = k >= kSum && k < kSum + kSumSize;
    sum += own ? ' ' : b[k];
    signed_sum += own ? ' ' : static_cast<signed char>(b[k]);
  }
  return sum == wanted || signed_sum == static_cast<int64_t>(wanted);
}

bool is_zero(const Block& b) noexcept {
  return std::all_of(b, b + kBlock, [](unsigned char c) { return c == 0; });
}

std::string_view text(const unsigned char* field, size_t size) noexcept {
  const auto* end = static_cast<const unsigned char*>(std::memchr(field, 0, size));
  return {reinterpret_cast<const char*>(field),
          end != nullptr ? static_cast<size_t>(end - field) : size};
}

uint64_t padded(uint64_t size) noexcept { return (size + kBlock - 1) / kBlock * kBlock; }

// What extended headers said of the members behind them.
struct Extra {
  std::string name;
  bool has_name = false, has_size = false, sparse = false;
  uint64_t size = 0;
};

// Records "LENGTH KEY=VALUE\n"; a malformed one ends the reading.
void read_pax(const std::string& records, Extra* extra) {
  size_t at = 0;
  while (at < records.size()) {
    uint64_t length = 0;
    size_t k = at;
    for (; k < records.size() && records[k] >= '0' && records[k] <= '9'; ++k) {
      length = length * 10 + static_cast<uint64_t>(records[k] - '0');
      if (length > records.size()) return;
    }
    if (k == at || k >= records.size() || records[k] != ' ') return;
    ++k;
    if (length > records.size() - at || at + length <= k) return;
    std::string_view record(records.data() + k, at + length - k);
    if (record.back() != '\n') return;
    record.remove_suffix(1);
    const size_t equals = record.find('=');
    if (equals == std::string_view::npos) return;
    const std::string_view key = record.substr(0, equals);
    const std::string_view value = record.substr(equals + 1);
    if (key == "path" || key == "GNU.sparse.name") {
      // A sparse file's own name beats the one made up for readers that don't know of it.
      if (!(key == "path" && extra->sparse && extra->has_name)) {
        extra->name = value;
        extra->has_name = true;
      }
    } else if (key == "size") {
      uint64_t size = 0;
      bool good = !value.empty() && value.size() < 20;
      for (const char c : value) {
        good = good && c >= '0' && c <= '9';
        size = size * 10 + static_cast<uint64_t>(c - '0');
      }
      if (good) {
        extra->size = size;
        extra->has_size = true;
      }
    }
    if (key.substr(0, 11) == "GNU.sparse.") extra->sparse = true;
    at += length;
  }
}

class Indexer {
 public:
  explicit Indexer(TarBytes& bytes) : bytes_(bytes), total_(bytes.size()) {}

  TarIndex run() {
    while (step()) {
    }
    index_.end_offset = at_;
    return std::move(index_);
  }

 private:
  bool stop(int32_t why) noexcept {
    index_.end = why;
    return false;
  }

  bool step() {
    if (at_ == total_) return stop(FL_TAR_END_FILE);
    if (total_ - at_ < kBlock) return stop(FL_TAR_END_CUT);
    Block b;
    if (!bytes_.read(at_, b, kBlock)) return stop(FL_TAR_END_UNREAD);
    if (is_zero(b)) return stop(rest_is_zero() ? FL_TAR_END_MARK : FL_TAR_END_MORE);
    uint64_t size = 0;
    if (!sum_is_right(b) || !number(b + kSize, kSizeSize, &size)) return stop(FL_TAR_END_DAMAGED);
    const unsigned char type = b[kType];
    const bool extension = type == 'x' || type == 'g' || type == 'L' || type == 'K';
    if (!extension && extra_.has_size) size = extra_.size;
    if (!extension && !extra_.has_size && global_.has_size) size = global_.size;
    uint64_t data = at_ + kBlock;
    if (type == 'S' && !skip_sparse_map(b, &data)) return stop(FL_TAR_END_CUT);
    if (type >= '1' && type <= '6') size = 0;  // links, devices and folders have no data
    const uint64_t there = std::min(size, total_ - data);
    if (extension) {
      if (there < size) return stop(FL_TAR_END_CUT);
      if (!read_extension(type, data, size)) return stop(FL_TAR_END_UNREAD);
    } else {
      add(b, type, data, there, size);
      extra_ = Extra{};
      if (there < size) {
        at_ = total_;
        return stop(FL_TAR_END_CUT);
      }
    }
    at_ = std::min(data + padded(size), total_);
    return true;
  }

  // Whether only zeros follow the end mark, as far as archives are padded.
  bool rest_is_zero() {
    Block b;
    for (uint64_t k = at_ + kBlock; k + kBlock <= total_; k += kBlock) {
      if (!bytes_.read(k, b, kBlock)) return true;
      if (!is_zero(b)) return false;
    }
    return true;
  }

  bool skip_sparse_map(const Block& header, uint64_t* data) {
    bool more = header[kMoreInHeader] != 0;
    while (more) {
      Block b;
      if (total_ - *data < kBlock || !bytes_.read(*data, b, kBlock)) return false;
      *data += kBlock;
      more = b[kMoreInBlock] != 0;
    }
    return true;
  }

  bool read_extension(unsigned char type, uint64_t data, uint64_t size) {
    if (type == 'K' || size == 0 || size > kMostExtra) return true;
    std::string content(size, '\0');
    if (!bytes_.read(data, content.data(), size)) return false;
    if (type == 'L') {
      extra_.name = content.substr(0, content.find('\0'));
      extra_.has_name = true;
    } else {
      read_pax(content, type == 'x' ? &extra_ : &global_);
    }
    return true;
  }

  void add(const Block& b, unsigned char type, uint64_t data, uint64_t there, uint64_t size) {
    const auto first = index_.names.size();
    if (extra_.has_name) {
      index_.names += extra_.name;
    } else {
      // GNU archives ("ustar " with a blank) keep other things where ustar has the prefix.
      if (std::memcmp(b + kMagic, "ustar", 6) == 0 && b[kPrefix] != 0) {
        index_.names += text(b + kPrefix, kPrefixSize);
        index_.names += '/';
      }
      index_.names += text(b + kName, kNameSize);
    }
    const auto length = index_.names.size() - first;
    fl_tar_member m = {};
    m.header = at_;
    m.offset = data;
    m.size = there;
    m.declared = size;
    m.name_offset = first;
    m.name_length = length;
    m.kind = kind_of(type, length > 0 && index_.names.back() == '/');
    index_.members.push_back(m);
  }

  int32_t kind_of(unsigned char type, bool folder) const noexcept {
    if (type == 'S' || extra_.sparse || global_.sparse) return FL_TAR_SPARSE;
    switch (type) {
      case '0':
      case 0:
      case '7':
        return folder ? FL_TAR_FOLDER : FL_TAR_FILE;
      case '1':
      case '2':
        return FL_TAR_LINK;
      case '5':
      case 'D':
        return FL_TAR_FOLDER;
      default:
        return FL_TAR_OTHER;
    }
  }

  TarBytes& bytes_;
  const uint64_t total_;
  uint64_t at_ = 0;
  Extra extra_, global_;
  TarIndex index_;
};

class FileBytes final : public TarBytes {
 public:
  FileBytes(int fd, uint64_t size) noexcept : fd_(fd), size_(size) {}
  uint64_t size() const noexcept override { return size_; }
  bool read(uint64_t offset, void* to, size_t n) noexcept override {
    size_t done = 0;
    while (done < n) {
      const ssize_t got = ::pread(fd_, static_cast<char*>(to) + done, n - done,
                                  static_cast<off_t>(offset + done));
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) return false;
      done += static_cast<size_t>(got);
    }
    return true;
  }

 private:
  int fd_;
  uint64_t size_;
};

struct Closer {
  int fd;
  ~Closer() {
    if (fd >= 0) ::close(fd);
  }
};

}  // namespace

TarIndex index_tar(TarBytes& bytes) { return Indexer(bytes).run(); }

fl_image_status index_tar_file(const char* path, TarIndex* index, uint64_t* size,
                               int64_t* mtime_ns, std::string* error) {
  Closer file{-1};
  do {
    file.fd = ::open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  } while (file.fd < 0 && errno == EINTR);
  struct stat info;
  if (file.fd < 0 || ::fstat(file.fd, &info) != 0) {
    *error = std::strerror(errno);
    return errno == ENOENT || errno == ENOTDIR ? FL_IMAGE_MISSING : FL_IMAGE_UNREADABLE;
  }
  if (!S_ISREG(info.st_mode)) {
    *error = "not a regular file";
    return FL_IMAGE_UNREADABLE;
  }
  *size = static_cast<uint64_t>(info.st_size);
  *mtime_ns = int64_t{info.st_mtim.tv_sec} * 1000000000 + info.st_mtim.tv_nsec;
  FileBytes bytes(file.fd, *size);
  *index = index_tar(bytes);
  return FL_IMAGE_OK;
}

}  // namespace fl
