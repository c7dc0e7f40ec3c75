/* A part of fastlabel.h, which is what to include: precision and recall of predictions against
 * labels.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef FASTLABEL_EVALUATE_H_
#define FASTLABEL_EVALUATE_H_

#include "fastlabel/base.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Rows may come in any order. That of the rows decides between equal scores of an image, that of
 * the images between equal scores of a class. Arrays are contiguous. */
typedef struct fl_evaluation_input {
  size_t struct_size;
  const double* prediction_boxes;    /* four numbers a row, in `format`; finite */
  const double* scores;              /* no NaN */
  const int64_t* prediction_images;  /* 0 .. images - 1 */
  const int64_t* prediction_classes; /* 0 .. classes - 1 */
  int64_t n_predictions;
  const double* label_boxes;         /* in `format`; finite */
  const double* label_areas;         /* for area_ranges; null: of the boxes */
  const int64_t* label_images;
  const int64_t* label_classes;
  const uint8_t* crowd;              /* null: none */
  const uint8_t* ignore;             /* besides the crowds; null: none */
  int64_t n_labels;
  int64_t images;
  int64_t classes;
  const double* thresholds;          /* of the IoU, rising, from 0 to 1; at most 32 */
  int64_t n_thresholds;
  const double* recalls;             /* where the precision is read, rising, from 0 to 1 */
  int64_t n_recalls;
  const double* area_ranges;         /* two numbers each, both included; at most 8 */
  int64_t n_area_ranges;
  const int64_t* max_predictions;    /* of an image and class, best first, rising; at most 8 */
  int64_t n_max_predictions;
  int32_t format;                    /* FL_XYXY or FL_XYWH */
  int32_t workers;                   /* threads; 0: one a CPU */
} fl_evaluation_input;

/* Thresholds T, recalls R, classes K, area ranges A and max_predictions M; the last varies
 * fastest. -1 stands where a class has no label that counts. */
typedef struct fl_evaluation {
  size_t struct_size;
  double* precision;           /* T R K A M */
  double* scores;              /* T R K A M: of the prediction with which the recall is reached */
  double* recall;              /* T K A M */
  int64_t* labels;             /* K A: labels that count */
  int64_t* prediction_match;   /* null, or T by predictions: of the first area range and the last
                                  of max_predictions, the label's row or -1 */
  uint8_t* prediction_ignored; /* null, or with prediction_match: counts neither as right nor as
                                  wrong */
} fl_evaluation;

/* Average precision and recall as COCO defines them: what COCOeval.evaluate and accumulate give.
 * out->struct_size is set by the caller. */
FL_API fl_status fl_evaluate(const fl_evaluation_input* input, fl_evaluation* out);

#ifdef __cplusplus
}
#endif

#endif /* FASTLABEL_EVALUATE_H_ */
