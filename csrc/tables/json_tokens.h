// The tokens of a piece of JSON text, found by simdjson's first stage.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

namespace fl {

// Position of every bracket, brace, colon and comma outside strings, of every opening quote and
// of the first byte of every other scalar; then `size` itself, once or more.
class JsonTokens {
 public:
  // Bytes past the end of the text that must be there to be read.
  static constexpr size_t kPadding = 64;
  static constexpr size_t kMost = size_t{1} << 30;

  JsonTokens();
  ~JsonTokens();
  JsonTokens(const JsonTokens&) = delete;
  JsonTokens& operator=(const JsonTokens&) = delete;

  // False where the text is not UTF-8, a string does not end or holds a control character.
  bool find(const uint8_t* text, size_t size);

  size_t size() const noexcept { return size_; }
  const uint32_t* at() const noexcept { return at_; }

 private:
  struct Stage;
  std::unique_ptr<Stage> stage_;
  size_t size_ = 0;
  const uint32_t* at_ = nullptr;
};

}  // namespace fl
