"""Pages of ``stats`` and ``diff``: one HTML file each, offline, without scripts."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .changes import Diff
    from .describe import Stats

__all__ = ["diff_page", "stats_page"]

_STYLE = """
:root{color-scheme:light dark;--paper:#faf9f6;--card:#fff;--line:#e3dfd6;--ink:#211f1c;
--muted:#6a655d;--a:#3f6f9f;--b:#b4512b}
@media(prefers-color-scheme:dark){:root{--paper:#141517;--card:#1c1e21;--line:#303439;
--ink:#e8e5df;--muted:#a39e95;--a:#7ba7d4;--b:#e58f66}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);overflow-wrap:anywhere;
font:400 1rem/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans",Arial,sans-serif}
main{max-width:73rem;margin:0 auto;padding:2rem 1.25rem 4rem}
h1,h2{font-family:"Palatino Linotype",Palatino,Georgia,serif;font-weight:500;line-height:1.2}
h1{font-size:clamp(1.6rem,1.2rem + 2vw,2.6rem);margin:0 0 .4rem}
h2{font-size:1.4rem;margin:2.5rem 0 .8rem}
p{margin:.2rem 0 .8rem}.muted{color:var(--muted)}
.grid{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(21rem,100%),1fr));gap:1rem}
figure{margin:0;padding:1rem;background:var(--card);border:1px solid var(--line);border-radius:8px}
figcaption{font-weight:600;margin-bottom:.3rem}figcaption small{font-weight:400;color:var(--muted)}
svg{display:block;width:100%;height:auto}.a{fill:var(--a)}.b{fill:var(--b)}
.base{stroke:var(--line)}text{fill:var(--muted);font-size:11px}
ol.bars{list-style:none;margin:.5rem 0 0;padding:0;font-size:.875rem}
ol.bars li{display:grid;grid-template-columns:minmax(5rem,9rem) 1fr auto;gap:.6rem;
align-items:center}
ol.bars i{display:block;height:.55rem;background:var(--a);border-radius:2px;min-width:1px}
ol.bars i.b{background:var(--b);margin-top:2px}
.scroll{overflow-x:auto}table{border-collapse:collapse;width:100%;font-size:.9rem}
th,td{text-align:left;padding:.35rem .8rem .35rem 0;border-bottom:1px solid var(--line);
vertical-align:top}td.n,th.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
.key i{display:inline-block;width:.8rem;height:.8rem;border-radius:2px;background:var(--a);
vertical-align:-1px;margin:0 .3rem 0 .8rem}.key i.b{background:var(--b)}
"""
WIDTH, HEIGHT = 320, 110
MOST_BARS = 15
#: Units of features whose values are whole numbers.
COUNTED = ("boxes",)


def _page(title: str, body: str) -> str:
    policy = "default-src 'none'; style-src 'unsafe-inline'"
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{_safe(title)}</title><style>{_STYLE}</style></head>\n"
        f"<body><main>{body}</main></body></html>\n"
    )


def _safe(text: object) -> str:
    from ..report.text import visible

    return escape(visible(text, 120))


def _number(value: float | None) -> str:
    from ..report.text import number

    return number(value) if value is not None else "–"


def _named(feature: dict[str, Any]) -> str:
    return f"{_safe(feature['name'].replace('_', ' '))} <small>{_safe(feature['unit'])}</small>"


def axis_marks(feature: dict[str, Any]) -> list[float]:
    """Edges of a feature's bins as they are written beside an axis.

    Bins of counts begin and end halfway between whole numbers; a reader wants the first number
    that is in each, and at the end the last one.
    """
    edges: list[float] = feature["edges"]
    if feature["unit"] in COUNTED and all(e % 1 == 0.5 for e in edges):
        return [e + 0.5 for e in edges[:-1]] + [edges[-1] - 0.5]
    return edges


def _histogram(feature: dict[str, Any], counts: Sequence[Sequence[int]]) -> str:
    """Bars of one or two histograms on the same bins, each as shares of its own whole."""
    edges = axis_marks(feature)
    tops = [max(sum(c), 1) for c in counts]
    most = max((v / top for c, top in zip(counts, tops, strict=True) for v in c), default=0) or 1
    n, k = len(counts[0]), len(counts)
    step = WIDTH / n
    bars = []
    for which, (values, top) in enumerate(zip(counts, tops, strict=True)):
        for at, value in enumerate(values):
            if value:
                tall = max(value / top / most * HEIGHT, 0.7)
                x, wide = at * step + which * step / k, step / k * 0.9
                bars.append(
                    f'<rect class="{"ab"[which]}" x="{x:.1f}" y="{HEIGHT - tall:.1f}" '
                    f'width="{wide:.2f}" height="{tall:.1f}"/>'
                )
    marks = "".join(
        f'<text x="{x:.0f}" y="{HEIGHT + 14}" text-anchor="{anchor}">{_number(edges[at])}</text>'
        for x, at, anchor in ((0, 0, "start"), (WIDTH / 2, n // 2, "middle"), (WIDTH, n, "end"))
    )
    alt = _safe(feature["name"])
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT + 18}" role="img" aria-label="{alt}">'
        f'<line class="base" x1="0" x2="{WIDTH}" y1="{HEIGHT}" y2="{HEIGHT}"/>'
        f"{''.join(bars)}{marks}</svg>"
    )


def _bars(names: Sequence[str], counts: Sequence[Sequence[int]]) -> str:
    tops = [max(sum(c), 1) for c in counts]
    most = max((v / t for c, t in zip(counts, tops, strict=True) for v in c), default=0) or 1
    rows = []
    for at, name in enumerate(names[:MOST_BARS]):
        shown = "".join(
            f'<i class="{"ab"[k]}" style="width:{100 * c[at] / tops[k] / most:.1f}%"></i>'
            for k, c in enumerate(counts)
        )
        said = " / ".join(f"{c[at]:,}" for c in counts)
        rows.append(f"<li><span>{_safe(name)}</span><span>{shown}</span><span>{said}</span></li>")
    more = len(names) - MOST_BARS
    rest = f'<p class="muted">and {more:,} more</p>' if more > 0 else ""
    return f'<ol class="bars">{"".join(rows)}</ol>{rest}'


def stats_page(found: Stats) -> str:
    """The page of one set."""
    data = found.summary["dataset"]
    figures = []
    for f in found.summary["features"]:
        if f["kind"] == "categories":
            body = _bars(f["categories"], [f["counts"]])
        elif f["quantiles"]:
            q = f["quantiles"]
            body = _histogram(f, [f["counts"]])
            beyond = f["below"] + f["above"]
            body += (
                f'<p class="muted">half between {_number(q["p25"])} and {_number(q["p75"])}, '
                f"median {_number(q['p50'])}; {_number(f['least'])} to {_number(f['most'])}"
                + (f"; {beyond:,} beyond the bins" if beyond else "")
                + (f"; {f['unknown']:,} unknown" if f["unknown"] else "")
                + "</p>"
            )
        else:
            body = '<p class="muted">nothing known</p>'
        figures.append(f"<figure><figcaption>{_named(f)}</figcaption>{body}</figure>")
    note = "with what a scan measured" if data["pixels"] else "from the labels alone"
    head = (
        f"<h1>{_safe(data['name'])}</h1><p>{data['images']:,} images, {data['boxes']:,} boxes, "
        f"{data['classes']:,} classes ({_safe(data['format'])}), {note}.</p>"
    )
    return _page(
        f"{data['name']}: distributions", f'{head}<div class="grid">{"".join(figures)}</div>'
    )


def diff_page(found: Diff) -> str:
    """The page of two sets side by side."""
    s = found.summary
    a, b = s["a"], s["b"]
    said = "The two are the same" if s["same"] else "What changed"
    sides = "".join(
        f"<p>{letter}: <b>{_safe(x['name'])}</b>, {x['images']:,} images, {x['boxes']:,} boxes, "
        f"{x['classes']:,} classes</p>"
        for letter, x in (("A", a), ("B", b))
    )
    rows = "".join(
        f'<tr><td>{kind}</td><td class="n">{n:,}</td><td>{_examples(s, kind)}</td></tr>'
        for kind, n in s["changes"].items()
        if n
    )
    changes = (
        '<div class="scroll"><table><tr><th>change</th><th class="n">number</th><th>for example'
        f"</th></tr>{rows}</table></div>"
        if rows
        else "<p>No image, box or class was added, removed, moved or renamed.</p>"
    )
    if s["moved"]:
        m = s["moved"]
        changes += (
            f'<p class="muted">Moved boxes: half by under {_number(m["median_shift"])} px, '
            f"19 of 20 by under {_number(m['p95_shift'])} px, the farthest "
            f"{_number(m['most_shift'])} px; lowest IoU {m['lowest_iou']:.2f}.</p>"
        )
    features = sorted(s["features"], key=lambda f: -(f["jensen_shannon"] or 0))
    figures = []
    for f in features:
        if f["kind"] == "categories":
            body = _bars(f["categories"], [f["counts_a"], f["counts_b"]])
        else:
            body = _histogram(f, [f["counts_a"][1:-1], f["counts_b"][1:-1]])
            body += (
                f'<p class="muted">median {_number(f["median_a"])} and {_number(f["median_b"])}</p>'
            )
        apart = f"divergence {_number(f['jensen_shannon'])}"
        if f["ks"] is not None:
            unit = "octaves" if f["kind"] == "log" else f["unit"]
            apart += f", KS {_number(f['ks'])}, moved {_number(f['wasserstein'])} {_safe(unit)}"
        figures.append(
            f"<figure><figcaption>{_named(f)}</figcaption>"
            f'<p class="muted">{apart}</p>{body}</figure>'
        )
    key = '<p class="key muted">Shares of each set:<i></i>A<i class="b"></i>B</p>'
    note = (
        "Jensen-Shannon divergence on shared bins, 0 (equal) to 1 (apart); KS and Wasserstein "
        "distance from the values themselves."
    )
    body = (
        f"<h1>{said}</h1>{sides}<h2>Changes</h2>{changes}<h2>Distributions</h2>"
        f'<p class="muted">{note}</p>{key}<div class="grid">{"".join(figures)}</div>'
    )
    return _page(f"{a['name']} and {b['name']}", body)


def _examples(summary: dict[str, Any], kind: str) -> str:
    return "<br>".join(example_text(row) for row in summary["examples"].get(kind, []))


def example_text(row: dict[str, Any]) -> str:
    """One change in words, safe for a page."""
    before, after = row.get("before"), row.get("after")
    text = _safe(before if after is None or after == before else after)
    if before is not None and after is not None and before != after:
        text = f"{_safe(before)} → {_safe(after)}"
    if "annotation_a" in row or "annotation_b" in row:
        which = row.get("annotation_a", row.get("annotation_b"))
        image = row.get("image_a", row.get("image_b"))
        text += f", box {which} of image {image}"
    if "shift" in row:
        text += f", by {_number(row['shift'])} px"
    return text
