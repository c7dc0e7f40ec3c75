// fastlabel.h: a gate's measures in floating point. The gate itself is csrc/pixels/gate.c.
#include "capi/common.h"
#include "pixels/finish.h"

extern "C" {

fl_status fl_gate_measure(const fl_gate_result* result, fl_gate_measures* measures) {
  if (result == nullptr || measures == nullptr) return FL_ERROR_ARGUMENT;
  if (result->pixels < 1 || result->share_pixels < 1) return FL_ERROR_ARGUMENT;
  *measures = {};
  const auto pixels = static_cast<double>(result->pixels);
  const auto shared = static_cast<double>(result->share_pixels);
  fl::RowSums sums;
  sums.lap = result->laplacian_sum;
  sums.lap2 = result->laplacian_squares;
  sums.grad2 = result->gradient_squares;
  const double sigma = fl::noise_sigma(result->noise_response);
  const fl::Detail d = fl::detail(sums, result->pixels, sigma);
  measures->luma_mean = static_cast<double>(result->luma_sum) / pixels;
  measures->dark_fraction = static_cast<double>(result->dark_pixels) / shared;
  measures->bright_fraction = static_cast<double>(result->bright_pixels) / shared;
  measures->laplacian_variance = d.variance;
  measures->noise_sigma = sigma;
  measures->sharpness = d.sharpness;
  measures->acutance = d.acutance;
  measures->has_acutance = d.has_acutance ? 1 : 0;
  return FL_OK;
}

}  // extern "C"
