#include "tables/coco_record.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>
#include <iterator>

#include "tables/json_number.h"

namespace fl {

namespace {

std::string_view bytes_of(const Grow<char>& text) noexcept { return {text.data(), text.size()}; }

bool is_number(uint8_t c) noexcept { return c == '-' || static_cast<uint8_t>(c - '0') < 10; }

// Sums of two such numbers, of which Python's integers know all digits, are exact in a double.
bool is_small(const JsonNumber& n) noexcept {
  constexpr int64_t kMost = int64_t{1} << 52;
  return !n.whole || (n.value <= kMost && n.value >= -kMost);
}

void push_number(int64_t value, Texts* to) {
  char* text = to->room(24);
  to->push(static_cast<size_t>(std::to_chars(text, text + 24, value).ptr - text));
}

}  // namespace

bool plain_name(std::string_view name) noexcept {
  if (name.empty() || name[0] == '/') return false;
  size_t part = 0;
  for (size_t k = 0; k <= name.size(); ++k) {
    if (k == name.size() || name[k] == '/') {
      if (k == part || name[part] == '.' || name[part] == '@') return false;
      if (name.substr(part, 2) == "__") return false;  // what tools leave behind
      part = k + 1;
    } else if (name[k] == '\\' || name[k] == ':' || name[k] == '\0') {
      return false;
    }
  }
  const std::string_view base = name.substr(name.rfind('/') + 1);
  const size_t dot = base.rfind('.');
  if (dot == std::string_view::npos || base.size() - dot > 5) return false;
  char lower[8] = {};
  for (size_t k = dot; k < base.size(); ++k) {
    const char c = base[k];
    lower[k - dot] = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  }
  static constexpr std::string_view known[] = {".jpg", ".jpeg", ".png", ".bmp", ".webp", ".gif",
                                               ".tif", ".tiff"};
  return std::find(std::begin(known), std::end(known), lower) != std::end(known);
}

bool CocoParser::id(JsonWalk* walk, Id* id) {
  const uint8_t c = walk->c();
  if (is_number(c)) {
    JsonNumber number;
    if (read_number(walk->here(), &number) == nullptr || !number.whole) return false;
    *id = {kIntKey, number.value, {}};
    walk->step();
    return true;
  }
  if (c == '"') {
    std::string_view text;
    if (!walk->string(&text) || text.find('\\') != std::string_view::npos) return false;
    *id = {kTextKey, 0, text};
    return true;
  }
  std::string_view source;
  if (!walk->value(&source) || source != "null") return false;
  *id = {kNoKey, 0, {}};
  return true;
}

void CocoParser::push_id(const Id& id, Texts* to) {
  switch (id.kind) {
    case kNoKey: to->push_nulls(1); break;
    case kIntKey: push_number(id.number, to); break;
    case kTextKey: to->push(id.text); break;
  }
}

// A number or a boolean; anything else, which is no flag, sets *other.
bool CocoParser::flag(JsonWalk* walk, Flag* to, bool* other) {
  if (is_number(walk->c())) {
    JsonNumber number;
    if (read_number(walk->here(), &number) == nullptr) return false;
    *to = {true, number.as_double() != 0};
    walk->step();
    return true;
  }
  std::string_view source;
  if (!walk->value(&source)) return false;
  to->given = source == "true" || source == "false";
  to->value = source == "true";
  *other = !to->given && source != "null";
  return true;
}

bool CocoParser::real(JsonWalk* walk, double* value, bool* given) {
  *given = is_number(walk->c());
  if (*given) {
    JsonNumber number;
    if (read_number(walk->here(), &number) == nullptr) return false;
    *value = number.as_double();
    walk->step();
    return true;
  }
  std::string_view source;
  return walk->value(&source);
}

// A list of so many numbers, or nothing but null.
bool CocoParser::reals(JsonWalk* walk, int64_t count, JsonNumber* values, bool* given) {
  *given = walk->c() == '[';
  if (!*given) {
    std::string_view source;
    return walk->value(&source) && source == "null";
  }
  walk->step();
  for (int64_t k = 0; k < count; ++k) {
    if (k > 0 && !walk->take(',')) return false;
    if (!is_number(walk->c()) || read_number(walk->here(), &values[k]) == nullptr) return false;
    walk->step();
  }
  return walk->take(']');
}

// ---- images ------------------------------------------------------------------------

bool CocoParser::image(JsonWalk* walk, CocoImages* rows) {
  if (!walk->take('{')) return false;
  Id key;
  bool has_name = false;
  JsonNumber size[2];
  bool sized[2] = {false, false};
  unsigned seen = 0;
  text_.clear();
  extra_.clear();
  const auto once = [&seen](unsigned bit) {
    const bool first = (seen & bit) == 0;
    seen |= bit;
    return first;
  };
  for (;;) {
    std::string_view name;
    if (!walk->key(&name)) return false;
    if (name == "id") {
      if (!once(1) || !id(walk, &key)) return false;
    } else if (name == "file_name") {
      std::string_view text;
      if (!once(2) || !walk->string(&text) || !unescape(text, &name_)) return false;
      has_name = !name_.empty();
    } else if (name == "width" || name == "height") {
      const size_t k = name == "height";
      if (!once(k == 0 ? 4 : 8)) return false;
      if (is_number(walk->c())) {
        if (read_number(walk->here(), &size[k]) == nullptr || !size[k].whole) return false;
        if (size[k].value <= 0 || size[k].value > INT32_MAX) return false;
        sized[k] = true;
        walk->step();
      } else {
        std::string_view source;
        if (!walk->value(&source) || source != "null") return false;
      }
    } else {
      // A key given twice keeps its first place and its last value: not judged here.
      if (extra_.size() == 32 || name.find('\\') != std::string_view::npos) return false;
      for (const Extra& other : extra_) {
        if (other.key == name) return false;
      }
      extra_.push_back({name, {}});
      if (text_.empty()) {
        text_.push('{');
      } else {
        text_.append(", ", 2);
      }
      text_.push('"');
      text_.append(name.data(), name.size());
      text_.append("\": ", 3);
      if (!walk->dump(&text_)) return false;
    }
    if (walk->take('}')) break;
    if (!walk->take(',')) return false;
  }
  if (key.kind == kNoKey || !has_name || sized[0] != sized[1]) return false;
  const size_t row = rows->rows;
  rows->key.push(key.number);
  rows->key_kind.set(row, key.kind);
  push_id(key, &rows->source_id);
  rows->file_name.push(bytes_of(name_));
  rows->plain.push(plain_name(bytes_of(name_)) ? 1 : 0);
  if (sized[0]) {
    rows->width.set(row, static_cast<int32_t>(size[0].value));
    rows->height.set(row, static_cast<int32_t>(size[1].value));
  }
  if (!text_.empty()) {
    text_.push('}');
    rows->attributes.pad(row);
    rows->attributes.push(bytes_of(text_));
  }
  ++rows->rows;
  return true;
}

// ---- annotations -------------------------------------------------------------------

// Keys of wide use whose meaning has a column; `walk` stands at the value, which is sound.
bool CocoParser::promote(std::string_view key, JsonWalk walk) {
  double value = 0;
  bool other = false;
  Flag given;
  if (is_number(walk.c())) {
    bool has = false;
    if (!real(&walk, &value, &has)) return false;
  } else {
    if (!flag(&walk, &given, &other)) return false;
    if (!given.given) return true;
    value = given.value ? 1 : 0;
  }
  if (key == "occluded" || key == "occlusion") {
    if (value < 0 || value > 127) return true;
    a_.has_occlusion = true;
    a_.occlusion = static_cast<int8_t>(value);
  } else if (key == "truncated" || key == "truncation") {
    a_.has_truncation = true;
    a_.truncation = value;
  } else if (key == "difficult") {
    a_.has_difficult = true;
    a_.difficult = value != 0;
  }
  return true;
}

// The same keys inside an object `attributes`.
bool CocoParser::promote_inside(JsonWalk walk) {
  walk.step();
  unsigned seen = 0;
  if (walk.c() == '}') return true;
  for (;;) {
    std::string_view key, source;
    if (!walk.key(&key) || key.find('\\') != std::string_view::npos) return false;
    const unsigned bit = key == "occluded" || key == "occlusion"       ? 1
                         : key == "truncated" || key == "truncation" ? 2
                         : key == "difficult"                        ? 4
                                                                     : 0;
    if (bit != 0) {
      // Of two for one column the order would decide.
      if ((seen & bit) != 0 || !promote(key, walk)) return false;
      seen |= bit;
    }
    if (!walk.value(&source)) return false;
    if (walk.c() == '}') return true;
    if (!walk.take(',')) return false;
  }
}

bool CocoParser::annotation(JsonWalk* walk, int64_t index, CocoAnnotations* rows) {
  if (!walk->take('{')) return false;
  a_ = Annotation{};
  extra_.clear();
  unsigned seen = 0;
  const auto once = [&seen](unsigned bit) {
    const bool first = (seen & bit) == 0;
    seen |= bit;
    return first;
  };
  for (;;) {
    std::string_view key;
    if (!walk->key(&key)) return false;
    bool other = false;
    const auto is = [&key](std::string_view wanted) { return key == wanted; };
    if (is("bbox")) {
      if (!once(1) || walk->c() != '[') return false;
      const uint32_t* from = walk->token();
      if (!reals(walk, 4, a_.box, &a_.has_box)) return false;
      a_.raw = walk->between(from, walk->token() - 1);
    } else if (is("segmentation")) {
      if (!once(2)) return false;
      if (walk->c() == '[') {
        Texts& to = rows->segmentation;
        to.pad(rows->rows);
        a_.copied = walk->numbers(to.room(left_), &a_.segmentation_bytes);
        if (!a_.copied) return false;
        a_.has_segmentation = true;
      } else {
        std::string_view source;
        if (!walk->value(&source)) return false;
        a_.has_segmentation = source != "null";
        a_.segmentation = source;
      }
    } else if (is("id")) {
      if (!once(4) || !id(walk, &a_.id)) return false;
    } else if (is("image_id")) {
      if (!once(8) || !id(walk, &a_.image)) return false;
    } else if (is("category_id")) {
      if (!once(16) || !id(walk, &a_.category)) return false;
    } else if (is("area")) {
      if (!once(32) || !real(walk, &a_.area, &a_.has_area)) return false;
    } else if (is("iscrowd")) {
      if (!once(64) || !flag(walk, &a_.iscrowd, &other)) return false;
    } else if (is("ignore")) {
      if (!once(128) || !flag(walk, &a_.ignore, &a_.odd_ignore)) return false;
    } else if (is("crowd")) {
      if (!once(256) || !flag(walk, &a_.crowd, &a_.odd_crowd)) return false;
    } else if (is("score")) {
      if (!once(512) || !real(walk, &a_.score, &a_.has_score)) return false;
    } else if (is("weight")) {
      if (!once(1024) || !real(walk, &a_.weight, &a_.has_weight)) return false;
    } else if (is("obb")) {
      if (!once(2048) || !reals(walk, 8, a_.obb, &a_.has_obb)) return false;
    } else if (is("xyxy")) {
      if (!once(4096) || !reals(walk, 4, a_.corners, &a_.has_corners)) return false;
    } else {
      if (key.find('\\') != std::string_view::npos) return false;
      JsonWalk value = *walk;
      std::string_view source;
      if (!walk->value(&source)) return false;
      extra_.push_back({key, source});
      if (is("attributes") && source[0] == '{') {
        if (!promote_inside(value)) return false;
      } else if (is("occluded") || is("occlusion") || is("truncated") || is("truncation") ||
                 is("difficult")) {
        if (!promote(key, value)) return false;
      }
    }
    if (walk->take('}')) break;
    if (!walk->take(',')) return false;
  }
  if (!a_.has_box || (a_.odd_ignore && (seen & 256) != 0) || a_.odd_crowd) return false;
  for (const JsonNumber& number : a_.box) {
    if (!is_small(number)) return false;
  }
  commit(index, rows);
  return true;
}

void CocoParser::commit(int64_t index, CocoAnnotations* rows) {
  const size_t row = rows->rows;
  if (a_.copied) {  // first: its bytes lie there already
    rows->segmentation.push(a_.segmentation_bytes);
  } else if (a_.has_segmentation) {
    rows->segmentation.pad(row);
    rows->segmentation.push(a_.segmentation);
  }
  rows->image.push(a_.image.number);
  rows->image_kind.set(row, a_.image.kind);
  if (a_.image.kind == kTextKey) {
    rows->image_text.pad(row);
    rows->image_text.push(a_.image.text);
  }
  rows->category.push(a_.category.number);
  rows->category_kind.push(a_.category.kind);
  push_id(a_.category, &rows->source_category);
  rows->id.push(a_.id.number);
  rows->id_kind.set(row, a_.id.kind);
  push_id(a_.id, &rows->source_id);

  double box[4];
  for (int k = 0; k < 4; ++k) box[k] = a_.box[k].as_double();
  box[2] += box[0];
  box[3] += box[1];
  if (a_.has_corners) {
    // As the plain reader: corners count where they are the box's but for rounding.
    double span = 0;
    bool near = true;
    for (const double v : box) span = std::max(span, std::fabs(v));
    near = std::isfinite(span);
    for (int k = 0; k < 4; ++k) {
      near = near && std::fabs(a_.corners[k].as_double() - box[k]) <= 1e-14 * span;
    }
    for (int k = 0; near && k < 4; ++k) box[k] = a_.corners[k].as_double();
  }
  rows->x1.push(box[0]);
  rows->y1.push(box[1]);
  rows->x2.push(box[2]);
  rows->y2.push(box[3]);

  char* raw = rows->raw.room(a_.raw.size());
  size_t n = 0;
  for (const char c : a_.raw) {
    raw[n] = c;
    n += c != ' ' && c != '\n' && c != '\r' && c != '\t';
  }
  rows->raw.push(n);
  constexpr std::string_view kAbove = "/annotations/";
  char* pointer = rows->pointer.room(kAbove.size() + 24);
  std::memcpy(pointer, kAbove.data(), kAbove.size());
  char* number = pointer + kAbove.size();
  rows->pointer.push(static_cast<size_t>(std::to_chars(number, number + 24, index).ptr - pointer));

  if (a_.iscrowd.given) rows->crowd.set(row, a_.iscrowd.value);
  if (a_.ignore.given) rows->ignore.set(row, a_.ignore.value);
  if (a_.crowd.given && !a_.crowd.value && a_.ignore.given && a_.ignore.value) {
    rows->crowd.replace(row, false);
  }
  if (a_.has_obb) {
    double corners[8];
    for (int k = 0; k < 8; ++k) corners[k] = a_.obb[k].as_double();
    rows->obb.set(row, corners);
  }
  if (a_.has_area) rows->area.set(row, a_.area);
  if (a_.has_score) {
    rows->score.set(row, static_cast<float>(a_.score));
    rows->score64.set(row, a_.score);
  }
  if (a_.has_weight) rows->weight.set(row, static_cast<float>(a_.weight));
  if (a_.has_occlusion) rows->occlusion.set(row, a_.occlusion);
  if (a_.has_truncation) rows->truncation.set(row, static_cast<float>(a_.truncation));
  if (a_.has_difficult) rows->difficult.set(row, a_.difficult);
  if (!extra_.empty()) {
    size_t size = 2;
    for (const Extra& e : extra_) size += e.key.size() + e.value.size() + 6;
    rows->attributes.pad(row);
    char* to = rows->attributes.room(size);
    char* const from = to;
    const auto put = [&to](std::string_view text) {
      std::memcpy(to, text.data(), text.size());
      to += text.size();
    };
    *to++ = '{';
    for (const Extra& e : extra_) {
      if (to != from + 1) put(", ");
      *to++ = '"';
      put(e.key);
      put("\": ");
      put(e.value);
    }
    *to++ = '}';
    rows->attributes.push(static_cast<size_t>(to - from));
  }
  ++rows->rows;
}

// ---- chunks ------------------------------------------------------------------------

void CocoParser::parse(const CocoChunk& chunk, CocoRows* rows) {
  rows->clear();
  rows->broken_at = chunk.offset;
  const uint8_t* text = chunk.buffer.data();
  rows->sound = tokens_.find(text, chunk.size);
  if (!rows->sound) return;
  left_ = chunk.size + JsonTokens::kPadding;
  JsonWalk walk(text, tokens_.at(), tokens_.size());
  if (walk.at_end()) {
    rows->sound = chunk.may_be_empty;
    return;
  }
  for (int64_t index = chunk.first;; ++index) {
    const uint32_t* start = walk.token();
    const bool images = chunk.section == CocoSection::kImages;
    bool done = false;
    if (images) done = image(&walk, &rows->images);
    if (chunk.section == CocoSection::kAnnotations) {
      done = annotation(&walk, index, &rows->annotations);
    }
    if (done && !walk.at_end() && walk.c() != ',') {
      rows->sound = false;  // more text behind a whole element
      return;
    }
    if (!done) {
      walk.go(start);
      std::string_view source;
      if (!walk.element(&source)) {
        rows->sound = false;
        rows->broken_at = chunk.offset + *start;
        return;
      }
      const size_t before = images ? rows->images.rows : rows->annotations.rows;
      rows->odd.push(chunk.member, index, chunk.offset + *start, before, source.data(),
                     source.size());
    }
    ++rows->elements;
    if (walk.at_end()) return;
    walk.step();  // the comma
  }
}

}  // namespace fl
