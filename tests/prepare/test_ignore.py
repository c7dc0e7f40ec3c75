"""Rules that turn boxes into regions to ignore or give them a weight."""

from __future__ import annotations

import json

import numpy as np
import pytest

import fastlabel as fl
from fastlabel import IgnoreRules, mark_ignored
from fastlabel.config import ConfigError, parse


def a_set(folder, *annotations, size=(1280, 720)):
    """One image of 1280 x 720; annotations as (class, bbox, extra keys)."""
    folder.mkdir(exist_ok=True)
    rows = [
        {"id": i, "image_id": 1, "category_id": c, "bbox": box, **extra}
        for i, (c, box, extra) in enumerate(annotations, 1)
    ]
    image = {"id": 1, "file_name": "a.png"}
    if size:
        image |= {"width": size[0], "height": size[1]}
    classes = [{"id": 1, "name": "bird"}, {"id": 2, "name": "kite"}]
    labels = {"images": [image], "annotations": rows, "categories": classes}
    (folder / "labels.json").write_text(json.dumps(labels))
    return fl.read(folder)


def sides(*pairs):
    return [(1, [10, 10, w, h], {}) for w, h in pairs]


def marks(marked):
    rows = marked.dataset.annotations
    return rows["ignore"].to_pylist(), rows["weight"].to_pylist()


def test_without_a_deployment_15_px_at_1080p_both_ways(tmp_path):
    # 1280 x 720 is scaled by 1.5: 9.9 px become 14.85, 10 px 15.
    data = a_set(tmp_path, *sides((9.9, 9.9), (9.9, 10), (10, 10), (3, 40)))
    marked = mark_ignored(data)
    assert marks(marked)[0] == [True, None, None, None]
    row = marked.changes.to_pylist()[0]
    assert (row["rule"], row["change"], row["threshold"]) == ("below", "ignore", 15)
    assert row["value"] == pytest.approx(14.85)
    assert (row["file_name"], row["category"]) == ("a.png", "bird")
    assert data.annotations["ignore"].to_pylist() == [None] * 4, "the original is as it was"


def test_the_deployment_counts_by_the_short_side(tmp_path):
    # At 640 x 640 the image is halved; its min_target is one stride of 8 px.
    data = a_set(tmp_path, *sides((15.9, 99), (16, 16), (99, 15.9)))
    assert marks(mark_ignored(data, deploy="edge-640"))[0] == [True, None, True]


@pytest.mark.parametrize(
    ("size", "limit"),
    [({"strides": 1}, 16), ({"input_px": 3}, 6), ({"px": 7}, 7), ({"px_1080p": 15}, 10)],
)
def test_units(tmp_path, size, limit):
    data = a_set(tmp_path, *sides((limit - 0.01, limit - 0.01), (limit, limit)))
    marked = mark_ignored(data, IgnoreRules(below=size), deploy="edge-640")
    assert marks(marked)[0] == [True, None]
    assert mark_ignored(data, IgnoreRules(below={})).changes.num_rows == 0


def test_small_ones_get_a_weight(tmp_path):
    data = a_set(tmp_path, *sides((12, 12), (16, 16), (31, 99), (32, 32)))
    rules = IgnoreRules(below={"strides": 1}, small={"strides": 2}, weight_small=0.25)
    marked = mark_ignored(data, rules, deploy="edge-640")
    assert marks(marked) == ([True, None, None, None], [None, 0.25, 0.25, None])
    assert [c[:3] for c in marked.counts()] == [
        ("ignore", "below", "bird"),
        ("weight", "weight_small", "bird"),
    ]


def test_occlusion_truncation_and_difficult(tmp_path):
    big = [10, 10, 200, 200]
    data = a_set(
        tmp_path,
        (1, big, {"occlusion": 0}),
        (1, big, {"occlusion": 1}),
        (1, big, {"occlusion": 2, "weight": 0.1}),
        (1, big, {"occlusion": 3}),
        (2, big, {"truncated": 0.4}),
        (2, big, {"truncated": 0.9}),
        (2, big, {"difficult": 1}),
    )
    rules = IgnoreRules(
        occlusion=3,
        weight_occluded={"1": 0.75, "2": 0.5},
        truncation=0.8,
        weight_truncated=0.5,
        difficult=True,
    )
    marked = mark_ignored(data, rules)
    ignore, weight = marks(marked)
    assert ignore == [None, None, None, True, None, True, True]
    assert weight == [None, 0.75, pytest.approx(0.1), None, 0.5, None, None]
    assert marked.dataset.annotations["occlusion"].to_pylist()[:4] == [0, 1, 2, 3]
    flat = mark_ignored(data, IgnoreRules(weight_occluded=0.25))
    assert marks(flat)[1][:4] == [None, 0.25, pytest.approx(0.1), 0.25]


def test_what_is_set_aside_or_broken_stays(tmp_path):
    data = a_set(
        tmp_path,
        (1, [0, 0, 3, 3], {"iscrowd": 1}),
        (1, [0, 0, 3, 3], {"ignore": 1}),
        (1, [0, 0, 0, 3], {}),
        (1, [9, 9, -3, 3], {}),
        (2, [0, 0, 3, 3], {}),
    )
    assert marks(mark_ignored(data))[0] == [None, True, None, None, True]
    only = mark_ignored(data, IgnoreRules(classes=("bird",)))
    assert (only.judged, only.changes.num_rows) == (2, 0)


def test_nan_and_unknown_sizes_are_not_judged(tmp_path):
    data = a_set(tmp_path, (1, [float("nan"), 0, 3, 3], {}), (1, [0, 0, 3, 3], {}), size=None)
    marked = mark_ignored(data)
    assert marks(marked)[0] == [None, None]
    assert (marked.judged, marked.unjudged) == (2, 1)
    assert marks(mark_ignored(data, IgnoreRules(below={"px": 4})))[0] == [None, True]


def test_the_size_comes_from_the_file_where_the_label_has_none(tmp_path):
    import cv2

    data = a_set(tmp_path, *sides((9.9, 9.9), (10, 10)), size=None)
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((720, 1280), np.uint8))
    assert marks(mark_ignored(fl.read(tmp_path)))[0] == [True, None]
    assert data is not None


def visible_set(folder, *rows):
    """(bbox, visible box, full box): pedestrians with both."""
    return a_set(
        folder,
        *[
            (1, box, {k: v for k, v in (("vbox", vis), ("fbox", full)) if v is not None})
            for box, vis, full in rows
        ],
    )


def test_visible_share(tmp_path):
    full = [100, 100, 100, 200]
    rows = [
        (full, [100, 100, 100, 20], None),
        (full, [100, 100, 100, 100], None),
        (full, None, None),
    ]
    data = visible_set(tmp_path, *rows)
    rules = IgnoreRules(min_visible=0.25, box_convention="full")
    marked = mark_ignored(data, rules)
    assert marks(marked)[0] == [True, None, None]
    assert marked.changes["value"].to_pylist() == [pytest.approx(0.1)]
    assert marked.notes == ()


def test_a_contradicted_convention_is_refused_and_a_few_are_noted(tmp_path):
    full, half = [100, 100, 100, 200], [100, 100, 100, 80]
    data = visible_set(tmp_path, *[(full, half, full)] * 3, (half, half, full))
    wanted = "declared 'visible', but 3 of 4 boxes that can tell are the full ones"
    with pytest.raises(fl.DatasetError, match=wanted):
        mark_ignored(data, IgnoreRules(box_convention="visible"))
    (note,) = mark_ignored(data, IgnoreRules(box_convention="full")).notes
    assert (
        "1 of 4 boxes that can tell are the visible ones (the first: a.png, annotation 3)" in note
    )
    (note,) = mark_ignored(data).notes
    assert "1 boxes are drawn around the visible part and 3 around the whole" in note


@pytest.mark.parametrize(
    ("values", "wanted"),
    [
        ({"below": 3}, "below: got 3, expected one size such as"),
        ({"below": {"stride": 1}}, "below: unknown unit 'stride'; did you mean 'strides'?"),
        ({"below": {"px": 0}}, "below.px: got 0, expected a number over 0"),
        ({"below": {"px": float("nan")}}, "below.px: got nan, expected a number over 0"),
        ({"weight_small": 1.5}, "weight_small: got 1.5, expected a number from 0 to 1"),
        ({"weight_small": float("nan")}, "weight_small: got nan"),
        ({"weight_occluded": {"1": -1}}, "weight_occluded.1: got -1"),
        ({"weight_occluded": {"0": 1}}, "weight_occluded: got 0, expected levels"),
        ({"occlusion": 0}, "occlusion: got 0, expected a level from 1"),
        ({"occlusion": True}, "occlusion: got True"),
        ({"min_visible": "most"}, "min_visible: got 'most'"),
        ({"difficult": 1}, "difficult: got 1, expected true or false"),
        ({"classes": "bird"}, "classes: got 'bird', expected a list"),
        ({"box_convention": "half"}, "box_convention: got 'half', expected visible or full"),
    ],
)
def test_wrong_rules_are_named(values, wanted):
    with pytest.raises(ConfigError) as error:
        IgnoreRules(**values)
    assert str(error.value).startswith(wanted)


def test_the_configuration():
    table = {"below": {"strides": 1}, "weight-small": 0.3, "weight_occluded": {"2": 0.5}}
    config = parse({"ignore_regions": table, "box-convention": "full"})
    rules = IgnoreRules.from_table(config.ignore_regions)
    assert (rules.below, rules.weight_small, rules.weight_occluded) == (
        {"strides": 1},
        0.3,
        {2: 0.5},
    )
    assert config.box_convention == "full"
    with pytest.raises(
        ConfigError, match=r"x\.toml: ignore_regions: unknown key 'belw'; did you mea"
    ):
        IgnoreRules.from_table({"belw": 1}, "x.toml: ignore_regions")
    with pytest.raises(ConfigError, match=r"ignore_regions\.occlusion: got 'much'"):
        IgnoreRules.from_table({"occlusion": "much"})
    with pytest.raises(ConfigError, match="expected one of visible, full"):
        parse({"box_convention": "both"})


def test_strides_need_a_deployment_and_classes_must_exist(tmp_path):
    data = a_set(tmp_path, *sides((3, 3)))
    with pytest.raises(ConfigError, match="strides: a size at the model's input needs a depl"):
        mark_ignored(data, IgnoreRules(below={"strides": 1}))
    with pytest.raises(fl.DatasetError, match="'brid' is no class of the set; did you mean 'bird'"):
        mark_ignored(data, IgnoreRules(classes=("brid",)))


def test_a_set_without_boxes(tmp_path):
    marked = mark_ignored(a_set(tmp_path))
    assert (marked.changes.num_rows, marked.counts(), marked.judged) == (0, [], 0)
