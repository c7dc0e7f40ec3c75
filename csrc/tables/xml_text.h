// The part of XML that annotation tools write, read strictly: what this accepts is well-formed.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

namespace fl {

struct XmlElement {
  std::string_view name;
  std::string_view text;  // up to the first child, without the white space around it
  int32_t first = -1;     // child
  int32_t next = -1;      // sibling
  int32_t line = 0;
  bool by_ignore = false;  // has the attribute by="ignore"
};

// One document after the other; element 0 is the root. Views live until the next parse().
class XmlText {
 public:
  // False for a document that is not well-formed or holds more than elements, attributes, text
  // and the five predefined entities, in UTF-8.
  bool parse(std::string_view text);
  const XmlElement& operator[](int32_t k) const { return elements_[static_cast<size_t>(k)]; }
  // The only child of that name; -1: none, -2: several.
  int32_t child(int32_t of, std::string_view name) const;
  size_t root_at() const noexcept { return root_at_; }  // where its tag begins

 private:
  bool declaration();
  bool space();
  bool name(std::string_view* found);
  bool start_tag();
  bool attribute(XmlElement* element);
  bool end_tag();
  bool content(std::string_view* found);
  bool trimmed(std::string_view raw, bool entities, std::string_view* found);

  const char* at_ = nullptr;
  const char* end_ = nullptr;
  int32_t line_ = 1;
  size_t root_at_ = 0;
  std::vector<XmlElement> elements_;
  struct Open {
    int32_t element;
    int32_t last;  // child
  };
  std::vector<Open> open_;
  std::deque<std::string> decoded_;
};

}  // namespace fl
