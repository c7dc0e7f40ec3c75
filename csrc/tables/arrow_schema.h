// What an ArrowSchema says, in our words: kinds, dtypes, names.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

#include "fastlabel/fastlabel.h"

namespace fl {

// Data that breaks the Arrow C interface, or of a kind not read; the text is for the user.
class ArrowError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

struct ArrowField {
  std::string name;
  std::string format;
  int32_t kind = FL_ARROW_UNSUPPORTED;
  int32_t dtype = 0;
  int32_t offset_bytes = 0;
  int64_t list_size = 0;
  std::vector<ArrowField> children;  // of a dictionary: its values
};

// Throws ArrowError when the schema is broken; a type that is merely not read is a field of
// kind FL_ARROW_UNSUPPORTED, so that the other columns of its table can be.
ArrowField parse_schema(const ArrowSchema& schema);
// The type in words, as far as there is a better word than the format.
std::string type_in_words(const std::string& format);

}  // namespace fl
