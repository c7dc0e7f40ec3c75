"""The structure that the design draws: imports and includes point one way."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "src" / "fastlabel"

#: Lowest first. A module may import from rows above its own, and from its own part.
LAYERS = (
    ("_core", "_embed"),
    ("_arrow", "_errors", "_scalars", "_memory", "_ranks", "_threads"),
    ("_arrays",),
    ("schema", "config", "source", "boxes", "pixels", "tables", "numba"),
    ("deploy", "dataset"),
    ("_output",),
    ("formats", "scan", "merge", "recipe"),
    ("predictions",),
    ("rules", "difficulty"),
    ("set_columns",),
    ("box_counts",),
    ("cut", "engines", "label_quality"),
    ("distributions", "deployment", "verdict", "summary"),
    ("report", "sample"),
    ("clean",),
    ("check", "prepare", "match"),
    ("dedup", "evaluate", "augment", "gate"),
    ("lint",),
    ("compare",),
    ("bench", "torch", "sandbox"),
    ("cli",),
)
RANK = {name: rank for rank, names in enumerate(LAYERS) for name in names}
#: check.Report writes itself through report, which knows only the shape of a Report.
SAME_ROW = {
    # Labels of pictures that lie in archives or buckets: their names, and sizes for YOLO.
    ("formats", "scan"),
    ("verdict", "distributions"),
    # A rule judges the mix of levels, which are made of the rules' columns.
    ("rules", "difficulty"),
    ("difficulty", "rules"),
    ("deployment", "distributions"),
    # FL8 is judged from a comparison with frames that check makes.
    ("check", "match"),
    *(("summary", part) for part in ("verdict", "distributions", "deployment")),
}

#: csrc, by the design's section 2.
MAY_INCLUDE = {
    "core": {"core"},
    "pixels": {"core", "pixels"},
    "geometry": {"core", "geometry"},
    # The codec writes rows into the ring of the statistics, so that no row is copied.
    "codec": {"core", "codec", "pixels"},
    "tables": {"core", "tables"},
    "scan": {"core", "codec", "pixels", "scan"},
    "capi": {"core", "codec", "pixels", "geometry", "scan", "tables", "capi"},
}


def part_of(path: Path) -> str:
    relative = path.relative_to(PACKAGE)
    return relative.parts[0].removesuffix(".py").removesuffix(".pyi")


def imports_of(path: Path):
    """(part imported, line) of every import of our own package."""
    depth = len(path.relative_to(PACKAGE).parts)
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            if node.level == depth:
                names = [node.module.split(".")[0]] if node.module else [a.name for a in node.names]
            elif node.level == 0 and (node.module or "").startswith("fastlabel"):
                parts = node.module.split(".")
                names = [parts[1]] if len(parts) > 1 else [a.name for a in node.names]
            else:
                continue
            for name in names:
                yield name, node.lineno


def python_files():
    skip = {"__init__.py", "__main__.py", "_core.pyi"}
    return [p for p in sorted(PACKAGE.rglob("*.py")) if str(p.relative_to(PACKAGE)) not in skip]


@pytest.mark.parametrize("path", python_files(), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_point_one_way(path):
    part = part_of(path)
    assert part in RANK, f"{part} has no place in the layers"
    for name, line in imports_of(path):
        if name == part or name.startswith("__"):
            continue
        assert name in RANK, f"{path}:{line}: {name} has no place in the layers"
        fine = RANK[name] < RANK[part] or (part, name) in SAME_ROW
        assert fine, f"{path}:{line}: {part} may not import {name}"


@pytest.mark.parametrize(
    "path",
    sorted(p for p in (ROOT / "csrc").rglob("*") if p.suffix in (".h", ".cpp")),
    ids=lambda p: str(p.relative_to(ROOT / "csrc")),
)
def test_includes_point_one_way(path):
    family = path.relative_to(ROOT / "csrc").parts[0]
    if family in ("tests", "include"):
        return
    text = path.read_text(encoding="utf-8")
    for name in re.findall(r'#include "([^"]+)"', text):
        other = name.split("/")[0]
        assert other == "fastlabel" or other in MAY_INCLUDE[family], f"{path}: includes {name}"
    assert not re.search(r"#include <(Python|pybind11|numpy)", text)


def test_bindings_see_the_c_header_alone():
    for path in sorted((ROOT / "python" / "bindings").glob("*")):
        for name in re.findall(r'#include "([^"]+)"', path.read_text(encoding="utf-8")):
            assert name in ("bindings.h", "fastlabel/fastlabel.h"), f"{path}: includes {name}"


def test_tier_files_use_no_standard_library():
    """An inline function compiled for AVX2 must not become everybody's copy."""
    files = sorted((ROOT / "csrc").rglob("*_tier.cpp"))
    assert files
    for path in files:
        text = path.read_text(encoding="utf-8")
        assert set(re.findall(r"#include <([^>]+)>", text)) <= {"immintrin.h", "arm_neon.h"}, path
        assert "std::" not in text, path


@pytest.mark.parametrize("folder", ["rules"])
def test_rules_open_no_files(folder):
    for path in sorted((PACKAGE / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                name = getattr(node.func, "id", getattr(node.func, "attr", ""))
                assert name not in ("open", "read_text", "read_bytes", "imread"), path


def test_no_room_has_grown_into_a_hall():
    for folder in ("src", "csrc", "python", "benchmarks", "tests"):
        for path in (ROOT / folder).rglob("*"):
            if path.suffix in (".py", ".cpp", ".h") and "build" not in path.parts:
                lines = path.read_text(encoding="utf-8").count("\n")
                limit = 900 if folder == "tests" else 600
                assert lines <= limit, f"{path} has {lines} lines"
