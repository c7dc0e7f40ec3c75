"""A model over the pictures of a data set: batches, threads, and going on after a stop."""

from __future__ import annotations

import json
import os
from collections import deque
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from .. import _core, schema
from .._scalars import as_choice, as_number, as_whole
from ..dataset import Dataset, DatasetError
from ..recipe import Preprocess
from ..scan.cache import keys
from ..scan.jobs import Jobs, jobs_of
from ..scan.limits import Limits
from ..source import Lost, Span
from .classes import ClassMap, Names, as_names
from .decoders import DECODERS
from .images import ImageNames
from .network import Network, Settings, load
from .parts import Outcome, Parts
from .raw import Notes, clipped
from .table import Predictions

__all__ = ["GO_ON", "Run", "decoded", "predict", "prepare"]

#: What an interrupted run says.
GO_ON = "interrupted; what was found is kept, so run again to go on"

#: Called with (images done, images in all).
Progress = Callable[[int, int], None]

_BOX_FORMATS = ("xyxy", "xyxyn", "yxyxn", "cxcywh", "cxcywhn")


def predict(
    ds: Dataset,
    model: str | os.PathLike[str],
    *,
    names: Any = None,
    decoder: str | None = None,
    score: float = 0.05,
    iou: float = 0.45,
    most: int = 300,
    size: int | tuple[int, int] | None = None,
    fit: str | None = None,
    color: str | None = None,
    mean: Sequence[float] | None = None,
    std: Sequence[float] | None = None,
    preprocess: Preprocess | str | os.PathLike[str] | None = None,
    box_format: str | None = None,
    batch: int | None = None,
    workers: int = 0,
    limits: Limits | None = None,
    progress: Progress | None = None,
    keep: str | os.PathLike[str] | None = None,
    fresh: bool = False,
) -> Predictions:
    """Run a detector in ONNX over every picture of a data set.

    Needs the extra ``predict`` (onnxruntime). What the model's outputs mean is told by their
    shapes: YOLOv5, YOLOv8 and v11 and their like, models that suppress for themselves (boxes,
    scores and labels, or six numbers a box), FastestDet. The result does not depend on
    `workers`, nor on whether the run was stopped on its way.

    Parameters
    ----------
    ds : Dataset
        The set; its pictures are read from files or from its image source.
    model : path-like
        An .onnx file.
    names : list of str or mapping, optional
        As for :func:`fastlabel.read_predictions`; by default what the model's metadata says.
    decoder : {"yolov5", "yolov8", "end2end", "nms", "fastestdet"}, optional
        What the outputs are; by default what they look like.
    score : float
        Boxes with less are dropped. Low on purpose: what a model half believes counts too.
    iou : float
        Boxes of a class that overlap more than this are suppressed, the best one stays; not
        done where the model does it.
    most : int
        Boxes an image, the best ones.
    size : int or (int, int), optional
        Width and height of the input, where the model takes any; by default what its metadata
        says, or 640.
    fit : {"letterbox", "stretch"}, optional
    color : {"rgb", "bgr"}, optional
        By default letterbox and rgb; stretch and bgr for FastestDet.
    mean, std : sequence of float, optional
        Of the input, in units of 0..1.
    preprocess : Preprocess or path-like, optional
        The recipe of the input, instead of `size`, `fit`, `color`, `mean` and `std`; a model of
        int8 input needs one.
    box_format : {"xyxy", "xyxyn", "yxyxn", "cxcywh", "cxcywhn"}, optional
        How a model that suppresses for itself writes boxes, with ``n`` as shares of the input;
        by default corners in the input's pixels.
    batch : int, optional
        Pictures at a time, where the model takes any number; by default 4.
    workers : int
        Threads, each with batches of its own; 0: one a CPU.
    limits : fastlabel.scan.Limits, optional
        What is refused before it is decoded.
    progress : callable, optional
        Called with (images done, images in all).
    keep : path-like, optional
        A folder in which results are kept as they come, so that the same call goes on after
        it was stopped; removed in the end.
    fresh : bool
        Use nothing of what `keep` has.

    Returns
    -------
    Predictions
        ``seen`` has the images that could be read; ``problems`` names the others.

    Raises
    ------
    ImportError
        If onnxruntime is not installed.
    DatasetError
        If the model cannot be opened or its outputs are of no kind that is known.
    TypeError, ValueError
        For arguments that are none of the above.

    Examples
    --------
    >>> import fastlabel as fl
    >>> _ = fl.make_sample("drawn", format="yolo")
    >>> ds = fl.read("drawn")
    >>> fl.predict(ds, "yolo11n.onnx")  # doctest: +SKIP
    Predictions(yolo11n.onnx: 212 boxes in 60 images)
    """
    run = prepare(
        ds,
        model,
        names=names,
        settings=_settings(
            decoder, score, iou, most, size, fit, color, mean, std, preprocess, box_format, batch
        ),
        limits=limits,
    )
    return run(workers=workers, progress=progress, keep=keep, fresh=fresh)


def prepare(
    ds: Dataset,
    model: str | os.PathLike[str],
    *,
    names: Any = None,
    settings: Settings,
    limits: Limits | None = None,
) -> Run:
    """Open the model and match its classes, before any picture is read."""
    told = as_names(names)
    network = load(model, told.ids, settings)
    class_map = ClassMap(ds, Names(dict(enumerate(network.names)), told.to), str(model))
    return Run(ds, network, class_map, limits or Limits())


@dataclass
class Run:
    """A model that is ready, and the set it is for."""

    ds: Dataset
    network: Network
    classes: ClassMap
    limits: Limits
    #: results that a stopped run had left
    resumed: int = 0
    parts: Parts | None = field(default=None, repr=False)

    @property
    def knows(self) -> NDArray[np.int32]:
        """Classes of the set that the model can say."""
        return self.classes.known(self.network.names)

    def __call__(
        self,
        *,
        workers: int = 0,
        progress: Progress | None = None,
        keep: str | os.PathLike[str] | None = None,
        fresh: bool = False,
        leave: bool = False,
    ) -> Predictions:
        """Run it; `leave` what is kept, and its lock, for the caller to remove."""
        threads = as_whole(workers, "workers", "a whole number")
        if not 0 <= threads <= 1024:
            raise ValueError(f"workers: got {workers}, expected 0 (one a CPU) to 1024")
        if keep is not None:
            _refuse_inside(Path(keep), self.ds.root)
        images = ImageNames(self.ds)
        jobs = jobs_of(self.ds)
        pictures = np.unique(images.owners)
        self.parts = None if keep is None else Parts(Path(keep), fresh=fresh)
        try:
            outcomes = self._outcomes(jobs, pictures, threads, progress)
            result = self._predictions(images, jobs, pictures, outcomes)
        except BaseException as error:
            if self.parts is not None:
                self.parts.close()
                if isinstance(error, KeyboardInterrupt):
                    raise KeyboardInterrupt(GO_ON) from None
            raise
        if self.parts is not None and not leave:
            self.parts.remove()
        return result

    # ---- batches

    def _outcomes(
        self, jobs: Jobs, pictures: NDArray[np.int64], workers: int, progress: Progress | None
    ) -> list[Outcome]:
        step = self.network.batch
        starts = range(0, len(pictures), step)
        batches = [pictures[start : start + step] for start in starts]
        names = self._keys(jobs, pictures, step) if self.parts is not None else []
        found: list[list[Outcome] | None] = [None] * len(batches)
        for k, name in enumerate(names):
            kept = self.parts.done.get(name) if self.parts is not None else None
            if kept is not None and len(kept) == len(batches[k]):
                found[k] = kept
                self.resumed += len(kept)
        done = self.resumed
        if progress is not None:
            progress(done, len(pictures))
        todo = [k for k, outcome in enumerate(found) if outcome is None]
        with closing(self._in_threads(jobs, batches, todo, workers)) as results:
            for k, outcomes in results:
                found[k] = outcomes
                if self.parts is not None:
                    self.parts.keep(names[k], outcomes)
                done += len(outcomes)
                if progress is not None:
                    progress(done, len(pictures))
        return [one for outcomes in found for one in outcomes or ()]

    def _keys(self, jobs: Jobs, pictures: NDArray[np.int64], step: int) -> list[bytes]:
        """What a batch's results are known by: model, settings and pictures."""
        part = jobs.subset(pictures)
        everything = np.arange(len(part), dtype=np.int64)
        stamps = keys.stamp_keys(part, everything)[0]
        names, _ = keys.name_keys(part)
        own = json.dumps(
            [self.network.facts(), self.network.names, repr(self.limits), _core.jpeg_codec()],
            sort_keys=True,
        ).encode()
        return [
            _core.content_hash(own + names[k : k + step].tobytes() + stamps[k : k + step].tobytes())
            for k in range(0, len(part), step)
        ]

    def _in_threads(
        self,
        jobs: Jobs,
        batches: Sequence[NDArray[np.int64]],
        todo: Sequence[int],
        workers: int,
    ) -> Generator[tuple[int, list[Outcome]], None, None]:
        """Batches in order, some of them under way at a time."""
        threads = workers or _cpus()
        pool = ThreadPoolExecutor(threads, thread_name_prefix="fastlabel-predict")
        waiting: deque[tuple[int, Future[list[Outcome]]]] = deque()
        try:
            for k in todo:
                waiting.append((k, pool.submit(self._one, jobs, batches[k])))
                if len(waiting) >= 2 * threads:
                    at, future = waiting.popleft()
                    yield at, future.result()
            while waiting:
                at, future = waiting.popleft()
                yield at, future.result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)

    def _one(self, jobs: Jobs, batch: NDArray[np.int64]) -> list[Outcome]:
        """Read, decode and look at the pictures of one batch."""
        outcomes: list[Outcome | None] = []
        pictures: list[NDArray[np.uint8]] = []
        for image in batch.tolist():
            picture = _picture(jobs, image, self.limits)
            outcomes.append(picture if isinstance(picture, Outcome) else None)
            if not isinstance(picture, Outcome):
                pictures.append(picture)
        found = iter(zip(self.network(pictures), pictures, strict=True) if pictures else ())
        out = []
        for outcome in outcomes:
            if outcome is not None:
                out.append(outcome)
                continue
            result, picture = next(found)
            height, width = picture.shape[:2]
            if isinstance(result, str):
                out.append(Outcome("unreadable", result, width, height))
            else:
                out.append(Outcome("ok", "", width, height, *result))
        return out

    # ---- tables

    def _predictions(
        self,
        images: ImageNames,
        jobs: Jobs,
        pictures: NDArray[np.int64],
        outcomes: Sequence[Outcome],
    ) -> Predictions:
        notes = Notes(self.network.path.name)
        fine = [k for k, one in enumerate(outcomes) if one.status == "ok"]
        self._note(jobs, pictures, outcomes, notes)
        if len(pictures) and not fine:
            one = outcomes[0]
            raise DatasetError(
                f"{self.ds.root}: none of {len(pictures):,} images can be read, the first since: "
                f"{one.detail} ({one.status})"
            )
        counts = np.array([len(one.scores) for one in outcomes], np.int64)
        owners = np.repeat(pictures, counts)
        boxes = np.concatenate([np.empty((0, 4)), *(one.boxes for one in outcomes)])
        scores = np.concatenate([np.empty(0), *(one.scores for one in outcomes)])
        labels = np.concatenate([np.empty(0, np.int64), *(one.labels for one in outcomes)])
        rows, places = images.everywhere(owners, np.ones(len(owners), bool))
        if places is not None:
            boxes, scores, labels = boxes[places], scores[places], labels[places]
        own = self.network.names
        distinct, codes = np.unique(labels, return_inverse=True)
        words = [own[k] if 0 <= k < len(own) else str(k) for k in distinct.tolist()]
        ids = np.array([self.classes.of_name(word) for word in words], np.int32)
        category = ids[codes] if len(codes) else np.empty(0, np.int32)
        order = np.argsort(rows, kind="stable")
        said = pa.DictionaryArray.from_arrays(
            pa.array(codes.astype(np.int32)), pa.array(words, pa.string())
        )
        columns = [
            pa.array(rows),
            pa.array(category, mask=category < 0),
            said,
            *(pa.array(np.ascontiguousarray(boxes[:, k])) for k in range(4)),
            pa.array(scores),
            pa.array(np.zeros(len(rows), np.int32)),
            pa.nulls(len(rows), pa.string()),
        ]
        table = pa.Table.from_arrays(columns, schema=schema.PREDICTIONS)
        if places is not None:
            table = table.take(pa.array(order))
        seen = images.all_of(pictures[fine].tolist())
        return Predictions(table, (self.network.path.name,), (self.knows,), (seen,), notes.table())

    def _note(
        self,
        jobs: Jobs,
        pictures: NDArray[np.int64],
        outcomes: Sequence[Outcome],
        notes: Notes,
    ) -> None:
        for image, one in zip(pictures.tolist(), outcomes, strict=True):
            name = self.ds.images["file_name"][image].as_py()
            width, height = jobs.declared[image].tolist()
            if one.status != "ok":
                notes.add(
                    "unseen-image",
                    f"{clipped(name)} was not looked at: {one.detail} ({one.status}); mend the "
                    "file or take it out",
                    file=name,
                    value=one.status,
                    image_id=image,
                )
            elif width > 0 and (width, height) != (one.width, one.height):
                notes.add(
                    "size-mismatch",
                    f"{clipped(name)} is {one.width} x {one.height} as it is shown, the labels say "
                    f"{width} x {height}; predictions are in the pixels of the picture: correct "
                    "the size in the labels",
                    file=name,
                    value=f"{width} x {height}",
                    image_id=image,
                )


def _refuse_inside(folder: Path, root: Path) -> None:
    place, inside = folder.resolve(), root.resolve()
    if place == inside or inside in place.parents:
        raise DatasetError(
            f"{folder}: lies in the data set {root}, which is never changed; keep results elsewhere"
        )


def _cpus() -> int:
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not Linux
        return os.cpu_count() or 1


def _picture(jobs: Jobs, image: int, limits: Limits) -> NDArray[np.uint8] | Outcome:
    """One picture, upright, BGR; or why there is none."""
    row = int(jobs.rows[image])
    if bool(jobs.escaped[image]):
        return Outcome("escaped", "the name leads outside the root")
    if row < 0:
        return Outcome("missing", "there is no such image in the source")
    item = jobs.source.fetch(np.array([row], np.int64), limits.max_bytes)[0]
    if isinstance(item, Lost):
        return Outcome(item.status, item.detail)
    try:
        data = _bytes(item, limits) if isinstance(item, Span) else bytes(item)
    except OSError as error:
        missing = isinstance(error, FileNotFoundError)
        return Outcome("missing" if missing else "unreadable", error.strerror or str(error))
    if len(data) > limits.max_bytes:
        return Outcome("over_limit", f"more than {limits.max_bytes} bytes")
    return decoded(data, limits)


def _bytes(span: Span, limits: Limits) -> bytes:
    with open(span.path, "rb") as file:  # noqa: PTH123  the path is bytes
        if span.offset:
            file.seek(span.offset)
        return file.read(limits.max_bytes + 1 if span.length < 0 else span.length)


def decoded(data: bytes, limits: Limits) -> NDArray[np.uint8] | Outcome:
    """JPEG by the native codec, others by OpenCV."""
    name, width, height, orientation = _core.sniff_bytes(data)
    if width > 0 and height > 0 and width * height > limits.max_pixels:
        return Outcome("over_limit", f"{width} x {height} pixels, the limit is {limits.max_pixels}")
    if data[:2] == b"\xff\xd8" and width > 0 and height > 0:
        if orientation >= 5:
            width, height = height, width
        options = {
            "fill": [114, 114, 114],
            "max_pixels": limits.max_pixels,
            "max_scans": limits.max_scans,
            "max_memory": limits.max_memory,
        }
        window = np.array([0, 0, width, height], np.int64)
        pixels, rows = _core.read_window(data, window, 0, options)
        status = _core.STATUSES[int(rows[0]["status"])]
        if status == "ok":
            return pixels
        if status != "unsupported":
            return Outcome(status, rows[0]["detail"].decode("utf-8", "replace"))
    import cv2

    try:
        picture: Any = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    except (cv2.error, MemoryError):
        picture = None
    if picture is None or picture.size == 0:
        return Outcome("unreadable", f"OpenCV cannot decode this {name or 'file'}")
    if picture.shape[0] * picture.shape[1] > limits.max_pixels:
        return Outcome("over_limit", "more pixels than its header says")
    return np.ascontiguousarray(picture)


# ---- arguments ----------------------------------------------------------------------------


def _settings(
    decoder: Any,
    score: Any,
    iou: Any,
    most: Any,
    size: Any,
    fit: Any,
    color: Any,
    mean: Any,
    std: Any,
    preprocess: Any,
    box_format: Any,
    batch: Any,
) -> Settings:
    for name, value, choices in (
        ("decoder", decoder, DECODERS),
        ("fit", fit, ("letterbox", "stretch")),
        ("color", color, ("rgb", "bgr")),
        ("box_format", box_format, _BOX_FORMATS),
    ):
        if value is not None:
            as_choice(value, name, choices)
    least, overlap = as_number(score, "score"), as_number(iou, "iou")
    for name, number in (("score", least), ("iou", overlap)):
        if not 0 <= number <= 1:
            raise ValueError(f"{name}: got {number}, expected 0 to 1")
    count = as_whole(most, "most", "a whole number")
    if count < 1:
        raise ValueError(f"most: got {most}, expected 1 or more")
    pictures = None if batch is None else as_whole(batch, "batch", "a whole number")
    if pictures is not None and not 1 <= pictures <= 4096:
        raise ValueError(f"batch: got {batch}, expected 1 to 4096")
    pair = None
    if size is not None:
        sides = (size, size) if isinstance(size, (int, np.integer)) else tuple(size)
        whole = [as_whole(side, "size", "a whole number") for side in sides]
        if len(whole) != 2 or not all(8 <= side <= 1 << 14 for side in whole):
            raise ValueError(f"size: got {size!r}, expected width and height of 8 to 16384")
        pair = (whole[0], whole[1])
    return Settings(
        decoder,
        box_format,
        pair,
        fit,
        color,
        _three(mean, "mean"),
        _three(std, "std"),
        least,
        overlap,
        count,
        pictures,
        _recipe(preprocess, size=size, fit=fit, color=color, mean=mean, std=std),
    )


def _recipe(given: Any, **others: Any) -> Preprocess | None:
    if given is None:
        return None
    for name, value in others.items():
        if value is not None:
            raise ValueError(f"{name}: got {value!r}, expected None, as preprocess says it")
    return given if isinstance(given, Preprocess) else Preprocess.load(given)


def _three(value: Any, name: str) -> tuple[float, ...] | None:
    """Numbers for blue, green and red in the order the model takes them."""
    if value is None:
        return None
    numbers = tuple(as_number(v, name) for v in value)
    if len(numbers) != 3 or (name == "std" and min(numbers) <= 0):
        raise ValueError(f"{name}: got {value!r}, expected three numbers")
    return numbers
