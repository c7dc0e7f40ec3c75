"""Backdrops of the drawn scenes: a doorbell's porch, a yard, a street, a drone's view."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .paint import (
    Canvas,
    Color,
    Pixels,
    Points,
    Rng,
    add_texture,
    fractal,
    grain,
    jitter,
    mix,
)

_WALLS: tuple[Color, ...] = (
    (150, 180, 205),
    (185, 190, 190),
    (95, 120, 175),
    (170, 160, 130),
    (130, 165, 150),
    (205, 215, 225),
)
_ROOFS: tuple[Color, ...] = ((60, 65, 110), (75, 72, 70), (55, 75, 95), (90, 80, 75))
_GRASS: Color = (62, 128, 98)
_ASPHALT: Color = (104, 101, 99)
_CONCRETE: Color = (168, 176, 180)
_WOOD: Color = (82, 118, 150)
_WHITE: Color = (232, 236, 238)
_DARK: Color = (42, 40, 38)
_GLASS: Color = (150, 125, 95)


@dataclass(frozen=True)
class Backdrop:
    """An empty scene and where things can stand in it.

    Attributes
    ----------
    image : numpy.ndarray
        (H, W, 3) float32.
    feet : dict
        Class name -> highest and lowest line its feet may stand on, in shares of H.
    near, far : float
        Height of a person at the lowest and the highest line of all, in shares of the
        picture's longer side.
    """

    image: Pixels
    feet: dict[str, tuple[float, float]]
    near: float
    far: float


class _Place:
    """A canvas and the textures to lay over it once it is drawn."""

    def __init__(self, rng: Rng, width: int, height: int) -> None:
        self.rng, self.w, self.h = rng, width, height
        self.canvas = Canvas(width, height)
        self._cover: list[tuple[Points, str]] = []

    def area(self, points: Points, color: Color, material: str) -> None:
        """Fill a polygon and give it the texture of a material."""
        self.canvas.polygon(points, color)
        self._cover.append((points, material))

    def band(self, y1: float, y2: float, color: Color, material: str) -> None:
        """Lay a material from side to side."""
        self.area([(-2, y1), (self.w + 2, y1), (self.w + 2, y2), (-2, y2)], color, material)

    def sky(self, horizon: float) -> None:
        """Paint the sky down to the horizon."""
        top = jitter(self.rng, (215, 165, 115), 18)
        self.canvas.gradient(0, horizon, top, (232, 222, 205))

    def finish(self, ground: Pixels) -> Pixels:
        """Return the picture with textures where they belong.

        ``ground`` is 1 where nothing but the ground was drawn: textures of the ground
        must not show through what stands on it.
        """
        image = self.canvas.pixels()
        for points, material in self._cover:
            mask = self.canvas.mask_of(points) * ground
            for field, strength in _material(self.rng, self.w, self.h, material):
                add_texture(image, mask, field, strength)
        return image

    def ground_mask(self, before: Pixels) -> Pixels:
        """Tell with 1 where the picture still looks as it did ``before``, else 0."""
        changed = np.abs(self.canvas.pixels() - before).max(axis=2) > 1.0
        return np.asarray(~changed, np.float32)


def _material(rng: Rng, w: int, h: int, name: str) -> list[tuple[Pixels, float]]:
    if name == "grass":
        return [(grain(rng, w, h, (1, 2)), 10.0), (fractal(rng, w, h, w / 6), 7.0)]
    if name == "asphalt":
        return [(grain(rng, w, h), 5.5), (fractal(rng, w, h, w / 4), 4.0)]
    if name == "gravel":
        return [(grain(rng, w, h, (1.6, 1.3)), 9.0), (fractal(rng, w, h, w / 5), 4.0)]
    if name == "wood":
        return [(grain(rng, w, h, (5, 1)), 6.0), (fractal(rng, w, h, w / 8), 3.0)]
    if name == "concrete":
        return [(grain(rng, w, h), 3.5), (fractal(rng, w, h, w / 10), 4.0)]
    raise ValueError(f"no material named {name!r}")


def _clouds(rng: Rng, image: Pixels, horizon: float) -> None:
    rows = int(horizon)
    if rows < 8:
        return
    width = image.shape[1]
    field = fractal(rng, width, rows, width / 3)
    cover = np.clip((field - rng.uniform(0.2, 0.9)) * 0.7, 0, 0.75)[..., None]
    part = image[:rows]
    # Only where the sky itself is seen: it is the bluest and brightest thing there.
    sky = ((part[..., 0] > 195) & (part[..., 0] >= part[..., 2]))[..., None]
    part += np.where(sky, (np.asarray((250, 250, 248)) - part) * cover, 0).astype(np.float32)


def _pick(rng: Rng, colors: tuple[Color, ...]) -> Color:
    return jitter(rng, colors[int(rng.integers(len(colors)))], 10)


def _window(c: Canvas, x: float, y: float, w: float, h: float) -> None:
    edge = max(1.2, 0.09 * w)
    c.rect(x - edge, y - edge, x + w + edge, y + h + edge, _WHITE)
    c.rect(x, y, x + w, y + h, _GLASS)
    c.polygon([(x, y + 0.7 * h), (x + 0.75 * w, y), (x + w, y), (x, y + h)], (205, 190, 165))
    c.rect(x + 0.46 * w, y, x + 0.54 * w, y + h, _WHITE)
    c.rect(x, y + 0.46 * h, x + w, y + 0.54 * h, _WHITE)


def _house(c: Canvas, rng: Rng, x: float, base: float, w: float, h: float) -> None:
    wall, roof = _pick(rng, _WALLS), _pick(rng, _ROOFS)
    top = base - h * 0.66
    c.rect(x, top, x + w, base, wall)
    step = max(2.5, h * 0.035)
    for y in np.arange(top + step, base, step):
        c.line([(x, float(y)), (x + w, float(y))], 0.6, mix(wall, _DARK, 0.28))
    lean = rng.uniform(0.02, 0.3) * w
    over = 0.04 * w
    peak = base - h
    if rng.random() < 0.5:
        c.rect(x + 0.72 * w, peak - 0.02 * h, x + 0.8 * w, top, mix(roof, (70, 80, 150), 0.5))
    c.polygon([(x - over, top), (x + lean, peak), (x + w - lean, peak), (x + w + over, top)], roof)
    for k in range(1, 6):
        t = k / 6
        ends = [(x - over + (lean + over) * t, top - (top - peak) * t)]
        ends.append((x + w + over - (lean + over) * t, ends[0][1]))
        c.line(ends, 0.7, mix(roof, _DARK, 0.45))
    c.rect(x - over, top, x + w + over, top + 0.025 * h, _WHITE)
    columns = 3 if w > 0.9 * h else 2
    door = int(rng.integers(columns))
    for k in range(columns):
        left = x + w * (k + 0.27) / columns
        wide = 0.46 * w / columns
        if k == door:
            color = _pick(rng, ((60, 60, 140), (110, 80, 40), (70, 100, 60), (70, 75, 85)))
            c.rect(left - 1, base - 0.4 * h, left + wide + 1, base, _WHITE)
            c.rect(left, base - 0.39 * h, left + wide, base, color)
            c.ellipse(left + 0.82 * wide, base - 0.19 * h, 0.012 * h, 0.012 * h, (80, 200, 225))
        else:
            _window(c, left, base - 0.5 * h, wide, 0.27 * h)


def _tree(c: Canvas, rng: Rng, x: float, base: float, h: float) -> None:
    trunk = jitter(rng, (55, 75, 95), 10)
    c.polygon(
        [
            (x - 0.04 * h, base),
            (x - 0.025 * h, base - 0.5 * h),
            (x + 0.025 * h, base - 0.5 * h),
            (x + 0.04 * h, base),
        ],
        trunk,
    )
    _crown(c, rng, x, base - 0.66 * h, 0.28 * h, 0.32 * h)


def _crown(c: Canvas, rng: Rng, x: float, y: float, rx: float, ry: float) -> None:
    leaf = jitter(rng, (50, 105, 70), 18)
    c.ellipse(x, y, rx, ry, mix(leaf, _DARK, 0.35))
    for k in range(70):
        angle, far = rng.uniform(0, 2 * np.pi), np.sqrt(rng.uniform(0, 1))
        px, py = x + far * rx * np.cos(angle), y + far * ry * np.sin(angle)
        lit = 0.5 - 0.5 * (py - y) / ry
        shade = mix(mix(leaf, _DARK, 0.4), mix(leaf, (90, 210, 190), 0.45), lit * k / 70)
        size = rng.uniform(0.08, 0.2)
        c.ellipse(px, py, size * rx, size * ry * 0.8, shade, rng.uniform(-40, 40))


def _bush(c: Canvas, rng: Rng, x: float, base: float, w: float) -> None:
    _crown(c, rng, x, base - 0.25 * w, 0.5 * w, 0.28 * w)


def _tree_line(c: Canvas, rng: Rng, y: float, height: float) -> None:
    leaf = jitter(rng, (85, 115, 95), 10)
    x = -height
    while x < c.width + height:
        r = rng.uniform(0.5, 1.0) * height
        c.ellipse(x, y, r, r, mix(leaf, _DARK, rng.uniform(0, 0.25)))
        x += rng.uniform(0.5, 1.1) * height


def _fence(c: Canvas, rng: Rng, top: float, base: float, plank: float) -> None:
    wood = jitter(rng, _WOOD, 20)
    x = -rng.uniform(0, plank)
    while x < c.width:
        shade = jitter(rng, wood, 14)
        peak = [(x, base), (x, top + 0.05 * (base - top)), (x + plank * 0.45, top)]
        peak += [(x + plank * 0.9, top + 0.05 * (base - top)), (x + plank * 0.9, base)]
        c.polygon(peak, shade)
        c.line([(x + plank * 0.9, top), (x + plank * 0.9, base)], 0.8, mix(shade, _DARK, 0.6))
        x += plank
    for share in (0.22, 0.78):
        y = top + share * (base - top)
        c.rect(0, y, c.width, y + 0.06 * (base - top), mix(wood, _DARK, 0.22))


def _road_across(p: _Place, y1: float, y2: float) -> None:
    p.band(y1 - 0.014 * p.h, y2 + 0.016 * p.h, _CONCRETE, "concrete")
    p.band(y1, y2, jitter(p.rng, _ASPHALT, 10), "asphalt")
    middle, dash = (y1 + y2) / 2, p.w / 9
    for k in range(10):
        x = (k - p.rng.uniform(0.45, 0.5)) * dash
        p.canvas.rect(x, middle - 0.005 * p.h, x + 0.55 * dash, middle + 0.005 * p.h, _WHITE)


def _row_of_houses(p: _Place, base: float, height: float) -> None:
    x = -p.rng.uniform(0.05, 0.2) * p.w
    while x < p.w:
        w = p.rng.uniform(0.9, 1.5) * height
        if p.rng.random() < 0.75:
            _house(p.canvas, p.rng, x, base, w, height * p.rng.uniform(0.85, 1.1))
        else:
            _tree(p.canvas, p.rng, x + 0.5 * w, base, height * 1.25)
        x += w + p.rng.uniform(0.08, 0.35) * height


def doorbell(rng: Rng, w: int, h: int) -> Backdrop:
    """Look out from beside a front door: porch, a path over the lawn, the road, houses."""
    p = _Place(rng, w, h)
    horizon = rng.uniform(0.36, 0.42) * h
    road = (horizon + 0.07 * h, horizon + 0.20 * h)
    porch = rng.uniform(0.78, 0.83) * h
    p.sky(horizon)
    _tree_line(p.canvas, rng, horizon - 0.02 * h, 0.05 * h)
    p.band(horizon - 0.01 * h, h, jitter(rng, _GRASS, 12), "grass")
    _road_across(p, *road)
    centre = rng.uniform(0.4, 0.62) * w
    path = [(centre - 0.05 * w, road[1]), (centre + 0.05 * w, road[1])]
    path += [(centre + 0.17 * w, porch), (centre - 0.17 * w, porch)]
    p.area(path, jitter(rng, _CONCRETE, 10), "concrete")
    for k in range(1, 6):
        t = (k / 6) ** 1.4
        y, half = road[1] + (porch - road[1]) * t, (0.05 + 0.12 * t) * w
        p.canvas.line([(centre - half, y), (centre + half, y)], 1.2, (125, 130, 132))
    p.band(porch, h, jitter(rng, _WOOD, 18), "wood")
    for k in range(-14, 15):
        ends = [(centre + k * 0.06 * w, porch), (centre + k * 0.115 * w, h)]
        p.canvas.line(ends, 1.4, (45, 62, 82))
    p.canvas.rect(0, porch, w, porch + 0.012 * h, (60, 85, 110))
    before = p.canvas.pixels()
    _row_of_houses(p, horizon + 0.03 * h, rng.uniform(0.24, 0.30) * h)
    _bush(p.canvas, rng, 0.05 * w, porch - 0.05 * h, 0.16 * w)
    _bush(p.canvas, rng, 0.95 * w, porch - 0.05 * h, 0.16 * w)
    post = 0.0 if rng.random() < 0.5 else 0.945 * w
    p.canvas.rect(post, 0, post + 0.055 * w, h, _WHITE)
    p.canvas.rect(post + 0.012 * w, 0, post + 0.022 * w, h, (185, 192, 196))
    p.canvas.rect(0, 0, w, 0.035 * h, (215, 222, 226))
    p.canvas.rect(0, 0.035 * h, w, 0.05 * h, (120, 130, 135))
    image = p.finish(p.ground_mask(before))
    _clouds(rng, image, horizon)
    feet = {
        "person": (road[1] / h + 0.06, 0.95),
        "dog": (road[1] / h + 0.14, 0.93),
        "car": (road[0] / h + 0.10, road[1] / h),
        "parcel": (0.86, 0.97),
        "bicycle": (road[1] / h + 0.10, 0.80),
    }
    return Backdrop(image, feet, near=0.38, far=0.085)


def yard(rng: Rng, w: int, h: int) -> Backdrop:
    """Look into the yard: a fence, a lawn, a shed, trees, a patio in front."""
    p = _Place(rng, w, h)
    ground = rng.uniform(0.44, 0.5) * h
    p.sky(ground)
    _tree_line(p.canvas, rng, ground - 0.16 * h, 0.09 * h)
    p.band(ground, h, jitter(rng, _GRASS, 14), "grass")
    patio = rng.uniform(0.80, 0.86) * h
    p.band(patio, h, jitter(rng, (150, 165, 180), 14), "concrete")
    for k in range(-12, 13):
        ends = [(0.5 * w + k * 0.09 * w, patio), (0.5 * w + k * 0.15 * w, h)]
        p.canvas.line(ends, 1.2, (110, 120, 128))
    for t in (0.2, 0.5):
        y = patio + t * (h - patio)
        p.canvas.line([(0, y), (w, y)], 1.2, (110, 120, 128))
    drive = rng.uniform(0.5, 0.7) * w
    lane = [(drive, ground), (w + 2, ground), (w + 2, ground + 0.2 * h), (drive, ground + 0.2 * h)]
    p.area(lane, jitter(rng, (135, 145, 150), 8), "gravel")
    before = p.canvas.pixels()
    for k in range(3):
        _tree(p.canvas, rng, (k + rng.uniform(0.1, 0.9)) * w / 3, ground, rng.uniform(0.4, 0.5) * h)
    _fence(p.canvas, rng, ground - rng.uniform(0.13, 0.17) * h, ground + 0.01 * h, 0.028 * w)
    shed = rng.uniform(0.04, 0.3) * w
    _house(p.canvas, rng, shed, ground + 0.05 * h, 0.2 * w, rng.uniform(0.3, 0.36) * h)
    for k in range(3):
        _bush(p.canvas, rng, (k + rng.uniform(0, 0.9)) * w / 3, ground + 0.05 * h, 0.09 * w)
    image = p.finish(p.ground_mask(before))
    _clouds(rng, image, ground)
    feet = {
        "person": (ground / h + 0.12, 0.96),
        "dog": (ground / h + 0.16, 0.96),
        "car": (ground / h + 0.13, ground / h + 0.19),
        "parcel": (patio / h + 0.02, 0.97),
        "bicycle": (ground / h + 0.14, 0.9),
    }
    return Backdrop(image, feet, near=0.36, far=0.10)


def street(rng: Rng, w: int, h: int) -> Backdrop:
    """Look along a street: facades, pavements and a road that run to one point."""
    p = _Place(rng, w, h)
    horizon = rng.uniform(0.36, 0.42) * h
    vx = rng.uniform(0.42, 0.58) * w
    p.sky(horizon)
    _tree_line(p.canvas, rng, horizon, 0.06 * h)
    p.band(horizon, h, jitter(rng, _CONCRETE, 12), "concrete")
    left, right = vx - rng.uniform(0.62, 0.75) * w, vx + rng.uniform(0.62, 0.75) * w
    kerb = [(vx, horizon), (right + 0.04 * w, h + 2), (left - 0.04 * w, h + 2)]
    p.canvas.polygon(kerb, (150, 155, 158))
    p.area([(vx, horizon), (right, h + 2), (left, h + 2)], jitter(rng, _ASPHALT, 10), "asphalt")
    for k in range(9):
        a, b = (k / 9) ** 2.0, ((k + 0.5) / 9) ** 2.0
        ya, yb = horizon + (h - horizon) * a, horizon + (h - horizon) * b
        ha, hb = 0.012 * w * a, 0.012 * w * b
        middle = (left + right) / 2
        xa, xb = vx + (middle - vx) * a, vx + (middle - vx) * b
        p.canvas.polygon([(xa - ha, ya), (xa + ha, ya), (xb + hb, yb), (xb - hb, yb)], _WHITE)
    before = p.canvas.pixels()
    _facades(p, vx, horizon)
    for side in (-1, 1):
        x = vx + side * rng.uniform(0.2, 0.27) * w
        foot = horizon + 0.14 * h
        p.canvas.rect(x - 0.004 * w, 0.1 * h, x + 0.004 * w, foot, (70, 72, 75))
        p.canvas.rect(x - 0.004 * w, 0.1 * h, x - side * 0.05 * w, 0.115 * h, (70, 72, 75))
        _tree(p.canvas, rng, vx + side * rng.uniform(0.1, 0.14) * w, horizon + 0.05 * h, 0.22 * h)
    image = p.finish(p.ground_mask(before))
    _clouds(rng, image, horizon)
    feet = {
        "person": (horizon / h + 0.14, 0.96),
        "dog": (horizon / h + 0.22, 0.96),
        "car": (horizon / h + 0.18, 0.80),
        "parcel": (0.86, 0.97),
        "bicycle": (horizon / h + 0.2, 0.9),
    }
    return Backdrop(image, feet, near=0.36, far=0.10)


def _facades(p: _Place, vx: float, horizon: float) -> None:
    """Draw buildings on both sides, nearer ones larger, each a wall in perspective."""
    for side in (-1, 1):
        far_edge = 0.08
        for near_edge in (0.16, 0.28, 0.46, 0.75):
            wall = _pick(p.rng, _WALLS)
            tall = p.rng.uniform(0.85, 1.25)
            _facade(p, vx, horizon, side, (far_edge, near_edge), tall, wall)
            far_edge = near_edge


def _facade(
    p: _Place,
    vx: float,
    horizon: float,
    side: int,
    depth: tuple[float, float],
    tall: float,
    wall: Color,
) -> None:
    c = p.canvas

    def at(t: float, v: float) -> tuple[float, float]:
        far, near = depth
        d = far + (near - far) * t
        return vx + side * d * p.w, horizon + d * p.h * (0.32 - 1.1 * tall * v)

    def panel(t1: float, t2: float, v1: float, v2: float, color: Color) -> None:
        c.polygon([at(t1, v1), at(t2, v1), at(t2, v2), at(t1, v2)], color)

    panel(0, 1, 0, 1, wall)
    panel(0, 1, 0.95, 1.0, mix(wall, _DARK, 0.45))
    for k in range(24):
        v = 0.03 + 0.92 * k / 24
        c.line([at(0, v), at(1, v)], 0.6, mix(wall, _DARK, 0.16))
    columns = 2 if depth[1] < 0.3 else 3
    for row in range(3):
        for k in range(columns):
            t, v = (k + 0.25) / columns, 0.1 + 0.3 * row
            wide, high = 0.5 / columns, 0.19
            panel(t - 0.02, t + wide + 0.02, v - 0.012, v + high + 0.012, _WHITE)
            panel(t, t + wide, v, v + high, jitter(p.rng, _GLASS, 30))
            panel(t + wide * 0.45, t + wide * 0.55, v, v + high, _WHITE)
    panel(0.985, 1, 0, 1, mix(wall, _DARK, 0.5))


def drone(rng: Rng, w: int, h: int) -> Backdrop:
    """Look down at a slant: lawns, roofs, tree crowns, a road and a car park."""
    p = _Place(rng, w, h)
    p.band(-2, h + 2, jitter(rng, mix(_GRASS, (150, 200, 185), 0.25), 16), "grass")
    road_y = rng.uniform(0.40, 0.5) * h
    slope = rng.uniform(-0.05, 0.05) * h
    half = 0.085 * h
    strip = [(-2, road_y - half), (w + 2, road_y - half + slope)]
    walk = 0.025 * h
    p.area(
        [(x, y - walk) for x, y in strip]
        + [(w + 2, road_y + half + slope + walk), (-2, road_y + half + walk)],
        _CONCRETE,
        "concrete",
    )
    p.area(
        [*strip, (w + 2, road_y + half + slope), (-2, road_y + half)],
        jitter(rng, _ASPHALT, 8),
        "asphalt",
    )
    for k in range(14):
        x = (k + 0.2) * w / 14
        y = road_y + slope * x / w
        p.canvas.rect(x, y - 1.2, x + 0.5 * w / 14, y + 1.2, _WHITE)
    lot_x = rng.uniform(0.05, 0.4) * w
    lot = (lot_x, road_y + half + 0.06 * h, lot_x + 0.55 * w, 0.97 * h)
    corners = [(lot[0], lot[1]), (lot[2], lot[1]), (lot[2], lot[3]), (lot[0], lot[3])]
    p.area(corners, jitter(rng, (125, 124, 122), 8), "asphalt")
    for k in range(5):
        x = lot[0] + (lot[2] - lot[0]) * k / 4
        p.canvas.rect(x - 1.2, lot[1], x + 1.2, lot[1] + 0.3 * (lot[3] - lot[1]), _WHITE)
    before = p.canvas.pixels()
    x = -rng.uniform(0, 0.1) * w
    while x < w:
        wide = rng.uniform(0.16, 0.24) * w
        _roof(p.canvas, rng, x, road_y - half - rng.uniform(0.09, 0.13) * h, wide, 0.2 * h)
        x += wide + 0.03 * w
        _crown(p.canvas, rng, x, road_y - half - 0.1 * h, 0.03 * w, 0.05 * h)
        x += 0.05 * w
    for _ in range(4):
        cx = rng.choice([rng.uniform(0.0, lot_x / w - 0.04), rng.uniform(lot_x / w + 0.6, 1.0)])
        cy = rng.uniform(road_y / h + 0.2, 0.95)
        _crown(p.canvas, rng, float(cx) * w, cy * h, 0.045 * w, 0.07 * h)
    image = p.finish(p.ground_mask(before))
    feet = {
        "person": (road_y / h + 0.18, 0.97),
        "dog": (road_y / h + 0.18, 0.97),
        "car": (road_y / h - 0.02, 0.95),
        "parcel": (0.62, 0.97),
        "bicycle": (road_y / h + 0.2, 0.95),
    }
    return Backdrop(image, feet, near=0.14, far=0.105)


def _roof(c: Canvas, rng: Rng, x: float, base: float, w: float, h: float) -> None:
    roof, wall = _pick(rng, _ROOFS), _pick(rng, _WALLS)
    ridge, eave = base - h, base - 0.3 * h
    c.rect(x + 0.03 * w, eave, x + 0.97 * w, base, wall)
    for k in range(3):
        left = x + (0.14 + 0.28 * k) * w
        _window(c, left, eave + 0.06 * h, 0.14 * w, 0.15 * h)
    back = [(x + 0.12 * w, ridge - 0.12 * h), (x + 0.88 * w, ridge - 0.12 * h)]
    c.polygon([*back, (x + 0.96 * w, ridge), (x + 0.04 * w, ridge)], mix(roof, _DARK, 0.35))
    slope = [(x + 0.04 * w, ridge), (x + 0.96 * w, ridge), (x + w, eave), (x, eave)]
    c.polygon(slope, mix(roof, _WHITE, 0.12))
    for k in range(1, 9):
        y = ridge + (eave - ridge) * k / 9
        c.line([(x + 0.03 * w, y), (x + 0.97 * w, y)], 0.8, mix(roof, _DARK, 0.4))
    if rng.random() < 0.5:
        for k in range(4):
            left = x + (0.2 + 0.15 * k) * w
            c.rect(left, ridge + 0.2 * h, left + 0.12 * w, ridge + 0.5 * h, (95, 60, 40))
            c.rect(left, ridge + 0.34 * h, left + 0.12 * w, ridge + 0.36 * h, (190, 180, 170))


#: Kind of scene -> how its backdrop is drawn.
BACKDROPS: dict[str, Callable[[Rng, int, int], Backdrop]] = {
    "doorbell": doorbell,
    "yard": yard,
    "street": street,
    "drone": drone,
}
