"""How long ``import fastlabel`` and ``fastlabel --help`` keep a user waiting."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from harness import Number, Setup, child, median_of, process_seconds

ROUNDS = 11


def measure(setup: Setup) -> list[Number]:
    script = shutil.which("fastlabel", path=str(Path(sys.executable).parent))
    help_command = [script] if script else [sys.executable, "-m", "fastlabel"]
    imports, helps, bare = [], [], []
    for _ in range(ROUNDS):
        imports.append(1000 * child("import_time.py")["import_s"])
        helps.append(1000 * process_seconds([*help_command, "--help"]))
        bare.append(1000 * process_seconds([sys.executable, "-c", "pass"]))
    detail = {"bare_interpreter_ms": median_of(bare, 1)}
    return [
        Number("import fastlabel", imports, " ms", at_most=100, detail=detail),
        Number("fastlabel --help", helps, " ms", at_most=300, detail=detail),
    ]
