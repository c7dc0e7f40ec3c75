#include "pixels/content_hash.h"

#include <bit>
#include <cstring>

namespace fl {

namespace {

constexpr uint64_t kC1 = 0x87c37b91114253d5ULL;
constexpr uint64_t kC2 = 0x4cf5ad432745937fULL;

uint64_t mix(uint64_t k) noexcept {
  k ^= k >> 33;
  k *= 0xff51afd7ed558ccdULL;
  k ^= k >> 33;
  k *= 0xc4ceb9fe1a85ec53ULL;
  return k ^ (k >> 33);
}

uint64_t load_le(const uint8_t* p, size_t n) noexcept {
  uint64_t value = 0;
  for (size_t i = 0; i < n; ++i) value |= uint64_t{p[i]} << (8 * i);
  return value;
}

uint64_t scramble_1(uint64_t k) noexcept { return std::rotl(k * kC1, 31) * kC2; }
uint64_t scramble_2(uint64_t k) noexcept { return std::rotl(k * kC2, 33) * kC1; }

}  // namespace

void content_hash(const uint8_t* data, uint64_t size, uint8_t out[16]) noexcept {
  uint64_t h1 = 0;
  uint64_t h2 = 0;
  const uint64_t blocks = size / 16;
  for (uint64_t i = 0; i < blocks; ++i) {
    uint64_t k1;
    uint64_t k2;
    if constexpr (std::endian::native == std::endian::little) {
      std::memcpy(&k1, data + 16 * i, 8);
      std::memcpy(&k2, data + 16 * i + 8, 8);
    } else {
      k1 = load_le(data + 16 * i, 8);
      k2 = load_le(data + 16 * i + 8, 8);
    }
    h1 = (std::rotl(h1 ^ scramble_1(k1), 27) + h2) * 5 + 0x52dce729;
    h2 = (std::rotl(h2 ^ scramble_2(k2), 31) + h1) * 5 + 0x38495ab5;
  }
  const uint8_t* tail = data + 16 * blocks;
  const size_t left = size % 16;
  if (left > 8) h2 ^= scramble_2(load_le(tail + 8, left - 8));
  if (left > 0) h1 ^= scramble_1(load_le(tail, left < 8 ? left : 8));
  h1 ^= size;
  h2 ^= size;
  h1 += h2;
  h2 += h1;
  h1 = mix(h1);
  h2 = mix(h2);
  h1 += h2;
  h2 += h1;
  for (size_t i = 0; i < 8; ++i) {
    out[i] = static_cast<uint8_t>(h1 >> (8 * i));
    out[8 + i] = static_cast<uint8_t>(h2 >> (8 * i));
  }
}

}  // namespace fl
