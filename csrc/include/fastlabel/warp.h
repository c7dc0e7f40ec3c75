/* A part of fastlabel.h, which is what to include: pictures turned and sheared.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef FASTLABEL_WARP_H_
#define FASTLABEL_WARP_H_

#include "fastlabel/base.h"

#ifdef __cplusplus
extern "C" {
#endif

#define FL_WARP_MAX_SIDE 65535 /* of the result, in pixels */

/* Pixel (x, y) of the result is the picture at (m[0] x + m[1] y + m[2], m[3] x + m[4] y + m[5]),
 * (0, 0) being the middle of the first pixel on both sides: by bilinear interpolation, at the
 * nearest 64th of a pixel, the same bytes on every machine. What lies outside the picture is `fill`
 * in every channel, or with edge != 0 the nearest pixel of it.
 *
 * image: 1 to 4 channels, any strides. m: factors of up to 4096 either way, and shifts of up to
 * 2^26. out: height rows of width pixels side by side in the picture's order of channels,
 * row_stride bytes apart (width * channels or more); not overlapping the picture. */
FL_API fl_status fl_warp_affine(const fl_image* image, const double m[6], int32_t edge,
                                uint8_t fill, uint8_t* out, int64_t width, int64_t height,
                                int64_t row_stride);

#ifdef __cplusplus
}
#endif

#endif /* FASTLABEL_WARP_H_ */
