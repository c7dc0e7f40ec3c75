/* A part of fastlabel.h, which is what to include: status codes, instruction-set tiers, views of
 * memory.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef FASTLABEL_BASE_H_
#define FASTLABEL_BASE_H_

#include <stddef.h>
#include <stdint.h>

#include "fastlabel/profile.h"

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
  FL_ERROR_ISA = 7,           /* FASTLABEL_ISA names a tier unknown or absent here */
  FL_ERROR_SIZE = 8,          /* a side of 0, or an odd one where colour is shared by pixels */
  FL_ERROR_STRIDE = 9,        /* a stride smaller than a row */
  FL_ERROR_WINDOW = 10,       /* a window that leaves the frame */
  FL_ERROR_SCALE = 11,        /* a scale, std or quant_scale that is 0, too small or not finite */
  FL_ERROR_RECIPE = 12,       /* a text that is no recipe of this version; its error says why */
  FL_ERROR_ROWS = 13          /* a row too many for the frame, or some missing at its end */
} fl_status;

FL_API int32_t fl_abi_version(void);
FL_API const char* fl_version(void);
FL_API const char* fl_status_text(fl_status status);

/* ---- instruction-set tiers ------------------------------------------------------ */

/* Chooses the tier once: the best this CPU has, or the one FASTLABEL_ISA names. Called
 * by every other function that needs it; call it yourself to see the error early. */
FL_API fl_status fl_init(void);
/* "baseline", "v3", "v4" on x86-64; "baseline", "sve" on aarch64; "baseline" elsewhere. "" before a good fl_init. */
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
  FL_BITS = 11, /* Arrow's bool: one bit a row, least significant first */
  FL_FLOAT16 = 12 /* IEEE binary16 */
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

#ifdef __cplusplus
}
#endif

#endif /* FASTLABEL_BASE_H_ */
