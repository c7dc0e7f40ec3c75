"""Bad input: a finding or one clear line, the exit code as designed, never a traceback."""

from __future__ import annotations

import json
import os
import time

import numpy as np
import pytest
from cli_runs import coco, photo, program, tree_hash, write_set

#: Names that attack a terminal, a page, a log, a spreadsheet or a path.
NAMES = (
    "with space.jpg",
    "q\"uo'te`s.jpg",
    "<img src=x onerror=alert(1)>.jpg",
    "new\nline.jpg",
    "::error::no.jpg",
    "画像 тест ñ.jpg",
    "colour\x1b[31m.jpg",
    "bidi\u202egpj.jpg",
    "=cmd()|'x'.jpg",
    "%0A%s{}.jpg",
    "back\\slash.jpg",
    "-rf.jpg",
    "#?&.jpg",
)
BOX = [10, 20, 100, 90]
GOOD = coco(["a.jpg"], [BOX])
VOC = (
    "<annotation><filename>{name}</filename><size><width>320</width><height>240</height>"
    "<depth>3</depth></size><object><name>{label}</name><bndbox><xmin>10</xmin><ymin>20</ymin>"
    "<xmax>100</xmax><ymax>90</ymax></bndbox></object></annotation>"
)


@pytest.fixture
def check(cli, here, tmp_path):
    """Write a set, check it, and see that it was left alone."""

    def run(files, *args, label_file=None):
        root = write_set(tmp_path / "set", files)
        before = tree_hash(root)
        target = root / label_file if label_file else root
        done = cli("check", target, "--output-format", "jsonl", *args)
        assert tree_hash(root) == before
        assert done.code in (0, 1, 2)
        assert "Traceback" not in done.err
        return done

    return run


@pytest.mark.parametrize("command", ["check", "scan"])
def test_a_missing_folder(cli, here, command):
    run = cli(command, "no/such/folder")
    assert run.is_one_clear_line()
    assert "no/such/folder: no such file or folder" in run.err
    assert cli(command, "new\n\x1b[31mline").is_one_clear_line()
    assert list(here.iterdir()) == []


@pytest.mark.parametrize("command", ["check", "scan"])
@pytest.mark.parametrize("inside", [{}, {"readme.md": "hello"}, {"sub/deeper/x.bin": b"\0"}])
def test_a_folder_with_nothing_in_it(cli, here, tmp_path, command, inside):
    (tmp_path / "set").mkdir()
    assert cli(command, write_set(tmp_path / "set", inside)).is_one_clear_line()


def test_no_labels_is_a_valid_set_and_said_so(cli, tmp_path):
    root = write_set(tmp_path / "set", {"a.jpg": photo(1), "b.png": photo(2, suffix=".png")})
    run = cli("check", root, "--output-format", "concise")
    assert (run.code, run.err) == (0, "")
    assert run.out == "Not labelled: nothing found in 2 images\n"
    assert "Ready to train" not in cli("check", root).out


def test_one_image_alone_is_a_set(check):
    assert check({"a.jpg": photo(), "b.jpg": b""}, label_file="a.jpg").codes() == []


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.99])
def test_a_label_file_cut_off(check, share):
    whole = json.dumps(GOOD)
    cut = whole[: int(share * len(whole))]
    run = check({"a.jpg": photo(), "labels.json": cut})
    if run.code == 2:
        assert run.is_one_clear_line()
        assert "labels.json" in run.err and "column" in run.err
    else:
        # Too little is left to say that it was ever COCO: then the images alone are judged.
        assert share == 0.1


def test_one_label_file_of_two_cut_off(check):
    files = {
        "a.jpg": photo(1),
        "b.jpg": photo(2),
        "one.json": GOOD,
        "two.json": json.dumps(coco(["b.jpg"], [BOX]))[:150],
    }
    run = check(files)
    assert run.code == 1
    (broken,) = [f for f in run.findings() if f["code"] == "FL105"]
    assert (broken["file"], broken["line"]) == ("two.json", 1)


@pytest.mark.parametrize(
    "content",
    [{"hello": [1, 2]}, [1, 2, 3], "", "null", "7", "[" * 200_000, "\0\1\2", {"images": 7}],
    ids=["object", "list", "empty", "null", "number", "deep", "binary", "images-7"],
)
def test_json_that_is_not_coco(check, cli, tmp_path, content):
    files = {"a.jpg": photo(), "labels.json": content}
    run = check(files, label_file="labels.json")
    assert run.is_one_clear_line()
    assert "labels.json" in run.err
    whole = cli("check", tmp_path / "set")
    if whole.code == 0:
        # The folder is still a set of images, and the file that was passed by is named.
        assert "Not labelled" in whole.out
        assert "labels.json" in " ".join(whole.out.split())
    else:
        assert whole.is_one_clear_line()


@pytest.mark.parametrize(
    "path", ["C:\\Users\\me\\data", "D:/data/set", "/home/me/data", "\\\\host\\share"]
)
def test_data_yaml_with_a_path_of_another_machine(check, path):
    text = f"path: {path}\ntrain: images\nval: absent\nnames: [cat]\n"
    files = {"data.yaml": text, "images/a.jpg": photo(), "labels/a.txt": "0 0.5 0.5 0.3 0.4\n"}
    run = check(files)
    assert run.code == 0
    told = {f["code"]: f for f in run.findings()}
    assert {"FL004", "FL005"} <= told.keys()
    assert told["FL005"]["severity"] == "warning"
    assert told["FL005"]["evidence"]["value"] == path


@pytest.mark.parametrize(
    "head",
    [
        '<!DOCTYPE annotation [<!ENTITY e SYSTEM "file:///etc/passwd">]>',
        '<!DOCTYPE annotation SYSTEM "http://127.0.0.1:9/x.dtd">',
        '<!DOCTYPE a [<!ENTITY a "aaaaaaaaaa"><!ENTITY e "&a;&a;&a;&a;&a;&a;&a;&a;">]>',
    ],
)
@pytest.mark.parametrize("alone", [True, False])
def test_xml_with_a_doctype_is_refused(check, head, alone):
    label = "&e;" if "ENTITY" in head else "cat"
    files = {"a.jpg": photo(1), "a.xml": head + VOC.format(name="a.jpg", label=label)}
    if not alone:
        files |= {"b.jpg": photo(2), "b.xml": VOC.format(name="b.jpg", label="cat")}
    run = check(files)
    assert run.code == 1
    (refused,) = [f for f in run.findings() if f["code"] == "FL105"]
    assert refused["file"] == "a.xml"
    assert "DOCTYPE" in refused["message"]
    assert "root:" not in run.out


def test_a_yaml_bomb(check):
    lines = ["a: &a [x,x,x,x,x,x,x,x,x]"]
    for before, name in zip("abcdefghijkl", "bcdefghijklm", strict=True):
        lines.append(f"{name}: &{name} [{','.join(['*' + before] * 9)}]")
    files = {
        "data.yaml": "\n".join([*lines, "names: *m", "train: images"]),
        "images/a.jpg": photo(),
    }
    begin = time.monotonic()
    check(files)
    assert time.monotonic() - begin < 20


@pytest.mark.parametrize("fmt", ["full", "concise", "json", "jsonl", "sarif", "github"])
def test_hostile_names_are_text_in_every_output(cli, here, tmp_path, fmt):
    label = "<script>alert(1)</script>\x1b[31m\u202e\n::error::x"
    document = coco(list(NAMES), [[-90, 20, 100, 90]] * len(NAMES), label)
    files = {n: photo(at) for at, n in enumerate(NAMES)}
    root = write_set(tmp_path / "set", {**files, "labels.json": document})
    run = cli("check", root, "--output-format", fmt)
    assert (run.code, run.err) == (1, "")
    assert not any(c in run.out for c in "\x1b\u202e\x00")
    if fmt == "jsonl":
        assert sorted(f["image"] for f in run.findings() if f["code"] == "FL201") == sorted(NAMES)
    elif fmt == "github":
        assert len(run.out.splitlines()) == len(NAMES)
        assert all(line.startswith("::error file=labels.json,") for line in run.out.splitlines())
    elif fmt == "concise":
        assert len(run.out.splitlines()) == len(NAMES) + 1
    elif fmt == "sarif":
        uris = [
            r["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
            for r in json.loads(run.out)["runs"][0]["results"]
        ]
        assert len(uris) == len(NAMES)
    page = (here / "fastlabel-report/report.html").read_text()
    assert "<script>alert" not in page and "<img src=x" not in page
    assert "\u202e" not in page


def test_hostile_names_on_the_command_line(here, tmp_path):
    root = tmp_path / 'a\'b "c"\n<d>'
    write_set(root, {"a.jpg": photo(), "labels.json": GOOD})
    run = program("check", root, "--out", here / 'o\'ut "x"', cwd=here)
    assert (run.returncode, run.stderr) == (0, b"")
    assert (here / 'o\'ut "x"' / "report.html").is_file()


def test_a_name_that_is_not_utf8(check, tmp_path):
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / os.fsdecode(b"\xff\xfe.jpg")).write_bytes(photo(7))
    run = check({"a.jpg": photo(), "labels.json": GOOD})
    assert run.code == 1
    assert "not valid UTF-8" in run.out


def test_boxes_that_are_not_numbers(check):
    nan, inf = float("nan"), float("inf")
    boxes = [[nan, 1, 2, 3], [1, 2, inf, 4], [1, -inf, 3, 4], [1e308] * 4, BOX]
    run = check({"a.jpg": photo(), "labels.json": coco(["a.jpg"], boxes)})
    assert run.code == 1
    found = [f["pointer"] for f in run.findings() if f["code"] == "FL208"]
    assert sorted(found) == [f"/annotations/{k}" for k in range(4)]
    assert "NaN" not in run.out and "Infinity" not in run.out


def test_rows_of_a_txt_that_are_no_boxes(check):
    rows = ["0 nan 0.5 0.1 0.1", "0 1e400 1 1 1", f"{9**99} .5 .5 .1 .1", "0 .5 .5", "\x00", "0;1"]
    files = {
        "data.yaml": "names: [cat]\ntrain: images\n",
        "images/a.jpg": photo(),
        "labels/a.txt": "\n".join([*rows, "0 0.5 0.5 0.3 0.4"]),
    }
    run = check(files)
    assert run.code == 1
    lines = {f["line"]: f["code"] for f in run.findings() if f["file"] == "labels/a.txt"}
    assert lines == {1: "FL208", 2: "FL208", 3: "FL102", 4: "FL105", 5: "FL105", 6: "FL105"}


def test_records_of_the_wrong_shape(check):
    document = coco(["a.jpg"], [BOX])
    document["annotations"] += [
        {"id": 10**400, "image_id": 0, "category_id": 1, "bbox": [10**400, 1, 2, 3]},
        {"id": 7, "image_id": 0, "category_id": 1, "bbox": [1, 2, 3]},
        {"id": 8, "image_id": [], "category_id": {}, "bbox": "x"},
        {"id": 9, "image_id": 0, "category_id": 1, "bbox": {"x": 1}},
        None,
        7,
    ]
    run = check({"a.jpg": photo(), "labels.json": document})
    assert run.code == 1
    bad = {f["pointer"] for f in run.findings() if f["code"] in ("FL105", "FL107")}
    assert bad == {f"/annotations/{k}" for k in range(1, 7)}


def test_100_000_boxes_in_one_image(check):
    rng = np.random.default_rng(0)
    boxes = np.c_[rng.random((100_000, 2)) * (290, 210), 3 + rng.random((100_000, 2)) * 20]
    document = coco(["a.jpg"], boxes.round(2).tolist())
    begin = time.monotonic()
    run = check({"a.jpg": photo(), "labels.json": document}, "--ignore", "FL204,FL302")
    assert time.monotonic() - begin < 60  # about 5 s on a machine at rest
    assert run.code == 0


class TestOutsideTheRoot:
    def test_names_that_lead_out_are_never_opened(self, check, tmp_path):
        secret = write_set(tmp_path, {"secret.jpg": photo(9)}) / "secret.jpg"
        secret.chmod(0)
        names = ["a.jpg", "../secret.jpg", str(secret), "x/../../secret.jpg", "link.jpg"]
        (tmp_path / "set").mkdir()
        (tmp_path / "set/link.jpg").symlink_to(secret)
        (tmp_path / "set/x").mkdir()
        run = check({"a.jpg": photo(), "labels.json": coco(names, [BOX] * len(names))})
        assert run.code == 1
        escaped = [f["image"] for f in run.findings() if f["code"] == "FL005"]
        assert sorted(escaped) == sorted(names[1:])
        assert {f["code"] for f in run.findings() if f["image"] in names[1:]} == {"FL005"}

    def test_links_in_circles(self, check, tmp_path):
        (tmp_path / "set").mkdir()
        (tmp_path / "set/self").symlink_to("self")
        (tmp_path / "set/up").symlink_to(".")
        run = check({"a.jpg": photo(), "labels.json": GOOD})
        assert run.code in (0, 1)
        assert [f["image"] for f in run.findings() if f["image"]] == []


class TestOddFiles:
    def test_files_that_are_no_pictures(self, check):
        names = ["empty.jpg", "text.jpg", "head.jpg", "zip.png"]
        files = {
            "empty.jpg": b"",
            "text.jpg": b"hello",
            "head.jpg": b"\xff\xd8",
            "zip.png": b"PK\3\4" + bytes(99),
            "labels.json": coco(names, [BOX] * 4),
        }
        run = check(files)
        assert run.code == 1
        assert sorted(f["image"] for f in run.findings() if f["code"] == "FL001") == sorted(names)

    def test_pipes_and_folders_with_names_of_images(self, check, tmp_path):
        root = tmp_path / "set"
        (root / "folder.jpg").mkdir(parents=True)
        os.mkfifo(root / "pipe.jpg")
        names = ["a.jpg", "folder.jpg", "pipe.jpg"]
        write_set(root, {"a.jpg": photo(), "labels.json": coco(names, [BOX] * 3)})
        run = program("check", root, "--output-format", "jsonl", cwd=tmp_path)
        assert (run.returncode, run.stderr) == (1, b"")
        rows = [json.loads(line) for line in run.stdout.splitlines()]
        assert sorted((f["code"], f["image"]) for f in rows if f["severity"] == "error") == [
            ("FL001", "folder.jpg"),
            ("FL001", "pipe.jpg"),
        ]

    def test_pipes_with_names_of_labels(self, tmp_path):
        root = write_set(tmp_path / "set", {"a.jpg": photo()})
        for name in ("a.txt", "a.xml", "a.json", "data.yaml", "classes.txt"):
            os.mkfifo(root / name)
        run = program("check", root, cwd=tmp_path)
        assert run.returncode in (0, 1, 2)
        assert b"Traceback" not in run.stderr

    @pytest.mark.skipif(os.geteuid() == 0, reason="root may read anything")
    def test_files_without_the_right_to_read(self, check, tmp_path):
        (tmp_path / "set").mkdir()
        shut = tmp_path / "set/shut.jpg"
        shut.write_bytes(photo())
        shut.chmod(0)
        files = {"a.jpg": photo(), "labels.json": coco(["a.jpg", "shut.jpg"], [BOX] * 2)}
        assert [f["code"] for f in check(files).findings()] == ["FL001"]

    def test_truth_files_that_are_none(self, check):
        for text in ("", "[]", '{"faults": [7]}', "\0"):
            run = check({"a.jpg": photo(), "truth.txt": text}, "--truth", "../set/truth.txt")
            assert run.is_one_clear_line()
