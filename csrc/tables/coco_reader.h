// A whole COCO file as columns, over several threads.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "tables/coco_record.h"
#include "tables/coco_rows.h"
#include "tables/json_feed.h"

namespace fl {

struct CocoOptions {
  int32_t workers = 1;
  int64_t window = int64_t{1} << 19;  // bytes of the file at once
  int64_t most_text = INT32_MAX;      // bytes of one piece of a text column
};

class CocoReader {
 public:
  explicit CocoReader(const CocoOptions& options)
      : annotations(static_cast<size_t>(options.most_text)),
        options_(options),
        feed_(static_cast<size_t>(options.window)) {}

  FeedState read(const char* path);

  int error() const noexcept { return feed_.error(); }
  // Where reading stopped, in bytes from the start of the file.
  int64_t stopped_at() const noexcept { return stopped_at_; }
  int64_t file_size() const noexcept { return feed_.file_size(); }
  std::vector<CocoMember>& members() noexcept { return feed_.members(); }

  CocoImages images;
  CocoAnnotations annotations;
  CocoOdd odd;
  // Class ids in order of their first use, each whole number or text.
  Grow<int64_t> category_number;
  Grow<uint8_t> category_kind;
  Texts category_text;

 private:
  struct Shared;
  void work(Shared* shared);
  void append(const CocoRows& rows, const CocoChunk& chunk);
  void encode_categories(const CocoAnnotations& rows);
  void follow_ids(const CocoAnnotations& rows);
  int32_t code_of(CocoKey kind, int64_t number, std::string_view text);

  CocoOptions options_;
  JsonFeed feed_;
  FeedState state_ = FeedState::kOk;
  int64_t stopped_at_ = 0;
  std::vector<int64_t> elements_;  // of each member
  Grow<int32_t> small_codes_;
  std::unordered_map<int64_t, int32_t> codes_;
  std::unordered_map<std::string, int32_t> text_codes_;
};

}  // namespace fl
