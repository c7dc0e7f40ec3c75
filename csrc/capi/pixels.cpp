// fastlabel.h: pixel statistics and hashes.
#include <algorithm>
#include <cstring>
#include <limits>
#include <vector>

#include "capi/common.h"
#include "pixels/colour.h"
#include "pixels/content_hash.h"
#include "pixels/finish.h"
#include "pixels/luma_stats.h"
#include "pixels/plane_stats.h"
#include "pixels/profile_match.h"

using fl::guarded;

namespace {

fl_status check_plane(const uint8_t* luma, int64_t width, int64_t height, int64_t stride) noexcept {
  int64_t bytes = 0;
  if (luma == nullptr || width < 1 || height < 1 || stride < width) return FL_ERROR_ARGUMENT;
  if (width > INT32_MAX || height > INT32_MAX) return FL_ERROR_ARGUMENT;
  return fl::checked_mul(stride, height, &bytes) ? FL_OK : FL_ERROR_OVERFLOW;
}

fl_image image_of(const uint8_t* luma, int64_t width, int64_t height, int64_t stride) noexcept {
  return {luma, width, height, stride, 1, 1, 1, FL_GRAY};
}

void measure(const fl::LumaRows& rows, const std::vector<fl::PixelBox>& boxes,
             fl::LumaStats* measured, fl_luma_stats* stats, fl_box_row* box_rows) {
  measured->begin(rows.width(), rows.height(), boxes);
  for (int64_t y = 0; y < rows.height();) {
    uint8_t* to[fl::LumaStats::kMaxRows];
    const int64_t n = measured->next_rows(to);
    for (int64_t k = 0; k < n; ++k) rows.copy(0, y + k, rows.width(), to[k]);
    measured->commit(n);
    y += n;
  }
  measured->finish(stats, box_rows);
}

double number(const fl_boxes& b, int64_t i, int64_t k) noexcept {
  const auto* at = static_cast<const char*>(b.data) + i * b.row_stride + k * b.column_stride;
  if (b.dtype == FL_FLOAT32) {
    float value;
    std::memcpy(&value, at, sizeof value);
    return static_cast<double>(value);
  }
  double value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

fl::PixelBox pixels_of(const fl_boxes& b, int64_t i, const fl_image& image) noexcept {
  double v[4];
  for (int64_t k = 0; k < 4; ++k) v[k] = number(b, i, k);
  if (b.format != FL_XYXY) {
    const double before = b.format == FL_CXCYWH ? 0.5 : 0.0;
    for (int k = 0; k < 2; ++k) {
      v[k] -= before * v[k + 2];
      v[k + 2] += v[k];
    }
  }
  return fl::pixel_box(v, image.width, image.height);
}

fl::PixelBox whole(const fl_image& image) noexcept {
  return {0, 0, static_cast<int32_t>(image.width), static_cast<int32_t>(image.height)};
}

// Runs body(part, index) on the whole picture, or on each box; parts without a pixel are empty.
template <typename Body>
void each_part(const fl_image& image, const fl_boxes* boxes, Body body) {
  if (boxes == nullptr) {
    body(whole(image), 0);
    return;
  }
  for (int64_t i = 0; i < boxes->n; ++i) body(pixels_of(*boxes, i, image), i);
}

fl_status check_both(const fl_image* image, const fl_boxes* boxes, const void* out) noexcept {
  const fl_status picture = fl::check_image(image);
  if (picture != FL_OK) return picture;
  // Null boxes are fine, and mean the whole picture.
  const fl_status there = boxes == nullptr ? FL_OK : fl::check_boxes(boxes);
  if (there != FL_OK) return there;
  const bool nothing = boxes != nullptr && boxes->n == 0;
  return out != nullptr || nothing ? FL_OK : FL_ERROR_ARGUMENT;
}

}  // namespace

extern "C" {

fl_status fl_laplacian_variance(const uint8_t* luma, int64_t width, int64_t height,
                                int64_t stride_bytes, double* out) {
  const fl_status plane = check_plane(luma, width, height, stride_bytes);
  if (plane != FL_OK) return plane;
  const fl_image image = image_of(luma, width, height, stride_bytes);
  return fl_image_laplacian_variance(&image, nullptr, out);
}

fl_status fl_image_laplacian_variance(const fl_image* image, const fl_boxes* boxes, double* out) {
  const fl_status arguments = check_both(image, boxes, out);
  if (arguments != FL_OK) return arguments;
  return guarded([&] {
    const fl::LumaRows rows(*image);
    each_part(*image, boxes, [&](const fl::PixelBox& part, int64_t i) {
      out[i] = part.x1 > part.x0 ? fl::laplacian_variance(rows, part)
                                 : std::numeric_limits<double>::quiet_NaN();
    });
    return FL_OK;
  });
}

fl_status fl_luma_histogram(const fl_image* image, const fl_boxes* boxes, uint64_t* counts) {
  const fl_status arguments = check_both(image, boxes, counts);
  if (arguments != FL_OK) return arguments;
  return guarded([&] {
    const fl::LumaRows rows(*image);
    each_part(*image, boxes, [&](const fl::PixelBox& part, int64_t i) {
      uint64_t* to = counts + 256 * i;
      std::fill(to, to + 256, uint64_t{0});
      if (part.x1 > part.x0) fl::luma_histogram(rows, part, to);
    });
    return FL_OK;
  });
}

fl_status fl_histogram_entropy(const uint64_t* counts, int64_t n, double* out) {
  if (n < 0 || (n > 0 && (counts == nullptr || out == nullptr))) return FL_ERROR_ARGUMENT;
  for (int64_t i = 0; i < n; ++i) out[i] = fl::histogram_entropy(counts + 256 * i);
  return FL_OK;
}

fl_status fl_luma(const fl_image* image, uint8_t* out, int64_t row_stride) {
  const fl_status picture = fl::check_image(image);
  if (picture != FL_OK) return picture;
  const fl_status plane = check_plane(out, image->width, image->height, row_stride);
  if (plane != FL_OK) return plane;
  const fl_status ready = fl::init_tier();
  if (ready != FL_OK) return ready;
  const fl::LumaRows rows(*image);
  for (int64_t y = 0; y < image->height; ++y) {
    rows.copy(0, y, image->width, out + y * row_stride);
  }
  return FL_OK;
}

fl_status fl_image_stats(const fl_image* image, const fl_boxes* boxes, int32_t every_row,
                         fl_luma_stats* stats, fl_box_row* box_rows) {
  const fl_status arguments = check_both(image, boxes, stats);
  if (arguments != FL_OK) return arguments;
  if (stats == nullptr) return FL_ERROR_ARGUMENT;
  const int64_t n = boxes == nullptr ? 0 : boxes->n;
  if (n > INT32_MAX || (n > 0 && box_rows == nullptr)) return FL_ERROR_ARGUMENT;
  return guarded([&] {
    std::vector<fl::PixelBox> parts;
    for (int64_t i = 0; i < n; ++i) parts.push_back(pixels_of(*boxes, i, *image));
    fl::LumaStats measured;
    if (every_row != 0) measured.sample_all_rows();
    measure(fl::LumaRows(*image), parts, &measured, stats, box_rows);
    return FL_OK;
  });
}

fl_status fl_measure_luma(const uint8_t* luma, int64_t width, int64_t height,
                          int64_t stride_bytes, const double* boxes, int64_t n_boxes,
                          int32_t orientation, int32_t turned, int32_t rings,
                          fl_luma_stats* stats, fl_box_row* box_rows) {
  const fl_status plane = check_plane(luma, width, height, stride_bytes);
  if (plane != FL_OK) return plane;
  if (stats == nullptr || n_boxes < 0 || n_boxes > INT32_MAX) return FL_ERROR_ARGUMENT;
  if (n_boxes > 0 && (boxes == nullptr || box_rows == nullptr)) return FL_ERROR_ARGUMENT;
  if (orientation < 1 || orientation > 8) return FL_ERROR_ARGUMENT;
  return guarded([&] {
    std::vector<fl::PixelBox> mapped;
    for (int64_t i = 0; i < n_boxes; ++i) {
      double stored[4];
      fl::unturn_box(turned != 0 ? orientation : 1, static_cast<double>(width),
                     static_cast<double>(height), boxes + 4 * i, stored);
      mapped.push_back(fl::pixel_box(stored, width, height));
    }
    fl::LumaStats measured;
    measured.measure_rings(rings != 0);
    measure(fl::LumaRows(image_of(luma, width, height, stride_bytes)), mapped, &measured, stats,
            box_rows);
    return FL_OK;
  });
}

fl_status fl_compare_profiles(const uint8_t* profiles, int64_t n_profiles, const int64_t* rows,
                              int64_t n, const uint8_t* templates, int32_t workers, double* gain,
                              int8_t* moves, double* likeness) {
  if (n_profiles < 0 || n < 0 || workers < 0 || templates == nullptr) return FL_ERROR_ARGUMENT;
  if (n_profiles > 0 && profiles == nullptr) return FL_ERROR_ARGUMENT;
  if (n > 0 && (rows == nullptr || gain == nullptr || moves == nullptr || likeness == nullptr)) {
    return FL_ERROR_ARGUMENT;
  }
  int64_t bytes = 0;
  if (!fl::checked_mul(n_profiles, 2 * FL_PROFILE_BINS, &bytes) ||
      !fl::checked_mul(n, static_cast<int64_t>(sizeof(double)), &bytes)) {
    return FL_ERROR_OVERFLOW;
  }
  const bool known =
      std::all_of(rows, rows + n, [n_profiles](int64_t r) { return r >= 0 && r < n_profiles; });
  if (!known) return FL_ERROR_ARGUMENT;
  return guarded([&] {
    fl::compare_profiles({profiles, rows, n}, templates, workers, {gain, moves, likeness});
    return FL_OK;
  });
}

fl_status fl_content_hash(const uint8_t* data, uint64_t size, uint8_t out[16]) {
  if ((data == nullptr && size > 0) || out == nullptr) return FL_ERROR_ARGUMENT;
  const fl_status ready = fl::init_tier();
  if (ready == FL_OK) fl::content_hash(data, size, out);
  return ready;
}

}  // extern "C"
