// What the headers of a JPEG say about cutting it without going to pixels, and how its tiles
// will be coded.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "codec/jpeg.h"
#include "codec/jpeg_frame.h"
#include "codec/lossless_cut.h"
#include "codec/tile_bits.h"

namespace fl {

struct CutPlan {
  JpegFrame frame;
  std::vector<JpegScan> scans;
  TileCoding coding;
  bool verbatim = false;  // one sequential scan, whose bits the tiles can have as they stand
};

// False where the file cannot be cut so; `result` then says why. It has the size in any case in
// which there is one.
bool make_cut_plan(const uint8_t* data, size_t size, const JpegLimits& limits, CutPlan* plan,
                   LosslessResult* result);

// Baseline in one scan, with the tables of T.81 annex K.
TileCoding standard_coding(const JpegFrame& frame) noexcept;

void say(LosslessResult* result, fl_image_status status, const char* why) noexcept;

}  // namespace fl
