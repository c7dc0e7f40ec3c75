#include <cstdlib>

#include "bindings.h"

namespace {

std::vector<std::string> available() {
  const char* names[16];
  const int32_t n = fl_isa_available(names, 16);
  return {names, names + n};
}

// Chosen at import, so that a wrong FASTLABEL_ISA is said before any work is done.
void choose_isa() {
  if (fl_init() == FL_OK) return;
  const char* wanted = std::getenv("FASTLABEL_ISA");
  std::string text = std::string("FASTLABEL_ISA=") + (wanted == nullptr ? "" : wanted) +
                     " is not an instruction set of this machine; it has:";
  for (const std::string& name : available()) text += " " + name;
  throw py::import_error(text + ". Unset it to let fastlabel choose.");
}

}  // namespace

PYBIND11_MODULE(_core, m) {
  m.doc() = "The native engine. Use the public functions of fastlabel instead.";
  choose_isa();
  m.def("version", &fl_version);
  m.def("abi_version", &fl_abi_version);
  m.def("jpeg_codec", &fl_jpeg_codec);
  m.def("isa", &fl_isa_name, "Name of the instruction-set tier in force.");
  m.def("isa_available", &available, "Tiers this machine can run, worst first.");
  m.def(
      "isa_select", [](const char* name) { check(fl_isa_select(name), "isa_select"); },
      py::arg("name"), "Switches the tier of the process; for tests.");
  register_arrow(m);
  register_boxes(m);
  register_coco(m);
  register_cut(m);
  register_labels(m);
  register_effects(m);
  register_evaluate(m);
  register_files(m);
  register_gate(m);
  register_hashes(m);
  register_merge(m);
  register_pairing(m);
  register_paste(m);
  register_pixels(m);
  register_preprocess(m);
  register_scan(m);
  register_suppress(m);
  register_tables(m);
  register_tiles(m);
  register_warp(m);
}
