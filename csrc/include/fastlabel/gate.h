/* A part of fastlabel.h, which also may be included alone: the frame gate, which says of each frame
 * of a camera whether it is worth the model's time.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef FASTLABEL_GATE_H_
#define FASTLABEL_GATE_H_

#include "fastlabel/base.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- the frame gate ------------------------------------------------------------- */
/* Fed with a frame row by row (the Y plane of NV12, NV21 or I420, or gray), it measures sharpness,
 * noise, light and what moved since the frame before, in whole numbers, and gives a verdict. It
 * allocates nothing and calls nothing but memcpy: csrc/pixels/gate.c with this header and base.h
 * is all of it, in C99, for a microcontroller too. Its sums are those of fl_image_stats with
 * every_row on the same rows: see fl_gate_measure.
 *
 *   static uint64_t state[FL_GATE_STATE_SIZE(320, 240) / 8];
 *   fl_gate_init(state, sizeof state, 320, 240, &options);
 *   for each frame: fl_gate_rows(state, row, 1, 320) 240 times, then fl_gate_end(state, &result)
 */

#define FL_GATE_GRID_WIDTH 16  /* cells of the grid that motion is measured on */
#define FL_GATE_GRID_HEIGHT 12
#define FL_GATE_MAX_SIDE 16384 /* pixels: the largest width and height */

/* Bytes of state for frames of that size, a multiple of 8; as fl_gate_state_size gives it. */
#define FL_GATE_PITCH_(width) (((width) + 7) / 8 * 8)
#define FL_GATE_BLOCKS_(side) (((side) + 31) / 32)
#define FL_GATE_CALMEST_(blocks) (((blocks) - 1) / 10 + 1)
#define FL_GATE_STATE_SIZE(width, height)                                                    \
  ((640 + 2 * FL_GATE_PITCH_(width) + 6 * FL_GATE_BLOCKS_(width) +                           \
    4 * FL_GATE_CALMEST_(FL_GATE_BLOCKS_(width) * FL_GATE_BLOCKS_(height)) + 7) / 8 * 8)

/* The verdict: FL_GATE_OK, or one bit for each thing that is wrong. */
typedef enum fl_gate_verdict {
  FL_GATE_OK = 0,
  FL_GATE_BLURRY = 1, /* sharpness or acutance under its limit */
  FL_GATE_DARK = 2,   /* mean light under its limit, or the dark share over it */
  FL_GATE_BRIGHT = 4, /* mean light over its limit, or the bright share over it */
  FL_GATE_STILL = 8   /* a frame went before, and no cell of the grid changed by its limit */
} fl_gate_verdict;

/* The limits. A frame on a limit passes. Written by `fastlabel gate` from a training set. */
typedef struct fl_gate_options {
  size_t struct_size;
  uint32_t min_sharpness; /* 1/256 */
  uint32_t min_acutance;  /* 1/65536 */
  uint32_t min_light;     /* 1/256 grey level */
  uint32_t max_light;     /* 1/256 grey level */
  uint32_t max_dark;      /* 1/65536 of the pixels */
  uint32_t max_bright;    /* 1/65536 of the pixels */
  uint32_t min_motion;    /* 1/256 grey level; 0: no frame is still */
} fl_gate_options;

/* What was found in a frame. The measures are rounded down to the unit given. */
typedef struct fl_gate_result {
  int32_t verdict;       /* of fl_gate_verdict */
  int32_t has_acutance;  /* 0: no edge to judge; acutance is 0 */
  int32_t has_motion;    /* 0: no frame went before; motion is 0 */
  int32_t reserved;
  uint32_t sharpness;    /* 1/256: Laplacian variance less what noise gives */
  uint32_t acutance;     /* 1/65536: sharpness over the mean squared gradient, noise out of both */
  uint32_t noise;        /* 1/256 grey level: standard deviation */
  uint32_t light;        /* 1/256 grey level: mean */
  uint32_t dark, bright; /* 1/65536: share of the pixels below 32, and from 224 on */
  uint32_t motion;       /* 1/256 grey level: the most that a cell's mean changed, less the mean
                            change of all cells, which is the light's */
  /* The exact sums behind them. */
  uint32_t dark_pixels, bright_pixels, share_pixels; /* the last: of how many */
  int32_t noise_response; /* mean answer of the calmest tenth to the noise mask, 1/1024 */
  int32_t reserved2;
  int64_t pixels;
  uint64_t luma_sum;
  int64_t laplacian_sum;
  uint64_t laplacian_squares, gradient_squares;
} fl_gate_result;

/* The same measures in floating point, equal in every bit to those of fl_image_stats with
 * every_row. */
typedef struct fl_gate_measures {
  double luma_mean, dark_fraction, bright_fraction;
  double laplacian_variance, noise_sigma, sharpness, acutance;
  int32_t has_acutance, reserved;
} fl_gate_measures;

/* Limits that every frame passes. struct_size: sizeof *options. */
FL_API fl_status fl_gate_options_init(fl_gate_options* options, size_t struct_size);

/* Bytes of state for frames of that size. FL_ERROR_SIZE for a side that is not 1 to
 * FL_GATE_MAX_SIDE. */
FL_API fl_status fl_gate_state_size(int32_t width, int32_t height, size_t* size);

/* Makes a gate in the caller's memory, aligned to 8 bytes (else FL_ERROR_ARGUMENT), of at
 * least fl_gate_state_size (else FL_ERROR_CAPACITY). It may be moved or copied between
 * calls, and needs no end. options: null for limits that every frame passes. */
FL_API fl_status fl_gate_init(void* state, size_t size, int32_t width, int32_t height,
                              const fl_gate_options* options);

/* Takes the next `count` rows of the frame, stride bytes apart, from its top. Nothing of them is
 * needed after the call. FL_ERROR_ARGUMENT for none, FL_ERROR_STRIDE for a stride below a row,
 * FL_ERROR_ROWS, with nothing taken, when the frame has not so many left. */
FL_API fl_status fl_gate_rows(void* state, const uint8_t* rows, int32_t count, int64_t stride);

/* Ends the frame: its measures and verdict. The next row is the first of the next frame.
 * FL_ERROR_ROWS, with nothing written, when rows are missing: give them, or drop the frame. */
FL_API fl_status fl_gate_end(void* state, fl_gate_result* result);

/* Drops a frame of which some rows were taken. The next one has no frame before it. */
FL_API fl_status fl_gate_drop(void* state);

/* All rows of a frame, and its end; rows of a frame not ended before are dropped. */
FL_API fl_status fl_gate_frame(void* state, const uint8_t* luma, int64_t stride,
                               fl_gate_result* result);

/* Floating-point measures from the sums of a result. Not in gate.c, which has no such numbers. */
FL_API fl_status fl_gate_measure(const fl_gate_result* result, fl_gate_measures* measures);

#ifdef __cplusplus
}
#endif

#endif /* FASTLABEL_GATE_H_ */
