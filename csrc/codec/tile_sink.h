// Where finished tiles go, and the window of a tile in the picture it is cut from.
#pragma once

#include <cstddef>
#include <cstdint>

namespace fl {

struct TileWindow { int64_t x, y, width, height; };            // in the stored raster, may run past its edges (padding)
class TileSink { public: virtual bool take(int64_t index, const uint8_t* bytes, size_t size) = 0; protected: ~TileSink() = default; };  // a finished JPEG; false: stop

}  // namespace fl
