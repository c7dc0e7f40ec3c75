// Reads a JPEG's coefficients with libjpeg-turbo, for the tests.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <utility>
#include <vector>

#include <jpeglib.h>

namespace test {

// All coefficients and tables of a file, by libjpeg.
struct Coefficients {
  struct Component {
    int id, h, v;
    int64_t wide, high;
    std::vector<int16_t> blocks;
    uint16_t quant[64];
  };
  int64_t width = 0, height = 0;
  int colour_space = 0;
  long warnings = 0;
  std::vector<Component> components;
};

inline Coefficients read_coefficients(const std::vector<uint8_t>& bytes) {
  jpeg_error_mgr errors{};
  errors.error_exit = [](j_common_ptr) { std::abort(); };
  errors.emit_message = [](j_common_ptr info, int level) { info->err->num_warnings += level < 0; };
  errors.reset_error_mgr = [](j_common_ptr) {};
  jpeg_decompress_struct d{};
  d.err = &errors;
  jpeg_create_decompress(&d);
  jpeg_mem_src(&d, bytes.data(), bytes.size());
  jpeg_read_header(&d, TRUE);
  Coefficients all;
  all.width = d.image_width;
  all.height = d.image_height;
  all.colour_space = d.jpeg_color_space;
  jvirt_barray_ptr* arrays = jpeg_read_coefficients(&d);
  for (int c = 0; c < d.num_components; ++c) {
    const jpeg_component_info& info = d.comp_info[c];
    Coefficients::Component component{info.component_id, info.h_samp_factor, info.v_samp_factor,
                                      info.width_in_blocks, info.height_in_blocks, {}, {}};
    std::copy_n(info.quant_table->quantval, 64, component.quant);
    for (JDIMENSION y = 0; y < info.height_in_blocks; ++y) {
      JBLOCKARRAY row = d.mem->access_virt_barray(reinterpret_cast<j_common_ptr>(&d), arrays[c], y,
                                                  1, FALSE);
      const JCOEF* first = row[0][0];
      component.blocks.insert(component.blocks.end(), first, first + 64 * info.width_in_blocks);
    }
    all.components.push_back(std::move(component));
  }
  all.warnings = errors.num_warnings;
  jpeg_destroy_decompress(&d);
  return all;
}

}  // namespace test
