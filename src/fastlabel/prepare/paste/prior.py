"""Where in a frame a target of some height stands: a perspective learnt from the boxes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from ..._scalars import as_number

__all__ = ["Perspective", "given", "learn", "uniform"]

Floats = npt.NDArray[np.float64]

#: Bands of a frame, top to bottom, that a place is drawn from.
BANDS = 64
#: Fewer boxes say nothing about a perspective.
MIN_BOXES = 30
#: Rank correlation of row and height below which there is no perspective to speak of.
MIN_RHO = 0.25
#: Pairs of boxes whose slopes are looked at.
MAX_PAIRS = 20_000
#: Spread of the logarithm of the height at one row that is always granted.
MIN_SIGMA = 0.1

_MIDDLES = (np.arange(BANDS) + 0.5) / BANDS


@dataclass(frozen=True, eq=False)
class Perspective:
    """The height of a target at each row of the frame, and how often one stands there.

    Rows and heights are shares of the frame's height; a target's row is that of the bottom of
    its box. ``log(height) = intercept + slope * row``, with a spread of ``sigma``.

    Attributes
    ----------
    slope, intercept, sigma : float
        Of that line; a slope of 0 says that the row tells nothing.
    kind : str
        ``learnt``, ``rows`` (no perspective found: rows as often as they occur), ``uniform`` or
        ``given``.
    boxes : int
        How many boxes it was learnt from.
    rho : float
        Rank correlation of the boxes' middle row and height; NaN where none was taken.
    density : numpy.ndarray
        (BANDS,) share of the targets that stand in each band.
    """

    slope: float
    intercept: float
    sigma: float
    kind: str
    boxes: int = 0
    rho: float = math.nan
    density: Floats = field(default_factory=lambda: np.full(BANDS, 1.0 / BANDS))

    def rows(self, height: float, n: int, generator: np.random.Generator) -> Floats:
        """Rows for the bottom of a target.

        Parameters
        ----------
        height : float
            Of the target, as a share of the frame's.
        n : int
            How many rows.
        generator : numpy.random.Generator
            Chance.

        Returns
        -------
        numpy.ndarray
            (n,) float64 from ``height`` to 1: the whole target is in the frame.
        """
        if self.kind == "uniform":
            return generator.uniform(min(height, 1.0), 1.0, n)
        fit = np.log(self.density)
        if self.slope != 0.0:
            off = (
                math.log(max(height, 1e-9)) - self.intercept - self.slope * _MIDDLES
            ) / self.sigma
            fit = fit - 0.5 * off * off
        fit = np.where(height <= _MIDDLES + 0.5 / BANDS, fit, -np.inf)
        if not np.isfinite(fit).any():
            return np.ones(n)
        # A height that no row explains still has a row that explains it best.
        weights = np.exp(fit - fit.max())
        ends = np.cumsum(weights)
        band = np.searchsorted(ends, generator.random(n) * ends[-1], side="right")
        row = (np.minimum(band, BANDS - 1) + generator.random(n)) / BANDS
        return np.asarray(np.clip(row, min(height, 1.0), 1.0))

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "kind": self.kind,
            "slope": self.slope,
            "intercept": self.intercept,
            "sigma": self.sigma if math.isfinite(self.sigma) else None,
            "boxes": self.boxes,
            "rho": None if math.isnan(self.rho) else self.rho,
        }


def uniform() -> Perspective:
    """Give the prior that prefers no row."""
    return Perspective(0.0, 0.0, math.inf, "uniform")


def given(values: Mapping[str, Any]) -> Perspective:
    """Make a prior of the user's own numbers.

    Parameters
    ----------
    values : mapping
        ``slope``, ``intercept`` and ``sigma`` of ``log(height) = intercept + slope * row``.

    Raises
    ------
    ValueError
        For other keys, values that are not finite, or a sigma of 0 or less.
    """
    if set(values) != {"slope", "intercept", "sigma"}:
        raise ValueError(
            f"placement: got the keys {sorted(map(str, values))}, expected intercept, sigma, slope"
        )
    slope, intercept, sigma = (
        as_number(values[key], f"placement {key}") for key in ("slope", "intercept", "sigma")
    )
    if not (math.isfinite(slope) and math.isfinite(intercept) and 0 < sigma < math.inf):
        raise ValueError(
            f"placement: got slope {slope}, intercept {intercept}, sigma {sigma}, expected finite "
            "numbers and a sigma over 0"
        )
    return Perspective(slope, intercept, sigma, "given")


def learn(heights: npt.ArrayLike, bottoms: npt.ArrayLike) -> Perspective:
    """Learn the perspective of a set.

    The line is that of Theil and Sen (the median of the slopes between pairs of boxes), its
    spread the median absolute deviation. It is taken only where rank correlation shows that
    row and height go together; that is asked of the boxes' *middle* rows, since the bottom of a
    tall box cannot be high in the frame whatever the scene. Otherwise targets stand where the
    boxes stand.

    Parameters
    ----------
    heights, bottoms : array_like
        (n,) height and bottom row of each box, as shares of its frame's height. Rows that are
        not finite or have no height do not count.

    Returns
    -------
    Perspective

    Examples
    --------
    >>> import numpy as np
    >>> row = np.linspace(0.3, 0.9, 50)
    >>> seen = learn(np.exp(-5 + 4 * row), row)
    >>> seen.kind, round(seen.slope, 2), round(seen.intercept, 2)
    ('learnt', 4.0, -5.0)
    """
    h, row = np.asarray(heights, np.float64), np.asarray(bottoms, np.float64)
    fine = np.isfinite(h) & np.isfinite(row) & (h > 0)
    h, row = h[fine], np.clip(row[fine], 0.0, 1.0)
    n = len(h)
    if n == 0:
        return uniform()
    density = _density(row)
    flat = Perspective(0.0, 0.0, math.inf, "rows", n, math.nan, density)
    if n < MIN_BOXES:
        return flat
    log_h = np.log(h)
    rho = _rank_correlation(row - h / 2, log_h)
    slope, intercept = _line(row, log_h)
    seen = Perspective(slope, intercept, _spread(row, log_h, slope, intercept), "learnt", n, rho)
    # A slope against the correlation is the frame's doing, not the scene's.
    if abs(rho) < max(MIN_RHO, 2.6 / math.sqrt(n)) or slope * rho <= 0:
        return Perspective(0.0, 0.0, math.inf, "rows", n, rho, density)
    return Perspective(seen.slope, seen.intercept, seen.sigma, "learnt", n, rho, density)


def _density(row: Floats) -> Floats:
    counts = np.bincount(np.minimum((row * BANDS).astype(np.int64), BANDS - 1), minlength=BANDS)
    kernel = np.exp(-0.5 * (np.arange(-6, 7) / 2.0) ** 2)
    smooth = np.convolve(np.pad(counts.astype(np.float64), 6, mode="symmetric"), kernel, "valid")
    # A fiftieth is for rows where no box has been seen yet.
    smooth = 0.98 * smooth / smooth.sum() + 0.02 / BANDS
    return np.asarray(smooth)


def _ranks(values: Floats) -> Floats:
    """Ranks, those of equal values averaged."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return np.asarray((last - (counts - 1) / 2.0)[inverse])


def _rank_correlation(a: Floats, b: Floats) -> float:
    ra, rb = _ranks(a), _ranks(b)
    ra, rb = ra - ra.mean(), rb - rb.mean()
    scale = math.sqrt(float(ra @ ra) * float(rb @ rb))
    return float(ra @ rb) / scale if scale > 0 else 0.0


def _line(row: Floats, log_h: Floats) -> tuple[float, float]:
    """Theil-Sen over all pairs, or over as many drawn ones as are looked at."""
    n = len(row)
    if n * (n - 1) // 2 <= MAX_PAIRS:
        i, j = np.triu_indices(n, 1)
    else:
        generator = np.random.Generator(np.random.PCG64(n))
        i, j = generator.integers(0, n, (2, 2 * MAX_PAIRS))
    apart = np.abs(row[i] - row[j]) > 1e-6
    if not apart.any():
        return 0.0, float(np.median(log_h))
    i, j = i[apart], j[apart]
    slope = float(np.median((log_h[i] - log_h[j]) / (row[i] - row[j])))
    return slope, float(np.median(log_h - slope * row))


def _spread(row: Floats, log_h: Floats, slope: float, intercept: float) -> float:
    off = np.abs(log_h - intercept - slope * row)
    return max(MIN_SIGMA, 1.4826 * float(np.median(off)))
