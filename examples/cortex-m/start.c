/* What a Cortex-M needs before main(): the vector table, the floating-point unit switched on,
 * .data copied and .bss cleared. The stack is painted, so that its depth can be measured.
 * Output and the end go to the debugger, or to the emulator, by semihosting.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "board.h"

#include <stddef.h>

/* Of the linker script. */
extern uint32_t data_load[], data_start[], data_end[], bss_start[], bss_end[];
extern uint32_t stack_low[], stack_high[];

int main(void);

#define PAINT 0xdeadbeefu
#define CPACR (*(volatile uint32_t*)0xE000ED88u)
#define SYST_CSR (*(volatile uint32_t*)0xE000E010u)
#define SYST_RVR (*(volatile uint32_t*)0xE000E014u)
#define SYST_CVR (*(volatile uint32_t*)0xE000E018u)

static uint32_t semihost(uint32_t call, const void* argument) {
  register uint32_t r0 __asm__("r0") = call;
  register const void* r1 __asm__("r1") = argument;
  __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
  return r0;
}

void board_print(const char* text) { (void)semihost(0x04, text); }

void board_exit(int code) {
  const uint32_t block[2] = {0x20026u, (uint32_t)code}; /* the application ended */
  for (;;) (void)semihost(0x20, block);
}

/* Down from 2^24 - 1 at the processor's clock. */
uint32_t board_clock(void) { return SYST_CVR; }
uint32_t board_passed(uint32_t from, uint32_t to) { return (from - to) & 0xffffffu; }

uint32_t board_stack_used(void) {
  const uint32_t* at = stack_low;
  while (at < stack_high && *at == PAINT) ++at;
  return (uint32_t)((const char*)stack_high - (const char*)at);
}

void reset(void);
void reset(void) {
  CPACR |= 0xfu << 20; /* coprocessors 10 and 11: the floating-point unit, for all code */
  __asm__ volatile("dsb\n\tisb" ::: "memory");
  const uint32_t* from = data_load;
  for (uint32_t* to = data_start; to < data_end; ++to) *to = *from++;
  for (uint32_t* to = bss_start; to < bss_end; ++to) *to = 0;
  /* Below what this function itself stands on. */
  for (uint32_t* to = stack_low; to < (uint32_t*)__builtin_frame_address(0) - 16; ++to) {
    *(volatile uint32_t*)to = PAINT;
  }
  SYST_RVR = 0xffffffu;
  SYST_CVR = 0;
  SYST_CSR = 5; /* on, no interrupt, the processor's clock */
  board_exit(main());
}

static void fault(void) {
  board_print("fault\n");
  board_exit(3);
}

/* The stack, then the exceptions; the interrupts are off. */
__attribute__((section(".vectors"), used)) static const void* const vectors[16] = {
    stack_high, (const void*)reset, (const void*)fault, (const void*)fault, (const void*)fault,
    (const void*)fault, (const void*)fault, NULL, NULL, NULL, NULL, (const void*)fault,
    (const void*)fault, NULL, (const void*)fault, (const void*)fault};
