"""FL0, files: what became of each image file before anything in it could be judged."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import PurePosixPath

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .context import Bools, Context, Floats, Ints, is_in, whole
from .phrases import cleaned, counts, join, quoted
from .registry import Hits, Params, rule
from .wording import clean, quote


def _reasons(ctx: Context, rows: Ints) -> pa.Array:
    """Why the scan gave an image its status, in its own words."""
    details = cleaned(whole(ctx.image_stats["status_detail"].take(pa.array(rows))))
    return pc.if_else(pc.equal(details, ""), "", join(" (", details, ")"))


@rule(
    "FL001",
    "unreadable",
    "error",
    "image",
    what="""A file that should be a picture and cannot be decoded (an error), or that decodes
    to the end but with damaged data on the way (a warning).""",
    why="""Trainers skip such a file in silence or train on grey blocks with real boxes over
    them. A small model has few images of each rare case, so one that silently vanishes
    can be the only one of its kind; and damaged blocks look like texture, which a model
    of a few hundred thousand weights happily learns.""",
    formula="""The status that the decoder gave: `unreadable` (no picture came out),
    `unsupported` (a valid picture of a kind that no codec here decodes, such as lossless or
    12-bit JPEG) or `corrupt` (decoded with errors).""",
    threshold="""None: a file decodes or it does not. `corrupt` is only a warning because some
    cameras write harmless extra bytes that decoders complain about.""",
    false_alarms="""Valid pictures of rare kinds that other software opens (the message says
    `unsupported`); a warning from the decoder about bytes that change no pixel.""",
    fix="""Copy the file again from where it came from. If it is broken there too, take the
    image and its labels out of the set. An unsupported one: export it anew as
    baseline JPEG or PNG.""",
)
def unreadable(ctx: Context, p: Params) -> Iterator[Hits]:
    """Yield files whose status says that decoding failed."""
    for status, severity, suggestion, said in (
        ("unreadable", "error", "exclude", "cannot be decoded{}: copy it again, or exclude it"),
        (
            "unsupported",
            "error",
            "fix-file",
            "is a picture of a kind that cannot be decoded here{}: export it as JPEG or PNG",
        ),
        (
            "corrupt",
            "warning",
            "review",
            "decodes with damaged data{}: look at it, and copy it again if it shows",
        ),
    ):
        rows = np.flatnonzero(ctx.has_status(status))
        before, after = said.split("{}")
        messages = join(ctx.quoted_paths(rows), f" {before}", _reasons(ctx, rows), f"{after}.")
        yield Hits(messages, image=rows, severity=severity, suggestion=suggestion)


@rule(
    "FL002",
    "truncated",
    "error",
    "image",
    what="A file that ends inside the picture: a copy or download that was cut off.",
    why="""The missing part decodes as one flat colour, and the boxes that lie there teach the
    model that its classes can look like nothing at all. Some trainers also rewrite
    such a file in place, after which the damage can no longer be seen.""",
    formula="The decoder reached the end of the file before the last row of the picture.",
    threshold="None: the end of the picture is there or it is not.",
    false_alarms="""A file that lacks only its two end bytes and is otherwise whole. It is
    reported too, because trainers treat it as damaged and re-encode it.""",
    fix="""Copy the file again from its source. If it is cut there too, take the image out, or
    crop it to the whole part together with its boxes.""",
)
def truncated(ctx: Context, p: Params) -> Iterator[Hits]:
    """Yield files that end inside the picture."""
    rows = np.flatnonzero(ctx.has_status("truncated"))
    messages = join(
        ctx.quoted_paths(rows),
        " is cut off inside the picture",
        _reasons(ctx, rows),
        ": copy it again, or exclude it.",
    )
    yield Hits(messages, image=rows, suggestion="fix-file")


#: Extensions and the format that their name promises. Others promise nothing.
EXTENSIONS = {
    "jpg": "jpeg",
    "jpeg": "jpeg",
    "jpe": "jpeg",
    "jfif": "jpeg",
    "mpo": "jpeg",
    "png": "png",
    "webp": "webp",
    "bmp": "bmp",
    "dib": "bmp",
    "tif": "tiff",
    "tiff": "tiff",
    "gif": "gif",
}


@rule(
    "FL003",
    "extension-lies",
    "warning",
    "image",
    what="A file whose extension names another picture format than its content has.",
    why="""Python loaders look at the content and never notice. The converters and firmware
    tools of edge devices often choose the decoder by the extension, so the same set trains
    on the desktop and fails, or loses images, on the way to the device.""",
    formula="""The format found in the first bytes against the format that the extension
    promises. `jpg`, `jpeg`, `jpe` and `jfif` are one; an MPO (a JPEG with further pictures
    behind the first) counts as a JPEG; extensions that promise no known format are passed.""",
    threshold="None: the two agree or they do not.",
    false_alarms="None known.",
    fix="""Rename the file to its true extension, and change the name in the labels with it.
    Do not re-encode it: that would cost quality and repair nothing.""",
)
def extension_lies(ctx: Context, p: Params) -> Iterator[Hits]:
    """Yield files whose extension and content disagree."""
    known = _maybe_lying(ctx)
    paths = ctx.image_paths(known)
    formats = ctx.texts("image_stats", "format", known)
    rows, messages, extra = [], [], []
    for row, path, found in zip(known.tolist(), paths, formats, strict=True):
        extension = PurePosixPath(path or "").suffix[1:].lower()
        promised = EXTENSIONS.get(extension)
        if promised is None or promised == ("jpeg" if found == "mpo" else found):
            continue
        rows.append(row)
        extra.append({"format": found, "extension": extension})
        messages.append(
            f"{quote(path)} is named .{extension} and its content is {found.upper()}: "
            "rename it, here and in the labels."
        )
    yield Hits(messages, image=np.array(rows, np.int64), suggestion="fix-file", extra=extra)


def _maybe_lying(ctx: Context) -> Ints:
    """Images of a known format, without those whose name plainly ends as it should."""
    formats = ctx.image_stats["format"]
    out = is_in(formats, *_CONTENT_FORMATS)
    for name in _CONTENT_FORMATS:
        rows = np.flatnonzero(is_in(formats, name))
        if not len(rows):
            continue
        promise = "jpeg" if name == "mpo" else name
        endings = [f".{end}" for end, kind in EXTENSIONS.items() if kind == promise]
        ends = pc.utf8_lower(pc.utf8_slice_codeunits(ctx.paths(rows), -6))
        right = pc.match_substring_regex(ends, f"[^./](?:{'|'.join(map(re.escape, endings))})$")
        out[rows] = ~np.asarray(pc.fill_null(right, False).to_numpy(zero_copy_only=False))
    return np.flatnonzero(out)


_CONTENT_FORMATS = ("jpeg", "mpo", "png", "webp", "bmp", "tiff", "gif")


@rule(
    "FL004",
    "missing-image",
    "error",
    "image",
    what="""The labels name an image file that is not there (an error), or the set declares a
    whole split that is not there (a warning, about the set).""",
    why="""Most trainers drop such images with one line in a long log. The set is then smaller
    than its papers say, and often it is one folder, that is one camera or one night,
    that is gone: exactly the rare case that a small model cannot do without.""",
    formula="""The file name in the labels, looked up beside the labels and in the usual image
    folders, leads to no file; or a split that the set's own description declares leads to
    no folder or list.""",
    threshold="None: the file is there or it is not.",
    false_alarms="""Sets that are kept without their images on purpose, and descriptions copied
    from a larger set. Names that differ only by upper and lower case are missing on Linux,
    and so on the device, though a Mac or Windows finds them.""",
    fix="""Put the file back, or correct the name or the path in the labels. If the image is
    gone for good, remove its record.""",
)
def missing_image(ctx: Context, p: Params) -> Iterator[Hits]:
    """Yield images and splits that are declared and absent."""
    rows = np.flatnonzero(ctx.has_status("missing"))
    messages = join(
        quoted(whole(ctx.ds.images["file_name"].take(pa.array(rows)))),
        " is named in the labels (",
        counts(ctx.box_counts[rows], "box", "boxes"),
        ") and there is no such file: put it back, or remove its record.",
    )
    yield Hits(messages, image=rows, suggestion="fix-file")
    at = ctx.problems("missing-split")
    names = ctx.texts("problems", "value", at)
    messages = [
        _sentence(text)
        or f"Split {quote(name)} is declared and is not there: put it back, or correct its path."
        for name, text in zip(names, ctx.texts("problems", "message", at), strict=True)
    ]
    # One split of several may be left out on purpose; without any there is nothing to train on.
    declared = len(ctx.ds.meta.get("declared_splits") or ())
    yield Hits(
        messages,
        problem=at,
        severity="error" if 0 < declared <= len(at) else "warning",
        suggestion="fix-file",
        extra=[{"split": name} for name in names],
    )


def _sentence(text: str | None) -> str:
    """End what the reader said with one full stop; nothing stays nothing."""
    said = clean(text).rstrip(".:; ")
    return f"{said}." if said else ""


@rule(
    "FL005",
    "path-escape",
    "error",
    "image",
    what="""A name in the labels leads outside the data set's folder: an absolute path, one
    that climbs out with `..`, or a symbolic link that points elsewhere.""",
    why="""Such a set works on its author's machine alone: on the training server the images
    are silently absent, and the small model is trained on what is left. It is also how a
    downloaded set reads files that are none of its business, so fastlabel never opens them.""",
    formula="""The path, resolved with all links, does not lie under the folder that was given
    as the data set.""",
    threshold="""None: the path lies inside or it does not. For the `path:` of a data.yaml it is a
    warning, since the folder that was given is read instead.""",
    false_alarms="""Sets that share one image folder next to them on purpose: give the folder
    above both as the data set. Sets made of links to a store elsewhere.""",
    fix="Copy the file into the set and write its path relative to the set's folder.",
)
def path_escape(ctx: Context, p: Params) -> Iterator[Hits]:
    """Yield names that lead outside the root, once each."""
    at = ctx.problems("path-escape")
    images = np.array(
        [-1 if i is None else i for i in ctx.texts("problems", "image_id", at)], np.int64
    )
    _, first = np.unique(images, return_index=True)
    once = np.zeros(len(at), np.bool_)
    once[first] = True
    at, images = at[once | (images < 0)], images[once | (images < 0)]
    tail = "leads outside the data set and is not opened: copy the file into the set."
    values = ctx.texts("problems", "value", at)
    said = ctx.texts("problems", "message", at)
    messages = [
        _sentence(text) or f"{quote(value)} {tail}"
        for text, value in zip(said, values, strict=True)
    ]
    extra = [{"value": clean(value)} if value else {} for value in values]
    # A foreign path of the whole set (data.yaml) loses nothing here, where the folder itself
    # is read; an image that is not there does.
    severity = ["warning" if image < 0 else "error" for image in images.tolist()]
    yield Hits(messages, problem=at, suggestion="fix-file", extra=extra, severity=severity)
    escaped = ctx.has_status("escaped").copy()
    escaped[images[images >= 0]] = False
    rows = np.flatnonzero(escaped)
    named = [quote(name) for name in ctx.texts("images", "file_name", rows)]
    yield Hits([f"{name} {tail}" for name in named], image=rows, suggestion="fix-file")


@rule(
    "FL006",
    "over-limit",
    "error",
    "image",
    what="""A file that was refused before decoding because its header declares more pixels, or
    it has more bytes or more progressive scans, than the limits allow.""",
    why="""A header of a few hundred bytes can ask for gigabytes of memory and take a training
    job down hours later. And no small model is trained from one frame of hundreds of
    megapixels: it has to be tiled first.""",
    formula="""`width * height` from the header, the size of the file, and the number of scans
    of a progressive JPEG, each against its limit.""",
    threshold="""`limits.max_pixels`, `limits.max_bytes` and `limits.max_scans` of the
    configuration. The defaults let every camera's frames through and are there to bound
    memory and time, not to judge pictures.""",
    false_alarms="Real satellite, microscope or panorama pictures.",
    fix="""Raise the limit if the picture is meant to be that large, or cut it into tiles.
    Otherwise exclude the file: it is damaged or hostile.""",
)
def over_limit(ctx: Context, p: Params) -> Iterator[Hits]:
    """Yield files that the scan refused to decode."""
    rows = np.flatnonzero(ctx.has_status("over_limit"))
    messages = join(
        ctx.quoted_paths(rows),
        " is over a limit and was not decoded",
        _reasons(ctx, rows),
        ": raise the limit in the configuration if the picture is real, or exclude it.",
    )
    pixels = ctx.stat("width")[rows] * ctx.stat("height")[rows]
    yield Hits(messages, image=rows, value=pixels, suggestion="exclude")


@rule(
    "FL007",
    "exif-rotated",
    "warning",
    "image",
    what="""A picture with an EXIF orientation other than 1: it is stored lying on its side or
    mirrored, and programs that honour the tag show it turned. The message says which of the
    two readings the declared size and the boxes fit: `stored`, `turned`, `both` or `neither`.""",
    why="""Label tools, trainers and device decoders disagree about the tag: OpenCV turns, many
    JPEG decoders of small devices do not. Where they disagree every box of the image is
    wrong by a quarter turn, which is pure noise to a small model; and the camera of the
    device never writes the tag at all.""",
    formula="""Orientation 5 to 8 swaps width and height. The declared size fits a reading when
    it equals it; the boxes fit when none reaches more than `slack` pixels over its right or
    bottom edge. Boxes in fractions of the image (YOLO) fit both by nature.""",
    threshold="""`slack` = 0.5 px, as for FL201. Error when the boxes fit only one of the two
    readings, warning when the image has boxes or a declared size that could be meant either
    way, info when it has neither.""",
    false_alarms="""A set whose every reader is known to honour the tag. Mirrored pictures
    (orientation 2 to 4) keep their size, so no reading can be told from sizes alone.""",
    fix="""Turn the pixels once, losslessly, and set the tag to 1, then check that the boxes lie
    where they should. If the boxes were drawn on the other reading, turn the boxes too.""",
    params={"slack": 0.5},
)
def exif_rotated(ctx: Context, p: Params) -> Iterator[Hits]:
    """Yield images that EXIF turns, and what their labels were drawn on."""
    orientation = ctx.stat("orientation")
    rows = np.flatnonzero((orientation >= 2) & (orientation <= 8))
    if not rows.size:
        return
    readings = _readings(ctx, rows)
    declared = _declared_fit(ctx, rows, readings)
    drawn = _boxes_fit(ctx, rows, readings, p["slack"])
    messages, severities, extra = [], [], []
    columns = zip(
        ctx.quoted_images(rows),
        orientation[rows].astype(int).tolist(),
        readings.astype(int).tolist(),
        declared,
        drawn,
        strict=True,
    )
    for name, tag, (sw, sh, tw, th), size_fit, box_fit in columns:
        one_only = box_fit in ("stored", "turned")
        severities.append("error" if one_only else "warning" if size_fit or box_fit else "info")
        extra.append({"orientation": tag, "declared_size_fits": size_fit, "boxes_fit": box_fit})
        parts = [f"{name} has EXIF orientation {tag}: stored {sw} x {sh}, turned {tw} x {th}"]
        if size_fit:
            parts.append(f"its declared size fits {_fit_words(size_fit)}")
        if box_fit:
            parts.append(f"its boxes fit {_fit_words(box_fit)}")
        remedy = "turn the pixels once and set the tag to 1, so that every loader agrees."
        messages.append("; ".join([*parts, remedy]))
    yield Hits(
        messages,
        image=rows,
        value=orientation[rows],
        threshold=1.0,
        severity=severities,
        suggestion="fix-file",
        extra=extra,
    )


def _fit_words(fit: str) -> str:
    return {
        "stored": "only the stored reading",
        "turned": "only the turned reading",
        "both": "both readings",
        "neither": "neither reading",
    }[fit]


def _readings(ctx: Context, rows: Ints) -> Floats:
    """(n, 4): stored width and height, turned width and height; 0 where unknown."""
    w = np.nan_to_num(ctx.stat("width")[rows])
    h = np.nan_to_num(ctx.stat("height")[rows])
    swap = ctx.turned[rows]
    return np.stack([w, h, np.where(swap, h, w), np.where(swap, w, h)], axis=1)


def _fits(stored: Bools, turned: Bools, asked: Bools) -> list[str]:
    """Name which readings fit; empty where there was nothing to compare."""
    names = np.where(
        stored,
        np.where(turned, "both", "stored"),
        np.where(turned, "turned", "neither"),
    )
    return list(np.where(asked, names, "").tolist())


def _declared_fit(ctx: Context, rows: Ints, readings: Floats) -> list[str]:
    w, h = (np.asarray(x)[rows] for x in ctx.declared_size)
    asked = np.isfinite(w) & np.isfinite(h)
    stored = (w == readings[:, 0]) & (h == readings[:, 1])
    turned = (w == readings[:, 2]) & (h == readings[:, 3])
    return _fits(stored, turned, asked)


def _boxes_fit(ctx: Context, rows: Ints, readings: Floats, slack: float) -> list[str]:
    reach = np.full((len(ctx.ds), 2), -np.inf)
    wanted = np.zeros(len(ctx.ds), np.bool_)
    wanted[rows] = True
    mine = np.flatnonzero(wanted[ctx.image_of])
    corners = ctx.corners(mine)
    finite = np.isfinite(corners).all(axis=1)
    mine, corners = mine[finite], corners[finite]
    np.maximum.at(reach, ctx.image_of[mine], np.maximum(corners[:, :2], corners[:, 2:]))
    reach = reach[rows]
    asked = np.isfinite(reach).all(axis=1)
    if ctx.ds.format == "yolo":  # fractions fit any reading
        return ["both" if a else "" for a in asked.tolist()]
    stored = np.asarray((reach <= readings[:, :2] + slack).all(axis=1), np.bool_)
    turned = np.asarray((reach <= readings[:, 2:] + slack).all(axis=1), np.bool_)
    return _fits(stored, turned, asked)
