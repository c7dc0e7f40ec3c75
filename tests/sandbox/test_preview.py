"""What the page shows is what `augment` writes: the same pixels, and labels in the same places."""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest

import fastlabel as fl
from fastlabel.augment import Recipe, augment_set, operations
from fastlabel.augment.recipe import Memory
from fastlabel.config import ConfigError
from fastlabel.sandbox.guard import ApiError
from fastlabel.sandbox.pictures import Pictures
from fastlabel.sandbox.preview import FIT, fitting
from fastlabel.sandbox.stage import Sandbox

FIVE = [
    {"op": "fog", "density": 0.7, "depth": "rows"},
    {"op": "rain"},
    {"op": "rotate", "degrees": [-8.0, 8.0]},
    {"op": "motion_blur", "length": 7.0, "degrees": 30.0},
    {"op": "gamma", "gamma": 0.8},
]


def write_set(root: Path, sizes: list[tuple[int, int]], boxes: int = 4, times: float = 1.0) -> Path:
    """PNG pictures and COCO labels; `times`: the same places in a smaller picture."""
    root.mkdir(parents=True)
    draw = np.random.default_rng(5)
    images, annotations = [], []
    for k, (w, h) in enumerate(sizes):
        few = draw.integers(0, 256, (9, 16, 3), dtype=np.uint8)
        assert cv2.imwrite(str(root / f"p{k}.png"), cv2.resize(few, (w, h)))
        images.append({"id": k, "file_name": f"p{k}.png", "width": w, "height": h})
        for n in range(boxes):
            x, y, bw, bh = draw.uniform(0.05, 0.45, 4) * (w, h, w, h)
            ring = [x, y, x + bw, y + bh / 3, x + bw / 2, y + bh]
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": k,
                    "category_id": 1 + n % 2,
                    "bbox": [v * times for v in (x, y, bw, bh)],
                    "segmentation": [[v * times for v in ring]] if n % 2 else [],
                    "iscrowd": 0,
                }
            )
    kinds = [{"id": 1, "name": "cat"}, {"id": 2, "name": "dog"}]
    labels = {"images": images, "annotations": annotations, "categories": kinds}
    (root / "labels.json").write_text(json.dumps(labels))
    return root


def page_of(root: Path) -> Sandbox:
    ds = fl.read(root)
    return Sandbox(ds, Pictures(ds))


def shown(page: Sandbox, stages: Any, seed: int = 3, row: int = 0, **more: Any) -> tuple[Any, Any]:
    """JSON and BGR pixels of one preview, as the page gets them."""
    image = more.pop("image", None) or page.pictures.id(row)
    body = page.preview({"image": image, "stages": stages, "seed": seed, **more}).body
    long = int.from_bytes(body[:4], "little")
    head = json.loads(body[4 : 4 + long])
    flat = np.frombuffer(body, np.uint8, offset=4 + long)
    rgba = flat.reshape(head["height"], head["width"], 4)
    assert (rgba[..., 3] == 255).all()
    return head, rgba[..., 2::-1]


def sha(pixels: Any) -> str:
    return hashlib.sha256(np.ascontiguousarray(pixels).tobytes()).hexdigest()


def written(root: Path, out: Path, stages: Any, seed: int = 3) -> tuple[Any, list[list[float]]]:
    """What `augment` makes of the first picture: pixels, and boxes of targets and regions."""
    augment_set(root, out, Recipe.from_dict({"stages": stages}), seed=seed, originals=False)
    new = fl.read(out)
    row = new.images["file_name"].to_pylist().index("images/p0_aug1.png")
    picture = cv2.imread(str(out / new.images["path"][row].as_py()))
    return picture, new.boxes()[new.column("annotations", "image_id") == row].tolist()


def as_list(head: Any) -> list[list[float]]:
    return [row["box"] for row in head["boxes"]] + head["ignore"]


@pytest.fixture
def small(tmp_path: Path) -> Path:
    return write_set(tmp_path / "set", [FIT, (320, 240)])


@pytest.mark.parametrize("op", [o.name for o in operations() if o.name not in ("paste", "place")])
def test_each_operation_is_shown_as_it_is_written(small: Path, tmp_path: Path, op: str) -> None:
    stages = [{"op": op}]
    head, pixels = shown(page_of(small), stages)
    picture, boxes = written(small, tmp_path / "new", stages)
    assert sha(pixels) == sha(picture)
    np.testing.assert_allclose(sorted(as_list(head)), sorted(boxes), atol=0.01)


def test_five_effects_are_shown_as_they_are_written(small: Path, tmp_path: Path) -> None:
    page = page_of(small)
    shown(page, [*FIVE[:3], {"op": "flip"}])  # what is remembered of it must not show
    head, pixels = shown(page, FIVE)
    picture, boxes = written(small, tmp_path / "new", FIVE)
    assert sha(pixels) == sha(picture)
    np.testing.assert_allclose(sorted(as_list(head)), sorted(boxes), atol=0.01)
    assert [step["stage"] for step in head["steps"]] == [0, 1, 2, 3, 4]
    assert -8 <= head["steps"][2]["drawn"]["degrees"] <= 8


def test_a_large_picture_is_shrunk_first_and_shown_whole_when_asked(tmp_path: Path) -> None:
    large = write_set(tmp_path / "large", [(2400, 1350)])
    page = page_of(large)
    head, pixels = shown(page, FIVE)
    assert (head["width"], head["height"], head["full"]) == (*FIT, [2400, 1350])
    # The same labels in a set whose picture has that size: what augment makes of it.
    shrunk = write_set(tmp_path / "shrunk", [(2400, 1350)], times=0.4)
    picture = cv2.imread(str(shrunk / "p0.png"))
    assert cv2.imwrite(str(shrunk / "p0.png"), fl.resize_area(picture, FIT))
    labels = json.loads((shrunk / "labels.json").read_text())
    labels["images"][0] |= {"width": FIT[0], "height": FIT[1]}
    (shrunk / "labels.json").write_text(json.dumps(labels))
    made, boxes = written(shrunk, tmp_path / "a", FIVE)
    assert sha(pixels) == sha(made)
    np.testing.assert_allclose(sorted(as_list(head)), sorted(boxes), atol=0.01)
    head, pixels = shown(page, FIVE, view="full")
    made, boxes = written(large, tmp_path / "b", FIVE)
    assert sha(pixels) == sha(made)
    np.testing.assert_allclose(sorted(as_list(head)), sorted(boxes), atol=0.01)


def test_the_models_view_is_its_input(small: Path) -> None:
    head, pixels = shown(page_of(small), [], view="model", deploy="doorbell-416")
    picture = cv2.imread(str(small / "p0.png"))
    by_hand = np.full((416, 416, 3), 114, np.uint8)
    by_hand[91 : 91 + 234] = cv2.resize(picture, (416, 234), interpolation=cv2.INTER_LINEAR)
    assert (pixels == by_hand).all()
    whole = np.array(as_list(shown(page_of(small), [])[0]))
    scale = 416 / 960
    np.testing.assert_allclose(as_list(head), whole * scale + (0, 91, 0, 91), atol=0.01)


def test_a_memory_changes_no_byte(small: Path) -> None:
    page = page_of(small)
    subject = page.previews.subject(page.pictures.id(0))
    memory, recalled = Memory(), []
    stacks: list[list[dict[str, Any]]] = [
        FIVE,
        [*FIVE[:3], {"op": "motion_blur", "length": 8.0, "degrees": 30.0}, FIVE[4]],
        [FIVE[0], FIVE[2]],
        [{"op": "gamma", "gamma": 1.2}, *FIVE],
        [{"op": "gamma", "gamma": 0.9}, *FIVE],
        [{"op": "jpeg", "p": 0.5}, {"op": "cutout"}, {"op": "flip"}],
        [{"op": "cutout"}, {"op": "flip"}, {"op": "jpeg", "p": 0.5}],
        [],
    ]
    for seed in (1, 2):
        for stages in stacks:
            recipe = Recipe.from_dict({"stages": stages})
            given = (subject.picture, subject.given.boxes, subject.given.polygons)
            fresh = recipe(*given, seed=seed, image_key="a")
            again = recipe(*given, seed=seed, image_key="a", memory=memory)
            recalled.append(memory.recalled)
            assert sha(again.image) == sha(fresh.image)
            assert again.ledger == fresh.ledger
            assert again.boxes.tolist() == fresh.boxes.tolist()
            again.image[:] = 0  # the caller's own
    assert max(recalled) == 3
    assert 1 in recalled


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        ([{"op": "snow"}], "unknown operation 'snow'"),
        ([{"op": "fog", "density": 99}], "density: got 99"),
        ([{"op": "fog", "density": float("nan")}], "density"),
        ([{"op": "fog", "depth_of_field": 1}], "unknown key 'depth_of_field'"),
        ("fog", r"expected \[\[stages\]\] tables"),
    ],
)
def test_stages_that_mean_nothing_are_refused(small: Path, bad: Any, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        shown(page_of(small), bad)


@pytest.mark.parametrize(
    "asked",
    [
        {"image": "../labels.json"},
        {"image": "0-0123456789abcdef01234567"},
        {"image": 7},
        {"seed": -1},
        {"seed": 1.5},
        {"view": "all"},
        {"view": "model", "deploy": "nothing"},
        {"side": 0},
    ],
)
def test_questions_that_mean_nothing_are_refused(small: Path, asked: dict[str, Any]) -> None:
    page = page_of(small)
    with pytest.raises(ApiError):
        page.preview({"image": page.pictures.id(0), "stages": [], **asked})


def test_a_picture_that_cannot_be_read_is_said_so(small: Path) -> None:
    (small / "p0.png").write_bytes(b"no picture")
    page = page_of(small)
    with pytest.raises(ApiError, match="cannot be shown") as refused:
        shown(page, [])
    assert refused.value.status == 422
    (small / "p1.png").unlink()
    with pytest.raises(ApiError, match="cannot be shown: its file is missing"):
        shown(page, [], row=1)


def test_a_folder_without_labels_and_one_picture(tmp_path: Path) -> None:
    assert cv2.imwrite(str(tmp_path / "a.png"), np.full((30, 40, 3), 90, np.uint8))
    page = page_of(tmp_path)
    known = page.set()
    assert (known["images"], known["boxes"], len(known["strip"])) == (1, 0, 1)
    head, pixels = shown(page, [{"op": "contrast", "contrast": 0.0}])
    assert (pixels == 128).all()
    assert head["boxes"] == []


def test_five_hundred_boxes_in_a_picture(tmp_path: Path) -> None:
    root = write_set(tmp_path / "set", [(640, 480)], boxes=500)
    head, _ = shown(page_of(root), [{"op": "flip"}])
    assert len(head["boxes"]) == 500
    before, _ = shown(page_of(root), [])
    for old, new in zip(before["boxes"], head["boxes"], strict=True):
        x1, y1, x2, y2 = old["box"]
        np.testing.assert_allclose(new["box"], [640 - x2, y1, 640 - x1, y2], atol=0.002)


def test_own_pictures_of_16_bits_and_of_8k(small: Path, shared_data: Path) -> None:
    page = page_of(small)
    deep = np.arange(60 * 80, dtype=np.uint16).reshape(60, 80) * 13
    done, data = cv2.imencode(".png", np.dstack([deep] * 3))
    assert done
    assert page.previews.take_own("own-1", "deep.png", data.tobytes()) == (80, 60)
    _, pixels = shown(page, [], image="own-1")
    assert np.abs(pixels[..., 0].astype(int) - deep / 257).max() <= 1
    large = next((shared_data / "highres" / "zune").glob("*7680_4320.jpg")).read_bytes()
    assert page.previews.take_own("own-2", "large.jpg", large) == (7680, 4320)
    head, _ = shown(page, [{"op": "fisheye"}], image="own-2")
    assert (head["width"], head["height"]) == FIT
    with pytest.raises(ApiError, match="no picture that can be used"):
        page.previews.take_own("own-3", "x.png", b"")


def test_a_recipe_comes_back_as_it_went(small: Path) -> None:
    page = page_of(small)
    sent = json.loads(page.export({"stages": FIVE, "seed": 3}).body)
    assert Recipe.from_dict({"stages": FIVE}).to_toml() == sent["toml"]
    back = json.loads(page.recipe_of_text({"text": sent["toml"]}).body)["stages"]
    assert [row["op"] for row in back] == [row["op"] for row in FIVE]
    assert back[2]["params"] == {"degrees": [-8.0, 8.0]}
    with pytest.raises(ConfigError, match="unknown operation 'aurora'"):
        page.recipe_of_text({"text": '[[stages]]\nop = "aurora"\n'})
    with pytest.raises(ConfigError, match="version"):
        page.recipe_of_text({"text": "version = 9\n"})
    with pytest.raises(ConfigError, match="recipe"):
        page.recipe_of_text({"text": "[[stages"})


@pytest.mark.parametrize(
    ("size", "becomes"),
    [
        ((960, 540), (960, 540)),
        ((4000, 2250), (960, 540)),
        ((10, 5000), (1, 540)),
        ((1, 1), (1, 1)),
    ],
)
def test_the_size_of_a_preview(size: tuple[int, int], becomes: tuple[int, int]) -> None:
    assert fitting(size) == becomes


# ---- objects ---------------------------------------------------------------------


@pytest.fixture
def discs(tmp_path: Path) -> Path:
    """Sharp discs on a calm ground, in three pictures of one split and one of another."""
    root = tmp_path / "discs"
    (root / "images").mkdir(parents=True)
    draw = np.random.default_rng(2)
    images, annotations = [], []
    for k in range(4):
        picture = np.full((300, 400, 3), 150 + 5 * k, np.uint8)
        picture += draw.integers(0, 4, picture.shape, dtype=np.uint8)
        for n in range(3):
            x, y = 60 + 110 * n, int(draw.integers(80, 220))
            cv2.circle(picture, (x, y), 30, (20, 60 * n, 220), -1)
            cv2.putText(picture, str(n), (x - 9, y + 9), 0, 1, (255, 255, 255), 2)
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": k,
                    "category_id": 1,
                    "bbox": [x - 31, y - 31, 62, 62],
                    "iscrowd": 0,
                }
            )
        assert cv2.imwrite(str(root / "images" / f"p{k}.png"), picture)
        images.append({"id": k, "file_name": f"p{k}.png", "width": 400, "height": 300})
    labels = {"images": images, "annotations": annotations, "categories": [{"id": 1, "name": "d"}]}
    (root / "labels.json").write_text(json.dumps(labels))
    return root


def bank_of(page: Sandbox, row: int = 0) -> Any:
    asked: Any = SimpleNamespace(path_params={"image": page.pictures.id(row)})
    return json.loads(page.bank(asked).body)["objects"]


def test_a_placed_object_is_shown_as_it_is_written(discs: Path, tmp_path: Path) -> None:
    page = page_of(discs)
    objects = bank_of(page)
    assert len(objects) == 12
    ranks = [(not one["good"], -one["quality"]) for one in objects]
    assert ranks == sorted(ranks)
    chosen = next(one["object"] for one in objects if one["object"] >= 3)
    asked = {"image": page.pictures.id(0), "stages": [], "seed": 3, "object": chosen}
    place = json.loads(page.place(asked).body)
    stages = [{"op": "fog", "density": 0.2}, {"op": "place", **place}, {"op": "flip"}]
    shown(page, stages[:1])  # what is remembered of it has no objects
    head, pixels = shown(page, stages)
    picture, boxes = written(discs, tmp_path / "new", stages)
    assert sha(pixels) == sha(picture)
    np.testing.assert_allclose(sorted(as_list(head)), sorted(boxes), atol=0.01)
    pasted = [row for row in head["boxes"] if row["pasted"] is not None]
    assert [row["pasted"] for row in pasted] == [chosen]
    # Mirrored, it stands where the place says: middle and foot as shares of the picture.
    x1, _, x2, y2 = pasted[0]["box"]
    assert abs((400 - (x1 + x2) / 2) / 400 - place["x"]) < 2 / 400
    assert abs(y2 / 300 - place["y"]) < 2 / 300
    # Another picture does not get it.
    head, _ = shown(page, stages, row=1)
    assert all(row["pasted"] is None for row in head["boxes"])
    png = page.objects.thumbnail(chosen)
    cut = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_UNCHANGED)
    assert cut.shape[2] == 4
    assert {0, 255} <= set(np.unique(cut[..., 3]).tolist())


def test_drawn_pastes_are_shown_as_they_are_written(discs: Path, tmp_path: Path) -> None:
    stages = [{"op": "paste", "count": 3}, {"op": "rotate", "degrees": 4}]
    head, pixels = shown(page_of(discs), stages)
    picture, boxes = written(discs, tmp_path / "new", stages)
    assert sha(pixels) == sha(picture)
    np.testing.assert_allclose(sorted(as_list(head)), sorted(boxes), atol=0.01)
    assert any(row["pasted"] is not None for row in head["boxes"])


def test_an_object_that_hides_a_box_says_how_much(discs: Path) -> None:
    page = page_of(discs)
    x1, _, x2, y2 = shown(page, [])[0]["boxes"][0]["box"]
    over = {"op": "place", "object": 4, "x": (x1 + x2) / 800, "y": y2 / 300, "height": 62 / 300}
    head, _ = shown(page, [over])
    assert head["steps"][0]["drawn"]["hidden"] > 0.9
    assert len(head["ignore"]) == 1
    head, _ = shown(page, [{**over, "max_hidden": 1.0}])
    assert len(head["boxes"]) == 4
    # Nothing is enlarged.
    tall, _ = shown(page, [{**over, "height": 1.0}])
    box = tall["boxes"][-1]["box"]
    assert box[3] - box[1] == pytest.approx(62)


@pytest.mark.parametrize(
    "place", [{"object": 99}, {"object": -1}, {"object": [0, 1.5]}, {"image": 5}, {"x": 2}]
)
def test_places_that_mean_nothing_are_refused(discs: Path, place: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="place"):
        shown(page_of(discs), [{"op": "place", **place}])


def test_a_place_by_the_prior_touches_no_box(discs: Path) -> None:
    page = page_of(discs)
    made = page.previews.make(page.previews.subject(page.pictures.id(0)), Recipe(()), 0)
    for draw in range(12):
        found = page.objects.place(5, made, (400, 300), draw)
        high = found["height"] * 300
        x1, x2 = found["x"] * 400 - high / 2, found["x"] * 400 + high / 2
        y1, y2 = found["y"] * 300 - high, found["y"] * 300
        assert -0.1 <= x1 < x2 <= 400.1
        assert -0.1 <= y1 < y2 <= 300.1
        for bx1, by1, bx2, by2 in made.boxes.tolist():
            assert min(x2, bx2) - max(x1, bx1) <= 0.1 or min(y2, by2) - max(y1, by1) <= 0.1


# ---- the verdict -----------------------------------------------------------------


def test_the_verdict_is_the_rules_and_the_linters(discs: Path) -> None:
    page = page_of(discs)
    stages = [
        {"op": "scale_crop", "scale": 0.06},
        {"op": "gamma", "gamma": 5.0},
        {"op": "rotate", "degrees": [-40, 40]},
    ]
    asked = {"image": page.pictures.id(0), "seed": 1, "deploy": "edge-640"}
    found = json.loads(page.verdict({**asked, "stages": stages}).body)
    codes = [row["code"] for row in found["lint"]]
    by_hand = fl.lint_augment({"stages": stages}, fl.read(discs), deploy="edge-640")
    assert codes == by_hand.findings["code"].to_pylist()
    assert {"FL901", "FL905"} <= set(codes)
    rows = {row["name"]: row for row in found["picture"]}
    assert rows["Light"]["state"] == "warning"
    calm = json.loads(page.verdict({**asked, "stages": []}).body)
    rows = {row["name"]: row for row in calm["picture"]}
    # 62 px of a picture of 400 px, letterboxed to 640: 99 px.
    assert rows["Boxes under a stride (8 px)"]["after"] == "0 of 3"
    assert {row["state"] for row in rows.values()} == {"pass"}
    assert calm["lint"] == []


def test_histograms_count_boxes_at_the_input(discs: Path) -> None:
    page = page_of(discs)
    asked = {"seed": 1, "deploy": "edge-640", "stages": [{"op": "gamma", "gamma": 0.5}]}
    found = json.loads(page.histograms(asked).body)
    assert (found["sampled"], found["of"], found["failed"], found["stride"]) == (4, 4, 0, 8)
    edges = found["sizes"]["edges"]
    at = next(k for k, edge in enumerate(edges[1:-1], 1) if edge > 99.2) - 1
    assert found["sizes"]["before"][at] == found["sizes"]["after"][at] == 12
    means = [
        cv2.cvtColor(cv2.imread(str(p)), cv2.COLOR_BGR2GRAY).mean()
        for p in sorted((discs / "images").glob("*.png"))
    ]
    assert found["light"]["before"] == np.histogram(means, found["light"]["edges"])[0].tolist()
    middle = np.arange(16) + 0.5
    assert middle @ found["light"]["after"] > middle @ found["light"]["before"]
    # It is a sample, and says so.
    (discs / "images" / "p3.png").write_bytes(b"")
    assert json.loads(page_of(discs).histograms(asked).body)["failed"] == 1


# ---- writing ---------------------------------------------------------------------


def wait(page: Sandbox, *states: str) -> dict[str, Any]:
    for _ in range(2000):
        found = page.writing.state()
        if found["state"] in states:
            return found
        time.sleep(0.005)
    raise AssertionError(found)


def test_the_page_writes_what_augment_writes(small: Path, tmp_path: Path) -> None:
    ds = fl.read(small)
    out = tmp_path / "out" / "new"
    page = Sandbox(ds, Pictures(ds), out=out)
    assert json.loads(page.write({"stages": FIVE, "seed": 3}).body)["state"] == "running"
    said = wait(page, "done", "failed")
    assert said["state"] == "done", said
    assert "4 images, 2 of them augmented" in said["message"]
    augment_set(small, tmp_path / "other", Recipe.from_dict({"stages": FIVE}), seed=3)
    files = {p.relative_to(out): p.read_bytes() for p in out.rglob("*") if p.is_file()}
    other = tmp_path / "other"
    assert files == {p.relative_to(other): p.read_bytes() for p in other.rglob("*") if p.is_file()}
    # It is not written twice.
    page.write({"stages": FIVE, "seed": 3})
    assert "is not empty" in wait(page, "failed")["message"]


def test_stopping_leaves_nothing(tmp_path: Path) -> None:
    root = write_set(tmp_path / "set", [(320, 240)] * 12)
    ds = fl.read(root)
    out = tmp_path / "out" / "new"
    page = Sandbox(ds, Pictures(ds), out=out)
    page.write({"stages": FIVE, "copies": 20})
    while page.writing.state()["done"] < 14:
        time.sleep(0.002)
    with pytest.raises(ApiError, match="being written already"):
        page.write({"stages": FIVE})
    page.stop({})
    assert wait(page, "stopped", "done")["state"] == "stopped"
    assert list(out.parent.iterdir()) == []
    # The server's end is an end too: the page may be long gone.
    page.write({"stages": FIVE, "copies": 20})
    page.close()
    assert list(out.parent.iterdir()) == []


def test_an_output_that_vanishes_is_said(tmp_path: Path) -> None:
    root = write_set(tmp_path / "set", [(320, 240)] * 12)
    ds = fl.read(root)
    out = tmp_path / "out" / "new"
    page = Sandbox(ds, Pictures(ds), out=out)
    page.write({"stages": FIVE, "copies": 20})
    while page.writing.state()["done"] < 14:
        time.sleep(0.002)
    shutil.rmtree(out.parent)
    said = wait(page, "failed", "done")
    assert said["state"] == "failed"
    assert "Nothing was written" in said["message"]


def test_nothing_is_written_unasked_or_against_the_linter(small: Path, tmp_path: Path) -> None:
    with pytest.raises(ApiError, match="--out"):
        page_of(small).write({"stages": []})
    labels = json.loads((small / "labels.json").read_text())
    labels["categories"][0]["name"] = "left turn"
    (small / "labels.json").write_text(json.dumps(labels))
    ds = fl.read(small)
    page = Sandbox(ds, Pictures(ds), out=tmp_path / "new")
    with pytest.raises(ApiError, match="FL903") as refused:
        page.write({"stages": [{"op": "flip"}]})
    assert refused.value.code == "lint"
    page.write({"stages": [{"op": "flip"}], "force": True})
    assert wait(page, "done", "failed")["state"] == "done"
