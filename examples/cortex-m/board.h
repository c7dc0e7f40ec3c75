/* The little that the example asks of a board. SPDX-License-Identifier: Apache-2.0 */
#ifndef BOARD_H_
#define BOARD_H_

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

void board_print(const char* text);
__attribute__((noreturn)) void board_exit(int code);
uint32_t board_clock(void);                           /* ticks of SysTick, counting down */
uint32_t board_passed(uint32_t from, uint32_t to);    /* ticks between two of those */
uint32_t board_stack_used(void);                      /* bytes, at its deepest so far */

#ifdef __cplusplus
}
#endif

#endif
