/* A part of fastlabel.h, which is what to include: COCO label files as columns.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef FASTLABEL_COCO_H_
#define FASTLABEL_COCO_H_

#include "fastlabel/base.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What became of a file. */
typedef enum fl_coco_outcome {
  FL_COCO_READ = 0,
  FL_COCO_NOT_JUDGED = 1, /* not JSON, or of a kind that this reader leaves to another; `error` is
                             EFBIG where one value has more than 64 MiB */
  FL_COCO_UNREADABLE = 2, /* `error` is the system's errno */
  FL_COCO_CHANGED = 3     /* the file was written to while it was read */
} fl_coco_outcome;

typedef enum fl_coco_section {
  FL_COCO_OTHER = 0,
  FL_COCO_IMAGES = 1,
  FL_COCO_ANNOTATIONS = 2,
  FL_COCO_CATEGORIES = 3
} fl_coco_section;

/* The parts of a column, in the layout of Apache Arrow. */
typedef enum fl_coco_part {
  FL_COCO_VALUES = 0,  /* numbers, bits, or the bytes of texts */
  FL_COCO_OFFSETS = 1, /* of texts: int32, one more than rows */
  FL_COCO_VALID = 2    /* bits; absent where no row is null */
} fl_coco_part;

typedef struct fl_coco_options {
  size_t struct_size;
  int32_t workers; /* 0: as many as there are CPUs */
  int32_t reserved;
  int64_t window;    /* bytes of the file that one worker has at once */
  int64_t most_text; /* bytes of one piece of a column of texts, at most 2^31 - 1 */
} fl_coco_options;

typedef struct fl_coco_summary {
  int32_t outcome; /* fl_coco_outcome */
  int32_t error;
  int64_t file_bytes;
  int64_t stopped_at; /* byte of the file near which reading ended, where it was not read */
  int64_t members;    /* of the top-level object */
  int64_t images;     /* rows */
  int64_t annotations;
  int64_t odd; /* elements that are left to the caller, as text */
  int32_t ids_rise; /* 1: annotation ids are whole numbers, each above the one before */
  int32_t reserved;
} fl_coco_summary;

/* The file's columns. An element of `images` or `annotations` is a row where all of it is of
 * the kinds one expects; every other, and each of `categories`, is given out as text. */
typedef struct fl_coco fl_coco;

FL_API fl_status fl_coco_options_init(fl_coco_options* options, size_t struct_size);
FL_API fl_status fl_coco_read(const char* path, const fl_coco_options* options, fl_coco** out);
FL_API fl_status fl_coco_summarise(const fl_coco* coco, fl_coco_summary* summary);
/* A member of the top level: its section, where its value begins, its key and, of one that is
 * no section, its text; *elements of one that is. Pointers live as long as `coco`. */
FL_API fl_status fl_coco_member(const fl_coco* coco, int64_t member, int32_t* section,
                                int64_t* offset, int64_t* elements, const char** key,
                                int64_t* key_bytes, const char** value, int64_t* value_bytes);
/* How many pieces a column has, and the rows of one: 0 of a column that has no value. Columns are
 * named as in docs/scale.md; an unknown name is FL_ERROR_ARGUMENT. */
FL_API fl_status fl_coco_pieces(fl_coco* coco, const char* column, int64_t* pieces);
FL_API fl_status fl_coco_rows(fl_coco* coco, const char* column, int64_t piece, int64_t* rows);
/* Takes a part of a column out: *data is the caller's, to be given to fl_coco_free; null where
 * there is none. */
FL_API fl_status fl_coco_take(fl_coco* coco, const char* column, int64_t piece, int32_t part,
                              void** data, int64_t* bytes);
FL_API void fl_coco_free(void* data);
FL_API void fl_coco_destroy(fl_coco* coco);

#ifdef __cplusplus
}
#endif

#endif /* FASTLABEL_COCO_H_ */
