"""A small detector without anchors, and its training on one CPU thread in seconds.

Five plain convolutions to a grid of 8 px, three more to 16 px whose result is added to it, and for
each cell a score a class and the distances to the sides of the box (as in FCOS, Tian et al. 2019).
Scores learn by the focal loss (Lin et al. 2017), boxes by 1 - GIoU (Rezatofighi et al. 2019). The
cells near a box's centre are its; of two boxes the smaller wins; cells in regions to ignore have
no loss. ``width`` 1 has 0.28 M parameters, 3 has 2.5 M.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

import fastlabel as fl

__all__ = ["Detector", "Sample", "predict", "train"]

STRIDE = 8
#: Cells up to so far from the centre of a box are its, in strides.
RADIUS = 1.5


@dataclass
class Sample:
    """One picture and its labels: (H, W, 3) uint8, (N, 4) xyxy, (N,) classes, (M, 4) ignored."""

    image: Any
    boxes: Any
    classes: Any
    ignored: Any
    weights: Any = None


def _block(inner: int, outer: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inner, outer, 3, stride, 1, bias=False),
        nn.BatchNorm2d(outer),
        nn.ReLU(inplace=True),
    )


class Detector(nn.Module):
    """Scores and sides of one box for each cell of 8 px."""

    def __init__(self, classes: int, width: float = 1.0) -> None:
        super().__init__()
        a, b, c, d = (int(n * width) for n in (16, 32, 64, 96))
        self.fine = nn.Sequential(_block(3, a, 2), _block(a, b, 2), _block(b, c, 2), _block(c, c))
        self.coarse = nn.Sequential(_block(c, d, 2), _block(d, d))
        self.lateral = nn.Conv2d(d, c, 1)
        self.head = nn.Sequential(_block(c, c), nn.Conv2d(c, classes + 4, 1))
        self.classes = classes
        nn.init.constant_(self.head[1].bias[:classes], -4.6)  # one cell in a hundred

    def forward(self, pictures: Any) -> tuple[Any, Any]:
        fine = self.fine(pictures)
        up = F.interpolate(self.lateral(self.coarse(fine)), size=fine.shape[2:])
        out = self.head(fine + up).float().flatten(2).transpose(1, 2)
        return out[..., : self.classes], F.softplus(out[..., self.classes :] + 2.0) * STRIDE

    def parameter_count(self) -> int:
        return sum(p.numel() for p in self.parameters())


def _centres(height: int, width: int) -> Any:
    y, x = torch.meshgrid(
        (torch.arange(height // STRIDE) + 0.5) * STRIDE,
        (torch.arange(width // STRIDE) + 0.5) * STRIDE,
        indexing="ij",
    )
    return torch.stack([x.flatten(), y.flatten()], 1)


def _assign(centres: Any, sample: Sample) -> tuple[Any, Any]:
    """Box of each cell (-1: background), and which cells lie in a region to ignore."""
    xy = centres.numpy()
    owner = np.full(len(xy), -1, np.int64)
    boxes = np.asarray(sample.boxes, np.float32).reshape(-1, 4)
    if len(boxes):
        middle = (boxes[:, :2] + boxes[:, 2:]) / 2
        off = np.abs(xy[:, None] - middle[None])
        near = (off <= RADIUS * STRIDE).all(2)
        inside = ((xy[:, None] > boxes[None, :, :2]) & (xy[:, None] < boxes[None, :, 2:])).all(2)
        near &= inside
        near[off.max(2).argmin(0), np.arange(len(boxes))] = True  # each has one cell at least
        area = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
        cost = np.where(near, area[None], np.inf)
        best = cost.argmin(1)
        owner = np.where(near.any(1), best, -1)
    ignored = np.zeros(len(xy), bool)
    for x1, y1, x2, y2 in np.asarray(sample.ignored, np.float32).reshape(-1, 4):
        ignored |= (xy[:, 0] > x1) & (xy[:, 0] < x2) & (xy[:, 1] > y1) & (xy[:, 1] < y2)
    return owner, ignored & (owner < 0)


def _giou_loss(sides: Any, wanted: Any) -> Any:
    """1 - GIoU of boxes given by distances from one point (left, top, right, bottom)."""
    low, high = torch.minimum(sides, wanted), torch.maximum(sides, wanted)
    inter = (low[:, 0] + low[:, 2]) * (low[:, 1] + low[:, 3])
    area = [(s[:, 0] + s[:, 2]) * (s[:, 1] + s[:, 3]) for s in (sides, wanted)]
    union = area[0] + area[1] - inter
    hull = (high[:, 0] + high[:, 2]) * (high[:, 1] + high[:, 3])
    return 1 - inter / union + (hull - union) / hull


def _loss(scores: Any, sides: Any, batch: Sequence[Sample], centres: Any) -> Any:
    target = torch.zeros_like(scores)
    counted = torch.ones(scores.shape[:2])
    wanted, at, weights = [], [], []
    for i, sample in enumerate(batch):
        owner, ignored = _assign(centres, sample)
        counted[i, torch.from_numpy(ignored)] = 0.0
        cells = np.flatnonzero(owner >= 0)
        if not len(cells):
            continue
        mine = owner[cells]
        target[i, cells, torch.as_tensor(np.asarray(sample.classes)[mine])] = 1.0
        boxes = torch.as_tensor(np.asarray(sample.boxes, np.float32)[mine])
        here = centres[cells]
        wanted.append(torch.cat([here - boxes[:, :2], boxes[:, 2:] - here], 1).clamp(min=0.5))
        at.append(i * scores.shape[1] + torch.as_tensor(cells))
        own = np.ones(len(mine)) if sample.weights is None else np.asarray(sample.weights)[mine]
        weights.append(torch.as_tensor(own, dtype=torch.float32))
    p = scores.sigmoid()
    cross = F.binary_cross_entropy_with_logits(scores, target, reduction="none")
    right = p * target + (1 - p) * (1 - target)
    focal = cross * (1 - right) ** 2 * (0.25 * target + 0.75 * (1 - target))
    positives = max(sum(map(len, at)), 1)
    loss = 2.0 * (focal.sum(2) * counted).sum() / positives
    if at:
        rows, weight = torch.cat(at), torch.cat(weights)
        box = _giou_loss(sides.flatten(0, 1)[rows], torch.cat(wanted))
        loss = loss + (box * weight).sum() / weight.sum().clamp(min=1.0)
    return loss


def _tensor(images: Sequence[Any]) -> Any:
    stacked = torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2)
    return ((stacked.float() - 117.0) / 58.0).contiguous(memory_format=torch.channels_last)


def train(
    batches: Iterator[Sequence[Sample]],
    steps: int,
    classes: int,
    *,
    width: float,
    seed: int,
    bf16: bool,
    rate: float = 3e-3,
    said: Callable[[int, float], None] | None = None,
) -> Detector:
    """Train a detector for a number of steps, from nothing."""
    torch.manual_seed(seed)
    net = Detector(classes, width).to(memory_format=torch.channels_last)
    optimiser = torch.optim.AdamW(net.parameters(), lr=rate, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, max_lr=rate, total_steps=steps, pct_start=0.1, cycle_momentum=False
    )
    net.train()
    centres: Any = None
    for step, batch in zip(range(steps), batches, strict=False):
        pictures = _tensor([s.image for s in batch])
        if centres is None:
            centres = _centres(*pictures.shape[2:])
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            scores, sides = net(pictures)
        loss = _loss(scores, sides, batch, centres)
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 5.0)
        optimiser.step()
        schedule.step()
        if said is not None and step % 100 == 99:
            said(step + 1, float(loss.detach()))
    return net.eval()


def predict(
    net: Detector, images: Sequence[Any], *, bf16: bool, least: float = 0.02
) -> list[tuple[Any, Any, Any]]:
    """Boxes, classes and scores in each picture, suppressed at IoU 0.5 within a class."""
    out = []
    centres = _centres(*images[0].shape[:2])
    for start in range(0, len(images), 64):
        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            scores, sides = net(_tensor(images[start : start + 64]))
        p = scores.sigmoid().numpy()
        boxes = torch.cat([centres - sides[..., :2], centres + sides[..., 2:]], 2).numpy()
        for i in range(len(p)):
            cell, kind = np.nonzero(p[i] >= least)
            found, score = boxes[i, cell].astype(np.float64), p[i, cell, kind].astype(np.float64)
            side = images[0].shape[1], images[0].shape[0]
            found = np.clip(found, 0, [side[0], side[1]] * 2)
            keep = fl.batched_nms(found, score, kind, 0.5)[:60]
            out.append((found[keep], kind[keep], score[keep]))
    return out
