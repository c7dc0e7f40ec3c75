from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

FORMATS: list[str]
STATUSES: list[str]

def version() -> str: ...
def abi_version() -> int: ...
def jpeg_codec() -> str: ...
def isa() -> str: ...
def isa_available() -> list[str]: ...
def isa_select(name: str) -> None: ...
def find_bad_box(boxes: NDArray[Any], format: int = 0) -> int: ...
def box_matrix(
    boxes1: NDArray[Any],
    boxes2: NDArray[Any],
    out: NDArray[Any],
    metric: int,
    eps: float,
    format: int,
    crowd: NDArray[np.uint8] | None = None,
) -> None: ...
def box_aligned(
    boxes1: NDArray[Any],
    boxes2: NDArray[Any],
    out: NDArray[Any],
    metric: int,
    eps: float,
    format: int,
    crowd: NDArray[np.uint8] | None = None,
) -> None: ...
def box_area(boxes: NDArray[Any], out: NDArray[Any], format: int) -> None: ...
def box_convert(
    boxes: NDArray[Any],
    out: NDArray[Any],
    in_format: int,
    out_format: int,
    in_size: NDArray[np.float64] | None = None,
    out_size: NDArray[np.float64] | None = None,
) -> None: ...
def clip_boxes(boxes: NDArray[Any], out: NDArray[Any], width: float, height: float) -> None: ...
def ragged_sizes(offsets1: NDArray[np.int64], offsets2: NDArray[np.int64]) -> NDArray[np.int64]: ...
def ragged_iou(
    boxes1: NDArray[Any],
    offsets1: NDArray[np.int64],
    boxes2: NDArray[Any],
    offsets2: NDArray[np.int64],
    out: NDArray[Any],
    total: int,
    metric: int,
    eps: float,
    crowd: NDArray[np.uint8] | None = None,
) -> None: ...
def ragged_best(
    boxes1: NDArray[Any],
    offsets1: NDArray[np.int64],
    boxes2: NDArray[Any],
    offsets2: NDArray[np.int64],
    index: NDArray[np.int64],
    value: NDArray[Any],
    metric: int,
    threshold: float,
) -> None: ...
def ragged_counts(
    boxes1: NDArray[Any],
    offsets1: NDArray[np.int64],
    boxes2: NDArray[Any],
    offsets2: NDArray[np.int64],
    counts: NDArray[np.int64],
    threshold: float,
) -> None: ...
def box_pairs(
    boxes: NDArray[Any],
    offsets: NDArray[np.int64],
    threshold: float,
    max_per_box: int = 0,
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]: ...
def box_pairs_between(
    boxes1: NDArray[Any],
    offsets1: NDArray[np.int64],
    boxes2: NDArray[Any],
    offsets2: NDArray[np.int64],
    threshold: float,
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]: ...
def nms(
    boxes: NDArray[Any],
    scores: NDArray[np.float64],
    idxs: NDArray[np.int64] | None,
    iou_threshold: float,
) -> NDArray[np.int64]: ...
def soft_nms(
    boxes: NDArray[Any],
    scores: NDArray[np.float64],
    idxs: NDArray[np.int64] | None,
    gaussian: bool,
    iou_threshold: float,
    sigma: float,
    score_threshold: float,
) -> tuple[NDArray[np.int64], NDArray[np.float64]]: ...
def non_max_merge(
    boxes: NDArray[Any],
    scores: NDArray[np.float64],
    idxs: NDArray[np.int64] | None,
    over_smaller: bool,
    threshold: float,
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.int64]]: ...
def weighted_boxes_fusion(
    boxes: NDArray[Any],
    scores: NDArray[np.float64],
    labels: NDArray[np.int64],
    models: NDArray[np.int64],
    weights: NDArray[np.float64],
    confidence: int,
    iou_threshold: float,
    skip_threshold: float,
    allows_overflow: bool,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]: ...
def hamming_clusters(
    hashes: NDArray[np.uint64], distance: int, workers: int
) -> NDArray[np.int64]: ...
def hamming_pairs(
    hashes: NDArray[np.uint64], distance: int, workers: int, max_pairs: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.uint8]] | None: ...
def merge_tiles(
    boxes: NDArray[np.float64],
    scores: NDArray[np.float64],
    labels: NDArray[np.int64],
    tiles: NDArray[np.int64],
    windows: NDArray[np.int64],
    images: NDArray[np.int64],
    whole: NDArray[np.uint8],
    sizes: NDArray[np.int64] | None,
    n_images: int,
    method: int,
    metric: int,
    confidence: int,
    by_label: bool,
    in_tile_pixels: bool,
    join_cut: bool,
    threshold: float,
    sigma: float,
    score_threshold: float,
    join_threshold: float,
    edge_tolerance: float,
    large: float,
) -> dict[str, Any]: ...
def evaluate(
    predictions: NDArray[np.float64],
    scores: NDArray[np.float64],
    prediction_images: NDArray[np.int64],
    prediction_classes: NDArray[np.int64],
    labels: NDArray[np.float64],
    areas: NDArray[np.float64] | None,
    label_images: NDArray[np.int64],
    label_classes: NDArray[np.int64],
    crowd: NDArray[np.uint8],
    ignore: NDArray[np.uint8],
    images: int,
    classes: int,
    thresholds: NDArray[np.float64],
    recalls: NDArray[np.float64],
    area_ranges: NDArray[np.float64],
    limits: NDArray[np.int64],
    sizes: bool,
    matches: bool,
    workers: int,
) -> dict[str, Any]: ...
def match_coco(
    predictions: NDArray[Any],
    prediction_offsets: NDArray[np.int64],
    prediction_classes: NDArray[np.int64],
    scores: NDArray[np.float64],
    labels: NDArray[Any],
    label_offsets: NDArray[np.int64],
    label_classes: NDArray[np.int64],
    crowd: NDArray[np.uint8],
    ignore: NDArray[np.uint8],
    thresholds: NDArray[np.float64],
    max_predictions: int,
    sizes: bool,
) -> tuple[NDArray[np.int64], NDArray[np.uint8], NDArray[np.int64]]: ...
def obb_iou(
    boxes1: NDArray[np.float64], boxes2: NDArray[np.float64], out: NDArray[np.float64]
) -> None: ...
def obb_iou_aligned(
    boxes1: NDArray[np.float64], boxes2: NDArray[np.float64], out: NDArray[np.float64]
) -> None: ...
def obb_nms(
    boxes: NDArray[np.float64],
    scores: NDArray[np.float64],
    idxs: NDArray[np.int64] | None,
    iou_threshold: float,
) -> NDArray[np.int64]: ...
def obb_to_corners(boxes: NDArray[np.float64]) -> NDArray[np.float64]: ...
def obb_from_corners(corners: NDArray[np.float64]) -> NDArray[np.float64]: ...
def laplacian_variance(
    img: NDArray[np.uint8], boxes: NDArray[np.float64] | None, rgb: bool
) -> NDArray[np.float64]: ...
def luma_histogram(
    img: NDArray[np.uint8], boxes: NDArray[np.float64] | None, rgb: bool
) -> NDArray[np.uint64]: ...
def histogram_entropy(counts: NDArray[np.uint64]) -> NDArray[np.float64]: ...
def luma(img: NDArray[np.uint8], rgb: bool) -> NDArray[np.uint8]: ...

GATE_MAX_SIDE: int

class Gate:
    def __init__(self, width: int, height: int, limits: Sequence[int]) -> None: ...
    def rows(self, rows: NDArray[np.uint8]) -> None: ...
    def end(self) -> dict[str, Any]: ...
    def drop(self) -> None: ...

def image_stats(
    img: NDArray[np.uint8], boxes: NDArray[np.float64], rgb: bool, every_row: bool
) -> tuple[NDArray[Any], NDArray[Any]]: ...
def measure_luma(
    luma: NDArray[np.uint8],
    boxes: NDArray[np.float64],
    orientation: int = 1,
    turned: bool = False,
    rings: bool = False,
) -> tuple[NDArray[Any], NDArray[Any]]: ...
def compare_profiles(
    profiles: NDArray[np.uint8],
    rows: NDArray[np.int64],
    templates: NDArray[np.uint8],
    workers: int,
) -> tuple[NDArray[np.float64], NDArray[np.int8], NDArray[np.float64]]: ...
def look_up(image: NDArray[np.uint8], tables: NDArray[np.uint8]) -> NDArray[np.uint8]: ...
def filter_taps(
    image: NDArray[np.uint8], offsets: NDArray[np.int32], weights: NDArray[np.float64]
) -> NDArray[np.uint8]: ...
def sensor_noise(
    image: NDArray[np.uint8], read: float, shot: float, colour: float, seed: int
) -> NDArray[np.uint8]: ...
def salt_and_pepper(
    image: NDArray[np.uint8], amount: float, salt: float, seed: int
) -> NDArray[np.uint8]: ...
def veil(
    image: NDArray[np.uint8], mask: NDArray[np.uint8], colour: NDArray[np.uint8]
) -> NDArray[np.uint8]: ...
def composite(
    scene: NDArray[np.uint8],
    patch: NDArray[np.uint8],
    x: int,
    y: int,
    mask: NDArray[np.uint8] | None,
    mode: int,
    feather: int,
    opacity: float,
) -> None: ...
def paste_object(
    scene: NDArray[np.uint8],
    patch: NDArray[np.uint8],
    alpha: NDArray[np.uint8],
    patch_box: tuple[float, float, float, float],
    box: tuple[float, float, float, float],
    blend: int,
    match: bool,
    flip: bool,
    loose: bool,
    apply: bool,
    feather: float,
    acutance: float,
    noise: float,
    seed: int,
) -> tuple[
    int,
    int,
    NDArray[np.uint8],
    NDArray[np.uint8] | None,
    tuple[float, tuple[float, float, float], float, float, float],
]: ...
def resize_area(img: NDArray[np.uint8], out: NDArray[np.uint8]) -> None: ...
def letterbox(
    images: list[NDArray[np.uint8]],
    options: dict[str, Any],
    out: NDArray[Any],
    workers: int = 1,
) -> list[tuple[int, int, int, int, float, float]]: ...
def letterbox_frames(
    frames: list[tuple[Any, ...]],
    options: dict[str, Any],
    out: NDArray[Any],
    workers: int = 1,
) -> list[tuple[int, int, int, int, float, float]]: ...
def letterbox_placement(
    image_width: int,
    image_height: int,
    width: int,
    height: int,
    center: int = 1,
    scale_up: int = 1,
    stretch: int = 0,
) -> tuple[int, int, int, int, float, float]: ...
def read_recipe(text: bytes) -> dict[str, Any]: ...
def letterbox_boxes(
    boxes: NDArray[Any],
    at: tuple[int, int, int, int, float, float],
    window: tuple[int, int, int, int],
    back: bool = False,
    clip: bool = False,
) -> NDArray[Any]: ...
def content_hash(data: Any) -> bytes: ...
def hash_slices(data: Any, offsets: NDArray[np.int64]) -> NDArray[np.uint8]: ...
def stat_files(
    folder: bytes | None, names: Any, offsets: NDArray[np.int64], workers: int = 0
) -> NDArray[Any]: ...
def sniff_headers(
    paths: list[str] | list[bytes], workers: int = 0
) -> tuple[list[str], NDArray[np.int32], NDArray[np.int32], NDArray[np.int8]]: ...
def sniff_bytes(data: bytes | memoryview) -> tuple[str, int, int, int]: ...
def cut_jpeg(
    data: bytes | memoryview, windows: NDArray[np.int64], options: dict[str, Any]
) -> tuple[NDArray[Any], NDArray[Any], list[bytes | None]]: ...
def cut_align(
    data: bytes | memoryview, windows: NDArray[np.int64], options: dict[str, Any]
) -> NDArray[np.int64]: ...
def read_window(
    data: bytes | memoryview, window: NDArray[np.int64], color: int, options: dict[str, Any]
) -> tuple[NDArray[np.uint8], NDArray[Any]]: ...

CUT_MODES: list[str]

class Cutter:
    def __init__(self, options: dict[str, Any]) -> None: ...
    def submit(
        self,
        sources: list[bytes],
        windows: NDArray[np.int64],
        counts: list[int],
        outputs: list[bytes],
    ) -> int: ...
    def wait(self, ticket: int, timeout_ms: int) -> tuple[bool, int]: ...
    def collect(self, ticket: int) -> tuple[NDArray[Any], NDArray[Any]]: ...
    def close(self) -> None: ...

def tar_index(path: bytes) -> tuple[dict[str, Any], NDArray[Any], bytes]: ...

class Scanner:
    def __init__(
        self,
        workers: int,
        max_pixels: int,
        max_bytes: int,
        max_scans: int,
        max_memory: int,
        hash_only: bool = False,
        rings: bool = False,
    ) -> None: ...
    def submit(
        self,
        sources: Sequence[bytes | memoryview | tuple[bytes, int, int, Any] | None],
        declared: NDArray[np.int32],
        turned: NDArray[np.int32],
        boxes: NDArray[np.float64],
        offsets: NDArray[np.int64],
    ) -> int: ...
    def wait(self, ticket: int, timeout_ms: int) -> tuple[bool, int]: ...
    def collect(self, ticket: int) -> tuple[NDArray[Any], NDArray[Any]]: ...
    def close(self) -> None: ...

# (values, rows, validity or None, validity_offset, bit_offset or -1)
_Column = tuple[NDArray[Any], int, NDArray[np.uint8] | None, int, int]
_Axis = tuple[NDArray[np.float64] | None, int]

def histogram_fill(
    axes: list[_Axis],
    columns: list[_Column],
    counts: NDArray[np.int64],
    weight: _Column | None = None,
    sums: NDArray[np.uint64] | None = None,
) -> float: ...
def moments_new(groups: int) -> NDArray[Any]: ...
def moments_fill(
    axes: list[_Axis], columns: list[_Column], value: _Column, groups: NDArray[Any]
) -> None: ...
def moments_merge(into: NDArray[Any], other: NDArray[Any]) -> None: ...

class Sketch:
    def __init__(self, bits: int) -> None: ...
    def fill(self, axes: list[_Axis], columns: list[_Column], value: _Column) -> None: ...
    def add(
        self,
        groups: NDArray[np.int64],
        keys: NDArray[np.int32],
        counts: NDArray[np.int64],
        lows: NDArray[np.float64],
        highs: NDArray[np.float64],
    ) -> None: ...
    def entries(
        self,
    ) -> tuple[
        NDArray[np.int64],
        NDArray[np.int32],
        NDArray[np.int64],
        NDArray[np.float64],
        NDArray[np.float64],
    ]: ...

class ArrowColumn:
    @property
    def kind(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def format(self) -> str: ...
    @property
    def length(self) -> int: ...
    @property
    def null_count(self) -> int: ...
    @property
    def values(self) -> NDArray[Any]: ...
    @property
    def bit_offset(self) -> int: ...
    @property
    def validity(self) -> NDArray[np.uint8] | None: ...
    @property
    def validity_offset(self) -> int: ...
    @property
    def offsets(self) -> NDArray[Any]: ...
    @property
    def list_size(self) -> int: ...
    @property
    def children(self) -> list[ArrowColumn]: ...
    def texts(self) -> list[str]: ...
    def codes(self, names: list[str]) -> NDArray[np.int32]: ...

class ArrowReader:
    def __init__(self, capsules: Any) -> None: ...
    def fields(self) -> list[tuple[str, str]]: ...
    def next(self, columns: list[int]) -> tuple[int, list[ArrowColumn]] | None: ...

def tile_counts(
    width: int,
    height: int,
    tile_width: int,
    tile_height: int,
    step_x: int,
    step_y: int,
    centred: bool,
    pad: bool,
) -> tuple[int, int]: ...
def tile_windows(
    width: int,
    height: int,
    tile_width: int,
    tile_height: int,
    step_x: int,
    step_y: int,
    centred: bool,
    pad: bool,
    out: NDArray[np.int64],
) -> None: ...
def tile_boxes(
    boxes: NDArray[Any],
    box_offsets: NDArray[np.int64],
    windows: NDArray[np.int64],
    window_offsets: NDArray[np.int64],
    sizes: NDArray[np.int64] | None,
    workers: int,
) -> tuple[
    NDArray[np.int64],
    NDArray[np.int64],
    NDArray[np.float64],
    NDArray[np.float64],
    NDArray[np.uint8],
]: ...

class LabelColumns:
    def take(
        self, column: str
    ) -> list[
        tuple[int, NDArray[np.uint8] | None, NDArray[np.uint8] | None, NDArray[np.uint8] | None]
    ]: ...

def read_yolo(
    folder: str | bytes,
    names: bytes,
    count: int,
    workers: int = 0,
    keypoints: int = 0,
    most_text: int = 0,
) -> LabelColumns: ...
def read_voc(
    folder: str | bytes, names: bytes, count: int, workers: int = 0, most_text: int = 0
) -> LabelColumns: ...

class CocoColumns:
    def __init__(
        self, path: str | bytes, workers: int = 0, window: int = 0, most_text: int = 0
    ) -> None: ...
    def members(self) -> list[tuple[int, int, int, bytes, bytes]]: ...
    def take(
        self, column: str
    ) -> list[
        tuple[int, NDArray[np.uint8] | None, NDArray[np.uint8] | None, NDArray[np.uint8] | None]
    ]: ...
    @property
    def outcome(self) -> int: ...
    @property
    def error(self) -> int: ...
    @property
    def file_bytes(self) -> int: ...
    @property
    def stopped_at(self) -> int: ...
    @property
    def images(self) -> int: ...
    @property
    def annotations(self) -> int: ...
    @property
    def odd(self) -> int: ...
    @property
    def ids_rise(self) -> bool: ...

def pair_predictions(
    labels: NDArray[np.float64],
    classes: NDArray[np.int64],
    offsets: NDArray[np.int64],
    predictions: NDArray[np.float64],
    said: NDArray[np.int64],
    scores: NDArray[np.float64],
    starts: NDArray[np.int64],
    workers: int,
) -> dict[str, Any]: ...
def warp_affine(
    image: NDArray[np.uint8],
    matrix: NDArray[np.float64],
    width: int,
    height: int,
    edge: bool,
    fill: int,
) -> NDArray[np.uint8]: ...
