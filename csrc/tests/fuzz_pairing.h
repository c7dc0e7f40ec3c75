// The fuzzer of the C ABI: columns of any numbers, and labels beside predictions
// and beside the look of their class.
#pragma once

#include <algorithm>
#include <cstdlib>
#include <vector>

#include "fastlabel/fastlabel.h"
#include "fuzz_input.h"

namespace fuzz {

inline std::vector<double> numbers(Input& in, int64_t n) {
  std::vector<double> out(static_cast<size_t>(n));
  for (double& v : out) v = in.number();
  return out;
}

inline std::vector<int64_t> few(Input& in, int64_t n, int64_t most) {
  std::vector<int64_t> out(static_cast<size_t>(n));
  for (int64_t& v : out) v = in.below(most);
  return out;
}

inline std::vector<int64_t> offsets(Input& in, int64_t groups, int64_t n) {
  std::vector<int64_t> out(static_cast<size_t>(groups + 1));
  for (int64_t& v : out) v = in.below(n + 1);
  out.front() = 0;
  out.back() = n;
  std::sort(out.begin(), out.end());
  if (in.byte() > 250) out[static_cast<size_t>(in.below(groups + 1))] = in.whole(-3, 3 * n);
  return out;
}

inline void pair(Input& in) {
  const int64_t images = 1 + in.below(4), n = in.below(40), m = in.below(60);
  const auto labels = numbers(in, 4 * n), predictions = numbers(in, 4 * m);
  std::vector<double> scores(static_cast<size_t>(m));
  for (double& score : scores) score = in.share();
  auto classes = few(in, n, 3);
  const auto said = few(in, m, 3);
  if (n > 0 && in.byte() > 200) classes[static_cast<size_t>(in.below(n))] = in.whole(-2, 3);
  auto label_offsets = offsets(in, images, n), starts = offsets(in, images, m);
  label_offsets.back() = n;  // how many are read
  starts.back() = m;
  const fl_pairing_input given = {sizeof given, labels.data(), classes.data(),
                                  label_offsets.data(), predictions.data(), said.data(),
                                  scores.data(), starts.data(), images};
  fl_pairing_options options;
  fl_pairing_options_init(&options, sizeof options);
  options.workers = in.choice(0, 3);
  if (in.byte() < 60) options.near_iou = in.share();
  if (in.byte() < 60) options.placed_iou = in.share();
  if (in.byte() < 60) options.same = in.share();
  if (in.byte() < 60) options.inside = in.share();
  const auto g = static_cast<size_t>(n), p = static_cast<size_t>(m);
  std::vector<int64_t> own(g), other(g), label(p);
  std::vector<double> own_iou(g), same(g), other_score(g), iou(p), touch(p), inside(p), higher(p);
  std::vector<int32_t> parts(g), wholes(p);
  std::vector<uint8_t> agrees(p);
  const fl_pairing_result out = {sizeof out, own.data(), own_iou.data(), same.data(),
                                 other.data(), other_score.data(), parts.data(), label.data(),
                                 agrees.data(), iou.data(), touch.data(), inside.data(),
                                 higher.data(), wholes.data()};
  if (fl_pair_predictions(&given, &options, &out) != FL_OK) return;
  // What stands for a label is of its class, and nothing stands for two.
  for (size_t k = 0; k < g; ++k) {
    if (own[k] < 0) continue;
    const auto row = static_cast<size_t>(own[k]);
    if (label[row] != static_cast<int64_t>(k) || said[row] != classes[k]) std::abort();
  }
}

inline void looks(Input& in) {
  const int64_t many = in.below(40), n = in.below(60);
  std::vector<uint8_t> profiles(static_cast<size_t>(many) * 2 * FL_PROFILE_BINS);
  in.fill(profiles.data(), profiles.size());
  uint8_t templates[4 * FL_PROFILE_BINS];
  in.fill(templates, sizeof templates);
  auto rows = few(in, n, std::max(many, int64_t{1}));
  if (n > 0 && in.byte() > 200) rows[static_cast<size_t>(in.below(n))] = in.whole(-2, many);
  std::vector<double> gain(rows.size()), likeness(rows.size());
  std::vector<int8_t> moves(2 * rows.size());
  if (fl_compare_profiles(profiles.data(), many, rows.data(), n, templates, in.choice(0, 3),
                          gain.data(), moves.data(), likeness.data()) != FL_OK) {
    return;
  }
  for (const double v : gain) {
    if (v < 0 || v > 8.001) std::abort();
  }
  for (const int8_t m : moves) {
    if (m < -FL_PROFILE_REACH || m > FL_PROFILE_REACH) std::abort();
  }
}

}  // namespace fuzz
