"""The machine, the build and the versions that a measurement belongs to."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

__all__ = ["PACKAGES", "facts"]

#: Distributions whose version is told: ours, what we run on, and the peers.
PACKAGES = (
    "fastlabel",
    "numpy",
    "pyarrow",
    "opencv-python-headless",
    "numba",
    "scipy",
    "fastbbox",
    "pycocotools",
    "boost-histogram",
    "polars",
    "duckdb",
    "pandas",
    "shapely",
    "ensemble-boxes",
    "torch",
    "torchvision",
)


def facts(packages: Iterable[str] = PACKAGES) -> dict[str, Any]:
    """Say what a result was measured on, as plain JSON values.

    Parameters
    ----------
    packages : iterable of str
        Distributions whose version is wanted; one that is not installed is null.

    Returns
    -------
    dict
        ``time``, ``cpu``, ``cpus``, ``isa``, ``isa_available``, ``system``, ``python``,
        ``compiler`` (of the engine), ``jpeg_codec``, ``versions``, ``load_average``.
    """
    from .. import _core

    return {
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "cpu": _cpu_model(),
        "cpus": _cpus(),
        "isa": _core.isa(),
        "isa_available": list(_core.isa_available()),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "python": platform.python_version(),
        "compiler": _compiler(Path(_core.__file__)),
        "jpeg_codec": _core.jpeg_codec(),
        "versions": {name: _version(name) for name in packages},
        "load_average": [round(load, 2) for load in os.getloadavg()],
    }


def _cpus() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


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
