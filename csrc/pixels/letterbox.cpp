#include "pixels/letterbox.h"

#include <new>

#include "core/plain.h"
#include "pixels/letterbox_kernels.h"

namespace fl {

namespace {

float normalised(const fl_letterbox_options& o, uint8_t byte, int32_t setting) noexcept {
  const float scaled = static_cast<float>(byte) * o.scale;
  const float centred = scaled - o.mean[setting];
  return centred / o.std[setting];
}

uint8_t quantised(const fl_letterbox_options& o, uint8_t byte, int32_t setting) noexcept {
  const float steps = round_half_even(normalised(o, byte, setting) / o.quant_scale);
  const float low = o.dtype == FL_INT8 ? -128.0F : 0.0F;
  const float q = within(steps + static_cast<float>(o.zero_point), low, low + 255.0F);
  return static_cast<uint8_t>(static_cast<int32_t>(q));
}

template <typename T>
void fill(T* to, int64_t n, T value) noexcept {
  for (int64_t i = 0; i < n; ++i) to[i] = value;
}

bool quantises(const fl_letterbox_options& o) noexcept {
  return o.dtype == FL_INT8 || (o.dtype == FL_UINT8 && o.quantize != 0);
}

}  // namespace

int64_t element_size(int32_t dtype) noexcept {
  if (dtype == FL_FLOAT32) return 4;
  if (dtype == FL_FLOAT16) return 2;
  return dtype == FL_UINT8 || dtype == FL_INT8 ? 1 : 0;
}

fl_placement place(int64_t width, int64_t height, const fl_letterbox_options& o) noexcept {
  const auto w = static_cast<double>(width);
  const auto h = static_cast<double>(height);
  const auto out_w = static_cast<double>(o.width);
  const auto out_h = static_cast<double>(o.height);
  fl_placement p{};
  double ratio = least(out_h / h, out_w / w);
  if (o.scale_up == 0) ratio = least(ratio, 1.0);
  p.width = within<int64_t>(static_cast<int64_t>(round_half_even(w * ratio)), 1, o.width);
  p.height = within<int64_t>(static_cast<int64_t>(round_half_even(h * ratio)), 1, o.height);
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

// ---- the resized picture -------------------------------------------------------------------

PlanarRows::Way PlanarRows::way_of(const Picture& picture, const fl_placement& at,
                                   int32_t interpolation) noexcept {
  if (at.width == picture.width && at.height == picture.height) return kSame;
  return interpolation == FL_AREA ? kArea : kLinear;
}

PlanarRows::PlanarRows(const Picture& picture, const fl_placement& at, int32_t interpolation,
                       Arena* arena) noexcept
    : way_(way_of(picture, at, interpolation)),
      width_(static_cast<size_t>(at.width)),
      channels_(picture.channels) {
  if (way_ == kSame) {
    ::new (static_cast<void*>(&same_)) PictureRows(picture, 1, arena);
  } else if (way_ == kArea) {
    ::new (static_cast<void*>(&area_)) AreaResizer(picture, at.width, at.height, arena);
  } else {
    ::new (static_cast<void*>(&linear_)) LinearResizer(picture, at.width, at.height, arena);
  }
  if (way_ != kLinear && channels_ > 1) {
    planes_ = arena->take<uint8_t>(width_ * static_cast<size_t>(channels_));
  }
}

const uint8_t* PlanarRows::row(int64_t y) noexcept {
  if (way_ == kLinear) return linear_.row(y);
  const uint8_t* pixels = way_ == kSame ? same_.row(y, 0) : area_.row(y);
  if (channels_ == 1) return pixels;
  letterbox_kernels().split_planes(pixels, width_, channels_, planes_, width_);
  return planes_;
}

// ---- the values ------------------------------------------------------------------------------

Letterbox::Letterbox(const Picture& picture, const fl_placement& at,
                     const fl_letterbox_options& options, int32_t channels, Arena* arena) noexcept
    : options_(options),
      at_(at),
      planes_(picture.channels),
      channels_(channels),
      red_first_(picture.red_first),
      reversed_(picture.reversed),
      rows_(picture, at, options.interpolation, arena) {
  const auto element = static_cast<size_t>(element_size(options.dtype));
  const auto pixel = static_cast<size_t>(channels) * element;
  values_ = arena->take<uint8_t>(static_cast<size_t>(at.width) * pixel);
  border_ = arena->take<uint8_t>(static_cast<size_t>(options.width) * pixel);
  const size_t entries = 256 * static_cast<size_t>(channels);
  bytes_ = quantises(options) ? arena->take<uint8_t>(entries) : nullptr;
  halves_ = options.dtype == FL_FLOAT16 ? arena->take<uint16_t>(entries) : nullptr;
  if (!arena->measures()) prepare();
}

int32_t Letterbox::source(int32_t channel) const noexcept {
  if (planes_ == 1) return 0;
  const bool named = options_.order == FL_RGB || options_.order == FL_BGR;
  const bool swapped = named ? (options_.order == FL_RGB) != red_first_ : options_.swap_rb != 0;
  return swapped && channel < 3 ? 2 - channel : channel;
}

int32_t Letterbox::plane(int32_t channel) const noexcept {
  const int32_t c = source(channel);
  return reversed_ && planes_ > 1 ? 2 - c : c;
}

int32_t Letterbox::setting(int32_t channel) const noexcept {
  return options_.order != 0 || planes_ == 1 ? channel : source(channel);
}

Letterbox::Map Letterbox::map_for(int32_t channel) noexcept {
  if (options_.dtype == FL_FLOAT32) return kScale;
  const bool quantise = quantises(options_);
  if (options_.dtype == FL_UINT8 && !quantise) return kCopy;
  const int32_t s = setting(channel);
  for (int32_t c = 0; c < channel; ++c) {
    const int32_t other = setting(c);
    if (options_.mean[s] != options_.mean[other] || options_.std[s] != options_.std[other]) {
      continue;
    }
    table_of_[channel] = table_of_[c];
    shift_[channel] = shift_[c];
    return map_[c];
  }
  if (!quantise) {
    uint16_t* table = halves_ + 256 * channel;
    for (int32_t v = 0; v < 256; ++v) {
      table[v] = half_bits(normalised(options_, static_cast<uint8_t>(v), s));
    }
    return kHalves;
  }
  uint8_t* table = bytes_ + 256 * channel;
  for (int32_t v = 0; v < 256; ++v) table[v] = quantised(options_, static_cast<uint8_t>(v), s);
  // Often all that is left is a shift: 1/255 and -128 make v - 128.
  shift_[channel] = table[0];
  for (int32_t v = 0; v < 256; ++v) {
    if (table[v] != static_cast<uint8_t>(v + table[0])) return kTable;
  }
  return table[0] == 0 ? kCopy : kShift;
}

void Letterbox::prepare() noexcept {
  for (int32_t c = 0; c < channels_; ++c) map_[c] = map_for(c);
}

template <>
float Letterbox::value<float>(uint8_t byte, int32_t channel) const noexcept {
  return normalised(options_, byte, setting(channel));
}

template <>
uint16_t Letterbox::value<uint16_t>(uint8_t byte, int32_t channel) const noexcept {
  return halves_[256 * table_of_[channel] + byte];
}

template <>
uint8_t Letterbox::value<uint8_t>(uint8_t byte, int32_t channel) const noexcept {
  return bytes_ == nullptr ? byte : bytes_[256 * table_of_[channel] + byte];
}

// One output row after another, from rows of planes. Three ways lead out: rows of a channel side
// by side (NCHW), pixels side by side (NHWC), and any other strides.
template <typename T>
class Letterbox::Writer {
 public:
  Writer(const Letterbox& box, uint8_t* out, const int64_t strides[3]) noexcept
      : box_(box),
        at_(box.at_),
        width_(box.options_.width),
        channels_(box.channels_),
        out_(out),
        channel_stride_(strides[0]),
        row_stride_(strides[1]),
        pixel_stride_(strides[2]),
        planar_(pixel_stride_ == size_of_t && aligned(out, strides)),
        packed_(channels_ > 1 && channel_stride_ == size_of_t &&
                pixel_stride_ == size_of_t * channels_ && aligned(out, strides)),
        values_(static_cast<T*>(box.values_)),
        border_(static_cast<T*>(box.border_)) {
    for (int32_t c = 0; c < least<int32_t>(channels_, 4); ++c) {
      pad_[c] = box.value<T>(box.options_.color[box.setting(c)], c);
    }
    if (!packed_) return;
    for (int64_t x = 0; x < width_; ++x) {
      for (int32_t c = 0; c < channels_; ++c) border_[x * channels_ + c] = pad_[c];
    }
  }

  void padding(int64_t y, int64_t from, int64_t to) noexcept {
    if (from == to) return;
    if (packed_) {
      __builtin_memcpy(pointer(0, y, from), border_,
                       static_cast<size_t>((to - from) * channels_) * sizeof(T));
      return;
    }
    for (int32_t c = 0; c < channels_; ++c) {
      uint8_t* start = pointer(c, y, from);
      if (planar_) {
        fill(reinterpret_cast<T*>(start), to - from, pad_[c]);
      } else {
        for (int64_t x = from; x < to; ++x, start += pixel_stride_) {
          __builtin_memcpy(start, &pad_[c], sizeof(T));
        }
      }
    }
  }

  void picture(int64_t y, const uint8_t* planes) noexcept {
    const auto n = static_cast<size_t>(at_.width);
    for (int32_t c = 0; c < channels_; ++c) {
      const uint8_t* plane = planes + static_cast<size_t>(box_.plane(c)) * n;
      if (planar_) {
        convert(plane, n, c, reinterpret_cast<T*>(pointer(c, y, at_.left)));
        continue;
      }
      T* values = values_ + static_cast<size_t>(c) * n;
      convert(plane, n, c, values);
      if (packed_) continue;
      uint8_t* start = pointer(c, y, at_.left);
      for (size_t x = 0; x < n; ++x, start += pixel_stride_) {
        __builtin_memcpy(start, values + x, sizeof(T));
      }
    }
    if (packed_) join(n, reinterpret_cast<T*>(pointer(0, y, at_.left)));
  }

  void row(int64_t y, PlanarRows* rows) noexcept {
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

  uint8_t* pointer(int32_t channel, int64_t y, int64_t x) const noexcept {
    return out_ + channel * channel_stride_ + y * row_stride_ + x * pixel_stride_;
  }

  void convert(const uint8_t* plane, size_t n, int32_t channel, T* to) const noexcept {
    const fl_letterbox_options& o = box_.options_;
    const auto table = static_cast<size_t>(256 * box_.table_of_[channel]);
    if constexpr (sizeof(T) == sizeof(float)) {
      const int32_t s = box_.setting(channel);
      letterbox_kernels().scale_row(plane, n, o.scale, o.mean[s], o.std[s], to);
    } else if constexpr (sizeof(T) == sizeof(uint16_t)) {
      letterbox_kernels().map_halves(plane, n, box_.halves_ + table, to);
    } else if (box_.map_[channel] == kTable) {
      letterbox_kernels().map_row(plane, n, box_.bytes_ + table, to);
    } else if (box_.map_[channel] == kShift) {
      letterbox_kernels().shift_row(plane, n, box_.shift_[channel], to);
    } else {
      __builtin_memcpy(to, plane, n);
    }
  }

  void join(size_t n, T* to) const noexcept {
    if constexpr (sizeof(T) == sizeof(float)) {
      letterbox_kernels().join_floats(values_, n, n, channels_, to);
    } else if constexpr (sizeof(T) == sizeof(uint16_t)) {
      letterbox_kernels().join_halves(values_, n, n, channels_, to);
    } else {
      letterbox_kernels().join_planes(values_, n, n, channels_, to);
    }
  }

  const Letterbox& box_;
  fl_placement at_;
  int64_t width_;
  int32_t channels_;
  uint8_t* out_;
  int64_t channel_stride_, row_stride_, pixel_stride_;
  bool planar_, packed_;
  T* values_;
  T* border_;
  T pad_[4];
};

void Letterbox::write(uint8_t* out, const int64_t strides[3]) noexcept {
  const auto all = [&](auto writer) {
    for (int64_t y = 0; y < options_.height; ++y) writer.row(y, &rows_);
  };
  if (options_.dtype == FL_FLOAT32) {
    all(Writer<float>(*this, out, strides));
  } else if (options_.dtype == FL_FLOAT16) {
    all(Writer<uint16_t>(*this, out, strides));
  } else {
    all(Writer<uint8_t>(*this, out, strides));
  }
}

}  // namespace fl
