/* A part of fastlabel.h, which is what to include: merging what a model found in tiles.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef FASTLABEL_MERGE_H_
#define FASTLABEL_MERGE_H_

#include "fastlabel/base.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum fl_tile_method {
  FL_TILES_NMS = 0,         /* the best of overlapping boxes stays */
  FL_TILES_SOFT_LINEAR = 1, /* as fl_soft_nms */
  FL_TILES_SOFT_GAUSSIAN = 2,
  FL_TILES_NMM = 3,         /* the box around a best one and those it would suppress */
  FL_TILES_NMM_CHAINED = 4, /* also around those that its members would suppress */
  FL_TILES_WBF = 5          /* weighted boxes fusion of all tiles as one model */
} fl_tile_method;

/* Boxes of the tiles of n_images frames. Rows of numbers are contiguous. */
typedef struct fl_tile_predictions {
  size_t struct_size;
  const double* boxes;    /* x1 y1 x2 y2, finite */
  const double* scores;   /* finite, 0 or more */
  const int64_t* labels;  /* null: one label */
  const int64_t* tiles;   /* the window of every box */
  int64_t n;
  const int64_t* windows; /* x1 y1 x2 y2 in the frame's pixels, may run past it */
  const int64_t* images;  /* of every window, below n_images; null: one image */
  const uint8_t* whole;   /* 1: this window is the whole frame; null: none is */
  int64_t n_windows;
  const int64_t* sizes;   /* width and height of every frame; null: as far as windows reach */
  int64_t n_images;
} fl_tile_predictions;

typedef struct fl_tile_merge_options {
  size_t struct_size;
  int32_t method;         /* fl_tile_method */
  int32_t metric;         /* FL_IOU or FL_IOS */
  int32_t confidence;     /* FL_AVERAGE or FL_MAXIMUM, of FL_TILES_WBF */
  int32_t by_label;       /* 0: boxes of different labels meet too */
  int32_t in_tile_pixels; /* 0: boxes are in the frame's pixels already */
  int32_t join_cut;       /* 0: boxes that a tile's edge cut are not joined */
  double threshold;       /* of the method */
  double sigma;           /* FL_TILES_SOFT_GAUSSIAN */
  double score_threshold; /* soft suppression drops what is left with less */
  double join_threshold;  /* IoU in what two windows both show, above which parts are joined */
  double edge_tolerance;  /* how near is at an edge, in pixels; at most a quarter of the box */
  double large;           /* boxes of a whole window longer than this share of a tile's shorter
                             side take in the cut boxes that lie in them */
} fl_tile_merge_options;

/* FL_TILES_NMS, FL_IOU, FL_AVERAGE, 1, 1, 1, 0.5, 0.5, 0.001, 0.5, 4 and 0.5. struct_size: sizeof
 * *options. */
FL_API fl_status fl_tile_merge_options_init(fl_tile_merge_options* options, size_t struct_size);

/* Where results go; every array has room for n, offsets for n + 1. By image, best score first. */
typedef struct fl_tile_merged {
  size_t struct_size;
  double* boxes;     /* four numbers a result, in the frame's pixels, cut to the windows */
  double* scores;
  int64_t* labels;   /* of the best member */
  int64_t* images;
  uint8_t* joined;   /* 1: put together from parts that tile edges cut */
  int64_t* offsets;  /* result r has members[offsets[r]] .. members[offsets[r + 1] - 1] */
  int64_t* members;  /* rows of the predictions, best first */
  int64_t results;   /* how many there are */
  int64_t empty;     /* rows without an area: in no result */
  int64_t outside;   /* rows that do not reach into their window: in no result */
  int64_t faded;     /* rows of which soft suppression left too little: in no result */
} fl_tile_merged;

/* One set of boxes a frame, of what a model found in its tiles. Boxes are moved into the frame and
 * cut to their windows; parts of one object that tile edges cut are joined where these edges meet
 * and they agree in what both windows show; then doubles go by the method. out->struct_size is
 * set by the caller. */
FL_API fl_status fl_merge_tiles(const fl_tile_predictions* predictions,
                                const fl_tile_merge_options* options, fl_tile_merged* out);

#ifdef __cplusplus
}
#endif

#endif /* FASTLABEL_MERGE_H_ */
