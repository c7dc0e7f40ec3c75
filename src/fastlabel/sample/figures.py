"""The figures of the drawn scenes: people, cars, dogs, parcels, bicycles.

Each is drawn into a cut-out whose outline gives the label's box, so boxes are exact.
Proportions stay within a narrow band per class, as those of real things do.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .paint import Canvas, Color, Pixels, Rng, jitter, mix

_SKIN: tuple[Color, ...] = ((150, 180, 225), (110, 145, 200), (75, 105, 160), (50, 70, 110))
_CLOTH: tuple[Color, ...] = (
    (60, 60, 190),
    (170, 90, 40),
    (70, 140, 60),
    (40, 190, 230),
    (200, 200, 205),
    (120, 60, 130),
    (50, 50, 55),
    (160, 160, 40),
    (60, 120, 220),
)
_CAR: tuple[Color, ...] = (
    (50, 45, 170),
    (165, 100, 45),
    (205, 205, 210),
    (70, 70, 75),
    (70, 115, 65),
    (60, 165, 215),
    (150, 150, 145),
)
_FUR: tuple[Color, ...] = ((50, 90, 150), (40, 50, 70), (120, 165, 205), (190, 205, 215))
_CARDBOARD: Color = (95, 145, 190)
_DARK: Color = (35, 33, 32)


@dataclass(frozen=True)
class Sprite:
    """A cut-out figure: colours (H, W, 3), coverage 0..1 (H, W); it touches all four sides."""

    name: str
    colors: Pixels
    cover: Pixels

    @property
    def width(self) -> int:
        """Width of the figure, and of its box, in pixels."""
        return int(self.cover.shape[1])

    @property
    def height(self) -> int:
        """Height of the figure, and of its box, in pixels."""
        return int(self.cover.shape[0])


def _pick(rng: Rng, colors: tuple[Color, ...]) -> Color:
    return jitter(rng, colors[int(rng.integers(len(colors)))], 14)


def _limb(c: Canvas, points: list[tuple[float, float]], width: float, color: Color) -> None:
    c.line(points, width, mix(color, _DARK, 0.35))
    c.line(points, width * 0.72, color)


def _person(c: Canvas, rng: Rng, u: float) -> None:
    """Draw a standing or walking person, about 0.38 u wide and u tall."""
    skin, hair = _pick(rng, _SKIN), jitter(rng, (40, 50, 70), 25)
    top, legs = _pick(rng, _CLOTH), jitter(rng, (95, 65, 50), 30)
    x, step, swing = 0.25 * u, rng.uniform(0.05, 0.11) * u, rng.uniform(0.12, 0.16) * u
    for side in (-1, 1):
        foot = (x + side * step, 0.96 * u)
        knee = (x + side * step * 0.75, 0.76 * u)
        _limb(c, [(x + side * 0.045 * u, 0.52 * u), knee, foot], 0.085 * u, legs)
        c.ellipse(foot[0] + 0.015 * u, 0.975 * u, 0.05 * u, 0.022 * u, _DARK)
    back_hand = (x - swing, rng.uniform(0.50, 0.56) * u)
    _limb(c, [(x - 0.08 * u, 0.24 * u), (x - 0.125 * u, 0.39 * u), back_hand], 0.06 * u, top)
    c.ellipse(*back_hand, 0.024 * u, 0.026 * u, skin)
    torso = [
        (x - 0.09 * u, 0.195 * u),
        (x + 0.09 * u, 0.195 * u),
        (x + 0.115 * u, 0.25 * u),
        (x + 0.085 * u, 0.55 * u),
        (x - 0.085 * u, 0.55 * u),
        (x - 0.115 * u, 0.25 * u),
    ]
    c.polygon(torso, mix(top, _DARK, 0.3))
    c.polygon([(x + (px - x) * 0.9, 0.01 * u + py * 0.975) for px, py in torso], top)
    _garment(c, rng, x, u, top)
    front_hand = (x + swing, rng.uniform(0.44, 0.54) * u)
    _limb(c, [(x + 0.08 * u, 0.24 * u), (x + 0.12 * u, 0.38 * u), front_hand], 0.06 * u, top)
    c.ellipse(*front_hand, 0.024 * u, 0.026 * u, skin)
    c.rect(x - 0.025 * u, 0.14 * u, x + 0.025 * u, 0.21 * u, mix(skin, _DARK, 0.25))
    _head(c, rng, x, u, skin, hair)


def _garment(c: Canvas, rng: Rng, x: float, u: float, top: Color) -> None:
    kind = rng.integers(4)
    light = mix(top, (255, 255, 255), 0.55)
    if kind == 0:  # stripes
        for k in range(4):
            y = (0.26 + 0.07 * k) * u
            c.rect(x - 0.08 * u, y, x + 0.08 * u, y + 0.025 * u, light)
    elif kind == 1:  # a jacket's zip and pockets
        c.line([(x, 0.21 * u), (x, 0.54 * u)], 0.012 * u, _DARK)
        for side in (-1, 1):
            at = x + side * 0.045 * u
            c.line([(at - 0.02 * u, 0.44 * u), (at + 0.02 * u, 0.43 * u)], 0.012 * u, _DARK)
    elif kind == 2:  # a shoulder bag
        c.line([(x - 0.08 * u, 0.2 * u), (x + 0.07 * u, 0.45 * u)], 0.018 * u, _DARK)
        c.rect(x + 0.02 * u, 0.43 * u, x + 0.11 * u, 0.53 * u, mix(_DARK, top, 0.25))
    else:  # a print
        c.rect(x - 0.045 * u, 0.28 * u, x + 0.045 * u, 0.37 * u, light)
        c.rect(x - 0.02 * u, 0.30 * u, x + 0.02 * u, 0.35 * u, _DARK)


def _head(c: Canvas, rng: Rng, x: float, u: float, skin: Color, hair: Color) -> None:
    c.ellipse(x, 0.085 * u, 0.068 * u, 0.085 * u, hair)
    c.ellipse(x, 0.1 * u, 0.055 * u, 0.068 * u, skin)
    for side in (-1, 1):
        c.ellipse(x + side * 0.022 * u, 0.095 * u, 0.008 * u, 0.01 * u, _DARK)
    c.line([(x - 0.016 * u, 0.135 * u), (x + 0.016 * u, 0.135 * u)], 0.008 * u, _DARK)
    if rng.random() < 0.4:  # a cap
        cap = _pick(rng, _CLOTH)
        c.ellipse(x, 0.06 * u, 0.07 * u, 0.06 * u, cap)
        c.rect(x - 0.075 * u, 0.06 * u, x + 0.095 * u, 0.078 * u, mix(cap, _DARK, 0.4))
        c.ellipse(x, 0.105 * u, 0.052 * u, 0.03 * u, skin)


def _car(c: Canvas, rng: Rng, u: float) -> None:
    """Draw a car from the side, u wide and about 0.40 u tall."""
    paint = _pick(rng, _CAR)
    glass = jitter(rng, (120, 95, 75), 15)
    roof, nose, tail = rng.uniform(0.0, 0.03), rng.uniform(0.19, 0.23), rng.uniform(0.17, 0.21)
    van = rng.random() < 0.3
    back = 0.03 if van else rng.uniform(0.08, 0.16)
    body = [
        (0.00, tail + 0.02),
        (0.02, tail - 0.02),
        (back, tail - 0.02),
        (back + 0.10, roof),
        (0.58, roof),
        (0.74, nose - 0.02),
        (0.96, nose + 0.01),
        (1.00, nose + 0.07),
        (1.00, 0.33),
        (0.00, 0.33),
    ]
    c.polygon([(a * u, b * u) for a, b in body], mix(paint, _DARK, 0.18))
    c.polygon([(a * u, (b * 0.95 + 0.008) * u) for a, b in body], paint)
    c.rect(0.0, 0.27 * u, u, 0.325 * u, mix(paint, _DARK, 0.45))
    for x1, x2, lean1, lean2 in ((back + 0.045, 0.36, 0.075, 0.0), (0.39, 0.64, 0.0, 0.085)):
        window = [
            (x1 + lean1, roof + 0.035),
            (x2 - lean2, roof + 0.035),
            (x2 + 0.02 * (lean2 > 0), 0.16),
            (x1, 0.16),
        ]
        c.polygon([(a * u, b * u) for a, b in window], glass)
        shine = [(x1 + 0.1, 0.05 + roof), (x1 + 0.14, 0.05 + roof), (x1 + 0.09, 0.15)]
        c.polygon([(a * u, b * u) for a, b in shine], mix(glass, (255, 255, 255), 0.5))
    for x in (0.37, 0.66):
        c.line([(x * u, 0.17 * u), (x * u, 0.30 * u)], 0.006 * u, mix(paint, _DARK, 0.6))
    for x in (0.31, 0.58):
        c.rect(x * u, 0.195 * u, (x + 0.045) * u, 0.208 * u, mix(paint, _DARK, 0.7))
    c.rect(0.0, 0.21 * u, 0.035 * u, 0.255 * u, (50, 50, 200))
    c.ellipse(0.965 * u, 0.245 * u, 0.03 * u, 0.022 * u, (215, 240, 250))
    for x in (0.20, 0.79):
        c.ellipse(x * u, 0.315 * u, 0.088 * u, 0.088 * u, _DARK)
        c.ellipse(x * u, 0.32 * u, 0.05 * u, 0.05 * u, (165, 165, 165))
        for k in range(5):
            angle = 2 * np.pi * k / 5 + 0.3
            tip = (x * u + 0.045 * u * np.cos(angle), 0.32 * u + 0.045 * u * np.sin(angle))
            c.line([(x * u, 0.32 * u), tip], 0.012 * u, (70, 70, 70))


def _dog(c: Canvas, rng: Rng, u: float) -> None:
    """Draw a dog from the side, u wide and about 0.75 u tall."""
    fur = _pick(rng, _FUR)
    dark, light = mix(fur, _DARK, 0.4), mix(fur, (235, 240, 245), 0.45)
    for x, lean in ((0.26, -0.04), (0.64, 0.05)):
        c.line([(x * u, 0.5 * u), ((x + lean) * u, 0.73 * u)], 0.065 * u, dark)
    tail = [(0.17 * u, 0.36 * u), (0.07 * u, 0.26 * u), (0.04 * u, rng.uniform(0.1, 0.2) * u)]
    c.line(tail, 0.05 * u, fur)
    c.ellipse(0.43 * u, 0.42 * u, 0.3 * u, 0.15 * u, mix(fur, _DARK, 0.15))
    c.ellipse(0.43 * u, 0.40 * u, 0.28 * u, 0.13 * u, fur)
    c.polygon(
        [(0.6 * u, 0.5 * u), (0.56 * u, 0.3 * u), (0.74 * u, 0.1 * u), (0.84 * u, 0.25 * u)], fur
    )
    for x, lean in ((0.2, 0.03), (0.69, -0.02)):
        c.line([(x * u, 0.46 * u), ((x + lean) * u, 0.73 * u)], 0.075 * u, fur)
        c.ellipse((x + lean + 0.015) * u, 0.735 * u, 0.05 * u, 0.022 * u, light)
    c.ellipse(0.8 * u, 0.17 * u, 0.115 * u, 0.105 * u, fur)
    c.ellipse(0.91 * u, 0.205 * u, 0.085 * u, 0.06 * u, light)
    c.ellipse(0.975 * u, 0.185 * u, 0.026 * u, 0.024 * u, _DARK)
    c.ellipse(0.835 * u, 0.14 * u, 0.02 * u, 0.02 * u, _DARK)
    c.ellipse(0.735 * u, 0.18 * u, 0.045 * u, 0.1 * u, dark, 12)
    c.line([(0.66 * u, 0.33 * u), (0.8 * u, 0.3 * u)], 0.035 * u, _pick(rng, _CLOTH))
    for _ in range(int(rng.integers(0, 5))):
        x, y = rng.uniform(0.25, 0.6) * u, rng.uniform(0.34, 0.45) * u
        c.ellipse(x, y, rng.uniform(0.03, 0.07) * u, rng.uniform(0.03, 0.05) * u, dark)


def _parcel(c: Canvas, rng: Rng, u: float) -> None:
    """Draw a cardboard box seen a little from above, u wide and about 0.8 u tall."""
    card = jitter(rng, _CARDBOARD, 18)
    edge, rise, height = rng.uniform(0.68, 0.76), rng.uniform(0.16, 0.22), rng.uniform(0.74, 0.84)
    front = [(0, rise), (edge, rise), (edge, height), (0, height)]
    side = [(edge, rise), (1, 0), (1, height - rise * 0.9), (edge, height)]
    top = [(0, rise), (1 - edge, 0), (1, 0), (edge, rise)]
    faces = ((front, card), (side, mix(card, _DARK, 0.35)), (top, mix(card, (255, 255, 255), 0.3)))
    for face, color in faces:
        c.polygon([(a * u, b * u) for a, b in face], color)
    tape = mix(card, (60, 90, 130), 0.6)
    middle = edge / 2
    c.rect((middle - 0.05) * u, rise * u, (middle + 0.05) * u, (rise + 0.2) * u, tape)
    lid = [(middle - 0.05, rise), (middle + 0.05, rise), (middle + 0.34, 0), (middle + 0.24, 0)]
    c.polygon([(a * u, b * u) for a, b in lid], tape)
    c.rect(0.06 * u, (height - 0.27) * u, 0.32 * u, (height - 0.06) * u, (235, 238, 240))
    for k in range(7):
        x = (0.085 + 0.03 * k) * u
        width = (0.008 + 0.01 * (k % 3 == 0)) * u
        c.rect(x, (height - 0.24) * u, x + width, (height - 0.14) * u, _DARK)
    c.line([(0.09 * u, (height - 0.1) * u), (0.26 * u, (height - 0.1) * u)], 0.012 * u, _DARK)
    arrow = (edge - 0.1) * u
    c.polygon(
        [
            (arrow - 0.05 * u, (height - 0.16) * u),
            (arrow, (height - 0.25) * u),
            (arrow + 0.05 * u, (height - 0.16) * u),
        ],
        _DARK,
    )
    c.rect(arrow - 0.018 * u, (height - 0.17) * u, arrow + 0.018 * u, (height - 0.07) * u, _DARK)


def _bicycle(c: Canvas, rng: Rng, u: float) -> None:
    """Draw a bicycle from the side, u wide and about 0.62 u tall."""
    paint = _pick(rng, _CLOTH)
    for x in (0.20, 0.80):
        c.ring(x * u, 0.43 * u, 0.185 * u, 0.035 * u, _DARK)
        for k in range(6):
            a = np.pi * k / 6
            dx, dy = 0.17 * u * np.cos(a), 0.17 * u * np.sin(a)
            ends = [(x * u - dx, 0.43 * u - dy), (x * u + dx, 0.43 * u + dy)]
            c.line(ends, 0.006 * u, (150, 150, 150))
    tubes = (
        ((0.20, 0.43), (0.36, 0.18)),
        ((0.36, 0.18), (0.68, 0.16)),
        ((0.20, 0.43), (0.46, 0.44)),
        ((0.46, 0.44), (0.36, 0.18)),
        ((0.46, 0.44), (0.68, 0.16)),
        ((0.80, 0.43), (0.66, 0.06)),
    )
    for (x1, y1), (x2, y2) in tubes:
        c.line([(x1 * u, y1 * u), (x2 * u, y2 * u)], 0.032 * u, paint)
    c.line([(0.36 * u, 0.18 * u), (0.34 * u, 0.1 * u)], 0.025 * u, _DARK)
    c.ellipse(0.34 * u, 0.09 * u, 0.075 * u, 0.022 * u, _DARK)
    c.line([(0.66 * u, 0.06 * u), (0.74 * u, 0.03 * u)], 0.03 * u, _DARK)
    c.ellipse(0.46 * u, 0.44 * u, 0.04 * u, 0.04 * u, (90, 90, 90))


#: Class name -> how it is drawn, in u = the canvas's longer side.
_DRAW: dict[str, Callable[[Canvas, Rng, float], None]] = {
    "person": _person,
    "car": _car,
    "dog": _dog,
    "parcel": _parcel,
    "bicycle": _bicycle,
}

#: Class names in the order of their ids.
CLASSES = tuple(_DRAW)


def draw(rng: Rng, name: str, size: float) -> Sprite:
    """Draw one figure.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of its colours and proportions.
    name : str
        One of :data:`CLASSES`.
    size : float
        About the longer side of the figure, in pixels.

    Returns
    -------
    Sprite
        Cropped so that the figure touches all four sides of it.
    """
    side = int(np.ceil(size)) + 4
    canvas = Canvas(side, side, scale=4, alpha=True)
    _DRAW[name](canvas, rng, size)
    colors, cover = canvas.cut_out()
    grain = rng.standard_normal(cover.shape).astype(np.float32)
    colors = colors + 5.0 * grain[..., None]
    rows = np.flatnonzero((cover >= 0.5).any(axis=1))
    columns = np.flatnonzero((cover >= 0.5).any(axis=0))
    part = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    colors, cover = colors[part], cover[part]
    if name != "parcel" and rng.random() < 0.5:
        colors, cover = colors[:, ::-1], cover[:, ::-1]
    return Sprite(name, np.ascontiguousarray(colors), np.ascontiguousarray(cover))
