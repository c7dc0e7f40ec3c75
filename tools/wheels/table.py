"""List wheels: size, platform tag, and the libraries of the system that they need.

    table.py WHEEL...

Ends with 1 when one is over 8 MB, has a tag that no index takes, holds a module that is named
for another machine, or needs a library beyond those of the C library and the compiler.
"""

import io
import sys
import zipfile
from pathlib import Path

from elftools.elf.dynamic import DynamicSection
from elftools.elf.elffile import ELFFile

MOST_BYTES = 8_000_000
#: What every system with that C library has.
OF_THE_SYSTEM = ("ld-linux", "ld-musl", "libc.", "libdl.", "libgcc_s.", "libm.", "libpthread.",
                 "librt.", "libstdc++.")  # fmt: skip
#: What a file says of its machine -> what its wheel and its modules say.
MACHINES = {"EM_X86_64": "x86_64", "EM_AARCH64": "aarch64", "EM_ARM": "armv7l"}


def look_at(wheel: Path) -> tuple[set[str], list[str]]:
    """The libraries a wheel needs of the system, and what is wrong with it."""
    tag = wheel.name.removesuffix(".whl").split("-")[-1]
    needed: set[str] = set()
    own: set[str] = set()
    wrong = []
    if not tag.startswith(("manylinux", "musllinux")):
        wrong.append(f"the tag {tag}")
    if wheel.stat().st_size > MOST_BYTES:
        wrong.append(f"over {MOST_BYTES / 1e6:g} MB")
    with zipfile.ZipFile(wheel) as members:
        for name in members.namelist():
            if ".so" not in name:
                continue
            own.add(name.rsplit("/", 1)[-1])
            elf = ELFFile(io.BytesIO(members.read(name)))
            machine = MACHINES.get(elf["e_machine"], elf["e_machine"])
            if not all(part.endswith(machine) for part in tag.split(".")):
                wrong.append(f"{name} is of {machine}")
            libc = "musl" if tag.startswith("musllinux") else "gnu"
            soabi = f"{machine.replace('armv7l', 'arm')}-linux-{libc}"
            if ".cpython-" in name and soabi not in name:
                wrong.append(f"{name} is named for another machine than {soabi}")
            if elf.get_section_by_name(".symtab") is not None:
                wrong.append(f"{name} is not stripped")
            dynamic = elf.get_section_by_name(".dynamic")
            if isinstance(dynamic, DynamicSection):
                needed |= {t.needed for t in dynamic.iter_tags() if t.entry.d_tag == "DT_NEEDED"}
    needed -= own
    for library in sorted(needed):
        if not library.startswith(OF_THE_SYSTEM):
            wrong.append(f"needs {library}")
    return needed, wrong


def main(wheels: list[Path]) -> int:
    """Print a row a wheel."""
    failed = 0
    rows = [("wheel", "MB", "tag", "libraries of the system")]
    for wheel in wheels:
        needed, wrong = look_at(wheel)
        tag = wheel.name.removesuffix(".whl").split("-")[-1]
        size = f"{wheel.stat().st_size / 1e6:.2f}"
        rows.append((wheel.name.split(f"-{tag}")[0], size, tag, " ".join(sorted(needed))))
        for fault in wrong:
            print(f"{wheel.name}: {fault}", file=sys.stderr)
            failed = 1
    widths = [max(len(row[k]) for row in rows) for k in range(3)]
    for name, size, tag, libraries in rows:
        print(f"{name:{widths[0]}}  {size:>{widths[1]}}  {tag:{widths[2]}}  {libraries}")
    return failed


if __name__ == "__main__":
    sys.exit(main([Path(path) for path in sys.argv[1:]]))
