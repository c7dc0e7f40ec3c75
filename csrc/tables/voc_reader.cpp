#include "tables/voc_reader.h"

#include <cfloat>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <optional>

#include "tables/xml_text.h"

namespace fl {

namespace {

constexpr size_t kHead = size_t{1} << 16;  // looked at to tell a VOC file from others

struct Columns {
  explicit Columns(size_t most_text = INT32_MAX)
      : file_name(most_text), convention(most_text), attributes(most_text), raw(most_text),
        object_attributes(most_text) {}

  size_t files = 0;
  Grow<uint8_t> outcome;
  Grow<int64_t> counts;
  Grow<int32_t> width, height;
  Texts file_name, convention, attributes;

  size_t rows = 0;
  Grow<double> x1, y1, x2, y2, x1_less, y1_less;
  Grow<int32_t> line, name;
  Texts raw, object_attributes;
  SparseBits difficult, ignore, crowd;
  Sparse<int8_t> occlusion;
  Sparse<float> truncation, weight, score;
  Sparse<double> area;

  void append(const Columns& other, const std::vector<int32_t>& codes) {
    join(outcome, other.outcome);
    join(counts, other.counts);
    join(width, other.width);
    join(height, other.height);
    file_name.append(files, other.file_name);
    convention.append(files, other.convention);
    attributes.append(files, other.attributes);
    files += other.files;
    join(x1, other.x1);
    join(y1, other.y1);
    join(x2, other.x2);
    join(y2, other.y2);
    join(x1_less, other.x1_less);
    join(y1_less, other.y1_less);
    join(line, other.line);
    for (size_t k = 0; k < other.rows; ++k) {
      name.push(other.name[k] < 0 ? -1 : codes[static_cast<size_t>(other.name[k])]);
    }
    raw.append(rows, other.raw);
    object_attributes.append(rows, other.object_attributes);
    difficult.append(rows, other.difficult);
    ignore.append(rows, other.ignore);
    crowd.append(rows, other.crowd);
    occlusion.append(rows, other.occlusion);
    truncation.append(rows, other.truncation);
    weight.append(rows, other.weight);
    score.append(rows, other.score);
    area.append(rows, other.area);
    rows += other.rows;
  }

 private:
  template <typename T>
  static void join(Grow<T>& to, const Grow<T>& from) {
    to.append(from.data(), from.size());
  }
};

struct Block {
  Columns columns;
  Words names;
  size_t bytes = 0;  // of its files
};

enum class Number { kNone, kReal, kUnsure };

// As Python's float() takes a word of ASCII without "_".
Number read_number(std::string_view word, double* value) noexcept {
  if (word.empty() || !is_ascii(word) || word.find('_') != std::string_view::npos) {
    return Number::kNone;
  }
  if (read_real(word, value)) return Number::kReal;
  const char first = static_cast<char>(word[0] | 0x20);
  const bool plain = first >= 'a' && first <= 'z' && first != 'i' && first != 'n';
  return plain ? Number::kNone : Number::kUnsure;
}

// The word's decimal number less one, rounded once. False where that is not certain.
bool one_less(std::string_view word, double value, double* less) noexcept {
  *less = value - 1;
  if (word.find('.') == std::string_view::npos) return true;
  int64_t digits = 0, one = 1;
  size_t count = 0;
  bool point = false;
  for (const char c : word.substr(word[0] == '-' || word[0] == '+')) {
    if (c == '.') {
      point = true;
    } else if (c < '0' || c > '9' || ++count > 17) {
      return false;
    } else {
      digits = digits * 10 + (c - '0');
      if (point) one *= 10;
    }
  }
  digits = (word[0] == '-' ? -digits : digits) - one;
  char text[40];
  int places = 0;
  for (; one > 1; one /= 10) ++places;
  const int size = std::snprintf(text, sizeof text, "%llde-%d",
                                 static_cast<long long>(digits < 0 ? -digits : digits), places);
  if (!read_real({text, static_cast<size_t>(size)}, less)) return false;
  if (digits < 0) *less = -*less;
  return true;
}

void push_json(std::string& to, std::string_view text) {
  to.push_back('"');
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      to.push_back('\\');
      to.push_back(c);
    } else if (c == '\n') {
      to.append("\\n");
    } else if (c == '\t') {
      to.append("\\t");
    } else {
      to.push_back(c);
    }
  }
  to.push_back('"');
}

// A JSON object under construction, of names that come once each.
class Members {
 public:
  void clear() {
    text_.clear();
    names_.clear();
  }
  // The text to which the value of a new member is written; null if there is one of that name.
  std::string* add(std::string_view name) {
    if (std::find(names_.begin(), names_.end(), name) != names_.end()) return nullptr;
    names_.push_back(name);
    text_.append(text_.empty() ? "{" : ", ");
    push_json(text_, name);
    text_.append(": ");
    return &text_;
  }
  // The object; empty if it has no member.
  const std::string& finish() {
    if (!text_.empty()) text_.push_back('}');
    return text_;
  }

 private:
  std::string text_;
  std::vector<std::string_view> names_;
};

struct Object {
  std::string_view name;
  int32_t line;
  double box[4], less[2];
  std::string raw, attributes;
  std::optional<bool> difficult, ignore, crowd;
  std::optional<int8_t> occlusion;
  std::optional<float> truncation, weight, score;
  std::optional<double> area;
};

bool to_single(double value, std::optional<float>* to) {
  if (std::abs(value) > static_cast<double>(FLT_MAX)) return false;
  *to = static_cast<float>(value);
  return true;
}

// One file until it is known that all of it is regular.
class File {
 public:
  FileOutcome parse(std::string_view text);
  void commit(Block& block) const;
  size_t rows() const noexcept { return count_; }

 private:
  bool image();
  bool rest();
  bool object(int32_t at);
  bool corners(Object& object, int32_t box);
  bool flag(Object& object, const XmlElement& element);
  bool value(const XmlElement& element, Members& to, std::string_view unsaid);

  XmlText xml_;
  std::string_view file_name_, convention_;
  int32_t width_ = -1, height_ = -1;
  std::string attributes_;
  Members members_, inner_;
  std::vector<Object> objects_;  // its strings are kept for the next file
  size_t count_ = 0;
};

FileOutcome File::parse(std::string_view text) {
  count_ = 0;
  if (!xml_.parse(text) || xml_[0].name != "annotation" || xml_.root_at() > kHead / 2) {
    return FileOutcome::kLeft;
  }
  const std::string_view head = text.substr(0, kHead);
  if (head.find("<bndbox") == std::string_view::npos &&
      head.find("<polygon") != std::string_view::npos) {
    return FileOutcome::kOther;
  }
  if (!image() || !rest()) return FileOutcome::kLeft;
  for (int32_t k = xml_[0].first; k >= 0; k = xml_[k].next) {
    if (xml_[k].name == "object" && !object(k)) return FileOutcome::kLeft;
  }
  return FileOutcome::kRead;
}

bool File::image() {
  const int32_t name = xml_.child(0, "filename");
  const int32_t convention = xml_.child(0, "convention");
  const int32_t size = xml_.child(0, "size");
  if (name < -1 || convention < -1 || size < -1) return false;
  file_name_ = name < 0 ? std::string_view() : xml_[name].text;
  convention_ = convention < 0 ? std::string_view() : xml_[convention].text;
  width_ = height_ = -1;
  if (size < 0) return true;
  const int32_t sides[2] = {xml_.child(size, "width"), xml_.child(size, "height")};
  if (sides[0] < -1 || sides[1] < -1) return false;
  double found[2];
  bool given = false;
  for (int k = 0; k < 2; ++k) {
    if (sides[k] >= 0 && !xml_[sides[k]].text.empty()) given = true;
  }
  if (!given) return true;
  for (int k = 0; k < 2; ++k) {
    if (sides[k] < 0 || read_number(xml_[sides[k]].text, &found[k]) != Number::kReal ||
        !(found[k] > 0 && found[k] < 2147483648.0) || found[k] != std::floor(found[k])) {
      return false;
    }
  }
  width_ = static_cast<int32_t>(found[0]);
  height_ = static_cast<int32_t>(found[1]);
  return true;
}

bool File::rest() {
  members_.clear();
  for (int32_t k = xml_[0].first; k >= 0; k = xml_[k].next) {
    const std::string_view name = xml_[k].name;
    if (name == "filename" || name == "size" || name == "object" || name == "convention") continue;
    if (!value(xml_[k], members_, {})) return false;
  }
  attributes_ = members_.finish();
  return true;
}

// Adds an element as text, or as an object of its children's texts; nothing where it says nothing.
bool File::value(const XmlElement& element, Members& to, std::string_view unsaid) {
  if (element.first < 0) {
    if (element.text.empty() || element.text == unsaid) return true;
    std::string* text = to.add(element.name);
    if (text == nullptr) return false;
    push_json(*text, element.text);
    return true;
  }
  inner_.clear();
  for (int32_t k = element.first; k >= 0; k = xml_[k].next) {
    if (xml_[k].text.empty()) continue;
    std::string* text = inner_.add(xml_[k].name);
    if (text == nullptr) return false;
    push_json(*text, xml_[k].text);
  }
  const std::string& found = inner_.finish();
  if (found.empty()) return true;
  std::string* text = to.add(element.name);
  if (text == nullptr) return false;
  text->append(found);
  return true;
}

bool File::object(int32_t at) {
  if (count_ == objects_.size()) objects_.emplace_back();
  Object& object = objects_[count_];
  const int32_t name = xml_.child(at, "name");
  const int32_t box = xml_.child(at, "bndbox");
  if (name < -1 || box < 0 || !corners(object, box)) return false;
  object.name = name < 0 ? std::string_view() : xml_[name].text;
  object.line = xml_[at].line;
  object.difficult.reset();
  object.ignore.reset();
  object.crowd.reset();
  object.occlusion.reset();
  object.truncation.reset();
  object.weight.reset();
  object.score.reset();
  object.area.reset();
  members_.clear();
  for (int32_t k = xml_[at].first; k >= 0; k = xml_[k].next) {
    if (!flag(object, xml_[k])) return false;
  }
  object.attributes = members_.finish();
  ++count_;
  return true;
}

bool File::corners(Object& object, int32_t box) {
  constexpr std::string_view kNames[4] = {"xmin", "ymin", "xmax", "ymax"};
  object.raw.clear();
  for (int k = 0; k < 4; ++k) {
    const int32_t at = xml_.child(box, kNames[k]);
    if (at < 0) return false;
    const std::string_view word = xml_[at].text;
    if (read_number(word, &object.box[k]) != Number::kReal) return false;
    if (k < 2 && !one_less(word, object.box[k], &object.less[k])) return false;
    if (k > 0) object.raw.push_back(' ');
    object.raw.append(word);
  }
  return true;
}

bool File::flag(Object& object, const XmlElement& element) {
  const std::string_view name = element.name;
  if (name == "name" || name == "bndbox" || name == "part") return true;
  const bool known = name == "difficult" || name == "truncated" || name == "occluded" ||
                     name == "truncation" || name == "occlusion" || name == "ignore" ||
                     name == "crowd" || name == "weight" || name == "score" || name == "area";
  if (!known) return value(element, members_, "Unspecified");
  double number = 0;
  const Number kind = read_number(element.text, &number);
  if (kind == Number::kUnsure) return false;
  if (kind == Number::kNone) return true;
  if (name == "difficult") {
    if (!element.by_ignore) object.difficult = number != 0;
  } else if (name == "ignore") {
    object.ignore = number != 0;
  } else if (name == "crowd") {
    object.crowd = number != 0;
  } else if (name == "occlusion" || name == "occluded") {
    if ((name == "occlusion" || !object.occlusion) && number >= 0 && number <= 127) {
      object.occlusion = static_cast<int8_t>(number);
    }
  } else if (name == "truncation" || name == "truncated") {
    if (name == "truncation" || !object.truncation) return to_single(number, &object.truncation);
  } else if (name == "weight") {
    return to_single(number, &object.weight);
  } else if (name == "score") {
    return to_single(number, &object.score);
  } else {
    object.area = number;
  }
  return true;
}

template <typename Column, typename T>
void set(Column& column, size_t row, const std::optional<T>& value) {
  if (value) column.set(row, *value);
}

void set(Texts& column, size_t row, std::string_view text) {
  if (text.empty()) return;
  column.pad(row);
  column.push(text);
}

void File::commit(Block& block) const {
  Columns& c = block.columns;
  c.width.push(width_);
  c.height.push(height_);
  set(c.file_name, c.files, file_name_);
  set(c.convention, c.files, convention_);
  set(c.attributes, c.files, attributes_);
  for (size_t k = 0; k < count_; ++k) {
    const Object& o = objects_[k];
    c.x1.push(o.box[0]);
    c.y1.push(o.box[1]);
    c.x2.push(o.box[2]);
    c.y2.push(o.box[3]);
    c.x1_less.push(o.less[0]);
    c.y1_less.push(o.less[1]);
    c.line.push(o.line);
    c.name.push(o.name.empty() ? -1 : block.names.code(o.name));
    c.raw.push(o.raw);
    set(c.object_attributes, c.rows, o.attributes);
    set(c.difficult, c.rows, o.difficult);
    set(c.ignore, c.rows, o.ignore);
    set(c.crowd, c.rows, o.crowd);
    set(c.occlusion, c.rows, o.occlusion);
    set(c.truncation, c.rows, o.truncation);
    set(c.weight, c.rows, o.weight);
    set(c.score, c.rows, o.score);
    set(c.area, c.rows, o.area);
    ++c.rows;
  }
}

class Worker {
 public:
  Worker(const LabelNames& files, const VocOptions& options) : files_(&files), options_(&options) {}
  Worker(const Worker& other) : files_(other.files_), options_(other.options_) {}

  void operator()(Block& block, size_t file) {
    path_ = files_->folder;
    path_.append(files_->names[file]);
    FileOutcome outcome = FileOutcome::kLeft;
    if (text_.read(path_.c_str(), options_->most_bytes)) {
      block.bytes += text_.text().size();
      if (block.bytes <= kMostInBlock) outcome = file_.parse(text_.text());
    }
    Columns& c = block.columns;
    if (outcome == FileOutcome::kRead) {
      file_.commit(block);
    } else {
      c.width.push(-1);
      c.height.push(-1);
    }
    c.outcome.push(static_cast<uint8_t>(outcome));
    c.counts.push(outcome == FileOutcome::kRead ? static_cast<int64_t>(file_.rows()) : 0);
    ++c.files;
  }

 private:
  const LabelNames* files_;
  const VocOptions* options_;
  FileText text_;
  File file_;
  std::string path_;
};

}  // namespace

void read_voc(const LabelNames& files, const VocOptions& options, ColumnSet* out) {
  auto blocks = read_blocks<Block>(files.names.size(), options.workers, Worker(files, options));
  Columns all(options.most_text);
  Words names;
  std::vector<int32_t> codes;
  for (std::unique_ptr<Block>& block : blocks) {
    codes.clear();
    for (const std::string_view word : block->names.words()) codes.push_back(names.code(word));
    all.append(block->columns, codes);
    block.reset();
  }
  out->add("outcome", all.outcome);
  out->add("rows", all.counts);
  out->add("width", all.width);
  out->add("height", all.height);
  out->add("file_name", all.file_name, all.files);
  out->add("convention", all.convention, all.files);
  out->add("attributes", all.attributes, all.files);
  out->add("x1", all.x1);
  out->add("y1", all.y1);
  out->add("x2", all.x2);
  out->add("y2", all.y2);
  out->add("x1_less", all.x1_less);
  out->add("y1_less", all.y1_less);
  out->add("line", all.line);
  out->add("name", all.name);
  out->add("raw", all.raw, all.rows);
  out->add("object_attributes", all.object_attributes, all.rows);
  out->add("difficult", all.difficult, all.rows);
  out->add("ignore", all.ignore, all.rows);
  out->add("crowd", all.crowd, all.rows);
  out->add("occlusion", all.occlusion, all.rows);
  out->add("truncation", all.truncation, all.rows);
  out->add("weight", all.weight, all.rows);
  out->add("score", all.score, all.rows);
  out->add("area", all.area, all.rows);
  out->add("names", names.words());
}

}  // namespace fl
