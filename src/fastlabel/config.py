"""Settings of a project: ``fastlabel.toml``, or ``[tool.fastlabel]`` in ``pyproject.toml``.

The nearest file going up from the current folder counts, and only that one. A key
that is not known here is an error, because a misspelt threshold that is silently
ignored looks like a clean data set. What the keys of ``[rules.<code>]`` may be is
known to the rules, which check them when they run (:func:`fastlabel.rules.resolve`).
"""

from __future__ import annotations

import difflib
import math
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

__all__ = ["Config", "ConfigError", "Limits", "find", "load", "nearest", "parse", "read_toml"]

FILE_NAME = "fastlabel.toml"
FAIL_ON = ("error", "warning", "info", "never")
BLUR_MODES = ("acutance", "laplacian-50")

#: A configuration file over this size is not one.
MAX_FILE_BYTES = 1 << 20


class ConfigError(ValueError):
    """A setting that cannot be used: the message says where, what and the nearest valid one."""


@dataclass(frozen=True)
class Limits:
    """Ceilings of the scan; ``None`` keeps its own default.

    Attributes
    ----------
    max_pixels : int or None
        Pixels of one image, from its header, above which it is not decoded.
    max_bytes : int or None
        Bytes of one image file above which it is not opened.
    max_scans : int or None
        Scans of one progressive JPEG above which it is not decoded.
    max_memory : int or None
        Bytes that the decoder of one image may hold.
    """

    max_pixels: int | None = None
    max_bytes: int | None = None
    max_scans: int | None = None
    max_memory: int | None = None


@dataclass(frozen=True)
class Config:
    """The settings of one run. Every field has the meaning of the option of its name.

    Attributes
    ----------
    select, ignore : tuple of str or None
        Codes or prefixes of codes of the rules to run and to leave out; ``None``: not set.
    fail_on : str or None
        ``error``, ``warning``, ``info`` or ``never``.
    deploy : str or None
        Name of a built-in profile, or the path of a TOML file (made absolute by
        :func:`load`, from the folder of the configuration file).
    format, split : str or None
        Format to read the labels as, and the one split to look at.
    out : str or None
        Folder of the results (made absolute like ``deploy``).
    workers : int or None
        Threads of the scan; 0 or ``None``: one a core.
    blur : str
        ``acutance``, or ``laplacian-50`` for the fixed limit of common practice.
    priors : mapping of str to mapping
        Class name to ``{"height_over_width": (lowest, highest)}``.
    rules : mapping of str to mapping
        Rule code to thresholds of that rule, and ``severity``.
    limits : Limits
        Ceilings of the scan.
    user_rules : tuple of str
        Modules with rules of the user. Naming them here runs nothing: a command imports
        them only with ``--allow-user-code``.
    ignore_regions : mapping
        Rules of ``fastlabel ignore``, checked by :class:`fastlabel.IgnoreRules`.
    cache : str, bool or None
        Folder of the results that are kept from scan to scan (made absolute like ``out``);
        True for the usual folder, False for none.
    box_convention : str or None
        What the set's boxes are drawn around: ``visible`` (part) or ``full`` (object).
    calibration : mapping of str to mapping
        Rule code to what maps its scores, as ``fastlabel calibrate`` writes it.
    review : mapping
        Time model of the review queue, checked by :class:`fastlabel.clean.effort.Effort`.
    difficulty : mapping
        What makes boxes hard, checked by :class:`fastlabel.difficulty.Settings`.
    lint : mapping
        ``classes``: what classes are like, for the linter of augmentation settings.
    source : pathlib.Path or None
        The file all this was read from.
    """

    select: tuple[str, ...] | None = None
    ignore: tuple[str, ...] | None = None
    fail_on: str | None = None
    deploy: str | None = None
    format: str | None = None
    split: str | None = None
    out: str | None = None
    workers: int | None = None
    blur: str = "acutance"
    priors: Mapping[str, Mapping[str, tuple[float, float]]] = field(default_factory=dict)
    rules: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    limits: Limits = field(default_factory=Limits)
    user_rules: tuple[str, ...] = ()
    ignore_regions: Mapping[str, Any] = field(default_factory=dict)
    cache: str | bool | None = None
    box_convention: str | None = None
    calibration: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    review: Mapping[str, Any] = field(default_factory=dict)
    difficulty: Mapping[str, Any] = field(default_factory=dict)
    lint: Mapping[str, Any] = field(default_factory=dict)
    source: Path | None = None

    def where(self, key: str) -> str:
        """Name a key together with the file it stands in, for messages."""
        return f"{self.source}: {key}" if self.source else key


def nearest(name: str, known: Iterable[str]) -> str:
    """End of an error message: the most similar known names, or all of them.

    Parameters
    ----------
    name : str
        What was given.
    known : iterable of str
        What would have been understood.
    """
    names = sorted(known)
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    if close:
        return f"did you mean {close[0]!r}?"
    listed = ", ".join(names[:20]) + (", ..." if len(names) > 20 else "")
    return f"known are: {listed}"


def find(start: Path | None = None) -> tuple[Path, dict[str, Any]] | None:
    """Find the nearest configuration, going up from a folder.

    Parameters
    ----------
    start : pathlib.Path, optional
        Where to begin: the current folder by default.

    Returns
    -------
    tuple of (pathlib.Path, dict) or None
        The file and its settings. In one folder ``fastlabel.toml`` comes before
        ``pyproject.toml``, and a ``pyproject.toml`` without ``[tool.fastlabel]`` is passed by.

    Raises
    ------
    ConfigError
        If a file on the way cannot be read as TOML.
    """
    here = (start if start is not None else Path.cwd()).resolve()
    for folder in (here, *here.parents):
        own = folder / FILE_NAME
        if own.is_file():
            return own, read_toml(own)
        shared = folder / "pyproject.toml"
        if shared.is_file():
            tool = read_toml(shared).get("tool")
            if isinstance(tool, dict) and "fastlabel" in tool:
                settings = tool["fastlabel"]
                if not isinstance(settings, dict):
                    raise ConfigError(f"{shared}: tool.fastlabel is not a table")
                return shared, settings
    return None


def load(start: Path | None = None) -> Config:
    """Read the nearest configuration, going up from a folder.

    Parameters
    ----------
    start : pathlib.Path, optional
        Where to begin: the current folder by default. Never the data set's folder: a
        data set from elsewhere must not be able to switch off the rules that judge it.

    Returns
    -------
    Config
        The settings found, or all defaults when there is no file.

    Raises
    ------
    ConfigError
        If the file is not TOML, or holds an unknown key or a value of a wrong kind.

    Examples
    --------
    >>> from pathlib import Path
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = Path(folder, "fastlabel.toml").write_text('ignore = ["FL108"]')
    ...     load(Path(folder)).ignore
    ('FL108',)
    """
    found = find(start)
    if found is None:
        return Config()
    path, settings = found
    return parse(settings, path)


def read_toml(path: Path) -> dict[str, Any]:
    """Read one TOML file of UTF-8 text, with or without a byte order mark.

    Raises
    ------
    ConfigError
        If it cannot be opened, is too large, is not UTF-8 or is not TOML.
    """
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise ConfigError(f"{path}: over {MAX_FILE_BYTES:,} bytes, not a configuration file")
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not UTF-8 text (byte {error.start})") from error
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise ConfigError(f"{path}: not valid TOML: {error}") from error


def parse(settings: Mapping[str, Any], source: Path | None = None) -> Config:
    """Turn a table of settings into a :class:`Config`.

    Parameters
    ----------
    settings : mapping
        As TOML gives them. ``fail-on`` and ``fail_on`` are the same key.
    source : pathlib.Path, optional
        The file they come from: named in errors; relative ``out``, ``cache`` and ``deploy``
        paths are taken from its folder.

    Raises
    ------
    ConfigError
        If a key is unknown or a value is of a wrong kind.
    """
    where = str(source) if source else "configuration"
    known = {f.name for f in fields(Config)} - {"source"}
    values: dict[str, Any] = {}
    for key, value in settings.items():
        name = key.replace("-", "_")
        if name not in known:
            raise ConfigError(f"{where}: unknown key {key!r}; {nearest(name, known)}")
        if name in values:
            raise ConfigError(f"{where}: {key!r} is given twice, with a hyphen and an underscore")
        values[name] = _READERS[name](value, f"{where}: {key}")
    if source is not None:
        folder = source.resolve().parent
        for name in ("out", "cache"):
            if isinstance(values.get(name), str):
                values[name] = str(folder / values[name])
        if values.get("deploy", "").endswith(".toml"):
            values["deploy"] = str(folder / values["deploy"])
    return Config(**values, source=source)


def _wrong(place: str, value: object, wanted: str) -> ConfigError:
    return ConfigError(f"{place}: got {value!r}, expected {wanted}")


def _text(value: object, place: str) -> str:
    if not isinstance(value, str) or not value:
        raise _wrong(place, value, "a non-empty text")
    return value


def _folder_or_switch(value: object, place: str) -> str | bool:
    if isinstance(value, bool):
        return value
    if not isinstance(value, str) or not value:
        raise _wrong(place, value, "a folder, true for the usual one, or false")
    return value


def _choice(*names: str) -> Callable[[object, str], str]:
    def reader(value: object, place: str) -> str:
        if value not in names:
            raise _wrong(place, value, "one of " + ", ".join(names))
        return str(value)

    return reader


def _codes(value: object, place: str) -> tuple[str, ...]:
    if isinstance(value, str):
        value = [part.strip() for part in value.split(",")]
    if not isinstance(value, list) or not all(isinstance(v, str) and v for v in value):
        raise _wrong(place, value, 'a list of rule codes such as ["FL2", "FL401"]')
    return tuple(value)


_MODULE = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*")


def _modules(value: object, place: str) -> tuple[str, ...]:
    good = isinstance(value, list) and all(
        isinstance(name, str) and _MODULE.fullmatch(name) for name in value
    )
    if not isinstance(value, list) or not good:
        raise _wrong(place, value, 'a list of modules such as ["mypkg.rules"]')
    return tuple(value)


def _count(value: object, place: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise _wrong(place, value, "a whole number, 0 or more")
    return value


def _table(value: object, place: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _wrong(place, value, "a table")
    return value


def _number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _priors(value: object, place: str) -> dict[str, dict[str, tuple[float, float]]]:
    out: dict[str, dict[str, tuple[float, float]]] = {}
    for name, prior in _table(value, place).items():
        here = f"{place}.{name}"
        for key, span in _table(prior, here).items():
            if key.replace("-", "_") != "height_over_width":
                raise ConfigError(
                    f"{here}: unknown key {key!r}; {nearest(key, ['height_over_width'])}"
                )
            good = isinstance(span, list) and len(span) == 2 and all(map(_number, span))
            if not good or not 0 < span[0] < span[1]:
                raise _wrong(f"{here}.{key}", span, "[lowest, highest] with 0 < lowest < highest")
            out[name] = {"height_over_width": (float(span[0]), float(span[1]))}
    return out


def _rules(value: object, place: str) -> dict[str, dict[str, Any]]:
    out: dict[str, dict[str, Any]] = {}
    for code, params in _table(value, place).items():
        table = _table(params, f"{place}.{code}")
        out[code.upper()] = {key.replace("-", "_"): v for key, v in table.items()}
    return out


def _limits(value: object, place: str) -> Limits:
    known = [f.name for f in fields(Limits)]
    values: dict[str, int] = {}
    for key, limit in _table(value, place).items():
        name = key.replace("-", "_")
        if name not in known:
            raise ConfigError(f"{place}: unknown key {key!r}; {nearest(name, known)}")
        values[name] = _count(limit, f"{place}.{key}")
        if values[name] == 0:
            raise _wrong(f"{place}.{key}", limit, "a whole number over 0")
    return Limits(**values)


_READERS: Mapping[str, Callable[[object, str], Any]] = {
    "select": _codes,
    "ignore": _codes,
    "fail_on": _choice(*FAIL_ON),
    "deploy": _text,
    "format": _text,
    "split": _text,
    "out": _text,
    "workers": _count,
    "blur": _choice(*BLUR_MODES),
    "priors": _priors,
    "rules": _rules,
    "limits": _limits,
    "user_rules": _modules,
    "ignore_regions": _table,
    "cache": _folder_or_switch,
    "box_convention": _choice("visible", "full"),
    "calibration": _rules,
    "review": _table,
    "difficulty": _table,
    "lint": _table,
}
