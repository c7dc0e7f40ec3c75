"""Arrow schemas of every table fastlabel reads, makes or writes.

One place says which columns exist, so that readers, the scan, the rules and the
reports cannot disagree. Null means *unknown*, never false.
"""

from __future__ import annotations

import pyarrow as pa

#: Extensions, in lower case, of files taken for images.
IMAGE_EXTENSIONS = frozenset(
    (
        *(".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".png", ".bmp", ".dib", ".webp", ".gif"),
        *(".tif", ".tiff", ".avif", ".heic", ".heif", ".jp2", ".ppm", ".pgm", ".pbm", ".pnm"),
    )
)

#: How an image came by its labels. ``labelled_empty`` is a checked negative;
#: ``missing`` means the set has labels but this image has no record of its own;
#: ``unlabelled`` means the set was never annotated.
LABEL_STATES = ("labelled", "labelled_empty", "missing", "unlabelled")

#: Where ``width`` and ``height`` come from. ``exif`` is the decoded size turned by
#: the EXIF orientation.
SIZE_SOURCES = ("declared", "decoded", "exif")

#: What became of one image file in the scan, best first. Anything but ``ok`` has a
#: ``status_detail`` in words.
STATUSES = (
    "ok",
    "truncated",  # the file ends inside the picture; what was decoded is measured
    "corrupt",  # decoded to the end, but with damaged data on the way
    "unreadable",  # no picture could be decoded
    "unsupported",  # a valid picture of a kind no codec here decodes
    "over_limit",  # refused before decoding: pixels, bytes or scans over the limit
    "missing",  # no such file
    "escaped",  # the name leads outside the data set's root; never opened
)

#: Where an annotation was written: ``line`` for text formats, ``pointer`` (RFC 6901)
#: for JSON, and the coordinate tokens as they stood in the source.
ORIGIN = pa.struct(
    [
        ("file", pa.string()),  # relative to the root, with forward slashes
        ("line", pa.int32()),  # 1-based
        ("pointer", pa.string()),
        ("raw", pa.string()),
    ]
)

IMAGES = pa.schema(
    [
        pa.field("image_id", pa.int64(), nullable=False),  # dense: row number
        ("source_id", pa.string()),  # the source's own id, as text
        ("file_name", pa.string()),  # as written in the source
        ("path", pa.string()),  # relative to the root, "/"-separated; null: outside the root
        ("split", pa.string()),
        ("width", pa.int32()),
        ("height", pa.int32()),
        ("size_source", pa.string()),
        ("label_state", pa.string()),
        ("attributes", pa.string()),  # JSON
    ]
)

ANNOTATIONS = pa.schema(
    [
        pa.field("annotation_id", pa.int64(), nullable=False),  # dense: row number
        pa.field("image_id", pa.int64(), nullable=False),
        ("category_id", pa.int32()),  # dense; null: the source names no known class
        # Continuous pixels, 0-based, half-open. Null: cannot be known (a normalised
        # box whose image size is unknown). NaN or infinity: the source says so.
        ("x1", pa.float64()),
        ("y1", pa.float64()),
        ("x2", pa.float64()),
        ("y2", pa.float64()),
        ("area", pa.float64()),  # the source's own area; null when it gives none
        ("crowd", pa.bool_()),
        ("ignore", pa.bool_()),
        ("difficult", pa.bool_()),
        ("occlusion", pa.int8()),
        ("truncation", pa.float32()),
        ("score", pa.float32()),
        ("weight", pa.float32()),
        ("segmentation", pa.string()),  # as in the source
        ("obb", pa.list_(pa.float64(), 8)),
        ("attributes", pa.string()),  # JSON
        ("source_id", pa.string()),  # the source's own annotation id, as text
        ("source_category", pa.string()),  # the source's class id or name, as text
        ("origin", ORIGIN),
    ]
)

CATEGORIES = pa.schema(
    [
        pa.field("category_id", pa.int32(), nullable=False),  # dense: row number
        ("source_id", pa.string()),
        ("name", pa.string()),
        ("supercategory", pa.string()),
    ]
)

#: What a reader met that no row of the other tables can hold. Formats report, rules judge.
PROBLEMS = pa.schema(
    [
        pa.field("kind", pa.string(), nullable=False),  # one of PROBLEM_KINDS
        ("image_id", pa.int64()),
        ("annotation_id", pa.int64()),
        ("file", pa.string()),
        ("line", pa.int32()),
        ("pointer", pa.string()),
        ("value", pa.string()),
        ("message", pa.string()),
    ]
)

PROBLEM_KINDS = (
    "malformed-row",  # a row or record that cannot become an annotation
    "malformed-file",  # a label file that cannot be parsed (to its end)
    "refused",  # a DOCTYPE, an entity, a pickle, a download: hook; never used
    "duplicate-id",  # an image, annotation or category id given twice
    "unknown-category",  # a class id or name the set does not declare
    "orphan-annotation",  # labels of an image that the set does not have
    "path-escape",  # a name that leads outside the root
    "missing-split",  # a split that is declared and is not there
    "boxes-and-polygons",  # one label file mixes box rows with polygon rows
    "shared-label",  # two images that read the same label file
    "class-count",  # nc and names disagree
)

#: Levels of the sharpness pyramid beyond the full size: 1/2, 1/4, 1/8.
SCALE_LEVELS = 3

IMAGE_STATS = pa.schema(
    [
        pa.field("image_id", pa.int64(), nullable=False),
        ("file_name", pa.string()),
        ("bytes", pa.int64()),
        ("format", pa.string()),  # from the content: jpeg, mpo, png, webp, bmp, tiff, gif
        pa.field("status", pa.string(), nullable=False),
        ("status_detail", pa.string()),
        ("width", pa.int32()),  # of the stored raster, before any EXIF turn
        ("height", pa.int32()),
        ("channels", pa.int8()),  # components in the file: 1 gray, 3 colour, 4 CMYK or alpha
        ("orientation", pa.int8()),  # EXIF 1..8; 1 when the file does not say
        ("content_hash", pa.string()),  # 128 bits of the file's bytes, 32 hex digits
        ("luma_mean", pa.float64()),
        ("luma_std", pa.float64()),
        ("luma_p01", pa.uint8()),
        ("luma_p05", pa.uint8()),
        ("luma_p50", pa.uint8()),
        ("luma_p95", pa.uint8()),
        ("luma_p99", pa.uint8()),
        ("dark_fraction", pa.float64()),  # share of pixels with luma < 32
        ("bright_fraction", pa.float64()),  # share of pixels with luma >= 224
        ("entropy", pa.float64()),  # bits of the 256-bin luma histogram
        ("laplacian_variance", pa.float64()),
        ("noise_sigma", pa.float64()),  # grey levels
        ("sharpness", pa.float64()),  # max(0, laplacian_variance - 20 noise_sigma^2)
        # sharpness over gradient energy, noise taken out of both: how steep the edges
        # are, whatever their number and contrast. Null where there is no edge at all.
        ("acutance", pa.float64()),
        ("scale_sharpness", pa.list_(pa.float64(), SCALE_LEVELS)),  # at 1/2, 1/4, 1/8
        ("scale_acutance", pa.list_(pa.float64(), SCALE_LEVELS)),
        ("phash", pa.uint64()),
    ]
)

#: Strips of a box's profile: four on each side of it and sixteen in it.
PROFILE_BINS = 24
PROFILE_BYTES = 2 * PROFILE_BINS

BOX_STATS = pa.schema(
    [
        pa.field("annotation_id", pa.int64(), nullable=False),
        pa.field("image_id", pa.int64(), nullable=False),
        ("pixels", pa.int64()),  # whole pixels measured; null: not measured
        ("luma_mean", pa.float64()),
        ("contrast", pa.float64()),  # standard deviation of the luma
        ("laplacian_variance", pa.float64()),
        ("sharpness", pa.float64()),
        ("acutance", pa.float64()),
        # Of PROFILE_BINS strips across: mean luma, mean |gradient|; of as many down: the same.
        # Four bits each, the first in the low ones: 0..14 from the least to the greatest of its
        # row; 15: the strip leaves the picture. In the stored raster. Null: not measured, or a
        # side under 8 pixels.
        ("profile", pa.binary(PROFILE_BYTES)),
    ]
)

#: Columns of a scan with rings behind those of BOX_STATS: what surrounds a box, from the pixels of
#: the box grown on each side by a quarter of its shorter side (4 to 64), less the box.
RING_STATS = (
    pa.field("ring_luma_mean", pa.float64()),
    pa.field("ring_contrast", pa.float64()),  # standard deviation of the luma
    pa.field("ring_gradient", pa.float64()),  # mean squared gradient, noise taken out
    pa.field("ring_entropy", pa.float64()),  # bits of the 64-bin luma histogram
)


def box_stats(rings: bool) -> pa.Schema:
    """BOX_STATS, with the columns of RING_STATS where rings were measured."""
    return pa.schema([*BOX_STATS, *RING_STATS]) if rings else BOX_STATS


#: What a model says is in the pictures of a data set.
PREDICTIONS = pa.schema(
    [
        pa.field("image_id", pa.int64(), nullable=False),
        ("category_id", pa.int32()),  # dense, of the label set; null: a class it does not have
        ("name", pa.dictionary(pa.int32(), pa.string())),  # the class, as the model says it
        # continuous pixels of the image, 0-based, half-open, as in annotations
        pa.field("x1", pa.float64(), nullable=False),
        pa.field("y1", pa.float64(), nullable=False),
        pa.field("x2", pa.float64(), nullable=False),
        pa.field("y2", pa.float64(), nullable=False),
        pa.field("score", pa.float64(), nullable=False),  # 0..1
        pa.field("model", pa.int32(), nullable=False),  # which of the models
        ("origin", pa.string()),  # file#pointer, or file:line
    ]
)

#: What a reader of predictions met that no row can hold, or that is doubtful about one.
PREDICTION_PROBLEM_KINDS = (
    "malformed-row",  # a record that cannot become a prediction; it is left out
    "bad-score",  # no number from 0 to 1; left out
    "bad-box",  # no finite numbers, or a negative size; left out
    "unknown-image",  # of an image that the set does not have; left out
    "unknown-size",  # a box in shares of an image whose size is not known; left out
    "unknown-category",  # a class that the set does not have; kept, category_id is null
    "past-edge",  # boxes that lie past the edge of their image; kept as they are
    "size-mismatch",  # made of an image of another size than the set's; kept as they are
    "unseen-image",  # one that the model could not look at: no file, or no picture
    "no-predictions",  # a file or model that has none at all
)

SEVERITIES = ("error", "warning", "info")

SUGGESTIONS = ("review", "relabel", "ignore", "exclude", "fix-file", "collect", "split", "none")

FINDINGS = pa.schema(
    [
        pa.field("code", pa.string(), nullable=False),
        pa.field("severity", pa.string(), nullable=False),
        ("image_id", pa.int64()),  # null: about the set as a whole
        ("annotation_id", pa.int64()),
        ("score", pa.float64()),  # 0..1, how sure
        ("message", pa.string()),
        ("value", pa.float64()),
        ("threshold", pa.float64()),
        ("suggestion", pa.string()),
        ("evidence", pa.string()),  # JSON: file, line or pointer, related ids, ...
    ]
)

#: What a plan may do. Those of :data:`SAFE_ACTIONS` take nothing away that the labels say.
ACTIONS = (
    "exclude_image",
    "quarantine_image",
    "relabel",
    "drop_box",
    "mark_ignore",
    "set_weight",
    "replace_box",
    "add_box",
)

SAFE_ACTIONS = frozenset(("quarantine_image", "mark_ignore", "set_weight", "add_box"))

#: One change of a data set that a person can look at before it is made.
PLAN = pa.schema(
    [
        pa.field("action_id", pa.int64(), nullable=False),
        pa.field("action", pa.string(), nullable=False),  # one of ACTIONS
        pa.field("image_id", pa.int64(), nullable=False),
        ("annotation_id", pa.int64()),  # null: about the image, or a box that is added
        ("file_name", pa.string()),
        ("label_file", pa.string()),  # relative to the root; null: the image has none
        ("origin", ORIGIN),
        ("before", pa.string()),  # JSON: box, category, ...
        ("after", pa.string()),  # JSON: what is different afterwards
        ("codes", pa.list_(pa.string())),  # the rules that ask for it
        ("reason", pa.string()),
        ("score", pa.float64()),  # 0..1, how sure
        pa.field("safe", pa.bool_(), nullable=False),  # loses nothing
        ("image_hash", pa.string()),  # 128 bits of the files' bytes, 32 hex digits
        ("label_hash", pa.string()),
    ]
)

#: Objects to look at, the first to look at first (:func:`fastlabel.review_queue`).
QUEUE = pa.schema(
    [
        pa.field("rank", pa.int64(), nullable=False),  # from 1
        pa.field("image_id", pa.int64(), nullable=False),
        pa.field("object", pa.int64(), nullable=False),  # a number of the object in the queue
        ("codes", pa.list_(pa.string())),  # rules that found something about it
        ("annotation_ids", pa.list_(pa.int64())),  # none: the image, or a thing without a label
        ("action", pa.string()),  # what the surest finding proposes, as in its evidence
        ("score", pa.float64()),  # 0..1, chance that it is an error
        ("gain", pa.float64()),  # errors expected a minute, in this visit to the image
        ("seconds", pa.float64()),  # of work; with the opening of the image on its first row
        # counted up to and with this row
        ("expected_errors", pa.float64()),
        ("images", pa.int64()),
        ("minutes", pa.float64()),
        ("findings", pa.list_(pa.int64())),  # their rows in the findings
    ]
)

#: Label errors that were made on purpose: :func:`fastlabel.corrupt`.
ERRORS = pa.schema(
    [
        pa.field("error_id", pa.int64(), nullable=False),  # dense: row number
        pa.field("kind", pa.string(), nullable=False),  # drop, swap, shift, ...
        pa.field("image_id", pa.int64(), nullable=False),
        ("file_name", pa.string()),
        ("annotation_id", pa.int64()),  # the wrong row; null: there is none (drop)
        ("source_annotation_id", pa.int64()),  # the true row; null: there is none (spurious)
        ("related", pa.list_(pa.int64())),  # other rows: the second half, the box drawn twice
        ("related_sources", pa.list_(pa.int64())),  # other true rows: the second of a merge
        ("before", pa.string()),  # JSON: a list of {box, category_id, category}; null: none
        ("after", pa.string()),
    ]
)

#: How a tile shows a box: all of it, a part, or too little (or the source says so itself):
#: then it is neither a target nor background.
TILE_STATES = ("whole", "cut", "ignore")

#: A box in a tile.
TILE_BOX = pa.struct(
    [
        pa.field("annotation_id", pa.int64(), nullable=False),  # of the source
        ("category_id", pa.int32()),
        pa.field("x1", pa.float64(), nullable=False),  # what the tile shows, in its pixels
        pa.field("y1", pa.float64(), nullable=False),
        pa.field("x2", pa.float64(), nullable=False),
        pa.field("y2", pa.float64(), nullable=False),
        # share of the box, of what lies in the image, that the tile shows; 1: all of it
        pa.field("visible", pa.float64(), nullable=False),
        pa.field("state", pa.string(), nullable=False),  # one of TILE_STATES
        pa.field("sx1", pa.float64(), nullable=False),  # the source box, bit for bit
        pa.field("sy1", pa.float64(), nullable=False),
        pa.field("sx2", pa.float64(), nullable=False),
        pa.field("sy2", pa.float64(), nullable=False),
        ("ignore", pa.bool_()),  # true where the state is ignore
        ("crowd", pa.bool_()),
        ("weight", pa.float32()),
    ]
)

#: Tiles of pictures. Windows are half-open and lie in the upright picture, as EXIF turns it,
#: with x and y from its top left corner; they may leave it where a tile is padded.
TILES = pa.schema(
    [
        pa.field("tile_id", pa.int64(), nullable=False),  # dense: row number
        pa.field("image_id", pa.int64(), nullable=False),  # of the source
        ("image_name", pa.string()),  # the source's file_name
        ("image_path", pa.string()),  # relative to the source's root
        ("image_width", pa.int32()),  # upright
        ("image_height", pa.int32()),
        ("split", pa.string()),
        ("label_state", pa.string()),  # one of LABEL_STATES, of the tile
        pa.field("x1", pa.int64(), nullable=False),  # the window of the tile
        pa.field("y1", pa.int64(), nullable=False),
        pa.field("x2", pa.int64(), nullable=False),
        pa.field("y2", pa.int64(), nullable=False),
        pa.field("asked_x1", pa.int64(), nullable=False),  # the window of the grid
        pa.field("asked_y1", pa.int64(), nullable=False),
        pa.field("asked_x2", pa.int64(), nullable=False),
        pa.field("asked_y2", pa.int64(), nullable=False),
        ("pad_left", pa.int32()),  # pixels of the tile that are not of the picture
        ("pad_top", pa.int32()),
        ("pad_right", pa.int32()),
        ("pad_bottom", pa.int32()),
        ("file", pa.string()),  # the tile's own picture; null: none was written
        ("mode", pa.string()),  # lossless or reencoded; null: none was written
        ("mode_reason", pa.string()),  # why it could not be cut without loss
        ("boxes", pa.list_(pa.field("item", TILE_BOX, nullable=False))),
    ]
)
