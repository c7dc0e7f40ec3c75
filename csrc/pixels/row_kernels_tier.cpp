// The fast bodies, compiled once per instruction-set tier into a namespace of their own.
//
// No STL and no shared inline functions here: an inline function compiled for AVX2 must not
// be the copy that the linker keeps for the baseline. FL_TIER is set by the build.
//
// The loops are shaped for the compiler's vectoriser: int16 temporaries (no value leaves
// [-2040, 2040]), int32 partial sums over a chunk short enough that they cannot overflow,
// and restrict pointers. The 16-bit products become multiply-add instructions on x86-64 and
// aarch64 alike.
#include "core/dispatch.h"

#define FL_CONCAT_(a, b) a##b
#define FL_CONCAT(a, b) FL_CONCAT_(a, b)
#define FL_STRING_(a) #a
#define FL_STRING(a) FL_STRING_(a)

namespace fl {
namespace FL_CONCAT(tier_, FL_TIER) {
namespace {

// 1020^2 * 1024 < 2^31: the squared Laplacian of a chunk fits an int32 partial sum even if
// the whole chunk fell into one lane.
constexpr size_t kChunk = 1024;

template <bool kNoise>
inline void energy_chunk(const uint8_t* __restrict prev, const uint8_t* __restrict cur,
                         const uint8_t* __restrict next, size_t n, uint16_t* __restrict noise,
                         RowEnergy* __restrict out) noexcept {
  const uint8_t* __restrict left = cur - 1;
  const uint8_t* __restrict right = cur + 1;
  int32_t lap = 0;
  int32_t lap2 = 0;
  int32_t grad2 = 0;
  for (size_t i = 0; i < n; ++i) {
    const int16_t l = left[i];
    const int16_t r = right[i];
    const int16_t u = prev[i];
    const int16_t d = next[i];
    const int16_t c4 = static_cast<int16_t>(4 * cur[i]);
    const int16_t cross = static_cast<int16_t>(l + r + u + d);
    const int16_t v = static_cast<int16_t>(cross - c4);
    const int16_t gx = static_cast<int16_t>(r - l);
    const int16_t gy = static_cast<int16_t>(d - u);
    lap += v;
    lap2 += static_cast<int32_t>(v) * v;
    grad2 += static_cast<int32_t>(gx) * gx + static_cast<int32_t>(gy) * gy;
    if (kNoise) {
      const int16_t diagonal = static_cast<int16_t>(prev[i - 1] + prev[i + 1] + next[i - 1] +
                                                    next[i + 1]);
      const int16_t k = static_cast<int16_t>(diagonal - 2 * cross + c4);
      const int16_t magnitude = static_cast<int16_t>(k < 0 ? -k : k);
      noise[i] = static_cast<uint16_t>(noise[i] + magnitude);
    }
  }
  out->lap += lap;
  out->lap2 += static_cast<uint32_t>(lap2);
  out->grad2 += static_cast<uint32_t>(grad2);
}

void row_energy(const uint8_t* prev, const uint8_t* cur, const uint8_t* next, size_t n,
                uint16_t* noise, RowEnergy* out) noexcept {
  for (size_t at = 0; at < n; at += kChunk) {
    const size_t len = n - at < kChunk ? n - at : kChunk;
    if (noise != nullptr) {
      energy_chunk<true>(prev + at, cur + at, next + at, len, noise + at, out);
    } else {
      energy_chunk<false>(prev + at, cur + at, next + at, len, nullptr, out);
    }
  }
}

void row_moments(const uint8_t* __restrict row, size_t n, RowMoments* __restrict out) noexcept {
  for (size_t at = 0; at < n; at += kChunk) {
    const size_t len = n - at < kChunk ? n - at : kChunk;
    int32_t sum = 0;
    int32_t sum2 = 0;
    for (size_t i = 0; i < len; ++i) {
      const int16_t v = row[at + i];
      sum += v;
      sum2 += static_cast<int32_t>(v) * v;
    }
    out->sum += static_cast<uint32_t>(sum);
    out->sum2 += static_cast<uint32_t>(sum2);
  }
}

void row_halve(const uint8_t* __restrict a, const uint8_t* __restrict b, size_t n,
               uint8_t* __restrict out) noexcept {
  for (size_t i = 0; i < n; ++i) {
    out[i] = static_cast<uint8_t>((a[2 * i] + a[2 * i + 1] + b[2 * i] + b[2 * i + 1] + 2) >> 2);
  }
}

void row_add(const uint8_t* __restrict row, size_t n, uint32_t* __restrict acc) noexcept {
  for (size_t i = 0; i < n; ++i) acc[i] += row[i];
}

// Four tables, so that a run of equal bytes does not wait for its own last store.
void histogram(const uint8_t* __restrict row, size_t n, uint32_t* __restrict tables) noexcept {
  uint32_t* __restrict t0 = tables;
  uint32_t* __restrict t1 = tables + 256;
  uint32_t* __restrict t2 = tables + 512;
  uint32_t* __restrict t3 = tables + 768;
  size_t i = 0;
  for (; i + 8 <= n; i += 8) {
    uint64_t eight;
    __builtin_memcpy(&eight, row + i, 8);
    ++t0[eight & 255];
    ++t1[(eight >> 8) & 255];
    ++t2[(eight >> 16) & 255];
    ++t3[(eight >> 24) & 255];
    ++t0[(eight >> 32) & 255];
    ++t1[(eight >> 40) & 255];
    ++t2[(eight >> 48) & 255];
    ++t3[eight >> 56];
  }
  for (; i < n; ++i) ++t0[row[i]];
}

}  // namespace
}  // namespace FL_CONCAT(tier_, FL_TIER)

extern const Kernels FL_CONCAT(kKernels_, FL_TIER);
const Kernels FL_CONCAT(kKernels_, FL_TIER) = {
    FL_STRING(FL_TIER),
#define FL_ENTRY(ret, name, args) FL_CONCAT(tier_, FL_TIER)::name,
    FL_KERNELS(FL_ENTRY)
#undef FL_ENTRY
};

}  // namespace fl
