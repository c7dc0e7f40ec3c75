#include "pixels/resize_area.h"

#include <algorithm>
#include <numeric>

#include "core/checked.h"

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

AreaAxis area_axis(int64_t source, int64_t output) {
  const int64_t shared = std::gcd(source, output);
  const int64_t n = source / shared;
  const int64_t m = output / shared;
  AreaAxis axis;
  axis.total = static_cast<uint64_t>(n);
  axis.full = static_cast<uint32_t>(m);
  axis.cells.resize(static_cast<size_t>(output));
  for (int64_t j = 0; j < output; ++j) {
    const int64_t begin = j * n;
    const int64_t end = begin + n;
    const int64_t first = begin / m;
    const int64_t last = (end - 1) / m;
    AreaCell* cell = &axis.cells[static_cast<size_t>(j)];
    cell->first = static_cast<int32_t>(first);
    cell->edge = static_cast<uint32_t>(std::min(end, (first + 1) * m) - begin);
    cell->inner = static_cast<int32_t>(std::max<int64_t>(0, last - first - 1));
    cell->last = last > first ? static_cast<uint32_t>(end - last * m) : 0;
  }
  return axis;
}

bool area_fits(int64_t width, int64_t height, int64_t out_width, int64_t out_height) noexcept {
  const int64_t n = height / std::gcd(height, out_height);
  const int64_t m = width / std::gcd(width, out_width);
  int64_t sum = 0;
  return n <= kTallest && checked_mul(n * 256, m, &sum);
}

AreaResizer::AreaResizer(const fl_image& image, int64_t width, int64_t height)
    : width_(width),
      channels_(image.channels),
      row_numbers_(static_cast<size_t>(image.width * image.channels)),
      halve_(image.width == 2 * width && image.height == 2 * height),
      rows_(image, kRows),
      x_(area_axis(image.width, width)),
      y_(area_axis(image.height, height)),
      wide_(x_.total * y_.total > kNarrowArea),
      out_(static_cast<size_t>(width * image.channels)) {
  if (!wide_) divisor_ = divisor_for(x_.total * y_.total);
  if (!halve_) sums_.resize(row_numbers_ + 4);
}

void AreaResizer::sum_rows(const AreaCell& cell) {
  const int64_t count = 1 + cell.inner + (cell.last > 0 ? 1 : 0);
  for (int64_t at = 0; at < count; at += kRows) {
    const int64_t n = std::min(kRows, count - at);
    const uint8_t* rows[kRows];
    uint32_t weights[kRows];
    for (int64_t k = 0; k < n; ++k) {
      const int64_t i = at + k;
      rows[k] = rows_.row(cell.first + i, k);
      weights[k] = i == 0 ? cell.edge : i <= cell.inner ? y_.full : cell.last;
    }
    resize_kernels().area_rows(rows, weights, static_cast<size_t>(n), row_numbers_, at > 0,
                               sums_.data());
  }
}

const uint8_t* AreaResizer::row(int64_t y) {
  const AreaCell& cell = y_.cells[static_cast<size_t>(y)];
  const size_t n = static_cast<size_t>(width_);
  if (halve_) {
    resize_kernels().area_halve(rows_.row(2 * y, 0), rows_.row(2 * y + 1, 1), n, channels_,
                                out_.data());
    return out_.data();
  }
  const bool single = cell.inner == 0 && cell.last == 0;
  if (single && cell.first == single_) return out_.data();
  sum_rows(cell);
  if (wide_) {
    resize_kernels().area_columns_wide(sums_.data(), x_.cells.data(), n, channels_, x_.full,
                                       x_.total * y_.total, out_.data());
  } else {
    resize_kernels().area_columns(sums_.data(), x_.cells.data(), n, channels_, x_.full, &divisor_,
                                  out_.data());
  }
  single_ = single ? cell.first : -1;
  return out_.data();
}

}  // namespace fl
