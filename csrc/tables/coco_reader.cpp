#include "tables/coco_reader.h"

#include <algorithm>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>

#include "core/threads.h"

namespace fl {

// Chunks are given out in the order of the file and joined in that order; in between each worker
// makes rows of its own.
struct CocoReader::Shared {
  std::mutex feed, rows;
  std::condition_variable turn;
  int64_t next = 0;  // the chunk to be joined
  bool stopped = false;
  std::exception_ptr failure;
};

FeedState CocoReader::read(const char* path) {
  state_ = feed_.open(path);
  if (state_ != FeedState::kOk) return state_;
  Shared shared;
  const int64_t windows = feed_.file_size() / options_.window + 1;
  const auto wanted = std::min<int64_t>(std::max(options_.workers, 1), windows);
  std::vector<std::thread> threads;
  start_threads(wanted - 1, [&] { work(&shared); }, &threads);
  work(&shared);
  for (std::thread& thread : threads) thread.join();
  if (shared.failure != nullptr) std::rethrow_exception(shared.failure);
  if (state_ == FeedState::kOk && feed_.state() != FeedState::kOk) {
    state_ = feed_.state();
    stopped_at_ = feed_.stopped_at();
  }
  elements_.resize(members().size());
  for (size_t k = 0; k < elements_.size(); ++k) members()[k].elements = elements_[k];
  images.finish();
  annotations.finish();
  category_text.finish(category_kind.size());
  return state_;
}

void CocoReader::work(Shared* shared) {
  const auto stop = [&](std::exception_ptr failure) {
    std::lock_guard<std::mutex> lock(shared->rows);
    shared->stopped = true;
    if (shared->failure == nullptr) shared->failure = std::move(failure);
    shared->turn.notify_all();
  };
  try {
    CocoParser parser;
    CocoChunk chunk;
    CocoRows rows;
    for (;;) {
      {
        std::lock_guard<std::mutex> lock(shared->feed);
        if (!feed_.next(&chunk)) return;
      }
      parser.parse(chunk, &rows);
      std::unique_lock<std::mutex> lock(shared->rows);
      shared->turn.wait(lock, [&] { return shared->stopped || shared->next == chunk.sequence; });
      if (shared->stopped) return;
      append(rows, chunk);
      if (elements_.size() <= chunk.member) elements_.resize(chunk.member + 1);
      elements_[chunk.member] += rows.elements;
      ++shared->next;
      if (!rows.sound) {
        state_ = FeedState::kNotJudged;
        stopped_at_ = rows.broken_at;
        shared->stopped = true;
      }
      lock.unlock();
      shared->turn.notify_all();
    }
  } catch (...) {
    stop(std::current_exception());
  }
}

void CocoReader::append(const CocoRows& rows, const CocoChunk& chunk) {
  const bool of_images = chunk.section == CocoSection::kImages;
  const size_t before = of_images ? images.rows : annotations.rows;
  size_t from = 0;
  for (size_t k = 0; k < rows.odd.member.size(); ++k) {
    const auto to = static_cast<size_t>(rows.odd.end[k]);
    odd.push(chunk.member, rows.odd.index[k], rows.odd.offset[k],
             before + static_cast<size_t>(rows.odd.rows_before[k]), rows.odd.text.data() + from,
             to - from);
    from = to;
  }
  if (of_images) {
    images.append(rows.images);
  } else if (rows.annotations.rows > 0) {
    encode_categories(rows.annotations);
    follow_ids(rows.annotations);
    annotations.append(rows.annotations);
  }
}

int32_t CocoReader::code_of(CocoKey kind, int64_t number, std::string_view text) {
  const auto fresh = static_cast<int32_t>(category_kind.size());
  if (kind == kIntKey) {
    const auto [found, added] = codes_.try_emplace(number, fresh);
    if (!added) return found->second;
  } else {
    const auto [found, added] = text_codes_.try_emplace(std::string(text), fresh);
    if (!added) return found->second;
  }
  category_kind.push(kind);
  category_number.push(number);
  category_text.push(kind == kTextKey ? text : std::string_view());
  return fresh;
}

void CocoReader::encode_categories(const CocoAnnotations& rows) {
  // Most ids are small: what was found once for them is looked up here.
  constexpr size_t kSmall = 1024;
  if (small_codes_.empty()) small_codes_.fill(kSmall, -1);
  int32_t* to = annotations.category_code.room(rows.rows);
  for (size_t k = 0; k < rows.rows; ++k) {
    const auto kind = static_cast<CocoKey>(rows.category_kind[k]);
    const int64_t number = rows.category[k];
    if (kind == kNoKey) {
      to[k] = -1;
    } else if (kind == kIntKey && number >= 0 && number < static_cast<int64_t>(kSmall)) {
      int32_t& known = small_codes_[static_cast<size_t>(number)];
      if (known < 0) known = code_of(kind, number, {});
      to[k] = known;
    } else {
      to[k] = code_of(kind, number, rows.source_category.text(k));
    }
  }
  annotations.category_code.add(rows.rows);
}

// Ids that rise are all different: they need not be compared again.
void CocoReader::follow_ids(const CocoAnnotations& rows) {
  annotations.ids_rise = annotations.ids_rise && rows.id_kind.size() == 0;
  for (size_t k = 0; annotations.ids_rise && k < rows.rows; ++k) {
    annotations.ids_rise = rows.id[k] > annotations.last_id || (annotations.rows + k == 0);
    annotations.last_id = rows.id[k];
  }
}

}  // namespace fl
