"""``fastlabel bench``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from ..bench import Row
    from ..bench.runner import Outcome, Plan


@click.command("bench", short_help="Measure the kernels on this machine, beside their peers.")
@click.option(
    "--select",
    metavar="TOPIC/ROW",
    multiple=True,
    help="Run only these: a topic, a row, or both with a slash; may be given several times.",
)
@click.option("--quick", is_flag=True, help="Few repetitions: seconds instead of minutes.")
@click.option("--list", "listing", is_flag=True, help="List the rows and their peers, and stop.")
@click.option(
    "--json",
    "json_path",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Also write every number, with CPU, instruction set, compiler and versions.",
)
def command(select: tuple[str, ...], quick: bool, listing: bool, json_path: Path | None) -> int:
    """Run the kernel suite on one thread, and others' ways to the same answers beside it.

    Answers are compared before anything is timed: a peer that disagrees is an error (exit
    code 1). FASTLABEL_ISA=baseline|v3|v4 forces an instruction set. Peers that are not
    installed are named; pip install 'fastlabel[bench]' brings them.
    """
    from ..bench import choose, load
    from ..bench.machine import one_thread
    from ..bench.runner import QUICK, THOROUGH

    wanted = [part for text in select for part in text.split(",") if part.strip()]
    # The threads of some libraries are settled when they are loaded, by the rows for one.
    with one_thread():
        rows, absent = load()
        for topic in absent:
            click.echo(f"fastlabel: the rows of {topic} are not in this installation", err=True)
        rows = choose(rows, wanted)
        if listing:
            _list(rows)
            return 0
        if json_path is not None and not json_path.resolve().parent.is_dir():
            raise click.UsageError(f"--json {json_path}: there is no such folder")
        return _run(rows, QUICK if quick else THOROUGH, json_path)


def _list(rows: list[tuple[str, Row]]) -> None:
    for topic, row in rows:
        peers = ", ".join(
            p.name if p.promised is None else f"{p.name} ({p.promised:g}x promised)"
            for p in row.peers
        )
        click.echo(f"{topic}/{row.name}: {row.title}; beside {peers or 'nobody'}")


def _run(rows: list[tuple[str, Row]], plan: Plan, json_path: Path | None) -> int:
    from ..bench.host import facts
    from ..bench.machine import bandwidth, widest
    from ..bench.runner import document, run
    from ..bench.table import write

    host = facts()
    speed = bandwidth()
    outcomes: list[Outcome] = []
    complete = False
    try:
        measured = run(rows, plan)
        for at, (topic, row) in enumerate(rows, 1):
            _progress(f"[{at}/{len(rows)}] {topic}/{row.name}")
            outcomes.append(next(measured))
        _progress("memory bandwidth")
        speed = widest(speed, bandwidth())
        complete = True
    except KeyboardInterrupt:
        _progress("interrupted")
    results = document(outcomes, host, speed, plan, complete)
    if json_path is not None:
        _store(json_path, results)
    write(results, sys.stdout)
    bad = [o for o in outcomes if o.status in ("disagrees", "failed")]
    for outcome in bad:
        click.echo(f"fastlabel: {outcome.name} {outcome.status}: {outcome.message}", err=True)
    return 130 if not complete else int(bool(bad))


def _progress(text: str) -> None:
    click.echo(text, err=True)


def _store(path: Path, results: dict[str, Any]) -> None:
    from .._output import write_whole

    text = json.dumps(results, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    write_whole({path: lambda part: part.write_text(text, encoding="utf-8")})


__all__ = ["command"]
