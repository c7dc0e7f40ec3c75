"""Scores as review rounds have shown them to be right: ``[calibration.<code>]`` of the settings.

``fastlabel calibrate`` writes these tables. A rule's score s becomes
``1 / (1 + exp(-(intercept + slope * logit(s))))``; a finding whose own score is under ``least``
is reported as info, whatever the rule's severity: reviewers have mostly rejected its like. The
rule's own score stays in the evidence, as ``raw_score``.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..config import Config, ConfigError, nearest
from ..dataset import as_numpy
from .context import whole
from .phrases import join

__all__ = ["EDGE", "Fit", "adjusted", "fits_of"]

#: Scores this near to 0 and 1 are taken for that near: log odds are endless there.
EDGE = 1e-3


@dataclass(frozen=True)
class Fit:
    """What maps the scores of one rule.

    Attributes
    ----------
    intercept, slope : float
        On the log odds of the rule's own score; the slope is over 0, so the order stays.
    least : float
        Findings with an own score under it are reported as info.
    """

    intercept: float = 0.0
    slope: float = 1.0
    least: float = 0.0


def fits_of(config: Config, codes: Iterable[str]) -> dict[str, Fit]:
    """Check the calibration of a configuration.

    Raises
    ------
    ConfigError
        If it names a rule or a key that is not there, or gives a value of a wrong kind.
    """
    known = list(codes)
    fits = {}
    for code, table in config.calibration.items():
        if code not in known:
            place = config.where(f"calibration.{code}")
            raise ConfigError(f"{place}: no such rule; {nearest(code, known)}")
        fits[code] = _fit(config, code, table)
    return fits


def _fit(config: Config, code: str, table: Mapping[str, object]) -> Fit:
    values: dict[str, float] = {}
    for key, value in table.items():
        place = config.where(f"calibration.{code}.{key}")
        if key not in ("intercept", "slope", "least"):
            wanted = nearest(key, ["intercept", "slope", "least"])
            raise ConfigError(f"{place}: unknown key {key!r}; {wanted}")
        good = isinstance(value, int | float) and not isinstance(value, bool)
        number = float(value) if good else math.nan  # type: ignore[arg-type]
        if not math.isfinite(number):
            raise ConfigError(f"{place}: got {value!r}, expected a finite number")
        if key == "slope" and number <= 0:
            raise ConfigError(f"{place}: got {value!r}, expected a number over 0")
        if key == "least" and not 0 <= number <= 1:
            raise ConfigError(f"{place}: got {value!r}, expected a number from 0 to 1")
        values[key] = number
    return Fit(**values)


def adjusted(table: pa.Table, fit: Fit | None) -> pa.Table:
    """Findings of one rule with fitted scores; rows without a score stay as they are."""
    if fit is None or not table.num_rows:
        return table
    known = pc.is_finite(pc.fill_null(table["score"], math.nan))
    raw = as_numpy(pc.fill_null(table["score"], math.nan))
    inside = np.clip(raw, EDGE, 1 - EDGE)
    score = 1 / (1 + np.exp(-(fit.intercept + fit.slope * np.log(inside / (1 - inside)))))
    low = pa.array(raw < fit.least)
    told = [f'"raw_score": {v!r}' if math.isfinite(v) else "" for v in raw.tolist()]
    body = pc.utf8_slice_codeunits(whole(table["evidence"]), 1, -1)
    between = pc.if_else(pc.equal(body, ""), "", ", ")
    columns = {
        "score": pc.if_else(known, pa.array(score), table["score"]),
        "severity": pc.if_else(low, "info", table["severity"]),
        "evidence": pc.if_else(known, join("{", body, between, told, "}"), table["evidence"]),
    }
    for name, values in columns.items():
        at = table.schema.get_field_index(name)
        table = table.set_column(at, table.schema.field(at), values)
    return table
