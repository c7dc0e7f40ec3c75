#include "bindings.h"

void register_merge(py::module_&) {}
