// Sizes and times of many files: what tells a change without opening them.
#pragma once

#include <cstdint>

#include "fastlabel/fastlabel.h"

namespace fl {

// As fl_stat_files; never throws for a file that is not there.
void stat_files(const char* folder, const char* names, const int64_t* offsets, int64_t n,
                int32_t workers, fl_file_stamp* out);

}  // namespace fl
