"""Measure the numbers fastlabel promises, each against its rival, in one run.

    python benchmarks/run.py --floor build/bench/scan_floor [--only NAME] [--json OUT]

Exits 1 when a demanded number is not met, 0 otherwise.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

from harness import HERE, Neighbours, Number, Setup, Unavailable
from host import facts

#: Each is a module of this folder with `measure(setup) -> list[Number]`.
MODULES = (
    "scan_floor",
    "cleanvision_peer",
    "workers",
    "cut_workers",
    "merge_scaling",
    "desk",
    "match_scale",
    "ray_engine",
    "memory",
    "coco_ingest",
    "text_ingest",
    "startup",
)


def default_data() -> Path:
    folder = os.environ.get("FASTLABEL_DATA")
    return Path(folder) if folder else HERE.parents[1] / "shared" / "data"


def parse(argv: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--floor", type=Path, help="the built scan_floor program")
    parser.add_argument("--data", type=Path, default=default_data(), help="the real data sets")
    parser.add_argument("--json", type=Path, metavar="OUT", help="store the results there")
    parser.add_argument(
        "--only", choices=MODULES, action="append", metavar="NAME", help=", ".join(MODULES)
    )
    return parser.parse_args(argv)


def measure(name: str, setup: Setup) -> list[Number]:
    try:
        return import_module(name).measure(setup)
    except Unavailable as error:
        return [Number(name, [], missing=str(error))]


def show(number: Number) -> None:
    verdict = {True: "met", False: "NOT MET", None: ""}[number.met]
    if number.missing:
        print(f"{number.name:<58} not measured: {number.missing}", flush=True)
        return
    measured = f"{number.measured:.3g}{number.unit}"
    spread = f"{min(number.samples):.3g} to {max(number.samples):.3g} ({len(number.samples)})"
    print(
        f"{number.name:<58} {number.demanded:<16} {measured:>10}  {spread:<24} {verdict}",
        flush=True,
    )


def main(argv: list[str] | None = None) -> int:
    args = parse(argv)
    setup = Setup(args.data, args.floor)
    before = facts()
    print(
        f"{before['cpu']}, {before['cpus']} CPUs, {before['isa']}; {before['jpeg_codec']}; ", end=""
    )
    print(f"commit {before['commit']}; load {before['load_average'][0]}")
    print(f"{'number':<58} {'demanded':<16} {'measured':>10}  {'min to max (samples)':<24}")
    numbers: dict[str, list[Number]] = {}
    for name in args.only or MODULES:
        neighbours = Neighbours()
        numbers[name] = measure(name, setup)
        for number in numbers[name]:
            number.detail["neighbours_cpus_on_the_whole"] = neighbours.cpus()
            show(number)
        if neighbours.cpus() > 0.1:
            print(f"  (meanwhile other processes held {neighbours.cpus():.2f} CPUs)", flush=True)
    if args.json:
        store(args.json, before, numbers)
    return 1 if any(n.met is False for group in numbers.values() for n in group) else 0


def store(path: Path, host: dict[str, Any], numbers: dict[str, list[Number]]) -> None:
    host["load_average_after"] = [round(load, 2) for load in os.getloadavg()]
    groups = {name: [number.as_json() for number in group] for name, group in numbers.items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"host": host, "numbers": groups}, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    sys.exit(main())
