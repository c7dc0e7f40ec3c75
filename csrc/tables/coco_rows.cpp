#include "tables/coco_rows.h"

namespace fl {

void CocoImages::append(const CocoImages& o) {
  key.append(o.key.data(), o.key.size());
  key_kind.append(rows, o.key_kind, o.rows);
  source_id.append(rows, o.source_id);
  file_name.append(rows, o.file_name);
  attributes.append(rows, o.attributes);
  plain.append(o.plain.data(), o.plain.size());
  width.append(rows, o.width);
  height.append(rows, o.height);
  rows += o.rows;
}

void CocoImages::clear() noexcept {
  rows = 0;
  key.clear();
  key_kind.clear();
  source_id.clear();
  file_name.clear();
  attributes.clear();
  plain.clear();
  width.clear();
  height.clear();
}

void CocoImages::finish() {
  source_id.finish(rows);
  file_name.finish(rows);
  attributes.finish(rows);
  width.finish(rows);
  height.finish(rows);
}

void CocoAnnotations::append(const CocoAnnotations& o) {
  image.append(o.image.data(), o.image.size());
  image_kind.append(rows, o.image_kind, o.rows);
  image_text.append(rows, o.image_text);
  id_kind.append(rows, o.id_kind, o.rows);
  source_category.append(rows, o.source_category);
  source_id.append(rows, o.source_id);
  x1.append(o.x1.data(), o.x1.size());
  y1.append(o.y1.data(), o.y1.size());
  x2.append(o.x2.data(), o.x2.size());
  y2.append(o.y2.data(), o.y2.size());
  raw.append(rows, o.raw);
  pointer.append(rows, o.pointer);
  segmentation.append(rows, o.segmentation);
  attributes.append(rows, o.attributes);
  area.append(rows, o.area);
  obb.append(rows, o.obb);
  score.append(rows, o.score);
  score64.append(rows, o.score64);
  weight.append(rows, o.weight);
  truncation.append(rows, o.truncation);
  occlusion.append(rows, o.occlusion);
  crowd.append(rows, o.crowd);
  ignore.append(rows, o.ignore);
  difficult.append(rows, o.difficult);
  rows += o.rows;
}

void CocoAnnotations::clear() noexcept {
  rows = 0;
  image.clear();
  image_kind.clear();
  image_text.clear();
  category.clear();
  category_kind.clear();
  category_code.clear();
  source_category.clear();
  id.clear();
  id_kind.clear();
  source_id.clear();
  x1.clear();
  y1.clear();
  x2.clear();
  y2.clear();
  raw.clear();
  pointer.clear();
  segmentation.clear();
  attributes.clear();
  area.clear();
  obb.clear();
  score.clear();
  score64.clear();
  weight.clear();
  truncation.clear();
  occlusion.clear();
  crowd.clear();
  ignore.clear();
  difficult.clear();
}

void CocoAnnotations::finish() {
  source_category.finish(rows);
  source_id.finish(rows);
  raw.finish(rows);
  pointer.finish(rows);
  image_text.finish(rows);
  segmentation.finish(rows);
  attributes.finish(rows);
  area.finish(rows);
  obb.finish(rows);
  score.finish(rows);
  score64.finish(rows);
  weight.finish(rows);
  truncation.finish(rows);
  occlusion.finish(rows);
  crowd.finish(rows);
  ignore.finish(rows);
  difficult.finish(rows);
}

void CocoOdd::push(size_t in, int64_t which, int64_t at, size_t before, const char* from,
                   size_t n) {
  member.push(static_cast<int64_t>(in));
  index.push(which);
  offset.push(at);
  rows_before.push(static_cast<int64_t>(before));
  text.append(from, n);
  end.push(static_cast<int64_t>(text.size()));
}

void CocoOdd::clear() noexcept {
  member.clear();
  index.clear();
  offset.clear();
  rows_before.clear();
  end.clear();
  text.clear();
}

}  // namespace fl
