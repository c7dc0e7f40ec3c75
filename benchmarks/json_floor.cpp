// The least that reading a COCO file takes: simdjson's on-demand loop over all that a reader has
// to look at. It makes no table; with `keep` it appends what it reads to three plain vectors.
//
//   json_floor FILE [keep]     prints the seconds of loading and looking, as JSON
#include <simdjson.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

namespace {

using simdjson::ondemand::array;
using simdjson::ondemand::json_type;
using simdjson::ondemand::object;
using simdjson::ondemand::value;

struct Kept {
  bool keep = false;
  std::vector<double> reals;
  std::vector<int64_t> wholes;
  std::string texts;
  double sum = 0;
  size_t bytes = 0, boxes = 0;

  void take(double real) {
    sum += real;
    if (keep) reals.push_back(real);
  }
  void take(int64_t whole) {
    sum += static_cast<double>(whole);
    if (keep) wholes.push_back(whole);
  }
  void take(std::string_view text) {
    bytes += text.size();
    if (keep) texts.append(text);
  }
};

void annotation(object row, Kept& to) {
  for (auto member : row) {
    const std::string_view key = member.unescaped_key();
    if (key == "bbox") {
      for (auto side : member.value().get_array()) to.take(double(side.get_double()));
    } else if (key == "segmentation") {
      value outline = member.value();
      if (outline.type() == json_type::array) {
        array rings = outline.get_array();
        to.take(std::string_view(rings.raw_json()));
      }
    } else if (key == "area") {
      to.take(double(member.value().get_double()));
    } else if (key == "id" || key == "image_id" || key == "category_id" || key == "iscrowd") {
      to.take(int64_t(member.value().get_int64()));
    }
  }
  ++to.boxes;
}

void image(object row, Kept& to) {
  for (auto member : row) {
    const std::string_view key = member.unescaped_key();
    if (key == "id" || key == "width" || key == "height") {
      to.take(int64_t(member.value().get_int64()));
    } else if (key == "file_name") {
      to.take(std::string_view(member.value().get_string()));
    }
  }
}

}  // namespace

int main(int count, char** words) {
  if (count < 2) return 2;
  try {
    Kept kept;
    kept.keep = count > 2;
    const auto began = std::chrono::steady_clock::now();
    const simdjson::padded_string text = simdjson::padded_string::load(words[1]);
    simdjson::ondemand::parser parser;
    auto document = parser.iterate(text);
    for (auto section : document.get_object()) {
      const std::string_view name = section.unescaped_key();
      if (name == "annotations") {
        for (auto row : section.value().get_array()) annotation(row.get_object(), kept);
      } else if (name == "images") {
        for (auto row : section.value().get_array()) image(row.get_object(), kept);
      }
    }
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
    std::printf("{\"seconds\": %.6f, \"boxes\": %zu, \"text\": %zu, \"sum\": %.17g}\n",
                took.count(), kept.boxes, kept.bytes, kept.sum);
  } catch (const simdjson::simdjson_error& error) {
    std::fprintf(stderr, "%s: %s\n", words[1], error.what());
    return 1;
  }
  return 0;
}
