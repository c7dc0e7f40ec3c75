"""Epochs of a mix: what each has, what cannot be reached, and that nothing is starved."""

from __future__ import annotations

import errno
import json
import math
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fastlabel as fl
from fastlabel import schema
from fastlabel.dataset import Dataset, DatasetError
from fastlabel.prepare.mix.chance import hashed, ordered
from fastlabel.prepare.mix.deck import Deck, repeats_of
from fastlabel.prepare.mix.schedule import planned

#: Sides of boxes at an input of 640 that make them easy, medium and hard.
SIDES = {"easy": 100.0, "medium": 19.0, "hard": 6.0}


def made(root: Path = Path("set"), *, classes: Any = None, names: Any = None, **counts: int):
    """A set of images of one box each, of so many of each level; ``negative``, ``missing`` too."""
    images, boxes = [], []
    for level, n in counts.items():
        for _ in range(n):
            k = len(images)
            state = {"negative": "labelled_empty", "missing": "missing"}.get(level, "labelled")
            name = names[k] if names else f"{k}.jpg"
            images.append(
                {
                    "image_id": k,
                    "file_name": name,
                    "path": name,
                    "split": "train" if k % 2 else "val",
                    "width": 640,
                    "height": 640,
                    "label_state": state,
                }
            )
            if level in SIDES:
                side = SIDES[level]
                boxes.append(
                    {
                        "annotation_id": len(boxes),
                        "image_id": k,
                        "category_id": classes(level, k) if classes else 0,
                        **{"x1": 10.0, "y1": 10.0, "x2": 10 + side, "y2": 10 + side},
                    }
                )
    top = max((b["category_id"] for b in boxes), default=0)
    ds = Dataset(
        pa.Table.from_pylist(images, schema=schema.IMAGES),
        pa.Table.from_pylist(boxes, schema=schema.ANNOTATIONS),
        pa.Table.from_pylist(
            [{"category_id": k, "name": f"c{k}"} for k in range(top + 1)], schema=schema.CATEGORIES
        ),
        schema.PROBLEMS.empty_table(),
        root,
        "coco",
        {},
    )
    # Classes are rare on purpose here, which is not to move the levels.
    config = fl.config.parse({"difficulty": {"rare_class": {"weight": 0}}})
    return ds, fl.difficulty(ds, schema.IMAGE_STATS.empty_table(), config=config)


@pytest.fixture(scope="module")
def hundred():
    return made(easy=40, medium=40, hard=20)


def shares(mix: fl.Mix, epoch: int) -> list[float]:
    counts = np.bincount(mix.group[mix.epoch(epoch)], minlength=4)
    return (counts / counts.sum()).tolist()


class TestSchedule:
    def test_it_begins_easy_and_goes_to_the_mix_in_equal_steps(self, hundred):
        mix = fl.mix(*hundred, epochs=8, warmup=4)
        expected = [[0.75 - 0.1125 * e, 0.25 + 0.0625 * e, 0.05 * e, 0.0] for e in range(4)] + [
            [0.3, 0.5, 0.2, 0.0]
        ] * 4
        for e, wanted in enumerate(expected):
            assert shares(mix, e) == pytest.approx(wanted, abs=0.0101), e
            assert mix.schedule.asked[e].tolist() == pytest.approx(wanted)
        assert mix.notes == ()
        assert [mix.epoch_size(e) for e in range(8)] == [100] * 8

    def test_without_warmup_every_epoch_has_the_mix(self, hundred):
        mix = fl.mix(*hundred, epochs=3, warmup=0)
        assert all(shares(mix, e) == [0.3, 0.5, 0.2, 0.0] for e in range(3))

    def test_warmup_may_be_the_whole_run(self, hundred):
        assert len(fl.mix(*hundred, epochs=3, warmup=3)) == 3

    def test_negatives_keep_their_share_or_have_the_one_asked_for(self):
        sets = made(easy=40, medium=30, hard=20, negative=10)
        kept = fl.mix(*sets, epochs=4, warmup=2)
        assert [shares(kept, e)[3] for e in range(4)] == [0.1] * 4
        more = fl.mix(*sets, epochs=4, warmup=2, negatives=0.25)
        assert [shares(more, e)[3] for e in range(4)] == [0.25] * 4
        none = fl.mix(*sets, epochs=4, warmup=2, negatives=0.0)
        assert [shares(none, e)[3] for e in range(4)] == [0.0] * 4

    @settings(max_examples=60, deadline=None)
    @given(
        st.tuples(*[st.integers(0, 60)] * 4).filter(lambda n: sum(n) > 0),
        st.integers(0, 100), st.integers(0, 100), st.floats(0, 1),
        st.integers(1, 200), st.integers(1, 4), st.integers(0, 5),
    )  # fmt: skip
    def test_no_group_gives_more_than_it_has(self, n, a, b, negatives, size, repeat, warmup):
        easy, medium = a / 200, b / 200
        plan = planned(
            (easy, medium, 1 - easy - medium), negatives, np.array(n), 6, warmup, size, repeat
        )
        assert (plan.quotas <= np.array(n) * repeat).all() and (plan.quotas >= 0).all()
        assert (plan.quotas.sum(axis=1) <= size).all()
        room = repeat * sum(n[:3]) >= size
        if room:  # levels stand in for what others lack
            assert (plan.quotas.sum(axis=1) == size).all()


class TestReach:
    def test_an_empty_level_is_said_and_stood_in_for(self):
        mix = fl.mix(*made(easy=50, medium=50, hard=0), epochs=10, warmup=2)
        assert shares(mix, 9) == pytest.approx([0.375, 0.625, 0, 0], abs=0.0101)
        (note,) = mix.notes
        assert note.startswith("hard: 20 % asked and 0 % reached in 9 of 10 epochs: the set has 0")
        assert "collect 7 or more hard images" in note and "fastlabel paste" in note

    def test_a_level_that_is_too_small_is_repeated_up_to_the_limit(self):
        mix = fl.mix(*made(easy=60, medium=39, hard=1), epochs=10, warmup=0, max_repeat=3)
        assert shares(mix, 5)[2] == 0.03
        assert np.bincount(mix.epoch(5), minlength=100)[99] == 3
        assert "the set has 1 image, each up to 3 times" in mix.notes[0]

    def test_missing_negatives_are_said(self, hundred):
        mix = fl.mix(*hundred, epochs=2, warmup=0, negatives=0.1)
        assert mix.notes[0].startswith("negative: 10 % asked and 0 % reached")
        assert "fastlabel negatives" in mix.notes[0]
        assert mix.epoch_size(0) == 100

    def test_easy_ones_that_only_the_start_lacks(self):
        mix = fl.mix(*made(easy=20, medium=60, hard=20), epochs=10, warmup=4, max_repeat=2)
        assert "easy: 75 % asked and 40 % reached in 4 of the first 4 epochs" in mix.notes[0]

    def test_a_size_that_repeats_cannot_fill(self):
        mix = fl.mix(*made(easy=2, medium=2, hard=2), epochs=2, warmup=0, size=100, max_repeat=3)
        assert mix.epoch_size(1) == 18
        assert any(note.startswith("size: 100 images an epoch asked") for note in mix.notes)

    def test_epochs_too_few_for_all_images(self):
        mix = fl.mix(*made(easy=90, medium=5, hard=5), epochs=1, warmup=0)
        assert len(mix.unused()) == 90 - mix.schedule.quotas[0, 0] > 0
        assert f"{len(mix.unused()):,} images are in none of the epochs" in mix.notes[-1]

    def test_levels_by_rank_are_thirds(self):
        ds, hardness = made(easy=99, medium=0, hard=0)
        assert fl.mix(ds, hardness, epochs=2, warmup=0).notes
        mix = fl.mix(ds, hardness, epochs=2, warmup=0, levels="rank")
        assert np.bincount(mix.group).tolist() == [33, 33, 33] and not mix.notes


class TestFairness:
    def test_no_image_of_a_level_is_ahead_of_another_by_more_than_one(self, hundred):
        mix = fl.mix(*hundred, epochs=30, warmup=5, balance="none")
        total = np.zeros(100, np.int64)
        for e in range(30):
            total += mix.repeats(e)
            for level in range(3):
                mine = total[mix.group == level]
                assert mine.max() - mine.min() <= 1
        assert (total > 0).all() and not len(mix.unused())

    def test_weights_are_kept_over_the_run_and_none_is_starved(self, hundred):
        ds, hardness = hundred
        weights = np.where(np.arange(100) % 2, 4.0, 1.0)
        mix = fl.mix(ds, hardness, epochs=60, warmup=0, weights=weights, balance="none")
        total = sum(mix.repeats(e) for e in range(60))
        for level in range(3):
            heavy, light = (total[(mix.group == level) & (weights == w)] for w in (4.0, 1.0))
            assert heavy.mean() / light.mean() == pytest.approx(3, abs=1.1) and light.min() > 0
        chance = mix.probabilities(10)
        assert chance.sum() == pytest.approx(1)
        assert np.corrcoef(chance, total)[0, 1] > 0.99

    def test_a_weight_of_zero_leaves_out(self, hundred):
        ds, hardness = hundred
        mix = fl.mix(ds, hardness, epochs=5, warmup=0, weights=np.arange(100) > 0)
        assert mix.left_out == {"of weight 0": 1}
        assert not any((mix.epoch(e) == 0).any() for e in range(5))

    def test_copies_lie_apart(self):
        deck = Deck(np.arange(10), np.full(10, 4), 1)
        assert len(deck) == 40
        for k in range(10):
            at = np.flatnonzero(deck.cards == k)
            assert len(at) == 4 and np.diff(at).min() >= 2

    def test_a_deck_goes_round_and_round(self):
        deck = Deck(np.arange(7), np.ones(7, np.int64), 3)
        whole = deck.dealt(0, 70)
        assert np.bincount(whole).tolist() == [10] * 7
        assert deck.dealt(12, 30).tolist() == whole[12:42].tolist()

    def test_copies_of_weights(self):
        assert repeats_of(np.array([2.0, 2.0])).tolist() == [1, 1]
        assert repeats_of(np.array([1.0, 1.0, 2.0, 0.0])).tolist() == [4, 4, 8, 1]
        assert repeats_of(np.array([1e9, 1.0])).tolist() == [8, 1]


class TestClasses:
    def test_classes_keep_their_shares_though_levels_have_others(self):
        # Class 1 is all of the hard images, and a fifth of the easy ones.
        ds, hardness = made(
            classes=lambda level, k: int(level == "hard" or k % 5 == 0),
            easy=100, medium=100, hard=20,
        )  # fmt: skip
        asked = {"epochs": 4, "warmup": 0, "easy": 0.4, "medium": 0.2, "hard": 0.4, "size": 150}
        kept = fl.mix(ds, hardness, **asked)
        plain = fl.mix(ds, hardness, balance="none", **asked)
        even = fl.mix(ds, hardness, balance="even", **asked)
        wanted = plain.class_shares()[1]

        def rare(mix: fl.Mix) -> float:
            return float(np.mean([mix.class_shares(e)[1] for e in range(4)]))

        assert abs(rare(kept) - wanted) < abs(rare(plain) - wanted) / 1.2
        assert abs(rare(even) - 0.5) <= 0.03

    def test_of_one_class_there_is_nothing_to_balance(self, hundred):
        a = fl.mix(*hundred, epochs=2, warmup=0)
        b = fl.mix(*hundred, epochs=2, warmup=0, balance="none")
        assert a.epoch(1).tolist() == b.epoch(1).tolist()


class TestChance:
    def test_hashes_are_those_of_splitmix(self):
        # By Python's own whole numbers, one after the other.
        word, step = 2**64 - 1, 0x9E3779B97F4A7C15

        def mixed(z: int) -> int:
            z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & word
            z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & word
            return z ^ (z >> 31)

        state = 0
        for part in (7, 1):
            state = mixed((state + part + step) & word)
        expected = [mixed((state + (k + 1) * step) & word) for k in range(5)]
        assert hashed(5, 7, 1).tolist() == expected

    def test_order_is_by_the_upper_half_then_by_place(self):
        keys = np.array([5 << 32 | 9, 1 << 32, 5 << 32 | 1, 0], np.uint64)
        assert ordered(keys).tolist() == [3, 1, 0, 2]

    def test_lists_are_the_same_on_every_machine(self, hundred):
        # Written down once: another machine, or another NumPy, must give these too.
        mix = fl.mix(*hundred, epochs=5, warmup=2, seed=7, size=12)
        assert mix.epoch(0).tolist() == EPOCH_0
        assert mix.epoch(4).tolist() == EPOCH_4

    def test_seeds_differ_and_epochs_are_known_without_those_before(self, hundred):
        one, two = (fl.mix(*hundred, epochs=5, warmup=2, seed=s) for s in (1, 2))
        assert one.epoch(3).tolist() != two.epoch(3).tolist()
        again = fl.mix(*hundred, epochs=5, warmup=2, seed=1)
        assert [again.epoch(e).tolist() for e in (4, 0)] == [one.epoch(e).tolist() for e in (4, 0)]


EPOCH_0 = [30, 67, 22, 35, 12, 17, 43, 3, 27, 36, 7, 72]
EPOCH_4 = [18, 65, 95, 61, 83, 73, 23, 64, 5, 77, 19, 58]


class TestLeftOut:
    def test_images_without_labels_and_of_other_splits_are_counted(self):
        ds, hardness = made(easy=10, medium=10, hard=10, missing=3)
        mix = fl.mix(ds, hardness, epochs=2, warmup=0)
        assert mix.left_out == {"without a label record": 3}
        half = fl.mix(ds, hardness, epochs=2, warmup=0, split="train")
        assert half.left_out == {"of another split": 17, "without a label record": 1}
        assert sum(half.left_out.values()) + np.count_nonzero(half.group < 4) == len(ds)

    def test_unreadable_pictures(self, tmp_path):
        for k in range(3):
            cv2.imwrite(str(tmp_path / f"{k}.png"), np.full((64, 64), 128, np.uint8))
            (tmp_path / f"{k}.txt").write_text("0 0.5 0.5 0.3 0.3\n")
        (tmp_path / "1.png").write_bytes(b"no picture")
        (tmp_path / "data.yaml").write_text("names: [thing]\ntrain: .\n")
        mix = fl.mix(fl.read(tmp_path, "yolo"), epochs=3, warmup=0, size=2)
        assert mix.left_out == {"without a picture that decodes": 1}
        assert all(not (mix.epoch(e) == 1).any() for e in range(3))

    def test_nothing_to_mix(self):
        ds, hardness = made(missing=4)
        with pytest.raises(DatasetError, match="no image to mix: 4 without a label record"):
            fl.mix(ds, hardness)


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        ({"easy": 0.5}, "got 0.5 \\+ 0.5 \\+ 0.2 = 1.2, expected shares that add up to 1"),
        ({"hard": math.nan}, "hard: got nan, expected a share from 0 to 1"),
        ({"easy": -0.1, "hard": 0.6}, "easy: got -0.1"),
        ({"medium": True}, "medium: got True"),
        ({"epochs": 0}, "epochs: got 0, expected a whole number from 1"),
        ({"epochs": 2.5}, "epochs"),
        ({"warmup": 51}, "warmup: got 51, expected at most the 50 epochs"),
        ({"warmup": -1}, "warmup: got -1"),
        ({"size": 0}, "size: got 0"),
        ({"max_repeat": 0}, "max_repeat: got 0"),
        ({"negatives": math.nan}, "negatives: got nan"),
        ({"negatives": 1.5}, "negatives: got 1.5"),
        ({"balance": "odd"}, "balance: got 'odd'"),
        ({"levels": "x"}, "levels: got 'x'"),
        ({"seed": -1}, "seed: got -1"),
        ({"split": "dev"}, "split: got 'dev', expected one of: 'train', 'val'"),
        ({"weights": [1.0]}, "weights: got shape"),
        ({"weights": [math.nan] * 100}, "weights: got nan for image 0"),
        ({"weights": [-1.0] * 100}, "weights: got -1.0 for image 0"),
    ],
)
def test_wrong_arguments(hundred, options, wanted):
    with pytest.raises((ValueError, TypeError), match=wanted):
        fl.mix(*hundred, **options)


def test_a_difficulty_of_another_set(hundred):
    with pytest.raises(ValueError, match="difficulty: is of 100 images, expected the set's 3"):
        fl.mix(made(easy=3)[0], hundred[1])


def test_epochs_that_are_not_there(hundred):
    mix = fl.mix(*hundred, epochs=3, warmup=0)
    for wrong in (3, -1):
        with pytest.raises(ValueError, match="epoch: got"):
            mix.epoch(wrong)


class TestFiles:
    @pytest.fixture
    def mix(self, tmp_path):
        root = tmp_path / "set"
        root.mkdir()
        return fl.mix(*made(root, easy=20, medium=20, hard=10, negative=5), epochs=4, warmup=2)

    def test_all_kinds_say_the_same(self, mix, tmp_path):
        out = tmp_path / "lists"
        files = mix.write(out, to=("txt", "jsonl", "parquet"))
        assert sorted(files) == sorted(out.iterdir()) and all(f.is_file() for f in files)
        table = pq.read_table(out / "mix.parquet")
        lines = [json.loads(line) for line in (out / "mix.jsonl").read_text().splitlines()]
        for e in range(4):
            images = mix.epoch(e).tolist()
            listed = (out / f"epoch-{e:03}.txt").read_text().splitlines()
            assert listed == [f"{mix.ds.root.resolve()}/{i}.jpg" for i in images]
            rows = table.filter(pa.compute.equal(table["epoch"], e))
            assert rows["image_id"].to_pylist() == images
            assert rows["position"].to_pylist() == list(range(len(images)))
            mine = {r["image_id"]: r["repeat"] for r in lines if r["epoch"] == e}
            assert mine == {i: images.count(i) for i in images}
        levels = {r["image_id"]: r["level"] for r in lines}
        assert set(levels.values()) == {"easy", "medium", "hard", "negative"}
        summary = json.loads((out / "mix.json").read_text())
        assert len(summary["epochs"]) == 4 and summary["groups"]["negative"] == 5
        assert summary["epochs"][3]["hard"] == mix.schedule.quotas[3, 2]
        assert (out / "mix.png").read_bytes()[:4] == b"\x89PNG"

    def test_nothing_is_written_over_or_into_the_set(self, mix, tmp_path):
        out = tmp_path / "lists"
        mix.write(out)
        with pytest.raises(DatasetError, match="is not empty"):
            mix.write(out)
        mix.write(out, to="jsonl", overwrite=True)
        assert not list(out.glob("*.txt"))
        with pytest.raises(DatasetError, match="lies in the data set"):
            mix.write(mix.ds.root / "lists")

    def test_a_full_disk_leaves_nothing(self, mix, tmp_path, monkeypatch):
        real, left = Path.write_bytes, [2]

        def full(self: Path, data: bytes) -> int:
            if self.suffix == ".txt":
                left[0] -= 1
                if left[0] < 0:
                    raise OSError(errno.ENOSPC, "No space left on device", str(self))
            return real(self, data)

        monkeypatch.setattr(Path, "write_bytes", full)
        before = sorted(tmp_path.iterdir())
        with pytest.raises(OSError, match="nothing was kept; free some space") as error:
            mix.write(tmp_path / "lists")
        assert error.value.errno == errno.ENOSPC
        assert sorted(tmp_path.iterdir()) == before

    def test_wrong_kinds_and_names(self, mix, tmp_path):
        with pytest.raises(ValueError, match="to: got 'csv'"):
            mix.write(tmp_path / "lists", to=("csv",))
        with pytest.raises(ValueError, match=r"ends in \.svg or \.png"):
            mix.plot(tmp_path / "mix.pdf")
        odd = fl.mix(*made(tmp_path / "odd", names=["a\nb.jpg"], easy=1), epochs=1, warmup=0)
        with pytest.raises(DatasetError, match="line end"):
            odd.write(tmp_path / "lists")
        odd.write(tmp_path / "lists", to=("jsonl",))


# --- PyTorch, where it is installed: `make test-torch` ------------------------------------


@pytest.mark.torch
def test_the_sampler_gives_the_epochs(hundred):
    torch = pytest.importorskip("torch", exc_type=ImportError)
    import pickle

    import fastlabel.torch as ft

    mix = fl.mix(*hundred, epochs=4, warmup=2)
    sampler = ft.MixSampler(mix)
    assert isinstance(sampler, torch.utils.data.Sampler)
    loader = torch.utils.data.DataLoader(list(range(100)), batch_size=8, sampler=sampler)
    for e in range(4):
        sampler.set_epoch(e)
        assert torch.cat(list(loader)).tolist() == mix.epoch(e).tolist()
        assert len(sampler) == mix.epoch_size(e)
    assert list(pickle.loads(pickle.dumps(sampler))) == list(sampler)
    parts = [list(ft.MixSampler(mix, replicas=3, rank=r)) for r in range(3)]
    assert [len(p) for p in parts] == [34, 34, 34]
    assert [i for row in zip(*parts, strict=True) for i in row][:100] == mix.epoch(0).tolist()
    turned = ft.MixSampler(mix, index=np.arange(100)[::-1])
    assert list(turned) == (99 - mix.epoch(0)).tolist()
    with pytest.raises(ValueError, match="epoch: got 4"):
        sampler.set_epoch(4)
    with pytest.raises(ValueError, match="rank: got 3 of 3"):
        ft.MixSampler(mix, replicas=3, rank=3)
    with pytest.raises(ValueError, match="index: got shape"):
        ft.MixSampler(mix, index=[1])
