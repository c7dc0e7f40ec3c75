#include "codec/jpeg.h"

#include <algorithm>
#include <csetjmp>
#include <cstdio>
#include <cstring>
#include <vector>

// jpeglib.h needs size_t and FILE first.
#include <jpeglib.h>
// Message codes, to tell a truncated file from a damaged one.
#include <jerror.h>

namespace fl {

namespace {

// libjpeg's own texts, by message code: its header is made to be read again for them.
// (Two of them need macros of a header that is not installed; they are never shown.)
#define JCOPYRIGHT_SHORT ""
#define JVERSION ""
const char* const kMessages[] = {
#define JMESSAGE(code, string) string,
#include <jerror.h>
};

// What the C callbacks of libjpeg share. It outlives every longjmp, so nothing in it may
// need a destructor.
struct Session {
  jpeg_error_mgr errors;
  jpeg_progress_mgr progress;
  jpeg_decompress_struct info;
  std::jmp_buf escape;
  const JpegLimits* limits;
  bool truncated;
  bool corrupt;
  bool too_many_scans;
  bool cancelled;
  bool finishing;  // all rows are out
  char warning[JMSG_LENGTH_MAX];
};

// Some encoders pad the data with a few bytes.
constexpr int kPaddingBytes = 64;

Session* session_of(j_common_ptr info) noexcept { return static_cast<Session*>(info->client_data); }

[[noreturn]] void on_error(j_common_ptr info) { std::longjmp(session_of(info)->escape, 1); }

void on_message(j_common_ptr info, int level) {
  if (level >= 0) return;  // trace output
  Session* s = session_of(info);
  ++info->err->num_warnings;
  switch (info->err->msg_code) {
    case JWRN_JPEG_EOF:
      s->truncated = true;
      break;
    case JWRN_HIT_MARKER: {
      // Out of data at a restart marker: one interval is damaged, and the next goes on.
      const int marker = reinterpret_cast<j_decompress_ptr>(info)->unread_marker;
      const bool restart = marker >= JPEG_RST0 && marker <= JPEG_RST0 + 7;
      (restart ? s->corrupt : s->truncated) = true;
      break;
    }
    case JWRN_EXTRANEOUS_DATA:
      // Picture data left over after the last row: the decoder lost its place on the way,
      // of which its fast path says nothing.
      if (!s->finishing || info->err->msg_parm.i[0] <= kPaddingBytes) return;
      s->corrupt = true;
      break;
    case JWRN_HUFF_BAD_CODE:
    case JWRN_MUST_RESYNC:
    case JWRN_ARITH_BAD_CODE:
    case JWRN_BOGUS_PROGRESSION:
      s->corrupt = true;
      break;
    default:  // odd, but the pixels are right
      return;
  }
  if (s->warning[0] == '\0') info->err->format_message(info, s->warning);
}

void on_output(j_common_ptr) {}

void on_reset(j_common_ptr info) {
  info->err->num_warnings = 0;
  info->err->msg_code = 0;
}

void format_message(j_common_ptr info, char* buffer) {
  const jpeg_error_mgr& e = *info->err;
  const bool known = e.msg_code > 0 && e.msg_code <= e.last_jpeg_message;
  const char* text = kMessages[known ? e.msg_code : 0];
  if (std::strstr(text, "%s") != nullptr) {
    std::snprintf(buffer, JMSG_LENGTH_MAX, text, e.msg_parm.s);
  } else if (known) {
    const int* i = e.msg_parm.i;
    std::snprintf(buffer, JMSG_LENGTH_MAX, text, i[0], i[1], i[2], i[3], i[4], i[5], i[6], i[7]);
  } else {
    std::snprintf(buffer, JMSG_LENGTH_MAX, text, e.msg_code);
  }
}

// The whole error manager is ours, so that nothing of libjpeg can write to stderr or exit.
void set_up_errors(jpeg_error_mgr* e) noexcept {
  *e = jpeg_error_mgr{};
  e->error_exit = on_error;
  e->emit_message = on_message;
  e->output_message = on_output;
  e->format_message = format_message;
  e->reset_error_mgr = on_reset;
  e->jpeg_message_table = kMessages;
  e->last_jpeg_message = static_cast<int>(JMSG_LASTMSGCODE) - 1;
}

void on_progress(j_common_ptr info) {
  Session* s = session_of(info);
  const int scan = reinterpret_cast<j_decompress_ptr>(info)->input_scan_number;
  s->too_many_scans = scan > s->limits->max_scans;
  s->cancelled = s->limits->cancelled != nullptr && s->limits->cancelled->load(std::memory_order_relaxed);
  if (s->too_many_scans || s->cancelled) std::longjmp(s->escape, 1);
}

fl_image_status status_of_error(int code) noexcept {
  switch (code) {
    case JERR_SOF_UNSUPPORTED:
    case JERR_BAD_PRECISION:
    case JERR_NOTIMPL:
    case JERR_NOT_COMPILED:
    case JERR_CONVERSION_NOTIMPL:
    case JERR_ARITH_NOTIMPL:
    case JERR_CCIR601_NOTIMPL:
    case JERR_COMPONENT_COUNT:
    case JERR_FRACT_SAMPLE_NOTIMPL:
      return FL_IMAGE_UNSUPPORTED;
    case JERR_IMAGE_TOO_BIG:
    case JERR_OUT_OF_MEMORY:
    case JERR_NO_BACKING_STORE:
    case JERR_WIDTH_OVERFLOW:
      return FL_IMAGE_OVER_LIMIT;
    default:
      return FL_IMAGE_UNREADABLE;
  }
}

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
  Session s;
  JpegResult result;
  LumaStats* stats = nullptr;
  std::vector<uint8_t> wide;  // rows of 4 bytes a pixel, for CMYK

  Decoder() noexcept : s{} {}
  // Frees what libjpeg holds, also when an allocation of ours threw on the way.
  ~Decoder() { jpeg_destroy_decompress(&s.info); }
  Decoder(const Decoder&) = delete;
  Decoder& operator=(const Decoder&) = delete;

  void set_detail(const char* text) noexcept {
    std::snprintf(result.detail, sizeof result.detail, "%.119s", text);
  }

  // Everything that can longjmp. Holds no object with a destructor.
  bool read_header(const uint8_t* data, size_t size) noexcept {
    if (setjmp(s.escape) != 0) return false;
    jpeg_mem_src(&s.info, data, static_cast<unsigned long>(size));
    jpeg_save_markers(&s.info, JPEG_COM, 0);
    return jpeg_read_header(&s.info, TRUE) == JPEG_HEADER_OK;
  }

  bool start() noexcept {
    if (setjmp(s.escape) != 0) return false;
    return jpeg_start_decompress(&s.info) != FALSE;
  }

  // Decodes up to n rows into the buffers; 0 at the end, -1 after an error.
  int read_rows(uint8_t** buffers, int n) noexcept {
    if (setjmp(s.escape) != 0) return -1;
    if (s.info.raw_data_out == FALSE) {
      return static_cast<int>(jpeg_read_scanlines(&s.info, buffers, static_cast<JDIMENSION>(n)));
    }
    // Components that are not needed are not written: any array of rows will do.
    JSAMPARRAY planes[MAX_COMPONENTS];
    std::fill(planes, planes + MAX_COMPONENTS, buffers);
    const JDIMENSION at = s.info.output_scanline;
    jpeg_read_raw_data(&s.info, planes, static_cast<JDIMENSION>(LumaStats::kMaxRows));
    return static_cast<int>(std::min(s.info.output_scanline, s.info.output_height) - at);
  }

  // Reads on to the end of the picture, for the decoder's last word about it.
  void finish() noexcept {
    s.finishing = true;
    if (setjmp(s.escape) == 0) jpeg_finish_decompress(&s.info);
  }

  void rows_loop() {
    const bool cmyk = s.info.out_color_space == JCS_CMYK;
    const bool inverted = s.info.saw_Adobe_marker != FALSE;
    const size_t width = s.info.output_width;
    if (cmyk) wide.resize(width * 4);
    // A progressive file is whole in memory before its first row: all rows count.
    const bool by_rows = s.info.buffered_image == FALSE && jpeg_has_multiple_scans(&s.info) == FALSE;
    while (s.info.output_scanline < s.info.output_height) {
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
    if (s.info.output_scanline >= s.info.output_height && !s.truncated) finish();
    result.status = s.truncated ? FL_IMAGE_TRUNCATED : s.corrupt ? FL_IMAGE_CORRUPT : FL_IMAGE_OK;
    if (result.status == FL_IMAGE_OK) return;
    if (s.truncated && by_rows) {
      std::snprintf(result.detail, sizeof result.detail, "%.60s (row %lld of %u)", s.warning,
                    static_cast<long long>(stats->rows()), s.info.output_height);
    } else {
      set_detail(s.warning);
    }
  }

  void finish_error() noexcept {
    if (s.cancelled) {
      set_detail("cancelled");
      return;
    }
    if (s.too_many_scans) {
      result.status = FL_IMAGE_OVER_LIMIT;
      std::snprintf(result.detail, sizeof result.detail, "more than %d scans", s.limits->max_scans);
      return;
    }
    result.status = status_of_error(s.info.err->msg_code);
    if (result.status == FL_IMAGE_UNREADABLE && stats->rows() > 0) result.status = FL_IMAGE_CORRUPT;
    char text[JMSG_LENGTH_MAX];
    s.info.err->format_message(reinterpret_cast<j_common_ptr>(&s.info), text);
    set_detail(text);
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
  Session& s = d.s;
  s.limits = &limits;
  set_up_errors(&s.errors);
  s.info.err = &s.errors;
  if (setjmp(s.escape) != 0) {
    d.finish_error();
    return d.result;
  }
  s.info.client_data = &s;  // kept by jpeg_create_decompress, which may fail already
  jpeg_create_decompress(&s.info);
  s.info.mem->max_memory_to_use = static_cast<long>(
      std::min<uint64_t>(limits.max_memory, static_cast<uint64_t>(INT64_MAX)));
  s.progress.progress_monitor = on_progress;
  s.info.progress = &s.progress;

  // LumaStats counts rows from its begin(); an error before that must see none.
  static const std::vector<PixelBox> no_boxes;
  stats.begin(1, 0, no_boxes);
  if (!d.read_header(data, size)) {
    d.finish_error();
    return d.result;
  }
  d.result.width = static_cast<int32_t>(s.info.image_width);
  d.result.height = static_cast<int32_t>(s.info.image_height);
  d.result.channels = s.info.num_components;
  const uint64_t pixels = uint64_t{s.info.image_width} * s.info.image_height;
  if (pixels > limits.max_pixels) {
    d.result.status = FL_IMAGE_OVER_LIMIT;
    std::snprintf(d.result.detail, sizeof d.result.detail, "%u x %u pixels, the limit is %llu",
                  s.info.image_width, s.info.image_height,
                  static_cast<unsigned long long>(limits.max_pixels));
  } else if (!choose_output(&s.info)) {
    d.result.status = FL_IMAGE_UNSUPPORTED;
    std::snprintf(d.result.detail, sizeof d.result.detail, "JPEG of %d components",
                  s.info.num_components);
  } else {
    s.info.dct_method = JDCT_ISLOW;
    s.info.do_fancy_upsampling = TRUE;
    if (d.start()) {
      const auto width = static_cast<int64_t>(s.info.output_width);
      const auto height = static_cast<int64_t>(s.info.output_height);
      stats.begin(width, height, boxes.boxes_for(width, height));
      d.rows_loop();
    } else {
      d.finish_error();
    }
  }
  return d.result;
}

}  // namespace fl
