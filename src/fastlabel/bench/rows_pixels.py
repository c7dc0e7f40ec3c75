"""Rows of the benchmark table: pixel statistics and pasting."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .row import Peer, Row

__all__ = ["ROWS"]

_HEIGHT, _WIDTH = 1080, 1920
_PATCH, _FEATHER, _X, _Y = 256, 16, 700, 300
_PIXELS = _HEIGHT * _WIDTH

Image = NDArray[np.uint8]


def smooth(shape: tuple[int, ...], seed: int) -> Image:
    """Noise with structure of every size, so that no histogram or edge is a special case."""
    rng = np.random.default_rng(seed)
    total = np.zeros(shape, np.float32)
    for step in (1, 4, 16, 64):
        small = (-(-shape[0] // step), -(-shape[1] // step), *shape[2:])
        coarse = rng.normal(0, 12, small).astype(np.float32)
        total += coarse.repeat(step, 0).repeat(step, 1)[: shape[0], : shape[1]]
    return np.clip(total + 128, 0, 255).astype(np.uint8)


def _gray() -> tuple[Any, ...]:
    return (smooth((_HEIGHT, _WIDTH), 0), np.empty((_HEIGHT, _WIDTH), np.int16))


def _colour() -> tuple[Any, ...]:
    return (smooth((_HEIGHT, _WIDTH, 3), 1),)


def _close(ours: Any, theirs: Any) -> None:
    np.testing.assert_allclose(ours, theirs, rtol=1e-9)


def _equal(ours: Any, theirs: Any) -> None:
    np.testing.assert_array_equal(ours, theirs)


# ---- Laplacian variance, histogram, luma ------------------------------------------------


def _variance(gray: Image, scratch: Any) -> Any:
    from ..pixels import laplacian_variance

    return laplacian_variance(gray)


def _variance_usual(gray: Image, scratch: Any) -> Any:
    cv2: Any = import_module("cv2")

    return cv2.Laplacian(gray, cv2.CV_64F).var()


def _variance_best(gray: Image, scratch: Any) -> Any:
    """The fastest way found: 16 bits, a buffer kept, sums of squares and of values."""
    cv2: Any = import_module("cv2")

    laplacian = cv2.Laplacian(gray, cv2.CV_16S, dst=scratch)
    mean = cv2.sumElems(laplacian)[0] / laplacian.size
    return cv2.norm(laplacian, cv2.NORM_L2SQR) / laplacian.size - mean * mean


def _histogram(gray: Image, scratch: Any) -> Any:
    from ..pixels import luma_histogram

    return luma_histogram(gray)


def _histogram_opencv(gray: Image, scratch: Any) -> Any:
    cv2: Any = import_module("cv2")

    return cv2.calcHist([gray], [0], None, [256], [0, 256]).ravel()


def _histogram_numpy(gray: Image, scratch: Any) -> Any:
    return np.bincount(gray.ravel(), minlength=256)


def _luma(image: Image) -> Any:
    from ..pixels import luma

    return luma(image)


def _luma_opencv(image: Image) -> Any:
    cv2: Any = import_module("cv2")

    return cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)


def _entropy(gray: Image, scratch: Any) -> Any:
    from ..pixels import entropy

    return entropy(gray)


def _entropy_opencv(gray: Image, scratch: Any) -> Any:
    share = _histogram_opencv(gray, scratch).astype(np.float64) / gray.size
    share = share[share > 0]
    return -(share * np.log2(share)).sum()


def _perceptual(gray: Image, scratch: Any) -> Any:
    from ..pixels import perceptual_hash

    return perceptual_hash(gray)


def _perceptual_opencv(gray: Image, scratch: Any) -> Any:
    cv2: Any = import_module("cv2")

    small = cv2.resize(gray.astype(np.float32), (32, 32), interpolation=cv2.INTER_AREA)
    low = cv2.dct(small)[:8, :8].ravel()
    bits = np.packbits(low > np.median(low))
    return int.from_bytes(bits.tobytes(), "big")


def _few_bits_apart(ours: Any, theirs: Any) -> None:
    """A term as good as the median may fall on either side."""
    assert (int(ours) ^ int(theirs)).bit_count() <= 2


def _variance_colour(image: Image) -> Any:
    from ..pixels import laplacian_variance

    return laplacian_variance(image)


def _variance_colour_opencv(image: Image) -> Any:
    cv2: Any = import_module("cv2")

    return cv2.Laplacian(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), cv2.CV_64F).var()


def _all_stats(gray: Image, scratch: Any) -> Any:
    from ..pixels import image_stats

    stats = image_stats(gray)
    return [stats["luma_mean"], stats["luma_std"], stats["laplacian_variance"], stats["luma_p50"]]


def _all_stats_opencv(gray: Image, scratch: Any) -> Any:
    """Fewer numbers: no noise, pyramid or hash."""
    cv2: Any = import_module("cv2")

    mean, deviation = cv2.meanStdDev(gray)
    counts = cv2.calcHist([gray], [0], None, [256], [0, 256]).ravel()
    median = np.searchsorted(counts.cumsum(dtype=np.float64), gray.size / 2)
    laplacian = cv2.Laplacian(gray, cv2.CV_64F).var()
    return [mean.item(), deviation.item(), laplacian, median]


def _bytes() -> tuple[Any, ...]:
    return (np.random.default_rng(2).bytes(4_000_000),)


def _hash(data: bytes) -> Any:
    from ..pixels import content_hash

    return content_hash(data)


def _hash_xxhash(data: bytes) -> Any:
    xxhash: Any = import_module("xxhash")

    return xxhash.xxh3_128_hexdigest(data)


# ---- pasting ----------------------------------------------------------------------------
# A paste in place changes its input, so a run returns how it pastes, and _same_paste lets both
# paste once into scenes of their own.

Paste = Callable[..., None]


def _ramp(dtype: Any) -> NDArray[Any]:
    i = np.arange(_PATCH)
    border = np.minimum(i, i[::-1])
    border = np.minimum(border[:, None], border)
    return np.minimum(1, (2 * border + 1) / (2 * _FEATHER + 1)).astype(dtype)


def _scene_and_patch() -> tuple[Any, ...]:
    """Scene, patch, and the weights in the forms the peers take, made beforehand."""
    weight = _ramp(np.float32)
    three = np.repeat(weight[..., None], 3, 2)
    eight = np.rint(three * 255).astype(np.uint8)
    return (
        smooth((_HEIGHT, _WIDTH, 3), 3),
        smooth((_PATCH, _PATCH, 3), 4),
        {
            "numpy": _ramp(np.float64)[..., None],
            "plane": (weight, 1 - weight),
            "three": (three, 1 - three),
            "eight": (eight, 255 - eight),
        },
    )


def _roi(scene: Image) -> Image:
    return scene[_Y : _Y + _PATCH, _X : _X + _PATCH]


def _ours(scene: Image, patch: Image, weights: Any) -> None:
    from ..pixels import composite

    composite(scene, patch, _X, _Y, feather=_FEATHER, out=scene)


def _by_numpy(scene: Image, patch: Image, weights: Any) -> None:
    w, below = weights["numpy"], _roi(scene)
    below[...] = np.rint(patch * w + below * (1 - w)).astype(np.uint8)


def _by_blend_linear(scene: Image, patch: Image, weights: Any) -> None:
    cv2: Any = import_module("cv2")

    cv2.blendLinear(patch, _roi(scene), *weights["plane"], dst=_roi(scene))


def _by_multiply(scene: Image, patch: Image, weights: Any) -> None:
    cv2: Any = import_module("cv2")

    w, rest = weights["three"]
    above = cv2.multiply(patch, w, dtype=cv2.CV_32F)
    below = cv2.multiply(_roi(scene), rest, dtype=cv2.CV_32F)
    cv2.add(above, below, dst=_roi(scene), dtype=cv2.CV_8U)


def _by_bytes(scene: Image, patch: Image, weights: Any) -> None:
    """Rounds three times, where the others round once."""
    cv2: Any = import_module("cv2")

    w, rest = weights["eight"]
    above = cv2.multiply(patch, w, scale=1 / 255)
    below = cv2.multiply(_roi(scene), rest, scale=1 / 255)
    cv2.add(above, below, dst=_roi(scene))


def _pasting(paste: Paste) -> Callable[..., Paste]:
    def run(scene: Image, patch: Image, weights: Any) -> Paste:
        paste(scene, patch, weights)
        return paste

    return run


def _same_paste(ours: Paste, theirs: Paste) -> None:
    """Floating point and bytes differ by a grey level at most."""
    scene, patch, weights = _scene_and_patch()
    other = scene.copy()
    ours(scene, patch, weights)
    theirs(other, patch, weights)
    assert np.abs(scene.astype(np.int16) - other).max() <= 1


def _masked(scene: Image, patch: Image, weights: Any) -> None:
    from ..pixels import composite

    mask = weights["eight"][0][..., 0]
    composite(scene, patch, _X, _Y, alpha=mask, mode="multiply", out=scene)


def _masked_numpy(scene: Image, patch: Image, weights: Any) -> None:
    w, below = weights["numpy"], _roi(scene)
    product = patch.astype(np.float64) * below / 255
    below[...] = np.rint(product * w + below * (1 - w)).astype(np.uint8)


ROWS: tuple[Row, ...] = (
    Row(
        "laplacian-variance",
        "laplacian_variance, 1920 x 1080 gray",
        _gray,
        _variance,
        (
            Peer("cv2.Laplacian(CV_64F).var()", ("cv2",), _variance_usual, 30),
            Peer("OpenCV, CV_16S and norms", ("cv2",), _variance_best, 6),
        ),
        _close,
        lambda gray, scratch: gray.nbytes,
    ),
    Row(
        "laplacian-variance-bgr",
        "laplacian_variance, 1920 x 1080 BGR",
        _colour,
        _variance_colour,
        (Peer("cv2.cvtColor, Laplacian, var", ("cv2",), _variance_colour_opencv),),
        _close,
        lambda image: image.nbytes,
    ),
    Row(
        "luma-histogram",
        "luma_histogram, 1920 x 1080 gray",
        _gray,
        _histogram,
        (
            Peer("cv2.calcHist", ("cv2",), _histogram_opencv),
            Peer("numpy.bincount", (), _histogram_numpy),
        ),
        _equal,
        lambda gray, scratch: gray.nbytes,
    ),
    Row(
        "entropy",
        "entropy, 1920 x 1080 gray",
        _gray,
        _entropy,
        (Peer("cv2.calcHist and NumPy", ("cv2",), _entropy_opencv),),
        _close,
        lambda gray, scratch: gray.nbytes,
    ),
    Row(
        "perceptual-hash",
        "perceptual_hash, 1920 x 1080 gray",
        _gray,
        _perceptual,
        (Peer("cv2.resize INTER_AREA and dct", ("cv2",), _perceptual_opencv),),
        _few_bits_apart,
        lambda gray, scratch: gray.nbytes,
    ),
    Row(
        "luma",
        "luma, 1920 x 1080 BGR",
        _colour,
        _luma,
        (Peer("cv2.cvtColor", ("cv2",), _luma_opencv),),
        _equal,
        lambda image: image.nbytes + _PIXELS,
    ),
    Row(
        "image-stats",
        "image_stats, 1920 x 1080 gray",
        _gray,
        _all_stats,
        (Peer("OpenCV, five of sixteen numbers", ("cv2",), _all_stats_opencv),),
        _close,
        lambda gray, scratch: gray.nbytes,
    ),
    Row(
        "content-hash",
        "content_hash, 4 MB",
        _bytes,
        _hash,
        (Peer("xxhash.xxh3_128", ("xxhash",), _hash_xxhash),),
        _equal,
        lambda data: len(data),
    ),
    Row(
        "composite-feather",
        "composite, 256 px patch, feather 16, into 1920 x 1080 BGR",
        _scene_and_patch,
        _pasting(_ours),
        (
            Peer("NumPy formula", (), _pasting(_by_numpy), 15),
            Peer("cv2.blendLinear", ("cv2",), _pasting(_by_blend_linear), 5),
            Peer("cv2.multiply and add, float", ("cv2",), _pasting(_by_multiply), 5),
            Peer("cv2.multiply and add, bytes", ("cv2",), _pasting(_by_bytes)),
        ),
        _same_paste,
        lambda scene, patch, weights: 3 * patch.nbytes,
    ),
    Row(
        "composite-multiply",
        "composite, 256 px patch, mask, multiply, into 1920 x 1080 BGR",
        _scene_and_patch,
        _pasting(_masked),
        (Peer("NumPy formula", (), _pasting(_masked_numpy)),),
        _same_paste,
        lambda scene, patch, weights: 3 * patch.nbytes,
    ),
)
