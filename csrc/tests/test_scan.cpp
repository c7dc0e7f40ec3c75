#include <unistd.h>

#include <cstring>
#include <string>

#include "check.h"
#include "fastlabel/fastlabel.h"
#include "jpeg_writer.h"

namespace {

std::vector<std::vector<uint8_t>> jpegs(int n) {
  test::Random r(1);
  std::vector<std::vector<uint8_t>> out;
  for (int k = 0; k < n; ++k) {
    const int w = 20 + int(r.below(60));
    const int h = 20 + int(r.below(60));
    std::vector<uint8_t> rgb(size_t(w * h * 3));
    for (uint8_t& v : rgb) v = r.byte();
    out.push_back(test::write_jpeg(rgb, w, h, {3, 1 + k % 2, 1, k % 3 == 0, 0}));
  }
  return out;
}

struct Output {
  std::vector<fl_image_row> rows;
  std::vector<fl_box_row> boxes;
};

Output scan(const std::vector<std::vector<uint8_t>>& files, int workers, int64_t batch) {
  fl_scan_options options;
  CHECK(fl_scan_options_init(&options, sizeof options) == FL_OK);
  options.workers = workers;
  fl_scanner* scanner = nullptr;
  CHECK(fl_scanner_create(&options, &scanner) == FL_OK);
  Output out;
  for (size_t first = 0; first < files.size(); first += size_t(batch)) {
    const size_t n = std::min(files.size() - first, size_t(batch));
    std::vector<fl_scan_image> images(n);
    std::vector<int64_t> offsets(n + 1);
    std::vector<double> boxes;
    for (size_t i = 0; i < n; ++i) {
      images[i].data = files[first + i].data();
      images[i].size = files[first + i].size();
      boxes.insert(boxes.end(), {2, 3, 15, 17});
      offsets[i + 1] = int64_t(i + 1);
    }
    int64_t ticket = 0;
    CHECK(fl_scanner_submit(scanner, images.data(), int64_t(n), boxes.data(), offsets.data(),
                            &ticket) == FL_OK);
    int64_t done = 0;
    fl_status status = FL_ERROR_TIMEOUT;
    while (status == FL_ERROR_TIMEOUT) status = fl_scanner_wait(scanner, ticket, 20, &done);
    CHECK(status == FL_OK && done == int64_t(n));
    std::vector<fl_image_row> rows(n);
    std::vector<fl_box_row> box_rows(n);
    CHECK(fl_scanner_collect(scanner, ticket, rows.data(), box_rows.data()) == FL_OK);
    CHECK(fl_scanner_collect(scanner, ticket, rows.data(), box_rows.data()) == FL_ERROR_ARGUMENT);
    out.rows.insert(out.rows.end(), rows.begin(), rows.end());
    out.boxes.insert(out.boxes.end(), box_rows.begin(), box_rows.end());
  }
  fl_scanner_destroy(scanner);
  return out;
}

void the_same_rows_for_any_workers() {
  const auto files = jpegs(60);
  const Output one = scan(files, 1, 60);
  for (const int workers : {2, 7}) {
    for (const int64_t batch : {1, 13, 60}) {
      const Output other = scan(files, workers, batch);
      CHECK(std::memcmp(one.rows.data(), other.rows.data(), 60 * sizeof(fl_image_row)) == 0);
      CHECK(std::memcmp(one.boxes.data(), other.boxes.data(), 60 * sizeof(fl_box_row)) == 0);
    }
  }
  for (const fl_image_row& row : one.rows) CHECK(row.status == FL_IMAGE_OK && row.measured == 1);
  for (const fl_box_row& row : one.boxes) CHECK(row.pixels == 13 * 14);
}

void cancelling_ends_the_wait() {
  const auto files = jpegs(40);
  fl_scan_options options;
  fl_scan_options_init(&options, sizeof options);
  options.workers = 2;
  fl_scanner* scanner = nullptr;
  CHECK(fl_scanner_create(&options, &scanner) == FL_OK);
  std::vector<fl_scan_image> images(files.size());
  for (size_t i = 0; i < files.size(); ++i) {
    images[i].data = files[i].data();
    images[i].size = files[i].size();
  }
  const std::vector<int64_t> offsets(files.size() + 1, 0);
  const double none = 0;
  int64_t ticket = 0;
  CHECK(fl_scanner_submit(scanner, images.data(), 40, &none, offsets.data(), &ticket) == FL_OK);
  CHECK(fl_scanner_cancel(scanner) == FL_OK);
  CHECK(fl_scanner_wait(scanner, ticket, 5000, nullptr) == FL_ERROR_CANCELLED);
  CHECK(fl_scanner_submit(scanner, images.data(), 40, &none, offsets.data(), &ticket) ==
        FL_ERROR_CANCELLED);
  fl_scanner_destroy(scanner);  // joins the workers; nothing may be touched after
}

void odd_files_are_rows() {
  fl_scan_options options;
  fl_scan_options_init(&options, sizeof options);
  options.workers = 1;
  fl_scanner* scanner = nullptr;
  CHECK(fl_scanner_create(&options, &scanner) == FL_OK);
  char empty[] = "/tmp/fastlabel-test-XXXXXX";
  const int fd = ::mkstemp(empty);
  CHECK(fd >= 0);
  ::close(fd);
  fl_scan_image images[4] = {};
  images[0].path = "/nonexistent/file.jpg";
  images[1].path = "/";
  images[2].path = "/dev/null";
  images[3].path = empty;
  const int64_t offsets[5] = {};
  const double none = 0;
  int64_t ticket = 0;
  CHECK(fl_scanner_submit(scanner, images, 4, &none, offsets, &ticket) == FL_OK);
  while (fl_scanner_wait(scanner, ticket, 50, nullptr) == FL_ERROR_TIMEOUT) {
  }
  fl_image_row rows[4];
  fl_box_row box;
  CHECK(fl_scanner_collect(scanner, ticket, rows, &box) == FL_OK);
  CHECK(rows[0].status == FL_IMAGE_MISSING);
  for (int k = 1; k < 4; ++k) {
    CHECK(rows[k].status == FL_IMAGE_UNREADABLE && std::strlen(rows[k].detail) > 0);
  }
  ::unlink(empty);
  fl_scanner_destroy(scanner);
}

void bad_options_are_refused() {
  fl_scan_options options;
  fl_scan_options_init(&options, sizeof options);
  fl_scanner* scanner = nullptr;
  options.struct_size = 4;
  CHECK(fl_scanner_create(&options, &scanner) == FL_ERROR_ARGUMENT);
  fl_scan_options_init(&options, sizeof options);
  options.workers = -1;
  CHECK(fl_scanner_create(&options, &scanner) == FL_ERROR_ARGUMENT);
}

// Callers compiled with an earlier and with a later header than the library's.
void options_of_any_age_are_read() {
  constexpr size_t kKnown = sizeof(fl_scan_options);
  constexpr size_t kLater = kKnown + 16;
  constexpr size_t kEarlier = offsetof(fl_scan_options, max_pixels);
  alignas(8) unsigned char memory[kLater + 8];
  auto* options = reinterpret_cast<fl_scan_options*>(memory);
  fl_scanner* scanner = nullptr;

  std::memset(memory, 0xAB, sizeof memory);
  CHECK(fl_scan_options_init(options, kEarlier) == FL_OK);
  CHECK(options->struct_size == kEarlier && options->max_scans == 200);
  for (size_t k = kEarlier; k < sizeof memory; ++k) CHECK(memory[k] == 0xAB);
  // What lies behind an earlier struct is not read: no limit is 0xABAB...
  CHECK(fl_scanner_create(options, &scanner) == FL_OK);
  fl_scanner_destroy(scanner);
  scanner = nullptr;

  std::memset(memory, 0xAB, sizeof memory);
  CHECK(fl_scan_options_init(options, kLater) == FL_OK);
  for (size_t k = kKnown; k < kLater; ++k) CHECK(memory[k] == 0);
  CHECK(memory[kLater] == 0xAB);
  CHECK(fl_scanner_create(options, &scanner) == FL_OK);
  fl_scanner_destroy(scanner);
  scanner = nullptr;
  memory[kLater - 1] = 1;  // a setting this library does not have
  CHECK(fl_scanner_create(options, &scanner) == FL_ERROR_ARGUMENT);

  for (const size_t size : {size_t{0}, size_t{4}, size_t{4097}, SIZE_MAX}) {
    CHECK(fl_scan_options_init(options, size) == FL_ERROR_ARGUMENT);
  }
  CHECK(fl_scan_options_init(nullptr, kKnown) == FL_ERROR_ARGUMENT);
}

}  // namespace

int main() {
  the_same_rows_for_any_workers();
  cancelling_ends_the_wait();
  odd_files_are_rows();
  bad_options_are_refused();
  options_of_any_age_are_read();
  return test::finish("scan");
}
