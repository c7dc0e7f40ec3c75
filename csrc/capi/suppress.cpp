// fastlabel.h: suppression, fusion, matching, oriented boxes.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "capi/common.h"
#include "geometry/fusion.h"
#include "geometry/matching.h"
#include "geometry/nms.h"
#include "geometry/oriented.h"

using fl::check_offsets;
using fl::guarded;

namespace {

constexpr int64_t kMostRows = INT64_C(1) << 31;

// Whether a view can be read; rows beyond the limit are an overflow.
fl_status check_view(const fl_boxes* view) noexcept {
  const fl_status status = fl::check_boxes(view);
  if (status != FL_OK) return status;
  return view->n < kMostRows ? FL_OK : FL_ERROR_OVERFLOW;
}

bool is_rate(double value) noexcept { return value >= 0 && value <= 1; }

bool ranked(const double* scores, int64_t n) noexcept {
  return n == 0 || (scores != nullptr &&
                    std::none_of(scores, scores + n, [](double s) { return std::isnan(s); }));
}

template <typename Number>
void read_numbers(const fl_boxes& view, double* out) noexcept {
  for (int64_t i = 0; i < view.n; ++i) {
    const char* row = static_cast<const char*>(view.data) + i * view.row_stride;
    for (int64_t k = 0; k < 4; ++k) {
      Number number;  // data need not be aligned
      std::memcpy(&number, row + k * view.column_stride, sizeof number);
      out[4 * i + k] = static_cast<double>(number);
    }
  }
}

std::vector<double> numbers_of(const fl_boxes& view) {
  std::vector<double> rows(static_cast<size_t>(4 * view.n));
  if (view.dtype == FL_FLOAT32) {
    read_numbers<float>(view, rows.data());
  } else {
    read_numbers<double>(view, rows.data());
  }
  return rows;
}

std::vector<double> corners_of(const fl_boxes& view) {
  std::vector<double> rows = numbers_of(view);
  if (view.format == FL_XYXY) return rows;
  for (size_t i = 0; i < rows.size(); i += 4) {
    double* b = rows.data() + i;
    for (int k = 0; k < 2; ++k) {
      const double size = b[2 + k];
      if (view.format == FL_CXCYWH) b[k] -= size / 2;
      b[2 + k] = b[k] + size;
    }
  }
  return rows;
}

fl_status check_ranking(const fl_boxes* boxes, const double* scores) noexcept {
  const fl_status status = check_view(boxes);
  if (status != FL_OK) return status;
  return ranked(scores, boxes->n) ? FL_OK : FL_ERROR_ARGUMENT;
}

void hand_over(const fl::BigVector<int64_t>& rows, int64_t* keep, int64_t* kept) noexcept {
  *kept = static_cast<int64_t>(rows.size());
  std::copy(rows.begin(), rows.end(), keep);
}

fl_status check_oriented(const double* boxes, int64_t n, const double* out) noexcept {
  if (n < 0 || (n > 0 && (boxes == nullptr || out == nullptr))) return FL_ERROR_ARGUMENT;
  return n < kMostRows ? FL_OK : FL_ERROR_OVERFLOW;
}

constexpr fl_fusion_options kFusion = {sizeof(fl_fusion_options), FL_AVERAGE, 0, 0.55, 0};

}  // namespace

extern "C" {

fl_status fl_nms(const fl_boxes* boxes, const double* scores, const int64_t* classes,
                 double iou_threshold, int64_t* keep, int64_t* kept) {
  const fl_status status = check_ranking(boxes, scores);
  if (status != FL_OK) return status;
  if (kept == nullptr || !is_rate(iou_threshold)) return FL_ERROR_ARGUMENT;
  if (boxes->n > 0 && keep == nullptr) return FL_ERROR_ARGUMENT;
  return guarded([&] {
    const std::vector<double> rows = corners_of(*boxes);
    hand_over(fl::nms(rows.data(), scores, classes, boxes->n, iou_threshold), keep, kept);
    return FL_OK;
  });
}

fl_status fl_soft_nms(const fl_boxes* boxes, const double* scores, const int64_t* classes,
                      int32_t decay, double iou_threshold, double sigma, double score_threshold,
                      int64_t* keep, double* new_scores, int64_t* kept) {
  const fl_status status = check_ranking(boxes, scores);
  if (status != FL_OK) return status;
  if (kept == nullptr || !is_rate(iou_threshold) || std::isnan(score_threshold)) {
    return FL_ERROR_ARGUMENT;
  }
  if (decay != FL_DECAY_LINEAR && decay != FL_DECAY_GAUSSIAN) return FL_ERROR_ARGUMENT;
  if (!(sigma > 0) || !std::isfinite(sigma)) return FL_ERROR_ARGUMENT;
  if (boxes->n > 0 && (keep == nullptr || new_scores == nullptr)) return FL_ERROR_ARGUMENT;
  // A score below 0 would rise when it decays, an infinite one become NaN.
  if (!std::all_of(scores, scores + boxes->n,
                   [](double s) { return s >= 0 && std::isfinite(s); })) {
    return FL_ERROR_ARGUMENT;
  }
  return guarded([&] {
    const std::vector<double> rows = corners_of(*boxes);
    const auto left = fl::soft_nms(rows.data(), scores, classes, boxes->n,
                                   {decay == FL_DECAY_LINEAR ? fl::Decay::linear
                                                             : fl::Decay::gaussian,
                                    fl::Overlap::iou, iou_threshold, sigma, score_threshold});
    *kept = static_cast<int64_t>(left.size());
    for (size_t k = 0; k < left.size(); ++k) {
      keep[k] = left[k].row;
      new_scores[k] = left[k].score;
    }
    return FL_OK;
  });
}

fl_status fl_non_max_merge(const fl_boxes* boxes, const double* scores, const int64_t* classes,
                           int32_t metric, double threshold, double* merged, int64_t* best,
                           int64_t* group, int64_t* groups) {
  const fl_status status = check_ranking(boxes, scores);
  if (status != FL_OK) return status;
  if (groups == nullptr || !is_rate(threshold)) return FL_ERROR_ARGUMENT;
  if (metric != FL_IOU && metric != FL_IOS) return FL_ERROR_ARGUMENT;
  if (boxes->n > 0 && (merged == nullptr || best == nullptr || group == nullptr)) {
    return FL_ERROR_ARGUMENT;
  }
  return guarded([&] {
    const std::vector<double> rows = corners_of(*boxes);
    const fl::Merged found =
        fl::non_max_merge(rows.data(), scores, classes, boxes->n,
                          metric == FL_IOU ? fl::Overlap::iou : fl::Overlap::ios, threshold);
    fl::merged_boxes(rows.data(), boxes->n, found, merged);
    std::copy(found.group.begin(), found.group.end(), group);
    hand_over(found.best, best, groups);
    return FL_OK;
  });
}

fl_status fl_fusion_options_init(fl_fusion_options* options, size_t struct_size) {
  return fl::init_options(options, struct_size, kFusion);
}

fl_status fl_weighted_boxes_fusion(const fl_boxes* boxes, const double* scores,
                                   const int64_t* classes, const int64_t* models,
                                   const double* weights, int64_t n_models,
                                   const fl_fusion_options* options, double* out_boxes,
                                   double* out_scores, int64_t* out_classes, int64_t* fused) {
  const fl_status status = check_ranking(boxes, scores);
  if (status != FL_OK) return status;
  if (fused == nullptr) return FL_ERROR_ARGUMENT;
  fl_fusion_options known;
  const fl_status read = fl::read_options(options, kFusion, &known);
  if (read != FL_OK) return read;
  if (!is_rate(known.iou_threshold) || std::isnan(known.skip_threshold)) {
    return FL_ERROR_ARGUMENT;
  }
  if (known.confidence < FL_AVERAGE ||
      known.confidence > FL_ABSENT_MODEL_AWARE_AVERAGE) {
    return FL_ERROR_ARGUMENT;
  }
  const int64_t n = boxes->n;
  if (n_models < 0 || (n_models > 0 && weights == nullptr)) return FL_ERROR_ARGUMENT;
  if (!std::all_of(weights, weights + n_models,
                   [](double w) { return w > 0 && std::isfinite(w); })) {
    return FL_ERROR_ARGUMENT;
  }
  if (n > 0 && (models == nullptr || out_boxes == nullptr || out_scores == nullptr ||
                out_classes == nullptr)) {
    return FL_ERROR_ARGUMENT;
  }
  if (!std::all_of(models, models + n, [&](int64_t m) { return m >= 0 && m < n_models; })) {
    return FL_ERROR_ARGUMENT;
  }
  if (!std::all_of(scores, scores + n, [](double s) { return s >= 0 && std::isfinite(s); })) {
    return FL_ERROR_ARGUMENT;
  }
  return guarded([&] {
    const std::vector<double> rows = corners_of(*boxes);
    const auto out = fl::weighted_boxes_fusion(
        {rows.data(), scores, classes, models, n, weights, n_models},
        {fl::Overlap::iou, known.iou_threshold, known.skip_threshold,
         static_cast<fl::Confidence>(known.confidence), known.allows_overflow != 0});
    *fused = static_cast<int64_t>(out.size());
    for (size_t k = 0; k < out.size(); ++k) {
      std::copy_n(out[k].box, 4, out_boxes + 4 * k);
      out_scores[k] = out[k].score;
      out_classes[k] = out[k].label;
    }
    return FL_OK;
  });
}

fl_status fl_match_coco(const fl_match_input* input, int64_t* prediction_match,
                        uint8_t* prediction_ignored, int64_t* label_match) {
  fl_match_input known;
  const fl_status read = fl::read_options(input, fl_match_input{}, &known);
  if (read != FL_OK) return read;
  const fl_match_input* in = &known;
  const fl_status predictions = check_ranking(in->predictions, in->scores);
  if (predictions != FL_OK) return predictions;
  const fl_status labels = check_view(in->labels);
  if (labels != FL_OK) return labels;
  const int64_t n = in->predictions->n;
  const int64_t m = in->labels->n;
  if (in->predictions->format != in->labels->format || in->labels->format == FL_CXCYWH) {
    return FL_ERROR_ARGUMENT;
  }
  if (!check_offsets(in->prediction_offsets, in->images) ||
      !check_offsets(in->label_offsets, in->images) || in->prediction_offsets[in->images] != n ||
      in->label_offsets[in->images] != m) {
    return FL_ERROR_ARGUMENT;
  }
  if ((in->prediction_classes == nullptr) != (in->label_classes == nullptr) && n > 0 && m > 0) {
    return FL_ERROR_ARGUMENT;
  }
  if (in->n_thresholds < 0 || (in->n_thresholds > 0 && in->thresholds == nullptr) ||
      !std::all_of(in->thresholds, in->thresholds + in->n_thresholds, is_rate) ||
      in->max_predictions < 0) {
    return FL_ERROR_ARGUMENT;
  }
  int64_t cells = 0;
  if (!fl::checked_mul(std::max(n, m), in->n_thresholds, &cells)) return FL_ERROR_OVERFLOW;
  if (in->n_thresholds > 0 &&
      ((n > 0 && (prediction_match == nullptr || prediction_ignored == nullptr)) ||
       (m > 0 && label_match == nullptr))) {
    return FL_ERROR_ARGUMENT;
  }
  return guarded([&] {
    const std::vector<double> p = numbers_of(*in->predictions);
    const std::vector<double> g = numbers_of(*in->labels);
    fl::match_coco({{p.data(), in->prediction_offsets, in->prediction_classes},
                    in->scores,
                    {g.data(), in->label_offsets, in->label_classes},
                    in->crowd,
                    in->ignore,
                    in->images,
                    in->thresholds,
                    in->n_thresholds,
                    in->max_predictions,
                    in->labels->format == FL_XYWH,
                    prediction_match,
                    prediction_ignored,
                    label_match});
    return FL_OK;
  });
}

fl_status fl_obb_iou(const double* a, int64_t n, const double* b, int64_t m, double* out) {
  int64_t cells = 0;
  if (n < 0 || m < 0) return FL_ERROR_ARGUMENT;
  if (!fl::checked_mul(n, m, &cells)) return FL_ERROR_OVERFLOW;
  if (cells > 0 && (a == nullptr || b == nullptr || out == nullptr)) return FL_ERROR_ARGUMENT;
  if (cells == 0) return FL_OK;
  return guarded([&] {
    fl::oriented_iou_matrix(a, n, b, m, out);
    return FL_OK;
  });
}

fl_status fl_obb_iou_aligned(const double* a, const double* b, int64_t n, double* out) {
  const fl_status status = check_oriented(a, n, out);
  if (status != FL_OK) return status;
  if (n > 0 && b == nullptr) return FL_ERROR_ARGUMENT;
  fl::oriented_iou_aligned(a, b, n, out);
  return FL_OK;
}

fl_status fl_obb_nms(const double* boxes, const double* scores, const int64_t* classes, int64_t n,
                     double iou_threshold, int64_t* keep, int64_t* kept) {
  if (n < 0 || kept == nullptr || !is_rate(iou_threshold)) return FL_ERROR_ARGUMENT;
  if (n >= kMostRows) return FL_ERROR_OVERFLOW;
  if (n > 0 && (boxes == nullptr || keep == nullptr)) return FL_ERROR_ARGUMENT;
  if (!ranked(scores, n)) return FL_ERROR_ARGUMENT;
  return guarded([&] {
    hand_over(fl::oriented_nms(boxes, scores, classes, n, iou_threshold), keep, kept);
    return FL_OK;
  });
}

fl_status fl_obb_to_corners(const double* boxes, int64_t n, double* out) {
  const fl_status status = check_oriented(boxes, n, out);
  if (status == FL_OK) fl::oriented_to_corners(boxes, n, out);
  return status;
}

fl_status fl_obb_from_corners(const double* corners, int64_t n, double* out) {
  const fl_status status = check_oriented(corners, n, out);
  if (status == FL_OK) fl::corners_to_oriented(corners, n, out);
  return status;
}

}  // extern "C"
