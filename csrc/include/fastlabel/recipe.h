/* A part of fastlabel.h, which is what to include: the written recipe of a network's input
 * (preprocess.json), which training and device both read.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef FASTLABEL_RECIPE_H_
#define FASTLABEL_RECIPE_H_

#include "fastlabel/pixels.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The version of the format that this library reads; docs/device.md describes it. */
#define FL_RECIPE_VERSION 1
#define FL_RECIPE_MAX_SIDE 65535
#define FL_RECIPE_MAX_BYTES 65536 /* a longer text is no recipe */

/* What a recipe says. Numbers of channels are in the order of the tensor; there are three, or one
 * when order is FL_GRAY. */
typedef struct fl_preprocess {
  int64_t width, height; /* of the tensor, 1 to FL_RECIPE_MAX_SIDE */
  int32_t interpolation; /* fl_interpolation */
  int32_t layout;        /* fl_layout */
  int32_t dtype;         /* fl_dtype */
  int32_t order;         /* fl_channels of the tensor: FL_GRAY, FL_BGR or FL_RGB */
  int32_t center;        /* 1: padding on both sides; 0: right and below */
  int32_t scale_up;      /* 0: never enlarge */
  int32_t stretch;       /* 1: fill the tensor, ratio of the sides not kept */
  int32_t quantize;      /* 1: quant_scale and zero_point are used */
  uint8_t color[4];      /* of the padding */
  float scale;
  float mean[4], std[4];
  float quant_scale;
  int32_t zero_point;
} fl_preprocess;

/* Why a text is no recipe. */
typedef struct fl_recipe_error {
  int32_t line, column; /* from 1; the column counts bytes */
  char text[244];       /* place, value and remedy; NUL-terminated ASCII */
} fl_recipe_error;

/* Reads a recipe: `length` bytes of JSON, not NUL-terminated. Strict: each key once, none unknown,
 * none missing, no escapes in strings, at most 19 significant digits in a number. Decimals become
 * the nearest float32, halves to even, on every machine. No heap, no C library.
 * FL_ERROR_RECIPE: `error` says why, and `out` is not written. error may be null. */
FL_API fl_status fl_recipe_read(const char* text, size_t length, fl_preprocess* out,
                                fl_recipe_error* error);

#ifdef __cplusplus
}
#endif

#endif /* FASTLABEL_RECIPE_H_ */
