// fastlabel.h: labels beside the predictions of a model.
#include "geometry/pairing.h"

#include <algorithm>

#include "capi/common.h"

namespace {

constexpr fl_pairing_options kPairing = {
    sizeof(fl_pairing_options), 0.1, 0.5, 0.3, 0.8, 0, 0};
constexpr int64_t kMostInImage = INT64_C(1) << 31;
constexpr int32_t kMostWorkers = 1024;

bool is_rate(double value) noexcept { return value > 0 && value <= 1; }

bool sound(const fl_pairing_options& o) noexcept {
  return is_rate(o.near_iou) && is_rate(o.placed_iou) && o.same >= 0 && o.same <= 1 &&
         is_rate(o.inside) && o.workers >= 0 && o.workers <= kMostWorkers && o.reserved == 0;
}

// Rows of an image are counted in 32 bits.
bool is_ragged(const int64_t* offsets, int64_t images) noexcept {
  if (!fl::check_offsets(offsets, images)) return false;
  for (int64_t g = 0; g < images; ++g) {
    if (offsets[g + 1] - offsets[g] >= kMostInImage) return false;
  }
  return true;
}

bool has_room(const fl_pairing_result& r, int64_t labels, int64_t predictions) noexcept {
  if (labels > 0 && (r.own == nullptr || r.own_iou == nullptr || r.same_score == nullptr ||
                     r.other == nullptr || r.other_score == nullptr || r.parts == nullptr)) {
    return false;
  }
  return predictions == 0 ||
         (r.label != nullptr && r.agrees != nullptr && r.iou != nullptr && r.touch != nullptr &&
          r.inside != nullptr && r.higher != nullptr && r.wholes != nullptr);
}

}  // namespace

extern "C" {

fl_status fl_pairing_options_init(fl_pairing_options* options, size_t struct_size) {
  return fl::init_options(options, struct_size, kPairing);
}

fl_status fl_pair_predictions(const fl_pairing_input* input, const fl_pairing_options* options,
                              const fl_pairing_result* result) {
  fl_pairing_input in;
  fl_pairing_options o;
  fl_status status = fl::read_options(input, fl_pairing_input{}, &in);
  if (status == FL_OK) status = fl::read_options(options, kPairing, &o);
  if (status != FL_OK) return status;
  // It is written to, so that it must be of this library's size.
  if (result == nullptr || result->struct_size != sizeof *result) return FL_ERROR_ARGUMENT;
  if (!sound(o) || in.n_images < 0 || !is_ragged(in.label_offsets, in.n_images) ||
      !is_ragged(in.prediction_offsets, in.n_images)) {
    return FL_ERROR_ARGUMENT;
  }
  const int64_t n = in.label_offsets[in.n_images];
  const int64_t m = in.prediction_offsets[in.n_images];
  if (n > 0 && (in.labels == nullptr || in.label_classes == nullptr)) return FL_ERROR_ARGUMENT;
  if (m > 0 && (in.predictions == nullptr || in.prediction_classes == nullptr ||
                in.scores == nullptr)) {
    return FL_ERROR_ARGUMENT;
  }
  if (!std::all_of(in.scores, in.scores + m, [](double s) { return s >= 0 && s <= 1; })) {
    return FL_ERROR_ARGUMENT;
  }
  const fl_pairing_result& r = *result;
  if (!has_room(r, n, m)) return FL_ERROR_ARGUMENT;
  return fl::guarded([&] {
    fl::pair_predictions({in.labels, in.label_classes, in.label_offsets},
                         {in.predictions, in.prediction_classes, in.prediction_offsets},
                         in.scores, in.n_images, {o.near_iou, o.placed_iou, o.same, o.inside},
                         o.workers,
                         {r.own, r.own_iou, r.same_score, r.other, r.other_score, r.parts, r.label,
                          r.agrees, r.iou, r.touch, r.inside, r.higher, r.wholes});
    return FL_OK;
  });
}

}  // extern "C"
