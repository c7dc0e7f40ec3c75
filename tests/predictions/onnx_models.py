"""Small ONNX models, written byte by byte: outputs of one's own choice, moved by the picture.

Every output is a constant, to which ``mean of the input * weight`` is added: so a test can tell
whether the model saw the right pixels.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

_TYPES = {"float32": 1, "uint8": 2, "int8": 3, "int64": 7, "float16": 10}


def _varint(value: int) -> bytes:
    out = bytearray()
    value &= (1 << 64) - 1
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def _int(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _bytes(field: int, value: bytes | str) -> bytes:
    data = value.encode() if isinstance(value, str) else value
    return _varint(field << 3 | 2) + _varint(len(data)) + data


def _tensor(name: str, array: np.ndarray) -> bytes:
    dims = b"".join(_int(1, side) for side in array.shape)
    kind = _int(2, _TYPES[str(array.dtype)])
    return dims + kind + _bytes(8, name) + _bytes(9, array.tobytes())


def _value(name: str, shape, dtype: str) -> bytes:
    dims = b"".join(
        _bytes(1, _int(1, side) if isinstance(side, int) else _bytes(2, side)) for side in shape
    )
    tensor = _int(1, _TYPES[dtype]) + _bytes(2, dims)
    return _bytes(1, name) + _bytes(2, _bytes(1, tensor))


def _ints(name: str, values) -> bytes:
    packed = b"".join(_int(8, value) for value in values)
    return _bytes(5, _bytes(1, name) + packed + _int(20, 7))


def _whole(name: str, value: int) -> bytes:
    return _bytes(5, _bytes(1, name) + _int(3, value) + _int(20, 2))


def _node(kind: str, inputs, output: str, *attributes: bytes) -> bytes:
    names = b"".join(_bytes(1, name) for name in inputs)
    return _bytes(1, names + _bytes(2, output) + _bytes(4, kind) + b"".join(attributes))


def write_model(
    path: Path,
    outputs: dict[str, tuple[np.ndarray, float | np.ndarray]],
    *,
    shape=(1, 3, 64, 64),
    dtype: str = "float32",
    metadata: dict[str, str] | None = None,
    unbatched_outputs: bool = False,
    sizes_input: bool = False,
) -> Path:
    """Write a model whose outputs are constants plus the input's mean times a weight.

    ``outputs`` has of each name the values for one picture (without the batch) and the weight.
    """
    nodes, constants, declared = b"", b"", b""
    axes = list(range(len(shape) - 3, len(shape))) if len(shape) == 4 else [0, 1, 2]
    nodes += _node("Cast", ["images"], "real", _whole("to", 1))
    kept = _whole("keepdims", 0)
    nodes += _node("ReduceMean", ["real"], "mean", _ints("axes", axes), kept)
    for k, (name, (values, weight)) in enumerate(outputs.items()):
        whole = values.dtype == np.int64
        batched = values if unbatched_outputs else values[None]
        lift = np.array([1 if unbatched_outputs else -1] + [1] * (batched.ndim - 1), np.int64)
        constants += _bytes(5, _tensor(f"c{k}", np.ascontiguousarray(batched)))
        constants += _bytes(5, _tensor(f"s{k}", lift))
        weights = np.broadcast_to(np.asarray(weight, np.float32), batched.shape)
        constants += _bytes(5, _tensor(f"w{k}", np.ascontiguousarray(weights)))
        nodes += _node("Reshape", ["mean", f"s{k}"], f"m{k}")
        nodes += _node("Mul", [f"m{k}", f"w{k}"], f"a{k}")
        if whole:
            nodes += _node("Cast", [f"a{k}"], f"b{k}", _whole("to", 7))
        elif values.dtype == np.float16:
            nodes += _node("Cast", [f"a{k}"], f"b{k}", _whole("to", 10))
        other = f"b{k}" if whole or values.dtype == np.float16 else f"a{k}"
        nodes += _node("Add", [f"c{k}", other], name)
        batch = shape[0] if len(shape) == 4 else 1
        sides = batched.shape if unbatched_outputs else (batch, *values.shape)
        declared += _bytes(12, _value(name, sides, str(values.dtype)))
    inputs = _bytes(11, _value("images", shape, dtype))
    if sizes_input:
        inputs += _bytes(11, _value("orig_target_sizes", (shape[0], 2), "int64"))
        nodes += _node("Identity", ["orig_target_sizes"], "unused")
    graph = nodes + _bytes(2, "g") + constants + inputs + declared
    model = _int(1, 8) + _bytes(7, graph) + _bytes(8, _bytes(1, "") + _int(2, 13))
    for key, text in (metadata or {}).items():
        model += _bytes(14, _bytes(1, key) + _bytes(2, text))
    path.write_bytes(model)
    return path
