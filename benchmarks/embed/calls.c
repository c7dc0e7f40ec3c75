/* The plain C call that the other languages are measured against. */
#include <fastlabel/fastlabel.h>

int32_t calls(const double* a, const double* b, double* out, int64_t n, int64_t rounds) {
  int32_t status = FL_OK;
  for (int64_t r = 0; r < rounds; ++r) {
    for (int64_t i = 0; i < n; ++i) status |= (int32_t)fl_box_iou(a + 4 * i, 1, b + 4 * i, 1, out + i);
  }
  return status;
}
