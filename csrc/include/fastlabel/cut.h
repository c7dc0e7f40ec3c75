/* A part of fastlabel.h, which is what to include: cutting tiles out of image files, with and without re-encoding.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef FASTLABEL_CUT_H_
#define FASTLABEL_CUT_H_

#include "fastlabel/scan.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Windows are four int64 a tile: x1, y1, x2, y2, half-open, in the picture as EXIF turns it. They
 * may run past its edges; what lies outside gets the fill colour. Sides are 1 to 65500. Tiles are
 * upright and have no EXIF. */

/* What became of a tile. */
typedef enum fl_cut_mode {
  FL_CUT_FAILED = 0,
  FL_CUT_LOSSLESS = 1, /* the source's own coefficients */
  FL_CUT_REENCODED = 2
} fl_cut_mode;

FL_API const char* fl_cut_mode_name(int32_t mode);

typedef struct fl_cut_options {
  size_t struct_size;
  int32_t quality;      /* 1..100, the scale of libjpeg and of Pillow */
  int32_t lossless;     /* 1: windows grow to the left and the top to whole MCUs, and the tile
                           takes the source's coefficients wherever that can be done */
  int32_t workers;      /* 0: as many as there are CPUs */
  int32_t max_scans;    /* as in fl_scan_options, and the following three */
  uint64_t max_pixels;
  uint64_t max_bytes;
  uint64_t max_memory;
  uint8_t fill[4];      /* blue, green, red; the fourth is not read */
  int32_t keep_profile; /* 1: an ICC profile of up to 4 MB is kept in re-encoded tiles; lossless
                           ones have it always */
} fl_cut_options;

typedef struct fl_cut_row { /* one a picture */
  int32_t status;           /* fl_image_status; not ok: none of its tiles is there */
  int32_t format;
  int32_t width, height; /* stored raster; -1 unknown */
  int32_t orientation;
  int32_t write_error; /* errno, when a tile could not be written; the picture is not at fault */
  int64_t write_tile;  /* and which tile of the picture that was; else -1 */
  char detail[124];
} fl_cut_row;

typedef struct fl_cut_tile { /* one a tile */
  int64_t window[4];         /* really cut, in the upright picture */
  int32_t mode;              /* fl_cut_mode */
  char reason[124];          /* why the mode is not the one asked for, NUL-terminated */
} fl_cut_tile;

/* Given a finished tile; the bytes are its own for the time of the call. 0: go on; else stop. */
typedef int32_t (*fl_tile_taker)(void* user, int64_t tile, const uint8_t* bytes, uint64_t size);

FL_API fl_status fl_cut_options_init(fl_cut_options* options, size_t struct_size);

/* Cuts a JPEG in memory into n JPEGs, by rows: the picture is never in memory as a whole (a
 * progressive one holds its coefficients). The bytes do not depend on the machine's tier. A bad
 * picture is FL_OK with its status in the row; tiles taken before that was known are void. Files of
 * other formats get status needs_decoder. */
FL_API fl_status fl_cut_jpeg(const uint8_t* data, uint64_t size, const int64_t* windows, int64_t n,
                             const fl_cut_options* options, fl_tile_taker taker, void* user,
                             fl_cut_row* row, fl_cut_tile* tiles);

/* The windows that a lossless cut of this picture takes: moved out to whole MCUs at the left and the
 * top where that can be done, else as they are. out has room for 4 n. */
FL_API fl_status fl_cut_align(const uint8_t* data, uint64_t size, const int64_t* windows, int64_t n,
                              const fl_cut_options* options, int64_t* out);

typedef enum fl_color { FL_COLOR_BGR = 0, FL_COLOR_RGB = 1, FL_COLOR_GRAY = 2 } fl_color;

/* One window of a JPEG as pixels, equal to that part of the whole picture decoded; only the rows
 * and columns needed are made. out has (y2 - y1) rows of (x2 - x1) pixels, 3 bytes each or 1 for
 * gray, `stride` bytes apart. */
FL_API fl_status fl_read_window(const uint8_t* data, uint64_t size, const int64_t* window,
                                int32_t color, const fl_cut_options* options, uint8_t* out,
                                int64_t stride, fl_cut_row* row);

/* ---- many files, over a pool of threads ----------------------------------------- */

typedef struct fl_cut_job {
  const char* path;    /* read when data is null; copied */
  const uint8_t* data; /* or the file's bytes; must live until the batch is collected */
  uint64_t size;
  int64_t tiles;
} fl_cut_job;

/* Every function may be called from any thread, but for destroy: no other call on the same
 * cutter may be under way or follow. */
typedef struct fl_cutter fl_cutter;

FL_API fl_status fl_cutter_create(const fl_cut_options* options, fl_cutter** out);
/* Queues n pictures; windows and outputs hold the tiles of all of them, one after the other. Each
 * tile is written to its path; a file that cannot be written whole is removed. No two tiles may
 * have one path, and a picture of the batch is not written over: EEXIST. */
FL_API fl_status fl_cutter_submit(fl_cutter* cutter, const fl_cut_job* jobs, int64_t n,
                                  const int64_t* windows, const char* const* outputs,
                                  int64_t* ticket);
/* Waits at most timeout_ms for the batch; *done gets how many of its pictures are ready. */
FL_API fl_status fl_cutter_wait(fl_cutter* cutter, int64_t ticket, int32_t timeout_ms,
                                int64_t* done);
/* Copies a finished batch out and forgets it: n rows, and one tile for each window. */
FL_API fl_status fl_cutter_collect(fl_cutter* cutter, int64_t ticket, fl_cut_row* rows,
                                   fl_cut_tile* tiles);
/* Stops as soon as each worker's next few rows are done; later submits fail. */
FL_API fl_status fl_cutter_cancel(fl_cutter* cutter);
FL_API void fl_cutter_destroy(fl_cutter* cutter);

#ifdef __cplusplus
}
#endif

#endif /* FASTLABEL_CUT_H_ */
