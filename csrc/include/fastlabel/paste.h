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

#ifdef __cplusplus
}
#endif

#endif /* FASTLABEL_PASTE_H_ */
