"""A detector in ONNX: its input, its classes, and what it says of a batch of pictures."""

from __future__ import annotations

import ast
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import _core
from ..boxes import batched_nms
from ..dataset import DatasetError
from ..pixels import LetterboxTransform, letterbox
from ..recipe import Preprocess
from .decoders import Decoder, Output, choose

__all__ = ["Network", "Settings", "load"]

_SIZE = 640
_BATCH = 4
_TYPES = {
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
    "tensor(uint8)": np.uint8,
    "tensor(int8)": np.int8,
}
#: Parts of a pixel that boxes are rounded to: binary, so that a width in a file is exact.
_PIXEL_PARTS = 64
_SCORE_DIGITS = 6


def _no_detections(
    values: Sequence[NDArray[Any]], image: int, least: float
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
    return np.empty((0, 4)), np.empty(0), np.empty(0, np.int64)


#: Until the outputs of a first run are seen.
_NOT_CHOSEN = Decoder("none", _no_detections, False, None)


@dataclass(frozen=True)
class Settings:
    """How to run a model; None: as it is usual for its kind.

    Attributes
    ----------
    decoder : str, optional
        One of ``fastlabel.predictions.decoders.DECODERS``.
    box_format : str, optional
        How a model that suppresses for itself writes boxes, in the input's pixels.
    size : (int, int), optional
        Width and height, where the model takes any.
    fit : {"letterbox", "stretch"}, optional
    color : {"rgb", "bgr"}, optional
    mean, std : tuple of float, optional
        In units of 0..1.
    score : float
        Lower scores are dropped.
    iou : float
        Boxes of a class that overlap more are suppressed.
    most : int
        Boxes an image, the best ones.
    batch : int, optional
        Pictures at a time, where the model takes any number.
    preprocess : Preprocess, optional
        The recipe of the input; then size, fit, color, mean and std are its own.
    """

    decoder: str | None = None
    box_format: str | None = None
    size: tuple[int, int] | None = None
    fit: str | None = None
    color: str | None = None
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    score: float = 0.05
    iou: float = 0.45
    most: int = 300
    batch: int | None = None
    preprocess: Preprocess | None = None


@dataclass(frozen=True)
class Network:
    """A model that is ready to run; used by several threads at once."""

    path: Path
    session: Any
    content: str  # hash of the file
    input: str
    dtype: Any
    channels_last: bool
    unbatched: bool
    size: tuple[int, int]
    batch: int
    fixed_batch: bool
    sizes_input: str | None
    decoder: Decoder
    names: list[str]
    settings: Settings
    engine: str

    def facts(self) -> dict[str, Any]:
        """What the results depend on beside the pictures."""
        s = self.settings
        recipe = {} if s.preprocess is None else {"preprocess": s.preprocess.to_json()}
        return {
            **recipe,
            "model": self.path.name,
            "model_hash": self.content,
            "engine": self.engine,
            "decoder": self.decoder.name,
            "input": list(self.size),
            "batch": self.batch,
            "fit": s.fit,
            "color": s.color,
            "mean": s.mean,
            "std": s.std,
            "box_format": s.box_format,
            "score": s.score,
            "iou": s.iou,
            "most": s.most,
        }

    def __call__(
        self, pictures: Sequence[NDArray[np.uint8]]
    ) -> list[tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]] | str]:
        """Boxes in each picture's pixels, scores and labels; or why there are none.

        Raises
        ------
        DatasetError
            If the model fails, or says what no detector says.
        """
        tensor, transforms = self._tensor(pictures)
        outputs = _run(self, tensor)
        return [self._found(outputs, k, transform) for k, transform in enumerate(transforms)]

    def _tensor(
        self, pictures: Sequence[NDArray[np.uint8]]
    ) -> tuple[NDArray[Any], list[LetterboxTransform]]:
        tensor, transforms = self._made(list(pictures))
        short = self.batch - len(tensor) if self.fixed_batch else 0
        if short > 0:
            tensor = np.concatenate([tensor, np.zeros((short, *tensor.shape[1:]), tensor.dtype)])
        return tensor.astype(self.dtype, copy=False), transforms

    def _made(
        self, pictures: list[NDArray[np.uint8]]
    ) -> tuple[NDArray[Any], list[LetterboxTransform]]:
        s = self.settings
        if s.preprocess is not None:
            return s.preprocess(pictures)
        plain = self.dtype == np.uint8
        turn = 1 if s.color == "bgr" else -1  # they are in the model's order, pictures are BGR
        return letterbox(
            pictures,
            self.size,
            layout="nhwc" if self.channels_last else "nchw",
            dtype="uint8" if plain else "float32",
            mean=None if plain or s.mean is None else s.mean[::turn],
            std=None if plain or s.std is None else s.std[::turn],
            swap_rb=s.color != "bgr",
            stretch=s.fit == "stretch",
        )

    def _found(
        self, outputs: Sequence[NDArray[Any]], image: int, transform: LetterboxTransform
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]] | str:
        s = self.settings
        boxes, scores, labels = self.decoder.read(outputs, image, s.score)
        if not (np.isfinite(scores).all() and np.isfinite(boxes).all()):
            return "the model gives NaN or infinity for it"
        if len(scores) and float(scores.max()) > 1.001:
            raise DatasetError(
                f"{self.path}: read as {self.decoder.name} its scores go up to "
                f"{scores.max():.4g}, expected 0 to 1; choose another decoder, or export the model "
                "with its sigmoid"
            )
        kept = boxes[:, 2:] > boxes[:, :2]
        good = np.flatnonzero(kept.all(axis=1))
        boxes, scores, labels = boxes[good], scores[good].clip(0, 1), labels[good]
        if self.decoder.suppress:
            keep = batched_nms(boxes, scores, labels, s.iou)
        else:
            keep = np.argsort(-scores, kind="stable")
        keep = keep[: s.most]
        mapped = transform.to_image(boxes[keep], clip=True)
        mapped = np.rint(mapped * _PIXEL_PARTS) / _PIXEL_PARTS
        there = (mapped[:, 2:] > mapped[:, :2]).all(axis=1)
        return mapped[there], scores[keep][there].round(_SCORE_DIGITS), labels[keep][there]


def load(
    path: str | os.PathLike[str], ids: Mapping[int, str] | None, settings: Settings
) -> Network:
    """Open a model and find out what its outputs mean.

    Raises
    ------
    ImportError
        If onnxruntime is not installed.
    DatasetError
        If the file is no model, or its inputs or outputs are of no kind that is known.
    """
    try:
        import onnxruntime
    except ImportError as error:
        raise ImportError(
            "predict needs onnxruntime, which is not installed; pip install 'fastlabel[predict]'"
        ) from error
    file = Path(path)
    try:
        data = file.read_bytes()
    except OSError as error:
        raise DatasetError(f"{file}: cannot be read: {error.strerror or error}") from error
    options = onnxruntime.SessionOptions()
    # One thread a picture, and as many pictures at a time as there are workers: the same bytes
    # for any number of them.
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    try:
        # By its path: weights may lie in a second file beside it.
        session = onnxruntime.InferenceSession(
            str(file), options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:  # onnxruntime's own classes have no common base
        raise DatasetError(
            f"{file}: is no ONNX model that onnxruntime {onnxruntime.__version__} opens: "
            f"{_reason(error)}"
        ) from error
    engine = f"onnxruntime {onnxruntime.__version__}"
    meta = dict(session.get_modelmeta().custom_metadata_map)
    draft = _draft(file, session, _core.content_hash(data).hex(), meta, settings, engine)
    told = dict(ids) if ids else _names_of(meta)
    outputs = _outputs(draft)
    decoder = choose(
        outputs, draft.size, len(told) or None, settings.decoder, settings.box_format, str(file)
    )
    names = _listed(file, told, decoder)
    recipe = settings.preprocess
    stretch = decoder.stretch if recipe is None else recipe.stretch
    usual = ("bgr" if decoder.bgr else "rgb") if recipe is None else recipe.order
    chosen = replace(
        settings,
        decoder=decoder.name,
        fit=settings.fit or ("stretch" if stretch else "letterbox"),
        color=settings.color or usual,
    )
    return replace(draft, decoder=decoder, names=names, settings=chosen)


def _reason(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]


def _draft(
    file: Path,
    session: Any,
    content: str,
    meta: Mapping[str, str],
    settings: Settings,
    engine: str,
) -> Network:
    inputs = list(session.get_inputs())
    sizes = next((i.name for i in inputs if i.name == "orig_target_sizes"), None)
    pictures = [i for i in inputs if i.name != sizes]
    shown = "; ".join(f"{i.name} {i.type} {i.shape}" for i in inputs)
    recipe = settings.preprocess
    made = 3 if recipe is None else recipe.channels
    expected = (
        f"expected one, 1 x {made} x height x width of float, float16, uint8 or int8, or channels "
        "last"
    )
    if len(pictures) != 1 or pictures[0].type not in _TYPES:
        raise DatasetError(f"{file}: its inputs are {shown}, {expected}")
    shape = list(pictures[0].shape)
    unbatched = len(shape) == 3
    if unbatched:
        shape = [1, *shape]
    if len(shape) != 4:
        raise DatasetError(f"{file}: its inputs are {shown}, {expected}")
    channels_last = shape[1] != made and shape[3] == made
    if not channels_last and isinstance(shape[1], int) and shape[1] != made:
        raise DatasetError(f"{file}: its inputs are {shown}, {expected}")
    _agree(file, _TYPES[pictures[0].type], channels_last, recipe)
    height, width = (shape[1], shape[2]) if channels_last else (shape[2], shape[3])
    fixed = shape[0] if isinstance(shape[0], int) else None
    batch = 1 if unbatched else fixed or settings.batch or _BATCH
    if fixed is not None and settings.batch not in (None, fixed):
        raise DatasetError(
            f"{file}: takes {fixed} pictures at a time, not {settings.batch}; leave the batch out"
        )
    return Network(
        file,
        session,
        content,
        pictures[0].name,
        _TYPES[pictures[0].type],
        channels_last,
        unbatched,
        _size(file, width, height, meta, settings),
        batch,
        fixed is not None,
        sizes,
        _NOT_CHOSEN,
        [],
        settings,
        engine,
    )


def _agree(file: Path, dtype: Any, channels_last: bool, recipe: Preprocess | None) -> None:
    """Refuse a recipe of another kind of input than the model's."""
    name = np.dtype(dtype).name
    if recipe is None:
        if dtype == np.int8:
            raise DatasetError(
                f"{file}: its input is int8, so how it is quantised must be told: give its recipe "
                "with preprocess (--preprocess FILE)"
            )
        return
    layout = "nhwc" if channels_last else "nchw"
    if (recipe.dtype, recipe.layout) != (name, layout):
        raise DatasetError(
            f"{file}: its input is {name} {layout}, the recipe makes {recipe.dtype} "
            f"{recipe.layout}; take the recipe that the model was exported with"
        )


def _size(
    file: Path, width: Any, height: Any, meta: Mapping[str, str], settings: Settings
) -> tuple[int, int]:
    own = (width, height)
    recipe = settings.preprocess
    wanted = settings.size if recipe is None else recipe.size
    if all(isinstance(side, int) for side in own):
        if wanted is not None and wanted != own:
            remedy = "leave the size out" if recipe is None else "take the recipe of this model"
            raise DatasetError(
                f"{file}: its input is {width} x {height}, not {wanted[0]} x {wanted[1]}; {remedy}"
            )
        return width, height
    if wanted is not None:
        return wanted
    said = _literal(meta.get("imgsz", ""))
    pair = said if isinstance(said, (list, tuple)) and len(said) == 2 else (_SIZE, _SIZE)
    if not all(isinstance(side, int) and 0 < side < 1 << 16 for side in pair):
        pair = (_SIZE, _SIZE)
    return int(pair[1]), int(pair[0])


def _literal(text: str) -> Any:
    """A value written in a model's metadata, as JSON or as Python writes it."""
    if not text or len(text) > 1 << 20:
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        pass
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return None


def _names_of(meta: Mapping[str, str]) -> dict[int, str]:
    """Class names in the metadata, as Ultralytics and YOLOv5 write them."""
    for key in ("names", "classes", "labels"):
        value = _literal(meta.get(key, ""))
        if isinstance(value, (list, tuple)):
            return {k: str(name) for k, name in enumerate(value)}
        if isinstance(value, dict):
            try:
                return {int(k): str(name) for k, name in value.items()}
            except (TypeError, ValueError):
                continue
    return {}


def _listed(file: Path, told: Mapping[int, str], decoder: Decoder) -> list[str]:
    if not told:
        count = f" {decoder.classes}" if decoder.classes else ""
        raise DatasetError(
            f"{file}: does not name its{count} classes; give them with names (--names FILE, one a "
            "line)"
        )
    if decoder.classes is not None and sorted(told) != list(range(decoder.classes)):
        raise DatasetError(
            f"{file}: has {decoder.classes} classes, and {len(told)} names are given "
            f"(ids {min(told)} to {max(told)}); give one for each"
        )
    return [told.get(k, str(k)) for k in range(max(told) + 1)]


def _outputs(network: Network) -> list[Output]:
    """The outputs for one grey picture: their shapes, where the model does not declare them."""
    width, height = network.size
    recipe = network.settings.preprocess
    c = 3 if recipe is None else recipe.channels
    shape = (height, width, c) if network.channels_last else (c, height, width)
    n = network.batch if network.fixed_batch else 1
    values = _run(network, np.full((n, *shape), 0.4, network.dtype))
    names = [output.name for output in network.session.get_outputs()]
    return [
        Output(name, tuple(value.shape), str(value.dtype))
        for name, value in zip(names, values, strict=True)
    ]


def _run(network: Network, tensor: NDArray[Any]) -> list[NDArray[Any]]:
    given = {network.input: tensor[0] if network.unbatched else tensor}
    if network.sizes_input is not None:
        # In the input's own pixels, so that the letterbox is undone here as for all others.
        given[network.sizes_input] = np.tile(np.array(network.size, np.int64), (len(tensor), 1))
    try:
        values = network.session.run(None, given)
    except Exception as error:
        raise DatasetError(
            f"{network.path}: onnxruntime cannot run it on {' x '.join(map(str, tensor.shape))} "
            f"{tensor.dtype}: {_reason(error)}; does it take another size?"
        ) from error
    return [np.asarray(value) for value in values]
