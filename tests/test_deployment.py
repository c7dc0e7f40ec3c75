"""How big the targets are for the model: by hand for ten boxes, and against plain loops."""

from __future__ import annotations

import json
import math
import random
import shutil
from fractions import Fraction
from pathlib import Path
from typing import Any, ClassVar

import cv2
import numpy as np
import pytest
from report.making import Maker

import fastlabel
import fastlabel.rules
from fastlabel.deploy import PROFILES, Camera, Profile, load
from fastlabel.deployment import INPUTS, OVERLAP
from fastlabel.summary import summarise

NAMES = ("drone-4k", "doorbell-416", "mcu-96")


def _lights(summary: dict[str, Any]) -> list[Any]:
    lights = summary["deployment"]["lights"]
    return [lights["light"], *(lights[k]["light"] for k in ("too_small", "small_targets"))]


def _said(summary: dict[str, Any]) -> str:
    (sentence,) = (s for s in summary["verdict"]["sentences"] if s["kind"] == "deployed")
    return str(sentence["text"])


@pytest.fixture(scope="module")
def summaries(
    shared_data: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, dict[str, Any]]:
    """Give the summary of terrain3's ten boxes for each deployment."""
    root = tmp_path_factory.mktemp("terrain")
    shutil.copy(shared_data / "sahi-small" / "coco_utils" / "terrain3_coco.json", root)
    file = root / "terrain3_coco.json"
    return {name: fastlabel.check(file, deploy=name).summary for name in NAMES}


class TestTenBoxesOfARealSetByHand:
    """sahi-small's terrain3: one picture of 2986 x 1680 px with ten people in it.

    Width x height of the boxes: 130 x 233, 110 x 204, 50 x 129, 61 x 143, 45 x 107,
    44 x 115, 24 x 84, 28 x 105, 16 x 68, 22 x 78. All are upright, and stay so when the picture
    is stretched, so the shorter side is the width each time.

    - drone-4k: letterbox, factor min(640 / 2986, 640 / 1680) = 0.214333; stride 4.
      27.86, 23.58, 10.72, 13.07, 9.65, 9.43, 5.14, 6.00, 3.43, 4.72 px.
    - doorbell-416: factor 416 / 2986 = 0.139317; stride 8.
      18.11, 15.32, 6.97, 8.50, 6.27, 6.13, 3.34, 3.90, 2.23, 3.06 px.
    - mcu-96: stretched, 96 / 2986 = 0.032150 along x; stride 8.
      4.18, 3.54, 1.61, 1.96, 1.45, 1.41, 0.77, 0.90, 0.51, 0.71 px.
    """

    SHORT: ClassVar = {
        "drone-4k": [27.86, 23.58, 10.72, 13.07, 9.65, 9.43, 5.14, 6.00, 3.43, 4.72],
        "doorbell-416": [18.11, 15.32, 6.97, 8.50, 6.27, 6.13, 3.34, 3.90, 2.23, 3.06],
        "mcu-96": [4.18, 3.54, 1.61, 1.96, 1.45, 1.41, 0.77, 0.90, 0.51, 0.71],
    }
    #: Under 1, 2 and 4 strides, and from 1 to 3, counted in the lists above.
    COUNTS: ClassVar = {
        "drone-4k": (1, 4, 8, 6),  # 4, 8, 16 px: 3.43; +5.14 6.00 4.72; +four; 4 to 12: six
        "doorbell-416": (7, 9, 10, 3),  # 8, 16, 32 px; 18.11, 15.32 and 8.50 are 8 to 24
        "mcu-96": (10, 10, 10, 0),
    }
    LIGHTS: ClassVar = {
        "drone-4k": ["amber", "amber", "green"],  # 10 % lost, 60 % small
        "doorbell-416": ["red", "red", "green"],  # 70 % lost, 30 % small
        "mcu-96": ["red", "red", "red"],  # all lost, none small
    }

    @pytest.mark.parametrize("name", NAMES)
    def test_counts_are_those_by_hand(self, summaries, name):
        part = summaries[name]["deployment"]
        at = part["at_input"]
        counts = (at["below"]["1"], at["below"]["2"], at["below"]["4"], at["small"])
        assert part["measured"] == 10
        assert counts == self.COUNTS[name]
        stride = PROFILES[name].strides[0]
        short = self.SHORT[name]
        by_list = [sum(s < m * stride for s in short) for m in (1, 2, 4)]
        assert (*by_list, sum(stride <= s < 3 * stride for s in short)) == counts
        assert at["share_below"]["1"] == counts[0] / 10

    @pytest.mark.parametrize("name", NAMES)
    def test_the_quantiles_are_those_by_hand(self, summaries, name):
        middle = sorted(self.SHORT[name])
        shown = summaries[name]["charts"]["box_size"]["quantiles"]["p50"]
        assert shown == pytest.approx((middle[4] + middle[5]) / 2, abs=0.006)

    @pytest.mark.parametrize("name", NAMES)
    def test_fl301_finds_the_same_boxes(self, summaries, name):
        rows = {r["code"]: r for r in summaries[name]["findings"]["by_code"]}
        assert rows["FL301"]["findings"] == self.COUNTS[name][0]

    def test_three_verdicts(self, summaries):
        assert {name: _lights(s) for name, s in summaries.items()} == self.LIGHTS
        said = {name: _said(s) for name, s in summaries.items()}
        assert len(set(said.values())) == 3
        assert said["drone-4k"].startswith("drone-4k: the set suits it with reservations. 1 (10 %)")
        assert "7 (70 %) of 10 boxes are under the least target of 8 px (red)" in said[NAMES[1]]
        assert "all of 10 boxes are under" in said["mcu-96"].lower()
        assert "none between 1 and 3 strides of 8 px" in said["mcu-96"]

    def test_tiles_by_hand(self, summaries):
        """The frame is 3840 x 2160, which the picture fills at min(1.28600, 1.28571).

        Steps of 640 - 128 = 512: (3840 - 640) / 512 = 6.25, so 8 columns; (2160 - 640) / 512
        = 2.97, so 4 rows; 32 tiles. 16 * 1.28571 = 20.6 px is the smallest: over 4 strides.
        The half: window 1280, step 1024: 2.5 and 0.86, so 4 x 2 = 8; sizes are half of that:
        16 * 0.642857 = 10.29 px, 22 -> 14.14, 24 -> 15.43, 28 -> 18.0 and so on.
        """
        plans = summaries["drone-4k"]["deployment"]["tile_plans"]
        assert plans["frame"] == [3840, 2160]
        whole, full, half, quarter = plans["plans"]
        assert (whole["inferences"], whole["below"]["1"], whole["cut"]) == (1, 1, 0)
        assert (full["inferences"], full["below"]) == (32, {"1": 0, "2": 0, "4": 0})
        assert (half["inferences"], half["below"]) == (8, {"1": 0, "2": 0, "4": 3})
        assert (half["window"], half["small"]) == ([1280, 1280], 1)  # 10.29 of 4 to 12
        assert quarter["inferences"] == 2  # 2560 px wide, 2048 on; as high as the frame
        assert full["larger"] == 0  # the highest: 233 * 1.28571 = 300 px
        # The nearest to a cut is the second box: x from 820 * 1.28571 = 1054.3 to 1195.7, over
        # the edge at 1152 of the tile from 512, and whole in the one from 1024.
        assert full["cut"] == 0


def test_a_set_of_three_lights_by_hand(tmp_path: Path) -> None:
    """One frame of 1920 x 1080 with ten squares; the three deployments see them so.

    Sides: 30, 60, 90, 120, 150, 170, 200, 250, 300, 400 px.

    - drone-4k, x 1/3: 10, 20, 30, ... against 4 px: none lost (green); 4 to 12: the first,
      one in ten (green).
    - doorbell-416, x 416 / 1920 = 0.21667: 6.5, 13, 19.5, 26, ... against 8 px: one lost
      (amber, 10 %); 8 to 24: 13 and 19.5 (green, 20 %).
    - mcu-96, x 0.05 and 0.0889: 1.5, 3, 4.5, 6, 7.5, 8.5, 10, 12.5, 15, 20: five lost (red,
      50 %); 8 to 24: the other five (green).
    """
    sides = [30, 60, 90, 120, 150, 170, 200, 250, 300, 400]
    picture = np.random.default_rng(1).integers(0, 255, (1080, 1920, 3), dtype=np.uint8)
    cv2.imwrite(str(tmp_path / "a.jpg"), picture)
    boxes = [
        {"id": i, "image_id": 1, "category_id": 1, "bbox": [10 + 150 * i, 5, s, s], "iscrowd": 0}
        for i, s in enumerate(sides)
    ]
    labels = {
        "images": [{"id": 1, "file_name": "a.jpg", "width": 1920, "height": 1080}],
        "categories": [{"id": 1, "name": "square"}],
        "annotations": [{**b, "area": b["bbox"][2] ** 2} for b in boxes],
    }
    (tmp_path / "labels.json").write_text(json.dumps(labels))
    summaries = {
        name: fastlabel.check(tmp_path / "labels.json", deploy=name).summary for name in NAMES
    }
    assert {name: _lights(s) for name, s in summaries.items()} == {
        "drone-4k": ["green", "green", "green"],
        "doorbell-416": ["amber", "amber", "green"],
        "mcu-96": ["red", "red", "green"],
    }
    lost = [s["deployment"]["lights"]["too_small"]["count"] for s in summaries.values()]
    small = [s["deployment"]["lights"]["small_targets"]["count"] for s in summaries.values()]
    assert (lost, small) == ([0, 1, 5], [1, 2, 5])
    assert [_said(s).split(".")[0] for s in summaries.values()] == [
        "drone-4k: the set suits it",
        "doorbell-416: the set suits it with reservations",
        "mcu-96: the set does not suit it",
    ]


# ---- against plain loops -------------------------------------------------------


def _random_set(root: Path, seed: int) -> Maker:
    draw = random.Random(seed)
    maker = Maker(root, classes=["person", "car", "dog", "unused"])
    for i in range(25):
        size = draw.choice([(320, 240), (1920, 1080), (1080, 1920), (4000, 2250), (90, 60)])
        image = maker.image(f"{i}.jpg", *size, write=False)
        for _ in range(draw.randrange(8)):
            x, y = draw.uniform(-5, size[0] - 20), draw.uniform(-5, size[1] - 20)
            w, h = (draw.choice([4, 16, 64, 256]) * draw.uniform(0.5, 2) for _ in range(2))
            maker.box(image, x, y, x + w, y + h, draw.choice([None, 0, 1, 2]),
                      ignore=draw.random() < 0.1, crowd=draw.random() < 0.1)  # fmt: skip
    return maker


def _loop(maker: Maker, width: int, height: int, resize: str) -> list[tuple[int | None, float]]:
    """Class and shorter side of each target at an input."""
    out = []
    for b in maker.boxes:
        image = maker.images[b["image_id"]]
        if b["ignore"] or b["crowd"] or not image["width"]:
            continue
        sx, sy = width / image["width"], height / image["height"]
        if resize == "letterbox":
            sx = sy = min(sx, sy)
        out.append((b["category_id"], min((b["x2"] - b["x1"]) * sx, (b["y2"] - b["y1"]) * sy)))
    return out


OTHERS = (
    *(PROFILES[name] for name in NAMES),
    Profile("flat", "custom", 512, 288, strides=(16, 32)),
    Profile("tall", "micro", 96, 160, "stretch", (4,), camera=Camera(240, 320)),
)


@pytest.mark.parametrize("profile", OTHERS, ids=lambda p: p.name)
@pytest.mark.parametrize("seed", [0, 1])
def test_shares_equal_a_plain_loop(tmp_path: Path, profile: Profile, seed: int) -> None:
    maker = _random_set(tmp_path, seed)
    part = maker.report(profile).summary["deployment"]
    stride = profile.strides[0]
    mine = _loop(maker, profile.input_width, profile.input_height, profile.resize)
    for m in (1, 2, 4):
        assert part["at_input"]["below"][str(m)] == sum(s < m * stride for _, s in mine)
        for c, row in enumerate(part["classes"]):
            assert row["below"][str(m)] == sum(s < m * stride for k, s in mine if k == c)
    assert part["at_input"]["small"] == sum(stride <= s < 3 * stride for _, s in mine)
    assert part["measured"] == len(mine) == part["at_input"]["boxes"]
    longer = max(profile.input_width, profile.input_height)
    for side, row in zip(INPUTS, part["resize_impact"]["inputs"], strict=True):
        size = [round(side * v / longer) for v in (profile.input_width, profile.input_height)]
        assert row["input"] == size
        there = _loop(maker, size[0], size[1], profile.resize)
        assert row["below"] == {str(m): sum(s < m * stride for _, s in there) for m in (1, 2, 4)}
    for row in part["resize_impact"]["classes"]:
        c = maker.classes.index(row["name"])
        there = [s for k, s in _loop(maker, *part["resize_impact"]["inputs"][3]["input"],
                                     profile.resize) if k == c]  # fmt: skip
        assert row["boxes"] == len(there)
        share = sum(s < stride for s in there) / len(there)
        assert row["share_below"]["1"][3] == pytest.approx(share, rel=1e-5)
    assert {r["name"] for r in part["resize_impact"]["classes"]} <= {"person", "car", "dog"}


def _starts(length: int, side: int) -> list[int]:
    """Where tiles start along one axis, the last one shifted back."""
    step = side - int(side * OVERLAP)
    starts = [0]
    while starts[-1] + side < length:
        starts.append(starts[-1] + step)
    return [min(s, max(length - side, 0)) for s in starts]


@pytest.mark.parametrize("profile", OTHERS, ids=lambda p: p.name)
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_tile_plans_equal_a_plain_loop(tmp_path: Path, profile: Profile, seed: int) -> None:
    maker = _random_set(tmp_path, seed)
    plans = maker.report(profile).summary["deployment"]["tile_plans"]["plans"]
    by_window = {tuple(p["window"]): p for p in plans[1:]}
    for zoom in (1, 2, 4):
        window = (profile.input_width * zoom, profile.input_height * zoom)
        tiles, short, cut, larger = [], [], 0, 0
        for i, image in enumerate(maker.images):
            frame = [image["width"], image["height"]]
            factor = Fraction(1)
            if profile.camera:
                camera = [profile.camera.width, profile.camera.height]
                if (image["width"] < image["height"]) != (camera[0] < camera[1]):
                    camera.reverse()
                factor = min(Fraction(c, f) for c, f in zip(camera, frame, strict=True))
                frame = camera
            xs, ys = (_starts(length, side) for length, side in zip(frame, window, strict=True))
            tiles.append(len(xs) * len(ys))
            for b in maker.boxes:
                if b["image_id"] != i or b["ignore"] or b["crowd"]:
                    continue
                short.append(float(min(b["x2"] - b["x1"], b["y2"] - b["y1"]) * factor) / zoom)
                box = [float(b[k] * factor) for k in ("x1", "y1", "x2", "y2")]
                box = [min(max(v, 0), frame[k % 2]) for k, v in enumerate(box)]
                cut += not any(
                    x <= box[0] + 1e-9 and box[2] <= x + window[0] + 1e-9
                    and y <= box[1] + 1e-9 and box[3] <= y + window[1] + 1e-9
                    for x in xs for y in ys
                )  # fmt: skip
                larger += box[2] - box[0] > window[0] or box[3] - box[1] > window[1]
        if max(tiles) == 1:
            assert window not in by_window
            continue
        plan = by_window[window]
        assert plan["inferences"] == pytest.approx(sum(tiles) / len(tiles), rel=1e-5)
        assert plan["inferences_most"] == max(tiles)
        assert (plan["cut"], plan["larger"]) == (cut, larger)
        stride = profile.strides[0]
        assert plan["below"] == {str(m): sum(s < m * stride for s in short) for m in (1, 2, 4)}


@pytest.mark.parametrize("name", NAMES)
def test_another_input_is_what_a_profile_of_that_input_says(tmp_path: Path, name: str) -> None:
    maker = _random_set(tmp_path, 5)
    profile = load(name)
    impact = maker.report(profile).summary["deployment"]["resize_impact"]["inputs"]
    for row in impact:
        other = Profile("x", "custom", *row["input"], profile.resize, profile.strides[:1])
        assert maker.report(other).summary["deployment"]["at_input"] == {
            k: row[k] for k in ("boxes", "below", "share_below", "small", "small_share")
        }


def test_a_box_of_exactly_one_stride_is_not_under_it(tmp_path: Path) -> None:
    maker = Maker(tmp_path)
    image = maker.image("a.jpg", 960, 960, write=False)
    for side in (12.0, 24.0, 36.0, 48.0):  # x 2/3: 8, 16, 24, 32 px at 640
        maker.box(image, 0, 0, side, 900)
    at = maker.report(load("edge-640")).summary["deployment"]["at_input"]
    assert at["below"] == {"1": 0, "2": 1, "4": 3}
    assert at["small"] == 2  # 8 and 16; 24 is three strides and no longer small


def test_without_a_deployment_an_input_is_assumed_and_said(tmp_path: Path) -> None:
    maker = Maker(tmp_path)
    maker.box(maker.image("a.jpg", 1280, 640, write=False), 0, 0, 10, 40)
    summary = maker.report().summary
    part = summary["deployment"]
    assert (part["assumed"], part["input"], part["memory"]) == (True, [640, 640], None)
    assert part["at_input"]["below"]["1"] == 1
    assert not [s for s in summary["verdict"]["sentences"] if s["kind"] == "deployed"]


def test_images_of_unknown_size_are_counted_and_left_out(tmp_path: Path) -> None:
    maker = Maker(tmp_path)
    maker.box(maker.image("a.jpg", status="missing", write=False), 0, 0, 10, 40)
    maker.images[0] |= {"width": None, "height": None}
    maker.box(maker.image("b.jpg", 640, 640, write=False), 0, 0, 10, 40)
    part = maker.report(load("doorbell-416")).summary["deployment"]
    assert (part["measured"], part["unmeasured"]) == (1, 1)


@pytest.mark.parametrize("classes", [[], ["person"]])
def test_nothing_to_measure_lights_only_the_memory(tmp_path: Path, classes: list[str]) -> None:
    maker = Maker(tmp_path, classes=classes)
    part = maker.report(load("mcu-96")).summary["deployment"]
    assert part["measured"] == 0
    assert part["at_input"]["share_below"]["1"] is None
    lights = part["lights"]
    assert (lights["too_small"]["light"], lights["small_targets"]["light"]) == (None, None)
    assert lights["memory"]["light"] == "green"
    json.dumps(part, allow_nan=False)


@pytest.mark.parametrize(
    ("small", "others", "light"),
    [(0, 100, "red"), (1, 99, "red"), (2, 98, "amber"), (9, 91, "amber"), (10, 90, "green")],
)
def test_pasting_small_targets_turns_the_light_green(
    tmp_path: Path, small: int, others: int, light: str
) -> None:
    maker = Maker(tmp_path)
    image = maker.image("a.jpg", 640, 640, write=False)
    for side in [16] * small + [200] * others:
        maker.box(image, 0, 0, side, side)
    lights = maker.report(load("edge-640")).summary["deployment"]["lights"]
    assert lights["small_targets"]["light"] == light
    assert lights["small_targets"]["share"] == pytest.approx(small / (small + others))


@pytest.mark.parametrize(
    ("lost", "others", "light"),
    [(1, 99, "green"), (2, 98, "amber"), (19, 81, "amber"), (20, 80, "red")],
)
def test_the_light_of_the_boxes_that_are_too_small(
    tmp_path: Path, lost: int, others: int, light: str
) -> None:
    maker = Maker(tmp_path)
    image = maker.image("a.jpg", 640, 640, write=False)
    for side in [5] * lost + [200] * others:
        maker.box(image, 0, 0, side, side)
    lights = maker.report(load("edge-640")).summary["deployment"]["lights"]
    assert lights["too_small"]["light"] == light


def test_the_worst_light_counts(tmp_path: Path) -> None:
    maker = Maker(tmp_path)
    maker.box(maker.image("a.jpg", 640, 640, write=False), 0, 0, 30, 30)
    profile = Profile("x", "micro", 640, 640)  # 1.2 MB + 2.3 MB at int8
    lights = maker.report(profile).summary["deployment"]["lights"]
    assert (lights["memory"]["light"], lights["light"]) == ("red", "red")


def test_many_boxes_take_well_under_a_second() -> None:
    """A million boxes take 0.2 s on one core; this asks for no more than no loop over boxes."""
    import time

    import pyarrow as pa

    from fastlabel import schema
    from fastlabel.dataset import Dataset
    from fastlabel.deployment import deployment
    from fastlabel.set_columns import Columns

    rng = np.random.default_rng(0)
    n, m = 200_000, 5_000

    def table(of: pa.Schema, rows: int, **columns: Any) -> pa.Table:
        arrays = [
            pa.array(columns[f.name], f.type) if f.name in columns else pa.nulls(rows, f.type)
            for f in of
        ]
        return pa.Table.from_arrays(arrays, schema=of)

    x, y, w, h = rng.uniform(1, 200, (4, n))
    ds = Dataset(
        table(schema.IMAGES, m, image_id=np.arange(m), width=np.full(m, 1920),
              height=np.full(m, 1080)),
        table(schema.ANNOTATIONS, n, image_id=rng.integers(0, m, n), x1=x, y1=y, x2=x + w,
              y2=y + h, category_id=rng.integers(0, 80, n)),
        table(schema.CATEGORIES, 80, name=[f"c{i}" for i in range(80)]),
        schema.PROBLEMS.empty_table(), Path(), "coco", {},
    )  # fmt: skip
    stats = table(schema.IMAGE_STATS, m, image_id=np.arange(m))
    took = math.inf
    for _ in range(3):
        start = time.perf_counter()
        part = deployment(Columns(ds, stats, load("drone-4k")))
        took = min(took, time.perf_counter() - start)
    assert part["measured"] == n
    assert took < 1.0


@pytest.mark.parametrize("name", [*NAMES, "edge-640"])
def test_the_tiles_of_a_plan_are_those_that_are_cut(tmp_path: Path, name: str) -> None:
    maker = _random_set(tmp_path, 8)
    profile = load(name)
    plans = maker.report(profile).summary["deployment"]["tile_plans"]["plans"]
    assert len(plans) > 2
    for plan in plans[1:]:
        width, height = plan["window"]
        counts = []
        for image in maker.images:
            frame = (image["height"], image["width"])
            if profile.camera is not None:
                frame = (profile.camera.height, profile.camera.width)
                if (image["height"] > image["width"]) != (frame[0] > frame[1]):
                    frame = frame[::-1]
            windows = fastlabel.tile_windows(*frame, (height, width), OVERLAP)
            counts.append(len(windows))
        assert plan["inferences"] == pytest.approx(np.mean(counts), rel=1e-5)
        assert plan["inferences_most"] == max(counts)


def test_the_least_target_is_the_profiles_and_not_the_stride(tmp_path: Path) -> None:
    maker = Maker(tmp_path)
    image = maker.image("a.jpg", 640, 640, write=False)
    for side in (7, 9, 11, 13):
        maker.box(image, 0, 0, side, side)
    profile = Profile("x", "end-device", 640, 640, min_target=12)
    report = maker.report(profile)
    lights = report.summary["deployment"]["lights"]
    assert lights["too_small"]["count"] == 3
    assert report.summary["deployment"]["at_input"]["below"]["1"] == 1
    assert "3 (75 %) of 4 boxes are under the least target of 12 px" in _said(report.summary)


@pytest.mark.parametrize(("share", "light"), [(0.02, "amber"), (0.06, "red"), (0.01, "amber")])
def test_fl602s_threshold_is_where_red_begins(tmp_path: Path, share: float, light: str) -> None:
    maker = Maker(tmp_path)
    image = maker.image("a.jpg", 640, 640, write=False)
    for side in [16] * 5 + [200] * 95:
        maker.box(image, 0, 0, side, side)
    made = maker.report()
    rules = {"FL602": fastlabel.rules.RULES["FL602"]}
    settings = {"FL602": (None, {**rules["FL602"].params, "min_share": share})}
    summary = summarise(
        made.ds, made.image_stats, None, made.findings, rules, load("edge-640"), settings
    )
    assert summary["deployment"]["lights"]["small_targets"]["light"] == light
