/* A part of fastlabel.h, which is what to include: files and the scanner.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef FASTLABEL_SCAN_H_
#define FASTLABEL_SCAN_H_

#include "fastlabel/pixels.h"

#ifdef __cplusplus
extern "C" {
#endif

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
  int32_t hash_only;    /* 1: nothing is decoded; of a row only bytes, status and content_hash */
  int32_t reserved;
} fl_scan_options;

typedef struct fl_scan_image {
  const char* path;    /* read when data is null; copied */
  const uint8_t* data; /* or the file's bytes; must live until the batch is collected */
  uint64_t size;       /* of data; of a path: bytes from offset on, 0 for all to its end */
  uint64_t offset;     /* of a path: where the picture begins, as in an archive */
  /* Of a path: what the file was when it was listed; another file is a row that says so.
   * file_size 0: not compared. */
  uint64_t file_size;
  int64_t file_mtime_ns;
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

#endif /* FASTLABEL_SCAN_H_ */
