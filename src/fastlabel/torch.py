"""Regions to ignore and training weights as PyTorch tensors, and a sampler of a mix.

A thin layer over :func:`fastlabel.image_targets`, :func:`fastlabel.ignore_mask` and
:func:`fastlabel.ignored_anchors`. PyTorch is imported when a function is called, and is no
dependency of fastlabel.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from .dataset import Dataset
from .prepare import training

if TYPE_CHECKING:
    from .prepare.mix import Mix

    Tensor = Any
    MixSampler: type[Any]

__all__ = ["MixSampler", "ignore_mask", "ignored_anchors", "targets", "weighted_loss"]


def __getattr__(name: str) -> Any:
    if name != "MixSampler":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    made = globals()["MixSampler"] = _sampler_class()
    return made


def _sampler_class() -> type[Any]:
    """The sampler, made when it is first asked for: its base class is PyTorch's."""
    from torch.utils.data import Sampler

    class MixSampler(Sampler):  # type: ignore[type-arg,misc,unused-ignore]
        """Gives a ``DataLoader`` the images of one epoch of a mix after the other.

        Call ``set_epoch`` before each epoch, as with ``DistributedSampler``.

        Parameters
        ----------
        mix : Mix
            As :func:`fastlabel.mix` plans it.
        index : sequence of int, optional
            Index in the training ``Dataset`` of each image of the set, for one in another
            order; by default image ids are indices.
        replicas, rank : int
            Processes that share an epoch, and which of them this is: each takes every
            ``replicas``-th image; the last round is filled up from the front, so that all have
            the same number.
        """

        def __init__(
            self, mix: Mix, *, index: Any = None, replicas: int = 1, rank: int = 0
        ) -> None:
            if replicas < 1 or not 0 <= rank < replicas:
                raise ValueError(
                    f"rank: got {rank} of {replicas} replicas, expected 0 to replicas - 1"
                )
            self.mix, self.replicas, self.rank = mix, replicas, rank
            self.index = None if index is None else np.asarray(index, np.int64)
            if self.index is not None and self.index.shape != mix.group.shape:
                raise ValueError(
                    f"index: got shape {self.index.shape}, expected one index for each of the "
                    f"{len(mix.group):,} images"
                )
            self.epoch = 0

        def set_epoch(self, epoch: int) -> None:
            """Choose the epoch that the next iteration gives, from 0."""
            self.mix.epoch_size(epoch)  # refuses one that is not planned
            self.epoch = int(epoch)

        def __len__(self) -> int:
            return -(-self.mix.epoch_size(self.epoch) // self.replicas)

        def __iter__(self) -> Iterator[int]:
            images = self.mix.epoch(self.epoch)
            if self.index is not None:
                images = self.index[images]
            if len(images):
                images = np.resize(images, len(self) * self.replicas)
            return iter(images[self.rank :: self.replicas].tolist())

    MixSampler.__qualname__ = "MixSampler"  # found here again when it is unpickled
    return MixSampler


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
