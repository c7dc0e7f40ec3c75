// fastlabel.h: resizing, and pictures to a network's input.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "capi/common.h"
#include "core/threads.h"
#include "pixels/letterbox.h"
#include "pixels/resize_area.h"

using fl::guarded;

namespace {

// The bytes that a strided array covers, around its first element: [low, high).
struct Extent {
  int64_t low = 0;
  int64_t high = 0;
};

struct Axis {
  int64_t length, stride;
};

fl_status extent_of(std::initializer_list<Axis> axes, int64_t element, Extent* out) noexcept {
  Extent e{0, element};
  for (const Axis& axis : axes) {
    int64_t reach = 0;
    if (!fl::checked_mul(axis.length - 1, axis.stride, &reach)) return FL_ERROR_OVERFLOW;
    int64_t* end = reach < 0 ? &e.low : &e.high;
    if (!fl::checked_add(*end, reach, end)) return FL_ERROR_OVERFLOW;
  }
  *out = e;
  return FL_OK;
}

bool overlap(const void* a, const Extent& x, const void* b, const Extent& y) noexcept {
  const fl::Reach first = fl::reach_of(a, x.low, x.high);
  const fl::Reach second = fl::reach_of(b, y.low, y.high);
  return first.begin < second.end && second.begin < first.end;
}

bool side(int64_t length) noexcept { return length >= 1 && length <= INT32_MAX; }

fl_status check_image(const fl_image* image, Extent* extent) noexcept {
  if (image == nullptr || image->data == nullptr) return FL_ERROR_ARGUMENT;
  const int32_t channels = image->channels;
  if (channels != 1 && channels != 3 && channels != 4) return FL_ERROR_ARGUMENT;
  if (!side(image->width) || !side(image->height)) return FL_ERROR_ARGUMENT;
  if (image->width > INT32_MAX / channels) return FL_ERROR_OVERFLOW;
  return extent_of({{image->width, image->pixel_stride},
                    {image->height, image->row_stride},
                    {channels, image->channel_stride}},
                   1, extent);
}

// Whether the output's elements can be told apart at all.
bool steps(std::initializer_list<Axis> axes) noexcept {
  return std::all_of(axes.begin(), axes.end(), [](const Axis& axis) {
    return axis.length == 1 || axis.stride != 0;
  });
}

bool flag(int32_t value) noexcept { return value == 0 || value == 1; }

fl_letterbox_options default_options() noexcept {
  fl_letterbox_options o = {};
  o.struct_size = sizeof o;
  o.width = o.height = 640;
  o.dtype = FL_FLOAT32;
  o.center = o.scale_up = 1;
  std::fill(std::begin(o.color), std::end(o.color), uint8_t{114});
  o.scale = 1.0F / 255.0F;
  std::fill(std::begin(o.std), std::end(o.std), 1.0F);
  o.quant_scale = 1.0F;
  return o;
}

bool checked_options(const fl_letterbox_options* given, fl_letterbox_options* out) noexcept {
  if (fl::read_options(given, default_options(), out) != FL_OK) return false;
  const fl_letterbox_options& o = *out;
  if (!side(o.width) || !side(o.height)) return false;
  if (o.interpolation != FL_LINEAR && o.interpolation != FL_AREA) return false;
  if (o.layout != FL_NCHW && o.layout != FL_NHWC) return false;
  if (fl::element_size(o.dtype) == 0) return false;
  if (!flag(o.swap_rb) || !flag(o.center) || !flag(o.scale_up) || !flag(o.stretch) ||
      !flag(o.quantize)) {
    return false;
  }
  if (!std::isfinite(o.scale) || o.scale == 0) return false;
  for (int c = 0; c < 4; ++c) {
    if (!std::isfinite(o.mean[c]) || !std::isfinite(o.std[c]) || !(o.std[c] > 0)) return false;
  }
  const int32_t low = o.dtype == FL_INT8 ? -128 : 0;
  if (o.zero_point < low || o.zero_point > low + 255) return false;
  return std::isfinite(o.quant_scale) && o.quant_scale > 0;
}

// Everything but the pictures that a call needs to know.
struct Call {
  fl_letterbox_options options;
  int64_t strides[3];
  Extent out;
};

fl_status prepare(const fl_letterbox_options* options, int32_t channels, const int64_t* strides,
                  Call* call) noexcept {
  if (!checked_options(options, &call->options)) return FL_ERROR_ARGUMENT;
  const fl_letterbox_options& o = call->options;
  if (o.swap_rb != 0 && channels == 1) return FL_ERROR_ARGUMENT;
  if (o.width > INT32_MAX / channels) return FL_ERROR_OVERFLOW;
  const int64_t element = fl::element_size(o.dtype);
  int64_t plane = 0;
  int64_t size = 0;
  if (!fl::checked_mul(o.width * element, o.height, &plane) ||
      !fl::checked_mul(plane, channels, &size)) {
    return FL_ERROR_OVERFLOW;
  }
  const int64_t nchw[3] = {plane, o.width * element, element};
  const int64_t nhwc[3] = {element, o.width * channels * element, channels * element};
  const int64_t* own = o.layout == FL_NCHW ? nchw : nhwc;
  std::memcpy(call->strides, strides == nullptr ? own : strides, sizeof call->strides);
  const std::initializer_list<Axis> axes = {{channels, call->strides[0]},
                                            {o.height, call->strides[1]},
                                            {o.width, call->strides[2]}};
  if (!steps(axes)) return FL_ERROR_ARGUMENT;
  return extent_of(axes, element, &call->out);
}

// Checks a picture against the output and finds its place.
fl_status admit(const fl_image* image, const Call& call, int32_t channels, const uint8_t* out,
                fl_placement* at) noexcept {
  Extent extent;
  const fl_status status = check_image(image, &extent);
  if (status != FL_OK) return status;
  if (image->channels != channels || overlap(image->data, extent, out, call.out)) {
    return FL_ERROR_ARGUMENT;
  }
  *at = fl::place(image->width, image->height, call.options);
  const bool fits = call.options.interpolation == FL_LINEAR ||
                    fl::area_fits(image->width, image->height, at->width, at->height);
  return fits ? FL_OK : FL_ERROR_OVERFLOW;
}

// Calls body(i) for every i < n, on as many threads as there are, can be had and are useful.
template <typename Body>
fl_status for_each(int64_t n, int32_t workers, Body body) {
  return guarded([&] {
    fl::share_out(n, 1, workers, [&] { return [&](int64_t i, int64_t) { body(i); }; });
    return FL_OK;
  });
}

}  // namespace

extern "C" {

fl_status fl_resize_area(const fl_image* image, int64_t width, int64_t height, uint8_t* out,
                         int64_t row_stride, int64_t pixel_stride, int64_t channel_stride) {
  Extent in;
  const fl_status status = check_image(image, &in);
  if (status != FL_OK) return status;
  if (out == nullptr || !side(width) || !side(height)) return FL_ERROR_ARGUMENT;
  const int32_t channels = image->channels;
  if (width > INT32_MAX / channels) return FL_ERROR_OVERFLOW;
  const std::initializer_list<Axis> axes = {
      {width, pixel_stride}, {height, row_stride}, {channels, channel_stride}};
  if (!steps(axes)) return FL_ERROR_ARGUMENT;
  Extent written;
  const fl_status reach = extent_of(axes, 1, &written);
  if (reach != FL_OK) return reach;
  if (overlap(image->data, in, out, written)) return FL_ERROR_ARGUMENT;
  if (!fl::area_fits(image->width, image->height, width, height)) return FL_ERROR_OVERFLOW;
  const bool packed = (channels == 1 || channel_stride == 1) && pixel_stride == channels;
  return guarded([&] {
    fl::AreaResizer resizer(*image, width, height);
    for (int64_t y = 0; y < height; ++y) {
      const uint8_t* row = resizer.row(y);
      uint8_t* to = out + y * row_stride;
      if (packed) {
        std::memcpy(to, row, static_cast<size_t>(width * channels));
        continue;
      }
      for (int64_t x = 0; x < width; ++x) {
        for (int32_t c = 0; c < channels; ++c) to[x * pixel_stride + c * channel_stride] = *row++;
      }
    }
    return FL_OK;
  });
}

fl_status fl_letterbox_options_init(fl_letterbox_options* options, size_t struct_size) {
  return fl::init_options(options, struct_size, default_options());
}

fl_status fl_letterbox_placement(int64_t image_width, int64_t image_height,
                                 const fl_letterbox_options* options, fl_placement* out) {
  fl_letterbox_options read;
  if (out == nullptr || !checked_options(options, &read)) return FL_ERROR_ARGUMENT;
  if (!side(image_width) || !side(image_height)) return FL_ERROR_ARGUMENT;
  *out = fl::place(image_width, image_height, read);
  return FL_OK;
}

fl_status fl_letterbox(const fl_image* image, const fl_letterbox_options* options, void* out,
                       const int64_t strides[3], fl_placement* placement) {
  return fl_letterbox_batch(image, 1, options, 1, out, 0, strides, placement);
}

fl_status fl_letterbox_batch(const fl_image* images, int64_t n,
                             const fl_letterbox_options* options, int32_t workers, void* out,
                             int64_t image_stride, const int64_t strides[3],
                             fl_placement* placements) {
  if (n < 0 || workers < 0) return FL_ERROR_ARGUMENT;
  if (n == 0) return FL_OK;
  if (images == nullptr || out == nullptr) return FL_ERROR_ARGUMENT;
  const int32_t channels = images[0].channels;
  if (channels != 1 && channels != 3 && channels != 4) return FL_ERROR_ARGUMENT;
  Call call;
  const fl_status ready = prepare(options, channels, strides, &call);
  if (ready != FL_OK) return ready;
  // From here on the extent is that of the whole batch.
  int64_t reach = 0;
  if (!fl::checked_mul(n - 1, image_stride, &reach)) return FL_ERROR_OVERFLOW;
  int64_t* end = reach < 0 ? &call.out.low : &call.out.high;
  if (!fl::checked_add(*end, reach, end)) return FL_ERROR_OVERFLOW;
  if (n > 1 && image_stride == 0) return FL_ERROR_ARGUMENT;
  auto* bytes = static_cast<uint8_t*>(out);
  return guarded([&] {
    std::vector<fl_placement> places(static_cast<size_t>(n));
    for (int64_t i = 0; i < n; ++i) {
      const fl_status status =
          admit(&images[i], call, channels, bytes, &places[static_cast<size_t>(i)]);
      if (status != FL_OK) return status;
    }
    const fl::Letterbox letterbox(call.options, channels);
    const fl_status done = for_each(n, workers, [&](int64_t i) {
      letterbox.write(images[i], places[static_cast<size_t>(i)], bytes + i * image_stride,
                      call.strides);
    });
    if (done == FL_OK && placements != nullptr) std::copy(places.begin(), places.end(), placements);
    return done;
  });
}

}  // extern "C"
