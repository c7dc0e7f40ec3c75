/* A part of fastlabel.h, which is what to include: tables: histograms, moments, sketches, Arrow in.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef FASTLABEL_TABLES_H_
#define FASTLABEL_TABLES_H_

#include "fastlabel/base.h"

#ifdef __cplusplus
extern "C" {
#endif

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

#ifdef __cplusplus
}
#endif

#endif /* FASTLABEL_TABLES_H_ */
