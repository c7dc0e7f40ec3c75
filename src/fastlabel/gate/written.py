"""The limits of a gate as a C header and as JSON: no date, no path, the same for the same fit."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from .frame import UNITS, VERSION

if TYPE_CHECKING:
    from .fit import GateFit

__all__ = ["as_json", "header"]

_WHAT = {
    "min_sharpness": "Laplacian variance, the noise taken out",
    "min_acutance": "sharpness over the mean squared gradient",
    "min_light": "grey levels, mean",
    "max_light": "grey levels, mean",
    "max_dark": "of the pixels below 32",
    "max_bright": "of the pixels from 224 on",
    "min_motion": "grey levels, the most that a cell changed; given, not fitted",
}


def header(fit: GateFit, prefix: str) -> str:
    """Write the C header of a fit.

    Parameters
    ----------
    fit : GateFit
        What to write.
    prefix : str
        What the names in it begin with.

    Returns
    -------
    str
        Plain ASCII.

    Raises
    ------
    ValueError
        If the prefix is no name in C.
    """
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,40}", prefix):
        raise ValueError(f"prefix: got {prefix!r}, expected letters, digits and _")
    guard = f"FASTLABEL_LIMITS_{prefix.upper()}_H_"
    rows = []
    for name, value in fit.limits.fixed().items():
        meaning = f"{getattr(fit.limits, name):.6g} {_WHAT[name]}"
        rows.append(f"    {f'{value}u,':<12} /* {name}: {meaning} */")
    told = "".join(f" * {line}\n" for line in _provenance(fit))
    return (
        f"/* Limits of the frame gate, written by fastlabel gate.\n{told} */\n"
        f"#ifndef {guard}\n#define {guard}\n\n"
        '#include "fastlabel/gate.h"\n\n'
        f"#define {prefix.upper()}_WIDTH {fit.width}\n"
        f"#define {prefix.upper()}_HEIGHT {fit.height}\n\n"
        f"static const fl_gate_options {prefix.lower()}_options = {{\n"
        "    sizeof(fl_gate_options),\n" + "\n".join(rows) + "\n};\n\n"
        f"#endif /* {guard} */\n"
    )


def as_json(fit: GateFit) -> str:
    """Write the JSON of a fit.

    Parameters
    ----------
    fit : GateFit
        What to write.

    Returns
    -------
    str
        Sorted as it is read by a person; ends with a new line.
    """
    content = {
        "fastlabel_gate": VERSION,
        "width": fit.width,
        "height": fit.height,
        "light": fit.light,
        "limits": fit.limits.fixed(),
        "units": UNITS,
        "fitted": {
            "source": fit.source,
            "share": fit.share,
            "good": fit.good,
            "passed": fit.passed,
            "left_out": fit.left_out,
            "smaller_than_a_frame": fit.smaller,
            "quantiles_0_2_50_98_100": fit.quantiles,
        },
    }
    return json.dumps(content, indent=2, ensure_ascii=True) + "\n"


def _provenance(fit: GateFit) -> list[str]:
    """What the numbers come from, a line each, safe inside a C comment."""
    # A name comes from data: plain text, and no end of the comment.
    name = "".join(c if " " <= c <= "~" and c not in "*/\\?" else "_" for c in fit.source)[:80]
    lines = [
        f"From {name}: {fit.passed:,} of {fit.good:,} good images pass, {fit.share:g} were to.",
        f"Measured at {fit.width} x {fit.height} pixels, luma of the {fit.light} range.",
    ]
    for why, n in fit.left_out.items():
        lines.append(f"Left out: {n:,} {why}.")
    if fit.smaller:
        lines.append(f"{fit.smaller:,} have fewer pixels than a frame and were measured as is.")
    lines.append("Of the good images, at 0, 2, 50, 98 and 100 per cent:")
    for measure, values in fit.quantiles.items():
        lines.append(f"  {measure:<10}" + "".join(f" {value:>10.4g}" for value in values))
    return lines
