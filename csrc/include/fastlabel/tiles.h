/* A part of fastlabel.h, which is what to include: tiles: windows that cut a picture, and boxes cut by them.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef FASTLABEL_TILES_H_
#define FASTLABEL_TILES_H_

#include "fastlabel/base.h"

#ifdef __cplusplus
extern "C" {
#endif

#ifdef __cplusplus
}
#endif

#endif /* FASTLABEL_TILES_H_ */
