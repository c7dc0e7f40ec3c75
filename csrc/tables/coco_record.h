// Elements of a COCO file's sections as rows.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "tables/coco_rows.h"
#include "tables/json_feed.h"
#include "tables/json_number.h"
#include "tables/json_text.h"
#include "tables/json_tokens.h"

namespace fl {

// What became of one chunk.
struct CocoRows {
  CocoImages images;
  CocoAnnotations annotations;
  CocoOdd odd;
  int64_t elements = 0;
  bool sound = true;      // false: the chunk is no list of elements
  int64_t broken_at = 0;  // where not, in bytes from the start of the file

  void clear() noexcept {
    images.clear();
    annotations.clear();
    odd.clear();
    elements = 0;
    sound = true;
  }
};

// Makes rows of elements that are as one expects them; every other becomes text in `odd`: a
// value of a type that is seldom met, a key given twice, text that is not JSON.
class CocoParser {
 public:
  void parse(const CocoChunk& chunk, CocoRows* rows);

 private:
  bool image(JsonWalk* walk, CocoImages* rows);
  bool annotation(JsonWalk* walk, int64_t index, CocoAnnotations* rows);
  bool promote(std::string_view key, JsonWalk walk);
  bool promote_inside(JsonWalk walk);
  void commit(int64_t index, CocoAnnotations* rows);

  struct Id {
    CocoKey kind = kNoKey;
    int64_t number = 0;
    std::string_view text;
  };
  static bool id(JsonWalk* walk, Id* id);
  static void push_id(const Id& id, Texts* to);

  struct Extra {
    std::string_view key, value;
  };
  struct Flag {
    bool given = false;
    bool value = false;
  };
  static bool flag(JsonWalk* walk, Flag* to, bool* other);
  static bool real(JsonWalk* walk, double* value, bool* given);
  static bool reals(JsonWalk* walk, int64_t count, JsonNumber* values, bool* given);

  // The annotation at hand.
  struct Annotation {
    Id id, image, category;
    JsonNumber box[4];
    std::string_view raw;
    bool has_box, has_corners, has_obb;
    JsonNumber corners[4];
    JsonNumber obb[8];
    Flag iscrowd, ignore, crowd;
    bool odd_crowd, odd_ignore;
    bool has_area, has_score, has_weight, has_occlusion, has_truncation, has_difficult;
    double area, score, weight, truncation;
    int8_t occlusion;
    bool difficult;
    bool has_segmentation, copied;
    std::string_view segmentation;  // of one that is kept as it is
    size_t segmentation_bytes;      // of one that is copied already
  };
  Annotation a_;
  std::vector<Extra> extra_;
  JsonTokens tokens_;
  Grow<char> text_, name_;
  size_t left_ = 0;  // bytes of the chunk: room for anything copied from it
};

// Whether a file name is a relative path in its plainest form, of a picture, so that it names
// the same file however it is looked at: no backslash, no empty, "." or hidden part, no drive,
// no URL, an extension in `extensions` (lower case, with the dot).
bool plain_name(std::string_view name) noexcept;

}  // namespace fl
