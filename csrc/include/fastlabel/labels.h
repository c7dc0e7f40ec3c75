/* A part of fastlabel.h, which is what to include: label files of one image each as columns.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef FASTLABEL_LABELS_H_
#define FASTLABEL_LABELS_H_

#include "fastlabel/base.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What became of a file: column `outcome`. */
typedef enum fl_label_outcome {
  FL_LABEL_READ = 0,
  FL_LABEL_LEFT = 1, /* not wholly regular: another reader has to judge it; it has no rows */
  FL_LABEL_OTHER = 2 /* not of this format */
} fl_label_outcome;

/* The parts of a column, in the layout of Apache Arrow. */
typedef enum fl_label_part {
  FL_LABEL_VALUES = 0,  /* numbers, bits, or the bytes of texts */
  FL_LABEL_OFFSETS = 1, /* of texts: int32, one more than rows */
  FL_LABEL_VALID = 2    /* bits; absent where no row is null */
} fl_label_part;

/* Files to read: names relative to `folder`, each ended by a zero byte. */
typedef struct fl_label_files {
  const char* folder;
  const char* names;
  int64_t names_bytes;
  int64_t count;
} fl_label_files;

typedef struct fl_label_options {
  size_t struct_size;
  int32_t workers; /* 0: as many as there are CPUs */
  int32_t reserved;
  int64_t keypoints; /* YOLO: numbers of a row that belong to keypoints; 0: none */
  int64_t most_text; /* bytes of one piece of a column of texts, at most 2^31 - 1 */
} fl_label_options;

typedef struct fl_label_columns fl_label_columns;

FL_API fl_status fl_label_options_init(fl_label_options* options, size_t struct_size);
/* YOLO: a row each of `outcome` (uint8) and `rows` (int64) a file; `x1`, `y1`, `x2`, `y2`
 * (double, fractions of the image), `line`, `token` (int32), `kind` (uint8: box, polygon, eight
 * numbers, box with keypoints), `raw`, `score` (float) and `attributes` a row of a file; `eight`,
 * the numbers of rows of the third kind; `tokens`, the class words that `token` counts. */
FL_API fl_status fl_yolo_read(const fl_label_files* files, const fl_label_options* options,
                              fl_label_columns** out);
/* Pascal VOC: `outcome`, `rows`, `file_name`, `width`, `height` (int32, -1: none), `convention`
 * and `attributes` a row a file; `x1`, `y1`, `x2`, `y2`, `x1_less`, `y1_less` (double: one less),
 * `line`, `name` (int32, -1: none), `raw`, `difficult`, `ignore`, `crowd` (bits), `occlusion`
 * (int8), `truncation`, `weight`, `score` (float), `area` (double) and `object_attributes` a row
 * an object; `names`, the class names that `name` counts. */
FL_API fl_status fl_voc_read(const fl_label_files* files, const fl_label_options* options,
                             fl_label_columns** out);
/* How many pieces a column has, 0 where no row has a value, and the rows of one. */
FL_API fl_status fl_label_pieces(const fl_label_columns* columns, const char* column,
                                 int64_t* pieces);
FL_API fl_status fl_label_rows(const fl_label_columns* columns, const char* column, int64_t piece,
                               int64_t* rows);
/* Takes a part of a column out: *data is the caller's, to be given to fl_label_free; null where
 * there is none. */
FL_API fl_status fl_label_take(fl_label_columns* columns, const char* column, int64_t piece,
                               int32_t part, void** data, int64_t* bytes);
FL_API void fl_label_free(void* data);
FL_API void fl_label_destroy(fl_label_columns* columns);

#ifdef __cplusplus
}
#endif

#endif /* FASTLABEL_LABELS_H_ */
