"""What classes are like, by their names: known by colour, made to be read, with a direction."""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from ..config import ConfigError, nearest

__all__ = ["TRAITS", "ClassTable", "Trait"]

#: What a class may be like; ``classes.toml`` says what each means.
TRAITS = ("colour", "text", "lettering", "direction")

#: Longest name that is looked at; a longer one is no name.
LONGEST = 300

#: Letters of two cases, or a letter and a number, where one word ends without a space.
_CAMEL = re.compile(r"(?<=[a-zß-ÿ])(?=[A-ZÀ-Þ])|(?<=[A-Z])(?=[A-Z][a-z])")
#: Han and kana, written without spaces, and Hangul, which joins endings to the word.
_UNSPACED = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3\uf900-\ufaff]")


@dataclass(frozen=True)
class Trait:
    """Why a class is taken to have a trait.

    Attributes
    ----------
    name : str
        One of :data:`TRAITS`.
    by : str
        The entry of the list that matched, or ``your table``.
    language : str
        Language of the list; empty for the user's own table.
    """

    name: str
    by: str
    language: str = ""

    def reason(self, name: str) -> str:
        """Say in words why the class of this name has it."""
        if not self.language:
            return f"{self.name}, by your table"
        if words(self.by) == words(name):
            return self.name
        return f'{self.name}, by "{self.by.strip("=*")}"'


def words(name: str) -> tuple[str, ...]:
    """Words of a name, without case, accents and what stands between them.

    Examples
    --------
    >>> words("TrafficLight_red-2"), words("Señal de STOP")
    (('traffic', 'light', 'red', '2'), ('senal', 'de', 'stop'))
    """
    text = unicodedata.normalize("NFKC", name[:LONGEST])
    # Marks of Indic scripts are letters of the word, not accents on it.
    bare = "".join(
        c
        for c in unicodedata.normalize("NFD", _CAMEL.sub(" ", text))
        if not "\u0300" <= c <= "\u036f" and not "\u064b" <= c <= "\u0655"
    )
    folded = unicodedata.normalize("NFC", bare).casefold()
    kept = "".join(c if c.isalnum() or unicodedata.category(c)[0] == "M" else " " for c in folded)
    return tuple(kept.split())


@dataclass(frozen=True)
class _Entry:
    """One entry of a list, ready to be looked for."""

    said: str
    language: str
    pattern: re.Pattern[str]

    @classmethod
    def of(cls, said: str, language: str) -> list[_Entry]:
        """The entry, and once more as written without umlauts: ``gruen`` for ``grün``."""
        spelt = {said, said.translate(_SPELT_OUT)}
        return [cls(said, language, _pattern(text)) for text in sorted(spelt)]


_SPELT_OUT = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue"})


def _pattern(said: str) -> re.Pattern[str]:
    if _UNSPACED.search(said):
        return re.compile(re.escape("".join(words(said))))
    parts = []
    whole = said.startswith("=")
    for word in said.removeprefix("=").split():
        front, back = word.startswith("*"), word.endswith("*")
        body = " ".join(re.escape(w) for w in words(word.strip("*")))
        parts.append(f"{'[^ ]*' if front else ''}{body}{'[^ ]*' if back else ''}")
    body = " ".join(parts)
    return re.compile(rf"^{body}$" if whole else rf"(?:^| ){body}(?: |$)")


@cache
def _lists() -> dict[str, tuple[_Entry, ...]]:
    text = resources.files(__package__).joinpath("classes.toml").read_text(encoding="utf-8")
    table: dict[str, dict[str, list[str]]] = tomllib.loads(text)
    return {
        trait: tuple(
            entry
            for language, names in table[trait].items()
            for said in names
            for entry in _Entry.of(said, language)
        )
        for trait in TRAITS
    }


def _listed(name: str) -> list[Trait]:
    """Traits that the lists give a name; each by its longest match, which says most."""
    spaced = " ".join(words(name))
    joined = spaced.replace(" ", "")
    out = []
    for trait, entries in _lists().items():
        found = [
            e for e in entries if e.pattern.search(joined if _UNSPACED.search(e.said) else spaced)
        ]
        if found:
            best = max(found, key=lambda e: len(e.said))
            out.append(Trait(trait, best.said, best.language))
    return out


@dataclass(frozen=True)
class ClassTable:
    """Traits of classes: the user's own table first, then the lists.

    Attributes
    ----------
    own : dict
        Class name to its traits, ``{"banner": ("text",), "exit sign": ()}``. What it says of a
        class is all there is; case and what stands between words do not matter.

    Examples
    --------
    >>> [t.name for t in ClassTable().traits("Verkehrsampel")]
    ['colour']
    >>> [t.name for t in ClassTable({"valve": ("colour",)}).traits("Valve")]
    ['colour']
    """

    own: Mapping[str, tuple[str, ...]] | None = None

    @classmethod
    def from_table(cls, table: Any, place: str = "lint.classes") -> ClassTable:
        """Make it of a table of the configuration.

        Raises
        ------
        ConfigError
            If a value is not a list of traits; the message names the place.
        """
        if not isinstance(table, Mapping):
            raise ConfigError(f"{place}: got {table!r}, expected a table of class names")
        own = {}
        for name, traits in table.items():
            here = f"{place}.{name}"
            given = [traits] if isinstance(traits, str) else traits
            if not isinstance(given, list | tuple) or not all(isinstance(t, str) for t in given):
                raise ConfigError(
                    f"{here}: got {traits!r}, expected a list of {', '.join(TRAITS)}; [] for none"
                )
            for trait in given:
                if trait not in TRAITS:
                    raise ConfigError(f"{here}: got {trait!r}; {nearest(trait, TRAITS)}")
            if not words(str(name)):
                raise ConfigError(f"{here}: {name!r} is no class name: it has no letter in it")
            own[str(name)] = tuple(given)
        return cls(own)

    def traits(self, name: str) -> list[Trait]:
        """What a class is like."""
        key = words(name)
        for said, traits in (self.own or {}).items():
            if words(said) == key:
                return [Trait(t, "your table") for t in traits]
        return _listed(name)

    def having(self, names: Iterable[str], *traits: str) -> dict[str, Trait]:
        """Classes that have one of some traits, and why; in the order given."""
        out = {}
        for name in names:
            found = [t for t in self.traits(name) if t.name in traits]
            if found:
                out[name] = found[0]
        return out
