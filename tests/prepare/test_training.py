"""Columns as weights and masks of a loss, in NumPy and in PyTorch."""

from __future__ import annotations

import json

import numpy as np
import pytest

import fastlabel as fl


@pytest.fixture
def dataset(tmp_path):
    boxes = [
        ([8, 8, 16, 16], {"weight": 0.5}),
        ([30, 30, 3, 3], {"ignore": 1}),
        ([40, 0, 20, 20], {"iscrowd": 1}),
        ([0, 40, 10, 20], {}),
        ([0, 0, 0, 9], {}),
    ]
    labels = {
        "images": [{"id": 1, "file_name": "a.jpg", "width": 64, "height": 64}],
        "annotations": [
            {"id": i, "image_id": 1, "category_id": 1 + i % 2, "bbox": box, **extra}
            for i, (box, extra) in enumerate(boxes, 1)
        ],
        "categories": [{"id": 1, "name": "bird"}, {"id": 2, "name": "kite"}],
    }
    (tmp_path / "labels.json").write_text(json.dumps(labels))
    return fl.read(tmp_path)


def test_targets_of_an_image(dataset):
    found = fl.image_targets(dataset, 0)
    assert found["boxes"].tolist() == [[8, 8, 24, 24], [0, 40, 10, 60]]
    assert found["labels"].tolist() == [1, 0]
    assert found["weights"].tolist() == [0.5, 1.0]
    assert found["ignore"].tolist() == [[30, 30, 33, 33], [40, 0, 60, 20]]
    assert {k: v.dtype.name for k, v in found.items()} == {
        "boxes": "float32",
        "labels": "int64",
        "weights": "float32",
        "ignore": "float32",
    }
    for wrong in (1, -1):
        with pytest.raises(ValueError, match=f"image_id: got {wrong}, expected 0 to 0"):
            fl.image_targets(dataset, wrong)


@pytest.mark.parametrize("rule", ["touch", "centre"])
def test_the_mask_is_what_counting_pixels_gives(rule):
    rng = np.random.default_rng(5)
    for _ in range(60):
        height, width, stride = rng.integers(1, [40, 40, 9]).tolist()
        low = rng.integers(-10, 90, (4, 2)) / 2
        regions = np.hstack([low, low + rng.integers(1, 30, (4, 2)) / 2])
        mask = fl.ignore_mask(regions, height, width, stride, rule=rule)
        rows, columns = -(-height // stride), -(-width // stride)
        assert mask.shape == (rows, columns)
        for y in range(rows):
            for x in range(columns):
                x1, y1, x2, y2 = regions.T
                if rule == "touch":
                    cell = (x * stride, y * stride, (x + 1) * stride, (y + 1) * stride)
                    inside = (x1 < cell[2]) & (x2 > cell[0]) & (y1 < cell[3]) & (y2 > cell[1])
                else:
                    cx, cy = (x + 0.5) * stride, (y + 0.5) * stride
                    inside = (x1 <= cx) & (cx < x2) & (y1 <= cy) & (cy < y2)
                assert mask[y, x] == inside.any()


def test_a_region_below_a_cell_is_not_lost():
    assert fl.ignore_mask([[30, 30, 33, 33]], 64, 64, 32).sum() == 4
    assert fl.ignore_mask([[1, 1, 3, 3]], 64, 64, 32).tolist() == [[True, False], [False, False]]
    assert not fl.ignore_mask([[1, 1, 3, 3]], 64, 64, 32, rule="centre").any()
    assert not fl.ignore_mask([], 64, 64, 8).any()
    assert not fl.ignore_mask([[np.nan, 0, 9, 9], [5, 5, 5, 9], [-9, -9, -1, 5]], 64, 64).any()


def test_anchors(dataset):
    regions = fl.image_targets(dataset, 0)["ignore"]
    anchors = [[40, 0, 60, 20], [50, 0, 70, 20], [51, 0, 71, 20], [0, 0, 9, 9]]
    assert fl.ignored_anchors(anchors, regions).tolist() == [True, True, False, False]
    assert fl.ignored_anchors(anchors, regions, 0.4).tolist() == [True, True, True, False]
    assert fl.ignored_anchors([], regions).shape == (0,)
    assert fl.ignored_anchors(anchors, []).tolist() == [False] * 4


@pytest.mark.parametrize(
    ("call", "wanted"),
    [
        (lambda: fl.ignore_mask([[0, 0, 1]], 8, 8), r"shape \(1, 3\), expected \(N, 4\)"),
        (lambda: fl.ignore_mask([], 0, 8), "height: got 0, expected 1 or more"),
        (lambda: fl.ignore_mask([], 8, 8, 0), "stride: got 0"),
        (lambda: fl.ignore_mask([], 8, 8, rule="most"), "rule: got 'most', expected one of touch"),
    ],
)
def test_wrong_arguments(call, wanted):
    with pytest.raises(ValueError, match=wanted):
        call()


# --- PyTorch, where it is installed: `make test-torch` ------------------------------------


@pytest.fixture
def torch():
    return pytest.importorskip("torch", exc_type=ImportError)


@pytest.mark.torch
def test_tensors_are_the_arrays(torch, dataset):
    import fastlabel.torch as ft

    found, arrays = ft.targets(dataset, 0), fl.image_targets(dataset, 0)
    for name, values in arrays.items():
        assert isinstance(found[name], torch.Tensor)
        assert found[name].numpy().tolist() == values.tolist()
    mask = ft.ignore_mask(found["ignore"], 64, 64, 8)
    assert mask.dtype == torch.bool
    assert mask.numpy().tolist() == fl.ignore_mask(arrays["ignore"], 64, 64, 8).tolist()
    anchors = torch.tensor([[40.0, 0, 60, 20], [0, 0, 9, 9]], requires_grad=True)
    assert ft.ignored_anchors(anchors, found["ignore"]).tolist() == [True, False]


@pytest.mark.torch
def test_an_ignored_cell_has_no_gradient_and_a_weight_scales_it(torch, dataset):
    import fastlabel.torch as ft

    found = ft.targets(dataset, 0)
    ignored = ft.ignore_mask(found["ignore"], 64, 64, 8)
    logits = torch.zeros(8, 8, requires_grad=True)
    truth, weights = torch.zeros(8, 8), torch.ones(8, 8)
    for box, weight in zip(found["boxes"], found["weights"], strict=True):
        x, y = ((box[:2] + box[2:]) / 2 / 8).long().tolist()
        truth[y, x], weights[y, x] = 1, weight
    loss = torch.nn.functional.binary_cross_entropy_with_logits(logits, truth, reduction="none")
    ft.weighted_loss(loss, weights, ignored).backward()
    gradient = logits.grad.abs()
    assert gradient[ignored].max() == 0
    assert (gradient[~ignored] > 0).all()
    half, full = gradient[2, 2], gradient[6, 0]  # weight 0.5 and 1
    assert float(half / full) == pytest.approx(0.5)
    total = float(weights.masked_fill(ignored, 0).sum())
    assert float(full) == pytest.approx(0.5 / total)


@pytest.mark.torch
def test_a_loss_that_is_left_out_is_not_looked_at(torch):
    import fastlabel.torch as ft

    loss = torch.tensor([1.0, float("inf"), 3.0], requires_grad=True)
    ignored = torch.tensor([False, True, False])
    total = ft.weighted_loss(loss, torch.tensor([1.0, 1.0, 0.5]), ignored)
    assert total.item() == pytest.approx(2.5 / 1.5)
    total.backward()
    assert loss.grad.tolist()[1] == 0
    everything = torch.ones(3, dtype=torch.bool)
    assert ft.weighted_loss(loss, torch.zeros(3), everything).item() == 0


@pytest.mark.torch
def test_the_example_of_the_docs(torch, dataset, tmp_path, monkeypatch):
    import re
    from pathlib import Path

    page = Path(__file__).resolve().parents[2] / "docs" / "small-targets.md"
    blocks = re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    (example,) = (block for block in blocks if "fastlabel.torch" in block)
    monkeypatch.setattr(fl, "read", lambda path: dataset)
    space = {}
    exec(example, space)
    assert int(space["ignored"].sum()) == 2 * 2 + 3 * 3
