#include "pixels/recipe.h"

#include "pixels/decimal.h"

namespace fl {

namespace {

// The keys of the format, in the order in which they are written.
enum Key {
  kVersion,
  kWidth,
  kHeight,
  kInterpolation,
  kCenter,
  kScaleUp,
  kStretch,
  kOrder,
  kLayout,
  kDtype,
  kColor,
  kScale,
  kMean,
  kStd,
  kQuantize,
  kKeys
};

struct KeyText {
  const char* name;
  const char* usual;  // what most recipes have, for who left it out
};

constexpr KeyText kTexts[kKeys] = {
    {"fastlabel_preprocess", "1"},
    {"width", "640"},
    {"height", "640"},
    {"interpolation", "\"linear\""},
    {"center", "true"},
    {"scale_up", "true"},
    {"stretch", "false"},
    {"order", "\"rgb\""},
    {"layout", "\"nchw\""},
    {"dtype", "\"float32\""},
    {"color", "[114, 114, 114]"},
    {"scale", "0.003921569"},
    {"mean", "[0, 0, 0]"},
    {"std", "[1, 1, 1]"},
    {"quantize", "null"},
};

enum QuantizeKey { kStep, kZeroPoint, kQuantizeKeys };
constexpr KeyText kQuantizeTexts[kQuantizeKeys] = {{"scale", "0.003921569"}, {"zero_point", "0"}};

struct Word {
  const char* name;
  int32_t value;
};
constexpr Word kInterpolations[] = {{"linear", FL_LINEAR}, {"area", FL_AREA}};
constexpr Word kLayouts[] = {{"nchw", FL_NCHW}, {"nhwc", FL_NHWC}};
constexpr Word kOrders[] = {{"rgb", FL_RGB}, {"bgr", FL_BGR}, {"gray", FL_GRAY}};
constexpr Word kDtypes[] = {{"float32", FL_FLOAT32},
                            {"float16", FL_FLOAT16},
                            {"uint8", FL_UINT8},
                            {"int8", FL_INT8}};

constexpr size_t kShownBytes = 32;

size_t length_of(const char* text) noexcept {
  size_t n = 0;
  while (text[n] != '\0') ++n;
  return n;
}

// A text in a field of fixed size; what does not fit is cut off.
class Message {
 public:
  explicit Message(fl_recipe_error* error) noexcept : error_(error) { error->text[0] = '\0'; }

  Message& say(const char* text) noexcept { return say(text, length_of(text)); }

  // Bytes of the file: what is not ASCII to be seen could do anything to a terminal.
  Message& say(const char* text, size_t n) noexcept {
    for (size_t i = 0; i < n && used_ + 1 < sizeof error_->text; ++i) {
      error_->text[used_++] = text[i] >= ' ' && text[i] <= '~' ? text[i] : '?';
    }
    error_->text[used_] = '\0';
    return *this;
  }

  Message& say(int64_t number) noexcept {
    char digits[20];
    size_t n = sizeof digits;
    uint64_t rest = number < 0 ? 0 - static_cast<uint64_t>(number) : static_cast<uint64_t>(number);
    do {
      digits[--n] = static_cast<char>('0' + rest % 10);
      rest /= 10;
    } while (rest != 0);
    if (number < 0) say("-");
    return say(digits + n, sizeof digits - n);
  }

 private:
  fl_recipe_error* error_;
  size_t used_ = 0;
};

class Reader {
 public:
  Reader(const char* text, size_t length, fl_recipe_error* error) noexcept
      : text_(text), length_(length), error_(error) {}

  bool read(fl_letterbox_options* out) noexcept {
    *out = fl_letterbox_options{};
    out->struct_size = sizeof *out;
    const char* object = "expected { and the keys of a recipe";
    if (length_ > FL_RECIPE_MAX_BYTES) return refuse(0, "", "a longer text is no recipe");
    if (length_ >= 3 && text_[0] == '\xEF' && text_[1] == '\xBB' && text_[2] == '\xBF') {
      return refuse(0, "got a byte order mark, ", "save the file as UTF-8 without one");
    }
    if (!known_version()) return false;
    space();
    if (!take('{')) return got(at_, "", object);
    if (!members(kTexts, kKeys, places_, [&](int key) { return value(key, out); })) return false;
    space();
    if (at_ != length_) return got(at_, "", "expected the end of the file after }");
    return complete(kTexts, kKeys, places_, at_) && consistent(out);
  }

 private:
  static constexpr size_t kNowhere = ~size_t{0};

  // ---- errors

  Message message(size_t at) noexcept {
    error_->line = 1;
    error_->column = 1;
    for (size_t i = 0; i < at && i < length_; ++i) {
      ++error_->column;
      if (text_[i] != '\n') continue;
      ++error_->line;
      error_->column = 1;
    }
    Message m(error_);
    m.say("line ").say(error_->line).say(", column ").say(error_->column).say(": ");
    return m;
  }

  bool refuse(size_t at, const char* what, const char* remedy) noexcept {
    message(at).say(what).say(remedy);
    return false;
  }

  bool got(size_t at, const char* key, const char* expected) noexcept {
    Message m = message(at);
    told(&m, at, key).say(expected);
    return false;
  }

  // "key: got value, ".
  Message& told(Message* m, size_t at, const char* key) const noexcept {
    if (key[0] != '\0') m->say(key).say(": ");
    m->say("got ");
    if (at >= length_) return m->say("the end of the file, ");
    const size_t n = token(at);
    m->say(text_ + at, n < kShownBytes ? n : kShownBytes);
    return m->say(n > kShownBytes ? "..., " : ", ");
  }

  // Length of what stands at a place, to be shown: at least a byte.
  size_t token(size_t at) const noexcept {
    size_t end = at + 1;
    if (text_[at] == '"') {
      while (end < length_ && text_[end] != '"' && text_[end] != '\n') ++end;
      return end - at + (end < length_ && text_[end] == '"' ? 1 : 0);
    }
    if (closes(text_[at])) return 1;
    while (end < length_ && !closes(text_[end])) ++end;
    return end - at;
  }

  // ---- the text

  static bool blank(char c) noexcept { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
  static bool digit(char c) noexcept { return c >= '0' && c <= '9'; }
  static bool closes(char c) noexcept {
    return blank(c) || c == ',' || c == ':' || c == '[' || c == ']' || c == '{' || c == '}' ||
           c == '"';
  }

  char next() const noexcept { return at_ < length_ ? text_[at_] : '\0'; }
  void space() noexcept {
    while (at_ < length_ && blank(text_[at_])) ++at_;
  }
  bool take(char c) noexcept {
    if (at_ >= length_ || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  // Whether the bytes from a to b are this word.
  bool is(size_t a, size_t b, const char* word) const noexcept {
    const size_t n = length_of(word);
    if (b - a != n) return false;
    for (size_t i = 0; i < n; ++i) {
      if (text_[a + i] != word[i]) return false;
    }
    return true;
  }
  bool take(const char* word) noexcept {
    const size_t end = at_ + length_of(word);
    if (end > length_ || !is(at_, end, word) || (end < length_ && !closes(text_[end]))) {
      return false;
    }
    at_ = end;
    return true;
  }

  // Takes a string without escapes; its bytes are from *a to *b.
  bool string(size_t* a, size_t* b) noexcept {
    if (next() != '"') return false;
    size_t end = at_ + 1;
    while (end < length_ && text_[end] != '"') {
      if (text_[end] == '\\' || static_cast<unsigned char>(text_[end]) < ' ') return false;
      ++end;
    }
    if (end == length_) return false;
    *a = at_ + 1;
    *b = end;
    at_ = end + 1;
    return true;
  }

  // Another version may have other keys: this is looked for before all else.
  bool known_version() noexcept {
    const char* name = kTexts[kVersion].name;
    const size_t n = length_of(name);
    for (size_t i = 0; i + n + 2 <= length_; ++i) {
      if (text_[i] != '"' || text_[i + n + 1] != '"' || !is(i + 1, i + 1 + n, name)) continue;
      at_ = i + n + 2;
      space();
      if (!take(':')) continue;
      space();
      if (take("1")) {
        at_ = 0;
        return true;
      }
      Message m = message(at_);
      told(&m, at_, name).say("expected version ").say(int64_t{FL_RECIPE_VERSION});
      m.say(": write the recipe anew, or take the fastlabel that wrote it");
      return false;
    }
    return refuse(0, "no key fastlabel_preprocess, ",
                  "so this is no recipe; write one with `fastlabel preprocess`");
  }

  // ---- objects

  template <typename Value>
  bool members(const KeyText* keys, int n, size_t* places, Value value) noexcept {
    for (int key = 0; key < n; ++key) places[key] = kNowhere;
    space();
    if (take('}')) return true;
    for (;;) {
      space();
      const size_t start = at_;
      size_t a = 0;
      size_t b = 0;
      if (!string(&a, &b)) return got(start, "", "expected a key in quotes, without escapes");
      int key = 0;
      while (key < n && !is(a, b, keys[key].name)) ++key;
      if (key == n) return unknown(start, keys, n);
      if (places[key] != kNowhere) return refuse(start, keys[key].name, " stands twice: remove one");
      space();
      if (!take(':')) return got(at_, keys[key].name, "expected : and a value");
      space();
      places[key] = at_;
      if (!value(key)) return false;
      space();
      if (take(',')) continue;
      if (take('}')) return true;
      return got(at_, "", "expected , or }");
    }
  }

  bool unknown(size_t at, const KeyText* keys, int n) noexcept {
    Message m = message(at);
    m.say("unknown key ").say(text_ + at, token(at) < kShownBytes ? token(at) : kShownBytes);
    m.say("; remove it, or write one of ");
    for (int key = 0; key < n; ++key) m.say(key == 0 ? "" : ", ").say(keys[key].name);
    return false;
  }

  bool complete(const KeyText* keys, int n, const size_t* places, size_t end) noexcept {
    for (int key = 0; key < n; ++key) {
      if (places[key] != kNowhere) continue;
      Message m = message(end > 0 ? end - 1 : 0);
      m.say("the key ").say(keys[key].name).say(" is missing; add \"").say(keys[key].name);
      m.say("\": ").say(keys[key].usual).say(", or what the model was trained with");
      return false;
    }
    return true;
  }

  // ---- values

  bool value(int key, fl_letterbox_options* out) noexcept {
    const char* name = kTexts[key].name;
    switch (key) {
      case kVersion: {
        int64_t version = 0;
        return whole(name, FL_RECIPE_VERSION, FL_RECIPE_VERSION, &version);
      }
      case kWidth: return whole(name, 1, FL_RECIPE_MAX_SIDE, &out->width);
      case kHeight: return whole(name, 1, FL_RECIPE_MAX_SIDE, &out->height);
      case kInterpolation: return word(name, kInterpolations, &out->interpolation);
      case kCenter: return flag(name, &out->center);
      case kScaleUp: return flag(name, &out->scale_up);
      case kStretch: return flag(name, &out->stretch);
      case kOrder:
        if (!word(name, kOrders, &out->order)) return false;
        out->channels = out->order == FL_GRAY ? 1 : 3;
        return true;
      case kLayout: return word(name, kLayouts, &out->layout);
      case kDtype: return word(name, kDtypes, &out->dtype);
      case kColor:
        return list(key, [&](int c) {
          int64_t byte = 0;
          if (!whole(name, 0, 255, &byte)) return false;
          out->color[c] = static_cast<uint8_t>(byte);
          return true;
        });
      case kScale: {
        const size_t start = at_;
        if (!real(name, &out->scale)) return false;
        return out->scale != 0 || got(start, name, "expected a number other than 0, in float32");
      }
      case kMean: return list(key, [&](int c) { return real(name, &out->mean[c]); });
      case kStd:
        return list(key, [&](int c) {
          const size_t start = at_;
          if (!real(name, &out->std[c])) return false;
          return out->std[c] > 0 || got(start, name, "expected a number over 0, in float32");
        });
      default: return quantize(out);
    }
  }

  bool flag(const char* name, int32_t* out) noexcept {
    const bool yes = take("true");
    if (!yes && !take("false")) return got(at_, name, "expected true or false");
    *out = yes ? 1 : 0;
    return true;
  }

  template <size_t n>
  bool word(const char* name, const Word (&words)[n], int32_t* out) noexcept {
    const size_t start = at_;
    size_t a = 0;
    size_t b = 0;
    if (string(&a, &b)) {
      for (const Word& one : words) {
        if (!is(a, b, one.name)) continue;
        *out = one.value;
        return true;
      }
    }
    Message m = message(start);
    told(&m, start, name).say("expected one of");
    for (size_t i = 0; i < n; ++i) m.say(i == 0 ? " \"" : ", \"").say(words[i].name).say("\"");
    return false;
  }

  // A number of JSON's grammar; its significant digits, and the power of ten that they count.
  // False where there is none, or one of more digits than kMaxDigits.
  bool number(uint64_t* digits, int32_t* exponent, bool* negative, bool* whole) noexcept {
    *negative = take('-');
    if (!digit(next())) return false;
    uint64_t value = 0;
    int64_t power = 0;
    int64_t zeros = 0;  // held back until a digit follows: 1.500 has two digits
    int used = 0;
    bool fits = true;
    const auto run = [&](bool fraction) {
      for (; digit(next()); ++at_) {
        power -= fraction ? 1 : 0;
        const auto d = static_cast<uint64_t>(next() - '0');
        if (d == 0) {
          zeros += used > 0 ? 1 : 0;
          continue;
        }
        if (used > 0 && used + zeros + 1 > kMaxDigits) fits = false;
        if (!fits) continue;
        for (; zeros > 0; --zeros, ++used) value *= 10;
        value = value * 10 + d;
        ++used;
      }
    };
    if (take('0')) {
      if (digit(next())) return false;
    } else {
      run(false);
    }
    *whole = true;
    if (take('.')) {
      *whole = false;
      if (!digit(next())) return false;
      run(true);
    }
    int64_t told = 0;
    if (take('e') || take('E')) {
      *whole = false;
      const bool down = take('-');
      if (!down) take('+');
      if (!digit(next())) return false;
      for (; digit(next()); ++at_) {
        if (told < FL_RECIPE_MAX_BYTES * 2) told = told * 10 + (next() - '0');
      }
      if (down) told = -told;
    }
    if (!fits || (at_ < length_ && !closes(text_[at_]))) return false;
    *digits = value;
    *exponent = static_cast<int32_t>(power + zeros + told);
    return true;
  }

  bool whole(const char* name, int64_t least, int64_t most, int64_t* out) noexcept {
    const size_t start = at_;
    uint64_t digits = 0;
    int32_t exponent = 0;
    bool negative = false;
    bool plain = false;
    if (number(&digits, &exponent, &negative, &plain) && plain) {
      for (; exponent > 0 && digits <= FL_RECIPE_MAX_SIDE; --exponent) digits *= 10;
      const bool small = exponent == 0 && digits <= INT32_MAX;
      const auto value = small ? static_cast<int64_t>(digits) : int64_t{INT32_MAX} + 1;
      *out = negative ? -value : value;
      if (*out >= least && *out <= most) return true;
    }
    at_ = start;
    Message m = message(start);
    told(&m, start, name).say("expected ");
    if (least == most) {
      m.say(least);
    } else {
      m.say("a whole number from ").say(least).say(" to ").say(most);
    }
    return false;
  }

  bool real(const char* name, float* out) noexcept {
    const size_t start = at_;
    uint64_t digits = 0;
    int32_t exponent = 0;
    bool negative = false;
    bool plain = false;
    if (number(&digits, &exponent, &negative, &plain) &&
        nearest_float(digits, exponent, negative, out)) {
      if (*out == 0) *out = 0;  // without a sign
      return true;
    }
    return got(start, name,
               "expected a number that float32 holds, of at most 19 digits (no NaN, no infinity)");
  }

  // [a] or [a, b, c]; how many there should be is known when all keys are read.
  template <typename Value>
  bool list(int key, Value value) noexcept {
    const char* name = kTexts[key].name;
    const char* expected = "expected a list of one number a channel, such as ";
    if (!take('[')) return got_list(at_, name, expected, kTexts[key].usual);
    int n = 0;
    for (;;) {
      space();
      if (n == 3) return got_list(at_, name, "expected at most 3 numbers, such as ", kTexts[key].usual);
      if (!value(n)) return false;
      ++n;
      space();
      if (take(']')) break;
      if (!take(',')) return got(at_, name, "expected , or ]");
    }
    counts_[key] = n;
    return true;
  }

  bool got_list(size_t at, const char* name, const char* expected, const char* usual) noexcept {
    Message m = message(at);
    told(&m, at, name).say(expected).say(usual);
    return false;
  }

  bool quantize(fl_letterbox_options* out) noexcept {
    out->quant_scale = 1;
    if (take("null")) return true;
    if (!take('{')) {
      return got(at_, kTexts[kQuantize].name,
                 "expected null, or {\"scale\": 0.003921569, \"zero_point\": -128}");
    }
    out->quantize = 1;
    const auto one = [&](int key) {
      if (key == kZeroPoint) {
        int64_t zero = 0;
        if (!whole("quantize: zero_point", -128, 255, &zero)) return false;
        out->zero_point = static_cast<int32_t>(zero);
        return true;
      }
      const size_t start = at_;
      if (!real("quantize: scale", &out->quant_scale)) return false;
      return out->quant_scale > 0 ||
             got(start, "quantize: scale", "expected a number over 0, in float32");
    };
    return members(kQuantizeTexts, kQuantizeKeys, quantize_places_, one) &&
           complete(kQuantizeTexts, kQuantizeKeys, quantize_places_, at_);
  }

  // ---- one key against another

  bool consistent(fl_letterbox_options* out) noexcept {
    const int channels = out->channels;
    constexpr int lists[] = {kColor, kMean, kStd};
    for (const int key : lists) {
      if (counts_[key] == channels) continue;
      Message m = message(places_[key]);
      m.say(kTexts[key].name).say(": got ").say(int64_t{counts_[key]}).say(" numbers, expected ");
      m.say(int64_t{channels}).say(channels == 1 ? ", as order is \"gray\"" : ", one a channel");
      return false;
    }
    const bool floats = out->dtype == FL_FLOAT32 || out->dtype == FL_FLOAT16;
    if (floats && out->quantize != 0) {
      return refuse(places_[kQuantize], "quantize: got an object, ",
                    "expected null, as dtype is a float; or write int8 or uint8 as dtype");
    }
    if (out->dtype == FL_INT8 && out->quantize == 0) {
      return refuse(places_[kQuantize], "quantize: got null, ",
                    "expected {\"scale\": ..., \"zero_point\": ...}, as dtype is \"int8\"");
    }
    for (int c = channels; c < 4; ++c) {  // a gray tensor's, whatever channel is looked at
      out->color[c] = out->color[0];
      out->mean[c] = out->mean[0];
      out->std[c] = out->std[0];
    }
    if (out->quantize != 0) return zero_point_fits(out);
    if (!floats) return bytes_as_they_are(out, channels);
    return true;
  }

  bool zero_point_fits(const fl_letterbox_options* out) noexcept {
    const int32_t least = out->dtype == FL_INT8 ? -128 : 0;
    if (out->zero_point >= least && out->zero_point <= least + 255) return true;
    Message m = message(quantize_places_[kZeroPoint]);
    m.say("quantize: zero_point: got ").say(int64_t{out->zero_point}).say(", expected ");
    m.say(int64_t{least}).say(" to ").say(int64_t{least + 255}).say(", as dtype is ");
    m.say(out->dtype == FL_INT8 ? "\"int8\"" : "\"uint8\"");
    return false;
  }

  // A setting that is not used would be believed to be.
  bool bytes_as_they_are(const fl_letterbox_options* out, int channels) noexcept {
    bool plain = out->scale == 1;
    for (int c = 0; c < channels; ++c) plain = plain && out->mean[c] == 0 && out->std[c] == 1;
    return plain || refuse(places_[kScale], "scale, mean, std: ",
                           "expected 1, 0 and 1, as \"uint8\" without quantize has the pixels' own "
                           "bytes; or write another dtype");
  }

  const char* text_;
  size_t length_;
  fl_recipe_error* error_;
  size_t at_ = 0;
  size_t places_[kKeys];
  size_t quantize_places_[kQuantizeKeys];
  int counts_[kKeys] = {};
};

}  // namespace

bool read_recipe(const char* text, size_t length, fl_letterbox_options* out,
                 fl_recipe_error* error) noexcept {
  return Reader(text, length, error).read(out);
}

}  // namespace fl
