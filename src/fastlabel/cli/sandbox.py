"""``fastlabel sandbox``."""

from __future__ import annotations

from pathlib import Path

import click

from ._options import overwrite, read_as


@click.command("sandbox", short_help="Try augmentation on a data set, on a page in the browser.")
@click.argument("src", type=click.Path(path_type=Path))
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Where the page may write the augmented set; without it nothing can be written.",
)
@overwrite
@click.option(
    "--deploy",
    metavar="NAME|FILE",
    help="The deployment that sizes are judged at, and the picture is shown as it gets it.",
)
@read_as(images=True)
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="[default: a free one]")
@click.option("--no-browser", is_flag=True, help="Print the address alone.")
def command(
    src: Path,
    out: Path | None,
    overwrite: bool,
    deploy: str | None,
    fmt: str,
    port: int,
    no_browser: bool,
) -> int:
    """Try augmentation on the data set SRC, on a page in the browser.

    The page shows what the operations of `fastlabel augment` make of SRC's pictures and boxes, by
    the same code, while sliders move, and gives the recipe. It is served on this machine alone,
    at an address with a secret, until Ctrl-C. SRC is only read.
    """
    from ..sandbox.serving import missing_extra, serve

    lacking = missing_extra()
    if lacking is not None:
        raise click.ClickException(lacking)
    from .. import deploy as deployments
    from ..formats import read
    from ..sandbox.app import make_app
    from ..sandbox.pictures import Pictures
    from ..sandbox.stage import LIMITS, Sandbox

    profile = deployments.load(deploy) if deploy is not None else None
    ds = read(src, fmt)
    pictures = Pictures(ds)
    page = Sandbox(ds, pictures, profile, out, overwrite)

    def make(token: str, port: int) -> object:
        return make_app(
            "sandbox.html", page.routes(), token=token, port=port, pictures=pictures, limits=LIMITS
        )

    try:
        return serve(make, port=port, browser=not no_browser, say=click.echo)
    finally:
        page.close()


__all__ = ["command"]
