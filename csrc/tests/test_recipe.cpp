#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>

#include "check.h"
#include "pixels/decimal.h"
#include "pixels/recipe.h"

namespace {

using test::Random;

const char* const kGood = R"({
  "fastlabel_preprocess": 1,
  "width": 640,
  "height": 384,
  "interpolation": "area",
  "center": true,
  "scale_up": false,
  "stretch": false,
  "order": "rgb",
  "layout": "nhwc",
  "dtype": "int8",
  "color": [114, 0, 255],
  "scale": 0.017124753,
  "mean": [2.117904, 2.0357144, -1.8044444e0],
  "std": [1, 1.5, 25E-2],
  "quantize": {"scale": 0.018658448, "zero_point": -14}
}
)";

// In a block of just its size, so that a sanitizer sees a read of one byte more.
fl_status read(const std::string& text, fl_letterbox_options* out, fl_recipe_error* error) {
  const std::unique_ptr<char[]> exact(new char[text.size()]);
  std::copy(text.begin(), text.end(), exact.get());
  return fl_recipe_read(exact.get(), text.size(), out, sizeof *out, error);
}

std::string with(const char* old, const char* changed) {
  std::string text = kGood;
  const size_t at = text.find(old);
  if (at == std::string::npos) {
    CHECK(false);
    return text;
  }
  return text.replace(at, std::strlen(old), changed);
}

void a_recipe_is_read() {
  fl_letterbox_options p;
  fl_recipe_error error;
  CHECK(read(kGood, &p, &error) == FL_OK && error.line == 0 && error.text[0] == '\0');
  CHECK(p.width == 640 && p.height == 384 && p.interpolation == FL_AREA && p.layout == FL_NHWC);
  CHECK(p.dtype == FL_INT8 && p.order == FL_RGB && p.channels == 3 && p.center == 1 && p.scale_up == 0);
  CHECK(p.stretch == 0 && p.quantize == 1 && p.zero_point == -14);
  CHECK(p.color[0] == 114 && p.color[1] == 0 && p.color[2] == 255);
  CHECK(p.scale == 0.017124753F && p.quant_scale == 0.018658448F);
  CHECK(p.mean[0] == 2.117904F && p.mean[1] == 2.0357144F && p.mean[2] == -1.8044444F);
  CHECK(p.std[0] == 1 && p.std[1] == 1.5F && p.std[2] == 0.25F);
}

struct Bad {
  const char* old;
  const char* changed;
  const char* text;  // a part of what is said
};

void a_bad_one_is_refused_with_place_value_and_remedy() {
  const Bad cases[] = {
      {"\"fastlabel_preprocess\": 1", "\"fastlabel_preprocess\": 2",
       "line 2, column 27: fastlabel_preprocess: got 2, expected version 1"},
      {"\"fastlabel_preprocess\": 1,", "", "line 1, column 1: no key fastlabel_preprocess"},
      {"\"width\": 640", "\"width\": 0", "line 3, column 12: width: got 0, expected a whole"},
      {"\"width\": 640", "\"width\": 65536", "width: got 65536"},
      {"\"width\": 640", "\"width\": 6e2", "width: got 6e2"},
      {"\"width\": 640", "\"width\": 1e99999999999", "width: got 1e99999999999"},
      {"\"width\": 640", "\"width\": 640000000000000000000000000", "width: got"},
      {"\"width\": 640", "\"width\": 0640", "width: got 0640"},
      {"\"width\": 640", "\"width\": -640", "width: got -640"},
      {"\"width\": 640", "\"width\": \"640\"", "width: got \"640\""},
      {"\"width\": 640", "\"width\": 640, \"width\": 640", "line 3, column 17: width stands twice"},
      {"\"width\": 640", "\"breadth\": 640", "line 3, column 3: unknown key \"breadth\""},
      {"\"width\": 640,", "", "the key width is missing; add \"width\": 640"},
      {"\"area\"", "\"cubic\"", "expected one of \"linear\", \"area\""},
      {"\"area\"", "\"are\\u0061\"", "interpolation: got \"are"},
      {"\"center\": true", "\"center\": 1", "center: got 1, expected true or false"},
      {"\"center\": true", "\"center\": trueish", "center: got trueish"},
      {"\"rgb\"", "\"gray\"", "color: got 3 numbers, expected 1"},
      {"[114, 0, 255]", "[114, 0, 256]", "color: got 256, expected a whole number from 0 to 255"},
      {"[114, 0, 255]", "[114, 0]", "color: got 2 numbers, expected 3"},
      {"[114, 0, 255]", "[114, 0, 255, 9]", "expected at most 3 numbers"},
      {"[114, 0, 255]", "[]", "color: got ]"},
      {"[114, 0, 255]", "114", "expected a list of one number a channel"},
      {"\"scale\": 0.017124753", "\"scale\": 0", "scale: got 0, expected a number other than 0"},
      {"\"scale\": 0.017124753", "\"scale\": 0e5", "expected a number other than 0"},
      {"\"scale\": 0.017124753", "\"scale\": 1e-46", "expected a number other than 0"},
      {"\"scale\": 0.017124753", "\"scale\": NaN", "got NaN, expected a number that float32"},
      {"\"scale\": 0.017124753", "\"scale\": Infinity", "got Infinity"},
      {"\"scale\": 0.017124753", "\"scale\": 3.5e38", "got 3.5e38"},
      {"\"scale\": 0.017124753", "\"scale\": .5", "got .5"},
      {"\"scale\": 0.017124753", "\"scale\": 5.", "got 5."},
      {"\"scale\": 0.017124753", "\"scale\": +5", "got +5"},
      {"\"scale\": 0.017124753", "\"scale\": 0x10", "got 0x10"},
      {"\"scale\": 0.017124753", "\"scale\": 1.00000000000000000001", "of at most 19 digits"},
      {"[1, 1.5,", "[1, 0,", "std: got 0, expected a number over 0"},
      {"[1, 1.5,", "[1, -1.5,", "std: got -1.5"},
      {"0.018658448,", "0,", "quantize: scale: got 0, expected a number over 0"},
      {"0.018658448,", "-1,", "quantize: scale: got -1"},
      {": -14", ": 255", "quantize: zero_point: got 255, expected -128 to 127"},
      {", \"zero_point\": -14", "", "the key zero_point is missing"},
      {"{\"scale\": 0.018658448, \"zero_point\": -14}", "null", "as dtype is \"int8\""},
      {"{\"scale\": 0.018658448, \"zero_point\": -14}", "[1, 2]", "expected null, or {"},
      {"\"int8\"", "\"float32\"", "quantize: got an object, expected null"},
      {"\"int8\"", "\"float64\"", "expected one of \"float32\", \"float16\", \"uint8\", \"int8\""},
      {"\"int8\"", "\"uint8\"", "quantize: zero_point: got -14, expected 0 to 255"},
      {"-14}\n}", "-14}\n} x", "expected the end of the file after }"},
      {"-14}\n}", "-14}", "expected , or }"},
      {"-14}\n}", "-14},\n}", "expected a key in quotes"},
      {"{\n", "\xEF\xBB\xBF{\n", "byte order mark"},
      {"{\n", "[\n", "line 1, column 1: got [, expected {"},
      {"{\n", "{ // a comment\n", "expected a key in quotes"},
      {"\"width\"", "\"w\x1b[2J\xff\"", "got \"w?[2J?\", expected a key in quotes"},
  };
  for (const Bad& bad : cases) {
    fl_letterbox_options p;
    std::memset(&p, 77, sizeof p);
    fl_recipe_error error;
    const fl_status status = read(with(bad.old, bad.changed), &p, &error);
    const bool said = std::strstr(error.text, bad.text) != nullptr;
    CHECK(status == FL_ERROR_RECIPE && said && error.line >= 1 && error.column >= 1);
    if (!said) std::printf("  %s -> %s\n", bad.changed, error.text);
    const auto* bytes = reinterpret_cast<const unsigned char*>(&p);
    CHECK(std::all_of(bytes, bytes + sizeof p, [](unsigned char b) { return b == 77; }));
    CHECK(std::all_of(error.text, error.text + std::strlen(error.text),
                      [](char c) { return c >= ' ' && c <= '~'; }));
  }
}

void wrong_pointers_and_sizes_are_refused() {
  fl_letterbox_options p;
  fl_recipe_error error;
  CHECK(fl_recipe_read(nullptr, 0, &p, sizeof p, &error) == FL_ERROR_ARGUMENT);
  CHECK(fl_recipe_read(kGood, std::strlen(kGood), nullptr, sizeof p, &error) == FL_ERROR_ARGUMENT);
  CHECK(fl_recipe_read(kGood, std::strlen(kGood), &p, sizeof p, nullptr) == FL_OK);
  CHECK(fl_recipe_read("", 0, &p, sizeof p, nullptr) == FL_ERROR_RECIPE);
  CHECK(read("", &p, &error) == FL_ERROR_RECIPE);
  CHECK(fl_recipe_read(kGood, std::strlen(kGood), &p, sizeof p - 1, &error) == FL_ERROR_ARGUMENT);
  CHECK(fl_recipe_read(kGood, std::strlen(kGood), &p, 5000, &error) == FL_ERROR_ARGUMENT);
  struct Later {
    fl_letterbox_options known;
    int64_t more = 7;
  } later;
  CHECK(fl_recipe_read(kGood, std::strlen(kGood), &later.known, sizeof later, &error) == FL_OK);
  CHECK(later.more == 0 && later.known.struct_size == sizeof later);
  std::string large = kGood;
  large.append(FL_RECIPE_MAX_BYTES - large.size(), ' ');
  CHECK(read(large, &p, &error) == FL_OK);
  large += ' ';
  CHECK(read(large, &p, &error) == FL_ERROR_RECIPE);
}

void plain_bytes_have_no_arithmetic() {
  std::string text = with("{\"scale\": 0.018658448, \"zero_point\": -14}", "null");
  text.replace(text.find("int8"), 4, "uint8");
  fl_letterbox_options p;
  fl_recipe_error error;
  CHECK(read(text, &p, &error) == FL_ERROR_RECIPE);
  CHECK(std::strstr(error.text, "scale, mean, std: expected 1, 0 and 1") != nullptr);
  text.replace(text.find("0.017124753"), 11, "1");
  text.replace(text.find("[2.117904, 2.0357144, -1.8044444e0]"), 35, "[0, 0, 0]");
  text.replace(text.find("[1, 1.5, 25E-2]"), 15, "[1, 1, 1]");
  CHECK(read(text, &p, &error) == FL_OK && p.dtype == FL_UINT8 && p.quantize == 0);
}

// Every prefix, and thousands of recipes with some bytes changed, cut out or doubled: a status, a
// text, and under a sanitizer no byte read that is not theirs.
void damaged_recipes_end_in_a_status() {
  const std::string good = kGood;
  fl_letterbox_options p;
  fl_recipe_error error;
  for (size_t n = 0; n + 1 < good.size(); ++n) {
    CHECK(read(good.substr(0, n), &p, &error) == FL_ERROR_RECIPE || n + 2 >= good.size());
  }
  Random r(3);
  const char alphabet[] = "{}[]\",:.-+eE0123456789 \n\\truefalsn\x01\xff";
  int kept = 0;
  for (int round = 0; round < 40000; ++round) {
    std::string text = good;
    for (int64_t k = 1 + r.below(4); k > 0; --k) {
      const auto at = static_cast<size_t>(r.below(static_cast<int64_t>(text.size())));
      const auto n = static_cast<size_t>(r.below(12));
      const int64_t kind = r.below(4);
      if (kind == 0) text[at] = static_cast<char>(r.byte());
      if (kind == 1) text[at] = alphabet[r.below(sizeof alphabet - 1)];
      if (kind == 2) text.erase(at, n);
      if (kind == 3) text.insert(at, text.substr(at, n));
      if (text.empty()) text = "{";
    }
    const fl_status status = read(text, &p, &error);
    kept += status == FL_OK ? 1 : 0;
    const bool right = status == FL_OK ? error.line == 0 : error.line > 0 && error.text[0] != '\0';
    CHECK(right && (status == FL_OK || status == FL_ERROR_RECIPE));
    if (status != FL_OK) continue;
    CHECK(p.width >= 1 && p.width <= 65535 && p.height >= 1 && p.height <= 65535);
    CHECK(std::isfinite(p.scale) && p.scale != 0 && p.quant_scale > 0 && p.std[2] > 0);
  }
  CHECK(kept > 100);
}

// The C library's own correctly rounded reading is the oracle.
void decimals_become_the_nearest_float() {
  Random r(4);
  char text[64];
  for (int i = 0; i < 200000; ++i) {
    uint64_t digits = 0;
    int32_t exponent = static_cast<int32_t>(r.below(130)) - 80;
    for (int64_t k = 1 + r.below(fl::kMaxDigits); k > 0; --k) {
      digits = digits * 10 + static_cast<uint64_t>(r.below(10));
    }
    if (i % 2 == 0) {  // on the middle between two floats, or one step beside it
      const auto bits = static_cast<uint32_t>(r.next()) & 0x7F7FFFFFU;
      float low;
      std::memcpy(&low, &bits, sizeof low);
      const double middle = (double{low} + double{std::nextafter(low, INFINITY)}) / 2;
      std::snprintf(text, sizeof text, "%.18e", middle);
      digits = 0;
      const char* c = text;
      for (; *c != 'e'; ++c) {
        if (*c != '.') digits = digits * 10 + static_cast<uint64_t>(*c - '0');
      }
      exponent = std::atoi(c + 1) - 18;
      digits += static_cast<uint64_t>(r.below(3)) - 1;
    }
    std::snprintf(text, sizeof text, "%llue%d", static_cast<unsigned long long>(digits), exponent);
    const float right = std::strtof(text, nullptr);
    float ours = -1;
    const bool finite = fl::nearest_float(digits, exponent, false, &ours);
    CHECK(finite == std::isfinite(right));
    CHECK(!finite || std::memcmp(&ours, &right, sizeof ours) == 0);
  }
}

}  // namespace

int main() {
  a_recipe_is_read();
  a_bad_one_is_refused_with_place_value_and_remedy();
  wrong_pointers_and_sizes_are_refused();
  plain_bytes_have_no_arithmetic();
  damaged_recipes_end_in_a_status();
  decimals_become_the_nearest_float();
  return test::finish("recipe");
}
