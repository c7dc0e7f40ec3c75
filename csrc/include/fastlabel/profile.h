/* A part of fastlabel.h, which is what to include: the profile of the library that is installed.
 * The edge profile has no codec, tables, scan and threads; what it lacks is not declared.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef FASTLABEL_PROFILE_H_
#define FASTLABEL_PROFILE_H_

#ifndef FL_PROFILE_EDGE
/* #define FL_PROFILE_EDGE */
#endif

#endif /* FASTLABEL_PROFILE_H_ */
