#include "tables/xml_text.h"

#include <algorithm>
#include <array>

#include "tables/label_files.h"

namespace fl {

namespace {

constexpr size_t kMostOpen = 64;
constexpr int32_t kMostLines = 65000;  // the other reader's parser counts 16 bits

enum Class : uint8_t { kBad, kPlain, kSpace, kStop };

// Of a byte in text: kStop has a meaning of its own, kBad may not stand there.
constexpr std::array<uint8_t, 256> make_classes() {
  std::array<uint8_t, 256> classes = {};
  for (size_t k = 0x20; k < 256; ++k) classes[k] = kPlain;
  classes[' '] = classes['\t'] = kSpace;
  for (const char c : {'<', '&', ']', '\n', '\r'}) classes[static_cast<size_t>(c)] = kStop;
  return classes;
}
constexpr std::array<uint8_t, 256> kClasses = make_classes();

bool letter(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

bool in_name(char c) noexcept {
  return letter(c) || (c >= '0' && c <= '9') || c == '-' || c == '.';
}

bool blank(char c) noexcept { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

// Length of the UTF-8 sequence at `at` that is a character of XML, 0 if there is none.
size_t sequence(const unsigned char* at, size_t left, uint32_t* code) noexcept {
  const uint32_t c = at[0];
  if (c < 0x80) {
    *code = c;
    return 1;
  }
  const size_t length = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : 2;
  if (c < 0xc2 || c > 0xf4 || length > left) return 0;
  uint32_t value = c & (0x7fU >> length);
  for (size_t k = 1; k < length; ++k) {
    if ((at[k] & 0xc0) != 0x80) return 0;
    value = value << 6 | (at[k] & 0x3fU);
  }
  const uint32_t least = length == 4 ? 0x10000 : length == 3 ? 0x800 : 0x80;
  if (value < least || value > 0x10ffff || (value >= 0xd800 && value < 0xe000) ||
      value == 0xfffe || value == 0xffff) {
    return 0;
  }
  *code = value;
  return length;
}

bool valid(std::string_view text) noexcept {
  const auto* bytes = reinterpret_cast<const unsigned char*>(text.data());
  uint32_t code;
  for (size_t k = 0; k < text.size();) {
    const size_t length = sequence(bytes + k, text.size() - k, &code);
    if (length == 0) return false;
    k += length;
  }
  return true;
}

// White space beyond ASCII that Python's strip() takes away.
bool wide_space(uint32_t c) noexcept {
  return c == 0x85 || c == 0xa0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200a) || c == 0x2028 ||
         c == 0x2029 || c == 0x202f || c == 0x205f || c == 0x3000;
}

bool wide_space_at_ends(std::string_view text) noexcept {
  const auto* bytes = reinterpret_cast<const unsigned char*>(text.data());
  uint32_t code = 0;
  if (bytes[0] >= 0x80 && sequence(bytes, text.size(), &code) > 0 && wide_space(code)) return true;
  size_t last = text.size() - 1;
  while (last > 0 && (bytes[last] & 0xc0) == 0x80) --last;
  return bytes[last] >= 0x80 && sequence(bytes + last, text.size() - last, &code) > 0 &&
         wide_space(code);
}

struct Entity {
  std::string_view name;
  char character;
};
constexpr Entity kEntities[] = {
    {"&amp;", '&'}, {"&lt;", '<'}, {"&gt;", '>'}, {"&quot;", '"'}, {"&apos;", '\''}};

const Entity* entity(std::string_view text) noexcept {
  for (const Entity& each : kEntities) {
    if (text.substr(0, each.name.size()) == each.name) return &each;
  }
  return nullptr;
}

}  // namespace

bool XmlText::parse(std::string_view text) {
  elements_.clear();
  open_.clear();
  decoded_.clear();
  line_ = 1;
  const char* const begin = text.data();
  if (text.substr(0, 3) == "\xef\xbb\xbf") text.remove_prefix(3);
  if (!is_ascii(text) && !valid(text)) return false;
  at_ = text.data();
  end_ = at_ + text.size();
  if (!declaration() || !space()) return false;
  root_at_ = static_cast<size_t>(at_ - begin);
  if (at_ == end_ || *at_++ != '<' || !start_tag()) return false;
  while (!open_.empty()) {
    std::string_view found;
    if (!content(&found)) return false;
    Open& top = open_.back();
    if (top.last < 0) elements_[static_cast<size_t>(top.element)].text = found;
    if (at_ == end_) return false;
    if (*at_ == '/') {
      ++at_;
      if (!end_tag()) return false;
    } else if (!start_tag()) {
      return false;
    }
  }
  return space() && at_ == end_;
}

int32_t XmlText::child(int32_t of, std::string_view name) const {
  int32_t found = -1;
  for (int32_t k = (*this)[of].first; k >= 0; k = (*this)[k].next) {
    if ((*this)[k].name != name) continue;
    if (found >= 0) return -2;
    found = k;
  }
  return found;
}

// <?xml version="1.0" encoding="UTF-8"?>, or nothing.
bool XmlText::declaration() {
  std::string_view rest(at_, static_cast<size_t>(end_ - at_));
  if (rest.substr(0, 5) != "<?xml") return true;
  const size_t end = rest.substr(0, 100).find("?>");
  if (end == std::string_view::npos) return false;
  std::string said(rest.substr(5, end - 5));
  for (char& c : said) {
    if (c == '\'') c = '"';
    if (c == '\n' || c == '\r') return false;
  }
  while (!said.empty() && said.back() == ' ') said.pop_back();
  at_ += end + 2;
  return said == " version=\"1.0\"" || said == " version=\"1.0\" encoding=\"utf-8\"" ||
         said == " version=\"1.0\" encoding=\"UTF-8\"";
}

// White space, of which there may be none.
bool XmlText::space() {
  for (; at_ < end_ && blank(*at_); ++at_) {
    if (*at_ == '\n' && ++line_ > kMostLines) return false;
    if (*at_ == '\r' && (at_ + 1 == end_ || at_[1] != '\n')) return false;
  }
  return true;
}

bool XmlText::name(std::string_view* found) {
  const char* const begin = at_;
  if (at_ == end_ || !letter(*at_)) return false;
  while (at_ < end_ && in_name(*at_)) ++at_;
  *found = {begin, static_cast<size_t>(at_ - begin)};
  return found->size() < 1000;
}

// What follows the "<".
bool XmlText::start_tag() {
  if (open_.size() >= kMostOpen || elements_.size() >= INT32_MAX) return false;
  XmlElement element;
  if (!name(&element.name)) return false;
  element.line = line_;
  std::string_view names[8];
  size_t attributes = 0;
  while (at_ < end_ && (*at_ == ' ' || *at_ == '\t')) {
    while (at_ < end_ && (*at_ == ' ' || *at_ == '\t')) ++at_;
    if (at_ == end_ || !letter(*at_)) break;
    std::string_view found(at_, 0);
    const char* const begin = at_;
    while (at_ < end_ && in_name(*at_)) ++at_;
    found = {begin, static_cast<size_t>(at_ - begin)};
    if (attributes == 8 || found.substr(0, 3) == "xml" ||
        std::find(names, names + attributes, found) != names + attributes) {
      return false;
    }
    names[attributes++] = found;
    if (at_ == end_ || *at_++ != '=' || at_ == end_ || (*at_ != '"' && *at_ != '\'')) return false;
    const char quote = *at_++;
    const char* const value = at_;
    while (at_ < end_ && *at_ != quote) {
      const uint8_t kind = kClasses[static_cast<uint8_t>(*at_)];
      if ((kind == kBad || kind == kStop) && *at_ != ']') return false;
      ++at_;
    }
    if (at_ == end_) return false;
    if (found == "by" && std::string_view(value, static_cast<size_t>(at_ - value)) == "ignore") {
      element.by_ignore = true;
    }
    ++at_;
  }
  const bool closed = at_ < end_ && *at_ == '/';
  if (closed) ++at_;
  if (at_ == end_ || *at_++ != '>') return false;
  const auto index = static_cast<int32_t>(elements_.size());
  elements_.push_back(element);
  if (!open_.empty()) {
    Open& above = open_.back();
    if (above.last < 0) {
      elements_[static_cast<size_t>(above.element)].first = index;
    } else {
      elements_[static_cast<size_t>(above.last)].next = index;
    }
    above.last = index;
  }
  if (!closed) open_.push_back({index, -1});
  return !closed || !open_.empty();  // an empty root is for the other reader
}

bool XmlText::end_tag() {
  std::string_view found;
  if (!name(&found) || found != elements_[static_cast<size_t>(open_.back().element)].name) {
    return false;
  }
  while (at_ < end_ && (*at_ == ' ' || *at_ == '\t')) ++at_;
  if (at_ == end_ || *at_++ != '>') return false;
  open_.pop_back();
  return true;
}

// Text up to a "<", which is taken too.
bool XmlText::content(std::string_view* found) {
  const char* const begin = at_;
  bool entities = false;
  for (;; ++at_) {
    while (at_ < end_ && kClasses[static_cast<uint8_t>(*at_)] - 1U < 2) ++at_;
    if (at_ == end_) return false;
    const char c = *at_;
    if (c == '<') break;
    if (c == '\n') {
      if (++line_ > kMostLines) return false;
    } else if (c == '\r') {
      if (at_ + 1 == end_ || at_[1] != '\n') return false;
    } else if (c == '&') {
      const Entity* known = entity({at_, static_cast<size_t>(end_ - at_)});
      if (known == nullptr) return false;
      at_ += known->name.size() - 1;
      entities = true;
    } else if (c == ']') {
      if (end_ - at_ >= 3 && at_[1] == ']' && at_[2] == '>') return false;
    } else {
      return false;
    }
  }
  const std::string_view raw(begin, static_cast<size_t>(at_ - begin));
  ++at_;
  return trimmed(raw, entities, found);
}

bool XmlText::trimmed(std::string_view raw, bool entities, std::string_view* found) {
  while (!raw.empty() && blank(raw.front())) raw.remove_prefix(1);
  while (!raw.empty() && blank(raw.back())) raw.remove_suffix(1);
  *found = raw;
  if (raw.empty()) return true;
  if (raw.find('\r') != std::string_view::npos || wide_space_at_ends(raw)) return false;
  if (!entities) return true;
  std::string& text = decoded_.emplace_back();
  while (!raw.empty()) {
    const Entity* known = raw.front() == '&' ? entity(raw) : nullptr;
    text.push_back(known == nullptr ? raw.front() : known->character);
    raw.remove_prefix(known == nullptr ? 1 : known->name.size());
  }
  *found = text;
  return true;
}

}  // namespace fl
