"""Augmented images for training, made as they are asked for."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import _core
from .._scalars import as_choice, as_switch, as_whole
from ..dataset import Dataset, DatasetError
from .labels import Source
from .recipe import Recipe
from .sample import PASTED
from .stages import PasteObjects

__all__ = ["AugmentedImages"]


class AugmentedImages:
    """A map-style data set, as a PyTorch ``DataLoader`` takes it.

    The same image in the same epoch is the same bytes, whatever the order, the number of workers
    and the machine, and the same as the copy of that number that
    :func:`fastlabel.augment.augment_set` writes, before it is encoded.

    Parameters
    ----------
    dataset : Dataset
        The labelled set, with its pictures as files.
    recipe : Recipe, optional
        By default :meth:`Recipe.default`.
    images : sequence of int, optional
        Rows of ``dataset.images`` to give; by default those with a label record.
    seed : int
        Of all chance.
    order : {"rgb", "bgr"}
        Order of the channels.
    tensors : bool
        Whether PyTorch's tensors are given (imported when the first is made), pictures
        (3, H, W) uint8; otherwise NumPy's arrays, pictures (H, W, 3).

    Raises
    ------
    DatasetError
        If the set has no such image, or its pictures are no files; when an image is asked for
        that cannot be decoded.

    Examples
    --------
    >>> import tempfile
    >>> import fastlabel as fl
    >>> from fastlabel.augment import AugmentedImages
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = fl.make_sample(folder, seed=1)
    ...     images = AugmentedImages(fl.read(folder), seed=3)
    ...     images.set_epoch(1)
    ...     image, target = images[0]
    >>> image.dtype.name, image.ndim, sorted(target)
    ('uint8', 3, ['boxes', 'ignore', 'image_id', 'labels', 'weights'])
    """

    def __init__(
        self,
        dataset: Dataset,
        recipe: Recipe | None = None,
        *,
        images: Sequence[int] | None = None,
        seed: int = 0,
        order: str = "rgb",
        tensors: bool = False,
    ) -> None:
        self.dataset = dataset.with_files()
        self.recipe = Recipe.default() if recipe is None else recipe
        self.seed = as_whole(seed, "seed")
        self.order = as_choice(order, "order", ("rgb", "bgr"))
        self.tensors = as_switch(tensors, "tensors")
        self.epoch = 0
        self._paths = self.dataset.images["path"].to_pylist()
        states = self.dataset.images["label_state"].to_pylist()
        if images is None:
            self.images = [
                at
                for at, (state, path) in enumerate(zip(states, self._paths, strict=True))
                if state in ("labelled", "labelled_empty") and path is not None
            ]
        else:
            self.images = [as_whole(at, "images") for at in images]
            for at in self.images:
                if not 0 <= at < len(self._paths) or self._paths[at] is None:
                    raise DatasetError(
                        f"images: got {at}, expected rows of {len(self._paths):,} images that "
                        "lie in the set's folder"
                    )
        if not self.images:
            raise DatasetError(f"{self.dataset.root}: has no labelled image")
        self._source = Source(self.dataset)
        self._objects = self._to_paste()
        columns = self.dataset.annotations
        self._labels = np.asarray(columns["category_id"].fill_null(-1).to_numpy(), np.int64)
        self._weights = np.asarray(columns["weight"].fill_null(1.0).to_numpy(), np.float32)

    def __len__(self) -> int:
        return len(self.images)

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch of the images to come, from 0.

        Worker processes that stay from epoch to epoch have a copy of their own: let the sampler
        give ``(index, epoch)`` pairs then, or make the workers anew.
        """
        self.epoch = as_whole(epoch, "epoch")

    def __getitem__(self, index: int | tuple[int, int]) -> tuple[Any, dict[str, Any]]:
        """One image, and its target.

        Parameters
        ----------
        index : int or (int, int)
            Which of the images; with its epoch, if that is not the one of :meth:`set_epoch`.

        Returns
        -------
        image
            uint8.
        target : dict
            ``boxes`` (N, 4) float32 ``xyxy``, ``labels`` (N,) int64, ``weights`` (N,) float32,
            ``ignore`` (M, 4) float32: regions that are neither targets nor background, and
            ``image_id``.
        """
        at, epoch = index if isinstance(index, tuple) else (index, self.epoch)
        at = as_whole(at, "index")
        if not -len(self) <= at < len(self):
            raise IndexError(f"index: got {at}, expected less than {len(self)}")
        image = self.images[at]
        path = str(self._paths[image])
        picture = self._picture(path)
        given = self._source.of_image(image, (picture.shape[1], picture.shape[0]))
        made = self.recipe(
            picture,
            given.boxes,
            given.polygons,
            given.obb,
            given.ignore,
            seed=self.seed,
            image_key=path,
            epoch=as_whole(epoch, "epoch"),
            order=self.order,
            context={"paste": self._objects, "image": image, "name": path},
        )
        own = np.asarray([*given.box_rows, -1], np.int64)  # -1: of none, where all are pasted
        rows = np.where(made.kept >= 0, own[made.kept.clip(-1)], -1 - PASTED - made.kept)
        known = self._labels[rows] >= 0
        target: dict[str, Any] = {
            "boxes": made.boxes[known].astype(np.float32),
            "labels": self._labels[rows][known],
            "weights": self._weights[rows][known],
            "ignore": np.concatenate([made.ignore, made.boxes[~known]]).astype(np.float32),
        }
        if not self.tensors:
            return made.image, target | {"image_id": image}
        import torch

        pixels = torch.from_numpy(np.ascontiguousarray(made.image.transpose(2, 0, 1)))
        return pixels, {k: torch.from_numpy(v) for k, v in target.items()} | {"image_id": image}

    def _to_paste(self) -> PasteObjects | None:
        """Objects of the splits of these images alone."""
        splits = self.dataset.images["split"]
        mine = {splits[at].as_py() for at in self.images}
        return PasteObjects.needed(
            (stage.op for stage in self.recipe.stages),
            self.dataset,
            None if None in mine else sorted(mine),
        )

    def _picture(self, path: str) -> Any:
        from ..cut import read_tile

        file = self.dataset.root / path
        _, widths, heights, turns = _core.sniff_headers([os.fsencode(file)], 1)
        size = int(widths[0]), int(heights[0])
        if min(size) < 1:
            raise DatasetError(f"{file}: cannot be decoded: no size in its header")
        if 5 <= turns[0] <= 8:
            size = size[::-1]
        return read_tile(file, (0, 0, *size), color=self.order)
