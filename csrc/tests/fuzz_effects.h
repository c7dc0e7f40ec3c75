// What fuzz_abi.cpp calls for fastlabel/effects.h.
#pragma once

#include <vector>

#include "fastlabel/fastlabel.h"
#include "fuzz_input.h"
#include "fuzz_pairing.h"

namespace fuzz {

inline void effects(Input& in, const fl_image& picture) {
  const int64_t stride = picture.width * picture.channels + in.below(3);
  std::vector<uint8_t> out(static_cast<size_t>(stride * picture.height));
  std::vector<uint8_t> tables(768);
  in.fill(tables.data(), tables.size());
  fl_look_up(&picture, tables.data(), in.choice(1, 3), out.data(), stride);
  const int64_t taps = in.below(30);
  std::vector<int32_t> places(static_cast<size_t>(2 * taps) + 1);
  for (int32_t& place : places) place = in.choice(-40, 40);
  const std::vector<double> weights = numbers(in, taps + 1);
  fl_filter_taps(&picture, places.data(), places.data() + taps, weights.data(), taps,
                 out.data(), stride);
  const uint64_t seed = in.byte();
  fl_sensor_noise(&picture, in.number(), in.share(), in.share(), seed, out.data(), stride);
  fl_salt_and_pepper(&picture, in.share(), in.share(), seed, out.data(), stride);
  fl_image mask = picture;
  mask.channels = 1;
  mask.order = FL_GRAY;
  fl_veil(&picture, &mask, tables.data(), out.data(), stride);
}

}  // namespace fuzz
