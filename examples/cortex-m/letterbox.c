/* A camera's NV12 frame to a network's int8 input on a microcontroller, and what it costs. frame.h,
 * which frame.py writes from a picture, has the frame.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "board.h"
#include "fastlabel/frame.h"
#include "frame.h"
#include "print.h"

#define SIDE 96
#define WORK_BYTES (16 * 1024) /* more than fl_letterbox_work_size asks for here */

static int8_t input[3 * SIDE * SIDE];
static uint64_t work[WORK_BYTES / 8];

/* FNV-1a of 64 bits. */
static uint64_t hash_of(const int8_t* bytes, uint32_t n) {
  uint64_t hash = 14695981039346656037u;
  for (uint32_t i = 0; i < n; ++i) hash = (hash ^ (uint8_t)bytes[i]) * 1099511628211u;
  return hash;
}

int main(void) {
  static fl_letterbox_options options; /* all zero */
  options.struct_size = sizeof options;
  options.width = options.height = SIDE;
  options.layout = FL_NHWC;
  options.dtype = FL_INT8;
  options.center = options.scale_up = 1;
  for (int c = 0; c < 4; ++c) {
    options.color[c] = 114;
    options.std[c] = 1.0f;
  }
  options.scale = 1.0f / 255.0f;
  options.quant_scale = 1.0f / 255.0f;
  options.zero_point = -128;
  static fl_frame frame;
  frame.format = FL_FRAME_NV12;
  frame.width = FRAME_WIDTH;
  frame.height = FRAME_HEIGHT;
  frame.planes[0] = frames[0];
  frame.planes[1] = chroma;
  frame.strides[0] = frame.strides[1] = FRAME_WIDTH;
  size_t needed = 0;
  for (int32_t k = FL_LINEAR; k <= FL_AREA; ++k) {
    options.interpolation = k;
    if (fl_letterbox_work_size(&frame, &options, &needed) != FL_OK) return 1;
    if (needed > sizeof work) return 2;
    const uint32_t start = board_clock();
    const fl_status status =
        fl_letterbox_into(&frame, &options, input, 0, work, sizeof work, 0);
    const uint32_t ticks = board_passed(start, board_clock());
    if (status != FL_OK) return 3;
    const uint64_t hash = hash_of(input, sizeof input);
    print_number("frame", k);
    print_number("hash_high", (int64_t)(hash >> 32));
    print_number("hash_low", (int64_t)(hash & 0xffffffffu));
    print_number("work_bytes", (int64_t)needed);
    print_number("ticks", ticks);
  }
  print_number("stack_bytes", board_stack_used());
  /* An odd width, and work memory that is too small. */
  frame.width = FRAME_WIDTH - 1;
  if (fl_letterbox_into(&frame, &options, input, 0, work, sizeof work, 0) != FL_ERROR_SIZE) return 4;
  frame.width = FRAME_WIDTH;
  if (fl_letterbox_into(&frame, &options, input, 0, work, 16, 0) != FL_ERROR_CAPACITY) return 5;
  board_print("done\n");
  return 0;
}
