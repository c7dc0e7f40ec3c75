"""Label files as text: size limits, encodings, and names made safe to store and show."""

from __future__ import annotations

import codecs
from dataclasses import dataclass
from pathlib import Path

__all__ = [
    "LabelFileError",
    "TextFile",
    "clean",
    "clip",
    "decode",
    "is_clean",
    "printable",
    "quote",
    "read_bytes",
    "read_text",
]

MIB = 1 << 20

#: Longest piece of a source that a message or a problem's value repeats.
SHOWN = 120

# UTF-32 before UTF-16: its little-endian mark begins with the shorter one.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


class LabelFileError(Exception):
    """One label file that cannot be used.

    Attributes
    ----------
    message : str
        What is wrong and the remedy, without the file's name.
    line : int or None
        1-based line, where one is known.
    kind : str
        The problem kind: ``malformed-file`` or ``refused``.
    """

    def __init__(
        self, message: str, *, line: int | None = None, kind: str = "malformed-file"
    ) -> None:
        super().__init__(message)
        self.message = message
        self.line = line
        self.kind = kind


def read_bytes(path: Path, limit: int) -> bytes:
    """The whole of a file that is at most ``limit`` bytes long.

    Raises
    ------
    LabelFileError
        If it cannot be opened or is larger.
    """
    try:
        with path.open("rb") as file:
            data = file.read(limit + 1)
    except OSError as error:
        raise LabelFileError(f"cannot be read: {error.strerror or error}") from error
    if len(data) > limit:
        raise LabelFileError(f"is larger than {limit // MIB} MiB, the limit for such a file")
    return data


def decode(data: bytes) -> str:
    """Text from bytes: by the byte order mark where there is one, else as UTF-8.

    Raises
    ------
    LabelFileError
        If the bytes are not text in that encoding.
    """
    encoding = "utf-8"
    for mark, name in _MARKS:
        if data.startswith(mark):
            data, encoding = data[len(mark) :], name
            break
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise LabelFileError(
            f"is not {encoding.upper()} text: byte 0x{data[error.start]:02x} at offset "
            f"{error.start}; save the file as UTF-8",
            line=line,
        ) from error


@dataclass(frozen=True)
class TextFile:
    """Text, and how it was encoded: what is not changed comes out byte for byte."""

    text: str
    mark: bytes = b""
    encoding: str = "utf-8"

    @classmethod
    def of(cls, data: bytes) -> TextFile:
        """Decode a file as :func:`decode` does."""
        for mark, name in _MARKS:
            if data.startswith(mark):
                return cls(decode(data), mark, name)
        return cls(decode(data))

    def encode(self, text: str) -> bytes:
        """Other text in this file's encoding."""
        return self.mark + text.encode(self.encoding)


def read_text(path: Path, limit: int) -> str:
    """``decode(read_bytes(path, limit))``."""
    return decode(read_bytes(path, limit))


def clean(text: str) -> str:
    """``text`` as valid Unicode.

    Names on disk may be any bytes and JSON may hold half of a surrogate pair; Arrow
    stores neither, so such code units are written out as escapes.
    """
    return text if is_clean(text) else text.encode("utf-8", "backslashreplace").decode()


def is_clean(text: str) -> bool:
    """Whether ``text`` is valid Unicode."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def clip(text: str) -> str:
    """``text``, cut to a length that fits in a message."""
    return text if len(text) <= SHOWN else text[:SHOWN] + "…"


def printable(text: object) -> str:
    """Text with control, bidirectional and other invisible characters as escapes."""
    return "".join(
        character
        if character.isprintable()
        else character.encode("unicode_escape", "surrogatepass").decode("ascii")
        for character in str(text)
    )


def quote(value: object) -> str:
    """A value from the data as one short, printable, quoted piece of a message."""
    shown = printable(clip(str(value)))
    return f'"{shown}"' if "'" in shown else f"'{shown}'"
