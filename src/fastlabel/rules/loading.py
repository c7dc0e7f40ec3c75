"""Rules of the user by the names of their modules: imported only where that is asked for."""

from __future__ import annotations

import re
import sys
import traceback
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from types import ModuleType

from ..config import Config
from .compiled import RuleError
from .user import UserRule, collect
from .wording import clean

__all__ = ["load_modules", "without_user_rules"]


def load_modules(config: Config) -> list[UserRule]:
    """Import the modules that ``user_rules`` of a configuration names. This runs their code.

    Parameters
    ----------
    config : Config
        The modules are looked for beside its file, in the current folder, and where Python
        looks for any module.

    Returns
    -------
    list of UserRule
        In the order of the modules.

    Raises
    ------
    RuleError
        If a module is not there, fails when it is imported, or has no rule in it.
    """
    place = config.where("user_rules")
    folders = [] if config.source is None else [str(config.source.resolve().parent)]
    with _looked_in([*folders, str(Path.cwd())]) as looked:
        modules = [_imported(name, place, looked) for name in config.user_rules]
    return collect(modules)


@contextmanager
def _looked_in(folders: Sequence[str]) -> Iterator[Sequence[str]]:
    before = list(sys.path)
    folders = list(dict.fromkeys(folders))
    sys.path[:0] = folders
    try:
        yield folders
    finally:
        sys.path[:] = before


def _imported(name: str, place: str, looked: Sequence[str]) -> ModuleType:
    try:
        return import_module(name)
    except RuleError as error:
        raise RuleError(f"{place}: {name}: {error}") from error
    except ModuleNotFoundError as error:
        if error.name is not None and f"{name}.".startswith(f"{error.name}."):
            raise RuleError(
                f"{place}: no module {name!r} in {', '.join(looked)} or where Python looks"
            ) from error
        raise _failed(name, place, error) from error
    except Exception as error:
        raise _failed(name, place, error) from error


def _failed(name: str, place: str, error: Exception) -> RuleError:
    at = traceback.extract_tb(error.__traceback__)[-1]
    return RuleError(
        f"{place}: {name} cannot be imported: {type(error).__name__}: {clean(error)} "
        f"({at.filename}:{at.lineno})"
    )


def without_user_rules(config: Config) -> Config:
    """Give a configuration without what it says about rules that were not loaded.

    Parameters
    ----------
    config : Config
        Where it names modules of ``user_rules``, its settings and choices for codes that
        cannot be ours are left out: they belong to rules that nobody can look at here.
    """
    if not config.user_rules:
        return config

    def ours(patterns: Iterable[str] | None) -> tuple[str, ...] | None:
        return None if patterns is None else tuple(p for p in patterns if not _foreign(p))

    rules = {code: settings for code, settings in config.rules.items() if not _foreign(code)}
    return replace(config, rules=rules, select=ours(config.select), ignore=ours(config.ignore))


def _foreign(pattern: str) -> bool:
    """Tell codes, and beginnings of codes, that only rules of users can have."""
    code = pattern.strip()
    return bool(re.fullmatch("[A-Z]{1,4}[0-9]{0,4}", code)) and not "FL".startswith(code[:2])
