// Label files of one image each: what the readers take, what they leave, and hostile bytes.
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include <unistd.h>

#include "check.h"
#include "fastlabel/fastlabel.h"
#include "tables/label_files.h"
#include "tables/xml_text.h"

namespace {

using Strings = std::vector<std::string>;

// A folder of files, gone afterwards.
class Folder {
 public:
  Folder() {
    char name[] = "/tmp/fastlabel-ingest-XXXXXX";
    path_ = ::mkdtemp(name) == nullptr ? "" : name;
  }
  ~Folder() {
    for (const std::string& each : written_) std::remove((path_ + "/" + each).c_str());
    ::rmdir(path_.c_str());
  }
  void write(const std::string& name, const std::string& text) {
    std::FILE* file = std::fopen((path_ + "/" + name).c_str(), "wb");
    CHECK(file != nullptr);
    if (file == nullptr) return;
    CHECK(std::fwrite(text.data(), 1, text.size(), file) == text.size());
    std::fclose(file);
    written_.push_back(name);
  }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
  Strings written_;
};

using Reader = fl_status (*)(const fl_label_files*, const fl_label_options*, fl_label_columns**);

fl_label_options defaults() {
  fl_label_options options;
  CHECK(fl_label_options_init(&options, sizeof options) == FL_OK);
  return options;
}

class Read {
 public:
  Read(Reader reader, const std::string& folder, const Strings& names, fl_label_options options) {
    std::string blob;
    for (const std::string& name : names) blob.append(name).push_back('\0');
    const fl_label_files files = {folder.c_str(), blob.data(), static_cast<int64_t>(blob.size()),
                                  static_cast<int64_t>(names.size())};
    CHECK(reader(&files, &options, &columns_) == FL_OK);
  }
  ~Read() { fl_label_destroy(columns_); }
  Read(const Read&) = delete;
  Read& operator=(const Read&) = delete;

  template <typename T>
  std::vector<T> numbers(const char* column) {
    const std::vector<char> bytes = part(column, 0, FL_LABEL_VALUES);
    std::vector<T> found(bytes.size() / sizeof(T));
    if (!found.empty()) std::memcpy(found.data(), bytes.data(), found.size() * sizeof(T));
    return found;
  }
  // Null is "-".
  Strings texts(const char* column) {
    Strings found;
    int64_t pieces = 0;
    CHECK(fl_label_pieces(columns_, column, &pieces) == FL_OK);
    for (int64_t piece = 0; piece < pieces; ++piece) {
      const std::vector<char> offsets = part(column, piece, FL_LABEL_OFFSETS);
      const std::vector<char> bytes = part(column, piece, FL_LABEL_VALUES);
      const std::vector<char> valid = part(column, piece, FL_LABEL_VALID);
      for (size_t k = 0; (k + 2) * 4 <= offsets.size(); ++k) {
        int32_t ends[2];
        std::memcpy(ends, offsets.data() + 4 * k, sizeof ends);
        const bool is_null = !valid.empty() && (valid[k / 8] >> (k % 8) & 1) == 0;
        found.push_back(is_null ? "-"
                                : std::string(bytes.data() + ends[0],
                                              static_cast<size_t>(ends[1] - ends[0])));
      }
    }
    return found;
  }
  fl_label_columns* get() { return columns_; }

 private:
  std::vector<char> part(const char* column, int64_t piece, int32_t which) {
    void* data = nullptr;
    int64_t bytes = 0;
    if (fl_label_take(columns_, column, piece, which, &data, &bytes) != FL_OK) return {};
    if (data == nullptr) return {};
    const char* from = static_cast<const char*>(data);
    std::vector<char> found(from, from + bytes);
    fl_label_free(data);
    return found;
  }
  fl_label_columns* columns_ = nullptr;
};

void numbers_are_strtod_s() {
  test::Random draw(1);
  for (int k = 0; k < 200'000; ++k) {
    char text[64];
    const int places = static_cast<int>(draw.below(20));
    const double scale = std::pow(10.0, static_cast<double>(draw.below(30)) - 15);
    std::snprintf(text, sizeof text, draw.below(4) == 0 ? "%.*e" : "%.*f", places,
                  (draw.unit() - 0.3) * scale);
    double value = 0;
    const bool read = fl::read_real(text, &value);
    CHECK(read);
    const double wanted = std::strtod(text, nullptr);
    CHECK(std::memcmp(&value, &wanted, sizeof value) == 0);
  }
  double value = 0;
  for (const char* word : {"", ".", "-", "+", "e5", "1e", "1e+", "0x10", "nan", "inf", "1_0", "1e999",
                           "--1", "+-1", "1 ", " 1", "1e-999", "1,5"}) {
    CHECK(!fl::read_real(word, &value));
  }
  for (const char* word : {"1.", ".5", "+.5", "-0", "1E5", "1.e5", "007"}) {
    CHECK(fl::read_real(word, &value));
    CHECK(value == std::strtod(word, nullptr));
  }
}

void yolo_rows() {
  Folder folder;
  folder.write("a.txt", "3 0.5 0.5 0.25 0.125\r\n\n\t1 0.5 0.5 0.5 0.5 0.75  \n");
  folder.write("blank.txt", " \n");
  folder.write("polygon.txt", "cat 0 0 1 0 1 1\n7 0.1 0.2 0.3 0.4 0.5 0.6 0.7 0.8");
  folder.write("word.txt", "0 0.5 x 0.25 0.125\n");
  folder.write("mixed.txt", "0 0.5 0.5 0.25 0.125\n0 0 0 1 0 1 1\n");
  folder.write("count.txt", "0 1 2 3\n");
  folder.write("wide.txt", "0 0.5 0.5 0.25 0.125 \xc3\xa9\n");
  const Strings names = {"a.txt",     "blank.txt", "polygon.txt", "word.txt",
                         "mixed.txt", "count.txt", "wide.txt",    "absent.txt"};
  for (const int32_t workers : {1, 3}) {
    fl_label_options options = defaults();
    options.workers = workers;
    Read read(&fl_yolo_read, folder.path(), names, options);
    CHECK(read.numbers<uint8_t>("outcome") == (std::vector<uint8_t>{0, 0, 0, 1, 1, 1, 1, 1}));
    CHECK(read.numbers<int64_t>("rows") == (std::vector<int64_t>{2, 0, 2, 0, 0, 0, 0, 0}));
    CHECK(read.numbers<int32_t>("line") == (std::vector<int32_t>{1, 3, 1, 2}));
    CHECK(read.numbers<uint8_t>("kind") == (std::vector<uint8_t>{0, 0, 1, 2}));
    CHECK(read.numbers<double>("x1") == (std::vector<double>{0.375, 0.25, 0, 0.1}));
    CHECK(read.numbers<double>("y2") == (std::vector<double>{0.5625, 0.75, 1, 0.8}));
    CHECK(read.texts("raw")[1] == "0.5 0.5 0.5 0.5 0.75");
    CHECK(read.texts("tokens") == (Strings{"3", "1", "cat", "7"}));
    CHECK(read.numbers<double>("eight").size() == 8);
    CHECK(read.numbers<float>("score")[1] == 0.75F);
    CHECK(read.numbers<float>("score").empty());  // taken once
  }
}

void yolo_keypoints() {
  Folder folder;
  folder.write("a.txt", "0 0.5 0.5 0.25 0.125 0.1  0.2 0.3 0.4\n");
  fl_label_options options = defaults();
  options.keypoints = 4;
  Read read(&fl_yolo_read, folder.path(), {"a.txt"}, options);
  CHECK(read.numbers<uint8_t>("kind") == (std::vector<uint8_t>{3}));
  CHECK(read.texts("attributes") == (Strings{"{\"keypoints\": \"0.1 0.2 0.3 0.4\"}"}));
}

constexpr const char* kVoc =
    "<annotation>\n<folder>f</folder>\n<filename>a.png</filename>\n<source><database>d \"q\""
    "</database></source>\n<size><width>40</width><height>30</height></size>\n<object>\n"
    "<name>a &amp; b</name><pose>Left</pose><difficult>1</difficult><truncated>0.5</truncated>"
    "<bndbox><xmin> 1.1 </xmin><ymin>0.25</ymin><xmax>9</xmax><ymax>12</ymax></bndbox>\n"
    "</object>\n</annotation>\n";

void voc_objects() {
  Folder folder;
  const std::string good = kVoc;
  folder.write("a.xml", good);
  folder.write("doctype.xml", "<!DOCTYPE annotation [<!ENTITY e \"x\">]>" + good);
  folder.write("other.xml", "<annotation><polygon/></annotation>");
  folder.write("cut.xml", good.substr(0, good.size() - 5));
  folder.write("entity.xml", "<annotation><folder>&e;</folder></annotation>");
  const Strings names = {"a.xml", "doctype.xml", "other.xml", "cut.xml", "entity.xml"};
  Read read(&fl_voc_read, folder.path(), names, defaults());
  CHECK(read.numbers<uint8_t>("outcome") == (std::vector<uint8_t>{0, 1, 2, 1, 1}));
  CHECK(read.numbers<int64_t>("rows") == (std::vector<int64_t>{1, 0, 0, 0, 0}));
  CHECK(read.numbers<int32_t>("width") == (std::vector<int32_t>{40, -1, -1, -1, -1}));
  CHECK(read.texts("file_name")[0] == "a.png");
  CHECK(read.texts("attributes")[0] ==
        "{\"folder\": \"f\", \"source\": {\"database\": \"d \\\"q\\\"\"}}");
  CHECK(read.texts("raw") == (Strings{"1.1 0.25 9 12"}));
  CHECK(read.numbers<double>("x1") == (std::vector<double>{1.1}));
  CHECK(read.numbers<double>("x1_less") == (std::vector<double>{0.1}));
  CHECK(read.numbers<double>("y1_less") == (std::vector<double>{-0.75}));
  CHECK(read.numbers<int32_t>("line") == (std::vector<int32_t>{6}));
  CHECK(read.texts("names") == (Strings{"a & b"}));
  CHECK(read.texts("object_attributes") == (Strings{"{\"pose\": \"Left\"}"}));
}

void xml_is_strict() {
  fl::XmlText xml;
  for (const char* text : {"<a>x</a>", "<a b='1' c=\"2\"><b/></a>", "<a>\n</a>\n", "<a>&lt;</a >"}) {
    CHECK(xml.parse(text));
  }
  for (const char* text :
       {"", "x", "<a>", "<a></b>", "<a></a><b/>", "<a></a>x", "<a b=1></a>", "<a b='1' b='2'></a>",
        "<a b='<'></a>", "<a>]]></a>", "<a>&x;</a>", "<a>&#65;</a>", "<a>\r</a>", "<a>\x01</a>",
        "<a>\xff</a>", "<a>\xed\xa0\x80</a>", "<a><!-- --></a>", "<a><?x?></a>", "<x:a></x:a>",
        "<a xmlns='u'></a>", "<a\n></a>", "<1a></1a>", "<a><b></a></b>", "<a>\xef\xbf\xbe</a>"}) {
    CHECK(!xml.parse(text));
  }
  CHECK(!xml.parse(std::string(100'000, '<')));
  std::string deep;
  for (int k = 0; k < 100'000; ++k) deep.append("<a>");
  CHECK(!xml.parse(deep));
}

// Every cut and many flips of two sound files: no crash, no row of a file that is left.
void hostile_bytes() {
  test::Random draw(2);
  const std::string sound[2] = {"3 0.5 0.5 0.25 0.125\r\n1 0.1 0.2 0.3 0.4 0.5 0.6 0.7 0.8\n", kVoc};
  const Reader readers[2] = {&fl_yolo_read, &fl_voc_read};
  for (int format = 0; format < 2; ++format) {
    Folder folder;
    Strings names;
    for (size_t k = 0; k < 3000; ++k) {
      std::string text = sound[format];
      if (k < text.size()) {
        text.resize(k);
      } else {
        for (int64_t flips = draw.below(4); flips >= 0; --flips) {
          text[static_cast<size_t>(draw.below(static_cast<int64_t>(text.size())))] =
              static_cast<char>(draw.byte());
        }
      }
      names.push_back(std::to_string(k));
      folder.write(names.back(), text);
    }
    for (const int64_t most_text : {int64_t{1}, int64_t{INT32_MAX}}) {
      fl_label_options options = defaults();
      options.workers = 2;
      options.most_text = most_text;
      Read read(readers[format], folder.path(), names, options);
      const auto outcome = read.numbers<uint8_t>("outcome");
      const auto rows = read.numbers<int64_t>("rows");
      int64_t all = 0;
      for (size_t k = 0; k < names.size(); ++k) {
        CHECK(outcome[k] == 0 || rows[k] == 0);
        all += rows[k];
      }
      CHECK(all > 0 && read.texts("raw").size() == static_cast<size_t>(all));
    }
  }
}

void arguments() {
  fl_label_columns* out = nullptr;
  fl_label_options options = defaults();
  const fl_label_files good = {"/tmp", "a\0b\0", 4, 2};
  CHECK(fl_yolo_read(nullptr, &options, &out) == FL_ERROR_ARGUMENT);
  CHECK(fl_yolo_read(&good, nullptr, &out) == FL_ERROR_ARGUMENT);
  CHECK(fl_yolo_read(&good, &options, nullptr) == FL_ERROR_ARGUMENT);
  for (const fl_label_files& bad :
       {fl_label_files{nullptr, "a\0", 2, 1}, fl_label_files{"/tmp", nullptr, 2, 1},
        fl_label_files{"/tmp", "a\0", 2, 2}, fl_label_files{"/tmp", "ab", 2, 1},
        fl_label_files{"/tmp", "a\0", 2, -1}, fl_label_files{"/tmp", "a\0", -2, 1},
        fl_label_files{"/tmp", "a\0", 2, INT64_MAX}}) {
    CHECK(fl_yolo_read(&bad, &options, &out) == FL_ERROR_ARGUMENT);
    CHECK(fl_voc_read(&bad, &options, &out) == FL_ERROR_ARGUMENT);
    CHECK(out == nullptr);
  }
  options.workers = -1;
  CHECK(fl_voc_read(&good, &options, &out) == FL_ERROR_ARGUMENT);
  options = defaults();
  options.keypoints = -1;
  CHECK(fl_yolo_read(&good, &options, &out) == FL_ERROR_ARGUMENT);
  options = defaults();
  options.most_text = 0;
  CHECK(fl_yolo_read(&good, &options, &out) == FL_ERROR_ARGUMENT);

  Read read(&fl_yolo_read, "/nowhere", {"a"}, defaults());
  int64_t number = 0;
  void* data = nullptr;
  CHECK(fl_label_pieces(read.get(), "no such", &number) == FL_OK && number == 0);
  CHECK(fl_label_rows(read.get(), "outcome", 1, &number) == FL_ERROR_ARGUMENT);
  CHECK(fl_label_rows(read.get(), "outcome", 0, &number) == FL_OK && number == 1);
  CHECK(fl_label_take(read.get(), "outcome", 0, 3, &data, &number) == FL_ERROR_ARGUMENT);
  CHECK(fl_label_take(read.get(), "outcome", -1, 0, &data, &number) == FL_ERROR_ARGUMENT);
  const fl_label_files none = {"/tmp", nullptr, 0, 0};
  options = defaults();
  CHECK(fl_yolo_read(&none, &options, &out) == FL_OK);
  fl_label_destroy(out);
  fl_label_destroy(nullptr);
  fl_label_free(nullptr);
}

}  // namespace

int main() {
  numbers_are_strtod_s();
  yolo_rows();
  yolo_keypoints();
  voc_objects();
  xml_is_strict();
  hostile_bytes();
  arguments();
  return test::finish("ingest_text");
}
