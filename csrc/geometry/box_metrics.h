// The metrics on vectors of boxes, for box_kernels_tier.cpp alone (see box_lanes.h).
//
// Formulas and the order of operations are torchvision's, so that float results are the same
// bits as those of its formulas wherever these are defined.

template <typename V>
struct BoxVector {
  V x1, y1, x2, y2, area, extra;
};

template <typename V, typename T>
FL_INLINE BoxVector<V> load_boxes(const BoxColumns<T>& from, size_t at) noexcept {
  const T* p = from.data + at;
  const size_t c = from.capacity;
  return {load<V>(p),         load<V>(p + c),     load<V>(p + 2 * c),
          load<V>(p + 3 * c), load<V>(p + 4 * c), load<V>(p + 5 * c)};
}
template <typename V, typename T>
FL_INLINE BoxVector<V> splat_box(const BoxColumns<T>& from, size_t at) noexcept {
  const T* p = from.data + at;
  const size_t c = from.capacity;
  return {splat<V>(p[0]),     splat<V>(p[c]),     splat<V>(p[2 * c]),
          splat<V>(p[3 * c]), splat<V>(p[4 * c]), splat<V>(p[5 * c])};
}

template <typename T, typename V>
FL_INLINE V overlap(const BoxVector<V>& a, const BoxVector<V>& b) noexcept {
  const V zero = V{};
  const V w = greater<T>(lesser<T>(a.x2, b.x2) - greater<T>(a.x1, b.x1), zero);
  const V h = greater<T>(lesser<T>(a.y2, b.y2) - greater<T>(a.y1, b.y1), zero);
  return w * h;
}

// GIoU, DIoU, CIoU. Packing made boxes that have none of them NaN.
template <int32_t kMetric, typename T, typename V>
FL_INLINE V hull_metric(const BoxVector<V>& a, const BoxVector<V>& b, T eps) noexcept {
  const V zero = V{};
  const V one = splat<V>(T{1});
  const V inter = overlap<T>(a, b);
  const V either = a.area + b.area - inter;
  const V iou = inter / (either == zero ? one : either);
  const V w = greater<T>(a.x2, b.x2) - lesser<T>(a.x1, b.x1);
  const V h = greater<T>(a.y2, b.y2) - lesser<T>(a.y1, b.y1);
  V penalty;
  if constexpr (kMetric == FL_GIOU) {
    const V hull = w * h;
    penalty = (hull - either) / hull;
    penalty = hull > zero ? penalty : zero;
  } else {
    const V dx = (a.x1 + a.x2) / T{2} - (b.x1 + b.x2) / T{2};
    const V dy = (a.y1 + a.y2) / T{2} - (b.y1 + b.y2) / T{2};
    penalty = (dx * dx + dy * dy) / (w * w + h * h + eps);
  }
  // A share of the hull; 1 where sides were so long that a sum or a square left the range.
  penalty = penalty <= one ? penalty : one;
  penalty = penalty >= -one ? penalty : one;
  V value = iou - penalty;
  if constexpr (kMetric == FL_CIOU) {
    const V turn = b.extra - a.extra;
    const V v = static_cast<T>(4 / (3.14159265358979323846 * 3.14159265358979323846)) *
                (turn * turn);
    value = value - v / (T{1} - iou + v + eps) * v;
  }
  return value == value ? value : -one;
}

// kGuarded: both boxes may be without an area, which must give 0 and not 0 / 0.
template <int32_t kMetric, bool kGuarded, typename T, typename V>
FL_INLINE V metric_of(const BoxVector<V>& a, const BoxVector<V>& b, T eps) noexcept {
  if constexpr (kMetric == FL_GIOU || kMetric == FL_DIOU || kMetric == FL_CIOU) {
    return hull_metric<kMetric, T>(a, b, eps);
  } else {
    const V zero = V{};
    const V inter = overlap<T>(a, b);
    V whole;
    if constexpr (kMetric == FL_IOU) whole = a.area + b.area - inter;
    if constexpr (kMetric == FL_IOA) whole = a.area;
    if constexpr (kMetric == FL_IOS) whole = lesser<T>(a.area, b.area);
    if constexpr (kMetric == kIouWithCrowd) {
      whole = b.extra != zero ? a.area : a.area + b.area - inter;
    }
    // The smaller of two areas may be 0 when the other is not.
    if constexpr (kGuarded || kMetric == FL_IOS) {
      whole = whole > zero ? whole : splat<V>(T{1});
    }
    return inter / whole;
  }
}
