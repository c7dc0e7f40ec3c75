"""The machine, the build and the versions a result belongs to."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from harness import HERE

PACKAGES = (
    "fastlabel",
    "numpy",
    "pyarrow",
    "opencv-python-headless",
    "pillow",
    "cleanvision",
    "pandas",
)


def facts() -> dict[str, Any]:
    from fastlabel import _core

    return {
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "cpu": _cpu_model(),
        "cpus": len(os.sched_getaffinity(0)),
        "isa": _core.isa(),
        "isa_available": list(_core.isa_available()),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "python": platform.python_version(),
        "compiler": _compiler(Path(_core.__file__)),
        "jpeg_codec": _core.jpeg_codec(),
        "versions": {name: _version(name) for name in PACKAGES},
        "commit": _commit(),
        "load_average": [round(load, 2) for load in os.getloadavg()],
    }


def _cpu_model() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return platform.processor()
    found = re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE)
    return found[1] if found else platform.processor()


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _compiler(module: Path) -> str | None:
    """What compilers write into the .comment section of what they build."""
    found = re.search(rb"(?:GCC: |clang version )[\x20-\x7e]+", module.read_bytes())
    return found[0].decode("ascii") if found else None


def _commit() -> str | None:
    """The commit of the checkout, with `-dirty` when files differ from it."""
    command = ["git", "describe", "--always", "--abbrev=12", "--exclude=*", "--dirty"]
    try:
        done = subprocess.run(command, cwd=HERE, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()
