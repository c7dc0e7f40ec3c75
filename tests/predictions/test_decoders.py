"""Each decoder against loops that say what the head means; which one is chosen, and why none."""

from __future__ import annotations

import math

import numpy as np
import pytest

import fastlabel as fl
from fastlabel.predictions.decoders import Output, choose

SIZE = (96, 64)  # width and height: 12 x 8 + 6 x 4 + 3 x 2 cells
CELLS = 126


def outputs_of(*values, names=None):
    return [
        Output(f"out{k}" if names is None else names[k], v.shape, str(v.dtype))
        for k, v in enumerate(values)
    ]


def decoder_of(values, classes, wanted=None, box_format=None, names=None):
    return choose(outputs_of(*values, names=names), SIZE, classes, wanted, box_format, "m.onnx")


def same(found, expected):
    """Boxes, scores and labels, in any order."""
    boxes, scores, labels = found
    rows = sorted(zip(labels.tolist(), scores.tolist(), boxes.tolist(), strict=True))
    assert len(rows) == len(expected)
    for (label, score, box), (label2, score2, box2) in zip(rows, sorted(expected), strict=True):
        assert label == label2
        assert score == pytest.approx(score2, rel=1e-6)
        assert box == pytest.approx(box2, rel=1e-5, abs=1e-5)


def best(scores):
    """The first of the largest."""
    label = 0
    for k, score in enumerate(scores):
        if score > scores[label]:
            label = k
    return label, float(scores[label])


def centred(cx, cy, w, h):
    return [float(cx - w / 2), float(cy - h / 2), float(cx + w / 2), float(cy + h / 2)]


@pytest.fixture
def rng():
    return np.random.default_rng(5)


@pytest.mark.parametrize("classes", [1, 3, 80])
def test_yolov5(rng, classes):
    values = rng.random((2, 3 * CELLS, 5 + classes), np.float32) * 60
    values[..., 4:] /= 60
    head = decoder_of([values], classes)
    assert (head.name, head.suppress, head.classes) == ("yolov5", True, classes)
    for image in range(2):
        expected = []
        for row in values[image].tolist():
            label, score = best(row[5:])
            score *= row[4]
            if score >= 0.4:
                expected.append((label, score, centred(*row[:4])))
        assert expected
        same(head.read([values], image, 0.4), expected)


@pytest.mark.parametrize("classes", [1, 3, 80])
@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("masks", [False, True])
def test_yolov8(rng, classes, turned, masks):
    values = rng.random((2, 4 + classes + 32 * masks, CELLS), np.float32)
    values[:, :4] *= 60
    values[:, 4 + classes :] += 5  # coefficients of masks are no scores
    given = np.ascontiguousarray(values.transpose(0, 2, 1)) if turned else values
    every = [given, np.zeros((1, 32, 16, 24), np.float32)] if masks else [given]
    head = decoder_of(every, classes)
    assert (head.name, head.suppress, head.classes) == ("yolov8", True, classes)
    for image in range(2):
        expected = []
        for cell in range(CELLS):
            column = values[image, :, cell].tolist()
            label, score = best(column[4 : 4 + classes])
            if score >= 0.9:
                expected.append((label, score, centred(*column[:4])))
        assert expected
        same(head.read(every, image, 0.9), expected)


def test_yolov8_without_names_counts_its_classes(rng):
    assert decoder_of([rng.random((1, 9, CELLS), np.float32)], None).classes == 5


def test_fastestdet(rng):
    values = rng.random((2, 5 + 4, 4, 6), np.float32)
    values[:, 1:5] = rng.normal(0, 2, (2, 4, 4, 6))
    head = decoder_of([values], 4)
    assert (head.name, head.suppress, head.bgr, head.stretch) == ("fastestdet", True, True, True)
    for image in range(2):
        expected = []
        for y in range(4):
            for x in range(6):
                cell = values[image, :, y, x].tolist()
                label, score = best(cell[5:])
                score = cell[0] ** 0.6 * score**0.4
                if score < 0.5:
                    continue
                cx, cy = (x + math.tanh(cell[1])) / 6 * 96, (y + math.tanh(cell[2])) / 4 * 64
                w, h = 96 / (1 + math.exp(-cell[3])), 64 / (1 + math.exp(-cell[4]))
                expected.append((label, score, centred(cx, cy, w, h)))
        assert expected
        same(head.read([values], image, 0.5), expected)


@pytest.mark.parametrize("numbered", [False, True])
def test_end2end(rng, numbered):
    rows = rng.random((2, 30, 6), np.float32) * 60
    rows[..., 4] /= 60
    rows[..., 5] = rng.integers(0, 9, (2, 30))
    values = rows
    if numbered:
        owner = np.repeat(np.arange(2, dtype=np.float32), 30)[:, None]
        flat = rows.reshape(60, 6)
        values = np.concatenate([owner, flat[:, :4], flat[:, 5:], flat[:, 4:5]], axis=1)
        values = values[rng.permutation(60)]
    head = decoder_of([values], 9)
    assert (head.name, head.suppress) == ("end2end", False)
    for image in range(2):
        expected = [(int(r[5]), r[4], r[:4]) for r in rows[image].tolist() if r[4] >= 0.3]
        same(head.read([values], image, 0.3), expected)


FORMATS = {
    "xyxy": lambda b: b,
    "xyxyn": lambda b: [b[0] / 96, b[1] / 64, b[2] / 96, b[3] / 64],
    "yxyxn": lambda b: [b[1] / 64, b[0] / 96, b[3] / 64, b[2] / 96],
    "cxcywh": lambda b: [(b[0] + b[2]) / 2, (b[1] + b[3]) / 2, b[2] - b[0], b[3] - b[1]],
    "cxcywhn": lambda b: [
        (b[0] + b[2]) / 192,
        (b[1] + b[3]) / 128,
        (b[2] - b[0]) / 96,
        (b[3] - b[1]) / 64,
    ],
}


class TestNms:
    def values(self, rng, n=20, pictures=2):
        boxes = rng.random((pictures, n, 4)) * 30
        boxes[..., 2:] += boxes[..., :2] + 1
        scores = rng.random((pictures, n)).astype(np.float32)
        return boxes.astype(np.float32), scores, rng.integers(0, 9, (pictures, n))

    def expected(self, boxes, scores, labels, image):
        every = zip(labels[image].tolist(), scores[image].tolist(), boxes[image], strict=True)
        return [(k, s, b.tolist()) for k, s, b in every if s >= 0.3]

    @pytest.mark.parametrize("fmt", list(FORMATS))
    def test_box_formats(self, rng, fmt):
        boxes, scores, labels = self.values(rng)
        told = np.array([[FORMATS[fmt](b) for b in of.tolist()] for of in boxes], np.float32)
        head = decoder_of([told, scores, labels], 9, box_format=fmt)
        assert (head.name, head.suppress) == ("nms", False)
        same(head.read([told, scores, labels], 1, 0.3), self.expected(boxes, scores, labels, 1))

    def test_tensorflow_says_it_with_its_names(self, rng):
        boxes, scores, labels = self.values(rng)
        told = np.array([[FORMATS["yxyxn"](b) for b in of.tolist()] for of in boxes], np.float32)
        names = ["detection_boxes", "detection_classes", "detection_scores", "num_detections"]
        count = np.array([20, 7], np.float32)
        values = [told, labels.astype(np.float32), scores, count]
        head = decoder_of(values, 9, names=names)
        mine = [part[:, :7] for part in (boxes, scores, labels)]
        same(head.read(values, 1, 0.3), self.expected(*mine, 1))

    def test_roles_by_type_and_shape_where_names_say_nothing(self, rng):
        boxes, scores, labels = self.values(rng)
        values = [labels, scores, boxes]
        head = decoder_of(values, 9, names=["842", "844", "851"])
        same(head.read(values, 0, 0.3), self.expected(boxes, scores, labels, 0))

    def test_scores_in_the_fifth_column(self, rng):
        boxes, scores, labels = self.values(rng)
        values = [np.concatenate([boxes, scores[..., None]], axis=2), labels]
        head = decoder_of(values, 9, names=["dets", "labels"])
        same(head.read(values, 0, 0.3), self.expected(boxes, scores, labels, 0))

    def test_without_a_batch_and_without_a_box(self, rng):
        boxes, scores, labels = (part[0] for part in self.values(rng))
        values = [boxes, labels, scores]
        head = decoder_of(values, 9, names=["boxes", "labels", "scores"])
        same(head.read(values, 0, 0.3), self.expected(boxes[None], scores[None], labels[None], 0))
        none = [boxes[:0], labels[:0], scores[:0]]
        assert head.read(none, 0, 0.3)[0].shape == (0, 4)


@pytest.mark.parametrize(
    ("shapes", "classes"),
    [
        ([(1, 17)], 12),
        ([(1, 100, 4)], 1),
        ([(1, 126, 85)], None),  # cells of what? YOLOX has objectness, YOLOv8 turned has none
        ([(1, 378, 85)], 20),
        ([(1, 27, 8, 12), (1, 27, 4, 6), (1, 27, 2, 3)], 4),  # raw heads
        ([(1, 300, 91), (1, 300, 4)], 91),  # DETR's logits
        ([(1, 4, 64, 96)], None),
        ([()], 3),
    ],
)
def test_unknown_outputs_say_what_was_found_and_what_is_supported(shapes, classes):
    values = [np.zeros(shape, np.float32) for shape in shapes]
    with pytest.raises(fl.DatasetError) as error:
        decoder_of(values, classes)
    text = str(error.value)
    for word in ("m.onnx", "96 x 64", "out0 float32", "yolov5", "fastestdet", "decoded outputs"):
        assert word in text
    if shapes[0]:
        assert " x ".join(map(str, shapes[0])) in text


def test_a_decoder_that_is_asked_for_must_fit(rng):
    values = [rng.random((1, 9, CELLS), np.float32)]
    assert decoder_of(values, 5, wanted="yolov8").name == "yolov8"
    with pytest.raises(fl.DatasetError, match="cannot be read as yolov5"):
        decoder_of(values, 5, wanted="yolov5")
    odd = [rng.random((1, 9, 50), np.float32)]  # strides that are not the usual ones
    assert decoder_of(odd, 5, wanted="yolov8").classes == 5
