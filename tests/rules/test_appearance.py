"""FL707: boxes that would look more like their class elsewhere, from drawn profiles."""

from __future__ import annotations

import json

import numpy as np
import pytest

from fastlabel._core import compare_profiles
from fastlabel.bench.rows_rules import looks_by_numpy
from fastlabel.rules import run
from fastlabel.rules.appearance import BINS, Strips, chances, fit, strips, template

REACH = 4


def packed(codes: np.ndarray) -> np.ndarray:
    """(n, 4, BINS) of 0..15 as the scan packs them."""
    codes = codes.astype(np.uint8)
    return (codes[:, :, ::2] | codes[:, :, 1::2] << 4).reshape(len(codes), -1)


def cells(n: int, seed: int, moved: dict[int, tuple[int, int]] | None = None) -> np.ndarray:
    """Profiles of dark discs on bright ground, some of them with the box beside."""
    rng = np.random.default_rng(seed)
    out = np.zeros((n, 4, BINS), np.uint8)
    place = np.arange(BINS)
    for i in range(n):
        for axis, move in enumerate((moved or {}).get(i, (0, 0))):
            low, high = 4 + move + rng.normal(0, 0.4), 19 + move + rng.normal(0, 0.4)
            inside = 1 / (1 + np.exp(-(place - low))) / (1 + np.exp(place - high))
            edges = np.exp(-((place - low) ** 2) / 2) + np.exp(-((place - high) ** 2) / 2)
            for row, value in ((2 * axis, 1 - inside), (2 * axis + 1, edges)):
                noisy = 13 * value + rng.normal(0, 0.8, BINS)
                out[i, row] = np.clip(np.rint(noisy), 0, 14)
    return packed(out)


@pytest.fixture
def blood(build):
    """A set of 240 cells in 20 pictures."""

    def make(profiles, **image):
        b = build()
        for _ in range(20):
            b.image(**image)
        for k, profile in enumerate(profiles):
            x, y = 20.0 * (k % 10) + 5, 10.0 * (k // 20) + 5
            b.box(k % 20, x, y, x + 32, y + 64, "cell", stats={"profile": profile.tobytes()})
        return b

    return make


def test_strips_are_unpacked_in_order() -> None:
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 15, (5, 4, BINS))
    codes[:, :2, 20:] = 15
    across, down = strips(packed(codes))
    for axis, found in ((0, across), (1, down)):
        for k in (0, 1):
            seen = codes[:, 2 * axis + 1] != 15
            np.testing.assert_array_equal(found[k].seen, seen)
            np.testing.assert_array_equal(found[k].values, codes[:, 2 * axis + k] * seen)


def profiles_of_any_kind(n: int, seed: int) -> np.ndarray:
    """Noise, some of it flat, and of all kinds of boxes that are not wholly in view."""
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, 16, (n, 4, BINS))
    codes[: n // 2, 1::2] = rng.integers(0, 15, (n // 2, 2, BINS))
    for i in range(n // 4):  # out of view on one side
        axis, strips_out = 2 * (i % 2), i // 2 % (BINS + 1)
        codes[i, axis : axis + 2, BINS - strips_out :] = 15
        if i % 3 == 0:
            codes[i] = codes[i, :, ::-1]
    codes[-20:, :, :] = rng.integers(0, 15, (20, 4, 1))
    codes[-5:] = 15
    return packed(codes)


def bits(found: tuple[np.ndarray, ...]) -> list[bytes]:
    return [np.ascontiguousarray(column).tobytes() for column in found]


def test_comparisons_are_numpys() -> None:
    """Of one box at a time, by ``corrcoef``."""
    rng = np.random.default_rng(1)
    profiles = profiles_of_any_kind(120, 1)
    usual = rng.integers(0, 256, (4, BINS)).astype(np.uint8)
    gain, moves, likeness = compare_profiles(profiles, np.arange(120), usual, 1)
    across = [np.stack([s.values, s.seen]) for axis in strips(profiles) for s in axis]
    told = 0
    for i in range(100):  # flat ones have no correlation
        sums = np.full((2, 2 * REACH + 1), np.nan)
        for axis in (0, 1):
            for column, move in enumerate(range(-REACH, REACH + 1)):
                values, seen = across[2 * axis][:, i]
                at = [k for k in range(BINS) if 0 <= k - move < BINS and seen[k]]
                if len(at) < 14:
                    continue
                beside = np.array(at) - move
                luma = np.corrcoef(values[at], usual[2 * axis][beside])[0, 1]
                edges = across[2 * axis + 1][0, i][at]
                sums[axis, column] = luma + np.corrcoef(edges, usual[2 * axis + 1][beside])[0, 1]
        expected = sum(np.nanmax(row) - row[REACH] for row in sums if np.isfinite(row).any())
        if np.isnan(sums).all(axis=1).any() or np.isnan(sums[:, REACH]).any():
            assert np.isnan(gain[i])
            continue
        told += 1
        assert gain[i] == pytest.approx(expected, abs=1e-9)
        assert moves[i].tolist() == (np.nanargmax(sums, axis=1) - REACH).tolist()
        assert likeness[i] == pytest.approx(sums[:, REACH].sum() / 4, abs=1e-9)
    assert 30 < told < 100


@pytest.mark.parametrize("kind", ["noise", "cells", "flat template"])
def test_comparisons_are_matrix_products_to_the_bit(kind: str) -> None:
    rng = np.random.default_rng(2)
    profiles = profiles_of_any_kind(9000, 3) if kind != "cells" else cells(300, 9)
    usual = rng.integers(0, 256, (4, BINS)).astype(np.uint8)
    if kind == "flat template":
        usual[1:] = 255
    rows = rng.integers(0, len(profiles), 2 * len(profiles))
    expected = looks_by_numpy(profiles, rows, usual)
    for workers in (1, 2, 0):
        assert bits(compare_profiles(profiles, rows, usual, workers)) == bits(expected)
    profiles.flags.writeable = False  # as Arrow's are
    assert bits(compare_profiles(profiles, rows[:0], usual, 1)) == [b"", b"", b""]


def test_bad_rows_and_shapes_are_refused() -> None:
    profiles, usual = cells(3, 0), np.zeros((4, BINS), np.uint8)
    for rows in ([3], [-1], [0, 1 << 60]):
        with pytest.raises(ValueError, match="compare_profiles"):
            compare_profiles(profiles, np.array(rows), usual, 1)
    with pytest.raises(ValueError, match="compare_profiles"):
        compare_profiles(profiles, np.arange(3), usual, -1)
    with pytest.raises(ValueError, match="profiles: expected shape"):
        compare_profiles(profiles[:, :40].copy(), np.arange(3), usual, 1)
    with pytest.raises(ValueError, match="templates: expected shape"):
        compare_profiles(profiles, np.arange(3), usual[:3], 1)
    with pytest.raises(ValueError, match="rows: expected shape"):
        compare_profiles(profiles, np.zeros((3, 1), np.int64), usual, 1)


def test_a_template_is_the_median_look() -> None:
    rng = np.random.default_rng(2)
    shape = np.sin(np.arange(BINS) / 3)
    rows = shape * rng.uniform(2, 6, (99, 1)) + 7
    rows[:20] = rng.uniform(0, 14, (20, BINS))  # boxes around something else
    found = template(Strips(rows.astype(np.float32), np.ones((99, BINS), np.float32)))
    assert found.min() == 0
    assert found.max() == 255
    assert np.corrcoef(found, shape)[0, 1] > 0.99
    assert (found == np.rint(found)).all()


def test_moves_are_found_and_said(blood) -> None:
    moved = {7: (3, 0), 50: (0, -4), 120: (-3, 3)}
    b = blood(cells(240, 3, moved))
    told = {f["annotation_id"]: f for f in b.run("FL707")}
    assert set(moved) <= set(told)
    assert len(told) <= 6
    for at, (right, down) in moved.items():
        fix = told[at]["evidence"]["fix"]
        row = b.annotations[at]
        expected = [row["x1"] + 2 * right, row["y1"] + 4 * down]
        assert fix["box"][:2] == pytest.approx(expected, abs=4.1)
        assert fix["box"][2] - fix["box"][0] == 32
        assert fix["action"] == "replace_box"
        assert fix["category"] == "cell"
        assert told[at]["score"] > 0.4
    assert "right" in told[7]["message"]
    assert "up" in told[50]["message"]
    assert "left" in told[120]["message"]
    assert "down" in told[120]["message"]


def test_a_set_without_errors_is_quiet(blood) -> None:
    for seed in range(5):
        assert len(blood(cells(240, seed)).run("FL707")) <= 4


def test_classes_without_a_look_of_their_own_are_not_judged(blood) -> None:
    rng = np.random.default_rng(4)
    assert blood(packed(rng.integers(0, 15, (240, 4, BINS)))).run("FL707") == []
    assert blood(cells(150, 1, {3: (4, 0)})).run("FL707") == []  # too few
    flat = np.full((240, 4, BINS), 7)
    assert blood(packed(flat)).run("FL707") == []


def test_what_was_not_measured_is_counted(blood) -> None:
    b = blood(cells(240, 5, {3: (4, 0)}))
    for row in b.box_stats[:30]:
        del row["profile"]
    context = b.context()
    assert run(context, ["FL707"]).num_rows <= 2
    assert context.unjudged["FL707"] == 30
    turned = blood(cells(240, 5, {3: (4, 0)}), orientation=6)
    context = turned.context()
    assert run(context, ["FL707"]).num_rows == 0
    assert context.unjudged["FL707"] == 240


def test_crowds_and_hidden_things_are_exempt(blood) -> None:
    b = blood(cells(240, 6, {3: (4, 0), 4: (4, 0), 5: (4, 0)}))
    b.annotations[3]["crowd"] = True
    b.annotations[4]["occlusion"] = 1
    assert {f["annotation_id"] for f in b.run("FL707") if f["annotation_id"] < 6} == {5}


def test_chances_are_shares_of_the_surplus() -> None:
    """Of a mixture with a known answer: an exponential, and errors beyond it."""
    rng = np.random.default_rng(7)
    right, wrong = rng.exponential(0.4, 9500), rng.gamma(5.0, 0.45, 500)
    gain = np.concatenate([right, wrong])
    chance = chances(gain)
    assert ((chance >= 0) & (chance <= 1)).all()
    order = np.argsort(gain, kind="stable")
    assert (np.diff(chance[order]) >= -1e-12).all()
    for low, high in ((0.2, 0.5), (0.5, 0.8), (0.8, 1.01)):
        mine = (chance >= low) & (chance < high)
        assert mine.sum() > 20
        assert abs(chance[mine].mean() - (np.flatnonzero(mine) >= 9500).mean()) < 0.15
    alone = chances(right)
    assert (alone > 0.5).mean() < 0.01


@pytest.mark.parametrize("gain", [np.zeros(100), np.ones(2), np.r_[np.zeros(90), np.ones(10)]])
def test_chances_of_odd_samples(gain) -> None:
    chance = chances(gain)
    assert np.isfinite(chance).all()
    assert ((chance >= 0) & (chance <= 1)).all()


def test_the_fit_does_not_depend_on_threads_or_on_other_rows() -> None:
    profiles = cells(300, 8, {1: (4, 0)})
    alone = fit(profiles, np.arange(300))
    assert alone.move[1].tolist() == [4, 0]
    among = np.repeat(profiles, 40, axis=0)
    among[1::40] = 7
    for workers in (1, 2):
        found = fit(among, np.arange(300) * 40, workers)
        assert found.gain.tobytes() == alone.gain.tobytes()
        assert found.likeness.tobytes() == alone.likeness.tobytes()
        assert (found.move == alone.move).all()


def test_chances_below_what_is_asked_for_may_be_left_out() -> None:
    rng = np.random.default_rng(11)
    gain = np.r_[rng.exponential(0.4, 9500), rng.gamma(5.0, 0.45, 500), np.zeros(3000)]
    gain = np.round(rng.permutation(gain), 2)  # many ties
    every = chances(gain)
    for least in (1e-9, 0.25, 0.6, 2.0):
        some = chances(gain, least)
        assert np.array_equal(np.where(some >= least, some, 0), np.where(every >= least, every, 0))


def test_classes_are_judged_apart(blood) -> None:
    """Two classes of opposite looks, their boxes in turns, and boxes of none."""
    dark, bright = cells(240, 3, {7: (3, 0)}), cells(240, 4, {50: (0, -4)})
    nibbles = np.stack([bright & 15, bright >> 4], axis=-1).reshape(-1, 4, BINS)
    nibbles[:, ::2] = 14 - nibbles[:, ::2]
    both = np.stack([dark, packed(nibbles)], axis=1).reshape(480, -1)
    b = blood(both)
    for at, row in enumerate(b.annotations):
        row["category_id"] = at % 2
    b.categories.append({**b.categories[0], "category_id": 1, "name": "other"})
    told = {f["annotation_id"]: f["evidence"]["fix"] for f in b.run("FL707")}
    assert {14, 101} <= set(told)
    assert len(told) <= 8
    assert told[14]["category_id"] == 0
    assert told[101]["category"] == "other"


def test_names_from_data_are_text(blood) -> None:
    b = blood(cells(240, 3, {7: (4, 0)}))
    b.categories[0]["name"] = 'ce"ll\n\x1b[1m'
    finding = next(f for f in b.run("FL707") if f["annotation_id"] == 7)
    assert finding["evidence"]["fix"]["category"] == 'ce"ll\n\x1b[1m'
    json.dumps(finding)
