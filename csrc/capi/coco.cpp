// fastlabel.h: COCO label files.
#include <algorithm>
#include <memory>
#include <string_view>
#include <thread>

#include "capi/common.h"
#include "tables/coco_reader.h"

using fl::guarded;

struct fl_coco {
  explicit fl_coco(const fl::CocoOptions& options) : reader(options) {}
  fl::CocoReader reader;
  fl_coco_summary summary = {};
};

namespace {

constexpr int64_t kLeastWindow = 64;
constexpr int64_t kMostWindow = int64_t{1} << 28;

fl_coco_options default_options() noexcept {
  fl_coco_options options = {};
  options.struct_size = sizeof options;
  const fl::CocoOptions defaults;
  options.window = defaults.window;
  options.most_text = defaults.most_text;
  return options;
}

// What a part of a column is, whatever the column.
struct Part {
  void* data = nullptr;
  size_t bytes = 0;
};

template <typename T>
Part release(fl::Grow<T>& from) {
  const size_t bytes = from.size() * sizeof(T);
  return {from.release(), bytes};
}

Part release(fl::Bits& from) {
  Part part;
  part.data = from.release(&part.bytes);
  return part;
}

// Calls visit(column) with the column of that name, whichever class it is of.
template <typename Visit>
bool with_column(fl::CocoReader& r, std::string_view name, Visit visit) {
  fl::CocoAnnotations& a = r.annotations;
  fl::CocoImages& i = r.images;
  const auto match = [&](std::string_view wanted, auto& column) {
    if (name != wanted) return false;
    visit(column);
    return true;
  };
  return match("image_key", a.image) || match("image_kind", a.image_kind.values()) ||
         match("image_text", a.image_text) || match("category_code", a.category_code) ||
         match("source_category", a.source_category) || match("id_kind", a.id_kind.values()) ||
         match("source_id", a.source_id) || match("x1", a.x1) || match("y1", a.y1) ||
         match("x2", a.x2) || match("y2", a.y2) || match("raw", a.raw) ||
         match("pointer", a.pointer) || match("segmentation", a.segmentation) ||
         match("attributes", a.attributes) || match("area", a.area) || match("obb", a.obb) ||
         match("score", a.score) || match("score64", a.score64) || match("weight", a.weight) ||
         match("truncation", a.truncation) || match("occlusion", a.occlusion) ||
         match("crowd", a.crowd) || match("ignore", a.ignore) ||
         match("difficult", a.difficult) || match("images.key", i.key) ||
         match("images.kind", i.key_kind.values()) || match("images.source_id", i.source_id) ||
         match("images.file_name", i.file_name) || match("images.attributes", i.attributes) ||
         match("images.plain", i.plain) || match("images.width", i.width) ||
         match("images.height", i.height) || match("categories.number", r.category_number) ||
         match("categories.kind", r.category_kind) ||
         match("categories.text", r.category_text) || match("odd.member", r.odd.member) ||
         match("odd.index", r.odd.index) || match("odd.offset", r.odd.offset) ||
         match("odd.rows_before", r.odd.rows_before) || match("odd.end", r.odd.end) ||
         match("odd.text", r.odd.text);
}

template <typename T>
size_t rows_of(fl::Grow<T>& column, int64_t) {
  return column.size();
}
template <typename T, size_t kWidth>
size_t rows_of(fl::Sparse<T, kWidth>& column, int64_t) {
  return column.size();
}
size_t rows_of(fl::SparseBits& column, int64_t) { return column.size(); }
size_t rows_of(fl::Texts& column, int64_t piece) {
  return column.piece(static_cast<size_t>(piece)).rows;
}

template <typename Column>
size_t pieces_of(Column& column) {
  return rows_of(column, 0) > 0 ? 1 : 0;
}
size_t pieces_of(fl::Texts& column) { return column.pieces(); }

template <typename T>
Part take(fl::Grow<T>& column, int64_t, int32_t part) {
  return part == FL_COCO_VALUES ? release(column) : Part();
}
template <typename T, size_t kWidth>
Part take(fl::Sparse<T, kWidth>& column, int64_t, int32_t part) {
  if (part == FL_COCO_VALID) return release(column.valid());
  return part == FL_COCO_VALUES ? release(column.values()) : Part();
}
Part take(fl::SparseBits& column, int64_t, int32_t part) {
  if (part == FL_COCO_VALID) return release(column.valid());
  return part == FL_COCO_VALUES ? release(column.values()) : Part();
}
Part take(fl::Texts& column, int64_t piece, int32_t part) {
  fl::Texts::Piece& p = column.piece(static_cast<size_t>(piece));
  switch (part) {
    case FL_COCO_VALUES: return release(p.bytes);
    case FL_COCO_OFFSETS: return release(p.offsets);
    default: return p.has_null ? release(p.valid) : Part();
  }
}

}  // namespace

extern "C" {

fl_status fl_coco_options_init(fl_coco_options* options, size_t struct_size) {
  return fl::init_options(options, struct_size, default_options());
}

fl_status fl_coco_read(const char* path, const fl_coco_options* options, fl_coco** out) {
  if (path == nullptr || out == nullptr) return FL_ERROR_ARGUMENT;
  fl_coco_options given;
  const fl_status status = fl::read_options(options, default_options(), &given);
  if (status != FL_OK) return status;
  if (given.workers < 0 || given.reserved != 0 || given.window < kLeastWindow ||
      given.window > kMostWindow || given.most_text < 1 || given.most_text > INT32_MAX) {
    return FL_ERROR_ARGUMENT;
  }
  return guarded([&] {
    fl::CocoOptions settings;
    settings.workers = given.workers;
    if (settings.workers == 0) {
      settings.workers = static_cast<int32_t>(std::max(1U, std::thread::hardware_concurrency()));
    }
    settings.window = given.window;
    settings.most_text = given.most_text;
    auto coco = std::make_unique<fl_coco>(settings);
    fl::CocoReader& reader = coco->reader;
    fl_coco_summary& s = coco->summary;
    s.outcome = static_cast<int32_t>(reader.read(path));
    s.error = reader.error();
    s.file_bytes = reader.file_size();
    s.stopped_at = reader.stopped_at();
    s.members = static_cast<int64_t>(reader.members().size());
    s.images = static_cast<int64_t>(reader.images.rows);
    s.annotations = static_cast<int64_t>(reader.annotations.rows);
    s.odd = static_cast<int64_t>(reader.odd.member.size());
    s.ids_rise = reader.annotations.ids_rise ? 1 : 0;
    *out = coco.release();
    return FL_OK;
  });
}

fl_status fl_coco_summarise(const fl_coco* coco, fl_coco_summary* summary) {
  if (coco == nullptr || summary == nullptr) return FL_ERROR_ARGUMENT;
  *summary = coco->summary;
  return FL_OK;
}

fl_status fl_coco_member(const fl_coco* coco, int64_t member, int32_t* section, int64_t* offset,
                         int64_t* elements, const char** key, int64_t* key_bytes,
                         const char** value, int64_t* value_bytes) {
  if (coco == nullptr || member < 0 || member >= coco->summary.members) return FL_ERROR_ARGUMENT;
  if (section == nullptr || offset == nullptr || elements == nullptr || key == nullptr ||
      key_bytes == nullptr || value == nullptr || value_bytes == nullptr) {
    return FL_ERROR_ARGUMENT;
  }
  const fl::CocoMember& m =
      const_cast<fl_coco*>(coco)->reader.members()[static_cast<size_t>(member)];
  *section = static_cast<int32_t>(m.section);
  *offset = m.offset;
  *elements = m.elements;
  *key = m.key.data();
  *key_bytes = static_cast<int64_t>(m.key.size());
  *value = m.value.data();
  *value_bytes = static_cast<int64_t>(m.value.size());
  return FL_OK;
}

fl_status fl_coco_pieces(fl_coco* coco, const char* column, int64_t* pieces) {
  if (coco == nullptr || column == nullptr || pieces == nullptr) return FL_ERROR_ARGUMENT;
  const bool known = with_column(coco->reader, column, [&](auto& c) {
    *pieces = static_cast<int64_t>(pieces_of(c));
  });
  return known ? FL_OK : FL_ERROR_ARGUMENT;
}

fl_status fl_coco_rows(fl_coco* coco, const char* column, int64_t piece, int64_t* rows) {
  int64_t pieces = 0;
  const fl_status status = fl_coco_pieces(coco, column, &pieces);
  if (status != FL_OK || rows == nullptr || piece < 0 || piece >= pieces) {
    return FL_ERROR_ARGUMENT;
  }
  with_column(coco->reader, column, [&](auto& c) {
    *rows = static_cast<int64_t>(rows_of(c, piece));
  });
  return FL_OK;
}

fl_status fl_coco_take(fl_coco* coco, const char* column, int64_t piece, int32_t part, void** data,
                       int64_t* bytes) {
  int64_t pieces = 0;
  const fl_status status = fl_coco_pieces(coco, column, &pieces);
  if (status != FL_OK || data == nullptr || bytes == nullptr || part < FL_COCO_VALUES ||
      part > FL_COCO_VALID || piece < 0 || (piece > 0 && piece >= pieces)) {
    return FL_ERROR_ARGUMENT;
  }
  with_column(coco->reader, column, [&](auto& c) {
    const Part taken = take(c, piece, part);
    *data = taken.data;
    *bytes = static_cast<int64_t>(taken.bytes);
  });
  return FL_OK;
}

void fl_coco_free(void* data) { fl::free_block(data); }

void fl_coco_destroy(fl_coco* coco) { delete coco; }

}  // extern "C"
