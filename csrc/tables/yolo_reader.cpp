#include "tables/yolo_reader.h"

#include <cfloat>
#include <cmath>
#include <cstring>

namespace fl {

namespace {

// Beyond this a sum of corners could pass the range of a double.
constexpr double kHuge = 1e290;

struct Columns {
  explicit Columns(size_t most_text = INT32_MAX) : raw(most_text), attributes(most_text) {}

  size_t rows = 0;
  Grow<double> x1, y1, x2, y2, eight;
  Grow<int32_t> line, token;
  Grow<uint8_t> kind;
  Texts raw, attributes;
  Sparse<float> score;

  void append(const Columns& other, const std::vector<int32_t>& codes) {
    x1.append(other.x1.data(), other.x1.size());
    y1.append(other.y1.data(), other.y1.size());
    x2.append(other.x2.data(), other.x2.size());
    y2.append(other.y2.data(), other.y2.size());
    eight.append(other.eight.data(), other.eight.size());
    line.append(other.line.data(), other.line.size());
    kind.append(other.kind.data(), other.kind.size());
    int32_t* to = token.room(other.rows);
    for (size_t k = 0; k < other.rows; ++k) to[k] = codes[static_cast<size_t>(other.token[k])];
    token.add(other.rows);
    raw.append(rows, other.raw);
    attributes.append(rows, other.attributes);
    score.append(rows, other.score);
    rows += other.rows;
  }
};

struct Block {
  Columns columns;
  Words tokens;
  Grow<uint8_t> outcome;
  Grow<int64_t> counts;
  size_t bytes = 0;  // of its files
};

struct Row {
  int32_t line;
  YoloKind kind;
  bool scored;
  std::string_view token, raw;
  double box[4];
  double score;
  size_t first;  // of its numbers
  size_t numbers;
};

// Rows of one file until it is known that all are regular.
class Parser {
 public:
  explicit Parser(int64_t keypoints) : keypoints_(static_cast<size_t>(keypoints)) {}

  bool parse(std::string_view text);
  void commit(Block& block) const;
  size_t rows() const noexcept { return rows_.size(); }

 private:
  bool line(const char* at, const char* end, int32_t number);
  bool type(Row& row);

  size_t keypoints_;
  std::vector<Row> rows_;
  std::vector<double> numbers_;
  size_t boxes_ = 0, figures_ = 0;
};

// White space of ASCII, to Python; line ends never come here.
bool blank(char c) noexcept {
  return c == ' ' || (c >= '\t' && c <= '\r') || (c >= '\x1c' && c <= '\x1f');
}

bool Parser::parse(std::string_view text) {
  rows_.clear();
  numbers_.clear();
  boxes_ = figures_ = 0;
  if (text.substr(0, 3) == "\xef\xbb\xbf") text.remove_prefix(3);
  if (!is_ascii(text) || text.find('_') != std::string_view::npos) return false;
  const char* at = text.data();
  const char* const end = at + text.size();
  for (int32_t number = 1; at <= end; ++number) {
    if (number == INT32_MAX) return false;
    const char* stop = at;
    while (stop < end && *stop != '\n' && *stop != '\r') ++stop;
    if (!line(at, stop, number)) return false;
    at = stop + 1;
    if (stop + 1 < end && stop[0] == '\r' && stop[1] == '\n') ++at;
  }
  return boxes_ == 0 || figures_ == 0;
}

bool Parser::line(const char* at, const char* end, int32_t number) {
  while (at < end && blank(*at)) ++at;
  while (at < end && blank(end[-1])) --end;
  if (at == end) return true;
  Row row = {};
  row.line = number;
  const char* word = at;
  while (at < end && !blank(*at)) ++at;
  row.token = {word, static_cast<size_t>(at - word)};
  while (at < end && blank(*at)) ++at;
  row.raw = {at, static_cast<size_t>(end - at)};
  row.first = numbers_.size();
  while (at < end) {
    word = at;
    while (at < end && !blank(*at)) ++at;
    double value;
    if (!read_real({word, static_cast<size_t>(at - word)}, &value) || std::abs(value) > kHuge) {
      return false;
    }
    numbers_.push_back(value);
    while (at < end && blank(*at)) ++at;
  }
  row.numbers = numbers_.size() - row.first;
  if (!type(row)) return false;
  rows_.push_back(row);
  return true;
}

bool Parser::type(Row& row) {
  const double* v = numbers_.data() + row.first;
  const size_t count = row.numbers + 1;
  const bool pose = keypoints_ > 0 && count == 5 + keypoints_;
  if (count == 5 || count == 6 || pose) {
    row.kind = pose ? kYoloPose : kYoloBox;
    row.scored = count == 6 && !pose;
    if (row.scored) {
      row.score = v[4];
      if (std::abs(row.score) > static_cast<double>(FLT_MAX)) return false;
    }
    row.box[0] = v[0] - v[2] / 2;
    row.box[1] = v[1] - v[3] / 2;
    row.box[2] = v[0] + v[2] / 2;
    row.box[3] = v[1] + v[3] / 2;
    if (!pose) ++boxes_;
    return true;
  }
  if (count < 7 || count % 2 == 0) return false;
  row.kind = count == 9 ? kYoloEight : kYoloPolygon;
  row.box[0] = row.box[2] = v[0];
  row.box[1] = row.box[3] = v[1];
  for (size_t k = 2; k < row.numbers; k += 2) {
    if (v[k] < row.box[0]) row.box[0] = v[k];
    if (v[k] > row.box[2]) row.box[2] = v[k];
    if (v[k + 1] < row.box[1]) row.box[1] = v[k + 1];
    if (v[k + 1] > row.box[3]) row.box[3] = v[k + 1];
  }
  ++figures_;
  return true;
}

// {"keypoints": "..."}: what follows the box, a space between two words.
void push_keypoints(Texts& to, std::string_view raw, size_t skipped) {
  constexpr std::string_view kHead = "{\"keypoints\": \"", kTail = "\"}";
  char* const begin = to.room(kHead.size() + raw.size() + kTail.size() + 1);
  char* put = begin;
  std::memcpy(put, kHead.data(), kHead.size());
  put += kHead.size();
  const char* const first = put;
  const char* at = raw.data();
  const char* const end = at + raw.size();
  while (at < end) {
    const char* word = at;
    while (at < end && !blank(*at)) ++at;
    if (skipped > 0) {
      --skipped;
    } else {
      if (put != first) *put++ = ' ';
      std::memcpy(put, word, static_cast<size_t>(at - word));
      put += at - word;
    }
    while (at < end && blank(*at)) ++at;
  }
  std::memcpy(put, kTail.data(), kTail.size());
  put += kTail.size();
  to.push(static_cast<size_t>(put - begin));
}

void Parser::commit(Block& block) const {
  Columns& c = block.columns;
  for (const Row& row : rows_) {
    c.x1.push(row.box[0]);
    c.y1.push(row.box[1]);
    c.x2.push(row.box[2]);
    c.y2.push(row.box[3]);
    c.line.push(row.line);
    c.kind.push(row.kind);
    c.token.push(block.tokens.code(row.token));
    c.raw.push(row.raw);
    if (row.kind == kYoloEight) c.eight.append(numbers_.data() + row.first, 8);
    if (row.scored) c.score.set(c.rows, static_cast<float>(row.score));
    if (row.kind == kYoloPose) {
      c.attributes.pad(c.rows);
      push_keypoints(c.attributes, row.raw, 4);
    }
    ++c.rows;
  }
}

class Worker {
 public:
  Worker(const LabelNames& files, const YoloOptions& options)
      : files_(&files), options_(&options), parser_(options.keypoints) {}

  void operator()(Block& block, size_t file) {
    path_ = files_->folder;
    path_.append(files_->names[file]);
    bool read = text_.read(path_.c_str(), options_->most_bytes);
    block.bytes += text_.text().size();
    read = read && block.bytes <= kMostInBlock && parser_.parse(text_.text());
    if (read) parser_.commit(block);
    block.outcome.push(static_cast<uint8_t>(read ? FileOutcome::kRead : FileOutcome::kLeft));
    block.counts.push(read ? static_cast<int64_t>(parser_.rows()) : 0);
  }

 private:
  const LabelNames* files_;
  const YoloOptions* options_;
  Parser parser_;
  FileText text_;
  std::string path_;
};

}  // namespace

void read_yolo(const LabelNames& files, const YoloOptions& options, ColumnSet* out) {
  auto blocks = read_blocks<Block>(files.names.size(), options.workers, Worker(files, options));
  Columns all(options.most_text);
  Words tokens;
  Grow<uint8_t> outcome;
  Grow<int64_t> counts;
  std::vector<int32_t> codes;
  for (std::unique_ptr<Block>& block : blocks) {
    codes.clear();
    for (const std::string_view word : block->tokens.words()) codes.push_back(tokens.code(word));
    all.append(block->columns, codes);
    outcome.append(block->outcome.data(), block->outcome.size());
    counts.append(block->counts.data(), block->counts.size());
    block.reset();
  }
  out->add("outcome", outcome);
  out->add("rows", counts);
  out->add("x1", all.x1);
  out->add("y1", all.y1);
  out->add("x2", all.x2);
  out->add("y2", all.y2);
  out->add("eight", all.eight);
  out->add("line", all.line);
  out->add("kind", all.kind);
  out->add("token", all.token);
  out->add("raw", all.raw, all.rows);
  out->add("attributes", all.attributes, all.rows);
  out->add("score", all.score, all.rows);
  out->add("tokens", tokens.words());
}

}  // namespace fl
