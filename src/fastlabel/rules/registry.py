"""What a rule is, the table of all rules, and how they are chosen, run and explained."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from .. import schema
from ..config import Config, ConfigError, nearest
from .context import Context, Ints, ints

__all__ = [
    "RULES",
    "Hits",
    "Params",
    "Rule",
    "choose",
    "explain",
    "resolve",
    "rule",
    "run",
    "table_of",
    "thresholds",
]

Params = Mapping[str, float]
Numbers = npt.NDArray[np.floating[Any]] | float | None

SCOPES = ("image", "annotation", "set")
_RANK = {severity: rank for rank, severity in enumerate(schema.SEVERITIES)}


@dataclass
class Hits:
    """What one rule found, as columns of one length.

    Attributes
    ----------
    message : sequence of str
        One plain sentence each: what, value, threshold and remedy.
    image, annotation, problem : numpy.ndarray, optional
        Rows that the findings are about. An annotation brings its image, and a row of
        ``problems`` brings both if it has them; with none of them the set is meant.
    value, threshold : float or numpy.ndarray, optional
        What was measured and the limit it broke.
    score : float or numpy.ndarray
        How sure, 0 to 1.
    severity : str or sequence of str, optional
        Where it is not the rule's own.
    suggestion : str or sequence of str
        One of :data:`fastlabel.schema.SUGGESTIONS`.
    extra : sequence of dict, optional
        More evidence: ``related_images``, ``related_annotations`` and whatever helps.
    unjudged : int
        Rows that the rule could not judge because a value it needs is unknown.
    """

    message: Sequence[str]
    image: Ints | None = None
    annotation: Ints | None = None
    problem: Ints | None = None
    value: Numbers = None
    threshold: Numbers = None
    score: npt.NDArray[np.floating[Any]] | float = 1.0
    severity: str | Sequence[str] | None = None
    suggestion: str | Sequence[str] = "review"
    extra: Sequence[Mapping[str, Any]] | None = None
    unjudged: int = 0


Check = Callable[[Context, Params], Iterable[Hits]]


@dataclass(frozen=True)
class Rule:
    """One rule: its identity, its page and its check.

    Attributes
    ----------
    code, name : str
        ``FL204`` and ``duplicate-box``: never reused.
    severity : {"error", "warning", "info"}
        Of its findings, where a finding does not say otherwise.
    scope : {"image", "annotation", "set"}
        What a finding is about.
    what, why, formula, threshold, false_alarms, fix : str
        The page that :func:`explain` prints.
    check : callable
        ``check(context, params)`` gives :class:`Hits`.
    params : mapping of str to float
        Default thresholds; ``[rules.<code>]`` of the configuration overrides them.
    """

    code: str
    name: str
    severity: str
    scope: str
    what: str
    why: str
    formula: str
    threshold: str
    false_alarms: str
    fix: str
    check: Check = field(repr=False)
    params: Params = field(default_factory=dict)

    def prepare(self) -> None:
        """Find out whether the rule can run, before hours of scanning are spent on it."""


#: Every built-in rule by its code, in order.
RULES: dict[str, Rule] = {}


def rule(
    code: str,
    name: str,
    severity: str,
    scope: str,
    *,
    what: str,
    why: str,
    formula: str,
    threshold: str,
    false_alarms: str,
    fix: str,
    params: Params | None = None,
) -> Callable[[Check], Check]:
    """Register the decorated check as a rule (see :class:`Rule`)."""

    def register(check: Check) -> Check:
        if code in RULES or any(r.name == name for r in RULES.values()):
            raise ValueError(f"rule {code} {name}: the code or the name is taken")
        if severity not in _RANK or scope not in SCOPES:
            raise ValueError(f"rule {code}: severity {severity!r} or scope {scope!r} is unknown")
        RULES[code] = Rule(
            code,
            name,
            severity,
            scope,
            what,
            why,
            formula,
            threshold,
            false_alarms,
            fix,
            check,
            dict(params or {}),
        )
        in_order = sorted(RULES.items())
        RULES.clear()
        RULES.update(in_order)
        return check

    return register


def table_of(extra: Iterable[Rule] = ()) -> dict[str, Rule]:
    """Give the built-in rules and others beside them, by code.

    Parameters
    ----------
    extra : iterable of Rule
        Rules of the user (:func:`fastlabel.rule`). Nothing of them is kept here.

    Returns
    -------
    dict of str to Rule
        In the order of their codes.

    Raises
    ------
    ConfigError
        If a code or a name is taken.
    """
    table = dict(RULES)
    names = {r.name: r.code for r in RULES.values()}
    for r in extra:
        if r.code in table:
            raise ConfigError(
                f"rule {r.code} {r.name}: the code is taken by {_said(table[r.code])}"
            )
        if r.name in names:
            raise ConfigError(
                f"rule {r.code} {r.name}: the name is taken by {_said(table[names[r.name]])}"
            )
        table[r.code], names[r.name] = r, r.code
    return dict(sorted(table.items()))


def _said(r: Rule) -> str:
    return f"{r.code} {r.name}"


# ---- choosing ------------------------------------------------------------------


def _match(patterns: Sequence[str] | str, where: str, rules: Mapping[str, Rule]) -> set[str]:
    """Codes that a list of codes, prefixes of codes and names stands for."""
    if isinstance(patterns, str):
        patterns = patterns.split(",")
    out: set[str] = set()
    for pattern in patterns:
        given = pattern.strip()
        found = {
            code
            for code, r in rules.items()
            if given and (code.startswith(given.upper()) or r.name == given.lower())
        }
        if not found:
            known = [*rules, *(r.name for r in rules.values()), *{c[:3] for c in rules}]
            raise ConfigError(f"{where}: no rule matches {pattern!r}; {nearest(given, known)}")
        out |= found
    return out


def choose(
    select: Sequence[str] | str | None = None,
    ignore: Sequence[str] | str | None = None,
    rules: Mapping[str, Rule] = RULES,
) -> list[Rule]:
    """Choose rules by codes, prefixes of codes (``FL2``) or names.

    Parameters
    ----------
    select : sequence of str or str, optional
        Rules to run; all when ``None``. One text may hold several, with commas.
    ignore : sequence of str or str, optional
        Rules to leave out, also when selected.
    rules : mapping of str to Rule
        Those to choose from, as :func:`table_of` gives them; the built-in ones by default.

    Returns
    -------
    list of Rule
        In the order of their codes.

    Raises
    ------
    ConfigError
        If an entry matches no rule.
    """
    codes = set(rules) if select is None else _match(select, "select", rules)
    if ignore is not None:
        codes -= _match(ignore, "ignore", rules)
    return [r for code, r in rules.items() if code in codes]


def resolve(
    config: Config, rules: Mapping[str, Rule] = RULES
) -> dict[str, tuple[str | None, Params]]:
    """Check the rule settings of a configuration and put them over the defaults.

    Parameters
    ----------
    config : Config
        Its ``select``, ``ignore`` and ``rules`` are looked at.
    rules : mapping of str to Rule
        All there are; the built-in ones by default.

    Returns
    -------
    dict
        For every rule its severity, ``None`` if the configuration does not set it, and
        its thresholds.

    Raises
    ------
    ConfigError
        If the configuration names a rule or a threshold that is not there, or gives a
        value of a wrong kind.
    """
    for key, patterns in (("select", config.select), ("ignore", config.ignore)):
        if patterns is not None:
            _match(patterns, config.where(key), rules)
    for code in config.rules:
        if code not in rules:
            raise ConfigError(
                f"{config.where(f'rules.{code}')}: no such rule; {nearest(code, rules)}"
            )
    return {code: _settings(r, config) for code, r in rules.items()}


def thresholds(code: str, config: Config) -> Params:
    """Give the thresholds of one built-in rule as configured, for others that build on it."""
    return _settings(RULES[code], config)[1]


def _settings(r: Rule, config: Config) -> tuple[str | None, Params]:
    severity: str | None = None
    params = dict(r.params)
    for key, value in config.rules.get(r.code, {}).items():
        place = config.where(f"rules.{r.code}.{key}")
        if key == "severity":
            if value not in _RANK:
                raise ConfigError(
                    f"{place}: got {value!r}, expected one of {', '.join(schema.SEVERITIES)}"
                )
            severity = value
        elif key not in params:
            raise ConfigError(f"{place}: no such threshold; {nearest(key, ['severity', *params])}")
        elif isinstance(value, bool) or not isinstance(value, int | float):
            raise ConfigError(f"{place}: got {value!r}, expected a number")
        elif value < 0 and r.code in RULES:
            raise ConfigError(f"{place}: got {value!r}, expected a number, 0 or more")
        elif not math.isfinite(value):
            raise ConfigError(f"{place}: got {value!r}, expected a finite number")
        else:
            params[key] = float(value)
    return severity, params


# ---- running -------------------------------------------------------------------


def run(
    context: Context,
    select: Sequence[str] | str | None = None,
    ignore: Sequence[str] | str | None = None,
    rules: Mapping[str, Rule] = RULES,
    timings: dict[str, float] | None = None,
) -> pa.Table:
    """Judge a data set.

    Parameters
    ----------
    context : Context
        The data set, its measurements and settings.
    select, ignore : sequence of str or str, optional
        As for :func:`choose`; where ``None``, the configuration's own.
    rules : mapping of str to Rule
        All there are, as :func:`table_of` gives them; the built-in ones by default.
    timings : dict, optional
        Filled with the CPU seconds that each rule took, by its code.

    Returns
    -------
    pyarrow.Table
        As :data:`fastlabel.schema.FINDINGS`, worst first: by severity, findings about
        the whole set before those about one image, code, ``score`` from high to low, then
        image and annotation. The same input gives the same table. How many rows a rule
        could not judge goes into ``context.unjudged``.

    Raises
    ------
    ConfigError
        If the choice of rules, or the settings of one, cannot be understood.
    """
    settings = resolve(context.config, rules)
    chosen = choose(
        context.config.select if select is None else select,
        context.config.ignore if ignore is None else ignore,
        rules,
    )
    tables = []
    for r in chosen:
        severity, params = settings[r.code]
        began = time.process_time()
        # Bad boxes overflow and divide by zero; what comes of it compares as false.
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            for hits in r.check(context, params):
                if hits.unjudged:
                    context.unjudged[r.code] = hits.unjudged
                if len(hits.message):
                    tables.append(_table(context, r, hits, severity))
        if timings is not None:
            timings[r.code] = time.process_time() - began
    if not tables:
        return schema.FINDINGS.empty_table()
    return _sorted(pa.concat_tables(tables).combine_chunks())


def _sorted(table: pa.Table) -> pa.Table:
    ranks = pa.array(list(_RANK), pa.string())
    rank = ints(pc.index_in(table["severity"], ranks))
    images = ints(table["image_id"])
    codes = np.unique(np.asarray(table["code"].to_numpy(), dtype="U8"), return_inverse=True)[1]
    keys = (
        ints(table["annotation_id"]),
        images,
        -np.asarray(table["score"].to_numpy()),
        codes,
        images >= 0,
        rank,
    )
    return table.take(pa.array(np.lexsort(keys)))


def _column(values: Any, n: int, kind: pa.DataType) -> pa.Array:
    """One column of findings from a scalar, an array (NaN is null) or a list."""
    if values is None:
        return pa.nulls(n, kind)
    if isinstance(values, str | int | float):
        values = [values] * n
    if isinstance(values, np.ndarray) and pa.types.is_floating(kind):
        return pa.array(values.astype(np.float64), kind, from_pandas=True)
    return pa.array(values, kind)


def _ids(rows: Ints | None, n: int) -> pa.Array:
    """Ids as a column, null where negative."""
    if rows is None:
        return pa.nulls(n, pa.int64())
    at = np.asarray(rows, np.int64)
    return pa.array(at, mask=at < 0)


def _table(ctx: Context, r: Rule, hits: Hits, severity: str | None) -> pa.Table:
    n = len(hits.message)
    image, annotation = hits.image, hits.annotation
    if hits.problem is not None:
        at = pa.array(hits.problem)
        image = ints(ctx.ds.problems["image_id"].take(at)) if image is None else image
        if annotation is None:
            annotation = ints(ctx.ds.problems["annotation_id"].take(at))
    elif annotation is not None and image is None:
        image = ctx.image_of[annotation]
    columns = {
        "code": _column(r.code, n, pa.string()),
        "severity": _column(severity or hits.severity or r.severity, n, pa.string()),
        "image_id": _ids(image, n),
        "annotation_id": _ids(annotation, n),
        "score": _column(np.clip(hits.score, 0.0, 1.0) + np.zeros(n), n, pa.float64()),
        "message": _column(list(hits.message), n, pa.string()),
        "value": _column(hits.value, n, pa.float64()),
        "threshold": _column(hits.threshold, n, pa.float64()),
        "suggestion": _column(hits.suggestion, n, pa.string()),
        "evidence": pa.array(_evidence(ctx, hits, image, n), pa.string()),
    }
    return pa.table(columns, schema=schema.FINDINGS)


def _evidence(ctx: Context, hits: Hits, image: Ints | None, n: int) -> Iterator[str]:
    """Write where each finding is and what belongs to it, as one JSON object each."""
    known: dict[str, str] = {}

    def text(value: str) -> str:
        if value not in known:
            known[value] = json.dumps(value)
        return known[value]

    extras = hits.extra if hits.extra is not None else [{}] * n
    places = zip(*_places(ctx, hits, image, n), extras, strict=True)
    for file, line, pointer, extra in places:
        parts = []
        if file is not None:
            parts.append(f'"file": {text(file)}')
        if line is not None:
            parts.append(f'"line": {line}')
        if pointer is not None:
            parts.append(f'"pointer": {json.dumps(pointer)}')
        if extra:
            parts.append(json.dumps(extra)[1:-1])
        yield "{" + ", ".join(parts) + "}"


def _places(
    ctx: Context, hits: Hits, image: Ints | None, n: int
) -> tuple[Sequence[Any], Sequence[Any], Sequence[Any]]:
    """File, line and pointer of each finding."""
    nothing: list[Any] = [None] * n
    if hits.problem is not None:
        rows = ctx.ds.problems.take(pa.array(hits.problem))
        return tuple(rows[c].to_pylist() for c in ("file", "line", "pointer"))
    if hits.annotation is not None:
        origin = ctx.ds.annotations["origin"].take(pa.array(hits.annotation))
        file, line, pointer = (
            pc.struct_field(origin, name) for name in ("file", "line", "pointer")
        )
        files = file.to_pylist()
        if file.null_count:
            paths = ctx.image_paths(ctx.image_of[hits.annotation])
            files = [f if f is not None else p for f, p in zip(files, paths, strict=True)]
        return files, line.to_pylist(), pointer.to_pylist()
    if image is not None:
        return ctx.image_paths(image), nothing, nothing
    return nothing, nothing, nothing


# ---- explaining ----------------------------------------------------------------


def explain(code: str, rules: Mapping[str, Rule] = RULES) -> str:
    """Write the page of one rule, as Markdown that also reads well as plain text.

    Parameters
    ----------
    code : str
        Code or name of the rule, in upper or lower case.
    rules : mapping of str to Rule
        All there are; the built-in ones by default.

    Returns
    -------
    str

    Raises
    ------
    ConfigError
        If there is no such rule; the message names the most similar one.

    Examples
    --------
    >>> explain("FL202").splitlines()[0]
    '# FL202 degenerate'
    """
    given = code.strip()
    found = rules.get(given.upper())
    if found is None:
        found = next((r for r in rules.values() if r.name == given.lower()), None)
    if found is None:
        known = [*rules, *(r.name for r in rules.values())]
        raise ConfigError(f"no rule named {code!r}; {nearest(given, known)}")
    parts = [
        f"# {found.code} {found.name}",
        f"Severity: {found.severity}. About: {_ABOUT[found.scope]}.",
    ]
    for title, body in (
        ("What it finds", found.what),
        ("Why it hurts a small model", found.why),
        ("Formula", found.formula),
        ("Threshold, and where it comes from", found.threshold),
        ("Known false alarms", found.false_alarms),
        ("Fix", found.fix),
    ):
        if body:
            parts += [f"## {title}", _paragraphs(body)]
    parts += ["## Settings", _setting_lines(found)]
    return "\n\n".join(parts) + "\n"


_ABOUT = {"image": "one image", "annotation": "one box", "set": "the whole data set"}


def _paragraphs(body: str) -> str:
    """Take off the indentation that a text has from standing in code."""
    return "\n".join(line.strip() for line in body.strip().splitlines())


def _setting_lines(r: Rule) -> str:
    lines = ["```toml", f"[rules.{r.code}]      # in fastlabel.toml"]
    lines += [f"{name} = {value:.12g}" for name, value in r.params.items()]
    lines += [f'severity = "{r.severity}"', "```"]
    return "\n".join(lines)
