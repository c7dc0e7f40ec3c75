#include "codec/sniff.h"

#include <cstring>

namespace fl {

namespace {

// A read-only window over bytes that answers 0 beyond its end.
class Bytes {
 public:
  Bytes(const uint8_t* data, size_t size) noexcept : data_(data), size_(size) {}
  size_t size() const noexcept { return size_; }
  bool has(size_t at, size_t n) const noexcept { return at <= size_ && n <= size_ - at; }
  uint32_t u8(size_t at) const noexcept { return at < size_ ? data_[at] : 0; }
  uint32_t be16(size_t at) const noexcept { return u8(at) << 8 | u8(at + 1); }
  uint32_t be32(size_t at) const noexcept { return be16(at) << 16 | be16(at + 2); }
  uint32_t le16(size_t at) const noexcept { return u8(at) | u8(at + 1) << 8; }
  uint32_t le24(size_t at) const noexcept { return le16(at) | u8(at + 2) << 16; }
  uint32_t le32(size_t at) const noexcept { return le16(at) | le16(at + 2) << 16; }
  bool is(size_t at, const char* text, size_t n) const noexcept {
    return has(at, n) && std::memcmp(data_ + at, text, n) == 0;
  }
  Bytes from(size_t at, size_t n) const noexcept {
    if (at >= size_) return {data_, 0};
    return {data_ + at, n < size_ - at ? n : size_ - at};
  }
  const uint8_t* data() const noexcept { return data_; }

 private:
  const uint8_t* data_;
  size_t size_;
};

int32_t size_or_unknown(uint32_t value) noexcept {
  return value > 0 && value <= INT32_MAX ? static_cast<int32_t>(value) : -1;
}

// Reads the tags of the first image directory of a TIFF structure.
struct TiffTags {
  uint32_t width = 0, height = 0, orientation = 1, samples = 1, bits = 0;
};

bool read_tiff(Bytes b, TiffTags* tags) noexcept {
  const bool little = b.is(0, "II*\0", 4);
  if (!little && !b.is(0, "MM\0*", 4)) return false;
  const auto u16 = [&](size_t at) { return little ? b.le16(at) : b.be16(at); };
  const auto u32 = [&](size_t at) { return little ? b.le32(at) : b.be32(at); };
  const size_t directory = u32(4);
  if (!b.has(directory, 2)) return false;
  const uint32_t entries = u16(directory);
  for (uint32_t k = 0; k < entries; ++k) {
    const size_t at = directory + 2 + size_t{12} * k;
    if (!b.has(at, 12)) break;
    const uint32_t type = u16(at + 2);
    const uint32_t count = u32(at + 4);
    const bool is_long = type == 4;
    const uint32_t value = is_long ? u32(at + 8) : u16(at + 8);
    switch (u16(at)) {
      // Of a tag given twice the first one counts, as it does for the decoder: a second one
      // must not hide the size from the limits.
      case 0x0100:
        if (tags->width == 0) tags->width = value;
        break;
      case 0x0101:
        if (tags->height == 0) tags->height = value;
        break;
      case 0x0102:  // bits of each sample: beyond two, the values lie elsewhere
        tags->bits = count <= 2 ? value : u16(u32(at + 8));
        break;
      case 0x0112:
        if (value >= 1 && value <= 8) tags->orientation = value;
        break;
      case 0x0115:
        tags->samples = value;
        break;
      default:
        break;
    }
  }
  return true;
}

void sniff_tiff(Bytes b, fl_header* h) noexcept {
  TiffTags tags;
  if (!read_tiff(b, &tags)) return;
  h->format = FL_FORMAT_TIFF;
  h->width = size_or_unknown(tags.width);
  h->height = size_or_unknown(tags.height);
  h->channels = static_cast<int32_t>(tags.samples & 0xff);
  h->bits = static_cast<int32_t>(tags.bits & 0xff);
  h->orientation = static_cast<int32_t>(tags.orientation);
}

bool is_frame_marker(uint32_t marker) noexcept {
  // SOF0..SOF15 but for DHT (C4), JPG (C8) and DAC (CC).
  return marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 && marker != 0xCC;
}

void sniff_jpeg(Bytes b, fl_header* h) noexcept {
  h->format = FL_FORMAT_JPEG;
  size_t at = 2;
  bool seen_exif = false;
  while (b.has(at, 4)) {
    // Decoders skip stray bytes between segments; so do we.
    if (b.u8(at) != 0xFF) {
      ++at;
      continue;
    }
    const uint32_t marker = b.u8(at + 1);
    if (marker == 0xFF) {
      ++at;
      continue;
    }
    if (marker == 0x00 || marker == 0x01 || (marker >= 0xD0 && marker <= 0xD8)) {
      at += 2;
      continue;
    }
    if (marker == 0xD9 || marker == 0xDA) return;
    const uint32_t length = b.be16(at + 2);
    if (length < 2) return;
    if (is_frame_marker(marker)) {
      h->bits = static_cast<int32_t>(b.u8(at + 4));
      h->height = size_or_unknown(b.be16(at + 5));
      h->width = size_or_unknown(b.be16(at + 7));
      h->channels = static_cast<int32_t>(b.u8(at + 9));
      return;
    }
    if (marker == 0xE1 && !seen_exif && b.is(at + 4, "Exif\0", 5)) {
      seen_exif = true;
      const Bytes exif = b.from(at + 10, length > 8 ? length - 8 : 0);
      h->orientation = tiff_orientation(exif.data(), exif.size());
    }
    if (marker == 0xE2 && b.is(at + 4, "MPF\0", 4)) h->format = FL_FORMAT_MPO;
    at += 2 + length;
  }
}

void sniff_png(Bytes b, fl_header* h) noexcept {
  h->format = FL_FORMAT_PNG;
  if (!b.is(12, "IHDR", 4)) return;
  h->width = size_or_unknown(b.be32(16));
  h->height = size_or_unknown(b.be32(20));
  h->bits = static_cast<int32_t>(b.u8(24));
  const uint32_t colour = b.u8(25);
  h->channels = colour == 0 ? 1 : colour == 4 ? 2 : colour == 6 ? 4 : 3;
  for (size_t at = 8; b.has(at, 8);) {
    const size_t length = b.be32(at);
    if (b.is(at + 4, "IDAT", 4)) return;
    if (b.is(at + 4, "eXIf", 4)) {
      const Bytes exif = b.from(at + 8, length);
      h->orientation = tiff_orientation(exif.data(), exif.size());
    }
    if (length > b.size()) return;
    at += 12 + length;
  }
}

void sniff_webp(Bytes b, fl_header* h) noexcept {
  h->format = FL_FORMAT_WEBP;
  h->channels = 3;
  h->bits = 8;
  for (size_t at = 12; b.has(at, 8);) {
    const size_t length = b.le32(at + 4);
    const size_t body = at + 8;
    if (b.is(at, "VP8X", 4) && h->width < 0) {
      h->width = size_or_unknown(b.le24(body + 4) + 1);
      h->height = size_or_unknown(b.le24(body + 7) + 1);
      h->channels = (b.u8(body) & 0x10) != 0 ? 4 : 3;
    } else if (b.is(at, "VP8L", 4) && h->width < 0) {
      const uint32_t bits = b.le32(body + 1);
      h->width = size_or_unknown((bits & 0x3FFF) + 1);
      h->height = size_or_unknown(((bits >> 14) & 0x3FFF) + 1);
      h->channels = ((bits >> 28) & 1) != 0 ? 4 : 3;
    } else if (b.is(at, "VP8 ", 4) && h->width < 0 && b.is(body + 3, "\x9d\x01\x2a", 3)) {
      h->width = size_or_unknown(b.le16(body + 6) & 0x3FFF);
      h->height = size_or_unknown(b.le16(body + 8) & 0x3FFF);
    } else if (b.is(at, "EXIF", 4)) {
      const size_t skip = b.is(body, "Exif\0\0", 6) ? 6 : 0;
      const Bytes exif = b.from(body + skip, length > skip ? length - skip : 0);
      h->orientation = tiff_orientation(exif.data(), exif.size());
    }
    if (length > b.size()) return;
    at = body + length + (length & 1);
  }
}

void sniff_bmp(Bytes b, fl_header* h) noexcept {
  h->format = FL_FORMAT_BMP;
  const uint32_t header = b.le32(14);
  if (header == 12) {
    h->width = size_or_unknown(b.le16(18));
    h->height = size_or_unknown(b.le16(20));
    h->bits = 8;
    h->channels = 3;
    return;
  }
  h->width = size_or_unknown(b.le32(18));
  // A negative height means rows from the top down.
  const auto height = static_cast<int32_t>(b.le32(22));
  h->height = height == INT32_MIN || height == 0 ? -1 : (height < 0 ? -height : height);
  const uint32_t depth = b.le16(28);
  h->bits = 8;
  h->channels = depth == 32 ? 4 : 3;
}

void sniff_gif(Bytes b, fl_header* h) noexcept {
  h->format = FL_FORMAT_GIF;
  h->width = size_or_unknown(b.le16(6));
  h->height = size_or_unknown(b.le16(8));
  h->channels = 3;
  h->bits = 8;
}

}  // namespace

int32_t tiff_orientation(const uint8_t* data, size_t size) noexcept {
  TiffTags tags;
  return read_tiff(Bytes(data, size), &tags) ? static_cast<int32_t>(tags.orientation) : 1;
}

const char* unread_format(const uint8_t* data, size_t size) noexcept {
  const Bytes b(data, size);
  if (b.is(4, "ftypavi", 7)) return "AVIF";
  if (b.is(4, "ftypheic", 8) || b.is(4, "ftypheix", 8) || b.is(4, "ftypmif1", 8)) return "HEIF";
  if (b.is(4, "jP  \r\n", 6) || b.is(0, "\xFF\x4F\xFF\x51", 4)) return "JPEG 2000";
  if (b.is(0, "\xFF\x0A", 2) || b.is(4, "JXL \r\n", 6)) return "JPEG XL";
  const bool digit = b.u8(1) >= '1' && b.u8(1) <= '6';
  if (b.u8(0) == 'P' && digit && (b.u8(2) == '\n' || b.u8(2) == ' ')) return "PNM";
  return nullptr;
}

fl_header sniff(const uint8_t* data, size_t size) noexcept {
  fl_header h{};
  h.width = h.height = -1;
  h.orientation = 1;
  const Bytes b(data, size);
  if (b.is(0, "\xFF\xD8", 2)) {
    sniff_jpeg(b, &h);
  } else if (b.is(0, "\x89PNG\r\n\x1a\n", 8)) {
    sniff_png(b, &h);
  } else if (b.is(0, "RIFF", 4) && b.is(8, "WEBP", 4)) {
    sniff_webp(b, &h);
  } else if (b.is(0, "II*\0", 4) || b.is(0, "MM\0*", 4)) {
    sniff_tiff(b, &h);
  } else if (b.is(0, "GIF87a", 6) || b.is(0, "GIF89a", 6)) {
    sniff_gif(b, &h);
  } else if (b.is(0, "BM", 2) && b.has(0, 26) && b.le32(14) >= 12 && b.le32(14) <= 200) {
    sniff_bmp(b, &h);
  }
  return h;
}

}  // namespace fl
