#include "codec/lossless_cut.h"

#include <algorithm>
#include <cstdio>
#include <vector>

#include "codec/jpeg_frame.h"
#include "codec/mcu_rows.h"
#include "codec/tile_bits.h"

namespace fl {

namespace {

// What the headers say, and how the tiles will be coded.
struct Plan {
  JpegFrame frame;
  std::vector<JpegScan> scans;
  TileCoding coding;
  bool verbatim = false;
};

void say(LosslessResult* result, fl_image_status status, const char* why) noexcept {
  result->status = status;
  std::snprintf(result->why, sizeof result->why, "%s", why);
}

// One sequential scan: the tiles have its tables, with codes added for the differences that
// are new where a tile's row begins.
bool plan_verbatim(Plan* plan, LosslessResult* result) {
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
bool plan_recoded(JpegMarkers* markers, const JpegLimits& limits, Plan* plan,
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
  TileCoding& coding = plan->coding;
  coding.frame_marker = 0xC0;
  for (int t = 0; t < 2; ++t) {
    coding.dc[t] = standard_dc(t);
    coding.ac[t] = standard_ac(t);
  }
  for (int c = 0; c < components; ++c) {
    coding.scan_order[c] = c;
    coding.dc_table[c] = coding.ac_table[c] = c == 1 || c == 2 ? 1 : 0;
  }
  return true;
}

bool make_plan(const uint8_t* data, size_t size, const JpegLimits& limits, Plan* plan,
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

bool on_grid(const TileWindow& w, const JpegFrame& frame) noexcept {
  return w.x >= 0 && w.y >= 0 && w.width > 0 && w.height > 0 && w.x < frame.width &&
         w.y < frame.height && w.width <= frame.width - w.x && w.height <= frame.height - w.y &&
         w.x % frame.mcu_width == 0 && w.y % frame.mcu_height == 0;
}

template <typename Rows>
void run(Rows& rows, const Plan& plan, const JpegLimits& limits, TileCutter& cutter,
         LosslessResult* result) {
  std::vector<McuMark> marks(static_cast<size_t>(plan.frame.columns) + 1);
  std::vector<int64_t> restarts;
  for (int64_t row = 0; row < plan.frame.rows; ++row) {
    cutter.begin_row(row);
    if (cutter.finished()) break;
    if (limits.cancelled != nullptr && limits.cancelled->load(std::memory_order_relaxed)) {
      result->outcome = LosslessOutcome::stopped;
      say(result, FL_IMAGE_OK, "cancelled");
      return;
    }
    const bool read = rows.read(row, cutter.edges(), &marks, &restarts);
    if (read && row == plan.frame.rows - 1 && rows.left_over()) {
      result->outcome = LosslessOutcome::broken;
      say(result, FL_IMAGE_CORRUPT, "picture data left over after the last row");
      return;
    }
    if (read && cutter.end_row(row, rows.base(), marks, restarts)) continue;
    result->outcome = cutter.stopped() ? LosslessOutcome::stopped : LosslessOutcome::broken;
    char text[100];
    const bool beyond = read || rows.beyond();
    const char* what = cutter.stopped()     ? "stopped"
                       : beyond             ? "a coefficient beyond what 8 bits give"
                       : rows.data_ended()  ? "the data ends"
                                            : "damaged data";
    std::snprintf(text, sizeof text, "%s (row %lld of %lld)", what,
                  static_cast<long long>(row * plan.frame.mcu_height),
                  static_cast<long long>(plan.frame.height));
    say(result, cutter.stopped()     ? FL_IMAGE_OK
                : beyond             ? FL_IMAGE_UNSUPPORTED
                : rows.data_ended()  ? FL_IMAGE_TRUNCATED
                                     : FL_IMAGE_CORRUPT, text);
    return;
  }
  result->outcome = LosslessOutcome::done;
  result->status = FL_IMAGE_OK;
}

}  // namespace

LosslessResult cut_jpeg_lossless(const uint8_t* data, size_t size, const TileWindow* windows,
                                 int64_t n, const JpegLimits& limits, TileSink& sink) {
  LosslessResult result;
  Plan plan;
  if (!make_plan(data, size, limits, &plan, &result)) return result;
  for (int64_t k = 0; k < n; ++k) {
    if (on_grid(windows[k], plan.frame)) continue;
    char text[100];
    std::snprintf(text, sizeof text, "window %lld is off the grid of %lld x %lld, or outside",
                  static_cast<long long>(k), static_cast<long long>(plan.frame.mcu_width),
                  static_cast<long long>(plan.frame.mcu_height));
    say(&result, FL_IMAGE_OK, text);
    return result;
  }
  TileCutter cutter(plan.frame, plan.coding, windows, n, sink);
  if (plan.verbatim) {
    VerbatimRows rows(data, size, plan.frame, plan.scans[0]);
    run(rows, plan, limits, cutter, &result);
  } else {
    RecodedRows rows(data, size, plan.frame, plan.scans, plan.coding);
    run(rows, plan, limits, cutter, &result);
  }
  return result;
}

bool jpeg_mcu(const uint8_t* data, size_t size, const JpegLimits& limits, int64_t* mcu_width,
              int64_t* mcu_height, LosslessResult* why) {
  LosslessResult result;
  Plan plan;
  const bool can = make_plan(data, size, limits, &plan, &result);
  if (can) {
    *mcu_width = plan.frame.mcu_width;
    *mcu_height = plan.frame.mcu_height;
    result.status = FL_IMAGE_OK;
  }
  if (why != nullptr) *why = result;
  return can;
}

}  // namespace fl
