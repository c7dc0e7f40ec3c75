"""Easy, medium or hard: how much a box asks of a small model, by rules that can be looked at.

Each reason (:data:`~fastlabel.difficulty.settings.REASONS`) has a value that can be measured, two
limits and a weight. The score of a box is ``1 - product of (1 - what each reason adds)``, so one
strong reason is enough and weak ones add up; two cut-offs make levels of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .settings import LEVELS, REASONS, Reason, Settings
from .table import Difficulty

if TYPE_CHECKING:
    import os

    import pyarrow as pa

    from ..config import Config
    from ..dataset import Dataset
    from ..deploy import Profile
    from ..predictions import Predictions

__all__ = ["LEVELS", "REASONS", "Difficulty", "Reason", "Settings", "difficulty"]


def difficulty(
    ds: Dataset,
    image_stats: pa.Table | None = None,
    box_stats: pa.Table | None = None,
    *,
    deploy: Profile | str | os.PathLike[str] | None = None,
    config: Config | None = None,
    predictions: Predictions | None = None,
    loss: Any = None,
    workers: int = 0,
) -> Difficulty:
    r"""Give each box and each image a level, easy, medium or hard, and say why.

    Parameters
    ----------
    ds : Dataset
        A labelled set.
    image_stats, box_stats : pyarrow.Table, optional
        What the scan measured. Without both the pictures are scanned here, rings and all.
        Reasons of which nothing is known (blur, light, background without a scan; the
        background without rings) add nothing.
    deploy : Profile, str or path-like, optional
        Where the model will run: sizes are judged at its input. By default the
        configuration's, else an input of 640 x 640.
    config : Config, optional
        ``[difficulty]`` has limits, weights and cut-offs.
    predictions : Predictions, optional
        What a model says, as :func:`fastlabel.read_predictions` gives it: boxes that it finds
        with a low score or not at all are harder.
    loss : array_like, optional
        (N,) the model's loss of each box, NaN where unknown; by rank. Wins over predictions.
    workers : int
        Threads; 0 means one a CPU, at most 4. The result does not depend on it.

    Returns
    -------
    Difficulty

    Raises
    ------
    fastlabel.config.ConfigError
        For settings that cannot be used.
    ValueError
        For losses that are no losses.

    Examples
    --------
    >>> import tempfile, cv2, numpy as np, fastlabel as fl
    >>> from pathlib import Path
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = cv2.imwrite(f"{folder}/a.png", np.full((640, 640), 128, np.uint8))
    ...     _ = Path(folder, "a.txt").write_text("0 0.5 0.5 0.3 0.3\n0 0.1 0.1 0.01 0.01\n")
    ...     _ = Path(folder, "data.yaml").write_text("names: [cat]\ntrain: .\n")
    ...     found = fl.difficulty(fl.read(folder, "yolo"))
    >>> found.boxes["level"].to_pylist()
    ['medium', 'hard']
    """
    import os

    from .. import deploy as deployments
    from ..config import Config
    from ..rules.context import Context
    from .table import judged

    config = config or Config()
    settings = Settings.of(config)
    named = deploy if deploy is not None else config.deploy
    profile = deployments.load(named) if isinstance(named, (str, os.PathLike)) else named
    if image_stats is None and box_stats is None:
        from ..scan import scan_tables

        image_stats, box_stats = scan_tables(ds, workers=workers, rings=True)
    elif image_stats is None:
        from .. import schema

        image_stats = schema.IMAGE_STATS.empty_table()
    ctx = Context(ds, image_stats, box_stats, profile, config, predictions, workers)
    return judged(ctx, settings, predictions, loss, workers)
