// YOLO label files, each row typed by itself, as columns.
#pragma once

#include "tables/label_files.h"

namespace fl {

enum YoloKind : uint8_t { kYoloBox = 0, kYoloPolygon = 1, kYoloEight = 2, kYoloPose = 3 };

struct YoloOptions {
  int32_t workers = 1;
  int64_t keypoints = 0;  // numbers of a row that belong to keypoints
  size_t most_bytes = size_t{256} << 20;
  size_t most_text = INT32_MAX;
};

// Adds these columns to a set. Of each file: `outcome`, `rows`. Of each row: `x1`, `y1`, `x2`,
// `y2` (fractions of the image), `line`, `kind`, `token` (number of the class word in `tokens`),
// `raw`, and where one has them `score` and `attributes`. Of each row of nine values, `eight`:
// its eight numbers. Left to the caller is every file of which a row is not regular: text that is
// not ASCII, a word that is no finite number, a wrong count, boxes and polygons in one file.
void read_yolo(const LabelNames& files, const YoloOptions& options, ColumnSet* out);

}  // namespace fl
