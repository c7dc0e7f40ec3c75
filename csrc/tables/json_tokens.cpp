#include "tables/json_tokens.h"

#include <simdjson.h>

#include <new>

namespace fl {

static_assert(JsonTokens::kPadding >= simdjson::SIMDJSON_PADDING);

struct JsonTokens::Stage {
  std::unique_ptr<simdjson::internal::dom_parser_implementation> parser;
};

JsonTokens::JsonTokens() : stage_(std::make_unique<Stage>()) {}
JsonTokens::~JsonTokens() = default;

bool JsonTokens::find(const uint8_t* text, size_t size) {
  size_ = 0;
  static const uint32_t none[4] = {0, 0, 0, 0};
  at_ = none;
  if (size > kMost) return false;
  auto& parser = stage_->parser;
  constexpr size_t kDepth = 1;  // of the second stage, which is not used
  simdjson::error_code error = simdjson::SUCCESS;
  if (parser == nullptr) {
    error = simdjson::get_active_implementation()->create_dom_parser_implementation(
        size + size / 2 + 1024, kDepth, parser);
  } else if (parser->capacity() < size) {
    error = parser->set_capacity(size + size / 2 + 1024);
  }
  if (error == simdjson::SUCCESS) error = parser->stage1(text, size, simdjson::stage1_mode::regular);
  if (error == simdjson::MEMALLOC) throw std::bad_alloc();
  if (error == simdjson::EMPTY) return true;
  if (error != simdjson::SUCCESS) return false;
  size_ = parser->n_structural_indexes;
  at_ = parser->structural_indexes.get();
  return true;
}

}  // namespace fl
