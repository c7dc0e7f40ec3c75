// Many files and many pieces of memory in one call: fl_stat_files beside stat(), fl_hash_slices
// beside what the reference implementation of XXH3 says.
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include <climits>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "check.h"
#include "fastlabel/fastlabel.h"

namespace {

// Names one behind the other, as fl_stat_files takes them, in a block of exactly their bytes.
struct Names {
  explicit Names(const std::vector<std::string>& texts) : offsets{0} {
    for (const std::string& text : texts) {
      bytes.insert(bytes.end(), text.begin(), text.end());
      offsets.push_back(static_cast<int64_t>(bytes.size()));
    }
    bytes.shrink_to_fit();
  }
  std::vector<char> bytes;
  std::vector<int64_t> offsets;
};

std::vector<fl_file_stamp> stamps(const char* folder, const std::vector<std::string>& texts,
                                  int32_t workers) {
  const Names names(texts);
  std::vector<fl_file_stamp> out(texts.size(), fl_file_stamp{-7, -7, -7});
  CHECK(fl_stat_files(folder, names.bytes.data(), names.offsets.data(),
                      static_cast<int64_t>(texts.size()), workers, out.data()) == FL_OK);
  return out;
}

bool same(const fl_file_stamp& a, const fl_file_stamp& b) {
  return a.size == b.size && a.mtime_ns == b.mtime_ns && a.ctime_ns == b.ctime_ns;
}

// One file as the system describes it.
fl_file_stamp oracle(const std::string& path) {
  struct stat info;
  if (path.find('\0') != std::string::npos || ::stat(path.c_str(), &info) != 0 ||
      !S_ISREG(info.st_mode)) {
    return {-1, 0, 0};
  }
  return {info.st_size, info.st_mtim.tv_sec * 1000000000 + info.st_mtim.tv_nsec,
          info.st_ctim.tv_sec * 1000000000 + info.st_ctim.tv_nsec};
}

// A folder with everything that can stand where a picture is looked for.
class Folder {
 public:
  Folder() {
    char name[] = "/tmp/fastlabel-files-XXXXXX";
    if (::mkdtemp(name) == nullptr) std::abort();
    path_ = name;
    for (int k = 0; k < 1300; ++k) file(std::to_string(k), static_cast<size_t>(k % 50));
    for (int k = 0; k < 40; ++k) {
      // Before 1970 and far after, with parts of a second.
      const timeval times[2] = {{0, 0}, {(k - 20) * 86400000L, k * 24999L}};
      CHECK(::utimes((path_ + "/" + std::to_string(k)).c_str(), times) == 0);
    }
    file("\xff\xfe name.jpg", 3);
    CHECK(::mkdir((path_ + "/sub").c_str(), 0700) == 0);
    file("sub/deep", 11);
    CHECK(::symlink("sub/deep", (path_ + "/link").c_str()) == 0);
    CHECK(::symlink("nothing", (path_ + "/dangling").c_str()) == 0);
    CHECK(::symlink("loop", (path_ + "/loop").c_str()) == 0);
    CHECK(::mkfifo((path_ + "/pipe").c_str(), 0600) == 0);
    made_.insert(made_.end(), {"link", "dangling", "loop", "pipe"});
  }
  ~Folder() {
    for (const std::string& name : made_) ::unlink((path_ + "/" + name).c_str());
    ::rmdir((path_ + "/sub").c_str());
    ::rmdir(path_.c_str());
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  const std::string& path() const { return path_; }

 private:
  void file(const std::string& name, size_t bytes) {
    std::FILE* stream = std::fopen((path_ + "/" + name).c_str(), "wb");
    if (stream == nullptr) std::abort();
    std::fwrite(std::string(bytes, 'x').data(), 1, bytes, stream);
    std::fclose(stream);
    made_.push_back(name);
  }
  std::string path_;
  std::vector<std::string> made_;
};

void stamps_are_those_of_stat(const Folder& folder) {
  std::vector<std::string> names;
  for (int k = 0; k < 1300; ++k) names.push_back(std::to_string(k));
  for (const char* name : {"link", "sub/deep", "sub/../7", "./8", "\xff\xfe name.jpg", "missing",
                           "sub", "pipe", "dangling", "loop", "7/x", "", ".", "sub/"}) {
    names.emplace_back(name);
  }
  names.push_back(folder.path() + "/9");
  names.emplace_back("7\0", 2);
  names.emplace_back("\0", 1);
  names.emplace_back(PATH_MAX - 1, 'x');
  names.emplace_back(PATH_MAX, 'x');
  names.emplace_back(100000, '/');
  for (const int32_t workers : {0, 1, 2, 7}) {
    const std::vector<fl_file_stamp> found = stamps(folder.path().c_str(), names, workers);
    size_t files = 0;
    for (size_t k = 0; k < names.size(); ++k) {
      const bool absolute = !names[k].empty() && names[k][0] == '/';
      const fl_file_stamp expected =
          names[k].empty() ? fl_file_stamp{-1, 0, 0}
                           : oracle(absolute ? names[k] : folder.path() + "/" + names[k]);
      CHECK(same(found[k], expected));
      files += found[k].size >= 0;
    }
    CHECK(files == 1306);
  }
}

void stamps_without_a_folder(const Folder& folder) {
  const std::vector<std::string> names = {folder.path() + "/20", "20"};
  for (const std::string& none : {std::string("/nowhere"), std::string(), names[0]}) {
    const std::vector<fl_file_stamp> found = stamps(none.c_str(), names, 1);
    CHECK(same(found[0], oracle(names[0])) && found[0].size == 20);
    CHECK(same(found[1], {-1, 0, 0}));
  }
  char here[PATH_MAX];
  CHECK(::getcwd(here, sizeof here) != nullptr && ::chdir(folder.path().c_str()) == 0);
  CHECK(same(stamps(nullptr, names, 1)[1], oracle(names[0])));
  CHECK(::chdir(here) == 0);
}

void stamps_refuse() {
  const int64_t none[] = {0};
  const int64_t one[] = {0, 1};
  const int64_t falling[] = {0, 2, 1};
  const int64_t late[] = {1, 1};
  const char name[] = "ab";
  fl_file_stamp out[2] = {{-7, -7, -7}, {-7, -7, -7}};
  CHECK(fl_stat_files(nullptr, nullptr, none, 0, 0, nullptr) == FL_OK);
  CHECK(fl_stat_files(nullptr, name, nullptr, 0, 0, out) == FL_ERROR_ARGUMENT);
  CHECK(fl_stat_files(nullptr, name, one, -1, 0, out) == FL_ERROR_ARGUMENT);
  CHECK(fl_stat_files(nullptr, name, one, 1, -1, out) == FL_ERROR_ARGUMENT);
  CHECK(fl_stat_files(nullptr, name, one, 1, 4097, out) == FL_ERROR_ARGUMENT);
  CHECK(fl_stat_files(nullptr, name, one, 1, 0, nullptr) == FL_ERROR_ARGUMENT);
  CHECK(fl_stat_files(nullptr, nullptr, one, 1, 0, out) == FL_ERROR_ARGUMENT);
  CHECK(fl_stat_files(nullptr, name, falling, 2, 0, out) == FL_ERROR_ARGUMENT);
  CHECK(fl_stat_files(nullptr, name, late, 1, 0, out) == FL_ERROR_ARGUMENT);
  CHECK(same(out[0], {-7, -7, -7}) && same(out[1], {-7, -7, -7}));
}

// By the reference implementation (xxHash 0.8), of the first bytes of pattern().
const std::pair<size_t, const char*> kKnown[] = {
    {0, "99aa06d3014798d86001c324468d497f"},
    {1, "885f487031a569684a4139caf4136257"},
    {3, "e4ee4c01e3f7537633c3ce1166e5997a"},
    {4, "6da655ecfa042a924277f2a9a34972b6"},
    {8, "ca2a23fa156730371da66cb07b6554da"},
    {9, "6baa766bbc5b83909123c815a4a4a38a"},
    {16, "8b5533ba8f3a80af742eaae15978df3b"},
    {17, "a30b843eb31396c51e1fb97bea367cb4"},
    {33, "c6447d32350d544c800f993b68504c26"},
    {128, "8d518b499432c087b463ea7ec3da164d"},
    {129, "0dd5926826309c676970c9eea30ccc54"},
    {160, "0d795fb202d131b5676f0ecc045bbeb5"},
    {240, "d2401c398d3bd733496deb36668cfdeb"},
    {241, "99c7c4dc8a7e319a334d8a4c84c72f30"},
    {1024, "9a11f6dc187a51a54adcaceb384e2d8b"},
    {1025, "300815324ffb425cf9513431d9e5b47a"},
    {5000, "481982a70df0c94c0e14a4f97a017b1d"},
};

std::vector<uint8_t> pattern(size_t n) {
  std::vector<uint8_t> out(n);
  for (size_t k = 0; k < n; ++k) out[k] = static_cast<uint8_t>(k * 37 + n * 11 + (k >> 8));
  return out;
}

std::string hex(const uint8_t* hash) {
  std::string out;
  char two[3];
  for (int k = 0; k < 16; ++k) {
    std::snprintf(two, sizeof two, "%02x", hash[k]);
    out += two;
  }
  return out;
}

void hashes_are_those_of_each_slice() {
  const char* tiers[8];
  const int32_t known = fl_isa_available(tiers, 8);
  test::Random r(11);
  for (int32_t t = 0; t < known; ++t) {
    CHECK(fl_isa_select(tiers[t]) == FL_OK);
    std::vector<uint8_t> data;
    std::vector<int64_t> offsets = {0};
    std::vector<size_t> of;
    for (int round = 0; round < 4; ++round) {
      for (size_t k = 0; k < std::size(kKnown); ++k) {
        // In any order, so that a slice begins at any address.
        const size_t which = round == 0 ? k : static_cast<size_t>(r.below(std::size(kKnown)));
        const std::vector<uint8_t> slice = pattern(kKnown[which].first);
        data.insert(data.end(), slice.begin(), slice.end());
        offsets.push_back(static_cast<int64_t>(data.size()));
        of.push_back(which);
      }
    }
    data.shrink_to_fit();
    std::vector<uint8_t> out(16 * of.size());
    CHECK(fl_hash_slices(data.data(), offsets.data(), static_cast<int64_t>(of.size()),
                         out.data()) == FL_OK);
    for (size_t k = 0; k < of.size(); ++k) {
      CHECK(hex(out.data() + 16 * k) == kKnown[of[k]].second);
      // A slice alone, in a block of its own: nothing beside it counts.
      const std::vector<uint8_t> alone(data.begin() + offsets[k], data.begin() + offsets[k + 1]);
      uint8_t one[16];
      CHECK(fl_content_hash(alone.data(), alone.size(), one) == FL_OK);
      CHECK(std::memcmp(one, out.data() + 16 * k, 16) == 0);
    }
  }
}

void hashes_refuse() {
  const int64_t none[] = {0};
  const int64_t empty[] = {0, 0, 0};
  const int64_t one[] = {0, 1};
  const int64_t falling[] = {0, 2, 1};
  const int64_t late[] = {1, 2};
  const uint8_t data[2] = {};
  uint8_t out[32] = {};
  CHECK(fl_hash_slices(nullptr, none, 0, nullptr) == FL_OK);
  CHECK(fl_hash_slices(nullptr, empty, 2, out) == FL_OK);
  CHECK(hex(out) == kKnown[0].second && hex(out + 16) == kKnown[0].second);
  CHECK(fl_hash_slices(data, nullptr, 0, out) == FL_ERROR_ARGUMENT);
  CHECK(fl_hash_slices(data, one, -1, out) == FL_ERROR_ARGUMENT);
  CHECK(fl_hash_slices(nullptr, one, 1, out) == FL_ERROR_ARGUMENT);
  CHECK(fl_hash_slices(data, one, 1, nullptr) == FL_ERROR_ARGUMENT);
  CHECK(fl_hash_slices(data, falling, 2, out) == FL_ERROR_ARGUMENT);
  CHECK(fl_hash_slices(data, late, 1, out) == FL_ERROR_ARGUMENT);
}

}  // namespace

int main() {
  {
    const Folder folder;
    stamps_are_those_of_stat(folder);
    stamps_without_a_folder(folder);
  }
  stamps_refuse();
  hashes_are_those_of_each_slice();
  hashes_refuse();
  return test::finish("files");
}
