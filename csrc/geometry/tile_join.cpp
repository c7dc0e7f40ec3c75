#include "geometry/tile_join.h"

#include <algorithm>
#include <numeric>

#include "geometry/box_tree.h"
#include "geometry/fusion.h"
#include "geometry/nms.h"
#include "geometry/overlap.h"

namespace fl {

namespace {

constexpr double kOwnShare = 0.25;  // of a box's side: no box is at both edges of itself

// How near to an edge a box of this side is at it.
double nearness(double side, double tolerance) noexcept {
  return std::min(tolerance, kOwnShare * side);
}

// One axis of a box and its window.
struct Span {
  double low, high;
  double window_low, window_high;
  bool at_low, at_high;

  Span(const double* box, const double* window, int axis, double tolerance) noexcept
      : low(box[axis]), high(box[2 + axis]), window_low(window[axis]),
        window_high(window[2 + axis]) {
    const double near = nearness(high - low, tolerance);
    at_low = low - window_low <= near;
    at_high = window_high - high <= near;
  }
};

enum class Meeting { none, seam, share };

// What one axis says of two boxes.
struct Axis {
  Meeting meeting = Meeting::none;
  bool goes_on = false;  // one of them does, past the other's window
  double both = 1, a = 1, b = 1;  // lengths in the shared part; 1 where there is a seam alone

  Axis(const Span& p, const Span& q, double tolerance) noexcept {
    if (!continues(p, q, tolerance) || !continues(q, p, tolerance)) return;
    const double low = std::max(p.window_low, q.window_low);
    const double high = std::min(p.window_high, q.window_high);
    if (high - low < -tolerance) return;
    if (high - low <= tolerance) {
      // Next to nothing is shared: both are cut at the seam, each from its side.
      const bool p_first = p.window_low < q.window_low && p.at_high && q.at_low;
      const bool q_first = q.window_low < p.window_low && q.at_high && p.at_low;
      if (p_first || q_first) meeting = Meeting::seam;
      return;
    }
    meeting = Meeting::share;
    // What is cut at an edge reaches the edge.
    const double p0 = std::max(low, p.at_low ? p.window_low : p.low);
    const double p1 = std::min(high, p.at_high ? p.window_high : p.high);
    const double q0 = std::max(low, q.at_low ? q.window_low : q.low);
    const double q1 = std::min(high, q.at_high ? q.window_high : q.high);
    a = std::max(0.0, p1 - p0);
    b = std::max(0.0, q1 - q0);
    both = std::max(0.0, std::min(p1, q1) - std::max(p0, q0));
  }

 private:
  // Rule 2: where p goes on past q's window, q is cut. Notes whether p does.
  bool continues(const Span& p, const Span& q, double tolerance) noexcept {
    const bool below = p.low < q.window_low - tolerance;
    const bool above = p.high > q.window_high + tolerance;
    goes_on = goes_on || below || above;
    return (!below || q.at_low) && (!above || q.at_high);
  }
};

struct Link {
  double agreement;
  int64_t rank;  // of the better one
  int64_t other_rank;
  int64_t a, b;
  int64_t root;  // of all that links connect with these
};

// Numbers that links bring together.
class Union {
 public:
  explicit Union(int64_t n) : up_(static_cast<size_t>(n)) {
    std::iota(up_.begin(), up_.end(), int64_t{0});
  }

  int64_t root(int64_t i) noexcept {
    while (up_[static_cast<size_t>(i)] != i) {
      int64_t& up = up_[static_cast<size_t>(i)];
      up = up_[static_cast<size_t>(up)];
      i = up;
    }
    return i;
  }

  // Two roots become one: the lower.
  void join(int64_t a, int64_t b) noexcept {
    up_[static_cast<size_t>(std::max(a, b))] = std::min(a, b);
  }

 private:
  BigVector<int64_t> up_;
};

// Groups of boxes that grow together: at most one box of a window, and one that is cut nowhere.
class Groups {
 public:
  Groups(const JoinInput& in, const BigVector<uint8_t>& cut)
      : in_(in), cut_(cut), roots_(in.n), next_(static_cast<size_t>(in.n)) {
    std::iota(next_.begin(), next_.end(), int64_t{0});
  }

  void join(int64_t a, int64_t b) noexcept {
    a = roots_.root(a);
    b = roots_.root(b);
    if (a == b || clash(a, b)) return;
    roots_.join(a, b);
    std::swap(next_[static_cast<size_t>(a)], next_[static_cast<size_t>(b)]);
  }

  // The boxes of a root's group; none for other rows, and where there is but one.
  void of_root(int64_t row, BigVector<int64_t>* rows) {
    rows->clear();
    if (next(row) == row || roots_.root(row) != row) return;
    int64_t i = row;
    do {
      rows->push_back(i);
      i = next(i);
    } while (i != row);
  }

 private:
  int64_t next(int64_t i) const noexcept { return next_[static_cast<size_t>(i)]; }

  bool clash(int64_t a, int64_t b) const noexcept {
    int64_t i = a;
    do {
      int64_t j = b;
      do {
        const auto p = static_cast<size_t>(i);
        const auto q = static_cast<size_t>(j);
        if (in_.window_of[p] == in_.window_of[q] || (cut_[p] == 0 && cut_[q] == 0)) return true;
        j = next(j);
      } while (j != b);
      i = next(i);
    } while (i != a);
    return false;
  }

  const JoinInput& in_;
  const BigVector<uint8_t>& cut_;
  Union roots_;
  BigVector<int64_t> next_;  // the members of a group, in a ring
};

class Joiner {
 public:
  Joiner(const JoinInput& in, const JoinRules& rules)
      : in_(in), rules_(rules), n_(static_cast<size_t>(in.n)) {}

  Joined run() {
    look();
    into_.resize(n_);
    std::iota(into_.begin(), into_.end(), int64_t{0});
    if (any_cut_) {
      lead();
      let_large_win();
      if (rules_.joins) join_cut();
      follow();
    }
    return finish();
  }

 private:
  const double* box(int64_t i) const noexcept { return in_.boxes + 4 * i; }
  const double* window(int64_t i) const noexcept {
    return in_.windows + 4 * in_.window_of[static_cast<size_t>(i)];
  }
  bool of_whole_frame(int64_t i) const noexcept {
    return in_.whole[static_cast<size_t>(in_.window_of[static_cast<size_t>(i)])] != 0;
  }
  bool leads(size_t i) const noexcept { return leader_[i] == static_cast<int64_t>(i); }
  bool better(int64_t a, int64_t b) const noexcept {
    return rank_[static_cast<size_t>(a)] < rank_[static_cast<size_t>(b)];
  }

  void look() {
    cut_.resize(n_);
    for (size_t i = 0; i < n_; ++i) {
      const auto w = static_cast<size_t>(in_.window_of[i]);
      const auto row = static_cast<int64_t>(i);
      cut_[i] = cut_sides(box(row), window(row), in_.inner[w], rules_.tolerance);
      any_cut_ = any_cut_ || cut_[i] != 0;
    }
    rank_.resize(n_);
    for (size_t k = 0; k < n_; ++k) {
      __builtin_prefetch(&rank_[place_ahead(*in_.order, k)], 1);
      rank_[static_cast<size_t>((*in_.order)[k])] = static_cast<int64_t>(k);
    }
  }

  // Double boxes of one window go where the best of them goes.
  void lead() {
    BigVector<int64_t> ends;
    by_key_.resize(n_);
    std::iota(by_key_.begin(), by_key_.end(), int64_t{0});
    if (!std::is_sorted(in_.window_of, in_.window_of + n_)) {
      by_key_ = order_by_class(by_key_, in_.window_of, &ends);
    }
    leader_.resize(n_);
    const auto of = [](const int64_t* column, int64_t row) { return column[row]; };
    for (size_t begin = 0, end = 0; begin < n_; begin = end) {
      while (end < n_ && of(in_.window_of, by_key_[end]) == of(in_.window_of, by_key_[begin])) {
        ++end;
      }
      std::sort(&by_key_[begin], &by_key_[begin] + (end - begin), [&](int64_t a, int64_t b) {
        return in_.keys[a] != in_.keys[b] ? in_.keys[a] < in_.keys[b] : better(a, b);
      });
      for (size_t first = begin, last = begin; first < end; first = last) {
        while (last < end && of(in_.keys, by_key_[last]) == of(in_.keys, by_key_[first])) ++last;
        lead_run(&by_key_[first], last - first);
      }
    }
    for (size_t i = 0; i < n_; ++i) {
      if (leads(i)) leaders_.push_back(static_cast<int64_t>(i));
    }
  }

  // Rows of one window and key, the best first. Most windows show a few boxes: those are looked
  // through where they lie.
  void lead_run(const int64_t* rows, size_t count) {
    constexpr size_t kFew = 64;
    if (count > kFew) {
      BigVector<double> boxes;
      for (size_t k = 0; k < count; ++k) boxes.insert(boxes.end(), box(rows[k]), box(rows[k]) + 4);
      BigVector<int64_t> order(count);
      std::iota(order.begin(), order.end(), int64_t{0});
      const Merged doubles =
          non_max_merge(boxes.data(), order, nullptr, Overlap::iou, rules_.threshold);
      for (size_t k = 0; k < count; ++k) {
        const auto group = static_cast<size_t>(doubles.group[k]);
        leader_[static_cast<size_t>(rows[k])] = rows[static_cast<size_t>(doubles.best[group])];
      }
      return;
    }
    for (size_t k = 0; k < count; ++k) {
      const double* b = box(rows[k]);
      int64_t leader = rows[k];
      for (size_t m = 0; m < k && leader == rows[k]; ++m) {
        const double* other = box(rows[m]);
        if (leads(static_cast<size_t>(rows[m])) &&
            iou_of(other, area_of(other), b, area_of(b)) > rules_.threshold) {
          leader = rows[m];
        }
      }
      leader_[static_cast<size_t>(rows[k])] = leader;
    }
  }

  bool is_large(int64_t i) const noexcept {
    if (!of_whole_frame(i)) return false;
    const double* b = box(i);
    const auto w = static_cast<size_t>(in_.window_of[static_cast<size_t>(i)]);
    return std::max(b[2] - b[0], b[3] - b[1]) > in_.large[w];
  }

  void let_large_win() {
    BigVector<int64_t> rows;
    bool any = false;
    for (const int64_t row : leaders_) {
      const bool large = is_large(row);
      any = any || large;
      const bool fragment = cut_[static_cast<size_t>(row)] != 0 && !of_whole_frame(row);
      if (large || fragment) rows.push_back(row);
    }
    if (!any) return;
    BigVector<int64_t> ends;
    rows = order_by_class(rows, in_.keys, &ends);
    size_t begin = 0;
    for (const int64_t end_of_key : ends) {
      const auto end = static_cast<size_t>(end_of_key);
      BoxTree large;
      for (size_t k = begin; k < end; ++k) {
        if (is_large(rows[k])) large.insert(box(rows[k]), rows[k]);
      }
      for (size_t k = begin; k < end; ++k) {
        if (!of_whole_frame(rows[k])) into_[static_cast<size_t>(rows[k])] = owner_of(rows[k], large);
      }
      begin = end;
    }
  }

  // The large box that most of a fragment lies in; the fragment itself if none has enough of it.
  int64_t owner_of(int64_t row, const BoxTree& large) const {
    const double* b = box(row);
    double most = rules_.threshold;
    int64_t owner = row;
    large.visit(b, [&](const IndexedBox& other) {
      const double w = std::min(b[2], other.box[2]) - std::max(b[0], other.box[0]);
      const double h = std::min(b[3], other.box[3]) - std::max(b[1], other.box[1]);
      const double inside = w * h / area_of(b);
      if (inside > most || (inside == most && owner != row && better(other.id, owner))) {
        most = inside;
        owner = other.id;
      }
      return false;
    });
    return owner;
  }

  void join_cut() {
    BigVector<Link> links = find_links();
    // The strongest first; but what no links connect has no say in each other, and is done where it
    // lies: memory is read near where it was read last.
    Union connected(in_.n);
    for (const Link& link : links) connected.join(connected.root(link.a), connected.root(link.b));
    for (Link& link : links) link.root = connected.root(link.a);
    std::sort(links.begin(), links.end(), [](const Link& p, const Link& q) {
      if (p.root != q.root) return p.root < q.root;
      if (p.agreement != q.agreement) return p.agreement > q.agreement;
      return p.rank != q.rank ? p.rank < q.rank : p.other_rank < q.other_rank;
    });
    Groups groups(in_, cut_);
    for (const Link& link : links) groups.join(link.a, link.b);
    BigVector<int64_t> rows;
    for (const int64_t i : leaders_) {
      groups.of_root(i, &rows);
      if (rows.size() > 1) stand_for(rows);
    }
  }

  // Leaders that no large box took, window by window, and in each key by key; side by side, as
  // they are looked through.
  struct Seen {
    double box[4];
    int64_t key;
    int64_t row;
  };
  struct Lists {
    BigVector<Seen> seen;
    BigVector<int64_t> starts;  // of every window, and the end
  };

  Lists list_windows() const {
    Lists lists;
    lists.starts.assign(static_cast<size_t>(in_.n_windows) + 1, 0);
    lists.seen.reserve(leaders_.size());
    for (const int64_t row : by_key_) {
      const auto k = static_cast<size_t>(row);
      if (!leads(k) || into_[k] != row) continue;
      const double* b = box(row);
      lists.seen.push_back({{b[0], b[1], b[2], b[3]}, in_.keys[k], row});
      ++lists.starts[static_cast<size_t>(in_.window_of[k]) + 1];
    }
    std::partial_sum(lists.starts.begin(), lists.starts.end(), lists.starts.begin());
    return lists;
  }

  // Windows that show boxes, in a tree for each image.
  BigVector<BoxTree> tree_windows(const Lists& lists) const {
    BigVector<BoxTree> trees(static_cast<size_t>(in_.n_images));
    for (int64_t w = 0; w < in_.n_windows; ++w) {
      const auto k = static_cast<size_t>(w);
      if (lists.starts[k] == lists.starts[k + 1]) continue;
      trees[static_cast<size_t>(in_.image_of[k])].insert(in_.windows + 4 * w, w);
    }
    return trees;
  }

  BigVector<Link> find_links() const {
    const Lists lists = list_windows();
    const BigVector<BoxTree> trees = tree_windows(lists);
    // Apart by a gap between windows and by what either lacks to its edge; or just touching.
    const double reach = 3 * rules_.tolerance + 1;
    BigVector<Link> links;
    for (int64_t w = 0; w < in_.n_windows; ++w) {
      const auto number = static_cast<size_t>(w);
      const Seen* first = lists.seen.data() + lists.starts[number];
      const Seen* last = lists.seen.data() + lists.starts[number + 1];
      const bool cut = std::any_of(
          first, last, [&](const Seen& a) { return cut_[static_cast<size_t>(a.row)] != 0; });
      if (!cut) continue;
      const double* own = in_.windows + 4 * w;
      const double around[4] = {own[0] - reach, own[1] - reach, own[2] + reach, own[3] + reach};
      trees[static_cast<size_t>(in_.image_of[number])].visit(around, [&](const IndexedBox& other) {
        if (other.id == w) return false;
        const auto there = static_cast<size_t>(other.id);
        find_between(first, last, lists.seen.data() + lists.starts[there],
                     lists.seen.data() + lists.starts[there + 1], reach, &links);
        return false;
      });
    }
    return links;
  }

  // Links of the cut boxes of one window with those of another.
  void find_between(const Seen* first, const Seen* last, const Seen* other, const Seen* other_last,
                    double reach, BigVector<Link>* links) const {
    const Seen* run = other;  // of the key in hand
    for (const Seen* a = first; a != last; ++a) {
      const auto p = static_cast<size_t>(a->row);
      if (cut_[p] == 0) continue;
      while (run != other_last && run->key < a->key) ++run;
      for (const Seen* b = run; b != other_last && b->key == a->key; ++b) {
        const bool apart = a->box[0] - reach >= b->box[2] || b->box[0] - reach >= a->box[2] ||
                           a->box[1] - reach >= b->box[3] || b->box[1] - reach >= a->box[3];
        const auto q = static_cast<size_t>(b->row);
        // Of two that are cut the one that comes first asks.
        if (apart || (cut_[q] != 0 && b->row < a->row)) continue;
        const double agree =
            agreement(a->box, window(a->row), b->box, window(b->row), rules_.tolerance);
        if (agree > rules_.threshold) {
          const auto [low, high] = std::minmax(rank_[p], rank_[q]);
          links->push_back({agree, low, high, a->row, b->row, 0});
        }
      }
    }
  }

  // The box that is cut nowhere stands for a group; else its best, and the box around all.
  void stand_for(const BigVector<int64_t>& rows) {
    int64_t stands = rows[0];
    bool whole = false;
    for (const int64_t i : rows) {
      const bool this_one = cut_[static_cast<size_t>(i)] == 0;
      if (this_one || (!whole && better(i, stands))) stands = i;
      whole = whole || this_one;
    }
    for (const int64_t i : rows) into_[static_cast<size_t>(i)] = stands;
    if (!whole) united_.push_back(rows);
  }

  void follow() {
    for (size_t i = 0; i < n_; ++i) {
      const auto leader = static_cast<size_t>(leader_[i]);
      if (leads(i) || cut_[i] == 0 || cut_[leader] == 0) continue;
      // A leader that united others stands for itself; what follows it is in its box or near.
      if (into_[leader] != leader_[i] || unites(leader_[i])) into_[i] = into_[leader];
    }
  }

  bool unites(int64_t row) {
    if (unites_.empty()) {
      unites_.resize(n_, 0);
      for (const auto& rows : united_) {
        unites_[static_cast<size_t>(into_[static_cast<size_t>(rows[0])])] = 1;
      }
    }
    return unites_[static_cast<size_t>(row)] != 0;
  }

  Joined finish() {
    Joined out;
    out.best.reserve(n_);
    out.boxes.reserve(4 * n_);
    out.is_union.reserve(n_);
    BigVector<int64_t> best(n_);  // of the group of every standing row
    std::iota(best.begin(), best.end(), int64_t{0});
    for (size_t i = 0; i < n_; ++i) {
      int64_t& b = best[static_cast<size_t>(into_[i])];
      if (better(static_cast<int64_t>(i), b)) b = static_cast<int64_t>(i);
    }
    BigVector<int64_t> stands_under(n_, -1);  // of every best row, the standing one
    for (size_t i = 0; i < n_; ++i) {
      if (into_[i] == static_cast<int64_t>(i)) stands_under[static_cast<size_t>(best[i])] = into_[i];
    }
    BigVector<int64_t> number(n_, -1);  // of every standing row
    for (size_t i = 0; i < n_; ++i) {
      if (stands_under[i] < 0) continue;
      number[static_cast<size_t>(stands_under[i])] = static_cast<int64_t>(out.best.size());
      out.best.push_back(static_cast<int64_t>(i));
      const double* b = box(stands_under[i]);
      out.boxes.insert(out.boxes.end(), b, b + 4);
      out.is_union.push_back(0);
    }
    out.group.resize(n_);
    for (size_t i = 0; i < n_; ++i) out.group[i] = number[static_cast<size_t>(into_[i])];
    for (const auto& rows : united_) {
      const auto g = static_cast<size_t>(out.group[static_cast<size_t>(rows[0])]);
      out.is_union[g] = 1;
      double* to = &out.boxes[4 * g];
      for (const int64_t i : rows) {
        const double* b = box(i);
        for (int k = 0; k < 2; ++k) to[k] = std::min(to[k], b[k]);
        for (int k = 2; k < 4; ++k) to[k] = std::max(to[k], b[k]);
      }
    }
    return out;
  }

  const JoinInput& in_;
  const JoinRules& rules_;
  size_t n_;
  bool any_cut_ = false;
  BigVector<uint8_t> cut_;
  BigVector<int64_t> rank_;
  BigVector<int64_t> leader_;   // of every row
  BigVector<int64_t> leaders_;
  BigVector<int64_t> by_key_;  // window by window, in each key by key, the best first
  BigVector<int64_t> into_;  // of every row, the row that stands for its group
  BigVector<BigVector<int64_t>> united_;
  BigVector<uint8_t> unites_;
};

}  // namespace

uint8_t cut_sides(const double* box, const double* window, uint8_t sides,
                  double tolerance) noexcept {
  const Span x(box, window, 0, tolerance);
  const Span y(box, window, 1, tolerance);
  int cut = 0;
  if (x.at_low) cut |= kLeft;
  if (y.at_low) cut |= kTop;
  if (x.at_high) cut |= kRight;
  if (y.at_high) cut |= kBottom;
  return static_cast<uint8_t>(cut & sides);
}

double agreement(const double* a, const double* window_a, const double* b, const double* window_b,
                 double tolerance) noexcept {
  const Axis x(Span(a, window_a, 0, tolerance), Span(b, window_b, 0, tolerance), tolerance);
  if (x.meeting == Meeting::none) return 0;
  const Axis y(Span(a, window_a, 1, tolerance), Span(b, window_b, 1, tolerance), tolerance);
  if (y.meeting == Meeting::none || !(x.goes_on || y.goes_on)) return 0;
  if (x.meeting == Meeting::seam && y.meeting == Meeting::seam) return 0;  // a corner alone
  const double both = x.both * y.both;
  const double either = x.a * y.a + x.b * y.b - both;
  return either > 0 ? both / either : 0;
}

Joined join_parts(const JoinInput& in, const JoinRules& rules) { return Joiner(in, rules).run(); }

}  // namespace fl
