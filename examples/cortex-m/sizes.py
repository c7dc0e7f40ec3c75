#!/usr/bin/env python3
"""Say from a linker's map what each object takes of flash and RAM.

python sizes.py build/cortex-m4/gate.map
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

#: A section's contribution: name, address, size, file; the name may stand on a line of its own.
_PIECE = re.compile(
    r"^ (?P<name>[.\w$-]+)\s+0x(?P<address>[0-9a-f]+)\s+0x(?P<size>[0-9a-f]+) (?P<file>\S+)$",
    re.MULTILINE,
)


def sizes(text: str) -> dict[str, tuple[int, int]]:
    """Object -> bytes of flash (code, constants, initial values) and of RAM."""
    memory = text.split("Linker script and memory map")[-1]
    memory = re.sub(r"^( [.\w$-]+)\n +0x", r"\1 0x", memory, flags=re.MULTILINE)
    found: dict[str, tuple[int, int]] = {}
    for piece in _PIECE.finditer(memory):
        name, size = piece["name"], int(piece["size"], 16)
        kind = name.split(".")[1] if name.startswith(".") else ""
        if kind not in ("text", "rodata", "data", "bss", "vectors", "init_array"):
            continue
        # libgcc's and the C library's by member: libc.a(memcpy.o)
        file = re.sub(r".*/", "", piece["file"])
        flash, ram = found.get(file, (0, 0))
        flash += size if kind != "bss" else 0
        ram += size if kind in ("data", "bss") else 0
        found[file] = (flash, ram)
    return {file: used for file, used in found.items() if any(used)}


def main() -> int:
    """Print the table."""
    rows = sizes(Path(sys.argv[1]).read_text(encoding="utf-8"))
    print(f"{'object':<32} {'flash':>8} {'RAM':>8}")
    for file, (flash, ram) in sorted(rows.items(), key=lambda row: -sum(row[1])):
        print(f"{file:<32} {flash:>8,} {ram:>8,}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
