/* IoU of the boxes on stdin, "x1 y1 x2 y2" each, of every one with every one.
 *   py="python -m fastlabel"
 *   cc -O2 iou.c $($py --includes) -L$($py --libdir) -lfastlabel -Wl,-rpath,$($py --libdir) -o iou
 */
#include <fastlabel/fastlabel.h>
#include <stdio.h>

int main(void) {
  static double b[100][4], iou[100 * 100];
  int64_t n = 0;
  while (n < 100 && scanf("%lf%lf%lf%lf", &b[n][0], &b[n][1], &b[n][2], &b[n][3]) == 4) ++n;
  const fl_status status = fl_box_iou(b[0], n, b[0], n, iou);
  if (status != FL_OK) {
    fprintf(stderr, "iou: %s\n", fl_status_text(status));
    return 1;
  }
  for (int64_t k = 0; k < n * n; ++k) printf("%.17g%c", iou[k], (k + 1) % n ? ' ' : '\n');
  return 0;
}
