/* One line a function: the hash of what it makes of the same numbers everywhere. Two builds of the
 * library agree when what this prints is the same: tiers, machines, with SIMD and without.
 *
 * C, and the functions of every profile. Functions that take a sine or an exponential of the
 * system's mathematical library are not here: those differ between systems in the last bit. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fastlabel/fastlabel.h"

enum { kBoxes = 301, kOthers = 77, kWidth = 517, kHeight = 389, kSide = 224 };

static uint64_t state = 88172645463325252ULL;
static uint32_t random_bits(void) {
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return (uint32_t)(state >> 32);
}
static double unit(void) { return random_bits() / 4294967296.0; }

static int failures = 0;
static void check(const char* what, fl_status status) {
  if (status == FL_OK) return;
  fprintf(stderr, "%s: %s\n", what, fl_status_text(status));
  ++failures;
}
static void print(const char* what, const void* data, size_t bytes) {
  uint8_t hash[16];
  check(what, fl_content_hash(data, bytes, hash));
  for (int k = 0; k < 16; ++k) printf("%02x", hash[k]);
  printf("  %s\n", what);
}
static void* room(size_t bytes) {
  void* memory = calloc(bytes, 1);
  if (memory == NULL) exit(3);
  return memory;
}

static double a[kBoxes][4], b[kOthers][4], scores[kBoxes];
static float a32[kBoxes][4], b32[kOthers][4];
static int64_t classes[kBoxes], windows_of[kBoxes];

static void make_boxes(double (*to)[4], float (*to32)[4], int n) {
  for (int i = 0; i < n; ++i) {
    const double x = 600 * unit(), y = 400 * unit();
    const double w = 3 + 90 * unit(), h = 3 + 90 * unit();
    const double corners[4] = {x, y, x + w, y + h};
    for (int k = 0; k < 4; ++k) {
      to[i][k] = corners[k];
      to32[i][k] = (float)corners[k];
    }
  }
}

static void overlaps(void) {
  static const char* const names[] = {"iou", "ioa", "ios", "giou", "diou", "ciou"};
  double* out = room(kBoxes * kOthers * sizeof *out);
  for (int32_t metric = FL_IOU; metric <= FL_CIOU; ++metric) {
    fl_overlap_options o;
    check("options", fl_overlap_options_init(&o, sizeof o));
    o.metric = metric;
    for (int wide = 0; wide < 2; ++wide) {
      const int64_t size = wide ? 8 : 4;
      const fl_boxes first = {wide ? (void*)a : (void*)a32, kBoxes, 4 * size, size,
                              wide ? FL_FLOAT64 : FL_FLOAT32, FL_XYXY};
      const fl_boxes second = {wide ? (void*)b : (void*)b32, kOthers, 4 * size, size,
                               wide ? FL_FLOAT64 : FL_FLOAT32, FL_XYXY};
      char name[32];
      snprintf(name, sizeof name, "%s float%d", names[metric], wide ? 64 : 32);
      check(name, fl_box_matrix(&first, &second, &o, out, size * kOthers, size));
      print(name, out, (size_t)(kBoxes * kOthers * size));
    }
  }
  free(out);
}

static void suppression(void) {
  const fl_boxes boxes = {a, kBoxes, 32, 8, FL_FLOAT64, FL_XYXY};
  int64_t keep[kBoxes], models[kBoxes], group[kBoxes], n = 0;
  double merged[kBoxes][4], more[kBoxes];
  for (int i = 0; i < kBoxes; ++i) models[i] = i % 2;
  check("nms", fl_nms(&boxes, scores, classes, 0.3, keep, &n));
  print("nms", keep, (size_t)n * sizeof *keep);
  check("soft", fl_soft_nms(&boxes, scores, classes, FL_DECAY_LINEAR, 0.3, 0.5, 0.001, keep, more, &n));
  print("soft_nms, linear", more, (size_t)n * sizeof *more);
  check("nmm", fl_non_max_merge(&boxes, scores, classes, FL_IOS, 0.4, &merged[0][0], keep, group, &n));
  print("non_max_merge", merged, (size_t)n * sizeof *merged);
  const double weights[2] = {1, 2};
  fl_fusion_options o;
  check("options", fl_fusion_options_init(&o, sizeof o));
  check("wbf", fl_weighted_boxes_fusion(&boxes, scores, classes, models, weights, 2, &o,
                                        &merged[0][0], more, keep, &n));
  print("weighted_boxes_fusion", merged, (size_t)n * sizeof *merged);
}

static void tiles(void) {
  fl_tile_grid grid;
  int64_t columns = 0, rows = 0, windows[64][4];
  check("grid", fl_tile_grid_init(&grid, sizeof grid));
  grid.width = grid.height = 256;
  grid.step_x = grid.step_y = 200;
  check("counts", fl_tile_counts(&grid, 700, 500, &columns, &rows));
  check("windows", fl_tile_windows(&grid, 700, 500, &windows[0][0], 64));
  const int64_t n = columns * rows;
  print("tile_windows", windows, (size_t)n * sizeof *windows);
  static double boxes[kBoxes][4], out_boxes[kBoxes][4], out_scores[kBoxes];
  static int64_t labels[kBoxes], images[kBoxes], offsets[kBoxes + 1], members[kBoxes];
  static uint8_t joined[kBoxes];
  for (int i = 0; i < kBoxes; ++i) {
    windows_of[i] = (int64_t)(random_bits() % (uint32_t)n);
    const double x = 230 * unit(), y = 230 * unit();
    const double corners[4] = {x, y, x + 70 * unit() > 256 ? 256 : x + 26, y + 26};
    memcpy(boxes[i], corners, sizeof corners);
  }
  const int64_t size[2] = {700, 500};
  const fl_tile_predictions in = {sizeof in, &boxes[0][0], scores, classes, windows_of, kBoxes,
                                  &windows[0][0], NULL, NULL, n, size, 1};
  for (int32_t method = FL_TILES_NMS; method <= FL_TILES_WBF; ++method) {
    if (method == FL_TILES_SOFT_GAUSSIAN) continue; /* an exponential */
    fl_tile_merge_options o;
    check("options", fl_tile_merge_options_init(&o, sizeof o));
    o.method = method;
    fl_tile_merged out = {sizeof out, &out_boxes[0][0], out_scores, labels, images, joined,
                          offsets, members, 0, 0, 0, 0};
    char name[32];
    snprintf(name, sizeof name, "merge_tiles, method %d", (int)method);
    check(name, fl_merge_tiles(&in, &o, &out));
    print(name, out_boxes, (size_t)out.results * sizeof *out_boxes);
  }
}

static void pictures(void) {
  uint8_t* pixels = room(3 * kWidth * kHeight);
  for (int y = 0; y < kHeight; ++y) {
    for (int x = 0; x < kWidth; ++x) {
      for (int c = 0; c < 3; ++c) {
        pixels[3 * (y * kWidth + x) + c] =
            (uint8_t)((x * (c + 1) + y * 2 + (x / 37 + y / 23) % 2 * 90 + random_bits() % 24) & 255);
      }
    }
  }
  const fl_image image = {pixels, kWidth, kHeight, 3 * kWidth, 3, 1, 3, FL_BGR};
  uint8_t* out = room(12 * kSide * kSide);
  check("area", fl_resize_area(&image, kSide, kSide / 2, out, 3 * kSide, 3, 1));
  print("resize_area", out, 3 * kSide * (kSide / 2));
  static const int32_t types[] = {FL_UINT8, FL_INT8, FL_FLOAT32};
  static const char* const type_names[] = {"uint8", "int8", "float32"};
  for (int t = 0; t < 3; ++t) {
    for (int32_t how = FL_LINEAR; how <= FL_AREA; ++how) {
      for (int32_t layout = FL_NCHW; layout <= FL_NHWC; ++layout) {
        fl_letterbox_options o;
        check("options", fl_letterbox_options_init(&o, sizeof o));
        o.width = o.height = kSide;
        o.dtype = types[t];
        o.interpolation = how;
        o.layout = layout;
        o.swap_rb = 1;
        o.mean[0] = 0.485F, o.mean[1] = 0.456F, o.mean[2] = 0.406F;
        o.std[0] = 0.229F, o.std[1] = 0.224F, o.std[2] = 0.225F;
        o.quant_scale = 0.0186584F;
        o.zero_point = types[t] == FL_INT8 ? -14 : 0;
        char name[48];
        snprintf(name, sizeof name, "letterbox %s, %s, %s", type_names[t],
                 how == FL_AREA ? "area" : "linear", layout == FL_NCHW ? "NCHW" : "NHWC");
        check(name, fl_letterbox(&image, &o, out, NULL, NULL));
        print(name, out, (types[t] == FL_FLOAT32 ? 12U : 3U) * kSide * kSide);
      }
    }
  }
  uint8_t* luma = room(kWidth * kHeight);
  check("luma", fl_luma(&image, luma, kWidth));
  print("luma", luma, kWidth * kHeight);
  const fl_boxes boxes = {a, kBoxes, 32, 8, FL_FLOAT64, FL_XYXY};
  fl_luma_stats stats;
  static fl_box_row rows[kBoxes];
  memset(&stats, 0, sizeof stats);
  memset(rows, 0, sizeof rows);
  check("image_stats", fl_image_stats(&image, &boxes, 1, &stats, rows));
  const double numbers[] = {stats.luma_mean, stats.luma_std, stats.dark_fraction,
                            stats.bright_fraction, stats.entropy, stats.laplacian_variance,
                            stats.noise_sigma, stats.sharpness, stats.acutance,
                            stats.scale_sharpness[0], stats.scale_sharpness[2],
                            stats.scale_acutance[1], (double)(stats.phash >> 32),
                            (double)(stats.phash & 0xFFFFFFFFU), stats.p05, stats.p50, stats.p99};
  print("image_stats", numbers, sizeof numbers);
  for (int i = 0; i < kBoxes; ++i) {
    scores[i] = rows[i].luma_mean + rows[i].contrast + rows[i].sharpness + rows[i].laplacian_variance;
  }
  print("image_stats of boxes", scores, sizeof scores);
  free(luma);
  free(out);
  free(pixels);
}

static void frames(void) {
  static const char* const names[] = {"gray", "rgb", "bgr", "nv12", "nv21", "yuyv"};
  static const int32_t types[] = {FL_INT8, FL_FLOAT16};
  const int64_t width = 514, height = 386;
  uint8_t* planes = room(3 * 514 * 386);
  for (int64_t i = 0; i < 3 * width * height; ++i) {
    planes[i] = (uint8_t)((i % 251 + i / 977 + random_bits() % 32) & 255);
  }
  uint8_t* out = room(2 * 3 * kSide * kSide);
  for (int32_t format = FL_FRAME_GRAY; format <= FL_FRAME_YUYV; ++format) {
    fl_frame frame;
    memset(&frame, 0, sizeof frame);
    frame.format = format;
    frame.width = width;
    frame.height = height;
    frame.planes[0] = planes;
    frame.strides[0] = format == FL_FRAME_YUYV ? 2 * width : width;
    if (format == FL_FRAME_RGB || format == FL_FRAME_BGR) frame.strides[0] = 3 * width;
    if (format == FL_FRAME_NV12 || format == FL_FRAME_NV21) {
      frame.planes[1] = planes + width * height;
      frame.strides[1] = width;
    }
    for (int t = 0; t < 2; ++t) {
      fl_letterbox_options o;
      check("options", fl_letterbox_options_init(&o, sizeof o));
      o.width = o.height = kSide;
      o.dtype = types[t];
      o.interpolation = t == 0 ? FL_LINEAR : FL_AREA;
      if (t == 1) frame.window = (fl_window){33, 21, 400, 301};
      int32_t channels = 0;
      int64_t bytes = 0;
      size_t size = 0;
      char name[48];
      snprintf(name, sizeof name, "letterbox_into %s, %s", names[format], t == 0 ? "int8" : "float16");
      check(name, fl_letterbox_output(&frame, &o, &channels, &bytes));
      check(name, fl_letterbox_work_size(&frame, &o, &size));
      void* work = room(size);
      check(name, fl_letterbox_into(&frame, &o, out, NULL, work, size, NULL));
      print(name, out, (size_t)bytes);
      free(work);
    }
  }
  size_t size = 0;
  check("gate", fl_gate_state_size((int32_t)width, (int32_t)height, &size));
  void* gate = room(size);
  check("gate", fl_gate_init(gate, size, (int32_t)width, (int32_t)height, NULL));
  for (int k = 0; k < 2; ++k) {
    fl_gate_result seen;
    fl_gate_measures measures;
    memset(&seen, 0, sizeof seen);
    memset(&measures, 0, sizeof measures);
    check("gate", fl_gate_frame(gate, planes + k * 9, width, &seen));
    check("gate", fl_gate_measure(&seen, &measures));
    print(k == 0 ? "gate" : "gate, a frame later", &seen, sizeof seen);
    print("gate, in floating point", &measures, sizeof measures);
  }
  free(gate);
  free(out);
  free(planes);
}

int main(int argc, char** argv) {
  if (argc > 1 && fl_isa_select(argv[1]) != FL_OK) {
    fprintf(stderr, "%s: not a tier of this machine\n", argv[1]);
    return 2;
  }
  check("init", fl_init());
  make_boxes(a, a32, kBoxes);
  make_boxes(b, b32, kOthers);
  for (int i = 0; i < kBoxes; ++i) {
    scores[i] = (random_bits() % 1000) / 1000.0;
    classes[i] = random_bits() % 3;
  }
  overlaps();
  suppression();
  tiles();
  pictures();
  frames();
  fprintf(stderr, "%s\n", fl_isa_name());
  return failures != 0;
}
