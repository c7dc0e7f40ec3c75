"""Many names looked up at once, beside one after the other."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from fastlabel.formats._coco_paths import ImageFinder, find_all
from fastlabel.formats._paths import Tree

_FOLDERS = st.lists(st.sampled_from(["a", "images", "train", "val", "x"]), max_size=3)
_NAMES = st.sampled_from(["1.jpg", "2.jpg", "3.png", "4.jpg"])
_PATHS = st.builds(lambda folders, name: "/".join([*folders, name]), _FOLDERS, _NAMES)


@settings(max_examples=600, deadline=None)
@given(
    images=st.lists(_PATHS, max_size=8, unique=True),
    names=st.lists(_PATHS, max_size=12),
    plain=st.booleans(),
    split=st.sampled_from([None, "train", "val"]),
    json=st.sampled_from(["labels.json", "annotations/train.json", "train/labels.json"]),
)
def test_as_one_after_the_other(
    images: list[str], names: list[str], plain: bool, split: str | None, json: str
) -> None:
    tree = Tree(Path("/nowhere"), images=sorted(images), image_set=frozenset(images))
    asked = ImageFinder(tree, json, split)
    expected = [asked.find(name) for name in names]
    finder = ImageFinder(tree, json, split)
    column = pa.array(names, pa.string())
    found = find_all(finder, column, np.full(len(names), plain), {})
    assert found.to_list() == expected
    assert finder.last == asked.last
