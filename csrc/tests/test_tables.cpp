#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "check.h"
#include "tables/axis.h"

namespace {

using fl::Axis;
using fl::AxisTable;

std::vector<const char*> tiers() {
  const char* names[8];
  const int32_t n = fl_isa_available(names, 8);
  return {names, names + n};
}

std::vector<double> even(double low, double high, int64_t bins) {
  std::vector<double> edges;
  for (int64_t j = 0; j <= bins; ++j) {
    edges.push_back(low + double(j) * ((high - low) / double(bins)));
  }
  edges.back() = high;
  return edges;
}

std::vector<std::vector<double>> some_edges() {
  std::vector<std::vector<double>> all = {even(0, 1, 100),   even(-5, 5, 7),  even(0, 3, 1),
                                          even(1e9, 1e9 + 1, 64), even(-1e-3, 1e300, 33),
                                          even(0.1, 0.7, 1000)};
  std::vector<double> log;
  for (int j = 0; j <= 40; ++j) log.push_back(std::pow(2000.0, j / 40.0));
  all.push_back(log);
  all.push_back({0, 1, 10, 100, 1000});
  all.push_back({-0.0, 0.5, 0.75, 4});
  all.push_back({-10, -1, 0, 0.25, 8});
  all.push_back({1, std::nextafter(1.0, 2), std::nextafter(1.0, 2) * 2});  // too fine a table
  all.push_back({std::numeric_limits<double>::denorm_min(), 1e-300, 1e300});
  return all;
}

// Values in and around the range, the edges themselves and their neighbours, odd numbers.
std::vector<double> values_for(const std::vector<double>& edges, test::Random* r, size_t n) {
  constexpr double kInf = std::numeric_limits<double>::infinity();
  const double odd[] = {kInf, -kInf, std::nan(""), 0.0, -0.0, 1e308, -1e308,
                        std::numeric_limits<double>::denorm_min()};
  std::vector<double> out;
  const double width = edges.back() - edges[0];
  for (size_t i = 0; i < n; ++i) {
    const double edge = edges[size_t(r->below(int64_t(edges.size())))];
    switch (r->below(6)) {
      case 0: out.push_back(edge); break;
      case 1: out.push_back(std::nextafter(edge, kInf)); break;
      case 2: out.push_back(std::nextafter(edge, -kInf)); break;
      case 3: out.push_back(odd[r->below(8)]); break;
      default: out.push_back(edges[0] + (r->unit() * 1.2 - 0.1) * width);
    }
  }
  return out;
}

void every_tier_equals_the_oracle() {
  test::Random r(3);
  const fl::TableKernels& oracle = fl::oracle_table_kernels();
  int seen[4] = {};
  for (const std::vector<double>& edges : some_edges()) {
    const fl_axis spec{edges.data(), int64_t(edges.size()) - 1};
    const Axis axis(spec);
    const AxisTable table = axis.table();
    ++seen[int(axis.look())];
    for (const char* tier : tiers()) {
      CHECK(fl_isa_select(tier) == FL_OK);
      const fl::TableKernels& k = fl::table_kernels();
      for (size_t n = 0; n <= 70; ++n) {
        const size_t shift = size_t(r.below(4));
        const std::vector<double> x = values_for(edges, &r, n + shift);
        std::vector<int32_t> a(n + 1, 77);
        std::vector<int32_t> b(n + 1, 77);
        oracle.index_search(x.data() + shift, n, &table, a.data());
        k.index_search(x.data() + shift, n, &table, b.data());
        CHECK(a == b);
        if (axis.look() == Axis::Look::kEven) {
          std::fill(b.begin(), b.end(), 77);
          k.index_even(x.data() + shift, n, &table, b.data());
          CHECK(a == b);
        }
        if (axis.look() == Axis::Look::kLookup) {
          std::fill(b.begin(), b.end(), 77);
          k.index_lookup(x.data() + shift, n, &table, b.data());
          CHECK(a == b);
        }
        for (const int32_t bits : {1, 7, 15}) {
          oracle.sketch_keys(x.data() + shift, n, bits, a.data());
          k.sketch_keys(x.data() + shift, n, bits, b.data());
          CHECK(a == b);
        }
      }
    }
  }
  CHECK(seen[int(Axis::Look::kEven)] > 3);
  CHECK(seen[int(Axis::Look::kLookup)] > 1);
  CHECK(seen[int(Axis::Look::kSearch)] > 0);
}

void whole_number_kernels() {
  test::Random r(4);
  const fl::TableKernels& oracle = fl::oracle_table_kernels();
  for (const char* tier : tiers()) {
    CHECK(fl_isa_select(tier) == FL_OK);
    const fl::TableKernels& k = fl::table_kernels();
    for (size_t n = 0; n <= 70; ++n) {
      std::vector<int32_t> x(n);
      for (int32_t& v : x) v = int32_t(r.below(30)) - 5;
      if (n > 2) {
        x[0] = std::numeric_limits<int32_t>::min();
        x[1] = std::numeric_limits<int32_t>::max();
      }
      std::vector<int32_t> a(n + 1, 1);
      std::vector<int32_t> b(n + 1, 1);
      oracle.index_category(x.data(), n, 20, a.data());
      k.index_category(x.data(), n, 20, b.data());
      CHECK(a == b);
      std::vector<int32_t> cells = a;
      oracle.combine(cells.data(), n, 23, a.data());
      k.combine(cells.data(), n, 23, b.data());
      CHECK(a == b);
      const size_t stride = 24 * 23;
      std::vector<uint32_t> many(fl::kCountTables * stride, 0);
      std::vector<uint32_t> one(stride, 0);
      oracle.count(a.data(), n, stride, one.data());
      k.count(b.data(), n, stride, many.data());
      for (size_t c = 0; c < stride; ++c) {
        uint32_t sum = 0;
        for (size_t t = 0; t < fl::kCountTables; ++t) sum += many[t * stride + c];
        CHECK(sum == one[c]);
      }
    }
  }
}

fl_column column_of(const std::vector<double>& x, const uint8_t* validity = nullptr) {
  return {x.data(), validity, int64_t(x.size()), 8, 0, 0, FL_FLOAT64, 0};
}

// Sums whose exact value is known; halves merged in either order equal the whole.
void moments_are_exact() {
  test::Random r(9);
  std::vector<double> x;
  for (int i = 0; i < 3000; ++i) {
    const double size = std::ldexp(r.unit() - 0.5, int(r.below(2000)) - 1000);
    x.push_back(size);
    x.push_back(-size);
  }
  x.push_back(std::ldexp(1.0, -1074));
  x.push_back(std::numeric_limits<double>::max());
  x.push_back(-std::numeric_limits<double>::max());
  const std::vector<double> half(x.begin(), x.begin() + 1234);
  const std::vector<double> rest(x.begin() + 1234, x.end());
  fl_moments whole, a, b, ab, ba;
  for (fl_moments* m : {&whole, &a, &b, &ab, &ba}) CHECK(fl_moments_init(m, 1) == FL_OK);
  const fl_column all_of = column_of(x), half_of = column_of(half), rest_of = column_of(rest);
  CHECK(fl_moments_fill(nullptr, 0, nullptr, &all_of, &whole) == FL_OK);
  CHECK(fl_moments_fill(nullptr, 0, nullptr, &half_of, &a) == FL_OK);
  CHECK(fl_moments_fill(nullptr, 0, nullptr, &rest_of, &b) == FL_OK);
  CHECK(fl_moments_merge(&ab, &a, 1) == FL_OK && fl_moments_merge(&ab, &b, 1) == FL_OK);
  CHECK(fl_moments_merge(&ba, &b, 1) == FL_OK && fl_moments_merge(&ba, &a, 1) == FL_OK);
  CHECK(std::memcmp(&whole, &ab, sizeof whole) == 0);
  CHECK(std::memcmp(&whole, &ba, sizeof whole) == 0);
  CHECK(whole.sum[0] == 1);  // all cancels but one unit
  CHECK(std::all_of(whole.sum + 1, whole.sum + FL_SUM_LIMBS, [](int64_t v) { return v == 0; }));
  CHECK(whole.max == std::numeric_limits<double>::max());
}

void sketches_merge() {
  test::Random r(12);
  std::vector<double> x;
  for (int i = 0; i < 5000; ++i) x.push_back(std::ldexp(r.unit() - 0.5, int(r.below(2000)) - 1000));
  fl_sketch* whole = nullptr;
  fl_sketch* parts = nullptr;
  CHECK(fl_sketch_create(7, &whole) == FL_OK && fl_sketch_create(7, &parts) == FL_OK);
  const fl_column all = column_of(x);
  CHECK(fl_sketch_fill(whole, nullptr, 0, nullptr, &all) == FL_OK);
  for (size_t at = 0; at < x.size(); at += 700) {
    const std::vector<double> part(x.begin() + long(at),
                                   x.begin() + long(std::min(at + 700, x.size())));
    const fl_column piece = column_of(part);
    CHECK(fl_sketch_fill(parts, nullptr, 0, nullptr, &piece) == FL_OK);
  }
  int64_t n = 0;
  CHECK(fl_sketch_entries(whole, nullptr, 0, &n) == FL_ERROR_CAPACITY && n > 0);
  std::vector<fl_sketch_entry> a(static_cast<size_t>(n));
  std::vector<fl_sketch_entry> b(static_cast<size_t>(n));
  CHECK(fl_sketch_entries(whole, a.data(), n, &n) == FL_OK);
  CHECK(fl_sketch_entries(parts, b.data(), n, &n) == FL_OK);
  CHECK(std::memcmp(a.data(), b.data(), a.size() * sizeof a[0]) == 0);
  CHECK(fl_sketch_add(parts, a.data(), n) == FL_OK);
  CHECK(fl_sketch_entries(parts, b.data(), n, &n) == FL_OK);
  for (size_t k = 0; k < a.size(); ++k) CHECK(b[k].count == 2 * a[k].count);
  // Extremes stay, whichever comes last.
  for (const double inner : {0.25, 0.5}) {
    std::vector<fl_sketch_entry> narrow = a;
    for (fl_sketch_entry& e : narrow) e.min = e.max = e.min + inner * (e.max - e.min);
    CHECK(fl_sketch_add(parts, narrow.data(), n) == FL_OK);
  }
  CHECK(fl_sketch_entries(parts, b.data(), n, &n) == FL_OK);
  for (size_t k = 0; k < a.size(); ++k) CHECK(b[k].min == a[k].min && b[k].max == a[k].max);
  fl_sketch_destroy(whole);
  fl_sketch_destroy(parts);
}

// Strided, unaligned, narrow, partly unknown: the same counts as plain float64.
void any_column_will_do() {
  test::Random r(6);
  const std::vector<double> edges = even(0, 50, 25);
  const fl_axis axis{edges.data(), 25};
  std::vector<uint8_t> bytes;
  std::vector<double> plain;
  std::vector<uint8_t> validity(400, 0);
  for (int i = 0; i < 3000; ++i) {
    const auto v = uint8_t(r.below(60));
    const bool known = r.below(4) > 0;
    bytes.insert(bytes.end(), {0xEE, v, 0xEE});
    plain.push_back(known ? double(v) : std::nan(""));
    if (known) validity[size_t(i + 5) / 8] |= uint8_t(1U << ((i + 5) % 8));
  }
  const fl_column narrow{bytes.data() + 1, validity.data(), 3000, 3, 5, 0, FL_UINT8, 0};
  const fl_column reversed{plain.data() + 2999, nullptr, 3000, -8, 0, 0, FL_FLOAT64, 0};
  const fl_column wide = column_of(plain);
  std::vector<int64_t> a(28, 0), b(28, 0), c(28, 0);
  CHECK(fl_histogram_fill(&axis, 1, &wide, nullptr, a.data(), nullptr, nullptr) == FL_OK);
  CHECK(fl_histogram_fill(&axis, 1, &narrow, nullptr, b.data(), nullptr, nullptr) == FL_OK);
  CHECK(fl_histogram_fill(&axis, 1, &reversed, nullptr, c.data(), nullptr, nullptr) == FL_OK);
  CHECK(a == b && a == c && a[27] > 0 && a[26] > 0);
}

void wrong_arguments_write_nothing() {
  const std::vector<double> edges = {0, 1, 2};
  const std::vector<double> falling = {0, 2, 1};
  const std::vector<double> x = {0.5, 1.5};
  const std::vector<double> bad_weight = {1, std::nan("")};
  const fl_axis axis{edges.data(), 2};
  const fl_axis wrong{falling.data(), 2};
  const fl_axis category{nullptr, 2};
  const fl_axis huge[2] = {{nullptr, 100000}, {nullptr, 100000}};
  const fl_column column = column_of(x);
  const fl_column weight = column_of(bad_weight);
  int64_t counts[5] = {};
  fl_fixed sums[5] = {};
  double heaviest = 0;
  const auto fill = [&](const fl_axis* a, int32_t n, const fl_column* c, const fl_column* w) {
    return fl_histogram_fill(a, n, c, w, counts, w ? sums : nullptr, w ? &heaviest : nullptr);
  };
  CHECK(fill(&wrong, 1, &column, nullptr) == FL_ERROR_ARGUMENT);
  CHECK(fill(&category, 1, &column, nullptr) == FL_ERROR_ARGUMENT);
  CHECK(fill(&axis, 0, &column, nullptr) == FL_ERROR_ARGUMENT);
  CHECK(fill(&axis, 9, &column, nullptr) == FL_ERROR_ARGUMENT);
  CHECK(fill(&axis, 1, &column, &weight) == FL_ERROR_ARGUMENT);
  const std::vector<int32_t> ids = {1, 2};
  const fl_column id{ids.data(), nullptr, 2, 4, 0, 0, FL_INT32, 0};
  const fl_column two[2] = {id, id};
  CHECK(fill(huge, 2, two, nullptr) == FL_ERROR_OVERFLOW);
  fl_column broken = column;
  broken.dtype = 99;
  CHECK(fill(&axis, 1, &broken, nullptr) == FL_ERROR_ARGUMENT);
  broken = column;
  broken.data = nullptr;
  CHECK(fill(&axis, 1, &broken, nullptr) == FL_ERROR_ARGUMENT);
  CHECK(std::all_of(counts, counts + 5, [](int64_t v) { return v == 0; }));
  CHECK(fill(&axis, 1, &column, nullptr) == FL_OK && counts[1] == 1 && counts[2] == 1);
  fl_sketch* sketch = nullptr;
  CHECK(fl_sketch_create(0, &sketch) == FL_ERROR_ARGUMENT && sketch == nullptr);
}

// ---- Arrow in: an array of lists of boxes with one thing after the other broken ----

int released = 0;
void release_array(ArrowArray* a) {
  ++released;
  a->release = nullptr;
}
void release_schema(ArrowSchema* s) { s->release = nullptr; }
void release_child(ArrowArray*) {}
void release_child_schema(ArrowSchema*) {}

struct Lists {
  std::vector<double> numbers = std::vector<double>(64, 1.5);
  std::vector<int32_t> offsets = {0, 2, 2, 5};
  uint8_t validity[1] = {0x05};
  const void* number_buffers[2] = {nullptr, numbers.data()};
  const void* box_buffers[1] = {nullptr};
  const void* list_buffers[2] = {validity, offsets.data()};
  ArrowArray number{20, 0, 0, 2, 0, number_buffers, nullptr, nullptr, release_child, nullptr};
  ArrowArray* box_children[1] = {&number};
  ArrowArray box{5, 0, 0, 1, 1, box_buffers, box_children, nullptr, release_child, nullptr};
  ArrowArray* list_children[1] = {&box};
  ArrowArray list{3, 1, 0, 2, 1, list_buffers, list_children, nullptr, release_array, nullptr};
  ArrowSchema number_schema{"g", "", nullptr, 2, 0, nullptr, nullptr, release_child_schema, nullptr};
  ArrowSchema* box_schemas[1] = {&number_schema};
  ArrowSchema box_schema{"+w:4", "", nullptr, 2, 1, box_schemas, nullptr, release_child_schema,
                         nullptr};
  ArrowSchema* list_schemas[1] = {&box_schema};
  ArrowSchema list_schema{"+l", "", nullptr, 2, 1, list_schemas, nullptr, release_schema, nullptr};
};

// Reads all there is to read; true when it was accepted.
bool accepted(Lists* lists) {
  fl_arrow* reader = nullptr;
  CHECK(fl_arrow_create(&reader) == FL_OK);
  bool fine = fl_arrow_open_array(reader, &lists->list_schema, &lists->list) == FL_OK;
  CHECK(lists->list.release == nullptr && lists->list_schema.release == nullptr);
  fl_arrow_batch* batch = nullptr;
  fine = fine && fl_arrow_next(reader, &batch) == FL_OK && batch != nullptr;
  if (fine) {
    fl_arrow_view nodes[8];
    int64_t n = 0;
    fine = fl_arrow_batch_column(batch, 0, nodes, 8, &n) == FL_OK;
    if (!fine) CHECK(fl_arrow_batch_message(batch)[0] != 0);
    for (int64_t k = 0; fine && k < n; ++k) {
      if (nodes[k].kind != FL_ARROW_NUMBERS) continue;
      // What was accepted can be read.
      double sum = 0;
      const auto* bytes = static_cast<const unsigned char*>(nodes[k].data);
      for (int64_t i = 0; i < nodes[k].length * 8; ++i) sum += bytes[i];
      CHECK(sum >= 0);
    }
  } else {
    CHECK(fl_arrow_message(reader)[0] != 0);
  }
  fl_arrow_batch_destroy(batch);
  fl_arrow_destroy(reader);
  return fine;
}

void arrow_is_checked_and_released_once() {
  {
    Lists lists;
    released = 0;
    CHECK(accepted(&lists) && released == 1);
  }
  const auto refused = [](auto break_it, int line = __builtin_LINE()) {
    Lists lists;
    break_it(&lists);
    released = 0;
    const bool was_live = lists.list.release != nullptr;
    const bool taken = accepted(&lists);
    if (taken) std::printf("the case of line %d was taken\n", line);
    CHECK(!taken);
    CHECK(released == (was_live ? 1 : 0));
  };
  refused([](Lists* l) { l->list.release = nullptr; });
  refused([](Lists* l) { l->box.release = nullptr; });
  refused([](Lists* l) { l->list_schema.release = nullptr; });
  refused([](Lists* l) { l->list.length = -1; });
  refused([](Lists* l) { l->list.offset = INT64_MAX; });
  refused([](Lists* l) { l->number.offset = INT64_MAX / 2; });
  refused([](Lists* l) { l->list.null_count = 4; });
  refused([](Lists* l) { l->box.null_count = 1; });
  refused([](Lists* l) { l->list.n_buffers = 1; });
  refused([](Lists* l) { l->list.buffers = nullptr; });
  refused([](Lists* l) { l->list_buffers[1] = nullptr; });
  refused([](Lists* l) { l->number_buffers[1] = nullptr; });
  refused([](Lists* l) { l->list.children = nullptr; });
  refused([](Lists* l) { l->list_children[0] = nullptr; });
  refused([](Lists* l) { l->offsets[1] = 4; });
  refused([](Lists* l) { l->offsets[3] = 6; });
  refused([](Lists* l) { l->offsets[3] = 1; });
  refused([](Lists* l) { l->number.length = 19; });
  refused([](Lists* l) { l->list.dictionary = &l->number; });
  refused([](Lists* l) { l->box_schema.format = "+w:"; });
  refused([](Lists* l) { l->box_schema.format = "+w:99999999999999999999"; });
  refused([](Lists* l) { l->number_schema.format = "e"; });
  refused([](Lists* l) { l->list_schema.n_children = 2; });
  refused([](Lists* l) { l->list_schemas[0] = &l->list_schema; });  // a type inside itself
  fl_arrow* reader = nullptr;
  CHECK(fl_arrow_create(&reader) == FL_OK);
  fl_arrow_batch* batch = nullptr;
  CHECK(fl_arrow_next(reader, &batch) == FL_ERROR_ARGUMENT);
  CHECK(fl_arrow_open_stream(reader, nullptr) == FL_ERROR_ARGUMENT);
  fl_arrow_destroy(reader);
}

int failing_schema(ArrowArrayStream*, ArrowSchema*) { return 5; }
int endless_batches(ArrowArrayStream*, ArrowArray* out) {
  static Lists foreign;
  *out = foreign.list;
  return 0;
}
void release_stream(ArrowArrayStream* s) {
  ++released;
  s->release = nullptr;
}

void a_refused_stream_is_let_go() {
  fl_arrow* reader = nullptr;
  CHECK(fl_arrow_create(&reader) == FL_OK);
  ArrowArrayStream stream{failing_schema, endless_batches, nullptr, release_stream, nullptr};
  released = 0;
  CHECK(fl_arrow_open_stream(reader, &stream) == FL_ERROR_ARGUMENT);
  CHECK(released == 1 && stream.release == nullptr);
  // Batches of the refused stream must not follow those of what is opened next.
  Lists lists;
  CHECK(fl_arrow_open_array(reader, &lists.list_schema, &lists.list) == FL_OK);
  fl_arrow_batch* batch = nullptr;
  CHECK(fl_arrow_next(reader, &batch) == FL_OK && batch != nullptr);
  fl_arrow_batch_destroy(batch);
  CHECK(fl_arrow_next(reader, &batch) == FL_OK && batch == nullptr);
  fl_arrow_batch_destroy(batch);
  fl_arrow_destroy(reader);
}

// Rows that are null as a whole are counted where who made the table did not.
void uncounted_nulls_of_a_table() {
  for (const uint8_t known : {uint8_t{0x3C}, uint8_t{0x34}}) {
    Lists lists;
    lists.box_schema.format = "+s";
    lists.box_schema.release = release_schema;
    lists.box.release = release_array;
    lists.box_buffers[0] = &known;
    lists.box.length = 4;
    lists.box.offset = 2;
    lists.box.null_count = -1;
    fl_arrow* reader = nullptr;
    CHECK(fl_arrow_create(&reader) == FL_OK);
    CHECK(fl_arrow_open_array(reader, &lists.box_schema, &lists.box) == FL_OK);
    fl_arrow_batch* batch = nullptr;
    const fl_status status = fl_arrow_next(reader, &batch);
    CHECK(status == (known == 0x3C ? FL_OK : FL_ERROR_ARGUMENT));
    fl_arrow_batch_destroy(batch);
    fl_arrow_destroy(reader);
  }
}

// Counts of every size in every place, as long as the buffers hold what they say.
void arrow_survives_any_counts() {
  test::Random r(31);
  const int64_t odd[] = {-1, 0, 1, 2, 3, 5, INT64_MAX, INT64_MIN, INT64_MAX / 4};
  int taken = 0;
  for (int round = 0; round < 4000; ++round) {
    Lists lists;
    for (int k = 0; k < 2; ++k) {
      ArrowArray* a[] = {&lists.list, &lists.box, &lists.number};
      ArrowArray& chosen = *a[r.below(3)];
      const int64_t value = odd[r.below(9)];
      switch (r.below(4)) {
        case 0: chosen.null_count = value; break;
        case 1: chosen.n_buffers = value; break;
        case 2: chosen.n_children = value; break;
        default:
          // Fewer lists, boxes or numbers are the truth too; more are not, unless absurd.
          if (value < 2 || value > 1000) {
            chosen.length = value;
          }
          if (r.below(4) == 0) chosen.offset = INT64_MAX / int64_t(1 + r.below(4000));
      }
    }
    taken += accepted(&lists);
  }
  CHECK(taken > 50);
}

}  // namespace

int main() {
  CHECK(fl_init() == FL_OK);
  every_tier_equals_the_oracle();
  whole_number_kernels();
  moments_are_exact();
  sketches_merge();
  any_column_will_do();
  wrong_arguments_write_nothing();
  arrow_is_checked_and_released_once();
  a_refused_stream_is_let_go();
  uncounted_nulls_of_a_table();
  arrow_survives_any_counts();
  return test::finish("tables");
}
