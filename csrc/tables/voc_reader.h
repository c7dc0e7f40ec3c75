// Pascal VOC files, one XML file an image, as columns.
#pragma once

#include "tables/label_files.h"

namespace fl {

struct VocOptions {
  int32_t workers = 1;
  size_t most_bytes = size_t{4} << 20;
  size_t most_text = INT32_MAX;
};

// Adds these columns to a set. Of each file: `outcome`, `rows`, `file_name`, `width` and `height`
// (-1: none), `convention`, `attributes`. Of each row, an object: `x1`, `y1`, `x2`, `y2` as
// written, `x1_less` and `y1_less` (one less of the decimal), `line`, `name` (its number in
// `names`, -1: none), `raw`, and where one has them `difficult`, `ignore`, `crowd`, `occlusion`,
// `truncation`, `weight`, `score`, `area`, `object_attributes`.
//
// What is read is the XML that annotation tools write: elements and text in UTF-8. Left to the
// caller is every file that has more (a DOCTYPE, entities, comments, CDATA, namespaces, a start
// tag over several lines) or is not well-formed, and every file with a record that is not
// regular. No entity is ever resolved but &amp; and its four fellows.
void read_voc(const LabelNames& files, const VocOptions& options, ColumnSet* out);

}  // namespace fl
