// Pasting an object into a scene: shrunk, matched to the place, blended.
#pragma once

#include <cstdint>

#include "fastlabel/fastlabel.h"
#include "pixels/paste_layer.h"

namespace fl {

struct ObjectPaste {
  fl_image scene;
  fl_image patch;
  fl_image alpha;
  PasteBox patch_box, box;
  fl_paste_options options;
  int64_t window[4];  // of paste_window
};

// How far around the box a paste looks and shows.
int64_t paste_reach(const PasteBox& box, const fl_paste_options& options) noexcept;

// Writes the window's coverage (width bytes a row) to mask, the matched patch to `pixels` (3 bytes
// a pixel) unless it is null, and, when options.apply says so, the scene; what was changed to
// `report`. May allocate.
void paste_object(const ObjectPaste& paste, uint8_t* mask, uint8_t* pixels,
                  fl_paste_report* report);

}  // namespace fl
