#include "pixels/picture_rows.h"

#include "core/plain.h"
#include "pixels/colour.h"

namespace fl {

namespace {

// ITU-R BT.601 and BT.709 in units of 2^-20, with OpenCV's whole numbers for BT.601 in the
// limited range. black, luma, V to red, U to green, V to green, U to blue.
struct Conversion {
  int32_t black, luma, red, green_u, green_v, blue;
};
constexpr Conversion kConversions[2][2] = {
    {{16, 1220542, 1673527, -409993, -852492, 2116026},   // BT.601, limited
     {0, 1048576, 1470104, -360853, -748826, 1858077}},   // BT.601, full
    {{16, 1220945, 1879825, -223607, -558796, 2215014},   // BT.709, limited
     {0, 1048576, 1651297, -196424, -490864, 1945738}}};  // BT.709, full

YuvWeights weights_of(const fl_frame& frame) noexcept {
  const Conversion& c = kConversions[frame.matrix][frame.range];
  if (frame.format == FL_FRAME_NV21) {
    return {c.black, c.luma, c.blue, {c.green_v, c.green_u}, c.red};
  }
  return {c.black, c.luma, c.red, {c.green_u, c.green_v}, c.blue};
}

}  // namespace

fl_window window_of(const fl_frame& frame) noexcept {
  const fl_window& w = frame.window;
  const bool whole = w.x == 0 && w.y == 0 && w.width == 0 && w.height == 0;
  return whole ? fl_window{0, 0, frame.width, frame.height} : w;
}

Picture view_of(const fl_image& image, int32_t channels) noexcept {
  Picture p{};
  p.kind = channels == 1 && image.channels > 1 ? Picture::kLuma : Picture::kStrided;
  p.channels = channels == 0 ? image.channels : least(channels, image.channels);
  p.width = image.width;
  p.height = image.height;
  p.data = image.data;
  p.row_stride = image.row_stride;
  p.pixel_stride = image.pixel_stride;
  p.channel_stride = image.channel_stride;
  p.red_first = image.order == FL_RGB || image.order == FL_RGBA;
  return p;
}

Picture view_of(const fl_frame& frame, int32_t channels) noexcept {
  const fl_window w = window_of(frame);
  const bool yuyv = frame.format == FL_FRAME_YUYV;
  const bool colour = frame.format == FL_FRAME_RGB || frame.format == FL_FRAME_BGR;
  Picture p{};
  p.width = w.width;
  p.height = w.height;
  p.row_stride = frame.strides[0];
  p.pixel_stride = colour ? 3 : yuyv ? 2 : 1;
  p.channel_stride = 1;
  p.red_first = frame.format != FL_FRAME_BGR;
  p.reversed = frame.format == FL_FRAME_NV21;
  if (colour) {
    p.kind = channels == 1 ? Picture::kLuma : Picture::kStrided;
    p.channels = channels == 1 ? 1 : 3;
  } else if (frame.format == FL_FRAME_GRAY || channels == 1) {
    p.kind = Picture::kStrided;
    p.channels = 1;
  } else {
    p.kind = yuyv ? Picture::kYuyv : Picture::kPlanes;
    p.channels = 3;
    p.odd_x = static_cast<int32_t>(w.x & 1);
    p.odd_y = static_cast<int32_t>(w.y & 1);
    p.weights = weights_of(frame);
  }
  if (frame.planes[0] == nullptr) return p;  // sizes alone are asked for
  p.data = frame.planes[0] + w.y * p.row_stride + (w.x - p.odd_x) * p.pixel_stride;
  if (p.kind == Picture::kPlanes) {
    p.chroma_stride = frame.strides[1];
    p.chroma = frame.planes[1] + w.y / 2 * p.chroma_stride + (w.x - p.odd_x);
  }
  return p;
}

PictureRows::PictureRows(const Picture& picture, size_t slots, Arena* arena) noexcept
    : picture_(picture),
      packed_(picture.kind == Picture::kStrided &&
              (picture.channels == 1 || picture.channel_stride == 1) &&
              (picture.width == 1 || picture.pixel_stride == picture.channels)),
      row_bytes_(static_cast<size_t>((picture.width + picture.odd_x) * picture.channels)),
      readable_(static_cast<size_t>(picture.width * picture.channels)) {
  if (packed_) return;
  row_bytes_ += kSlack;
  readable_ += kSlack;
  slots_ = arena->take<uint8_t>(uint64_t{row_bytes_} * slots);
  if (picture.kind == Picture::kYuyv) {
    const auto n = static_cast<size_t>(picture.width + picture.odd_x + 1);
    luma_ = arena->take<uint8_t>(n);
    pairs_ = arena->take<uint8_t>(n);
  }
}

PictureRows::PictureRows(const Picture& picture, size_t most, int32_t* columns,
                         Arena* arena) noexcept
    : picture_(picture),
      packed_(false),
      row_bytes_(3 * most + kSlack),
      readable_(row_bytes_),
      slots_(arena->take<uint8_t>(row_bytes_)),
      luma_(arena->take<uint8_t>(most)),
      pairs_(arena->take<uint8_t>(2 * most)),
      columns_(columns) {}

const uint8_t* PictureRows::pick(int64_t y) noexcept {
  const uint8_t* row = picture_.data + y * picture_.row_stride;
  const bool planes = picture_.kind == Picture::kPlanes;
  yuv_kernels().yuv_pick(row, planes ? chroma_row(y) : nullptr, columns_, picked_, luma_, pairs_);
  yuv_kernels().yuv_pixels(luma_, pairs_, picked_, &picture_.weights, slots_);
  return slots_;
}

const uint8_t* PictureRows::convert(int64_t y, uint8_t* to) noexcept {
  const uint8_t* row = picture_.data + y * picture_.row_stride;
  const auto n = static_cast<size_t>(picture_.width + picture_.odd_x);
  if (picture_.kind == Picture::kYuyv) {
    yuv_kernels().yuv_split(row, n, luma_, pairs_);
    yuv_kernels().yuv_pairs(luma_, pairs_, n, &picture_.weights, to);
  } else {
    yuv_kernels().yuv_pairs(row, chroma_row(y), n, &picture_.weights, to);
  }
  return to + 3 * picture_.odd_x;
}

const uint8_t* PictureRows::row(int64_t y, size_t slot) noexcept {
  if (columns_ != nullptr) return pick(y);
  const uint8_t* from = picture_.data + y * picture_.row_stride;
  if (packed_) return from;
  uint8_t* to = slots_ + slot * row_bytes_;
  if (picture_.kind >= Picture::kPlanes) return convert(y, to);
  if (picture_.kind == Picture::kLuma) {
    fl_image image{};
    image.data = from;
    image.width = picture_.width;
    image.height = 1;
    image.pixel_stride = picture_.pixel_stride;
    image.channel_stride = picture_.channel_stride;
    image.channels = 3;
    image.order = picture_.red_first ? FL_RGB : FL_BGR;
    LumaRows(image).copy(0, 0, picture_.width, to);
    return to;
  }
  uint8_t* next = to;
  for (int64_t x = 0; x < picture_.width; ++x) {
    for (int32_t c = 0; c < picture_.channels; ++c) {
      *next++ = from[x * picture_.pixel_stride + c * picture_.channel_stride];
    }
  }
  return to;
}

}  // namespace fl
