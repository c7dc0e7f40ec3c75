// Where the members of a tar archive lie: headers read in place, no member unpacked or followed.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "fastlabel/fastlabel.h"

namespace fl {

// Random access to an archive's bytes.
class TarBytes {
 public:
  virtual ~TarBytes() = default;
  virtual uint64_t size() const noexcept = 0;
  // Reads exactly n bytes, all of them within size(); false if that cannot be done.
  virtual bool read(uint64_t offset, void* to, size_t n) noexcept = 0;
};

struct TarIndex {
  std::vector<fl_tar_member> members;
  std::string names;  // one behind the other, without separators
  int32_t end = FL_TAR_END_MARK;
  uint64_t end_offset = 0;
};

// The members of an archive in ustar, pax, GNU or V7 form, in archive order. Any bytes may
// come: what cannot be read as a header ends the index, which then says so in `end`.
TarIndex index_tar(TarBytes& bytes);

// The same of a file. `size` and `mtime_ns` are the file's own. FL_IMAGE_OK, or what
// FileReader says of a file that cannot be opened, with errno's text in `error`.
fl_image_status index_tar_file(const char* path, TarIndex* index, uint64_t* size,
                               int64_t* mtime_ns, std::string* error);

}  // namespace fl
