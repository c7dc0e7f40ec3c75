#include "codec/jpeg_source.h"

#include <algorithm>
#include <cstring>
#include <numeric>

namespace fl {

namespace {

constexpr int kProfileMarker = JPEG_APP0 + 2;

// Light of the three inks under black, in 0..255. Files with an Adobe marker store it inverted.
inline uint8_t light(int ink, int black, bool inverted) noexcept {
  const int a = inverted ? ink : 255 - ink;
  const int k = inverted ? black : 255 - black;
  return static_cast<uint8_t>((a * k + 127) / 255);
}

void inks_to_pixels(const uint8_t* inks, int64_t n, bool inverted, JpegPixels pixels,
                    uint8_t* row) noexcept {
  for (int64_t x = 0; x < n; ++x, inks += 4) {
    const uint8_t r = light(inks[0], inks[3], inverted);
    const uint8_t g = light(inks[1], inks[3], inverted);
    const uint8_t b = light(inks[2], inks[3], inverted);
    if (pixels == JpegPixels::gray) {
      row[x] = static_cast<uint8_t>((19595 * r + 38470 * g + 7471 * b + 32768) >> 16);
      continue;
    }
    row[3 * x] = pixels == JpegPixels::rgb ? r : b;
    row[3 * x + 1] = g;
    row[3 * x + 2] = pixels == JpegPixels::rgb ? b : r;
  }
}

}  // namespace

JpegSource::JpegSource() noexcept : session_{}, info_{}, limits_{} {}

JpegSource::~JpegSource() { jpeg_destroy_decompress(&info_); }

bool JpegSource::fail() noexcept {
  status_ = describe_error(session_, reinterpret_cast<j_common_ptr>(&info_), detail_,
                           sizeof detail_);
  return false;
}

// Warnings that mean lost picture are errors here: a tile must not hold made-up pixels.
bool JpegSource::judge() noexcept {
  if (limits_.cancelled != nullptr && limits_.cancelled->load(std::memory_order_relaxed)) {
    session_.cancelled = true;
    return fail();
  }
  if (!session_.truncated && !session_.corrupt) return true;
  status_ = session_.truncated ? FL_IMAGE_TRUNCATED : FL_IMAGE_CORRUPT;
  std::snprintf(detail_, sizeof detail_, "%.80s (row %u of %u)", session_.warning,
                info_.output_scanline, info_.output_height);
  return false;
}

bool JpegSource::open(const uint8_t* data, size_t size, const JpegLimits& limits,
                      bool keep_profile) noexcept {
  limits_ = limits;
  set_up_session(&session_, &limits_);
  info_.err = &session_.errors;
  if (setjmp(session_.escape) != 0) return fail();
  info_.client_data = &session_;  // kept by jpeg_create_decompress, which may fail already
  jpeg_create_decompress(&info_);
  set_up_limits(&session_, &info_);
  jpeg_mem_src(&info_, data, static_cast<unsigned long>(size));
  jpeg_save_markers(&info_, JPEG_COM, 0);
  if (keep_profile) jpeg_save_markers(&info_, kProfileMarker, 0xFFFF);
  if (jpeg_read_header(&info_, TRUE) != JPEG_HEADER_OK) {
    std::snprintf(detail_, sizeof detail_, "no picture in it");
    return false;
  }
  if (!within_pixels(limits_, info_.image_width, info_.image_height, detail_, sizeof detail_)) {
    status_ = FL_IMAGE_OVER_LIMIT;
    return false;
  }
  const J_COLOR_SPACE space = info_.jpeg_color_space;
  if (space != JCS_GRAYSCALE && space != JCS_YCbCr && space != JCS_RGB && !is_cmyk()) {
    status_ = FL_IMAGE_UNSUPPORTED;
    std::snprintf(detail_, sizeof detail_, "JPEG of %d components", info_.num_components);
    return false;
  }
  status_ = FL_IMAGE_OK;
  return true;
}

bool JpegSource::is_cmyk() const noexcept {
  return info_.jpeg_color_space == JCS_CMYK || info_.jpeg_color_space == JCS_YCCK;
}

bool JpegSource::plane_sampling(int h[3], int v[3]) const noexcept {
  if (info_.jpeg_color_space != JCS_GRAYSCALE && info_.jpeg_color_space != JCS_YCbCr) return false;
  // A common factor of all samplings (a gray picture of 2 x 2) means nothing.
  int common_h = 0;
  int common_v = 0;
  for (int k = 0; k < info_.num_components; ++k) {
    const jpeg_component_info& c = info_.comp_info[k];
    if (info_.max_h_samp_factor % c.h_samp_factor != 0) return false;
    if (info_.max_v_samp_factor % c.v_samp_factor != 0) return false;
    common_h = std::gcd(common_h, c.h_samp_factor);
    common_v = std::gcd(common_v, c.v_samp_factor);
  }
  int blocks = 0;
  for (int k = 0; k < info_.num_components; ++k) {
    h[k] = info_.comp_info[k].h_samp_factor / common_h;
    v[k] = info_.comp_info[k].v_samp_factor / common_v;
    blocks += h[k] * v[k];
  }
  return blocks <= C_MAX_BLOCKS_IN_MCU;
}

void JpegSource::luma_sampling(int* h, int* v) const noexcept {
  *h = *v = 1;
  if (info_.jpeg_color_space != JCS_YCbCr) return;
  for (int k = 1; k < info_.num_components; ++k) {
    if (info_.comp_info[k].h_samp_factor != 1 || info_.comp_info[k].v_samp_factor != 1) return;
  }
  const jpeg_component_info& luma = info_.comp_info[0];
  if (luma.h_samp_factor * luma.v_samp_factor > 4 || luma.h_samp_factor == 3 ||
      luma.v_samp_factor == 3) {
    return;
  }
  *h = luma.h_samp_factor;
  *v = luma.v_samp_factor;
}

bool JpegSource::start(JpegPixels pixels) noexcept {
  if (setjmp(session_.escape) != 0) return fail();
  pixels_ = pixels;
  info_.dct_method = JDCT_ISLOW;
  info_.do_fancy_upsampling = TRUE;
  info_.raw_data_out = pixels == JpegPixels::planes ? TRUE : FALSE;
  if (pixels == JpegPixels::planes) {
    info_.out_color_space = info_.jpeg_color_space;
  } else if (is_cmyk()) {
    info_.out_color_space = JCS_CMYK;
  } else {
    info_.out_color_space = pixels == JpegPixels::gray  ? JCS_GRAYSCALE
                            : pixels == JpegPixels::rgb ? JCS_EXT_RGB
                                                        : JCS_EXT_BGR;
  }
  if (jpeg_start_decompress(&info_) == FALSE) return false;
  return judge();
}

bool JpegSource::crop(int64_t* x, int64_t* width) noexcept {
  if (setjmp(session_.escape) != 0) return fail();
  auto from = static_cast<JDIMENSION>(*x);
  auto columns = static_cast<JDIMENSION>(*width);
  jpeg_crop_scanline(&info_, &from, &columns);
  *x = from;
  *width = columns;
  return true;
}

bool JpegSource::skip(int64_t rows) noexcept {
  if (setjmp(session_.escape) != 0) return fail();
  jpeg_skip_scanlines(&info_, static_cast<JDIMENSION>(rows));
  return judge();
}

bool JpegSource::read_planes(JSAMPARRAY* planes) noexcept {
  if (setjmp(session_.escape) != 0) return fail();
  jpeg_read_raw_data(&info_, planes,
                     static_cast<JDIMENSION>(info_.max_v_samp_factor * DCTSIZE));
  return judge();
}

bool JpegSource::read_row(uint8_t* row) {
  const bool cmyk = info_.out_color_space == JCS_CMYK;
  if (cmyk && inks_.empty()) inks_.resize(size_t{info_.output_width} * 4);
  uint8_t* to = cmyk ? inks_.data() : row;
  if (setjmp(session_.escape) != 0) return fail();
  if (jpeg_read_scanlines(&info_, &to, 1) != 1 || !judge()) return false;
  if (cmyk) {
    inks_to_pixels(inks_.data(), columns(), info_.saw_Adobe_marker != FALSE, pixels_, row);
  }
  return true;
}

bool JpegSource::finish() noexcept {
  session_.finishing = true;
  if (setjmp(session_.escape) != 0) return fail();
  jpeg_finish_decompress(&info_);
  return judge();
}

}  // namespace fl
