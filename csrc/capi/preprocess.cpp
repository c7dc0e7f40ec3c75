// fastlabel.h: resizing, and pictures to a network's input, with memory of their own.
#include <algorithm>
#include <cstring>
#include <memory>
#include <vector>

#include "capi/common.h"
#include "capi/letterbox_call.h"
#include "core/threads.h"

using fl::Axis;
using fl::Extent;
using fl::guarded;
using fl::LetterboxCall;

namespace {

using Memory = std::unique_ptr<uint8_t[]>;

// Memory that is not written before it is used.
Memory memory_of(uint64_t size) {
  if (size > SIZE_MAX / 2) throw std::bad_alloc();
  return Memory(new uint8_t[static_cast<size_t>(size)]);
}

fl_status check_image(const fl_image* image, Extent* extent) noexcept {
  if (image == nullptr || image->data == nullptr) return FL_ERROR_ARGUMENT;
  const int32_t channels = image->channels;
  if (channels != 1 && channels != 3 && channels != 4) return FL_ERROR_ARGUMENT;
  if (!fl::side(image->width) || !fl::side(image->height)) return FL_ERROR_ARGUMENT;
  if (image->width > INT32_MAX / channels) return FL_ERROR_OVERFLOW;
  const Axis axes[3] = {{image->width, image->pixel_stride},
                        {image->height, image->row_stride},
                        {channels, image->channel_stride}};
  return fl::extent_of(axes, 1, extent);
}

// Whether the order of a colour picture is known, where the output depends on it.
bool ordered(const fl_image& image, const LetterboxCall& call) noexcept {
  const bool matters = call.options.order != 0 || call.channels == 1;
  if (image.channels == 1 || !matters) return true;
  if (image.channels == 3) return image.order == FL_BGR || image.order == FL_RGB;
  return image.order == FL_BGRA || image.order == FL_RGBA;
}

// A picture against the output, and its place.
fl_status admit(const fl_image* image, const LetterboxCall& call, int32_t channels,
                const uint8_t* out, fl_placement* at) noexcept {
  Extent extent;
  const fl_status status = check_image(image, &extent);
  if (status != FL_OK) return status;
  if (image->channels != channels || !ordered(*image, call) ||
      fl::overlap(image->data, extent, out, call.out)) {
    return FL_ERROR_ARGUMENT;
  }
  return call.admit(image->width, image->height, at);
}

fl_status admit(const fl_frame* frame, const LetterboxCall& call, int32_t channels,
                const uint8_t* out, fl_placement* at) noexcept {
  Extent planes[2];
  const fl_status status = fl::check_frame(frame, true, planes);
  if (status != FL_OK) return status;
  const bool alike = call.options.channels != 0 || fl::channels_of(*frame) == channels;
  if (!alike) return FL_ERROR_ARGUMENT;
  if (call.options.swap_rb != 0 && fl::channels_of(*frame) == 1) return FL_ERROR_ARGUMENT;
  for (int k = 0; k < 2; ++k) {
    if (planes[k].high > planes[k].low &&
        fl::overlap(frame->planes[k], planes[k], out, call.out)) {
      return FL_ERROR_ARGUMENT;
    }
  }
  const fl_window window = fl::window_of(*frame);
  return call.admit(window.width, window.height, at);
}

// Input i of n pictures or frames goes to out + i * image_stride; all are checked before the first
// byte is written.
template <typename Source>
fl_status write_batch(const Source* sources, int64_t n, int32_t channels, LetterboxCall* call,
                      int32_t workers, uint8_t* out, int64_t image_stride,
                      fl_placement* placements) noexcept {
  // From here on the extent is that of the whole batch.
  int64_t reach = 0;
  if (!fl::checked_mul(n - 1, image_stride, &reach)) return FL_ERROR_OVERFLOW;
  int64_t* end = reach < 0 ? &call->out.low : &call->out.high;
  if (!fl::checked_add(*end, reach, end)) return FL_ERROR_OVERFLOW;
  if (n > 1 && image_stride == 0) return FL_ERROR_ARGUMENT;
  return guarded([&] {
    std::vector<fl_placement> places(static_cast<size_t>(n));
    for (int64_t i = 0; i < n; ++i) {
      const fl_status status =
          admit(&sources[i], *call, channels, out, &places[static_cast<size_t>(i)]);
      if (status != FL_OK) return status;
    }
    const auto write = [&](int64_t i, int64_t) {
      const fl::Picture picture = fl::view_of(sources[i], call->options.channels);
      const fl_placement& at = places[static_cast<size_t>(i)];
      const Memory work = memory_of(fl::letterbox_work(picture, at, *call));
      fl::run_letterbox(picture, at, *call, out + i * image_stride, work.get());
    };
    fl::share_out(n, 1, workers, [&] { return write; });
    if (placements != nullptr) std::copy(places.begin(), places.end(), placements);
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
  if (out == nullptr || !fl::side(width) || !fl::side(height)) return FL_ERROR_ARGUMENT;
  const int32_t channels = image->channels;
  if (width > INT32_MAX / channels) return FL_ERROR_OVERFLOW;
  const Axis axes[3] = {{width, pixel_stride}, {height, row_stride}, {channels, channel_stride}};
  if (!fl::steps(axes)) return FL_ERROR_ARGUMENT;
  Extent written;
  const fl_status reach = fl::extent_of(axes, 1, &written);
  if (reach != FL_OK) return reach;
  if (fl::overlap(image->data, in, out, written)) return FL_ERROR_ARGUMENT;
  if (!fl::area_fits(image->width, image->height, width, height)) return FL_ERROR_OVERFLOW;
  const bool packed = (channels == 1 || channel_stride == 1) && pixel_stride == channels;
  return guarded([&] {
    const fl::Picture picture = fl::view_of(*image, 0);
    fl::Arena measure;
    const fl::AreaResizer measured(picture, width, height, &measure);
    const Memory work = memory_of(measure.size());
    fl::Arena arena(work.get());
    fl::AreaResizer resizer(picture, width, height, &arena);
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
  LetterboxCall call;
  const fl_status ready = call.prepare(options, channels, strides);
  if (ready != FL_OK) return fl::as_before(ready);
  return write_batch(images, n, channels, &call, workers, static_cast<uint8_t*>(out), image_stride,
                     placements);
}

fl_status fl_letterbox_frame(const fl_frame* frame, const fl_letterbox_options* options, void* out,
                             const int64_t strides[3], fl_placement* placement) {
  return fl_letterbox_frame_batch(frame, 1, options, 1, out, 0, strides, placement);
}

fl_status fl_letterbox_frame_batch(const fl_frame* frames, int64_t n,
                                   const fl_letterbox_options* options, int32_t workers, void* out,
                                   int64_t image_stride, const int64_t strides[3],
                                   fl_placement* placements) {
  if (n < 0 || workers < 0) return FL_ERROR_ARGUMENT;
  if (n == 0) return FL_OK;
  if (frames == nullptr || out == nullptr) return FL_ERROR_ARGUMENT;
  Extent planes[2];
  const fl_status seen = fl::check_frame(&frames[0], true, planes);
  if (seen != FL_OK) return seen;
  const int32_t channels = fl::channels_of(frames[0]);
  LetterboxCall call;
  const fl_status ready = call.prepare(options, channels, strides);
  if (ready != FL_OK) return ready;
  return write_batch(frames, n, channels, &call, workers, static_cast<uint8_t*>(out), image_stride,
                     placements);
}

}  // extern "C"
