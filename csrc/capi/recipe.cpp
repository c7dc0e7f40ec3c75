// fastlabel.h: the written recipe of a network's input. Freestanding, as what it calls.
#include "pixels/recipe.h"

extern "C" {

fl_status fl_recipe_read(const char* text, size_t length, fl_preprocess* out,
                         fl_recipe_error* error) {
  if (text == nullptr || out == nullptr) return FL_ERROR_ARGUMENT;
  fl_recipe_error own;
  fl_preprocess read;
  if (!fl::read_recipe(text, length, &read, error == nullptr ? &own : error)) {
    return FL_ERROR_RECIPE;
  }
  if (error != nullptr) *error = fl_recipe_error{};
  *out = read;
  return FL_OK;
}

}  // extern "C"
