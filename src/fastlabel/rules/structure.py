"""FL1, structure: what the labels say about themselves before any box is looked at."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .context import Bools, Context, Ints, bools, ints, whole
from .phrases import choice, cleaned, counts, join, json_texts, members, quoted, whole_numbers
from .registry import Hits, Params, rule
from .wording import clean, quote


def _from_problems(ctx: Context, rows: Ints, otherwise: str, remedy: str, suggestion: str) -> Hits:
    """Make findings of what the reader already put into words; ours are the remedy and the rank."""
    messages, extra = [], []
    values = ctx.texts("problems", "value", rows)
    kinds = ctx.texts("problems", "kind", rows)
    for text, value, kind in zip(
        ctx.texts("problems", "message", rows), values, kinds, strict=True
    ):
        said = clean(text).rstrip(".;: ")
        if not said:  # the reader's own words already end with what to do
            said = f"{otherwise}{f' ({quote(value)})' if value else ''}: {remedy}"
        messages.append(f"{said}.")
        extra.append({"problem": kind, **({"value": clean(value)} if value else {})})
    return Hits(messages, problem=rows, suggestion=suggestion, extra=extra)


@rule(
    "FL101",
    "missing-label",
    "warning",
    "image",
    what="""An image in a labelled set that has no label record of its own: no txt or xml file,
    or not in the list of images. An empty record is another thing: it says that somebody
    looked and found nothing.""",
    why="""Trainers take an image without a record for an empty scene. If there are targets in
    it, the model is punished for finding them, and a small model, which has just learnt a
    weak response to a rare class, unlearns it first.""",
    formula="""`label_state` is `missing`: the set has labels, the image file lies in its
    folders, and no label file or record belongs to it.""",
    threshold="None: there is a record or there is none.",
    false_alarms="""Sets whose empty scenes were exported without files (the default of some
    tools), and pictures in the image folder that are no part of the set.""",
    fix="""Label the image; or, if it is truly empty, write an empty record (an empty txt, an
    xml without objects, an entry in `images`), so that it counts as a checked negative.
    Take stray pictures out of the folder.""",
)
def missing_label(ctx: Context, p: Params) -> Iterator[Hits]:
    """Yield images without any label record."""
    rows = np.flatnonzero(ctx.has_label_state("missing"))
    messages = join(
        ctx.quoted_paths(rows),
        " has no label record: label it, or give it an empty one if nothing is in it.",
    )
    yield Hits(messages, image=rows, suggestion="relabel")


@rule(
    "FL102",
    "unknown-category",
    "error",
    "annotation",
    what="A box whose class id or name is not among the classes that the set declares.",
    why="""Some trainers drop the whole image for one such box, others shift every later class
    by one, or crash after the first epoch. Any of the three costs a small model more good
    boxes than the one that was wrong.""",
    formula="""The class id is not in `categories` (COCO), is not a whole number from 0 to
    `nc - 1` (YOLO), or the class name is not declared.""",
    threshold="None: the class is declared or it is not.",
    false_alarms="""A set with a list of classes of a newer or older version: then the list is
    wrong and not the boxes.""",
    fix="""Correct the class of the box, or add the class to the list. Many such boxes of one
    id mean a shifted or outdated list: look at that first.""",
)
def unknown_category(ctx: Context, p: Params) -> Iterator[Hits]:
    """Yield boxes of no declared class, once each."""
    told = ctx.problems("unknown-category")
    yield _from_problems(
        ctx,
        told,
        "This box has an undeclared class",
        "correct the class, or declare it",
        "relabel",
    )
    column = ctx.ds.annotations["category_id"]
    untold = np.asarray(column.is_null().to_numpy()).copy() if column.null_count else None
    if untold is None:
        return
    at = ints(ctx.ds.problems["annotation_id"].take(pa.array(told)))
    untold[at[at >= 0]] = False
    rows = np.flatnonzero(untold)
    names = whole(ctx.ds.annotations["source_category"].take(pa.array(rows)))
    messages = join(
        "This box has class ",
        quoted(names),
        ", which is not declared: correct it, or declare it.",
    )
    extra = members(value=json_texts(cleaned(names)))
    yield Hits(messages, annotation=rows, suggestion="relabel", extra=extra)


@rule(
    "FL103",
    "duplicate-id",
    "error",
    "image",
    what="""An id that stands for two things: two images, annotations or categories with one
    id, or two images (`1.jpg`, `1.png`) that read the same label file.""",
    why="""Which of the two wins depends on the program. Boxes land on the wrong picture, and
    evaluation counts hits for objects of another image: a small model's few points of
    accuracy drown in that.""",
    formula="An id occurs more than once in its list; two images lead to one label file.",
    threshold="None: ids are unique or they are not.",
    false_alarms="""The same record written twice, word for word. Nothing is ambiguous then,
    but tools that count records still count it twice.""",
    fix="""Give each record an id of its own and check which boxes belong to which. For a
    shared label file: rename one of the images and give it its own labels.""",
)
def duplicate_id(ctx: Context, p: Params) -> Iterator[Hits]:
    """Yield ids that were given twice, and label files that two images share."""
    yield _from_problems(
        ctx,
        ctx.problems("duplicate-id"),
        "This id is given twice",
        "give each record its own id",
        "fix-file",
    )
    yield _from_problems(
        ctx,
        ctx.problems("shared-label"),
        "Two images read the same label file",
        "rename one of them and give it its own labels",
        "fix-file",
    )


@rule(
    "FL104",
    "size-mismatch",
    "error",
    "image",
    what="""The width and height in the labels are not those of the picture. A size that fits
    once EXIF is applied is not meant: that is FL007.""",
    why="""Trainers divide box coordinates by the declared size, so every box of the image is
    scaled or moved. Targets of a few pixels, all that a small model at a small input ever
    sees, then miss their object entirely.""",
    formula="""`(width, height)` of the labels differs from that of the decoded picture, stored
    and turned by EXIF.""",
    threshold="None: the sizes are equal or they are not.",
    false_alarms="""A label tool that shows thumbnails may keep the thumbnail's size beside boxes
    of the full picture; then the boxes are right and only the record is wrong.""",
    fix="""Find out which size the boxes were drawn on. If the picture was resized after it was
    labelled, scale the boxes by the same factors; otherwise correct the record.""",
)
def size_mismatch(ctx: Context, p: Params) -> Iterator[Hits]:
    """Yield images whose declared size is neither the stored nor the turned one."""
    w, h = ctx.declared_size
    sw, sh = ctx.stat("width"), ctx.stat("height")
    stored = (w == sw) & (h == sh)
    shown = ctx.turned & (w == sh) & (h == sw)
    # A header that was refused (FL006) is no better a witness than the label.
    asked = np.isfinite(w) & (sw > 0) & (sh > 0) & ~ctx.has_status("over_limit")
    rows = np.flatnonzero(asked & ~stored & ~shown)
    swapped = ((w == sh) & (h == sw))[rows]
    dw, dh, rw, rh = (whole_numbers(side[rows]) for side in (w, h, sw, sh))
    messages = join(
        ctx.quoted_paths(rows),
        " is declared ",
        *(dw, " x ", dh, " and is ", rw, " x ", rh),
        choice(["", ", width and height swapped"], swapped),
        ": find out which size its boxes were drawn on, and correct the other.",
    )
    extra = members(declared=join("[", dw, ", ", dh, "]"), decoded=join("[", rw, ", ", rh, "]"))
    ratio = np.maximum(w / sw, h / sh)[rows]
    yield Hits(messages, image=rows, value=ratio, threshold=1.0, suggestion="fix-file", extra=extra)


@rule(
    "FL105",
    "malformed-row",
    "error",
    "image",
    what="""A label row, record or file that cannot be read as what its format says: a row with
    too few numbers or with words in it, a file that breaks off or is not text, a declared
    class count that is not the number of names, or content that is refused because it
    could run or load something (a DOCTYPE, an entity, a `download:` hook).""",
    why="""One bad row makes common trainers drop the whole image, with all its good boxes, and
    the rest of a cut file is gone without a word. A small set for a small model shrinks
    where nobody looks.""",
    formula="The reader could not turn the row, record or file into annotations, and says why.",
    threshold="None: it can be read or it cannot.",
    false_alarms="""Rows of a neighbouring format (predictions with scores, key points) in a
    folder that is read as another one: name the right format.""",
    fix="""Correct the row at the place that is named, or export the labels anew. Remove
    DOCTYPE, entities and `download:` from labels: none of them belongs there.""",
)
def malformed_row(ctx: Context, p: Params) -> Iterator[Hits]:
    """Yield rows and files that the reader could not use."""
    for kind, otherwise, remedy in (
        ("malformed-row", "This row cannot be read", "correct it, or export the labels anew"),
        ("malformed-file", "This label file cannot be read", "repair it, or export it anew"),
        ("refused", "This content is refused", "remove it: it does not belong in labels"),
        ("class-count", "The number of classes and their names disagree", "make them agree"),
    ):
        yield _from_problems(ctx, ctx.problems(kind), otherwise, remedy, "fix-file")


@rule(
    "FL106",
    "boxes-and-polygons-mixed",
    "error",
    "image",
    what="""One label file that holds box rows and polygon rows (an error, YOLO), or an image of
    which some objects have a polygon and some have none (a warning, COCO).""",
    why="""Common YOLO trainers read all rows of such a file as polygons: the box row
    `0.5 0.5 0.1 0.2` turns into two corner points and so into another, larger box, without
    a warning. Small models are hurt most, because the new box can be several times the
    target. In COCO the objects without polygon simply vanish from segmentation training.""",
    formula="""YOLO: rows of 5 numbers beside rows of 7 or more in one file. COCO: among the
    non-crowd annotations of an image at least one has a `segmentation` and at least one
    has none.""",
    threshold="None: one kind of row or two.",
    false_alarms="COCO sets that are used for boxes alone: ignore the warning there.",
    fix="""Draw the missing polygons, or reduce all objects of the set to boxes. A box can be
    written as a polygon of its four corners when nothing better is known.""",
)
def boxes_and_polygons_mixed(ctx: Context, p: Params) -> Iterator[Hits]:
    """Yield label files and images that mix boxes with polygons."""
    yield _from_problems(
        ctx,
        ctx.problems("boxes-and-polygons"),
        "This file mixes box rows with polygon rows",
        "use one kind for the whole set",
        "fix-file",
    )
    if ctx.ds.format != "coco" or not ctx.ds.annotations.num_rows:
        return
    single = ~bools(ctx.ds.annotations["crowd"])
    drawn = _has_segmentation(ctx)
    n = len(ctx.ds)
    with_mask = np.bincount(ctx.image_of[single & drawn], minlength=n)
    without = np.bincount(ctx.image_of[single & ~drawn], minlength=n)
    rows = np.flatnonzero((with_mask > 0) & (without > 0))
    share = without[rows] / (with_mask[rows] + without[rows])
    messages = join(
        ctx.quoted_paths(rows),
        " has ",
        counts(without[rows]),
        " objects without and ",
        counts(with_mask[rows]),
        " with a polygon: draw the missing ones, or use boxes alone.",
    )
    yield Hits(messages, image=rows, value=share, severity="warning", suggestion="relabel")


def _has_segmentation(ctx: Context) -> Bools:
    """Tell which annotations have a segmentation that is not an empty shell."""
    text = ctx.ds.annotations["segmentation"]
    if text.null_count == len(text):
        return np.zeros(len(text), np.bool_)
    # Of a long text nothing is an empty shell: only short ones are looked at, and copied.
    short = np.flatnonzero(pc.less(pc.binary_length(text).fill_null(0), 64).to_numpy())
    few = pc.utf8_trim_whitespace(text.take(pa.array(short)))
    empty = pa.array(["", "[]", "[[]]", "{}", "null", None], pa.string())
    shell = np.asarray(pc.is_in(few, empty).to_numpy(zero_copy_only=False), np.bool_)
    drawn = np.ones(len(text), np.bool_)
    drawn[short[shell]] = False
    return drawn


@rule(
    "FL107",
    "orphan-annotation",
    "error",
    "set",
    what="Labels of an image that the set does not have: their image id or file is not listed.",
    why="""The boxes are lost to training, and some evaluation tools refuse the whole file for
    one of them. It mostly means that images were removed, or ids renumbered, after
    labelling, so that other boxes may be on the wrong image too. A small model has no spare
    weights to average that out.""",
    formula="""`image_id` of an annotation is not among the ids of `images`; or a label file has
    no image of its stem.""",
    threshold="None: the image is listed or it is not.",
    false_alarms="Labels kept for images that live elsewhere.",
    fix="""Put the image back, or remove the labels. If there are many, look for the step that
    renumbered the ids before trusting the rest.""",
)
def orphan_annotation(ctx: Context, p: Params) -> Iterator[Hits]:
    """Yield labels without an image."""
    yield _from_problems(
        ctx,
        ctx.problems("orphan-annotation"),
        "These labels belong to no image of the set",
        "put the image back, or remove the labels",
        "fix-file",
    )


@rule(
    "FL108",
    "unused-category",
    "info",
    "set",
    what="A class that is declared and has no box at all.",
    why="""Every class is an output of the model: weights, memory and time on the device spent
    on something it can never learn. In a head for 80 classes of which 3 are used most of
    the last layer is dead weight.""",
    formula="The number of boxes whose class it is, crowd and ignore regions too, is 0.",
    threshold="None: 0 boxes.",
    false_alarms="""Classes to come, lists of classes shared between sets, and a single split of
    a larger set.""",
    fix="""Take the class out of the list before training (ids change: export the labels with
    it), or collect examples.""",
)
def unused_category(ctx: Context, p: Params) -> Iterator[Hits]:
    """Yield declared classes without a box."""
    unused = np.flatnonzero(ctx.ds.category_counts() == 0).tolist()
    messages = [
        f"Class {ctx.quoted_classes[i]} is declared and has no box: "
        "drop it before training, or collect examples."
        for i in unused
    ]
    extra = [{"category": ctx.class_names[i]} for i in unused]
    yield Hits(messages, value=0.0, suggestion="collect", extra=extra)
