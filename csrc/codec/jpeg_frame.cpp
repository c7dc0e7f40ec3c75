#include "codec/jpeg_frame.h"

#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <cstring>

namespace fl {

namespace {

constexpr int kSof0 = 0xC0, kSof2 = 0xC2, kDht = 0xC4, kJpg = 0xC8, kDac = 0xCC;
constexpr int kSoi = 0xD8, kEoi = 0xD9, kSos = 0xDA, kDqt = 0xDB, kDri = 0xDD;
constexpr int kApp0 = 0xE0, kApp2 = 0xE2, kApp14 = 0xEE;

size_t be16(const uint8_t* p) noexcept { return static_cast<size_t>(p[0] << 8 | p[1]); }

int64_t divide_up(int64_t a, int64_t b) noexcept { return (a + b - 1) / b; }

bool begins(const uint8_t* p, size_t n, const char* text, size_t length) noexcept {
  return n >= length && std::memcmp(p, text, length) == 0;
}

const uint8_t kLumaAc[] = {
    0x01, 0x02, 0x03, 0x00, 0x04, 0x11, 0x05, 0x12, 0x21, 0x31, 0x41, 0x06, 0x13, 0x51, 0x61,
    0x07, 0x22, 0x71, 0x14, 0x32, 0x81, 0x91, 0xa1, 0x08, 0x23, 0x42, 0xb1, 0xc1, 0x15, 0x52,
    0xd1, 0xf0, 0x24, 0x33, 0x62, 0x72, 0x82, 0x09, 0x0a, 0x16, 0x17, 0x18, 0x19, 0x1a, 0x25,
    0x26, 0x27, 0x28, 0x29, 0x2a, 0x34, 0x35, 0x36, 0x37, 0x38, 0x39, 0x3a, 0x43, 0x44, 0x45,
    0x46, 0x47, 0x48, 0x49, 0x4a, 0x53, 0x54, 0x55, 0x56, 0x57, 0x58, 0x59, 0x5a, 0x63, 0x64,
    0x65, 0x66, 0x67, 0x68, 0x69, 0x6a, 0x73, 0x74, 0x75, 0x76, 0x77, 0x78, 0x79, 0x7a, 0x83,
    0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8a, 0x92, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99,
    0x9a, 0xa2, 0xa3, 0xa4, 0xa5, 0xa6, 0xa7, 0xa8, 0xa9, 0xaa, 0xb2, 0xb3, 0xb4, 0xb5, 0xb6,
    0xb7, 0xb8, 0xb9, 0xba, 0xc2, 0xc3, 0xc4, 0xc5, 0xc6, 0xc7, 0xc8, 0xc9, 0xca, 0xd2, 0xd3,
    0xd4, 0xd5, 0xd6, 0xd7, 0xd8, 0xd9, 0xda, 0xe1, 0xe2, 0xe3, 0xe4, 0xe5, 0xe6, 0xe7, 0xe8,
    0xe9, 0xea, 0xf1, 0xf2, 0xf3, 0xf4, 0xf5, 0xf6, 0xf7, 0xf8, 0xf9, 0xfa};
const uint8_t kChromaAc[] = {
    0x00, 0x01, 0x02, 0x03, 0x11, 0x04, 0x05, 0x21, 0x31, 0x06, 0x12, 0x41, 0x51, 0x07, 0x61,
    0x71, 0x13, 0x22, 0x32, 0x81, 0x08, 0x14, 0x42, 0x91, 0xa1, 0xb1, 0xc1, 0x09, 0x23, 0x33,
    0x52, 0xf0, 0x15, 0x62, 0x72, 0xd1, 0x0a, 0x16, 0x24, 0x34, 0xe1, 0x25, 0xf1, 0x17, 0x18,
    0x19, 0x1a, 0x26, 0x27, 0x28, 0x29, 0x2a, 0x35, 0x36, 0x37, 0x38, 0x39, 0x3a, 0x43, 0x44,
    0x45, 0x46, 0x47, 0x48, 0x49, 0x4a, 0x53, 0x54, 0x55, 0x56, 0x57, 0x58, 0x59, 0x5a, 0x63,
    0x64, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6a, 0x73, 0x74, 0x75, 0x76, 0x77, 0x78, 0x79, 0x7a,
    0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8a, 0x92, 0x93, 0x94, 0x95, 0x96, 0x97,
    0x98, 0x99, 0x9a, 0xa2, 0xa3, 0xa4, 0xa5, 0xa6, 0xa7, 0xa8, 0xa9, 0xaa, 0xb2, 0xb3, 0xb4,
    0xb5, 0xb6, 0xb7, 0xb8, 0xb9, 0xba, 0xc2, 0xc3, 0xc4, 0xc5, 0xc6, 0xc7, 0xc8, 0xc9, 0xca,
    0xd2, 0xd3, 0xd4, 0xd5, 0xd6, 0xd7, 0xd8, 0xd9, 0xda, 0xe2, 0xe3, 0xe4, 0xe5, 0xe6, 0xe7,
    0xe8, 0xe9, 0xea, 0xf2, 0xf3, 0xf4, 0xf5, 0xf6, 0xf7, 0xf8, 0xf9, 0xfa};

HuffmanSpec standard(const uint8_t (&counts)[16], const uint8_t* symbols) noexcept {
  HuffmanSpec spec;
  for (int l = 0; l < 16; ++l) {
    spec.counts[l + 1] = counts[l];
    spec.size += counts[l];
  }
  for (int k = 0; k < spec.size; ++k) {
    spec.symbols[k] = symbols != nullptr ? symbols[k] : static_cast<uint8_t>(k);
  }
  return spec;
}

}  // namespace

const HuffmanSpec& standard_dc(int which) noexcept {
  static const HuffmanSpec luma =
      standard({0, 1, 5, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0}, nullptr);
  static const HuffmanSpec chroma =
      standard({0, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0}, nullptr);
  return which == 0 ? luma : chroma;
}

const HuffmanSpec& standard_ac(int which) noexcept {
  static const HuffmanSpec luma =
      standard({0, 2, 1, 3, 3, 2, 4, 3, 5, 5, 4, 4, 0, 0, 1, 125}, kLumaAc);
  static const HuffmanSpec chroma =
      standard({0, 2, 1, 2, 4, 4, 3, 4, 7, 5, 4, 4, 0, 1, 2, 119}, kChromaAc);
  return which == 0 ? luma : chroma;
}

bool make_codes(const HuffmanSpec& spec, HuffmanCodes* codes) noexcept {
  uint32_t code = 0;
  int k = 0;
  for (int length = 1; length <= 16; ++length, code <<= 1) {
    for (int i = 0; i < spec.counts[length]; ++i, ++k, ++code) {
      if (code >= 1U << length) return false;
      codes->code[spec.symbols[k]] = static_cast<uint16_t>(code);
      codes->length[spec.symbols[k]] = static_cast<uint8_t>(length);
    }
  }
  return true;
}

bool JpegMarkers::fail(fl_image_status status, const char* format, ...) noexcept {
  status_ = status;
  std::va_list arguments;
  va_start(arguments, format);
  std::vsnprintf(why_, sizeof why_, format, arguments);
  va_end(arguments);
  return false;
}

// Decoders skip stray bytes between segments; so do we.
bool JpegMarkers::next_marker(int* marker) noexcept {
  for (;;) {
    const void* ff = at_ < size_ ? std::memchr(data_ + at_, 0xFF, size_ - at_) : nullptr;
    if (ff == nullptr) break;
    at_ = static_cast<size_t>(static_cast<const uint8_t*>(ff) - data_) + 1;
    while (at_ < size_ && data_[at_] == 0xFF) ++at_;
    if (at_ >= size_) break;
    *marker = data_[at_++];
    if (*marker != 0) return true;
  }
  at_ = size_;
  return false;
}

void JpegMarkers::skip_data(size_t at) noexcept {
  at_ = at;
  int marker = 0;
  size_t before = at_;
  while (next_marker(&marker)) {
    if (marker < 0xD0 || marker > 0xD7) {
      at_ -= 2;  // its 0xFF, for next_marker
      return;
    }
    before = at_;
  }
  at_ = std::max(at_, before);
}

bool JpegMarkers::segment(int marker, const uint8_t** body, size_t* length) noexcept {
  if (size_ - at_ < 2) return fail(FL_IMAGE_TRUNCATED, "the file ends in marker %02X", marker);
  const size_t n = be16(data_ + at_);
  if (n < 2) return fail(FL_IMAGE_CORRUPT, "marker %02X of length %zu", marker, n);
  if (n > size_ - at_) return fail(FL_IMAGE_TRUNCATED, "the file ends in marker %02X", marker);
  *body = data_ + at_ + 2;
  *length = n - 2;
  at_ += n;
  return true;
}

bool JpegMarkers::quantisation(const uint8_t* p, size_t n) noexcept {
  for (size_t at = 0; at < n;) {
    const int wide = p[at] >> 4, table = p[at] & 15;
    const size_t bytes = wide != 0 ? 128 : 64;
    ++at;
    if (wide > 1 || table > 3 || n - at < bytes) {
      return fail(FL_IMAGE_CORRUPT, "a quantisation table that cannot be");
    }
    for (size_t k = 0; k < 64; ++k) {
      quant_[table][k] = static_cast<uint16_t>(wide != 0 ? be16(p + at + 2 * k) : p[at + k]);
    }
    quant_set_[table] = true;
    at += bytes;
  }
  return true;
}

bool JpegMarkers::huffman(const uint8_t* p, size_t n) noexcept {
  for (size_t at = 0; at < n;) {
    const int kind = p[at] >> 4, table = p[at] & 15;
    if (kind > 1 || table > 3 || n - at < 17) {
      return fail(FL_IMAGE_CORRUPT, "a Huffman table that cannot be");
    }
    HuffmanSpec spec;
    for (size_t l = 1; l <= 16; ++l) {
      spec.counts[l] = p[at + l];
      spec.size += p[at + l];
    }
    at += 17;
    if (spec.size > 256 || n - at < static_cast<size_t>(spec.size)) {
      return fail(FL_IMAGE_CORRUPT, "a Huffman table of %d codes", spec.size);
    }
    std::copy_n(p + at, spec.size, spec.symbols);
    at += static_cast<size_t>(spec.size);
    HuffmanCodes codes;
    if (!make_codes(spec, &codes)) {
      return fail(FL_IMAGE_CORRUPT, "a Huffman table with more codes than there are");
    }
    if (kind == 0 && std::any_of(spec.symbols, spec.symbols + spec.size,
                                 [](uint8_t symbol) { return symbol > 15; })) {
      return fail(FL_IMAGE_CORRUPT, "a Huffman table with a DC code of over 15 bits");
    }
    (kind == 0 ? dc_ : ac_)[table] = spec;
  }
  return true;
}

bool JpegMarkers::frame_header(int marker, const uint8_t* p, size_t n, JpegFrame* frame) {
  if (have_frame_) return fail(FL_IMAGE_CORRUPT, "a second frame");
  if (marker > kSof2) {
    const char* what = marker == 0xC3 || marker == 0xC7 || marker == 0xCB || marker == 0xCF
                           ? "lossless"
                       : marker > 0xC8 ? "arithmetic-coded" : "hierarchical";
    return fail(FL_IMAGE_UNSUPPORTED, "%s JPEG", what);
  }
  if (n < 6 || n != size_t{6} + size_t{3} * p[5]) {
    return fail(FL_IMAGE_CORRUPT, "a frame header of %zu bytes", n);
  }
  if (p[0] != 8) return fail(FL_IMAGE_UNSUPPORTED, "%d-bit JPEG", p[0]);
  frame->marker = static_cast<uint8_t>(marker);
  frame->progressive = marker == kSof2;
  frame->height = static_cast<int64_t>(be16(p + 1));
  frame->width = static_cast<int64_t>(be16(p + 3));
  if (frame->height == 0 || frame->width == 0) {
    return fail(FL_IMAGE_UNSUPPORTED, "a size of %lld x %lld", static_cast<long long>(frame->width),
                static_cast<long long>(frame->height));
  }
  const int count = p[5];
  if (count < 1 || count > kJpegComponents) {
    return fail(FL_IMAGE_UNSUPPORTED, "JPEG of %d components", count);
  }
  int most_h = 1, most_v = 1, blocks = 0;
  frame->components.assign(static_cast<size_t>(count), JpegComponent{});
  for (int k = 0; k < count; ++k) {
    JpegComponent& c = frame->components[static_cast<size_t>(k)];
    const uint8_t* q = p + 6 + 3 * k;
    c.id = q[0];
    c.h = q[1] >> 4;
    c.v = q[1] & 15;
    c.table = q[2];
    if (c.h < 1 || c.h > 4 || c.v < 1 || c.v > 4 || c.table > 3) {
      return fail(FL_IMAGE_CORRUPT, "component %d with sampling %dx%d", k, c.h, c.v);
    }
    for (int other = 0; other < k; ++other) {
      if (frame->components[static_cast<size_t>(other)].id == c.id) {
        return fail(FL_IMAGE_UNSUPPORTED, "two components of number %d", c.id);
      }
    }
    most_h = std::max(most_h, c.h);
    most_v = std::max(most_v, c.v);
    blocks += c.h * c.v;
  }
  if (count == 1) {
    // A scan of one component is not interleaved: its MCU is one block, whatever its factors.
    frame->components[0].h = frame->components[0].v = most_h = most_v = blocks = 1;
  }
  if (blocks > kBlocksInMcu) {
    return fail(FL_IMAGE_UNSUPPORTED, "%d blocks in an MCU, which cannot stand in one scan", blocks);
  }
  frame->mcu_width = 8 * most_h;
  frame->mcu_height = 8 * most_v;
  frame->columns = divide_up(frame->width, frame->mcu_width);
  frame->rows = divide_up(frame->height, frame->mcu_height);
  for (JpegComponent& c : frame->components) {
    c.blocks_wide = divide_up(frame->width * c.h, frame->mcu_width);
    c.blocks_high = divide_up(frame->height * c.v, frame->mcu_height);
  }
  have_frame_ = true;
  return true;
}

bool JpegMarkers::scan_header(const uint8_t* p, size_t n, JpegFrame* frame, JpegScan* scan) {
  if (!have_frame_) return fail(FL_IMAGE_CORRUPT, "a scan before the frame");
  const int count = n > 0 ? p[0] : 0;
  if (count < 1 || count > kJpegComponents || n != size_t{4} + 2 * static_cast<size_t>(count)) {
    return fail(FL_IMAGE_CORRUPT, "a scan header of %zu bytes", n);
  }
  *scan = JpegScan{};
  scan->n = count;
  for (int k = 0; k < count; ++k) {
    const uint8_t id = p[1 + 2 * k];
    const auto it = std::find_if(frame->components.begin(), frame->components.end(),
                                 [&](const JpegComponent& c) { return c.id == id; });
    const auto index = static_cast<int>(it - frame->components.begin());
        if (it == frame->components.end() || std::count(scan->component, scan->component + k, index) > 0) {
      return fail(FL_IMAGE_CORRUPT, "a scan of component %d", id);
    }
    scan->component[k] = index;
    scan->dc[k] = p[2 + 2 * k] >> 4;
    scan->ac[k] = p[2 + 2 * k] & 15;
    if (scan->dc[k] > 3 || scan->ac[k] > 3) {
      return fail(FL_IMAGE_CORRUPT, "a scan with Huffman tables %d and %d", scan->dc[k], scan->ac[k]);
    }
    if (!it->has_quant) {
      if (!quant_set_[it->table]) {
        return fail(FL_IMAGE_CORRUPT, "no quantisation table %d", it->table);
      }
      it->has_quant = true;
      std::copy_n(quant_[it->table], 64, it->quant);
    }
  }
  if (frame->progressive) {
    const uint8_t* q = p + 1 + 2 * count;
    scan->first = q[0];
    scan->last = q[1];
    scan->high = q[2] >> 4;
    scan->low = q[2] & 15;
    const bool dc = scan->first == 0;
    // An AC scan has one component; a refinement adds one bit. T.81 G.1.1.1.
    if (scan->last > 63 || scan->first > scan->last || (dc ? scan->last != 0 : count != 1) ||
        scan->low > 13 || (scan->high != 0 && scan->low != scan->high - 1)) {
      return fail(FL_IMAGE_CORRUPT, "a progressive scan %d-%d, bits %d-%d", scan->first, scan->last,
                  scan->high, scan->low);
    }
  }
  for (int t = 0; t < 4; ++t) {
    // A picture out of Motion JPEG has no tables; it means the standard ones.
    scan->dc_tables[t] = dc_[t].size == 0 && t < 2 ? standard_dc(t) : dc_[t];
    scan->ac_tables[t] = ac_[t].size == 0 && t < 2 ? standard_ac(t) : ac_[t];
  }
  scan->restart = restart_;
  scan->begin = at_;
  return true;
}

// Whether n bytes more of a profile are kept; else what was of it goes.
bool JpegMarkers::keep_profile(size_t n, JpegFrame* frame) {
  profile_ += n;
  if (profile_ <= kMostProfileBytes) return true;
  std::vector<uint8_t>& all = frame->colour;
  for (size_t at = 0; at < all.size();) {
    const size_t length = 2 + be16(all.data() + at + 2);
    const auto begin = all.begin() + static_cast<std::ptrdiff_t>(at);
    if (all[at + 1] == kApp2) {
      all.erase(begin, begin + static_cast<std::ptrdiff_t>(length));
    } else {
      at += length;
    }
  }
  return false;
}

bool JpegMarkers::next_scan(JpegFrame* frame, JpegScan* scan) {
  if (at_ == 0) {
    if (size_ < 4 || data_[0] != 0xFF || data_[1] != kSoi) {
      return fail(FL_IMAGE_UNREADABLE, "not a JPEG file");
    }
    at_ = 2;
  }
  int marker = 0;
  while (next_marker(&marker)) {
    if (marker == kEoi) return false;
    if (marker == 0x01 || (marker >= 0xD0 && marker <= 0xD7)) continue;  // no segment
    if (marker == kSoi) return fail(FL_IMAGE_CORRUPT, "a second start of image");
    if (marker < kSof0 || marker == 0xDE || marker == 0xDF || (marker >= 0xF0 && marker < 0xFE)) {
      // Reserved, hierarchical, or of extensions: no decoder here goes past it.
      return fail(FL_IMAGE_UNREADABLE, "unsupported marker type %02X", marker);
    }
    const size_t start = at_;
    const uint8_t* body = nullptr;
    size_t n = 0;
    if (!segment(marker, &body, &n)) return false;
    bool keep = false;
    switch (marker) {
      case kDqt:
        if (!quantisation(body, n)) return false;
        break;
      case kDht:
        if (!huffman(body, n)) return false;
        break;
      case kDri:
        if (n != 2) return fail(FL_IMAGE_CORRUPT, "a restart interval of %zu bytes", n);
        restart_ = static_cast<int64_t>(be16(body));
        break;
      case kSos:
        return scan_header(body, n, frame, scan);
      case kApp0:
        // Which colours a file has hangs on this marker; its thumbnail is no tile's.
        if (!seen_jfif_ && begins(body, n, "JFIF\0", 5) && n >= 14) {
          const uint8_t head[] = {0xFF, kApp0, 0, 16};
          frame->colour.insert(frame->colour.end(), head, head + 4);
          frame->colour.insert(frame->colour.end(), body, body + 12);
          frame->colour.insert(frame->colour.end(), 2, 0);
          seen_jfif_ = true;
        }
        break;
      case kApp14:
        keep = !seen_adobe_ && begins(body, n, "Adobe", 5) && n >= 12;
        seen_adobe_ = seen_adobe_ || keep;
        break;
      case kApp2:
        keep = begins(body, n, "ICC_PROFILE\0", 12) && keep_profile(n, frame);
        break;
      default:
        if (marker >= kSof0 && marker <= 0xCF && marker != kJpg && marker != kDac &&
            !frame_header(marker, body, n, frame)) {
          return false;
        }
        break;
    }
    if (keep) {
      const uint8_t head[] = {0xFF, static_cast<uint8_t>(marker)};
      frame->colour.insert(frame->colour.end(), head, head + 2);
      frame->colour.insert(frame->colour.end(), data_ + start, data_ + at_);
    }
  }
  return fail(FL_IMAGE_TRUNCATED, have_frame_ ? "the file ends before its picture"
                                              : "the file ends before its frame header");
}

}  // namespace fl
