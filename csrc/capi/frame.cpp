// fastlabel.h: letterbox options and places, camera frames to a network's input, boxes there and
// back. Freestanding: the calls that allocate are in preprocess.cpp.
#include "capi/letterbox_call.h"

namespace {

// A frame, checked, and what becomes of it.
struct FrameCall {
  fl::LetterboxCall call;
  fl::Extent planes[2];
  fl::Picture picture;
  fl_placement at;
  uint64_t work;

  fl_status prepare(const fl_frame* frame, const fl_letterbox_options* options,
                    const int64_t* strides, bool with_planes) noexcept {
    const fl_status seen = fl::check_frame(frame, with_planes, planes);
    if (seen != FL_OK) return seen;
    const fl_status ready = call.prepare(options, fl::channels_of(*frame), strides);
    if (ready != FL_OK) return ready;
    fl_frame sizes = *frame;
    if (!with_planes) sizes.planes[0] = nullptr;
    picture = fl::view_of(sizes, call.options.channels);
    const fl_status placed = call.admit(picture.width, picture.height, &at);
    if (placed != FL_OK) return placed;
    work = fl::letterbox_work(picture, at, call);
    return work > SIZE_MAX / 2 ? FL_ERROR_OVERFLOW : FL_OK;
  }
};

// Of one axis: corner x of one side is x * scale + add of the other, less what comes before.
struct Line {
  double scale;
  int64_t pad, from, length;
};

template <typename T>
void read_box(const fl_boxes& boxes, int64_t i, T box[4]) noexcept {
  const auto* row = static_cast<const uint8_t*>(boxes.data) + i * boxes.row_stride;
  for (int64_t k = 0; k < 4; ++k) __builtin_memcpy(&box[k], row + k * boxes.column_stride, sizeof(T));
}

template <typename T>
T to_input(T x, const Line& line) noexcept {
  const T shifted = x - static_cast<T>(line.from);
  const T scaled = shifted * static_cast<T>(line.scale);
  return scaled + static_cast<T>(line.pad);
}

template <typename T>
T to_frame(T x, const Line& line) noexcept {
  const T shifted = x - static_cast<T>(line.pad);
  const T scaled = shifted / static_cast<T>(line.scale);
  return scaled + static_cast<T>(line.from);
}

template <typename T>
void cut(T* first, T* second, int32_t format, const Line& line) noexcept {
  T low = *first;
  T high = *second;
  if (format == FL_XYWH) high = low + high;
  if (format == FL_CXCYWH) {
    const T half = high / 2;
    high = low + half;
    low = low - half;
  }
  const auto from = static_cast<T>(line.from);
  const auto to = static_cast<T>(line.from + line.length);
  low = fl::within(low, from, to);
  high = fl::within(high, from, to);
  *first = format == FL_CXCYWH ? (low + high) / 2 : low;
  *second = format == FL_XYXY ? high : high - low;
}

template <typename T>
void map_boxes(const fl_boxes& boxes, const Line lines[2], bool forth, bool clip,
               void* out) noexcept {
  auto* to = static_cast<uint8_t*>(out);
  for (int64_t i = 0; i < boxes.n; ++i, to += 4 * sizeof(T)) {
    T box[4];
    read_box(boxes, i, box);
    for (int k = 0; k < 4; ++k) {
      const Line& line = lines[k % 2];
      if (k < 2 || boxes.format == FL_XYXY) {
        box[k] = forth ? to_input(box[k], line) : to_frame(box[k], line);
      } else {
        const auto scale = static_cast<T>(line.scale);
        box[k] = forth ? box[k] * scale : box[k] / scale;
      }
    }
    for (int k = 0; k < 2 && clip; ++k) cut(&box[k], &box[k + 2], boxes.format, lines[k]);
    __builtin_memcpy(to, box, sizeof box);
  }
}

bool usable(double scale) noexcept { return scale > 0 && scale - scale == 0; }

// Coordinates that floats of 64 bits hold, and that add up.
bool near(int64_t x) noexcept { return x >= -INT32_MAX && x <= INT32_MAX; }

fl_status map_boxes(const fl_placement* at, const fl_window* window, int32_t clip,
                    const fl_boxes* boxes, bool forth, void* out) noexcept {
  const fl_status status = fl::check_boxes(boxes);
  if (status != FL_OK) return status;
  if (at == nullptr || (out == nullptr && boxes->n > 0)) return FL_ERROR_ARGUMENT;
  if (clip != 0 && clip != 1) return FL_ERROR_ARGUMENT;
  if (!usable(at->scale_x) || !usable(at->scale_y)) return FL_ERROR_SCALE;
  if (!near(at->left) || !near(at->top)) return FL_ERROR_ARGUMENT;
  const fl_window w = window == nullptr ? fl_window{} : *window;
  if (!near(w.x) || !near(w.y) || !near(w.width) || !near(w.height)) return FL_ERROR_WINDOW;
  if (clip == 1 && (w.width < 1 || w.height < 1)) return FL_ERROR_WINDOW;
  const Line lines[2] = {{at->scale_x, at->left, w.x, w.width}, {at->scale_y, at->top, w.y, w.height}};
  if (boxes->dtype == FL_FLOAT32) {
    map_boxes<float>(*boxes, lines, forth, clip == 1, out);
  } else {
    map_boxes<double>(*boxes, lines, forth, clip == 1, out);
  }
  return FL_OK;
}

}  // namespace

extern "C" {

fl_status fl_letterbox_options_init(fl_letterbox_options* options, size_t struct_size) {
  return fl::init_options(options, struct_size, fl::default_letterbox_options());
}

fl_status fl_letterbox_placement(int64_t image_width, int64_t image_height,
                                 const fl_letterbox_options* options, fl_placement* out) {
  fl_letterbox_options read;
  if (out == nullptr) return FL_ERROR_ARGUMENT;
  const fl_status status = fl::read_letterbox_options(options, &read);
  if (status != FL_OK) return fl::as_before(status);
  if (!fl::side(image_width) || !fl::side(image_height)) return FL_ERROR_ARGUMENT;
  *out = fl::place(image_width, image_height, read);
  return FL_OK;
}

fl_status fl_frame_bytes(const fl_frame* frame, int64_t bytes[2]) {
  if (bytes == nullptr) return FL_ERROR_ARGUMENT;
  fl::Extent planes[2];
  const fl_status status = fl::check_frame(frame, false, planes);
  if (status != FL_OK) return status;
  for (int k = 0; k < 2; ++k) bytes[k] = planes[k].high - planes[k].low;
  return FL_OK;
}

fl_status fl_letterbox_output(const fl_frame* frame, const fl_letterbox_options* options,
                              int32_t* channels, int64_t* bytes) {
  if (channels == nullptr || bytes == nullptr) return FL_ERROR_ARGUMENT;
  FrameCall f;
  const fl_status status = f.prepare(frame, options, nullptr, false);
  if (status != FL_OK) return status;
  *channels = f.call.channels;
  *bytes = f.call.out.high;
  return FL_OK;
}

fl_status fl_frame_placement(const fl_frame* frame, const fl_letterbox_options* options,
                             fl_placement* out) {
  if (out == nullptr) return FL_ERROR_ARGUMENT;
  FrameCall f;
  const fl_status status = f.prepare(frame, options, nullptr, false);
  if (status == FL_OK) *out = f.at;
  return status;
}

fl_status fl_letterbox_work_size(const fl_frame* frame, const fl_letterbox_options* options,
                                 size_t* bytes) {
  if (bytes == nullptr) return FL_ERROR_ARGUMENT;
  FrameCall f;
  const fl_status status = f.prepare(frame, options, nullptr, false);
  if (status == FL_OK) *bytes = static_cast<size_t>(f.work);
  return status;
}

fl_status fl_letterbox_into(const fl_frame* frame, const fl_letterbox_options* options, void* out,
                            const int64_t strides[3], void* work, size_t work_size,
                            fl_placement* placement) {
  FrameCall f;
  const fl_status status = f.prepare(frame, options, strides, true);
  if (status != FL_OK) return status;
  if (out == nullptr || work == nullptr) return FL_ERROR_ARGUMENT;
  if (work_size < f.work) return FL_ERROR_CAPACITY;
  const fl::Extent working{0, static_cast<int64_t>(f.work)};
  if (fl::overlap(work, working, out, f.call.out)) return FL_ERROR_ARGUMENT;
  for (int k = 0; k < 2; ++k) {
    if (f.planes[k].high == f.planes[k].low) continue;  // no such plane
    if (fl::overlap(frame->planes[k], f.planes[k], out, f.call.out) ||
        fl::overlap(frame->planes[k], f.planes[k], work, working)) {
      return FL_ERROR_ARGUMENT;
    }
  }
  const fl_status tier = fl::init_tier();
  if (tier != FL_OK) return tier;
  fl::run_letterbox(f.picture, f.at, f.call, static_cast<uint8_t*>(out), work);
  if (placement != nullptr) *placement = f.at;
  return FL_OK;
}

fl_status fl_letterbox_boxes_to_input(const fl_placement* placement, const fl_window* window,
                                      const fl_boxes* boxes, void* out) {
  return map_boxes(placement, window, 0, boxes, true, out);
}

fl_status fl_letterbox_boxes_to_frame(const fl_placement* placement, const fl_window* window,
                                      int32_t clip, const fl_boxes* boxes, void* out) {
  return map_boxes(placement, window, clip, boxes, false, out);
}

}  // extern "C"
