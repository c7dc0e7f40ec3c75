"""Groups of copies: what is in one, what is not, and what is said of it."""

from __future__ import annotations

import cv2
import numpy as np
import pyarrow as pa
import pytest
from dedup_sets import photo, save

import fastlabel as fl
from fastlabel import schema
from fastlabel.dataset import DatasetError
from fastlabel.dedup import embeddings
from fastlabel.dedup.embeddings import as_embeddings, link_similar, load
from fastlabel.dedup.sheet import groups_page


@pytest.fixture
def folder(tmp_path):
    """Copies of every kind, and two flat pictures."""
    root = tmp_path / "set"
    a, b = photo(1), photo(2)
    save(root / "a.jpg", a)
    (root / "a_copy.jpg").write_bytes((root / "a.jpg").read_bytes())
    save(root / "a_half.png", cv2.resize(a, (80, 60), interpolation=cv2.INTER_AREA))
    save(root / "a_mirrored.png", a[:, ::-1])
    save(root / "b.jpg", b)
    save(root / "b_again.jpg", b, quality=40)
    save(root / "c.png", photo(3))
    save(root / "white.png", np.full((50, 50, 3), 250, np.uint8))
    save(root / "whitish.png", np.full((50, 50, 3), 249, np.uint8))
    (root / "broken.jpg").write_bytes(b"\xff\xd8\xff no picture")
    return root


def groups_of(result):
    found = {}
    for row in result.groups.to_pylist():
        found.setdefault(row["group_id"], []).append(row["file_name"])
    return [tuple(names) for names in found.values()]


def test_groups(folder):
    result = fl.dedup(folder)
    assert groups_of(result) == [("a.jpg", "a_copy.jpg", "a_half.png"), ("b.jpg", "b_again.jpg")]
    assert (result.count("exact"), result.count("near"), result.exact_sets) == (0, 2, 1)
    assert result.redundant == 3
    names = fl.read(folder).images["file_name"].to_pylist()
    assert [names[i] for i in result.flat] == ["white.png", "whitish.png"]
    assert [names[i] for i in result.unreadable] == ["broken.jpg"]
    rows = {row["file_name"]: row for row in result.groups.to_pylist()}
    assert rows["a_copy.jpg"]["same_as"] == rows["a.jpg"]["image_id"]
    assert rows["a_half.png"]["same_as"] == rows["a_half.png"]["image_id"]
    assert {row["members"] for row in list(rows.values())[:3]} == {3}
    assert {row["files"] for row in list(rows.values())[:3]} == {2}


def test_mirrored_copies_when_asked(folder):
    result = fl.dedup(folder, turned=True, distance=10)
    assert ("a.jpg", "a_copy.jpg", "a_half.png", "a_mirrored.png") in groups_of(result)
    turns = {row["file_name"]: row["turn"] for row in result.groups.to_pylist()}
    assert turns["a_mirrored.png"] == "mirrored"
    assert turns["a_half.png"] == "as it is"


def test_flat_pictures_are_grouped_by_their_bytes_only(tmp_path):
    save(tmp_path / "a.png", np.full((40, 40, 3), 9, np.uint8))
    save(tmp_path / "b.png", np.full((40, 40, 3), 9, np.uint8))
    save(tmp_path / "c.png", np.full((41, 40, 3), 9, np.uint8))
    result = fl.dedup(tmp_path)
    assert groups_of(result) == [("a.png", "b.png")]
    assert result.count("exact") == 1
    assert result.groups["distance"].null_count == 2


def test_broken_copies_are_copies(tmp_path):
    for name in "ab":
        (tmp_path / f"{name}.jpg").write_bytes(b"\xff\xd8\xff no picture")
    assert groups_of(fl.dedup(tmp_path)) == [("a.jpg", "b.jpg")]


def stats_of(hashes, **columns):
    n = len(hashes)
    made = {
        "image_id": range(n),
        "file_name": [f"{k}.jpg" for k in range(n)],
        "bytes": [100] * n,
        "status": ["ok"] * n,
        "content_hash": [f"{k:032x}" for k in range(n)],
        "phash": hashes,
        "luma_std": [50.0] * n,
        "entropy": [7.0] * n,
        **columns,
    }
    return pa.table(
        {
            name: pa.array(value, pa.uint64() if name == "phash" else None)
            for name, value in made.items()
        }
    )


def test_a_chain_is_one_group_or_several():
    chain = [(1 << k) - 1 for k in range(0, 40, 4)]
    single = fl.dedup(stats_of(chain), distance=4)
    assert single.count() == 1
    (diameter,) = set(single.groups["diameter"].to_pylist())
    assert (diameter, set(single.groups["weakest_link"].to_pylist())) == (36, {4})
    complete = fl.dedup(stats_of(chain), distance=4, linkage="complete")
    assert complete.count() == 5
    assert max(complete.groups["diameter"].to_pylist()) == 4


def test_the_distance_is_kept():
    hashes = [0, 0b111111, 0b1111111 << 20]
    assert fl.dedup(stats_of(hashes), distance=6).labels.tolist() == [0, 0, 2]
    assert fl.dedup(stats_of(hashes), distance=5).labels.tolist() == [0, 1, 2]
    assert fl.dedup(stats_of(hashes), distance=7).labels.tolist() == [0, 0, 0]


def test_what_has_no_hash_and_what_is_not_whole_is_not_near():
    stats = stats_of([5, 5, None, 5], status=["ok", "truncated", "ok", "ok"])
    assert fl.dedup(stats).labels.tolist() == [0, 1, 2, 0]


def test_no_images_at_all():
    result = fl.dedup(schema.IMAGE_STATS.empty_table())
    assert (result.count(), result.groups.num_rows, result.redundant) == (0, 0, 0)


# ---- embeddings ----------------------------------------------------------------


def test_embeddings_against_the_formula(monkeypatch):
    monkeypatch.setattr(embeddings, "BLOCK", 64)
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(300, 8))
    vectors[100:200] = vectors[:100] + rng.normal(size=(100, 8)) * 0.3
    vectors[7] = 0
    vectors[8, 2] = np.nan
    norm = np.linalg.norm(vectors, axis=1)
    with np.errstate(invalid="ignore"):
        cosine = vectors @ vectors.T / (norm[:, None] * norm)
    labels = np.arange(300)
    assert link_similar(as_embeddings(vectors, 300), 0.95, labels) == 2
    expected = np.arange(300)
    for _ in range(300):
        near = np.where(cosine >= 0.95, expected, 300).min(axis=1)
        new = np.minimum(expected, near)
        if (new == expected).all():
            break
        expected = new
    np.testing.assert_array_equal(labels, expected)


def test_embeddings_join_what_hashes_do_not():
    vectors = [[1, 0], [0, 1], [2, 0.01]]
    result = fl.dedup(stats_of([0, 2**40 - 1, 2**63]), embeddings=vectors)
    assert result.labels.tolist() == [0, 1, 0]
    assert result.groups["similarity"].to_pylist() == pytest.approx([1, 1], abs=1e-4)


def test_embeddings_of_huge_and_tiny_numbers():
    unit = as_embeddings(np.array([[1e300, 1e300], [1e-300, 1e-300], [3, 3]]), 3)
    np.testing.assert_allclose(unit, np.sqrt(0.5), rtol=1e-6)


@pytest.mark.parametrize(
    ("value", "error"),
    [
        ([[1.0]], ValueError),
        ([1.0, 2.0], ValueError),
        (np.zeros((2, 0)), ValueError),
        ([["a"], ["b"]], TypeError),
    ],
)
def test_wrong_embeddings(value, error):
    with pytest.raises(error, match="embeddings"):
        fl.dedup(stats_of([1, 2]), embeddings=value)


def test_embedding_files(tmp_path):
    import pyarrow.parquet as pq

    rows = np.arange(6, dtype=np.float32).reshape(3, 2)
    np.save(tmp_path / "e.npy", rows)
    np.testing.assert_array_equal(load(tmp_path / "e.npy"), rows)
    pq.write_table(pa.table({"n": [1, 2, 3], "v": rows.tolist()}), tmp_path / "e.parquet")
    np.testing.assert_array_equal(load(tmp_path / "e.parquet"), rows)
    bad = {
        "ragged.parquet": pa.table({"v": [[1.0], [1.0, 2.0], [0.0, 1.0, 2.0]]}),
        "null.parquet": pa.table({"v": [[1.0], None]}),
        "none.parquet": pa.table({"v": [1.0]}),
        "two.parquet": pa.table({"v": [[1.0]], "w": [[1.0]]}),
    }
    for name, table in bad.items():
        pq.write_table(table, tmp_path / name)
        with pytest.raises(DatasetError, match=name):
            load(tmp_path / name)
    np.save(tmp_path / "object.npy", np.array([{}], object), allow_pickle=True)
    (tmp_path / "e.txt").write_text("1 2")
    (tmp_path / "broken.parquet").write_text("no parquet")
    for name in ("object.npy", "e.txt", "broken.parquet"):
        with pytest.raises(DatasetError, match=name):
            load(tmp_path / name)


# ---- settings ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "error", "said"),
    [
        ({"distance": 65}, ValueError, "distance"),
        ({"distance": 0.5}, TypeError, "distance"),
        ({"threshold": 0}, ValueError, "threshold"),
        ({"threshold": 1.1}, ValueError, "threshold"),
        ({"turned": "no"}, TypeError, "turned"),
        ({"linkage": "average"}, ValueError, "linkage"),
        ({"linkage": "complete", "turned": True}, ValueError, "linkage"),
    ],
)
def test_wrong_settings(arguments, error, said):
    with pytest.raises(error, match=said):
        fl.dedup(stats_of([1, 2]), **arguments)


def test_a_table_that_is_no_scan():
    with pytest.raises(ValueError, match="content_hash"):
        fl.dedup(pa.table({"a": [1]}))


def test_stats_of_another_set(folder):
    with pytest.raises(ValueError, match="image_stats: got 2 rows"):
        fl.dedup(folder, image_stats=stats_of([1, 2]))


def test_nothing_depends_on_workers(folder):
    one, three = (fl.dedup(folder, workers=n).groups for n in (1, 3))
    assert one.equals(three)


# ---- the page ------------------------------------------------------------------


def test_the_page_shows_groups_and_escapes_names(tmp_path):
    bad = "<img src=x onerror=alert(1)>.png"
    save(tmp_path / bad, photo(1))
    save(tmp_path / "b.png", cv2.resize(photo(1), (80, 60), interpolation=cv2.INTER_AREA))
    dataset = fl.read(tmp_path)
    page = groups_page(fl.dedup(dataset), dataset)
    assert page.count("data:image/jpeg;base64,") == 2
    assert "<img src=x" not in page
    assert "&lt;img src=x" in page


def test_the_page_is_a_sample_of_the_seed(tmp_path):
    for k in range(12):
        save(tmp_path / f"{k:02}.png", photo(k))
        (tmp_path / f"{k:02}_copy.png").write_bytes((tmp_path / f"{k:02}.png").read_bytes())
    dataset = fl.read(tmp_path)
    result = fl.dedup(dataset)
    pages = [groups_page(result, dataset, most=3, seed=s) for s in (0, 0, 1)]
    assert pages[0] == pages[1] != pages[2]
    assert pages[0].count("<section>") == 3
    assert "12 groups, 3 of them shown" in pages[0]


# ---- real data -----------------------------------------------------------------


def test_what_is_known_of_real_sets_is_found(shared_data):
    raccoon = fl.dedup(shared_data / "raccoon")
    same = {}
    for row in raccoon.groups.to_pylist():
        same.setdefault(row["same_as"], set()).add(row["file_name"].split("-")[-1][:-4])
    pairs = {frozenset(names) for names in same.values() if len(names) > 1}
    assert pairs == {
        frozenset(p) for p in (("65", "98"), ("83", "120"), ("11", "116"), ("52", "74"))
    }
    near = {tuple(n.split("-")[-1][:-4] for n in g) for g in groups_of(raccoon)}
    assert {("21", "45"), ("50", "52", "74"), ("51", "85")} < near
    assert raccoon.count() == 6  # and no false one

    bccd = fl.dedup(shared_data / "bccd")  # cells look alike
    assert groups_of(bccd) == [("BloodImage_00037.jpg", "BloodImage_00038.jpg")]
    assert bccd.count(leaking=True) == 1

    assert fl.dedup(shared_data / "garbage-yolo").count() == 0
    clean = groups_of(fl.dedup(shared_data / "quality" / "cleanvision"))
    assert set(clean) == {("image_103.png", "image_408.png"), ("image_142.png", "image_236.png")}

    plain = fl.dedup(shared_data / "quality" / "imagededup")
    turned = fl.dedup(shared_data / "quality" / "imagededup", turned=True)
    assert sorted(len(g) for g in groups_of(plain)) == [2, 3, 5]
    added = {n for g in groups_of(turned) for n in g} - {n for g in groups_of(plain) for n in g}
    assert added == {"mixed_images/ukbench00120_hflip.jpg"}
