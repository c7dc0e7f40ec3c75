"""All planted faults are found and nothing else; and the score itself can be trusted."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

import fastlabel
from fastlabel import schema
from fastlabel.dataset import Dataset
from fastlabel.sample import make_sample, score

if TYPE_CHECKING:
    from .conftest import Sample


def test_check_finds_all_planted_faults_and_nothing_else(sample: Sample) -> None:
    report = fastlabel.check(sample.root, deploy=sample.truth["deploy"])
    result = score(sample.truth, report.findings, report.ds)
    assert result["missed"] == []
    assert result["unexpected"] == []
    assert result["found"] == result["planted"] == len(sample.truth["faults"])


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(20, 29))
def test_so_it_is_for_other_seeds_and_sizes(seed: int, tmp_path: Path) -> None:
    name = ("coco", "yolo", "voc")[seed % 3]
    truth = make_sample(tmp_path, format=name, seed=seed, scenes=(56, 60, 110)[seed % 3])
    report = fastlabel.check(tmp_path, deploy="edge-640")
    result = score(truth, report.findings, report.ds)
    # Family 7 gives chances, not facts: of right labels it may doubt one in a hundred.
    doubted = [found for found in result["unexpected"] if found["code"].startswith("FL7")]
    assert len(doubted) <= report.ds.annotations.num_rows / 100
    assert [found for found in result["unexpected"] if found not in doubted] == []
    assert result["missed"] == []


def test_a_fault_that_is_mended_is_missed_and_a_new_one_unexpected(
    samples: dict[str, Sample], tmp_path: Path
) -> None:
    sample = samples["coco"]
    root = tmp_path / "set"
    shutil.copytree(sample.root, root)
    png = root / sample.images_of("FL003")[0]
    clean = next(p for p in sorted(png.parent.iterdir()) if p.stem.endswith("_copy"))
    shutil.copyfile(clean, png)  # a true JPEG, but a second or third copy with other labels
    victim = next(
        p
        for p in sorted((root / "images/val").iterdir())
        if not any(f["image"] and f["image"].endswith(p.name) for f in sample.truth["faults"])
        and not p.stem.endswith("_copy")
    )
    victim.write_bytes(victim.read_bytes()[:5000])
    report = fastlabel.check(root, deploy="edge-640")
    result = score(sample.truth, report.findings, report.ds)
    assert "FL003" in {f["code"] for f in result["missed"]}
    assert {"code": "FL002", "image": f"images/val/{victim.name}"}.items() <= next(
        f for f in result["unexpected"] if f["code"] == "FL002"
    ).items()


# --- the score alone --------------------------------------------------------------------


def dataset() -> Dataset:
    images = [
        {"image_id": 0, "file_name": "a.jpg", "path": "images/a.jpg"},
        {"image_id": 1, "file_name": "../b.jpg", "path": None},
    ]
    origin = [
        {"file": "labels/a.txt", "line": 1, "pointer": None, "raw": ""},
        {"file": "l.json", "line": None, "pointer": "/annotations/7", "raw": ""},
    ]
    annotations = [
        {"annotation_id": i, "image_id": 0, "category_id": 0, "origin": o}
        for i, o in enumerate(origin)
    ]
    categories = [{"category_id": 0, "name": "dog"}]
    return Dataset(
        pa.Table.from_pylist(images, schema=schema.IMAGES),
        pa.Table.from_pylist(annotations, schema=schema.ANNOTATIONS),
        pa.Table.from_pylist(categories, schema=schema.CATEGORIES),
        schema.PROBLEMS.empty_table(),
        Path(),
        "yolo",
    )


def findings(*rows: dict[str, Any]) -> pa.Table:
    full = [{"severity": "error", "message": "m", "evidence": "{}", **row} for row in rows]
    return pa.Table.from_pylist(full, schema=schema.FINDINGS)


def truth(*faults: tuple[str, str | None, str | None]) -> dict[str, Any]:
    return {"faults": [{"code": c, "image": i, "where": w, "note": ""} for c, i, w in faults]}


@pytest.mark.parametrize(
    ("fault", "finding"),
    [
        (("FL402", "images/a.jpg", None), {"code": "FL402", "image_id": 0}),
        (("FL402", "a.jpg", None), {"code": "FL402", "image_id": 0}),
        (("FL005", "../b.jpg", None), {"code": "FL005", "image_id": 1}),
        (
            ("FL202", "images/a.jpg", "labels/a.txt:1"),
            {"code": "FL202", "image_id": 0, "annotation_id": 0},
        ),
        (
            ("FL202", "images/a.jpg", "l.json#/annotations/7"),
            {"code": "FL202", "image_id": 0, "annotation_id": 1},
        ),
        (
            ("FL105", "images/a.jpg", "labels/a.txt:9"),
            {
                "code": "FL105",
                "image_id": 0,
                "evidence": json.dumps({"file": "labels/a.txt", "line": 9}),
            },
        ),
        (("FL603", None, None), {"code": "FL603"}),
    ],
)
def test_a_finding_that_answers(fault: tuple[str, str, str], finding: dict[str, Any]) -> None:
    result = score(truth(fault), findings(finding), dataset())
    assert result == {"planted": 1, "found": 1, "missed": [], "unexpected": []}


@pytest.mark.parametrize(
    "finding",
    [
        {"code": "FL203", "image_id": 0, "annotation_id": 0},  # another rule
        {"code": "FL202", "image_id": 1},  # another image
        {"code": "FL202", "image_id": 0, "annotation_id": 1},  # another box
        {"code": "FL202", "image_id": 0},  # no box at all
        {"code": "FL202"},  # about the set
    ],
)
def test_a_finding_that_does_not_answer(finding: dict[str, Any]) -> None:
    planted = truth(("FL202", "images/a.jpg", "labels/a.txt:1"))
    result = score(planted, findings(finding), dataset())
    assert result["found"] == 0
    assert result["missed"] == planted["faults"]
    assert [f["code"] for f in result["unexpected"]] == [finding["code"]]


def test_a_finding_about_an_image_is_none_about_the_set() -> None:
    result = score(
        truth(("FL603", None, None)), findings({"code": "FL603", "image_id": 0}), dataset()
    )
    assert (result["found"], len(result["unexpected"])) == (0, 1)


def test_each_finding_counts_once_and_exact_places_come_first() -> None:
    planted = truth(("FL301", "images/a.jpg", None), ("FL301", "images/a.jpg", "labels/a.txt:1"))
    one = {"code": "FL301", "image_id": 0, "annotation_id": 0}
    two = {"code": "FL301", "image_id": 0, "annotation_id": 1}
    assert score(planted, findings(one, two), dataset())["missed"] == []
    result = score(planted, findings(one), dataset())
    assert [f["where"] for f in result["missed"]] == [None]
    result = score(planted, findings(one, two, two), dataset())
    assert (result["found"], len(result["unexpected"])) == (2, 1)


@pytest.mark.parametrize("bad", [{}, {"faults": 3}, {"faults": [{"code": "FL001"}]}, []])
def test_a_truth_of_another_shape_is_refused_in_words(bad: Any) -> None:
    with pytest.raises(ValueError, match="fastlabel sample"):
        score(bad, findings(), dataset())
