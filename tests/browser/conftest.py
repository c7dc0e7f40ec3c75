"""The browser, once a run."""

from __future__ import annotations

import os
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        pytest.skip("NO PLAYWRIGHT: pip install playwright, to see the pages in a browser")
    names = ("chromium", "chromium-browser", "google-chrome")
    program = next((path for name in names if (path := shutil.which(name))), None)
    if program is None:
        pytest.skip(f"NO BROWSER: none of {', '.join(names)} is installed")
    flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=program, args=flags)
        yield opened
        opened.close()


#: Of the checker of accessibility, by Deque Systems (MPL-2.0); fetched, never kept in the tree.
AXE = "4.14.1"


@pytest.fixture(scope="session")
def axe(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The source of axe-core: from $FASTLABEL_AXE, or through npm into the user's cache."""
    caches = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    kept = Path(os.environ.get("FASTLABEL_AXE") or caches / "fastlabel-tests" / f"axe-{AXE}.js")
    if not kept.is_file():
        npm = shutil.which("npm")
        if npm is None:
            pytest.skip("NO AXE-CORE: set FASTLABEL_AXE to its axe.min.js, or install npm")
        folder = tmp_path_factory.mktemp("axe")
        told = subprocess.run(
            [npm, "pack", f"axe-core@{AXE}"], cwd=folder, capture_output=True, timeout=120
        )
        if told.returncode:
            pytest.skip(f"NO AXE-CORE: npm could not fetch it: {told.stderr[-200:]!r}")
        with tarfile.open(folder / f"axe-core-{AXE}.tgz") as archive:
            file = archive.extractfile("package/axe.min.js")
            assert file is not None
            kept.parent.mkdir(parents=True, exist_ok=True)
            part = kept.with_suffix(f".{os.getpid()}")
            part.write_bytes(file.read())
            part.replace(kept)
    return kept.read_text(encoding="utf-8")
