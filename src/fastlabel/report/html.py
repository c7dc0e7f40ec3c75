"""The health report as one HTML file: offline, no script, at most 5 MB whatever the set."""

from __future__ import annotations

import base64
import hashlib
import html
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow.compute as pc

from ..dataset import as_numpy
from .levels import examples, levels_part
from .review import leading, review_part
from .rows import Finding, ReportLike, findings_at
from .text import count, listed, number, percent, unjudged, visible

if TYPE_CHECKING:
    from jinja2 import Environment

    from .thumbnails import Thumbnail

__all__ = ["render"]

MAX_BYTES = 5_000_000
#: Pictures of one page: their number, and their bytes as they stand in it.
MOST_PICTURES = 160
PICTURE_BYTES = 3_300_000
#: Examples of the levels beside them: their number, and their part of the bytes.
MOST_EXAMPLES, SHEETS_PART = 24, 6
#: Findings of one rule with a picture, and those after them as text.
MOST_CARDS = 12
MOST_PLAIN = 20
#: One image may take this many of a rule's cards, so that they show different images.
MOST_PER_IMAGE = 2
#: Rows looked at to choose the cards of one rule.
LOOK_AHEAD = 400
#: Of a rule with more findings: the first ones, and others drawn by chance with this seed.
WORST_FIRST = 6
SAMPLE_SEED = 0
MOST_CLASSES = 40

_GRADES = {"fail": "Verdict: fail", "warn": "Verdict: pass with warnings", "pass": "Verdict: pass"}
_WORDS = {2: "Two", 3: "Three", 4: "Four", 5: "Five"}
_REMEDIES = {
    "review": "look at it",
    "relabel": "label anew",
    "ignore": "mark as ignore",
    "exclude": "delete or leave out",
    "fix-file": "mend the file",
    "collect": "collect images",
    "split": "move between splits",
    "none": "none needed",
}
_TWINS = {"FL504": "same image, two labels", "FL503": "same image, two splits"}
_CODE = re.compile(r"\b[A-Z]{1,4}\d{2,4}\b")
_TICKED = re.compile(r"`([^`]+)`")


@dataclass
class _Group:
    """The findings of one rule as the page shows them."""

    row: Mapping[str, Any]
    texts: Mapping[str, Any] | None
    chosen: list[Finding]
    cards: list[tuple[Finding, list[Thumbnail]]] = field(default_factory=list)
    plain: list[Finding] = field(default_factory=list)

    @property
    def sampled(self) -> str:
        """What is said where the findings shown are a sample; empty where they are the first."""
        if self.row["findings"] <= LOOK_AHEAD:
            return ""
        return f"the first {WORST_FIRST} and a random sample of the others, seed {SAMPLE_SEED}"

    @property
    def twins(self) -> str:
        """What two pictures side by side are."""
        return _TWINS.get(self.row["code"], "the same image twice")


def render(report: ReportLike, *, desk: str | None = None) -> str:
    """Give the page as text.

    Parameters
    ----------
    report : Report
        A checked data set. Its pictures are read from ``report.ds.root``.
    desk : str, optional
        The command that opens the review desk on this report, in the folder of the page; each
        finding is given it with its own number. Without it the page tells of none: then the
        tables are not beside it.

    Returns
    -------
    str
        At most 5,000,000 bytes in UTF-8: what is left out is counted and named on the page.
    """
    from .charts import draw_charts
    from .deployed import deployed_part

    groups = _groups(report)
    charts = draw_charts(report.summary)
    part = deployed_part(report.summary)
    page = ""
    for budget in (PICTURE_BYTES, PICTURE_BYTES // 4, 0):
        review = review_part(report.summary, _place(report, groups, budget))
        levels = levels_part(report.summary, _sheets(report, budget))
        page = _rendered(report, groups, charts, part, review, levels, desk)
        if len(page.encode()) <= MAX_BYTES:
            break
    return page


# ---- what to show --------------------------------------------------------------


def _groups(report: ReportLike) -> list[_Group]:
    """Give the rules that found something, worst first, each with the findings to show."""
    codes = report.findings["code"]
    image = as_numpy(report.findings["image_id"].fill_null(-1))
    texts = _texts(report)
    groups = []
    for row in report.summary["findings"]["by_code"]:
        at = _sampled(np.flatnonzero(as_numpy(pc.equal(codes, row["code"]))))
        chosen = _varied(at.tolist(), image[at].tolist())
        groups.append(_Group(row, texts.get(row["code"]), findings_at(report, chosen)))
    return groups


def _sampled(rows: Any) -> Any:
    """All rows of a rule, or of very many the first ones and some of the others by chance."""
    if len(rows) <= LOOK_AHEAD:
        return rows
    rest = np.random.default_rng(SAMPLE_SEED).choice(
        len(rows) - WORST_FIRST, LOOK_AHEAD - WORST_FIRST, replace=False
    )
    return np.concatenate([rows[:WORST_FIRST], rows[WORST_FIRST + np.sort(rest)]])


def _varied(rows: Sequence[int], images: Sequence[int]) -> list[int]:
    """Give the first rows with no image more than twice; then, as they come, the others."""
    seen: dict[int, int] = {}
    first: list[int] = []
    later: list[int] = []
    for row, image in zip(rows, images, strict=True):
        seen[image] = seen.get(image, 0) + 1
        fresh = image < 0 or seen[image] <= MOST_PER_IMAGE
        (first if fresh and len(first) < MOST_CARDS else later).append(row)
    return (first + later)[: MOST_CARDS + MOST_PLAIN]


def _texts(report: ReportLike) -> dict[str, dict[str, Any]]:
    """Give the page of each rule that found something."""
    out = {}
    for row in report.summary["findings"]["by_code"]:
        rule = report.rules.get(row["code"])
        if rule is not None:
            sections = (
                ("Why it hurts a small model", rule.why),
                ("Fix", rule.fix),
                ("Formula", rule.formula),
                ("Threshold, and where it comes from", rule.threshold),
                ("Known false alarms", rule.false_alarms),
            )
            out[row["code"]] = {"what": rule.what, "sections": [s for s in sections if s[1]]}
    return out


def _place(
    report: ReportLike, groups: Sequence[_Group], allowed: int
) -> list[tuple[Finding, list[Thumbnail]]]:
    """Draw pictures turn by turn, one of each rule, so that no rule takes them all.

    The objects to look at first have theirs first, and a copy where a rule shows them too; they
    are given back.
    """
    from .thumbnails import Budget, draw_all

    first = leading(report)
    budget = Budget(MOST_PICTURES, allowed)
    ahead = draw_all(report, first, budget)
    turns = [
        group.chosen[turn]
        for turn in range(MOST_CARDS)
        for group in groups
        if turn < len(group.chosen)
    ]
    drawn = draw_all(report, turns, budget)
    for group in groups:
        group.cards = [(f, drawn[f.row]) for f in group.chosen if f.row in drawn]
        rest = [f for f in group.chosen if f.row not in drawn]
        group.plain = rest[:MOST_PLAIN]
    return [(f, ahead[f.row]) for f in first if f.row in ahead]


def _sheets(report: ReportLike, allowed: int) -> dict[int, list[Thumbnail]]:
    """Draw the examples of the levels, from a budget of their own."""
    from .thumbnails import Budget, draw_all

    return draw_all(report, examples(report), Budget(MOST_EXAMPLES, allowed // SHEETS_PART))


def _rendered(
    report: ReportLike,
    groups: Sequence[_Group],
    charts: Sequence[Any],
    part: Mapping[str, Any],
    review: Mapping[str, Any] | None,
    levels: Mapping[str, Any] | None,
    desk: str | None,
) -> str:
    summary = report.summary
    style = _style()
    digest = hashlib.sha256(style.encode()).digest()
    classes = sorted(summary["classes"], key=lambda c: -c["boxes"])
    shown = {g.row["code"] for g in groups}
    environment = _environment()
    environment.filters["linked"] = lambda text: _linked(text, shown)
    from markupsafe import Markup

    page: str = environment.get_template("page.html.j2").render(
        style=Markup(style),
        style_hash=base64.b64encode(digest).decode("ascii"),
        data=summary["dataset"],
        deploy=summary["deploy"],
        verdict=summary["verdict"],
        grade_word=_GRADES[summary["verdict"]["grade"]],
        todo=summary["todo"],
        todo_word=_WORDS.get(len(summary["todo"]), str(len(summary["todo"]))),
        findings=summary["findings"],
        groups=groups,
        shown=sum(len(g.cards) + len(g.plain) for g in groups),
        remedies=_REMEDIES,
        charts=charts,
        part=part,
        review=review,
        levels=levels,
        desk=desk,
        classes=classes[:MOST_CLASSES],
        more_classes=len(classes) > MOST_CLASSES,
        target=summary["deploy"]["min_target"],
        tables=_tables(summary),
        tool=summary["tool"],
    )
    return page


def _tables(summary: Mapping[str, Any]) -> list[tuple[str, list[tuple[str, str]]]]:
    """Facts about the reading and the judging, as pairs of plain text."""
    data, deploy = summary["dataset"], summary["deploy"]
    meta = data["meta"]
    reading = [
        ("Format", data["format"]),
        ("Label states", _pairs(data["label_states"])),
        ("Reader met", _pairs(data["reader_problems"]) or "nothing odd"),
    ]
    for key in ("convention", "evidence", "absent_splits", "ignored_files"):
        if meta.get(key):
            reading.append((key.replace("_", " ").capitalize(), _plain_text(meta[key])))
    files_ = [
        ("Status", _pairs(summary["statuses"])),
        ("Inside", _pairs(summary["formats"])),
        ("Bytes", f"{data['bytes'] / 1e6:,.1f} MB"),
        ("Measured", f"{count(summary['measured']['images'], 'image')}"),
    ]
    model = [
        ("Deployment", visible(deploy["name"], 60) if not deploy["assumed"] else "none named"),
        (
            "Model input",
            f"{deploy['input_width']} × {deploy['input_height']} px, {deploy['resize']}",
        ),
        ("Strides", ", ".join(str(s) for s in deploy["strides"])),
        ("Least target", f"{number(deploy['min_target'])} px, shorter side"),
    ]
    if summary["unjudged"]:
        model.append(("Not judged", unjudged(summary)))
    tables = [("How it was read", reading), ("Image files", files_), ("Judged for", model)]
    truth = summary.get("truth")
    if truth:
        found = f"{truth['found']:,} of {count(truth['planted'], 'planted fault')} found"
        extra = count(len(truth["unexpected"]), "unexpected finding")
        tables.append(("The sample's truth", [("Planted", found), ("Beyond them", extra)]))
    # Times and workers stay in summary.json: the page is the same for every run.
    codec = summary.get("run", {}).get("jpeg_codec")
    if codec:
        files_.append(("JPEG codec", _plain_text(codec)))
    return tables


def _pairs(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{visible(name).replace('_', ' ')} {n:,}" for name, n in counts.items())


def _plain_text(value: Any) -> str:
    if isinstance(value, Mapping):
        return visible("; ".join(f"{k}: {_plain_text(v)}" for k, v in value.items()), 300)
    if isinstance(value, list | tuple):
        return visible(listed([_plain_text(v) for v in value], 6), 300)
    if isinstance(value, float):
        return number(value)
    return visible(value, 300)


# ---- the template --------------------------------------------------------------


@cache
def _style() -> str:
    """Give the style sheet without comments and indentation."""
    raw = (files(__package__) / "templates" / "style.css").read_text(encoding="utf-8")
    raw = re.sub(r"/\*.*?\*/", "", raw, flags=re.DOTALL)
    return "\n".join(line.strip() for line in raw.splitlines() if line.strip())


def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader(__package__, "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {
        "visible": visible,
        "count": count,
        "number": number,
        "percent": percent,
        "anchor": _anchor,
        "where": _where,
        "names": _names,
        "ticked": _ticked,
        "paragraphs": _paragraphs,
    }
    return environment


def _where(finding: Finding) -> list[str]:
    """Give place, image and split of a finding, less what its message names already."""
    place, image = visible(finding.place, 110), visible(finding.image, 60)
    parts = [] if f'"{place}"' in finding.message else [place]
    if image and image not in place and image not in finding.message:
        parts.append(image)
    return [p for p in (*parts, visible(finding.split, 20)) if p]


def _anchor(code: str) -> str:
    return re.sub(r"[^A-Za-z0-9-]", "-", code)


def _names(names: Sequence[str], total: int) -> str:
    shown = [visible(n, 44) for n in names[:2]]
    hidden = total - len(shown)
    return ", ".join(shown) + (f" and {count(hidden, 'more image')}" if hidden > 0 else "")


def _ticked(text: str) -> Any:
    """Text on one line, with `code` as code."""
    from markupsafe import Markup

    escaped = html.escape(" ".join(visible_lines(text).split()))
    return Markup(_TICKED.sub(r"<code>\1</code>", escaped))


def _paragraphs(text: str) -> Any:
    """Text with blank lines between paragraphs as paragraphs."""
    from markupsafe import Markup

    blocks = [b for b in re.split(r"\n\s*\n", text.strip()) if b.strip()]
    return Markup("").join(Markup("<p>") + _ticked(b) + Markup("</p>") for b in blocks)


def visible_lines(text: str) -> str:
    """Text of several lines with its control characters spelt out, line ends kept."""
    return "\n".join(visible(line) for line in text.splitlines())


def _linked(text: str, codes: set[str]) -> Any:
    """Text with the codes of the page's rules as links to them."""
    from markupsafe import Markup

    def link(found: re.Match[str]) -> str:
        code = found[0]
        return f'<a href="#{code}">{code}</a>' if code in codes else code

    return Markup(_CODE.sub(link, html.escape(visible(text))))
