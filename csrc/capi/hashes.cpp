// fastlabel.h: near duplicates among 64-bit hashes.
#include <bit>

#include "capi/common.h"
#include "tables/hamming.h"

namespace {

constexpr int64_t kMostRows = INT64_C(1) << 31;
constexpr int32_t kMostWorkers = 1024;
constexpr int64_t kMostPairs = INT64_C(1) << 40;
constexpr size_t kGiven = 4096;  // pairs that a sink gets at a time

fl_status check_hashes(const uint64_t* hashes, int64_t n, int32_t distance,
                       int32_t workers) noexcept {
  if (n < 0 || (n > 0 && hashes == nullptr)) return FL_ERROR_ARGUMENT;
  if (n >= kMostRows) return FL_ERROR_OVERFLOW;
  if (distance < 0 || distance > 64) return FL_ERROR_ARGUMENT;
  return workers < 0 || workers > kMostWorkers ? FL_ERROR_ARGUMENT : FL_OK;
}

}  // namespace

extern "C" {

fl_status fl_hamming_pairs(const uint64_t* hashes, int64_t n, int32_t distance, int32_t workers,
                           int64_t max_pairs, fl_hash_pair_sink sink, void* context) {
  const fl_status status = check_hashes(hashes, n, distance, workers);
  if (status != FL_OK) return status;
  if (sink == nullptr || max_pairs < 0) return FL_ERROR_ARGUMENT;
  return fl::guarded([&] {
    fl::HashPairs pairs;
    if (!fl::hamming_pairs(hashes, n, distance, workers, std::min(max_pairs, kMostPairs),
                           &pairs)) {
      return FL_ERROR_OVERFLOW;
    }
    std::vector<fl_hash_pair> some;
    for (size_t from = 0; from < pairs.size(); from += kGiven) {
      some.clear();
      for (size_t k = from; k < std::min(from + kGiven, pairs.size()); ++k) {
        const auto i = static_cast<int64_t>(pairs[k] >> 32);
        const auto j = static_cast<int64_t>(pairs[k] & 0xffffffffU);
        some.push_back({i, j, std::popcount(hashes[i] ^ hashes[j])});
      }
      const fl_status taken = sink(context, some.data(), static_cast<int64_t>(some.size()));
      if (taken != FL_OK) return taken;
    }
    return FL_OK;
  });
}

fl_status fl_hamming_clusters(const uint64_t* hashes, int64_t n, int32_t distance,
                              int32_t workers, int64_t* clusters) {
  const fl_status status = check_hashes(hashes, n, distance, workers);
  if (status != FL_OK) return status;
  if (n > 0 && clusters == nullptr) return FL_ERROR_ARGUMENT;
  return fl::guarded([&] {
    fl::hamming_clusters(hashes, n, distance, workers, clusters);
    return FL_OK;
  });
}

}  // extern "C"
