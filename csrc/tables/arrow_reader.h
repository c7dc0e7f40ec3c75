// Arrow data that others made, taken over, checked and shown as plain views.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "tables/arrow_schema.h"

namespace fl {

// A struct of the interface that is ours to release, once.
template <typename Struct>
class Owned {
 public:
  Owned() = default;
  // Takes over *from and marks it released.
  explicit Owned(Struct* from) noexcept : held_(*from) { from->release = nullptr; }
  Owned(const Owned&) = delete;
  Owned& operator=(const Owned&) = delete;
  Owned(Owned&& other) noexcept : held_(other.held_) { other.held_.release = nullptr; }
  Owned& operator=(Owned&& other) noexcept {
    if (this != &other) {
      reset();
      held_ = other.held_;
      other.held_.release = nullptr;
    }
    return *this;
  }
  ~Owned() { reset(); }

  void reset() noexcept {
    if (held_.release != nullptr) held_.release(&held_);
    held_.release = nullptr;
  }
  bool empty() const noexcept { return held_.release == nullptr; }
  Struct* get() noexcept { return &held_; }
  const Struct& operator*() const noexcept { return held_; }
  Struct* operator->() noexcept { return &held_; }

 private:
  Struct held_{};
};

class ArrowBatch {
 public:
  ArrowBatch(std::shared_ptr<const ArrowField> root, Owned<ArrowArray> array);

  int64_t rows() const noexcept { return rows_; }
  int64_t columns() const noexcept {
    return root_->kind == FL_ARROW_STRUCT ? static_cast<int64_t>(root_->children.size()) : 1;
  }
  // The checked nodes of a column, parents first. Throws ArrowError.
  std::vector<fl_arrow_view> column(int64_t column) const;

 private:
  std::shared_ptr<const ArrowField> root_;
  Owned<ArrowArray> array_;
  int64_t rows_ = 0;
};

class ArrowReader {
 public:
  void open(Owned<ArrowArrayStream> stream);
  void open(Owned<ArrowSchema> schema, Owned<ArrowArray> array);
  bool is_open() const noexcept { return root_ != nullptr; }
  int64_t columns() const noexcept;
  const ArrowField& field(int64_t column) const noexcept;
  // Null at the end.
  std::unique_ptr<ArrowBatch> next();

 private:
  std::shared_ptr<const ArrowField> root_;
  Owned<ArrowArrayStream> stream_;
  Owned<ArrowArray> single_;
};

// The bytes of one row of a text node that column() has checked.
void text_of(const fl_arrow_view& text, int64_t row, const char** data, int64_t* size) noexcept;
void text_codes(const fl_arrow_view& text, const char* const* names, int64_t n_names,
                int32_t* codes);

}  // namespace fl
