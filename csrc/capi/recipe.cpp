// fastlabel.h: the written recipe of a network's input. Freestanding, as what it calls.
#include "pixels/recipe.h"

namespace {
constexpr size_t kMaxOptions = 4096;  // no honest struct is as large
}

extern "C" {

fl_status fl_recipe_read(const char* text, size_t length, fl_letterbox_options* options,
                         size_t struct_size, fl_recipe_error* error) {
  if (text == nullptr || options == nullptr) return FL_ERROR_ARGUMENT;
  // A smaller struct has no room for all that a recipe says; a larger one has more than it says.
  if (struct_size < sizeof *options || struct_size > kMaxOptions) return FL_ERROR_ARGUMENT;
  fl_recipe_error own;
  fl_letterbox_options read;
  if (!fl::read_recipe(text, length, &read, error == nullptr ? &own : error)) {
    return FL_ERROR_RECIPE;
  }
  if (error != nullptr) *error = fl_recipe_error{};
  auto* bytes = reinterpret_cast<unsigned char*>(options);
  for (size_t k = sizeof read; k < struct_size; ++k) bytes[k] = 0;
  read.struct_size = struct_size;
  *options = read;
  return FL_OK;
}

}  // extern "C"
