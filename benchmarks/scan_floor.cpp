// The floor under the scan: a bare libjpeg-turbo luma decode of files held in memory, one row
// held and thrown away. Prints the seconds of each repetition, and of the scan by our own engine on
// the same bytes, in turn, so that a drifting clock meets both.
#include <chrono>
#include <csetjmp>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <vector>

#include <jpeglib.h>

#include "fastlabel/fastlabel.h"

namespace {

struct Errors {
  jpeg_error_mgr base;
  std::jmp_buf escape;
};

void on_error(j_common_ptr info) {
  std::longjmp(reinterpret_cast<Errors*>(info->err)->escape, 1);
}

// Returns the rows decoded.
unsigned decode(const std::vector<unsigned char>& bytes, std::vector<unsigned char>* row) {
  jpeg_decompress_struct info;
  Errors errors;
  // No default handler: see CMakeLists.txt on the static archive.
  errors.base = jpeg_error_mgr{};
  errors.base.error_exit = on_error;
  errors.base.emit_message = [](j_common_ptr, int) {};
  errors.base.reset_error_mgr = [](j_common_ptr) {};
  info.err = &errors.base;
  if (setjmp(errors.escape) != 0) {
    jpeg_destroy_decompress(&info);
    return 0;
  }
  jpeg_create_decompress(&info);
  jpeg_mem_src(&info, bytes.data(), bytes.size());
  jpeg_read_header(&info, TRUE);
  info.out_color_space = JCS_GRAYSCALE;
  info.dct_method = JDCT_ISLOW;
  jpeg_start_decompress(&info);
  row->resize(info.output_width);
  unsigned char* one = row->data();
  while (info.output_scanline < info.output_height) jpeg_read_scanlines(&info, &one, 1);
  const unsigned decoded = info.output_scanline;
  jpeg_finish_decompress(&info);
  jpeg_destroy_decompress(&info);
  return decoded;
}

double seconds() {
  using clock = std::chrono::steady_clock;
  return std::chrono::duration<double>(clock::now().time_since_epoch()).count();
}

double floor_once(const std::vector<std::vector<unsigned char>>& files) {
  std::vector<unsigned char> row;
  const double start = seconds();
  unsigned rows = 0;
  for (const auto& file : files) rows += decode(file, &row);
  const double end = seconds();
  if (rows == 0) std::exit(1);
  return end - start;
}

double scan_once(const std::vector<std::vector<unsigned char>>& files, int workers) {
  fl_scan_options options;
  fl_scan_options_init(&options, sizeof options);
  options.workers = workers;
  std::vector<fl_scan_image> images(files.size());
  for (size_t i = 0; i < files.size(); ++i) {
    images[i].data = files[i].data();
    images[i].size = files[i].size();
  }
  const std::vector<int64_t> offsets(files.size() + 1, 0);
  std::vector<fl_image_row> rows(files.size());
  const double start = seconds();
  fl_scanner* scanner = nullptr;
  int64_t ticket = 0;
  if (fl_scanner_create(&options, &scanner) != FL_OK) std::exit(1);
  const double none = 0;
  fl_scanner_submit(scanner, images.data(), static_cast<int64_t>(images.size()), &none,
                    offsets.data(), &ticket);
  while (fl_scanner_wait(scanner, ticket, 1000, nullptr) == FL_ERROR_TIMEOUT) {
  }
  fl_box_row box;
  fl_scanner_collect(scanner, ticket, rows.data(), &box);
  fl_scanner_destroy(scanner);
  return seconds() - start;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fprintf(stderr, "usage: scan_floor REPETITIONS FILE...\n");
    return 2;
  }
  std::vector<std::vector<unsigned char>> files;
  for (int k = 2; k < argc; ++k) {
    std::ifstream in(argv[k], std::ios::binary);
    files.emplace_back(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
  }
  floor_once(files);
  scan_once(files, 1);
  std::printf("floor scan1 scan2\n");
  for (int k = 0; k < std::atoi(argv[1]); ++k) {
    const double bare = floor_once(files);
    const double one = scan_once(files, 1);
    const double two = scan_once(files, 2);
    std::printf("%.6f %.6f %.6f\n", bare, one, two);
  }
}
