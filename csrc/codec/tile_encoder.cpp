#include "codec/tile_encoder.h"

#include <cstdlib>
#include <cstring>

#include <jerror.h>

#include "codec/jpeg_frame.h"

namespace fl {

namespace {

constexpr size_t kFirst = size_t{64} << 10;
constexpr int kProfileMarker = JPEG_APP0 + 2;
constexpr unsigned kProfileHead = 12;  // "ICC_PROFILE" with its NUL

bool is_profile(const jpeg_marker_struct& m) noexcept {
  return m.marker == kProfileMarker && m.data_length >= kProfileHead &&
         std::memcmp(m.data, "ICC_PROFILE", kProfileHead) == 0;
}

// The limits of a decoder that an encoder has no use for.
constexpr JpegLimits kNoLimits{UINT64_MAX, UINT64_MAX, INT32_MAX, nullptr};

}  // namespace

TileEncoder::TileEncoder() noexcept : session_{}, info_{}, out_{} {
  out_.manager.init_destination = on_begin;
  out_.manager.empty_output_buffer = on_full;
  out_.manager.term_destination = on_end;
}

TileEncoder::~TileEncoder() {
  if (created_) jpeg_destroy_compress(&info_);
  std::free(out_.data);
}

void TileEncoder::on_begin(j_compress_ptr info) {
  auto* out = reinterpret_cast<Output*>(info->dest);
  out->size = 0;
  if (out->data == nullptr) {
    out->data = static_cast<uint8_t*>(std::malloc(kFirst));
    if (out->data == nullptr) ERREXIT1(info, JERR_OUT_OF_MEMORY, 0);
    out->capacity = kFirst;
  }
  out->manager.next_output_byte = out->data;
  out->manager.free_in_buffer = out->capacity;
}

boolean TileEncoder::on_full(j_compress_ptr info) {
  auto* out = reinterpret_cast<Output*>(info->dest);
  const size_t used = out->capacity;  // libjpeg means the whole buffer, whatever its count says
  auto* grown = static_cast<uint8_t*>(std::realloc(out->data, 2 * used));
  if (grown == nullptr) ERREXIT1(info, JERR_OUT_OF_MEMORY, 0);
  out->data = grown;
  out->capacity = 2 * used;
  out->manager.next_output_byte = grown + used;
  out->manager.free_in_buffer = used;
  return TRUE;
}

void TileEncoder::on_end(j_compress_ptr info) {
  auto* out = reinterpret_cast<Output*>(info->dest);
  out->size = out->capacity - out->manager.free_in_buffer;
}

bool TileEncoder::fail() noexcept {
  describe_error(session_, reinterpret_cast<j_common_ptr>(&info_), error_, sizeof error_);
  return false;
}

bool TileEncoder::begin(const EncoderSetup& setup) noexcept {
  set_up_session(&session_, &kNoLimits);
  info_.err = &session_.errors;
  if (setjmp(session_.escape) != 0) return fail();
  if (!created_) {
    info_.client_data = &session_;
    jpeg_create_compress(&info_);
    created_ = true;
    info_.dest = &out_.manager;
  } else {
    jpeg_abort_compress(&info_);  // a tile given up half-way leaves it in the middle
  }
  info_.image_width = static_cast<JDIMENSION>(setup.width);
  info_.image_height = static_cast<JDIMENSION>(setup.height);
  info_.input_components = setup.components;
  const bool gray = setup.components == 1;
  info_.in_color_space = gray ? JCS_GRAYSCALE : setup.planes ? JCS_YCbCr : JCS_RGB;
  jpeg_set_defaults(&info_);
  jpeg_set_quality(&info_, setup.quality, TRUE);
  info_.dct_method = JDCT_ISLOW;
  info_.raw_data_in = setup.planes ? TRUE : FALSE;
  for (int k = 0; k < setup.components; ++k) {
    info_.comp_info[k].h_samp_factor = setup.h[k];
    info_.comp_info[k].v_samp_factor = setup.v[k];
  }
  jpeg_start_compress(&info_, TRUE);
  if (setup.profile_of == nullptr) return true;
  size_t profile = 0;
  for (jpeg_saved_marker_ptr m = setup.profile_of->marker_list; m != nullptr; m = m->next) {
    if (is_profile(*m)) profile += m->data_length;
  }
  if (profile > kMostProfileBytes) return true;
  for (jpeg_saved_marker_ptr m = setup.profile_of->marker_list; m != nullptr; m = m->next) {
    if (is_profile(*m)) jpeg_write_marker(&info_, m->marker, m->data, m->data_length);
  }
  return true;
}

bool TileEncoder::write_planes(JSAMPARRAY* planes, int rows) noexcept {
  if (setjmp(session_.escape) != 0) return fail();
  jpeg_write_raw_data(&info_, planes, static_cast<JDIMENSION>(rows));
  return true;
}

bool TileEncoder::write_row(const uint8_t* row) noexcept {
  if (setjmp(session_.escape) != 0) return fail();
  JSAMPROW rows = const_cast<JSAMPROW>(row);  // libjpeg only reads it
  jpeg_write_scanlines(&info_, &rows, 1);
  return true;
}

bool TileEncoder::finish() noexcept {
  if (setjmp(session_.escape) != 0) return fail();
  jpeg_finish_compress(&info_);
  return true;
}

}  // namespace fl
