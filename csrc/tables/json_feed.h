// A COCO file in pieces: its top level is walked here, the elements of its sections are given out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace fl {

enum class CocoSection : int32_t { kOther = 0, kImages = 1, kAnnotations = 2, kCategories = 3 };

// A member of the file's top-level object.
struct CocoMember {
  CocoSection section = CocoSection::kOther;
  int64_t offset = 0;    // of the value, in bytes from the start of the file
  int64_t elements = 0;  // of a section that is a list
  std::string key;       // as it stands between the quotes
  std::string value;     // of one that is no section, its text
};

// Whole elements of a section, with the commas between them and without the one after.
struct CocoChunk {
  std::vector<uint8_t> buffer;  // at least size + JsonTokens::kPadding long
  size_t size = 0;
  int64_t offset = 0;  // of the first byte in the file
  int64_t sequence = 0;
  int64_t first = 0;   // index of its first element in the section
  size_t member = 0;
  CocoSection section = CocoSection::kOther;
  bool may_be_empty = false;
};

enum class FeedState {
  kOk,
  kNotJudged,   // no JSON object with sections as they should be: a look at the text says what;
                // error() is EFBIG where one value is too long to be held
  kUnreadable,  // the system's error is in error()
  kChanged,     // the file is not what it was when it was opened
};

class JsonFeed {
 public:
  explicit JsonFeed(size_t window) : window_(window) {}
  ~JsonFeed();
  JsonFeed(const JsonFeed&) = delete;
  JsonFeed& operator=(const JsonFeed&) = delete;

  FeedState open(const char* path);
  // False at the end and on failure; state() tells.
  bool next(CocoChunk* chunk);

  FeedState state() const noexcept { return state_; }
  int error() const noexcept { return error_; }
  int64_t file_size() const noexcept { return file_size_; }
  // About where the walk stopped, in bytes from the start.
  int64_t stopped_at() const noexcept { return offset_ + static_cast<int64_t>(at_); }
  std::vector<CocoMember>& members() noexcept { return members_; }

 private:
  bool fail(FeedState state, int error = 0) noexcept;
  size_t read(uint8_t* to, size_t n);
  bool more();
  int peek();
  int after_space();
  bool top();
  bool key(std::string* text);
  bool other_value(CocoMember* member);
  bool give(CocoChunk* chunk);
  bool finish();
  bool unchanged();

  size_t window_;
  int file_ = -1;
  int64_t file_size_ = 0;
  int64_t stamp_[4] = {};
  int64_t taken_ = 0;   // bytes read from the file
  int64_t offset_ = 0;  // of held_[0] in the file
  std::vector<uint8_t> held_;  // read and not yet given out
  size_t at_ = 0;              // next byte of it
  enum class Place { kBegin, kKey, kAfterValue, kElements, kEnd } place_ = Place::kBegin;
  bool first_member_ = true;
  bool first_chunk_ = true;
  int64_t elements_ = 0;
  int64_t sequence_ = 0;
  FeedState state_ = FeedState::kOk;
  int error_ = 0;
  std::vector<CocoMember> members_;
};

}  // namespace fl
