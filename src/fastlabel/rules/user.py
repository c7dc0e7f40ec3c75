"""Rules of the user: a plain function of one row, judged like any built-in rule."""

from __future__ import annotations

import inspect
import re
import string
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt

from .. import schema
from ..config import nearest
from .columns import Column, columns_of, find_column, image_rows
from .compiled import Compiled, Found, RaisedError, RuleError, compile_rule
from .context import Bools, Context, Ints
from .registry import Hits, Params, Rule
from .wording import clean

__all__ = ["UserRule", "collect", "rule"]

_CODE = re.compile(r"[A-Z]{1,4}[0-9]{2,4}")
_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
#: Where a module keeps the rules defined in it; no list of all rules exists anywhere.
SHELF = "__fastlabel_rules__"
#: Words of a message besides columns and thresholds.
_WORDS: Mapping[str, Any] = {"value": 1.0, "score": 1.0, "category": "c", "image": "i"}


@dataclass(frozen=True, eq=False)
class UserRule(Rule):
    """A rule made by :func:`rule`; calling it calls the plain Python function.

    Attributes
    ----------
    function : callable
        As it was written.
    columns : tuple of Column
        The arguments that are columns, in order; the others are thresholds (``params``).
    message : str
        Sentence of a finding, as for ``str.format``.
    suggestion : str
        Of each finding.
    """

    function: Callable[..., Any] = field(default=lambda: False, repr=False)
    arguments: tuple[str, ...] = ()
    columns: tuple[Column, ...] = field(default=(), repr=False)
    message: str = ""
    suggestion: str = "review"

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the function for one row, in Python."""
        return self.function(*args, **kwargs)

    @property
    def title(self) -> str:
        """The rule in errors: code, function, file and line."""
        return f"rule {self.code} ({_place(self.function)})"

    @cached_property
    def compiled(self) -> Compiled:
        """The rule as machine code, made when it is first asked for."""
        made = compile_rule(self.function, self.arguments, self.columns, self.scope, self.title)
        asked = {name for name in ("value", "score") if name in _fields(self.message)}
        given = {"flag": (), "value": ("value",), "scored": ("value", "score")}[made.kind]
        lacking = asked.difference(given)
        if lacking:
            raise RuleError(
                f"{self.title}: the message names {{{min(lacking)}}}, "
                f"and the function returns {'a bool' if made.kind == 'flag' else 'no score'}"
            )
        return made

    def prepare(self) -> None:
        """Compile."""
        _ = self.compiled

    def by_image(self, column: Column) -> bool:
        """Tell whether a column has one entry an image where the rule goes box by box."""
        return column.of_image and self.scope == "annotation"

    def limits(self, params: Params) -> list[float]:
        """Give the thresholds in the order of the arguments."""
        return [float(params[name]) for name in self.arguments if name in self.params]

    def judge(
        self,
        columns: Mapping[str, npt.NDArray[Any]],
        image: Ints | None = None,
        known: Bools | None = None,
        **thresholds: float,
    ) -> Found:
        """Run the rule over columns of one's own.

        Parameters
        ----------
        columns : mapping of str to numpy.ndarray
            One array for each column of the rule, one entry a row; columns of images have
            one an image when ``image`` is given.
        image : array_like, optional
            (n,) int64: for a rule about boxes that uses columns of images, each box's image.
        known : array_like, optional
            (n,) bool: rows to look at; the others are passed over.
        **thresholds : float
            Over the defaults.

        Returns
        -------
        Found
            ``rows`` (int64, rising), ``values`` and ``scores`` (float64, or None where the
            rule returns none).

        Raises
        ------
        ValueError
            If an array is missing, of another dtype than the table's, or of another length.
        """
        arrays = [_given(self, column, columns) for column in self.columns]
        image = None if image is None else np.asarray(image, np.int64)
        known = None if known is None else np.asarray(known, np.bool_)
        rows = _rows(self, arrays, image, known)
        unknown = [name for name in thresholds if name not in self.params]
        if unknown:
            raise ValueError(f"no threshold {unknown[0]!r}; {nearest(unknown[0], self.params)}")
        by_image = any(map(self.by_image, self.columns))
        limits = self.limits({**self.params, **thresholds})
        return self.compiled.find(arrays, limits, rows, image if by_image else None, known)


def _given(
    r: UserRule, column: Column, columns: Mapping[str, npt.NDArray[Any]]
) -> npt.NDArray[Any]:
    if column.name not in columns:
        raise ValueError(f"columns: {column.name!r} is missing, which {r.code} uses")
    array = np.asarray(columns[column.name])
    if array.dtype != column.dtype or array.ndim != 1:
        raise ValueError(
            f"columns[{column.name!r}]: got {array.dtype} of shape {array.shape}, "
            f"expected {column.dtype}, one-dimensional"
        )
    return array


def _rows(
    r: UserRule, arrays: list[npt.NDArray[Any]], image: Ints | None, known: Bools | None
) -> int:
    """Give the number of rows, when all arrays agree about it."""
    pairs = list(zip(arrays, r.columns, strict=True))
    of_images = [len(a) for a, c in pairs if r.by_image(c)]
    lengths = {len(a) for a, c in pairs if not r.by_image(c)}
    if of_images:
        if image is None:
            raise ValueError(f"image: {r.code} uses columns of images, and needs each box's image")
        lengths.add(len(image))
        if len(image) and not 0 <= image.min() <= image.max() < min(of_images):
            raise ValueError(
                f"image: got rows {image.min()} to {image.max()}, "
                f"expected 0 to {min(of_images) - 1}"
            )
    if known is not None:
        lengths.add(len(known))
    if len(lengths) != 1:
        raise ValueError(f"columns: got lengths {sorted(lengths)}, expected one length")
    return lengths.pop()


# ---- making --------------------------------------------------------------------


def rule(
    code: str,
    *,
    name: str,
    severity: str = "warning",
    scope: str = "annotation",
    message: str = "",
    suggestion: str = "review",
    why: str = "",
    formula: str = "",
    false_alarms: str = "",
    fix: str = "",
    **params: float,
) -> Callable[[Callable[..., Any]], UserRule]:
    """Make a rule of a plain function of one box, or of one image.

    The function's arguments choose what it is given: an argument without a default is a
    column, one with a default is a threshold that ``[rules.<code>]`` of the configuration
    can change. It is compiled by numba (``pip install 'fastlabel[numba]'``) into one loop
    over the columns of the Arrow tables, which are not copied.

    Parameters
    ----------
    code : str
        One to four capital letters and two to four digits, ``X001``; ``FL`` is ours.
    name : str
        In kebab case: ``too-wide``.
    severity : {"error", "warning", "info"}
        Of its findings; the configuration can change it.
    scope : {"annotation", "image"}
        Whether a row is a box or an image.
    message : str
        Sentence of a finding, as for ``str.format``: it may name columns and thresholds of
        the rule, ``value``, ``score``, ``image`` and, for boxes, ``category``.
    suggestion : str
        One of :data:`fastlabel.schema.SUGGESTIONS`.
    why, formula, false_alarms, fix : str
        Parts of the page that ``fastlabel explain`` prints; what the rule finds is the
        function's docstring.
    **params : float
        Thresholds that the function's own arguments give no default.

    Returns
    -------
    callable
        A decorator that gives a :class:`UserRule`. It is run where it is handed over:
        ``fl.check(ds, rules=[too_wide])``, or ``rules=[module]`` for all rules of a module.

    Raises
    ------
    RuleError
        For a code or name that is malformed or ours, an argument that is no column, or a
        message that names something else. It is a ``ValueError``.

    Notes
    -----
    Boxes have the columns of :data:`fastlabel.schema.ANNOTATIONS` that are numbers (``x1``,
    ``y1``, ``x2``, ``y2``, ``category_id``, ``area``, ``crowd``, ...), those of ``BOX_STATS``
    under ``box_`` (``box_sharpness``), and those of their image. Images have ``width`` and
    ``height`` (as the boxes are drawn on them: declared, else decoded and turned by EXIF),
    ``box_count``, and the numbers of ``IMAGE_STATS`` (``luma_mean``, ``sharpness``, ...).

    The function returns a bool, or a float (what was measured; NaN: nothing to report), or
    ``(value, score)``, where the score, 0 to 1, says how sure it is and ranks the findings.
    The first threshold stands beside the value in the findings.

    A row with a null in a column that the rule uses is not judged: null is unknown. Their
    number is in ``report.summary["unjudged"]``. Floats arrive as 64 bits, division by zero
    gives infinity or NaN as in NumPy, and global variables are constants once compiled.

    Examples
    --------
    >>> import fastlabel as fl
    >>> @fl.rule("X001", name="too-wide", message="{value:.1f} times as wide as high.")
    ... def too_wide(x1, y1, x2, y2, max_ratio=5.0):
    ...     ratio = (x2 - x1) / (y2 - y1)
    ...     return ratio if ratio > max_ratio else float("nan")
    >>> too_wide(0, 0, 60, 10)
    6.0
    """
    if not _CODE.fullmatch(code) or code.startswith("FL"):
        raise RuleError(
            f"rule {code!r}: the code must be one to four capital letters and two to four "
            'digits such as "X001", and FL is for the built-in rules'
        )
    if not _NAME.fullmatch(name):
        raise RuleError(f"rule {code}: got the name {name!r}, expected kebab-case")
    for what, value, known in (
        ("severity", severity, schema.SEVERITIES),
        ("scope", scope, ("annotation", "image")),
        ("suggestion", suggestion, schema.SUGGESTIONS),
    ):
        if value not in known:
            raise RuleError(
                f"rule {code}: got {what} {value!r}, expected one of {', '.join(known)}"
            )

    def make(function: Callable[..., Any]) -> UserRule:
        title = f"rule {code} ({_place(function)})"
        arguments, columns, limits = _arguments(function, scope, params, title)
        _check_message(message, columns, limits, scope, title)
        spelt = ", ".join(f"{a} = {limits[a]:g}" if a in limits else a for a in arguments)
        made = UserRule(
            code,
            name,
            severity,
            scope,
            what=inspect.getdoc(function) or message or f"{name.replace('-', ' ')}.",
            why=why,
            formula=formula or f"`{function.__module__}.{function.__name__}({spelt})`",
            threshold="".join(f"`{key}` = {value:g}\n" for key, value in limits.items()),
            false_alarms=false_alarms,
            fix=fix,
            check=lambda ctx, settings: _hits(made, ctx, settings),
            params=limits,
            function=function,
            arguments=arguments,
            columns=columns,
            message=message,
            suggestion=suggestion,
        )
        _shelve(made)
        return made

    return make


def _code_of(function: Callable[..., Any]) -> Any:
    plain = getattr(function, "py_func", function)
    return getattr(plain, "__code__", None)


def _place(function: Callable[..., Any]) -> str:
    code = _code_of(function)
    if code is None:
        raise RuleError(f"got {function!r}, expected a plain function to make a rule of")
    return f"{function.__name__}, {code.co_filename}:{code.co_firstlineno}"


def _arguments(
    function: Callable[..., Any], scope: str, params: Mapping[str, float], title: str
) -> tuple[tuple[str, ...], tuple[Column, ...], dict[str, float]]:
    """Tell columns from thresholds."""
    columns: list[Column] = []
    limits: dict[str, float] = {}
    signature = inspect.signature(getattr(function, "py_func", function))
    for name, argument in signature.parameters.items():
        if argument.kind not in (argument.POSITIONAL_OR_KEYWORD, argument.POSITIONAL_ONLY):
            raise RuleError(f"{title}: argument {name!r} must be a plain one, without * before it")
        default = argument.default
        if name in params:
            if default is not argument.empty:
                raise RuleError(f"{title}: threshold {name!r} is given two defaults")
            default = params[name]
        if default is argument.empty:
            try:
                columns.append(find_column(name, scope))
            except ValueError as error:
                raise RuleError(f"{title}: {error}") from error
            continue
        if isinstance(default, bool) or not isinstance(default, int | float):
            raise RuleError(f"{title}: threshold {name!r} is {default!r}, expected a number")
        if not np.isfinite(default):
            raise RuleError(f"{title}: threshold {name!r} is {default!r}, expected a finite number")
        if name in columns_of(scope) or name == "severity":
            raise RuleError(
                f"{title}: {name!r} has a default, and is no name for a threshold; "
                f"{'columns have none' if name != 'severity' else 'it is a setting of all rules'}"
            )
        limits[name] = float(default)
    unused = [name for name in params if name not in limits]
    if unused:
        raise RuleError(
            f"{title}: the function has no argument {unused[0]!r}; "
            f"{nearest(unused[0], signature.parameters)}"
        )
    if not columns:
        raise RuleError(f"{title}: no argument is a column, so there is nothing to judge")
    return tuple(signature.parameters), tuple(columns), limits


def _fields(message: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(message) if name is not None}


def _check_message(
    message: str, columns: Iterable[Column], limits: Params, scope: str, title: str
) -> None:
    """Try the message on made-up values: a misspelt field must not cost a scan."""
    example: dict[str, Any] = {**_WORDS, **limits}
    example |= {c.name: c.dtype.type(1).item() for c in columns}
    if scope == "image":
        del example["category"]
    try:
        for name in _fields(message):
            if name not in example:
                raise RuleError(f"{title}: the message names {name!r}; {nearest(name, example)}")
        message.format(**example)
    except (ValueError, KeyError, IndexError, AttributeError, TypeError) as error:
        if isinstance(error, RuleError):
            raise
        raise RuleError(f"{title}: the message cannot be formatted: {error}") from error


def _shelve(made: UserRule) -> None:
    """Put a rule on its module's shelf; one made inside a function is its maker's own."""
    plain = getattr(made.function, "py_func", made.function)
    if plain.__qualname__ != plain.__name__:
        return
    shelf: dict[str, UserRule] = plain.__globals__.setdefault(SHELF, {})
    other = shelf.get(made.code)
    # The same function again is a module that was loaded again, or a cell of a notebook.
    if other is not None and other.function.__name__ != made.function.__name__:
        raise RuleError(f"{made.title}: the code is taken by {_place(other.function)}")
    shelf[made.code] = made


def collect(sources: Iterable[UserRule | ModuleType]) -> list[UserRule]:
    """Give the rules that are handed over: rules themselves, and all of modules.

    Parameters
    ----------
    sources : iterable of UserRule or module
        A module gives the rules that are defined in it, and those that it imports.

    Returns
    -------
    list of UserRule
        Each once.

    Raises
    ------
    TypeError
        For anything else.
    RuleError
        For a module without a rule.
    """
    if isinstance(sources, UserRule | ModuleType):
        sources = [sources]
    found: dict[int, UserRule] = {}
    for source in sources:
        mine = list(_rules_in(source))
        found |= {id(r): r for r in mine}
        if not mine:
            raise RuleError(
                f"module {getattr(source, '__name__', source)} has no rule in it; "
                "rules are made with @fl.rule"
            )
    return list(found.values())


def _rules_in(source: Any) -> Iterator[UserRule]:
    if isinstance(source, UserRule):
        yield source
    elif isinstance(source, ModuleType):
        yield from vars(source).get(SHELF, {}).values()
        yield from (value for value in vars(source).values() if isinstance(value, UserRule))
    else:
        raise TypeError(
            f"rules: got {type(source).__name__}, expected rules made with @fl.rule, or modules"
        )


# ---- running -------------------------------------------------------------------


def _hits(r: UserRule, ctx: Context, params: Params) -> Iterator[Hits]:
    boxes = r.scope == "annotation"
    n = ctx.ds.annotations.num_rows if boxes else len(ctx.ds)
    image = image_rows(ctx) if any(map(r.by_image, r.columns)) else None
    taken = [column.take(ctx) for column in r.columns]
    known: Bools | None = None
    for column, (_, valid) in zip(r.columns, taken, strict=True):
        if valid is not None:
            mine = valid[image] if r.by_image(column) else valid
            known = mine if known is None else known & mine
    arrays = [values for values, _ in taken]
    try:
        found = r.compiled.find(arrays, r.limits(params), n, image, known)
    except RaisedError as error:
        raise RuleError(_raised(r, ctx, error, arrays, image)) from error.error
    yield Hits(
        _messages(r, ctx, params, found, arrays, image),
        image=None if boxes else found.rows,
        annotation=found.rows if boxes else None,
        value=found.values,
        threshold=next(iter(params.values()), None),
        score=1.0 if found.scores is None else found.scores,
        suggestion=r.suggestion,
        unjudged=0 if known is None else n - int(np.count_nonzero(known)),
    )


def _raised(
    r: UserRule, ctx: Context, raised: RaisedError, arrays: list[Any], image: Ints | None
) -> str:
    row = raised.row
    at = np.array([row])
    of_image = ctx.image_of[at] if r.scope == "annotation" else at
    given = ", ".join(
        f"{c.name}={a[image[row] if image is not None and r.by_image(c) else row].item()!r}"
        for c, a in zip(r.columns, arrays, strict=True)
    )
    return (
        f"{r.title} raised {type(raised.error).__name__}: {clean(raised.error)} for "
        f"{r.scope} {row} of {ctx.quoted_images(of_image)[0]} with {given}"
    )


def _messages(
    r: UserRule,
    ctx: Context,
    params: Params,
    found: Found,
    arrays: list[npt.NDArray[Any]],
    image: Ints | None,
) -> list[str]:
    """Write the sentence of each finding."""
    default = r.name.replace("-", " ").capitalize() + (
        "." if found.values is None else ": {value:.4g}."
    )
    template = r.message or default
    asked = _fields(template)
    boxes = r.scope == "annotation"
    images = ctx.image_of[found.rows] if boxes else found.rows
    columns: dict[str, list[Any]] = {}
    for column, array in zip(r.columns, arrays, strict=True):
        if column.name in asked:
            rows = image[found.rows] if image is not None and r.by_image(column) else found.rows
            columns[column.name] = array[rows].tolist()
    if "value" in asked and found.values is not None:
        columns["value"] = found.values.tolist()
    if "score" in asked and found.scores is not None:
        columns["score"] = found.scores.tolist()
    if "category" in asked:
        columns["category"] = [ctx.quoted_classes[c] for c in ctx.category[found.rows].tolist()]
    if "image" in asked:
        columns["image"] = ctx.quoted_images(images)
    limits = {name: value for name, value in params.items() if name in asked}
    if not columns:
        return [template.format(**limits)] * len(found.rows)
    return [
        template.format(**limits, **dict(zip(columns, row, strict=True)))
        for row in zip(*columns.values(), strict=True)
    ]
