"""Running the command line, in this process and as a program, and small sets to run it on."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

PROGRAM = (sys.executable, "-m", "fastlabel")


@dataclass(frozen=True)
class Run:
    """What one call of the command gave."""

    code: int
    out: str
    err: str

    def codes(self) -> list[str]:
        """Rule codes of the findings in ``--output-format jsonl``."""
        return [f["code"] for f in self.findings()]

    def findings(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.out.splitlines()]

    def is_one_clear_line(self) -> bool:
        """Exit 2, nothing on stdout, one line on stderr that is no traceback."""
        lines = self.err.splitlines()
        said = len(lines) == 1 and lines[0].startswith("fastlabel: ") and lines[0].isprintable()
        return (self.code, self.out) == (2, "") and said


def program(
    *args: object, cwd: Path, env: Mapping[str, str] | None = None, **options: Any
) -> subprocess.CompletedProcess[bytes]:
    """Run the command as a program of its own."""
    return subprocess.run(
        [*PROGRAM, *map(str, args)],
        cwd=cwd,
        env={**os.environ, **(env or {})},
        capture_output=True,
        timeout=120,
        **options,
    )


def tree_hash(root: Path) -> str:
    """Names, modes, times and contents of a folder."""
    digest = hashlib.sha256()
    for path in sorted([root, *root.rglob("*")]):
        facts = path.lstat()
        digest.update(os.fsencode(path.relative_to(root)))
        digest.update(f"|{facts.st_mode}|{facts.st_mtime_ns}|".encode())
        if path.is_file():
            digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def photo(seed: int = 0, width: int = 320, height: int = 240, suffix: str = ".jpg") -> bytes:
    """A sharp picture of coloured shapes that no quality rule objects to."""
    rng = np.random.default_rng(seed)
    image = np.full((height, width, 3), 128, np.uint8)
    for _ in range(60):
        at = rng.integers(0, (width, height))
        size = rng.integers(8, 50, 2)
        colour = rng.integers(20, 236, 3).tolist()
        cv2.rectangle(image, at.tolist(), (at + size).tolist(), colour, -1)
    done, data = cv2.imencode(suffix, image)
    assert done
    return data.tobytes()


def write_set(root: Path, files: Mapping[str, Any]) -> Path:
    """Write files: bytes and text as they are, anything else as JSON."""
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, bytes):
            path.write_bytes(content)
        elif isinstance(content, str):
            path.write_text(content)
        else:
            path.write_text(json.dumps(content))
    return root


def coco(names: list[str], boxes: list[list[float]], category: str = "cat") -> dict[str, Any]:
    """A COCO document of 320 x 240 images; box i belongs to image i, the last takes the rest."""
    return {
        "images": [
            {"id": i, "file_name": n, "width": 320, "height": 240} for i, n in enumerate(names)
        ],
        "annotations": [
            {"id": k, "image_id": min(k, len(names) - 1), "category_id": 1, "bbox": box}
            for k, box in enumerate(boxes)
        ],
        "categories": [{"id": 1, "name": category}],
    }
