#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <cstring>
#include <memory>
#include <string>
#include <thread>

#include "check.h"
#include "fastlabel/fastlabel.h"
#include "jpeg_writer.h"
#include "scan/scanner.h"

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

// Whether the system holds the first page of a file.
bool in_cache(int fd) {
  void* memory = ::mmap(nullptr, 4096, PROT_READ, MAP_SHARED, fd, 0);
  unsigned char held = 0;
  CHECK(memory != MAP_FAILED && ::mincore(memory, 4096, &held) == 0);
  ::munmap(memory, 4096);
  return (held & 1) != 0;
}

void files_are_asked_for_before_their_turn() {
  char folder[] = "/tmp/read-ahead-XXXXXX";
  CHECK(::mkdtemp(folder) != nullptr);
  const std::string at = folder;
  auto batch = std::make_shared<fl::ScanBatch>();
  batch->paths = {at + "/first.jpg", at + "/pipe.jpg", at + "/missing.jpg", at, at + "/last.jpg"};
  CHECK(::mkfifo(batch->paths[1].c_str(), 0600) == 0);
  for (const size_t k : {size_t{0}, size_t{4}}) {
    const int fd = ::open(batch->paths[k].c_str(), O_CREAT | O_WRONLY, 0600);
    CHECK(::write(fd, std::string(9000, 'x').c_str(), 9000) == 9000 && ::fsync(fd) == 0);
    ::close(fd);
  }
  const int last = ::open(batch->paths[4].c_str(), O_RDONLY);
  ::posix_fadvise(last, 0, 0, POSIX_FADV_DONTNEED);
  const bool cold = !in_cache(last);  // not where files live in memory
  for (const std::string& path : batch->paths) {
    fl_scan_image image{};
    image.path = path.c_str();
    batch->images.push_back(image);
  }
  {
    fl::ReadAhead ahead;
    ahead.add(batch);
    ahead.read_took(1'000);  // quick: nothing to do
    CHECK(!cold || !in_cache(last));
    ahead.read_took(1'000'000'000);
    for (int k = 0; k < 5000 && !(ahead.idle() && in_cache(last)); ++k) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    CHECK(ahead.idle());
    CHECK(in_cache(last));
    batch->reached = batch->size();
    ahead.add(batch);  // of which nothing is left
    ahead.read_took(1'000'000'000);
  }
  ::close(last);
  for (const std::string& path : batch->paths) ::unlink(path.c_str());
  CHECK(::rmdir(folder) == 0);
}

}  // namespace

int main() {
  the_same_rows_for_any_workers();
  cancelling_ends_the_wait();
  odd_files_are_rows();
  bad_options_are_refused();
  options_of_any_age_are_read();
  files_are_asked_for_before_their_turn();
  return test::finish("scan");
}
