#include "bindings.h"

void register_cut(py::module_&) {}
