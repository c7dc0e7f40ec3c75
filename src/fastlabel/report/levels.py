"""Easy, medium and hard boxes on the page: a contact sheet of each level."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .rows import Finding, ReportLike
from .text import count, percent

if TYPE_CHECKING:
    from .thumbnails import Thumbnail

__all__ = ["examples", "levels_part"]

#: Pictures of the examples have numbers from here down, apart from those of findings.
_FIRST = -1000


def examples(report: ReportLike) -> list[Finding]:
    """The boxes to show, turn by turn of the levels, as drawing takes them."""
    part = report.summary.get("difficulty")
    if not part:
        return []
    out = []
    sheets = list(part["examples"].values())
    for turn in range(max(len(sheet) for sheet in sheets)):
        for level, sheet in enumerate(sheets):
            if turn < len(sheet):
                out.append(_finding(_number(level, turn), sheet[turn]))
    return out


def _number(level: int, turn: int) -> int:
    return _FIRST - 100 * level - turn


def _finding(row: int, example: Mapping[str, Any]) -> Finding:
    return Finding(
        row=row,
        code="",
        name="",
        severity="info",
        message=example["text"],
        suggestion="none",
        score=None,
        value=None,
        threshold=None,
        image_id=example["image_id"],
        annotation_id=example["annotation_id"],
    )


def levels_part(
    summary: Mapping[str, Any], drawn: Mapping[int, list[Thumbnail]]
) -> dict[str, Any] | None:
    """What the page's section shows; None where no box has a level.

    Parameters
    ----------
    summary : dict
        As :func:`fastlabel.check` makes it.
    drawn : mapping of int to list of Thumbnail
        Pictures of :func:`examples`.
    """
    part = summary.get("difficulty")
    if not part:
        return None
    boxes, images = sum(part["boxes"].values()), sum(part["images"].values())
    said = (
        ""
        if part["images_judged"] == summary["dataset"]["images"]
        else (f" Judged: {count(part['images_judged'], 'image')}, evenly drawn.")
    )
    rings = (
        ""
        if part["rings"]
        else (
            " What surrounds the boxes was not measured (surroundings = true in [difficulty] of "
            "fastlabel.toml): contrast is that inside the box, and no background counts."
        )
    )
    return {
        "lead": (
            "How much a box asks of a small model, by size at the input, occlusion, sharpness, "
            "light, contrast, crowding and rarity. Medium begins at a score of "
            f"{part['medium_from']:g}, hard at {part['hard_from']:g}.{said}{rings}"
        ),
        "levels": [
            {
                "name": name,
                "boxes": part["boxes"][name],
                "share": percent(part["boxes"][name] / max(boxes, 1)),
                "images": part["images"][name],
                "image_share": percent(part["images"][name] / max(images, 1)),
                "cards": [
                    {"pictures": drawn[_number(level, turn)], "text": example["text"]}
                    for turn, example in enumerate(part["examples"][name])
                    if _number(level, turn) in drawn
                ],
            }
            for level, name in enumerate(part["boxes"])
        ],
    }
