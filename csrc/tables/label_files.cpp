#include "tables/label_files.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstring>

namespace fl {

namespace {

constexpr size_t kFirstBuffer = size_t{1} << 16;

// Powers of ten that a double holds exactly.
constexpr double kTen[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                           1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

bool digit(char c) noexcept { return static_cast<unsigned char>(c - '0') < 10; }

}  // namespace

bool FileText::read(const char* path, size_t most) {
  if (buffer_.empty()) buffer_.resize(kFirstBuffer);
  size_ = 0;
  const int fd = ::open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
  if (fd < 0) return false;
  bool good = false;
  for (;;) {
    if (size_ + 1 >= buffer_.size()) {
      try {
        buffer_.resize(buffer_.size() * 2);
      } catch (...) {
        ::close(fd);
        throw;
      }
    }
    const ssize_t got = ::read(fd, buffer_.data() + size_, buffer_.size() - size_ - 1);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) {
      good = got == 0;
      break;
    }
    size_ += static_cast<size_t>(got);
    if (size_ > most) break;
  }
  ::close(fd);
  buffer_[size_] = '\0';
  return good;
}

bool is_ascii(std::string_view text) noexcept {
  uint64_t all = 0;
  size_t k = 0;
  for (; k + 8 <= text.size(); k += 8) {
    uint64_t word;
    std::memcpy(&word, text.data() + k, 8);
    all |= word;
  }
  for (; k < text.size(); ++k) all |= static_cast<unsigned char>(text[k]);
  return (all & 0x8080808080808080U) == 0;
}

bool read_real(std::string_view word, double* value) noexcept {
  const char* at = word.data();
  const char* const end = at + word.size();
  bool negative = false;
  if (at < end && (*at == '-' || *at == '+')) negative = *at++ == '-';
  const char* const begin = at;
  uint64_t whole = 0;
  for (; at < end && digit(*at); ++at) whole = whole * 10 + static_cast<uint64_t>(*at - '0');
  ptrdiff_t digits = at - begin;
  ptrdiff_t places = 0;
  if (at < end && *at == '.') {
    const char* const point = ++at;
    for (; at < end && digit(*at); ++at) whole = whole * 10 + static_cast<uint64_t>(*at - '0');
    places = at - point;
    digits += places;
  }
  if (digits == 0) return false;
  double found;
  if (at == end && digits <= 19 && whole <= uint64_t{1} << 53) {
    // Both are exact, so that their quotient is rounded once.
    found = static_cast<double>(whole) / kTen[places];
  } else {
    const std::from_chars_result read = std::from_chars(begin, end, found);
    if (read.ec != std::errc() || read.ptr != end || !std::isfinite(found)) return false;
  }
  *value = negative ? -found : found;
  return true;
}

ColumnSet::~ColumnSet() {
  for (Piece& piece : columns_) {
    for (void* data : piece.data) free_block(data);
  }
}

void ColumnSet::add(const char* name, SparseBits& column, size_t rows) {
  column.finish(rows);
  if (column.size() == 0) return;
  Piece& piece = fresh(name, rows);
  piece.data[kValues] = column.values().release(&piece.bytes[kValues]);
  piece.data[kValid] = column.valid().release(&piece.bytes[kValid]);
}

void ColumnSet::add(const char* name, Texts& column, size_t rows) {
  column.finish(rows);
  for (size_t k = 0; k < column.pieces(); ++k) {
    Texts::Piece& from = column.piece(k);
    Piece& piece = fresh(name, from.rows);
    piece.bytes[kOffsets] = from.offsets.size() * sizeof(int32_t);
    piece.data[kOffsets] = from.offsets.release();
    piece.bytes[kValues] = from.bytes.size();
    piece.data[kValues] = from.bytes.release();
    if (from.has_null) {
      if (from.valid.size() < from.rows) from.valid.fill(from.rows - from.valid.size(), true);
      piece.data[kValid] = from.valid.release(&piece.bytes[kValid]);
    }
  }
}

void ColumnSet::add(const char* name, const std::vector<std::string_view>& words) {
  Texts column;
  for (const std::string_view word : words) column.push(word);
  add(name, column, words.size());
}

ColumnSet::Piece& ColumnSet::fresh(const char* name, size_t rows) {
  Piece& piece = columns_.emplace_back();
  piece.name = name;
  piece.rows = rows;
  return piece;
}

ColumnSet::Piece* ColumnSet::find(std::string_view name, size_t piece) noexcept {
  for (Piece& each : columns_) {
    if (each.name == name && piece-- == 0) return &each;
  }
  return nullptr;
}

size_t ColumnSet::pieces(std::string_view name) const noexcept {
  return static_cast<size_t>(std::count_if(columns_.begin(), columns_.end(), [&](const Piece& p) {
    return p.name == name;
  }));
}

size_t ColumnSet::rows(std::string_view name, size_t piece) const noexcept {
  const Piece* found = const_cast<ColumnSet*>(this)->find(name, piece);
  return found == nullptr ? 0 : found->rows;
}

void* ColumnSet::take(std::string_view name, size_t piece, Part part, size_t* bytes) noexcept {
  Piece* found = find(name, piece);
  if (found == nullptr) return nullptr;
  *bytes = found->bytes[part];
  return std::exchange(found->data[part], nullptr);
}

}  // namespace fl
