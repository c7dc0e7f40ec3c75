// 128-bit content hash: MurmurHash3 x64 128 with seed 0 (A. Appleby, public domain
// algorithm), written from its description. Fast and stable; not made against adversaries.
#pragma once

#include <cstdint>

namespace fl {

void content_hash(const uint8_t* data, uint64_t size, uint8_t out[16]) noexcept;

}  // namespace fl
