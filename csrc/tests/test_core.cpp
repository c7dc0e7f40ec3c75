#include <cstring>

#include "check.h"
#include "core/checked.h"
#include "core/dispatch.h"

int main() {
  int64_t out = 7;
  CHECK(fl::checked_mul(1 << 20, 1 << 20, &out) && out == int64_t{1} << 40);
  CHECK(!fl::checked_mul(INT64_MAX, 2, &out) && out == int64_t{1} << 40);
  CHECK(!fl::checked_add(INT64_MAX, 1, &out));
  CHECK(fl::checked_add(-5, 3, &out) && out == -2);

  CHECK(fl_init() == FL_OK);
  const char* names[8];
  const int32_t n = fl_isa_available(names, 8);
  CHECK(n >= 1 && std::strcmp(names[0], "baseline") == 0);
  CHECK(fl_isa_select("no-such-tier") == FL_ERROR_ISA);
  CHECK(fl_isa_select(nullptr) == FL_ERROR_ARGUMENT);
  for (int32_t k = 0; k < n; ++k) {
    CHECK(fl_isa_select(names[k]) == FL_OK);
    CHECK(std::strcmp(fl_isa_name(), names[k]) == 0);
  }
  for (int status = FL_OK; status <= FL_ERROR_RECIPE; ++status) {
    CHECK(std::strlen(fl_status_text(static_cast<fl_status>(status))) > 0);
  }
  return test::finish("core");
}
