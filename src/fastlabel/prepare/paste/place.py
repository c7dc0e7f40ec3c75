"""One frame and what stands in it: where another object may go, and what it would hide."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["Frame"]

Box = tuple[float, float, float, float]

#: Cells of a frame's longer side: a small object touches one to four of them.
CELLS = 16


class Frame:
    """The boxes of one image, in a grid, and the objects pasted among them.

    Pasted objects never overlap each other, so what several of them hide of one box is the sum
    of what each hides: exact, and known before any pixel is touched.

    Parameters
    ----------
    width, height : float
        Of the image.
    boxes : sequence of tuple
        x1, y1, x2, y2 of the boxes in it. Those without area inside the image count for nothing.
    exempt : sequence of bool
        Crowd and ignore regions: covering them hides no target, but a paste on top of one is
        still a paste onto a box.
    """

    __slots__ = (
        "_boxes",
        "_cell",
        "_cells",
        "_exempt",
        "_pastes",
        "areas",
        "height",
        "hidden",
        "width",
    )

    def __init__(
        self, width: float, height: float, boxes: Sequence[Box], exempt: Sequence[bool]
    ) -> None:
        self.width, self.height = width, height
        self._cell = max(width, height, 1.0) / CELLS
        self._cells: dict[tuple[int, int], list[int]] = {}
        self._pastes: dict[tuple[int, int], list[Box]] = {}
        self._boxes: list[Box] = []
        self._exempt = list(exempt)
        #: Area of each box inside the image, and how much of it is hidden, in pixels.
        self.areas: list[float] = []
        self.hidden: list[float] = []
        for at, (x1, y1, x2, y2) in enumerate(boxes):
            # NaN compares false, so a box that is not known becomes one without area.
            inside = (
                x1 if x1 > 0 else 0.0,
                y1 if y1 > 0 else 0.0,
                x2 if x2 < width else width,
                y2 if y2 < height else height,
            )
            known = x2 > x1 and y2 > y1 and inside[2] > inside[0] and inside[3] > inside[1]
            self._boxes.append(inside)
            self.hidden.append(0.0)
            if not known:
                self.areas.append(0.0)
                continue
            self.areas.append((inside[2] - inside[0]) * (inside[3] - inside[1]))
            for cell in self._touched(inside):
                self._cells.setdefault(cell, []).append(at)

    def _touched(self, box: Box) -> list[tuple[int, int]]:
        size = self._cell
        columns = range(int(box[0] // size), int(box[2] // size) + 1)
        return [
            (x, y) for y in range(int(box[1] // size), int(box[3] // size) + 1) for x in columns
        ]

    def collides(self, box: Box, gap: float) -> bool:
        """Whether a place touches an object pasted before, or comes nearer than ``gap``."""
        if not self._pastes:
            return False
        x1, y1, x2, y2 = box[0] - gap, box[1] - gap, box[2] + gap, box[3] + gap
        for cell in self._touched((x1, y1, x2, y2)):
            for other in self._pastes.get(cell, ()):
                if x1 < other[2] and other[0] < x2 and y1 < other[3] and other[1] < y2:
                    return True
        return False

    def covered(self, box: Box) -> list[tuple[int, float]]:
        """Which boxes a place covers, and how many square pixels of each, in order."""
        x1, y1, x2, y2 = box
        cells = self._touched(box)
        near = (at for cell in cells for at in self._cells.get(cell, ()))
        found = []
        for at in sorted(set(near)) if len(cells) > 1 else near:
            bx1, by1, bx2, by2 = self._boxes[at]
            w = (x2 if x2 < bx2 else bx2) - (x1 if x1 > bx1 else bx1)
            h = (y2 if y2 < by2 else by2) - (y1 if y1 > by1 else by1)
            if w > 0 and h > 0:
                found.append((at, w * h))
        return found

    def hides_too_much(self, covered: Sequence[tuple[int, float]], limit: float) -> list[int]:
        """The boxes that would be hidden over a limit if a place were taken."""
        # A share that is the limit up to rounding is not over it.
        return [
            at
            for at, area in covered
            if not self._exempt[at]
            and self.hidden[at] + area > limit * self.areas[at] * (1 + 1e-12)
        ]

    def take(self, box: Box, covered: Sequence[tuple[int, float]]) -> None:
        """Put an object there."""
        for at, area in covered:
            self.hidden[at] += area
        for cell in self._touched(box):
            self._pastes.setdefault(cell, []).append(box)

    def give_back(self, box: Box, covered: Sequence[tuple[int, float]]) -> None:
        """Undo `take`."""
        for at, area in covered:
            self.hidden[at] -= area
        for cell in self._touched(box):
            self._pastes[cell].remove(box)

    def exempt(self, at: int) -> None:
        """Let a box count as an ignore region from now on."""
        self._exempt[at] = True
