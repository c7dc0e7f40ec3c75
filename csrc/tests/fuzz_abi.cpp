// libFuzzer harness: the C ABI with any numbers, strides, options and sizes. Views lie in heap
// blocks of exactly their extent, so that the address sanitizer sees a byte too many on either
// side; what is read may be anything.
//   cmake -S . -B build/fuzz -DCMAKE_CXX_COMPILER=clang++ -DFASTLABEL_FUZZ=ON
//   build/fuzz/fuzz_abi -max_total_time=60
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <initializer_list>
#include <limits>
#include <vector>

#include "fastlabel/fastlabel.h"
#include "fuzz_effects.h"
#include "fuzz_frames.h"
#include "fuzz_input.h"
#include "fuzz_pairing.h"
#include "jpeg_writer.h"

namespace {

using fuzz::Array;
using fuzz::Boxes;
using fuzz::Input;

using fuzz::few;
using fuzz::numbers;
using fuzz::offsets;

int32_t real(Input& in) { return in.byte() % 2 == 0 ? FL_FLOAT32 : FL_FLOAT64; }

void boxes(Input& in) {
  const int32_t dtype = real(in);
  const int64_t item = dtype == FL_FLOAT32 ? 4 : 8;
  const int64_t n = in.below(40);
  const int64_t m = in.byte() < 128 ? n : in.below(70);
  const Boxes a(in, n, dtype);
  const Boxes b(in, m, dtype);
  std::vector<uint8_t> crowd(static_cast<size_t>(m));
  in.fill(crowd.data(), crowd.size());
  fl_overlap_options options;
  fl_overlap_options_init(&options, sizeof options);
  options.metric = in.choice(0, 5);
  if (in.byte() < 60) options.eps = in.number();
  if (in.byte() < 80) options.crowd = crowd.data();
  options.crowd_stride = 1;
  const Array matrix(in, {n, m}, item, true);
  fl_box_matrix(&a.view, &b.view, &options, matrix.first(), matrix.stride(0), matrix.stride(1));
  const Array row(in, {n}, item, true);
  if (n == m) fl_box_aligned(&a.view, &b.view, &options, row.first(), row.stride(0));
  int64_t bad = 0;
  fl_box_find_bad(&a.view, &bad);
  fl_box_area(&a.view, row.first(), row.stride(0));
  const Array four(in, {n, 4}, item, true);
  const std::vector<double> sizes = numbers(in, 2 * n + 2);
  fl_box_convert(&a.view, in.choice(0, 2), in.byte() < 99 ? sizes.data() : nullptr,
                 in.byte() < 99 ? sizes.data() : nullptr, in.byte() % 2 == 0 ? 0 : 2, four.first(),
                 four.stride(0), four.stride(1));
  fl_box_clip(&a.view, in.number(), in.number(), four.first(), four.stride(0), four.stride(1));
}

fl_status some_pairs(void* context, const fl_pair*, int64_t n) {
  auto* left = static_cast<int64_t*>(context);
  *left -= n;
  return *left < 0 ? FL_ERROR_CANCELLED : FL_OK;
}

void ragged(Input& in) {
  const int32_t dtype = real(in);
  const bool many = in.byte() > 240;  // enough for the index
  const int64_t n = many ? 1100 : in.below(60);
  const int64_t m = many ? 1200 : in.below(60);
  const int64_t groups = many ? 1 : 1 + in.below(4);
  const Boxes a(in, n, dtype);
  const Boxes b(in, m, dtype);
  const auto of_a = offsets(in, groups, n);
  const auto of_b = offsets(in, groups, m);
  std::vector<int64_t> sizes(static_cast<size_t>(groups + 1));
  std::vector<int64_t> index(static_cast<size_t>(n));
  std::vector<double> value(static_cast<size_t>(n));
  if (fl_ragged_sizes(of_a.data(), of_b.data(), groups, sizes.data()) == FL_OK &&
      of_a.back() == n && of_b.back() == m) {
    std::vector<double> out(static_cast<size_t>(sizes.back()));
    fl_ragged_iou(&a.view, of_a.data(), &b.view, of_b.data(), groups, nullptr, out.data());
  }
  fl_ragged_best(&a.view, of_a.data(), &b.view, of_b.data(), groups, in.choice(0, 3), in.share(),
                 index.data(), value.data());
  fl_ragged_counts(&a.view, of_a.data(), &b.view, of_b.data(), groups, in.share(), index.data());
  int64_t left = in.below(9000);
  fl_box_pairs_between(&a.view, of_a.data(), &b.view, of_b.data(), groups, in.share(), &some_pairs,
                       &left);
  fl_box_pairs_within(&a.view, of_a.data(), groups, in.share(), in.whole(0, 5), &some_pairs, &left);
}

void suppress(Input& in) {
  const int64_t n = in.byte() > 240 ? 250 : in.below(40);
  const auto size = static_cast<size_t>(n);
  const Boxes b(in, n, real(in));
  const auto scores = numbers(in, n);
  const auto classes = few(in, n, 3);
  const int64_t* by_class = in.byte() < 128 ? classes.data() : nullptr;
  std::vector<int64_t> keep(size), group(size);
  std::vector<double> merged(4 * size), out(size);
  int64_t kept = 0;
  fl_nms(&b.view, scores.data(), by_class, in.share(), keep.data(), &kept);
  fl_soft_nms(&b.view, scores.data(), by_class, in.choice(0, 1), in.share(), in.number(),
              in.number(), keep.data(), out.data(), &kept);
  fl_non_max_merge(&b.view, scores.data(), by_class, in.choice(0, 2), in.share(), merged.data(),
                   keep.data(), group.data(), &kept);
  fl_fusion_options options;
  fl_fusion_options_init(&options, sizeof options);
  options.confidence = in.choice(0, 3);
  options.allows_overflow = in.choice(0, 1);
  options.skip_threshold = in.number();
  const auto models = few(in, n, 4);
  const auto weights = numbers(in, 4);
  fl_weighted_boxes_fusion(&b.view, scores.data(), by_class, models.data(), weights.data(), 4,
                           &options, merged.data(), out.data(), group.data(), &kept);
  const auto five = numbers(in, 5 * n);
  std::vector<double> eight(8 * size);
  fl_obb_nms(five.data(), scores.data(), by_class, n, in.share(), keep.data(), &kept);
  fl_obb_to_corners(five.data(), n, eight.data());
  fl_obb_from_corners(eight.data(), n, std::vector<double>(5 * size + 1).data());
  std::vector<double> matrix(size * size + 1);
  fl_obb_iou(five.data(), n, five.data(), n, matrix.data());
}

void match(Input& in) {
  const int64_t n = in.below(30);
  const int64_t m = in.below(30);
  const int64_t images = 1 + in.below(4);
  Boxes p(in, n, real(in));
  Boxes g(in, m, real(in));
  if (in.byte() < 200) g.view.format = p.view.format;
  const auto scores = numbers(in, n);
  const auto of_p = offsets(in, images, n);
  const auto of_g = offsets(in, images, m);
  const auto class_p = few(in, n, 3);
  const auto class_g = few(in, m, 3);
  const auto flags = few(in, m, 256);
  const std::vector<uint8_t> crowd(flags.begin(), flags.end());
  const std::vector<double> thresholds = {in.share(), in.share()};
  const fl_match_input input = {sizeof input,
                                &p.view,
                                of_p.data(),
                                class_p.data(),
                                scores.data(),
                                &g.view,
                                of_g.data(),
                                class_g.data(),
                                in.byte() % 2 == 0 ? crowd.data() : nullptr,
                                in.byte() % 2 == 0 ? crowd.data() : nullptr,
                                images,
                                thresholds.data(),
                                2,
                                in.whole(0, 5)};
  std::vector<int64_t> matched(static_cast<size_t>(2 * n + 1));
  std::vector<uint8_t> ignored(static_cast<size_t>(2 * n + 1));
  std::vector<int64_t> labels(static_cast<size_t>(2 * m + 1));
  fl_match_coco(&input, matched.data(), ignored.data(), labels.data());
}

void evaluate(Input& in) {
  const int64_t n = in.below(30);
  const int64_t m = in.below(20);
  const int64_t images = in.whole(0, 4);
  const int64_t classes = in.whole(0, 3);
  const bool odd = in.byte() > 200;  // places out of range
  const auto places = [&](int64_t rows, int64_t end) {
    return few(in, rows, odd ? 5 : std::clamp<int64_t>(end, 1, 5));
  };
  const auto boxes_p = numbers(in, 4 * n);
  const auto boxes_g = numbers(in, 4 * m);
  const auto scores = numbers(in, n);
  const auto areas = numbers(in, m);
  const auto image_p = places(n, images), image_g = places(m, images);
  const auto class_p = places(n, classes), class_g = places(m, classes);
  const auto flags = few(in, m, 256);
  const std::vector<uint8_t> crowd(flags.begin(), flags.end());
  const std::vector<double> rates = {in.share() / 2, 0.5 + in.share() / 2};
  const std::vector<double> ranges = {0, 1e10, 0, in.number()};
  const std::vector<int64_t> limits = {in.whole(1, 3), in.whole(3, 100)};
  fl_evaluation_input input = {};
  input.struct_size = sizeof input;
  input.prediction_boxes = boxes_p.data(), input.label_boxes = boxes_g.data();
  input.scores = scores.data(), input.label_areas = in.byte() % 2 == 0 ? areas.data() : nullptr;
  input.prediction_images = image_p.data(), input.label_images = image_g.data();
  input.prediction_classes = class_p.data(), input.label_classes = class_g.data();
  input.n_predictions = n, input.n_labels = m, input.images = images, input.classes = classes;
  input.crowd = in.byte() % 2 == 0 ? crowd.data() : nullptr;
  input.ignore = in.byte() % 2 == 0 ? crowd.data() : nullptr;
  input.thresholds = input.recalls = rates.data(), input.n_thresholds = input.n_recalls = 2;
  input.area_ranges = ranges.data(), input.n_area_ranges = 2;
  input.max_predictions = limits.data(), input.n_max_predictions = 2;
  input.format = in.choice(0, 2), input.workers = in.choice(0, 3);
  const auto cells = static_cast<size_t>(4 * std::clamp<int64_t>(classes, 0, 3));
  std::vector<double> precision(4 * cells), at(4 * cells), recall(2 * cells);
  std::vector<int64_t> counted(cells), matched(static_cast<size_t>(2 * n));
  std::vector<uint8_t> ignored(static_cast<size_t>(2 * n));
  const bool matches = in.byte() % 2 == 0;
  fl_evaluation out = {sizeof out,     precision.data(), at.data(),
                       recall.data(),  counted.data(),   matches ? matched.data() : nullptr,
                       matches ? ignored.data() : nullptr};
  // Of more classes than there is room for only what is refused can be tried.
  if (classes > 3 && classes < (int64_t{1} << 31)) return;
  fl_evaluate(&input, &out);
}

// A picture; its channels in a kind of order that fits most of the time.
struct Picture {
  Picture(Input& in, int32_t channels, bool apart)
      : height(1 + in.below(70)),
        width(1 + in.below(140)),
        array(in, {height, width, channels}, 1, apart) {
    array.random(in);
    const int32_t order = channels == 1 ? FL_GRAY : channels == 3 ? FL_RGB : FL_BGRA;
    view = {array.first(),    width,           height,   array.stride(0), array.stride(1),
            array.stride(2), channels, in.byte() < 240 ? order : in.choice(0, 4)};
  }
  int64_t height, width;
  Array array;
  fl_image view;
};

int32_t channels(Input& in) {
  static constexpr int32_t kAll[] = {1, 3, 4};
  return kAll[in.below(3)];
}

void pixels(Input& in) {
  const Picture picture(in, channels(in), false);
  const int64_t n = in.below(6);
  const Boxes b(in, n, real(in));
  const fl_boxes* parts = in.byte() < 128 ? &b.view : nullptr;
  fl_luma_stats stats;
  std::vector<fl_box_row> rows(static_cast<size_t>(n) + 1);
  fl_image_stats(&picture.view, parts, in.choice(0, 1), &stats, rows.data());
  std::vector<double> out(static_cast<size_t>(n) + 1);
  fl_image_laplacian_variance(&picture.view, parts, out.data());
  std::vector<uint64_t> counts(256 * (static_cast<size_t>(n) + 1));
  fl_luma_histogram(&picture.view, parts, counts.data());
  fl_histogram_entropy(counts.data(), n, out.data());
  const Array luma(in, {picture.height, picture.width}, 1, true);
  if (luma.stride(1) == 1) fl_luma(&picture.view, luma.first(), luma.stride(0));
}

void paste(Input& in) {
  const int32_t c = channels(in);
  const Picture scene(in, c, true);
  const Picture patch(in, c == 1 ? 1 : in.byte() < 128 ? 3 : 4, false);
  fl_image mask = patch.view;
  mask.channels = 1;
  mask.order = FL_GRAY;
  fl_composite_options options;
  fl_composite_options_init(&options, sizeof options);
  options.mode = in.choice(0, 10);
  options.feather = in.byte() < 128 ? 0 : in.choice(0, 40);
  options.opacity = in.share();
  fl_image where = scene.view;
  if (c == 4) where.order = in.byte() % 2 == 0 ? FL_BGRA : FL_RGBA;
  fl_composite(&where, &patch.view, in.whole(-150, 150), in.whole(-80, 80),
               in.byte() < 100 ? &mask : nullptr, &options);
}

void effects(Input& in) {
  const Picture picture(in, channels(in), false);
  fuzz::effects(in, picture.view);
}

void preprocess(Input& in) {
  const int32_t c = channels(in);
  const Picture picture(in, c, false);
  fl_letterbox_options o;
  fl_letterbox_options_init(&o, sizeof o);
  o.width = 1 + in.below(90);
  o.height = 1 + in.below(60);
  if (in.byte() < 40) {
    o.width = std::max<int64_t>(1, picture.width / 2);
    o.height = std::max<int64_t>(1, picture.height / 2);
  }
  const Array small(in, {o.height, o.width, c}, 1, true);
  fl_resize_area(&picture.view, o.width, o.height, small.first(), small.stride(0), small.stride(1),
                 small.stride(2));
  o.interpolation = in.choice(0, 1);
  o.layout = in.choice(0, 1);
  static constexpr int32_t kTypes[] = {FL_FLOAT32, FL_UINT8, FL_INT8};
  o.dtype = kTypes[in.below(3)];
  o.swap_rb = in.choice(0, 1);
  o.center = in.choice(0, 1);
  o.scale_up = in.choice(0, 1);
  o.stretch = in.choice(0, 1);
  o.quantize = in.choice(0, 1);
  const auto narrow = [&] { return static_cast<float>(std::clamp(in.number(), -3e38, 3e38)); };
  if (in.byte() < 99) o.scale = narrow();
  if (in.byte() < 99) o.mean[in.below(4)] = narrow();
  if (in.byte() < 99) o.std[in.below(4)] = narrow();
  if (in.byte() < 99) o.quant_scale = narrow();
  o.zero_point = in.choice(-128, 255);
  const int64_t element = o.dtype == FL_FLOAT32 ? 4 : 1;
  const Array out(in, {2, c, o.height, o.width}, element, true);
  const int64_t strides[3] = {out.stride(1), out.stride(2), out.stride(3)};
  const fl_image twice[2] = {picture.view, picture.view};
  fl_placement at[2];
  fl_letterbox_batch(twice, 2, &o, in.byte() < 250 ? 1 : 2, out.first(), out.stride(0), strides,
                     at);
}

struct Column {
  Column(Input& in, int64_t n) {
    static constexpr int64_t kWidth[] = {0, 1, 1, 4, 8, 4, 8, 2, 2, 4, 8, 0};
    const int32_t dtype = 1 + static_cast<int32_t>(in.below(11));
    view.dtype = dtype;
    view.n = n;
    view.bit_offset = in.below(9);
    view.validity_offset = in.below(9);
    view.stride = kWidth[dtype];
    if (in.byte() > 200) view.stride += in.below(5);
    const int64_t bits = (n + 8 + 7) / 8 + 1;
    data.resize(static_cast<size_t>(dtype == FL_BITS
                                        ? (view.bit_offset + n + 7) / 8
                                        : std::max<int64_t>(0, (n - 1) * view.stride + kWidth[dtype])));
    in.fill(data.data(), data.size());
    if (dtype == FL_FLOAT64 && view.stride == 8) {
      for (int64_t i = 0; i < n; ++i) {
        const double v = in.number();
        std::memcpy(data.data() + 8 * i, &v, 8);
      }
    }
    view.data = data.data();
    if (in.byte() < 120) {
      valid.resize(static_cast<size_t>(std::min(bits, (view.validity_offset + n + 7) / 8)));
      in.fill(valid.data(), valid.size());
      view.validity = valid.data();
    }
  }
  std::vector<uint8_t> data, valid;
  fl_column view{};
};

void tables(Input& in) {
  const int64_t n = in.byte() > 245 ? 1500 : in.below(60);
  const int32_t n_axes = static_cast<int32_t>(in.below(3));
  std::vector<std::vector<double>> edges;
  std::vector<fl_axis> axes;
  std::vector<Column> columns;
  std::vector<fl_column> views;
  int64_t cells = 1;
  for (int32_t a = 0; a < n_axes; ++a) {
    const int64_t bins = 1 + in.below(12);
    edges.push_back(numbers(in, bins + 1));
    if (in.byte() < 200) std::sort(edges.back().begin(), edges.back().end());
    axes.push_back({in.byte() < 80 ? nullptr : edges.back().data(), bins});
    cells *= bins + 3;
    columns.emplace_back(in, n);
    views.push_back(columns.back().view);
  }
  const Column value(in, n);
  std::vector<int64_t> counts(static_cast<size_t>(cells));
  std::vector<fl_fixed> sums(static_cast<size_t>(cells));
  double heaviest = 0;
  const bool weighted = in.byte() < 128;
  fl_histogram_fill(axes.data(), n_axes, views.data(), weighted ? &value.view : nullptr,
                    counts.data(), weighted ? sums.data() : nullptr,
                    weighted ? &heaviest : nullptr);
  std::vector<fl_moments> groups(static_cast<size_t>(cells));
  fl_moments_init(groups.data(), cells);
  fl_moments_fill(axes.data(), n_axes, views.data(), &value.view, groups.data());
  fl_moments_merge(groups.data(), std::vector<fl_moments>(groups).data(), cells);
  fl_sketch* sketch = nullptr;
  if (fl_sketch_create(in.choice(0, 16), &sketch) != FL_OK) return;
  fl_sketch_fill(sketch, axes.data(), n_axes, views.data(), &value.view);
  const fl_sketch_entry entry = {in.whole(0, 9), in.choice(-99, 99), 0, in.below(99), in.number(),
                                 in.number()};
  fl_sketch_add(sketch, &entry, 1);
  int64_t count = 0;
  fl_sketch_entries(sketch, nullptr, 0, &count);
  std::vector<fl_sketch_entry> found(static_cast<size_t>(count));
  fl_sketch_entries(sketch, found.data(), count, &count);
  fl_sketch_destroy(sketch);
}

// Windows row by row; mostly of a size that cuts something.
std::vector<int64_t> some_windows(Input& in, int64_t n) {
  std::vector<int64_t> out(static_cast<size_t>(4 * n));
  for (size_t k = 0; k < out.size(); k += 4) {
    for (size_t c = 0; c < 2; ++c) {
      out[k + c] = in.whole(-40, 200);
      out[k + c + 2] = in.byte() < 250 ? out[k + c] / 2 + 1 + in.below(90) : in.whole(0, 90);
    }
  }
  return out;
}

void tiles(Input& in) {
  fl_tile_grid grid;
  fl_tile_grid_init(&grid, sizeof grid);
  grid.width = in.whole(1, 90);
  grid.height = in.whole(1, 90);
  grid.step_x = in.whole(1, 60);
  grid.step_y = in.whole(1, 60);
  grid.anchor = in.choice(0, 1);
  grid.last = in.choice(0, 1);
  const int64_t width = in.whole(1, 400), height = in.whole(1, 400);
  int64_t columns = 0, rows = 0;
  if (fl_tile_counts(&grid, width, height, &columns, &rows) == FL_OK) {
    const int64_t room = std::min<int64_t>(5000, in.byte() < 200 ? columns * rows : in.below(99));
    std::vector<int64_t> out(static_cast<size_t>(4 * room) + 1);
    fl_tile_windows(&grid, width, height, out.data(), room);
  }
  const int64_t pictures = in.below(4), n = in.below(40);
  const int64_t m = pictures == 0 ? 0 : in.below(30);
  Boxes b(in, pictures == 0 ? 0 : n, real(in));
  if (in.byte() < 250) b.view.format = FL_XYXY;
  const auto box_offsets = offsets(in, pictures, b.view.n);
  auto window_offsets = offsets(in, pictures, m);
  window_offsets.back() = m;  // how many are read
  const auto windows = some_windows(in, m);
  std::vector<int64_t> sizes(static_cast<size_t>(2 * pictures));
  for (int64_t& side : sizes) side = in.whole(0, 300);
  const fl_tile_job job = {sizeof job, &b.view, box_offsets.data(), windows.data(),
                           window_offsets.data(), in.byte() < 128 ? sizes.data() : nullptr,
                           pictures, in.choice(1, 3), 0};
  std::vector<int64_t> found(static_cast<size_t>(m) + 1);
  std::vector<uint8_t> outcome(static_cast<size_t>(b.view.n));
  if (fl_tile_count_boxes(&job, found.data(), in.byte() < 200 ? outcome.data() : nullptr) != FL_OK) {
    return;
  }
  if (in.byte() > 240) found[static_cast<size_t>(in.below(m + 1))] = in.whole(0, 3 * n);
  const int64_t all = found.back();
  if (all < 0 || all > 100000) return;
  std::vector<int64_t> row(static_cast<size_t>(all));
  std::vector<double> corners(4 * row.size()), visible(row.size());
  fl_tile_clip_boxes(&job, found.data(), row.data(), corners.data(), visible.data());
}

void merge(Input& in) {
  const int64_t n = in.below(60), m = 1 + in.below(9), images = 1 + in.below(3);
  const auto size = static_cast<size_t>(n);
  const auto boxes = numbers(in, 4 * n);
  const auto scores = numbers(in, n);
  auto of = few(in, n, m);
  if (n > 0 && in.byte() > 250) of[static_cast<size_t>(in.below(n))] = in.whole(-1, m);
  const auto labels = few(in, n, 3);
  const auto windows = some_windows(in, m);
  auto image = few(in, m, images);
  const auto flags = few(in, m, 2);
  const std::vector<uint8_t> whole(flags.begin(), flags.end());
  std::vector<int64_t> sizes(static_cast<size_t>(2 * images));
  for (int64_t& side : sizes) side = in.whole(1, 300);
  const fl_tile_predictions given = {
      sizeof given, boxes.data(), scores.data(), in.byte() < 128 ? labels.data() : nullptr,
      of.data(), n, windows.data(), in.byte() < 200 ? image.data() : nullptr,
      in.byte() < 128 ? whole.data() : nullptr, m, in.byte() < 128 ? sizes.data() : nullptr, images};
  fl_tile_merge_options options;
  fl_tile_merge_options_init(&options, sizeof options);
  options.method = in.choice(0, 5);
  options.metric = in.choice(0, 1);
  options.confidence = in.choice(0, 1);
  options.by_label = in.choice(0, 1);
  options.in_tile_pixels = in.choice(0, 1);
  options.join_cut = in.choice(0, 1);
  options.threshold = in.share();
  options.join_threshold = in.share();
  if (in.byte() < 60) options.sigma = in.number();
  if (in.byte() < 60) options.score_threshold = in.number();
  if (in.byte() < 60) options.edge_tolerance = in.number();
  if (in.byte() < 60) options.large = in.number();
  std::vector<double> out_boxes(4 * size), out_scores(size);
  std::vector<int64_t> out_labels(size), out_images(size), out_offsets(size + 1), members(size);
  std::vector<uint8_t> joined(size);
  fl_tile_merged out = {sizeof out, out_boxes.data(), out_scores.data(), out_labels.data(),
                        out_images.data(), joined.data(), out_offsets.data(), members.data(),
                        0, 0, 0, 0};
  if (fl_merge_tiles(&given, &options, &out) != FL_OK) return;
  // Every row is in one result, or counted.
  if (out_offsets[static_cast<size_t>(out.results)] + out.empty + out.outside + out.faded != n) {
    std::abort();
  }
}

const std::vector<uint8_t>& a_jpeg(bool progressive) {
  const auto make = [](bool many_scans) {
    test::JpegKind kind;
    kind.progressive = many_scans;
    kind.restart = many_scans ? 0 : 3;
    std::vector<uint8_t> pixels(3 * 90 * 70);
    for (size_t k = 0; k < pixels.size(); ++k) pixels[k] = static_cast<uint8_t>(k * k >> 3);
    return test::write_jpeg(pixels, 90, 70, kind);
  };
  static const std::vector<uint8_t> both[2] = {make(false), make(true)};
  return both[progressive ? 1 : 0];
}

int32_t stop_after(void* user, int64_t, const uint8_t* bytes, uint64_t size) {
  if (size < 4 || bytes[size - 1] != 0xD9) std::abort();
  return --*static_cast<int64_t*>(user) < 0 ? 1 : 0;
}

void cut(Input& in) {
  const auto& jpeg = a_jpeg(in.byte() % 2 != 0);
  fl_cut_options options;
  fl_cut_options_init(&options, sizeof options);
  options.quality = in.choice(1, 100);
  options.lossless = in.choice(0, 1);
  options.keep_profile = in.choice(0, 1);
  options.max_scans = in.choice(1, 30);
  if (in.byte() > 240) options.max_pixels = static_cast<uint64_t>(in.below(9000));
  if (in.byte() > 240) options.max_memory = static_cast<uint64_t>(in.below(9000));
  const int64_t n = in.below(9);
  const auto windows = some_windows(in, n);
  std::vector<int64_t> moved(windows.size());
  fl_cut_align(jpeg.data(), jpeg.size(), windows.data(), n, &options, moved.data());
  int64_t left = in.byte() < 200 ? 100 : in.below(5);
  fl_cut_row row;
  std::vector<fl_cut_tile> found(static_cast<size_t>(n));
  fl_cut_jpeg(jpeg.data(), jpeg.size(), windows.data(), n, &options, stop_after, &left, &row,
              found.data());
  for (size_t k = 0; k < windows.size(); k += 4) {
    const int64_t* w = windows.data() + k;
    if (w[2] - w[0] < 1 || w[2] - w[0] > 500 || w[3] - w[1] < 1 || w[3] - w[1] > 500) continue;
    const int32_t color = in.choice(0, 2);
    const int64_t bytes = (w[2] - w[0]) * (color == FL_COLOR_GRAY ? 1 : 3);
    const int64_t stride = bytes + (in.byte() > 128 ? in.below(5) : 0);
    std::vector<uint8_t> out(static_cast<size_t>((w[3] - w[1] - 1) * stride + bytes));
    fl_read_window(jpeg.data(), jpeg.size(), w, color, &options, out.data(), stride, &row);
  }
}

void paste_object(Input& in) {
  Picture scene(in, 3, true);
  Picture patch(in, 3, false);
  const Picture alone(in, 1, false);
  Array cover(in, {patch.height, patch.width}, 1, false);
  cover.random(in);
  fl_image alpha = {cover.first(), patch.width, patch.height, cover.stride(0), cover.stride(1), 1,
                    1, FL_GRAY};
  if (in.byte() > 250) alpha = alone.view;
  double from[4], to[4];
  for (size_t k = 0; k < 4; ++k) {
    from[k] = k < 2 ? in.number() / 8 : from[k - 2] + in.number();
    to[k] = k < 2 ? in.number() / 2 : to[k - 2] + in.number();
  }
  fl_paste_options options;
  fl_paste_options_init(&options, sizeof options);
  options.blend = in.choice(0, 2);
  options.match = in.choice(0, 1);
  options.flip = in.choice(0, 1);
  options.loose = in.choice(0, 1);
  options.apply = in.choice(0, 1);
  if (in.byte() < 80) options.feather = in.number();
  if (in.byte() < 80) options.acutance = in.number();
  if (in.byte() < 80) options.noise = in.number();
  options.seed = in.byte();
  int64_t window[4];
  if (fl_paste_window(scene.width, scene.height, to, &options, window) != FL_OK) return;
  std::vector<uint8_t> mask(static_cast<size_t>(window[2] * window[3]));
  std::vector<uint8_t> pixels(3 * mask.size());
  fl_paste_report report;
  fl_paste_object(&scene.view, &patch.view, &alpha, from, to, &options, mask.data(),
                  in.byte() < 128 ? pixels.data() : nullptr, in.byte() < 128 ? &report : nullptr);
}

// Offsets of any kind into a block of exactly the bytes that the last of them names.
void slices(Input& in) {
  const int64_t n = in.below(12);
  const int64_t bytes = in.below(700);
  const std::vector<int64_t> cuts = offsets(in, n, bytes);
  const auto held = static_cast<size_t>(std::clamp(cuts.back(), int64_t{0}, int64_t{4096}));
  if (cuts.back() > 4096) return;
  std::vector<uint8_t> data(held);
  in.fill(data.data(), held);
  std::vector<uint8_t> hashes(static_cast<size_t>(16 * n));
  fl_hash_slices(data.data(), cuts.data(), n, hashes.data());
  std::vector<fl_file_stamp> stamps(static_cast<size_t>(n));
  fl_stat_files(in.byte() < 128 ? nullptr : "/tmp", reinterpret_cast<const char*>(data.data()),
                cuts.data(), n, in.choice(1, 2), stamps.data());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Input in(data, size);
  const char* tiers[8];
  const int32_t known = fl_isa_available(tiers, 8);
  fl_isa_select(tiers[in.byte() % known]);
  void (*const kAll[])(Input&) = {boxes, ragged, suppress, match, pixels, paste, effects,
                                  preprocess, fuzz::frames, tables, tiles, merge, cut, paste_object,
                                  slices, evaluate, fuzz::pair, fuzz::looks};
  kAll[in.byte() % std::size(kAll)](in);
  return 0;
}
