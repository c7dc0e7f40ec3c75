// The tar index: what it says of sound archives, and that no bytes at all lead it astray.
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

#include "check.h"
#include "scan/tar_index.h"

namespace {

class Memory final : public fl::TarBytes {
 public:
  explicit Memory(const std::string& bytes) : bytes_(bytes) {}
  uint64_t size() const noexcept override { return bytes_.size(); }
  bool read(uint64_t offset, void* to, size_t n) noexcept override {
    // Within the archive, or the indexer would read past its end.
    if (offset > bytes_.size() || n > bytes_.size() - offset) {
      ++out_of_bounds;
      return false;
    }
    std::memcpy(to, bytes_.data() + offset, n);
    return true;
  }
  int out_of_bounds = 0;

 private:
  const std::string& bytes_;
};

std::string header(const std::string& name, uint64_t size, char type) {
  std::string b(512, '\0');
  b.replace(0, std::min<size_t>(name.size(), 100), name, 0, 100);
  char text[16];
  std::snprintf(text, sizeof text, "%011llo", static_cast<unsigned long long>(size));
  b.replace(124, 11, text);
  b[156] = type;
  b.replace(257, 8, std::string("ustar\0" "00", 8));
  b.replace(148, 8, "        ");
  unsigned sum = 0;
  for (const char c : b) sum += static_cast<unsigned char>(c);
  std::snprintf(text, sizeof text, "%06o", sum);
  b.replace(148, 8, std::string(text, 6) + std::string("\0 ", 2));
  return b;
}

std::string padded(std::string data) {
  data.resize((data.size() + 511) / 512 * 512);
  return data;
}

std::string member(const std::string& name, const std::string& data, char type = '0') {
  return header(name, data.size(), type) + padded(data);
}

std::string archive() {
  const std::string longer(300, 'n');
  return member("a.jpg", "content") + member("././@LongLink", longer + '\0', 'L') +
         member("short", "x") + member("pax", "21 path=from pax.jpg\n", 'x') + member("p", "yy") +
         header("link.jpg", 0, '2') + header("folder/", 0, '5') + member("last.png", "zzz") +
         std::string(1024, '\0');
}

fl::TarIndex index(const std::string& bytes) {
  Memory memory(bytes);
  fl::TarIndex found = fl::index_tar(memory);
  CHECK(memory.out_of_bounds == 0);
  for (const fl_tar_member& m : found.members) {
    CHECK(m.offset + m.size <= bytes.size() && m.size <= m.declared);
    CHECK(m.name_offset + m.name_length <= found.names.size());
  }
  return found;
}

std::string name_of(const fl::TarIndex& t, size_t k) {
  return t.names.substr(t.members[k].name_offset, t.members[k].name_length);
}

void sound_archives() {
  const std::string bytes = archive();
  const fl::TarIndex t = index(bytes);
  CHECK(t.end == FL_TAR_END_MARK && t.members.size() == 6);
  CHECK(name_of(t, 0) == "a.jpg" && name_of(t, 1) == std::string(300, 'n'));
  CHECK(name_of(t, 2) == "from pax.jpg" && name_of(t, 5) == "last.png");
  CHECK(t.members[3].kind == FL_TAR_LINK && t.members[4].kind == FL_TAR_FOLDER);
  CHECK(bytes.substr(t.members[5].offset, t.members[5].size) == "zzz");
  CHECK(index("").members.empty());
}

void every_cut_is_told() {
  const std::string bytes = archive();
  const std::string body = bytes.substr(0, bytes.size() - 1024);
  for (size_t n = 1; n < body.size(); n += 7) {
    const int32_t end = index(body.substr(0, n)).end;
    CHECK(end == FL_TAR_END_CUT || end == FL_TAR_END_FILE);
  }
  CHECK(index(body).end == FL_TAR_END_FILE);
  CHECK(index(bytes + bytes).end == FL_TAR_END_MORE);
}

void sizes_beyond_all_bounds() {
  for (const char* text : {"77777777777", "\x80\x00\x00\x00\x7f\xff\xff\xff\xff\xff\xff",
                           "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"}) {
    std::string b = header("huge.jpg", 0, '0');
    std::memcpy(b.data() + 124, text, 11);
    b.replace(148, 8, "        ");
    unsigned sum = 0;
    for (const char c : b) sum += static_cast<unsigned char>(c);
    char digits[8];
    std::snprintf(digits, sizeof digits, "%06o", sum);
    b.replace(148, 6, digits, 6);
    b[154] = '\0';
    const fl::TarIndex t = index(b + std::string(600, 'x'));
    CHECK(t.end == FL_TAR_END_CUT || t.end == FL_TAR_END_DAMAGED);
  }
  const std::string pax = "30 size=99999999999999999999\n" "26 size=18446744073709551615\n";
  index(member("x", pax, 'x') + member("a.jpg", "data") + std::string(1024, '\0'));
}

void mutated_archives() {
  const std::string bytes = archive();
  test::Random r(7);
  for (int round = 0; round < 20000; ++round) {
    std::string other = bytes;
    for (int64_t k = 1 + r.below(6); k > 0; --k) {
      other[size_t(r.below(int64_t(other.size())))] = char(r.byte());
    }
    // Sums that fit, so that the changes are read and not refused at once.
    for (size_t at = 0; at + 512 <= other.size(); at += 512) {
      if (other.compare(at + 257, 5, "ustar") != 0) continue;
      other.replace(at + 148, 8, "        ");
      unsigned sum = 0;
      for (size_t k = at; k < at + 512; ++k) sum += static_cast<unsigned char>(other[k]);
      char digits[8];
      std::snprintf(digits, sizeof digits, "%06o", sum);
      other.replace(at + 148, 6, digits, 6);
    }
    if (r.below(4) == 0) other.resize(size_t(r.below(int64_t(other.size()))));
    index(other);
  }
}

void through_the_c_abi() {
  fl_tar_summary summary;
  fl_tar* tar = nullptr;
  CHECK(fl_tar_index("/nonexistent/x.tar", &summary, &tar) == FL_OK);
  CHECK(summary.status == FL_IMAGE_MISSING && summary.members == 0);
  fl_tar_destroy(tar);
  CHECK(fl_tar_index("/", &summary, &tar) == FL_OK && summary.status == FL_IMAGE_UNREADABLE);
  CHECK(fl_tar_copy(tar, nullptr, nullptr) == FL_OK);
  fl_tar_destroy(tar);
  CHECK(fl_tar_index(nullptr, &summary, &tar) == FL_ERROR_ARGUMENT);
  CHECK(fl_tar_copy(nullptr, nullptr, nullptr) == FL_ERROR_ARGUMENT);

  char path[] = "/tmp/fastlabel-test-XXXXXX";
  const int fd = ::mkstemp(path);
  const std::string bytes = archive();
  CHECK(fd >= 0 && ::write(fd, bytes.data(), bytes.size()) == ssize_t(bytes.size()));
  ::close(fd);
  CHECK(fl_tar_index(path, &summary, &tar) == FL_OK);
  CHECK(summary.status == FL_IMAGE_OK && summary.members == 6);
  CHECK(summary.file_size == bytes.size() && summary.file_mtime_ns > 0);
  CHECK(fl_tar_copy(tar, nullptr, nullptr) == FL_ERROR_ARGUMENT);
  std::vector<fl_tar_member> members(6);
  std::string names(summary.names, '\0');
  CHECK(fl_tar_copy(tar, members.data(), names.data()) == FL_OK);
  CHECK(names.compare(0, 5, "a.jpg") == 0);
  fl_tar_destroy(tar);
  ::unlink(path);
}

}  // namespace

int main() {
  sound_archives();
  every_cut_is_told();
  sizes_beyond_all_bounds();
  mutated_archives();
  through_the_c_abi();
  return test::finish("tar");
}
