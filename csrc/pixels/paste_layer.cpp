#include "pixels/paste_layer.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "pixels/image_rows.h"

namespace fl {

namespace {

// What one output pixel takes of the source along an axis: weights of `count` pixels from `first`.
struct Taps {
  int64_t first = 0, count = 0;
  size_t at = 0;  // of its weights
  bool known = false;
};

struct Axis {
  std::vector<Taps> taps;
  std::vector<float> weights;
  int64_t begin = 0, end = 0;  // source pixels used at all
};

// Output pixels from x on; u = from + (x - origin) * step, step negative when mirrored.
Axis make_axis(int64_t x, int64_t n, double origin, double from, double step, int64_t size) {
  Axis axis;
  axis.taps.resize(static_cast<size_t>(n));
  axis.begin = size;
  const double wide = std::max(std::fabs(step), 1.0);
  for (int64_t i = 0; i < n; ++i) {
    Taps& t = axis.taps[static_cast<size_t>(i)];
    const double centre = from + (static_cast<double>(x + i) + 0.5 - origin) * step;
    const double low = std::max(centre - wide / 2, 0.0);
    const double high = std::min(centre + wide / 2, static_cast<double>(size));
    if (!(high - low >= wide / 2)) continue;  // half of it lies outside the patch
    t.known = true;
    t.first = static_cast<int64_t>(low);
    const auto last = std::min(size, static_cast<int64_t>(std::ceil(high)));
    t.count = last - t.first;
    t.at = axis.weights.size();
    for (int64_t k = t.first; k < last; ++k) {
      const double from_k = std::max(low, static_cast<double>(k));
      const double to_k = std::min(high, static_cast<double>(k + 1));
      axis.weights.push_back(static_cast<float>(std::max(0.0, to_k - from_k) / (high - low)));
    }
    axis.begin = std::min(axis.begin, t.first);
    axis.end = std::max(axis.end, last);
  }
  if (axis.begin > axis.end) axis.begin = axis.end;
  return axis;
}

// One row of sums over source rows: interleaved colours, the same times alpha, and alpha.
struct Sums {
  std::vector<float> colour, object, alpha;

  explicit Sums(size_t pixels) : colour(3 * pixels), object(3 * pixels), alpha(pixels) {}
  void clear() {
    for (auto* v : {&colour, &object, &alpha}) std::fill(v->begin(), v->end(), 0.0F);
  }
};

void add_row(const uint8_t* __restrict pixels, const uint8_t* __restrict alpha, float w, size_t n,
             bool object, Sums* sums) {
  float* __restrict colour = sums->colour.data();
  for (size_t i = 0; i < 3 * n; ++i) colour[i] += w * static_cast<float>(pixels[i]);
  bool any = false;
  for (size_t i = 0; i < n; ++i) any |= alpha[i] != 0;
  if (!any) return;
  float* __restrict covered = sums->alpha.data();
  for (size_t i = 0; i < n; ++i) covered[i] += w * static_cast<float>(alpha[i]);
  if (!object) return;
  float* __restrict cut = sums->object.data();
  for (size_t i = 0; i < n; ++i) {
    const float by = w * static_cast<float>(alpha[i]);
    cut[3 * i] += by * static_cast<float>(pixels[3 * i]);
    cut[3 * i + 1] += by * static_cast<float>(pixels[3 * i + 1]);
    cut[3 * i + 2] += by * static_cast<float>(pixels[3 * i + 2]);
  }
}

// One row of the box blur of n numbers, `step` apart.
void blur_line(float* line, int64_t n, int64_t step, float radius, std::vector<float>* sums) {
  const auto whole = static_cast<int64_t>(radius);
  const float part = radius - static_cast<float>(whole);
  const double by = 1.0 / (2.0 * static_cast<double>(radius) + 1.0);
  sums->resize(static_cast<size_t>(n));
  for (int64_t i = 0; i < n; ++i) (*sums)[static_cast<size_t>(i)] = line[i * step];
  const float* s = sums->data();
  double total = 0;
  for (int64_t i = 0; i < std::min(whole, n); ++i) total += static_cast<double>(s[i]);
  for (int64_t i = 0; i < n; ++i) {
    if (i + whole < n) total += static_cast<double>(s[i + whole]);
    if (i - whole - 1 >= 0) total -= static_cast<double>(s[i - whole - 1]);
    double ends = 0;
    if (i + whole + 1 < n) ends += static_cast<double>(s[i + whole + 1]);
    if (i - whole - 1 >= 0) ends += static_cast<double>(s[i - whole - 1]);
    line[i * step] = static_cast<float>((total + ends * static_cast<double>(part)) * by);
  }
}

}  // namespace

bool paste_window(const PasteBox& box, int64_t reach, int64_t scene_width, int64_t scene_height,
                  int64_t window[4]) noexcept {
  const auto r = static_cast<double>(reach);
  const auto width = static_cast<double>(scene_width);
  const auto height = static_cast<double>(scene_height);
  const double x1 = std::max(0.0, std::floor(box.x1 - r));
  const double y1 = std::max(0.0, std::floor(box.y1 - r));
  const double x2 = std::min(width, std::ceil(box.x2 + r));
  const double y2 = std::min(height, std::ceil(box.y2 + r));
  // The box itself must show; what surrounds it is nothing to paste.
  const bool shows = box.x1 < width && box.y1 < height && box.x2 > 0 && box.y2 > 0;
  if (!shows || !(x2 > x1) || !(y2 > y1)) return false;
  window[0] = static_cast<int64_t>(x1);
  window[1] = static_cast<int64_t>(y1);
  window[2] = static_cast<int64_t>(x2 - x1);
  window[3] = static_cast<int64_t>(y2 - y1);
  return true;
}

PasteLayer sample_patch(const fl_image& patch, const fl_image& alpha, const PasteBox& patch_box,
                        const PasteBox& box, bool flip, bool object, const int64_t window[4]) {
  PasteLayer layer;
  layer.x = window[0];
  layer.y = window[1];
  layer.width = window[2];
  layer.height = window[3];
  const int64_t w = layer.width;
  const int64_t h = layer.height;
  for (auto& plane : layer.colour) plane = Plane(w, h);
  if (object) {
    for (auto& plane : layer.object) plane = Plane(w, h);
  }
  layer.alpha = Plane(w, h);
  layer.known = Plane(w, h);

  const double kx = (patch_box.x2 - patch_box.x1) / (box.x2 - box.x1);
  const double ky = (patch_box.y2 - patch_box.y1) / (box.y2 - box.y1);
  const Axis columns = flip ? make_axis(layer.x, w, box.x1, patch_box.x2, -kx, patch.width)
                            : make_axis(layer.x, w, box.x1, patch_box.x1, kx, patch.width);
  const Axis rows = make_axis(layer.y, h, box.y1, patch_box.y1, ky, patch.height);
  if (columns.end <= columns.begin) return layer;

  const auto n = static_cast<size_t>(columns.end - columns.begin);
  ImageRows pixels(patch, 1);
  ImageRows cover(alpha, 1);
  Sums sums(n);
  for (int64_t y = 0; y < h; ++y) {
    const Taps& down = rows.taps[static_cast<size_t>(y)];
    if (!down.known) continue;
    sums.clear();
    for (int64_t k = 0; k < down.count; ++k) {
      const float weight = rows.weights[down.at + static_cast<size_t>(k)];
      add_row(pixels.row(down.first + k, 0) + 3 * columns.begin,
              cover.row(down.first + k, 0) + columns.begin, weight, n, object, &sums);
    }
    for (int64_t x = 0; x < w; ++x) {
      const Taps& across = columns.taps[static_cast<size_t>(x)];
      if (!across.known) continue;
      float colour[3] = {0, 0, 0};
      float cut[3] = {0, 0, 0};
      float covered = 0;
      const float* weights = columns.weights.data() + across.at;
      const auto first = static_cast<size_t>(across.first - columns.begin);
      for (size_t k = 0; k < static_cast<size_t>(across.count); ++k) {
        for (size_t c = 0; c < 3; ++c) {
          colour[c] += weights[k] * sums.colour[3 * (first + k) + c];
          cut[c] += weights[k] * sums.object[3 * (first + k) + c];
        }
        covered += weights[k] * sums.alpha[first + k];
      }
      for (size_t c = 0; c < 3; ++c) {
        layer.colour[c].row(y)[x] = colour[c];
        if (object) layer.object[c].row(y)[x] = cut[c] / 255.0F;
      }
      layer.alpha.row(y)[x] = covered / 255.0F;
      layer.known.row(y)[x] = 1.0F;
    }
  }
  return layer;
}

void box_blur(Plane* plane, float radius) {
  if (!(radius > 0)) return;
  std::vector<float> sums;
  for (int64_t y = 0; y < plane->height; ++y) {
    blur_line(plane->row(y), plane->width, 1, radius, &sums);
  }
  for (int64_t x = 0; x < plane->width; ++x) {
    blur_line(plane->v.data() + x, plane->height, plane->width, radius, &sums);
  }
}

}  // namespace fl
