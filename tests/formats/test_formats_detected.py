"""What looking at a folder must not pass by."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

import fastlabel as fl

JPEG = cv2.imencode(".jpg", np.full((20, 20), 99, np.uint8))[1].tobytes()


def make(root, names, labels):
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(JPEG)
    for name, text in labels.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def test_labels_that_fit_no_image_are_reported_not_passed_by(tmp_path):
    make(tmp_path, ["images/p.jpg"], {"labels/q.txt": "0 0.5 0.5 0.2 0.2\n"})
    ds = fl.read(tmp_path)
    assert ds.format == "yolo"
    assert ds.problems["kind"].to_pylist() == ["orphan-annotation"]
    assert ds.images["label_state"].to_pylist() == ["missing"]


@pytest.mark.parametrize("text", ["train:\timages\n\tnames: [a]\n", "- a\n- b\n", ""])
def test_a_broken_data_yaml_is_said_when_the_folder_is_given(tmp_path, text):
    make(
        tmp_path,
        ["images/p.jpg"],
        {"labels/p.txt": "0 0.5 0.5 0.2 0.2\n", "data.yaml": text},
    )
    problems = fl.read(tmp_path).problems.to_pylist()
    assert [(p["kind"], p["file"]) for p in problems] == [("malformed-file", "data.yaml")]
