"""SARIF 2.1.0, for code scanning services and editors."""

from __future__ import annotations

import hashlib
import json
import math
from typing import Any, TextIO
from urllib.parse import quote

from .rows import Finding, ReportLike, findings

__all__ = ["write_sarif"]

_LEVELS = {"error": "error", "warning": "warning", "info": "note"}
#: Every location is relative to this base; the reader of the log knows where the set lies.
_BASE = "DATASET"


def write_sarif(report: ReportLike, file: TextIO) -> None:
    """Write a SARIF 2.1.0 log of one run, its results one to a line.

    Parameters
    ----------
    report : Report
        A checked data set.
    file : text file
        Where to write.

    Notes
    -----
    Locations are URIs relative to the data set's root (``uriBaseId`` ``DATASET``), with a
    line where the label has one and the JSON pointer as a logical location. A result's
    fingerprint holds from run to run while the label stays where it is.
    """
    rules = _rules(report)
    index = {rule["id"]: at for at, rule in enumerate(rules)}
    head = {
        "$schema": "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/"
        "sarif-schema-2.1.0.json",
        "version": "2.1.0",
    }
    driver = {
        "name": "fastlabel",
        "version": report.summary["tool"]["version"],
        "rules": rules,
    }
    file.write(_dumps(head)[:-1] + ',"runs":[{\n"tool":' + _dumps({"driver": driver}))
    base = {_BASE: {"description": {"text": "The root folder of the data set."}}}
    file.write(',\n"originalUriBaseIds":' + _dumps(base))
    # utf-16 code units are what SARIF counts columns in; we give none, but it must be said.
    file.write(',\n"columnKind":"utf16CodeUnits","results":[')
    before = "\n"
    seen: dict[str, int] = {}
    for finding in findings(report):
        file.write(before + _dumps(_result(finding, index, seen)))
        before = ",\n"
    file.write("\n]}]}\n")


def _dumps(value: Any) -> str:
    return json.dumps(value, ensure_ascii=True, allow_nan=False, separators=(",", ":"))


def _rules(report: ReportLike) -> list[dict[str, Any]]:
    """Descriptors of the rules that found something, by code."""
    from ..rules import explain

    out = []
    for row in sorted(report.summary["findings"]["by_code"], key=lambda r: str(r["code"])):
        entry: dict[str, Any] = {
            "id": row["code"],
            "name": _pascal(row["name"]),
            "defaultConfiguration": {"level": _LEVELS[row["severity"]]},
        }
        rule = report.rules.get(row["code"])
        if rule is not None:
            page = explain(row["code"], report.rules)
            entry |= {
                "shortDescription": {"text": rule.name.replace("-", " ")},
                "fullDescription": {"text": " ".join(rule.what.split())},
                "help": {"text": page, "markdown": page},
            }
        out.append(entry)
    return out


def _pascal(name: str) -> str:
    return "".join(part[:1].upper() + part[1:] for part in name.split("-"))


def _result(finding: Finding, index: dict[str, int], seen: dict[str, int]) -> dict[str, Any]:
    result: dict[str, Any] = {
        "ruleId": finding.code,
        "ruleIndex": index[finding.code],
        "level": _LEVELS[finding.severity],
        "message": {"text": finding.message or finding.name},
        "partialFingerprints": {"fastlabel/v1": _fingerprint(finding, seen)},
    }
    location = _location(finding)
    if location:
        result["locations"] = [location]
    numbers = {"score": finding.score, "value": finding.value, "threshold": finding.threshold}
    properties: dict[str, Any] = {
        k: v for k, v in numbers.items() if v is not None and math.isfinite(v)
    }
    for key in ("suggestion", "image", "split", "category"):
        value = getattr(finding, key)
        if value:
            properties[key] = value
    result["properties"] = properties
    return result


def _location(finding: Finding) -> dict[str, Any]:
    where = finding.file or finding.path
    location: dict[str, Any] = {}
    if where:
        physical: dict[str, Any] = {"artifactLocation": {"uri": _uri(where), "uriBaseId": _BASE}}
        if finding.line is not None and finding.line >= 1:
            physical["region"] = {"startLine": finding.line}
        location["physicalLocation"] = physical
    if finding.pointer:
        location["logicalLocations"] = [{"fullyQualifiedName": finding.pointer, "kind": "object"}]
    return location


def _uri(path: str) -> str:
    """Give a relative URI reference. A name with a colon early must not read as a scheme."""
    return quote(path.encode("utf-8", "surrogateescape"), safe="/")


def _fingerprint(finding: Finding, seen: dict[str, int]) -> str:
    """Give a name for this finding that survives changes elsewhere in the set."""
    text = "\0".join((finding.code, finding.place, finding.image or ""))
    known = hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:32]
    seen[known] = seen.get(known, 0) + 1
    return f"{known}:{seen[known]}"
