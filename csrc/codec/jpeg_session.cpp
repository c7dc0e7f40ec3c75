#include "codec/jpeg_session.h"

#include <algorithm>
#include <cstring>

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

// Some encoders pad the data with a few bytes.
constexpr int kPaddingBytes = 64;

JpegSession* session_of(j_common_ptr info) noexcept { return static_cast<JpegSession*>(info->client_data); }

[[noreturn]] void on_error(j_common_ptr info) { std::longjmp(session_of(info)->escape, 1); }

void on_message(j_common_ptr info, int level) {
  if (level >= 0) return;  // trace output
  JpegSession* s = session_of(info);
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

void on_progress(j_common_ptr info) {
  JpegSession* s = session_of(info);
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

}  // namespace

void set_up_session(JpegSession* session, const JpegLimits* limits) noexcept {
  session->limits = limits;
  jpeg_error_mgr* e = &session->errors;
  *e = jpeg_error_mgr{};
  e->error_exit = on_error;
  e->emit_message = on_message;
  e->output_message = on_output;
  e->format_message = format_message;
  e->reset_error_mgr = on_reset;
  e->jpeg_message_table = kMessages;
  e->last_jpeg_message = static_cast<int>(JMSG_LASTMSGCODE) - 1;
}

void set_up_limits(JpegSession* session, jpeg_decompress_struct* info) noexcept {
  info->mem->max_memory_to_use = static_cast<long>(
      std::min<uint64_t>(session->limits->max_memory, static_cast<uint64_t>(INT64_MAX)));
  session->progress.progress_monitor = on_progress;
  info->progress = &session->progress;
}

fl_image_status describe_error(const JpegSession& session, j_common_ptr info, char* detail,
                               size_t size) noexcept {
  if (session.cancelled) {
    std::snprintf(detail, size, "cancelled");
    return FL_IMAGE_UNREADABLE;
  }
  if (session.too_many_scans) {
    std::snprintf(detail, size, "more than %d scans", session.limits->max_scans);
    return FL_IMAGE_OVER_LIMIT;
  }
  char text[JMSG_LENGTH_MAX];
  info->err->format_message(info, text);
  std::snprintf(detail, size, "%s", text);
  return status_of_error(info->err->msg_code);
}

bool within_pixels(const JpegLimits& limits, uint32_t width, uint32_t height, char* detail,
                   size_t size) noexcept {
  if (uint64_t{width} * height <= limits.max_pixels) return true;
  std::snprintf(detail, size, "%u x %u pixels, the limit is %llu", width, height,
                static_cast<unsigned long long>(limits.max_pixels));
  return false;
}

}  // namespace fl
