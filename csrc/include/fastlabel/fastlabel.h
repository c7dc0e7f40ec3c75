/* fastlabel: the C ABI of the engine. The only header that others include.
 *
 * Every function returns an fl_status and writes its results through pointers; none
 * throws, and none keeps a pointer past its return unless its comment says so. Sizes
 * and strides are in bytes where they are called bytes, in elements otherwise.
 *
 * Option structs begin with struct_size, the sizeof that the caller was compiled with; its
 * fl_..._options_init takes it and sets the defaults. An earlier caller's smaller struct is
 * read with defaults for what it lacks. A later caller's larger one is read when all that this
 * library does not know is zero, and refused (FL_ERROR_ARGUMENT) otherwise: no setting is
 * ignored in silence.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef FASTLABEL_FASTLABEL_H_
#define FASTLABEL_FASTLABEL_H_

#include <stddef.h>
#include <stdint.h>

#if defined(_WIN32)
#define FL_API __declspec(dllexport)
#else
#define FL_API __attribute__((visibility("default")))
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* Raised when a struct or a signature below changes in a way old callers would notice. */
#define FL_ABI_VERSION 1

typedef enum fl_status {
  FL_OK = 0,
  FL_ERROR_ARGUMENT = 1,      /* a pointer, size or stride that cannot be right */
  FL_ERROR_OVERFLOW = 2,      /* sizes whose product does not fit 64 bits */
  FL_ERROR_MEMORY = 3,        /* an allocation failed */
  FL_ERROR_CAPACITY = 4,      /* the output is too small; the needed count is returned */
  FL_ERROR_TIMEOUT = 5,       /* not finished within the time given */
  FL_ERROR_CANCELLED = 6,     /* the scanner was cancelled */
  FL_ERROR_ISA = 7            /* FASTLABEL_ISA names a tier unknown or absent here */
} fl_status;

FL_API int32_t fl_abi_version(void);
FL_API const char* fl_version(void);
FL_API const char* fl_status_text(fl_status status);

/* ---- instruction-set tiers ------------------------------------------------------ */

/* Chooses the tier once: the best this CPU has, or the one FASTLABEL_ISA names. Called
 * by every other function that needs it; call it yourself to see the error early. */
FL_API fl_status fl_init(void);
/* "baseline", "v3", "v4" on x86-64; "baseline" elsewhere. "" before a good fl_init. */
FL_API const char* fl_isa_name(void);
/* Names this CPU can run, worst first; returns how many, writes at most capacity. */
FL_API int32_t fl_isa_available(const char** names, int32_t capacity);
/* Switches the tier of the whole process. For tests; do not race it with kernels. */
FL_API fl_status fl_isa_select(const char* name);

/* ---- views of memory ------------------------------------------------------------ */
/* A view owns nothing. Strides are in bytes, of any sign and size: a view may be a column of
 * a table, every second row, or a transposed matrix. Data need not be aligned. */

typedef enum fl_dtype {
  FL_UINT8 = 1,
  FL_INT8 = 2,
  FL_INT32 = 3,
  FL_INT64 = 4,
  FL_FLOAT32 = 5,
  FL_FLOAT64 = 6,
  FL_INT16 = 7,
  FL_UINT16 = 8,
  FL_UINT32 = 9,
  FL_UINT64 = 10,
  FL_BITS = 11 /* Arrow's bool: one bit a row, least significant first */
} fl_dtype;

typedef enum fl_box_format {
  FL_XYXY = 0,  /* two corners */
  FL_XYWH = 1,  /* corner and size */
  FL_CXCYWH = 2 /* centre and size */
} fl_box_format;

/* n boxes of four numbers, float32 or float64. */
typedef struct fl_boxes {
  const void* data;      /* the first number of the first box; may be null when n is 0 */
  int64_t n;
  int64_t row_stride;    /* bytes from a box to the next */
  int64_t column_stride; /* bytes from a number to the next of the same box */
  int32_t dtype;         /* fl_dtype: FL_FLOAT32 or FL_FLOAT64 */
  int32_t format;        /* fl_box_format */
} fl_boxes;

typedef enum fl_channels {
  FL_GRAY = 0,
  FL_BGR = 1,
  FL_RGB = 2,
  FL_BGRA = 3,
  FL_RGBA = 4
} fl_channels;

/* An 8-bit picture. */
typedef struct fl_image {
  const uint8_t* data;    /* channel 0 of the top left pixel */
  int64_t width, height;
  int64_t row_stride;     /* bytes from a row to the next */
  int64_t pixel_stride;   /* bytes from a pixel to the next of its row */
  int64_t channel_stride; /* bytes from a channel to the next of its pixel */
  int32_t channels;       /* 1, 3 or 4 */
  int32_t order;          /* fl_channels */
} fl_image;

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
 * Rows left with less than score_threshold are dropped. Best final score first. */
FL_API fl_status fl_soft_nms(const fl_boxes* boxes, const double* scores, const int64_t* classes,
                             int32_t decay, double iou_threshold, double sigma,
                             double score_threshold, int64_t* keep, double* new_scores,
                             int64_t* kept);

/* Greedy non-maximum merging by FL_IOU or FL_IOS: a row that fl_nms would drop joins the group of the best row that
 * drops it. merged (four float64 a group: the box around it), best (its best row) and group
 * (the group of every row) have room for boxes->n; *groups are written, best score first. */
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

/* ---- pixels --------------------------------------------------------------------- */

#define FL_SCALE_LEVELS 3 /* pyramid levels below the full size: 1/2, 1/4, 1/8 */

typedef struct fl_luma_stats {
  int64_t pixels;
  double luma_mean, luma_std;
  uint8_t p01, p05, p50, p95, p99;
  uint8_t has_acutance; /* bit k: acutance of level k is known (bit 0: the full size) */
  uint8_t has_scale;    /* bit k: level k exists (at least 3 x 3 pixels) */
  uint8_t has_phash;
  double dark_fraction, bright_fraction, entropy;
  double laplacian_variance, noise_sigma, sharpness, acutance;
  double scale_sharpness[FL_SCALE_LEVELS];
  double scale_acutance[FL_SCALE_LEVELS];
  uint64_t phash;
} fl_luma_stats;

typedef struct fl_box_row {
  int64_t pixels; /* whole pixels of the box inside the picture; 0: nothing measured */
  double luma_mean, contrast, laplacian_variance, sharpness, acutance;
  int32_t has_acutance;
  int32_t reserved;
} fl_box_row;

/* Variance of the 4-neighbour Laplacian with mirrored borders (the edge pixel is not
 * repeated), as OpenCV's Laplacian with ksize 1 and default border has it. Exact. */
FL_API fl_status fl_laplacian_variance(const uint8_t* luma, int64_t width, int64_t height,
                                       int64_t stride_bytes, double* out);

/* All statistics of one 8-bit luma plane and of n_boxes boxes in it (rows of x1 y1 x2 y2 in
 * the plane's own pixels, or, when turned is not 0, in the pixels of the picture turned by
 * the EXIF orientation 1..8). box_rows may be null when n_boxes is 0. */
FL_API fl_status fl_measure_luma(const uint8_t* luma, int64_t width, int64_t height,
                                 int64_t stride_bytes, const double* boxes, int64_t n_boxes,
                                 int32_t orientation, int32_t turned, fl_luma_stats* stats,
                                 fl_box_row* box_rows);

/* The same of a picture at rest in memory, of any strides and order; colour becomes luma as
 * fl_luma has it. Boxes are in the picture's own pixels: a whole pixel belongs to a box that
 * touches it; boxes may be null. With every_row, percentiles, shares and entropy are of all rows;
 * without, of up to 64 evenly spread ones, as fl_measure_luma and a scan have them, in half the
 * time. */
FL_API fl_status fl_image_stats(const fl_image* image, const fl_boxes* boxes, int32_t every_row,
                                fl_luma_stats* stats, fl_box_row* box_rows);

/* Luma of a picture, (3735 B + 19235 G + 9798 R + 2^14) >> 15 as OpenCV has it, into height rows
 * of width bytes, row_stride apart. A fourth channel has no part in it. */
FL_API fl_status fl_luma(const fl_image* image, uint8_t* out, int64_t row_stride);

/* fl_laplacian_variance of a picture (boxes null: one number), or inside each box, whose pixels
 * keep their neighbours in the picture: boxes->n numbers, NaN for a box without a pixel. */
FL_API fl_status fl_image_laplacian_variance(const fl_image* image, const fl_boxes* boxes,
                                             double* out);

/* How often each luma occurs: 256 counts of the picture (boxes null), or of each box. */
FL_API fl_status fl_luma_histogram(const fl_image* image, const fl_boxes* boxes,
                                   uint64_t* counts);

/* Shannon entropy in bits of each of n histograms of 256 counts; 0 of an empty one. The same
 * bits on every machine. */
FL_API fl_status fl_histogram_entropy(const uint64_t* counts, int64_t n, double* out);

/* 128-bit content hash: XXH3 with seed 0, canonical byte order; not for adversaries. */
FL_API fl_status fl_content_hash(const uint8_t* data, uint64_t size, uint8_t out[16]);

typedef enum fl_blend_mode {
  FL_BLEND_NORMAL = 0,
  FL_BLEND_MULTIPLY = 1,
  FL_BLEND_SCREEN = 2,
  FL_BLEND_OVERLAY = 3,
  FL_BLEND_HARD_LIGHT = 4,
  FL_BLEND_DARKEN = 5,
  FL_BLEND_LIGHTEN = 6,
  FL_BLEND_ADD = 7,
  FL_BLEND_SUBTRACT = 8,
  FL_BLEND_DIFFERENCE = 9,
  FL_BLEND_EXCLUSION = 10,
  FL_BLEND_MODES = 11 /* how many there are */
} fl_blend_mode;

#define FL_MAX_FEATHER 65535

typedef struct fl_composite_options {
  size_t struct_size;
  int32_t mode;    /* fl_blend_mode */
  int32_t feather; /* pixels, 0 to FL_MAX_FEATHER */
  double opacity;  /* 0 to 1; taken to the nearest of 256 steps */
} fl_composite_options;

/* FL_BLEND_NORMAL, no feather, opacity 1. struct_size: sizeof *options. */
FL_API fl_status fl_composite_options_init(fl_composite_options* options, size_t struct_size);

/* Pastes patch into scene, whose pixels are written, with its top left pixel on (x, y); what
 * falls outside is cut off. Channels: 1 into 1; 3 or 4 into 3 or 4, of the same order. A fourth
 * channel of the patch is its alpha, not premultiplied; mask, which may be null, is a further
 * one, of one channel and the patch's size. Weights are 8-bit: alpha times mask, times a ramp of
 * `feather` pixels inside the patch's border, or inside the edge of alpha and mask where there
 * are any, times opacity. Integers throughout, each product rounded to the nearest, so the result
 * is the same bytes everywhere. Options may be null. The images may not overlap the scene. */
FL_API fl_status fl_composite(const fl_image* scene, const fl_image* patch, int64_t x, int64_t y,
                              const fl_image* mask, const fl_composite_options* options);
/* ---- preprocessing -------------------------------------------------------------- */
/* Any strides, of any sign; the output may not overlap the input. The same bytes on every
 * machine. Width times channels is at most 2^31 - 1. */

/* Area averaging: an output pixel is the exact mean of the part of the picture it covers, of
 * pixels taken as squares of one colour, rounded half up. Shrinks and enlarges, each axis by
 * itself. Strides of the output in bytes: from row to row, pixel to pixel, channel to channel.
 * FL_ERROR_OVERFLOW when the height, divided by its greatest common divisor with the output's,
 * is over 2^24. */
FL_API fl_status fl_resize_area(const fl_image* image, int64_t width, int64_t height, uint8_t* out,
                                int64_t row_stride, int64_t pixel_stride, int64_t channel_stride);

typedef enum fl_interpolation {
  FL_LINEAR = 0, /* two samples an axis; the bytes of cv2.INTER_LINEAR */
  FL_AREA = 1    /* as fl_resize_area */
} fl_interpolation;

typedef enum fl_layout {
  FL_NCHW = 0,
  FL_NHWC = 1
} fl_layout;

/* What a network's input is made of. A byte v of channel c becomes, in float32, each operation
 * rounded, x = (v * scale - mean[c]) / std[c]; quantised: q = round(x / quant_scale) +
 * zero_point, halves to even, clipped to the type. Channels in the input's order. */
typedef struct fl_letterbox_options {
  size_t struct_size;
  int64_t width, height; /* of the output */
  int32_t interpolation; /* fl_interpolation */
  int32_t layout;        /* fl_layout: of the output when its strides are not given */
  int32_t dtype;         /* FL_FLOAT32; FL_UINT8: the bytes, or quantised; FL_INT8: quantised */
  int32_t swap_rb;       /* 1: channels 0 and 2 change places */
  int32_t center;        /* 1: padding on both sides; 0: right and below */
  int32_t scale_up;      /* 0: never enlarge */
  int32_t stretch;       /* 1: fill the output, ratio of the sides not kept */
  int32_t quantize;      /* 1: FL_UINT8 holds q */
  uint8_t color[4];      /* of the padding */
  float scale;
  float mean[4], std[4];
  float quant_scale;
  int32_t zero_point;
} fl_letterbox_options;

/* Where the picture lies in the output: input x is at output x * scale_x + left. */
typedef struct fl_placement {
  int64_t width, height; /* of the resized picture */
  int64_t left, top;
  double scale_x, scale_y;
} fl_placement;

/* Sets the defaults: linear, NCHW, float32, grey 114, scale 1/255, centred. struct_size: sizeof
 * *options. */
FL_API fl_status fl_letterbox_options_init(fl_letterbox_options* options, size_t struct_size);
FL_API fl_status fl_letterbox_placement(int64_t image_width, int64_t image_height,
                                        const fl_letterbox_options* options, fl_placement* out);
/* Resize, pad, normalise and lay out in one pass. strides: bytes from channel to channel, row to
 * row and pixel to pixel of the output, of any sign; null: contiguous, in options' layout.
 * placement may be null. */
FL_API fl_status fl_letterbox(const fl_image* image, const fl_letterbox_options* options, void* out,
                              const int64_t strides[3], fl_placement* placement);
/* n pictures, of one number of channels, over `workers` threads (0: as many as there are CPUs).
 * Picture i goes to out + i * image_stride. placements has room for n, or is null. Nothing is
 * written when an argument is wrong. */
FL_API fl_status fl_letterbox_batch(const fl_image* images, int64_t n,
                                    const fl_letterbox_options* options, int32_t workers, void* out,
                                    int64_t image_stride, const int64_t strides[3],
                                    fl_placement* placements);
/* ---- tables --------------------------------------------------------------------- */
/* Statistics that merge: what two halves of a table give, added up, is what the whole table
 * gives, bit for bit, in any order. Sums are integers of fixed point; nothing is rounded
 * before the end. */

/* One column of a table, or one chunk of it. */
typedef struct fl_column {
  const void* data;        /* of row 0; may be null when n is 0 */
  const uint8_t* validity; /* Arrow bitmap, bit 1: known; null: every row is known */
  int64_t n;
  int64_t stride;          /* bytes from a row to the next; not used for FL_BITS */
  int64_t validity_offset; /* the bit of row 0 in validity */
  int64_t bit_offset;      /* the bit of row 0 in data, for FL_BITS */
  int32_t dtype;           /* fl_dtype */
  int32_t reserved;
} fl_column;

/* One axis of a histogram: bins and three cells more. Cell 0 counts what lies below, cells
 * 1 .. bins the bins, bins + 1 what lies above, bins + 2 the unknown (NaN or null). */
typedef struct fl_axis {
  const double* edges; /* bins + 1 finite rising numbers; bin k is [edges[k], edges[k + 1]),
                          the last one closed. Null: categories, whole numbers 0 .. bins - 1 */
  int64_t bins;
} fl_axis;

#define FL_MAX_AXES 8
#define FL_MAX_CELLS 2147483647 /* of one histogram: the product of (bins + 3) */

/* A sum of weights in units of 2^-64, two's complement. Each weight is rounded to that unit
 * (half to even) before it is added. */
typedef struct fl_fixed {
  uint64_t low;
  int64_t high;
} fl_fixed;

#define FL_MAX_WEIGHT 4294967296.0 /* of one row, either sign */

/* Adds the rows of the columns, one for each axis and all of the same length, to counts: one
 * int64 a cell, the last axis changing fastest. With weight, sums gets each row's weight and
 * *heaviest the greatest |weight| met; all three are null without. Nothing is written when
 * the arguments are wrong, or a weight is unknown, not finite or over FL_MAX_WEIGHT. */
FL_API fl_status fl_histogram_fill(const fl_axis* axes, int32_t n_axes, const fl_column* columns,
                                   const fl_column* weight, int64_t* counts, fl_fixed* sums,
                                   double* heaviest);

#define FL_SUM_LIMBS 68
#define FL_SQUARE_LIMBS 136

/* What is kept of one group's numbers. sum is the exact sum of the finite ones: limbs of 32
 * bits in units of 2^-1074, lowest first, all but the last in 0 .. 2^32 - 1;
 * sum_of_squares the same in units of 2^-2148. */
typedef struct fl_moments {
  int64_t count;     /* of known numbers, infinite ones too */
  int64_t unknown;   /* NaN or null */
  int64_t plus_inf, minus_inf;
  double min, max;   /* +inf and -inf when count is 0; a zero has no sign */
  int64_t sum[FL_SUM_LIMBS];
  int64_t sum_of_squares[FL_SQUARE_LIMBS];
} fl_moments;

/* The state of n groups that have seen nothing. */
FL_API fl_status fl_moments_init(fl_moments* groups, int64_t n);
/* Adds each row's value to its group: the cell that the axes, which may be none, give it. */
FL_API fl_status fl_moments_fill(const fl_axis* axes, int32_t n_axes, const fl_column* columns,
                                 const fl_column* value, fl_moments* groups);
/* Adds n groups to n others. */
FL_API fl_status fl_moments_merge(fl_moments* into, const fl_moments* from, int64_t n);

/* Quantile sketch: a count for each group and each range of numbers that share their sign,
 * exponent and first `bits` bits of mantissa, 1 <= bits <= 15. */
typedef struct fl_sketch fl_sketch;

typedef struct fl_sketch_entry {
  int64_t group;
  int32_t key; /* rises with the number; 0: zero, negative: negative numbers */
  int32_t reserved;
  int64_t count;
  double min, max; /* of these numbers; a zero has no sign */
} fl_sketch_entry;

FL_API fl_status fl_sketch_create(int32_t bits, fl_sketch** out);
FL_API void fl_sketch_destroy(fl_sketch* sketch);
/* Adds the known numbers of a column; FL_ERROR_ARGUMENT and nothing added as above. */
FL_API fl_status fl_sketch_fill(fl_sketch* sketch, const fl_axis* axes, int32_t n_axes,
                                const fl_column* columns, const fl_column* value);
/* Adds entries, of a sketch with as many bits. */
FL_API fl_status fl_sketch_add(fl_sketch* sketch, const fl_sketch_entry* entries, int64_t n);
/* The entries sorted by group and key; *count gets their number even when it is too many. */
FL_API fl_status fl_sketch_entries(const fl_sketch* sketch, fl_sketch_entry* out,
                                   int64_t capacity, int64_t* count);

/* ---- Arrow in ------------------------------------------------------------------- */
/* The three structs of the Arrow C data and stream interfaces, as the format fixes them:
 * https://arrow.apache.org/docs/format/CDataInterface.html */

#ifndef ARROW_C_DATA_INTERFACE
#define ARROW_C_DATA_INTERFACE
#define ARROW_FLAG_DICTIONARY_ORDERED 1
#define ARROW_FLAG_NULLABLE 2
#define ARROW_FLAG_MAP_KEYS_SORTED 4

struct ArrowSchema {
  const char* format;
  const char* name;
  const char* metadata;
  int64_t flags;
  int64_t n_children;
  struct ArrowSchema** children;
  struct ArrowSchema* dictionary;
  void (*release)(struct ArrowSchema*);
  void* private_data;
};

struct ArrowArray {
  int64_t length;
  int64_t null_count;
  int64_t offset;
  int64_t n_buffers;
  int64_t n_children;
  const void** buffers;
  struct ArrowArray** children;
  struct ArrowArray* dictionary;
  void (*release)(struct ArrowArray*);
  void* private_data;
};
#endif

#ifndef ARROW_C_STREAM_INTERFACE
#define ARROW_C_STREAM_INTERFACE
struct ArrowArrayStream {
  int (*get_schema)(struct ArrowArrayStream*, struct ArrowSchema* out);
  int (*get_next)(struct ArrowArrayStream*, struct ArrowArray* out);
  const char* (*get_last_error)(struct ArrowArrayStream*);
  void (*release)(struct ArrowArrayStream*);
  void* private_data;
};
#endif

typedef enum fl_arrow_kind {
  FL_ARROW_UNSUPPORTED = 0,
  FL_ARROW_NUMBERS = 1,    /* of dtype; FL_BITS for bool */
  FL_ARROW_TEXT = 2,       /* utf8, large_utf8 or string_view; see fl_arrow_text */
  FL_ARROW_DICTIONARY = 3, /* indices of dtype; the next node is the dictionary */
  FL_ARROW_LIST = 4,       /* offsets; the next node is the items */
  FL_ARROW_FIXED_LIST = 5, /* list_size items a row; the next node is the items */
  FL_ARROW_STRUCT = 6      /* n_children nodes follow, each with its own */
} fl_arrow_kind;

/* A checked view of one node of a column; rows the array's offset hides are not in it. */
typedef struct fl_arrow_view {
  const char* name;
  const char* format; /* as Arrow writes it */
  const void* data;
  const uint8_t* validity; /* null when every row is known */
  const void* offsets;     /* of a list: length + 1; items are counted from the first one */
  const void* const* buffers; /* of string_view: the buffers that long texts lie in */
  int64_t length;
  int64_t null_count;
  int64_t validity_offset;
  int64_t bit_offset;      /* of FL_BITS */
  int64_t list_size;
  int32_t kind;            /* fl_arrow_kind */
  int32_t dtype;           /* fl_dtype */
  int32_t offset_bytes;    /* 4 or 8; of text too, where 0 is string_view */
  int32_t n_children;
} fl_arrow_view;

typedef struct fl_arrow fl_arrow;             /* a reader of batches */
typedef struct fl_arrow_batch fl_arrow_batch; /* one batch; lives on without the reader */

FL_API fl_status fl_arrow_create(fl_arrow** out);
FL_API void fl_arrow_destroy(fl_arrow* reader);
/* Why the last call on this reader, or on a batch of it, failed; never null. */
FL_API const char* fl_arrow_message(const fl_arrow* reader);
FL_API const char* fl_arrow_batch_message(const fl_arrow_batch* batch);
/* Take over the structs, which are marked as released and will be released exactly once,
 * also when this fails. One open a reader. */
FL_API fl_status fl_arrow_open_stream(fl_arrow* reader, struct ArrowArrayStream* stream);
FL_API fl_status fl_arrow_open_array(fl_arrow* reader, struct ArrowSchema* schema,
                                     struct ArrowArray* array);
/* The columns of a table or struct; anything else is one column without a name. */
FL_API int64_t fl_arrow_columns(const fl_arrow* reader);
FL_API const char* fl_arrow_column_name(const fl_arrow* reader, int64_t column);
FL_API const char* fl_arrow_column_format(const fl_arrow* reader, int64_t column);
/* The next batch, or null at the end. */
FL_API fl_status fl_arrow_next(fl_arrow* reader, fl_arrow_batch** out);
FL_API void fl_arrow_batch_destroy(fl_arrow_batch* batch);
FL_API int64_t fl_arrow_batch_rows(const fl_arrow_batch* batch);
/* A column's nodes, parents before children, checked as far as Arrow lets a reader check:
 * counts, pointers, offsets and indices; the length of a buffer is nowhere written.
 * *count gets their number also when capacity is too small. */
FL_API fl_status fl_arrow_batch_column(fl_arrow_batch* batch, int64_t column,
                                       fl_arrow_view* nodes, int64_t capacity, int64_t* count);
/* The bytes of one row of a text node; not NUL-terminated. */
FL_API fl_status fl_arrow_text(const fl_arrow_view* text, int64_t row, const char** data,
                               int64_t* size);
/* codes[row] = the place of the row's text among names, n_names when it is none of them. What
 * stands for an unknown row has no meaning. names are NUL-terminated. */
FL_API fl_status fl_arrow_text_codes(const fl_arrow_view* text, const char* const* names,
                                     int64_t n_names, int32_t* codes);

/* ---- files ---------------------------------------------------------------------- */

typedef enum fl_format {
  FL_FORMAT_UNKNOWN = 0,
  FL_FORMAT_JPEG = 1,
  FL_FORMAT_MPO = 2, /* JPEG followed by further pictures; the first one is read */
  FL_FORMAT_PNG = 3,
  FL_FORMAT_WEBP = 4,
  FL_FORMAT_BMP = 5,
  FL_FORMAT_TIFF = 6,
  FL_FORMAT_GIF = 7
} fl_format;

FL_API const char* fl_format_name(int32_t format);

typedef struct fl_header {
  int32_t format;
  int32_t width, height; /* stored raster; -1 unknown */
  int32_t channels;      /* components; 0 unknown */
  int32_t orientation;   /* EXIF 1..8; 1 when the file does not say */
  int32_t bits;          /* per component; 0 unknown */
} fl_header;

/* Reads the header in memory. Never reads past size, never allocates. */
FL_API fl_status fl_sniff(const uint8_t* data, uint64_t size, fl_header* header);
/* The same for files, over a pool of threads; unreadable files have format unknown. */
FL_API fl_status fl_sniff_files(const char* const* paths, int64_t n, int32_t workers,
                                fl_header* headers);

typedef enum fl_image_status {
  FL_IMAGE_OK = 0,
  FL_IMAGE_TRUNCATED = 1,
  FL_IMAGE_CORRUPT = 2,
  FL_IMAGE_UNREADABLE = 3,
  FL_IMAGE_UNSUPPORTED = 4,
  FL_IMAGE_OVER_LIMIT = 5,
  FL_IMAGE_MISSING = 6,
  FL_IMAGE_ESCAPED = 7,
  FL_IMAGE_NEEDS_DECODER = 8 /* a sound header of a format the caller must decode */
} fl_image_status;

FL_API const char* fl_image_status_name(int32_t status);

typedef struct fl_image_row {
  int32_t status;
  int32_t format;
  int32_t width, height, channels, orientation;
  int64_t bytes; /* -1 unknown */
  uint8_t content_hash[16];
  uint8_t has_hash, measured, turned, reserved;
  char detail[124]; /* why the status is not ok, NUL-terminated */
  fl_luma_stats stats;
} fl_image_row;

/* ---- scanner: bytes -> codec -> pixels -> columns, over a pool of threads --------- */

typedef struct fl_scan_options {
  size_t struct_size;
  int32_t workers;      /* 0: as many as there are CPUs */
  int32_t max_scans;    /* of a progressive JPEG */
  uint64_t max_pixels;  /* width * height */
  uint64_t max_bytes;   /* of a file */
  uint64_t max_memory;  /* of one JPEG decoder (progressive files hold all coefficients) */
} fl_scan_options;

typedef struct fl_scan_image {
  const char* path;    /* read when data is null; copied */
  const uint8_t* data; /* or the file's bytes; must live until the batch is collected */
  uint64_t size;
  int32_t declared_width, declared_height; /* what the labels say; 0 unknown */
  int32_t turned;                          /* 1: the boxes are in the EXIF-turned picture */
  int32_t reserved;
} fl_scan_image;

/* Every function may be called from any thread, but for destroy: no other call on the same
 * scanner may be under way or follow. */
typedef struct fl_scanner fl_scanner;

/* struct_size: sizeof *options. */
FL_API fl_status fl_scan_options_init(fl_scan_options* options, size_t struct_size);
FL_API fl_status fl_scanner_create(const fl_scan_options* options, fl_scanner** out);
/* Queues a batch; boxes of image i are rows offsets[i] .. offsets[i + 1]. */
FL_API fl_status fl_scanner_submit(fl_scanner* scanner, const fl_scan_image* images, int64_t n,
                                   const double* boxes, const int64_t* offsets, int64_t* ticket);
/* Waits at most timeout_ms for the batch; *done gets how many of its images are ready. */
FL_API fl_status fl_scanner_wait(fl_scanner* scanner, int64_t ticket, int32_t timeout_ms,
                                 int64_t* done);
/* Copies a finished batch out and forgets it. box_rows has room for every box, at least one. */
FL_API fl_status fl_scanner_collect(fl_scanner* scanner, int64_t ticket, fl_image_row* rows,
                                    fl_box_row* box_rows);
/* Stops as soon as each worker's next few rows are done; later submits fail. */
FL_API fl_status fl_scanner_cancel(fl_scanner* scanner);
FL_API void fl_scanner_destroy(fl_scanner* scanner);

/* Name and version of the one JPEG codec, as it belongs into every report. */
FL_API const char* fl_jpeg_codec(void);

#ifdef __cplusplus
}
#endif

#endif /* FASTLABEL_FASTLABEL_H_ */
