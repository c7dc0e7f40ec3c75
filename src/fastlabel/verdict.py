"""The verdict in words: what is wrong, what is missing, and what to do first.

Works from counted findings alone, so a set of any size costs the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from . import schema

__all__ = ["byte_text", "deployed_sentence", "shows", "todo", "verdict"]

MOST_TODO = 5
#: Rules named in one sentence; the others are counted.
MOST_PARTS = 4


class Action(NamedTuple):
    """What to do about the findings of one rule."""

    harm: int  # 9: ruins training or its measurement; 1: good to know
    unit: str  # what one finding is about
    units: str
    order: str  # an instruction; {n} is the counted unit


_BOX = ("box", "boxes")
_IMAGE = ("image", "images")
_FILE = ("image file", "image files")
_GROUP = ("group of identical images", "groups of identical images")

_ACTIONS: Mapping[str, Action] = {
    "FL001": Action(8, *_FILE, "Replace or leave out {n} that cannot be read"),
    "FL002": Action(7, *_FILE, "Fetch {n} again: cut off before the end"),
    "FL003": Action(2, *_FILE, "Rename {n} whose extension is not what is inside"),
    "FL004": Action(
        8, "missing file or split", "missing files or splits", "Find {n} that the labels speak of"
    ),
    "FL005": Action(8, "name", "names", "Bring {n} back inside the data set's folder"),
    "FL006": Action(6, *_FILE, "Look at {n} too large to decode safely"),
    "FL007": Action(6, *_IMAGE, "Bake the EXIF turn into {n}, or strip it"),
    "FL101": Action(5, *_IMAGE, "Label {n}, or say that they show nothing"),
    "FL102": Action(7, *_BOX, "Give {n} a class that the set declares"),
    "FL103": Action(7, "id", "ids", "Give {n} used twice a value of its own"),
    "FL104": Action(8, *_IMAGE, "Correct the declared size of {n}"),
    "FL105": Action(7, "label record", "label records", "Repair {n} that cannot be read"),
    "FL106": Action(
        6, "file or image", "files or images", "Make {n} all boxes or all polygons, not both"
    ),
    "FL107": Action(6, "label record", "label records", "Find the images of {n} that have none"),
    "FL108": Action(1, "class", "classes", "Label or drop {n} that no box uses"),
    "FL201": Action(7, *_BOX, "Pull {n} back inside the image"),
    "FL202": Action(8, *_BOX, "Redraw or delete {n} with no width or height"),
    "FL203": Action(8, *_BOX, "Swap the corners of {n} back"),
    "FL204": Action(6, "double label", "double labels", "Delete {n}: one object, boxed twice"),
    "FL205": Action(
        6, "pair of boxes", "pairs of boxes", "Choose one class for {n} around the same object"
    ),
    "FL206": Action(4, *_BOX, "Check {n} of an unlikely shape for their class"),
    "FL207": Action(2, *_BOX, "Glance at {n} of an unusual size for their class"),
    "FL208": Action(8, *_BOX, "Redraw {n} whose coordinates are not numbers"),
    "FL301": Action(5, *_BOX, "Turn {n} into ignore regions: too small at the model's input"),
    "FL302": Action(4, *_BOX, "Turn {n} into ignore regions: under 15 × 15 px at 1080p"),
    "FL401": Action(4, *_IMAGE, "Look at {n} too blurred to learn from"),
    "FL402": Action(3, *_IMAGE, "Look at {n} nearly black"),
    "FL403": Action(3, *_IMAGE, "Look at {n} nearly white"),
    "FL404": Action(3, *_IMAGE, "Look at {n} with hardly any contrast"),
    "FL405": Action(3, *_IMAGE, "Look at {n} drowned in noise"),
    "FL406": Action(3, *_BOX, "Look at {n} around something out of focus"),
    "FL407": Action(5, *_IMAGE, "Leave out {n} that show nothing at all"),
    "FL501": Action(5, *_GROUP, "Keep one image of each of {n}"),
    "FL502": Action(4, *_GROUP, "Look through {n} of near copies: keep what differs enough"),
    "FL503": Action(9, *_GROUP, "Move {n} into one split: the test has been seen in training"),
    "FL504": Action(9, *_GROUP, "Settle the labels of {n} that contradict each other"),
    "FL601": Action(4, "imbalance", "imbalances", "Collect more of the rare classes"),
    "FL602": Action(4, "gap", "gaps", "Collect small targets: the set has hardly any"),
    "FL603": Action(3, "gap", "gaps", "Collect night images: the set has hardly any"),
    "FL604": Action(3, "gap", "gaps", "Add images with nothing to find"),
    "FL605": Action(
        6, "class and split", "classes and splits", "Spread the classes: {n} without a box"
    ),
    "FL606": Action(2, "mix", "mixes", "Mix easy and hard images: nearly all are of one level"),
    "FL701": Action(7, "object", "objects", "Label {n} that the model sees and nobody drew"),
    "FL702": Action(6, *_BOX, "Look at {n} where the model sees nothing"),
    "FL703": Action(7, *_BOX, "Check the class of {n}: the model says another one"),
    "FL704": Action(5, *_BOX, "Draw {n} anew: too loose, too tight or off"),
    "FL705": Action(6, "place", "places", "Draw one box an object in {n}"),
    "FL706": Action(2, "place", "places", "Glance at {n} where neither label nor model is sure"),
    "FL707": Action(5, *_BOX, "Look at {n} that seem to lie beside their things"),
    "FL708": Action(
        5, "disagreement", "disagreements", "Settle {n} of pictures that are nearly the same"
    ),
}

#: What a suggestion asks a person to do, in the order the verdict says it.
_KINDS: Mapping[str, tuple[str, str]] = {
    "fix-file": ("Mend", "files or label records to mend"),
    "relabel": ("Relabel", "labels to draw or name anew"),
    "exclude": ("Delete or leave out", "things to delete or leave out"),
    "split": ("Re-split", "things to move between splits"),
    "ignore": ("Mark as ignore", "boxes to turn into ignore regions"),
    "review": ("Review", "things a person should look at"),
    "collect": ("Collect", "gaps to fill with new images"),
}

_MISSING = {
    "FL602": "small targets",
    "FL603": "night images",
    "FL604": "images with nothing to find",
    "FL605": "some classes in some splits",
    "FL606": "a mix of easy and hard images",
    "FL601": "enough of the rare classes",
}


def _counted(n: int, one: str, many: str) -> str:
    return f"{n:,} {one if n == 1 else many}"


def _and(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def action_text(row: Mapping[str, Any]) -> str:
    """Give the instruction for one rule's findings, with their number."""
    action = _ACTIONS.get(row["code"])
    if action is None:
        return f"Review {_counted(row['findings'], 'finding', 'findings')} of {row['name']}"
    return action.order.format(n=_counted(row["findings"], action.unit, action.units))


def rank(row: Mapping[str, Any]) -> tuple[int, int, int, str]:
    """Sort key of a rule's findings: severity, harm, number, code."""
    action = _ACTIONS.get(row["code"])
    return (
        schema.SEVERITIES.index(row["severity"]),
        -(action.harm if action else 4),
        -row["findings"],
        row["code"],
    )


def todo(by_code: Sequence[Mapping[str, Any]], whys: Mapping[str, str]) -> list[dict[str, Any]]:
    """Give the five things to do first: worst severity first, then what does most harm.

    Parameters
    ----------
    by_code : sequence of dict
        Counted findings of each rule, as ``summary["findings"]["by_code"]``.
    whys : mapping of str to str
        For each code, one sentence that says why it matters.

    Returns
    -------
    list of dict
        ``rank, title, why, code, name, severity, findings, images, examples`` of each.
    """
    chosen = sorted(by_code, key=rank)[:MOST_TODO]
    return [
        {
            "rank": at,
            "title": action_text(row),
            "why": whys.get(row["code"], ""),
            **{k: row[k] for k in ("code", "name", "severity", "findings", "images", "examples")},
        }
        for at, row in enumerate(chosen, 1)
    ]


def _headline(
    severities: Mapping[str, int], hit: Mapping[str, int], images: int, unlabelled: bool
) -> str:
    """One sentence with the grade and its number."""
    whole = _counted(images, "image", "images")
    if not images:
        return "There is no image to judge"

    def where(severity: str) -> str:
        n = hit[severity]
        return f" in {n:,} of {whole}" if n else f" about the set of {whole}"

    if severities["error"]:
        errors = _counted(severities["error"], "error", "errors")
        return f"Not ready to train: {errors}{where('error')}"
    if severities["warning"]:
        warnings = _counted(severities["warning"], "warning", "warnings")
        grade = "Not labelled" if unlabelled else "Ready with reservations"
        return f"{grade}: {warnings}{where('warning')}"
    grade = "Not labelled" if unlabelled else "Ready to train"
    if severities["info"]:
        remarks = _counted(severities["info"], "remark", "remarks")
        return f"{grade}: {remarks}, no error or warning in {whole}"
    return f"{grade}: nothing found in {whole}"


def _kind_sentence(kind: str, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Write ``Relabel: 4 double labels (FL204) and 2 boxes (FL202)`` in parts."""
    parts = []
    told = rows if len(rows) <= MOST_PARTS + 1 else rows[:MOST_PARTS]
    for row in told:
        action = _ACTIONS.get(row["code"])
        one, many = (action.unit, action.units) if action else ("finding", "findings")
        parts.append(f"{_counted(row['findings'], one, many)} ({row['code']} {row['name']})")
    rest = rows[len(told) :]
    if rest:
        more = sum(row["findings"] for row in rest)
        parts.append(f"{more:,} findings of {len(rest):,} other rules")
    return {
        "kind": kind,
        "label": _KINDS[kind][0],
        "meaning": _KINDS[kind][1],
        "text": _and(parts) + ".",
        "count": sum(row["findings"] for row in rows),
        "codes": [row["code"] for row in rows],
    }


def _missing_sentence(by_code: Mapping[str, Mapping[str, Any]]) -> dict[str, Any] | None:
    gaps = [code for code in _MISSING if code in by_code]
    if not gaps:
        return None
    return {
        "kind": "missing",
        "label": "Missing",
        "meaning": "what the set does not show",
        "text": _and([_MISSING[c] for c in gaps]) + ".",
        "count": len(gaps),
        "codes": gaps,
    }


def verdict(
    by_code: Sequence[Mapping[str, Any]],
    by_action: Sequence[Mapping[str, Any]],
    severities: Mapping[str, int],
    images_hit: Mapping[str, int],
    images: int,
    unlabelled: bool = False,
) -> dict[str, Any]:
    """Grade, headline and sentences.

    Parameters
    ----------
    by_code, by_action : sequence of dict
        Counted findings of each rule, and of each rule and suggestion.
    severities, images_hit : mapping of str to int
        For each severity the number of findings, and of images that have one.
    images : int
        Images of the set.
    unlabelled : bool
        No label was found at all: whatever the pictures are, nothing can be trained.

    Returns
    -------
    dict
        ``grade`` (fail, warn, pass), ``headline``, and ``sentences``: what is missing,
        then what to mend, relabel, delete, re-split, ignore and review.
    """
    grade = "fail" if severities["error"] or not images else "pass"
    if grade == "pass" and severities["warning"]:
        grade = "warn"
    missing = _missing_sentence({row["code"]: row for row in by_code})
    sentences = [missing] if missing else []
    told = set(missing["codes"]) if missing else set()
    for kind in _KINDS:
        rows = [r for r in by_action if r["suggestion"] == kind and r["code"] not in told]
        if rows:
            sentences.append(_kind_sentence(kind, sorted(rows, key=rank)))
    return {
        "grade": grade,
        "headline": _headline(severities, images_hit, images, unlabelled),
        "sentences": sentences,
    }


def shows(
    charts: Mapping[str, Any],
    states: Mapping[str, int],
    ignored: Sequence[Mapping[str, Any]] = (),
    also: Sequence[str] = (),
) -> str:
    """Say what the set shows, in words: small targets, night, negatives, whatever the rules say.

    Parameters
    ----------
    charts : dict
        As :func:`fastlabel.distributions.charts` gives them.
    states : mapping of str to int
        Images of each label state.
    ignored : sequence of dict
        Files that looked like labels and were not read, each with ``file`` and ``reason``.
    also : sequence of str
        Other label formats that the folder holds and that were not read.

    Returns
    -------
    str
        One sentence; empty when nothing could be measured.
    """
    parts = []
    size, luma = charts["box_size"], charts["brightness"]
    if size["measured"]:
        boxes = _counted(size["measured"], "box", "boxes")
        side = f"{size['small_area'] ** 0.5:.3g}"
        parts.append(
            f"{_share(size['small'], size['measured'])} of {boxes} "
            f"{'is' if size['small'] == 1 else 'are'} under {side} × {side} px at the model's input"
        )
    if luma["measured"]:
        images = _counted(luma["measured"], "image", "images")
        verb = "is" if luma["night"] == 1 else "are"
        parts.append(f"{_share(luma['night'], luma['measured'])} of {images} {verb} dark as night")
    empty = states.get("labelled_empty", 0)
    if states.get("labelled", 0) or empty:
        parts.append(
            f"{_counted(empty, 'image is', 'images are')} labelled as empty"
            if empty
            else "no image is labelled as empty"
        )
    if ignored:
        files = _counted(len(ignored), "file was", "files were")
        parts.append(f"{files} not read as labels ({ignored[0]['file']}: {ignored[0]['reason']})")
    if also:
        names = _and([name.upper() for name in also])
        parts.append(f"the folder also holds {names} labels, which were not read (see --format)")
    text = "; ".join(parts)
    return text[:1].upper() + text[1:] + "." if parts else ""


_READY = {
    "green": "the set suits it",
    "amber": "the set suits it with reservations",
    "red": "the set does not suit it",
}


def deployed_sentence(part: Mapping[str, Any], name: str) -> dict[str, Any] | None:
    """Say what a deployment makes of the set; None when nothing could be judged.

    Parameters
    ----------
    part : dict
        As :func:`fastlabel.deployment.deployment` gives it.
    name : str
        What the deployment is called.

    Returns
    -------
    dict or None
        One of the verdict's ``sentences``, of kind ``deployed``.
    """
    lights = part["lights"]
    if lights["light"] is None:
        return None
    texts = []
    if part["measured"]:
        lost, small = lights["too_small"], lights["small_targets"]
        boxes = _counted(part["measured"], "box", "boxes")
        texts.append(
            f"{_share(lost['count'], part['measured'])} of {boxes} "
            f"{'is' if lost['count'] == 1 else 'are'} under the least target of "
            f"{part['min_target']:g} px ({lost['light']})"
        )
        low, high = small["strides"]
        texts.append(
            f"{_share(small['count'], part['measured'])} between {low} and {high} strides of "
            f"{part['stride']} px, small targets that it can learn ({small['light']})"
        )
    memory = part["memory"]
    if memory is not None and memory["verdict"] is not None:
        texts.append(
            f"input and activations need about {byte_text(memory['need'])} of "
            f"{byte_text(memory['least'])}, which {memory['verdict'].replace('tight', 'is tight')} "
            f"({lights['memory']['light']})"
        )
    said = "; ".join(texts)
    return {
        "kind": "deployed",
        "label": "At this size",
        "meaning": "what the model sees of the targets",
        "text": f"{name}: {_READY[lights['light']]}. {said[:1].upper()}{said[1:]}.",
        "count": lights["too_small"]["count"],
        "codes": [],
    }


def byte_text(n: int) -> str:
    """Write bytes with the unit of their size, 1,024 to a KB.

    Examples
    --------
    >>> byte_text(82_944), byte_text(512 << 10), byte_text(2 << 30)
    ('81 KB', '512 KB', '2 GB')
    """
    for unit, size in (("GB", 1 << 30), ("MB", 1 << 20), ("KB", 1 << 10)):
        if n >= size:
            value = n / size
            return f"{value:,.0f} {unit}" if value >= 100 else f"{value:.3g} {unit}"
    return f"{n} B"


def _share(part: int, whole: int) -> str:
    if part in (0, whole):
        return "none" if part == 0 else "all"
    return f"{part:,} ({100 * part / whole:.2g} %)"
