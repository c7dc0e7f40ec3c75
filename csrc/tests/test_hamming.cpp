// Near hashes: the kernel of every tier against the oracle, pairs and clusters against all pairs.
#include <algorithm>
#include <bit>
#include <numeric>

#include "check.h"
#include "fastlabel/fastlabel.h"
#include "tables/hamming.h"
#include "tables/hamming_kernels.h"
#include "tables/hamming_plan.h"

namespace {

using Hashes = std::vector<uint64_t>;

std::vector<uint64_t> all_pairs(const Hashes& hashes, int32_t distance) {
  std::vector<uint64_t> out;
  for (size_t i = 0; i < hashes.size(); ++i) {
    for (size_t j = i + 1; j < hashes.size(); ++j) {
      if (std::popcount(hashes[i] ^ hashes[j]) <= distance) out.push_back(uint64_t{i} << 32 | j);
    }
  }
  return out;
}

// Each row takes the smallest number that it sees, until nothing changes.
std::vector<int64_t> linked(size_t n, const std::vector<uint64_t>& pairs) {
  std::vector<int64_t> out(n);
  std::iota(out.begin(), out.end(), int64_t{0});
  for (bool changed = true; changed;) {
    changed = false;
    for (const uint64_t pair : pairs) {
      int64_t& a = out[pair >> 32];
      int64_t& b = out[pair & 0xffffffffU];
      if (a == b) continue;
      a = b = std::min(a, b);
      changed = true;
    }
  }
  return out;
}

void check_set(const Hashes& hashes, int32_t distance) {
  const auto n = static_cast<int64_t>(hashes.size());
  const std::vector<uint64_t> expected = all_pairs(hashes, distance);
  const std::vector<int64_t> clusters = linked(hashes.size(), expected);
  for (const int32_t workers : {1, 3}) {
    fl::HashPairs pairs;
    CHECK(fl::hamming_pairs(hashes.data(), n, distance, workers, 1 << 30, &pairs));
    CHECK(std::equal(pairs.begin(), pairs.end(), expected.begin(), expected.end()));
    std::vector<int64_t> found(hashes.size());
    fl::hamming_clusters(hashes.data(), n, distance, workers, found.data());
    CHECK(found == clusters);
  }
  fl::HashPairs pairs;
  const auto count = static_cast<int64_t>(expected.size());
  CHECK(fl::hamming_pairs(hashes.data(), n, distance, 2, count, &pairs));
  if (count > 0) CHECK(!fl::hamming_pairs(hashes.data(), n, distance, 2, count - 1, &pairs));
}

// Families around random centres, and bits that are rarely, or never, or nearly always set.
Hashes families(test::Random& random, size_t n, int flips, uint64_t never, uint64_t seldom) {
  Hashes out;
  while (out.size() < n) {
    const uint64_t centre = random.next();
    for (int64_t k = random.below(6); k >= 0 && out.size() < n; --k) {
      uint64_t hash = centre;
      for (int64_t f = random.below(flips + 1); f > 0; --f) hash ^= uint64_t{1} << random.below(64);
      hash &= ~never;
      if (random.below(50) != 0) hash &= ~seldom;
      out.push_back(hash);
    }
  }
  return out;
}

void test_kernels() {
  test::Random random(1);
  const fl::HammingKernels& oracle = fl::oracle_hamming_kernels();
  const char* tiers[16];
  const int32_t count = fl_isa_available(tiers, 16);
  for (int32_t t = 0; t < count; ++t) {
    CHECK(fl_isa_select(tiers[t]) == FL_OK);
    const fl::HammingKernels& fast = fl::hamming_kernels();
    for (size_t na : {0, 1, 2, 7}) {
      for (size_t nb : {0, 1, 3, 4, 5, 7, 8, 9, 16, 31, 100}) {
        for (int32_t distance : {0, 1, 8, 20, 31, 32, 63, 64}) {
          Hashes a(na), b(nb);
          for (uint64_t& x : a) x = random.next();
          for (uint64_t& x : b) x = random.below(4) == 0 && na > 0 ? ~a[0] : random.next();
          if (nb > 0 && na > 0) b[nb - 1] = a[na - 1] ^ 0x8000000000000001ULL;
          std::vector<uint32_t> want(na * nb + 1, 77), got(na * nb + 1, 77);
          const size_t n = oracle.hamming_block(a.data(), na, b.data(), nb, distance, want.data());
          CHECK(fast.hamming_block(a.data(), na, b.data(), nb, distance, got.data()) == n);
          CHECK(std::equal(got.begin(), got.begin() + static_cast<int64_t>(n), want.begin()));
          CHECK(got[na * nb] == 77);
        }
      }
    }
  }
}

void test_near_zero() {
  for (int32_t bits : {0, 1, 5, 11}) {
    for (int32_t radius : {0, 1, 3, 11}) {
      std::vector<uint32_t> found = fl::near_zero(bits, radius);
      std::sort(found.begin(), found.end());
      std::vector<uint32_t> expected;
      for (uint32_t v = 0; v < 1U << bits; ++v) {
        if (std::popcount(v) <= radius) expected.push_back(v);
      }
      CHECK(found == expected);
    }
  }
}

// Whatever the blocks, no pair within the distance is out of the reach of all.
void test_plans() {
  test::Random random(5);
  for (int32_t distance : {1, 3, 8, 12, 20}) {
    for (uint64_t never : {0ULL, 0xffff00ff0f000000ULL, ~0x3ffULL}) {
      const Hashes some = families(random, 3000, 6, never, 0xffULL << 30);
      Hashes hashes = some;
      std::sort(hashes.begin(), hashes.end());
      hashes.erase(std::unique(hashes.begin(), hashes.end()), hashes.end());
      const fl::HashPlan plan(hashes.data(), static_cast<int64_t>(hashes.size()), distance);
      int32_t reach = 0;
      int32_t bits = 0;
      for (const fl::HashBlock& block : plan.blocks()) {
        reach += block.radius + 1;
        bits += block.bits;
      }
      CHECK(reach == distance + 1 || (plan.blocks().size() == 1 && bits == 0));
      for (int k = 0; k < 200; ++k) {
        const uint64_t a = hashes[static_cast<size_t>(random.below(static_cast<int64_t>(hashes.size())))];
        const uint64_t b = hashes[static_cast<size_t>(random.below(static_cast<int64_t>(hashes.size())))];
        CHECK(std::popcount(a ^ b) == std::popcount(plan.rearranged(a) ^ plan.rearranged(b)));
      }
    }
  }
}

void test_sets() {
  test::Random random(2);
  for (size_t n : {0, 1, 2, 3, 50, 700}) {
    for (int32_t distance : {0, 1, 4, 8, 25, 32, 64}) {
      check_set(families(random, n, 10, 0, 0), distance);
      check_set(families(random, n, 6, 0xffff00ff0f000000ULL, 0xffULL << 30), distance);
    }
  }
  // Enough of them for blocks and threads.
  for (int32_t distance : {1, 5, 8, 11}) {
    check_set(families(random, 6000, 12, 0, 0), distance);
    check_set(families(random, 6000, 12, 0xff, 0xffffULL << 40), distance);
  }
  Hashes chain;
  for (int k = 0; k < 64; ++k) chain.push_back((uint64_t{1} << k) - 1);
  check_set(chain, 1);
  check_set(Hashes(300, 5), 8);
  check_set(Hashes(300, 0), 0);
}

// A ball of 2^18 hashes, and a million of one: no list of pairs could hold them.
void test_dense() {
  Hashes ball;
  for (uint64_t v = 0; v < 1U << 18; ++v) ball.push_back(v);
  std::vector<int64_t> clusters(ball.size());
  fl::hamming_clusters(ball.data(), static_cast<int64_t>(ball.size()), 8, 2, clusters.data());
  CHECK(std::count(clusters.begin(), clusters.end(), 0) == static_cast<int64_t>(ball.size()));
  const Hashes same(1000000, 42);
  clusters.resize(same.size());
  fl::hamming_clusters(same.data(), static_cast<int64_t>(same.size()), 8, 2, clusters.data());
  CHECK(std::count(clusters.begin(), clusters.end(), 0) == static_cast<int64_t>(same.size()));
  fl::HashPairs pairs;
  CHECK(!fl::hamming_pairs(same.data(), static_cast<int64_t>(same.size()), 8, 2, 1 << 20, &pairs));
  CHECK(!fl::hamming_pairs(ball.data(), static_cast<int64_t>(ball.size()), 8, 2, 1 << 20, &pairs));
}

fl_status count(void* context, const fl_hash_pair*, int64_t n) {
  *static_cast<int64_t*>(context) += n;
  return FL_OK;
}

fl_status refuse(void*, const fl_hash_pair*, int64_t) { return FL_ERROR_CANCELLED; }

void test_arguments() {
  const uint64_t two[] = {1, 3};
  int64_t found = 0;
  int64_t clusters[2];
  CHECK(fl_hamming_pairs(two, 2, 1, 0, 10, count, &found) == FL_OK && found == 1);
  CHECK(fl_hamming_pairs(two, 2, 1, 0, 0, count, &found) == FL_ERROR_OVERFLOW && found == 1);
  CHECK(fl_hamming_pairs(two, 2, 1, 0, INT64_MAX, count, &found) == FL_OK);
  CHECK(fl_hamming_pairs(two, 2, 1, 0, 10, refuse, nullptr) == FL_ERROR_CANCELLED);
  CHECK(fl_hamming_pairs(nullptr, 0, 1, 0, 10, count, &found) == FL_OK);
  CHECK(fl_hamming_pairs(nullptr, 2, 1, 0, 10, count, &found) == FL_ERROR_ARGUMENT);
  CHECK(fl_hamming_pairs(two, -1, 1, 0, 10, count, &found) == FL_ERROR_ARGUMENT);
  CHECK(fl_hamming_pairs(two, INT64_C(1) << 31, 1, 0, 10, count, &found) == FL_ERROR_OVERFLOW);
  CHECK(fl_hamming_pairs(two, 2, -1, 0, 10, count, &found) == FL_ERROR_ARGUMENT);
  CHECK(fl_hamming_pairs(two, 2, 65, 0, 10, count, &found) == FL_ERROR_ARGUMENT);
  CHECK(fl_hamming_pairs(two, 2, 1, -1, 10, count, &found) == FL_ERROR_ARGUMENT);
  CHECK(fl_hamming_pairs(two, 2, 1, 0, -1, count, &found) == FL_ERROR_ARGUMENT);
  CHECK(fl_hamming_pairs(two, 2, 1, 0, 10, nullptr, nullptr) == FL_ERROR_ARGUMENT);
  CHECK(fl_hamming_clusters(two, 2, 1, 0, clusters) == FL_OK && clusters[1] == 0);
  CHECK(fl_hamming_clusters(two, 2, 0, 0, clusters) == FL_OK && clusters[1] == 1);
  CHECK(fl_hamming_clusters(two, 2, 1, 0, nullptr) == FL_ERROR_ARGUMENT);
  CHECK(fl_hamming_clusters(nullptr, 0, 1, 0, nullptr) == FL_OK);
}

}  // namespace

int main() {
  test_kernels();
  test_near_zero();
  test_plans();
  test_sets();
  test_dense();
  test_arguments();
  return test::finish("hamming");
}
