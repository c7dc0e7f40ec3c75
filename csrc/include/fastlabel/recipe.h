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

/* Why a text is no recipe. */
typedef struct fl_recipe_error {
  int32_t line, column; /* from 1; the column counts bytes */
  char text[244];       /* place, value and remedy; NUL-terminated ASCII */
} fl_recipe_error;

/* Reads a recipe, `length` bytes of JSON that need no NUL, into options for fl_letterbox and
 * fl_letterbox_into; struct_size: sizeof *options. They say how many channels the output has and
 * in which order, and so hold for pictures and frames of any format. Strict: each key once, none
 * unknown, none missing, no escapes in strings, at most 19 significant digits in a number.
 * Decimals become the nearest float32, halves to even, on every machine. No heap, no C library.
 * FL_ERROR_RECIPE: error says why, and options are not written. error may be null. */
FL_API fl_status fl_recipe_read(const char* text, size_t length, fl_letterbox_options* options,
                                size_t struct_size, fl_recipe_error* error);

#ifdef __cplusplus
}
#endif

#endif /* FASTLABEL_RECIPE_H_ */
