/* The rows of pixels/gate.c by the scan's kernels: what the library has in place of its plain
 * loops. C, since gate.c is.
 */
#ifndef FASTLABEL_PIXELS_GATE_ROWS_H_
#define FASTLABEL_PIXELS_GATE_ROWS_H_

#include "fastlabel/base.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct gate_row_sums {
  uint64_t laplacian_squares, gradient_squares;
  uint32_t lit, bright; /* pixels of 32 or more, and of 224 or more */
} gate_row_sums;

/* The tier chosen, or why none is. */
fl_status gate_kernels_ready(void);
/* Rows rows[1] to rows[count] of n pixels, count at most 16; rows[0] and rows[count + 1] are their
 * neighbours. Adds the pixels' sums to the 16 cells of a line, and the rest to sums; the squares
 * not of the pixels at the rows' ends. */
void gate_rows_measure(const uint8_t* const* rows, int32_t count, int32_t n, uint32_t* cells,
                       gate_row_sums* sums);
/* Adds to each block of 32 pixels of a row what they answer to the noise mask. */
void gate_row_noise(const uint8_t* up, const uint8_t* cur, const uint8_t* down, int32_t n,
                    uint32_t* blocks);

#ifdef __cplusplus
}
#endif

#endif /* FASTLABEL_PIXELS_GATE_ROWS_H_ */
