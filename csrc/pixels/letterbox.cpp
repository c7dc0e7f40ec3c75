#include "pixels/letterbox.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <optional>

#include "pixels/letterbox_kernels.h"
#include "pixels/resize_area.h"
#include "pixels/resize_linear.h"

namespace fl {

namespace {

// Rows of the resized picture, channel after channel.
class PlanarRows {
 public:
  PlanarRows(const fl_image& image, const fl_placement& at, int32_t interpolation)
      : width_(static_cast<size_t>(at.width)), channels_(image.channels) {
    if (at.width == image.width && at.height == image.height) {
      same_.emplace(image, 1);
    } else if (interpolation == FL_AREA) {
      area_.emplace(image, at.width, at.height);
    } else {
      linear_.emplace(image, at.width, at.height);
    }
    if (!linear_) planes_.resize(width_ * static_cast<size_t>(channels_));
  }

  const uint8_t* row(int64_t y) {
    if (linear_) return linear_->row(y);
    const uint8_t* pixels = same_ ? same_->row(y, 0) : area_->row(y);
    if (channels_ == 1) return pixels;
    letterbox_kernels().split_planes(pixels, width_, channels_, planes_.data(), width_);
    return planes_.data();
  }

 private:
  size_t width_;
  int32_t channels_;
  std::optional<ImageRows> same_;
  std::optional<AreaResizer> area_;
  std::optional<LinearResizer> linear_;
  std::vector<uint8_t> planes_;
};

float normalised(const fl_letterbox_options& o, uint8_t byte, int32_t channel) noexcept {
  const float scaled = static_cast<float>(byte) * o.scale;
  const float centred = scaled - o.mean[channel];
  return centred / o.std[channel];
}

uint8_t quantised(const fl_letterbox_options& o, uint8_t byte, int32_t channel) noexcept {
  const float steps = std::nearbyint(normalised(o, byte, channel) / o.quant_scale);
  const float low = o.dtype == FL_INT8 ? -128.0F : 0.0F;
  const float q = steps + static_cast<float>(o.zero_point);
  return static_cast<uint8_t>(static_cast<int32_t>(std::clamp(q, low, low + 255.0F)));
}

}  // namespace

int64_t element_size(int32_t dtype) noexcept {
  if (dtype == FL_FLOAT32) return 4;
  return dtype == FL_UINT8 || dtype == FL_INT8 ? 1 : 0;
}

fl_placement place(int64_t width, int64_t height, const fl_letterbox_options& o) noexcept {
  const auto w = static_cast<double>(width);
  const auto h = static_cast<double>(height);
  const auto out_w = static_cast<double>(o.width);
  const auto out_h = static_cast<double>(o.height);
  fl_placement p{};
  double ratio = std::min(out_h / h, out_w / w);
  if (o.scale_up == 0) ratio = std::min(ratio, 1.0);
  p.width = std::clamp<int64_t>(static_cast<int64_t>(std::nearbyint(w * ratio)), 1, o.width);
  p.height = std::clamp<int64_t>(static_cast<int64_t>(std::nearbyint(h * ratio)), 1, o.height);
  if (o.stretch != 0) {
    p.width = o.width;
    p.height = o.height;
  }
  if (o.center != 0) {
    p.left = (o.width - p.width) / 2;
    p.top = (o.height - p.height) / 2;
  }
  p.scale_x = static_cast<double>(p.width) / w;
  p.scale_y = static_cast<double>(p.height) / h;
  return p;
}

Letterbox::Letterbox(const fl_letterbox_options& options, int32_t channels)
    : options_(options),
      channels_(channels),
      mapped_(options.dtype == FL_INT8 || (options.dtype == FL_UINT8 && options.quantize != 0)) {
  for (int32_t c = 0; c < channels && mapped_; ++c) {
    for (int32_t v = 0; v < 256; ++v) {
      table_[c][v] = quantised(options_, static_cast<uint8_t>(v), c);
    }
  }
}

template <>
float Letterbox::value<float>(uint8_t byte, int32_t channel) const noexcept {
  return normalised(options_, byte, channel);
}

template <>
uint8_t Letterbox::value<uint8_t>(uint8_t byte, int32_t channel) const noexcept {
  return mapped_ ? table_[channel][byte] : byte;
}

// One output row after another, from rows of planes. Three ways lead out: rows of a channel side
// by side (NCHW), pixels side by side (NHWC), and any other strides.
template <typename T>
class Letterbox::Writer {
 public:
  Writer(const Letterbox& box, const fl_placement& at, uint8_t* out, const int64_t strides[3])
      : box_(box),
        at_(at),
        width_(box.options_.width),
        channels_(box.channels_),
        out_(out),
        channel_stride_(strides[0]),
        row_stride_(strides[1]),
        pixel_stride_(strides[2]),
        planar_(pixel_stride_ == size_of_t && aligned(out, strides)),
        packed_(channels_ > 1 && channel_stride_ == size_of_t &&
                pixel_stride_ == size_of_t * channels_ && aligned(out, strides)) {
    for (int32_t c = 0; c < channels_; ++c) {
      pad_[target(c)] = box.value<T>(box.options_.color[c], c);
    }
    if (!planar_) values_.resize(static_cast<size_t>(at.width * channels_));
    if (packed_) {
      border_.resize(static_cast<size_t>(width_ * channels_));
      const auto pixel = static_cast<size_t>(channels_);
      for (size_t i = 0; i < border_.size(); ++i) border_[i] = pad_[i % pixel];
    }
  }

  void padding(int64_t y, int64_t from, int64_t to) {
    if (from == to) return;
    if (packed_) {
      std::memcpy(pointer(0, y, from), border_.data(),
                  static_cast<size_t>((to - from) * channels_) * sizeof(T));
      return;
    }
    for (int32_t c = 0; c < channels_; ++c) {
      uint8_t* start = pointer(c, y, from);
      if (planar_) {
        T* values = reinterpret_cast<T*>(start);
        std::fill(values, values + (to - from), pad_[c]);
      } else {
        for (int64_t x = from; x < to; ++x, start += pixel_stride_) {
          std::memcpy(start, &pad_[c], sizeof(T));
        }
      }
    }
  }

  void picture(int64_t y, const uint8_t* planes) {
    const auto n = static_cast<size_t>(at_.width);
    for (int32_t c = 0; c < channels_; ++c) {
      const uint8_t* plane = planes + static_cast<size_t>(c) * n;
      const int32_t to = target(c);
      if (planar_) {
        convert(plane, n, c, reinterpret_cast<T*>(pointer(to, y, at_.left)));
        continue;
      }
      T* values = values_.data() + static_cast<size_t>(to) * n;
      convert(plane, n, c, values);
      if (packed_) continue;
      uint8_t* start = pointer(to, y, at_.left);
      for (size_t x = 0; x < n; ++x, start += pixel_stride_) {
        std::memcpy(start, values + x, sizeof(T));
      }
    }
    if (packed_) join(n, reinterpret_cast<T*>(pointer(0, y, at_.left)));
  }

  void row(int64_t y, PlanarRows* rows) {
    if (y < at_.top || y >= at_.top + at_.height) {
      padding(y, 0, width_);
      return;
    }
    padding(y, 0, at_.left);
    picture(y, rows->row(y - at_.top));
    padding(y, at_.left + at_.width, width_);
  }

 private:
  static constexpr int64_t size_of_t = sizeof(T);

  static bool aligned(const uint8_t* out, const int64_t strides[3]) noexcept {
    const auto address = reinterpret_cast<uintptr_t>(out);
    return (address | static_cast<uintptr_t>(strides[0]) | static_cast<uintptr_t>(strides[1])) %
               alignof(T) == 0;
  }

  int32_t target(int32_t channel) const noexcept {
    return box_.options_.swap_rb != 0 && channel < 3 && channels_ > 1 ? 2 - channel : channel;
  }

  uint8_t* pointer(int32_t channel, int64_t y, int64_t x) const noexcept {
    return out_ + channel * channel_stride_ + y * row_stride_ + x * pixel_stride_;
  }

  void convert(const uint8_t* plane, size_t n, int32_t channel, T* to) const {
    const fl_letterbox_options& o = box_.options_;
    if constexpr (sizeof(T) == sizeof(float)) {
      letterbox_kernels().scale_row(plane, n, o.scale, o.mean[channel], o.std[channel], to);
    } else if (box_.mapped_) {
      letterbox_kernels().map_row(plane, n, box_.table_[channel], to);
    } else {
      std::memcpy(to, plane, n);
    }
  }

  void join(size_t n, T* to) const {
    if constexpr (sizeof(T) == sizeof(float)) {
      letterbox_kernels().join_floats(values_.data(), n, n, channels_, to);
    } else {
      letterbox_kernels().join_planes(values_.data(), n, n, channels_, to);
    }
  }

  const Letterbox& box_;
  fl_placement at_;
  int64_t width_;
  int32_t channels_;
  uint8_t* out_;
  int64_t channel_stride_, row_stride_, pixel_stride_;
  bool planar_, packed_;
  T pad_[4];
  std::vector<T> values_;
  std::vector<T> border_;  // a row of padding pixels
};

template <typename T>
void Letterbox::write_as(const fl_image& image, const fl_placement& at, uint8_t* out,
                         const int64_t strides[3]) const {
  PlanarRows rows(image, at, options_.interpolation);
  Writer<T> writer(*this, at, out, strides);
  for (int64_t y = 0; y < options_.height; ++y) writer.row(y, &rows);
}

void Letterbox::write(const fl_image& image, const fl_placement& at, uint8_t* out,
                      const int64_t strides[3]) const {
  if (options_.dtype == FL_FLOAT32) {
    write_as<float>(image, at, out, strides);
  } else {
    write_as<uint8_t>(image, at, out, strides);
  }
}

}  // namespace fl
