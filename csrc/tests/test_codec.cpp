#include <csetjmp>
#include <cstring>

#include "check.h"
#include "codec/jpeg.h"
#include "codec/sniff.h"
#include "jpeg_writer.h"

namespace {

class NoBoxes final : public fl::BoxSource {
 public:
  const std::vector<fl::PixelBox>& boxes_for(int64_t, int64_t) override { return none_; }

 private:
  std::vector<fl::PixelBox> none_;
};

const fl::JpegLimits kLimits{250000000, 512u << 20, 200, nullptr};

fl::JpegResult decode(const std::vector<uint8_t>& bytes, fl_luma_stats* stats,
                      const fl::JpegLimits& limits = kLimits) {
  NoBoxes boxes;
  fl::LumaStats measure;
  const fl::JpegResult r = fl::decode_jpeg_luma(bytes.data(), bytes.size(), limits, boxes, measure);
  fl_box_row none;
  if (measure.rows() > 0) measure.finish(stats, &none);
  return r;
}

// The luma plane as plain gray scanlines give it.
std::vector<uint8_t> gray_scanlines(const std::vector<uint8_t>& bytes, int* w, int* h) {
  jpeg_error_mgr errors{};
  errors.error_exit = [](j_common_ptr) { std::abort(); };
  errors.emit_message = [](j_common_ptr, int) {};
  errors.reset_error_mgr = [](j_common_ptr) {};
  jpeg_decompress_struct d{};
  d.err = &errors;
  jpeg_create_decompress(&d);
  jpeg_mem_src(&d, bytes.data(), bytes.size());
  jpeg_read_header(&d, TRUE);
  d.out_color_space = JCS_GRAYSCALE;
  jpeg_start_decompress(&d);
  *w = int(d.output_width);
  *h = int(d.output_height);
  std::vector<uint8_t> plane(size_t(*w) * size_t(*h));
  while (d.output_scanline < d.output_height) {
    unsigned char* row = plane.data() + size_t(d.output_scanline) * size_t(*w);
    jpeg_read_scanlines(&d, &row, 1);
  }
  jpeg_destroy_decompress(&d);
  return plane;
}

std::vector<uint8_t> picture(test::Random* r, int w, int h, int components) {
  std::vector<uint8_t> p(size_t(w) * size_t(h) * size_t(components));
  for (size_t i = 0; i < p.size(); ++i) p[i] = uint8_t((i / 7) % 200 + r->byte() % 40);
  return p;
}

const test::JpegKind kKinds[] = {{3, 2, 2, false, 0}, {3, 1, 1, false, 0}, {3, 2, 1, false, 2},
                                 {3, 1, 2, false, 0}, {3, 4, 1, false, 0}, {3, 2, 2, true, 0},
                                 {3, 1, 1, true, 0},  {1, 1, 1, false, 0}, {1, 1, 1, true, 0},
                                 // chroma larger than luma, and luma four rows of blocks high
                                 {3, 1, 1, false, 0, 2, 2}, {3, 1, 2, false, 0, 2, 1},
                                 {3, 2, 1, false, 0, 1, 2}, {3, 1, 4, false, 0}};

// Our decode, which takes the inverse DCT's rows directly, gives the bytes of gray scanlines.
void luma_is_that_of_scanlines() {
  test::Random r(2);
  const int sizes[][2] = {{1, 1}, {7, 5}, {8, 8}, {16, 16}, {17, 33}, {64, 48}, {131, 97}};
  for (const test::JpegKind& kind : kKinds) {
    for (const auto& size : sizes) {
      const auto bytes = test::write_jpeg(picture(&r, size[0], size[1], kind.components), size[0],
                                          size[1], kind);
      int w = 0;
      int h = 0;
      const std::vector<uint8_t> plane = gray_scanlines(bytes, &w, &h);
      fl_luma_stats expected;
      fl_luma_stats got{};
      CHECK(fl_measure_luma(plane.data(), w, h, w, nullptr, 0, 1, 0, 0, &expected, nullptr) == FL_OK);
      const fl::JpegResult result = decode(bytes, &got);
      CHECK(result.status == FL_IMAGE_OK && result.width == w && result.height == h);
      CHECK(std::memcmp(&got, &expected, sizeof got) == 0);
    }
  }
}

void cmyk_is_measured() {
  test::Random r(4);
  const auto bytes = test::write_jpeg(picture(&r, 40, 30, 4), 40, 30, {4, 1, 1, false, 0});
  fl_luma_stats stats{};
  const fl::JpegResult result = decode(bytes, &stats);
  CHECK(result.status == FL_IMAGE_OK && result.channels == 4 && stats.pixels == 1200);
}

void cut_files_are_truncated() {
  test::Random r(6);
  const auto bytes = test::write_jpeg(picture(&r, 160, 160, 3), 160, 160, {3, 2, 2, false, 0});
  const std::vector<uint8_t> half(bytes.begin(), bytes.begin() + ptrdiff_t(bytes.size() / 2));
  fl_luma_stats stats{};
  const fl::JpegResult result = decode(half, &stats);
  CHECK(result.status == FL_IMAGE_TRUNCATED && std::strlen(result.detail) > 0);
  // Only the rows that were there.
  CHECK(stats.pixels > 0 && stats.pixels < 160 * 160 * 3 / 4);
}

void limits_hold() {
  test::Random r(7);
  const auto bytes = test::write_jpeg(picture(&r, 64, 64, 3), 64, 64, {3, 1, 1, true, 0});
  fl_luma_stats stats{};
  fl::JpegLimits limits = kLimits;
  limits.max_pixels = 64 * 64 - 1;
  CHECK(decode(bytes, &stats, limits).status == FL_IMAGE_OVER_LIMIT);
  limits = kLimits;
  limits.max_scans = 2;
  const fl::JpegResult scans = decode(bytes, &stats, limits);
  CHECK(scans.status == FL_IMAGE_OVER_LIMIT && std::strstr(scans.detail, "scans") != nullptr);
  limits = kLimits;
  limits.max_memory = 1000;
  CHECK(decode(bytes, &stats, limits).status == FL_IMAGE_OVER_LIMIT);
}

// Damaged in a thousand ways: any status, but always one, and never a crash.
void damaged_files_end_well() {
  test::Random r(9);
  for (const test::JpegKind& kind : kKinds) {
    const auto good = test::write_jpeg(picture(&r, 70, 50, kind.components), 70, 50, kind);
    for (int round = 0; round < 120; ++round) {
      std::vector<uint8_t> bad = good;
      for (int64_t k = 1 + r.below(8); k > 0; --k) bad[size_t(r.below(int64_t(bad.size())))] = r.byte();
      if (round % 3 == 0) bad.resize(size_t(r.below(int64_t(bad.size()))));
      fl_luma_stats stats{};
      fl::JpegLimits limits = kLimits;
      limits.max_pixels = 4000000;
      const fl::JpegResult result = decode(bad, &stats, limits);
      CHECK(result.status >= FL_IMAGE_OK && result.status <= FL_IMAGE_OVER_LIMIT);
      CHECK(result.status == FL_IMAGE_OK || std::strlen(result.detail) > 0);
      fl_header h;
      CHECK(fl_sniff(bad.data(), bad.size(), &h) == FL_OK);
    }
  }
}

void put(std::vector<uint8_t>* out, const char* text, size_t n) {
  out->insert(out->end(), text, text + n);
}

std::vector<uint8_t> exif(uint16_t orientation, bool little) {
  std::vector<uint8_t> t;
  const auto u16 = [&](uint32_t v) {
    t.push_back(uint8_t(little ? v : v >> 8));
    t.push_back(uint8_t(little ? v >> 8 : v));
  };
  const auto u32 = [&](uint32_t v) {
    u16(little ? v & 0xffff : v >> 16);
    u16(little ? v >> 16 : v & 0xffff);
  };
  put(&t, little ? "II*\0" : "MM\0*", 4);
  u32(8);
  u16(1);
  u16(0x0112);
  u16(3);
  u32(1);
  u16(orientation);
  u16(0);
  u32(0);
  return t;
}

void headers_are_read() {
  for (uint16_t o = 0; o <= 9; ++o) {
    for (const bool little : {true, false}) {
      const auto t = exif(o, little);
      CHECK(fl::tiff_orientation(t.data(), t.size()) == (o >= 1 && o <= 8 ? o : 1));
      // Cut anywhere it is read as far as it goes.
      for (size_t n = 0; n < t.size(); ++n) {
        const int32_t cut = fl::tiff_orientation(t.data(), n);
        CHECK(cut >= 1 && cut <= 8);
      }
    }
  }
  std::vector<uint8_t> png;
  put(&png, "\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x02\x80\0\0\x01\xe0\x08\x06\0\0\0", 29);
  const fl_header p = fl::sniff(png.data(), png.size());
  CHECK(p.format == FL_FORMAT_PNG && p.width == 640 && p.height == 480 && p.channels == 4);
  std::vector<uint8_t> gif;
  put(&gif, "GIF89a\x20\x01\x10\0", 10);
  const fl_header g = fl::sniff(gif.data(), gif.size());
  CHECK(g.format == FL_FORMAT_GIF && g.width == 288 && g.height == 16);
  std::vector<uint8_t> webp;
  put(&webp, "RIFF\x40\0\0\0WEBPVP8X\x0a\0\0\0\x10\0\0\0\x7f\x02\0\xdf\x01\0", 30);
  const fl_header v = fl::sniff(webp.data(), webp.size());
  CHECK(v.format == FL_FORMAT_WEBP && v.width == 640 && v.height == 480 && v.channels == 4);
  std::vector<uint8_t> bmp;
  put(&bmp, "BM\0\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0\x40\0\0\0\xe0\xff\xff\xff\x01\0\x18\0", 30);
  const fl_header b = fl::sniff(bmp.data(), bmp.size());
  CHECK(b.format == FL_FORMAT_BMP && b.width == 64 && b.height == 32);
  const fl_header none = fl::sniff(nullptr, 0);
  CHECK(none.format == FL_FORMAT_UNKNOWN && none.width == -1);
}

}  // namespace

int main() {
  CHECK(fl_init() == FL_OK);
  luma_is_that_of_scanlines();
  cmyk_is_measured();
  cut_files_are_truncated();
  limits_hold();
  damaged_files_end_well();
  headers_are_read();
  return test::finish("codec");
}
