// What every use of libjpeg-turbo here shares: an error manager that is all ours, so that nothing
// of libjpeg can write to stderr or exit, and the limits on what a file may cost.
#pragma once

#include <csetjmp>
#include <cstddef>
#include <cstdint>
#include <cstdio>

// jpeglib.h needs size_t and FILE first.
#include <jpeglib.h>

#include "codec/jpeg.h"

namespace fl {

// What the C callbacks of libjpeg share. It outlives every longjmp, so nothing in it may need a
// destructor. Whoever calls into libjpeg does it from a function that has called
// setjmp(session.escape) and holds no object with a destructor.
struct JpegSession {
  jpeg_error_mgr errors;
  jpeg_progress_mgr progress;
  std::jmp_buf escape;
  const JpegLimits* limits;
  bool truncated;
  bool corrupt;
  bool too_many_scans;
  bool cancelled;
  bool finishing;  // all rows are out
  char warning[JMSG_LENGTH_MAX];
};

// Fills in the error manager; then set info.err = &session.errors and info.client_data = &session.
void set_up_session(JpegSession* session, const JpegLimits* limits) noexcept;
// After jpeg_create_decompress: the bounds on memory and scans, and the cancelling.
void set_up_limits(JpegSession* session, jpeg_decompress_struct* info) noexcept;
// After an error: what it means for the picture, with a text.
fl_image_status describe_error(const JpegSession& session, j_common_ptr info, char* detail,
                               size_t size) noexcept;
// Whether a picture of this size is within the limits; else a text.
bool within_pixels(const JpegLimits& limits, uint32_t width, uint32_t height, char* detail,
                   size_t size) noexcept;

}  // namespace fl
