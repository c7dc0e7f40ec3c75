/* A part of fastlabel.h, which is what to include: merging what a model found in tiles.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef FASTLABEL_MERGE_H_
#define FASTLABEL_MERGE_H_

#include "fastlabel/base.h"

#ifdef __cplusplus
extern "C" {
#endif

#ifdef __cplusplus
}
#endif

#endif /* FASTLABEL_MERGE_H_ */
