/* A part of fastlabel.h, which is what to include: pasting: patches matched to a place and blended into it.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef FASTLABEL_PASTE_H_
#define FASTLABEL_PASTE_H_

#include "fastlabel/base.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Copy-paste of objects. Floats throughout, in a fixed order of IEEE operations, and noise by
 * integers: the same bytes on every machine and tier. */

typedef enum fl_paste_blend {
  FL_PASTE_FEATHER = 0,  /* a soft ramp across the outline */
  FL_PASTE_ALPHA = 1,    /* the outline's own coverage */
  FL_PASTE_RECTANGLE = 2 /* the pixels whose centre lies in the box: a baseline to measure by */
} fl_paste_blend;

typedef struct fl_paste_options {
  size_t struct_size;
  int32_t blend;  /* fl_paste_blend */
  int32_t match;  /* 1: brightness, sharpness and noise of the place; 0: pixels as they are */
  int32_t flip;   /* 1: left and right exchanged */
  int32_t loose;  /* 1: the outline is a guess from a box and holds background, so the patch's
                     surroundings are blended too; 0: only the object's own colours are */
  int32_t apply;  /* 1: the scene is written; 0: only the mask and the pixels */
  int32_t reserved;
  double feather;  /* width of the ramp in scene pixels; negative: by the object's size */
  double acutance; /* of the whole scene: a place with fewer edges is no less sharp; NaN: unknown */
  double noise;    /* of the whole scene, grey levels: texture at a place is no noise; NaN: unknown */
  uint64_t seed;   /* of the noise */
} fl_paste_options;

/* What matching did to a patch: of channels in their order, grey levels, scene pixels. */
typedef struct fl_paste_report {
  double gain;        /* of all channels; 1: none */
  double offset[3];   /* of each channel, after the gain */
  double blur;        /* sigma of the blur of the luma; 0: none */
  double colour_blur; /* and of the colour differences */
  double noise;       /* most noise added to a pixel, as a standard deviation */
} fl_paste_report;

/* FL_PASTE_FEATHER, matched, the scene written, feather by size, the rest unknown. */
FL_API fl_status fl_paste_options_init(fl_paste_options* options, size_t struct_size);

/* The window of a scene (x, y, width, height) that fl_paste_object looks at and may write, for the
 * box the object goes to: width and height are 0 when the box lies outside. Options may be null. */
FL_API fl_status fl_paste_window(int64_t scene_width, int64_t scene_height, const double box[4],
                                 const fl_paste_options* options, int64_t window[4]);

/* Pastes an object: patch and its alpha (of one channel and the patch's size) are scaled so that
 * patch_box, in patch pixels, falls on box, in scene pixels; both x1, y1, x2, y2 with any fraction,
 * finite and of positive size. Shrinking takes the mean of what a pixel covers, enlarging
 * interpolates linearly. Scene and patch have 3 channels of the same order.
 *
 * mask: width * height bytes of fl_paste_window, how much of each pixel was covered. pixels: null,
 * or 3 times as many, the matched patch all over the window. Neither may overlap a picture.
 * report: null, or what matching did. */
FL_API fl_status fl_paste_object(const fl_image* scene, const fl_image* patch,
                                 const fl_image* alpha, const double patch_box[4],
                                 const double box[4], const fl_paste_options* options,
                                 uint8_t* mask, uint8_t* pixels, fl_paste_report* report);

#ifdef __cplusplus
}
#endif

#endif /* FASTLABEL_PASTE_H_ */
