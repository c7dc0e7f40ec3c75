#include "tables/arrow_schema.h"

#include <charconv>
#include <cstring>

namespace fl {

namespace {

constexpr int kMaxDepth = 16;
constexpr int64_t kMaxChildren = int64_t{1} << 20;

int32_t dtype_of(char format) noexcept {
  switch (format) {
    case 'b': return FL_BITS;
    case 'c': return FL_INT8;
    case 'C': return FL_UINT8;
    case 's': return FL_INT16;
    case 'S': return FL_UINT16;
    case 'i': return FL_INT32;
    case 'I': return FL_UINT32;
    case 'l': return FL_INT64;
    case 'L': return FL_UINT64;
    case 'f': return FL_FLOAT32;
    case 'g': return FL_FLOAT64;
    default: return 0;
  }
}

void expect_children(const ArrowSchema& schema, int64_t n) {
  if (schema.n_children != n) {
    throw ArrowError("the type " + std::string(schema.format) + " has " +
                     std::to_string(schema.n_children) + " children, expected " +
                     std::to_string(n));
  }
}

ArrowField parse(const ArrowSchema& schema, int depth) {
  if (schema.release == nullptr) throw ArrowError("the Arrow schema is released");
  if (depth > kMaxDepth) {
    throw ArrowError("the type is nested deeper than " + std::to_string(kMaxDepth) + " levels");
  }
  if (schema.format == nullptr) throw ArrowError("the Arrow schema has no format");
  if (schema.n_children < 0 || schema.n_children > kMaxChildren) {
    throw ArrowError("the Arrow schema has " + std::to_string(schema.n_children) +
                     " children, expected 0 to " + std::to_string(kMaxChildren));
  }
  if (schema.n_children > 0 && schema.children == nullptr) {
    throw ArrowError("the children of the Arrow schema are a null pointer");
  }
  ArrowField field;
  field.name = schema.name == nullptr ? "" : schema.name;
  field.format = schema.format;
  const std::string& format = field.format;
  if (format.empty()) throw ArrowError("the Arrow schema has an empty format");
  const auto child = [&](int64_t k) {
    if (schema.children[k] == nullptr) {
      throw ArrowError("child " + std::to_string(k) + " of the Arrow schema is a null pointer");
    }
    return parse(*schema.children[k], depth + 1);
  };
  if (schema.dictionary != nullptr) {
    const int32_t dtype = format.size() == 1 ? dtype_of(format[0]) : 0;
    if (dtype == 0 || dtype == FL_BITS || dtype == FL_FLOAT32 || dtype == FL_FLOAT64) {
      throw ArrowError("the indices of a dictionary are of type " + format +
                       ", expected whole numbers");
    }
    field.kind = FL_ARROW_DICTIONARY;
    field.dtype = dtype;
    field.children.push_back(parse(*schema.dictionary, depth + 1));
  } else if (format.size() == 1 && dtype_of(format[0]) != 0) {
    expect_children(schema, 0);
    field.kind = FL_ARROW_NUMBERS;
    field.dtype = dtype_of(format[0]);
  } else if (format == "u" || format == "U" || format == "vu") {
    expect_children(schema, 0);
    field.kind = FL_ARROW_TEXT;
    field.offset_bytes = format == "u" ? 4 : format == "U" ? 8 : 0;
  } else if (format == "+l" || format == "+L") {
    expect_children(schema, 1);
    field.kind = FL_ARROW_LIST;
    field.offset_bytes = format == "+l" ? 4 : 8;
    field.children.push_back(child(0));
  } else if (format.rfind("+w:", 0) == 0) {
    expect_children(schema, 1);
    const char* end = format.data() + format.size();
    const auto read = std::from_chars(format.data() + 3, end, field.list_size);
    if (read.ec != std::errc() || read.ptr != end || field.list_size < 0) {
      throw ArrowError("the format " + format + " names no list size");
    }
    field.kind = FL_ARROW_FIXED_LIST;
    field.children.push_back(child(0));
  } else if (format == "+s") {
    field.kind = FL_ARROW_STRUCT;
    for (int64_t k = 0; k < schema.n_children; ++k) field.children.push_back(child(k));
  }
  return field;
}

}  // namespace

ArrowField parse_schema(const ArrowSchema& schema) { return parse(schema, 0); }

std::string type_in_words(const std::string& format) {
  static constexpr struct {
    const char* start;
    const char* words;
  } kWords[] = {{"n", "null"},        {"b", "bool"},          {"c", "int8"},
                {"C", "uint8"},       {"s", "int16"},         {"S", "uint16"},
                {"i", "int32"},       {"I", "uint32"},        {"l", "int64"},
                {"L", "uint64"},      {"e", "half float"},    {"f", "float32"},
                {"g", "float64"},     {"z", "binary"},        {"Z", "large_binary"},
                {"vz", "binary_view"}, {"u", "string"},       {"U", "large_string"},
                {"vu", "string_view"}, {"d:", "decimal"},     {"w:", "fixed-size binary"},
                {"td", "date"},       {"tt", "time"},         {"ts", "timestamp"},
                {"tD", "duration"},   {"ti", "interval"},     {"+l", "list"},
                {"+L", "large_list"}, {"+vl", "list_view"},   {"+vL", "large_list_view"},
                {"+w:", "fixed-size list"}, {"+s", "struct"}, {"+m", "map"},
                {"+u", "union"},      {"+r", "run-end encoded"}};
  for (const auto& entry : kWords) {
    const size_t n = std::strlen(entry.start);
    const bool whole = n == 1 || format[0] == 'v' || (format[0] == '+' && entry.start[n - 1] != ':' &&
                                                      entry.start[1] != 'u');
    if (whole ? format == entry.start : format.compare(0, n, entry.start) == 0) return entry.words;
  }
  return "the Arrow format '" + format + "'";
}

}  // namespace fl
