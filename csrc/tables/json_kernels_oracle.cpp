// The plain scalar oracle: the definition of each kernel, written to be read.
#include "tables/json_kernels.h"

namespace fl {
namespace oracle {
namespace {

size_t json_depth(const uint8_t* text, size_t n, JsonDepth* state) noexcept {
  for (size_t k = 0; k < n; ++k) {
    const uint8_t c = text[k];
    const bool escaped = state->escaped != 0;
    state->escaped = !escaped && c == '\\' ? 1 : 0;
    if (c == '"' && !escaped) state->in_string = ~state->in_string;
    if (state->in_string != 0) continue;
    if (c == '{' || c == '[') ++state->depth;
    if (c == '}' || c == ']') --state->depth;
    if (state->depth < 2) return k;
    if (c == ',' && state->depth == 2) {
      ++state->commas;
      state->last_comma = state->position + static_cast<int64_t>(k);
    }
  }
  state->position += static_cast<int64_t>(n);
  return n;
}

const JsonKernels kTable = {FL_JSON_KERNELS(FL_KERNEL_ENTRY)};

}  // namespace
}  // namespace oracle

const JsonKernels& oracle_json_kernels() noexcept { return oracle::kTable; }

FL_DEFINE_KERNELS(JsonKernels, json_kernels, kJson_)

}  // namespace fl
