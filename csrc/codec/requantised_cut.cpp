#include "codec/requantised_cut.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "codec/coefficient_rows.h"
#include "codec/cut_plan.h"
#include "codec/requantiser.h"
#include "codec/row_coder.h"
#include "codec/tile_bits.h"

namespace fl {

namespace {

// The segments that are kept, without those of an ICC profile.
std::vector<uint8_t> without_profile(const std::vector<uint8_t>& segments) {
  std::vector<uint8_t> kept;
  for (size_t at = 0; at + 4 <= segments.size();) {
    const auto length = static_cast<size_t>(segments[at + 2] << 8 | segments[at + 3]) + 2;
    if (segments[at + 1] != 0xE2) {
      kept.insert(kept.end(), segments.begin() + static_cast<std::ptrdiff_t>(at),
                  segments.begin() + static_cast<std::ptrdiff_t>(at + length));
    }
    at += length;
  }
  return kept;
}

LosslessResult broken(LosslessResult result, fl_image_status status, const char* why) noexcept {
  result.outcome = status == FL_IMAGE_OK ? LosslessOutcome::stopped : LosslessOutcome::broken;
  say(&result, status, why);
  return result;
}

}  // namespace

LosslessResult cut_jpeg_requantised(const uint8_t* data, size_t size, const TileWindow* windows,
                                    int64_t n, const RequantiseOptions& options,
                                    const JpegLimits& limits, TileSink& sink) {
  LosslessResult result;
  CutPlan plan;
  if (!make_cut_plan(data, size, limits, &plan, &result)) return result;
  plan.coding = standard_coding(plan.frame);
  JpegFrame target = plan.frame;
  uint16_t tables[2][64];
  if (!quality_tables(options.quality, tables[0], tables[1])) {
    say(&result, FL_IMAGE_OVER_LIMIT, "not enough memory");
    return result;
  }
  Requantiser requantisers[kJpegComponents];
  for (size_t c = 0; c < target.components.size(); ++c) {
    const uint16_t* table = tables[c == 0 ? 0 : 1];
    std::copy_n(table, 64, target.components[c].quant);
    requantisers[c].set(table);
  }
  if (!options.keep_profile) target.colour = without_profile(target.colour);

  CoefficientRows rows(data, size, plan);
  CoefficientRow row(plan.frame);
  RowCoder coder(target, plan.coding);
  TileCutter cutter(target, plan.coding, windows, n, sink);
  std::vector<McuMark> marks(static_cast<size_t>(plan.frame.columns) + 1);
  const std::vector<int64_t> no_restarts;
  int16_t values[64];
  for (int64_t y = 0; y < plan.frame.rows; ++y) {
    if (limits.cancelled != nullptr && limits.cancelled->load(std::memory_order_relaxed)) {
      return broken(result, FL_IMAGE_OK, "cancelled");
    }
    if (!rows.read(y, &row)) return broken(result, FL_IMAGE_CORRUPT, "damaged data");
    if (y == plan.frame.rows - 1 && rows.left_over()) {
      return broken(result, FL_IMAGE_CORRUPT, "picture data left over after the last row");
    }
    cutter.begin_row(y);
    if (cutter.edges().empty()) continue;
    const bool coded = coder.code(
        cutter.edges(),
        [&](int c, int64_t by, int64_t bx) {
          const int16_t* from = row.block(c, by, bx);
          if (row.mask(c, by, bx) == 1) {
            values[0] = requantisers[c].apply_dc(from[0]);
            return CodedBlock{values, 1};
          }
          return CodedBlock{values, requantisers[c].apply(from, values)};
        },
        &marks);
    if (!coded) return broken(result, FL_IMAGE_UNSUPPORTED, "a coefficient without a code");
    if (!cutter.end_row(y, coder.base(), marks, no_restarts)) {
      return broken(result, cutter.stopped() ? FL_IMAGE_OK : FL_IMAGE_UNSUPPORTED, "stopped");
    }
  }
  result.outcome = LosslessOutcome::done;
  result.status = FL_IMAGE_OK;
  return result;
}

}  // namespace fl
