// Many small text files, read and parsed by several threads.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/threads.h"
#include "tables/growing.h"

namespace fl {

// What became of one file.
enum class FileOutcome : uint8_t {
  kRead = 0,
  kLeft = 1,    // the caller's own reader has to judge it
  kOther = 2,   // no label file of this format
};

// The files: names relative to a folder.
struct LabelNames {
  std::string folder;  // with the "/" at its end
  std::vector<std::string_view> names;
};

// The bytes of one file after the other, in one buffer. A zero byte follows them.
class FileText {
 public:
  // False for a file that cannot be read or has more than `most` bytes.
  bool read(const char* path, size_t most);
  std::string_view text() const noexcept { return {buffer_.data(), size_}; }

 private:
  std::vector<char> buffer_;
  size_t size_ = 0;
};

// Texts that occur again and again, as numbers from 0 on.
class Words {
 public:
  int32_t code(std::string_view word) {
    if (last_ >= 0 && word == words_[static_cast<size_t>(last_)]) return last_;
    const auto [at, fresh] =
        codes_.try_emplace(std::string(word), static_cast<int32_t>(words_.size()));
    if (fresh) words_.push_back(at->first);
    last_ = at->second;
    return last_;
  }
  const std::vector<std::string_view>& words() const noexcept { return words_; }

 private:
  std::unordered_map<std::string, int32_t> codes_;  // its keys do not move
  std::vector<std::string_view> words_;
  int32_t last_ = -1;
};

// The whole of `word` as Python's float() reads it. False where that is no finite number or not
// certain to be the same.
bool read_real(std::string_view word, double* value) noexcept;

// Whether all bytes are below 128.
bool is_ascii(std::string_view text) noexcept;

constexpr size_t kFilesPerBlock = 64;

// More text than this in the files of one block is left to the caller: 32-bit offsets end there.
constexpr size_t kMostInBlock = size_t{1} << 29;

// Calls worker(block, file) for each file, with a copy of `worker` for each thread; Block holds
// the rows of kFilesPerBlock files. The blocks come back in the order of the files, whatever the
// number of threads. Where a thread has no memory, std::bad_alloc.
template <typename Block, typename Worker>
std::vector<std::unique_ptr<Block>> read_blocks(size_t files, int32_t workers,
                                                const Worker& worker) {
  const size_t count = (files + kFilesPerBlock - 1) / kFilesPerBlock;
  std::vector<std::unique_ptr<Block>> blocks(count);
  share_out(static_cast<int64_t>(count), 1, std::max(1, workers), [&] {
    return [&, own = worker](int64_t from, int64_t) mutable {
      const auto k = static_cast<size_t>(from);
      auto block = std::make_unique<Block>();
      const size_t end = std::min(files, (k + 1) * kFilesPerBlock);
      for (size_t file = k * kFilesPerBlock; file < end; ++file) own(*block, file);
      blocks[k] = std::move(block);
    };
  });
  return blocks;
}

// Finished columns, by name; the parts of each are taken out once.
class ColumnSet {
 public:
  enum Part { kValues = 0, kOffsets = 1, kValid = 2 };

  ColumnSet() = default;
  ColumnSet(const ColumnSet&) = delete;
  ColumnSet& operator=(const ColumnSet&) = delete;
  ~ColumnSet();

  template <typename T>
  void add(const char* name, Grow<T>& column) {
    Piece& piece = fresh(name, column.size());
    piece.bytes[kValues] = column.size() * sizeof(T);
    piece.data[kValues] = column.release();
  }
  template <typename T>
  void add(const char* name, Sparse<T>& column, size_t rows) {
    column.finish(rows);
    if (column.size() == 0) return;
    Piece& piece = fresh(name, rows);
    piece.bytes[kValues] = column.values().size() * sizeof(T);
    piece.data[kValues] = column.values().release();
    piece.data[kValid] = column.valid().release(&piece.bytes[kValid]);
  }
  void add(const char* name, SparseBits& column, size_t rows);
  void add(const char* name, Texts& column, size_t rows);
  void add(const char* name, const std::vector<std::string_view>& words);

  size_t pieces(std::string_view name) const noexcept;
  size_t rows(std::string_view name, size_t piece) const noexcept;
  // The caller gives it to free_block().
  void* take(std::string_view name, size_t piece, Part part, size_t* bytes) noexcept;

 private:
  struct Piece {
    std::string name;
    size_t rows = 0;
    void* data[3] = {};
    size_t bytes[3] = {};
  };
  Piece& fresh(const char* name, size_t rows);
  Piece* find(std::string_view name, size_t piece) noexcept;

  std::vector<Piece> columns_;
};

}  // namespace fl
