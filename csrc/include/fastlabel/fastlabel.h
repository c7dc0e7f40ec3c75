/* fastlabel: the C ABI of the engine. The only header that others include.
 *
 * Every function returns an fl_status and writes its results through pointers; none
 * throws, and none keeps a pointer past its return unless its comment says so. Sizes
 * and strides are in bytes where they are called bytes, in elements otherwise.
 * Option structs begin with struct_size, set by the caller to sizeof of what it knows,
 * so that a later library still reads an earlier caller's struct.
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
  FL_FLOAT64 = 6
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

/* FL_IOU, eps 1e-7, no crowd. */
FL_API fl_status fl_overlap_options_init(fl_overlap_options* options);

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

/* Greedy non-maximum suppression of contiguous float64 x1 y1 x2 y2. keep has room for n; *kept row numbers are written,
 * best score first. Equal scores keep the lower row number first. */
FL_API fl_status fl_nms(const double* boxes, const double* scores, int64_t n, double iou_threshold,
                        int64_t* keep, int64_t* kept);

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

/* 128-bit content hash: XXH3 with seed 0, canonical byte order; not for adversaries. */
FL_API fl_status fl_content_hash(const uint8_t* data, uint64_t size, uint8_t out[16]);

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

FL_API fl_status fl_scan_options_init(fl_scan_options* options);
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
