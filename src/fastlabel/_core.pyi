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
def box_iou(boxes1: NDArray[np.float64], boxes2: NDArray[np.float64]) -> NDArray[np.float64]: ...
def box_pairs(
    boxes: NDArray[np.float64],
    offsets: NDArray[np.int64],
    threshold: float,
    max_per_box: int = 0,
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]: ...
def nms(
    boxes: NDArray[np.float64], scores: NDArray[np.float64], iou_threshold: float
) -> NDArray[np.int64]: ...
def laplacian_variance(
    img: NDArray[np.uint8], boxes: NDArray[np.float64] | None, rgb: bool
) -> NDArray[np.float64]: ...
def luma_histogram(
    img: NDArray[np.uint8], boxes: NDArray[np.float64] | None, rgb: bool
) -> NDArray[np.uint64]: ...
def histogram_entropy(counts: NDArray[np.uint64]) -> NDArray[np.float64]: ...
def luma(img: NDArray[np.uint8], rgb: bool) -> NDArray[np.uint8]: ...
def image_stats(
    img: NDArray[np.uint8], boxes: NDArray[np.float64], rgb: bool, every_row: bool
) -> tuple[NDArray[Any], NDArray[Any]]: ...
def measure_luma(
    luma: NDArray[np.uint8],
    boxes: NDArray[np.float64],
    orientation: int = 1,
    turned: bool = False,
) -> tuple[NDArray[Any], NDArray[Any]]: ...
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
