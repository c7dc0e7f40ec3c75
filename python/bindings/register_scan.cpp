#include <vector>

#include "bindings.h"

namespace {

struct Scanning {
  using Handle = fl_scanner;
  using Held = std::vector<py::buffer_info>;  // the Python buffers a batch reads from
  static constexpr const char* name = "scanner";
  static fl_status wait(Handle* handle, int64_t ticket, int32_t timeout_ms, int64_t* done) {
    return fl_scanner_wait(handle, ticket, timeout_ms, done);
  }
  static void cancel(Handle* handle) { fl_scanner_cancel(handle); }
  static void destroy(Handle* handle) { fl_scanner_destroy(handle); }
};

const uint8_t kNothing = 0;

void read_span(const py::tuple& span, std::string* path, fl_scan_image* image) {
  if (span.size() != 4) throw py::value_error("submit: a span has path, offset, length, stamp");
  *path = whole_path(span[0].cast<std::string>());
  const auto offset = span[1].cast<int64_t>();
  const auto length = span[2].cast<int64_t>();
  if (offset < 0 || length < -1) {
    throw py::value_error("submit: a span begins at 0 or later, and its length is -1 or more");
  }
  if (length == 0) {  // a member without bytes; in the C struct, 0 is the whole file
    image->data = &kNothing;
    return;
  }
  image->path = path->c_str();
  image->offset = static_cast<uint64_t>(offset);
  image->size = length < 0 ? 0 : static_cast<uint64_t>(length);
  if (!span[3].is_none()) {
    const auto stamp = span[3].cast<std::pair<int64_t, int64_t>>();
    image->file_size = stamp.first > 0 ? static_cast<uint64_t>(stamp.first) : 0;
    image->file_mtime_ns = stamp.second;
  }
}

class PyScanner : public Batches<Scanning> {
 public:
  PyScanner(int32_t workers, uint64_t max_pixels, uint64_t max_bytes, int32_t max_scans,
            uint64_t max_memory, bool hash_only, bool rings) {
    fl_scan_options options;
    fl_scan_options_init(&options, sizeof options);
    options.workers = workers;
    options.max_pixels = max_pixels;
    options.max_bytes = max_bytes;
    options.max_scans = max_scans;
    options.max_memory = max_memory;
    options.hash_only = hash_only ? 1 : 0;
    options.rings = rings ? 1 : 0;
    check(fl_scanner_create(&options, &native_->handle), "Scanner");
  }

  // Each source is the file's bytes; or (path, offset, length, stamp), length -1 for a whole
  // file, stamp None or (size, mtime_ns) of the file when it was listed; or None, for a picture
  // that is known not to be there.
  int64_t submit(const py::list& sources,
                 const py::array_t<int32_t, py::array::c_style>& declared,
                 const py::array_t<int32_t, py::array::c_style>& turned, const BoxArray& boxes,
                 const py::array_t<int64_t, py::array::c_style>& offsets) {
    const std::shared_ptr<Native> native = opened();
    const auto n = static_cast<int64_t>(sources.size());
    if (declared.ndim() != 2 || declared.shape(0) != n || declared.shape(1) != 2 ||
        turned.ndim() != 1 || turned.shape(0) != n || offsets.ndim() != 1 ||
        offsets.shape(0) != n + 1 || rows_of_boxes(boxes, "boxes") != offsets.at(n)) {
      throw py::value_error("submit: declared, turned, boxes and offsets must fit the sources");
    }
    Scanning::Held held;
    std::vector<fl_scan_image> images(static_cast<size_t>(n));
    std::vector<std::string> paths(images.size());
    for (size_t i = 0; i < images.size(); ++i) {
      fl_scan_image& image = images[i];
      image = fl_scan_image{};
      const py::handle source = sources[i];
      if (source.is_none()) {
        image.path = "";
      } else if (py::isinstance<py::tuple>(source)) {
        read_span(py::reinterpret_borrow<py::tuple>(source), &paths[i], &image);
      } else {
        held.push_back(contiguous_bytes(source.cast<py::buffer>(), "source"));
        image.data = static_cast<const uint8_t*>(held.back().ptr);
        image.size = static_cast<uint64_t>(held.back().size * held.back().itemsize);
        if (image.data == nullptr) image.data = &kNothing;
      }
      image.declared_width = declared.at(static_cast<py::ssize_t>(i), 0);
      image.declared_height = declared.at(static_cast<py::ssize_t>(i), 1);
      image.turned = turned.at(static_cast<py::ssize_t>(i));
    }
    int64_t ticket = 0;
    check(fl_scanner_submit(native->handle, images.data(), n, boxes.data(), offsets.data(), &ticket),
          "submit");
    sizes_[ticket] = {n, offsets.at(n)};
    native->held[ticket] = std::move(held);
    return ticket;
  }

  py::tuple collect(int64_t ticket) {
    const std::shared_ptr<Native> native = opened();
    const auto [pictures, parts] = sizes_of(ticket);
    py::array_t<fl_image_row> rows(pictures);
    py::array_t<fl_box_row> box_rows(parts);
    check(fl_scanner_collect(native->handle, ticket, rows.mutable_data(), box_rows.mutable_data()),
          "collect");
    forget(native, ticket);
    return py::make_tuple(rows, box_rows);
  }
};

py::tuple sniff_headers(std::vector<std::string> paths, int32_t workers) {
  for (std::string& path : paths) path = whole_path(std::move(path));
  const auto n = static_cast<int64_t>(paths.size());
  std::vector<const char*> pointers;
  for (const std::string& path : paths) pointers.push_back(path.c_str());
  std::vector<fl_header> headers(paths.size());
  fl_status status;
  {
    py::gil_scoped_release release;
    status = fl_sniff_files(pointers.data(), n, workers, headers.data());
  }
  check(status, "sniff_headers");
  py::list formats;
  py::array_t<int32_t> widths(n);
  py::array_t<int32_t> heights(n);
  py::array_t<int8_t> orientations(n);
  for (int64_t i = 0; i < n; ++i) {
    const fl_header& h = headers[static_cast<size_t>(i)];
    formats.append(fl_format_name(h.format));
    widths.mutable_at(i) = h.width;
    heights.mutable_at(i) = h.height;
    orientations.mutable_at(i) = static_cast<int8_t>(h.orientation);
  }
  return py::make_tuple(formats, widths, heights, orientations);
}

// What a tar archive holds: (summary as a dict, members as a structured array, names as bytes).
py::tuple tar_index(const std::string& path) {
  struct Freed {
    fl_tar* tar = nullptr;
    ~Freed() { fl_tar_destroy(tar); }
  } held;
  fl_tar_summary summary;
  fl_status status;
  const std::string whole = whole_path(path);
  {
    py::gil_scoped_release release;
    status = fl_tar_index(whole.c_str(), &summary, &held.tar);
  }
  check(status, "tar_index");
  py::array_t<fl_tar_member> members(static_cast<py::ssize_t>(summary.members));
  std::string names(summary.names, '\0');
  check(fl_tar_copy(held.tar, members.mutable_data(), names.data()), "tar_index");
  static const char* const ends[] = {"mark", "file", "cut", "damaged", "more", "unread"};
  py::dict said;
  said["status"] = fl_image_status_name(summary.status);
  said["error"] = py::bytes(summary.error);
  said["end"] = ends[summary.end];
  said["end_offset"] = summary.end_offset;
  said["size"] = summary.file_size;
  said["mtime_ns"] = summary.file_mtime_ns;
  return py::make_tuple(said, members, py::bytes(names));
}

template <typename NameOf>
std::vector<std::string> names(int32_t last, NameOf name_of) {
  std::vector<std::string> all;
  for (int32_t k = 0; k <= last; ++k) all.emplace_back(name_of(k));
  return all;
}

}  // namespace

void register_scan(py::module_& m) {
  PYBIND11_NUMPY_DTYPE(fl_image_row, status, format, width, height, channels, orientation, bytes,
                       content_hash, has_hash, measured, turned, reserved, detail, stats);
  PYBIND11_NUMPY_DTYPE(fl_tar_member, header, offset, size, declared, name_offset, name_length,
                       kind, reserved);
  m.def("tar_index", &tar_index, py::arg("path"));
  py::class_<PyScanner>(m, "Scanner")
      .def(py::init<int32_t, uint64_t, uint64_t, int32_t, uint64_t, bool, bool>(), py::arg("workers"),
           py::arg("max_pixels"), py::arg("max_bytes"), py::arg("max_scans"),
           py::arg("max_memory"), py::arg("hash_only") = false,
           py::arg("rings") = false)
      .def("submit", &PyScanner::submit, py::arg("sources"),
           py::arg("declared").noconvert(), py::arg("turned").noconvert(),
           py::arg("boxes").noconvert(), py::arg("offsets").noconvert())
      .def("wait", &PyScanner::wait, py::arg("ticket"), py::arg("timeout_ms"))
      .def("collect", &PyScanner::collect, py::arg("ticket"))
      .def("close", &PyScanner::close);
  m.def("sniff_headers", &sniff_headers, py::arg("paths"), py::arg("workers") = 0);
  m.attr("FORMATS") = names(FL_FORMAT_GIF, fl_format_name);
  m.attr("STATUSES") = names(FL_IMAGE_NEEDS_DECODER, fl_image_status_name);
}
