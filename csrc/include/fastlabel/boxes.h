/* A part of fastlabel.h, which is what to include: boxes: the IoU family, ragged batches, pairs,
 * suppression, matching, oriented boxes.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef FASTLABEL_BOXES_H_
#define FASTLABEL_BOXES_H_

#include "fastlabel/base.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- boxes ---------------------------------------------------------------------- */
/* Two sets that meet have one dtype; results have it too. No box is an error here: see each
 * metric for what a box that is reversed, empty or not finite means. */

typedef enum fl_box_metric {
  /* 0 with a box whose area is not positive and finite. */
  FL_IOU = 0, /* intersection over union */
  FL_IOA = 1, /* intersection over the area of the first box */
  FL_IOS = 2, /* intersection over the smaller area */
  /* -1 with a box that is reversed or whose coordinates or area are not finite: as far as can
   * be. A box that is empty, but not reversed, has IoU 0 and the penalty of its place. */
  FL_GIOU = 3, /* Rezatofighi et al. 2019 */
  FL_DIOU = 4, /* Zheng et al. 2020 */
  FL_CIOU = 5  /* Zheng et al. 2020 */
} fl_box_metric;

typedef struct fl_overlap_options {
  size_t struct_size;
  int32_t metric; /* fl_box_metric */
  int32_t reserved;
  double eps;           /* added to the squared diagonal of DIoU and CIoU; positive */
  const uint8_t* crowd; /* FL_IOU only, or null: a flag for each box of b. Where it is not 0
                         * the union is the area of the box of a, as COCO has it. */
  int64_t crowd_stride; /* bytes */
} fl_overlap_options;

/* FL_IOU, eps 1e-7, no crowd. struct_size: sizeof *options. */
FL_API fl_status fl_overlap_options_init(fl_overlap_options* options, size_t struct_size);

/* The simplest entry: out[i * m + j] = IoU of a[i] and b[j]; rows of x1 y1 x2 y2, contiguous. */
FL_API fl_status fl_box_iou(const double* a, int64_t n, const double* b, int64_t m, double* out);
FL_API fl_status fl_box_iou_f32(const float* a, int64_t n, const float* b, int64_t m, float* out);

/* out: a->n rows of b->n numbers of the boxes' dtype; strides in bytes. It shares no memory
 * with the boxes. options may be null: IoU. */
FL_API fl_status fl_box_matrix(const fl_boxes* a, const fl_boxes* b,
                               const fl_overlap_options* options, void* out, int64_t row_stride,
                               int64_t column_stride);
/* The same of a[i] and b[i] only: a->n numbers. */
FL_API fl_status fl_box_aligned(const fl_boxes* a, const fl_boxes* b,
                                const fl_overlap_options* options, void* out, int64_t stride);

/* *row gets the first box that is reversed or not finite, or -1. */
FL_API fl_status fl_box_find_bad(const fl_boxes* boxes, int64_t* row);
/* Width times height; 0 for a box that is reversed or whose area is not finite. */
FL_API fl_status fl_box_area(const fl_boxes* boxes, void* out, int64_t stride);
/* Boxes in out_format. in_size: boxes are fractions of it (width, height); out_size: they
 * become fractions of it; null: neither. size_step: numbers from a box's size to the next's, 0
 * when all have one. */
FL_API fl_status fl_box_convert(const fl_boxes* boxes, int32_t out_format, const double* in_size,
                                const double* out_size, int64_t size_step, void* out,
                                int64_t row_stride, int64_t column_stride);
/* Corners moved into [0, width] x [0, height]; out is xyxy. */
FL_API fl_status fl_box_clip(const fl_boxes* boxes, double width, double height, void* out,
                             int64_t row_stride, int64_t column_stride);

/* Boxes of many images: those of image g are rows offsets[g] .. offsets[g + 1] of its set. */

/* out_offsets[g]: where image g's matrix begins; groups + 1 entries. */
FL_API fl_status fl_ragged_sizes(const int64_t* offsets_a, const int64_t* offsets_b,
                                 int64_t groups, int64_t* out_offsets);
/* The matrices, row-major, one after the other. options->crowd has a flag for each row of b. */
FL_API fl_status fl_ragged_iou(const fl_boxes* a, const int64_t* offsets_a, const fl_boxes* b,
                               const int64_t* offsets_b, int64_t groups,
                               const fl_overlap_options* options, void* out);
/* For each box of a the best box of b of its image: its row in b, the first of equals, and the
 * metric (FL_IOU, FL_IOA or FL_IOS); -1 and 0 where none overlaps it or reaches threshold. */
FL_API fl_status fl_ragged_best(const fl_boxes* a, const int64_t* offsets_a, const fl_boxes* b,
                                const int64_t* offsets_b, int64_t groups, int32_t metric,
                                double threshold, int64_t* index, void* value);
/* For each box of a how many of b of its image have an IoU of at least threshold. */
FL_API fl_status fl_ragged_counts(const fl_boxes* a, const int64_t* offsets_a, const fl_boxes* b,
                                  const int64_t* offsets_b, int64_t groups, double threshold,
                                  int64_t* counts);

typedef struct fl_pair {
  int64_t i; /* row numbers in the whole set */
  int64_t j;
  double iou;
} fl_pair;

/* Gets pairs in order, some at a time; anything but FL_OK ends the search and is returned. */
typedef fl_status (*fl_pair_sink)(void* context, const fl_pair* pairs, int64_t n);

/* All pairs of one image whose IoU, in the boxes' dtype, is at least threshold (which is
 * rounded to that dtype), 0 < threshold <= 1, sorted by (i, j). No matrix is held: in large
 * images an index keeps the cost near the number of pairs. */
FL_API fl_status fl_box_pairs_between(const fl_boxes* a, const int64_t* offsets_a,
                                      const fl_boxes* b, const int64_t* offsets_b,
                                      int64_t groups, double threshold, fl_pair_sink sink,
                                      void* context);
/* The same within one set, i < j. A box is listed as the later one (j) with at most
 * max_per_box partners, so that n equal boxes do not make n^2 pairs; 0 means no limit. Which
 * partners they are is not said, but it is the same every time. */
FL_API fl_status fl_box_pairs_within(const fl_boxes* boxes, const int64_t* offsets,
                                     int64_t groups, double threshold, int64_t max_per_box,
                                     fl_pair_sink sink, void* context);
/* fl_box_pairs_within of contiguous float64 rows into an array. *count gets the number found
 * even when capacity is too small. */
FL_API fl_status fl_box_pairs(const double* boxes, const int64_t* offsets, int64_t groups,
                              double threshold, int64_t max_per_box, fl_pair* out,
                              int64_t capacity, int64_t* count);

/* ---- suppression, fusion, matching, oriented boxes ------------------------------ */
/* Boxes are read as float64. A box that is empty, reversed or not finite has IoU 0 with all.
 * classes tells which rows can meet: only those of one class; null: all. For many images in
 * one call give every image and class a number of its own. No score may be NaN. Thresholds
 * are from 0 to 1. At most 2^31 rows. */

/* Greedy non-maximum suppression: a row whose IoU with a better kept one of its class is above
 * the threshold is dropped. keep has room for boxes->n; *kept row numbers are written, best
 * score first. Of equal scores the lower row number is better. */
FL_API fl_status fl_nms(const fl_boxes* boxes, const double* scores, const int64_t* classes,
                        double iou_threshold, int64_t* keep, int64_t* kept);

typedef enum fl_decay {
  FL_DECAY_LINEAR = 0,  /* times 1 - IoU, above the threshold */
  FL_DECAY_GAUSSIAN = 1 /* times exp(-IoU^2 / sigma) */
} fl_decay;

/* Soft suppression (Bodla et al. 2017): better rows lower the scores of those they overlap.
 * Scores are finite and not negative. Rows left with less than score_threshold are dropped. Best
 * final score first. */
FL_API fl_status fl_soft_nms(const fl_boxes* boxes, const double* scores, const int64_t* classes,
                             int32_t decay, double iou_threshold, double sigma,
                             double score_threshold, int64_t* keep, double* new_scores,
                             int64_t* kept);

/* Greedy non-maximum merging by FL_IOU or FL_IOS: a row that fl_nms would drop joins the group of
 * the best row that drops it. merged (four float64 a group: the box around it), best (its best
 * row) and group (the group of every row) have room for boxes->n; *groups are written, best
 * score first. */
FL_API fl_status fl_non_max_merge(const fl_boxes* boxes, const double* scores,
                                  const int64_t* classes, int32_t metric, double threshold,
                                  double* merged, int64_t* best, int64_t* group,
                                  int64_t* groups);

typedef enum fl_confidence {
  FL_AVERAGE = 0,
  FL_MAXIMUM = 1,
  FL_BOX_AND_MODEL_AVERAGE = 2,
  FL_ABSENT_MODEL_AWARE_AVERAGE = 3
} fl_confidence;

typedef struct fl_fusion_options {
  size_t struct_size;
  int32_t confidence;      /* fl_confidence */
  int32_t allows_overflow; /* FL_AVERAGE: a score may exceed 1 */
  double iou_threshold;    /* a row joins the fused box with the largest IoU above this */
  double skip_threshold;   /* rows with a lower score take no part */
} fl_fusion_options;

/* FL_AVERAGE, no overflow, 0.55 and 0. struct_size: sizeof *options. */
FL_API fl_status fl_fusion_options_init(fl_fusion_options* options, size_t struct_size);

/* Weighted boxes fusion (Solovyev et al. 2021) of the predictions of n_models models: row i is
 * of models[i], below n_models, whose weight is above 0. Empty boxes take no part. The outputs
 * (four float64 a box, score, class) have room for boxes->n; *fused are written, best first. */
FL_API fl_status fl_weighted_boxes_fusion(const fl_boxes* boxes, const double* scores,
                                          const int64_t* classes, const int64_t* models,
                                          const double* weights, int64_t n_models,
                                          const fl_fusion_options* options, double* out_boxes,
                                          double* out_scores, int64_t* out_classes,
                                          int64_t* fused);

typedef struct fl_match_input {
  size_t struct_size;
  const fl_boxes* predictions;       /* FL_XYXY or FL_XYWH; both sides alike */
  const int64_t* prediction_offsets; /* image i: rows offsets[i] .. offsets[i + 1] */
  const int64_t* prediction_classes; /* null with label_classes: one class */
  const double* scores;
  const fl_boxes* labels;
  const int64_t* label_offsets;
  const int64_t* label_classes;
  const uint8_t* crowd;              /* of the labels; null: none */
  const uint8_t* ignore;             /* of the labels, besides the crowds; null: none */
  int64_t images;
  const double* thresholds;
  int64_t n_thresholds;
  int64_t max_predictions;           /* of an image and class, best first; 0: all */
} fl_match_input;

/* The greedy matching of COCOeval.evaluateImg, without area ranges. Of thresholds by
 * predictions: the label's row or -1, and whether the prediction counts neither as right nor
 * as wrong; of thresholds by labels: the prediction's row or -1 (of a crowd, the last). */
FL_API fl_status fl_match_coco(const fl_match_input* input, int64_t* prediction_match,
                               uint8_t* prediction_ignored, int64_t* label_match);

/* Oriented boxes are five float64, rows contiguous: centre x and y, width, height and angle in
 * radians, which turns the width's direction from the x axis towards the y axis (clockwise on
 * a screen, y down). */

/* out[i * m + j] = IoU of a[i] and b[j]. */
FL_API fl_status fl_obb_iou(const double* a, int64_t n, const double* b, int64_t m, double* out);
/* out[i] = IoU of a[i] and b[i]. */
FL_API fl_status fl_obb_iou_aligned(const double* a, const double* b, int64_t n, double* out);
/* As fl_nms. */
FL_API fl_status fl_obb_nms(const double* boxes, const double* scores, const int64_t* classes,
                            int64_t n, double iou_threshold, int64_t* keep, int64_t* kept);
/* Eight float64 a box: the corners left above, right above, right below, left below of the box
 * before it is turned. */
FL_API fl_status fl_obb_to_corners(const double* boxes, int64_t n, double* out);
/* And back; of four corners that make no rectangle, sides and angle are means. The angle is in
 * (-pi, pi]. */
FL_API fl_status fl_obb_from_corners(const double* corners, int64_t n, double* out);

#ifdef __cplusplus
}
#endif

#endif /* FASTLABEL_BOXES_H_ */
