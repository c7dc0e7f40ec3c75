// fastlabel.h: boxes.
#include <algorithm>
#include <cmath>

#include "capi/common.h"
#include "geometry/box_index.h"
#include "geometry/box_sets.h"

using fl::check_boxes;
using fl::check_offsets;
using fl::guarded;

namespace {

// Two sets of one dtype.
fl_status check_two(const fl_boxes* a, const fl_boxes* b) noexcept {
  const fl_status first = check_boxes(a);
  if (first != FL_OK) return first;
  const fl_status second = check_boxes(b);
  if (second != FL_OK) return second;
  return a->dtype == b->dtype ? FL_OK : FL_ERROR_ARGUMENT;
}

fl::BoxSource source_of(const fl_boxes& boxes) noexcept {
  return {static_cast<const unsigned char*>(boxes.data),
          static_cast<ptrdiff_t>(boxes.row_stride), static_cast<ptrdiff_t>(boxes.column_stride),
          boxes.format, 0};
}
fl::BoxTarget target_of(void* out, int64_t row_stride, int64_t column_stride) noexcept {
  return {static_cast<unsigned char*>(out), static_cast<ptrdiff_t>(row_stride),
          static_cast<ptrdiff_t>(column_stride)};
}
fl::BoxSet set_of(const fl_boxes& boxes) noexcept { return {source_of(boxes), boxes.n}; }

constexpr fl_overlap_options kOverlap = {sizeof(fl_overlap_options), FL_IOU, 0, 1e-7, nullptr, 0};

bool read_options(const fl_overlap_options* options, fl::OverlapChoice* choice) noexcept {
  fl_overlap_options o = kOverlap;
  if (options != nullptr && fl::read_options(options, kOverlap, &o) != FL_OK) return false;
  if (o.metric < FL_IOU || o.metric > FL_CIOU) return false;
  if (!(o.eps > 0 && std::isfinite(o.eps))) return false;
  if (o.crowd != nullptr && o.metric != FL_IOU) return false;
  *choice = {o.metric, o.eps, o.crowd, o.crowd_stride};
  return true;
}

// Runs body<float> or body<double>.
template <typename Body>
fl_status with_type(int32_t dtype, Body body) noexcept {
  return guarded([&] {
    return dtype == FL_FLOAT32 ? body(float{}) : body(double{});
  });
}

// The offsets of two sets of images, and sizes that the kernels' counters can hold.
fl_status check_ragged(const fl_boxes* a, const int64_t* offsets_a, const fl_boxes* b,
                       const int64_t* offsets_b, int64_t groups, fl::RaggedSets* sets) noexcept {
  const fl_status good = check_two(a, b);
  if (good != FL_OK) return good;
  if (!check_offsets(offsets_a, groups) || !check_offsets(offsets_b, groups)) {
    return FL_ERROR_ARGUMENT;
  }
  if (offsets_a[groups] != a->n || offsets_b[groups] != b->n) return FL_ERROR_ARGUMENT;
  for (int64_t g = 0; g < groups; ++g) {
    if (offsets_b[g + 1] - offsets_b[g] > INT32_MAX) return FL_ERROR_OVERFLOW;
  }
  *sets = {source_of(*a), offsets_a, source_of(*b), offsets_b, groups};
  return FL_OK;
}

bool is_threshold(double threshold) noexcept { return threshold > 0 && threshold <= 1; }

// The simple entries. For a few pairs the choice of a tier and the packing cost more than the
// arithmetic.
template <typename T>
fl_status plain_iou(const T* a, int64_t n, const T* b, int64_t m, T* out) noexcept {
  int64_t cells = 0;
  if (n < 0 || m < 0) return FL_ERROR_ARGUMENT;
  if (!fl::checked_mul(n, m, &cells)) return FL_ERROR_OVERFLOW;
  if (cells == 0) return FL_OK;
  if (a == nullptr || b == nullptr || out == nullptr) return FL_ERROR_ARGUMENT;
  if (cells <= 8) {
    for (int64_t i = 0; i < n; ++i) {
      for (int64_t j = 0; j < m; ++j) out[i * m + j] = fl::pair_iou(a + 4 * i, b + 4 * j);
    }
    return FL_OK;
  }
  return guarded([&] {
    constexpr int64_t kSize = sizeof(T);
    const auto set = [](const T* boxes, int64_t count) {
      const auto* data = reinterpret_cast<const unsigned char*>(boxes);
      return fl::BoxSet{{data, 4 * kSize, kSize, FL_XYXY, 0}, count};
    };
    fl::box_matrix<T>(set(a, n), set(b, m), {FL_IOU, 1e-7, nullptr, 0},
                      reinterpret_cast<unsigned char*>(out), m * kSize, kSize);
    return FL_OK;
  });
}

}  // namespace

extern "C" {

fl_status fl_overlap_options_init(fl_overlap_options* options, size_t struct_size) {
  return fl::init_options(options, struct_size, kOverlap);
}

fl_status fl_box_iou(const double* a, int64_t n, const double* b, int64_t m, double* out) {
  return plain_iou(a, n, b, m, out);
}

fl_status fl_box_iou_f32(const float* a, int64_t n, const float* b, int64_t m, float* out) {
  return plain_iou(a, n, b, m, out);
}

fl_status fl_box_matrix(const fl_boxes* a, const fl_boxes* b, const fl_overlap_options* options,
                        void* out, int64_t row_stride, int64_t column_stride) {
  const fl_status good = check_two(a, b);
  if (good != FL_OK) return good;
  fl::OverlapChoice choice{};
  if (!read_options(options, &choice)) return FL_ERROR_ARGUMENT;
  int64_t cells = 0;
  if (!fl::checked_mul(a->n, b->n, &cells)) return FL_ERROR_OVERFLOW;
  if (cells == 0) return FL_OK;
  if (out == nullptr) return FL_ERROR_ARGUMENT;
  return with_type(a->dtype, [&](auto type) {
    fl::box_matrix<decltype(type)>(set_of(*a), set_of(*b), choice,
                                   static_cast<unsigned char*>(out), row_stride, column_stride);
    return FL_OK;
  });
}

fl_status fl_box_aligned(const fl_boxes* a, const fl_boxes* b, const fl_overlap_options* options,
                         void* out, int64_t stride) {
  const fl_status good = check_two(a, b);
  if (good != FL_OK) return good;
  fl::OverlapChoice choice{};
  if (!read_options(options, &choice) || a->n != b->n) return FL_ERROR_ARGUMENT;
  if (a->n == 0) return FL_OK;
  if (out == nullptr) return FL_ERROR_ARGUMENT;
  return with_type(a->dtype, [&](auto type) {
    fl::box_aligned<decltype(type)>(set_of(*a), set_of(*b), choice,
                                    static_cast<unsigned char*>(out), stride);
    return FL_OK;
  });
}

fl_status fl_box_find_bad(const fl_boxes* boxes, int64_t* row) {
  const fl_status good = check_boxes(boxes);
  if (good != FL_OK) return good;
  if (row == nullptr) return FL_ERROR_ARGUMENT;
  return with_type(boxes->dtype, [&](auto type) {
    const fl::BoxSource source = source_of(*boxes);
    const size_t n = static_cast<size_t>(boxes->n);
    const size_t bad = FL_BOX_KERNEL(decltype(type), find_bad)(&source, n);
    *row = bad == n ? -1 : static_cast<int64_t>(bad);
    return FL_OK;
  });
}

fl_status fl_box_area(const fl_boxes* boxes, void* out, int64_t stride) {
  const fl_status good = check_boxes(boxes);
  if (good != FL_OK) return good;
  if (boxes->n == 0) return FL_OK;
  if (out == nullptr) return FL_ERROR_ARGUMENT;
  return with_type(boxes->dtype, [&](auto type) {
    const fl::BoxSource source = source_of(*boxes);
    const fl::BoxTarget target = target_of(out, stride, 0);
    FL_BOX_KERNEL(decltype(type), area)(&source, static_cast<size_t>(boxes->n), &target);
    return FL_OK;
  });
}

fl_status fl_box_convert(const fl_boxes* boxes, int32_t out_format, const double* in_size,
                         const double* out_size, int64_t size_step, void* out,
                         int64_t row_stride, int64_t column_stride) {
  const fl_status good = check_boxes(boxes);
  if (good != FL_OK) return good;
  if (out_format < FL_XYXY || out_format > FL_CXCYWH || size_step < 0) return FL_ERROR_ARGUMENT;
  if (boxes->n == 0) return FL_OK;
  if (out == nullptr) return FL_ERROR_ARGUMENT;
  return with_type(boxes->dtype, [&](auto type) {
    const fl::BoxSource source = source_of(*boxes);
    const fl::BoxTarget target = target_of(out, row_stride, column_stride);
    FL_BOX_KERNEL(decltype(type), convert)(&source, static_cast<size_t>(boxes->n), out_format,
                                           in_size, out_size, static_cast<size_t>(size_step),
                                           &target);
    return FL_OK;
  });
}

fl_status fl_box_clip(const fl_boxes* boxes, double width, double height, void* out,
                      int64_t row_stride, int64_t column_stride) {
  const fl_status good = check_boxes(boxes);
  if (good != FL_OK) return good;
  if (!(width >= 0 && height >= 0)) return FL_ERROR_ARGUMENT;
  if (boxes->n == 0) return FL_OK;
  if (out == nullptr) return FL_ERROR_ARGUMENT;
  return with_type(boxes->dtype, [&](auto type) {
    const fl::BoxSource source = source_of(*boxes);
    const fl::BoxTarget target = target_of(out, row_stride, column_stride);
    FL_BOX_KERNEL(decltype(type), clip)(&source, static_cast<size_t>(boxes->n), width, height,
                                        &target);
    return FL_OK;
  });
}

fl_status fl_ragged_sizes(const int64_t* offsets_a, const int64_t* offsets_b, int64_t groups,
                          int64_t* out_offsets) {
  if (!check_offsets(offsets_a, groups) || !check_offsets(offsets_b, groups)) {
    return FL_ERROR_ARGUMENT;
  }
  if (out_offsets == nullptr) return FL_ERROR_ARGUMENT;
  out_offsets[0] = 0;
  for (int64_t g = 0; g < groups; ++g) {
    int64_t cells = 0;
    if (!fl::checked_mul(offsets_a[g + 1] - offsets_a[g], offsets_b[g + 1] - offsets_b[g],
                         &cells) ||
        !fl::checked_add(out_offsets[g], cells, &out_offsets[g + 1])) {
      return FL_ERROR_OVERFLOW;
    }
  }
  return FL_OK;
}

fl_status fl_ragged_iou(const fl_boxes* a, const int64_t* offsets_a, const fl_boxes* b,
                        const int64_t* offsets_b, int64_t groups,
                        const fl_overlap_options* options, void* out) {
  fl::RaggedSets sets{};
  const fl_status good = check_ragged(a, offsets_a, b, offsets_b, groups, &sets);
  if (good != FL_OK) return good;
  fl::OverlapChoice choice{};
  if (!read_options(options, &choice)) return FL_ERROR_ARGUMENT;
  int64_t total = 0;
  for (int64_t g = 0; g < groups; ++g) {
    int64_t cells = 0;
    if (!fl::checked_mul(offsets_a[g + 1] - offsets_a[g], offsets_b[g + 1] - offsets_b[g],
                         &cells) ||
        !fl::checked_add(total, cells, &total)) {
      return FL_ERROR_OVERFLOW;
    }
  }
  if (total == 0) return FL_OK;
  if (out == nullptr) return FL_ERROR_ARGUMENT;
  return with_type(a->dtype, [&](auto type) {
    if (reinterpret_cast<uintptr_t>(out) % alignof(decltype(type)) != 0) return FL_ERROR_ARGUMENT;
    fl::ragged_matrix(sets, choice, static_cast<decltype(type)*>(out));
    return FL_OK;
  });
}

fl_status fl_ragged_best(const fl_boxes* a, const int64_t* offsets_a, const fl_boxes* b,
                         const int64_t* offsets_b, int64_t groups, int32_t metric,
                         double threshold, int64_t* index, void* value) {
  fl::RaggedSets sets{};
  const fl_status good = check_ragged(a, offsets_a, b, offsets_b, groups, &sets);
  if (good != FL_OK) return good;
  if (metric != FL_IOU && metric != FL_IOA && metric != FL_IOS) return FL_ERROR_ARGUMENT;
  if (!(threshold >= 0 && threshold <= 1)) return FL_ERROR_ARGUMENT;
  if (a->n == 0) return FL_OK;
  if (index == nullptr || value == nullptr) return FL_ERROR_ARGUMENT;
  return with_type(a->dtype, [&](auto type) {
    if (reinterpret_cast<uintptr_t>(value) % alignof(decltype(type)) != 0) {
      return FL_ERROR_ARGUMENT;
    }
    fl::ragged_best(sets, metric, threshold, index, static_cast<decltype(type)*>(value));
    return FL_OK;
  });
}

fl_status fl_ragged_counts(const fl_boxes* a, const int64_t* offsets_a, const fl_boxes* b,
                           const int64_t* offsets_b, int64_t groups, double threshold,
                           int64_t* counts) {
  fl::RaggedSets sets{};
  const fl_status good = check_ragged(a, offsets_a, b, offsets_b, groups, &sets);
  if (good != FL_OK) return good;
  if (!is_threshold(threshold)) return FL_ERROR_ARGUMENT;
  if (a->n == 0) return FL_OK;
  if (counts == nullptr) return FL_ERROR_ARGUMENT;
  return with_type(a->dtype, [&](auto type) {
    fl::ragged_counts<decltype(type)>(sets, threshold, counts);
    return FL_OK;
  });
}

fl_status fl_box_pairs_between(const fl_boxes* a, const int64_t* offsets_a, const fl_boxes* b,
                               const int64_t* offsets_b, int64_t groups, double threshold,
                               fl_pair_sink sink, void* context) {
  fl::RaggedSets sets{};
  const fl_status good = check_ragged(a, offsets_a, b, offsets_b, groups, &sets);
  if (good != FL_OK) return good;
  if (!is_threshold(threshold) || sink == nullptr) return FL_ERROR_ARGUMENT;
  return with_type(a->dtype, [&](auto type) {
    return fl::pairs_between<decltype(type)>(sets, threshold, sink, context);
  });
}

fl_status fl_box_pairs_within(const fl_boxes* boxes, const int64_t* offsets, int64_t groups,
                              double threshold, int64_t max_per_box, fl_pair_sink sink,
                              void* context) {
  fl::RaggedSets sets{};
  const fl_status good = check_ragged(boxes, offsets, boxes, offsets, groups, &sets);
  if (good != FL_OK) return good;
  if (!is_threshold(threshold) || max_per_box < 0 || sink == nullptr) return FL_ERROR_ARGUMENT;
  return with_type(boxes->dtype, [&](auto type) {
    return fl::pairs_within<decltype(type)>(sets.a, offsets, groups, threshold, max_per_box, sink,
                                            context);
  });
}

fl_status fl_box_pairs(const double* boxes, const int64_t* offsets, int64_t groups,
                       double threshold, int64_t max_per_box, fl_pair* out, int64_t capacity,
                       int64_t* count) {
  if (count == nullptr || capacity < 0 || !check_offsets(offsets, groups)) {
    return FL_ERROR_ARGUMENT;
  }
  if (capacity > 0 && out == nullptr) return FL_ERROR_ARGUMENT;
  struct Room {
    fl_pair* out;
    int64_t capacity;
    int64_t count;
  } room = {out, capacity, 0};
  const auto take = [](void* context, const fl_pair* pairs, int64_t n) {
    Room* to = static_cast<Room*>(context);
    const int64_t left = to->capacity - to->count;
    if (left > 0) std::copy_n(pairs, std::min(left, n), to->out + to->count);
    to->count += n;
    return FL_OK;
  };
  const fl_boxes view = {boxes, offsets[groups], 4 * sizeof(double), sizeof(double), FL_FLOAT64,
                         FL_XYXY};
  const fl_status status =
      fl_box_pairs_within(&view, offsets, groups, threshold, max_per_box, take, &room);
  if (status != FL_OK) return status;
  *count = room.count;
  return room.count > capacity ? FL_ERROR_CAPACITY : FL_OK;
}

}  // extern "C"
