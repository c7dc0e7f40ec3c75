"""The contact sheet and FiftyOne's folder: what is shown, and what never leaves the set."""

from __future__ import annotations

import base64
import json
import re

import cv2
import numpy as np
import pytest
from review_sets import NOTHING, coco_set, finding, findings

from fastlabel.clean.review import export_review
from fastlabel.dataset import DatasetError
from fastlabel.formats import read


def with_pictures(folder, sizes=((640, 480), (3000, 2000))):
    """Pictures that are red where their first box is, and grey elsewhere."""
    labels = {"images": [], "annotations": [], "categories": [{"id": 1, "name": "<b>x</b>"}]}
    folder.mkdir()
    for n, (wide, high) in enumerate(sizes):
        box = [wide // 2, high // 2, wide // 20, high // 20]
        picture = np.full((high, wide, 3), 128, np.uint8)
        x, y, w, h = box
        picture[y : y + h, x : x + w] = (0, 0, 255)
        cv2.imwrite(str(folder / f"{n}.png"), picture)
        labels["images"].append({"id": n, "file_name": f"{n}.png", "width": wide, "height": high})
        labels["annotations"].append({"id": n, "image_id": n, "category_id": 1, "bbox": box})
    (folder / "labels.json").write_text(json.dumps(labels))
    return read(folder)


def sheet(ds, table, folder, **options):
    out = folder / "sheet.html"
    export_review(ds, table, to="sheet", out=out, **options)
    return out.read_text(encoding="utf-8")


def pictures(page):
    return [
        cv2.imdecode(np.frombuffer(base64.b64decode(x), np.uint8), cv2.IMREAD_COLOR)
        for x in re.findall(r"data:image/jpeg;base64,([A-Za-z0-9+/=]+)", page)
    ]


def test_each_picture_shows_its_box_in_its_frame(tmp_path):
    ds = with_pictures(tmp_path / "set")
    rows = [finding(ds, "FL704", annotation=n, score=0.5 - n / 10) for n in range(2)]
    page = sheet(ds, findings(rows), tmp_path)
    shown = pictures(page)
    assert len(shown) == 2
    frames = re.findall(r'<svg viewBox="([^"]+)"', page)
    for n, (picture, frame) in enumerate(zip(shown, frames, strict=True)):
        left, top, wide, high = map(float, frame.split())
        assert (wide, high) != tuple(ds.images.select(["width", "height"]).to_pylist()[n].values())
        x1, y1, x2, y2 = ds.boxes()[n]
        # Red in the picture is where the box is drawn over it, to a pixel or two.
        red = np.argwhere((picture[..., 2] > 180) & (picture[..., 0] < 90))
        scale = picture.shape[1] / wide
        assert red.min(0) == pytest.approx([(y1 - top) * scale, (x1 - left) * scale], abs=3)
        assert red.max(0) == pytest.approx([(y2 - top) * scale, (x2 - left) * scale], abs=3)
        assert f'class="named" x="{x1:.1f}" y="{y1:.1f}"' in page
        assert high <= wide


def test_the_page_needs_nothing_else_and_names_are_text(tmp_path):
    ds = with_pictures(tmp_path / "set")
    row = finding(ds, "FL703", annotation=0, fix={"action": "relabel", "category_id": 0})
    row["message"] = "<script>alert(1)</script> \u202e"
    page = sheet(ds, findings([row]), tmp_path)
    assert "<script" not in page
    assert "&lt;b&gt;x&lt;/b&gt; → &lt;b&gt;x&lt;/b&gt;" in page
    assert "\u202e" not in page
    assert not re.search(r'(src|href)="(?!data:)', page)
    assert "http" not in page


def test_proposals_are_drawn_where_they_are(tmp_path):
    ds = with_pictures(tmp_path / "set")
    fix = {"action": "add_box", "box": [10, 20, 110, 220], "category_id": 0}
    page = sheet(ds, findings([finding(ds, "FL701", image=0, fix=fix)]), tmp_path)
    assert 'class="new" x="10.0" y="20.0" width="100.0" height="200.0"' in page


def test_a_picture_that_cannot_be_read_is_a_card_without_one(tmp_path):
    ds = with_pictures(tmp_path / "set")
    (tmp_path / "set" / "0.png").write_bytes(b"no picture")
    (tmp_path / "set" / "1.png").unlink()
    rows = [finding(ds, "FL704", annotation=n) for n in range(2)]
    page = sheet(ds, findings(rows), tmp_path)
    assert page.count("no picture can be shown") == 2
    assert page.count('class="card"') == 2


def test_no_picture_outside_the_set_is_opened(tmp_path):
    secret = tmp_path / "secret.png"
    cv2.imwrite(str(secret), np.zeros((50, 50, 3), np.uint8))
    ds = with_pictures(tmp_path / "set")
    (tmp_path / "set" / "0.png").unlink()
    (tmp_path / "set" / "0.png").symlink_to(secret)
    page = sheet(ds, findings([finding(ds, "FL704", annotation=0)]), tmp_path)
    assert pictures(page) == []


def test_pictures_end_where_the_page_says(tmp_path, monkeypatch):
    from fastlabel.clean.review import sheet as module

    monkeypatch.setattr(module, "MOST_PICTURES", 1)
    ds = with_pictures(tmp_path / "set")
    page = sheet(ds, NOTHING, tmp_path, everything=True)
    assert len(pictures(page)) == 1
    assert page.count('class="card"') == 2
    assert "2 images, the first 1 with their picture" in page


def test_fiftyone_samples_have_what_was_found(tmp_path):
    ds = with_pictures(tmp_path / "set")
    fix = {"action": "replace_box", "box": [10, 20, 110, 220]}
    rows = [
        finding(ds, "FL704", annotation=1, fix=fix, score=0.9),
        finding(ds, "FL702", annotation=0),
    ]
    done = export_review(ds, findings(rows), to="fiftyone", out=tmp_path / "fo")
    assert [f.name for f in done.files] == ["fo", "metadata.json", "samples.json"]
    assert json.loads((tmp_path / "fo/metadata.json").read_text())["media_type"] == "image"
    first, second = json.loads((tmp_path / "fo/samples.json").read_text())["samples"]
    assert first["filepath"] == str(tmp_path / "set" / "1.png")
    assert (first["tags"], first["rank"], first["score"]) == (["FL704"], 1, 0.9)
    (truth,) = first["ground_truth"]["detections"]
    assert truth["bounding_box"] == pytest.approx([0.5, 0.5, 0.05, 0.05])
    assert (truth["annotation_id"], truth["tags"]) == (1, ["FL704"])
    (guess,) = first["suggestions"]["detections"]
    assert guess["bounding_box"] == pytest.approx([10 / 3000, 0.01, 100 / 3000, 0.1])
    assert guess["confidence"] == 0.9
    assert second["suggestions"]["detections"] == []
    with pytest.raises(DatasetError, match="not empty"):
        export_review(ds, findings(rows), to="fiftyone", out=tmp_path / "fo")


def test_predictions_are_shown_beside_the_labels(tmp_path):
    import fastlabel as fl

    ds = coco_set(tmp_path / "set", images=4, seed=2)
    names = ds.images["file_name"].to_pylist()
    path = tmp_path / "pred.json"
    rows = [
        {"image_id": 100 + n, "category_id": 11, "bbox": [1, 2, 10, 20], "score": 0.25 + n / 10}
        for n in range(4)
    ]
    path.write_text(json.dumps(rows))
    predictions = fl.read_predictions(path, ds)
    out = tmp_path / "t.json"
    export_review(ds, NOTHING, to="label-studio", out=out, everything=True, predictions=predictions)
    for task in json.loads(out.read_text(encoding="utf-8")):
        n = names.index(task["data"]["fastlabel"]["name"])
        (prediction,) = task["predictions"]
        (region,) = prediction["result"]
        wide = ds.images["width"][n].as_py()
        assert prediction["score"] == region["score"] == pytest.approx(0.25 + n / 10)
        assert region["value"]["width"] == pytest.approx(10 / wide * 100)
        assert region["value"]["rectanglelabels"] == [ds.categories["name"][1].as_py()]


def test_a_queue_chooses_the_images_and_their_order(tmp_path):
    import fastlabel as fl

    ds = coco_set(tmp_path / "set", images=12, seed=3)
    n = ds.annotations.num_rows
    table = findings(finding(ds, "FL706", annotation=k, score=k / n) for k in range(n))
    queue = fl.review_queue(ds, table, budget=4)
    out = tmp_path / "t.json"
    export_review(ds, table, to="label-studio", out=out, queue=queue)
    got = [t["data"]["fastlabel"]["image_id"] for t in json.loads(out.read_text(encoding="utf-8"))]
    assert got == list(dict.fromkeys(queue["image_id"].to_pylist()))
