/* The frame gate on a microcontroller: two frames, row by row, as a camera gives them, and what
 * they cost. frame.c, which frame.py writes from a picture, has the frames and the limits.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "board.h"
#include "fastlabel/gate.h"
#include "frame.h"
#include "print.h"

static uint64_t state[FL_GATE_STATE_SIZE(FRAME_WIDTH, FRAME_HEIGHT) / 8];

static void print_result(const fl_gate_result* r) {
  print_number("verdict", r->verdict);
  print_number("sharpness", r->sharpness);
  print_number("acutance", r->acutance);
  print_number("noise", r->noise);
  print_number("light", r->light);
  print_number("dark", r->dark);
  print_number("bright", r->bright);
  print_number("motion", r->motion);
  print_number("has_acutance", r->has_acutance);
  print_number("has_motion", r->has_motion);
  print_number("dark_pixels", r->dark_pixels);
  print_number("bright_pixels", r->bright_pixels);
  print_number("share_pixels", r->share_pixels);
  print_number("noise_response", r->noise_response);
  print_number("pixels", r->pixels);
  print_number("luma_sum", (int64_t)r->luma_sum);
  print_number("laplacian_sum", r->laplacian_sum);
  print_number("laplacian_squares", (int64_t)r->laplacian_squares);
  print_number("gradient_squares", (int64_t)r->gradient_squares);
}

/* Two instructions a turn: what the clock must show for them tells what a tick is. */
__attribute__((noinline)) static void known_loop(uint32_t turns) {
  __asm__ volatile("1: subs %0, %0, #1\n\tbne 1b" : "+r"(turns) : : "cc");
}

static fl_status run_frame(const uint8_t* luma, fl_gate_result* result) {
  for (int32_t y = 0; y < FRAME_HEIGHT; ++y) {
    const fl_status status = fl_gate_rows(state, luma + y * FRAME_WIDTH, 1, FRAME_WIDTH);
    if (status != FL_OK) return status;
  }
  return fl_gate_end(state, result);
}

int main(void) {
  fl_gate_result result;
  uint32_t start = board_clock();
  known_loop(1000000);
  print_number("known_loop_ticks", board_passed(start, board_clock()));
  if (fl_gate_init(state, sizeof state, FRAME_WIDTH, FRAME_HEIGHT, &frame_limits) != FL_OK) {
    return 1;
  }
  uint32_t ticks = 0;
  for (int k = 0; k < FRAME_COUNT; ++k) {
    start = board_clock();
    if (run_frame(frames[k], &result) != FL_OK) return 2;
    ticks = board_passed(start, board_clock());
    print_number("frame", k);
    print_result(&result);
    print_number("ticks", ticks);
  }
  print_number("state_bytes", (int64_t)sizeof state);
  print_number("stack_bytes", board_stack_used());
  /* A row too many, and a frame that lacks rows. */
  if (fl_gate_rows(state, frames[0], FRAME_HEIGHT + 1, FRAME_WIDTH) != FL_ERROR_ROWS) return 4;
  if (fl_gate_end(state, &result) != FL_ERROR_ROWS) return 5;
  board_print("done\n");
  return 0;
}
