"""Plans that were edited into what cannot be: each is refused, by row, and nothing is done."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import fastlabel as fl
from fastlabel.clean.plan import Plan


@pytest.fixture
def made(sample, tmp_path):
    """A data set and a written plan of one relabel, one new box, one box and one quarantine."""
    data = sample("yolo")
    ds = fl.read(data)
    image_of = ds.column("annotations", "image_id")
    last = int(image_of[-1])
    other = int(image_of[0])
    actions = [
        {"action": "relabel", "annotation_id": 0, "category_id": 1, "score": 0.9},
        {"action": "replace_box", "annotation_id": 1, "box": [1, 2, 20, 30]},
        {"action": "add_box", "image_id": other, "category_id": 0, "box": [1, 2, 9, 9]},
        {"action": "quarantine_image", "image_id": last},
        {"action": "set_weight", "annotation_id": 2, "weight": 0.25},
    ]
    Plan.from_actions(ds, actions).write(tmp_path / "plan.parquet")
    return data, tmp_path / "plan.parquet"


def edit(path: Path, row: int, **values: object) -> None:
    table = pq.read_table(path)
    rows = table.to_pylist()
    rows[row] |= values
    pq.write_table(pa.Table.from_pylist(rows, schema=table.schema), path)


def after(**values: object) -> str:
    return json.dumps(values)


OUTSIDE = after(category_id=0, category="cat", box=[1, 2, 5000, 9])


@pytest.mark.parametrize(
    ("row", "values", "why"),
    [
        (0, {"annotation_id": 100_000}, "is no annotation of the set"),
        (0, {"annotation_id": -1}, "is no annotation of the set"),
        (0, {"annotation_id": None}, "is no annotation of the set"),
        (0, {"annotation_id": 7}, "belongs to image|was edited"),
        (0, {"image_id": 999}, "belongs to image"),
        (2, {"image_id": 999}, "is no image of the set"),
        (3, {"image_id": -1}, "is no image of the set"),
        (2, {"annotation_id": 0}, "not about an annotation"),
        (0, {"action": "delete_everything"}, "choose one of exclude_image"),
        (0, {"after": after(category_id=17)}, "is no class of the set"),
        (0, {"after": after(category="catt")}, "no class of the set; did you mean 'cat'"),
        (0, {"after": after(category_id=0, category="dog")}, "but category says"),
        (0, {"after": None}, "no class is given"),
        (0, {"after": "[1]"}, "expected a JSON object"),
        (0, {"after": "{" * 5}, "expected a JSON object"),
        (0, {"before": after(category_id=2)}, "the row was edited or the data changed"),
        (1, {"after": after(box=[1, 2, 5000, 9])}, "leaves the image"),
        (1, {"after": after(box=[-3, 2, 5, 9])}, "leaves the image"),
        (1, {"after": '{"box": [NaN, 2, 5, 9]}'}, "four finite numbers"),
        (1, {"after": '{"box": [1, 2, Infinity, 9]}'}, "four finite numbers"),
        (1, {"after": after(box=[5, 2, 5, 9])}, "has no area"),
        (1, {"after": after(box=[9, 2, 5, 9])}, "has no area"),
        (1, {"after": after(box=[9, 2])}, "four finite numbers"),
        (1, {"after": after(box="wide")}, "four numbers"),
        (1, {"after": after(box=None)}, "four numbers"),
        (2, {"after": OUTSIDE}, "leaves the image"),
        (4, {"after": after(weight=-1)}, "from 0 on"),
        (4, {"after": '{"weight": NaN}'}, "from 0 on"),
        (4, {"after": after(weight="heavy")}, "from 0 on"),
        (4, {"after": after(weight=0.25, more=1)}, "was edited"),
        (3, {"after": after(folder="/tmp")}, "was edited"),
        (3, {"after": after(folder="../..")}, "was edited"),
        (0, {"file_name": "../../etc/passwd"}, "file_name is '../../etc/passwd'"),
        (0, {"label_file": "../../secret.txt"}, "leads outside the data set"),
        (0, {"label_file": "/etc/passwd"}, "leads outside the data set"),
        (0, {"label_file": "data.yaml"}, "data.yaml: the label file is not the one"),
        (0, {"origin": {"file": "../x", "line": 1, "pointer": None, "raw": ""}}, "origin is"),
        (0, {"label_hash": "0" * 32}, "not the one that the plan was made for"),
        (0, {"image_hash": None}, "not the one that the plan was made for"),
        (0, {"action_id": 1}, "given twice"),
        (0, {"safe": True}, "safe is True"),
    ],
)
def test_an_impossible_row_is_named_and_nothing_is_done(
    made, tree_hash, tmp_path, row, values, why
):
    _, path = made
    edit(path, row, **values)
    before = tree_hash(tmp_path)
    for where in ({"out": tmp_path / "new"}, {"in_place": True}):
        with pytest.raises(fl.DatasetError, match=why):
            fl.apply(path, unsafe=True, **where)
        assert tree_hash(tmp_path) == before


def test_the_row_is_named(made, tmp_path):
    _, path = made
    edit(path, 1, after=after(box=[1, 2, 5000, 9]))
    with pytest.raises(
        fl.DatasetError, match=r"^plan row 1 \(replace_box, 'images/train/pic 1.*'\)"
    ):
        fl.apply(path, tmp_path / "new", unsafe=True)


def twice(path: Path, row: int, **values: object) -> None:
    table = pq.read_table(path)
    rows = table.to_pylist()
    rows.append({**rows[row], "action_id": 99, **values})
    pq.write_table(pa.Table.from_pylist(rows, schema=table.schema), path)


@pytest.mark.parametrize(
    ("row", "values", "why"),
    [
        (0, {}, "has the action relabel in row 0 too"),
        (0, {"action": "drop_box", "after": None, "safe": False}, "relabel in row 0 too"),
        (3, {}, "row 3 already takes the image away"),
        (3, {"action": "exclude_image", "after": None, "safe": False}, "already takes the image"),
    ],
)
def test_two_actions_for_one_thing_are_refused(made, tmp_path, row, values, why):
    _, path = made
    twice(path, row, **values)
    with pytest.raises(fl.DatasetError, match=why):
        fl.apply(path, tmp_path / "new", unsafe=True)


def test_a_box_of_a_picture_that_goes_is_refused(made):
    data, _ = made
    ds = fl.read(data)
    last = ds.annotations.num_rows - 1
    image = int(ds.column("annotations", "image_id")[last])
    with pytest.raises(fl.DatasetError, match="takes the image away"):
        Plan.from_actions(
            ds,
            [
                {"action": "exclude_image", "image_id": image},
                {"action": "mark_ignore", "annotation_id": last},
            ],
        )


def test_different_changes_of_one_box_go_together(made, tmp_path):
    data, _ = made
    plan = Plan.from_actions(
        fl.read(data),
        [
            {"action": "relabel", "annotation_id": 0, "category_id": 2},
            {"action": "replace_box", "annotation_id": 0, "box": [1, 2, 11, 12]},
            {"action": "set_weight", "annotation_id": 0, "weight": 0.75},
        ],
    )
    fl.apply(plan, tmp_path / "new", unsafe=True)
    row = fl.read(tmp_path / "new").annotations.slice(0, 1).to_pylist()[0]
    assert [row[s] for s in ("x1", "y1", "x2", "y2")] == pytest.approx([1, 2, 11, 12], abs=1e-9)
    assert (row["category_id"], row["weight"]) == (2, 0.75)


@pytest.mark.parametrize(
    ("action", "why"),
    [
        ({"action": "relabel", "annotation_id": 0}, "no class is given"),
        ({"action": "relabel", "annotation_id": 0.5, "category_id": 0}, "no annotation"),
        ({"action": "relabel", "annotation_id": True, "category_id": 0}, "no annotation"),
        ({"action": "relabel", "annotation_id": "x", "category_id": 0}, "no annotation"),
        ({"action": "relabel", "annotation_id": 0, "category_id": 1, "score": 1.5}, "from 0 to 1"),
        ({"action": "add_box", "image_id": 0, "category_id": 0}, "expected four numbers"),
        ({}, "action is None"),
    ],
)
def test_actions_that_cannot_be_are_named_by_their_number(made, action, why):
    data, _ = made
    with pytest.raises(fl.DatasetError, match=f"^action 0: .*{why}"):
        Plan.from_actions(fl.read(data), [action])


# --- the file ---------------------------------------------------------------------------


def test_rows_can_be_struck_out_and_columns_lost_types(made, tmp_path):
    """As an editor without nulls for whole numbers and without metadata leaves it."""
    data, path = made
    table = pq.read_table(path)
    at = table.schema.get_field_index("annotation_id")
    floats = table["annotation_id"].cast(pa.float64()).fill_null(float("nan"))
    table = table.set_column(at, "annotation_id", floats).append_column(
        "mine", pa.array(["x"] * table.num_rows)
    )
    pq.write_table(table.slice(1, 3).replace_schema_metadata(None), path)
    with pytest.raises(fl.DatasetError, match="name it with --data"):
        fl.apply(path, tmp_path / "new", unsafe=True)
    done = fl.apply(path, tmp_path / "new", unsafe=True, data=data)
    assert done.counts == {"quarantine_image": 1, "replace_box": 1, "add_box": 1}


@pytest.mark.parametrize(
    ("content", "why"),
    [(None, "no such plan"), (b"", "is no Parquet file"), (b"PAR1" * 9, "is no Parquet file")],
)
def test_what_is_no_plan_is_said(tmp_path, content, why):
    path = tmp_path / "plan.parquet"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(fl.DatasetError, match=why):
        Plan.read(path)


def test_missing_columns_and_empty_cells_are_named(made, tmp_path):
    _, path = made
    table = pq.read_table(path)
    pq.write_table(table.drop_columns(["before"]), tmp_path / "a.parquet")
    with pytest.raises(fl.DatasetError, match="no column 'before'"):
        Plan.read(tmp_path / "a.parquet")
    nulls = pa.array([None] * table.num_rows, pa.string())
    at = table.schema.get_field_index("action")
    pq.write_table(table.set_column(at, "action", nulls), tmp_path / "b.parquet")
    with pytest.raises(fl.DatasetError, match="'action' has an empty cell"):
        Plan.read(tmp_path / "b.parquet")
    at = table.schema.get_field_index("score")
    words = pa.array(["high"] * table.num_rows)
    pq.write_table(table.set_column(at, "score", words), tmp_path / "c.parquet")
    with pytest.raises(fl.DatasetError, match="'score' is string, expected double"):
        Plan.read(tmp_path / "c.parquet")


def test_a_plan_whose_data_set_leads_elsewhere_is_refused(made, tmp_path):
    _, path = made
    plan = Plan.read(path)
    for file in ("../../etc/x.json", "/etc/x.json"):
        other = Plan(plan.table, {**plan.data, "file": file})
        with pytest.raises(fl.DatasetError, match="leads outside"):
            fl.apply(other, tmp_path / "new", unsafe=True)


def test_the_page_shows_names_from_data_as_text(sample, tmp_path):
    data = sample("coco")
    file = next((data / "annotations").glob("*.json"))
    file.write_text(file.read_text().replace('"cat"', '"<b>|x\\n# y`[a](b)"'))
    ds = fl.read(data)
    at = (
        ds.annotations["category_id"]
        .to_pylist()
        .index(ds.categories["name"].to_pylist().index("<b>|x\n# y`[a](b)"))
    )
    plan = Plan.from_actions(
        ds, [{"action": "drop_box", "annotation_id": at, "reason": "a|b\u202e<i>"}]
    )
    _, page = plan.write(tmp_path / "plan.parquet")
    text = page.read_text()
    assert "\\<b\\>\\|x\\\\n# y\\`\\[a\\](b)" in text
    assert "a\\|b\\\\u{202E}\\<i\\>" in text
    assert len(text.splitlines()) == 13
