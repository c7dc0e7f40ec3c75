/* The gate with its own plain loops, under names of its own, beside the one of the library. */
#define fl_gate_options_init plain_gate_options_init
#define fl_gate_state_size plain_gate_state_size
#define fl_gate_init plain_gate_init
#define fl_gate_rows plain_gate_rows
#define fl_gate_end plain_gate_end
#define fl_gate_drop plain_gate_drop
#define fl_gate_frame plain_gate_frame
#define FL_GATE_PLAIN 1

#include "../pixels/gate.c"
