// fastlabel/paste.h: arguments checked, then the work, then a status.
#include <cmath>
#include <limits>

#include "capi/common.h"
#include "fastlabel/fastlabel.h"
#include "pixels/colour.h"
#include "pixels/paste.h"

using fl::guarded;

namespace {

constexpr fl_paste_options kDefaults = {
    sizeof(fl_paste_options), FL_PASTE_FEATHER, 1, 0, 0, 1, 0, -1.0,
    std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::quiet_NaN(), 0};

// Sizes and positions beyond this are no picture's; within it no sum overflows.
constexpr double kFar = 1e9;
constexpr double kSmallest = 1e-3;

fl_status read(const fl_paste_options* from, fl_paste_options* to) noexcept {
  *to = kDefaults;
  if (from == nullptr) return FL_OK;
  const fl_status status = fl::read_options(from, kDefaults, to);
  if (status != FL_OK) return status;
  const auto is_switch = [](int32_t value) { return value == 0 || value == 1; };
  const bool fine = to->blend >= FL_PASTE_FEATHER && to->blend <= FL_PASTE_RECTANGLE &&
                    is_switch(to->match) && is_switch(to->flip) && is_switch(to->loose) &&
                    is_switch(to->apply) && to->reserved == 0 &&
                    !std::isnan(to->feather) && to->feather <= FL_MAX_FEATHER;
  return fine ? FL_OK : FL_ERROR_ARGUMENT;
}

bool read_box(const double from[4], fl::PasteBox* to) noexcept {
  if (from == nullptr) return false;
  for (int k = 0; k < 4; ++k) {
    if (!(std::fabs(from[k]) <= kFar)) return false;  // NaN too
  }
  *to = {from[0], from[1], from[2], from[3]};
  return to->x2 - to->x1 >= kSmallest && to->y2 - to->y1 >= kSmallest;
}

bool red_first(const fl_image& i) noexcept { return i.order == FL_RGB; }

}  // namespace

extern "C" {

fl_status fl_paste_options_init(fl_paste_options* options, size_t struct_size) {
  return fl::init_options(options, struct_size, kDefaults);
}

fl_status fl_paste_window(int64_t scene_width, int64_t scene_height, const double box[4],
                          const fl_paste_options* options, int64_t window[4]) {
  fl_paste_options o;
  const fl_status status = read(options, &o);
  if (status != FL_OK) return status;
  fl::PasteBox to{};
  if (scene_width < 1 || scene_height < 1 || window == nullptr || !read_box(box, &to)) {
    return FL_ERROR_ARGUMENT;
  }
  if (!fl::paste_window(to, fl::paste_reach(to, o), scene_width, scene_height, window)) {
    for (int k = 0; k < 4; ++k) window[k] = 0;
  }
  return FL_OK;
}

fl_status fl_paste_object(const fl_image* scene, const fl_image* patch, const fl_image* alpha,
                          const double patch_box[4], const double box[4],
                          const fl_paste_options* options, uint8_t* mask, uint8_t* pixels, fl_paste_report* report) {
  if (report != nullptr) *report = {1, {0, 0, 0}, 0, 0, 0};
  for (const fl_image* image : {scene, patch, alpha}) {
    const fl_status status = fl::check_image(image);
    if (status != FL_OK) return status;
  }
  fl::ObjectPaste p{*scene, *patch, *alpha, {}, {}, kDefaults, {0, 0, 0, 0}};
  const fl_status status = read(options, &p.options);
  if (status != FL_OK) return status;
  const bool fit = scene->channels == 3 && patch->channels == 3 && alpha->channels == 1 &&
                   alpha->width == patch->width && alpha->height == patch->height &&
                   red_first(*scene) == red_first(*patch);
  if (!fit || !read_box(patch_box, &p.patch_box) || !read_box(box, &p.box)) {
    return FL_ERROR_ARGUMENT;
  }
  if (!fl::paste_window(p.box, fl::paste_reach(p.box, p.options), scene->width, scene->height,
                        p.window)) {
    return FL_OK;
  }
  if (mask == nullptr) return FL_ERROR_ARGUMENT;
  return guarded([&] {
    fl_paste_report made;
    fl::paste_object(p, mask, pixels, &made);
    if (report != nullptr) *report = made;
    return FL_OK;
  });
}

}  // extern "C"
