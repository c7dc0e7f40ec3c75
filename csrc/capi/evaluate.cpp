// fastlabel.h: precision and recall of predictions against labels.
#include <algorithm>
#include <cmath>

#include "capi/common.h"
#include "geometry/evaluation.h"

namespace {

constexpr int64_t kMostRows = INT64_C(1) << 31;

bool in_range(const int64_t* values, int64_t n, int64_t end) noexcept {
  return std::all_of(values, values + n, [end](int64_t v) { return v >= 0 && v < end; });
}

fl_status check_rows(const fl::EvaluationRows& rows, int64_t images, int64_t classes) noexcept {
  if (rows.n < 0) return FL_ERROR_ARGUMENT;
  if (rows.n >= kMostRows) return FL_ERROR_OVERFLOW;
  if (rows.n == 0) return FL_OK;
  if (rows.boxes == nullptr || rows.images == nullptr || rows.classes == nullptr) {
    return FL_ERROR_ARGUMENT;
  }
  const bool finite =
      std::all_of(rows.boxes, rows.boxes + 4 * rows.n, [](double v) { return std::isfinite(v); });
  return finite && in_range(rows.images, rows.n, images) && in_range(rows.classes, rows.n, classes)
             ? FL_OK
             : FL_ERROR_ARGUMENT;
}

// From `least` to `most` of them, from 0 to 1, none below the one before it.
bool are_rates(const double* values, int64_t n, int64_t most) noexcept {
  if (n < 1 || n > most || values == nullptr) return false;
  return std::all_of(values, values + n, [](double v) { return v >= 0 && v <= 1; }) &&
         std::is_sorted(values, values + n);
}

fl_status check_choices(const fl::EvaluationJob& job) noexcept {
  if (job.images < 0 || job.classes < 0 || job.workers < 0) return FL_ERROR_ARGUMENT;
  if (job.images >= kMostRows || job.classes >= kMostRows) return FL_ERROR_OVERFLOW;
  if (!are_rates(job.thresholds, job.n_thresholds, fl::kMostThresholds) ||
      !are_rates(job.recalls, job.n_recalls, kMostRows)) {
    return FL_ERROR_ARGUMENT;
  }
  if (job.n_ranges < 1 || job.n_ranges > fl::kMostAreaRanges || job.ranges == nullptr ||
      job.n_limits < 1 || job.n_limits > fl::kMostLimits || job.limits == nullptr) {
    return FL_ERROR_ARGUMENT;
  }
  const bool known = std::none_of(job.ranges, job.ranges + 2 * job.n_ranges,
                                  [](double v) { return std::isnan(v); });
  return known && job.limits[0] >= 1 && std::is_sorted(job.limits, job.limits + job.n_limits)
             ? FL_OK
             : FL_ERROR_ARGUMENT;
}

fl_status check_room(const fl::EvaluationJob& job, const fl_evaluation& out) noexcept {
  int64_t cells = 0;
  int64_t matches = 0;
  const bool fits = fl::checked_mul(job.classes, job.n_ranges * job.n_limits, &cells) &&
                    fl::checked_mul(cells, job.n_thresholds, &cells) &&
                    fl::checked_mul(cells, job.n_recalls, &cells) &&
                    fl::checked_mul(job.predictions.n, job.n_thresholds, &matches);
  if (!fits) return FL_ERROR_OVERFLOW;
  if (cells > 0 && (out.precision == nullptr || out.scores == nullptr || out.recall == nullptr ||
                    out.labels == nullptr)) {
    return FL_ERROR_ARGUMENT;
  }
  return (out.prediction_match == nullptr) == (out.prediction_ignored == nullptr)
             ? FL_OK
             : FL_ERROR_ARGUMENT;
}

}  // namespace

extern "C" {

fl_status fl_evaluate(const fl_evaluation_input* input, fl_evaluation* out) {
  fl_evaluation_input in;
  fl_status status = fl::read_options(input, fl_evaluation_input{}, &in);
  if (status != FL_OK) return status;
  // It is written to, so that it must be of this library's size.
  if (out == nullptr || out->struct_size != sizeof *out) return FL_ERROR_ARGUMENT;
  if (in.format != FL_XYXY && in.format != FL_XYWH) return FL_ERROR_ARGUMENT;
  const fl::EvaluationJob job = {
      {in.prediction_boxes, in.prediction_images, in.prediction_classes, in.n_predictions},
      in.scores,
      {in.label_boxes, in.label_images, in.label_classes, in.n_labels},
      in.label_areas,
      in.crowd,
      in.ignore,
      in.images,
      in.classes,
      in.thresholds,
      in.n_thresholds,
      in.recalls,
      in.n_recalls,
      in.area_ranges,
      in.n_area_ranges,
      in.max_predictions,
      in.n_max_predictions,
      in.format == FL_XYWH,
      in.workers};
  status = check_choices(job);
  if (status == FL_OK) status = check_rows(job.predictions, job.images, job.classes);
  if (status == FL_OK) status = check_rows(job.labels, job.images, job.classes);
  if (status == FL_OK) status = check_room(job, *out);
  if (status != FL_OK) return status;
  if (job.predictions.n > 0 &&
      (in.scores == nullptr || std::any_of(in.scores, in.scores + job.predictions.n,
                                           [](double s) { return std::isnan(s); }))) {
    return FL_ERROR_ARGUMENT;
  }
  return fl::guarded([&] {
    fl::evaluate(job, {out->precision, out->scores, out->recall, out->labels,
                       out->prediction_match, out->prediction_ignored});
    return FL_OK;
  });
}

}  // extern "C"
