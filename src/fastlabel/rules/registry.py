"""What a rule is, the table of all rules, and how they are chosen, run and explained."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from .. import schema
from ..config import Config, ConfigError, nearest
from .context import Context, Ints
from .fitted import fits_of

__all__ = [
    "RULES",
    "Hits",
    "Params",
    "Rule",
    "choose",
    "explain",
    "resolve",
    "rule",
    "table_of",
    "thresholds",
]

Params = Mapping[str, float]
Texts: TypeAlias = "Sequence[str] | pa.Array"
Numbers = npt.NDArray[np.floating[Any]] | float | None

SCOPES = ("image", "annotation", "set")
_RANK = {severity: rank for rank, severity in enumerate(schema.SEVERITIES)}


@dataclass
class Hits:
    """What one rule found, as columns of one length.

    Attributes
    ----------
    message : sequence of str or pyarrow.Array
        One plain sentence each: what, value, threshold and remedy.
    image, annotation, problem : numpy.ndarray, optional
        Rows that the findings are about. An annotation brings its image, and a row of
        ``problems`` brings both if it has them; with none of them the set is meant.
    value, threshold : float or numpy.ndarray, optional
        What was measured and the limit it broke.
    score : float or numpy.ndarray
        How sure, 0 to 1.
    severity : str, sequence of str or pyarrow.Array, optional
        Where it is not the rule's own.
    suggestion : str, sequence of str or pyarrow.Array
        One of :data:`fastlabel.schema.SUGGESTIONS`.
    extra : sequence of dict or pyarrow.Array, optional
        More evidence: ``related_images``, ``related_annotations`` and whatever helps. As an
        array: members of a JSON object (:func:`fastlabel.rules.phrases.members`).
    unjudged : int
        Rows that the rule could not judge because a value it needs is unknown.
    """

    message: Texts
    image: Ints | None = None
    annotation: Ints | None = None
    problem: Ints | None = None
    value: Numbers = None
    threshold: Numbers = None
    score: npt.NDArray[np.floating[Any]] | float = 1.0
    severity: str | Texts | None = None
    suggestion: str | Texts = "review"
    extra: Sequence[Mapping[str, Any]] | pa.Array | None = None
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
    by_part : bool
        The check judges the boxes of each image by themselves, so it is given one part of
        the set after the other (:meth:`Context.parts`); what it needs of the whole set it
        takes from ``context.whole``.
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
    by_part: bool = False

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
    by_part: bool = False,
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
            by_part,
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
    fits_of(config, rules)
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
