#include "tables/json_feed.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "tables/json_kernels.h"
#include "tables/json_tokens.h"

namespace fl {

namespace {

// A value of the top level that is no section, and an element, may be as long as this: each is
// held as a whole, beside the file.
constexpr size_t kMostValue = size_t{64} << 20;
constexpr size_t kMostMembers = 100000;

bool is_space(int c) noexcept { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }

JsonDepth outside(int64_t depth) noexcept {
  JsonDepth state = {};
  state.depth = depth;
  return state;
}

}  // namespace

JsonFeed::~JsonFeed() {
  if (file_ >= 0) ::close(file_);
}

bool JsonFeed::fail(FeedState state, int error) noexcept {
  if (state_ == FeedState::kOk) {
    state_ = state;
    error_ = error;
  }
  return false;
}

FeedState JsonFeed::open(const char* path) {
  do {
    file_ = ::open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);  // a pipe must not hang it
  } while (file_ < 0 && errno == EINTR);
  struct stat info;
  if (file_ < 0 || ::fstat(file_, &info) != 0) {
    fail(FeedState::kUnreadable, errno);
    return state_;
  }
  if (!S_ISREG(info.st_mode)) {
    fail(FeedState::kNotJudged);
    return state_;
  }
  file_size_ = info.st_size;
  stamp_[0] = info.st_mtim.tv_sec;
  stamp_[1] = info.st_mtim.tv_nsec;
  stamp_[2] = info.st_ctim.tv_sec;
  stamp_[3] = info.st_ctim.tv_nsec;
#if defined(POSIX_FADV_SEQUENTIAL)
  ::posix_fadvise(file_, 0, 0, POSIX_FADV_SEQUENTIAL);
#endif
  return state_;
}

bool JsonFeed::unchanged() {
  struct stat info;
  if (::fstat(file_, &info) != 0) return fail(FeedState::kUnreadable, errno);
  const bool same = info.st_size == file_size_ && stamp_[0] == info.st_mtim.tv_sec &&
                    stamp_[1] == info.st_mtim.tv_nsec && stamp_[2] == info.st_ctim.tv_sec &&
                    stamp_[3] == info.st_ctim.tv_nsec;
  return same || fail(FeedState::kChanged);
}

size_t JsonFeed::read(uint8_t* to, size_t n) {
  const auto left = static_cast<size_t>(file_size_ - taken_);
  n = std::min(n, left);
  size_t done = 0;
  while (done < n) {
    const ssize_t got = ::pread(file_, to + done, n - done, taken_);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) {
      fail(FeedState::kUnreadable, errno);
      return done;
    }
    if (got == 0) {  // shorter than it was
      fail(FeedState::kChanged);
      return done;
    }
    done += static_cast<size_t>(got);
    taken_ += got;
  }
  return done;
}

// Another window of the file behind what is held.
bool JsonFeed::more() {
  const size_t before = held_.size();
  if (before > kMostValue + window_ && at_ == 0) return fail(FeedState::kNotJudged, EFBIG);
  held_.resize(before + window_);
  const size_t got = read(held_.data() + before, window_);
  held_.resize(before + got);
  return got > 0 && state_ == FeedState::kOk;
}

int JsonFeed::peek() {
  if (at_ == held_.size() && !more()) return -1;
  return held_[at_];
}

int JsonFeed::after_space() {
  int c = peek();
  while (is_space(c)) {
    ++at_;
    if (at_ == held_.size()) {  // white space without end is not kept
      offset_ += static_cast<int64_t>(at_);
      held_.clear();
      at_ = 0;
    }
    c = peek();
  }
  return c;
}

bool JsonFeed::key(std::string* text) {
  if (after_space() != '"') return fail(FeedState::kNotJudged);
  ++at_;
  text->clear();
  for (;;) {
    const int c = peek();
    if (c < 0x20 || c == '\\') return fail(FeedState::kNotJudged);
    ++at_;
    if (c == '"') return true;
    text->push_back(static_cast<char>(c));
    if (text->size() > window_) return fail(FeedState::kNotJudged);
  }
}

// Takes the value at at_ as text; what is wrong inside it is for others to see.
bool JsonFeed::other_value(CocoMember* member) {
  const int c = peek();
  offset_ += static_cast<int64_t>(at_);
  held_.erase(held_.begin(), held_.begin() + static_cast<std::ptrdiff_t>(at_));
  at_ = 0;
  size_t end = 0;
  if (c == '{' || c == '[') {
    JsonDepth state = outside(2);
    for (size_t seen = 1;;) {
      const size_t n = held_.size() - seen;
      const size_t stop = json_kernels().json_depth(held_.data() + seen, n, &state);
      if (stop < n) {
        end = seen + stop + 1;
        break;
      }
      seen = held_.size();
      if (!more()) return fail(FeedState::kNotJudged);
    }
  } else {
    bool quoted = false;
    bool escaped = false;
    for (;; ++end) {
      if (end == held_.size() && !more()) return fail(FeedState::kNotJudged);
      const uint8_t b = held_[end];
      if (quoted) {
        if (b == '"' && !escaped) quoted = false;
        escaped = b == '\\' && !escaped;
        continue;
      }
      if (b == '"') quoted = true;
      if (b == ',' || b == '}' || b == ']' || is_space(b)) break;
    }
  }
  if (end == 0) return fail(FeedState::kNotJudged);
  member->value.assign(reinterpret_cast<const char*>(held_.data()), end);
  at_ = end;
  return true;
}

// Walks on to the elements of a section, or to the end.
bool JsonFeed::top() {
  for (;;) {
    switch (place_) {
      case Place::kBegin: {
        while (held_.size() < 4 && more()) {
        }
        if (state_ != FeedState::kOk) return false;
        if (held_.size() >= 3 && std::memcmp(held_.data(), "\xef\xbb\xbf", 3) == 0) at_ = 3;
        if (after_space() != '{') return fail(FeedState::kNotJudged);
        ++at_;
        place_ = Place::kKey;
        break;
      }
      case Place::kKey: {
        if (first_member_ && after_space() == '}') {
          ++at_;
          return finish();
        }
        first_member_ = false;
        CocoMember member;
        if (!key(&member.key)) return false;
        if (after_space() != ':') return fail(FeedState::kNotJudged);
        ++at_;
        const int c = after_space();
        if (c < 0) return fail(FeedState::kNotJudged);
        member.offset = offset_ + static_cast<int64_t>(at_);
        if (c == '[') {
          if (member.key == "images") member.section = CocoSection::kImages;
          if (member.key == "annotations") member.section = CocoSection::kAnnotations;
          if (member.key == "categories") member.section = CocoSection::kCategories;
        }
        if (members_.size() == kMostMembers) return fail(FeedState::kNotJudged);
        if (member.section != CocoSection::kOther) {
          ++at_;
          members_.push_back(std::move(member));
          place_ = Place::kElements;
          first_chunk_ = true;
          elements_ = 0;
          return true;
        }
        if (!other_value(&member)) return false;
        members_.push_back(std::move(member));
        place_ = Place::kAfterValue;
        break;
      }
      case Place::kAfterValue: {
        const int c = after_space();
        if (c != ',' && c != '}') return fail(FeedState::kNotJudged);
        ++at_;
        if (c == '}') return finish();
        place_ = Place::kKey;
        break;
      }
      case Place::kElements: return true;
      case Place::kEnd: return false;
    }
  }
}

bool JsonFeed::finish() {
  const int c = after_space();
  if (state_ != FeedState::kOk) return false;
  if (c >= 0) return fail(FeedState::kNotJudged);
  place_ = Place::kEnd;
  unchanged();
  return false;
}

bool JsonFeed::give(CocoChunk* chunk) {
  const size_t carried = held_.size() - at_;
  chunk->offset = offset_ + static_cast<int64_t>(at_);
  auto& buffer = chunk->buffer;
  size_t filled = carried;
  const auto reserve = [&](size_t n) {
    if (buffer.size() < n + JsonTokens::kPadding) buffer.resize(n + JsonTokens::kPadding);
  };
  reserve(std::max(carried, window_));
  if (carried > 0) std::memcpy(buffer.data(), held_.data() + at_, carried);
  JsonDepth state = outside(2);
  size_t seen = 0;
  size_t wanted = window_;
  for (;;) {
    if (filled < wanted) {
      reserve(wanted);
      filled += read(buffer.data() + filled, wanted - filled);
      if (state_ != FeedState::kOk) return false;
    }
    const size_t n = filled - seen;
    const size_t stop = json_kernels().json_depth(buffer.data() + seen, n, &state);
    const bool ended = stop < n;
    if (ended || state.commas > 0) {
      const size_t end = ended ? seen + stop : static_cast<size_t>(state.last_comma);
      if (ended && buffer[end] != ']') {
        at_ += end;
        return fail(FeedState::kNotJudged);
      }
      held_.assign(buffer.data() + end + 1, buffer.data() + filled);
      offset_ = chunk->offset + static_cast<int64_t>(end) + 1;
      at_ = 0;
      chunk->size = end;
      chunk->sequence = sequence_++;
      chunk->first = elements_;
      chunk->member = members_.size() - 1;
      chunk->section = members_.back().section;
      chunk->may_be_empty = ended && first_chunk_ && state.commas == 0;
      elements_ += state.commas + (ended ? 1 : 0);
      first_chunk_ = false;
      if (ended) place_ = Place::kAfterValue;
      break;
    }
    seen = filled;
    if (taken_ == file_size_) return fail(FeedState::kNotJudged);
    if (filled > kMostValue) return fail(FeedState::kNotJudged, EFBIG);
    wanted = filled + window_;  // one element is longer than all of it
  }
  std::memset(buffer.data() + chunk->size, ' ', JsonTokens::kPadding);
  return true;
}

bool JsonFeed::next(CocoChunk* chunk) {
  if (state_ != FeedState::kOk || !top()) return false;
  return give(chunk);
}

}  // namespace fl
