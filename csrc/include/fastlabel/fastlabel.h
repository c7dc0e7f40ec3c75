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
/* Boxes are four float64, x1 y1 x2 y2, rows contiguous. */

/* out[i * m + j] = IoU of a[i] and b[j]. A box that is empty or not finite has IoU 0. */
FL_API fl_status fl_box_iou(const double* a, int64_t n, const double* b, int64_t m, double* out);

typedef struct fl_pair {
  int64_t i; /* i < j: row numbers in boxes */
  int64_t j;
  double iou;
} fl_pair;

/* All pairs inside one group (rows offsets[g] .. offsets[g + 1]) whose IoU is at least
 * threshold, 0 < threshold <= 1, sorted by (i, j). A box is listed as the later one (j)
 * with at most max_per_box partners, so that n equal boxes do not make n^2 pairs;
 * 0 means no limit. *count gets the number found even when capacity is too small. */
FL_API fl_status fl_box_pairs(const double* boxes, const int64_t* offsets, int64_t groups,
                              double threshold, int64_t max_per_box, fl_pair* out,
                              int64_t capacity, int64_t* count);

/* Greedy non-maximum suppression. keep has room for n; *kept row numbers are written,
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

FL_API fl_status fl_composite_options_init(fl_composite_options* options);

/* Pastes patch into scene, whose pixels are written, with its top left pixel on (x, y); what
 * falls outside is cut off. Channels: 1 into 1; 3 or 4 into 3 or 4, of the same order. A fourth
 * channel of the patch is its alpha, not premultiplied; mask, which may be null, is a further
 * one, of one channel and the patch's size. Weights are 8-bit: alpha times mask, times a ramp of
 * `feather` pixels inside the patch's border, or inside the edge of alpha and mask where there
 * are any, times opacity. Integers throughout, each product rounded to the nearest, so the result
 * is the same bytes everywhere. Options may be null. The images may not overlap the scene. */
FL_API fl_status fl_composite(const fl_image* scene, const fl_image* patch, int64_t x, int64_t y,
                              const fl_image* mask, const fl_composite_options* options);

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
