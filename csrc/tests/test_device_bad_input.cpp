// What a device may be given by mistake, through the C ABI alone: each is a status with a text, and
// nothing is written. All memory has exactly the size it needs, at every alignment, so that the
// address sanitizer sees the first byte that is read or written outside it.
#include <cmath>
#include <cstring>
#include <memory>
#include <string>

#include "check.h"
#include "fastlabel/fastlabel.h"

namespace {

using test::Random;

// `size` bytes that begin at this offset of what the allocator gives, and end where it ends.
class Exact {
 public:
  explicit Exact(size_t size, size_t offset = 0) : memory_(new uint8_t[size + offset]), at_(offset) {
    std::memset(memory_.get(), kUntouched, size + offset);
    size_ = size;
  }
  uint8_t* data() noexcept { return memory_.get() + at_; }
  size_t size() const noexcept { return size_; }
  bool untouched() const noexcept {
    for (size_t k = 0; k < at_ + size_; ++k) {
      if (memory_[k] != kUntouched) return false;
    }
    return true;
  }
  void fill(Random* r) noexcept {
    for (size_t k = 0; k < size_; ++k) data()[k] = r->byte();
  }

 private:
  static constexpr uint8_t kUntouched = 0xA5;
  std::unique_ptr<uint8_t[]> memory_;
  size_t at_, size_;
};

// A refusal has a text of its own.
bool told(fl_status status) {
  const std::string text = fl_status_text(status);
  return status != FL_OK && !text.empty() && text != "unknown status" && text != "ok";
}

fl_letterbox_options int8_options(int64_t side) {
  fl_letterbox_options o;
  CHECK(fl_letterbox_options_init(&o, sizeof o) == FL_OK);
  o.width = o.height = side;
  o.dtype = FL_INT8;
  o.quant_scale = 1.0F / 127;
  return o;
}

// A frame and memory of its planes, exact.
struct Camera {
  fl_frame frame = {};
  std::unique_ptr<Exact> planes[2];

  Camera(int32_t format, int64_t width, int64_t height, int64_t extra, size_t offset, Random* r) {
    frame.format = format;
    frame.width = width;
    frame.height = height;
    const int64_t pixel = format == FL_FRAME_YUYV                             ? 2
                          : format == FL_FRAME_RGB || format == FL_FRAME_BGR ? 3
                                                                             : 1;
    frame.strides[0] = width * pixel + extra;
    const bool two = format == FL_FRAME_NV12 || format == FL_FRAME_NV21;
    if (two) frame.strides[1] = width + extra;
    int64_t bytes[2] = {0, 0};
    CHECK(fl_frame_bytes(&frame, bytes) == FL_OK);
    CHECK((bytes[1] > 0) == two);
    for (int k = 0; k < (two ? 2 : 1); ++k) {
      planes[k] = std::make_unique<Exact>(static_cast<size_t>(bytes[k]), offset);
      planes[k]->fill(r);
      frame.planes[k] = planes[k]->data();
    }
  }
};

// Everything that takes a frame says the same of it, and writes nothing.
void refused(const fl_frame& frame, const fl_letterbox_options& o, fl_status expected) {
  Exact out(3 * 32 * 32), work(1 << 16), placement(sizeof(fl_placement));
  auto* at = reinterpret_cast<fl_placement*>(placement.data());
  const fl_status status = fl_letterbox_into(&frame, &o, out.data(), nullptr, work.data(),
                                             work.size(), at);
  CHECK(status == expected && told(status));
  CHECK(fl_letterbox_frame(&frame, &o, out.data(), nullptr, at) == expected);
  CHECK(fl_letterbox_frame_batch(&frame, 1, &o, 1, out.data(), 0, nullptr, at) == expected);
  CHECK(out.untouched() && placement.untouched());
}

void frames() {
  Random r(1);
  const fl_letterbox_options o = int8_options(32);
  for (const int32_t format : {FL_FRAME_GRAY, FL_FRAME_RGB, FL_FRAME_BGR, FL_FRAME_NV12,
                               FL_FRAME_NV21, FL_FRAME_YUYV}) {
    Camera camera(format, 48, 36, 5, 1, &r);
    const fl_frame good = camera.frame;
    const bool two = good.planes[1] != nullptr;
    Exact out(3 * 32 * 32, 1);
    CHECK(fl_letterbox_frame(&good, &o, out.data(), nullptr, nullptr) == FL_OK);

    for (const int64_t side : {int64_t{0}, int64_t{-1}, INT64_MIN, INT64_MAX}) {
      fl_frame bad = good;
      bad.width = side;
      CHECK(told(fl_letterbox_frame(&bad, &o, out.data(), nullptr, nullptr)));
      bad = good;
      bad.height = side;
      CHECK(told(fl_letterbox_frame(&bad, &o, out.data(), nullptr, nullptr)));
    }
    fl_frame bad = good;
    bad.width = bad.height = 0;
    refused(bad, o, FL_ERROR_SIZE);
    if (two || format == FL_FRAME_YUYV) {
      bad = good;
      bad.width = 47;
      refused(bad, o, FL_ERROR_SIZE);
    }
    if (two) {
      bad = good;
      bad.height = 35;
      refused(bad, o, FL_ERROR_SIZE);
    }
    for (int k = 0; k < (two ? 2 : 1); ++k) {
      bad = good;
      bad.strides[k] = good.strides[k] - 6;  // a byte less than a row
      refused(bad, o, FL_ERROR_STRIDE);
      bad.strides[k] = 0;
      refused(bad, o, FL_ERROR_STRIDE);
      bad.strides[k] = INT64_MIN;
      CHECK(told(fl_letterbox_frame(&bad, &o, out.data(), nullptr, nullptr)));
      bad = good;
      bad.planes[k] = nullptr;
      refused(bad, o, FL_ERROR_ARGUMENT);
    }
    const fl_window windows[] = {{-1, 0, 8, 8},   {0, -1, 8, 8},        {41, 0, 8, 8},
                                 {0, 29, 8, 8},   {0, 0, 49, 8},        {0, 0, 8, 37},
                                 {48, 36, 1, 1},  {INT64_MAX, 0, 8, 8}, {8, 8, INT64_MAX, 8},
                                 {0, 0, -8, 8},   {4, 4, 0, 8},         {0, 0, 8, INT64_MIN}};
    for (const fl_window& window : windows) {
      bad = good;
      bad.window = window;
      refused(bad, o, FL_ERROR_WINDOW);
    }
    bad = good;
    bad.reserved = 1;
    CHECK(told(fl_letterbox_frame(&bad, &o, out.data(), nullptr, nullptr)));
  }
  fl_frame bad = Camera(FL_FRAME_BGR, 8, 8, 0, 0, &r).frame;
  for (const int32_t format : {-1, 6, INT32_MAX}) {
    bad.format = format;
    refused(bad, o, FL_ERROR_ARGUMENT);
  }
}

void scales() {
  Random r(2);
  const Camera camera(FL_FRAME_NV12, 48, 36, 0, 0, &r);
  const float inf = INFINITY;
  for (const float value : {0.0F, -0.0F, inf, -inf, NAN}) {
    fl_letterbox_options o = int8_options(32);
    o.scale = value;
    refused(camera.frame, o, FL_ERROR_SCALE);
    o = int8_options(32);
    o.std[1] = value;
    refused(camera.frame, o, FL_ERROR_SCALE);
    o = int8_options(32);
    o.quant_scale = value;
    refused(camera.frame, o, FL_ERROR_SCALE);
  }
  const fl_boxes none = {nullptr, 0, 32, 8, FL_FLOAT64, FL_XYXY};
  for (const double value : {0.0, -1.0, double{INFINITY}, double{NAN}}) {
    const fl_placement at = {32, 24, 0, 4, value, 1};
    CHECK(fl_letterbox_boxes_to_frame(&at, nullptr, 0, &none, nullptr) == FL_ERROR_SCALE);
    CHECK(fl_letterbox_boxes_to_input(&at, nullptr, &none, nullptr) == FL_ERROR_SCALE);
  }
}

// Frames of every kind, good and bad, in memory that is exact: work memory too.
void any_frame(int64_t count) {
  Random r(3);
  int64_t good = 0, bad = 0;
  for (int64_t k = 0; k < count; ++k) {
    const auto format = static_cast<int32_t>(r.below(6));
    int64_t width = 1 + r.below(70), height = 1 + r.below(50);
    if (format >= FL_FRAME_NV12) width += width % 2, height += height % 2;
    const auto offset = static_cast<size_t>(r.below(4));
    Camera camera(format, width, height, r.below(3) * r.below(40), offset, &r);
    fl_frame frame = camera.frame;
    if (r.below(3) == 0) {
      frame.window = {r.below(width) - 1, r.below(height) - 1, r.below(width + 2), r.below(height + 2)};
    }
    if (r.below(8) == 0) frame.strides[0] -= r.below(frame.strides[0] + 1);
    if (r.below(8) == 0) {  // from the last row upwards
      for (int p = 0; p < 2; ++p) {
        if (frame.planes[p] == nullptr) continue;
        const int64_t rows = p == 0 ? height : height / 2;
        frame.planes[p] += (rows - 1) * frame.strides[p];
        frame.strides[p] = -frame.strides[p];
      }
    }
    fl_letterbox_options o = int8_options(1 + r.below(60));
    o.height = 1 + r.below(60);
    o.interpolation = static_cast<int32_t>(r.below(2));
    o.layout = static_cast<int32_t>(r.below(2));
    constexpr int32_t kTypes[] = {FL_UINT8, FL_INT8, FL_FLOAT32, FL_FLOAT16};
    o.dtype = kTypes[r.below(4)];
    o.stretch = static_cast<int32_t>(r.below(2));
    o.center = static_cast<int32_t>(r.below(2));
    // What a stride was made smaller than can only be known by the caller: no more is reached.
    int64_t bytes[2];
    if (frame.strides[0] < camera.frame.strides[0] && frame.strides[0] > 0 &&
        fl_frame_bytes(&frame, bytes) == FL_OK) {
      CHECK(bytes[0] <= static_cast<int64_t>(camera.planes[0]->size()));
    }
    size_t work_size = 0;
    int32_t channels = 0;
    int64_t out_size = 0;
    const fl_status sized = fl_letterbox_work_size(&frame, &o, &work_size);
    if (sized != FL_OK) {
      CHECK(told(sized));
      Exact out(64);
      CHECK(fl_letterbox_into(&frame, &o, out.data(), nullptr, nullptr, 0, nullptr) != FL_OK);
      CHECK(out.untouched());
      ++bad;
      continue;
    }
    CHECK(fl_letterbox_output(&frame, &o, &channels, &out_size) == FL_OK);
    Exact out(static_cast<size_t>(out_size), offset), work(work_size, static_cast<size_t>(r.below(9)));
    if (work_size > 0) {
      CHECK(fl_letterbox_into(&frame, &o, out.data(), nullptr, work.data(), work_size - 1, nullptr) ==
            FL_ERROR_CAPACITY);
      CHECK(out.untouched());
    }
    CHECK(fl_letterbox_into(&frame, &o, out.data(), nullptr, work.data(), work_size, nullptr) == FL_OK);
    Exact other(static_cast<size_t>(out_size));
    // Whatever stands in the work memory.
    std::memset(work.data(), static_cast<int>(r.below(256)), work_size);
    CHECK(fl_letterbox_into(&frame, &o, other.data(), nullptr, work.data(), work_size, nullptr) == FL_OK);
    CHECK(std::memcmp(out.data(), other.data(), out.size()) == 0);
    CHECK(fl_letterbox_frame(&frame, &o, other.data(), nullptr, nullptr) == FL_OK);
    CHECK(std::memcmp(out.data(), other.data(), out.size()) == 0);
    ++good;
  }
  CHECK(good > count / 4 && bad > count / 20);
}

const char kRecipe[] =
    "{\"fastlabel_preprocess\": 1, \"width\": 32, \"height\": 24, \"interpolation\": \"linear\",\n"
    " \"center\": true, \"scale_up\": true, \"stretch\": false, \"order\": \"rgb\",\n"
    " \"layout\": \"nchw\", \"dtype\": \"int8\", \"color\": [114, 114, 114], \"scale\": 0.00392156886,\n"
    " \"mean\": [0, 0, 0], \"std\": [1, 1, 1], \"quantize\": {\"scale\": 0.00392156886, "
    "\"zero_point\": -128}}";

fl_status read(const std::string& text, fl_recipe_error* error, Exact* options) {
  Exact exact(text.size(), 1);  // no NUL behind it
  std::memcpy(exact.data(), text.data(), text.size());
  std::memset(error, 0, sizeof *error);
  return fl_recipe_read(reinterpret_cast<const char*>(exact.data()), text.size(),
                        reinterpret_cast<fl_letterbox_options*>(options->data()), options->size(),
                        error);
}

void recipes() {
  const std::string good = kRecipe;
  const auto with = [&](const std::string& from, const std::string& to) {
    std::string text = good;
    const size_t at = text.find(from);
    CHECK(at != std::string::npos);
    return text.replace(at, from.size(), to);
  };
  fl_recipe_error error;
  {
    Exact options(sizeof(fl_letterbox_options));
    CHECK(read(good, &error, &options) == FL_OK);
  }
  const std::string wrong[] = {
      with("preprocess\": 1", "preprocess\": 2"),   with("preprocess\": 1", "preprocess\": 0"),
      with("\"scale\": 0.00392156886,\n", "\"scale\": 0,\n"),
      with("[1, 1, 1]", "[1, 0, 1]"),               with("{\"scale\": 0.00392156886", "{\"scale\": 0"),
      with("\"width\": 32", "\"width\": 0"),        with("\"width\": 32", "\"width\": 99999999999"),
      with("\"rgb\"", "\"gbr\""),                   with("\"center\"", "\"centre\""),
      with("\"center\": true, ", ""),               good + "}",
      good + good,                                  "",
      std::string(70000, ' '),                      std::string(60000, '['),
  };
  for (const std::string& text : wrong) {
    Exact options(sizeof(fl_letterbox_options));
    const fl_status status = read(text, &error, &options);
    CHECK(status == FL_ERROR_RECIPE && told(status));
    CHECK(options.untouched());
    CHECK(error.line >= 1 && error.column >= 1 && error.text[0] != '\0');
    CHECK(std::memchr(error.text, 0, sizeof error.text) != nullptr);
  }
  for (size_t length = 0; length < good.size(); ++length) {
    Exact options(sizeof(fl_letterbox_options));
    CHECK(read(good.substr(0, length), &error, &options) == FL_ERROR_RECIPE);
    CHECK(options.untouched());
  }
  Random r(4);
  for (int k = 0; k < 3000; ++k) {
    std::string text = good;
    for (int64_t n = 1 + r.below(3); n > 0; --n) {
      text[static_cast<size_t>(r.below(static_cast<int64_t>(text.size())))] = static_cast<char>(r.byte());
    }
    Exact options(sizeof(fl_letterbox_options));
    const fl_status status = read(text, &error, &options);
    CHECK(status == FL_OK || (told(status) && options.untouched()));
  }
}

void gates() {
  Random r(5);
  for (const int32_t width : {1, 2, 3, 31, 33, 64, 320}) {
    for (const int32_t height : {1, 2, 3, 33, 64}) {
      size_t size = 0;
      CHECK(fl_gate_state_size(width, height, &size) == FL_OK);
      CHECK(size <= FL_GATE_STATE_SIZE(static_cast<size_t>(width), static_cast<size_t>(height)));
      Exact state(size), result(sizeof(fl_gate_result));
      auto* found = reinterpret_cast<fl_gate_result*>(result.data());
      CHECK(fl_gate_init(state.data(), size - 8, width, height, nullptr) == FL_ERROR_CAPACITY);
      CHECK(state.untouched());
      CHECK(fl_gate_init(state.data(), size, width, height, nullptr) == FL_OK);
      // Rows of exact length, at an odd address, the last one too: none is read past its end.
      const auto row = static_cast<size_t>(width);
      Exact rows(row * static_cast<size_t>(height), 1);
      rows.fill(&r);
      CHECK(fl_gate_end(state.data(), found) == FL_ERROR_ROWS);
      CHECK(fl_gate_rows(state.data(), rows.data(), height + 1, width) == FL_ERROR_ROWS);
      CHECK(fl_gate_rows(state.data(), rows.data(), INT32_MAX, width) == FL_ERROR_ROWS);
      CHECK(told(fl_gate_rows(state.data(), rows.data(), 1, width - 1)));
      CHECK(told(fl_gate_rows(state.data(), rows.data(), 0, width)));
      CHECK(told(fl_gate_rows(state.data(), rows.data(), -1, width)));
      CHECK(told(fl_gate_rows(state.data(), nullptr, 1, width)));
      CHECK(result.untouched());
      for (int32_t y = 0; y < height; ++y) {
        Exact alone(row, static_cast<size_t>(y % 3));
        std::memcpy(alone.data(), rows.data() + static_cast<size_t>(y) * row, row);
        CHECK(fl_gate_rows(state.data(), alone.data(), 1, width) == FL_OK);
        if (y + 1 < height) CHECK(fl_gate_end(state.data(), found) == FL_ERROR_ROWS);
      }
      CHECK(result.untouched());
      CHECK(fl_gate_rows(state.data(), rows.data(), 1, width) == FL_ERROR_ROWS);
      fl_gate_result one, whole;
      CHECK(fl_gate_end(state.data(), &one) == FL_OK);
      CHECK(fl_gate_drop(state.data()) == FL_OK);
      CHECK(fl_gate_frame(state.data(), rows.data(), width, &whole) == FL_OK);
      CHECK(one.laplacian_squares == whole.laplacian_squares && one.luma_sum == whole.luma_sum);
      if (size > 8) {
        Exact odd(size, 1);
        CHECK(told(fl_gate_init(odd.data(), size, width, height, nullptr)));
        CHECK(odd.untouched());
      }
    }
  }
  size_t size = 0;
  for (const int32_t side : {0, -1, FL_GATE_MAX_SIDE + 1, INT32_MAX, INT32_MIN}) {
    CHECK(told(fl_gate_state_size(side, 8, &size)) && told(fl_gate_state_size(8, side, &size)));
  }
}

// Boxes, tiles and numbers of pictures that cannot be.
void outputs() {
  const double box[4] = {0, 0, 8, 8};
  int64_t keep[1] = {7}, kept = 7;
  const double score = 0.5, nan = NAN;
  fl_boxes boxes = {box, 1, 32, 8, FL_FLOAT64, FL_XYXY};
  CHECK(told(fl_nms(&boxes, &nan, nullptr, 0.5, keep, &kept)));
  CHECK(told(fl_nms(&boxes, &score, nullptr, -0.5, keep, &kept)));
  CHECK(told(fl_nms(&boxes, nullptr, nullptr, 0.5, keep, &kept)));
  boxes.n = -1;
  CHECK(told(fl_nms(&boxes, &score, nullptr, 0.5, keep, &kept)));
  boxes.n = INT64_MAX;
  CHECK(fl_nms(&boxes, &score, nullptr, 0.5, keep, &kept) == FL_ERROR_OVERFLOW);
  CHECK(keep[0] == 7);
  fl_tile_grid grid;
  CHECK(fl_tile_grid_init(&grid, sizeof grid) == FL_OK);
  int64_t columns = 7, rows = 7;
  CHECK(told(fl_tile_counts(&grid, 0, 8, &columns, &rows)));
  grid.step_x = 0;
  CHECK(told(fl_tile_counts(&grid, 8, 8, &columns, &rows)) && columns == 7);
  // Boxes that begin at an odd address, and end with their memory.
  Exact odd(5 * 32, 3);
  double out[4];
  for (int k = 0; k < 5; ++k) std::memcpy(odd.data() + 32 * k, box, 32);
  const fl_boxes many = {odd.data(), 5, 32, 8, FL_FLOAT64, FL_XYXY};
  const fl_boxes one = {box, 1, 32, 8, FL_FLOAT64, FL_XYXY};
  double matrix[5];
  CHECK(fl_box_matrix(&many, &one, nullptr, matrix, 8, 8) == FL_OK && matrix[4] == 1);
  const fl_placement at = {8, 8, 0, 0, 1, 1};
  const fl_boxes last = {odd.data() + 4 * 32, 1, 32, 8, FL_FLOAT64, FL_XYXY};
  CHECK(fl_letterbox_boxes_to_frame(&at, nullptr, 0, &last, out) == FL_OK && out[3] == 8);
}

}  // namespace

int main() {
  CHECK(fl_init() == FL_OK);
  frames();
  scales();
  recipes();
  gates();
  outputs();
  const char* names[8];
  const int32_t n = fl_isa_available(names, 8);
  for (int32_t k = 0; k < n; ++k) {
    CHECK(fl_isa_select(names[k]) == FL_OK);
    any_frame(600);
  }
  return test::finish("device_bad_input");
}
