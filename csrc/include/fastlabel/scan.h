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

/* ---- tar archives: where the members lie, so that the scanner reads them in place ---- */

typedef enum fl_tar_kind {
  FL_TAR_FILE = 0,
  FL_TAR_FOLDER = 1,
  FL_TAR_LINK = 2,   /* hard or symbolic; never followed */
  FL_TAR_SPARSE = 3, /* its bytes are not its content */
  FL_TAR_OTHER = 4   /* devices, pipes, volume labels, continued files */
} fl_tar_kind;

typedef enum fl_tar_end {
  FL_TAR_END_MARK = 0,    /* a block of zeros, and nothing behind it */
  FL_TAR_END_FILE = 1,    /* the file ends behind a member, without the mark */
  FL_TAR_END_CUT = 2,     /* the file ends inside a member or a header */
  FL_TAR_END_DAMAGED = 3, /* what should be a header is none */
  FL_TAR_END_MORE = 4,    /* something follows the mark; it is not read */
  FL_TAR_END_UNREAD = 5   /* the disk gave an error */
} fl_tar_end;

typedef struct fl_tar_member {
  uint64_t header, offset;           /* in the file */
  uint64_t size, declared;           /* bytes there are, bytes that the header says */
  uint64_t name_offset, name_length; /* in fl_tar_names */
  int32_t kind, reserved;
} fl_tar_member;

typedef struct fl_tar_summary {
  int32_t status; /* fl_image_status of the file itself: ok, missing or unreadable */
  int32_t end;    /* fl_tar_end */
  uint64_t end_offset;
  uint64_t file_size;
  int64_t file_mtime_ns;
  int64_t members;
  uint64_t names; /* bytes */
  char error[120];
} fl_tar_summary;

typedef struct fl_tar fl_tar;

/* Reads the headers of ustar, pax, GNU and V7 archives, in archive order. Of a file that is no
 * archive the summary says so, with no member; the status is of the call alone. */
FL_API fl_status fl_tar_index(const char* path, fl_tar_summary* summary, fl_tar** out);
/* Copies the members and their names, one behind the other without separators. */
FL_API fl_status fl_tar_copy(const fl_tar* tar, fl_tar_member* members, char* names);
FL_API void fl_tar_destroy(fl_tar* tar);

/* ---- scanner: bytes -> codec -> pixels -> columns, over a pool of threads --------- */

typedef struct fl_scan_options {
  size_t struct_size;
  int32_t workers;      /* 0: as many as there are CPUs */
  int32_t max_scans;    /* of a progressive JPEG */
  uint64_t max_pixels;  /* width * height */
  uint64_t max_bytes;   /* of a file */
  uint64_t max_memory;  /* of one JPEG decoder (progressive files hold all coefficients) */
  int32_t hash_only;    /* 1: nothing is decoded; of a row only bytes, status and content_hash */
  int32_t rings;        /* 1: the rings around the boxes are measured too */
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
