"""FiftyOne's own dataset layout: ``metadata.json`` and ``samples.json``, pictures left in place.

Load it with ``fiftyone.Dataset.from_dir(FOLDER, dataset_type=fiftyone.types.FiftyOneDataset)``.
Boxes are x, y, width, height as shares of the image.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from .tasks import Book, Task

__all__ = ["write_dataset"]


def write_dataset(tasks: Iterable[Task], out: Path, book: Book) -> list[Path]:
    """Write the folder; its samples stand in the order of the tasks, with that as ``rank``."""
    from ..._output import new_folder

    encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode
    root = Path(book.ds.root).resolve()
    about = {"media_type": "image", "info": {"source": str(root), "classes": book.labels}}
    with new_folder(out, sources=[book.ds.root]) as folder:
        text = json.dumps(about, indent=1, ensure_ascii=False) + "\n"
        (folder / "metadata.json").write_text(text, encoding="utf-8")
        with (folder / "samples.json").open("w", encoding="utf-8") as file:
            file.write('{"samples":[')
            for at, task in enumerate(tasks):
                file.write("\n" if at == 0 else ",\n")
                file.write(encode(_sample(task, root, at + 1)))
            file.write("\n]}\n")
    return [out, out / "metadata.json", out / "samples.json"]


def _sample(task: Task, root: Path, rank: int) -> dict[str, Any]:
    codes = sorted({found.code for found in task.found})
    named: dict[int, list[str]] = {}
    for found in task.found:
        for annotation in found.annotation_ids:
            named.setdefault(annotation, []).append(found.code)
    labels = []
    for annotation, box, label in zip(task.annotation_ids, task.boxes, task.labels, strict=True):
        labels.append(
            _detection(task, box, label, sorted(set(named.get(annotation, ()))))
            | {"annotation_id": annotation}
        )
    proposed: dict[str, list[dict[str, Any]]] = {"suggestions": [], "predictions": []}
    for guess in task.guesses:
        found_by = None if guess.finding is None else task.found[guess.finding]
        one = _detection(task, guess.box, guess.label, [] if found_by is None else [found_by.code])
        if guess.score is not None:
            one["confidence"] = guess.score
        one["source"] = guess.source if found_by is None else found_by.message
        proposed["predictions" if found_by is None else "suggestions"].append(one)
    sample: dict[str, Any] = {
        "filepath": str(root / task.name),
        "tags": codes,
        "metadata": {"_cls": "ImageMetadata", "width": task.width, "height": task.height},
        "_media_type": "image",
        "rank": rank,
        "image_id": task.image_id,
        "score": task.score,
        "why": task.why(),
        "ground_truth": {"_cls": "Detections", "detections": labels},
    }
    # An empty list too: FiftyOne takes the fields of the set from its samples.
    for name, some in proposed.items():
        sample[name] = {"_cls": "Detections", "detections": some}
    return sample


def _detection(task: Task, box: Iterable[float], label: str, tags: list[str]) -> dict[str, Any]:
    x1, y1, x2, y2 = box
    wide, high = task.width, task.height
    return {
        "_cls": "Detection",
        "attributes": {},
        "tags": tags,
        "label": label,
        "bounding_box": [x1 / wide, y1 / high, (x2 - x1) / wide, (y2 - y1) / high],
    }
