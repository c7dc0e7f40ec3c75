#include "capi/letterbox_call.h"

namespace fl {

namespace {

bool finite(float x) noexcept { return x - x == 0; }

bool flag(int32_t value) noexcept { return value == 0 || value == 1; }

fl_status check_numbers(const fl_letterbox_options& o) noexcept {
  if (!finite(o.scale) || o.scale == 0) return FL_ERROR_SCALE;
  for (int c = 0; c < 4; ++c) {
    if (!finite(o.mean[c])) return FL_ERROR_ARGUMENT;
    if (!finite(o.std[c]) || !(o.std[c] > 0)) return FL_ERROR_SCALE;
  }
  if (!finite(o.quant_scale) || !(o.quant_scale > 0)) return FL_ERROR_SCALE;
  const int32_t low = o.dtype == FL_INT8 ? -128 : 0;
  return o.zero_point < low || o.zero_point > low + 255 ? FL_ERROR_ARGUMENT : FL_OK;
}

// Bytes of a row of a plane, and how many rows it has; 0 rows: the format has no such plane.
struct Plane {
  int64_t row, rows;
};

Plane plane_of(const fl_frame& f, int index) noexcept {
  const bool chroma = f.format == FL_FRAME_NV12 || f.format == FL_FRAME_NV21;
  if (index == 1) return chroma ? Plane{f.width, f.height / 2} : Plane{0, 0};
  const int64_t pixel =
      f.format == FL_FRAME_YUYV ? 2 : f.format == FL_FRAME_RGB || f.format == FL_FRAME_BGR ? 3 : 1;
  return {f.width * pixel, f.height};
}

fl_status check_sizes(const fl_frame& f) noexcept {
  if (!side(f.width) || !side(f.height)) return FL_ERROR_SIZE;
  const bool square = f.format == FL_FRAME_NV12 || f.format == FL_FRAME_NV21;
  if ((square || f.format == FL_FRAME_YUYV) && f.width % 2 != 0) return FL_ERROR_SIZE;
  if (square && f.height % 2 != 0) return FL_ERROR_SIZE;
  return f.width > INT32_MAX / 3 ? FL_ERROR_OVERFLOW : FL_OK;
}

fl_status check_window(const fl_frame& f) noexcept {
  const fl_window w = window_of(f);
  const bool inside = w.x >= 0 && w.y >= 0 && w.width >= 1 && w.height >= 1 &&
                      w.width <= f.width && w.height <= f.height && w.x <= f.width - w.width &&
                      w.y <= f.height - w.height;
  return inside ? FL_OK : FL_ERROR_WINDOW;
}

}  // namespace

fl_status extent_of(const Axis (&axes)[3], int64_t element, Extent* out) noexcept {
  Extent e{0, element};
  for (const Axis& axis : axes) {
    int64_t reach = 0;
    if (!checked_mul(axis.length - 1, axis.stride, &reach)) return FL_ERROR_OVERFLOW;
    int64_t* end = reach < 0 ? &e.low : &e.high;
    if (!checked_add(*end, reach, end)) return FL_ERROR_OVERFLOW;
  }
  // More than this machine can address.
  if (e.high > PTRDIFF_MAX || e.low < -PTRDIFF_MAX) return FL_ERROR_OVERFLOW;
  *out = e;
  return FL_OK;
}

// No address is past 2^63; where a sum would be, the limit compares as the sum does.
bool overlap(const void* a, const Extent& x, const void* b, const Extent& y) noexcept {
  const auto from = [](const void* p, int64_t shift) {
    const auto address = static_cast<int64_t>(reinterpret_cast<uintptr_t>(p));
    int64_t sum = 0;
    if (checked_add(address, shift, &sum)) return sum;
    return shift < 0 ? INT64_MIN : INT64_MAX;
  };
  return from(a, x.low) < from(b, y.high) && from(b, y.low) < from(a, x.high);
}

bool steps(const Axis (&axes)[3]) noexcept {
  for (const Axis& axis : axes) {
    if (axis.length > 1 && axis.stride == 0) return false;
  }
  return true;
}

fl_letterbox_options default_letterbox_options() noexcept {
  fl_letterbox_options o = {};
  o.struct_size = sizeof o;
  o.width = o.height = 640;
  o.dtype = FL_FLOAT32;
  o.center = o.scale_up = 1;
  for (uint8_t& level : o.color) level = 114;
  o.scale = 1.0F / 255.0F;
  for (float& std : o.std) std = 1.0F;
  o.quant_scale = 1.0F;
  return o;
}

fl_status read_letterbox_options(const fl_letterbox_options* given,
                                 fl_letterbox_options* out) noexcept {
  if (read_options(given, default_letterbox_options(), out) != FL_OK) return FL_ERROR_ARGUMENT;
  const fl_letterbox_options& o = *out;
  if (!side(o.width) || !side(o.height)) return FL_ERROR_SIZE;
  const bool known = (o.interpolation == FL_LINEAR || o.interpolation == FL_AREA) &&
                     (o.layout == FL_NCHW || o.layout == FL_NHWC) && element_size(o.dtype) != 0 &&
                     flag(o.swap_rb) && flag(o.center) && flag(o.scale_up) && flag(o.stretch) &&
                     flag(o.quantize) &&
                     (o.channels == 0 || o.channels == 1 || o.channels == 3) &&
                     (o.order == 0 || o.order == FL_BGR || o.order == FL_RGB) &&
                     (o.order == 0 || o.swap_rb == 0);
  return known ? check_numbers(o) : FL_ERROR_ARGUMENT;
}

fl_status LetterboxCall::prepare(const fl_letterbox_options* given, int32_t picture_channels,
                                 const int64_t* given_strides) noexcept {
  const fl_status status = read_letterbox_options(given, &options);
  if (status != FL_OK) return status;
  const fl_letterbox_options& o = options;
  channels = o.channels == 0 ? picture_channels : o.channels;
  if (o.swap_rb != 0 && (channels == 1 || picture_channels == 1)) return FL_ERROR_ARGUMENT;
  if (o.width > INT32_MAX / channels) return FL_ERROR_OVERFLOW;
  const int64_t element = element_size(o.dtype);
  int64_t plane = 0;
  int64_t size = 0;
  if (!checked_mul(o.width * element, o.height, &plane) || !checked_mul(plane, channels, &size)) {
    return FL_ERROR_OVERFLOW;
  }
  const int64_t nchw[3] = {plane, o.width * element, element};
  const int64_t nhwc[3] = {element, o.width * channels * element, channels * element};
  const int64_t* own = o.layout == FL_NCHW ? nchw : nhwc;
  for (int k = 0; k < 3; ++k) strides[k] = given_strides == nullptr ? own[k] : given_strides[k];
  const Axis axes[3] = {{channels, strides[0]}, {o.height, strides[1]}, {o.width, strides[2]}};
  if (!steps(axes)) return FL_ERROR_ARGUMENT;
  return extent_of(axes, element, &out);
}

fl_status LetterboxCall::admit(int64_t width, int64_t height, fl_placement* at) const noexcept {
  const fl_placement p = place(width, height, options);
  const bool fits = options.interpolation == FL_LINEAR ||
                    area_fits(width, height, p.width, p.height);
  if (fits) *at = p;
  return fits ? FL_OK : FL_ERROR_OVERFLOW;
}

fl_status check_frame(const fl_frame* frame, bool with_planes, Extent planes[2]) noexcept {
  if (frame == nullptr || frame->format < FL_FRAME_GRAY || frame->format > FL_FRAME_YUYV ||
      frame->matrix < FL_BT601 || frame->matrix > FL_BT709 || frame->range < FL_LIMITED_RANGE ||
      frame->range > FL_FULL_RANGE || frame->reserved != 0) {
    return FL_ERROR_ARGUMENT;
  }
  const fl_status sizes = check_sizes(*frame);
  if (sizes != FL_OK) return sizes;
  for (int k = 0; k < 2; ++k) {
    planes[k] = {};
    const Plane plane = plane_of(*frame, k);
    if (plane.rows == 0) continue;
    const int64_t stride = frame->strides[k];
    if (stride > -plane.row && stride < plane.row) return FL_ERROR_STRIDE;
    const Axis axes[3] = {{plane.row, 1}, {plane.rows, stride}, {1, 0}};
    const fl_status extent = extent_of(axes, 1, &planes[k]);
    if (extent != FL_OK) return extent;
    int64_t length = 0;
    if (!checked_add(planes[k].high, 0 - planes[k].low, &length)) return FL_ERROR_OVERFLOW;
    if (with_planes && frame->planes[k] == nullptr) return FL_ERROR_ARGUMENT;
  }
  return check_window(*frame);
}

uint64_t letterbox_work(const Picture& picture, const fl_placement& at,
                        const LetterboxCall& call) noexcept {
  Arena measure;
  const Letterbox box(picture, at, call.options, call.channels, &measure);
  return measure.size();
}

void run_letterbox(const Picture& picture, const fl_placement& at, const LetterboxCall& call,
                   uint8_t* out, void* work) noexcept {
  Arena arena(work);
  Letterbox box(picture, at, call.options, call.channels, &arena);
  box.write(out, call.strides);
}

}  // namespace fl
