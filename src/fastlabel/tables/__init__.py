"""Statistics of table columns that merge: histograms, moments and quantile sketches.

Columns are NumPy arrays, or Arrow columns of any library, read where they lie. What two parts
of a table give, added, is what the whole table gives, bit for bit, in any order and on any
machine: fill one statistic for each worker, add them up.

Examples
--------
How large and how tall the boxes of each class are, by split, from an Arrow table:

>>> import pyarrow as pa
>>> from fastlabel.tables import Category, Histogram, Log
>>> boxes = pa.table({
...     "split": ["train", "train", "val"], "category_id": [0, 1, 1],
...     "size": [12.0, 80.0, 95.0], "ratio": [0.5, 2.0, 2.1],
... })
>>> h = Histogram(Category(["train", "val"], name="split"), Category(2, name="class"),
...               Log(2, 8, 128, name="size"), Log(2, 0.25, 4, name="ratio"))
>>> h.fill_from(boxes, ["split", "category_id", "size", "ratio"]).counts().sum(axis=(2, 3)).tolist()
[[1, 1], [0, 1]]
>>> import json
>>> Histogram.from_dict(json.loads(json.dumps(h.to_dict()))) == h
True
"""

from .axes import Axis, Category, Log, Regular, Variable, axis_from_dict
from .functions import grouped_histogram, grouped_stats, histogram
from .histograms import Histogram
from .moments import GroupedStats
from .sketch import QuantileSketch

__all__ = [
    "Axis",
    "Category",
    "GroupedStats",
    "Histogram",
    "Log",
    "QuantileSketch",
    "Regular",
    "Variable",
    "axis_from_dict",
    "grouped_histogram",
    "grouped_stats",
    "histogram",
]
