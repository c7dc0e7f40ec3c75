"""``lint_augment``: read settings, judge them, give the findings; ``errors`` for those who act."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from .. import config as settings_of
from .. import schema
from ..config import ConfigError, nearest
from ..dataset import Dataset
from ..rules.registry import RULES, Params, choose, resolve
from .classes import ClassTable
from .judge import Case, Found, judge, names_of
from .reading import read_pipeline

if TYPE_CHECKING:
    from ..config import Config
    from ..deploy import Profile
    from .steps import Pipeline

__all__ = ["AugmentLint", "errors", "lint_augment"]


@dataclass(frozen=True)
class AugmentLint:
    """What the linter found in settings of augmentation.

    Attributes
    ----------
    findings : pyarrow.Table
        As :data:`fastlabel.schema.FINDINGS`, worst first; all are about the set as a whole, and
        ``evidence`` says where the settings say so (``file``, ``pointer``, ``setting``).
    notes : tuple of str
        What could not be judged, and why.
    pipeline : Pipeline
        The settings as they were understood.
    """

    findings: pa.Table
    notes: tuple[str, ...]
    pipeline: Pipeline

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """The findings as an Arrow C stream."""
        return self.findings.__arrow_c_stream__(requested_schema)

    def at_least(self, severity: str) -> int:
        """How many findings are of a severity or worse."""
        worst = schema.SEVERITIES[: schema.SEVERITIES.index(severity) + 1]
        return sum(s in worst for s in self.findings["severity"].to_pylist())


def lint_augment(
    config: Any,
    ds: Dataset | None = None,
    *,
    classes: Iterable[str] | None = None,
    deploy: str | Profile | None = None,
    reference: Any = None,
    parameters: float | None = None,
    kind: str = "auto",
    settings: Config | None = None,
) -> AugmentLint:
    """Judge settings of augmentation before anything is trained with them.

    Parameters
    ----------
    config : path-like, mapping, sequence or object
        Ultralytics' ``args.yaml``, a pipeline that Albumentations saved (JSON or YAML), a list of
        torchvision's transforms, or a recipe of fastlabel; as a file, as what such a file holds,
        or as the object itself. Nothing in it is run.
    ds : Dataset, optional
        The data set: its classes, box sizes and pictures. Without it only some rules can judge.
    classes : iterable of str, optional
        Names of classes, where there is no data set.
    deploy : str or Profile, optional
        The deployment, as for :func:`fastlabel.check`; else that of fastlabel.toml.
    reference : path-like or Dataset, optional
        Frames of the deployment, for FL906.
    parameters : float, optional
        Of the model, for FL904; else what the settings' model is known to have.
    kind : {"auto", "ultralytics", "albumentations", "torchvision", "fastlabel"}
        What the settings are of; auto goes by what stands in them.
    settings : Config, optional
        Thresholds and ``[lint.classes]``; by default the nearest fastlabel.toml.

    Returns
    -------
    AugmentLint

    Raises
    ------
    ConfigError
        If the settings cannot be read; the message has the place, the value and the remedy.
    DatasetError
        If there is no readable frame in `reference`.

    Examples
    --------
    >>> found = lint_augment({"fliplr": 0.5, "hsv_h": 0.0, "mosaic": 0.0}, classes=["exit sign"])
    >>> found.findings["code"].to_pylist()
    ['FL903']
    """
    from .. import deploy as deployments

    chosen = settings_of.load() if settings is None else settings
    place = deploy if deploy is not None else chosen.deploy
    profile = deployments.load(place) if isinstance(place, str) else place
    case = Case(
        read_pipeline(config, kind),
        _classes(ds, classes),
        _table_of(chosen),
        ds,
        profile,
        _parameters(parameters),
    )
    case.notes += case.pipeline.unread
    return AugmentLint(_findings(case, reference, chosen), tuple(case.notes), case.pipeline)


def errors(recipe: Any, ds: Dataset | None = None, **options: Any) -> list[str]:
    """Messages of what the linter calls an error; ``augment`` refuses a recipe that has any.

    Parameters
    ----------
    recipe, ds, **options
        As for :func:`lint_augment`.

    Returns
    -------
    list of str
        ``FL903 mirrored-class: ...``, worst first; empty where there is none.
    """
    found = lint_augment(recipe, ds, **options).findings
    return [
        f"{code} {RULES[code].name}: {message}"
        for code, severity, message in zip(
            *(found[name].to_pylist() for name in ("code", "severity", "message")), strict=True
        )
        if severity == "error"
    ]


def _table_of(config: Config) -> ClassTable:
    """The user's own table of classes, ``[lint.classes]``."""
    place = config.where("lint")
    for key in config.lint:
        if key != "classes":
            raise ConfigError(f"{place}: unknown key {key!r}; {nearest(key, ['classes'])}")
    return ClassTable.from_table(config.lint.get("classes", {}), f"{place}.classes")


def _classes(ds: Dataset | None, classes: Iterable[str] | None) -> Mapping[str, int] | None:
    if classes is not None:
        if isinstance(classes, str):
            raise TypeError("classes: got a text, expected a list of names")
        names = list(classes)
        for name in names:
            if not isinstance(name, str):
                raise TypeError(f"classes: got {name!r}, expected texts")
        known = names_of(ds) if ds is not None else {}
        return {name: known.get(name, -1) for name in names}
    if ds is None:
        return None
    counted = names_of(ds)
    return {name: boxes for name, boxes in counted.items() if boxes} or counted


def _parameters(value: Any) -> float | None:
    if value is None:
        return None
    good = isinstance(value, int | float | np.number) and not isinstance(value, bool)
    if not good or not (math.isfinite(value) and value > 0):
        raise ValueError(f"parameters: got {value!r}, expected a number over 0")
    return float(value)


def _findings(case: Case, reference: Any, config: Config) -> pa.Table:
    rules = [code for code in RULES if code.startswith("FL9")]
    resolved = resolve(config)
    # `select` of the settings is about `check`; what is ignored is ignored here too.
    chosen = {r.code for r in choose(None, config.ignore)}
    params: dict[str, Params] = {c: resolved[c][1] for c in rules if c in chosen}
    case.frames = reference is not None
    found = judge(case, params)
    if case.frames and "FL906" in params:
        from .seen import judge_light

        found += judge_light(case, reference, params["FL906"])
    return _table(found, {code: resolved[code][0] for code in rules})


def _table(found: list[Found], severities: Mapping[str, str | None]) -> pa.Table:
    rows = []
    for f in found:
        severity = severities[f.code] or f.severity or RULES[f.code].severity
        rows.append(
            {
                "code": f.code,
                "severity": severity,
                "score": f.score,
                "message": f.message,
                "value": f.value,
                "threshold": f.threshold,
                "suggestion": f.suggestion,
                "evidence": json.dumps(f.evidence),
            }
        )
    rows.sort(key=lambda row: (schema.SEVERITIES.index(row["severity"]), row["code"]))
    return pa.Table.from_pylist(rows, schema=schema.FINDINGS)
