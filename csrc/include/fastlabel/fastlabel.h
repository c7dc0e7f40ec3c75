/* fastlabel: the C ABI of the engine. The only header that others include.
 *
 * Every function returns an fl_status and writes its results through pointers; none
 * throws, and none keeps a pointer past its return unless its comment says so. Sizes
 * and strides are in bytes where they are called bytes, in elements otherwise.
 *
 * Option structs begin with struct_size, the sizeof that the caller was compiled with; its
 * fl_..._options_init takes it and sets the defaults. An earlier caller's smaller struct is
 * read with defaults for what it lacks. A later caller's larger one is read when all that this
 * library does not know is zero, and refused (FL_ERROR_ARGUMENT) otherwise: no setting is
 * ignored in silence.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef FASTLABEL_FASTLABEL_H_
#define FASTLABEL_FASTLABEL_H_

#include "fastlabel/base.h"
#include "fastlabel/boxes.h"
#include "fastlabel/frame.h"
#include "fastlabel/gate.h"
#include "fastlabel/merge.h"
#include "fastlabel/pixels.h"
#include "fastlabel/recipe.h"
#include "fastlabel/tiles.h"

#ifndef FL_PROFILE_EDGE
#include "fastlabel/coco.h"
#include "fastlabel/cut.h"
#include "fastlabel/effects.h"
#include "fastlabel/evaluate.h"
#include "fastlabel/files.h"
#include "fastlabel/hashes.h"
#include "fastlabel/labels.h"
#include "fastlabel/pairing.h"
#include "fastlabel/paste.h"
#include "fastlabel/scan.h"
#include "fastlabel/tables.h"
#include "fastlabel/warp.h"
#endif

#endif /* FASTLABEL_FASTLABEL_H_ */
