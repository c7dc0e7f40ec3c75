#include <algorithm>
#include <cmath>
#include <cstring>

#include "check.h"
#include "pixels/row_kernels.h"
#include "pixels/content_hash.h"
#include "pixels/luma_stats.h"

namespace {

std::vector<const char*> tiers() {
  const char* names[8];
  const int32_t n = fl_isa_available(names, 8);
  return {names, names + n};
}

// Random bytes, or the extremes that fill every accumulator.
std::vector<uint8_t> plane(test::Random* r, size_t n, int kind) {
  std::vector<uint8_t> p(n);
  for (size_t i = 0; i < n; ++i) {
    p[i] = kind == 0 ? r->byte() : kind == 1 ? uint8_t((i & 1) != 0 ? 255 : 0) : uint8_t(255);
  }
  return p;
}

// Every tier against the oracle: all widths up to past two vectors and some long ones, every
// alignment, one row and many.
void every_tier_equals_the_oracle() {
  test::Random r(11);
  const fl::RowKernels& oracle = fl::oracle_row_kernels();
  std::vector<size_t> widths;
  for (size_t n = 0; n <= 130; ++n) widths.push_back(n);
  for (const size_t n : {479U, 480U, 512U, 1000U, 4097U, 20011U}) widths.push_back(n);
  for (const char* tier : tiers()) {
    CHECK(fl_isa_select(tier) == FL_OK);
    const fl::RowKernels& k = fl::row_kernels();
    for (const size_t n : widths) {
      for (int kind = 0; kind < 3; ++kind) {
        const size_t shift = size_t(r.below(16));
        const size_t pitch = n + 40;
        const std::vector<uint8_t> p = plane(&r, pitch * 6 + 64, kind);
        const uint8_t* rows[6];
        for (size_t y = 0; y < 6; ++y) rows[y] = p.data() + y * pitch + 8 + shift;
        for (const size_t count : {size_t{1}, size_t{4}}) {
          fl::RowSums a;
          fl::RowSums b;
          k.row_sums(rows, count, n, &a);
          oracle.row_sums(rows, count, n, &b);
          CHECK(std::memcmp(&a, &b, sizeof a) == 0);
        }
        for (const size_t count : {size_t{1}, size_t{4}}) {
          uint64_t sa = 5;
          uint64_t sb = 5;
          k.row_squares(rows, count, n, &sa);
          oracle.row_squares(rows, count, n, &sb);
          CHECK(sa == sb);
        }
        std::vector<uint16_t> na(n + 1, 9);
        std::vector<uint16_t> nb(n + 1, 9);
        k.row_noise(rows[0], rows[1], rows[2], n, na.data());
        oracle.row_noise(rows[0], rows[1], rows[2], n, nb.data());
        CHECK(na == nb && na[n] == 9);
        std::vector<uint8_t> ha(n / 2 + 1, 77);
        std::vector<uint8_t> hb(n / 2 + 1, 77);
        k.row_halve(rows[0], rows[1], n / 2, ha.data());
        oracle.row_halve(rows[0], rows[1], n / 2, hb.data());
        CHECK(ha == hb && ha[n / 2] == 77);
        std::vector<uint32_t> aa(n + 1, 5);
        std::vector<uint32_t> ab(n + 1, 5);
        k.row_add(rows[3], n, aa.data());
        oracle.row_add(rows[3], n, ab.data());
        CHECK(aa == ab);
        for (const size_t cells : {size_t{1}, size_t{3}, size_t{16}}) {
          std::vector<uint32_t> ca(cells, 5);
          std::vector<uint32_t> cb(cells, 5);
          uint32_t sa[2] = {1, 2};
          uint32_t sb[2] = {1, 2};
          k.row_cells(rows + 1, 4, n, cells, ca.data(), sa);
          oracle.row_cells(rows + 1, 4, n, cells, cb.data(), sb);
          CHECK(ca == cb && sa[0] == sb[0] && sa[1] == sb[1]);
        }
        std::vector<uint32_t> ta(fl::kHistogramTables * 256, 0);
        std::vector<uint32_t> tb(256, 0);
        k.histogram(rows[4], n, ta.data());
        oracle.histogram(rows[4], n, tb.data());
        for (size_t v = 0; v < 256; ++v) {
          uint32_t sum = 0;
          for (size_t t = 0; t < fl::kHistogramTables; ++t) sum += ta[256 * t + v];
          CHECK(sum == tb[v]);
        }
      }
    }
  }
}

// 60,000 pixels of alternating black and white in many rows: no accumulator may overflow.
void long_rows_do_not_overflow() {
  const size_t n = 60000;
  std::vector<uint8_t> p((n + 40) * 3);
  for (size_t i = 0; i < p.size(); ++i) p[i] = (i & 1) != 0 ? 255 : 0;
  const uint8_t* rows[fl::LevelStats::kMaxRows + 2];
  for (size_t y = 0; y < std::size(rows); ++y) rows[y] = p.data() + 8 + (y % 2) * (n + 41);
  for (const char* tier : tiers()) {
    CHECK(fl_isa_select(tier) == FL_OK);
    fl::RowSums a;
    fl::RowSums b;
    fl::row_kernels().row_sums(rows, fl::LevelStats::kMaxRows, n, &a);
    fl::oracle_row_kernels().row_sums(rows, fl::LevelStats::kMaxRows, n, &b);
    CHECK(std::memcmp(&a, &b, sizeof a) == 0);
    uint64_t squares = 0;
    fl::row_kernels().row_squares(rows, fl::LevelStats::kMaxRows, n, &squares);
    CHECK(squares == b.lap2);
  }
  // Single white pixels: the Laplacian of every fourth lane is -1020, and no lane beside it
  // makes up for what it would lose.
  const std::vector<uint8_t> black(n + 64, 0);
  std::vector<uint8_t> dots(n + 64, 0);
  for (size_t i = 8; i < dots.size(); i += 4) dots[i] = 255;
  for (size_t y = 0; y < std::size(rows); ++y) rows[y] = (y % 3 == 1 ? dots : black).data() + 8;
  for (const char* tier : tiers()) {
    CHECK(fl_isa_select(tier) == FL_OK);
    fl::RowSums a;
    fl::RowSums b;
    fl::row_kernels().row_sums(rows, fl::LevelStats::kMaxRows, n, &a);
    fl::oracle_row_kernels().row_sums(rows, fl::LevelStats::kMaxRows, n, &b);
    CHECK(std::memcmp(&a, &b, sizeof a) == 0);
  }
}

// Interleaved, planar and reversed channels, whose buffers end with the last pixel.
void luma_equals_the_oracle() {
  test::Random r(12);
  const int16_t weights[2][3] = {{3735, 19235, 9798}, {9798, 19235, 3735}};
  const fl::RowKernels& oracle = fl::oracle_row_kernels();
  for (const char* tier : tiers()) {
    CHECK(fl_isa_select(tier) == FL_OK);
    const fl::RowKernels& k = fl::row_kernels();
    for (size_t n = 0; n <= 140; ++n) {
      for (const size_t step : {1U, 3U, 4U, 5U}) {
        const size_t bytes = step == 1 ? 3 * n : n > 0 ? (n - 1) * step + 3 : 0;
        const std::vector<uint8_t> p = plane(&r, bytes, int(n % 3));
        const size_t apart = step == 1 ? n : 1;
        const uint8_t* c0 = p.data();
        const uint8_t* c2 = p.data() + 2 * apart;
        const int16_t* w = weights[n % 2];
        std::vector<uint8_t> a(n + 1, 77);
        std::vector<uint8_t> b(n + 1, 77);
        const auto s = static_cast<ptrdiff_t>(step);
        k.row_luma(c0, c0 + apart, c2, s, w, n, a.data());
        oracle.row_luma(c0, c0 + apart, c2, s, w, n, b.data());
        CHECK(a == b && a[n] == 77);
        k.row_luma(c2, c0 + apart, c0, s, w, n, a.data());
        oracle.row_luma(c2, c0 + apart, c0, s, w, n, b.data());
        CHECK(a == b);
        k.row_pick(c0, s, n, a.data());
        oracle.row_pick(c0, s, n, b.data());
        CHECK(a == b);
        if (n == 0) continue;
        const uint8_t* back = c0 + (n - 1) * step;
        k.row_pick(back, -s, n, a.data());
        oracle.row_pick(back, -s, n, b.data());
        CHECK(a == b);
        k.row_luma(back, back + apart, back + 2 * apart, -s, w, n, a.data());
        oracle.row_luma(back, back + apart, back + 2 * apart, -s, w, n, b.data());
        CHECK(a == b);
      }
    }
  }
}

// The streaming measurement against sums over the whole plane by their definitions.
struct Naive {
  double variance = 0, mean = 0;
};
Naive naive(const std::vector<uint8_t>& p, int64_t w, int64_t h, int64_t x0, int64_t y0, int64_t x1,
            int64_t y1) {
  const auto at = [&](int64_t x, int64_t y) {
    if (x < 0) x = w > 1 ? 1 : 0;
    if (y < 0) y = h > 1 ? 1 : 0;
    if (x >= w) x = w > 1 ? w - 2 : 0;
    if (y >= h) y = h > 1 ? h - 2 : 0;
    return double(p[size_t(y * w + x)]);
  };
  Naive out;
  double sum = 0;
  double n = 0;
  std::vector<double> laps;
  for (int64_t y = y0; y < y1; ++y) {
    for (int64_t x = x0; x < x1; ++x) {
      laps.push_back(at(x - 1, y) + at(x + 1, y) + at(x, y - 1) + at(x, y + 1) - 4 * at(x, y));
      sum += laps.back();
      out.mean += at(x, y);
      ++n;
    }
  }
  out.mean /= n;
  for (const double v : laps) out.variance += (v - sum / n) * (v - sum / n);
  out.variance /= n;
  return out;
}

bool close(double a, double b) { return std::fabs(a - b) <= 1e-9 * std::max(1.0, std::fabs(b)); }

// What is in the grown box and not in the box.
void check_ring(const fl_box_row& row, const std::vector<uint8_t>& p, int64_t w, int64_t h,
                const fl::PixelBox& b, bool asked) {
  const int64_t m = std::min<int64_t>(
      std::max<int64_t>((std::min(b.x1 - b.x0, b.y1 - b.y0) + 2) / 4, 4), 64);
  int64_t pixels = 0;
  double sum = 0;
  for (int64_t y = std::max<int64_t>(0, b.y0 - m); y < std::min(h, b.y1 + m); ++y) {
    for (int64_t x = std::max<int64_t>(0, b.x0 - m); x < std::min(w, b.x1 + m); ++x) {
      if (x >= b.x0 && x < b.x1 && y >= b.y0 && y < b.y1) continue;
      ++pixels;
      sum += double(p[size_t(y * w + x)]);
    }
  }
  CHECK(row.ring_pixels == (asked ? pixels : 0));
  if (row.ring_pixels > 0) CHECK(close(row.ring_luma_mean, sum / double(pixels)));
}

void measurement_equals_the_definition() {
  test::Random r(5);
  CHECK(fl_init() == FL_OK);
  for (int round = 0; round < 120; ++round) {
    const int64_t w = 1 + r.below(round < 60 ? 12 : 150);
    // High enough, now and then, to go round the ring of rows several times.
    const int64_t h = 1 + r.below(round < 60 ? 12 : round < 110 ? 90 : 400);
    const std::vector<uint8_t> p = plane(&r, size_t(w * h), 0);
    std::vector<double> boxes;
    const int64_t n = r.below(8);
    for (int64_t i = 0; i < n; ++i) {
      const double x = double(r.below(w));
      const double y = double(r.below(h));
      boxes.insert(boxes.end(), {x, y, x + double(r.below(w)) + 0.5, y + double(r.below(h)) + 1});
    }
    fl_luma_stats stats;
    std::vector<fl_box_row> rows(size_t(n) + 1);
    CHECK(fl_measure_luma(p.data(), w, h, w, boxes.data(), n, 1, 0, round % 2, &stats,
                          rows.data()) == FL_OK);
    const Naive whole = naive(p, w, h, 0, 0, w, h);
    CHECK(close(stats.luma_mean, whole.mean));
    CHECK(close(stats.laplacian_variance, whole.variance));
    for (int64_t i = 0; i < n; ++i) {
      const fl::PixelBox b = fl::pixel_box(&boxes[size_t(4 * i)], w, h);
      const Naive part = naive(p, w, h, b.x0, b.y0, b.x1, b.y1);
      CHECK(rows[size_t(i)].pixels == int64_t{b.x1 - b.x0} * (b.y1 - b.y0));
      CHECK(close(rows[size_t(i)].luma_mean, part.mean));
      CHECK(close(rows[size_t(i)].laplacian_variance, part.variance));
      check_ring(rows[size_t(i)], p, w, h, b, round % 2 == 1);
    }
  }
}

std::vector<fl::BoxStats::Sums> box_sums(const std::vector<uint8_t>& p, int64_t w, int64_t h,
                                         const std::vector<fl::PixelBox>& boxes, int strategy,
                                         int64_t rows_that_come) {
  fl::LumaStats stats;
  stats.boxes().force_strategy(strategy);
  stats.measure_rings(true);
  stats.begin(w, h, boxes);
  for (int64_t y = 0; y < rows_that_come;) {
    uint8_t* rows[fl::LumaStats::kMaxRows];
    const int64_t n = std::min(stats.next_rows(rows), rows_that_come - y);
    for (int64_t k = 0; k < n; ++k) std::memcpy(rows[k], &p[size_t((y + k) * w)], size_t(w));
    stats.commit(n);
    y += n;
  }
  fl_luma_stats out;
  std::vector<fl_box_row> box_rows(boxes.size() + 1);
  stats.finish(&out, box_rows.data());
  return stats.boxes().sums();
}

// Both ways to sum inside boxes agree, on whole pictures and on ones that end early.
void box_strategies_agree() {
  test::Random r(8);
  for (int round = 0; round < 40; ++round) {
    const int64_t w = 1 + r.below(90);
    const int64_t h = 1 + r.below(90);
    const std::vector<uint8_t> p = plane(&r, size_t(w * h), 0);
    std::vector<fl::PixelBox> boxes;
    for (int64_t i = r.below(30); i > 0; --i) {
      const auto x = int32_t(r.below(w));
      const auto y = int32_t(r.below(h));
      boxes.push_back({x, y, int32_t(x + 1 + r.below(w - x)), int32_t(y + 1 + r.below(h - y))});
    }
    boxes.push_back({0, 0, 0, 0});
    const int64_t rows = round % 2 == 0 ? h : 1 + r.below(h);
    const auto direct = box_sums(p, w, h, boxes, 1, rows);
    const auto columns = box_sums(p, w, h, boxes, 2, rows);
    CHECK(direct.size() == columns.size());
    for (size_t i = 0; i < direct.size(); ++i) {
      CHECK(direct[i].pixels == columns[i].pixels);
      CHECK(std::memcmp(&direct[i].rows, &columns[i].rows, sizeof(fl::RowSums)) == 0);
    }
  }
}

void boxes_of_turned_pictures() {
  // Stored 40 x 20; the box covers stored pixels [3, 9) x [5, 6).
  const double stored[4] = {3, 5, 9, 6};
  const double turned[9][4] = {{0, 0, 0, 0},    {3, 5, 9, 6},     {31, 5, 37, 6},
                               {31, 14, 37, 15}, {3, 14, 9, 15},   {5, 3, 6, 9},
                               {14, 3, 15, 9},   {14, 31, 15, 37}, {5, 31, 6, 37}};
  for (int32_t o = 1; o <= 8; ++o) {
    double back[4];
    fl::unturn_box(o, 40, 20, turned[o], back);
    for (int k = 0; k < 4; ++k) CHECK(back[k] == stored[k]);
  }
}

void hostile_boxes_are_not_measured() {
  const double inf = INFINITY;
  const double cases[][4] = {{NAN, 0, 5, 5}, {0, 0, inf, 5}, {-9, -9, -1, -1}, {5, 5, 5, 9},
                             {9, 9, 5, 5},   {1e300, 0, 2e300, 5}};
  for (const auto& b : cases) {
    const fl::PixelBox p = fl::pixel_box(b, 40, 20);
    CHECK(p.x0 == 0 && p.x1 == 0 && p.y0 == 0 && p.y1 == 0);
  }
  const double huge[4] = {-1e300, -1e300, 1e300, 1e300};
  const fl::PixelBox p = fl::pixel_box(huge, 40, 20);
  CHECK(p.x0 == 0 && p.y0 == 0 && p.x1 == 40 && p.y1 == 20);
}

void content_hash_is_xxh3() {
  uint8_t out[16];
  fl::content_hash(reinterpret_cast<const uint8_t*>("hello"), 5, out);
  const uint8_t expected[16] = {0xb5, 0xe9, 0xc1, 0xad, 0x07, 0x1b, 0x3e, 0x7f,
                                0xc7, 0x79, 0xcf, 0xaa, 0x5e, 0x52, 0x38, 0x18};
  CHECK(std::memcmp(out, expected, 16) == 0);
}

// The whole picture and boxes, by the entries that read pictures where they lie.
void pictures_in_place() {
  test::Random r(6);
  for (int round = 0; round < 200; ++round) {
    const int64_t w = 1 + r.below(round < 60 ? 6 : 90);
    // Also of whole blocks of rows, which are 62 of them.
    const int64_t h = round % 10 == 9 ? 62 + round % 20 / 10 * 62 : 1 + r.below(round < 60 ? 6 : 150);
    const std::vector<uint8_t> p = plane(&r, size_t(w * h), round % 3);
    // The same plane as it is, and as every second byte of another.
    std::vector<uint8_t> apart(2 * p.size());
    for (size_t i = 0; i < p.size(); ++i) apart[2 * i] = p[i];
    const fl_image images[] = {{p.data(), w, h, w, 1, 1, 1, FL_GRAY},
                               {apart.data(), w, h, 2 * w, 2, 1, 1, FL_GRAY}};
    const auto x = float(r.below(w));
    const auto y = float(r.below(h));
    const float boxes[][4] = {{x, y, x + float(1 + r.below(w)), y + float(1 + r.below(h))},
                              {x, y, 1, 1},
                              {0, 0, -1, 5}};
    const fl_boxes corners{boxes, 1, 16, 4, FL_FLOAT32, FL_XYXY};
    const fl_boxes sizes{boxes, 3, 16, 4, FL_FLOAT32, FL_XYWH};
    const double whole = naive(p, w, h, 0, 0, w, h).variance;
    for (const fl_image& image : images) {
      double v[3] = {};
      CHECK(fl_image_laplacian_variance(&image, nullptr, v) == FL_OK && close(v[0], whole));
      CHECK(fl_image_laplacian_variance(&image, &corners, v) == FL_OK);
      const double asked[4] = {x, y, boxes[0][2], boxes[0][3]};
      const fl::PixelBox b = fl::pixel_box(asked, w, h);
      CHECK(close(v[0], naive(p, w, h, b.x0, b.y0, b.x1, b.y1).variance));
      CHECK(fl_image_laplacian_variance(&image, &sizes, v) == FL_OK);
      const auto x0 = int64_t(x);
      const auto y0 = int64_t(y);
      CHECK(close(v[1], naive(p, w, h, x0, y0, x0 + 1, y0 + 1).variance) && std::isnan(v[2]));
      uint64_t counts[3 * 256];
      uint64_t expected[256] = {};
      for (int64_t k = b.y0; k < b.y1; ++k) {
        for (int64_t i = b.x0; i < b.x1; ++i) ++expected[p[size_t(k * w + i)]];
      }
      CHECK(fl_luma_histogram(&image, &corners, counts) == FL_OK);
      CHECK(std::memcmp(counts, expected, sizeof expected) == 0);
    }
  }
}

void bad_pictures_are_refused() {
  uint8_t p[64] = {};
  double v = 0;
  const fl_image good{p, 4, 4, 12, 3, 1, 3, FL_BGR};
  CHECK(fl_image_laplacian_variance(&good, nullptr, &v) == FL_OK && v == 0);
  CHECK(fl_image_laplacian_variance(&good, nullptr, nullptr) == FL_ERROR_ARGUMENT);
  CHECK(fl_image_laplacian_variance(nullptr, nullptr, &v) == FL_ERROR_ARGUMENT);
  const auto refused = [&](auto change) {
    fl_image bad = good;
    change(&bad);
    return fl_image_laplacian_variance(&bad, nullptr, &v);
  };
  CHECK(refused([](fl_image* i) { i->data = nullptr; }) == FL_ERROR_ARGUMENT);
  CHECK(refused([](fl_image* i) { i->width = 0; }) == FL_ERROR_ARGUMENT);
  CHECK(refused([](fl_image* i) { i->height = -1; }) == FL_ERROR_ARGUMENT);
  CHECK(refused([](fl_image* i) { i->channels = 2; }) == FL_ERROR_ARGUMENT);
  CHECK(refused([](fl_image* i) { i->order = FL_RGBA; }) == FL_ERROR_ARGUMENT);
  CHECK(refused([](fl_image* i) { i->row_stride = INT64_MAX; }) == FL_ERROR_OVERFLOW);
  const fl_boxes none{nullptr, 0, 0, 0, FL_FLOAT64, FL_XYXY};
  CHECK(fl_image_laplacian_variance(&good, &none, nullptr) == FL_OK);
  const fl_boxes absent{nullptr, 1, 32, 8, FL_FLOAT64, FL_XYXY};
  CHECK(fl_image_laplacian_variance(&good, &absent, &v) == FL_ERROR_ARGUMENT);
  const double box[4] = {0, 0, 1, 1};
  const fl_boxes whole_numbers{box, 1, 32, 8, FL_INT64, FL_XYXY};
  CHECK(fl_image_laplacian_variance(&good, &whole_numbers, &v) == FL_ERROR_ARGUMENT);
  uint8_t out[16];
  CHECK(fl_luma(&good, out, 4) == FL_OK && out[15] == 0);
  CHECK(fl_luma(&good, out, 3) == FL_ERROR_ARGUMENT);
  CHECK(fl_luma(&good, nullptr, 4) == FL_ERROR_ARGUMENT);
}

void bad_planes_are_refused() {
  uint8_t p[16] = {};
  double out = 0;
  fl_luma_stats stats;
  CHECK(fl_laplacian_variance(p, 4, 4, 4, &out) == FL_OK && out == 0);
  CHECK(fl_laplacian_variance(nullptr, 4, 4, 4, &out) == FL_ERROR_ARGUMENT);
  CHECK(fl_laplacian_variance(p, 0, 4, 4, &out) == FL_ERROR_ARGUMENT);
  CHECK(fl_laplacian_variance(p, 4, 4, 3, &out) == FL_ERROR_ARGUMENT);
  CHECK(fl_laplacian_variance(p, 4, 4, INT64_MAX, &out) == FL_ERROR_OVERFLOW);
  CHECK(fl_measure_luma(p, 4, 4, 4, nullptr, 1, 1, 0, 0, &stats, nullptr) == FL_ERROR_ARGUMENT);
  CHECK(fl_measure_luma(p, 4, 4, 4, nullptr, 0, 9, 0, 0, &stats, nullptr) == FL_ERROR_ARGUMENT);
}

// Luma plus gradient of one axis of a box moved by m strips, strip by strip.
double look_of_axis(const uint8_t* profile, const uint8_t* templates, int axis, int m) {
  const auto code = [profile](int row, int i) {
    const int at = FL_PROFILE_BINS * row + i;
    return int64_t{at % 2 == 0 ? profile[at / 2] & 15 : profile[at / 2] >> 4};
  };
  double both = 0;
  for (int row = 2 * axis; row < 2 * axis + 2; ++row) {
    int64_t n = 0, a = 0, aa = 0, b = 0, bb = 0, ab = 0;
    for (int i = 0; i < FL_PROFILE_BINS; ++i) {
      if (i - m < 0 || i - m >= FL_PROFILE_BINS || code(2 * axis + 1, i) == 15) continue;
      const int64_t x = code(row, i);
      const int64_t y = templates[FL_PROFILE_BINS * row + i - m];
      n += 1;
      a += x;
      aa += x * x;
      b += y;
      bb += y * y;
      ab += x * y;
    }
    if (n < FL_PROFILE_IN_VIEW) return std::nan("");
    const auto product = static_cast<double>((n * aa - a * a) * (n * bb - b * b));
    both += static_cast<double>(n * ab - a * b) / std::sqrt(std::max(product, 1.0));
  }
  return both;
}

// Equal, or both unknown.
bool same(double a, double b) { return std::memcmp(&a, &b, sizeof a) == 0 || (a != a && b != b); }

void profiles_are_compared_as_defined() {
  test::Random r(9);
  constexpr int64_t kProfiles = 9000;
  constexpr size_t kBytes = 2 * FL_PROFILE_BINS;
  std::vector<uint8_t> profiles(kBytes * kProfiles);
  for (size_t at = 0; at < profiles.size(); ++at) {
    const size_t of = at / kBytes;
    const size_t place = at % kBytes % 12;
    profiles[at] = static_cast<uint8_t>(r.below(15) | r.below(15) << 4);
    if (of % 4 == 1 && place >= 12 - of / 4 % 13) profiles[at] = 255;  // so many pairs out of view
    if (of % 16 == 2) profiles[at] = r.byte();
    if (of % 16 == 6) profiles[at] = 0x77;
  }
  uint8_t templates[4 * FL_PROFILE_BINS];
  for (uint8_t& value : templates) value = r.byte();
  std::vector<int64_t> rows;
  for (int64_t k = 0; k < 2 * kProfiles; ++k) rows.push_back(r.below(kProfiles));
  for (const int32_t workers : {1, 3}) {
    std::vector<double> gain(rows.size()), likeness(rows.size());
    std::vector<int8_t> moves(2 * rows.size());
    CHECK(fl_compare_profiles(profiles.data(), kProfiles, rows.data(), 2 * kProfiles, templates,
                              workers, gain.data(), moves.data(), likeness.data()) == FL_OK);
    bool as_defined = true;
    for (size_t i = 0; i < rows.size(); ++i) {
      const uint8_t* profile = profiles.data() + kBytes * static_cast<size_t>(rows[i]);
      double grown = 0;
      double in_place = 0;
      for (int axis = 0; axis < 2; ++axis) {
        int best = -FL_PROFILE_REACH;
        double most = -INFINITY;
        for (int m = -FL_PROFILE_REACH; m <= FL_PROFILE_REACH; ++m) {
          const double v = look_of_axis(profile, templates, axis, m);
          if (v > most) {
            most = v;
            best = m;
          }
        }
        const double here = look_of_axis(profile, templates, axis, 0);
        grown += look_of_axis(profile, templates, axis, best) - here;
        in_place += here / 4;
        as_defined = as_defined && moves[2 * i + static_cast<size_t>(axis)] == best;
      }
      as_defined = as_defined && same(gain[i], grown) && same(likeness[i], in_place);
    }
    CHECK(as_defined);
  }
}

void bad_profiles_are_refused() {
  const uint8_t p[2 * FL_PROFILE_BINS] = {};
  const uint8_t t[4 * FL_PROFILE_BINS] = {};
  double g = 5, l = 5;
  int8_t m[2] = {5, 5};
  int64_t row = 0;
  const fl_status wrong = FL_ERROR_ARGUMENT;
  CHECK(fl_compare_profiles(nullptr, 0, nullptr, 0, t, 0, nullptr, nullptr, nullptr) == FL_OK);
  CHECK(fl_compare_profiles(p, 1, &row, 1, nullptr, 1, &g, m, &l) == wrong);
  CHECK(fl_compare_profiles(nullptr, 1, &row, 1, t, 1, &g, m, &l) == wrong);
  CHECK(fl_compare_profiles(p, 1, nullptr, 1, t, 1, &g, m, &l) == wrong);
  CHECK(fl_compare_profiles(p, 1, &row, 1, t, 1, nullptr, m, &l) == wrong);
  CHECK(fl_compare_profiles(p, 1, &row, 1, t, 1, &g, nullptr, &l) == wrong);
  CHECK(fl_compare_profiles(p, 1, &row, 1, t, 1, &g, m, nullptr) == wrong);
  CHECK(fl_compare_profiles(p, -1, &row, 1, t, 1, &g, m, &l) == wrong);
  CHECK(fl_compare_profiles(p, 1, &row, -1, t, 1, &g, m, &l) == wrong);
  CHECK(fl_compare_profiles(p, 1, &row, 1, t, -1, &g, m, &l) == wrong);
  CHECK(fl_compare_profiles(p, INT64_MAX, &row, 1, t, 1, &g, m, &l) == FL_ERROR_OVERFLOW);
  for (const int64_t other : {int64_t{1}, int64_t{-1}, INT64_MAX, INT64_MIN}) {
    row = other;
    CHECK(fl_compare_profiles(p, 1, &row, 1, t, 1, &g, m, &l) == wrong);
  }
  CHECK(g == 5 && l == 5 && m[0] == 5 && m[1] == 5);
}

// Whole blocks, with their scramble, and what is left behind them.
void hashing_is_the_oracles() {
  const fl::RowKernels& oracle = fl::oracle_row_kernels();
  test::Random r(7);
  std::vector<uint8_t> data(64 * 40 + 1);
  for (uint8_t& byte : data) byte = r.byte();
  std::vector<uint8_t> secret(8 * fl::kHashBlock + 64);
  for (uint8_t& byte : secret) byte = r.byte();
  const char* names[8];
  const int32_t tiers = fl::available_tiers(names, 8);
  for (int32_t t = 0; t < tiers; ++t) {
    CHECK(fl::select_tier(names[t]) == FL_OK);
    for (size_t stripes = 0; stripes <= 40; ++stripes) {
      uint64_t a[8] = {1, 2, 3, 4, 5, 6, 7, 8};
      uint64_t b[8] = {1, 2, 3, 4, 5, 6, 7, 8};
      fl::row_kernels().hash_stripes(data.data() + 1, stripes, secret.data(), a);
      oracle.hash_stripes(data.data() + 1, stripes, secret.data(), b);
      CHECK(std::memcmp(a, b, sizeof a) == 0);
    }
  }
}

}  // namespace

int main() {
  hashing_is_the_oracles();
  every_tier_equals_the_oracle();
  long_rows_do_not_overflow();
  measurement_equals_the_definition();
  box_strategies_agree();
  boxes_of_turned_pictures();
  hostile_boxes_are_not_measured();
  content_hash_is_xxh3();
  bad_planes_are_refused();
  luma_equals_the_oracle();
  pictures_in_place();
  bad_pictures_are_refused();
  profiles_are_compared_as_defined();
  bad_profiles_are_refused();
  return test::finish("pixels");
}
