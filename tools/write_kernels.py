#!/usr/bin/env python3
"""Writes python/cython/fastlabel/kernels.pxd and kernels.pyx from fastlabel.h.

    python tools/write_kernels.py            after a change of the header
    python tools/write_kernels.py --check    exit 1 when they are not what it would write

A function of the header becomes ``cdef`` under its name without ``fl_``: what others cimport,
and what numba finds by name. Nothing is decided here: the header is the surface.
"""

from __future__ import annotations

import re
import sys
from keyword import iskeyword
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
HEADERS = ROOT / "csrc" / "include" / "fastlabel"
FOLDER = ROOT / "python" / "cython" / "fastlabel"  # Cython finds a .pxd by its package

NOTE = """\
# Written by tools/write_kernels.py from fastlabel.h, which says what each function does.
# SPDX-License-Identifier: Apache-2.0
"""

PXD = """
cdef extern from "fastlabel/fastlabel.h" nogil:
{types}

# ---- the functions of fastlabel.h, without their fl_; none needs the GIL ----
{functions}
"""

PYX = '''\
# cython: language_level=3, freethreading_compatible=True
"""The kernels for Cython and numba: ``from fastlabel.kernels cimport box_iou``.

There is nothing here to call from Python; use the functions of ``fastlabel``.
"""
from libc.stddef cimport size_t
from libc.stdint cimport int8_t, int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t


cdef extern from "fastlabel/fastlabel.h" nogil:
{externs}


{functions}
'''


def header() -> str:
    """fastlabel.h with its parts, in the order in which it includes them."""
    parts = re.findall(r'#include "fastlabel/(\w+\.h)"', (HEADERS / "fastlabel.h").read_text())
    return "\n".join((HEADERS / part).read_text(encoding="utf-8") for part in parts)


class Function(NamedTuple):
    """``FL_API result fl_name(parameters)``; parameters as (type, name)."""

    result: str
    name: str
    parameters: list[tuple[str, str]]

    def declared(self) -> str:
        """Give the parameters as a declaration has them."""
        return ", ".join(f"{kind} {name}" for kind, name in self.parameters)

    def passed(self) -> str:
        """Give the parameters as a call has them."""
        return ", ".join(name for _, name in self.parameters)


def without_comments(text: str) -> str:
    """Leave code, on whole lines."""
    text = re.sub(r"/\*.*?\*/|//[^\n]*", " ", text, flags=re.DOTALL)
    return text.replace("\\\n", " ")


def constants(text: str) -> dict[str, str]:
    """Numbers by #define."""
    found = re.findall(r"^[ \t]*#[ \t]*define[ \t]+(FL_\w+)[ \t]+(\d+)[ \t]*$", text, re.MULTILINE)
    return dict(found)


def parameter(text: str, k: int) -> tuple[str, str]:
    """``const double* a`` or ``uint8_t out[16]`` as (type, name)."""
    text = re.sub(r"\bstruct\s+", "", " ".join(text.split()))
    array = re.fullmatch(r"(.+?)\s*(\w+)\s*\[\s*\w*\s*\]", text)
    match = array or re.fullmatch(r"(.+?[\s*])(\w+)", text)
    if match is None:
        return text, f"argument{k}"
    kind, name = match[1].strip().replace(" *", "*"), match[2]
    return kind + "*" * bool(array), name + "_" * iskeyword(name)


def functions(text: str) -> list[Function]:
    """Every function the header declares."""
    found = []
    pattern = r"FL_API\s+([^;()]+?)\b(fl_\w+)\s*\(([^()]*)\)\s*;"
    for result, name, inside in re.findall(pattern, text):
        inside = inside.strip()
        parts = [] if inside in ("", "void") else inside.split(",")
        found.append(Function(result.strip(), name, [parameter(p, k) for k, p in enumerate(parts)]))
    return found


def members(body: str, numbers: dict[str, str]) -> list[str]:
    """Declarations inside a struct, one a line; sizes of arrays as numbers."""
    lines = []
    for piece in body.split(";"):
        piece = re.sub(r"\bstruct\s+", "", " ".join(piece.split()))
        for name, value in numbers.items():
            piece = re.sub(rf"\b{name}\b", value, piece)
        first, *others = piece.split(", ")
        if first:
            kind = first.rpartition(" ")[0]
            lines += [first, *(f"{kind} {other}" for other in others)]
    return lines


def types(text: str, numbers: dict[str, str]) -> list[str]:
    """Enums and structs, in the header's order, as Cython has them."""
    out = ["enum:", *(f"    {name}" for name in numbers)] if numbers else []
    pattern = re.compile(
        r"typedef\s+enum\s+\w+\s*\{(?P<values>[^}]*)\}\s*(?P<enum>\w+)\s*;"
        r"|typedef\s+struct\s+\w+\s*\{(?P<body>[^}]*)\}\s*(?P<struct>\w+)\s*;"
        r"|typedef\s+struct\s+\w+\s+(?P<opaque>\w+)\s*;"
        r"|typedef\s+(?P<callback>[^;{}]*\(\s*\*\s*\w+\s*\)[^;{}]*);"
        r"|^struct\s+(?P<tagged>\w+)\s*(?:\{[^}]*\})?\s*;",
        re.MULTILINE,
    )
    for match in pattern.finditer(text):
        if out:
            out.append("")
        if match["enum"]:
            names = [v.split("=")[0].strip() for v in match["values"].split(",")]
            out += [f"ctypedef enum {match['enum']}:", *(f"    {n}" for n in names if n)]
        elif match["struct"]:
            body = members(match["body"], numbers)
            if any("(" in line for line in body):  # callbacks: for C to look into
                body = ["pass"]
            out += [f"ctypedef struct {match['struct']}:", *(f"    {line}" for line in body)]
        elif match["opaque"]:
            out += [f"ctypedef struct {match['opaque']}:", "    pass"]
        elif match["callback"]:
            out.append(f"ctypedef {' '.join(match['callback'].split())} noexcept nogil")
        else:
            # A struct without a typedef keeps its tag in C.
            out += [f"struct {match['tagged']}:", "    pass"]
    return out


def indented(lines: list[str]) -> str:
    """Move lines into a block."""
    return "\n".join(f"    {line}" if line else "" for line in lines)


def wrapped(line: str, continuation: str) -> str:
    """At most 100 columns, broken after commas."""
    out = ""
    while len(line) > 100:
        cut = line.rfind(", ", 0, 100)
        if cut < 0:
            break
        out += line[: cut + 1] + "\n"
        line = continuation + line[cut + 2 :]
    return out + line


def written() -> dict[str, str]:
    """File name -> text."""
    text = without_comments(header())
    numbers = constants(text)
    every = functions(text)
    if len(every) != len(re.findall(r"^(?!\s*#).*\bFL_API\b", text, re.MULTILINE)):
        raise SystemExit("fastlabel.h: a declaration that this script does not understand")
    heads = [f"cdef {f.result} {f.name[3:]}({f.declared()}) noexcept nogil" for f in every]
    calls = [f"    return {f.name}({f.passed()})" for f in every]
    for k, function in enumerate(every):
        if function.result == "void":
            calls[k] = calls[k].replace("return ", "")
    pad = " " * 8
    imports = (
        "from libc.stddef cimport size_t\n"
        "from libc.stdint cimport int8_t, int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t,"
        " uint64_t\n"
    )
    pxd = PXD.format(
        types=indented(types(text, numbers)),
        functions="\n".join(wrapped(head, pad) for head in heads),
    )
    pyx = PYX.format(
        externs="\n".join(
            wrapped(f"    {f.result} {f.name}({f.declared()})", pad + "    ") for f in every
        ),
        functions="\n\n\n".join(
            f"{wrapped(head + ':', pad)}\n{wrapped(call, pad)}"
            for head, call in zip(heads, calls, strict=True)
        ),
    )
    return {"kernels.pxd": NOTE + imports + pxd, "kernels.pyx": NOTE + pyx}


def main() -> int:
    """Write the files, or with --check say whether they are up to date."""
    stale = 0
    for name, text in written().items():
        path = FOLDER / name
        if path.exists() and path.read_text(encoding="utf-8") == text:
            continue
        stale += 1
        if "--check" in sys.argv[1:]:
            print(f"{path} is out of date: run tools/write_kernels.py", file=sys.stderr)
        else:
            path.write_text(text, encoding="utf-8")
    return 1 if stale and "--check" in sys.argv[1:] else 0


if __name__ == "__main__":
    sys.exit(main())
