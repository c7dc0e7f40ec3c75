// fastlabel.h: Arrow in.
#include <algorithm>
#include <cstring>

#include "capi/common.h"
#include "tables/arrow_reader.h"

using fl::guarded;

struct fl_arrow {
  fl::ArrowReader reader;
  std::string message;
};

struct fl_arrow_batch {
  std::unique_ptr<fl::ArrowBatch> batch;
  std::string message;
};

namespace {

// As guarded(), and keeps what an ArrowError says.
template <typename Body>
fl_status keeping_message(std::string* message, Body body) noexcept {
  return guarded([&] {
    try {
      message->clear();
      return body();
    } catch (const fl::ArrowError& error) {
      *message = error.what();
      return FL_ERROR_ARGUMENT;
    }
  });
}

}  // namespace

extern "C" {

fl_status fl_arrow_create(fl_arrow** out) {
  if (out == nullptr) return FL_ERROR_ARGUMENT;
  return guarded([&] {
    *out = new fl_arrow;
    return FL_OK;
  });
}

void fl_arrow_destroy(fl_arrow* reader) { delete reader; }

const char* fl_arrow_message(const fl_arrow* reader) {
  return reader == nullptr ? "" : reader->message.c_str();
}

const char* fl_arrow_batch_message(const fl_arrow_batch* batch) {
  return batch == nullptr ? "" : batch->message.c_str();
}

fl_status fl_arrow_open_stream(fl_arrow* reader, struct ArrowArrayStream* stream) {
  if (stream == nullptr) return FL_ERROR_ARGUMENT;
  fl::Owned<ArrowArrayStream> owned(stream);
  if (reader == nullptr || reader->reader.is_open()) return FL_ERROR_ARGUMENT;
  return keeping_message(&reader->message, [&] {
    reader->reader.open(std::move(owned));
    return FL_OK;
  });
}

fl_status fl_arrow_open_array(fl_arrow* reader, struct ArrowSchema* schema,
                              struct ArrowArray* array) {
  if (schema == nullptr || array == nullptr) return FL_ERROR_ARGUMENT;
  fl::Owned<ArrowSchema> owned_schema(schema);
  fl::Owned<ArrowArray> owned_array(array);
  if (reader == nullptr || reader->reader.is_open()) return FL_ERROR_ARGUMENT;
  return keeping_message(&reader->message, [&] {
    reader->reader.open(std::move(owned_schema), std::move(owned_array));
    return FL_OK;
  });
}

int64_t fl_arrow_columns(const fl_arrow* reader) {
  return reader == nullptr ? 0 : reader->reader.columns();
}

const char* fl_arrow_column_name(const fl_arrow* reader, int64_t column) {
  if (column < 0 || column >= fl_arrow_columns(reader)) return "";
  return reader->reader.field(column).name.c_str();
}

const char* fl_arrow_column_format(const fl_arrow* reader, int64_t column) {
  if (column < 0 || column >= fl_arrow_columns(reader)) return "";
  return reader->reader.field(column).format.c_str();
}

fl_status fl_arrow_next(fl_arrow* reader, fl_arrow_batch** out) {
  if (reader == nullptr || out == nullptr || !reader->reader.is_open()) return FL_ERROR_ARGUMENT;
  *out = nullptr;
  return keeping_message(&reader->message, [&] {
    std::unique_ptr<fl::ArrowBatch> batch = reader->reader.next();
    if (batch != nullptr) *out = new fl_arrow_batch{std::move(batch), {}};
    return FL_OK;
  });
}

void fl_arrow_batch_destroy(fl_arrow_batch* batch) { delete batch; }

int64_t fl_arrow_batch_rows(const fl_arrow_batch* batch) {
  return batch == nullptr ? 0 : batch->batch->rows();
}

fl_status fl_arrow_batch_column(fl_arrow_batch* batch, int64_t column, fl_arrow_view* nodes,
                                int64_t capacity, int64_t* count) {
  if (batch == nullptr || count == nullptr || capacity < 0) return FL_ERROR_ARGUMENT;
  if (column < 0 || column >= batch->batch->columns()) return FL_ERROR_ARGUMENT;
  return keeping_message(&batch->message, [&] {
    const std::vector<fl_arrow_view> found = batch->batch->column(column);
    *count = static_cast<int64_t>(found.size());
    if (*count > capacity || nodes == nullptr) return FL_ERROR_CAPACITY;
    std::copy(found.begin(), found.end(), nodes);
    return FL_OK;
  });
}

fl_status fl_arrow_text(const fl_arrow_view* text, int64_t row, const char** data, int64_t* size) {
  if (text == nullptr || data == nullptr || size == nullptr || text->kind != FL_ARROW_TEXT ||
      row < 0 || row >= text->length) {
    return FL_ERROR_ARGUMENT;
  }
  const int64_t bit = text->validity_offset + row;
  if (text->validity != nullptr && ((text->validity[bit >> 3] >> (bit & 7)) & 1) == 0) {
    *data = "";
    *size = 0;
    return FL_OK;
  }
  fl::text_of(*text, row, data, size);
  return FL_OK;
}

fl_status fl_arrow_text_codes(const fl_arrow_view* text, const char* const* names,
                              int64_t n_names, int32_t* codes) {
  if (text == nullptr || text->kind != FL_ARROW_TEXT || n_names < 0 || n_names > INT32_MAX ||
      (n_names > 0 && names == nullptr) || (text->length > 0 && codes == nullptr)) {
    return FL_ERROR_ARGUMENT;
  }
  return guarded([&] {
    fl::text_codes(*text, names, n_names, codes);
    return FL_OK;
  });
}

}  // extern "C"
