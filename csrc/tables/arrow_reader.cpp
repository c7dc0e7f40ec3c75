#include "tables/arrow_reader.h"

#include <cstring>
#include <string_view>
#include <unordered_map>

#include "core/checked.h"
#include "tables/axis.h"

namespace fl {

namespace {

// No memory holds more; and counts of bytes need no further care.
constexpr int64_t kMaxRows = int64_t{1} << 48;

std::string said(int64_t value) { return std::to_string(value); }

template <typename T>
T load(const void* at, int64_t index) noexcept {
  T value;
  std::memcpy(&value, static_cast<const char*>(at) + index * static_cast<int64_t>(sizeof value),
              sizeof value);
  return value;
}

int64_t offset_at(const void* offsets, int32_t bytes, int64_t index) noexcept {
  return bytes == 4 ? load<int32_t>(offsets, index) : load<int64_t>(offsets, index);
}

// Any whole number as int64; a uint64 beyond that is negative, and so out of any range.
int64_t index_at(const void* data, int32_t dtype, int64_t at) noexcept {
  switch (dtype) {
    case FL_INT8: return load<int8_t>(data, at);
    case FL_UINT8: return load<uint8_t>(data, at);
    case FL_INT16: return load<int16_t>(data, at);
    case FL_UINT16: return load<uint16_t>(data, at);
    case FL_INT32: return load<int32_t>(data, at);
    case FL_UINT32: return load<uint32_t>(data, at);
    default: return load<int64_t>(data, at);
  }
}

bool valid(const fl_arrow_view& view, int64_t row) noexcept {
  if (view.validity == nullptr) return true;
  const int64_t bit = view.validity_offset + row;
  return ((view.validity[bit >> 3] >> (bit & 7)) & 1) != 0;
}

// What every array must satisfy before anything in it is believed.
void check_frame(const ArrowField& field, const ArrowArray& array) {
  if (array.release == nullptr) throw ArrowError("the Arrow array is released");
  if (array.length < 0) throw ArrowError("got length " + said(array.length) + ", expected 0 or more");
  if (array.offset < 0) throw ArrowError("got offset " + said(array.offset) + ", expected 0 or more");
  int64_t end = 0;
  if (!checked_add(array.offset, array.length, &end) || end > kMaxRows) {
    throw ArrowError("got offset " + said(array.offset) + " and length " + said(array.length) +
                     ", which together overflow");
  }
  if (array.null_count < -1 || array.null_count > array.length) {
    throw ArrowError("got null_count " + said(array.null_count) + ", expected -1 to " +
                     said(array.length));
  }
  const bool dictionary = field.kind == FL_ARROW_DICTIONARY;
  const auto children = dictionary ? 0 : static_cast<int64_t>(field.children.size());
  if (array.n_children != children) {
    throw ArrowError("got " + said(array.n_children) + " children, expected " + said(children) +
                     " as in the schema");
  }
  if (children > 0 && array.children == nullptr) {
    throw ArrowError("the children of the Arrow array are a null pointer");
  }
  for (int64_t k = 0; k < children; ++k) {
    if (array.children[k] == nullptr) {
      throw ArrowError("child " + said(k) + " of the Arrow array is a null pointer");
    }
  }
  if ((array.dictionary != nullptr) != dictionary) {
    throw ArrowError(dictionary ? "the array has no dictionary, expected one as in the schema"
                                : "the array has a dictionary, expected none as in the schema");
  }
  int64_t buffers = 0;
  bool more = false;
  switch (field.kind) {
    case FL_ARROW_NUMBERS:
    case FL_ARROW_DICTIONARY:
    case FL_ARROW_LIST: buffers = 2; break;
    case FL_ARROW_TEXT:
      buffers = 3;
      more = field.offset_bytes == 0;
      break;
    default: buffers = 1;
  }
  if (array.n_buffers < buffers || (!more && array.n_buffers != buffers)) {
    throw ArrowError("got " + said(array.n_buffers) + " buffers, expected " + said(buffers) +
                     (more ? " or more" : "") + " for " + type_in_words(field.format));
  }
  if (array.buffers == nullptr) throw ArrowError("the buffers are a null pointer");
}

class Viewer {
 public:
  explicit Viewer(std::vector<fl_arrow_view>* nodes) : nodes_(nodes) {}

  // Rows from .. from + count of an array, as its parent sees them.
  void view(const ArrowField& field, const ArrowArray& array, int64_t from, int64_t count) {
    if (field.kind == FL_ARROW_UNSUPPORTED) {
      throw ArrowError("got " + type_in_words(field.format) +
                       ", which is not read; expected numbers, bool, text, dictionaries, lists "
                       "or structs of them: cast the column first");
    }
    check_frame(field, array);
    if (from < 0 || count < 0 || from > array.length || count > array.length - from) {
      throw ArrowError("got an array of length " + said(array.length) + ", expected at least " +
                       said(from + count) + " rows");
    }
    const int64_t first = array.offset + from;  // check_frame keeps this from overflowing
    fl_arrow_view view{};
    view.name = field.name.c_str();
    view.format = field.format.c_str();
    view.kind = field.kind;
    view.dtype = field.dtype;
    view.offset_bytes = field.offset_bytes;
    view.list_size = field.list_size;
    view.n_children = static_cast<int32_t>(field.children.size());
    view.length = count;
    validity(array, first, &view);
    // Before the children, and filled in after what they need is known.
    const size_t at = nodes_->size();
    nodes_->push_back(view);
    switch (field.kind) {
      case FL_ARROW_NUMBERS: numbers(array, first, &view); break;
      case FL_ARROW_TEXT: text(array, first, &view); break;
      case FL_ARROW_DICTIONARY: dictionary(field, array, first, &view); break;
      case FL_ARROW_LIST: list(field, array, first, &view); break;
      case FL_ARROW_FIXED_LIST: fixed_list(field, array, first, count); break;
      default:
        for (size_t k = 0; k < field.children.size(); ++k) {
          this->view(field.children[k], *array.children[k], first, count);
        }
    }
    (*nodes_)[at] = view;
  }

 private:
  static void validity(const ArrowArray& array, int64_t first, fl_arrow_view* view) {
    const void* bits = array.buffers[0];
    if (array.null_count > 0 && bits == nullptr) {
      throw ArrowError("got null_count " + said(array.null_count) +
                       " without a validity buffer, expected one");
    }
    if (array.null_count == 0 || bits == nullptr || view->length == 0) return;
    view->validity = static_cast<const uint8_t*>(bits) + (first >> 3);
    view->validity_offset = first & 7;
    for (int64_t k = 0; k < view->length; ++k) view->null_count += !valid(*view, k);
    if (view->null_count == 0) view->validity = nullptr;
    if (view->null_count == 0) view->validity_offset = 0;
  }

  static const void* buffer(const ArrowArray& array, int64_t k, bool needed, const char* what) {
    if (needed && array.buffers[k] == nullptr) {
      throw ArrowError(std::string("the ") + what + " buffer is a null pointer, expected data");
    }
    return array.buffers[k];
  }

  static void numbers(const ArrowArray& array, int64_t first, fl_arrow_view* view) {
    const auto* data =
        static_cast<const uint8_t*>(buffer(array, 1, view->length > 0, "values"));
    if (data == nullptr) return;
    if (view->dtype == FL_BITS) {
      view->data = data + (first >> 3);
      view->bit_offset = first & 7;
    } else {
      view->data = data + first * static_cast<int64_t>(width_of(view->dtype));
    }
  }

  // Sets the offsets and returns the first and the last of them.
  static std::pair<int64_t, int64_t> offsets(const ArrowArray& array, int64_t first,
                                             fl_arrow_view* view) {
    // Of an array without rows the offsets may be absent.
    const auto* data =
        static_cast<const uint8_t*>(buffer(array, 1, view->length > 0, "offsets"));
    if (data == nullptr || view->length == 0) return {0, 0};
    view->offsets = data + first * view->offset_bytes;
    int64_t before = offset_at(view->offsets, view->offset_bytes, 0);
    if (before < 0) throw ArrowError("offset 0: got " + said(before) + ", expected 0 or more");
    const int64_t start = before;
    for (int64_t k = 1; k <= view->length; ++k) {
      const int64_t now = offset_at(view->offsets, view->offset_bytes, k);
      if (now < before) {
        throw ArrowError("offset " + said(k) + ": got " + said(now) + " after " + said(before) +
                         ", expected none to fall");
      }
      before = now;
    }
    return {start, before};
  }

  static void text(const ArrowArray& array, int64_t first, fl_arrow_view* view) {
    if (view->offset_bytes != 0) {
      const int64_t last = offsets(array, first, view).second;
      view->data = buffer(array, 2, last > 0, "text");
      return;
    }
    const auto* views = static_cast<const uint8_t*>(buffer(array, 1, view->length > 0, "views"));
    const int64_t long_texts = array.n_buffers - 3;
    const void* sizes = buffer(array, array.n_buffers - 1, long_texts > 0, "sizes");
    view->data = views == nullptr ? nullptr : views + first * 16;
    view->buffers = array.buffers + 2;
    for (int64_t k = 0; k < view->length; ++k) {
      if (!valid(*view, k)) continue;
      const int32_t size = load<int32_t>(view->data, 4 * k);
      const int32_t which = load<int32_t>(view->data, 4 * k + 2);
      const int32_t start = load<int32_t>(view->data, 4 * k + 3);
      bool fine = size >= 0;
      if (fine && size > 12) {
        fine = which >= 0 && which < long_texts && start >= 0 && view->buffers[which] != nullptr &&
               int64_t{start} + size <= load<int64_t>(sizes, which);
      }
      if (!fine) throw ArrowError("row " + said(k) + ": its text lies outside the text buffers");
    }
  }

  void dictionary(const ArrowField& field, const ArrowArray& array, int64_t first,
                  fl_arrow_view* view) {
    numbers(array, first, view);
    const ArrowArray& values = *array.dictionary;
    this->view(field.children[0], values, 0, values.length);
    for (int64_t k = 0; k < view->length; ++k) {
      if (!valid(*view, k)) continue;
      const int64_t index = index_at(view->data, view->dtype, k);
      if (index < 0 || index >= values.length) {
        throw ArrowError("row " + said(k) + ": got dictionary index " + said(index) +
                         ", expected 0 to " + said(values.length - 1));
      }
    }
  }

  void list(const ArrowField& field, const ArrowArray& array, int64_t first,
            fl_arrow_view* view) {
    const auto [start, last] = offsets(array, first, view);
    const ArrowArray& items = *array.children[0];
    if (last > items.length) {
      throw ArrowError("the last offset is " + said(last) + ", the list's items are " +
                       said(items.length));
    }
    this->view(field.children[0], items, start, last - start);
  }

  void fixed_list(const ArrowField& field, const ArrowArray& array, int64_t first,
                  int64_t count) {
    int64_t from = 0;
    int64_t items = 0;
    if (!checked_mul(first, field.list_size, &from) ||
        !checked_mul(count, field.list_size, &items)) {
      throw ArrowError("a list size of " + said(field.list_size) + " overflows");
    }
    int64_t end = 0;
    if (!checked_add(from, items, &end) || end > array.children[0]->length) {
      throw ArrowError("got " + said(array.children[0]->length) +
                       " items, too few for lists of " + said(field.list_size));
    }
    this->view(field.children[0], *array.children[0], from, items);
  }

  std::vector<fl_arrow_view>* nodes_;
};

std::string quoted(const ArrowField& field) { return "column '" + field.name + "': "; }

}  // namespace

ArrowBatch::ArrowBatch(std::shared_ptr<const ArrowField> root, Owned<ArrowArray> array)
    : root_(std::move(root)), array_(std::move(array)) {
  // Of a type that is not read, column() says so.
  if (root_->kind != FL_ARROW_UNSUPPORTED) check_frame(*root_, *array_);
  rows_ = (*array_).length;
  if (root_->kind != FL_ARROW_STRUCT) return;
  int64_t nulls = (*array_).null_count;
  if (nulls < 0) {  // not counted by who made it
    nulls = 0;
    fl_arrow_view view{};
    view.validity = static_cast<const uint8_t*>((*array_).buffers[0]);
    view.validity_offset = (*array_).offset;
    for (int64_t row = 0; row < rows_; ++row) nulls += !valid(view, row);
  }
  if (nulls > 0) {
    throw ArrowError("got a table with " + said(nulls) +
                     " rows that are null as a whole, expected none");
  }
}

std::vector<fl_arrow_view> ArrowBatch::column(int64_t column) const {
  std::vector<fl_arrow_view> nodes;
  Viewer viewer(&nodes);
  if (root_->kind != FL_ARROW_STRUCT) {
    viewer.view(*root_, *array_, 0, rows_);
    return nodes;
  }
  const ArrowField& field = root_->children[static_cast<size_t>(column)];
  try {
    viewer.view(field, *(*array_).children[column], (*array_).offset, rows_);
  } catch (const ArrowError& error) {
    throw ArrowError(quoted(field) + error.what());
  }
  return nodes;
}

void ArrowReader::open(Owned<ArrowArrayStream> stream) {
  if (stream.empty()) throw ArrowError("the Arrow stream is released");
  if (stream->get_schema == nullptr || stream->get_next == nullptr) {
    throw ArrowError("the Arrow stream has no get_schema or get_next");
  }
  Owned<ArrowSchema> schema;
  const int failed = stream->get_schema(stream.get(), schema.get());
  if (failed != 0) {
    const char* why =
        stream->get_last_error == nullptr ? nullptr : stream->get_last_error(stream.get());
    throw ArrowError("the Arrow stream gives no schema: " +
                     std::string(why == nullptr ? std::strerror(failed) : why));
  }
  root_ = std::make_shared<const ArrowField>(parse_schema(*schema));
  // Only now: a stream whose schema was refused must not be read by another one's.
  stream_ = std::move(stream);
}

void ArrowReader::open(Owned<ArrowSchema> schema, Owned<ArrowArray> array) {
  if (array.empty()) throw ArrowError("the Arrow array is released");
  root_ = std::make_shared<const ArrowField>(parse_schema(*schema));
  single_ = std::move(array);
}

int64_t ArrowReader::columns() const noexcept {
  if (root_ == nullptr) return 0;
  return root_->kind == FL_ARROW_STRUCT ? static_cast<int64_t>(root_->children.size()) : 1;
}

const ArrowField& ArrowReader::field(int64_t column) const noexcept {
  return root_->kind == FL_ARROW_STRUCT ? root_->children[static_cast<size_t>(column)] : *root_;
}

std::unique_ptr<ArrowBatch> ArrowReader::next() {
  if (!single_.empty()) return std::make_unique<ArrowBatch>(root_, std::move(single_));
  if (stream_.empty()) return nullptr;
  Owned<ArrowArray> array;
  const int failed = stream_->get_next(stream_.get(), array.get());
  if (failed != 0) {
    const char* why =
        stream_->get_last_error == nullptr ? nullptr : stream_->get_last_error(stream_.get());
    std::string text =
        "the Arrow stream broke off: " + std::string(why == nullptr ? std::strerror(failed) : why);
    stream_.reset();
    throw ArrowError(text);
  }
  if (array.empty()) {
    stream_.reset();
    return nullptr;
  }
  return std::make_unique<ArrowBatch>(root_, std::move(array));
}

void text_of(const fl_arrow_view& text, int64_t row, const char** data, int64_t* size) noexcept {
  if (text.offset_bytes != 0) {
    const int64_t from = offset_at(text.offsets, text.offset_bytes, row);
    *data = static_cast<const char*>(text.data) + from;
    *size = offset_at(text.offsets, text.offset_bytes, row + 1) - from;
    return;
  }
  const char* view = static_cast<const char*>(text.data) + 16 * row;
  *size = load<int32_t>(view, 0);
  *data = *size <= 12 ? view + 4
                      : static_cast<const char*>(text.buffers[load<int32_t>(view, 2)]) +
                            load<int32_t>(view, 3);
}

void text_codes(const fl_arrow_view& text, const char* const* names, int64_t n_names,
                int32_t* codes) {
  std::unordered_map<std::string_view, int32_t> places;
  for (int64_t k = 0; k < n_names; ++k) places.emplace(names[k], static_cast<int32_t>(k));
  for (int64_t row = 0; row < text.length; ++row) {
    codes[row] = static_cast<int32_t>(n_names);
    if (!valid(text, row)) continue;
    const char* data = nullptr;
    int64_t size = 0;
    text_of(text, row, &data, &size);
    const auto found = places.find(std::string_view(data, static_cast<size_t>(size)));
    if (found != places.end()) codes[row] = found->second;
  }
}

}  // namespace fl
