#include "codec/requantised_cut.h"

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "codec/coefficient_rows.h"
#include "codec/cut_plan.h"
#include "codec/requantiser.h"
#include "codec/row_coder.h"
#include "codec/sample_rows.h"
#include "codec/tile_bits.h"

namespace fl {

namespace {

// A grid of its own for every window would cost more than it saves.
constexpr size_t kMostPhases = 4;
// Above this quality what is lost is little more than what rounding the source's pixels to 8 bits
// took from them, and a tile made of the rounded ones is measurably nearer to these.
constexpr int kMostRequantised = 85;

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

// How the coefficients of one component come to be those of the tiles.
struct Component {
  Requantiser of_coefficients, of_samples;
  bool by_samples = false;  // also where the grid is the source's
};

// The windows whose grid begins at one place in the source's MCUs.
class Phase final : public TileSink {
 public:
  Phase(const JpegFrame& source, const JpegFrame& target, const TileCoding& coding,
        const Component* components, int64_t dx, int64_t dy, TileSink& sink)
      : target_(target),
        coding_(coding),
        components_(components),
        dx_(dx),
        dy_(dy),
        sink_(sink),
        coder_(target, coding),
        marks_(static_cast<size_t>(source.columns) + 1) {
    const int64_t most_h = source.mcu_width / 8, most_v = source.mcu_height / 8;
    for (size_t c = 0; c < source.components.size(); ++c) {
      const int64_t x = dx * source.components[c].h, y = dy * source.components[c].v;
      shifts_[c] = {x / most_h, y / most_v, x % most_h, most_h, y % most_v, most_v};
      // Of parts of a sample, as few as can be.
      shifts_[c].part_x /= source.components[c].h, shifts_[c].of_x /= source.components[c].h;
      shifts_[c].part_y /= source.components[c].v, shifts_[c].of_y /= source.components[c].v;
      batches_[c].resize(static_cast<size_t>(source.components[c].v));
    }
  }
  void add(int64_t index, const TileWindow& w) {
    indices_.push_back(index);
    windows_.push_back({w.x - dx_, w.y - dy_, w.width, w.height});
  }
  bool is(int64_t dx, int64_t dy) const noexcept { return dx == dx_ && dy == dy_; }
  bool moves() const noexcept { return dx_ != 0 || dy_ != 0; }
  bool needs_below() const noexcept { return dy_ != 0; }
  void start() {
    cutter_ = std::make_unique<TileCutter>(target_, coding_, windows_.data(),
                                           static_cast<int64_t>(windows_.size()), *this);
  }
  bool stopped() const noexcept { return cutter_->stopped(); }

  // Row y of the MCUs in this grid, of which `row` is the source's last one. Its samples, and those
  // of the one above, are there when `sampled`, which they are where the grids differ.
  bool write(int64_t y, const CoefficientRow& row, const SampleRows& samples, bool sampled) {
    cutter_->begin_row(y);
    if (cutter_->edges().empty()) return true;
    for (auto& batches : batches_) {
      for (Batch& batch : batches) batch.end = 0;
    }
    const int64_t columns = cutter_->edges().back();
    const auto block = [&](int c, int64_t by, int64_t bx) {
      Batch& batch = batches_[c][static_cast<size_t>(by)];
      if (bx >= batch.end) {
        batch.begin = bx;
        batch.end = std::min(bx + kBatch, columns * target_.components[static_cast<size_t>(c)].h);
        for (int64_t x = bx; x < batch.end; ++x) {
          const auto k = static_cast<size_t>(x - bx);
          batch.masks[k] = make(c, by, x, row, samples, sampled, batch.values[k]);
        }
      }
      const auto k = static_cast<size_t>(bx - batch.begin);
      return CodedBlock{batch.values[k], batch.masks[k]};
    };
    static const std::vector<int64_t> no_restarts;
    return coder_.code(cutter_->edges(), block, &marks_) &&
           cutter_->end_row(y, coder_.base(), marks_, no_restarts);
  }

  bool take(int64_t index, const uint8_t* bytes, size_t size) override {
    return sink_.take(indices_[static_cast<size_t>(index)], bytes, size);
  }

 private:
  // Blocks in a row, made before the first of them is coded: how long a block will be is no
  // processor's guess, and it should not wait for the arithmetic too when it has guessed wrong.
  static constexpr int64_t kBatch = 8;
  struct Batch {
    int64_t begin = 0, end = 0;
    uint64_t masks[kBatch];
    alignas(64) int16_t values[kBatch][64];
  };

  // The coefficients of one block, and which of them are not zero.
  uint64_t make(int c, int64_t y, int64_t x, const CoefficientRow& row, const SampleRows& samples,
                bool sampled, int16_t* out) const noexcept {
    const Component& component = components_[c];
    const bool by_samples = component.by_samples || moves();
    if (!moves() && row.mask(c, y, x) == 1) {
      const int16_t mean = row.block(c, y, x)[0];
      out[0] = by_samples ? component.of_samples.dc(64 * flat_sample(mean))
                          : component.of_coefficients.dc(mean);
      return 1;
    }
    if (!by_samples) {
      return kernels_.requantise(row.block(c, y, x), component.of_coefficients.divisors(), out);
    }
    const Divisors* divisors = component.of_samples.divisors();
    if (!sampled) return kernels_.recode(row.block(c, y, x), divisors, out);
    uint8_t room[64];
    size_t stride;
    const uint8_t* from = samples.block(c, shifts_[c], dy_ == 0, y, x, room, &stride);
    return kernels_.encode(from, stride, divisors, out);
  }

  const BlockKernels& kernels_ = block_kernels();
  const JpegFrame& target_;
  const TileCoding& coding_;
  const Component* components_;
  int64_t dx_, dy_;
  TileSink& sink_;
  RowCoder coder_;
  SampleShift shifts_[kJpegComponents];
  std::vector<Batch> batches_[kJpegComponents];  // by the row of blocks in an MCU
  std::vector<McuMark> marks_;
  std::vector<int64_t> indices_;
  std::vector<TileWindow> windows_;
  std::unique_ptr<TileCutter> cutter_;
};

// Off the grid a tile's last MCU must not reach beyond the source's.
bool can_hold(const JpegFrame& frame, const TileWindow& w) noexcept {
  const auto fits = [](int64_t at, int64_t length, int64_t mcu, int64_t all, int64_t side) {
    if (at < 0 || length <= 0 || length > side || at > side - length) return false;
    return at % mcu == 0 || at + (length + mcu - 1) / mcu * mcu <= all * mcu;
  };
  return fits(w.x, w.width, frame.mcu_width, frame.columns, frame.width) &&
         fits(w.y, w.height, frame.mcu_height, frame.rows, frame.height);
}

// Whether the one scan is all of the picture, and has its end.
bool ends_well(const uint8_t* data, size_t size, const CutPlan& plan) {
  JpegMarkers markers(data, size);
  JpegFrame frame;
  JpegScan scan;
  if (!markers.next_scan(&frame, &scan)) return false;
  markers.skip_data(plan.scans[0].begin);
  return !markers.next_scan(&frame, &scan) && markers.why()[0] == '\0';
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
  for (const JpegComponent& component : plan.frame.components) {
    if (plan.frame.mcu_width / 8 % component.h != 0 ||
        plan.frame.mcu_height / 8 % component.v != 0) {
      say(&result, FL_IMAGE_UNSUPPORTED, "samples of a component in no whole ratio");
      return result;
    }
    if (*std::max_element(component.quant, component.quant + 64) > 255) {
      say(&result, FL_IMAGE_UNSUPPORTED, "a quantisation table of 16 bits");
      return result;
    }
  }
  if (plan.verbatim && !ends_well(data, size, plan)) {
    say(&result, FL_IMAGE_CORRUPT, "no end of image after the scan");
    return result;
  }
  plan.coding = standard_coding(plan.frame);
  JpegFrame target = plan.frame;
  uint16_t tables[2][64];
  if (!quality_tables(options.quality, tables[0], tables[1])) {
    say(&result, FL_IMAGE_OVER_LIMIT, "not enough memory");
    return result;
  }
  Component components[kJpegComponents];
  for (size_t c = 0; c < target.components.size(); ++c) {
    const uint16_t* table = tables[c == 0 ? 0 : 1];
    std::copy_n(table, 64, target.components[c].quant);
    components[c].of_coefficients.set(table, 1);
    components[c].of_samples.set(table, 8);
    // Where each old step is so many new ones, nothing at all is lost on the source's grid.
    const uint16_t* old = plan.frame.components[c].quant;
    components[c].by_samples =
        options.quality > kMostRequantised &&
        !std::equal(old, old + 64, table, [](uint16_t a, uint16_t b) { return a % b == 0; });
  }
  if (!options.keep_profile) target.colour = without_profile(target.colour);

  std::vector<std::unique_ptr<Phase>> phases;
  std::vector<uint8_t> sampled(static_cast<size_t>(plan.frame.rows));
  for (int64_t k = 0; k < n; ++k) {
    const TileWindow& w = windows[k];
    if (!can_hold(plan.frame, w)) {
      say(&result, FL_IMAGE_OK, "a window that takes pixels");
      return result;
    }
    const int64_t dx = w.x % plan.frame.mcu_width, dy = w.y % plan.frame.mcu_height;
    auto it = std::find_if(phases.begin(), phases.end(),
                           [&](const auto& phase) { return phase->is(dx, dy); });
    if (it == phases.end()) {
      if (phases.size() == kMostPhases) {
        say(&result, FL_IMAGE_OK, "windows on too many grids");
        return result;
      }
      phases.push_back(std::make_unique<Phase>(plan.frame, target, plan.coding, components, dx,
                                               dy, sink));
      it = phases.end() - 1;
    }
    (*it)->add(k, w);
    if (!(*it)->moves()) continue;
    const int64_t high = (w.height + plan.frame.mcu_height - 1) / plan.frame.mcu_height;
    std::fill(sampled.begin() + w.y / plan.frame.mcu_height,
              sampled.begin() + w.y / plan.frame.mcu_height + high + (dy != 0 ? 1 : 0), uint8_t{1});
  }
  for (const auto& phase : phases) phase->start();

  CoefficientRows rows(data, size, plan);
  CoefficientRow row(plan.frame);
  SampleRows samples(plan.frame);
  for (int64_t y = 0; y < plan.frame.rows; ++y) {
    if (limits.cancelled != nullptr && limits.cancelled->load(std::memory_order_relaxed)) {
      return broken(result, FL_IMAGE_OK, "cancelled");
    }
    if (!rows.read(y, &row)) return broken(result, FL_IMAGE_CORRUPT, "damaged data");
    const bool last = y == plan.frame.rows - 1;
    if (last && rows.left_over()) {
      return broken(result, FL_IMAGE_CORRUPT, "picture data left over after the last row");
    }
    const bool with_samples = sampled[static_cast<size_t>(y)] != 0;
    if (with_samples) samples.add(row);
    for (const auto& phase : phases) {
      if (phase->needs_below() && y == 0) continue;
      const bool written =
          phase->write(phase->needs_below() ? y - 1 : y, row, samples, with_samples);
      if (!written) {
        return broken(result, phase->stopped() ? FL_IMAGE_OK : FL_IMAGE_UNSUPPORTED,
                      phase->stopped() ? "stopped" : "a coefficient without a code");
      }
    }
  }
  result.outcome = LosslessOutcome::done;
  result.status = FL_IMAGE_OK;
  return result;
}

}  // namespace fl
