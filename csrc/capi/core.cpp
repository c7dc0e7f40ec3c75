// fastlabel.h: versions, statuses, tiers. Freestanding.
#include "capi/options.h"
#include "core/dispatch.h"

#define FL_STRING_(a) #a
#define FL_STRING(a) FL_STRING_(a)

extern "C" {

int32_t fl_abi_version(void) { return FL_ABI_VERSION; }
const char* fl_version(void) { return FL_STRING(FL_VERSION); }

const char* fl_status_text(fl_status status) {
  switch (status) {
    case FL_OK: return "ok";
    case FL_ERROR_ARGUMENT: return "invalid argument";
    case FL_ERROR_OVERFLOW: return "sizes overflow 64 bits";
    case FL_ERROR_MEMORY: return "out of memory";
    case FL_ERROR_CAPACITY: return "the output is too small";
    case FL_ERROR_TIMEOUT: return "not finished in time";
    case FL_ERROR_CANCELLED: return "cancelled";
    case FL_ERROR_ISA: return "FASTLABEL_ISA names an instruction set unknown or absent here";
    case FL_ERROR_SIZE: return "a side is 0, or odd where the pixel format shares colour";
    case FL_ERROR_STRIDE: return "a stride is smaller than a row";
    case FL_ERROR_WINDOW: return "the window leaves the frame";
    case FL_ERROR_SCALE: return "a scale, std or quant_scale is 0, negative or not finite";
    case FL_ERROR_RECIPE: return "not a recipe of this version";
    case FL_ERROR_ROWS: return "a row too many for the frame, or rows missing at its end";
  }
  return "unknown status";
}

fl_status fl_init(void) { return fl::init_tier(); }
const char* fl_isa_name(void) { return fl::tier_name(); }
int32_t fl_isa_available(const char** names, int32_t capacity) {
  return fl::available_tiers(names, names == nullptr ? 0 : capacity);
}
fl_status fl_isa_select(const char* name) {
  return name == nullptr ? FL_ERROR_ARGUMENT : fl::select_tier(name);
}

}  // extern "C"
