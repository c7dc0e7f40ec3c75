// Kernels over JSON text.
#pragma once

#include "core/dispatch.h"

namespace fl {

// Where a walk over JSON text stands. All zero but for `depth` where the walk begins outside
// strings.
struct JsonDepth {
  uint64_t escaped;    // 1: the next byte is escaped by a backslash
  uint64_t in_string;  // all ones: the next byte is inside a string
  int64_t depth;       // brackets and braces open
  int64_t position;    // bytes walked over
  int64_t commas;      // outside strings at depth 2
  int64_t last_comma;  // position of the last of them, valid where commas > 0
};

// json_depth  walks over n bytes and returns the index of the bracket or brace that takes the
//             depth below 2, or n. Kinds of brackets are not told apart. pre: state->depth >= 2.
//             At a bracket only `commas` and `last_comma` of the state are of use.
#define FL_JSON_KERNELS(X) \
  X(size_t, json_depth, (const uint8_t* text, size_t n, JsonDepth* state))

FL_DECLARE_KERNELS(JsonKernels, FL_JSON_KERNELS, json_kernels, oracle_json_kernels)

}  // namespace fl
