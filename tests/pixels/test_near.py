"""Near hashes: every pair and every cluster, against all pairs."""

from __future__ import annotations

import numpy as np
import pytest

import fastlabel as fl
from fastlabel import _core
from fastlabel.bench.rows_hashes import drawn_hashes
from fastlabel.pixels.clusters import join, members, near_labels, spread, spreads, tight_groups
from fastlabel.pixels.near import TURNS, turned_hashes


def all_pairs(hashes, distance):
    found = []
    for at in range(0, len(hashes), 256):
        apart = np.bitwise_count(hashes[at : at + 256, None] ^ hashes)
        i, j = np.nonzero(apart <= distance)
        keep = j > i + at
        found.append(np.stack([i[keep] + at, j[keep], apart[i[keep], j[keep]]]))
    return np.concatenate(found, axis=1)


def linked(n, i, j):
    """Components by breadth-first search."""
    near = [[] for _ in range(n)]
    for a, b in zip(i.tolist(), j.tolist(), strict=True):
        near[a].append(b)
        near[b].append(a)
    out = np.full(n, -1)
    for start in range(n):
        if out[start] >= 0:
            continue
        todo = [start]
        out[start] = start
        while todo:
            for other in near[todo.pop()]:
                if out[other] < 0:
                    out[other] = start
                    todo.append(other)
    return out


@pytest.mark.parametrize("distance", [0, 1, 4, 8, 13])
@pytest.mark.parametrize("seed", [0, 1])
def test_pairs_and_clusters_are_those_of_all_pairs(distance, seed):
    hashes = drawn_hashes(5000, seed)
    hashes[::50] = hashes[3]
    i, j, apart = fl.hamming_pairs(hashes, distance)
    assert (i.dtype, j.dtype, apart.dtype) == (np.int64, np.int64, np.uint8)
    np.testing.assert_array_equal(np.stack([i, j, apart]), all_pairs(hashes, distance))
    clusters = fl.hamming_clusters(hashes, distance)
    np.testing.assert_array_equal(clusters, linked(len(hashes), i, j))


@pytest.mark.slow
def test_fifty_thousand_against_all_pairs():
    hashes = drawn_hashes(50_000)
    found = fl.hamming_pairs(hashes, 8)
    np.testing.assert_array_equal(np.stack(found), all_pairs(hashes, 8))


def test_the_result_depends_on_neither_threads_nor_tier():
    hashes = drawn_hashes(20_000)
    before = _core.isa()
    seen = set()
    try:
        for tier in _core.isa_available():
            _core.isa_select(tier)
            for workers in (1, 2, 7):
                pairs = fl.hamming_pairs(hashes, 8, workers=workers)
                clusters = fl.hamming_clusters(hashes, 8, workers=workers)
                seen.add(b"".join(part.tobytes() for part in (*pairs, clusters)))
    finally:
        _core.isa_select(before)
    assert len(seen) == 1


def test_a_million_equal_hashes_are_one_cluster_and_no_list():
    hashes = np.full(1_000_000, 12345, np.uint64)
    assert (fl.hamming_clusters(hashes, 8) == 0).all()
    with pytest.raises(ValueError, match=r"more than 50,000,000 pairs .* hamming_clusters"):
        fl.hamming_pairs(hashes, 8)


def test_a_dense_ball_is_one_cluster():
    hashes = np.arange(1 << 19, dtype=np.uint64) * np.uint64(0x100001)
    assert (fl.hamming_clusters(hashes, 8) == 0).all()


def test_none_and_one():
    for hashes in ([], [7]):
        assert [len(part) for part in fl.hamming_pairs(np.array(hashes, np.uint64), 8)] == [0] * 3
        assert len(fl.hamming_clusters(np.array(hashes, np.uint64), 8)) == len(hashes)


@pytest.mark.parametrize(
    ("arguments", "error", "said"),
    [
        ({"hashes": [1.5]}, TypeError, "hashes"),
        ({"hashes": [-1]}, ValueError, "hashes"),
        ({"hashes": [[1]]}, ValueError, r"hashes: got shape \(1, 1\)"),
        ({"distance": 65}, ValueError, "distance: got 65"),
        ({"distance": -1}, ValueError, "distance"),
        ({"distance": 1.5}, TypeError, "distance"),
        ({"distance": True}, TypeError, "distance"),
        ({"workers": -1}, ValueError, "workers"),
        ({"max_pairs": -1}, ValueError, "max_pairs"),
        ({"max_pairs": 0}, ValueError, "more than 0 pairs"),
    ],
)
def test_wrong_arguments(arguments, error, said):
    with pytest.raises(error, match=said):
        fl.hamming_pairs(**{"hashes": [1, 3], "distance": 2, **arguments})


def test_turned_hashes_are_near_to_those_of_turned_pictures(shared_data):
    import cv2

    apart = []
    for path in sorted((shared_data / "raccoon").rglob("*.jpg"))[::8]:
        picture = cv2.imread(str(path))
        mirrored = picture[:, ::-1]
        lain = [picture, mirrored, *(np.rot90(picture, -k) for k in (1, 2, 3))]
        lain += [np.rot90(mirrored, -k) for k in (1, 2, 3)]
        own = np.array([fl.perceptual_hash(picture)], np.uint64)
        expected = [fl.perceptual_hash(np.ascontiguousarray(one)) for one in lain]
        apart.append(fl.hamming_distance(turned_hashes(own)[:, 0], np.array(expected, np.uint64)))
    apart = np.array(apart)
    assert apart.shape[1] == len(TURNS)
    assert (apart[:, 0] == 0).all()
    assert (apart <= 8).mean() > 0.9
    assert apart.max() <= 16


def test_turns_of_turns_are_turns():
    hashes = drawn_hashes(50)
    every = turned_hashes(hashes)
    np.testing.assert_array_equal(turned_hashes(every[1])[1], hashes)
    np.testing.assert_array_equal(turned_hashes(every[2])[4], hashes)
    np.testing.assert_array_equal(turned_hashes(every[3])[3], hashes)
    np.testing.assert_array_equal(turned_hashes(every[2])[2], every[3])


def test_near_labels_leave_unusable_rows_alone():
    hashes = np.array([5, 5, 4, 5], np.uint64)
    usable = np.array([True, False, True, True])
    assert near_labels(hashes, usable, 1).tolist() == [0, 1, 0, 0]
    turned = np.array([turned_hashes(hashes[:1])[1, 0], hashes[0]], np.uint64)
    assert near_labels(turned, np.ones(2, bool), 2).tolist() == [0, 1]
    assert near_labels(turned, np.ones(2, bool), 2, turned=True).tolist() == [0, 0]


def test_join_and_members():
    labels = np.arange(6)
    join(labels, np.array([5, 1, 3]), np.array([3, 2, 1]))
    assert labels.tolist() == [0, 1, 1, 1, 4, 1]
    assert [g.tolist() for g in members(labels)] == [[1, 2, 3, 5]]


def test_spread_of_a_chain():
    chain = np.array([0, 0b11, 0b1111, 0b11111111], np.uint64)
    found = spread(chain, 4)
    assert (found.weakest, found.diameter, found.exact) == (4, 8, True)
    assert spread(chain[:1], 4).diameter == 0
    many = np.unique(drawn_hashes(3000))
    large = spread(many, 40)
    truth = int(np.bitwise_count(many[:, None] ^ many).max())
    assert not large.exact
    assert large.diameter <= truth


def test_spreads_are_those_of_each_group():
    hashes = drawn_hashes(400)
    rng = np.random.default_rng(1)
    rows = rng.permutation(400)
    groups = np.split(rows, np.cumsum(rng.integers(1, 5, 120)))[:-1]
    assert {len(g) for g in groups} >= {1, 2, 3}
    assert spreads(hashes, groups, 40) == [spread(hashes[g], 40) for g in groups]
    assert spreads(hashes, [], 40) == []


@pytest.mark.parametrize("distance", [0, 3, 10, 30])
def test_no_two_of_a_tight_group_are_too_far_apart(distance):
    hashes = np.r_[drawn_hashes(400), drawn_hashes(100)]
    group = tight_groups(hashes, distance)
    for g in np.unique(group):
        own = hashes[group == g]
        assert np.bitwise_count(own[:, None] ^ own).max() <= distance
        assert np.flatnonzero(group == g)[0] == g
    for h in np.unique(hashes):
        assert len(np.unique(group[hashes == h])) == 1
