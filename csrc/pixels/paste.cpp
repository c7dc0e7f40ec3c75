#include "pixels/paste.h"

#include <algorithm>
#include <cmath>

#include "pixels/paste_match.h"

namespace fl {

namespace {

constexpr fl_paste_report kUnchanged = {1, {0, 0, 0}, 0, 0, 0};
constexpr double kMostReach = 24;
// How far an outline from a box alone, which holds background, may go to meet the place; and one
// that holds only the object, whose own colours count.
constexpr double kBoundOfBox = 64;
constexpr double kBoundOfOutline = 32;
constexpr double kTolerance = 2.5;
// What is finer than kFine pixels changes over further out than the rest, where the ramp has only
// these shares left. This share of the contrast it loses in the mixture is given back.
constexpr float kFine = 2.0F;
constexpr float kFineFrom = 0.35F;
constexpr float kFineTo = 0.05F;
constexpr float kGivenBack = 0.4F;

double short_side(const PasteBox& b) noexcept { return std::min(b.x2 - b.x1, b.y2 - b.y1); }

// Half the width of the ramp across the outline, in pixels. These shares, and those below, are the
// ones with which a classifier of rims told least (docs/small-targets.md).
double ramp(const PasteBox& box, const fl_paste_options& o) noexcept {
  if (o.blend != FL_PASTE_FEATHER) return 0;
  if (!(o.feather < 0)) return o.feather / 2;
  return o.loose != 0 ? std::clamp(0.6 * short_side(box), 0.75, 12.0) : 0.5;
}

void read_scene(const fl_image& scene, const int64_t window[4], Plane out[3]) {
  for (size_t c = 0; c < 3; ++c) out[c] = Plane(window[2], window[3]);
  for (int64_t y = 0; y < window[3]; ++y) {
    const uint8_t* from =
        scene.data + (window[1] + y) * scene.row_stride + window[0] * scene.pixel_stride;
    float* to[3] = {out[0].row(y), out[1].row(y), out[2].row(y)};
    for (int64_t x = 0; x < window[2]; ++x, from += scene.pixel_stride) {
      for (int64_t c = 0; c < 3; ++c) to[c][x] = static_cast<float>(from[c * scene.channel_stride]);
    }
  }
}

uint8_t to_byte(float v) noexcept {
  return static_cast<uint8_t>(std::clamp(v, 0.0F, 255.0F) + 0.5F);
}

// Pixels whose centre lies in the box, where the patch has any.
void fill_rectangle(const PasteBox& box, PasteLayer* layer) {
  for (int64_t y = 0; y < layer->height; ++y) {
    const double cy = static_cast<double>(layer->y + y) + 0.5;
    for (int64_t x = 0; x < layer->width; ++x) {
      const double cx = static_cast<double>(layer->x + x) + 0.5;
      const bool inside = cx >= box.x1 && cx < box.x2 && cy >= box.y1 && cy < box.y2;
      layer->alpha.row(y)[x] = inside ? layer->known.row(y)[x] : 0.0F;
    }
  }
}

void soften(const ObjectPaste& p, PasteLayer* layer) {
  const auto radius = static_cast<float>(ramp(p.box, p.options) / 2);  // twice, each half of the ramp
  if (!(radius > 0)) return;
  for (int pass = 0; pass < 2; ++pass) {
    box_blur(&layer->alpha, radius);
    if (layer->object[0].v.empty()) continue;
    for (auto& plane : layer->object) box_blur(&plane, radius);
  }
  // A guessed outline may cut into the object, and what surrounds it has been matched: the ramp
  // lies outside of it then, and begins where it would be half way down.
  const float lift = p.options.loose != 0 ? 2.0F : 1.0F;
  for (size_t i = 0; i < layer->alpha.v.size(); ++i) {
    layer->alpha.v[i] = std::min(1.0F, lift * layer->alpha.v[i]) * layer->known.v[i];
    if (layer->object[0].v.empty()) continue;
    for (auto& plane : layer->object) plane.v[i] *= layer->known.v[i];
  }
}

// A blur of a plane where it is known, over the blur of that.
Plane low_of(const Plane& plane, const Plane& known, const Plane& weight) {
  Plane low = plane;
  for (size_t i = 0; i < low.v.size(); ++i) low.v[i] *= known.v[i];
  box_blur(&low, kFine);
  for (size_t i = 0; i < low.v.size(); ++i) {
    low.v[i] = weight.v[i] > 1e-6F ? low.v[i] / weight.v[i] : plane.v[i];
  }
  return low;
}

// How much of the fine details is the patch's, where its ramp has fallen to alpha.
float fine_share(float alpha) noexcept {
  return std::clamp((alpha - kFineTo) / (kFineFrom - kFineTo), 0.0F, 1.0F);
}

// The mixture of scene and patch in two bands (Burt and Adelson, 1983): along the whole ramp, but for
// fine details. Over a wide ramp two textures become a softer one, so those change over within a
// narrow part of it, outside of the ellipse. Where they do their contrast falls to
// sqrt(d^2 + (1 - d)^2); dividing by that would keep it (Heitz and Neyret, 2018).
void mix_bands(const Plane scene[3], const PasteLayer& layer, Plane out[3]) {
  Plane all(layer.width, layer.height);
  std::fill(all.v.begin(), all.v.end(), 1.0F);
  Plane of_all = all;
  box_blur(&of_all, kFine);
  Plane of_known = layer.known;
  box_blur(&of_known, kFine);
  for (size_t c = 0; c < 3; ++c) {
    const Plane under = low_of(scene[c], all, of_all);
    const Plane above = low_of(layer.colour[c], layer.known, of_known);
    out[c] = Plane(layer.width, layer.height);
    for (size_t i = 0; i < under.v.size(); ++i) {
      const float a = layer.alpha.v[i];
      if (!(a < 1)) {
        out[c].v[i] = layer.colour[c].v[i];
        continue;
      }
      const float d = fine_share(a);
      const float fine = (1 - d) * (scene[c].v[i] - under.v[i]) +
                         d * (layer.colour[c].v[i] - above.v[i]);
      const float lost = 1 / std::sqrt(d * d + (1 - d) * (1 - d)) - 1;
      out[c].v[i] = under.v[i] + a * (above.v[i] - under.v[i]) + (1 + kGivenBack * lost) * fine;
    }
  }
}

// Noise missing in the mixture of the patch, with its own, and the scene under it.
float missing_noise(double place, double patch, float alpha) noexcept {
  const double a = static_cast<double>(alpha);
  const double rest = (1 - a) * place;
  const double has = a * patch;
  return static_cast<float>(std::sqrt(std::max(0.0, place * place - rest * rest - has * has)));
}

}  // namespace

int64_t paste_reach(const PasteBox& box, const fl_paste_options& options) noexcept {
  const double longest = std::max(box.x2 - box.x1, box.y2 - box.y1);
  const double looked = options.match != 0 ? std::clamp(longest / 3, 4.0, kMostReach) : 1.0;
  return static_cast<int64_t>(std::ceil(std::max(looked, ramp(box, options) + 1)));
}

void paste_object(const ObjectPaste& p, uint8_t* mask, uint8_t* pixels,
                  fl_paste_report* report) {
  *report = kUnchanged;
  const bool object = p.options.loose == 0 && p.options.blend != FL_PASTE_RECTANGLE;
  PasteLayer layer = sample_patch(p.patch, p.alpha, p.patch_box, p.box, p.options.flip != 0, object,
                                  p.window);
  Plane scene[3];
  read_scene(p.scene, p.window, scene);
  if (p.options.blend == FL_PASTE_RECTANGLE) fill_rectangle(p.box, &layer);

  double place_noise = 0;
  double patch_noise = 0;
  if (p.options.match != 0) {
    Plane all(layer.width, layer.height);
    std::fill(all.v.begin(), all.v.end(), 1.0F);
    const PlaceStats place = place_stats(scene, all);
    const bool loose = p.options.loose != 0;
    match_brightness(scene, loose ? kBoundOfBox : kBoundOfOutline, &layer, report);
    if (loose && p.options.blend == FL_PASTE_FEATHER) {
      match_rim(scene, static_cast<float>(std::clamp(0.2 * short_side(p.box), 0.5, 6.0)), &layer);
    }
    // A place without edges is not out of focus. What is no sharper than kTolerance times the place
    // is left alone: estimates of a few pixels scatter.
    match_sharpness(scene, kTolerance * std::fmax(place.acutance, p.options.acutance), &layer, report);
    place_noise = std::fmin(place.noise, p.options.noise);
    patch_noise = place_stats(layer.colour, layer.known).noise;
  }
  soften(p, &layer);
  Plane bands[3];
  const bool banded = p.options.match != 0 && p.options.loose != 0 && pixels == nullptr &&
                      p.options.blend == FL_PASTE_FEATHER;
  if (banded) mix_bands(scene, layer, bands);

  for (int64_t y = 0; y < layer.height; ++y) {
    uint8_t* to = const_cast<uint8_t*>(p.scene.data) + (layer.y + y) * p.scene.row_stride +
                  layer.x * p.scene.pixel_stride;
    for (int64_t x = 0; x < layer.width; ++x, to += p.scene.pixel_stride) {
      const auto i = static_cast<size_t>(y * layer.width + x);
      const float a = layer.alpha.v[i];
      const uint8_t covered = to_byte(a * 255.0F);
      mask[i] = covered;
      float grain = 0;
      if (place_noise > 0 && (covered > 0 || pixels != nullptr)) {
        const float share = pixels != nullptr ? 1.0F : banded ? fine_share(a) : a;
        const float amount = missing_noise(place_noise, patch_noise, share);
        report->noise = std::max(report->noise, static_cast<double>(amount));
        if (amount > 0) grain = amount * pixel_noise(p.options.seed, layer.x + x, layer.y + y);
      }
      for (size_t c = 0; c < 3; ++c) {
        const float back = scene[c].v[i];
        const float mixed = object   ? layer.object[c].v[i] + (1 - a) * back
                            : banded ? bands[c].v[i]
                                     : back + a * (layer.colour[c].v[i] - back);
        if (pixels != nullptr) {
          // Where the patch ends, the scene goes on.
          pixels[3 * i + c] = to_byte(layer.known.v[i] > 0 ? layer.colour[c].v[i] + grain : back);
        }
        if (p.options.apply != 0 && covered > 0) {
          to[static_cast<int64_t>(c) * p.scene.channel_stride] = to_byte(mixed + grain);
        }
      }
    }
  }
}

}  // namespace fl
