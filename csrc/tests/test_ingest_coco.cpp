// COCO ingest: the walk over brackets, numbers, and whole files in windows of any size.
#include <cerrno>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include <unistd.h>

#include "check.h"
#include "fastlabel/fastlabel.h"
#include "tables/coco_record.h"
#include "tables/growing.h"
#include "tables/json_kernels.h"
#include "tables/json_number.h"
#include "tables/json_text.h"
#include "tables/json_tokens.h"

namespace {

// A file that is there while this lives.
class File {
 public:
  explicit File(const std::string& text) {
    char name[] = "/tmp/fastlabel-coco-XXXXXX";
    const int file = ::mkstemp(name);
    path_ = name;
    std::FILE* stream = ::fdopen(file, "wb");
    std::fwrite(text.data(), 1, text.size(), stream);
    std::fclose(stream);
  }
  ~File() { std::remove(path_.c_str()); }
  const char* path() const { return path_.c_str(); }

 private:
  std::string path_;
};

void test_walk_in_every_tier() {
  const char* names[8];
  const int32_t tiers = fl_isa_available(names, 8);
  test::Random random(1);
  const char alphabet[] = "{}[]\",\\ a1:{\"\\";
  for (int32_t t = 0; t < tiers; ++t) {
    CHECK(fl_isa_select(names[t]) == FL_OK);
    for (int round = 0; round < 3000; ++round) {
      std::vector<uint8_t> text(static_cast<size_t>(random.below(300)));
      // Brackets that close are rare in some, so that the walk gets far.
      const int64_t letters = round % 2 == 0 ? 14 : 9;
      for (auto& c : text) c = static_cast<uint8_t>(alphabet[13 - random.below(letters)]);
      fl::JsonDepth a = {};
      a.depth = 2 + random.below(3);
      fl::JsonDepth b = a;
      // In two steps: the state between them counts.
      const auto cut = static_cast<size_t>(random.below(static_cast<int64_t>(text.size()) + 1));
      bool ended = false;
      for (const auto& [from, to] : {std::pair{size_t{0}, cut}, std::pair{cut, text.size()}}) {
        if (ended) break;
        const size_t x = fl::json_kernels().json_depth(text.data() + from, to - from, &a);
        const size_t y = fl::oracle_json_kernels().json_depth(text.data() + from, to - from, &b);
        CHECK(x == y);
        CHECK(a.commas == b.commas);
        CHECK(a.commas == 0 || a.last_comma == b.last_comma);
        ended = y < to - from;
        if (!ended) {
          CHECK(a.depth == b.depth);
          CHECK(a.in_string == b.in_string);
          CHECK(a.escaped == b.escaped);
          CHECK(a.position == b.position);
        }
      }
    }
  }
}

void check_number(const std::string& text, bool sound) {
  const std::string padded = text + std::string(64, ' ');
  const auto* from = reinterpret_cast<const uint8_t*>(padded.data());
  const uint8_t* end = fl::skip_number(from);
  CHECK((end != nullptr) == sound);
  if (!sound) {
    fl::JsonNumber number;
    CHECK(fl::read_number(from, &number) == nullptr);
    return;
  }
  CHECK(end == from + text.size());
  fl::JsonNumber number;
  if (fl::read_number(from, &number) == nullptr) return;
  const double expected = std::strtod(text.c_str(), nullptr);
  CHECK(std::memcmp(&expected, &number.real, 8) == 0 || number.whole);
  CHECK(number.as_double() == expected);
}

void test_numbers() {
  for (const char* text : {"0", "-0", "1", "10", "123456789012345678", "0.5", "-1.25e3", "1E+2",
                           "1e-400", "4.9e-324", "0.1", "179769313486231570e290", "9.007199254740993"}) {
    check_number(text, true);
  }
  for (const char* text : {"", "-", "01", "1.", ".5", "1e", "1e+", "+1", "1.5.2", "1-", "0x1", "1a",
                           "--1", "1e5.2", "\"1\"", "nan", "-Infinity"}) {
    check_number(text, false);
  }
  test::Random random(2);
  for (int k = 0; k < 200000; ++k) {
    char text[64];
    const double value = (random.unit() - 0.5) * std::pow(10.0, static_cast<double>(random.below(40)) - 15);
    std::snprintf(text, sizeof text, "%.*g", 1 + static_cast<int>(random.below(18)), value);
    const std::string shown = text;
    if (shown.find("e+") == std::string::npos || random.below(2) == 0) check_number(shown, true);
  }
}

// Lists of numbers, with and without white space; the fast way and skip_number must agree.
void test_lists_of_numbers() {
  test::Random random(3);
  const char* const values[] = {"1", "23.5", "-0.125", "[]", "[1,2]", "123456789.123456", "1e5",
                                "[[3.25]]", "0", "12345678901234567890.5", "01", "1.", "x", "[1"};
  for (int k = 0; k < 20000; ++k) {
    std::string text = "[";
    std::string plain = "[";
    bool sound = true;
    const int64_t n = random.below(6);
    for (int64_t v = 0; v < n; ++v) {
      const int64_t which = random.below(k % 3 == 0 ? 14 : 10);
      sound = sound && which < 10;
      const std::string comma = v > 0 ? "," : "";
      text += comma + (random.below(2) == 0 ? " " : "") + values[which] + (random.below(4) == 0 ? " \n" : "");
      plain += comma + values[which];
    }
    text += "]";
    plain += "]";
    const size_t size = text.size();
    text += std::string(fl::JsonTokens::kPadding, ' ');
    fl::JsonTokens tokens;
    CHECK(tokens.find(reinterpret_cast<const uint8_t*>(text.data()), size));
    fl::JsonWalk walk(reinterpret_cast<const uint8_t*>(text.data()), tokens.at(), tokens.size());
    std::vector<char> out(size + 64);
    size_t written = 0;
    const bool done = walk.numbers(out.data(), &written);
    CHECK(done == sound);
    if (done) CHECK(std::string(out.data(), written) == plain);
  }
}

void test_names() {
  CHECK(fl::plain_name("a.jpg"));
  CHECK(fl::plain_name("train/x y/A.JPEG"));
  for (const char* name : {"", "/a.jpg", "a\\b.jpg", "../a.jpg", "./a.jpg", "a//b.jpg", "a/",
                           "C:/a.jpg", "http://a/b.jpg", ".a.jpg", "x/.h/a.jpg", "a", "a.txt",
                           "__MACOSX/a.jpg", "@eaDir/a.jpg", "a.jpgjpg"}) {
    CHECK(!fl::plain_name(name));
  }
}

void test_bits_and_columns() {
  test::Random random(4);
  fl::Bits whole;
  std::vector<bool> expected;
  for (int k = 0; k < 300; ++k) {
    fl::Bits part;
    const int64_t n = random.below(20);
    for (int64_t b = 0; b < n; ++b) {
      part.push(random.below(2) == 1);
    }
    fl::Bits copy;
    copy.append(part);
    whole.append(copy);
    size_t bytes = 0;
    uint8_t* taken = part.release(&bytes);
    for (int64_t b = 0; b < n; ++b) expected.push_back((taken[b >> 3] >> (b & 7) & 1) != 0);
    fl::free_block(taken);
    const auto run = static_cast<size_t>(random.below(30));
    const bool bit = random.below(2) == 1;
    whole.fill(run, bit);
    expected.insert(expected.end(), run, bit);
  }
  CHECK(whole.size() == expected.size());
  size_t bytes = 0;
  uint8_t* taken = whole.release(&bytes);
  CHECK(bytes == (expected.size() + 7) / 8);
  bool same = true;
  for (size_t k = 0; k < bytes * 8; ++k) {
    same = same && ((taken[k >> 3] >> (k & 7) & 1) != 0) == (k < expected.size() && expected[k]);
  }
  CHECK(same);
  fl::free_block(taken);

  // Blocks keep what they hold through every size.
  uint64_t* block = nullptr;
  for (size_t n = 1; n < (size_t{1} << 21); n = n * 3 + 1) {
    block = static_cast<uint64_t*>(fl::resize_block(block, n * 8));
    CHECK(reinterpret_cast<uintptr_t>(block) % 64 == 0);
    CHECK(n == 1 || block[0] == 77);
    block[0] = 77;
    block[n - 1] = 77;
  }
  block = static_cast<uint64_t*>(fl::resize_block(block, 8));
  CHECK(block[0] == 77);
  fl::free_block(block);
}

fl_coco_summary read(const std::string& text, int64_t window, int32_t workers) {
  const File file(text);
  fl_coco_options options;
  CHECK(fl_coco_options_init(&options, sizeof options) == FL_OK);
  options.window = window;
  options.workers = workers;
  fl_coco* coco = nullptr;
  CHECK(fl_coco_read(file.path(), &options, &coco) == FL_OK);
  fl_coco_summary summary;
  CHECK(fl_coco_summarise(coco, &summary) == FL_OK);
  fl_coco_destroy(coco);
  return summary;
}

void test_files() {
  std::string text = "{\"images\": [{\"id\": 1, \"file_name\": \"a.jpg\"}], \"annotations\": [";
  for (int k = 0; k < 500; ++k) {
    text += k > 0 ? ", " : "";
    text += "{\"id\": " + std::to_string(k) + ", \"image_id\": 1, \"category_id\": 1, \"bbox\": [1, 2.5, 3, 4]";
    text += k % 100 == 5 ? ", \"area\": NaN}" : ", \"note\": \"}],[{\\\"\"}";
  }
  text += "]}";
  for (const int64_t window : {64, 77, 1000, 1 << 20}) {
    for (const int32_t workers : {1, 2, 4}) {
      const fl_coco_summary s = read(text, window, workers);
      CHECK(s.outcome == FL_COCO_READ);
      CHECK(s.images == 1 && s.annotations == 495 && s.odd == 5);
    }
  }
  for (size_t n = 0; n < text.size(); n += 97) {
    CHECK(read(text.substr(0, n), 64 + static_cast<int64_t>(n % 50), 2).outcome == FL_COCO_NOT_JUDGED);
  }
  CHECK(read(text + "x", 1000, 1).outcome == FL_COCO_NOT_JUDGED);
  CHECK(read("{}", 64, 1).outcome == FL_COCO_READ);
  CHECK(read("{\"annotations\": []}", 64, 1).outcome == FL_COCO_READ);
  for (const char* bad : {"", "[]", "{\"images\": [,]}", "{\"images\": [1,]}", "{\"images\": [}}",
                          "{\"images\": [{]}", "{\"images\" []}", "{\"images\": [] \"a\": 1}",
                          "{\"a\": }", "{\"a\": 1", "{\"a\" : [1", "\xff\xfe{"}) {
    CHECK(read(bad, 64, 1).outcome == FL_COCO_NOT_JUDGED);
  }
}

// A value that is far longer than a window is read; one beyond the limit is refused, and named so.
void test_long_values() {
  const std::string images = "{\"images\": [{\"id\": 1, \"file_name\": \"a.jpg\"}], ";
  const std::string box = "{\"id\": 1, \"image_id\": 1, \"category_id\": 1, \"bbox\": [1, 2, 3, 4]";
  for (const size_t mebibytes : {3, 66}) {
    const std::string filler(mebibytes << 20, 'x');
    for (const int32_t workers : {1, 2}) {
      for (const bool inside : {false, true}) {
        const std::string long_member = ", \"note\": \"" + filler + "\"}";
        const fl_coco_summary s =
            read(inside ? images + "\"annotations\": [" + box + "}, " + box + long_member + ", " +
                              box + "}]}"
                        : images + "\"info\": \"" + filler + "\", \"annotations\": [" + box + "}]}",
                 1 << 16, workers);
        const bool fits = mebibytes == 3;
        CHECK(s.outcome == (fits ? FL_COCO_READ : FL_COCO_NOT_JUDGED));
        CHECK(s.error == (fits ? 0 : EFBIG));
        CHECK(!fits || s.annotations == (inside ? 3 : 1));
      }
    }
  }
}

// A score is there twice: as labels hold it, and as it is written.
void test_scores() {
  std::string text = "{\"annotations\": [";
  for (int k = 0; k < 300; ++k) {
    text += k > 0 ? "," : "";
    text += "{\"image_id\": 1, \"category_id\": 1, \"bbox\": [1, 2, 3, 4]";
    if (k % 3 != 2) text += ", \"score\": 0." + std::to_string(1000001 + k);
    text += "}";
  }
  text += "]}";
  const File file(text);
  for (const int64_t window : {64, 1000, 1 << 20}) {
    fl_coco_options options;
    CHECK(fl_coco_options_init(&options, sizeof options) == FL_OK);
    options.window = window;
    options.workers = 2;
    fl_coco* coco = nullptr;
    CHECK(fl_coco_read(file.path(), &options, &coco) == FL_OK);
    void* parts[2][2];
    const char* names[2] = {"score", "score64"};
    for (int c = 0; c < 2; ++c) {
      int64_t rows = 0;
      CHECK(fl_coco_rows(coco, names[c], 0, &rows) == FL_OK && rows == 300);
      int64_t bytes = 0;
      CHECK(fl_coco_take(coco, names[c], 0, FL_COCO_VALUES, &parts[c][0], &bytes) == FL_OK);
      CHECK(bytes == rows * (c == 0 ? 4 : 8));
      CHECK(fl_coco_take(coco, names[c], 0, FL_COCO_VALID, &parts[c][1], &bytes) == FL_OK);
    }
    for (size_t k = 0; k < 300; ++k) {
      const bool valid = (static_cast<uint8_t*>(parts[1][1])[k >> 3] >> (k & 7) & 1) != 0;
      CHECK(valid == (k % 3 != 2));
      if (!valid) continue;
      const double wanted = static_cast<double>(1000001 + k) / 1e7;
      CHECK(static_cast<double*>(parts[1][0])[k] == wanted);
      CHECK(static_cast<float*>(parts[0][0])[k] == static_cast<float>(wanted));
    }
    for (auto& column : parts) {
      for (void* part : column) fl_coco_free(part);
    }
    fl_coco_destroy(coco);
  }
}

void test_arguments() {
  fl_coco_options options;
  CHECK(fl_coco_options_init(&options, sizeof options) == FL_OK);
  fl_coco* coco = nullptr;
  CHECK(fl_coco_read(nullptr, &options, &coco) == FL_ERROR_ARGUMENT);
  CHECK(fl_coco_read("x", nullptr, &coco) == FL_ERROR_ARGUMENT);
  CHECK(fl_coco_read("x", &options, nullptr) == FL_ERROR_ARGUMENT);
  options.window = 1;
  CHECK(fl_coco_read("x", &options, &coco) == FL_ERROR_ARGUMENT);
  options.window = 4096;
  CHECK(fl_coco_read("/no/such/file", &options, &coco) == FL_OK);
  fl_coco_summary summary;
  CHECK(fl_coco_summarise(coco, &summary) == FL_OK);
  CHECK(summary.outcome == FL_COCO_UNREADABLE && summary.error != 0);
  int64_t n = -1;
  CHECK(fl_coco_pieces(coco, "x1", &n) == FL_OK && n == 0);
  CHECK(fl_coco_pieces(coco, "no such", &n) == FL_ERROR_ARGUMENT);
  CHECK(fl_coco_rows(coco, "x1", 0, &n) == FL_ERROR_ARGUMENT);
  void* data = nullptr;
  CHECK(fl_coco_take(coco, "raw", 5, FL_COCO_VALUES, &data, &n) == FL_ERROR_ARGUMENT);
  CHECK(fl_coco_take(coco, "raw", 0, 9, &data, &n) == FL_ERROR_ARGUMENT);
  CHECK(fl_coco_take(coco, "raw", 0, FL_COCO_VALUES, &data, &n) == FL_OK && data == nullptr);
  fl_coco_free(nullptr);
  fl_coco_destroy(coco);
  fl_coco_destroy(nullptr);
}

}  // namespace

int main() {
  test_walk_in_every_tier();
  test_numbers();
  test_lists_of_numbers();
  test_names();
  test_bits_and_columns();
  test_files();
  test_long_values();
  test_scores();
  test_arguments();
  return test::finish("ingest_coco");
}
