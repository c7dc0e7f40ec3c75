"""COCO JSON read record by record, with the text of every value at hand.

The standard library's scanner does the parsing, one value at a time: records become
columns at once, no tree of the whole file is held, and the source text of a box is a
slice of the file instead of a number printed again.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from json import decoder as _decoder
from typing import Any, Protocol

from ._text import LabelFileError

__all__ = ["JsonError", "Member", "Scanner"]

_scan_string = _decoder.scanstring  # type: ignore[attr-defined]

_SPACE = re.compile(r"[ \t\n\r]*")

#: key, value, and where the value's text begins and ends
Member = tuple[str, Any, int, int]


class _ScanOnce(Protocol):
    def __call__(self, text: str, at: int) -> tuple[Any, int]: ...


class JsonError(LabelFileError):
    """Text that is not JSON.

    Attributes
    ----------
    reason : str
        What is wrong, without the place.
    at : int
        Position in the text.
    """

    def __init__(self, message: str, *, line: int, reason: str, at: int) -> None:
        super().__init__(message, line=line)
        self.reason = reason
        self.at = at


class Scanner:
    """A position-aware reader of one JSON text."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._scan: _ScanOnce = json.JSONDecoder().scan_once  # type: ignore[attr-defined]
        self._skip = _SPACE.match

    def fail(self, message: str, at: int) -> JsonError:
        """An error that names the line and the column of a position."""
        line = self.text.count("\n", 0, at) + 1
        column = at - (self.text.rfind("\n", 0, at) + 1) + 1
        cut = (
            "; the file ends too early: restore it from its source"
            if not self.text[at:].strip()
            else ""
        )
        return JsonError(
            f"is not valid JSON: {message} at line {line}, column {column} "
            f"(character {at:,} of {len(self.text):,}){cut}",
            line=line,
            reason=message,
            at=at,
        )

    def space(self, at: int) -> int:
        """The first position from ``at`` on that is no white space."""
        match = self._skip(self.text, at)
        return match.end() if match else at

    def value(self, at: int) -> tuple[Any, int]:
        """The value that begins at a position, and where it ends."""
        try:
            return self._scan(self.text, at)
        except StopIteration as stop:
            raise self.fail("a value was expected", int(stop.value)) from None
        except json.JSONDecodeError as error:
            raise self.fail(error.msg, error.pos) from None
        except RecursionError:
            raise self.fail("values are nested too deeply", at) from None
        except ValueError as error:  # an integer of thousands of digits
            raise self.fail(str(error), at) from None

    def members(self, at: int) -> Iterator[tuple[str, int]]:
        """Keys of the object at a position, each with the position of its value.

        The consumer sends back where the value ended.
        """
        text, skip = self.text, self._skip
        at = skip(text, at + 1).end()  # type: ignore[union-attr]
        if text[at : at + 1] == "}":
            self.end = at + 1
            return
        while True:
            if text[at : at + 1] != '"':
                raise self.fail("a key in double quotes was expected", at)
            try:
                key, at = _scan_string(text, at + 1)
            except json.JSONDecodeError as error:
                raise self.fail(error.msg, error.pos) from None
            at = skip(text, at).end()  # type: ignore[union-attr]
            if text[at : at + 1] != ":":
                raise self.fail("':' was expected", at)
            self.end = skip(text, at + 1).end()  # type: ignore[union-attr]
            yield key, self.end
            at = skip(text, self.end).end()  # type: ignore[union-attr]
            mark = text[at : at + 1]
            if mark == "}":
                self.end = at + 1
                return
            if mark != ",":
                raise self.fail("',' or '}' was expected", at)
            at = skip(text, at + 1).end()  # type: ignore[union-attr]

    def items(self, at: int) -> Iterator[int]:
        """Positions of the elements of the array at a position.

        The consumer leaves the end of each element in ``self.end``.
        """
        text = self.text
        at = self.space(at + 1)
        if text[at : at + 1] == "]":
            self.end = at + 1
            return
        while True:
            yield at
            at = self.space(self.end)
            mark = text[at : at + 1]
            if mark == "]":
                self.end = at + 1
                return
            if mark != ",":
                raise self.fail("',' or ']' was expected", at)
            at = self.space(at + 1)

    def record(self, at: int) -> list[Member] | None:
        """The members of an object with the text span of each; None if it is no object."""
        if self.text[at : at + 1] != "{":
            _, self.end = self.value(at)
            return None
        found: list[Member] = []
        scan, text = self._scan, self.text
        for key, start in self.members(at):
            try:
                value, end = scan(text, start)
            except (StopIteration, ValueError, RecursionError):
                value, end = self.value(start)  # again, for the error's place
            self.end = end
            found.append((key, value, start, end))
        return found

    def compact(self, start: int, end: int) -> str:
        """Source text of a list of numbers, without white space between the tokens."""
        piece = self.text[start:end]
        return piece if piece.isprintable() and " " not in piece else "".join(piece.split())
