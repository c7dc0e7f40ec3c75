/* fastlabel/gate.h: the frame gate, in C99 that a microcontroller can run.
 *
 * Alone, this file needs gate.h and base.h and nothing of the rest of the library. Inside the
 * library (FL_GATE_KERNELS) the rows are measured by the kernels that the scan has.
 * FL_GATE_PLAIN leaves the instructions out that some ARM cores have for pairs of numbers.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "fastlabel/gate.h"

#include <string.h>

#if !defined(FL_GATE_PLAIN) && defined(__ARM_FEATURE_SIMD32) && defined(__ARMEL__)
#define FL_GATE_PAIRS 1
#include <arm_acle.h>
#endif

#define CELLS (FL_GATE_GRID_WIDTH * FL_GATE_GRID_HEIGHT)
#define MAGIC 0x65746147u

/* Noise is measured as the scan measures it: csrc/pixels/luma_stats.h says why so. */
#define BLOCK 32
#define NOISE_STEP 9
#define MIN_BLOCK_PIXELS 32
#define BLACK_BLOCK 16
#define WHITE_BLOCK 239

typedef struct gate {
  uint32_t magic;
  int32_t width, height;
  int32_t y; /* rows taken of this frame */
  fl_gate_options options;
  uint64_t luma_sum, laplacian_squares, gradient_squares;
  int64_t laplacian_sum;
  uint32_t lit, bright; /* pixels of 32 or more, and of 224 or more */
  int32_t block_rows, noise_rows; /* rows of the blocks being measured; those measured for noise */
  uint32_t calm_count, calm_room; /* blocks kept: the calmest of them */
  uint32_t block_count;           /* blocks of the kind that is kept */
  int32_t usable;                 /* that kind: 1 neither black nor white; 0 any, none was usable */
  int32_t cell_line;              /* line of the grid being summed */
  int32_t has_last;               /* the grid is of a whole frame */
  int32_t change_sum, change_most, change_least;
  uint32_t line_sums[FL_GATE_GRID_WIDTH];
  uint16_t grid[CELLS]; /* cell means of the last frame, and of this one as far as it is known */
} gate;

/* What follows the struct: 2 rows, then for each block of a line its noise and light, then the
 * calmest blocks. The first number says that 640 bytes hold the struct. */
typedef char the_struct_fits[sizeof(gate) <= 640 ? 1 : -1];
#define HEAD 640

/* No memset: a store at a time, that the compiler may not make into one. */
static void clear(void* memory, size_t size) {
  volatile unsigned char* to = (volatile unsigned char*)memory;
  while (size-- > 0) *to++ = 0;
}

/* The last two rows lie in a ring. */
static uint8_t* row_of(gate* g, int32_t y) {
  return (uint8_t*)g + HEAD + (y % 2) * FL_GATE_PITCH_(g->width);
}
static uint32_t* noise_of(gate* g) {
  return (uint32_t*)(void*)((uint8_t*)g + HEAD + 2 * FL_GATE_PITCH_(g->width));
}
static uint32_t* calmest_of(gate* g) { return noise_of(g) + FL_GATE_BLOCKS_(g->width); }
static uint16_t* light_of(gate* g) { return (uint16_t*)(void*)(calmest_of(g) + g->calm_room); }

/* ---- rows ------------------------------------------------------------------------- */
/* In a list of rows the first and the last are the neighbours of those that are measured. At the
 * border a pixel's missing neighbour is the mirror image, the one on its other side. */

#if defined(FL_GATE_KERNELS)
#define BATCH 16 /* rows measured in one call */
#else
#define BATCH 1
#endif

#if defined(FL_GATE_KERNELS)

#include "pixels/gate_rows.h"

#else

typedef struct gate_row_sums {
  uint64_t laplacian_squares, gradient_squares;
  uint32_t lit, bright;
} gate_row_sums;

static uint32_t word_at(const uint8_t* p) {
  uint32_t word;
#if defined(__GNUC__)
  __builtin_memcpy(&word, p, sizeof word); /* one load, with -ffreestanding too */
#else
  memcpy(&word, p, sizeof word);
#endif
  return word;
}

/* The two inner loops need all registers: inlined they would share them with their callers. */
#if defined(__GNUC__)
#define KEPT_APART __attribute__((noinline))
#else
#define KEPT_APART
#endif

/* Sums of squares of at most 1024 pixels. A square is at most 1020^2, so that 32 bits hold all. */
#define PIECE 1024
typedef struct piece_sums {
  uint32_t laplacian, gradient;
} piece_sums;

KEPT_APART static piece_sums measure_piece(const uint8_t* up, const uint8_t* cur, const uint8_t* down,
                                int32_t n) {
  piece_sums s = {0, 0};
  int32_t i = 0;
#if defined(FL_GATE_PAIRS)
  /* Four pixels a turn, as two pairs of 16-bit numbers: bytes 0 and 2, and bytes 1 and 3. */
  int32_t laplacian = 0;
  int32_t gradient = 0;
  /* One address and two distances are fewer registers than three addresses. */
  const ptrdiff_t above = (ptrdiff_t)((uintptr_t)up - (uintptr_t)cur);
  const ptrdiff_t below = (ptrdiff_t)((uintptr_t)down - (uintptr_t)cur);
  const uint8_t* p = cur;
  const uint8_t* const stop = cur + n / 4 * 4;
  for (; p < stop; p += 4) {
    const uint32_t c = word_at(p);
    const uint32_t u = word_at(p + above);
    const uint32_t d = word_at(p + below);
    const uint16x2_t c0 = __uxtb16(c);
    const uint16x2_t c1 = __uxtb16(c >> 8);
    const uint16x2_t before = __uxtb16(word_at(p - 1)); /* the left of bytes 0 and 2 */
    const uint16x2_t after = __uxtb16(word_at(p + 1) >> 8);
    const uint16x2_t u0 = __uxtb16(u);
    const uint16x2_t u1 = __uxtb16(u >> 8);
    const uint16x2_t d0 = __uxtb16(d);
    const uint16x2_t d1 = __uxtb16(d >> 8);
    /* Sums of pixels leave no half of a word: ordinary additions do. */
    const int16x2_t v0 = __ssub16((int16x2_t)(before + c1 + u0 + d0), (int16x2_t)(c0 << 2));
    const int16x2_t v1 = __ssub16((int16x2_t)(c0 + after + u1 + d1), (int16x2_t)(c1 << 2));
    const int16x2_t x0 = __ssub16((int16x2_t)c1, (int16x2_t)before);
    const int16x2_t x1 = __ssub16((int16x2_t)after, (int16x2_t)c0);
    const int16x2_t y0 = __ssub16((int16x2_t)d0, (int16x2_t)u0);
    const int16x2_t y1 = __ssub16((int16x2_t)d1, (int16x2_t)u1);
    laplacian = __smlad(v0, v0, __smlad(v1, v1, laplacian));
    gradient = __smlad(x0, x0, __smlad(x1, x1, gradient));
    gradient = __smlad(y0, y0, __smlad(y1, y1, gradient));
  }
  i = n / 4 * 4;
  s.laplacian = (uint32_t)laplacian;
  s.gradient = (uint32_t)gradient;
#endif
  for (; i < n; ++i) {
    const int32_t c = cur[i];
    const int32_t v = cur[i - 1] + cur[i + 1] + up[i] + down[i] - 4 * c;
    const int32_t x = cur[i + 1] - cur[i - 1];
    const int32_t y = down[i] - up[i];
    s.laplacian += (uint32_t)(v * v);
    s.gradient += (uint32_t)(x * x + y * y);
  }
  return s;
}

/* The sum of the bytes of a word. */
static uint32_t byte_sum(uint32_t word) {
  word = (word & 0x00ff00ffu) + ((word >> 8) & 0x00ff00ffu);
  return (word & 0xffffu) + (word >> 16);
}

/* How many pixels are from 32 and from 224 on: four counters of a byte each. */
typedef struct light_counts {
  uint32_t any, all;
  int32_t turns; /* pixels counted by each of them: at most 255 */
} light_counts;

static void empty(light_counts* counts, gate_row_sums* sums) {
  sums->lit += byte_sum(counts->any);
  sums->bright += byte_sum(counts->all);
  counts->any = counts->all = 0;
  counts->turns = 0;
}

/* The sum of n pixels, which are counted too. */
KEPT_APART static uint32_t measure_light(const uint8_t* p, int32_t n, light_counts* counts,
                                     gate_row_sums* sums) {
  const uint8_t* const end = p + n;
  uint32_t luma = 0;
  while (end - p >= 4) {
    if (counts->turns == 255) empty(counts, sums);
    const int32_t words = (int32_t)(end - p) / 4;
    const int32_t room = 255 - counts->turns;
    const int32_t turns = words < room ? words : room;
    const uint8_t* const stop = p + 4 * turns;
    uint32_t any = counts->any;
    uint32_t all = counts->all;
    do {
      const uint32_t four = word_at(p);
#if defined(FL_GATE_PAIRS)
      luma = __usada8(four, 0, luma);
      /* A byte's sum that carries selects a one. */
      (void)__uadd8(four, 0xe0e0e0e0u);
      any += __sel(0x01010101u, 0);
      (void)__uadd8(four, 0x20202020u);
      all += __sel(0x01010101u, 0);
#else
      /* The upper three bits of a pixel, shifted, meet in its uppermost one: any of them is set
       * from 32 on, all from 224 on. */
      luma += byte_sum(four);
      any += ((four | four << 1 | four << 2) >> 7) & 0x01010101u;
      all += ((four & four << 1 & four << 2) >> 7) & 0x01010101u;
#endif
      p += 4;
    } while (p < stop);
    counts->any = any;
    counts->all = all;
    counts->turns += turns;
  }
  for (; p < end; ++p) {
    luma += *p;
    sums->lit += *p >= 32;
    sums->bright += *p >= 224;
  }
  return luma;
}

/* Adds the pixels' sums to the 16 cells of a line, and the rest to the others; the squares not of
 * the pixels at the row's ends. */
static void gate_rows_measure(const uint8_t* const* rows, int32_t count, int32_t n,
                              uint32_t* cells, gate_row_sums* sums) {
  (void)count; /* 1 */
  for (int32_t at = 1; at < n - 1; at += PIECE) {
    const int32_t pixels = n - 1 - at < PIECE ? n - 1 - at : PIECE;
    const piece_sums s = measure_piece(rows[0] + at, rows[1] + at, rows[2] + at, pixels);
    sums->laplacian_squares += s.laplacian;
    sums->gradient_squares += s.gradient;
  }
  light_counts counts = {0, 0, 0};
  int32_t from = 0;
  for (int32_t k = 0; k < FL_GATE_GRID_WIDTH; ++k) {
    const int32_t to = (k + 1) * n / FL_GATE_GRID_WIDTH;
    cells[k] += measure_light(rows[1] + from, to - from, &counts, sums);
    from = to;
  }
  empty(&counts, sums);
}

/* Adds to each block of 32 pixels what they answer to the mask [1 -2 1; -2 4 -2; 1 -2 1]. */
static void gate_row_noise(const uint8_t* up, const uint8_t* cur, const uint8_t* down, int32_t n,
                           uint32_t* blocks) {
  const int32_t second = n > 1 ? 1 : 0;
  int32_t left = up[second] - 2 * cur[second] + down[second];
  int32_t here = up[0] - 2 * cur[0] + down[0];
  for (int32_t from = 0; from < n; from += BLOCK) {
    const int32_t to = n - from < BLOCK ? n : from + BLOCK;
    uint32_t sum = 0;
    for (int32_t i = from; i < to; ++i) {
      const int32_t k = i + 1 < n ? i + 1 : n - 1 - second;
      const int32_t right = up[k] - 2 * cur[k] + down[k];
      const int32_t answer = left - 2 * here + right;
      sum += (uint32_t)(answer < 0 ? -answer : answer);
      left = here;
      here = right;
    }
    *blocks++ += sum;
  }
}

#endif

/* ---- noise ------------------------------------------------------------------------ */

/* Moves the number at k of a heap down to where it belongs; the largest is at 0. */
static void sift_down(uint32_t* heap, uint32_t count, uint32_t k) {
  for (;;) {
    uint32_t child = 2 * k + 1;
    if (child >= count) return;
    if (child + 1 < count && heap[child + 1] > heap[child]) ++child;
    if (heap[k] >= heap[child]) return;
    const uint32_t kept = heap[k];
    heap[k] = heap[child];
    heap[child] = kept;
    k = child;
  }
}

/* Keeps the calmest blocks, as many as a tenth of all can be: usable ones, once there is one. */
static void keep_block(gate* g, uint32_t noise, int usable) {
  uint32_t* heap = calmest_of(g);
  if (usable && !g->usable) {
    g->usable = 1;
    g->calm_count = g->block_count = 0;
  }
  if (usable != g->usable) return;
  ++g->block_count;
  if (g->calm_count == g->calm_room) {
    if (noise >= heap[0]) return;
    heap[0] = noise;
    sift_down(heap, g->calm_count, 0);
    return;
  }
  uint32_t k = g->calm_count++;
  while (k > 0 && heap[(k - 1) / 2] < noise) {
    heap[k] = heap[(k - 1) / 2];
    k = (k - 1) / 2;
  }
  heap[k] = noise;
}

static void close_blocks(gate* g) {
  uint32_t* noise = noise_of(g);
  const uint16_t* light = light_of(g);
  for (int32_t k = 0; k < FL_GATE_BLOCKS_(g->width); ++k) {
    const int32_t left = g->width - k * BLOCK;
    const uint32_t pixels = (uint32_t)((left < BLOCK ? left : BLOCK) * g->noise_rows);
    const int usable =
        pixels >= MIN_BLOCK_PIXELS && light[k] >= BLACK_BLOCK && light[k] <= WHITE_BLOCK;
    keep_block(g, noise[k] * 1024 / pixels, usable);
    noise[k] = 0;
  }
  g->block_rows = g->noise_rows = 0;
}

/* The answer of the calmest tenth, as the scan has it. */
static int32_t noise_response(gate* g) {
  uint32_t* heap = calmest_of(g);
  if (g->block_count == 0) return -1;
  const uint32_t rank = (g->block_count - 1) / 10;
  while (g->calm_count > rank + 1) {
    heap[0] = heap[--g->calm_count];
    sift_down(heap, g->calm_count, 0);
  }
  return (int32_t)(heap[0] * 9 / 8);
}

/* ---- a frame ---------------------------------------------------------------------- */

static void start_frame(gate* g) {
  g->y = 0;
  g->luma_sum = g->laplacian_squares = g->gradient_squares = 0;
  g->laplacian_sum = 0;
  g->lit = g->bright = 0;
  g->block_rows = g->noise_rows = 0;
  g->calm_count = g->block_count = 0;
  g->usable = 0;
  g->cell_line = 0;
  g->change_sum = 0;
  g->change_most = INT32_MIN;
  g->change_least = INT32_MAX;
  clear(g->line_sums, sizeof g->line_sums);
  clear(noise_of(g), (size_t)FL_GATE_BLOCKS_(g->width) * sizeof(uint32_t));
}

/* The lines of the grid that end with row y: the means of their cells, and what changed. */
static void close_cells(gate* g, int32_t y) {
  while (g->cell_line < FL_GATE_GRID_HEIGHT) {
    const int32_t top = g->cell_line * g->height / FL_GATE_GRID_HEIGHT;
    const int32_t end = (g->cell_line + 1) * g->height / FL_GATE_GRID_HEIGHT;
    uint16_t* cell = g->grid + g->cell_line * FL_GATE_GRID_WIDTH;
    int32_t from = 0;
    if (end > y + 1) return;
    ++g->cell_line;
    /* In frames lower than the grid some lines have no row; their cells stay 0. */
    if (end == top) continue;
    for (int32_t k = 0; k < FL_GATE_GRID_WIDTH; ++k) {
      const int32_t to = (k + 1) * g->width / FL_GATE_GRID_WIDTH;
      const uint32_t pixels = (uint32_t)((to - from) * (end - top));
      from = to;
      if (pixels == 0) continue;
      const uint32_t sum = g->line_sums[k];
      const uint32_t mean = 256 * (sum / pixels) + 256 * (sum % pixels) / pixels;
      if (g->has_last) {
        const int32_t change = (int32_t)mean - cell[k];
        g->change_sum += change;
        if (change > g->change_most) g->change_most = change;
        if (change < g->change_least) g->change_least = change;
      }
      cell[k] = (uint16_t)mean;
      g->luma_sum += sum;
      g->line_sums[k] = 0;
    }
  }
}

/* How many cells have pixels. */
static int32_t cells_of(const gate* g) {
  const int32_t w = g->width < FL_GATE_GRID_WIDTH ? g->width : FL_GATE_GRID_WIDTH;
  const int32_t h = g->height < FL_GATE_GRID_HEIGHT ? g->height : FL_GATE_GRID_HEIGHT;
  return w * h;
}

/* Of a row. */
static int32_t sum_of(const uint8_t* row, int32_t n) {
  int32_t sum = 0;
  for (int32_t i = 0; i < n; ++i) sum += row[i];
  return sum;
}

/* What the first or last pixel of a row adds; `other` is its neighbour on both sides. */
static void measure_border(const uint8_t* const* rows, int32_t x, int32_t other,
                           gate_row_sums* sums) {
  const int32_t y = rows[2][x] - rows[0][x];
  const int32_t v = 2 * rows[1][other] + rows[0][x] + rows[2][x] - 4 * rows[1][x];
  sums->laplacian_squares += (uint32_t)(v * v);
  sums->gradient_squares += (uint32_t)(y * y);
}

/* The row's light in each block: a few pixels tell whether it is black or white. */
static void note_light(gate* g, const uint8_t* row) {
  uint16_t* light = light_of(g);
  for (int32_t from = 0; from < g->width; from += BLOCK) {
    const int32_t to = g->width - from < BLOCK ? g->width : from + BLOCK;
    uint32_t sum = 0;
    for (int32_t i = from; i < to; i += 4) sum += row[i];
    *light++ = (uint16_t)(sum / (uint32_t)((to - from + 3) / 4));
  }
}

/* The noise, which only some rows are asked for. */
static void sample_row(gate* g, int32_t y, const uint8_t* const* rows) {
  const int32_t n = g->width;
  if (g->block_rows % NOISE_STEP == 0) {
    const int32_t left = g->height - y + g->block_rows; /* rows from the block's first on */
    const int32_t last = ((left < BLOCK ? left : BLOCK) - 1) / NOISE_STEP * NOISE_STEP;
    gate_row_noise(rows[0], rows[1], rows[2], n, noise_of(g));
    ++g->noise_rows;
    if (g->block_rows == last) note_light(g, rows[1]);
  }
  if (++g->block_rows == BLOCK) close_blocks(g);
}

/* Rows y to y + count - 1, of one line of the grid. */
static void measure(gate* g, int32_t y, int32_t count, const uint8_t* const* rows) {
  const int32_t n = g->width;
  const int32_t second = n > 1 ? 1 : 0;
  gate_row_sums sums = {0, 0, 0, 0};
  gate_rows_measure(rows, count, n, g->line_sums, &sums);
  for (int32_t k = 0; k < count; ++k) {
    const uint8_t* cur = rows[k + 1];
    measure_border(rows + k, 0, second, &sums);
    if (n > 1) measure_border(rows + k, n - 1, n - 2, &sums);
    /* Second differences add up to the difference of the first ones at the ends. */
    g->laplacian_sum += cur[second] - cur[0] + cur[n - 1 - second] - cur[n - 1];
    sample_row(g, y + k, rows + k);
  }
  g->laplacian_squares += sums.laplacian_squares;
  g->gradient_squares += sums.gradient_squares;
  g->lit += sums.lit;
  g->bright += sums.bright;
  if (y == 0) g->laplacian_sum += sum_of(rows[0], n) - sum_of(rows[1], n);
  if (y + count == g->height) {
    g->laplacian_sum += sum_of(rows[count + 1], n) - sum_of(rows[count], n);
  }
  close_cells(g, y + count - 1);
}

/* The row after the last one of the line of the grid that row y is in. */
static int32_t line_end(const gate* g, int32_t y) {
  int32_t line = g->cell_line;
  while ((line + 1) * g->height / FL_GATE_GRID_HEIGHT <= y) ++line;
  return (line + 1) * g->height / FL_GATE_GRID_HEIGHT;
}

static void take_rows(gate* g, const uint8_t* given, int32_t count, ptrdiff_t stride) {
  const int32_t first = g->y;
  const int32_t end = first + count;
  /* Each row is measured once the one below it is there. */
  const int32_t measured = end == g->height ? end : end - 1;
  const int32_t one = g->height > 1 ? 1 : 0;
  for (int32_t y = first > 0 ? first - 1 : 0; y < measured;) {
    const uint8_t* rows[BATCH + 2];
    const int32_t line = line_end(g, y);
    int32_t n = (measured < line ? measured : line) - y;
    if (n > BATCH) n = BATCH;
    for (int32_t k = 0; k < n + 2; ++k) {
      const int32_t at = y + k == 0 ? one : y + k > g->height ? g->height - 1 - one : y + k - 1;
      rows[k] = at < first ? row_of(g, at) : given + (at - first) * stride;
    }
    measure(g, y, n, rows);
    y += n;
  }
  for (int32_t y = count > 1 ? end - 2 : first; y < end; ++y) {
    memcpy(row_of(g, y), given + (y - first) * stride, (size_t)g->width);
  }
  g->y = end;
}

/* sharpness, acutance and noise, from what the rows added up to. */
static void judge_detail(const gate* g, fl_gate_result* r) {
  const uint64_t n = (uint64_t)r->pixels;
  const uint64_t answer = r->noise_response < 0 ? 0 : (uint64_t)r->noise_response;
  const uint64_t lap = (uint64_t)(g->laplacian_sum < 0 ? -g->laplacian_sum : g->laplacian_sum);
  /* sigma = answer / 1024 * sqrt(pi / 2) / 6. 20 sigma^2 is what noise adds to the mean squared
   * Laplacian, 4 sigma^2 what it adds to the gradient: pi 10 / 36 / 2^20 and a fifth of it. */
  const uint64_t noise = (answer * answer * 915055u) >> 32;
  const uint64_t variance = g->laplacian_squares * 256 / n - lap * lap * 256 / (n * n);
  const uint64_t gradient = g->gradient_squares * 256 / n;
  const uint64_t sharpness = variance > noise ? variance - noise : 0;
  r->noise = (uint32_t)((answer * 54758u) >> 20);
  r->sharpness = (uint32_t)sharpness;
  /* Under a quarter there is no edge to judge. */
  if (gradient >= noise / 5 + 64) {
    const uint64_t acutance = sharpness * 65536 / (gradient - noise / 5);
    r->has_acutance = 1;
    r->acutance = acutance > UINT32_MAX ? UINT32_MAX : (uint32_t)acutance;
  }
}

static void judge(gate* g, fl_gate_result* r) {
  const fl_gate_options* o = &g->options;
  const uint64_t n = (uint64_t)g->width * (uint64_t)g->height;
  clear(r, sizeof *r);
  r->pixels = (int64_t)n;
  r->luma_sum = g->luma_sum;
  r->laplacian_sum = g->laplacian_sum;
  r->laplacian_squares = g->laplacian_squares;
  r->gradient_squares = g->gradient_squares;
  r->dark_pixels = (uint32_t)n - g->lit;
  r->bright_pixels = g->bright;
  r->share_pixels = (uint32_t)n;
  r->noise_response = noise_response(g);
  judge_detail(g, r);
  r->light = (uint32_t)(g->luma_sum * 256 / n);
  r->dark = (uint32_t)((uint64_t)r->dark_pixels * 65536 / n);
  r->bright = (uint32_t)((uint64_t)g->bright * 65536 / n);
  if (g->has_last) {
    const int32_t mean = g->change_sum / cells_of(g);
    const int32_t up = g->change_most - mean;
    const int32_t down = mean - g->change_least;
    r->has_motion = 1;
    r->motion = (uint32_t)(up > down ? up : down);
  }
  if (r->sharpness < o->min_sharpness || (r->has_acutance && r->acutance < o->min_acutance)) {
    r->verdict |= FL_GATE_BLURRY;
  }
  if (r->light < o->min_light || r->dark > o->max_dark) r->verdict |= FL_GATE_DARK;
  if (r->light > o->max_light || r->bright > o->max_bright) r->verdict |= FL_GATE_BRIGHT;
  if (r->has_motion && r->motion < o->min_motion) r->verdict |= FL_GATE_STILL;
}

/* The gate in a caller's memory, or null. */
static gate* opened(void* state) {
  gate* g = (gate*)state;
  if (state == NULL || (uintptr_t)state % 8 != 0 || g->magic != MAGIC) return NULL;
  return g;
}

static int good_side(int32_t side) { return side >= 1 && side <= FL_GATE_MAX_SIDE; }

static void default_options(fl_gate_options* o) {
  clear(o, sizeof *o);
  o->struct_size = sizeof *o;
  o->max_light = 255 * 256;
  o->max_dark = o->max_bright = 65536;
}

/* Reads a caller's struct of any age: see the first comment of fastlabel.h. */
static fl_status read_options(const fl_gate_options* given, fl_gate_options* o) {
  const unsigned char* bytes = (const unsigned char*)given;
  size_t size;
  default_options(o);
  if (given == NULL) return FL_OK;
  memcpy(&size, given, sizeof size);
  if (size < sizeof(size_t) || size > 4096) return FL_ERROR_ARGUMENT;
  for (size_t k = sizeof *o; k < size; ++k) {
    if (bytes[k] != 0) return FL_ERROR_ARGUMENT;
  }
  memcpy(o, given, size < sizeof *o ? size : sizeof *o);
  o->struct_size = sizeof *o;
  return FL_OK;
}

fl_status fl_gate_options_init(fl_gate_options* options, size_t struct_size) {
  fl_gate_options defaults;
  if (options == NULL || struct_size < sizeof(size_t) || struct_size > 4096) {
    return FL_ERROR_ARGUMENT;
  }
  default_options(&defaults);
  clear(options, struct_size);
  memcpy(options, &defaults, struct_size < sizeof defaults ? struct_size : sizeof defaults);
  memcpy(options, &struct_size, sizeof struct_size);
  return FL_OK;
}

fl_status fl_gate_state_size(int32_t width, int32_t height, size_t* size) {
  if (size == NULL) return FL_ERROR_ARGUMENT;
  if (!good_side(width) || !good_side(height)) return FL_ERROR_SIZE;
  *size = (size_t)FL_GATE_STATE_SIZE(width, height);
  return FL_OK;
}

fl_status fl_gate_init(void* state, size_t size, int32_t width, int32_t height,
                       const fl_gate_options* options) {
  gate* g = (gate*)state;
  fl_gate_options read;
  size_t needed;
  if (state == NULL || (uintptr_t)state % 8 != 0) return FL_ERROR_ARGUMENT;
  if (fl_gate_state_size(width, height, &needed) != FL_OK) return FL_ERROR_SIZE;
  if (read_options(options, &read) != FL_OK) return FL_ERROR_ARGUMENT;
  if (size < needed) return FL_ERROR_CAPACITY;
#if defined(FL_GATE_KERNELS)
  const fl_status ready = gate_kernels_ready();
  if (ready != FL_OK) return ready;
#endif
  clear(state, needed);
  g->magic = MAGIC;
  g->width = width;
  g->height = height;
  g->options = read;
  g->calm_room =
      (uint32_t)FL_GATE_CALMEST_(FL_GATE_BLOCKS_(width) * FL_GATE_BLOCKS_(height));
  start_frame(g);
  return FL_OK;
}

fl_status fl_gate_rows(void* state, const uint8_t* rows, int32_t count, int64_t stride) {
  gate* g = opened(state);
  if (g == NULL || rows == NULL || count < 1) return FL_ERROR_ARGUMENT;
  if (stride < g->width) return FL_ERROR_STRIDE;
  if (count > g->height - g->y) return FL_ERROR_ROWS;
  take_rows(g, rows, count, (ptrdiff_t)stride);
  return FL_OK;
}

fl_status fl_gate_end(void* state, fl_gate_result* result) {
  gate* g = opened(state);
  if (g == NULL || result == NULL) return FL_ERROR_ARGUMENT;
  if (g->y < g->height) return FL_ERROR_ROWS;
  if (g->block_rows > 0) close_blocks(g);
  judge(g, result);
  g->has_last = 1;
  start_frame(g);
  return FL_OK;
}

fl_status fl_gate_drop(void* state) {
  gate* g = opened(state);
  if (g == NULL) return FL_ERROR_ARGUMENT;
  /* Some of the grid may be of the dropped frame. */
  if (g->y > 0) g->has_last = 0;
  start_frame(g);
  return FL_OK;
}

fl_status fl_gate_frame(void* state, const uint8_t* luma, int64_t stride, fl_gate_result* result) {
  gate* g = opened(state);
  if (g == NULL || luma == NULL || result == NULL) return FL_ERROR_ARGUMENT;
  if (stride < g->width) return FL_ERROR_STRIDE;
  if (g->y > 0) (void)fl_gate_drop(state);
  (void)fl_gate_rows(state, luma, g->height, stride);
  return fl_gate_end(state, result);
}
