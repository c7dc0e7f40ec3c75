// What a file is, from its first bytes and its header alone: format, size, components, EXIF
// orientation. Bounds-checked reads, no allocation, no trust in any declared length.
#pragma once

#include <cstddef>
#include <cstdint>

#include "fastlabel/fastlabel.h"

namespace fl {

fl_header sniff(const uint8_t* data, size_t size) noexcept;

// The name of a picture format that is known and not read here; null for anything else.
const char* unread_format(const uint8_t* data, size_t size) noexcept;

// EXIF orientation 1..8 from a TIFF structure ("II*\0" or "MM\0*"); 1 when absent or broken.
int32_t tiff_orientation(const uint8_t* data, size_t size) noexcept;

}  // namespace fl
