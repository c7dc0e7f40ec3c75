// fastlabel.h: merging what a model found in tiles.
#include <algorithm>
#include <cmath>

#include "capi/common.h"
#include "geometry/tile_merge.h"

namespace {

constexpr int64_t kMostRows = INT64_C(1) << 31;
constexpr int64_t kFarthest = INT64_C(1) << 50;  // pixels, so that sums are exact in a double

constexpr fl_tile_merge_options kMerge = {
    sizeof(fl_tile_merge_options), FL_TILES_NMS, FL_IOU, FL_AVERAGE, 1, 1, 1, 0.5, 0.5, 0.001,
    0.5, 4, 0.5};

bool is_rate(double value) noexcept { return value >= 0 && value <= 1; }
bool is_size(double value) noexcept { return value >= 0 && std::isfinite(value); }

bool sound(const fl_tile_merge_options& o) noexcept {
  return o.method >= FL_TILES_NMS && o.method <= FL_TILES_WBF &&
         (o.metric == FL_IOU || o.metric == FL_IOS) &&
         (o.confidence == FL_AVERAGE || o.confidence == FL_MAXIMUM) && is_rate(o.threshold) &&
         o.sigma > 0 && std::isfinite(o.sigma) && !std::isnan(o.score_threshold) &&
         is_rate(o.join_threshold) && is_size(o.edge_tolerance) && is_size(o.large);
}

bool in_range(const int64_t* values, int64_t n, int64_t end) noexcept {
  return std::all_of(values, values + n, [end](int64_t v) { return v >= 0 && v < end; });
}

fl_status check_windows(const fl_tile_predictions& p) noexcept {
  if (p.n_windows < 0 || p.n_images < 0) return FL_ERROR_ARGUMENT;
  if (p.n_windows >= kMostRows || p.n_images >= kMostRows) return FL_ERROR_OVERFLOW;
  if (p.n_windows > 0 && (p.windows == nullptr || p.n_images < 1)) return FL_ERROR_ARGUMENT;
  for (int64_t w = 0; w < p.n_windows; ++w) {
    const int64_t* window = p.windows + 4 * w;
    if (!std::all_of(window, window + 4,
                     [](int64_t v) { return v > -kFarthest && v < kFarthest; })) {
      return FL_ERROR_OVERFLOW;
    }
    if (window[2] <= window[0] || window[3] <= window[1]) return FL_ERROR_ARGUMENT;
  }
  if (p.images != nullptr && !in_range(p.images, p.n_windows, p.n_images)) {
    return FL_ERROR_ARGUMENT;
  }
  if (p.sizes == nullptr) return FL_OK;
  return std::all_of(p.sizes, p.sizes + 2 * p.n_images,
                     [](int64_t v) { return v > 0 && v < kFarthest; })
             ? FL_OK
             : FL_ERROR_ARGUMENT;
}

fl_status check_rows(const fl_tile_predictions& p) noexcept {
  if (p.n < 0) return FL_ERROR_ARGUMENT;
  if (p.n >= kMostRows) return FL_ERROR_OVERFLOW;
  if (p.n == 0) return FL_OK;
  if (p.boxes == nullptr || p.scores == nullptr || p.tiles == nullptr) return FL_ERROR_ARGUMENT;
  const auto finite = [](double v) { return std::isfinite(v); };
  if (!std::all_of(p.boxes, p.boxes + 4 * p.n, finite)) return FL_ERROR_ARGUMENT;
  if (!std::all_of(p.scores, p.scores + p.n,
                   [](double s) { return s >= 0 && std::isfinite(s); })) {
    return FL_ERROR_ARGUMENT;
  }
  return in_range(p.tiles, p.n, p.n_windows) ? FL_OK : FL_ERROR_ARGUMENT;
}

bool has_room(const fl_tile_merged& out, int64_t n) noexcept {
  if (out.offsets == nullptr) return false;
  return n == 0 || (out.boxes != nullptr && out.scores != nullptr && out.labels != nullptr &&
                    out.images != nullptr && out.joined != nullptr && out.members != nullptr);
}

}  // namespace

extern "C" {

fl_status fl_tile_merge_options_init(fl_tile_merge_options* options, size_t struct_size) {
  return fl::init_options(options, struct_size, kMerge);
}

fl_status fl_merge_tiles(const fl_tile_predictions* predictions,
                         const fl_tile_merge_options* options, fl_tile_merged* out) {
  fl_tile_predictions p;
  fl_tile_merge_options o;
  fl_status status = fl::read_options(predictions, fl_tile_predictions{}, &p);
  if (status == FL_OK) status = fl::read_options(options, kMerge, &o);
  if (status != FL_OK) return status;
  // It is written to, so that it must be of this library's size.
  if (out == nullptr || out->struct_size != sizeof *out) return FL_ERROR_ARGUMENT;
  if (!sound(o)) return FL_ERROR_ARGUMENT;
  status = check_windows(p);
  if (status == FL_OK) status = check_rows(p);
  if (status != FL_OK) return status;
  if (!has_room(*out, p.n)) return FL_ERROR_ARGUMENT;
  return fl::guarded([&] {
    const fl::TileMerged found = fl::merge_tiles(
        {p.boxes, p.scores, p.labels, p.tiles, p.n, p.windows, p.images, p.whole, p.n_windows,
         p.sizes, p.n_images},
        {static_cast<fl::TileMethod>(o.method),
         o.metric == FL_IOU ? fl::Overlap::iou : fl::Overlap::ios,
         o.confidence == FL_AVERAGE ? fl::Confidence::average : fl::Confidence::maximum,
         o.by_label != 0, o.in_tile_pixels != 0, o.join_cut != 0, o.threshold, o.sigma,
         o.score_threshold, o.join_threshold, o.edge_tolerance, o.large});
    std::copy(found.boxes.begin(), found.boxes.end(), out->boxes);
    std::copy(found.scores.begin(), found.scores.end(), out->scores);
    std::copy(found.labels.begin(), found.labels.end(), out->labels);
    std::copy(found.images.begin(), found.images.end(), out->images);
    std::copy(found.joined.begin(), found.joined.end(), out->joined);
    std::copy(found.offsets.begin(), found.offsets.end(), out->offsets);
    std::copy(found.members.begin(), found.members.end(), out->members);
    out->results = static_cast<int64_t>(found.scores.size());
    out->empty = found.empty;
    out->outside = found.outside;
    out->faded = found.faded;
    return FL_OK;
  });
}

}  // extern "C"
