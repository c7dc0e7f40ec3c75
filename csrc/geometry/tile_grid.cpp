#include "geometry/tile_grid.h"

#include <algorithm>

namespace fl {

TileAxis::TileAxis(int64_t picture, int64_t size, int64_t stride, bool centred,
                   bool shifted) noexcept
    : length(picture), tile(size), step(stride), first(0), count(1), shift(shifted) {
  if (length > tile) count = (length - tile + step - 1) / step + 1;
  if (centred) first = -(((count - 1) * step + tile - length) / 2);
}

int64_t TileAxis::begin(int64_t k) const noexcept {
  const int64_t at = first + k * step;
  if (!shift) return at;
  return std::max(INT64_C(0), std::min(at, length - tile));
}

int64_t TileAxis::end(int64_t k) const noexcept {
  const int64_t at = begin(k) + tile;
  return shift ? std::min(at, length) : at;
}

}  // namespace fl
