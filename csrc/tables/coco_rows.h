// The columns that the elements of a COCO file become.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "tables/growing.h"

namespace fl {

// What an id is in the file.
enum CocoKey : uint8_t { kNoKey = 0, kIntKey = 1, kTextKey = 2 };

// Kinds of ids, most often all whole numbers: nothing is held then.
class KeyKinds {
 public:
  size_t size() const noexcept { return kinds_.size(); }
  void set(size_t row, CocoKey kind) {
    if (kind == kIntKey && kinds_.empty()) return;
    pad(row);
    kinds_.push(kind);
  }
  void append(size_t rows, const KeyKinds& other, size_t other_rows) {
    if (kinds_.empty() && other.kinds_.empty()) return;
    pad(rows);
    kinds_.append(other.kinds_.data(), other.kinds_.size());
    pad(rows + other_rows);
  }
  void clear() noexcept { kinds_.clear(); }
  Grow<uint8_t>& values() noexcept { return kinds_; }
  uint8_t operator[](size_t row) const noexcept {
    return row < kinds_.size() ? kinds_[row] : static_cast<uint8_t>(kIntKey);
  }

 private:
  void pad(size_t row) {
    if (row > kinds_.size()) kinds_.fill(row - kinds_.size(), kIntKey);
  }
  Grow<uint8_t> kinds_;
};

struct CocoImages {
  size_t rows = 0;
  Grow<int64_t> key;  // 0 where it is text
  KeyKinds key_kind;
  Texts source_id, file_name, attributes;
  Grow<uint8_t> plain;  // 1: the name is a plain relative path, see plain_name()
  Sparse<int32_t> width, height;

  void append(const CocoImages& other);
  void clear() noexcept;
  void finish();
};

struct CocoAnnotations {
  explicit CocoAnnotations(size_t most_text = INT32_MAX)
      : segmentation(most_text), attributes(most_text) {}

  size_t rows = 0;
  Grow<int64_t> image;
  KeyKinds image_kind;
  Texts image_text;  // of those that are text
  Grow<int64_t> category;
  Grow<uint8_t> category_kind;  // of every row; both are of chunks alone
  Grow<int32_t> category_code;  // of the whole alone: into CocoCategoryKeys, -1: none
  Texts source_category;
  Grow<int64_t> id;  // of chunks alone, 0 where it is none or text
  KeyKinds id_kind;
  Texts source_id;
  bool ids_rise = true;  // all are whole numbers, each above the one before
  int64_t last_id = INT64_MIN;
  Grow<double> x1, y1, x2, y2;
  Texts raw, pointer;
  Texts segmentation, attributes;
  Sparse<double> area, score64;  // score64: as written; labels hold it as float
  Sparse<double, 8> obb;
  Sparse<float> score, weight, truncation;
  Sparse<int8_t> occlusion;
  SparseBits crowd, ignore, difficult;

  // All but category and id, whose chunks are encoded one by one.
  void append(const CocoAnnotations& other);
  void clear() noexcept;
  void finish();
};

// Elements that are left to the plain reader, as text.
struct CocoOdd {
  Grow<int64_t> member, index, offset, rows_before;
  Grow<int64_t> end;  // of each text in `text`
  Grow<char> text;

  void push(size_t in, int64_t which, int64_t at, size_t before, const char* from, size_t n);
  void clear() noexcept;
};

}  // namespace fl
