#include "pixels/resize_area.h"

#include "core/checked.h"
#include "core/plain.h"

namespace fl {

namespace {

// Up to it, sums fit 32 bits and so does the magic number of a division.
constexpr uint64_t kNarrowArea = uint64_t{1} << 23;
constexpr int64_t kTallest = int64_t{1} << 24;  // 255 * it fits 32 bits

// floor(n / area) = n * magic >> shift for n <= 255.5 * area: with 2^b >= area and
// shift = 8 + 2 b, magic exceeds 2^shift / area by less than one, so that the product exceeds
// the quotient by less than n / 2^shift <= 1 / area. Below 2^23, magic is under 2^32.
AreaDivisor divisor_for(uint64_t area) noexcept {
  uint32_t bits = 0;
  while ((uint64_t{1} << bits) < area) ++bits;
  const uint32_t shift = 8 + 2 * bits;
  const uint64_t magic = ((uint64_t{1} << shift) + area - 1) / area;
  return {static_cast<uint32_t>(area / 2), static_cast<uint32_t>(magic), shift};
}

}  // namespace

AreaAxis::AreaAxis(int64_t source, int64_t output) noexcept
    : total(static_cast<uint32_t>(source / common_divisor(source, output))),
      full(static_cast<uint32_t>(output / common_divisor(source, output))) {}

AreaCell AreaAxis::cell(int64_t j) const noexcept {
  const int64_t n = total;
  const int64_t m = full;
  const int64_t begin = j * n;
  const int64_t end = begin + n;
  const int64_t first = begin / m;
  const int64_t last = (end - 1) / m;
  AreaCell cell;
  cell.first = static_cast<int32_t>(first);
  cell.edge = static_cast<uint32_t>(least(end, (first + 1) * m) - begin);
  cell.inner = static_cast<int32_t>(most<int64_t>(0, last - first - 1));
  cell.last = last > first ? static_cast<uint32_t>(end - last * m) : 0;
  return cell;
}

bool area_fits(int64_t width, int64_t height, int64_t out_width, int64_t out_height) noexcept {
  const int64_t n = height / common_divisor(height, out_height);
  const int64_t m = width / common_divisor(width, out_width);
  int64_t sum = 0;
  return n <= kTallest && checked_mul(n * 256, m, &sum);
}

AreaResizer::AreaResizer(const Picture& picture, int64_t width, int64_t height,
                         Arena* arena) noexcept
    : width_(width),
      channels_(picture.channels),
      row_numbers_(static_cast<size_t>(picture.width * picture.channels)),
      // Rows that must be made first stay few, and near the core.
      slots_(picture.kind == Picture::kStrided ? kRows : 2),
      halve_(picture.width == 2 * width && picture.height == 2 * height),
      rows_(picture, slots_, arena),
      x_(picture.width, width),
      y_(picture.height, height),
      wide_(uint64_t{x_.total} * y_.total > kNarrowArea),
      cells_(halve_ ? nullptr : arena->take<AreaCell>(static_cast<size_t>(width))),
      sums_(halve_ ? nullptr : arena->take<uint32_t>(row_numbers_ + 4)),
      out_(arena->take<uint8_t>(static_cast<size_t>(width * picture.channels))) {
  if (!wide_) divisor_ = divisor_for(uint64_t{x_.total} * y_.total);
  if (arena->measures() || halve_) return;
  for (int64_t j = 0; j < width; ++j) cells_[j] = x_.cell(j);
  // A pixel is read as four numbers, whatever it holds.
  for (size_t k = 0; k < 4; ++k) sums_[row_numbers_ + k] = 0;
}

void AreaResizer::sum_rows(const AreaCell& cell) noexcept {
  const auto count = static_cast<size_t>(1 + cell.inner + (cell.last > 0 ? 1 : 0));
  for (size_t at = 0; at < count; at += slots_) {
    const size_t n = least(slots_, count - at);
    const uint8_t* rows[kRows];
    uint32_t weights[kRows];
    for (size_t k = 0; k < n; ++k) {
      const auto i = static_cast<int64_t>(at + k);
      rows[k] = rows_.row(cell.first + i, k);
      weights[k] = i == 0 ? cell.edge : i <= cell.inner ? y_.full : cell.last;
    }
    resize_kernels().area_rows(rows, weights, n, row_numbers_, at > 0, sums_);
  }
}

const uint8_t* AreaResizer::row(int64_t y) noexcept {
  const size_t n = static_cast<size_t>(width_);
  if (halve_) {
    resize_kernels().area_halve(rows_.row(2 * y, 0), rows_.row(2 * y + 1, 1), n, channels_, out_);
    return out_;
  }
  const AreaCell cell = y_.cell(y);
  const bool single = cell.inner == 0 && cell.last == 0;
  if (single && cell.first == single_) return out_;
  sum_rows(cell);
  if (wide_) {
    resize_kernels().area_columns_wide(sums_, cells_, n, channels_, x_.full,
                                       uint64_t{x_.total} * y_.total, out_);
  } else {
    resize_kernels().area_columns(sums_, cells_, n, channels_, x_.full, &divisor_, out_);
  }
  single_ = single ? cell.first : -1;
  return out_;
}

}  // namespace fl
