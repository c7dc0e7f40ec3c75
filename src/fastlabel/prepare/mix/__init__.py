"""Which images a small model sees in which epoch: a mix of levels, easy ones first.

The schedule says how many images of each level an epoch has (:mod:`.schedule`); each level is a
deck of its images in an order of chance that is dealt round and round (:mod:`.deck`), so that an
epoch is known without those before it and none of the images is starved. All chance is a hash of
the seed (:mod:`.chance`): the same lists on every machine.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ..._scalars import as_whole
from ...dataset import Dataset, DatasetError
from ...difficulty.settings import LEVELS, checked_shares
from .balance import BALANCES, balanced, class_shares
from .chance import hashed, ordered
from .deck import Deck, repeats_of
from .reached import unreached
from .schedule import GROUPS, MOST_EPOCHS, MOST_SIZE, Plan, planned

if TYPE_CHECKING:
    import pyarrow as pa

    from ...config import Config
    from ...deploy import Profile
    from ...difficulty import Difficulty

__all__ = ["Mix", "mix"]

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

#: What the numbers of a seed are for.
_DECKS, _ORDER = 1, 2
#: Group of an image that is in none.
OUT = 4


@dataclass(frozen=True, eq=False)
class Mix:
    """A run's epochs.

    Attributes
    ----------
    ds : Dataset
        The set whose images are listed.
    group : numpy.ndarray
        (images,) 0 easy, 1 medium, 2 hard, 3 negative, 4 left out.
    weights : numpy.ndarray
        (images,) how often each is drawn beside others of its group.
    schedule : Plan
        Shares that are asked of each epoch, and images of each group that it has.
    settings : mapping
        What was asked for: shares, epochs, warmup, size, ...
    left_out : mapping of str to int
        Images that are in no epoch, by reason.
    notes : tuple of str
        What cannot be reached, and what would help.
    """

    ds: Dataset
    group: npt.NDArray[np.uint8]
    weights: Floats
    schedule: Plan
    settings: Mapping[str, Any]
    left_out: Mapping[str, int]
    notes: tuple[str, ...] = ()
    _decks: Sequence[Deck] = field(repr=False, default=())

    def __len__(self) -> int:
        return len(self.schedule.quotas)

    def __repr__(self) -> str:
        usable = int(np.count_nonzero(self.group < OUT))
        return f"Mix({len(self)} epochs of up to {self.settings['size']:,} of {usable:,} images)"

    @cached_property
    def _dealt(self) -> Ints:
        """(epochs + 1, groups) cards dealt before each epoch."""
        quotas = self.schedule.quotas
        return np.concatenate([np.zeros((1, len(GROUPS)), np.int64), np.cumsum(quotas, axis=0)])

    def epoch_size(self, epoch: int) -> int:
        """Images of one epoch."""
        return int(self.schedule.quotas[self._checked(epoch)].sum())

    def epoch(self, epoch: int) -> Ints:
        """Images of one epoch, in the order in which they are to be seen.

        Parameters
        ----------
        epoch : int
            From 0.

        Returns
        -------
        numpy.ndarray
            (n,) int64 image ids; one that is repeated stands there as often.
        """
        e = self._checked(epoch)
        quotas, before = self.schedule.quotas[e].tolist(), self._dealt[e].tolist()
        cards = [d.dealt(b, q) for d, b, q in zip(self._decks, before, quotas, strict=True) if q]
        drawn = np.concatenate([*cards, np.empty(0, np.int64)]).astype(np.int64)
        return drawn[ordered(hashed(len(drawn), self.settings["seed"], _ORDER, e))]

    def repeats(self, epoch: int) -> Ints:
        """How often each image of the set is in an epoch, (images,) int64."""
        return np.bincount(self.epoch(epoch), minlength=len(self.group)).astype(np.int64)

    def probabilities(self, epoch: int) -> Floats:
        """Chance of each image for one draw of an epoch: for samplers that draw with return.

        Returns
        -------
        numpy.ndarray
            (images,) float64 that add up to 1; all 0 where the epoch has no image.
        """
        quotas = self.schedule.quotas[self._checked(epoch)]
        out = np.zeros(len(self.group))
        total = max(int(quotas.sum()), 1)
        for deck, quota in zip(self._decks, quotas.tolist(), strict=True):
            if len(deck):
                out[deck.images] = deck.copies * (quota / (len(deck) * total))
        return out

    def table(self) -> pa.Table:
        """What each epoch has.

        Returns
        -------
        pyarrow.Table
            One row an epoch: ``epoch``, ``images``; for each group the images, the share and
            the share that was asked for (``easy``, ``easy_share``, ``easy_asked``).
        """
        import pyarrow as pa

        quotas, asked = self.schedule.quotas, self.schedule.asked
        sizes = quotas.sum(axis=1)
        columns: dict[str, Any] = {"epoch": np.arange(len(self)), "images": sizes}
        for k, name in enumerate(GROUPS):
            columns[name] = quotas[:, k]
            columns[f"{name}_share"] = quotas[:, k] / np.maximum(sizes, 1)
            columns[f"{name}_asked"] = asked[:, k]
        return pa.table(columns)

    def unused(self) -> Ints:
        """Images that are in a group and in none of the epochs: there are too few of them."""
        used = np.zeros(len(self.group), np.bool_)
        for deck, total in zip(self._decks, self._dealt[-1].tolist(), strict=True):
            used[deck.cards[: min(total, len(deck))]] = True
        return np.flatnonzero(~used & (self.group < OUT))

    def class_shares(self, epoch: int | None = None) -> Floats:
        """Share of each class among the boxes of an epoch; of the usable set without one."""
        from ...rules.context import ints

        category = ints(self.ds.annotations["category_id"])
        image = ints(self.ds.annotations["image_id"])
        if epoch is None:
            seen = (self.group < OUT).astype(np.float64)
        else:
            seen = self.repeats(epoch).astype(np.float64)
        known = category >= 0
        classes = self.ds.categories.num_rows
        return class_shares(image[known], category[known], seen, classes)

    def write(
        self,
        folder: str | os.PathLike[str],
        *,
        to: Sequence[str] = ("txt",),
        overwrite: bool = False,
    ) -> list[Path]:
        """Write the lists into a new folder, there as a whole or not at all.

        Parameters
        ----------
        folder : path-like
            Made; it may not lie in the data set.
        to : sequence of {"txt", "jsonl", "parquet"}
            ``txt``: a list for each epoch, a picture a line, as Ultralytics and Darknet read
            it. ``jsonl`` and ``parquet``: one file. ``mix.json``, with the schedule, what
            was reached and what was not, and ``mix.png`` are there in any case.
        overwrite : bool
            Replace what is there, as a whole.

        Returns
        -------
        list of pathlib.Path
            The files.

        Raises
        ------
        DatasetError
            For a folder that cannot be used, and for names that a list cannot hold.
        OSError
            Where it cannot be written; then nothing is left of it.
        """
        from .writing import write

        return write(self, Path(folder), to, overwrite=overwrite)

    def plot(self, path: str | os.PathLike[str]) -> None:
        """Draw the mix of each epoch, and what was asked for, as .png or .svg."""
        from .picture import draw

        draw([("", self)], Path(path))

    def _checked(self, epoch: int) -> int:
        e = as_whole(epoch, "epoch", f"0 to {len(self) - 1}")
        if not 0 <= e < len(self):
            raise ValueError(f"epoch: got {e}, expected 0 to {len(self) - 1}")
        return e


def mix(
    ds: Dataset,
    difficulty: Difficulty | None = None,
    *,
    easy: float = 0.3,
    medium: float = 0.5,
    hard: float = 0.2,
    epochs: int = 50,
    warmup: int = 5,
    negatives: float | None = None,
    size: int | None = None,
    balance: str = "keep",
    weights: Any = None,
    levels: str = "score",
    max_repeat: int = 3,
    split: str | None = None,
    seed: int = 0,
    deploy: Profile | str | os.PathLike[str] | None = None,
    config: Config | None = None,
) -> Mix:
    r"""Plan which images each epoch shows: a mix of easy, medium and hard, easy-rich at first.

    Parameters
    ----------
    ds : Dataset
        A labelled set. Images without a label record, without a picture that decodes, and with
        ignore regions alone are left out and counted.
    difficulty : Difficulty, optional
        As :func:`fastlabel.difficulty` gives it; made here without one, by a scan.
    easy, medium, hard : float
        Shares of the images with targets; they add up to 1.
    epochs : int
        Epochs of the run.
    warmup : int
        Epochs until the mix is that: it begins without hard images and with half of the medium
        ones, easy ones in their place, and goes there in equal steps.
    negatives : float, optional
        Share of images that are known to be empty; by default that of the set.
    size : int, optional
        Images an epoch; by default as many as can be used.
    balance : {"keep", "even", "none"}
        Draw images so that classes are as often as in the set, all alike, or as it comes.
    weights : array_like, optional
        (images,) how often each image is drawn beside others of its level, as
        :func:`fastlabel.match` gives them; one of 0 is left out.
    levels : {"score", "rank"}
        Levels by the scores' cut-offs, or the easiest, middle and hardest third: for sets that
        are of one level throughout.
    max_repeat : int
        An epoch has an image so many times at most, on average over its level.
    split : str, optional
        Images of this split only.
    seed : int
        Same seed, same lists, on any machine.
    deploy, config
        As for :func:`fastlabel.difficulty`, where it is made here.

    Returns
    -------
    Mix

    Raises
    ------
    ValueError
        For shares that do not add up, no epochs, a warm-up longer than the run, and the like.
    DatasetError
        If there is nothing to mix.

    Examples
    --------
    >>> import tempfile, cv2, numpy as np, fastlabel as fl
    >>> from pathlib import Path
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for k in range(6):
    ...         _ = cv2.imwrite(f"{folder}/{k}.png", np.full((640, 640), 128, np.uint8))
    ...         _ = Path(folder, f"{k}.txt").write_text(f"0 .5 .5 .{k + 1} .{k + 1}\n")
    ...     _ = Path(folder, "data.yaml").write_text("names: [cat]\ntrain: .\n")
    ...     plan = fl.mix(fl.read(folder, "yolo"), epochs=10, warmup=3, levels="rank")
    >>> len(plan), plan.schedule.quotas[[0, 9]].tolist()
    (10, [[5, 1, 0, 0], [2, 3, 1, 0]])
    """
    shares = checked_shares(easy, medium, hard)
    epochs = _whole("epochs", epochs, 1, MOST_EPOCHS)
    warmup = _whole("warmup", warmup, 0, MOST_EPOCHS)
    if warmup > epochs:
        raise ValueError(f"warmup: got {warmup}, expected at most the {epochs} epochs")
    max_repeat = _whole("max_repeat", max_repeat, 1, 1000)
    seed = _whole("seed", seed, 0, 2**63 - 1)
    if balance not in BALANCES:
        raise ValueError(f"balance: got {balance!r}, expected one of {', '.join(BALANCES)}")
    if levels not in ("score", "rank"):
        raise ValueError(f"levels: got {levels!r}, expected 'score' or 'rank'")
    given = _weights(weights, len(ds))
    if negatives is not None and not (_is_number(negatives) and 0.0 <= negatives <= 1.0):
        raise ValueError(f"negatives: got {negatives!r}, expected a share from 0 to 1")
    if size is not None:
        size = _whole("size", size, 1, MOST_SIZE)
    if difficulty is None:
        from ...difficulty import difficulty as judge

        difficulty = judge(ds, deploy=deploy, config=config)
    if difficulty.images.num_rows != len(ds):
        raise ValueError(
            f"difficulty: is of {difficulty.images.num_rows:,} images, expected the set's "
            f"{len(ds):,}"
        )
    group, left_out = _groups(ds, difficulty, given, levels, split)
    available = np.bincount(group, minlength=OUT + 1)[:OUT].astype(np.int64)
    usable = int(available.sum())
    if not usable:
        reasons = ", ".join(f"{n:,} {why}" for why, n in left_out.items()) or "it has no images"
        raise DatasetError(f"{ds.root}: no image to mix: {reasons}")
    share = float(available[3] / usable) if negatives is None else float(negatives)
    size = usable if size is None else size
    plan = planned(shares, share, available, epochs, warmup, size, max_repeat)
    used = _balance(ds, balance, group, plan.quotas[-1], given, difficulty)
    decks = []
    for k in range(OUT):
        images = np.flatnonzero(group == k)
        decks.append(Deck(images, repeats_of(used[images]), seed, _DECKS, k))
    settings = {
        "easy": shares[0],
        "medium": shares[1],
        "hard": shares[2],
        "negatives": share,
        "epochs": epochs,
        "warmup": warmup,
        "size": size,
        "balance": balance,
        "levels": levels,
        "max_repeat": max_repeat,
        "split": split,
        "seed": seed,
    }
    notes = unreached(plan, available, size, max_repeat, difficulty, warmup)
    made = Mix(ds, group, used, plan, settings, left_out, notes, decks)
    unused = len(made.unused())
    if unused:
        more = (
            f"{unused:,} images are in none of the epochs: {epochs} of {size:,} images are too few "
            "for them; run more epochs, or make them larger"
        )
        object.__setattr__(made, "notes", (*notes, more))
    return made


def _whole(name: str, value: Any, least: int, most: int) -> int:
    number = as_whole(value, name, f"a whole number from {least:,} to {most:,}")
    if not least <= number <= most:
        raise ValueError(
            f"{name}: got {number}, expected a whole number from {least:,} to {most:,}"
        )
    return number


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _weights(weights: Any, images: int) -> Floats:
    if weights is None:
        return np.ones(images)
    given = np.asarray(weights, np.float64)
    if given.shape != (images,):
        raise ValueError(f"weights: got shape {given.shape}, expected ({images},), one an image")
    bad = np.flatnonzero(~(np.isfinite(given) & (given >= 0)))
    if len(bad):
        raise ValueError(
            f"weights: got {given[bad[0]]} for image {bad[0]}, expected numbers of 0 or more"
        )
    return given


def _groups(
    ds: Dataset, difficulty: Difficulty, weights: Floats, levels: str, split: str | None
) -> tuple[npt.NDArray[np.uint8], dict[str, int]]:
    """Group of each image, and the images that are left out, by reason."""
    from ...rules.context import is_in

    group = difficulty.codes("images").copy()
    group[group > 2] = OUT
    if levels == "rank":
        _by_rank(group, difficulty)
    state = ds.images["label_state"]
    empty = is_in(state, "labelled_empty")
    group[empty] = 3
    reasons: dict[str, npt.NDArray[np.bool_]] = {}
    if split is not None:
        mine = is_in(ds.images["split"], split)
        if not mine.any():
            known = ", ".join(repr(s) for s in sorted(filter(None, set(_texts(ds, "split")))))
            raise ValueError(
                f"split: got {split!r}, expected one of: {known or 'the set has none'}"
            )
        reasons["of another split"] = ~mine
    reasons["without a label record"] = is_in(state, "missing", "unlabelled")
    reasons["outside the data set"] = np.asarray(ds.images["path"].is_null().to_numpy())
    reasons["without a picture that decodes"] = difficulty.unreadable()
    reasons["of weight 0"] = weights <= 0
    reasons["without a box that can be a target"] = group == OUT
    counted: dict[str, int] = {}
    out = np.zeros(len(ds), np.bool_)
    for why, rows in reasons.items():
        fresh = rows & ~out
        if fresh.any():
            counted[why] = int(np.count_nonzero(fresh))
        out |= rows
    group[out] = OUT
    return group, counted


def _texts(ds: Dataset, name: str) -> list[str | None]:
    import pyarrow.compute as pc

    return list(pc.unique(ds.images[name]).to_pylist())


def _by_rank(group: npt.NDArray[np.uint8], difficulty: Difficulty) -> None:
    """The easiest, middle and hardest third, in place; equal scores in the order of the rows."""
    some = np.flatnonzero(group < 3)
    score = difficulty.images["score"].to_numpy()[some]
    order = np.argsort(score, kind="stable")
    group[some[order]] = np.arange(len(some)) * len(LEVELS) // max(len(some), 1)


def _balance(
    ds: Dataset,
    kind: str,
    group: npt.NDArray[np.uint8],
    quotas: Ints,
    weights: Floats,
    difficulty: Difficulty,
) -> Floats:
    from ...rules.context import ints

    category = ints(ds.annotations["category_id"])
    image = ints(ds.annotations["image_id"])
    boxes = (category >= 0) & (group[image] < 3) & (difficulty.codes("boxes") < 3)
    return balanced(
        kind, image[boxes], category[boxes], ds.categories.num_rows, group, quotas, weights
    )
