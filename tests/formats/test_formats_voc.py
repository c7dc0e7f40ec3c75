from __future__ import annotations

import json
import math

import pytest
from format_sets import jpeg_with_orientation, problems, voc

from fastlabel.dataset import DatasetError
from fastlabel.formats import detect, read
from fastlabel.formats._voc_file import parse


def boxes(dataset):
    return dataset.boxes().tolist()


def test_without_a_zero_the_numbers_are_one_based_and_inclusive(write):
    dataset = read(
        write({"a.xml": voc("a.png", "cat 1 1 100 80", "dog 5 6 5 6"), "a.png": (100, 80)})
    )
    assert boxes(dataset) == [[0, 0, 100, 80], [4, 5, 5, 6]]
    assert dataset.meta["inclusive"] is True
    assert "no proof" in dataset.meta["evidence"]


def test_one_zero_anywhere_means_as_written(write):
    dataset = read(
        write(
            {
                "a.xml": voc("a.png", "cat 1 1 100 80"),
                "a.png": (100, 80),
                "b.xml": voc("b.png", "cat 0 3 10 10"),
                "b.png": (100, 80),
            }
        )
    )
    assert boxes(dataset) == [[1, 1, 100, 80], [0, 3, 10, 10]]
    assert dataset.meta["inclusive"] is False
    assert "1 of 2 boxes" in dataset.meta["evidence"]


def test_an_all_zero_row_is_no_evidence(write):
    dataset = read(write({"a.xml": voc("a.png", "cat 1 1 9 9", "cat 0 0 0 0")}))
    assert dataset.meta["inclusive"] is True


@pytest.mark.parametrize(("base", "first"), [(0, 3.0), (1, 2.0)])
def test_the_caller_can_pin_the_convention(write, base, first):
    root = write({"a.xml": voc("a.png", "cat 3 3 9 9", "cat 0 1 5 5")})
    dataset = read(root, voc_base=base)
    assert dataset.annotations["x1"][0].as_py() == first
    assert "given by the caller" in dataset.meta["evidence"]
    with pytest.raises(DatasetError, match="voc_base"):
        read(root, voc_base=2)


def test_rows_keep_tokens_flags_and_lines(write):
    xml = """<?xml version="1.0"?>
<annotation><filename>a.png</filename><folder>pics</folder>
<size><width>100</width><height>80</height></size>
<object>
  <bndbox><ymax>40.50</ymax><xmin>1e1</xmin><xmax>30</xmax><ymin>20</ymin></bndbox>
  <part><name>head</name><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>2</xmax><ymax>2</ymax></bndbox>
  </part>
  <name> cat </name><pose>Left</pose><truncated>1</truncated><difficult>1</difficult>
  <occluded>0</occluded><actions><running>1</running></actions>
</object>
<object><name>dog</name><pose>Unspecified</pose>
<bndbox><xmin>5</xmin><ymin>6</ymin><xmax>7</xmax><ymax>8</ymax></bndbox></object>
</annotation>"""
    dataset = read(write({"a.xml": xml, "a.png": (100, 80)}))
    first, second = dataset.annotations.to_pylist()
    assert [first[c] for c in ("x1", "y1", "x2", "y2")] == [9.0, 19.0, 30.0, 40.5]
    assert first["origin"] == {
        "file": "a.xml",
        "line": 4,
        "pointer": None,
        "raw": "1e1 20 30 40.50",
    }
    assert (first["difficult"], first["truncation"], first["occlusion"]) == (True, 1.0, 0)
    assert json.loads(first["attributes"]) == {"pose": "Left", "actions": {"running": "1"}}
    assert (first["source_category"], first["category_id"]) == ("cat", 0)
    assert second["origin"]["line"] == 11
    assert (second["difficult"], second["truncation"], second["attributes"]) == (None, None, None)
    assert dataset.categories["name"].to_pylist() == ["cat", "dog"]
    assert json.loads(dataset.images["attributes"][0].as_py()) == {"folder": "pics"}


def test_label_states(write):
    dataset = read(
        write(
            {
                "Annotations/a.xml": voc("a.png", "cat 1 1 2 2"),
                "Annotations/b.xml": voc("b.png"),
                "Annotations/c.xml": voc("c.png", "cat 1 1 x 2"),
                "JPEGImages/a.png": (9, 9),
                "JPEGImages/b.png": (9, 9),
                "JPEGImages/c.png": (9, 9),
                "JPEGImages/d.png": (9, 9),
                "masks/a.png": (9, 9),
            }
        )
    )
    states = {i["path"]: i["label_state"] for i in dataset.images.to_pylist()}
    assert states == {
        "JPEGImages/a.png": "labelled",
        "JPEGImages/b.png": "labelled_empty",
        "JPEGImages/c.png": "labelled",
        "JPEGImages/d.png": "missing",
    }
    assert dataset.meta["other_images"] == 1


@pytest.mark.parametrize(
    "box",
    [
        "<xmin>1</xmin><ymin>1</ymin><xmax>2</xmax>",
        "<xmin>a</xmin><ymin>1</ymin><xmax>2</xmax><ymax>3</ymax>",
        "<xmin/><ymin>1</ymin><xmax>2</xmax><ymax>3</ymax>",
        "<xmin>1_0</xmin><ymin>1</ymin><xmax>2</xmax><ymax>3</ymax>",
    ],
)
def test_box_that_is_not_four_numbers(write, box):
    xml = voc("a.png", "cat 1 1 5 5").replace(
        "</annotation>", f"<object><name>dog</name><bndbox>{box}</bndbox></object></annotation>"
    )
    dataset = read(write({"a.xml": xml, "a.png": (9, 9)}))
    assert dataset.annotations.num_rows == 1
    (row,) = problems(dataset, "malformed-row")
    assert (row["file"], row["line"], row["image_id"]) == ("a.xml", 5, 0)


def test_object_without_a_box_and_without_a_name(write):
    xml = voc("a.png", "cat 1 1 5 5").replace(
        "</annotation>",
        "<object><name>dog</name></object>\n<object><bndbox><xmin>2</xmin><ymin>2</ymin>"
        "<xmax>4</xmax><ymax>4</ymax></bndbox></object></annotation>",
    )
    dataset = read(write({"a.xml": xml, "a.png": (9, 9)}))
    assert len(problems(dataset, "malformed-row")) == 1
    (row,) = problems(dataset, "unknown-category")
    assert row["annotation_id"] == 1
    assert dataset.annotations["category_id"].to_pylist() == [0, None]


def test_nan_and_swapped_corners_stay(write):
    dataset = read(write({"a.xml": voc("a.png", "cat nan 1 2 3", "cat 9 9 2 3")}))
    assert math.isnan(boxes(dataset)[0][0])
    assert boxes(dataset)[1] == [8, 8, 2, 3]


@pytest.mark.parametrize("size", ["0 0", "-5 10", "a b", "1.5 7"])
def test_size_that_is_no_size(write, size):
    dataset = read(write({"a.xml": voc("a.png", size=size), "a.png": (9, 9)}))
    row = dataset.images.to_pylist()[0]
    assert (row["width"], row["size_source"], row["label_state"]) == (None, None, "labelled_empty")
    assert len(problems(dataset, "malformed-row")) == 1


# --- images --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("xml_at", "filename", "image_at"),
    [
        ("a.xml", "a.png", "a.png"),
        ("Annotations/a.xml", "a.png", "JPEGImages/a.png"),
        ("annotations/a.xml", "a.png", "images/a.png"),
        ("xml/a.xml", "a.png", "a.png"),
        ("Annotations/a.xml", "a.jpg", "JPEGImages/a.png"),
        ("Annotations/a.xml", "a", "JPEGImages/a.png"),
        ("Annotations/a.xml", None, "JPEGImages/a.png"),
        ("Annotations/a.xml", "C:\\pics\\a.png", "JPEGImages/a.png"),
        ("Annotations/a.xml", "/home/pi/a.png", "JPEGImages/a.png"),
        ("Annotations/a.xml", "sub\\a.png", "JPEGImages/sub/a.png"),
        ("Annotations/b.xml", "a.png", "JPEGImages/a.png"),
        ("Annotations/b.xml", "wrong.png", "JPEGImages/b.png"),
        ("labels/a.xml", "a.png", "far/away/a.png"),
        ("Annotations/画 像.xml", "画 像.png", "JPEGImages/画 像.png"),
        ("a.xml", "a &amp; &lt;b&gt; 'c'.png", "a & <b> 'c'.png"),
    ],
)
def test_images_are_found(write, xml_at, filename, image_at):
    dataset = read(write({xml_at: voc(filename, "cat 1 1 2 2"), image_at: (9, 9)}), "voc")
    assert dataset.images["path"].to_pylist() == [image_at]
    assert dataset.problems.num_rows == 0


def test_a_wrong_filename_does_not_take_the_image_of_another(write):
    files = {f"{n}.png": (9, 9) for n in "abc"}
    files |= {f"{n}.xml": voc("a.png", "cat 1 1 2 2") for n in "abc"}
    dataset = read(write(files))
    assert dataset.images["path"].to_pylist() == ["a.png", "b.png", "c.png"]


def test_two_files_for_one_image_are_named(write):
    dataset = read(
        write({"a.xml": voc("a.png", "cat 1 1 2 2"), "b.xml": voc("a.png"), "a.png": (9, 9)})
    )
    assert len(dataset) == 2
    (row,) = problems(dataset, "duplicate-id")
    assert (row["file"], row["value"], row["image_id"]) == ("b.xml", "a.png", 1)


def test_image_that_is_absent_has_a_place(write):
    dataset = read(
        write(
            {
                "Annotations/a.xml": voc("a.png", "cat 1 1 2 2"),
                "JPEGImages/a.png": (9, 9),
                "Annotations/gone.xml": voc("gone.png", "cat 1 1 2 2"),
            }
        )
    )
    assert dataset.images["path"].to_pylist() == ["JPEGImages/a.png", "JPEGImages/gone.png"]


@pytest.mark.parametrize("name", ["../outside.png", "../../outside.png", "..\\outside.png"])
def test_filename_that_climbs_out(write, name):
    root = write({"a.xml": voc(name, "cat 1 1 2 2")})
    (root.parent / "outside.png").write_bytes(b"secret")
    dataset = read(root)
    assert dataset.images["path"].to_pylist() == [None]
    (row,) = problems(dataset, "path-escape")
    assert (row["file"], row["value"], row["image_id"]) == ("a.xml", name, 0)


def test_the_path_element_is_never_used(write, tmp_path):
    secret = tmp_path / "secret.png"
    secret.write_bytes(b"secret")
    xml = voc("a.png").replace("<size>", f"<path>{secret}</path><size>")
    dataset = read(write({"a.xml": xml}))
    assert dataset.images["path"].to_pylist() == ["a.png"]


# --- splits --------------------------------------------------------------------------------


def test_image_sets(write):
    files = {f"JPEGImages/{n}.png": (9, 9) for n in ("a", "b", "my pic", "d", "e")}
    files |= {f"Annotations/{n}.xml": voc(f"{n}.png", "cat 1 1 2 2") for n in ("a", "b", "my pic")}
    dataset = read(
        write(
            files
            | {
                "ImageSets/Main/train.txt": "a\nb  -1\r\n\n",
                "ImageSets/Main/val.txt": "my pic\nb 1\nd\ngone\n",
                "ImageSets/Main/trainval.txt": "a\nb\nmy pic\nd\n",
                "ImageSets/Main/cat_train.txt": "a 1\n",
            }
        )
    )
    rows = {(i["path"], i["split"], i["label_state"]) for i in dataset.images.to_pylist()}
    assert rows == {
        ("JPEGImages/a.png", "train", "labelled"),
        ("JPEGImages/b.png", "train", "labelled"),  # in both: a leak, so it stays in both
        ("JPEGImages/b.png", "val", "labelled"),
        ("JPEGImages/my pic.png", "val", "labelled"),
        ("JPEGImages/d.png", "val", "missing"),
        ("JPEGImages/gone.jpg", "val", "missing"),
        ("JPEGImages/e.png", None, "missing"),
    }
    assert dataset.annotations.num_rows == 4


def test_trainval_counts_where_it_stands_alone(write):
    dataset = read(
        write(
            {
                "Annotations/a.xml": voc("a.png"),
                "JPEGImages/a.png": (9, 9),
                "ImageSets/Main/trainval.txt": "a\n",
            }
        )
    )
    assert dataset.images["split"].to_pylist() == ["trainval"]


def test_splits_by_folder(write):
    dataset = read(
        write(
            {
                "train/a.xml": voc("a.png", "cat 1 1 2 2"),
                "train/a.png": (9, 9),
                "valid/a.xml": voc("a.png", "cat 1 1 2 2"),
                "valid/a.png": (9, 9),
            }
        )
    )
    assert [(i["path"], i["split"]) for i in dataset.images.to_pylist()] == [
        ("train/a.png", "train"),
        ("valid/a.png", "val"),
    ]


# --- files that cannot be used -------------------------------------------------------------

DOCTYPES = [
    '<!DOCTYPE annotation [<!ENTITY x SYSTEM "file://{secret}">]>',
    '<!DOCTYPE annotation SYSTEM "http://example.org/x.dtd">',
    '<!DOCTYPE annotation [<!ENTITY a "aaaaaaaaaa"><!ENTITY x "&a;&a;&a;&a;&a;&a;&a;&a;">]>',
    "<!DOCTYPE annotation>",
]


@pytest.mark.parametrize("doctype", DOCTYPES)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_doctype_is_refused(write, tmp_path, doctype, encoding):
    secret = tmp_path / "secret.txt"
    secret.write_text("top secret")
    text = "\n" + doctype.format(secret=secret) + "\n" + voc("a.png", "&x; 1 1 2 2")
    head = f'<?xml version="1.0" encoding="{encoding}"?>'
    dataset = read(write({"a.xml": (head + text).encode(encoding), "a.png": (9, 9)}))
    (row,) = problems(dataset, "refused")
    assert (row["file"], row["line"], row["image_id"]) == ("a.xml", 2, 0)
    assert dataset.images["label_state"].to_pylist() == ["missing"]
    assert dataset.annotations.num_rows == 0
    assert "top secret" not in str(dataset.problems.to_pylist())


def test_doctype_that_a_search_of_the_bytes_cannot_see(write):
    """Parsers guess 16-bit text from its first bytes, so the parsed file is asked too."""
    text = '<?xml version="1.0" encoding="utf-16-le"?><!DOCTYPE annotation>' + voc("a.png")
    record = parse(write({"a.xml": text.encode("utf-16-le")}) / "a.xml", "a.xml")
    assert record.error is not None
    assert record.error.kind == "refused"


def test_cut_file_among_others(write):
    text = voc("b.png", "cat 1 1 2 2", "cat 3 3 4 4")
    dataset = read(
        write(
            {
                "a.xml": voc("a.png", "cat 1 1 2 2"),
                "a.png": (9, 9),
                "b.xml": text[: len(text) // 2],
                "b.png": (9, 9),
            }
        )
    )
    (row,) = problems(dataset, "malformed-file")
    assert (row["file"], row["image_id"]) == ("b.xml", 1)
    assert row["line"] is not None
    assert dataset.images["path"].to_pylist() == ["a.png", "b.png"]
    assert dataset.images["label_state"].to_pylist() == ["labelled", "missing"]


@pytest.mark.parametrize(
    "content",
    [
        voc("a.png", "cat 1 1 2 2")[:60].encode(),
        b"<annotation>" + b"<a>" * 5000,
        b"<annotation><filename>\xff\xfe</filename></annotation>",
        b'<?xml version="1.0" encoding="nonsense"?><annotation></annotation>',
        b"<annotation></annotation><annotation></annotation>",
        b"<annotation>\x00</annotation>",
        b"<annotation>&undefined;</annotation>",
    ],
)
def test_xml_that_cannot_be_parsed_is_one_clear_line(write, content):
    root = write({"a.xml": content, "a.png": (9, 9)})
    with pytest.raises(DatasetError, match=r"a\.xml") as caught:
        read(root)
    assert "\n" not in str(caught.value)


def test_other_xml_is_no_voc(write):
    root = write(
        {
            "cvat.xml": "<annotations><image id='0' name='a.png'/></annotations>",
            "labelme.xml": "<annotation><object><polygon/></object></annotation>",
            "a.png": (9, 9),
        }
    )
    assert detect(root) == "images"
    with pytest.raises(DatasetError, match="no Pascal VOC"):
        read(root, "voc")


def test_utf16_file(write):
    text = '<?xml version="1.0" encoding="utf-16"?>' + voc("ñ.png", "猫 1 1 2 2")
    dataset = read(write({"ñ.xml": text.encode("utf-16"), "ñ.png": (9, 9)}))
    assert dataset.categories["name"].to_pylist() == ["猫"]


def test_class_names_are_text(write):
    name = "&lt;script&gt;alert(1)&lt;/script&gt;"
    dataset = read(write({"a.xml": voc("a.png", f"{name} 1 1 2 2"), "a.png": (9, 9)}))
    assert dataset.categories["name"].to_pylist() == ["<script>alert(1)</script>"]


def test_lines_beyond_65535_and_many_objects(write):
    objects = [f"cat {1 + i % 50} 1 {60 + i % 50} 9" for i in range(30_000)]
    xml = voc("a.png", *objects).replace("<object>", "<object>\n\n")
    dataset = read(write({"a.xml": xml, "a.jpg": jpeg_with_orientation(9, 9, 1)}))
    assert dataset.annotations.num_rows == 30_000
    line = dataset.annotations["origin"][29_999].as_py()["line"]
    assert xml.split("\n")[line - 1].startswith("<object>")
    assert line == 4 + 3 * 29_999
