"""What `fastlabel bench` says of the machine, and the commit that is checked out here."""

from __future__ import annotations

import subprocess
from typing import Any

from harness import HERE

from fastlabel.bench import host

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
    return {**host.facts(PACKAGES), "commit": _commit()}


def _commit() -> str | None:
    """The commit of the checkout, with `-dirty` when files differ from it."""
    command = ["git", "describe", "--always", "--abbrev=12", "--exclude=*", "--dirty"]
    try:
        done = subprocess.run(command, cwd=HERE, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()
