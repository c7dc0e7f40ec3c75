/* The hash of the network's input that a recipe makes of each picture: the same program as
 * `fastlabel parity`, without Python, for the device. Equal hashes: equal input, bit for bit.
 *
 *   parity preprocess.json picture.ppm photo.jpg
 *   parity preprocess.json --format nv12 --size 1920x1080 camera.nv12
 *
 * Reads PPM and PGM (P6, P5), raw frames and, where the library has its codec, JPEG. Prints
 * XXH3-128 of the input's bytes and of a text such as "int8 nchw 1x3x640x640".
 */
#include <fastlabel/fastlabel.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
  fl_letterbox_options options;
  fl_frame raw; /* what --format, --size and so on say; width 0: the files say it */
} settings;

typedef struct {
  uint8_t* data;
  size_t size;
} bytes;

static int fail(const char* name, const char* text) {
  fprintf(stderr, "parity: %s: %s\n", name, text);
  return 1;
}

static bytes read_file(const char* name) {
  bytes b = {NULL, 0};
  FILE* file = fopen(name, "rb");
  if (file == NULL) return b;
  if (fseek(file, 0, SEEK_END) == 0) {
    const long size = ftell(file);
    rewind(file);
    if (size >= 0) b.data = malloc((size_t)size + 1);
    if (b.data != NULL) b.size = fread(b.data, 1, (size_t)size, file);
  }
  fclose(file);
  return b;
}

/* ---- pictures ------------------------------------------------------------------- */

/* The header of a PPM or PGM: its numbers, with comments between them. */
static int header_number(const bytes* b, size_t* at) {
  while (*at < b->size) {
    const uint8_t c = b->data[*at];
    if (c == '#') {
      while (*at < b->size && b->data[*at] != '\n') ++*at;
    } else if (c == ' ' || c == '\t' || c == '\r' || c == '\n') {
      ++*at;
    } else {
      break;
    }
  }
  int number = -1;
  while (*at < b->size && b->data[*at] >= '0' && b->data[*at] <= '9' && number < 100000) {
    number = (number < 0 ? 0 : number) * 10 + (b->data[*at] - '0');
    ++*at;
  }
  return number;
}

static const char* of_ppm(const bytes* b, fl_frame* frame) {
  size_t at = 2;
  frame->format = b->data[1] == '6' ? FL_FRAME_RGB : FL_FRAME_GRAY;
  frame->width = header_number(b, &at);
  frame->height = header_number(b, &at);
  const int most = header_number(b, &at);
  if (frame->width < 1 || frame->height < 1 || most != 255) {
    return "is no PPM or PGM of 8 bits: expected sides of 1 or more and 255";
  }
  frame->planes[0] = b->data + at + 1;
  frame->strides[0] = frame->width * (frame->format == FL_FRAME_RGB ? 3 : 1);
  if (b->size - at - 1 < (uint64_t)(frame->strides[0] * frame->height)) return "is cut short";
  return NULL;
}

/* A raw frame: the planes one after the other, no padding. */
static const char* of_raw(const bytes* b, fl_frame* frame) {
  const int64_t w = frame->width;
  const int shared = frame->format == FL_FRAME_NV12 || frame->format == FL_FRAME_NV21;
  const int64_t per_pixel = frame->format == FL_FRAME_YUYV                                   ? 2
                            : frame->format == FL_FRAME_RGB || frame->format == FL_FRAME_BGR ? 3
                                                                                             : 1;
  const int64_t rows = frame->height + (shared ? frame->height / 2 : 0);
  static char text[120];
  if (b->size != (uint64_t)(w * per_pixel * rows)) {
    snprintf(text, sizeof text, "has %lld bytes, expected %lld for a frame of this format and size",
             (long long)b->size, (long long)(w * per_pixel * rows));
    return text;
  }
  frame->planes[0] = b->data;
  frame->strides[0] = w * per_pixel;
  if (shared) {
    frame->planes[1] = b->data + w * frame->height;
    frame->strides[1] = w;
  }
  return NULL;
}

#ifndef FL_PROFILE_EDGE
/* The decoder of training: libjpeg-turbo, islow; upright by EXIF. */
static const char* of_jpeg(bytes* b, fl_frame* frame) {
  static fl_cut_row row;
  fl_cut_options options;
  fl_status status = fl_cut_options_init(&options, sizeof options);
  fl_header header;
  if (status == FL_OK) status = fl_sniff(b->data, b->size, &header);
  if (status != FL_OK) return fl_status_text(status);
  if (header.width < 1 || header.height < 1) return "is no JPEG that can be read";
  frame->format = FL_FRAME_BGR;
  frame->width = header.orientation >= 5 ? header.height : header.width;
  frame->height = header.orientation >= 5 ? header.width : header.height;
  frame->strides[0] = 3 * frame->width;
  uint8_t* pixels = malloc((size_t)(frame->strides[0] * frame->height));
  if (pixels == NULL) return fl_status_text(FL_ERROR_MEMORY);
  const int64_t whole[4] = {0, 0, frame->width, frame->height};
  status = fl_read_window(b->data, b->size, whole, FL_COLOR_BGR, &options, pixels,
                          frame->strides[0], &row);
  free(b->data);
  b->data = pixels;
  frame->planes[0] = pixels;
  if (status != FL_OK) return fl_status_text(status);
  return row.status == FL_IMAGE_OK ? NULL : row.detail;
}
#endif

static const char* frame_of(bytes* b, const settings* s, fl_frame* frame) {
  *frame = s->raw;
  if (frame->width != 0) return of_raw(b, frame);
  if (b->size > 2 && b->data[0] == 'P' && (b->data[1] == '5' || b->data[1] == '6')) {
    return of_ppm(b, frame);
  }
#ifndef FL_PROFILE_EDGE
  if (b->size > 2 && b->data[0] == 0xFF && b->data[1] == 0xD8) return of_jpeg(b, frame);
  return "is neither PPM, PGM nor JPEG; of a raw frame give --format and --size";
#else
  return "is neither PPM nor PGM; of a raw frame give --format and --size";
#endif
}

/* ---- the input and its hash ------------------------------------------------------- */

static const char* dtype_name(int32_t dtype) {
  switch (dtype) {
    case FL_FLOAT32: return "float32";
    case FL_FLOAT16: return "float16";
    case FL_INT8: return "int8";
    default: return "uint8";
  }
}

static fl_status hash_of(const fl_frame* frame, const fl_letterbox_options* o, uint8_t hash[16]) {
  int32_t channels = 0;
  int64_t size = 0;
  size_t work_size = 0;
  fl_status status = fl_letterbox_output(frame, o, &channels, &size);
  if (status == FL_OK) status = fl_letterbox_work_size(frame, o, &work_size);
  if (status != FL_OK) return status;
  uint8_t* tensor = malloc((size_t)size + 80);
  void* work = malloc(work_size + 1);
  status = tensor == NULL || work == NULL ? FL_ERROR_MEMORY : FL_OK;
  if (status == FL_OK) status = fl_letterbox_into(frame, o, tensor, NULL, work, work_size, NULL);
  if (status == FL_OK) {
    const int64_t nchw[3] = {channels, o->height, o->width};
    const int64_t nhwc[3] = {o->height, o->width, channels};
    const int64_t* shape = o->layout == FL_NCHW ? nchw : nhwc;
    const int n = snprintf((char*)tensor + size, 80, "%s %s 1x%lldx%lldx%lld",
                           dtype_name(o->dtype), o->layout == FL_NCHW ? "nchw" : "nhwc",
                           (long long)shape[0], (long long)shape[1], (long long)shape[2]);
    status = fl_content_hash(tensor, (uint64_t)(size + n), hash);
  }
  free(work);
  free(tensor);
  return status;
}

static int print_hash(const char* name, const settings* s) {
  bytes b = read_file(name);
  if (b.data == NULL) return fail(name, "cannot be read");
  fl_frame frame;
  const char* wrong = frame_of(&b, s, &frame);
  uint8_t hash[16];
  if (wrong == NULL) {
    const fl_status status = hash_of(&frame, &s->options, hash);
    if (status != FL_OK) wrong = fl_status_text(status);
  }
  if (wrong == NULL) {
    for (int k = 0; k < 16; ++k) printf("%02x", hash[k]);
    printf("  %s\n", name);
  }
  const int failed = wrong == NULL ? 0 : fail(name, wrong);
  free(b.data);
  return failed;
}

/* ---- the command line ------------------------------------------------------------- */

static int choice(const char* text, const char* const* words, int n) {
  for (int k = 0; k < n; ++k) {
    if (strcmp(text, words[k]) == 0) return k;
  }
  return -1;
}

static int option(const char* name, const char* value, settings* s) {
  static const char* const formats[] = {"gray", "rgb", "bgr", "nv12", "nv21", "yuyv"};
  static const char* const matrices[] = {"bt601", "bt709"};
  long long v[4];
  char end;
  if (strcmp(name, "--format") == 0) return s->raw.format = choice(value, formats, 6);
  if (strcmp(name, "--matrix") == 0) return s->raw.matrix = choice(value, matrices, 2);
  if (strcmp(name, "--size") == 0) {
    if (sscanf(value, "%lldx%lld%c", &v[0], &v[1], &end) != 2) return -1;
    s->raw.width = v[0];
    s->raw.height = v[1];
    return v[0] > 0 && v[0] < 65536 && v[1] > 0 && v[1] < 65536 ? 0 : -1;
  }
  if (strcmp(name, "--window") == 0) {
    if (sscanf(value, "%lld,%lld,%lld,%lld%c", &v[0], &v[1], &v[2], &v[3], &end) != 4) return -1;
    const fl_window window = {v[0], v[1], v[2] - v[0], v[3] - v[1]};
    s->raw.window = window;
    return 0;
  }
  return -1;
}

int main(int count, char** words) {
  if (count < 3) {
    fprintf(stderr, "usage: parity RECIPE [--format F --size WxH] [--matrix bt709] [--full-range]\n"
                    "              [--window X1,Y1,X2,Y2] FILE...\n");
    return 2;
  }
  settings s;
  memset(&s, 0, sizeof s);
  const bytes recipe = read_file(words[1]);
  if (recipe.data == NULL) return fail(words[1], "cannot be read") + 1;
  fl_recipe_error error;
  const fl_status status = fl_recipe_read((const char*)recipe.data, recipe.size, &s.options,
                                          sizeof s.options, &error);
  free(recipe.data);
  if (status != FL_OK) return fail(words[1], error.text) + 1;
  int first = 2;
  s.raw.format = -1;
  for (; first < count && strncmp(words[first], "--", 2) == 0; ++first) {
    if (strcmp(words[first], "--full-range") == 0) {
      s.raw.range = FL_FULL_RANGE;
    } else if (first + 1 == count || option(words[first], words[first + 1], &s) < 0) {
      return fail(words[first], "is no option, or has no such value") + 1;
    } else {
      ++first;
    }
  }
  if ((s.raw.format < 0) != (s.raw.width == 0)) return fail("--format, --size", "go together") + 1;
  int failed = 0;
  for (int k = first; k < count; ++k) failed |= print_hash(words[k], &s);
  return failed;
}
