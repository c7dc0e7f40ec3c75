// The written recipe of a network's input. Freestanding: no heap, no library, no exceptions.
#pragma once

#include <cstddef>
#include <cstdint>

#include "fastlabel/recipe.h"

namespace fl {

// Reads a recipe; false, with the reason, for a text that is none.
// pre: text has `length` bytes; error is not null.
bool read_recipe(const char* text, size_t length, fl_letterbox_options* out,
                 fl_recipe_error* error) noexcept;

}  // namespace fl
