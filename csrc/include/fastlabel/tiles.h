/* A part of fastlabel.h, which is what to include: tiles: windows that cut a picture, and boxes cut by them.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef FASTLABEL_TILES_H_
#define FASTLABEL_TILES_H_

#include "fastlabel/base.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- tiles ---------------------------------------------------------------------- */
/* A window is four int64, x1 y1 x2 y2, half-open, in whole pixels of the picture; it may reach
 * over the picture's edges, where a tile is padded. Windows of a picture stand row by row. */

typedef enum fl_tile_anchor {
  FL_TILE_ORIGIN = 0, /* the first window begins at the top left corner */
  FL_TILE_CENTER = 1  /* what is too much is shared between both ends */
} fl_tile_anchor;

typedef enum fl_tile_last {
  FL_TILE_SHIFT = 0, /* windows that would leave the picture are moved back inside; where the
                      * picture is smaller than a tile, so is the window */
  FL_TILE_PAD = 1    /* they leave it */
} fl_tile_last;

typedef struct fl_tile_grid {
  size_t struct_size;
  int64_t width, height;  /* of a tile; 1 .. 2^31 */
  int64_t step_x, step_y; /* from a window to the next; 1 .. width, height */
  int32_t anchor;         /* fl_tile_anchor */
  int32_t last;           /* fl_tile_last */
} fl_tile_grid;

/* 640 x 640 with steps of 512, from the origin, shifted. struct_size: sizeof *grid. */
FL_API fl_status fl_tile_grid_init(fl_tile_grid* grid, size_t struct_size);

/* How many windows cover a picture of 1 .. 2^31 pixels a side: the fewest that do. */
FL_API fl_status fl_tile_counts(const fl_tile_grid* grid, int64_t width, int64_t height,
                                int64_t* columns, int64_t* rows);
/* The windows; capacity: how many fit into out. FL_ERROR_CAPACITY where that is too few. */
FL_API fl_status fl_tile_windows(const fl_tile_grid* grid, int64_t width, int64_t height,
                                 int64_t* out, int64_t capacity);

/* What became of a box. */
typedef enum fl_tile_box {
  FL_TILE_BOX_SEEN = 0,       /* in at least one window */
  FL_TILE_BOX_NOT_FINITE = 1, /* a coordinate is NaN or infinite */
  FL_TILE_BOX_REVERSED = 2,   /* x2 < x1 or y2 < y1 */
  FL_TILE_BOX_OUTSIDE = 3,    /* wholly outside its picture */
  FL_TILE_BOX_UNCOVERED = 4   /* inside, and in none of the windows */
} fl_tile_box;

/* Boxes and windows of many pictures: those of picture g are rows offsets[g] .. offsets[g + 1].
 * A box of no width (or height) lies in the windows that hold its point. */
typedef struct fl_tile_job {
  size_t struct_size;
  const fl_boxes* boxes;         /* xyxy */
  const int64_t* box_offsets;    /* pictures + 1 */
  const int64_t* windows;        /* four a window; between -2^40 and 2^40 */
  const int64_t* window_offsets; /* pictures + 1 */
  const int64_t* sizes;          /* width and height of each picture, to which its boxes are
                                  * clipped first; null: they are not */
  int64_t pictures;
  int32_t workers; /* threads; 0: as many as there are CPUs. No result depends on it. */
  int32_t reserved;
} fl_tile_job;

/* Counts: tile_offsets, one more than there are windows, gets where the boxes of each window
 * will stand; outcome, if not null, an fl_tile_box for each box. */
FL_API fl_status fl_tile_count_boxes(const fl_tile_job* job, int64_t* tile_offsets,
                                     uint8_t* outcome);
/* Clips: for each window, in its place, the rows of its boxes (rising), the four corners of what
 * it shows of them, in pixels of the tile, and the share of the box (of what lies in the
 * picture) that it shows: 1 only where it shows all, never 0. The three are as long as
 * tile_offsets, which come from fl_tile_count_boxes of the same job, say. */
FL_API fl_status fl_tile_clip_boxes(const fl_tile_job* job, const int64_t* tile_offsets,
                                    int64_t* row, double* corners, double* visible);

#ifdef __cplusplus
}
#endif

#endif /* FASTLABEL_TILES_H_ */
