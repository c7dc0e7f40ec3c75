#include "pixels/plane_stats.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "pixels/finish.h"
#include "pixels/row_kernels.h"

namespace fl {

namespace {

// Rows worked on at a time: few enough that a converted block stays in the second-level cache,
// enough that the two rows around a block, converted twice, do not count.
constexpr int64_t kBlockRows = 62;

// Columns [first, end) of some rows, mirrored at the upper and lower border, and addressed by the
// picture's own columns.
class Block {
 public:
  Block(const LumaRows& rows, int64_t first, int64_t end)
      : rows_(rows), first_(first), end_(end), pitch_((end - first + 63) / 64 * 64) {
    if (!rows.in_place()) {
      buffer_.resize(static_cast<size_t>((kBlockRows + 2) * pitch_));
    }
  }
  // Row y - 1 is list()[0], row y + count list()[count + 1].
  void take(int64_t y, int64_t count) noexcept {
    for (int64_t k = 0; k < count + 2; ++k) {
      const int64_t at = mirrored(y + k - 1);
      if (rows_.in_place()) {
        list_[k] = rows_.row(at);
      } else {
        uint8_t* to = buffer_.data() + k * pitch_;
        rows_.copy(first_, at, end_ - first_, to);
        list_[k] = to - first_;
      }
    }
  }
  const uint8_t* const* list() const noexcept { return list_; }

 private:
  int64_t mirrored(int64_t y) const noexcept {
    const int64_t h = rows_.height();
    if (y >= 0 && y < h) return y;
    if (h == 1) return 0;
    return y < 0 ? 1 : h - 2;
  }

  const LumaRows& rows_;
  int64_t first_, end_, pitch_;
  std::vector<uint8_t> buffer_;
  const uint8_t* list_[kBlockRows + 2];
};

int64_t row_total(const uint8_t* row, const PixelBox& b) noexcept {
  int64_t sum = 0;
  for (int64_t x = b.x0; x < b.x1; ++x) sum += row[x];
  return sum;
}

// What the columns at the picture's left and right border add, whose neighbours are mirrored.
uint64_t border_square(const uint8_t* const* rows, int64_t y, int64_t x, int64_t width) noexcept {
  const int64_t left = x > 0 ? x - 1 : std::min<int64_t>(1, width - 1);
  const int64_t right = x + 1 < width ? x + 1 : std::max<int64_t>(0, width - 2);
  const int64_t lap =
      rows[y][left] + rows[y][right] + rows[y - 1][x] + rows[y + 1][x] - 4 * rows[y][x];
  return static_cast<uint64_t>(lap * lap);
}

}  // namespace

double laplacian_variance(const LumaRows& rows, const PixelBox& b) {
  const int64_t width = rows.width();
  Block block(rows, std::max<int64_t>(0, b.x0 - 1), std::min<int64_t>(width, b.x1 + 1));
  // Columns whose neighbours both exist.
  const int64_t first = std::max<int64_t>(1, b.x0);
  const int64_t end = std::min<int64_t>(width - 1, b.x1);
  int64_t lap = 0;
  uint64_t lap2 = 0;
  for (int64_t y = b.y0; y < b.y1;) {
    const int64_t count = std::min<int64_t>(kBlockRows, b.y1 - y);
    block.take(y, count);
    const uint8_t* const* list = block.list();
    if (first < end) {
      const uint8_t* shifted[kBlockRows + 2];
      for (int64_t k = 0; k < count + 2; ++k) shifted[k] = list[k] + first;
      row_kernels().row_squares(shifted, static_cast<size_t>(count),
                                static_cast<size_t>(end - first), &lap2);
    }
    for (int64_t k = 1; k <= count; ++k) {
      if (b.x0 < first) lap2 += border_square(list, k, 0, width);
      if (b.x1 > end && (width > 1 || b.x0 >= first)) {
        lap2 += border_square(list, k, width - 1, width);
      }
      // Second differences of a row, and of a column, add up to a difference of first ones.
      const uint8_t* row = list[k];
      const int64_t before = b.x0 > 0 ? row[b.x0 - 1] : row[std::min<int64_t>(1, width - 1)];
      const int64_t after = b.x1 < width ? row[b.x1] : row[std::max<int64_t>(0, width - 2)];
      lap += after - row[b.x1 - 1] - row[b.x0] + before;
    }
    if (y == b.y0) lap += row_total(list[0], b) - row_total(list[1], b);
    y += count;
    if (y == b.y1) lap += row_total(list[count + 1], b) - row_total(list[count], b);
  }
  return exact_variance(int64_t{b.x1 - b.x0} * (b.y1 - b.y0), lap, lap2);
}

void luma_histogram(const LumaRows& rows, const PixelBox& b, uint64_t counts[256]) {
  const int64_t n = b.x1 - b.x0;
  std::vector<uint8_t> buffer(rows.in_place() ? 0 : static_cast<size_t>(n));
  uint32_t tables[kHistogramTables * 256];
  const auto empty = [&] {
    for (size_t v = 0; v < 256; ++v) {
      for (size_t t = 0; t < kHistogramTables; ++t) counts[v] += tables[256 * t + v];
    }
    std::memset(tables, 0, sizeof tables);
  };
  std::memset(tables, 0, sizeof tables);
  int64_t waiting = 0;
  for (int64_t y = b.y0; y < b.y1; ++y) {
    const uint8_t* row = rows.in_place() ? rows.row(y) + b.x0 : buffer.data();
    if (!rows.in_place()) rows.copy(b.x0, y, n, buffer.data());
    // Before a 32-bit counter could wrap: rows are shorter than 2^31.
    if (waiting > INT32_MAX) {
      empty();
      waiting = 0;
    }
    row_kernels().histogram(row, static_cast<size_t>(n), tables);
    waiting += n;
  }
  empty();
}

}  // namespace fl
