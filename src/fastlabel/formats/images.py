"""A folder of images without any label: a valid set, for the pixel rules alone."""

from __future__ import annotations

from ..dataset import Dataset, DatasetError
from ._build import Builder
from ._paths import IMAGE_EXTENSIONS, Tree, split_of_path
from ._text import printable

__all__ = ["read_tree"]


def read_tree(tree: Tree, only: str | None = None) -> Dataset:
    """Read every image under a folder as an unlabelled one.

    Parameters
    ----------
    tree : Tree
        The folder's files.
    only : str, optional
        A single image, relative to the root.

    Raises
    ------
    DatasetError
        If there is no image.
    """
    builder = Builder(tree, "images")
    paths = tree.images if only is None else [only]
    builder.add_unlisted(paths, "unlabelled", split_of_path)
    add_escapes(builder, tree.escapes if only is None else [], "unlabelled")
    if not builder.images["file_name"]:
        raise DatasetError(f"{printable(tree.root)}: no image file in it")
    for path in tree.files_of(".json", ".xml", ".yaml", ".yml"):
        builder.ignore(path, "not a label file of a format that is read here")
    return builder.finish(tree.root)


def add_escapes(builder: Builder, links: list[str], label_state: str) -> None:
    """Symbolic links to images outside the root, as rows that nothing opens."""
    for link in links:
        dot = link.rfind(".")
        if dot >= 0 and link[dot:].lower() in IMAGE_EXTENSIONS:
            builder.tree.met_escapes.add(link)
            image_id = builder.add_image(
                link, None, label_state=label_state, split=split_of_path(link)
            )
            builder.escape(link, file=link, image_id=image_id)
