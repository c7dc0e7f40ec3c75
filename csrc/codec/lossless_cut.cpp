#include "codec/lossless_cut.h"

#include <algorithm>
#include <cstdio>
#include <vector>

#include "codec/cut_plan.h"
#include "codec/mcu_rows.h"
#include "codec/tile_bits.h"

namespace fl {

namespace {

bool on_grid(const TileWindow& w, const JpegFrame& frame) noexcept {
  return w.x >= 0 && w.y >= 0 && w.width > 0 && w.height > 0 && w.x < frame.width &&
         w.y < frame.height && w.width <= frame.width - w.x && w.height <= frame.height - w.y &&
         w.x % frame.mcu_width == 0 && w.y % frame.mcu_height == 0;
}

template <typename Rows>
void run(Rows& rows, const CutPlan& plan, const JpegLimits& limits, TileCutter& cutter,
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
  CutPlan plan;
  if (!make_cut_plan(data, size, limits, &plan, &result)) return result;
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
  CutPlan plan;
  const bool can = make_cut_plan(data, size, limits, &plan, &result);
  if (can) {
    *mcu_width = plan.frame.mcu_width;
    *mcu_height = plan.frame.mcu_height;
    result.status = FL_IMAGE_OK;
  }
  if (why != nullptr) *why = result;
  return can;
}

}  // namespace fl
