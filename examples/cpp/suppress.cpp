// Non-maximum suppression of the boxes on stdin, "x1 y1 x2 y2 score" each: prints the row
// numbers that stay, best score first.
#include <fastlabel/fastlabel.h>

#include <cstdint>
#include <iostream>
#include <vector>

int main() {
  std::vector<double> boxes;
  std::vector<double> scores;
  for (double x1, y1, x2, y2, score; std::cin >> x1 >> y1 >> x2 >> y2 >> score;) {
    boxes.insert(boxes.end(), {x1, y1, x2, y2});
    scores.push_back(score);
  }
  std::vector<std::int64_t> keep(scores.size());
  std::int64_t kept = 0;
  // A view tells where the boxes lie; here rows of four float64, side by side.
  const auto n = static_cast<std::int64_t>(scores.size());
  const fl_boxes view = {boxes.data(), n, 4 * sizeof(double), sizeof(double), FL_FLOAT64, FL_XYXY};
  const fl_status status = fl_nms(&view, scores.data(), nullptr, 0.5, keep.data(), &kept);
  if (status != FL_OK) {
    std::cerr << "suppress: " << fl_status_text(status) << '\n';
    return 1;
  }
  for (std::int64_t k = 0; k < kept; ++k) std::cout << keep[static_cast<std::size_t>(k)] << '\n';
}
