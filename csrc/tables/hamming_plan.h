// How a search for near hashes cuts 64 bits into blocks, chosen for the hashes at hand.
#pragma once

#include <cstdint>
#include <vector>

namespace fl {

// Bits shift .. shift + bits - 1 of a rearranged hash.
struct HashBlock {
  int32_t shift;
  int32_t bits;
  int32_t radius;

  uint32_t value(uint64_t hash) const noexcept {
    return static_cast<uint32_t>(hash >> shift) & ((1U << bits) - 1U);
  }
};

// Two hashes within the distance differ in at most `radius` bits of at least one block.
//
// M. Norouzi, A. Punjani, D. J. Fleet, "Fast Search in Hamming Space with Multi-Index Hashing",
// CVPR 2012, with the radii of each block chosen so that radius + 1 of all add up to
// distance + 1: if every block were further apart, the whole would be too (the general pigeonhole
// principle of J. Qin et al., "GPH: Similarity Search in Hamming Space", ICDE 2018).
class HashPlan {
 public:
  // pre: hashes are distinct, distance >= 0.
  HashPlan(const uint64_t* hashes, int64_t n, int32_t distance);

  const std::vector<HashBlock>& blocks() const noexcept { return blocks_; }

  // Bits that a rearranged hash has: those that are not equal in all.
  int32_t bits() const noexcept { return bits_; }

  // The hash with its bits where the blocks want them; bits that are equal in all hashes are
  // left out, so that distances stay what they are.
  uint64_t rearranged(uint64_t hash) const noexcept {
    uint64_t out = 0;
    for (int k = 0; k < 8; ++k) out |= places_[k][(hash >> (8 * k)) & 255];
    return out;
  }

 private:
  void set_places(const std::vector<int32_t>& order);

  std::vector<HashBlock> blocks_;
  int32_t bits_;
  uint64_t places_[8][256];
};

// All numbers of `bits` bits of which at most `radius` are set, rising in how many.
std::vector<uint32_t> near_zero(int32_t bits, int32_t radius);

}  // namespace fl
