"""Scores that mean what they say: fitted to what reviewers found.

Of each rule the scores are mapped by ``1 / (1 + exp(-(a + b logit(score))))`` (Platt, 1999, on
the log odds of a score that is a probability already), fitted by the most likely a and b under
Gaussian priors around "the scores are right" (a = 0, b = 1). So a few verdicts move little and
many decide; the order of a rule's findings stays as it was.
"""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ..._scalars import as_number
from ...dataset import DatasetError, as_numpy
from ...rules.fitted import EDGE
from .verdicts import ROUND, wilson

__all__ = ["FEW", "Calibration", "RuleFit", "calibrate", "read_round"]

Floats = npt.NDArray[np.float64]

#: Standard deviations of the priors: of a, in log odds; and of b.
SPREAD = (0.7, 0.3)

#: Verdicts below which a fit is mostly the prior, which is then said.
FEW = 30

#: Folds of the measure of what the fit is worth; whole images, so that no image is on both sides.
FOLDS = 5


@dataclass(frozen=True)
class RuleFit:
    """What the verdicts say of one rule.

    Attributes
    ----------
    code : str
    judged, right : int
        Verdicts, and those that found an error.
    low, high : float
        95 % interval of the precision (Wilson).
    intercept, slope : float
        The map of the scores, on their log odds.
    loss_before, loss_after : float or None
        Mean log loss of the scores as they were, and as fitted to the other images (five
        folds); None where too few images were judged.
    least : float or None
        The score, as the rule gives it, from which on at least ``precision`` of the findings
        are expected to be right; None where no score is.
    """

    code: str
    judged: int
    right: int
    low: float
    high: float
    intercept: float
    slope: float
    loss_before: float | None
    loss_after: float | None
    least: float | None

    def map(self, score: float) -> float:
        """The probability that a finding of this score is right."""
        z = self.intercept + self.slope * float(_logit(np.array([score]))[0])
        return 1 / (1 + math.exp(-z))

    @property
    def few(self) -> bool:
        """Whether there are so few verdicts that the fit is mostly the prior."""
        return self.judged < FEW

    @property
    def helps(self) -> bool:
        """Whether fitted scores foretell the verdicts on other images better than the old."""
        if self.loss_before is None or self.loss_after is None:
            return False
        return self.loss_after < self.loss_before


@dataclass(frozen=True)
class Calibration:
    """The fits of all rules of some rounds.

    Attributes
    ----------
    rules : tuple of RuleFit
    sources : tuple of str
        The rounds, by name.
    precision : float
        What was asked of ``RuleFit.least``.
    left_out : dict of str to int
        Verdicts that were not used, by reason.
    """

    rules: tuple[RuleFit, ...]
    sources: tuple[str, ...]
    precision: float
    left_out: dict[str, int]

    def toml(self) -> str:
        """The part of ``fastlabel.toml`` that makes ``check`` use the fits."""
        lines = [
            f"# Scores fitted to the verdicts of {_listed(self.sources)} by `fastlabel calibrate`.",
            "# check maps each score s of a rule to 1 / (1 + exp(-(intercept + slope * logit(s))))",
            "# and reports findings with s under `least` as info: under it, fewer than",
            f"# {self.precision:.0%} are expected to be right.",
        ]
        for reason, n in self.left_out.items():
            lines.append(f"# Not used: {n:,} verdicts {reason}.")
        for fit in self.rules:
            lines += ["", f"[calibration.{fit.code}]"]
            lines.append(
                f"# {fit.right:,} of {fit.judged:,} right: precision {fit.right / fit.judged:.2f} "
                f"(95 %: {fit.low:.2f} to {fit.high:.2f})"
            )
            if fit.few:
                lines.append(f"# Few verdicts (under {FEW}): mostly the scores as they were.")
            if fit.loss_before is not None and fit.loss_after is not None:
                told = "better" if fit.helps else "no better"
                lines.append(
                    f"# Log loss on images left out: {fit.loss_before:.3f} before, "
                    f"{fit.loss_after:.3f} fitted: {told}."
                )
            lines.append(f"intercept = {fit.intercept:.4f}")
            lines.append(f"slope = {fit.slope:.4f}")
            mark = "# " if fit.few else ""  # too little to demote findings on
            if fit.least is None:
                lines.append(f"# No score promises a precision of {self.precision:g}.")
            least = 1.0 if fit.least is None else fit.least
            lines.append(f"{mark}least = {least:.4f}")
        return "\n".join(lines) + "\n"


def read_round(path: str | os.PathLike[str]) -> pa.Table:
    """Read the verdicts of a round: the plan's file, or the ``.verdicts.parquet`` beside it.

    Raises
    ------
    DatasetError
        If it is no such file.
    """
    import pyarrow.parquet as pq

    where = Path(path)
    beside = where.with_name(f"{where.stem}.verdicts.parquet")
    if not where.name.endswith(".verdicts.parquet") and beside.is_file():
        where = beside
    try:
        table = pq.read_table(where)
    except (pa.ArrowException, OSError) as error:
        raise DatasetError(f"{where}: cannot be read as Parquet: {error}") from error
    missing = [name for name in ROUND.names if name not in table.column_names]
    if missing:
        raise DatasetError(
            f"{where}: holds no verdicts (no column {missing[0]!r}); give what "
            "`fastlabel review --from` wrote"
        )
    try:
        table = table.select(ROUND.names).cast(ROUND)
    except (pa.ArrowException, ValueError) as error:
        raise DatasetError(
            f"{where}: a column is not as `review --from` wrote it: {error}"
        ) from error
    odd = set(pc.unique(table["verdict"]).to_pylist()) - {"confirmed", "other", "rejected"}
    if odd:
        raise DatasetError(
            f"{where}: verdict {sorted(map(str, odd))[0]!r}; expected confirmed, other or rejected"
        )
    return table


def calibrate(
    rounds: Sequence[pa.Table], *, precision: float = 0.5, sources: Sequence[str] = ()
) -> Calibration:
    """Fit the scores of each rule to the verdicts of review rounds.

    Parameters
    ----------
    rounds : sequence of pyarrow.Table
        ``ReviewRound.verdicts``, or as :func:`read_round` gives them.
    precision : float
        Share of right findings that ``RuleFit.least`` promises.
    sources : sequence of str, optional
        Names of the rounds, for the file.

    Returns
    -------
    Calibration

    Raises
    ------
    DatasetError
        If no verdict can be used.

    Notes
    -----
    Verdicts on images that count only because something in them was changed are left out:
    they are not a fair sample of what the rules found. So are findings without a score.

    Examples
    --------
    >>> import pyarrow as pa
    >>> from fastlabel.clean.review.verdicts import ROUND
    >>> rows = [
    ...     {"code": "FL701", "finding": n, "image_id": n, "score": 0.9,
    ...      "verdict": "rejected" if n % 2 else "confirmed", "basis": "checked"}
    ...     for n in range(200)
    ... ]
    >>> fit = calibrate([pa.Table.from_pylist(rows, schema=ROUND)]).rules[0]
    >>> fit.judged, fit.right, round(fit.map(0.9), 1)
    (200, 100, 0.5)
    """
    precision = as_number(precision, "precision", "a number between 0 and 1")
    if not 0 < precision < 1:
        raise ValueError(f"precision: got {precision}, expected a number between 0 and 1")
    every, left_out = _usable(rounds)
    if not every.num_rows:
        told = "; ".join(f"{n:,} {reason}" for reason, n in left_out.items())
        raise DatasetError(
            "no verdict of these rounds can be used" + (f": {told}" if told else "; all are empty")
        )
    fits = []
    for code in sorted(pc.unique(every["code"]).to_pylist()):
        fits.append(_fit_rule(code, every.filter(pc.equal(every["code"], code)), precision))
    return Calibration(tuple(fits), tuple(sources), precision, left_out)


def _usable(rounds: Sequence[pa.Table]) -> tuple[pa.Table, dict[str, int]]:
    """Verdicts to fit to, with the rule's own score; and how many of the others there are."""
    parts = [ROUND.append(pa.field("round", pa.int64())).empty_table()]
    for at, table in enumerate(rounds):  # images of two rounds are not the same images
        parts.append(table.append_column("round", pa.array(np.full(table.num_rows, at))))
    every = pa.concat_tables(parts).combine_chunks()
    own = pc.coalesce(every["raw_score"], every["score"])
    every = every.set_column(every.schema.get_field_index("score"), "score", own)
    left_out: dict[str, int] = {}
    seen = pc.is_in(every["basis"], pa.array(["said", "checked"]))
    scored = pc.is_finite(pc.fill_null(every["score"], math.nan))
    for reason, good in (
        ("of images that are not marked as checked (see review --reviewed all)", seen),
        ("of findings without a score", pc.or_(pc.invert(seen), scored)),
    ):
        n = every.num_rows - (pc.sum(good).as_py() or 0)
        if n:
            left_out[reason] = n
    every = every.filter(pc.and_(seen, scored))
    return every.combine_chunks(), left_out


def _fit_rule(code: str, table: pa.Table, precision: float) -> RuleFit:
    x = _logit(as_numpy(table["score"]))
    y = np.array([v != "rejected" for v in table["verdict"].to_pylist()], np.float64)
    intercept, slope = _most_likely(x, y)
    image = as_numpy(table["round"]) * 2**40 + as_numpy(table["image_id"])
    before, after = _held_out(x, y, image)
    low, high = wilson(int(y.sum()), len(y))
    wanted = (math.log(precision / (1 - precision)) - intercept) / slope
    least = None if wanted > _logit(np.array([1.0]))[0] else float(1 / (1 + math.exp(-wanted)))
    if wanted <= _logit(np.array([0.0]))[0]:
        least = 0.0
    return RuleFit(code, len(y), int(y.sum()), low, high, intercept, slope, before, after, least)


def _logit(score: Floats) -> Floats:
    inside = np.clip(score, EDGE, 1 - EDGE)
    return np.asarray(np.log(inside / (1 - inside)))


def _most_likely(x: Floats, y: Floats) -> tuple[float, float]:
    """The a and b of highest posterior density, by Newton's method; b is kept above 0."""
    a, b = 0.0, 1.0
    weight = 1 / np.square(SPREAD)
    design = np.stack([np.ones_like(x), x])
    for _ in range(100):
        p = 1 / (1 + np.exp(-(a + b * x)))
        slope = design @ (y - p) - weight * np.array([a, b - 1])
        curve = (design * (p * (1 - p))) @ design.T + np.diag(weight)
        step = np.linalg.solve(curve, slope)
        largest = float(np.abs(step).max())
        step *= min(1.0, 2.0 / largest) if largest > 0 else 1.0
        a, b = a + step[0], max(b + step[1], 0.05)
        if largest < 1e-9:
            break
    return float(a), float(b)


def _held_out(x: Floats, y: Floats, image: npt.NDArray[np.int64]) -> tuple[Any, Any]:
    """Mean log loss of each verdict with the fit of the other folds, and of the scores alone."""
    images, at = np.unique(image, return_inverse=True)
    if len(images) < 2 * FOLDS:
        return None, None
    fold = np.random.default_rng(0).permutation(len(images))[at] % FOLDS
    fitted = np.empty_like(x)
    for n in range(FOLDS):
        a, b = _most_likely(x[fold != n], y[fold != n])
        fitted[fold == n] = a + b * x[fold == n]

    def loss(z: Floats) -> float:
        return float(np.mean(np.logaddexp(0, z) - y * z))

    return loss(x), loss(fitted)


def _listed(names: Sequence[str]) -> str:
    if not names:
        return "review rounds"
    return ", ".join(name.replace("\n", " ")[:80] for name in names)
