#include "codec/cut_plan.h"

#include <algorithm>
#include <cstdio>

namespace fl {

void say(LosslessResult* result, fl_image_status status, const char* why) noexcept {
  result->status = status;
  std::snprintf(result->why, sizeof result->why, "%s", why);
}

TileCoding standard_coding(const JpegFrame& frame) noexcept {
  TileCoding coding;
  coding.frame_marker = 0xC0;
  for (int t = 0; t < 2; ++t) {
    coding.dc[t] = standard_dc(t);
    coding.ac[t] = standard_ac(t);
  }
  for (int c = 0; c < static_cast<int>(frame.components.size()); ++c) {
    coding.scan_order[c] = c;
    coding.dc_table[c] = coding.ac_table[c] = c == 1 || c == 2 ? 1 : 0;
  }
  return coding;
}

namespace {

// One sequential scan: the tiles have its tables, with codes added for the differences that
// are new where a tile's row begins.
bool plan_verbatim(CutPlan* plan, LosslessResult* result) {
  const JpegScan& scan = plan->scans[0];
  TileCoding& coding = plan->coding;
  coding.frame_marker = plan->frame.marker;
  for (int k = 0; k < scan.n; ++k) {
    const int c = scan.component[k];
    coding.scan_order[k] = c;
    coding.dc_table[c] = scan.dc[k];
    coding.ac_table[c] = scan.ac[k];
    HuffmanSpec& dc = coding.dc[scan.dc[k]];
    dc = scan.dc_tables[scan.dc[k]];
    coding.ac[scan.ac[k]] = scan.ac_tables[scan.ac[k]];
    if (dc.size == 0 || scan.ac_tables[scan.ac[k]].size == 0) {
      say(result, FL_IMAGE_CORRUPT, "a scan without its Huffman tables");
      return false;
    }
    if (!complete_dc(&dc)) {
      say(result, FL_IMAGE_UNSUPPORTED, "a DC Huffman table without room for more codes");
      return false;
    }
  }
  return true;
}

// Several scans become one, with the standard tables.
bool plan_recoded(JpegMarkers* markers, const JpegLimits& limits, CutPlan* plan,
                  LosslessResult* result) {
  const auto components = static_cast<int>(plan->frame.components.size());
  int scans_of[kJpegComponents] = {};
  for (;;) {
    const JpegScan& scan = plan->scans.back();
    for (int k = 0; k < scan.n; ++k) ++scans_of[scan.component[k]];
    if (static_cast<int64_t>(plan->scans.size()) > limits.max_scans) {
      char text[64];
      std::snprintf(text, sizeof text, "more than %d scans", limits.max_scans);
      say(result, FL_IMAGE_OVER_LIMIT, text);
      return false;
    }
    markers->skip_data(scan.begin);
    JpegScan next;
    if (!markers->next_scan(&plan->frame, &next)) break;
    plan->scans.push_back(next);
  }
  if (markers->why()[0] != '\0') {
    say(result, markers->status(), markers->why());
    return false;
  }
  for (int c = 0; c < components; ++c) {
    if (scans_of[c] == 0 || (!plan->frame.progressive && scans_of[c] > 1)) {
      say(result, FL_IMAGE_CORRUPT, "a component without its one scan");
      return false;
    }
  }
  plan->coding = standard_coding(plan->frame);
  return true;
}

}  // namespace

bool make_cut_plan(const uint8_t* data, size_t size, const JpegLimits& limits, CutPlan* plan,
                   LosslessResult* result) {
  JpegMarkers markers(data, size);
  JpegScan scan;
  if (!markers.next_scan(&plan->frame, &scan)) {
    say(result, markers.status() == FL_IMAGE_OK ? FL_IMAGE_UNREADABLE : markers.status(),
        markers.why()[0] != '\0' ? markers.why() : "no picture before the end of image");
    return false;
  }
  const JpegFrame& frame = plan->frame;
  result->width = frame.width;
  result->height = frame.height;
  if (static_cast<uint64_t>(frame.width) * static_cast<uint64_t>(frame.height) >
      limits.max_pixels) {
    char text[100];
    std::snprintf(text, sizeof text, "%lld x %lld pixels, the limit is %llu",
                  static_cast<long long>(frame.width), static_cast<long long>(frame.height),
                  static_cast<unsigned long long>(limits.max_pixels));
    say(result, FL_IMAGE_OVER_LIMIT, text);
    return false;
  }
  plan->scans.push_back(scan);
  plan->verbatim =
      !frame.progressive && scan.n == static_cast<int>(frame.components.size());
  return plan->verbatim ? plan_verbatim(plan, result)
                        : plan_recoded(&markers, limits, plan, result);
}

}  // namespace fl
