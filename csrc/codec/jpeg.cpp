#include "codec/jpeg.h"

#include <algorithm>
#include <vector>

#include "codec/jpeg_session.h"

namespace fl {

namespace {

// Luma of a CMYK pixel by ITU-R BT.601, in libjpeg's own 16-bit fixed point. Files with an
// Adobe marker store ink inverted.
inline uint8_t cmyk_luma(const uint8_t* p, bool inverted) noexcept {
  const auto light = [&](int k) { return inverted ? p[k] : 255 - p[k]; };
  const int k = light(3);
  const int r = (light(0) * k + 127) / 255;
  const int g = (light(1) * k + 127) / 255;
  const int b = (light(2) * k + 127) / 255;
  return static_cast<uint8_t>((19595 * r + 38470 * g + 7471 * b + 32768) >> 16);
}

// Which output makes luma of this file: gray where libjpeg converts to it, CMYK where we do.
bool choose_output(jpeg_decompress_struct* info) noexcept {
  // Where luma is a component of its own and of full size, the inverse DCT writes straight
  // into our rows: the same bytes as gray output, without its copies.
  const jpeg_component_info& first = info->comp_info[0];
  const bool luma_first =
      info->jpeg_color_space == JCS_YCbCr || info->jpeg_color_space == JCS_GRAYSCALE;
  info->raw_data_out = luma_first && first.h_samp_factor == info->max_h_samp_factor &&
                       first.v_samp_factor == info->max_v_samp_factor &&
                       first.v_samp_factor * DCTSIZE <= LumaStats::kMaxRows;
  if (info->raw_data_out != FALSE) {
    for (int k = 1; k < info->num_components; ++k) info->comp_info[k].component_needed = FALSE;
  }
  switch (info->jpeg_color_space) {
    case JCS_GRAYSCALE:
    case JCS_YCbCr:
    case JCS_RGB:
      info->out_color_space = JCS_GRAYSCALE;
      return true;
    case JCS_CMYK:
    case JCS_YCCK:
      info->out_color_space = JCS_CMYK;
      return true;
    default:
      return false;
  }
}

struct Decoder {
  JpegSession s;
  jpeg_decompress_struct info;
  JpegResult result;
  LumaStats* stats = nullptr;
  std::vector<uint8_t> wide;  // rows of 4 bytes a pixel, for CMYK

  Decoder() noexcept : s{}, info{} {}
  // Frees what libjpeg holds, also when an allocation of ours threw on the way.
  ~Decoder() { jpeg_destroy_decompress(&info); }
  Decoder(const Decoder&) = delete;
  Decoder& operator=(const Decoder&) = delete;

  void set_detail(const char* text) noexcept {
    std::snprintf(result.detail, sizeof result.detail, "%.119s", text);
  }

  // Everything that can longjmp. Holds no object with a destructor.
  bool read_header(const uint8_t* data, size_t size) noexcept {
    if (setjmp(s.escape) != 0) return false;
    jpeg_mem_src(&info, data, static_cast<unsigned long>(size));
    jpeg_save_markers(&info, JPEG_COM, 0);
    return jpeg_read_header(&info, TRUE) == JPEG_HEADER_OK;
  }

  bool start() noexcept {
    if (setjmp(s.escape) != 0) return false;
    return jpeg_start_decompress(&info) != FALSE;
  }

  // Decodes up to n rows into the buffers; 0 at the end, -1 after an error.
  int read_rows(uint8_t** buffers, int n) noexcept {
    if (setjmp(s.escape) != 0) return -1;
    if (info.raw_data_out == FALSE) {
      return static_cast<int>(jpeg_read_scanlines(&info, buffers, static_cast<JDIMENSION>(n)));
    }
    // Components that are not needed are not written: any array of rows will do.
    JSAMPARRAY planes[MAX_COMPONENTS];
    std::fill(planes, planes + MAX_COMPONENTS, buffers);
    const JDIMENSION at = info.output_scanline;
    jpeg_read_raw_data(&info, planes, static_cast<JDIMENSION>(LumaStats::kMaxRows));
    return static_cast<int>(std::min(info.output_scanline, info.output_height) - at);
  }

  // Reads on to the end of the picture, for the decoder's last word about it.
  void finish() noexcept {
    s.finishing = true;
    if (setjmp(s.escape) == 0) jpeg_finish_decompress(&info);
  }

  void rows_loop() {
    const bool cmyk = info.out_color_space == JCS_CMYK;
    const bool inverted = info.saw_Adobe_marker != FALSE;
    const size_t width = info.output_width;
    if (cmyk) wide.resize(width * 4);
    // A progressive file is whole in memory before its first row: all rows count.
    const bool by_rows = info.buffered_image == FALSE && jpeg_has_multiple_scans(&info) == FALSE;
    while (info.output_scanline < info.output_height) {
      uint8_t* buffers[LumaStats::kMaxRows];
      const int64_t n = stats->next_rows(buffers);
      uint8_t* one = wide.data();
      const int got = cmyk ? read_rows(&one, 1) : read_rows(buffers, static_cast<int>(n));
      if (got < 0) {
        finish_error();
        return;
      }
      if (cmyk && got == 1) {
        for (size_t x = 0; x < width; ++x) buffers[0][x] = cmyk_luma(one + 4 * x, inverted);
      }
      // Beyond the point where the data ended, libjpeg fills in gray: not picture.
      if (by_rows && s.truncated && stats->rows() > 0) break;
      stats->commit(got);
      if (s.limits->cancelled != nullptr && s.limits->cancelled->load(std::memory_order_relaxed)) {
        s.cancelled = true;
        finish_error();
        return;
      }
    }
    if (info.output_scanline >= info.output_height && !s.truncated) finish();
    result.status = s.truncated ? FL_IMAGE_TRUNCATED : s.corrupt ? FL_IMAGE_CORRUPT : FL_IMAGE_OK;
    if (result.status == FL_IMAGE_OK) return;
    if (s.truncated && by_rows) {
      std::snprintf(result.detail, sizeof result.detail, "%.60s (row %lld of %u)", s.warning,
                    static_cast<long long>(stats->rows()), info.output_height);
    } else {
      set_detail(s.warning);
    }
  }

  void finish_error() noexcept {
    result.status = describe_error(s, reinterpret_cast<j_common_ptr>(&info), result.detail,
                                   sizeof result.detail);
    const bool stopped = s.cancelled || s.too_many_scans;
    if (!stopped && result.status == FL_IMAGE_UNREADABLE && stats->rows() > 0) {
      result.status = FL_IMAGE_CORRUPT;
    }
  }
};

}  // namespace

#define FL_STRING_(a) #a
#define FL_STRING(a) FL_STRING_(a)
const char* jpeg_codec_name() noexcept {
  return "libjpeg-turbo " FL_STRING(LIBJPEG_TURBO_VERSION) ", islow DCT";
}

JpegResult decode_jpeg_luma(const uint8_t* data, size_t size, const JpegLimits& limits,
                            BoxSource& boxes, LumaStats& stats) {
  Decoder d;
  d.stats = &stats;
  JpegSession& s = d.s;
  set_up_session(&s, &limits);
  d.info.err = &s.errors;
  if (setjmp(s.escape) != 0) {
    d.finish_error();
    return d.result;
  }
  d.info.client_data = &s;  // kept by jpeg_create_decompress, which may fail already
  jpeg_create_decompress(&d.info);
  set_up_limits(&s, &d.info);

  // LumaStats counts rows from its begin(); an error before that must see none.
  static const std::vector<PixelBox> no_boxes;
  stats.begin(1, 0, no_boxes);
  if (!d.read_header(data, size)) {
    d.finish_error();
    return d.result;
  }
  d.result.width = static_cast<int32_t>(d.info.image_width);
  d.result.height = static_cast<int32_t>(d.info.image_height);
  d.result.channels = d.info.num_components;
  if (!within_pixels(limits, d.info.image_width, d.info.image_height, d.result.detail,
                     sizeof d.result.detail)) {
    d.result.status = FL_IMAGE_OVER_LIMIT;
  } else if (!choose_output(&d.info)) {
    d.result.status = FL_IMAGE_UNSUPPORTED;
    std::snprintf(d.result.detail, sizeof d.result.detail, "JPEG of %d components",
                  d.info.num_components);
  } else {
    d.info.dct_method = JDCT_ISLOW;
    d.info.do_fancy_upsampling = TRUE;
    if (d.start()) {
      const auto width = static_cast<int64_t>(d.info.output_width);
      const auto height = static_cast<int64_t>(d.info.output_height);
      stats.begin(width, height, boxes.boxes_for(width, height));
      d.rows_loop();
    } else {
      d.finish_error();
    }
  }
  return d.result;
}

}  // namespace fl
