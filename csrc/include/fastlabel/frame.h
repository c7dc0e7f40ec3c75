/* A part of fastlabel.h, which is what to include: camera frames to a network's input, and boxes
 * there and back.
 *
 * These functions throw nothing, start no thread and, but for those that say "allocates", take no
 * memory but what they are given: the same code runs on a microcontroller. docs/device.md,
 * "Preprocessing", has the arithmetic to the last bit and the files that such a build needs.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef FASTLABEL_FRAME_H_
#define FASTLABEL_FRAME_H_

#include "fastlabel/base.h"
#include "fastlabel/pixels.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum fl_frame_format {
  FL_FRAME_GRAY = 0, /* a byte a pixel */
  FL_FRAME_RGB = 1,  /* three bytes a pixel */
  FL_FRAME_BGR = 2,
  FL_FRAME_NV12 = 3, /* a plane of Y; a plane of half as many rows, U V for each 2 x 2 pixels */
  FL_FRAME_NV21 = 4, /* the same with V U */
  FL_FRAME_YUYV = 5  /* Y0 U Y1 V for each two pixels of a row; also called YUY2 */
} fl_frame_format;

typedef enum fl_yuv_matrix {
  FL_BT601 = 0,
  FL_BT709 = 1
} fl_yuv_matrix;

typedef enum fl_yuv_range {
  FL_LIMITED_RANGE = 0, /* Y is 16 to 235: what cameras and OpenCV's COLOR_YUV2BGR_NV12 have */
  FL_FULL_RANGE = 1     /* Y is 0 to 255: JPEG */
} fl_yuv_range;

/* Part of a frame, in whole pixels; all zero: the whole frame. */
typedef struct fl_window {
  int64_t x, y, width, height;
} fl_window;

/* A picture at rest in memory, and the part of it that is looked at. Zero it, then fill in what
 * its format has. NV12 and NV21 have even sides, YUYV an even width; windows need not. */
typedef struct fl_frame {
  int32_t format;           /* fl_frame_format */
  int32_t matrix;           /* fl_yuv_matrix, of NV12, NV21 and YUYV */
  int32_t range;            /* fl_yuv_range, likewise */
  int32_t reserved;         /* 0 */
  int64_t width, height;
  const uint8_t* planes[2]; /* the first byte of the top row; the second: U and V of NV12, NV21 */
  int64_t strides[2];       /* bytes from a row to the next, at least a row's; negative: upwards */
  fl_window window;
} fl_frame;

/* Bytes that the planes of a frame reach over, from the lowest address that is read to past the
 * highest, so that a caller can hold them against what a camera gave; 0 for a plane that the
 * format has not. The planes themselves may be null. */
FL_API fl_status fl_frame_bytes(const fl_frame* frame, int64_t bytes[2]);

/* Channels of the input made of a frame (1 or 3), and the bytes of it, contiguous. */
FL_API fl_status fl_letterbox_output(const fl_frame* frame, const fl_letterbox_options* options,
                                     int32_t* channels, int64_t* bytes);

/* Where the window lies in the input: x of the frame is at (x - window.x) * scale_x + left. */
FL_API fl_status fl_frame_placement(const fl_frame* frame, const fl_letterbox_options* options,
                                    fl_placement* out);

/* Bytes of work memory that fl_letterbox_into needs for frames of this format, stride and
 * window size, whatever the alignment of that memory. The planes may be null. */
FL_API fl_status fl_letterbox_work_size(const fl_frame* frame, const fl_letterbox_options* options,
                                        size_t* bytes);

/* What fl_letterbox does, from the window of a frame: converted to colour (each pixel with the U
 * and V of its pair or square, as OpenCV has it), resized, padded, normalised, laid out, as
 * though each step had been taken by itself over the whole window, but row by row. strides: bytes
 * from channel to channel, row to row and pixel to pixel of the output, or null. `work` may have
 * any alignment and may hold anything; FL_ERROR_CAPACITY when it is smaller than
 * fl_letterbox_work_size says. Output and work memory may overlap neither the frame nor each
 * other. placement may be null. Nothing is written unless FL_OK is returned. */
FL_API fl_status fl_letterbox_into(const fl_frame* frame, const fl_letterbox_options* options,
                                   void* out, const int64_t strides[3], void* work,
                                   size_t work_size, fl_placement* placement);

/* The same with work memory of its own: allocates. */
FL_API fl_status fl_letterbox_frame(const fl_frame* frame, const fl_letterbox_options* options,
                                    void* out, const int64_t strides[3], fl_placement* placement);

/* n frames, or n windows of one frame, over `workers` threads (0: as many as there are CPUs);
 * their inputs have one number of channels. Input i goes to out + i * image_stride. placements has
 * room for n, or is null. Nothing is written when an argument is wrong. Allocates. */
FL_API fl_status fl_letterbox_frame_batch(const fl_frame* frames, int64_t n,
                                          const fl_letterbox_options* options, int32_t workers,
                                          void* out, int64_t image_stride,
                                          const int64_t strides[3], fl_placement* placements);

/* Boxes of the frame in the input's pixels: corner x becomes (x - window.x) * scale_x + left, in
 * the boxes' dtype, each operation rounded, and so for y; sizes are scaled. out: four numbers a
 * box, side by side, in the boxes' dtype and format; it may be the boxes' own memory when they
 * lie side by side too. window: the frame's, or null for one that begins at (0, 0). */
FL_API fl_status fl_letterbox_boxes_to_input(const fl_placement* placement,
                                             const fl_window* window, const fl_boxes* boxes,
                                             void* out);
/* The way back: (x - left) / scale_x + window.x. clip 1: cut off at the window's sides, and the
 * window must have a size; 0: as they come. */
FL_API fl_status fl_letterbox_boxes_to_frame(const fl_placement* placement,
                                             const fl_window* window, int32_t clip,
                                             const fl_boxes* boxes, void* out);

#ifdef __cplusplus
}
#endif

#endif /* FASTLABEL_FRAME_H_ */
