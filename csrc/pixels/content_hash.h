// 128-bit content hash: XXH3 with seed 0 (Y. Collet; specification of xxHash 0.8), written from
// its description. Fast and stable; not made against adversaries.
#pragma once

#include <cstdint>

namespace fl {

// The canonical 16 bytes, high word first, as the reference implementations print them.
void content_hash(const uint8_t* data, uint64_t size, uint8_t out[16]) noexcept;

}  // namespace fl
