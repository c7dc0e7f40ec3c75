/* A part of fastlabel.h, which is what to include: pixels: statistics, hashes, compositing,
 * resizing, a network's input.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef FASTLABEL_PIXELS_H_
#define FASTLABEL_PIXELS_H_

#include "fastlabel/base.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- pixels --------------------------------------------------------------------- */

#define FL_SCALE_LEVELS 3 /* pyramid levels below the full size: 1/2, 1/4, 1/8 */
#define FL_PROFILE_BINS 24 /* strips of a box and its surroundings, along x and along y */

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
  int32_t has_profile;
  /* What the box and its surroundings look like: of FL_PROFILE_BINS strips from left to right
   * the mean luma and the mean of |right - left neighbour|, of as many from top to bottom the
   * mean luma and the mean of |lower - upper neighbour|. A strip is a sixteenth of the box, and
   * four lie on each side of it. Four bits a strip, the first in the low ones: 0 to 14 from the
   * least to the greatest of the row of strips; 15 says that the strip leaves the picture. */
  uint8_t profile[2 * FL_PROFILE_BINS];
  /* The ring around the box, where it was asked for: the box grown on each side by a quarter of
   * its shorter side (4 to 64 pixels), inside the picture, less the box. Mean and standard
   * deviation of the luma; mean squared gradient by central differences in both directions, less
   * what noise adds; bits of the histogram of 64 bins. */
  int64_t ring_pixels; /* 0: not measured */
  double ring_luma_mean, ring_contrast, ring_gradient, ring_entropy;
} fl_box_row;

#define FL_PROFILE_REACH 4    /* strips that a box is moved by, at most, when it is compared */
#define FL_PROFILE_IN_VIEW 14 /* strips that must be in view for a comparison */

/* How well boxes look like their class, and where beside their place they would more so. Box i has
 * profile rows[i] of the n_profiles in profiles, each 2 * FL_PROFILE_BINS bytes as in fl_box_row;
 * what other rows hold is not looked at. templates: the look of the class, FL_PROFILE_BINS whole
 * numbers for each of the four rows of strips, in the order of the profile.
 * A box moved by m strips, -FL_PROFILE_REACH to FL_PROFILE_REACH, has beside its strip i that of
 * the template that is m before it. For each axis the correlations (Pearson's, the root of the
 * variances' product at least 1) of luma and of gradient over the strips in view on both sides
 * are added; the best move is the first with the largest sum, or the first of all where none is
 * known. An unknown sum is NaN: fewer than FL_PROFILE_IN_VIEW strips in view.
 *   gain[i]:     sum at the best move less that in place, of both axes; NaN where one is unknown
 *   moves[2 * i], moves[2 * i + 1]: the best moves to the right and down
 *   likeness[i]: mean of the four correlations in place
 * The same bits everywhere. workers: threads, 0: one a CPU; no result depends on it. profiles may
 * be null when n_profiles is 0; rows, gain, moves and likeness when n is 0. FL_ERROR_ARGUMENT, and
 * nothing written, when a row is not one of them. */
FL_API fl_status fl_compare_profiles(const uint8_t* profiles, int64_t n_profiles,
                                     const int64_t* rows, int64_t n, const uint8_t* templates,
                                     int32_t workers, double* gain, int8_t* moves,
                                     double* likeness);

/* Variance of the 4-neighbour Laplacian with mirrored borders (the edge pixel is not
 * repeated), as OpenCV's Laplacian with ksize 1 and default border has it. Exact. */
FL_API fl_status fl_laplacian_variance(const uint8_t* luma, int64_t width, int64_t height,
                                       int64_t stride_bytes, double* out);

/* All statistics of one 8-bit luma plane and of n_boxes boxes in it (rows of x1 y1 x2 y2 in
 * the plane's own pixels, or, when turned is not 0, in the pixels of the picture turned by
 * the EXIF orientation 1..8). With rings, what surrounds the boxes too. box_rows may be null when
 * n_boxes is 0. */
FL_API fl_status fl_measure_luma(const uint8_t* luma, int64_t width, int64_t height,
                                 int64_t stride_bytes, const double* boxes, int64_t n_boxes,
                                 int32_t orientation, int32_t turned, int32_t rings,
                                 fl_luma_stats* stats, fl_box_row* box_rows);

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

#ifndef FL_PROFILE_EDGE

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

#endif /* FL_PROFILE_EDGE */

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
 * zero_point, halves to even, clipped to the type; as FL_FLOAT16, x rounded once more, halves to
 * even, too large ones to infinity. color, mean and std are in the order of the picture's
 * channels; where `order` is given, in that order, which is the output's. */
typedef struct fl_letterbox_options {
  size_t struct_size;
  int64_t width, height; /* of the output */
  int32_t interpolation; /* fl_interpolation */
  int32_t layout;        /* fl_layout: of the output when its strides are not given */
  int32_t dtype;         /* FL_FLOAT32, FL_FLOAT16; FL_UINT8: the bytes, or quantised; FL_INT8:
                            quantised */
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
  int32_t channels; /* of the output: 0, as the picture; 1: its luma (fl_luma; of YUV the bytes Y);
                       3: a single channel three times, or colour without its alpha */
  int32_t order;    /* FL_RGB or FL_BGR: of the output, whatever the picture's (swap_rb is 0);
                       0: the picture's, with swap_rb; YUV becomes RGB */
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

#ifdef __cplusplus
}
#endif

#endif /* FASTLABEL_PIXELS_H_ */
