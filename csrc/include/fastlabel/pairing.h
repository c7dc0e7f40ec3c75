/* A part of fastlabel.h, which is what to include: labels beside the predictions of a model.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef FASTLABEL_PAIRING_H_
#define FASTLABEL_PAIRING_H_

#include "fastlabel/base.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Labels and predictions of n_images images, each sorted by image. Rows of numbers are
 * contiguous. No box is an error: one that is reversed, empty or not finite overlaps nothing. */
typedef struct fl_pairing_input {
  size_t struct_size;
  const double* labels;              /* x1 y1 x2 y2 */
  const int64_t* label_classes;      /* below 0: unknown, like no other */
  const int64_t* label_offsets;      /* n_images + 1, from 0, never falling */
  const double* predictions;         /* x1 y1 x2 y2 */
  const int64_t* prediction_classes;
  const double* scores;              /* 0 to 1 */
  const int64_t* prediction_offsets;
  int64_t n_images;
} fl_pairing_input;

typedef struct fl_pairing_options {
  size_t struct_size;
  double near_iou;   /* least IoU with a label of the same class to be one object */
  double placed_iou; /* least IoU with a label of another class to be one object */
  double same;       /* what the same class adds to the IoU, when two want one label */
  double inside;     /* share of a box in another that makes it a part */
  int32_t workers;   /* threads; 0: one a CPU. The result does not depend on it. */
  int32_t reserved;
} fl_pairing_options;

/* 0.1, 0.5, 0.3, 0.8 and 0. struct_size: sizeof *options. */
FL_API fl_status fl_pairing_options_init(fl_pairing_options* options, size_t struct_size);

/* Where results go. Of each label: */
typedef struct fl_pairing_result {
  size_t struct_size;
  int64_t* own;        /* the prediction of its class that stands for it, one to one; else -1 */
  double* own_iou;     /* its IoU; 0 without one */
  double* same_score;  /* highest score of its class in its place; 0: none */
  int64_t* other;      /* prediction of another class in its place, of the highest score, that
                        * stands for no other label of its own class; else -1 */
  double* other_score;
  int32_t* parts;      /* predictions of its class that lie inside it and are not in its place */
  /* Of each prediction: */
  int64_t* label;      /* the label that it stands for, of any class; else -1 */
  uint8_t* agrees;     /* 1: that label has its class */
  double* iou;         /* with that label */
  double* touch;       /* highest IoU with another label */
  double* inside;      /* largest share of it in another label */
  double* higher;      /* highest IoU with a prediction of a higher score */
  int32_t* wholes;     /* labels of its class that lie inside it and are not in its place */
} fl_pairing_result;

/* Which prediction stands for which label, and how the others lie. Predictions and labels are
 * paired one to one by falling (IoU + same) * (0.25 + 0.75 score), of equal ones by row; a
 * prediction looks at its best 64 labels. "In its place" is placed_iou or more. */
FL_API fl_status fl_pair_predictions(const fl_pairing_input* input,
                                     const fl_pairing_options* options,
                                     const fl_pairing_result* result);

#ifdef __cplusplus
}
#endif

#endif /* FASTLABEL_PAIRING_H_ */
