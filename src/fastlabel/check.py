"""The main job: read -> scan -> rules -> :class:`Report`."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from ._output import write_whole
from .config import Config
from .dataset import Dataset, DatasetError

if TYPE_CHECKING:
    import pyarrow as pa

    from .deploy import Profile
    from .predictions import Predictions
    from .rules import Rule, UserRule
    from .scan import Cache

__all__ = ["Report", "check"]


@dataclass(frozen=True, eq=False)
class Report:
    """What :func:`check` found.

    Attributes
    ----------
    ds : Dataset
        The labels as they were read.
    image_stats, box_stats : pyarrow.Table
        What the scan measured (``fastlabel.schema.IMAGE_STATS``, ``BOX_STATS``).
    findings : pyarrow.Table
        Worst first (``fastlabel.schema.FINDINGS``).
    summary : dict
        Plain JSON values: verdict, counts, chart data. All that depends on the machine or
        the clock is under ``"run"``.
    profile : Profile or None
        The deployment the set was judged for.
    config : Config
        The settings it was judged with.
    rules : mapping of str to Rule
        The rules that ran, by code.
    queue : pyarrow.Table or None
        What to look at first (:func:`fastlabel.review_queue`), all of it.
    """

    ds: Dataset
    image_stats: pa.Table
    box_stats: pa.Table
    findings: pa.Table
    summary: dict[str, Any]
    profile: Profile | None = None
    config: Config = field(default_factory=Config)
    rules: Mapping[str, Rule] = field(default_factory=dict)
    queue: pa.Table | None = None

    def __repr__(self) -> str:
        counts = self.summary["findings"]["by_severity"]
        parts = ", ".join(f"{n:,} {name}" for name, n in counts.items())
        return f"Report({self.ds!r}: {self.summary['verdict']['grade']}; {parts})"

    def _repr_html_(self) -> str:
        # A page of its own inside the notebook's: its styles must not leak out.
        from html import escape

        from .report.html import render

        page = escape(render(self), quote=True)
        return f'<iframe srcdoc="{page}" width="100%" height="800" sandbox></iframe>'

    def to_html(self, path: str | os.PathLike[str]) -> None:
        """Write the page: one file, offline, at most 5 MB.

        Parameters
        ----------
        path : path-like
            Where to; the file appears whole or not at all.
        """
        write_whole({Path(path): self._write_html})

    def write(self, folder: str | os.PathLike[str]) -> list[Path]:
        """Write ``report.html``, ``summary.json`` and all tables as Parquet.

        Parameters
        ----------
        folder : path-like
            Made when it is not there. The files appear whole and together: when one cannot
            be written, or the work is interrupted, those of an earlier run stay as they were.

        Returns
        -------
        list of pathlib.Path
            The files written.
        """
        import json

        import pyarrow.parquet as pq

        out = Path(folder)
        out.mkdir(parents=True, exist_ok=True)
        tables = {
            "findings": self.findings,
            "image_stats": self.image_stats,
            "box_stats": self.box_stats,
            "images": self.ds.images,
            "annotations": self.ds.annotations,
            "categories": self.ds.categories,
            "problems": self.ds.problems,
        }
        if self.queue is not None:
            tables["queue"] = self.queue
        text = json.dumps(self.summary, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
        files: dict[Path, Callable[[Path], Any]] = {
            out / f"{name}.parquet": partial(pq.write_table, table, compression="zstd")
            for name, table in tables.items()
        }
        files[out / "summary.json"] = partial(_write_text, text)
        files[out / "report.html"] = partial(self._write_html, desk=_desk_command(self.ds, out))
        write_whole(files)
        return list(files)

    def _write_html(self, part: Path, desk: str | None = None) -> None:
        from .report.html import render

        _write_text(render(self, desk=desk), part)


def _desk_command(ds: Dataset, folder: Path) -> str | None:
    """What opens the review desk on a report, said in the report's own folder."""
    import shlex

    from .clean.findings import file_of

    if ds.source is not None or not ds.root.is_dir():
        return None
    # Relative: the page may go to others, and names no folder of this machine's owner.
    data = Path(os.path.relpath(ds.root.resolve(), folder.resolve()), file_of(ds) or "")
    return f"fastlabel review {shlex.quote(str(data))} --findings ."


def check(
    source: Dataset | str | os.PathLike[str],
    *,
    deploy: Profile | str | os.PathLike[str] | None = None,
    format: str = "auto",
    split: str | None = None,
    select: Iterable[str] | None = None,
    ignore: Iterable[str] | None = None,
    workers: int = 0,
    config: Config | None = None,
    rules: Iterable[UserRule | ModuleType] = (),
    progress: Callable[[int, int], None] | None = None,
    cache: Cache | str | os.PathLike[str] | bool | None = None,
    images: Any = None,
    engine: str = "local",
    budget: int | None = None,
    predictions: Predictions | str | os.PathLike[str] | Sequence[str | os.PathLike[str]] = (),
    reference: Any = None,
) -> Report:
    """Audit a data set: read the labels, decode every image once, apply the rules.

    Parameters
    ----------
    source : Dataset or path-like
        A data set, or where it is. It is opened read-only.
    deploy : Profile, str or path-like, optional
        The deployment to judge for: a built-in name, a device tier or a TOML file.
    format : {"auto", "coco", "yolo", "voc", "images"}
        What to read the labels as.
    split : str, optional
        Look at this split only.
    select, ignore : iterable of str, optional
        Rule codes, prefixes of codes or names; ``ignore`` wins.
    workers : int
        Native threads of the scan; 0 means one a CPU. The result does not depend on it.
    config : Config, optional
        Thresholds, priors and limits, as :func:`fastlabel.config.load` gives them. The
        other arguments win over it. Its ``user_rules`` are not imported; hand them over.
    rules : iterable of UserRule or module, optional
        Rules of your own (:func:`fastlabel.rule`), run beside the built-in ones: each by
        itself, or a module for all that are in it.
    progress : callable, optional
        Called with (images done, images in all).
    cache : Cache, path-like or bool, optional
        Where results of the scan are kept, so that the next check decodes only what changed,
        and one that was interrupted goes on: a :class:`fastlabel.Cache`, its folder, or True
        for the usual folder. The report does not depend on it. By default the configuration's,
        and without one nothing is kept.
    images : str, path-like, ImageSource or a sequence of places, optional
        Where the pictures are, if not beside the labels; as for :func:`fastlabel.read`.
    engine : {"local", "ray"}
        What measures the images, as for :func:`fastlabel.scan`. The report does not depend
        on it.
    predictions : Predictions, path-like or a sequence of paths, optional
        What models say is in the images, for the rules FL7: as :func:`fastlabel.read_predictions`
        gives or takes them. Several files are several models, or folds of a cross-validation.
    reference : path-like, Dataset or mapping, optional
        Frames of the deployment, or what they are like, for the rules FL8: as for
        :func:`fastlabel.match`. Every image is then looked at a second time.
    budget : int, optional
        Objects that a person has time for: the summary and the page say what the first so many
        of ``report.queue`` cost and bring.

    Returns
    -------
    Report

    Raises
    ------
    DatasetError
        For input that is not a data set.
    fastlabel.config.ConfigError
        For an unknown rule, threshold or deployment, and for a rule of your own that cannot
        be compiled (before the scan) or raises (the message names the row).

    Examples
    --------
    >>> import fastlabel as fl
    >>> import tempfile
    >>> from pathlib import Path
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = Path(folder, "a.jpg").write_bytes(b"no picture")
    ...     report = fl.check(folder, deploy="edge-640")
    >>> report.findings.select(["code", "severity"]).to_pylist()[0]
    {'code': 'FL001', 'severity': 'error'}
    """
    from . import deploy as deployments
    from . import rules as judging
    from ._memory import give_back
    from .clean.effort import Effort
    from .clean.overview import overview
    from .clean.queue import budgeted, review_queue
    from .difficulty.overview import overview as overview_of_levels
    from .difficulty.settings import Settings as Levels
    from .formats import read
    from .rules.context import PART
    from .scan import Limits, cache_of, engine_named, scan_tables
    from .summary import summarise

    config = config or Config()
    wanted = None if select is None else list(select)
    unwanted = None if ignore is None else list(ignore)
    # Settings first: a misspelt rule must not cost a scan.
    levels = Levels.of(config)
    engine_named(engine)
    Effort.of(config)
    budget = budgeted(budget)
    own = judging.collect(rules)
    table = judging.table_of(own)
    if not own:
        config = judging.without_user_rules(config)
    settings = judging.resolve(config, table)
    chosen = judging.choose(
        config.select if wanted is None else wanted,
        config.ignore if unwanted is None else unwanted,
        table,
    )
    for rule in chosen:
        rule.prepare()
    named = deploy if deploy is not None else config.deploy
    profile = deployments.load(named) if isinstance(named, (str, os.PathLike)) else named

    clock = [time.perf_counter()]
    if isinstance(source, Dataset):
        if images is not None:
            raise TypeError("images: a Dataset has its pictures; give images to fastlabel.read")
        ds = source
    else:
        ds = read(source, format if format != "auto" else config.format or "auto", images=images)
    if not len(ds) and not ds.problems.num_rows:
        raise DatasetError(
            f"{ds.root}: the {ds.format} labels name no image, and there is none to judge"
        )
    wanted_split = split if split is not None else config.split
    everything = ds
    if wanted_split is not None:
        ds = ds.select_split(wanted_split)
    said = _predictions(predictions, ds, everything, wanted_split)
    clock.append(time.perf_counter())
    threads = workers or config.workers or 0
    kept = cache_of(config.cache if cache is None else cache)
    image_stats, box_stats = scan_tables(
        ds,
        workers=threads,
        limits=Limits.of(config),
        progress=progress,
        cache=kept,
        engine=engine,
        rings=levels.surroundings,
    )
    if len(ds) > PART:
        give_back()
    clock.append(time.perf_counter())
    scene = None
    if reference is not None:
        from .match import match

        scene = match(
            ds,
            reference,
            deploy=profile,
            image_stats=image_stats,
            workers=threads,
            limits=Limits.of(config),
            progress=progress,
        )
    context = judging.Context(
        ds,
        image_stats,
        box_stats,
        profile,
        config,
        said,
        threads,
        scene=None if scene is None else scene.fit,
    )
    hardness = overview_of_levels(context, levels)
    findings = judging.run(context, wanted, unwanted, table, workers=threads)
    unjudged = context.unjudged
    del context  # and the columns that the rules made
    ran = {r.code: r for r in chosen}
    summary = summarise(
        ds, image_stats, box_stats, findings, ran, profile, settings, unjudged, threads
    )
    summary["difficulty"] = hardness
    queue = review_queue(ds, findings, config=config)
    summary["review"] = overview(queue, budget)
    clock.append(time.perf_counter())
    if said is not None:
        summary["predictions"] = _told(said)
    if scene is not None:
        summary["scene"] = {**scene.summary, "unread_frame_names": scene.unread_frames()}
    summary["run"] = _run_facts(clock, len(ds), threads) | _from_cache(kept) | {"engine": engine}
    return Report(ds, image_stats, box_stats, findings, summary, profile, config, ran, queue)


def _predictions(
    given: Any, ds: Dataset, everything: Dataset, split: str | None
) -> Predictions | None:
    """What models say of the images that are judged, in their ids."""
    from dataclasses import replace

    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    from .predictions import Predictions, read_predictions

    if not isinstance(given, Predictions):
        one = isinstance(given, str | os.PathLike)
        files = [given] if one else list(given)
        return read_predictions(files if len(files) > 1 else files[0], ds) if files else None
    for name, ids, end in (
        ("image_id", given.column("image_id"), len(everything)),
        ("category_id", given.column("category_id"), everything.categories.num_rows),
    ):
        if len(ids) and int(ids.max()) >= end:
            raise ValueError(
                f"predictions: got {name} {int(ids.max())}, expected below {end}: they were made "
                "for another data set"
            )
    if split is None:
        return given
    mine = pc.fill_null(pc.equal(everything.images["split"], split), False)
    keep = np.asarray(mine.to_numpy(), np.bool_)
    new = np.cumsum(keep) - 1
    table = given.table.filter(pa.array(keep[given.column("image_id")]))
    at = table.schema.get_field_index("image_id")
    ids = new[table["image_id"].to_numpy()]
    table = table.set_column(at, table.schema.field("image_id"), pa.array(ids))
    seen = tuple(new[images[keep[images]]] for images in given.seen)
    return replace(given, table=table, seen=seen)


def _told(said: Predictions) -> dict[str, Any]:
    """The predictions a set was judged with, for the summary."""
    kinds: dict[str, int] = {}
    for kind in said.problems["kind"].to_pylist():
        kinds[kind] = kinds.get(kind, 0) + 1
    return {
        "models": list(said.models),
        "boxes": len(said),
        "images_seen": [len(images) for images in said.seen],
        "classes_known": [len(classes) for classes in said.knows],
        "problems": dict(sorted(kinds.items())),
    }


def _run_facts(clock: list[float], images: int, workers: int) -> dict[str, Any]:
    """What differs from run to run, kept apart from all else."""
    from . import _core

    read, scan, judge = (b - a for a, b in pairwise(clock))
    return {
        "seconds": {"read": round(read, 3), "scan": round(scan, 3), "rules": round(judge, 3)},
        "images_per_second": round(images / scan, 1) if scan > 0 else None,
        "workers": workers or os.cpu_count() or 1,
        "isa": _core.isa(),
        "jpeg_codec": _core.jpeg_codec(),
        "python": platform.python_version(),
        "machine": platform.machine(),
    }


def _from_cache(cache: Cache | None) -> dict[str, Any]:
    if cache is None or cache.outcome is None:
        return {"cache": None}
    told = cache.outcome
    return {
        "cache": {
            "folder": str(cache.folder),
            "images": told.images,
            "reused": told.reused,
            "hashed": told.hashed,
            "not_kept": told.lost,
        }
    }


def _write_text(text: str, path: Path) -> None:
    path.write_text(text, encoding="utf-8")
