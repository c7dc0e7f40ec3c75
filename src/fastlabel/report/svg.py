"""matplotlib figures as small inline SVG whose colours are the page's own."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING
from xml.etree import ElementTree

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["COLORS", "drawing", "inline"]

#: Stand-in colours that charts draw with, and the CSS variables they become: a page has
#: a light and a dark set of those.
COLORS = {
    "ink": "#010101",
    "muted": "#020202",
    "line": "#030303",
    "surface": "#040404",
    "bar": "#050505",
    "flag": "#060606",
    "soft": "#070707",
    "s1": "#080808",
    "s2": "#090909",
    "s3": "#0a0a0a",
    "s4": "#0b0b0b",
}
_VARIABLES = {code: f"var(--{name})" for name, code in COLORS.items()}
_SVG = "{http://www.w3.org/2000/svg}"
_HREF = "{http://www.w3.org/1999/xlink}href"
_LONG = re.compile(r"-?\d+\.\d{3,}")
#: matplotlib lays text out with its own font; the page has another, so only these matter.
_TEXT_KEYS = {"font-size", "font-weight", "text-anchor", "fill"}


@contextmanager
def drawing() -> Iterator[None]:
    """Set matplotlib up so that the same data gives the same bytes."""
    import matplotlib

    with warnings.catch_warnings(), matplotlib.rc_context():
        # A letter that matplotlib's font lacks is drawn by the browser, which has it.
        warnings.filterwarnings("ignore", message=".*missing from", category=UserWarning)
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(
            {
                "svg.fonttype": "none",
                "svg.hashsalt": "fastlabel",
                "text.parse_math": False,
                "path.simplify": False,
                "font.size": 10.5,
            }
        )
        yield


def inline(figure: Figure, label: str) -> str:
    """Turn a figure into markup for inside a page.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        Drawn with :data:`COLORS` under :func:`drawing`, without clipping.
    label : str
        What the chart says, for people who cannot see it.

    Returns
    -------
    str
        An ``<svg>`` element: no ids, no styles, no namespaces, escaped text.
    """
    raw = io.BytesIO()
    nothing = {"Date": None, "Creator": None, "Format": None, "Type": None}
    figure.savefig(raw, format="svg", metadata=nothing, transparent=True)
    root = ElementTree.fromstring(raw.getvalue())
    box = root.get("viewBox", "0 0 360 220")
    out = ElementTree.Element(
        "svg", {"viewBox": box, "role": "img", "aria-label": label, "class": "chart"}
    )
    for element in _drawn(root):
        copy = _plain(element.tag.rpartition("}")[2], element)
        if copy is not None:
            out.append(copy)
    return ElementTree.tostring(out, encoding="unicode", short_empty_elements=True)


def _drawn(root: ElementTree.Element) -> Iterator[ElementTree.Element]:
    """Paths and texts in drawing order; a marker drawn by reference becomes a moved path."""
    shapes: dict[str, ElementTree.Element] = {}
    hidden: set[ElementTree.Element] = set()
    for definitions in root.iter(f"{_SVG}defs"):
        for shape in definitions.iter():
            hidden.add(shape)
            shapes[f"#{shape.get('id', '')}"] = shape
    for element in root.iter():
        if element in hidden:
            continue
        if element.tag in (f"{_SVG}path", f"{_SVG}text"):
            yield element
        elif element.tag == f"{_SVG}use":
            shape = shapes[element.get(_HREF, "")]
            style = f"{shape.get('style', '')};{element.get('style', '')}"
            move = f"translate({element.get('x', '0')} {element.get('y', '0')})"
            yield ElementTree.Element(
                f"{_SVG}path", {"d": shape.get("d", ""), "style": style, "transform": move}
            )


def _plain(kind: str, element: ElementTree.Element) -> ElementTree.Element | None:
    """Give a path or text with the attributes that matter, and those only."""
    attributes = dict(_style(element.get("style", "")))
    if kind == "path":
        if attributes.get("fill") == "none" and "stroke" not in attributes:
            return None  # an invisible background
        attributes["d"] = _short(" ".join(element.get("d", "").split()))
        if element.get("transform"):
            attributes["transform"] = _short(element.get("transform", ""))
    else:
        attributes = {k: v for k, v in attributes.items() if k in _TEXT_KEYS}
        attributes.setdefault("fill", _VARIABLES[COLORS["ink"]])
        turn = element.get("transform", "")
        attributes |= {"x": element.get("x", "0"), "y": element.get("y", "0")}
        if turn and "rotate(-0 " not in turn:
            attributes["transform"] = turn
        attributes = {k: _short(v) for k, v in attributes.items()}
    copy = ElementTree.Element(kind, attributes)
    copy.text = element.text
    return copy


def _style(style: str) -> Iterator[tuple[str, str]]:
    """Read a ``style`` attribute as presentation attributes: those need no CSP exception."""
    for part in style.split(";"):
        key, _, value = (s.strip() for s in part.partition(":"))
        if key == "font":  # older matplotlib: "10px 'DejaVu Sans'"
            size = re.search(r"([\d.]+)px", value)
            if size:
                yield "font-size", size[1]
        elif key:
            yield key, _VARIABLES.get(value, value.removesuffix("px"))


def _short(text: str) -> str:
    return _LONG.sub(lambda m: f"{float(m[0]):.2f}".rstrip("0").rstrip("."), text)
