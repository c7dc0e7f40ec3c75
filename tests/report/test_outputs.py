"""The text outputs: JSON, JSON lines, SARIF, workflow commands and the terminal."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from fastlabel.report import FORMATS, write
from fastlabel.report import rows as report_rows
from report.making import MadeReport, Maker

NASTY = 'we ird\n::error::"x"<b>\x1b[31m\u202e%2C,100%.jpg'


def _text(report: MadeReport, fmt: str) -> str:
    out = io.StringIO()
    write(report, fmt, out)
    return out.getvalue()


@pytest.fixture
def report(tmp_path: Path) -> MadeReport:
    maker = Maker(tmp_path, classes=["person", NASTY])
    for i in range(4):
        maker.image(f"images/{i} a.jpg", write=False)
    maker.images[3]["file_name"] = maker.images[3]["path"] = NASTY
    maker.box(0, 1, 2, 3, 4)
    maker.box(3, float("nan"), 2, 3, float("inf"), 1)
    maker.finding("FL202", "error", 0, 0, file="labels/0 ä.txt", line=7, value=1.5, threshold=2.0)
    maker.finding("FL202", "error", 3, 1, message=f"bad {NASTY}", file="set.json", pointer="/a/1")
    maker.finding("FL402", "warning", 3, message=NASTY)
    maker.finding("FL603", "info", message="no night", suggestion="collect", value=float("inf"))
    return maker.report()


def test_every_format_writes_and_others_are_refused(report: MadeReport) -> None:
    for fmt in FORMATS:
        assert _text(report, fmt)
    with pytest.raises(ValueError, match="sarif"):
        _text(report, "xml")


def _no_constant(name: str) -> Any:
    raise AssertionError(name)


def test_json_is_whole_and_strict(report: MadeReport) -> None:
    read = json.loads(_text(report, "json"), parse_constant=_no_constant)
    assert read["summary"] == report.summary
    assert [f["code"] for f in read["findings"]] == ["FL202", "FL202", "FL402", "FL603"]
    first, second, third, last = read["findings"]
    assert first["box"] == [1.0, 2.0, 3.0, 4.0]
    assert (first["file"], first["line"]) == ("labels/0 ä.txt", 7)
    assert second["box"] == [None, 2.0, 3.0, None]
    assert second["category"] == NASTY
    assert second["pointer"] == "/a/1"
    assert third["box"] is None
    assert third["image"] == NASTY
    assert last["value"] is None
    assert last["image_id"] is None


def test_json_lines_are_one_finding_each(report: MadeReport) -> None:
    text = _text(report, "jsonl")
    lines = text.splitlines()  # str.splitlines also breaks at U+2028 and friends
    assert len(lines) == 4
    whole = json.loads(_text(report, "json"))["findings"]
    assert [json.loads(line) for line in lines] == whole


def test_findings_are_joined_alike_over_batches(
    report: MadeReport, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = _text(report, "jsonl")
    monkeypatch.setattr(report_rows, "BATCH", 3)
    assert _text(report, "jsonl") == whole


def test_no_findings_is_still_a_document(tmp_path: Path) -> None:
    maker = Maker(tmp_path)
    maker.image("a.jpg", write=False)
    made = maker.report()
    assert json.loads(_text(made, "json"))["findings"] == []
    assert json.loads(_text(made, "sarif"))["runs"][0]["results"] == []
    assert _text(made, "jsonl") == ""
    assert _text(made, "github") == ""
    assert _text(made, "concise").startswith("Ready to train")


def test_sarif_structure(report: MadeReport) -> None:
    log = json.loads(_text(report, "sarif"), parse_constant=_no_constant)
    assert log["version"] == "2.1.0"
    (run,) = log["runs"]
    driver = run["tool"]["driver"]
    assert driver["name"] == "fastlabel"
    ids = [r["id"] for r in driver["rules"]]
    assert ids == sorted(set(ids))
    assert all(r["fullDescription"]["text"] and r["help"]["text"] for r in driver["rules"])
    assert len(run["results"]) == 4
    for result in run["results"]:
        assert ids[result["ruleIndex"]] == result["ruleId"]
        assert result["level"] in ("error", "warning", "note")
        assert result["message"]["text"]
        for location in result.get("locations", []):
            where = location["physicalLocation"]["artifactLocation"]
            assert where["uriBaseId"] in run["originalUriBaseIds"]
            assert not set(where["uri"]) & set(' \n"<>\\^`{|}:\x1b')
    prints = [r["partialFingerprints"]["fastlabel/v1"] for r in run["results"]]
    assert len(set(prints)) == 4


def test_sarif_places(report: MadeReport) -> None:
    results = json.loads(_text(report, "sarif"))["runs"][0]["results"]
    first = results[0]["locations"][0]["physicalLocation"]
    assert unquote(first["artifactLocation"]["uri"]) == "labels/0 ä.txt"
    assert first["region"] == {"startLine": 7}
    second = results[1]["locations"][0]
    assert second["logicalLocations"][0]["fullyQualifiedName"] == "/a/1"
    assert unquote(results[2]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]) == (
        NASTY
    )
    assert "locations" not in results[3]


def test_sarif_fingerprints_hold_when_other_findings_come_and_go(tmp_path: Path) -> None:
    def prints(extra: bool) -> list[str]:
        maker = Maker(tmp_path)
        maker.image("a.jpg", write=False)
        maker.image("b.jpg", write=False)
        if extra:
            maker.finding("FL402", image=0)
        maker.finding("FL402", image=1)
        log = json.loads(_text(maker.report(), "sarif"))
        return [r["partialFingerprints"]["fastlabel/v1"] for r in log["runs"][0]["results"]]

    assert prints(extra=False)[0] == prints(extra=True)[1]


def _parse_command(line: str) -> tuple[str, dict[str, str], str]:
    """What the runner makes of a line, by GitHub's own description of the syntax."""
    assert line.startswith("::")
    head, _, message = line[2:].partition("::")
    command, _, listed = head.partition(" ")
    pairs = dict(p.split("=", 1) for p in listed.split(","))

    def back(text: str, marks: dict[str, str]) -> str:
        for code, char in marks.items():
            text = text.replace(code, char)
        return text.replace("%25", "%")

    data = {"%0D": "\r", "%0A": "\n"}
    named = data | {"%3A": ":", "%2C": ","}
    return command, {k: back(v, named) for k, v in pairs.items()}, back(message, data)


def test_workflow_commands(report: MadeReport) -> None:
    text = _text(report, "github")
    assert "\x1b" not in text
    lines = text.split("\n")[:-1]
    assert len(lines) == 4
    parsed = [_parse_command(line) for line in lines]
    assert [p[0] for p in parsed] == ["error", "error", "warning", "notice"]
    assert parsed[0][1]["file"] == "labels/0 ä.txt"
    assert parsed[0][1]["line"] == "7"
    assert parsed[0][1]["title"] == "FL202 degenerate"
    # The name's own line end and percent sign come back; what acts on a terminal is spelt out.
    expected = NASTY.replace("\x1b", "\\u{001B}").replace("\u202e", "\\u{202E}")
    assert parsed[2][2] == expected
    assert parsed[2][1]["file"] == expected


def test_concise_is_one_line_a_finding(report: MadeReport) -> None:
    lines = _text(report, "concise").splitlines()
    assert len(lines) == 5
    assert lines[0] == "labels/0 ä.txt:7: FL202 error: something is wrong"
    assert lines[1].startswith("set.json#/a/1: FL202 error: bad we ird\\n::error::")
    assert lines[3].startswith("data set: FL603 info: ")
    assert lines[4].startswith("Not ready to train: 2 errors")


@pytest.mark.parametrize("fmt", ["full", "concise"])
def test_the_terminal_gets_no_escape_from_data(report: MadeReport, fmt: str) -> None:
    text = _text(report, fmt)
    assert not any(c in text for c in "\x1b\u202e\r\x07")
    assert "[31m" in text  # shown, not acted on


def test_full_tells_verdict_order_and_what_is_left_out(tmp_path: Path) -> None:
    maker = Maker(tmp_path)
    for i in range(30):
        maker.image(f"{i}.jpg", write=False)
        maker.finding("FL402", image=i, message=f"image {i} is dark")
    maker.finding("FL202", "error", 0, message="first of all")
    text = _text(maker.report(), "full")
    assert text.index("Not ready to train") < text.index("Do first") < text.index("first of all")
    assert text.index("first of all") < text.index("image 0 is dark")
    assert "and 27 more" in text
    assert "640 × 640 px, letterbox (assumed)" in text


def test_colour_only_when_asked_for(report: MadeReport) -> None:
    out = io.StringIO()
    write(report, "concise", out, color=True)
    assert "\x1b[" in out.getvalue()
