"""Regions to ignore and training weights as PyTorch tensors.

A thin layer over :func:`fastlabel.image_targets`, :func:`fastlabel.ignore_mask` and
:func:`fastlabel.ignored_anchors`. PyTorch is imported when a function is called, and is no
dependency of fastlabel.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .dataset import Dataset
from .prepare import training

if TYPE_CHECKING:
    Tensor = Any

__all__ = ["ignore_mask", "ignored_anchors", "targets", "weighted_loss"]


def targets(dataset: Dataset, image_id: int, device: Any = None) -> dict[str, Tensor]:
    """:func:`fastlabel.image_targets` as tensors, on a device."""
    import torch

    found = training.image_targets(dataset, image_id)
    return {name: torch.from_numpy(values).to(device) for name, values in found.items()}


def ignore_mask(
    regions: Tensor, height: int, width: int, stride: int = 1, *, rule: str = "touch"
) -> Tensor:
    """:func:`fastlabel.ignore_mask` on the device of ``regions``, a bool tensor."""
    import torch

    mask = training.ignore_mask(_numpy(regions), height, width, stride, rule=rule)
    return torch.from_numpy(mask).to(getattr(regions, "device", None))


def ignored_anchors(anchors: Tensor, regions: Tensor, threshold: float = 0.5) -> Tensor:
    """:func:`fastlabel.ignored_anchors` on the device of ``anchors``, a bool tensor."""
    import torch

    found = training.ignored_anchors(_numpy(anchors), _numpy(regions), threshold)
    return torch.from_numpy(found).to(getattr(anchors, "device", None))


def weighted_loss(loss: Tensor, weights: Tensor, ignored: Tensor | None = None) -> Tensor:
    """Mean of losses, each by its weight, without what is ignored.

    Parameters
    ----------
    loss : torch.Tensor
        One value a cell, anchor or box, made with ``reduction="none"``.
    weights : torch.Tensor
        Of the same shape: the weight of the target that each is about, 1 for background.
    ignored : torch.Tensor, optional
        Bool, of the same shape: left out altogether, with a gradient of zero.

    Returns
    -------
    torch.Tensor
        A scalar: the sum of ``weights * loss`` over the sum of ``weights``; 0 where that
        is 0.
    """
    if ignored is not None:
        weights = weights.masked_fill(ignored, 0)
        # 0 * inf is NaN: a loss that is left out must not be looked at.
        loss = loss.masked_fill(ignored, 0)
    return (weights * loss).sum() / weights.sum().clamp(min=1e-12)


def _numpy(tensor: Any) -> Any:
    return tensor.detach().cpu().numpy() if hasattr(tensor, "detach") else tensor
