"""Regions to ignore and training weights, by explicit rules.

A target too small, too hidden or too far cut off to be learnt is neither a target nor
background: as a target it teaches a small model to fire at specks, as background it
teaches it to miss. Marked ``ignore`` it is left out of the loss; with a ``weight`` below 1
it counts for less. Nothing is deleted, and every change is a row of a table.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ..config import ConfigError, nearest
from ..dataset import Dataset, DatasetError, as_numpy
from .visible import visible_shares

if TYPE_CHECKING:
    import pyarrow as pa

    from ..deploy import Profile

__all__ = ["IgnoreRules", "Marked", "mark_ignored"]

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

#: What a size may be given in; the first three are judged by the shorter side.
UNITS = ("strides", "input_px", "px", "px_1080p")

#: Common practice where no deployment is named: under 15 x 15 px at 1080p.
TINY_1080P = 15.0

CONVENTIONS = ("visible", "full")


@dataclass(frozen=True)
class IgnoreRules:
    """Which boxes become regions to ignore, and which get a weight below 1.

    Attributes
    ----------
    below : dict or None
        A size such as ``{"strides": 1}``: smaller boxes are ignored. In ``strides`` of
        the deployment's finest head, ``input_px`` (pixels at its input) or ``px`` (of the
        image) the shorter side counts; in ``px_1080p`` (the image scaled to 1080p) both
        sides must be under it. None: the deployment's ``min_target``, and without a
        deployment 15 px at 1080p. ``{}`` switches the rule off.
    small : dict or None
        Boxes smaller than this, and not ignored, get ``weight_small``.
    weight_small : float
        Their weight, 0 to 1.
    occlusion : int or None
        Boxes of this level of occlusion or above are ignored.
    weight_occluded : float, dict or None
        Weight of boxes with a level of occlusion of 1 or above, or one for each level:
        ``{1: 0.8, 2: 0.4}`` (a level that is not named has the weight of the next lower).
    truncation : float or None
        Boxes of which this share or more is outside the image are ignored.
    weight_truncated : float or None
        Weight of boxes of which some share is outside the image.
    min_visible : float or None
        Boxes of which a smaller share is visible (visible box over full box, where the
        set has both) are ignored.
    difficult : bool
        Whether boxes marked difficult are ignored.
    classes : tuple of str or None
        Only boxes of these classes are looked at.
    box_convention : {None, "visible", "full"}
        What the set's boxes are drawn around: the visible part, or the whole object.

    Raises
    ------
    ConfigError
        If a value is of a wrong kind or out of range.
    """

    below: Mapping[str, float] | None = None
    small: Mapping[str, float] | None = None
    weight_small: float = 0.5
    occlusion: int | None = None
    weight_occluded: float | Mapping[int, float] | None = None
    truncation: float | None = None
    weight_truncated: float | None = None
    min_visible: float | None = None
    difficult: bool = False
    classes: tuple[str, ...] | None = None
    box_convention: str | None = None

    def __post_init__(self) -> None:
        for name in ("below", "small"):
            _check_size(name, getattr(self, name))
        for name in ("weight_small", "weight_truncated", "truncation", "min_visible"):
            _check_share(name, getattr(self, name))
        level = self.occlusion
        if level is not None and not (_whole(level) and 1 <= level <= 127):
            raise _wrong("occlusion", level, "a level from 1 to 127")
        if isinstance(self.weight_occluded, Mapping):
            levels = {_level(k): v for k, v in self.weight_occluded.items()}
            for key, weight in levels.items():
                _check_share(f"weight_occluded.{key}", weight)
            object.__setattr__(self, "weight_occluded", levels)
        else:
            _check_share("weight_occluded", self.weight_occluded)
        if not isinstance(self.difficult, bool):
            raise _wrong("difficult", self.difficult, "true or false")
        if self.classes is not None:
            named = self.classes
            if not isinstance(named, list | tuple) or not all(isinstance(c, str) for c in named):
                raise _wrong("classes", named, "a list of class names")
            object.__setattr__(self, "classes", tuple(named))
        if self.box_convention not in (None, *CONVENTIONS):
            raise _wrong("box_convention", self.box_convention, "visible or full")

    @classmethod
    def from_table(cls, table: Mapping[str, Any], place: str = "ignore_regions") -> IgnoreRules:
        """Make rules of a table of the configuration.

        Raises
        ------
        ConfigError
            If a key is unknown or a value cannot be used; the message names the place.
        """
        known = {f.name for f in fields(cls)} - {"box_convention"}
        values = {}
        for key, value in table.items():
            name = key.replace("-", "_")
            if name not in known:
                raise ConfigError(f"{place}: unknown key {key!r}; {nearest(key, known)}")
            values[name] = value
        try:
            return cls(**values)
        except ConfigError as error:
            raise ConfigError(f"{place}.{error}") from None


def _wrong(place: str, value: object, wanted: str) -> ConfigError:
    return ConfigError(f"{place}: got {value!r}, expected {wanted}")


def _whole(value: object) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def _level(key: object) -> int:
    if isinstance(key, str) and key.isascii() and key.isdigit():  # TOML's keys are text
        key = int(key)
    if not _whole(key) or not 1 <= int(key) <= 127:  # type: ignore[call-overload]
        raise _wrong("weight_occluded", key, "levels from 1 to 127 as keys")
    return int(key)  # type: ignore[call-overload, no-any-return]


def _check_share(name: str, value: object) -> None:
    number = isinstance(value, int | float | np.number) and not isinstance(value, bool)
    if value is not None and not (number and 0 <= float(value) <= 1):  # type: ignore[arg-type]
        raise _wrong(name, value, "a number from 0 to 1")


def _check_size(name: str, value: object) -> None:
    if value is None or value == {}:
        return
    if not isinstance(value, Mapping) or len(value) != 1:
        raise _wrong(name, value, "one size such as {strides = 1}")
    ((unit, limit),) = value.items()
    if unit not in UNITS:
        raise ConfigError(f"{name}: unknown unit {unit!r}; {nearest(str(unit), UNITS)}")
    number = isinstance(limit, int | float) and not isinstance(limit, bool)
    if not number or not 0 < limit < 1e6:
        raise _wrong(f"{name}.{unit}", limit, "a number over 0")


@dataclass(frozen=True)
class Marked:
    """A data set with its new regions and weights, and what was changed.

    Attributes
    ----------
    dataset : Dataset
        The same rows, with ``ignore`` and ``weight`` set.
    changes : pyarrow.Table
        One row for each rule that a box met: ``annotation_id``, ``image_id``,
        ``file_name``, ``split``, ``category``, ``rule``, ``change`` (``ignore`` or
        ``weight``), ``value``, ``threshold``, ``weight`` (of the box, afterwards).
    judged, unjudged : int
        Boxes that the rules looked at, and those of them whose size at the model's input
        is unknown, because their image's is.
    notes : tuple of str
        What a person should know besides.
    """

    dataset: Dataset
    changes: pa.Table
    judged: int
    unjudged: int
    notes: tuple[str, ...] = ()

    def counts(self) -> list[tuple[str, str, str, int]]:
        """(change, rule, class, boxes), the most frequent first."""
        grouped = self.changes.group_by(["change", "rule", "category"]).aggregate(
            [([], "count_all")]
        )
        rows = [
            (row["change"], row["rule"], row["category"] or "?", row["count_all"])
            for row in grouped.to_pylist()
        ]
        return sorted(rows, key=lambda row: (row[0], -row[3], row[1], row[2]))


def mark_ignored(
    dataset: Dataset, rules: IgnoreRules | None = None, *, deploy: str | Profile | None = None
) -> Marked:
    """Turn boxes that cannot be learnt into regions to ignore, or give them a weight.

    Parameters
    ----------
    dataset : Dataset
        Any data set; it is not changed.
    rules : IgnoreRules, optional
        By default boxes under the deployment's smallest target are ignored, and without a
        deployment those under 15 x 15 px at 1080p.
    deploy : str or Profile, optional
        Name or TOML file of a deployment, see :mod:`fastlabel.deploy`.

    Returns
    -------
    Marked
        The new data set and the table of changes. Boxes that were crowd or ignore regions
        before stay as they are; a box without area is a fault to mend and no target, so no
        rule of size applies. Where several rules give a weight, or the box has one, the
        lowest counts.

    Raises
    ------
    ConfigError
        If a rule speaks of strides or of the input and no deployment is named.
    DatasetError
        If a class of ``rules.classes`` is not in the set, or the data contradict
        ``rules.box_convention``.

    Examples
    --------
    >>> import json, tempfile
    >>> from pathlib import Path
    >>> import fastlabel as fl
    >>> labels = {
    ...     "images": [{"id": 1, "file_name": "a.jpg", "width": 1280, "height": 720}],
    ...     "annotations": [
    ...         {"id": 1, "image_id": 1, "category_id": 1, "bbox": [10, 20, 9, 40]},
    ...         {"id": 2, "image_id": 1, "category_id": 1, "bbox": [10, 20, 90, 90]},
    ...     ],
    ...     "categories": [{"id": 1, "name": "bird"}],
    ... }
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = Path(folder, "labels.json").write_text(json.dumps(labels))
    ...     marked = fl.mark_ignored(fl.read(folder), deploy="edge-640")
    >>> marked.dataset.annotations["ignore"].to_pylist(), marked.counts()
    ([True, None], [('ignore', 'below', 'bird', 1)])
    >>> marked.changes.select(["value", "threshold"]).to_pylist()
    [{'value': 4.5, 'threshold': 8.0}]
    """
    from ..deploy import Profile, load

    rules = rules or IgnoreRules()
    profile = deploy if deploy is None or isinstance(deploy, Profile) else load(deploy)
    return _Marker(dataset, rules, profile).run()


@dataclass
class _Hits:
    rule: str
    change: str
    rows: npt.NDArray[np.int64]
    values: FloatArray
    threshold: float
    weights: FloatArray


class _Marker:
    """Applies one rule after the other."""

    def __init__(self, dataset: Dataset, rules: IgnoreRules, profile: Profile | None) -> None:
        self.dataset = dataset
        self.rules = rules
        self.profile = profile
        self.image_of = dataset.column("annotations", "image_id")
        boxes = dataset.boxes()
        self.width = boxes[:, 2] - boxes[:, 0]
        self.height = boxes[:, 3] - boxes[:, 1]
        self.candidates = self._of_classes() & ~_true(dataset, "ignore") & ~_true(dataset, "crowd")
        self.solid = (self.width > 0) & (self.height > 0)
        self.ignored = np.zeros(len(boxes), dtype=bool)
        self.hits: list[_Hits] = []
        self.unsized = np.zeros(len(boxes), dtype=bool)

    def _of_classes(self) -> BoolArray:
        count = self.dataset.annotations.num_rows
        if self.rules.classes is None:
            return np.ones(count, dtype=bool)
        names = self.dataset.categories["name"].to_pylist()
        for name in self.rules.classes:
            if name not in names:
                raise DatasetError(
                    f"classes: {name!r} is no class of the set; {nearest(name, names)}"
                )
        wanted = [i for i, name in enumerate(names) if name in self.rules.classes]
        ids = self.dataset.annotations["category_id"].fill_null(-1)
        found: BoolArray = np.isin(as_numpy(ids), wanted)
        return found

    def run(self) -> Marked:
        """All rules, those that ignore first."""
        rules = self.rules
        shares, notes = visible_shares(self.dataset, rules.box_convention)
        occlusion = _numbers(self.dataset, "occlusion")
        truncation = _numbers(self.dataset, "truncation")
        below, weight = self._below(), rules.weight_small
        if below:
            size, limit = self._size(below)
            self._ignore("below", self.solid & (size < limit), size, limit)
        if rules.occlusion is not None:
            self._ignore("occlusion", occlusion >= rules.occlusion, occlusion, rules.occlusion)
        if rules.truncation is not None:
            self._ignore("truncation", truncation >= rules.truncation, truncation, rules.truncation)
        if rules.min_visible is not None:
            self._ignore("min_visible", shares < rules.min_visible, shares, rules.min_visible)
        if rules.difficult:
            difficult = _true(self.dataset, "difficult")
            self._ignore("difficult", difficult, difficult.astype(np.float64), 1)
        if rules.small:
            size, limit = self._size(rules.small)
            self._weigh("weight_small", self.solid & (size < limit), size, limit, weight)
        if rules.weight_occluded is not None:
            weights = _weights_of_levels(occlusion, rules.weight_occluded)
            self._weigh("weight_occluded", np.isfinite(weights), occlusion, 1, weights)
        if rules.weight_truncated is not None:
            cut = truncation > 0
            self._weigh("weight_truncated", cut, truncation, 0, rules.weight_truncated)
        return self._marked(notes)

    def _below(self) -> Mapping[str, float]:
        if self.rules.below is not None:
            return self.rules.below
        if self.profile is not None:
            return {"input_px": self.profile.min_target}
        return {"px_1080p": TINY_1080P}

    def _size(self, wanted: Mapping[str, float]) -> tuple[FloatArray, float]:
        """The size of each box in a unit, and the limit in it."""
        ((unit, limit),) = wanted.items()
        if unit == "px":
            return np.minimum(self.width, self.height), limit
        wide, high = image_sizes(self.dataset)
        if unit == "px_1080p":
            landscape = wide >= high
            f = np.minimum(
                np.where(landscape, 1920, 1080) / wide, np.where(landscape, 1080, 1920) / high
            )[self.image_of]
            size = np.maximum(self.width * f, self.height * f)
        else:
            if self.profile is None:
                raise ConfigError(
                    f"{unit}: a size at the model's input needs a deployment: --deploy"
                )
            sx, sy = (factor[self.image_of] for factor in self.profile.scale(wide, high))
            size = np.minimum(self.width * sx, self.height * sy)
            if unit == "strides":
                size = size / min(self.profile.strides)
        self.unsized |= self.solid & np.isnan(size)
        return size, limit

    def _ignore(self, rule: str, met: BoolArray, values: FloatArray, threshold: float) -> None:
        rows = np.flatnonzero(self.candidates & met)
        self.ignored[rows] = True
        self.hits.append(
            _Hits(rule, "ignore", rows, values[rows], threshold, np.full(len(rows), np.nan))
        )

    def _weigh(
        self,
        rule: str,
        met: BoolArray,
        values: FloatArray,
        threshold: float,
        weights: FloatArray | float,
    ) -> None:
        rows = np.flatnonzero(self.candidates & met & ~self.ignored)
        given = np.broadcast_to(weights, met.shape)[rows].astype(np.float64)
        self.hits.append(_Hits(rule, "weight", rows, values[rows], threshold, given))

    def _marked(self, notes: list[str]) -> Marked:
        import pyarrow as pa

        count = len(self.ignored)
        before = _numbers(self.dataset, "weight")
        weights = before.copy()
        for hits in self.hits:
            if hits.change == "weight":
                weights[hits.rows] = np.fmin(weights[hits.rows], hits.weights)
        annotations = self.dataset.annotations
        column = annotations["ignore"].combine_chunks()
        ignore = pa.array(
            [
                True if now else was
                for now, was in zip(self.ignored.tolist(), column.to_pylist(), strict=True)
            ],
            pa.bool_(),
        )
        weight = pa.array(weights.astype(np.float32), mask=np.isnan(weights))
        for name, values in (("ignore", ignore), ("weight", weight)):
            at = annotations.schema.get_field_index(name)
            annotations = annotations.set_column(at, annotations.schema.field(at), values)
        judged = int(self.candidates.sum())
        return Marked(
            replace(self.dataset, annotations=annotations),
            self._changes(weights) if count else _empty_changes(),
            judged,
            int((self.candidates & self.unsized).sum()),
            tuple(notes),
        )

    def _changes(self, weights: FloatArray) -> pa.Table:
        import pyarrow as pa

        rows = np.concatenate([h.rows for h in self.hits]) if self.hits else np.empty(0, np.int64)
        order = np.argsort(rows, kind="stable")
        rows = rows[order]

        def column(parts: list[Any]) -> Any:
            return np.concatenate(parts)[order] if parts else np.empty(0)

        images = self.image_of[rows]
        table = self.dataset
        after = np.where(self.ignored[rows], np.nan, weights[rows])
        words = [(h.rule, h.change) for h in self.hits for _ in range(len(h.rows))]
        return pa.table(
            {
                "annotation_id": rows.astype(np.int64),
                "image_id": images.astype(np.int64),
                "file_name": table.images["file_name"].take(pa.array(images)),
                "split": table.images["split"].take(pa.array(images)),
                "category": table.categories["name"].take(
                    table.annotations["category_id"].take(pa.array(rows))
                ),
                "rule": pa.array([words[i][0] for i in order.tolist()], pa.string()),
                "change": pa.array([words[i][1] for i in order.tolist()], pa.string()),
                "value": pa.array(column([h.values for h in self.hits]), pa.float64()),
                "threshold": pa.array(
                    column([np.full(len(h.rows), float(h.threshold)) for h in self.hits]),
                    pa.float64(),
                ),
                "weight": pa.array(after.astype(np.float32), mask=np.isnan(after)),
            }
        )


def _empty_changes() -> pa.Table:
    import pyarrow as pa

    texts = ("file_name", "split", "category", "rule", "change")
    return pa.table(
        {
            **{name: pa.array([], pa.int64()) for name in ("annotation_id", "image_id")},
            **{name: pa.array([], pa.string()) for name in texts},
            **{name: pa.array([], pa.float64()) for name in ("value", "threshold")},
            "weight": pa.array([], pa.float32()),
        }
    )


def _true(dataset: Dataset, name: str) -> BoolArray:
    values = dataset.annotations[name].fill_null(False)
    return np.asarray(values.to_numpy(), dtype=bool)


def _numbers(dataset: Dataset, name: str) -> FloatArray:
    """A column as float64, NaN where it is null."""
    column = dataset.annotations[name]
    return np.asarray(column.cast("float64").to_numpy(), dtype=np.float64).copy()


def _weights_of_levels(levels: FloatArray, weights: float | Mapping[int, float]) -> FloatArray:
    """The weight of each level of occlusion; NaN where none is given."""
    if not isinstance(weights, Mapping):
        weights = {1: weights}
    found = np.full(levels.shape, np.nan)
    for level in sorted(weights):
        found[levels >= level] = weights[level]
    return found


def image_sizes(dataset: Dataset) -> tuple[FloatArray, FloatArray]:
    """Width and height of every image, from its file where the table has none; else NaN."""
    from .. import _core

    columns = [dataset.images[name].cast("float64").to_numpy() for name in ("width", "height")]
    sizes = np.stack(columns, axis=1).astype(np.float64)
    paths = dataset.images["path"].to_pylist()
    unknown = [i for i in np.flatnonzero(np.isnan(sizes).any(axis=1)).tolist() if paths[i]]
    if unknown:
        files = [str(Path(dataset.root, paths[i])) for i in unknown]
        _, widths, heights, turns = _core.sniff_headers(files)
        for i, width, height, turn in zip(
            unknown, widths.tolist(), heights.tolist(), turns.tolist(), strict=True
        ):
            if width > 0 and height > 0:
                sizes[i] = (height, width) if 5 <= turn <= 8 else (width, height)
    return sizes[:, 0], sizes[:, 1]
