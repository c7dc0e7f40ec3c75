// fastlabel.h: label files of one image each.
#include <memory>
#include <string_view>
#include <thread>

#include "capi/common.h"
#include "tables/voc_reader.h"
#include "tables/yolo_reader.h"

using fl::guarded;

struct fl_label_columns {
  fl::ColumnSet set;
};

namespace {

fl_label_options default_options() noexcept {
  fl_label_options options = {};
  options.struct_size = sizeof options;
  options.most_text = INT32_MAX;
  return options;
}

// The names, which must fill their memory exactly.
bool split(const fl_label_files* from, fl::LabelNames* to) {
  if (from == nullptr || from->folder == nullptr || from->count < 0 || from->names_bytes < 0 ||
      (from->names == nullptr && from->names_bytes > 0) || from->count > from->names_bytes) {
    return false;
  }
  to->folder = from->folder;
  to->folder.push_back('/');
  to->names.reserve(static_cast<size_t>(from->count));
  std::string_view rest(from->names, static_cast<size_t>(from->names_bytes));
  while (!rest.empty()) {
    const size_t end = rest.find('\0');
    if (end == std::string_view::npos) return false;
    to->names.push_back(rest.substr(0, end));
    rest.remove_prefix(end + 1);
  }
  return to->names.size() == static_cast<size_t>(from->count);
}

// Reads the arguments, and calls read(names, options, workers, set).
template <typename Read>
fl_status read_files(const fl_label_files* files, const fl_label_options* options,
                     fl_label_columns** out, const Read& read) {
  if (out == nullptr) return FL_ERROR_ARGUMENT;
  *out = nullptr;
  fl_label_options given;
  const fl_status status = fl::read_options(options, default_options(), &given);
  if (status != FL_OK) return status;
  if (given.workers < 0 || given.reserved != 0 || given.keypoints < 0 || given.most_text < 1 ||
      given.most_text > INT32_MAX) {
    return FL_ERROR_ARGUMENT;
  }
  return guarded([&] {
    fl::LabelNames names;
    if (!split(files, &names)) return FL_ERROR_ARGUMENT;
    const auto cpus = static_cast<int32_t>(std::max(1U, std::thread::hardware_concurrency()));
    auto columns = std::make_unique<fl_label_columns>();
    read(names, given, given.workers > 0 ? given.workers : cpus, &columns->set);
    *out = columns.release();
    return FL_OK;
  });
}

}  // namespace

extern "C" {

fl_status fl_label_options_init(fl_label_options* options, size_t struct_size) {
  return fl::init_options(options, struct_size, default_options());
}

fl_status fl_yolo_read(const fl_label_files* files, const fl_label_options* options,
                       fl_label_columns** out) {
  return read_files(files, options, out,
                    [](const fl::LabelNames& names, const fl_label_options& given,
                       int32_t workers, fl::ColumnSet* set) {
                      fl::YoloOptions settings;
                      settings.workers = workers;
                      settings.keypoints = given.keypoints;
                      settings.most_text = static_cast<size_t>(given.most_text);
                      fl::read_yolo(names, settings, set);
                    });
}

fl_status fl_voc_read(const fl_label_files* files, const fl_label_options* options,
                      fl_label_columns** out) {
  return read_files(files, options, out,
                    [](const fl::LabelNames& names, const fl_label_options& given,
                       int32_t workers, fl::ColumnSet* set) {
                      fl::VocOptions settings;
                      settings.workers = workers;
                      settings.most_text = static_cast<size_t>(given.most_text);
                      fl::read_voc(names, settings, set);
                    });
}

fl_status fl_label_pieces(const fl_label_columns* columns, const char* column, int64_t* pieces) {
  if (columns == nullptr || column == nullptr || pieces == nullptr) return FL_ERROR_ARGUMENT;
  *pieces = static_cast<int64_t>(columns->set.pieces(column));
  return FL_OK;
}

fl_status fl_label_rows(const fl_label_columns* columns, const char* column, int64_t piece,
                        int64_t* rows) {
  int64_t pieces = 0;
  const fl_status status = fl_label_pieces(columns, column, &pieces);
  if (status != FL_OK || rows == nullptr || piece < 0 || piece >= pieces) {
    return FL_ERROR_ARGUMENT;
  }
  *rows = static_cast<int64_t>(columns->set.rows(column, static_cast<size_t>(piece)));
  return FL_OK;
}

fl_status fl_label_take(fl_label_columns* columns, const char* column, int64_t piece, int32_t part,
                        void** data, int64_t* bytes) {
  int64_t pieces = 0;
  const fl_status status = fl_label_pieces(columns, column, &pieces);
  if (status != FL_OK || data == nullptr || bytes == nullptr || part < FL_LABEL_VALUES ||
      part > FL_LABEL_VALID || piece < 0 || piece >= pieces) {
    return FL_ERROR_ARGUMENT;
  }
  size_t size = 0;
  *data = columns->set.take(column, static_cast<size_t>(piece),
                            static_cast<fl::ColumnSet::Part>(part), &size);
  *bytes = *data == nullptr ? 0 : static_cast<int64_t>(size);
  return FL_OK;
}

void fl_label_free(void* data) { fl::free_block(data); }

void fl_label_destroy(fl_label_columns* columns) { delete columns; }

}  // extern "C"
