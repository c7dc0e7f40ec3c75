/* "name number" on a line, without a C library. SPDX-License-Identifier: Apache-2.0 */
#ifndef PRINT_H_
#define PRINT_H_

#include "board.h"

static void print_number(const char* name, int64_t value) {
  char text[24];
  char* at = text + sizeof text - 1;
  uint64_t left = value < 0 ? 0u - (uint64_t)value : (uint64_t)value;
  *at = '\0';
  do {
    *--at = (char)('0' + left % 10);
    left /= 10;
  } while (left > 0);
  if (value < 0) *--at = '-';
  board_print(name);
  board_print(" ");
  board_print(at);
  board_print("\n");
}

#endif
