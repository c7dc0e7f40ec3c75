"""Recipes: which operations a picture goes through, how likely and how strong.

A recipe is a TOML file::

    [[stages]]
    op = "gamma"
    p = 0.3                  # chance that an image gets it; 1 if not given
    gamma = [0.8, 1.25]      # drawn evenly between the two; a single number is fixed

    [[stages]]
    op = "motion_blur"
    p = 0.1
    group = "blur"           # of the stages of a group an image gets one at most

Stages run in their order. Keys beside ``op``, ``p`` and ``group`` are the operation's
parameters; an unknown one is an error.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from .._core import look_up
from .._scalars import as_choice, as_whole
from .._threads import cpus, in_threads
from ..config import ConfigError, nearest, read_toml
from .random import Draws, image_key, of_image
from .registry import Operation, Values, find
from .sample import Floats, Image, Polygons, Sample, new_sample

__all__ = ["Augmented", "Memory", "Recipe", "Stage"]

_OWN = ("op", "p", "group")

#: Of recipe files; one that says nothing is of this version.
VERSION = 1


@dataclass(frozen=True)
class Stage:
    """One operation of a recipe.

    Attributes
    ----------
    op : str
        Name of the operation.
    p : float
        Chance that an image gets it.
    params : mapping
        Its parameters: a value each, or ``(low, high)`` to draw from. Defaults are not listed.
    group : str
        Of the stages of one group an image gets one at most, each with its own chance; "" for
        none.
    """

    op: str
    p: float = 1.0
    params: Mapping[str, Any] = field(default_factory=dict)
    group: str = ""


@dataclass
class Augmented:
    """What a recipe made of one picture.

    Attributes
    ----------
    image : numpy.ndarray
        uint8, with the channels of the input.
    boxes : numpy.ndarray
        (N, 4) float64, ``xyxy``.
    polygons : list
        N entries: rings of (K, 2) corners, or None.
    obb : numpy.ndarray
        (N, 4, 2) corners of oriented boxes; NaN where a box has none.
    ignore : numpy.ndarray
        (M, 4) float64: regions to ignore.
    kept : numpy.ndarray
        (N,) int64: which of the boxes given each is; -1 - 2**40 - r for a pasted object,
        annotation r of the set it comes from.
    tightness : numpy.ndarray
        (N,) float64: area of each box over that of the box around its moved corners: how much a
        box without an outline may be too small. 1 where nothing was lost.
    ignore_from : numpy.ndarray
        (M,) int64: which of the regions given each is; -1 - r for what became of box r, of which
        too little is seen.
    ledger : list of dict
        One row a stage that this picture got: ``stage`` (number), ``op``, what was drawn for each
        parameter, and what the operation noted.
    """

    image: Image
    boxes: Floats
    polygons: Polygons
    obb: Floats
    ignore: Floats
    kept: Any
    tightness: Floats
    ignore_from: Any
    ledger: list[dict[str, Any]]


@dataclass(frozen=True)
class Recipe:
    """Operations in their order, checked when it is made.

    Attributes
    ----------
    stages : tuple of Stage
    source : str
        What messages call it: a file, or "recipe".

    Raises
    ------
    ConfigError
        For an operation or key that there is not, a value that is no number, not finite or out of
        the parameter's limits, or chances of a group that exceed 1.

    Examples
    --------
    >>> import numpy as np
    >>> from fastlabel.augment import Recipe
    >>> recipe = Recipe.from_dict({"stages": [{"op": "gamma", "gamma": [0.5, 2.0]}]})
    >>> image = np.full((4, 4, 3), 100, np.uint8)
    >>> made = recipe(image, boxes=[[0, 0, 2, 2]], seed=0, image_key="a.jpg", epoch=0)
    >>> made.boxes.tolist(), made.ledger
    ([[0.0, 0.0, 2.0, 2.0]], [{'stage': 0, 'op': 'gamma', 'gamma': 1.98049}])
    """

    stages: tuple[Stage, ...]
    source: str = "recipe"

    def __post_init__(self) -> None:
        checked = tuple(
            _checked(stage, f"{self.source}: stages[{i}]") for i, stage in enumerate(self.stages)
        )
        object.__setattr__(self, "stages", checked)
        for group in {stage.group for stage in checked} - {""}:
            total = sum(stage.p for stage in checked if stage.group == group)
            if total > 1 + 1e-9:
                raise ConfigError(
                    f"{self.source}: group {group!r}: the chances of its stages sum to {total:g}, "
                    "expected 1 at most, as an image gets one of them"
                )

    @classmethod
    def from_dict(cls, settings: Mapping[str, Any], source: str = "recipe") -> Recipe:
        """A recipe from the tables of its TOML file."""
        for key in settings:
            if key not in ("stages", "version"):
                raise ConfigError(f"{source}: unknown key {key!r}; {nearest(key, ['stages'])}")
        version = settings.get("version", VERSION)
        if version != VERSION or isinstance(version, bool):
            raise ConfigError(
                f"{source}: version: got {version!r}, this fastlabel reads version {VERSION}: "
                "use the one that wrote it, or a later one"
            )
        tables = settings.get("stages", [])
        if not isinstance(tables, Sequence) or isinstance(tables, (str, bytes)):
            raise ConfigError(f"{source}: stages: got {tables!r}, expected [[stages]] tables")
        return cls(
            tuple(_stage(table, f"{source}: stages[{i}]") for i, table in enumerate(tables)), source
        )

    @classmethod
    def from_toml(cls, path: str | Path) -> Recipe:
        """A recipe from a TOML file."""
        return cls.from_dict(read_toml(Path(path)), str(path))

    @classmethod
    def default(cls) -> Recipe:
        """The restrained recipe of ``augment`` without one."""
        return cls.from_dict(read_toml(Path(__file__).with_name("default.toml")), "default recipe")

    def to_toml(self) -> str:
        """The recipe as the text of a TOML file, which :meth:`from_toml` reads back."""
        blocks = []
        for stage in self.stages:
            own: dict[str, Any] = {"op": stage.op, "p": stage.p}
            if stage.group:
                own["group"] = stage.group
            rows = [f"{key} = {_toml(value)}" for key, value in (own | dict(stage.params)).items()]
            blocks.append("\n".join(["[[stages]]", *rows]))
        return "\n\n".join(blocks) + "\n" if blocks else ""

    def __call__(
        self,
        image: Any,
        boxes: Any = None,
        polygons: Any = None,
        obb: Any = None,
        ignore: Any = None,
        *,
        seed: int = 0,
        image_key: int | str = 0,
        epoch: int = 0,
        order: str = "bgr",
        context: Mapping[str, Any] | None = None,
        memory: Memory | None = None,
    ) -> Augmented:
        """Augment one picture.

        Parameters
        ----------
        image : array_like
            (H, W) or (H, W, C) with 1, 3 or 4 channels, uint8, of any strides; not written. A
            fourth channel moves with the others and is otherwise left alone.
        boxes : array_like, optional
            (N, 4) ``xyxy``.
        polygons : sequence, optional
            An entry a box: its rings of (K, 2) corners, or None.
        obb : array_like, optional
            (N, 4, 2) corners of oriented boxes, NaN for none.
        ignore : array_like, optional
            (M, 4) ``xyxy``: regions to ignore.
        seed : int
            Of the run.
        image_key : int or str
            What tells this image from others: its file name or number.
        epoch : int
            Which time it is seen.
        order : {"bgr", "rgb"}
            Order of the channels.
        context : mapping, optional
            What stages such as ``paste`` need beyond the picture.
        memory : Memory, optional
            What the calls before, with this very picture, these labels and these things to
            paste, made up to each stage: only what comes after the first change is done again.

        Returns
        -------
        Augmented
            The same bytes for the same picture, seed, key and epoch.

        Raises
        ------
        TypeError, ValueError
            For pictures that are not 8-bit, have no pixels or another number of channels, and
            labels that do not go together.
        """
        run = _Run(seed, epoch, order, context)
        sample = run.sample(image, boxes, polygons, obb, ignore)
        return self._run(sample, image_key, run, memory)

    def batch(
        self,
        images: Iterable[Any],
        boxes: Sequence[Any] | None = None,
        polygons: Sequence[Any] | None = None,
        obb: Sequence[Any] | None = None,
        ignore: Sequence[Any] | None = None,
        *,
        seed: int = 0,
        image_keys: Sequence[int | str] | None = None,
        epoch: int = 0,
        order: str = "bgr",
        context: Mapping[str, Any] | None = None,
        workers: int = 0,
    ) -> list[Augmented]:
        """Augment many pictures, several at a time.

        Parameters
        ----------
        images : sequence
            Pictures as for one.
        boxes, polygons, obb, ignore : sequence, optional
            An entry a picture.
        seed, epoch, order, context
            As for one picture.
        image_keys : sequence, optional
            Of each picture; its place in the sequence if not given.
        workers : int
            Threads; 0 for one a CPU. They change no byte of the result.

        Returns
        -------
        list of Augmented
            In the order of the pictures.
        """
        pictures = list(images)
        n = len(pictures)
        run = _Run(seed, epoch, order, context)
        threads = as_whole(workers, "workers")
        if threads < 0:
            raise ValueError(f"workers: got {threads}, expected 0 (all CPUs) or more")
        keys = range(n) if image_keys is None else image_keys
        labels = {"boxes": boxes, "polygons": polygons, "obb": obb, "ignore": ignore}
        for name, entries in (labels | {"image_keys": keys}).items():
            if entries is not None and len(entries) != n:
                raise ValueError(f"{name}: got {len(entries)} entries, images has {n}")

        def job(i: int) -> Augmented:
            row = {name: entries[i] for name, entries in labels.items() if entries is not None}
            return self._run(run.sample(pictures[i], **row), keys[i], run)

        return in_threads((partial(job, i) for i in range(n)), min(threads or cpus(), n))

    @cached_property
    def _steps(self) -> list[tuple[int, Stage, Operation, bytes]]:
        """Number, stage, operation and what its draws are called."""
        seen: dict[str, int] = {}
        steps = []
        for i, stage in enumerate(self.stages):
            nth = seen[stage.op] = seen.get(stage.op, -1) + 1
            steps.append((i, stage, find(stage.op), f"{stage.op}#{nth}".encode()))
        return steps

    def _chosen(self, key: str, run: _Run) -> Iterator[tuple[int, Operation, Values, Draws]]:
        """The stages that an image gets, with what is drawn for them."""
        groups: dict[str, tuple[float, float]] = {}
        image = of_image(run.seed, key, run.epoch)
        for i, stage, operation, label in self._steps:
            draws = Draws.of_stage(image, label)
            drawn, start = draws.unit(), 0.0
            if stage.group:
                # One number for the group: each stage has its own part of 0 to 1.
                if stage.group not in groups:
                    shared = Draws.of_stage(
                        image, b"group " + stage.group.encode("utf-8", "surrogatepass")
                    )
                    groups[stage.group] = (shared.unit(), 0.0)
                drawn, start = groups[stage.group]
                groups[stage.group] = (drawn, start + stage.p)
            if start <= drawn < start + stage.p:
                yield i, operation, operation.draw(stage.params, draws), draws

    def _run(self, sample: Sample, key: Any, run: _Run, memory: Memory | None = None) -> Augmented:
        given = sample.image
        ledger: list[dict[str, Any]] = []
        table: Any = None
        chosen = list(self._chosen(image_key(key), run))
        start = 0
        if memory is not None:
            start, known = memory.recall(chosen)
            if known is not None:
                sample, rows = replace(known.sample, context=sample.context), known.rows
                ledger = [{**row, "stage": chosen[k][0]} for k, row in enumerate(rows)]
        for at, (i, operation, values, draws) in enumerate(chosen[start:], start):
            row = {"stage": i, "op": operation.name, **values}
            ledger.append(row)
            if operation.table is not None:
                # Tables in a row become one: the bytes are those of one after the other.
                made = operation.table(values, draws, sample.rgb)
                table = made if table is None else _after(table, made)
                continue
            if table is not None:
                sample.image, table = _look_up(sample.image, table, sample.rgb), None
            self._step(operation, sample, values, draws, row)
            if memory is not None:
                memory.keep(at + 1, sample, ledger)
        if table is not None:
            sample.image = _look_up(sample.image, table, sample.rgb)
        if memory is not None or np.may_share_memory(sample.image, given):
            sample.image = sample.image.copy()
        return Augmented(
            sample.image,
            sample.boxes,
            sample.polygons,
            sample.obb,
            sample.ignore,
            sample.kept,
            sample.tightness,
            sample.ignore_from,
            ledger,
        )

    @staticmethod
    def _step(
        operation: Operation, sample: Sample, values: Values, draws: Draws, row: dict[str, Any]
    ) -> None:
        """Run one operation on a sample, and note in `row` what it said."""
        apply = operation.apply
        assert apply is not None
        if operation.kind == "pixel":
            rgb = sample.rgb
            sample.image = _pixels(sample.image, lambda picture: apply(picture, values, draws, rgb))
            return
        before = copy(sample)
        after = apply(sample, values, draws)
        if len(before.boxes) and not len(after.boxes):
            # An image that loses its last box would teach that there is nothing in it.
            after = before
            row["skipped"] = "would leave no box"
        row.update(after.notes)
        vars(sample).update(vars(after), notes={})


class _Known(NamedTuple):
    """What stands after some first stages."""

    sample: Sample
    rows: list[dict[str, Any]]


class Memory:
    """What a recipe made of one picture after each of its stages, for recipes that differ late.

    Someone who moves a slider changes one stage; those before it made what they made the last
    time. Nothing is kept but the last call's. Not for use from several threads at once.

    Examples
    --------
    >>> import numpy as np
    >>> from fastlabel.augment import Memory, Recipe
    >>> image, memory = np.zeros((8, 8), np.uint8), Memory()
    >>> for angle in (2, 3):
    ...     stages = [{"op": "flip"}, {"op": "rotate", "degrees": angle}]
    ...     made = Recipe.from_dict({"stages": stages})(image, memory=memory)
    >>> memory.recalled  # stages that the last call had not to do
    1
    """

    def __init__(self) -> None:
        self._steps: list[Any] = []
        self._known: dict[int, _Known] = {}
        self.recalled = 0

    def recall(self, chosen: Sequence[tuple[int, Operation, Values, Draws]]) -> tuple[int, Any]:
        """How many stages need not be done, and what stands after them."""
        # All that a stage does hangs on its values, its chance and what it is given.
        steps = [(operation.name, dict(v), draws.state) for _, operation, v, draws in chosen]
        same = 0
        while same < min(len(steps), len(self._steps)) and steps[same] == self._steps[same]:
            same += 1
        self._steps = steps
        self._known = {at: known for at, known in self._known.items() if at <= same}
        self.recalled = max(self._known, default=0)
        return self.recalled, self._known.get(self.recalled)

    def keep(self, done: int, sample: Sample, rows: Sequence[Mapping[str, Any]]) -> None:
        """Note what stands after so many stages."""
        self._known[done] = _Known(copy(sample), [dict(row) for row in rows])


class _Run:
    """What all pictures of one call have in common."""

    def __init__(self, seed: Any, epoch: Any, order: Any, context: Any) -> None:
        self.seed = as_whole(seed, "seed")
        self.epoch = as_whole(epoch, "epoch")
        self.rgb = as_choice(order, "order", ("bgr", "rgb")) == "rgb"
        self.context = context

    def sample(self, image: Any, *labels: Any, **named: Any) -> Sample:
        return new_sample(image, *labels, **named, rgb=self.rgb, context=self.context)


def _after(first: Any, then: Any) -> Any:
    """Two tables as one: a byte goes through the first, then through the second."""
    if then.ndim == 1:
        return then[first]
    return np.take_along_axis(then, np.broadcast_to(first, (3, 256)), axis=1)


def _look_up(image: Image, table: Any, rgb: bool) -> Image:
    def work(picture: Image) -> Image:
        by = table
        if picture.ndim == 2 and table.ndim == 2:
            weights = (0.299, 0.587, 0.114) if rgb else (0.114, 0.587, 0.299)
            by = np.rint(np.array(weights) @ table).astype(np.uint8)
        return look_up(picture, by)

    return _pixels(image, work)


def _pixels(image: Image, work: Callable[[Image], Image]) -> Image:
    """Run a pixel operation on a picture of 1, 3 or 4 channels."""
    if image.ndim == 2 or image.shape[2] == 3:
        made: Image = work(image)
        return made
    if image.shape[2] == 1:
        made = work(image[:, :, 0])
        return made[:, :, None]
    out = image.copy()
    out[:, :, :3] = work(np.ascontiguousarray(image[:, :, :3]))
    return out


def _stage(table: Any, place: str) -> Stage:
    if not isinstance(table, Mapping):
        raise ConfigError(f"{place}: got {table!r}, expected a table with op = ...")
    if "op" not in table:
        raise ConfigError(f"{place}: no op, expected the name of an operation")
    params = {key: value for key, value in table.items() if key not in _OWN}
    return Stage(table["op"], table.get("p", 1.0), params, table.get("group", ""))


def _checked(stage: Stage, place: str) -> Stage:
    operation = find(stage.op, f"{place}: op")
    here = f"{place} ({stage.op})"
    p = stage.p
    if isinstance(p, bool) or not isinstance(p, (int, float)) or not 0 <= p <= 1:
        raise ConfigError(f"{here}: p: got {p!r}, expected a number from 0 to 1")
    if not isinstance(stage.group, str):
        raise ConfigError(f"{here}: group: got {stage.group!r}, expected a text")
    params = {}
    for key, value in stage.params.items():
        parameter = operation.parameter(key, here)
        params[key] = parameter.check(value, f"{here}: {key}")
    return Stage(stage.op, float(p), params, stage.group)


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return '"' + "".join(_escaped(c) for c in value) + '"'
    if isinstance(value, tuple):
        return "[" + ", ".join(map(_toml, value)) + "]"
    if isinstance(value, float) and math.isfinite(value):
        return repr(value)
    return str(value)


def _escaped(c: str) -> str:
    if c in '"\\':
        return "\\" + c
    return c if c.isprintable() else f"\\U{ord(c):08x}"
