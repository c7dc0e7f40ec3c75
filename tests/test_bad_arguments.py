"""What is no number, switch, word or sound array is refused by name, by every function alike."""

from __future__ import annotations

import numpy as np
import pytest

import fastlabel as fl
from fastlabel.tables import Histogram, QuantileSketch, Regular

BOXES = np.array([[0.0, 0, 10, 10], [5, 5, 20, 20], [1, 2, 3, 4]])
SCORES = np.array([0.9, 0.8, 0.7])
OFFSETS = [0, 2, 3]
ORIENTED = np.array([[5, 5, 4, 2, 0.1], [9, 9, 3, 3, 0]])
IMAGE = np.arange(12 * 10 * 3, dtype=np.uint8).reshape(12, 10, 3)
GROUPS = [0, 1, 1]

CALLS = {
    "box_area": {"boxes": BOXES},
    "box_convert": {"boxes": BOXES, "in_fmt": "xyxy", "out_fmt": "xywh"},
    "clip_boxes_to_image": {"boxes": BOXES, "size": (8, 8)},
    "box_iou": {"boxes1": BOXES, "boxes2": BOXES},
    "generalized_box_iou": {"boxes1": BOXES, "boxes2": BOXES},
    "distance_box_iou": {"boxes1": BOXES, "boxes2": BOXES},
    "box_pairs": {"boxes": BOXES, "offsets": OFFSETS, "threshold": 0.5},
    "ragged_best": {
        "boxes1": BOXES,
        "offsets1": OFFSETS,
        "boxes2": BOXES,
        "offsets2": OFFSETS,
    },
    "nms": {"boxes": BOXES, "scores": SCORES, "iou_threshold": 0.5},
    "soft_nms": {"boxes": BOXES, "scores": SCORES},
    "obb_iou": {"boxes1": ORIENTED, "boxes2": ORIENTED},
    "obb_nms": {"boxes": ORIENTED, "scores": SCORES[:2], "iou_threshold": 0.5},
    "match_coco": {
        "predictions": BOXES,
        "prediction_offsets": OFFSETS,
        "scores": SCORES,
        "labels": BOXES,
        "label_offsets": OFFSETS,
    },
    "weighted_boxes_fusion": {
        "boxes_list": [BOXES],
        "scores_list": [SCORES],
        "labels_list": [GROUPS],
    },
    "luma": {"img": IMAGE},
    "laplacian_variance": {"img": IMAGE},
    "letterbox": {"img": IMAGE, "size": 8},
    "resize_area": {"img": IMAGE, "size": 8},
    "composite": {"scene": IMAGE, "patch": IMAGE[:4], "x": 0, "y": 0},
    "histogram": {"values": SCORES},
    "grouped_histogram": {"groups": GROUPS, "values": SCORES},
    "grouped_stats": {"groups": GROUPS, "values": SCORES},
    "hamming_distance": {"a": [1, 2, 3], "b": 1},
    "content_hash": {"data": b"abc"},
}


class TwoTruths:
    """As a tensor of several numbers: not to be compared or told true from false."""

    def __bool__(self):
        raise RuntimeError("Boolean value of Tensor with more than one value is ambiguous")

    __lt__ = __gt__ = __le__ = __ge__ = lambda self, other: self


def test_the_calls_are_right_but_for_what_is_changed():
    for name, arguments in CALLS.items():
        getattr(fl, name)(**arguments)


MASKED = [
    (name, argument)
    for name, arguments in CALLS.items()
    for argument, value in arguments.items()
    if argument not in ("size", "boxes_list", "scores_list", "labels_list")
    and isinstance(value, (np.ndarray, list))
]


@pytest.mark.parametrize(("name", "argument"), MASKED)
def test_a_mask_is_not_dropped_in_silence(name, argument):
    array = np.asarray(CALLS[name][argument])
    mask = np.zeros(array.shape, bool)
    mask.flat[-1] = True
    call = getattr(fl, name)
    said = "value" if (name, argument) == ("grouped_stats", "values") else argument
    with pytest.raises(ValueError, match=f"^{said}: got 1 masked entries"):
        call(**{**CALLS[name], argument: np.ma.array(array, mask=mask)})
    call(**{**CALLS[name], argument: np.ma.array(array)})


@pytest.mark.parametrize(
    ("name", "argument"),
    [
        ("distance_box_iou", "eps"),
        ("box_pairs", "threshold"),
        ("box_pairs", "max_per_box"),
        ("ragged_best", "threshold"),
        ("nms", "iou_threshold"),
        ("soft_nms", "sigma"),
        ("soft_nms", "score_threshold"),
        ("obb_nms", "iou_threshold"),
        ("match_coco", "max_dets"),
        ("weighted_boxes_fusion", "iou_thr"),
        ("weighted_boxes_fusion", "skip_box_thr"),
        ("letterbox", "scale"),
        ("letterbox", "mean"),
        ("letterbox", "workers"),
        ("laplacian_variance", "workers"),
        ("composite", "x"),
        ("composite", "opacity"),
    ],
)
@pytest.mark.parametrize(
    "value", ["0.5", True, 1j, [], np.array([0.5, 0.6]), TwoTruths()], ids=lambda v: str(type(v))
)
def test_what_is_no_number_is_named(name, argument, value):
    with pytest.raises((TypeError, ValueError), match=f"^{argument}: "):
        getattr(fl, name)(**{**CALLS[name], argument: value})


@pytest.mark.parametrize(
    ("name", "argument", "value"),
    [
        ("box_pairs", "max_per_box", float("inf")),
        ("box_pairs", "max_per_box", 2**70),
        ("match_coco", "max_dets", float("inf")),
        ("match_coco", "max_dets", 1.5),
        ("match_coco", "max_dets", 2**70),
        ("nms", "iou_threshold", 10**400),
        ("box_area", "boxes", np.zeros((5, 0))),
        ("obb_nms", "boxes", np.zeros((2, 0))),
        ("box_iou", "invalid", ["raise"]),
        ("ragged_best", "metric", ["iou"]),
        ("luma", "order", ["bgr"]),
        ("letterbox", "layout", np.array(["nchw", "nhwc"])),
        ("weighted_boxes_fusion", "boxes_list", None),
        ("weighted_boxes_fusion", "scores_list", np.array(0.5)),
        ("laplacian_variance", "boxes", "none"),
        ("content_hash", "data", "text"),
        ("content_hash", "data", np.array([object()])),
        ("hamming_distance", "b", [1, 2]),
        ("histogram", "range", 3),
        ("histogram", "range", (0, "1")),
        ("histogram", "range", (0, float("nan"))),
        ("histogram", "bins", ["0", "1"]),
        ("histogram", "bins", [0, 1j]),
        ("histogram", "bins", [1, 0]),
        ("histogram", "values", BOXES),
        ("grouped_histogram", "values", BOXES),
        ("grouped_stats", "groups", ["a", 1, "b"]),
        ("grouped_stats", "groups", [2**40, 0, 1]),
    ],
)
def test_other_values_are_named(name, argument, value):
    with pytest.raises((TypeError, ValueError), match=f"^{argument}"):
        getattr(fl, name)(**{**CALLS[name], argument: value})


@pytest.mark.parametrize(
    ("name", "argument"),
    [
        ("box_iou", "aligned"),
        ("obb_iou", "aligned"),
        ("letterbox", "center"),
        ("letterbox", "scale_up"),
        ("letterbox", "stretch"),
        ("letterbox", "swap_rb"),
        ("weighted_boxes_fusion", "allows_overflow"),
    ],
)
@pytest.mark.parametrize("value", ["no", None, 1.0, TwoTruths()], ids=lambda v: str(type(v)))
def test_a_switch_is_true_or_false(name, argument, value):
    with pytest.raises(TypeError, match=f"^{argument}: .*expected True or False"):
        getattr(fl, name)(**{**CALLS[name], argument: value})


def test_oriented_matrices_have_the_limit_of_the_others():
    many = np.broadcast_to(ORIENTED[:1], (50_000, 5))
    with pytest.raises(ValueError, match=r"^boxes1, boxes2: got 50000 x 50000 .* 2\*\*31 pairs"):
        fl.obb_iou(many, many)


def test_groups_may_be_a_column_of_texts_of_any_library():
    pa = pytest.importorskip("pyarrow")
    texts = ["b", None, "a", "b"]
    columns = [
        texts,
        np.array(texts, object),
        ["b", float("nan"), "a", "b"],
        pa.array(texts),
        pa.array(texts).dictionary_encode(),
        pa.chunked_array([["b", None], ["a"], [], ["b"]]),
        pytest.importorskip("polars").Series(texts),
        pytest.importorskip("pandas").Series(texts, dtype="str"),
        pytest.importorskip("pandas").Series(texts, dtype="category"),
    ]
    for column in columns:
        stats = fl.grouped_stats(column, [1.0, 9.0, 2.0, 4.0])
        assert stats.axes[0].names == ("a", "b"), column
        assert stats.mean("value").tolist() == [2.0, 2.5], column
    numbers = pa.array([1, None, 0, 1])
    assert fl.grouped_stats(numbers, [1.0, 9.0, 2.0, 4.0]).mean("value").tolist() == [2.0, 2.5]


def test_corners_of_a_table_go_by_name_whatever_holds_it():
    pd = pytest.importorskip("pandas")
    rows = {"y2": [4.0], "label": [7.0], "x1": [1.0], "x2": [3.0], "y1": [2.0]}
    frame = pd.DataFrame(rows)
    tables = [frame, frame.drop(columns="label"), pytest.importorskip("polars").DataFrame(rows)]
    for table in tables:
        assert fl.box_convert(table, "xyxy", "xywh").tolist() == [[1.0, 2.0, 2.0, 2.0]]
    plain = pd.DataFrame([[1.0, 2.0, 3.0, 4.0]])
    assert fl.box_area(plain).tolist() == [4.0]


@pytest.mark.parametrize(
    "made",
    [
        Histogram(Regular(3, 0, 1)).fill([0.5]),
        fl.grouped_stats([0, 1], [1.0, 2.0]),
        QuantileSketch().fill([1.0, 2.0]),
    ],
    ids=lambda made: type(made).__name__,
)
def test_broken_plain_values_are_value_errors(made):
    whole = made.to_dict()
    with pytest.raises(TypeError, match=r"^plain: got NoneType"):
        type(made).from_dict(None)
    for key in whole:
        without = {k: v for k, v in whole.items() if k != key}
        with pytest.raises(ValueError):
            type(made).from_dict(without)
        for value in (None, "a", [2**70], [-1], [{"kind": "regular"}]):
            with pytest.raises(ValueError):
                type(made).from_dict({**whole, key: value})
    assert type(made).from_dict(whole) == made


def test_degrees_of_freedom_and_quantiles_are_numbers():
    with pytest.raises(TypeError, match=r"^ddof: "):
        fl.grouped_stats([0, 1], [1.0, 2.0]).variance("value", ddof=1.5)
    with pytest.raises(TypeError, match=r"^q: "):
        QuantileSketch().fill([1.0]).quantile([0.5])
