/* A part of fastlabel.h, which is what to include: effects of a camera and of the air.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef FASTLABEL_EFFECTS_H_
#define FASTLABEL_EFFECTS_H_

#include "fastlabel/base.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Each reads a picture of 1 or 3 channels, of any strides and of up to 2^31 - 1 samples a row, and
 * writes its pixels, side by side in the picture's order of channels, into height rows,
 * row_stride bytes apart (width * channels or more), which may not overlap the picture. Random
 * numbers are hashes of seed, row and column: the same bytes on every machine. */

/* Every sample by a table of 256: tables holds one for all channels (n_tables 1) or one for each,
 * one after the other (n_tables equal to the channels). */
FL_API fl_status fl_look_up(const fl_image* image, const uint8_t* tables, int32_t n_tables,
                            uint8_t* out, int64_t row_stride);

#define FL_MAX_TAPS 4096
#define FL_MAX_REACH 1024 /* of a tap, in pixels */

/* Weighted mean of the pixels at (x + dx[k], y + dy[k]), 1 to FL_MAX_TAPS of them; beyond the border
 * the picture is mirrored, its edge not repeated. Weights are not negative and are divided by their
 * sum; a whole number of 65535ths each, their error carried on. Exact to (1 + taps / 256) / 2 grey
 * levels. */
FL_API fl_status fl_filter_taps(const fl_image* image, const int32_t* dx, const int32_t* dy,
                                const double* weights, int64_t taps, uint8_t* out,
                                int64_t row_stride);

/* Noise of a sensor: normal, to 3.45 standard deviations, with variance read^2 + shot v at grey
 * level v. read: 0 to 255 grey levels; shot: 0 to 255, the levels' gain a photon. colour: 0 to 1, how
 * much of the standard deviation belongs to a channel alone; the rest, so that squares sum to 1, is
 * common to a pixel. */
FL_API fl_status fl_sensor_noise(const fl_image* image, double read, double shot, double colour,
                                 uint64_t seed, uint8_t* out, int64_t row_stride);

/* Salt and pepper: a share `amount` of the pixels, each by its own chance, becomes white, of these
 * the share `salt`, or black, in all channels. Both 0 to 1. */
FL_API fl_status fl_salt_and_pepper(const fl_image* image, double amount, double salt,
                                    uint64_t seed, uint8_t* out, int64_t row_stride);

/* A colour laid over the picture by a mask of its size, of one channel and any strides:
 * (v (255 - m) + colour m) / 255, rounded to the nearest. colour: one byte a channel. */
FL_API fl_status fl_veil(const fl_image* image, const fl_image* mask, const uint8_t* colour,
                         uint8_t* out, int64_t row_stride);

#ifdef __cplusplus
}
#endif

#endif /* FASTLABEL_EFFECTS_H_ */
