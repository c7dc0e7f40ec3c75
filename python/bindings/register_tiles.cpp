#include "bindings.h"

void register_tiles(py::module_&) {}
