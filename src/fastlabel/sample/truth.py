"""Planted faults against findings: whether a check found all of them and nothing else."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa

    from ..dataset import Dataset

__all__ = ["score"]


def score(truth: dict[str, Any], findings: pa.Table, ds: Dataset) -> dict[str, Any]:
    """Compare what was planted with what was found.

    A finding counts for a planted fault when the rule's code, the image (or none) and,
    where the truth names one, the place (``file:line`` or ``file#pointer``) agree. Each
    finding counts once.

    Parameters
    ----------
    truth : dict
        As :func:`fastlabel.sample.make_sample` returns it and ``truth.json`` holds it.
    findings : pyarrow.Table
        As :data:`fastlabel.schema.FINDINGS`.
    ds : Dataset
        The data set that was checked.

    Returns
    -------
    dict
        ``planted`` and ``found``, numbers; ``missed``, a list of the truth's entries that
        no finding answers; ``unexpected``, a list of ``{"code", "image", "where",
        "message"}`` of the findings that were not planted.

    Raises
    ------
    ValueError
        If ``truth`` is not what ``truth.json`` holds.

    Examples
    --------
    >>> import tempfile
    >>> import fastlabel
    >>> from fastlabel.sample import make_sample, score
    >>> with tempfile.TemporaryDirectory() as folder:  # doctest: +SKIP
    ...     truth = make_sample(folder)
    ...     report = fastlabel.check(folder, deploy="edge-640")
    ...     result = score(truth, report.findings, report.ds)
    >>> result["missed"], result["unexpected"]  # doctest: +SKIP
    ([], [])
    """
    faults = _faults(truth)
    open_findings = _located(findings, ds)
    missed = []
    # The most closely described faults first, so that a vague one cannot take their finding.
    for fault in sorted(faults, key=lambda f: (f["where"] is None, f["image"] is None)):
        at = next((k for k, f in enumerate(open_findings) if _answers(f, fault)), None)
        if at is None:
            missed.append(fault)
        else:
            del open_findings[at]
    planted = len(faults)
    return {
        "planted": planted,
        "found": planted - len(missed),
        "missed": missed,
        "unexpected": [
            {"code": f["code"], "image": f["image"], "where": f["where"], "message": f["message"]}
            for f in open_findings
        ],
    }


def _faults(truth: dict[str, Any]) -> list[dict[str, Any]]:
    faults = truth.get("faults") if isinstance(truth, dict) else None
    keys = {"code", "image", "where"}
    if not isinstance(faults, list) or not all(
        isinstance(f, dict) and keys <= f.keys() for f in faults
    ):
        raise ValueError(
            "truth: expected an object with a list 'faults' of objects with code, image and where, "
            "as `fastlabel sample` writes it"
        )
    return faults


def _answers(finding: dict[str, Any], fault: dict[str, Any]) -> bool:
    if finding["code"] != fault["code"]:
        return False
    if fault["where"] is not None and fault["where"] not in finding["places"]:
        return False
    if fault["image"] is None:
        # Labels without an image, and the set as a whole.
        return finding["image"] is None
    return fault["image"] in finding["names"]


def _located(findings: pa.Table, ds: Dataset) -> list[dict[str, Any]]:
    """List findings with the names of their image and the places they speak of."""
    names = ds.images["file_name"].to_pylist()
    paths = ds.images["path"].to_pylist()
    origins = ds.annotations["origin"].to_pylist()
    located = []
    for row in findings.to_pylist():
        evidence = json.loads(row["evidence"] or "{}")
        image, annotation = row["image_id"], row["annotation_id"]
        places = [_place(evidence)]
        if annotation is not None:
            places.append(_place(origins[annotation]))
        known = [] if image is None else [n for n in (paths[image], names[image]) if n is not None]
        located.append(
            {
                "code": row["code"],
                "image": known[0] if known else None,
                "names": known,
                "places": places,
                "where": next((p for p in places if p is not None), None),
                "message": row["message"],
            }
        )
    return located


def _place(origin: dict[str, Any] | None) -> str | None:
    """Write ``file:line``, ``file#pointer`` or the file alone; None when nothing is known."""
    if not origin or origin.get("file") is None:
        return None
    if origin.get("line") is not None:
        return f"{origin['file']}:{origin['line']}"
    if origin.get("pointer") is not None:
        return f"{origin['file']}#{origin['pointer']}"
    return str(origin["file"])
