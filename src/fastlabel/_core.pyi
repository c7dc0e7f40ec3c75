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
    boxes: NDArray[np.float64], scores: NDArray[np.float64], iou_threshold: float
) -> NDArray[np.int64]: ...
def laplacian_variance(luma: NDArray[np.uint8]) -> float: ...
def measure_luma(
    luma: NDArray[np.uint8],
    boxes: NDArray[np.float64],
    orientation: int = 1,
    turned: bool = False,
) -> tuple[NDArray[Any], NDArray[Any]]: ...
def content_hash(data: Any) -> bytes: ...
def sniff_headers(
    paths: list[str] | list[bytes], workers: int = 0
) -> tuple[list[str], NDArray[np.int32], NDArray[np.int32], NDArray[np.int8]]: ...

class Scanner:
    def __init__(
        self,
        workers: int,
        max_pixels: int,
        max_bytes: int,
        max_scans: int,
        max_memory: int,
    ) -> None: ...
    def submit(
        self,
        sources: list[bytes],
        in_memory: bool,
        declared: NDArray[np.int32],
        turned: NDArray[np.int32],
        boxes: NDArray[np.float64],
        offsets: NDArray[np.int64],
    ) -> int: ...
    def wait(self, ticket: int, timeout_ms: int) -> tuple[bool, int]: ...
    def collect(self, ticket: int) -> tuple[NDArray[Any], NDArray[Any]]: ...
    def close(self) -> None: ...
