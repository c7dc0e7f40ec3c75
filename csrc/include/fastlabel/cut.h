/* A part of fastlabel.h, which is what to include: cutting tiles out of image files, with and without re-encoding.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef FASTLABEL_CUT_H_
#define FASTLABEL_CUT_H_

#include "fastlabel/base.h"

#ifdef __cplusplus
extern "C" {
#endif

#ifdef __cplusplus
}
#endif

#endif /* FASTLABEL_CUT_H_ */
