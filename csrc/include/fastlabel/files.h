/* A part of fastlabel.h, which is what to include: files and pieces of memory, many at once: what
 * tells whether they changed.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef FASTLABEL_FILES_H_
#define FASTLABEL_FILES_H_

#include "fastlabel/base.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct fl_file_stamp {
  int64_t size;     /* bytes; -1: there is no regular file that can be looked at */
  int64_t mtime_ns; /* since 1970: of the content, by the system or by whoever set it */
  int64_t ctime_ns; /* of the last change of any kind, by the system alone */
} fl_file_stamp;

/* Sizes and times of n files, links followed; nothing is opened. Name i is the bytes offsets[i] ..
 * offsets[i + 1] of names, no NUL at its end, taken from `folder` (null: from the working
 * directory) unless it begins with a slash. workers: 0 is one a CPU. */
FL_API fl_status fl_stat_files(const char* folder, const char* names, const int64_t* offsets,
                               int64_t n, int32_t workers, fl_file_stamp* out);

/* fl_content_hash of n slices of data, slice i being offsets[i] .. offsets[i + 1]; 16 bytes each. */
FL_API fl_status fl_hash_slices(const uint8_t* data, const int64_t* offsets, int64_t n,
                                uint8_t* out);

#ifdef __cplusplus
}
#endif

#endif /* FASTLABEL_FILES_H_ */
