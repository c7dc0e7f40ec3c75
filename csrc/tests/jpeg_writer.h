// Writes small JPEG files for the tests, with libjpeg-turbo's own encoder.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include <jpeglib.h>

namespace test {

struct JpegKind {
  int components = 3;
  int h = 2, v = 2;  // luma sampling
  bool progressive = false;
  int restart = 0;
  int chroma_h = 1, chroma_v = 1;
  bool optimised = false;  // Huffman tables with no code that the picture does not need
  bool separate = false;   // a scan for each component
  int quality = 90;
};

inline std::vector<uint8_t> write_jpeg(const std::vector<uint8_t>& rgb, int w, int h,
                                       const JpegKind& kind) {
  jpeg_error_mgr errors{};
  errors.error_exit = [](j_common_ptr) { std::abort(); };
  errors.emit_message = [](j_common_ptr, int) {};
  errors.reset_error_mgr = [](j_common_ptr) {};
  jpeg_compress_struct c{};
  c.err = &errors;
  jpeg_create_compress(&c);
  unsigned char* out = nullptr;
  unsigned long size = 0;
  jpeg_mem_dest(&c, &out, &size);
  c.image_width = JDIMENSION(w);
  c.image_height = JDIMENSION(h);
  c.input_components = kind.components;
  c.in_color_space = kind.components == 1 ? JCS_GRAYSCALE : kind.components == 4 ? JCS_CMYK : JCS_RGB;
  jpeg_set_defaults(&c);
  jpeg_set_quality(&c, kind.quality, TRUE);
  c.comp_info[0].h_samp_factor = kind.h;
  c.comp_info[0].v_samp_factor = kind.v;
  for (int k = 1; k < c.num_components; ++k) {
    c.comp_info[k].h_samp_factor = kind.chroma_h;
    c.comp_info[k].v_samp_factor = kind.chroma_v;
  }
  c.restart_interval = unsigned(kind.restart);
  c.optimize_coding = kind.optimised ? TRUE : FALSE;
  if (kind.progressive) jpeg_simple_progression(&c);
  jpeg_scan_info scans[4] = {};
  if (kind.separate) {
    for (int k = 0; k < c.num_components; ++k) scans[k] = {1, {k, 0, 0, 0}, 0, 63, 0, 0};
    c.scan_info = scans;
    c.num_scans = c.num_components;
  }
  jpeg_start_compress(&c, TRUE);
  while (c.next_scanline < c.image_height) {
    auto* row = const_cast<unsigned char*>(rgb.data() + size_t(c.next_scanline) * size_t(w) *
                                                            size_t(kind.components));
    jpeg_write_scanlines(&c, &row, 1);
  }
  jpeg_finish_compress(&c);
  std::vector<uint8_t> bytes(out, out + size);
  jpeg_destroy_compress(&c);
  std::free(out);
  return bytes;
}

}  // namespace test
