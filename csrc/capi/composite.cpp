// fastlabel.h: pasting.
#include "pixels/composite.h"

#include <algorithm>
#include <cstring>

#include "capi/common.h"
#include "pixels/colour.h"

using fl::guarded;

namespace {

// Positions beyond this cannot meet a picture, and must not overflow.
constexpr int64_t kFar = int64_t{1} << 32;

// Of a picture that passed check_image.
fl::Reach reach_of(const fl_image& i) noexcept {
  const int64_t steps[] = {(i.height - 1) * i.row_stride, (i.width - 1) * i.pixel_stride,
                           (i.channels - 1) * i.channel_stride};
  int64_t low = 0;
  int64_t high = 1;
  for (const int64_t step : steps) {
    int64_t& end = step < 0 ? low : high;
    end = fl::saturating_add(end, step);
  }
  return fl::reach_of(i.data, low, high);
}
bool overlap(const fl_image& a, const fl_image& b) noexcept {
  const fl::Reach first = reach_of(a);
  const fl::Reach second = reach_of(b);
  return first.begin < second.end && second.begin < first.end;
}

// No byte of the scene may be written twice.
bool spread_out(const fl_image& i) noexcept {
  return (i.height == 1 || i.row_stride != 0) && (i.width == 1 || i.pixel_stride != 0) &&
         (i.channels == 1 || i.channel_stride != 0);
}

bool red_first(const fl_image& i) noexcept { return i.order == FL_RGB || i.order == FL_RGBA; }

constexpr fl_composite_options kDefaults = {sizeof(fl_composite_options), FL_BLEND_NORMAL, 0, 1.0};

}  // namespace

extern "C" {

fl_status fl_composite_options_init(fl_composite_options* options, size_t struct_size) {
  return fl::init_options(options, struct_size, kDefaults);
}

fl_status fl_composite(const fl_image* scene, const fl_image* patch, int64_t x, int64_t y,
                       const fl_image* mask, const fl_composite_options* options) {
  // Without a mask the patch is looked at twice.
  for (const fl_image* image : {scene, patch, mask == nullptr ? patch : mask}) {
    const fl_status status = fl::check_image(image);
    if (status != FL_OK) return status;
    if (!fl::addressable(reach_of(*image))) return FL_ERROR_OVERFLOW;
  }
  fl_composite_options o = kDefaults;
  if (options != nullptr) {
    const fl_status read = fl::read_options(options, kDefaults, &o);
    if (read != FL_OK) return read;
  }
  if (o.mode < 0 || o.mode >= FL_BLEND_MODES || o.feather < 0 || o.feather > FL_MAX_FEATHER) {
    return FL_ERROR_ARGUMENT;
  }
  if (!(o.opacity >= 0 && o.opacity <= 1)) return FL_ERROR_ARGUMENT;
  const bool channels_fit = scene->channels == 1
                                ? patch->channels == 1
                                : patch->channels != 1 && red_first(*scene) == red_first(*patch);
  if (!channels_fit || !spread_out(*scene) || overlap(*scene, *patch)) return FL_ERROR_ARGUMENT;
  if (mask != nullptr && (mask->channels != 1 || mask->width != patch->width ||
                          mask->height != patch->height || overlap(*scene, *mask))) {
    return FL_ERROR_ARGUMENT;
  }
  if (x < -kFar || x > kFar || y < -kFar || y > kFar) return FL_OK;
  return guarded([&] {
    fl::composite({*scene, *patch, x, y, mask, o.mode, o.feather,
                   static_cast<uint8_t>(o.opacity * 255 + 0.5)});
    return FL_OK;
  });
}

}  // extern "C"
