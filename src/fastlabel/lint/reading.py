"""Files of settings as plain values: TOML, YAML and JSON, with limits and no code in them."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..config import MAX_FILE_BYTES, ConfigError, nearest, read_toml
from . import albumentations, torchvision, ultralytics
from .steps import Pipeline
from .values import shown

__all__ = ["KINDS", "read_pipeline"]

#: What settings can be read as.
KINDS = ("auto", "ultralytics", "albumentations", "torchvision", "fastlabel")

#: Values that a YAML file may come to once its aliases are written out.
MOST_VALUES = 100_000
#: Tables in tables.
DEEPEST = 60


def read_pipeline(config: Any, kind: str = "auto") -> Pipeline:
    """Read augmentation settings of any of the libraries.

    Parameters
    ----------
    config : path-like, mapping, sequence or object
        A file; what such a file holds; a :class:`fastlabel.augment.Recipe`; or a pipeline of
        albumentations or torchvision as it is in memory.
    kind : str
        One of :data:`KINDS`; ``auto`` goes by what stands in it.

    Returns
    -------
    Pipeline

    Raises
    ------
    ConfigError
        If the settings cannot be read; the message has the place, the value and the remedy.
    """
    if kind not in KINDS:
        raise ConfigError(f"kind {kind!r}: {nearest(kind, KINDS)}")
    if isinstance(config, str | os.PathLike):
        path = Path(config)
        return _interpret(_load(path), kind, str(path))
    return _interpret(*_of_object(config, kind), "the given settings")


def _of_object(config: Any, kind: str) -> tuple[Any, str]:
    """Settings that are in memory as plain values, and their kind where that is certain."""
    module = type(config).__module__.partition(".")[0]
    if module == "torchvision":
        return repr(config), "torchvision"
    if module == "albumentations":
        return config.to_dict(), "albumentations"
    return config, kind


def _interpret(value: Any, kind: str, source: str) -> Pipeline:
    from . import recipe

    found = _kind_of(value, source) if kind == "auto" else kind
    readers = {
        "ultralytics": ultralytics.read,
        "albumentations": albumentations.read,
        "torchvision": torchvision.read,
        "fastlabel": recipe.read,
    }
    try:
        return readers[found](value, source)
    except RecursionError:
        raise ConfigError(f"{source}: settings nested too deep") from None


def _kind_of(value: Any, source: str) -> str:
    """Tell which library settings are of."""
    if isinstance(value, Mapping):
        if "transform" in value or "__class_fullname__" in value:
            return "albumentations"
        if "stages" in value or "stage" in value:
            return "fastlabel"
        if ultralytics.KEYS & set(map(str, value)):
            return "ultralytics"
        if not value:
            raise ConfigError(f"{source}: nothing in it: no augmentation settings")
        raise ConfigError(
            f"{source}: not known as settings of augmentation: it has the keys "
            f"{shown(sorted(map(str, value))[:8])}; expected those of an Ultralytics args.yaml "
            "(mosaic, hsv_h, ...), a saved Albumentations pipeline (transform), a list of "
            "torchvision transforms, or a recipe (stages); --from says which"
        )
    if isinstance(value, list | tuple | str):
        return "torchvision"
    if value is None:
        raise ConfigError(f"{source}: nothing in it: no augmentation settings")
    if isinstance(value, bool | int | float):
        raise ConfigError(f"{source}: got {shown(value)}, expected a table or a list of settings")
    return "fastlabel"


def _load(path: Path) -> Any:
    if path.suffix.lower() == ".toml":
        return read_toml(path)
    text = _text(path)
    if not text.strip():
        raise ConfigError(f"{path}: empty: no augmentation settings")
    if path.suffix.lower() == ".json" or text.lstrip()[:1] == "{":
        return _json(text, path)
    if path.suffix.lower() in (".yaml", ".yml"):
        return _yaml(text, path)
    return text


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise ConfigError(f"{path}: over {MAX_FILE_BYTES:,} bytes, not a file of settings")
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not UTF-8 text (byte {error.start})") from error


def _json(text: str, path: Path) -> Any:
    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        out: dict[str, Any] = {}
        for key, value in pairs:
            if key in out:
                raise ConfigError(f"{path}: {shown(key)} is given twice in one object")
            out[key] = value
        return out

    try:
        return json.loads(text, object_pairs_hook=once)
    except json.JSONDecodeError as error:
        raise ConfigError(f"{path}: not valid JSON: {error}") from None
    except (RecursionError, ValueError) as error:
        if isinstance(error, ConfigError):
            raise
        raise ConfigError(f"{path}: not valid JSON: a number or a nesting beyond belief") from None


def _yaml(text: str, path: Path) -> Any:
    import yaml

    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        if node is None:
            raise ConfigError(f"{path}: empty: no augmentation settings")
        _check_nodes(node, path)
        # The safe constructor knows no tag that runs or opens anything.
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        what = " ".join(str(error).split())
        raise ConfigError(f"{path}: not valid YAML: {what[:300]}") from None
    except RecursionError:
        raise ConfigError(f"{path}: not valid YAML: nested too deep") from None
    except (ValueError, OverflowError) as error:  # a date that there is not, for one
        if isinstance(error, ConfigError):
            raise
        raise ConfigError(f"{path}: not valid YAML: {error}") from None


def _check_nodes(top: Any, path: Path) -> None:
    """Refuse aliases that grow without end, tables in tables without end, and keys given twice."""
    import yaml

    sizes: dict[int, int] = {}
    open_: set[int] = set()

    def size(node: Any, depth: int) -> int:
        line = node.start_mark.line + 1
        if id(node) in open_:
            raise ConfigError(f"{path}:{line}: an alias that holds itself")
        if depth > DEEPEST:
            raise ConfigError(f"{path}:{line}: over {DEEPEST} tables and lists in one another")
        if id(node) in sizes:
            return sizes[id(node)]
        open_.add(id(node))
        children: list[Any] = []
        if isinstance(node, yaml.MappingNode):
            keys = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
            for key in keys:
                if keys.count(key) > 1:
                    raise ConfigError(f"{path}:{line}: {shown(key)} is given twice in one table")
            children = [child for item in node.value for child in item]
        elif isinstance(node, yaml.SequenceNode):
            children = node.value
        total = 1 + sum(size(child, depth + 1) for child in children)
        open_.discard(id(node))
        sizes[id(node)] = total
        if total > MOST_VALUES:
            raise ConfigError(
                f"{path}:{line}: over {MOST_VALUES:,} values once its aliases are written out"
            )
        return total

    size(top, 0)
