// The markers of a Huffman-coded JPEG, as they stand in the file: what the entropy-coded data
// means, and where it lies. ITU-T T.81, annex B. Every read is bounds-checked; nothing in the
// file is trusted.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "fastlabel/fastlabel.h"

namespace fl {

constexpr int kJpegComponents = 4;
constexpr int kBlocksInMcu = 10;  // T.81 B.2.3
// Profiles are a few kB; one copied into every tile should not be the larger part of it all. A
// larger one stays behind: a part of it is no profile.
constexpr size_t kMostProfileBytes = size_t{4} << 20;

// The place in a block, row by row, of the coefficients in the order in which they are coded.
constexpr uint8_t kZigzag[64] = {
    0,  1,  8,  16, 9,  2,  3,  10, 17, 24, 32, 25, 18, 11, 4,  5,  12, 19, 26, 33, 40, 48,
    41, 34, 27, 20, 13, 6,  7,  14, 21, 28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23,
    30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63};

struct HuffmanSpec {
  uint8_t counts[17] = {};  // codes of each length, 1..16
  uint8_t symbols[256] = {};
  int size = 0;
};

struct JpegComponent {
  uint8_t id = 0;
  int h = 1, v = 1;           // blocks in an MCU of all components
  int table = 0;              // of quantisation, by its number in the file
  int64_t blocks_wide = 0, blocks_high = 0;  // without the MCU's padding
  bool has_quant = false;
  uint16_t quant[64] = {};    // in zigzag order, as it stood at the component's first scan
};

struct JpegScan {
  int n = 0;
  int component[kJpegComponents] = {};
  int dc[kJpegComponents] = {}, ac[kJpegComponents] = {};
  int first = 0, last = 63, high = 0, low = 0;  // Ss, Se, Ah, Al
  HuffmanSpec dc_tables[4], ac_tables[4];
  int64_t restart = 0;  // MCUs between restart markers; 0: none
  size_t begin = 0;     // of the entropy-coded data
};

struct JpegFrame {
  int64_t width = 0, height = 0;
  int64_t mcu_width = 0, mcu_height = 0;  // in pixels, of all components together
  int64_t columns = 0, rows = 0;          // of MCUs
  std::vector<JpegComponent> components;
  bool progressive = false;
  uint8_t marker = 0;                     // SOF0, SOF1 or SOF2
  std::vector<uint8_t> colour;            // whole segments that decide how colours are read
};

// Walks the markers of a file from its start.
class JpegMarkers {
 public:
  JpegMarkers(const uint8_t* data, size_t size) noexcept : data_(data), size_(size) {}

  // Goes to the data of the next scan. False at the end of the picture (why is then empty) or
  // where the file is not one that can be read so.
  bool next_scan(JpegFrame* frame, JpegScan* scan);
  // Goes over entropy-coded data that begins at `at`.
  void skip_data(size_t at) noexcept;

  fl_image_status status() const noexcept { return status_; }
  const char* why() const noexcept { return why_; }

 private:
  bool fail(fl_image_status status, const char* format, ...) noexcept
      __attribute__((format(printf, 3, 4)));
  bool next_marker(int* marker) noexcept;
  bool segment(int marker, const uint8_t** body, size_t* length) noexcept;
  bool quantisation(const uint8_t* p, size_t n) noexcept;
  bool huffman(const uint8_t* p, size_t n) noexcept;
  bool frame_header(int marker, const uint8_t* p, size_t n, JpegFrame* frame);
  bool scan_header(const uint8_t* p, size_t n, JpegFrame* frame, JpegScan* scan);
  bool keep_profile(size_t n, JpegFrame* frame);

  const uint8_t* data_;
  size_t size_;
  size_t at_ = 0;
  bool have_frame_ = false;
  bool seen_jfif_ = false, seen_adobe_ = false;
  size_t profile_ = 0;  // bytes so far
  bool quant_set_[4] = {};
  uint16_t quant_[4][64] = {};
  HuffmanSpec dc_[4], ac_[4];
  int64_t restart_ = 0;
  fl_image_status status_ = FL_IMAGE_OK;
  char why_[120] = {};
};

// The tables of T.81 annex K, complete for 8-bit samples: 0 for luma, 1 for chroma.
const HuffmanSpec& standard_dc(int which) noexcept;
const HuffmanSpec& standard_ac(int which) noexcept;

// The code of each symbol; false where the lengths cannot be a prefix code.
struct HuffmanCodes {
  uint16_t code[256] = {};
  uint8_t length[256] = {};  // 0: the symbol has no code
};
bool make_codes(const HuffmanSpec& spec, HuffmanCodes* codes) noexcept;

}  // namespace fl
