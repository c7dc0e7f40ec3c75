// Columns under construction, in the layout that Arrow gives them.
#pragma once

#include <cstdint>
#include <cstring>
#include <new>
#include <string_view>
#include <utility>
#include <vector>

namespace fl {

// Memory of long arrays that grows without a copy: where the system can, it moves pages, not
// bytes, so a column is never held twice, and what is given back is gone at once. Aligned to 64
// bytes, as Arrow likes it. Null where there is no memory, and `block` then stands as it was.
void* resize_block(void* block, size_t bytes) noexcept;
void free_block(void* block) noexcept;

template <typename T>
class Grow {
 public:
  Grow() = default;
  Grow(Grow&& other) noexcept { swap(other); }
  Grow& operator=(Grow&& other) noexcept {
    swap(other);
    return *this;
  }
  Grow(const Grow&) = delete;
  Grow& operator=(const Grow&) = delete;
  ~Grow() { free_block(data_); }

  T* data() noexcept { return data_; }
  const T* data() const noexcept { return data_; }
  size_t size() const noexcept { return size_; }
  bool empty() const noexcept { return size_ == 0; }
  T& operator[](size_t k) noexcept { return data_[k]; }
  const T& operator[](size_t k) const noexcept { return data_[k]; }

  // Where n more go; add() then counts what was written.
  T* room(size_t n) {
    if (n > capacity_ - size_) reserve(size_ + n);
    return data_ + size_;
  }
  void add(size_t n) noexcept { size_ += n; }
  void push(T value) {
    *room(1) = value;
    ++size_;
  }
  void append(const T* from, size_t n) {
    if (n == 0) return;
    std::memcpy(room(n), from, n * sizeof(T));
    size_ += n;
  }
  void fill(size_t n, T value) {
    T* to = room(n);
    for (size_t k = 0; k < n; ++k) to[k] = value;
    size_ += n;
  }
  void clear() noexcept { size_ = 0; }
  void cut(size_t n) noexcept { size_ = n; }

  // The block itself, for free_block().
  T* release() noexcept {
    if (size_ < capacity_ && size_ > 0) {
      void* less = resize_block(data_, size_ * sizeof(T));
      if (less != nullptr) data_ = static_cast<T*>(less);
    }
    T* data = data_;
    data_ = nullptr;
    size_ = capacity_ = 0;
    return data;
  }

 private:
  void swap(Grow& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    std::swap(capacity_, other.capacity_);
  }
  void reserve(size_t n) {
    size_t wanted = capacity_ + capacity_ / 2 + 64;
    if (wanted < n) wanted = n;
    void* more = resize_block(data_, wanted * sizeof(T));
    if (more == nullptr) throw std::bad_alloc();
    data_ = static_cast<T*>(more);
    capacity_ = wanted;
  }

  T* data_ = nullptr;
  size_t size_ = 0;
  size_t capacity_ = 0;
};

// Bits, the lowest of a byte first.
class Bits {
 public:
  size_t size() const noexcept { return size_; }
  void push(bool bit) { fill(1, bit); }
  void fill(size_t n, bool bit);
  // Of the row set last.
  void set_last(bool bit) noexcept {
    const size_t at = size_ - 1;
    const auto mask = static_cast<uint8_t>(1U << (at & 7));
    bytes_[at >> 3] = static_cast<uint8_t>(bit ? bytes_[at >> 3] | mask : bytes_[at >> 3] & ~mask);
  }
  void append(const Bits& other);
  void clear() noexcept {
    bytes_.clear();
    size_ = 0;
  }
  uint8_t* release(size_t* bytes) noexcept {
    *bytes = bytes_.size();
    size_ = 0;
    return bytes_.release();
  }

 private:
  Grow<uint8_t> bytes_;  // bits past the end are 0
  size_t size_ = 0;
};

// A column of which most rows may have no value. What it holds ends at the last row that has
// one; finish() brings it to its length. A column without any value holds nothing at all.
template <typename T, size_t kWidth = 1>
class Sparse {
 public:
  size_t size() const noexcept { return valid_.size(); }
  void set(size_t row, const T* value) {
    pad(row);
    values_.append(value, kWidth);
    valid_.push(true);
  }
  void set(size_t row, T value) { set(row, &value); }
  // Rows of another column, which follow `rows` of this one.
  void append(size_t rows, const Sparse& other) {
    if (other.size() == 0) return;
    pad(rows);
    values_.append(other.values_.data(), other.values_.size());
    valid_.append(other.valid_);
  }
  void finish(size_t rows) {
    if (size() > 0) pad(rows);
  }
  void clear() noexcept {
    values_.clear();
    valid_.clear();
  }
  Grow<T>& values() noexcept { return values_; }
  Bits& valid() noexcept { return valid_; }

 private:
  void pad(size_t rows) {
    const size_t missing = rows - valid_.size();
    if (missing == 0) return;
    values_.fill(missing * kWidth, T{});
    valid_.fill(missing, false);
  }

  Grow<T> values_;
  Bits valid_;
};

class SparseBits {
 public:
  size_t size() const noexcept { return valid_.size(); }
  void set(size_t row, bool value) {
    pad(row);
    values_.push(value);
    valid_.push(true);
  }
  // Sets the last row, whether or not it has a value.
  void replace(size_t row, bool value) {
    if (size() == row + 1) {
      values_.set_last(value);
    } else {
      set(row, value);
    }
  }
  void append(size_t rows, const SparseBits& other) {
    if (other.size() == 0) return;
    pad(rows);
    values_.append(other.values_);
    valid_.append(other.valid_);
  }
  void finish(size_t rows) {
    if (size() > 0) pad(rows);
  }
  void clear() noexcept {
    values_.clear();
    valid_.clear();
  }
  Bits& values() noexcept { return values_; }
  Bits& valid() noexcept { return valid_; }

 private:
  void pad(size_t rows) {
    values_.fill(rows - values_.size(), false);
    valid_.fill(rows - valid_.size(), false);
  }

  Bits values_, valid_;
};

// Text with 32-bit offsets. What would pass `most` bytes goes into a further piece.
class Texts {
 public:
  struct Piece {
    size_t rows = 0;
    Grow<int32_t> offsets;  // rows + 1 once finished
    Grow<char> bytes;
    Bits valid;  // shorter than rows: the rest is valid, too
    bool has_null = false;
  };

  explicit Texts(size_t most = INT32_MAX) : most_(most) {}

  size_t size() const noexcept { return rows_; }

  // Where the bytes of the next row go; push() then takes n of them.
  char* room(size_t n) { return last_.bytes.room(n); }
  void push(size_t n) {
    last_.offsets.push(static_cast<int32_t>(last_.bytes.size()));
    last_.bytes.add(n);
    if (last_.has_null) last_.valid.push(true);
    ++last_.rows;
    ++rows_;
  }
  void push(std::string_view text) {
    char* to = room(text.size() + 1);
    if (!text.empty()) std::memcpy(to, text.data(), text.size());
    push(text.size());
  }
  void push_nulls(size_t n);
  void pad(size_t rows) {
    if (rows > rows_) push_nulls(rows - rows_);
  }
  void append(size_t rows, const Texts& other);
  // Brings a column with any value to its length, and ends its offsets.
  void finish(size_t rows) {
    if (rows_ == 0) return;
    pad(rows);
    last_.offsets.push(static_cast<int32_t>(last_.bytes.size()));
  }
  void clear() noexcept;

  // Of a column in one piece.
  std::string_view text(size_t row) const noexcept {
    const auto from = static_cast<size_t>(last_.offsets[row]);
    const size_t to =
        row + 1 < rows_ ? static_cast<size_t>(last_.offsets[row + 1]) : last_.bytes.size();
    return {last_.bytes.data() + from, to - from};
  }

  size_t pieces() const noexcept { return rows_ == 0 ? 0 : full_.size() + 1; }
  Piece& piece(size_t k) noexcept { return k < full_.size() ? full_[k] : last_; }

 private:
  size_t most_;
  size_t rows_ = 0;
  Piece last_;
  std::vector<Piece> full_;
};

}  // namespace fl
