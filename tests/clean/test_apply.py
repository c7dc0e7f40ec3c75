"""Plans carried out in a new tree and in place, and taken back."""

from __future__ import annotations

import errno
import json
import os
import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest

import fastlabel as fl
from fastlabel.clean import journal
from fastlabel.clean.plan import Plan

FORMATS = ("coco", "yolo", "voc")
CRASH = 23


def plan_of(data: Path, *actions: dict) -> Plan:
    return Plan.from_actions(fl.read(data), actions)


DROP = {"action": "drop_box", "annotation_id": 0}
WEIGH = {"action": "set_weight", "annotation_id": 1, "weight": 0.125}


@pytest.mark.parametrize("name", FORMATS)
def test_a_new_tree_is_made_and_taken_back_to_the_last_byte(
    name, sample, actions_of, tree_hash, tmp_path
):
    data = sample(name)
    before, new = tree_hash(data), tmp_path / "new"
    plan = plan_of(data, *actions_of(fl.read(data)))
    plan.write(tmp_path / "plan.parquet")
    done = fl.apply(tmp_path / "plan.parquet", new, unsafe=True)
    assert tree_hash(data) == before != tree_hash(new)
    assert done.edited
    assert done.counts == plan.counts()
    fl.undo(new)
    assert tree_hash(data) == tree_hash(new) == before


@pytest.mark.parametrize("name", FORMATS)
def test_in_place_the_same_files_change_and_come_back(
    name, sample, actions_of, tree_hash, tmp_path
):
    data = sample(name)
    before = tree_hash(data)
    times = {path: path.stat().st_mtime_ns for path in data.rglob("*") if path.is_file()}
    plan = plan_of(data, *actions_of(fl.read(data)))
    fl.apply(plan, tmp_path / "new", unsafe=True)
    fl.apply(plan, in_place=True, unsafe=True)
    for tree in (data, tmp_path / "new"):
        shutil.rmtree(tree / ".fastlabel-undo" / "0001" / "old")  # holds times, names no links
        for left in ("journal.json", "plan.parquet"):
            (tree / ".fastlabel-undo" / "0001" / left).unlink()
    assert tree_hash(data) == tree_hash(tmp_path / "new")
    shutil.rmtree(data)
    data = sample(name)
    times = {path: path.stat().st_mtime_ns for path in data.rglob("*") if path.is_file()}
    fl.apply(plan, in_place=True, unsafe=True)
    fl.undo(data)
    assert tree_hash(data) == before
    assert times == {path: path.stat().st_mtime_ns for path in times}


def test_quarantined_pictures_lie_aside_with_their_labels_and_can_be_read(sample, tmp_path):
    for name in FORMATS:
        data = sample(name)
        ds = fl.read(data)
        image = ds.images["label_state"].to_pylist().index("labelled")
        path = ds.images["path"][image].as_py()
        boxes = ds.annotations_of(image).num_rows
        fl.apply(plan_of(data, {"action": "quarantine_image", "image_id": image}), tmp_path / "new")
        aside = tmp_path / "new" / ".quarantine"
        assert (aside / path).read_bytes() == (data / path).read_bytes()
        assert not (tmp_path / "new" / path).exists()
        left = fl.read(tmp_path / "new")
        assert len(left) == len(ds) - 1
        assert left.annotations.num_rows == ds.annotations.num_rows - boxes
        if name != "yolo":
            assert fl.read(aside).annotations.num_rows == boxes
        shutil.rmtree(data)
        shutil.rmtree(tmp_path / "new")


def test_untouched_pictures_cost_no_space_and_labels_are_no_second_name(sample, tmp_path):
    data, new = sample("yolo"), tmp_path / "new"
    fl.apply(plan_of(data, WEIGH), new)
    pictures = [p.relative_to(data) for p in data.rglob("*.png")]
    shared = [(data / p).samefile(new / p) for p in pictures]
    blocks = fl_reflinks(data)
    assert all(shared) or blocks
    for path in data.rglob("*.txt"):
        assert not path.samefile(new / path.relative_to(data))
    fl.apply(plan_of(data, WEIGH), tmp_path / "copied", link=False)
    assert not any((data / p).samefile(tmp_path / "copied" / p) for p in pictures)


def fl_reflinks(data: Path) -> bool:
    """Whether the disk has reflinks, by trying."""
    from fastlabel.clean.tree import _reflink

    some = next(data.rglob("*.png"))
    made = _reflink(some, data.parent / "clone")
    (data.parent / "clone").unlink(missing_ok=True)
    return made


def test_a_tree_of_links_is_changed_in_place_and_the_source_is_not(sample, tree_hash, tmp_path):
    """All files of the tree are hard links to the source's, the labels too."""
    data, linked = sample("voc"), tmp_path / "linked"
    shutil.copytree(data, linked, copy_function=os.link)
    before = tree_hash(data)
    ds = fl.read(linked)
    actions = [{"action": "drop_box", "annotation_id": at} for at in range(10)]
    last = int(ds.column("annotations", "image_id")[-1])
    actions += [{"action": "exclude_image", "image_id": last}]
    fl.apply(plan_of(linked, *actions), in_place=True, unsafe=True)
    assert tree_hash(data) == before
    fl.undo(linked)
    assert tree_hash(data) == tree_hash(linked) == before


def test_links_stay_links(sample, tree_hash, tmp_path):
    data = sample("yolo")
    label = next(p for p in sorted((data / "labels").rglob("*.txt")) if p.stat().st_size)
    kept = data / "kept"
    kept.mkdir()
    label.rename(kept / "real.label")
    label.symlink_to(kept / "real.label")  # by its full name, which leads into the source
    before = tree_hash(data)
    ds = fl.read(data)
    files = ds.annotations["origin"].combine_chunks().field("file").to_pylist()
    row = files.index(label.relative_to(data).as_posix())
    new = tmp_path / "new"
    fl.apply(plan_of(data, {**DROP, "annotation_id": row}), new, unsafe=True)
    assert tree_hash(data) == before
    now = new / label.relative_to(data)
    assert now.is_symlink()
    assert now.resolve() == (new / "kept" / "real.label").resolve()
    assert now.read_bytes() != label.read_bytes()
    fl.undo(new)
    assert now.read_bytes() == label.read_bytes()


# --- safe and unsafe --------------------------------------------------------------------


def test_what_takes_something_away_is_refused_by_name_and_nothing_is_done(
    sample, tree_hash, tmp_path
):
    data = sample("coco")
    before = tree_hash(tmp_path)
    plan = plan_of(data, WEIGH, DROP)
    with pytest.raises(fl.DatasetError, match=r"1 of 2 rows .*drop_box of .*--unsafe"):
        fl.apply(plan, tmp_path / "new")
    with pytest.raises(fl.DatasetError, match="--unsafe"):
        fl.apply(plan, in_place=True)
    assert tree_hash(tmp_path) == before
    done = fl.apply(plan, tmp_path / "new", safe_only=True)
    assert done.left_out == 1
    assert fl.read(tmp_path / "new").annotations.num_rows == fl.read(data).annotations.num_rows


def test_a_row_cannot_call_itself_safe(sample, tmp_path):
    data = sample("coco")
    plan = plan_of(data, DROP)
    rows = [{**row, "safe": True} for row in plan.table.to_pylist()]
    edited = Plan(plan.table.from_pylist(rows, schema=plan.table.schema), plan.data)
    with pytest.raises(fl.DatasetError, match="--unsafe"):
        fl.apply(edited, tmp_path / "new")
    with pytest.raises(fl.DatasetError, match="safe is True, but drop_box is not safe"):
        fl.apply(edited, tmp_path / "new", unsafe=True)


def test_arguments(sample, tmp_path):
    plan = plan_of(sample("coco"), WEIGH)
    with pytest.raises(ValueError, match="give one of the two"):
        fl.apply(plan)
    with pytest.raises(ValueError, match="give one of the two"):
        fl.apply(plan, tmp_path / "new", in_place=True)
    with pytest.raises(ValueError, match="give one of the two"):
        fl.apply(plan, tmp_path / "new", unsafe=True, safe_only=True)


# --- another version of the data --------------------------------------------------------


@pytest.mark.parametrize("name", FORMATS)
def test_a_label_file_that_changed_is_named(name, sample, tree_hash, tmp_path):
    data = sample(name)
    plan = plan_of(data, WEIGH)
    file = plan.table["label_file"][0].as_py()
    (data / file).write_bytes((data / file).read_bytes() + b"\n")
    before = tree_hash(tmp_path)
    with pytest.raises(fl.DatasetError, match=file):
        fl.apply(plan, tmp_path / "new")
    assert tree_hash(tmp_path) == before


def test_a_picture_that_changed_or_is_gone_is_named(sample, tmp_path):
    data = sample("yolo")
    plan = plan_of(data, WEIGH)
    image = plan.table["image_id"][0].as_py()
    path = data / fl.read(data).images["path"][image].as_py()
    whole = path.read_bytes()
    path.write_bytes(whole + b" ")
    with pytest.raises(fl.DatasetError, match=f"{path.name}: the picture is not the one"):
        fl.apply(plan, tmp_path / "new")
    path.write_bytes(whole)
    fl.apply(plan, tmp_path / "new")


def test_rows_that_moved_are_refused_though_their_own_file_is_as_it_was(sample, tmp_path):
    data = sample("yolo")
    ds = fl.read(data)
    plan = plan_of(data, {**WEIGH, "annotation_id": 30})
    first = data / ds.annotations["origin"][0].as_py()["file"]
    first.write_bytes(first.read_bytes().split(b"\n", 1)[1])
    with pytest.raises(fl.DatasetError, match="make the plan again"):
        fl.apply(plan, tmp_path / "new")


def test_a_data_set_that_was_moved_is_found_where_the_user_says(sample, tmp_path):
    data = sample("voc")
    plan = plan_of(data, WEIGH)
    data.rename(tmp_path / "moved")
    with pytest.raises(fl.DatasetError, match="--data"):
        fl.apply(plan, tmp_path / "new")
    fl.apply(plan, tmp_path / "new", data=tmp_path / "moved")


def test_one_label_file_of_several_and_one_split_are_read_again_as_they_were(sample, tmp_path):
    data = sample("coco")
    part = fl.read(data).select_split("val")
    plan = Plan.from_actions(part, [DROP])
    fl.apply(plan, tmp_path / "new", unsafe=True)
    new = fl.read(tmp_path / "new")
    assert new.select_split("val").annotations.num_rows == part.annotations.num_rows - 1
    assert new.annotations.num_rows == fl.read(data).annotations.num_rows - 1


def test_the_one_label_file_that_was_read_is_read_again(tmp_path, tree_hash):
    """Beside it lies another version, which the folder alone would be read with."""
    data = tmp_path / "data"
    data.mkdir()
    labels = {
        "images": [{"id": 1, "file_name": "a.jpg", "width": 90, "height": 90}],
        "annotations": [
            {"id": k, "image_id": 1, "category_id": 1, "bbox": [k, 2, 9, 9]} for k in (1, 2)
        ],
        "categories": [{"id": 1, "name": "cat"}],
    }
    (data / "all.json").write_text(json.dumps(labels))
    labels["annotations"].pop()
    (data / "part.json").write_text(json.dumps(labels))
    before = tree_hash(data)
    ds = fl.read(data / "part.json")
    plan = Plan.from_actions(ds, [DROP], file="part.json")
    plan.write(tmp_path / "plan.parquet")
    table = pq.read_table(tmp_path / "plan.parquet").replace_schema_metadata(None)
    pq.write_table(table, tmp_path / "bare.parquet")
    for at, where in enumerate(({}, {"data": data}, {"data": data / "part.json"})):
        path = tmp_path / ("bare.parquet" if at == 2 else "plan.parquet")
        done = fl.apply(path, tmp_path / f"new{at}", unsafe=True, **where)
        assert done.edited == ("part.json",)
        assert fl.read(tmp_path / f"new{at}" / "part.json").annotations.num_rows == 0
    fl.apply(plan, in_place=True, unsafe=True)
    fl.undo(data)
    assert tree_hash(data) == before


# --- undo -------------------------------------------------------------------------------


def test_several_changes_in_place_come_back_one_by_one(sample, tree_hash):
    data = sample("voc")
    hashes = [tree_hash(data)]
    for _ in range(3):
        fl.apply(plan_of(data, DROP), in_place=True, unsafe=True)
        hashes.append(fl.read(data).annotations.num_rows)
    assert [fl.undo(data).left for _ in range(2)] == [2, 1]
    assert fl.read(data).annotations.num_rows == hashes[1]
    assert fl.undo(data).left == 0
    assert tree_hash(data) == hashes[0]
    with pytest.raises(fl.DatasetError, match="nothing to undo"):
        fl.undo(data)


def test_edits_made_since_are_not_overwritten_unasked(sample, tree_hash):
    data = sample("yolo")
    before = tree_hash(data)
    plan = plan_of(data, DROP)
    fl.apply(plan, in_place=True, unsafe=True)
    file = data / plan.table["label_file"][0].as_py()
    file.write_text("0 0.5 0.5 0.1 0.1\n")
    now = tree_hash(data)
    with pytest.raises(fl.DatasetError, match=f"{file.name}.*--force"):
        fl.undo(data)
    assert tree_hash(data) == now
    fl.undo(data, force=True)
    assert tree_hash(data) == before


def test_nothing_to_undo_is_said(tmp_path):
    with pytest.raises(fl.DatasetError, match="no such folder"):
        fl.undo(tmp_path / "none")
    (tmp_path / ".none.abc.part").mkdir()
    with pytest.raises(fl.DatasetError, match=r"\.none\.abc\.part beside it can go"):
        fl.undo(tmp_path / "none")
    with pytest.raises(fl.DatasetError, match="no plan was applied"):
        fl.undo(tmp_path)


@pytest.mark.parametrize("broken", ["{", '{"steps": [], "folders": ["../../x"]}', "[]"])
def test_a_journal_that_was_edited_is_refused(broken, sample, tree_hash, tmp_path):
    data = sample("yolo")
    fl.apply(plan_of(data, DROP), in_place=True, unsafe=True)
    (data / ".fastlabel-undo" / "0001" / "journal.json").write_text(broken)
    before = tree_hash(tmp_path)
    with pytest.raises(fl.DatasetError, match="journal"):
        fl.undo(data)
    assert tree_hash(tmp_path) == before


def test_a_journal_cannot_reach_outside_the_tree(sample, tmp_path):
    data = sample("yolo")
    fl.apply(plan_of(data, DROP), in_place=True, unsafe=True)
    file = data / ".fastlabel-undo" / "0001" / "journal.json"
    value = json.loads(file.read_text())
    value["steps"][0]["path"] = "../victim"
    file.write_text(json.dumps(value))
    (tmp_path / "victim").write_text("mine")
    with pytest.raises(fl.DatasetError, match="leads outside"):
        fl.undo(data, force=True)
    assert (tmp_path / "victim").read_text() == "mine"


# --- killed, interrupted, full, read-only -----------------------------------------------


def crash_points(monkeypatch, limit: int) -> list[str]:
    """Make the process end, as by kill -9, before the limit-th step that writes."""
    seen: list[str] = []

    def stop(name: str, real):
        def stand_in(*args, **kwargs):
            seen.append(name)
            if len(seen) == limit:
                os._exit(CRASH)
            return real(*args, **kwargs)

        return stand_in

    for owner, names in (
        (Path, ("rename", "mkdir", "rmdir", "write_bytes", "write_text", "touch", "unlink")),
        (os, ("fsync",)),
        (shutil, ("rmtree",)),
    ):
        for name in names:
            monkeypatch.setattr(owner, name, stop(name, getattr(owner, name)))
    return seen


def in_a_child(monkeypatch, job, limit: int) -> int:
    """Exit code of a job in a process of its own; CRASH where it met its end."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            crash_points(monkeypatch, limit)
            job()
            code = 0
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


class Made:
    """A plan's edits, made beforehand: the children change files and start no thread."""

    def __init__(self, data: Path, actions: list[dict]) -> None:
        from fastlabel.clean.applying import _Work
        from fastlabel.clean.places import Places

        ds = fl.read(data)
        self.work = _Work(ds, Plan.from_actions(ds, actions), Places(ds))
        self.work.refuse_impossible()
        self.root = data

    def run(self) -> None:
        with journal.locked(self.root) as folder:
            journal.clear(folder)
            transaction = journal.Transaction(self.root, folder)
            self.work._collect(self.root, transaction)
            transaction.commit({})


@pytest.mark.parametrize("name", FORMATS)
def test_killed_before_any_step_of_apply_or_undo_every_byte_comes_back(
    name, sample, actions_of, tree_hash, monkeypatch
):
    """Each place where the process writes is one where it is killed once."""
    data = sample(name)
    before = tree_hash(data)
    made = Made(data, actions_of(fl.read(data)))
    steps = 0
    while True:
        steps += 1
        code = in_a_child(monkeypatch, made.run, steps)
        assert code in (0, CRASH)
        if code == 0:
            break
        if (data / journal.FOLDER).exists():
            fl.undo(data)
        assert tree_hash(data) == before, f"apply killed before step {steps}"
    assert steps > 30
    undo_steps = 0
    while True:
        undo_steps += 1
        code = in_a_child(monkeypatch, lambda: fl.undo(data), undo_steps)
        assert code in (0, CRASH)
        if code == 0:
            break
        fl.undo(data)
        assert tree_hash(data) == before, f"undo killed before step {undo_steps}"
        made.run()
    assert undo_steps > 10
    assert tree_hash(data) == before


def test_an_unfinished_change_must_be_taken_back_first(sample, actions_of, monkeypatch, tree_hash):
    data = sample("yolo")
    before = tree_hash(data)
    made = Made(data, actions_of(fl.read(data)))
    limit = 1
    while not journal.journals(data):
        assert in_a_child(monkeypatch, made.run, limit) == CRASH
        limit += 1
    with pytest.raises(fl.DatasetError, match="fastlabel undo"):
        fl.apply(made.work.plan, in_place=True, unsafe=True)
    fl.undo(data)
    assert tree_hash(data) == before


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError(errno.ENOSPC, "full")])
def test_interrupted_or_full_in_the_middle_puts_all_back(
    error, sample, actions_of, tree_hash, monkeypatch, tmp_path
):
    data = sample("voc")
    before = tree_hash(tmp_path)
    plan = plan_of(data, *actions_of(fl.read(data)))
    real, calls = journal.Transaction._do, []

    def fail(self, step, place):
        calls.append(step)
        if len(calls) == 5:
            raise error
        real(self, step, place)

    monkeypatch.setattr(journal.Transaction, "_do", fail)
    for where in ({"in_place": True}, {"out": tmp_path / "new"}):
        calls.clear()
        with pytest.raises((KeyboardInterrupt, OSError)) as caught:
            fl.apply(plan, unsafe=True, **where)
        assert len(calls) == 5
        assert tree_hash(tmp_path) == before
        if isinstance(error, OSError):
            assert "free some space" in str(caught.value)


def test_a_full_disk_before_anything_is_changed(sample, tree_hash, monkeypatch, tmp_path):
    data = sample("voc")
    before = tree_hash(tmp_path)
    plan = plan_of(data, DROP)
    real = Path.write_bytes

    def full(self, value):
        if "new" in self.parts and ".fastlabel-undo" in self.parts:
            raise OSError(errno.ENOSPC, "No space left on device", str(self))
        return real(self, value)

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="nothing was kept; free some space"):
        fl.apply(plan, in_place=True, unsafe=True)
    assert tree_hash(tmp_path) == before


def test_a_tree_that_cannot_be_written_to_is_refused_before(sample, tree_hash, monkeypatch):
    data = sample("voc")
    before = tree_hash(data)
    plan = plan_of(data, DROP)
    monkeypatch.setattr("os.access", lambda path, mode: Path(path).name != "Annotations")
    with pytest.raises(fl.DatasetError, match=r"Annotations: cannot be written to.*with -o"):
        fl.apply(plan, in_place=True, unsafe=True)
    assert tree_hash(data) == before


def test_two_processes_do_not_change_one_tree(sample, tmp_path):
    data = sample("voc")
    plan = plan_of(data, DROP)
    with (
        journal.locked(data),
        pytest.raises(fl.DatasetError, match="another process changes it"),
    ):
        fl.apply(plan, in_place=True, unsafe=True)


def test_what_does_not_read_back_as_planned_is_put_back(sample, tree_hash, monkeypatch, tmp_path):
    """A fault of the editor itself must never count."""
    from fastlabel.formats import _edit_yolo

    data = sample("yolo")
    before = tree_hash(tmp_path)
    plan = plan_of(data, {"action": "replace_box", "annotation_id": 0, "box": [1, 2, 11, 12]})
    monkeypatch.setattr(_edit_yolo, "_with_word", lambda line, at, text: line)
    for where in ({"in_place": True}, {"out": tmp_path / "new"}):
        with pytest.raises(fl.DatasetError, match="does not read back"):
            fl.apply(plan, unsafe=True, **where)
        assert tree_hash(tmp_path) == before


def test_the_new_tree_lies_outside_the_data(sample, tmp_path):
    data = sample("yolo")
    plan = plan_of(data, WEIGH)
    for where in (data / "new", tmp_path):
        with pytest.raises(fl.DatasetError, match="data set"):
            fl.apply(plan, where)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x").touch()
    with pytest.raises(fl.DatasetError, match="--overwrite"):
        fl.apply(plan, tmp_path / "full")
    fl.apply(plan, tmp_path / "full", overwrite=True)
    assert not (tmp_path / "full" / "x").exists()
