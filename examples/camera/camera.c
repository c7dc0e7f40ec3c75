/* A camera's loop in C: each NV12 frame past the gate, those that are worth it to the model.
 *
 *   camera preprocess.json WIDTH HEIGHT camera.nv12
 *
 * The file is frame after frame, as `ffmpeg -pix_fmt nv12 -f rawvideo` writes them; a device takes
 * its driver's buffers instead. All memory is taken before the loop. The limits of the gate are
 * mild ones: your own come from `fastlabel gate DATA -o gate.h`.
 */
#include <fastlabel/fastlabel.h>
#include <stdio.h>
#include <stdlib.h>

#define MOST_BOXES 64

static int fail(const char* what, const char* text) {
  fprintf(stderr, "camera: %s: %s\n", what, text);
  return 1;
}
static int failed(const char* what, fl_status status) { return fail(what, fl_status_text(status)); }

/* Your model goes here: it gets the input and writes boxes in the input's pixels, x1 y1 x2 y2, and
 * their scores. This one says "a thing" of the middle of the picture, twice, as models do. */
static int64_t run_model(const void* input, const fl_letterbox_options* recipe,
                         float boxes[MOST_BOXES][4], double scores[MOST_BOXES]) {
  (void)input;
  const float w = (float)recipe->width, h = (float)recipe->height;
  for (int k = 0; k < 2; ++k) {
    boxes[k][0] = w * 0.25F + (float)k;
    boxes[k][1] = h * 0.375F;
    boxes[k][2] = w * 0.75F + (float)k;
    boxes[k][3] = h * 0.625F;
    scores[k] = 0.9 - 0.1 * k;
  }
  return 2;
}

static int read_recipe(const char* name, fl_letterbox_options* recipe) {
  static char text[FL_RECIPE_MAX_BYTES];
  FILE* file = fopen(name, "rb");
  if (file == NULL) return fail(name, "cannot be opened");
  const size_t length = fread(text, 1, sizeof text, file);
  fclose(file);
  fl_recipe_error error;
  const fl_status status = fl_recipe_read(text, length, recipe, sizeof *recipe, &error);
  if (status == FL_OK) return 0;
  fprintf(stderr, "camera: %s:%d:%d: %s\n", name, (int)error.line, (int)error.column, error.text);
  return 1;
}

int main(int argc, char** argv) {
  if (argc != 5) return fail("usage", "camera preprocess.json WIDTH HEIGHT FILE.nv12");
  fl_letterbox_options recipe;
  if (read_recipe(argv[1], &recipe) != 0) return 1;

  const int64_t width = strtol(argv[2], NULL, 10), height = strtol(argv[3], NULL, 10);
  if (width < 2 || height < 2 || width > FL_GATE_MAX_SIDE || height > FL_GATE_MAX_SIDE ||
      width % 2 != 0 || height % 2 != 0) {
    return fail("size", "an NV12 frame has even sides, from 2 to 16384");
  }
  fl_frame frame = {0};
  frame.format = FL_FRAME_NV12;
  frame.width = width;
  frame.height = height;
  frame.strides[0] = frame.strides[1] = width;

  /* All memory: of the gate, of a frame, of the input, and what the letterbox works in. */
  fl_gate_options limits;
  fl_gate_options_init(&limits, sizeof limits);
  limits.min_sharpness = 2 * 256;
  limits.min_light = 24 * 256; /* black is 16 in a camera's Y plane */
  limits.max_bright = 60000; /* of 65536 */
  limits.min_motion = 256;   /* a grey level */
  size_t gate_size = 0, work_size = 0;
  int32_t channels = 0;
  int64_t input_size = 0;
  fl_status status = fl_gate_state_size((int32_t)width, (int32_t)height, &gate_size);
  if (status == FL_OK) status = fl_letterbox_work_size(&frame, &recipe, &work_size);
  if (status == FL_OK) status = fl_letterbox_output(&frame, &recipe, &channels, &input_size);
  if (status != FL_OK) return failed("preprocess.json", status);
  const size_t frame_size = (size_t)(width * height * 3 / 2);
  uint8_t* picture = malloc(frame_size);
  void* gate = malloc(gate_size);
  void* work = malloc(work_size);
  void* input = malloc((size_t)input_size);
  if (picture == NULL || gate == NULL || work == NULL || input == NULL) return fail("start", "out of memory");
  frame.planes[0] = picture;
  frame.planes[1] = picture + width * height;
  status = fl_gate_init(gate, gate_size, (int32_t)width, (int32_t)height, &limits);
  if (status != FL_OK) return failed("gate", status);
  printf("gate %zu bytes, work %zu, input %lld\n", gate_size, work_size, (long long)input_size);

  FILE* camera = fopen(argv[4], "rb");
  if (camera == NULL) return fail(argv[4], "cannot be opened");
  size_t got = 0;
  for (int number = 0; (got = fread(picture, 1, frame_size, camera)) == frame_size; ++number) {
    fl_gate_result seen;
    status = fl_gate_frame(gate, picture, width, &seen);
    if (status != FL_OK) return failed("gate", status);
    if (seen.verdict != FL_GATE_OK) {
      printf("frame %d: no%s%s%s%s\n", number, seen.verdict & FL_GATE_BLURRY ? " blurry" : "",
             seen.verdict & FL_GATE_DARK ? " dark" : "", seen.verdict & FL_GATE_BRIGHT ? " bright" : "",
             seen.verdict & FL_GATE_STILL ? " still" : "");
      continue;
    }
    fl_placement place;
    status = fl_letterbox_into(&frame, &recipe, input, NULL, work, work_size, &place);
    if (status != FL_OK) return failed("letterbox", status);
    float boxes[MOST_BOXES][4];
    double scores[MOST_BOXES];
    int64_t keep[MOST_BOXES], kept = 0;
    const int64_t n = run_model(input, &recipe, boxes, scores);
    const fl_boxes found = {boxes, n, sizeof boxes[0], sizeof(float), FL_FLOAT32, FL_XYXY};
    status = fl_nms(&found, scores, NULL, 0.5, keep, &kept);
    /* The window that the boxes are cut to is the whole frame. */
    const fl_window all = {0, 0, width, height};
    if (status == FL_OK) status = fl_letterbox_boxes_to_frame(&place, &all, 1, &found, boxes);
    if (status != FL_OK) return failed("boxes", status);
    uint8_t hash[16];
    fl_content_hash(input, (uint64_t)input_size, hash);
    printf("frame %d: input %02x%02x%02x%02x", number, hash[0], hash[1], hash[2], hash[3]);
    for (int64_t k = 0; k < kept; ++k) {
      const float* b = boxes[keep[k]];
      printf(", %.2f at %.0f %.0f %.0f %.0f", scores[keep[k]], b[0], b[1], b[2], b[3]);
    }
    printf("\n");
  }
  if (got != 0) return fail(argv[4], "its end is no whole frame: another size, or cut off");
  fclose(camera);
  free(input);
  free(work);
  free(gate);
  free(picture);
  return 0;
}
