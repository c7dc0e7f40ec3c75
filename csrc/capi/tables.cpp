// fastlabel.h: statistics of table columns.
#include <algorithm>

#include "capi/common.h"
#include "tables/histogram.h"
#include "tables/moments.h"
#include "tables/sketch.h"

using fl::guarded;

struct fl_sketch {
  fl::Sketch sketch;
};

namespace {

// Axes, columns and the column of values beside them.
fl_status check_grouped(const fl_axis* axes, int32_t n_axes, const fl_column* columns,
                        const fl_column* value) {
  if (value == nullptr || !fl::check_column(*value)) return FL_ERROR_ARGUMENT;
  int64_t rows = value->n;
  int64_t cells = 0;
  const fl_status status = fl::Grid::check(axes, n_axes, columns, &rows, &cells);
  if (status != FL_OK) return status;
  return rows == value->n ? FL_OK : FL_ERROR_ARGUMENT;
}

}  // namespace

extern "C" {

fl_status fl_histogram_fill(const fl_axis* axes, int32_t n_axes, const fl_column* columns,
                            const fl_column* weight, int64_t* counts, fl_fixed* sums,
                            double* heaviest) {
  int64_t rows = 0;
  int64_t cells = 0;
  if (n_axes < 1 || counts == nullptr) return FL_ERROR_ARGUMENT;
  const fl_status status = fl::Grid::check(axes, n_axes, columns, &rows, &cells);
  if (status != FL_OK) return status;
  if ((weight == nullptr) != (sums == nullptr) || (sums == nullptr) != (heaviest == nullptr)) {
    return FL_ERROR_ARGUMENT;
  }
  if (weight != nullptr && (!fl::check_column(*weight) || weight->n != rows)) {
    return FL_ERROR_ARGUMENT;
  }
  return guarded([&] {
    double most = 0;
    if (weight != nullptr && !fl::check_weights(*weight, &most)) return FL_ERROR_ARGUMENT;
    const fl::Grid grid(axes, n_axes, columns);
    fl::histogram_fill(grid, rows, weight, counts, sums);
    if (weight != nullptr) *heaviest = std::max(*heaviest, most);
    return FL_OK;
  });
}

fl_status fl_moments_init(fl_moments* groups, int64_t n) {
  if (n < 0 || (n > 0 && groups == nullptr)) return FL_ERROR_ARGUMENT;
  fl::moments_init(groups, n);
  return FL_OK;
}

fl_status fl_moments_fill(const fl_axis* axes, int32_t n_axes, const fl_column* columns,
                          const fl_column* value, fl_moments* groups) {
  if (groups == nullptr) return FL_ERROR_ARGUMENT;
  const fl_status status = check_grouped(axes, n_axes, columns, value);
  if (status != FL_OK) return status;
  return guarded([&] {
    const fl::Grid grid(axes, n_axes, columns);
    fl::moments_fill(grid, *value, groups);
    return FL_OK;
  });
}

fl_status fl_moments_merge(fl_moments* into, const fl_moments* from, int64_t n) {
  if (n < 0 || (n > 0 && (into == nullptr || from == nullptr))) return FL_ERROR_ARGUMENT;
  fl::moments_merge(into, from, n);
  return FL_OK;
}

fl_status fl_sketch_create(int32_t bits, fl_sketch** out) {
  if (out == nullptr || bits < 1 || bits > 15) return FL_ERROR_ARGUMENT;
  return guarded([&] {
    *out = new fl_sketch{fl::Sketch(bits)};
    return FL_OK;
  });
}

void fl_sketch_destroy(fl_sketch* sketch) { delete sketch; }

fl_status fl_sketch_fill(fl_sketch* sketch, const fl_axis* axes, int32_t n_axes,
                         const fl_column* columns, const fl_column* value) {
  if (sketch == nullptr) return FL_ERROR_ARGUMENT;
  const fl_status status = check_grouped(axes, n_axes, columns, value);
  if (status != FL_OK) return status;
  return guarded([&] {
    const fl::Grid grid(axes, n_axes, columns);
    sketch->sketch.fill(grid, *value);
    return FL_OK;
  });
}

fl_status fl_sketch_add(fl_sketch* sketch, const fl_sketch_entry* entries, int64_t n) {
  if (sketch == nullptr || n < 0 || (n > 0 && entries == nullptr)) return FL_ERROR_ARGUMENT;
  const int32_t most = fl::Sketch::greatest_key(sketch->sketch.bits());
  const bool fine = std::all_of(entries, entries + n, [&](const fl_sketch_entry& e) {
    return e.group >= 0 && e.group < FL_MAX_CELLS && e.count >= 0 && e.key >= -most &&
           e.key <= most && e.min <= e.max;
  });
  if (!fine) return FL_ERROR_ARGUMENT;
  return guarded([&] {
    for (int64_t k = 0; k < n; ++k) {
      if (entries[k].count > 0) sketch->sketch.add(entries[k]);
    }
    return FL_OK;
  });
}

fl_status fl_sketch_entries(const fl_sketch* sketch, fl_sketch_entry* out, int64_t capacity,
                            int64_t* count) {
  if (sketch == nullptr || count == nullptr || capacity < 0) return FL_ERROR_ARGUMENT;
  *count = sketch->sketch.size();
  if (*count > capacity || (*count > 0 && out == nullptr)) return FL_ERROR_CAPACITY;
  return guarded([&] {
    const auto entries = sketch->sketch.entries();
    std::copy(entries.begin(), entries.end(), out);
    return FL_OK;
  });
}

}  // extern "C"
