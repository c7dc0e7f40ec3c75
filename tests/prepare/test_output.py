"""The folder of results: whole or absent, never inside the data, never over something else."""

from __future__ import annotations

import errno
import re

import pytest

from fastlabel import DatasetError
from fastlabel._output import new_folder


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_the_folder_appears_at_the_end(tmp_path):
    with new_folder(tmp_path / "a" / "new") as staging:
        (staging / "one.txt").write_text("1")
        assert not (tmp_path / "a" / "new").exists()
    assert names(tmp_path / "a") == ["new"]
    assert (tmp_path / "a" / "new" / "one.txt").read_text() == "1"


def test_a_full_disk_is_said_of_the_target(tmp_path):
    with (
        pytest.raises(OSError, match="nothing was kept; free some space") as caught,
        new_folder(tmp_path / "new") as staging,
    ):
        raise OSError(errno.ENOSPC, "No space left on device", str(staging / "one.txt"))
    assert (caught.value.errno, caught.value.filename) == (errno.ENOSPC, str(tmp_path / "new"))
    assert names(tmp_path) == []


def test_an_error_leaves_nothing(tmp_path):
    with pytest.raises(OSError, match="full"), new_folder(tmp_path / "new") as staging:
        (staging / "one.txt").write_text("1")
        raise OSError("the disk is full")
    assert names(tmp_path) == []


def test_what_stands_there_is_refused_and_kept(tmp_path):
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "mine.txt").write_text("mine")
    wanted = re.escape("is not empty; choose another folder, or replace it as a whole with --over")
    with pytest.raises(DatasetError, match=wanted), new_folder(tmp_path / "old"):
        raise AssertionError("not reached")
    assert (tmp_path / "old" / "mine.txt").read_text() == "mine"


def test_overwriting_replaces_the_whole_and_only_at_the_end(tmp_path):
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "mine.txt").write_text("mine")
    with pytest.raises(KeyError), new_folder(tmp_path / "old", overwrite=True):
        raise KeyError
    assert names(tmp_path / "old") == ["mine.txt"]
    with new_folder(tmp_path / "old", overwrite=True) as staging:
        (staging / "new.txt").write_text("new")
    assert names(tmp_path) == ["old"]
    assert names(tmp_path / "old") == ["new.txt"]


def test_an_empty_folder_may_be_filled(tmp_path):
    (tmp_path / "empty").mkdir()
    with new_folder(tmp_path / "empty") as staging:
        (staging / "a").write_text("a")
    assert names(tmp_path / "empty") == ["a"]


@pytest.mark.parametrize("place", ["data", "data/new", "."])
def test_never_in_or_around_the_data(tmp_path, place):
    (tmp_path / "data").mkdir()
    with (
        pytest.raises(DatasetError, match="data set"),
        new_folder(tmp_path / place, sources=[tmp_path / "data"], overwrite=True),
    ):
        raise AssertionError("not reached")
    assert names(tmp_path) == ["data"]


def test_a_file_is_no_place(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(DatasetError, match="is a file"), new_folder(tmp_path / "file"):
        raise AssertionError("not reached")


def test_the_mode_is_that_of_any_new_folder(tmp_path):
    (tmp_path / "usual").mkdir()
    with new_folder(tmp_path / "new"):
        pass
    assert (tmp_path / "new").stat().st_mode == (tmp_path / "usual").stat().st_mode
