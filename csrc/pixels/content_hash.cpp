#include "pixels/content_hash.h"

#include "core/uint128.h"
#include "pixels/row_kernels.h"

namespace fl {

namespace {

// The constants of the specification: primes, and the default secret.
constexpr uint64_t kPrime32[] = {0, 0x9E3779B1U, 0x85EBCA77U, 0xC2B2AE3DU};
constexpr uint64_t kPrime64[] = {0,
                                 0x9E3779B185EBCA87ULL,
                                 0xC2B2AE3D27D4EB4FULL,
                                 0x165667B19E3779F9ULL,
                                 0x85EBCA77C2B2AE63ULL,
                                 0x27D4EB2F165667C5ULL};
constexpr uint64_t kSecretSize = 192;
constexpr uint8_t kSecret[kSecretSize] = {
    0xb8, 0xfe, 0x6c, 0x39, 0x23, 0xa4, 0x4b, 0xbe, 0x7c, 0x01, 0x81, 0x2c,
    0xf7, 0x21, 0xad, 0x1c, 0xde, 0xd4, 0x6d, 0xe9, 0x83, 0x90, 0x97, 0xdb,
    0x72, 0x40, 0xa4, 0xa4, 0xb7, 0xb3, 0x67, 0x1f, 0xcb, 0x79, 0xe6, 0x4e,
    0xcc, 0xc0, 0xe5, 0x78, 0x82, 0x5a, 0xd0, 0x7d, 0xcc, 0xff, 0x72, 0x21,
    0xb8, 0x08, 0x46, 0x74, 0xf7, 0x43, 0x24, 0x8e, 0xe0, 0x35, 0x90, 0xe6,
    0x81, 0x3a, 0x26, 0x4c, 0x3c, 0x28, 0x52, 0xbb, 0x91, 0xc3, 0x00, 0xcb,
    0x88, 0xd0, 0x65, 0x8b, 0x1b, 0x53, 0x2e, 0xa3, 0x71, 0x64, 0x48, 0x97,
    0xa2, 0x0d, 0xf9, 0x4e, 0x38, 0x19, 0xef, 0x46, 0xa9, 0xde, 0xac, 0xd8,
    0xa8, 0xfa, 0x76, 0x3f, 0xe3, 0x9c, 0x34, 0x3f, 0xf9, 0xdc, 0xbb, 0xc7,
    0xc7, 0x0b, 0x4f, 0x1d, 0x8a, 0x51, 0xe0, 0x4b, 0xcd, 0xb4, 0x59, 0x31,
    0xc8, 0x9f, 0x7e, 0xc9, 0xd9, 0x78, 0x73, 0x64, 0xea, 0xc5, 0xac, 0x83,
    0x34, 0xd3, 0xeb, 0xc3, 0xc5, 0x81, 0xa0, 0xff, 0xfa, 0x13, 0x63, 0xeb,
    0x17, 0x0d, 0xdd, 0x51, 0xb7, 0xf0, 0xda, 0x49, 0xd3, 0x16, 0x55, 0x26,
    0x29, 0xd4, 0x68, 0x9e, 0x2b, 0x16, 0xbe, 0x58, 0x7d, 0x47, 0xa1, 0xfc,
    0x8f, 0xf8, 0xb8, 0xd1, 0x7a, 0xd0, 0x31, 0xce, 0x45, 0xcb, 0x3a, 0x8f,
    0x95, 0x16, 0x04, 0x28, 0xaf, 0xd7, 0xfb, 0xca, 0xbb, 0x4b, 0x40, 0x7e,
};

constexpr uint64_t kStripe = 64;
static_assert(kHashBlock == (kSecretSize - kStripe) / 8);
constexpr uint64_t kShort = 16;    // three ways for up to these sizes,
constexpr uint64_t kMiddle = 128;  // one for these,
constexpr uint64_t kLong = 240;    // another for these, and stripes beyond

struct Pair {
  uint64_t low, high;
};

uint64_t word(const uint8_t* p, uint64_t bytes = 8) noexcept {
  uint64_t value = 0;
  for (uint64_t i = 0; i < bytes; ++i) value |= uint64_t{p[i]} << (8 * i);
  return value;
}
uint64_t key(uint64_t at) noexcept { return word(kSecret + at); }
uint64_t key32(uint64_t at) noexcept { return word(kSecret + at, 4); }

Pair multiply(uint64_t a, uint64_t b) noexcept {
  const auto product = static_cast<uint128>(a) * b;
  return {static_cast<uint64_t>(product), static_cast<uint64_t>(product >> 64)};
}
uint64_t folded(uint64_t a, uint64_t b) noexcept {
  const Pair p = multiply(a, b);
  return p.low ^ p.high;
}
uint64_t avalanche(uint64_t h) noexcept {
  h = (h ^ (h >> 37)) * 0x165667919E3779F9ULL;  // close to a prime above, but not it
  return h ^ (h >> 32);
}
// That of the older 64-bit hash, which the shortest inputs use.
uint64_t avalanche_64(uint64_t h) noexcept {
  h = (h ^ (h >> 33)) * kPrime64[2];
  h = (h ^ (h >> 29)) * kPrime64[3];
  return h ^ (h >> 32);
}

Pair hash_1_to_3(const uint8_t* p, uint64_t n) noexcept {
  const uint32_t low = uint32_t{p[0]} << 16 | uint32_t{p[n / 2]} << 24 | p[n - 1] |
                       static_cast<uint32_t>(n) << 8;
  const uint32_t swapped = __builtin_bswap32(low);
  const uint32_t high = swapped << 13 | swapped >> 19;
  return {avalanche_64(low ^ (key32(0) ^ key32(4))), avalanche_64(high ^ (key32(8) ^ key32(12)))};
}

Pair hash_4_to_8(const uint8_t* p, uint64_t n) noexcept {
  const uint64_t both = word(p, 4) | word(p + n - 4, 4) << 32;
  Pair m = multiply(both ^ key(16) ^ key(24), kPrime64[1] + 4 * n);
  m.high += m.low << 1;
  m.low ^= m.high >> 3;
  m.low = (m.low ^ (m.low >> 35)) * 0x9FB21C651E98DF25ULL;
  return {m.low ^ (m.low >> 28), avalanche(m.high)};
}

Pair hash_9_to_16(const uint8_t* p, uint64_t n) noexcept {
  const uint64_t first = word(p);
  const uint64_t last = word(p + n - 8);
  Pair m = multiply(first ^ last ^ key(32) ^ key(40), kPrime64[1]);
  m.low += (n - 1) << 54;
  const uint64_t keyed = last ^ key(48) ^ key(56);
  m.high += keyed + (keyed & 0xFFFFFFFFU) * (kPrime32[2] - 1);
  m.low ^= __builtin_bswap64(m.high);
  Pair h = multiply(m.low, kPrime64[2]);
  h.high += m.high * kPrime64[2];
  return {avalanche(h.low), avalanche(h.high)};
}

Pair hash_short(const uint8_t* p, uint64_t n) noexcept {
  if (n > 8) return hash_9_to_16(p, n);
  if (n > 3) return hash_4_to_8(p, n);
  if (n > 0) return hash_1_to_3(p, n);
  return {avalanche_64(key(64) ^ key(72)), avalanche_64(key(80) ^ key(88))};
}

// Two pieces of 16 bytes, keyed by 32 bytes of the secret.
void mix(Pair* acc, const uint8_t* a, const uint8_t* b, uint64_t secret) noexcept {
  acc->low += folded(word(a) ^ key(secret), word(a + 8) ^ key(secret + 8));
  acc->low ^= word(b) + word(b + 8);
  acc->high += folded(word(b) ^ key(secret + 16), word(b + 8) ^ key(secret + 24));
  acc->high ^= word(a) + word(a + 8);
}

Pair finish_middle(const Pair& acc, uint64_t n) noexcept {
  const uint64_t high = acc.low * kPrime64[1] + acc.high * kPrime64[4] + n * kPrime64[2];
  return {avalanche(acc.low + acc.high), 0 - avalanche(high)};
}

Pair hash_17_to_128(const uint8_t* p, uint64_t n) noexcept {
  Pair acc{n * kPrime64[1], 0};
  // Pieces from both ends towards the middle, the innermost first.
  for (uint64_t k = (n - 1) / 32 + 1; k-- > 0;) mix(&acc, p + 16 * k, p + n - 16 * (k + 1), 32 * k);
  return finish_middle(acc, n);
}

Pair hash_129_to_240(const uint8_t* p, uint64_t n) noexcept {
  Pair acc{n * kPrime64[1], 0};
  const uint64_t rounds = n / 32;
  for (uint64_t k = 0; k < rounds; ++k) {
    if (k == 4) acc = {avalanche(acc.low), avalanche(acc.high)};
    mix(&acc, p + 32 * k, p + 32 * k + 16, k < 4 ? 32 * k : 3 + 32 * (k - 4));
  }
  if (rounds == 4) acc = {avalanche(acc.low), avalanche(acc.high)};
  mix(&acc, p + n - 16, p + n - 32, 136 - 17 - 16);
  return finish_middle(acc, n);
}

uint64_t merged(const uint64_t acc[8], uint64_t secret, uint64_t start) noexcept {
  uint64_t sum = start;
  for (uint64_t k = 0; k < 4; ++k) {
    sum += folded(acc[2 * k] ^ key(secret + 16 * k), acc[2 * k + 1] ^ key(secret + 16 * k + 8));
  }
  return avalanche(sum);
}

Pair hash_long(const uint8_t* p, uint64_t n) noexcept {
  uint64_t acc[8] = {kPrime32[3], kPrime64[1], kPrime64[2], kPrime64[3],
                     kPrime64[4], kPrime32[2], kPrime64[5], kPrime32[1]};
  const RowKernels& k = row_kernels();
  k.hash_stripes(p, static_cast<size_t>((n - 1) / kStripe), kSecret, acc);
  k.hash_stripes(p + n - kStripe, 1, kSecret + kSecretSize - kStripe - 7, acc);
  return {merged(acc, 11, n * kPrime64[1]),
          merged(acc, kSecretSize - kStripe - 11, ~(n * kPrime64[2]))};
}

}  // namespace

void content_hash(const uint8_t* data, uint64_t size, uint8_t out[16]) noexcept {
  const Pair h = size <= kShort    ? hash_short(data, size)
                 : size <= kMiddle ? hash_17_to_128(data, size)
                 : size <= kLong   ? hash_129_to_240(data, size)
                                   : hash_long(data, size);
  for (uint64_t i = 0; i < 8; ++i) {
    out[i] = static_cast<uint8_t>(h.high >> (56 - 8 * i));
    out[8 + i] = static_cast<uint8_t>(h.low >> (56 - 8 * i));
  }
}

}  // namespace fl
