#include "bindings.h"

void register_paste(py::module_&) {}
