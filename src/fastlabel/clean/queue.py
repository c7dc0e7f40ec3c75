"""The review queue: findings of one object put together, in the order that saves most work."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from .. import schema
from .._scalars import as_number, as_whole
from ..config import Config
from ..dataset import Dataset, as_numpy
from ..pixels.clusters import join
from .effort import Effort
from .evidence import ACTIONS, Proposed, proposed

__all__ = ["budgeted", "review_queue"]

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


class Judged(Protocol):
    """A :class:`fastlabel.Report`, as far as the queue needs it."""

    @property
    def ds(self) -> Dataset: ...
    @property
    def findings(self) -> pa.Table: ...
    @property
    def config(self) -> Config: ...


#: An image is opened at most this often: what is left then comes with the last time.
MOST_VISITS = 8


def review_queue(
    source: Judged | Dataset,
    findings: pa.Table | None = None,
    *,
    budget: int | None = None,
    minutes: float | None = None,
    config: Config | None = None,
) -> pa.Table:
    """Put findings in the order in which a person finds most errors a minute.

    Findings about one object are one row: those of the same annotation, of annotations that a
    finding names together (``related_annotations``: two boxes on one thing), and those of
    an image as a whole. The chance of an error is the score times the rule's precision; of one
    family of rules the highest counts, and families are taken as independent. An image is
    opened once for all of its objects that are worth the opening. Objects of a rule that
    is in the queue often already count less, so that a queue is not 200 of one kind.

    Parameters
    ----------
    source : Report or Dataset
        What :func:`fastlabel.check` gave, or the data set of the findings.
    findings : pyarrow.Table, optional
        As :data:`fastlabel.schema.FINDINGS`; needed with a data set.
    budget : int, optional
        At most so many objects.
    minutes : float, optional
        At most so many minutes of work.
    config : Config, optional
        Its ``[review]`` is the time model; the report's by default.

    Returns
    -------
    pyarrow.Table
        As :data:`fastlabel.schema.QUEUE`, the first to look at first. ``expected_errors``,
        ``images`` and ``minutes`` count up to and with the row. The same input gives the
        same rows.

    Raises
    ------
    ValueError
        If the findings are not of this data set.
    fastlabel.config.ConfigError
        For settings that cannot be understood.

    Examples
    --------
    >>> import fastlabel as fl
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = fl.make_sample(folder)
    ...     queue = fl.review_queue(fl.check(folder), budget=3)
    >>> queue["rank"].to_pylist()
    [1, 2, 3]
    """
    most = _most(budget, minutes)
    if isinstance(source, Dataset):
        if findings is None:
            raise TypeError("findings: needed with a Dataset; or give the Report of check")
        ds = source
    else:
        ds = source.ds
        findings = source.findings if findings is None else findings
        config = source.config if config is None else config
    effort = Effort.of(config or Config())
    objects = _objects(ds, findings, effort)
    seconds = _work(objects, effort)
    ranked = _ranked(objects, seconds, _worth(objects, seconds, effort), effort)
    return _table(objects, ranked, seconds, effort, most)


@dataclass(frozen=True)
class _Most:
    """How much of the queue is wanted."""

    objects: int | None
    minutes: float | None


def budgeted(budget: int | None) -> int | None:
    """Check a number of objects."""
    if budget is None:
        return None
    wanted = "a whole number of objects, 0 or more"
    objects = as_whole(budget, "budget", wanted)
    if objects < 0:
        raise ValueError(f"budget: got {objects}, expected {wanted}")
    return objects


def _most(budget: int | None, minutes: float | None) -> _Most:
    budget = budgeted(budget)
    if minutes is not None:
        minutes = as_number(minutes, "minutes", "a number of minutes, 0 or more")
        if not minutes >= 0:
            raise ValueError(f"minutes: got {minutes}, expected a number of minutes, 0 or more")
    return _Most(budget, minutes)


# ---- objects -------------------------------------------------------------------


@dataclass(frozen=True)
class _Objects:
    """Objects that findings are about, as columns."""

    rows: Ints  # findings, by object and in it from the surest down
    owner: Ints  # object of each of them
    image: Ints
    chance: Floats
    action: Ints  # of the surest finding; -1 none
    kind: Ints  # rule of the surest finding, as a number
    codes: tuple[Ints, Ints, list[str]]  # pairs of object and rule, and the rules' codes
    annotations: tuple[Ints, Ints]  # pairs of object and annotation

    def __len__(self) -> int:
        return len(self.image)


def _objects(ds: Dataset, findings: pa.Table, effort: Effort) -> _Objects:
    chance, code, names = _chances(findings, effort)
    image = _ids(findings["image_id"], len(ds), "image_id")
    annotation = _ids(findings["annotation_id"], ds.annotations.num_rows, "annotation_id")
    keep = np.flatnonzero((chance > 0) & (image >= 0))
    chance, code = chance[keep], code[keep]
    image, annotation = image[keep], annotation[keep]
    told = proposed(findings["evidence"].take(pa.array(keep)))
    row, other = _linked(ds, image, annotation, told)
    label = _labels(ds, image, annotation, told.box, row, other)

    order = np.lexsort((np.arange(len(keep)), -chance, label))
    label = label[order]
    starts = np.flatnonzero(np.r_[True, label[1:] != label[:-1]]) if len(label) else label
    owner = np.repeat(np.arange(len(starts)), np.diff(np.r_[starts, len(label)]))
    lead = order[starts]
    owner_of = np.empty(len(order), np.int64)  # by finding, in the order of the table
    owner_of[order] = owner
    own = np.flatnonzero(annotation >= 0)
    return _Objects(
        rows=keep[order],
        owner=owner,
        image=image[lead],
        chance=_together(owner, _families(names)[code[order]], chance[order]),
        action=told.action[lead],
        kind=code[lead],
        codes=(*_pairs(owner_of, code), names),
        annotations=_pairs(np.r_[owner_of[own], owner_of[row]], np.r_[annotation[own], other]),
    )


def _chances(findings: pa.Table, effort: Effort) -> tuple[Floats, Ints, list[str]]:
    """Chance that each finding is an error, its rule as a number, and the rules' codes."""
    names = sorted(pc.unique(findings["code"]).to_pylist())
    code = np.asarray(pc.index_in(findings["code"], pa.array(names, pa.string())), np.int64)
    levels = list(schema.SEVERITIES)
    at = pc.fill_null(pc.index_in(findings["severity"], pa.array(levels)), len(levels) - 1)
    worth = np.array([[effort.worth(c, s) for s in levels] for c in names])
    score = as_numpy(pc.fill_null(findings["score"].cast(pa.float64()), 1.0))
    score = np.clip(np.nan_to_num(score, nan=0.0), 0.0, 1.0)
    if not len(names):
        return score, code, names
    return score * worth[code, np.asarray(at, np.int64)], code, names


def _families(names: list[str]) -> Ints:
    """Number of the family of each rule: of its code less the two digits."""
    families = sorted({name[:-2] for name in names})
    return np.array([families.index(name[:-2]) for name in names], np.int64)


def _ids(column: pa.ChunkedArray, rows: int, name: str) -> Ints:
    ids = np.asarray(as_numpy(pc.fill_null(column, -1)), np.int64)
    odd = ids[(ids >= rows) | (ids < -1)]
    if len(odd):
        raise ValueError(
            f"findings: {name} {int(odd[0]):,}, but the data set has {rows:,} rows; "
            "give the data set that was checked"
        )
    return ids


def _linked(ds: Dataset, image: Ints, annotation: Ints, told: Proposed) -> tuple[Ints, Ints]:
    """Findings about a box, and further boxes of the same image that they name."""
    inside = (told.related >= 0) & (told.related < ds.annotations.num_rows)
    row, other = told.row[inside], told.related[inside]
    same = as_numpy(ds.annotations["image_id"])[other] == image[row]
    same &= annotation[row] >= 0
    return row[same], other[same]


def _labels(
    ds: Dataset, image: Ints, annotation: Ints, box: Floats, row: Ints, other: Ints
) -> Ints:
    """A number of the object of each finding: the same where they are about one thing."""
    boxes = ds.annotations.num_rows
    label = np.where(annotation >= 0, annotation, boxes + image)
    # A thing without a label is where the finding says that a box is missing.
    new = np.flatnonzero((annotation < 0) & np.isfinite(box[:, 0]))
    if len(new):
        place = np.column_stack([image[new].astype(np.float64), box[new]])
        which = np.unique(place, axis=0, return_inverse=True)[1].reshape(-1)
        label[new] = boxes + len(ds) + which
    if len(row):
        nodes = np.arange(boxes, dtype=np.int64)
        join(nodes, annotation[row], other)
        own = annotation >= 0
        label[own] = nodes[annotation[own]]
    return label


def _together(owner: Ints, family: Ints, chance: Floats) -> Floats:
    """1 - prod(1 - p) of each object over families of rules, with the highest p of each."""
    if not len(owner):
        return np.empty(0)
    order = np.lexsort((family, owner))
    owner, family, chance = owner[order], family[order], chance[order]
    new = np.r_[True, (np.diff(owner) != 0) | (np.diff(family) != 0)]
    best = np.maximum.reduceat(chance, np.flatnonzero(new))
    owners = owner[new]
    first = np.flatnonzero(np.r_[True, np.diff(owners) != 0])
    return np.asarray(1.0 - np.multiply.reduceat(1.0 - best, first))


def _pairs(owner: Ints, value: Ints) -> tuple[Ints, Ints]:
    """Different pairs, by owner and then value."""
    order = np.lexsort((value, owner))
    owner, value = owner[order], value[order]
    if len(owner):
        new = np.r_[True, (np.diff(owner) != 0) | (np.diff(value) != 0)]
        owner, value = owner[new], value[new]
    return owner, value


# ---- order ---------------------------------------------------------------------


def _work(objects: _Objects, effort: Effort) -> Floats:
    """Seconds that each object takes: a look, and the mending where there is an error."""
    mending = np.array([effort.seconds[name] for name in (*ACTIONS, "other")])
    return np.asarray(effort.look + objects.chance * mending[objects.action])


def _worth(objects: _Objects, seconds: Floats, effort: Effort) -> Floats:
    """Chance of an error, less where the same rule has led to many better objects already."""
    n = len(objects)
    if not n or not effort.variety:
        return objects.chance
    order = np.lexsort((np.arange(n), -objects.chance / seconds, objects.kind))
    kind = objects.kind[order]
    starts = np.flatnonzero(np.r_[True, kind[1:] != kind[:-1]])
    before = np.arange(n) - np.repeat(starts, np.diff(np.r_[starts, n]))
    out = np.empty(n)
    out[order] = objects.chance[order] / np.sqrt(1.0 + before / effort.variety)
    return out


@dataclass(frozen=True)
class _Ranked:
    """Objects in the order of the queue, and which of them an opening of an image begins with."""

    order: Ints
    opens: npt.NDArray[np.bool_]


def _ranked(objects: _Objects, seconds: Floats, worth: Floats, effort: Effort) -> _Ranked:
    """Objects by the worth a second of the visit to their image that they are part of.

    A visit takes the objects of an image from the densest down, as many as make the worth
    a second of the whole visit, the opening included, largest: no other choice of
    objects has more (those denser than the best ratio raise it, the others lower it).
    """
    n = len(objects)
    density = worth / seconds
    left = np.lexsort((np.arange(n), -density, objects.image))
    visit, ratio = np.zeros(n, np.int64), np.zeros(n)
    for number in range(MOST_VISITS):
        if not len(left):
            break
        image = objects.image[left]
        starts = np.flatnonzero(np.r_[True, image[1:] != image[:-1]])
        sizes = np.diff(np.r_[starts, len(left)])
        segment = np.repeat(np.arange(len(starts)), sizes)
        gained = _running(worth[left], starts, segment)
        rate = gained / (effort.open_image + _running(seconds[left], starts, segment))
        best = np.maximum.reduceat(rate, starts)
        if number == MOST_VISITS - 1:
            best = rate[np.r_[starts[1:], len(left)] - 1]
            end = sizes
        else:
            at = np.where(rate == best[segment], np.arange(len(left)), -1)
            end = np.maximum.reduceat(at, starts) - starts + 1
        taken = np.arange(len(left)) - starts[segment] < end[segment]
        visit[left[taken]] = number
        ratio[left[taken]] = best[segment[taken]]
        left = left[~taken]
    order = np.lexsort((np.arange(n), -density, visit, objects.image, -ratio))
    image, visit = objects.image[order], visit[order]
    opens = np.ones(n, np.bool_)
    opens[1:] = (image[1:] != image[:-1]) | (visit[1:] != visit[:-1])
    return _Ranked(order, opens)


def _running(values: Floats, starts: Ints, segment: Ints) -> Floats:
    """Running sums of values, begun anew in each segment."""
    sums = np.cumsum(values)
    return np.asarray(sums - np.r_[0.0, sums[starts[1:] - 1]][segment])


# ---- the table -----------------------------------------------------------------


def _table(
    objects: _Objects, ranked: _Ranked, seconds: Floats, effort: Effort, most: _Most
) -> pa.Table:
    order = ranked.order
    chance = objects.chance[order]
    spent = seconds[order] + effort.open_image * ranked.opens
    visit = np.cumsum(ranked.opens) - 1
    per_visit = [np.bincount(visit, weights=w) for w in (chance, spent)]
    gain = 60.0 * (per_visit[0] / np.maximum(per_visit[1], 1e-12))[visit]
    image = objects.image[order]
    seen = np.zeros(len(order), np.bool_)
    seen[np.unique(image, return_index=True)[1]] = True
    minutes = np.cumsum(spent) / 60.0
    n = len(order) if most.objects is None else min(most.objects, len(order))
    if most.minutes is not None:
        n = min(n, int(np.searchsorted(minutes, most.minutes, "right")))
    order = order[:n]
    owner, code, names = objects.codes
    words = pa.array([*ACTIONS, None], pa.string())
    columns = {
        "rank": np.arange(1, n + 1),
        "image_id": image[:n],
        "object": order,
        "codes": _lists(owner, pa.array(names, pa.string()).take(pa.array(code)), order),
        "annotation_ids": _lists(objects.annotations[0], pa.array(objects.annotations[1]), order),
        "action": words.take(pa.array(objects.action[order] % len(words))),
        "score": chance[:n],
        "gain": gain[:n],
        "seconds": spent[:n],
        "expected_errors": np.cumsum(chance)[:n],
        "images": np.cumsum(seen)[:n],
        "minutes": minutes[:n],
        "findings": _lists(objects.owner, pa.array(objects.rows), order),
    }
    return pa.table(columns, schema=schema.QUEUE)


def _lists(owner: Ints, values: pa.Array, order: Ints) -> pa.Array:
    """Lists of the values of some owners; values lie by owner."""
    bounds = np.searchsorted(owner, np.stack([order, order + 1]))
    offsets = np.r_[0, np.cumsum(bounds[1] - bounds[0])]
    at = np.arange(offsets[-1]) - np.repeat(offsets[:-1] - bounds[0], bounds[1] - bounds[0])
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), values.take(pa.array(at)))
