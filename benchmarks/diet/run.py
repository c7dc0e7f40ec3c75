"""Does the diet help? Trains a small detector on this machine's CPU, with and without each part.

    python benchmarks/diet/run.py --data DATA --work WORK            # goes on where it stopped
    python benchmarks/diet/run.py --work WORK --table                # what is measured so far

Needs PyTorch (CPU will do), which fastlabel itself does not. One line of
``benchmarks/results/diet.jsonl`` a run: arm, seed, width, and COCO's AP and AP50 on the test crops,
in all and for each of the three sets. A run that is there is not repeated. ``diet.csv`` and
``diet.md`` beside it are made of it after each run.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import cv2  # noqa: E402
import numpy as np  # noqa: E402
import torch  # noqa: E402
from arms import ARMS, Arm, feed  # noqa: E402
from crops import CLASSES, make  # noqa: E402
from detector import predict, train  # noqa: E402
from feeding import AUGMENTS, batches, samples_of  # noqa: E402
from labels import results_of  # noqa: E402
from table import write_tables  # noqa: E402

import fastlabel as fl  # noqa: E402

RESULTS = HERE.parent / "results" / "diet.jsonl"
#: Of each detector: width, steps. The larger one takes five times as long.
MODELS = {"small": 1.0, "large": 3.0}
STEPS, BATCH = 800, 16


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, help="folder with bccd, raccoon and garbage-yolo")
    parser.add_argument(
        "--work", type=Path, required=True, help="scratch folder, kept between runs"
    )
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--arms", help="names, with commas; all by default")
    parser.add_argument("--models", default="small,large")
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--minutes", type=float, default=1e9, help="begin no run after so long")
    parser.add_argument("--float32", action="store_true", help="no bfloat16")
    parser.add_argument(
        "--table", action="store_true", help="print what is measured, train nothing"
    )
    options = parser.parse_args()
    if options.table:
        write_tables(options.results, ARMS)
        print(options.results.with_suffix(".md").read_text(encoding="utf-8"))
        return
    if options.data is None:
        parser.error("--data is needed to train")
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    make(options.data, options.work)
    names = options.arms.split(",") if options.arms else [arm.name for arm in ARMS]
    arms = [arm for arm in ARMS if arm.name in names]
    begun = time.monotonic()
    pictures: dict[str, Any] = {}
    done = {_key(row) for row in read_results(options.results)}
    for model in options.models.split(","):
        for arm in arms:
            for seed in map(int, options.seeds.split(",")):
                if (arm.name, seed, model) in done:
                    continue
                if time.monotonic() - begun > 60 * options.minutes:
                    print("time is up; the same command goes on from here")
                    return
                row = run(arm, options.work, seed, model, not options.float32, pictures)
                options.results.parent.mkdir(parents=True, exist_ok=True)
                with options.results.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(row) + "\n")
                write_tables(options.results, ARMS)
                print(f"{model} {arm.name} seed {seed}: AP50 {row['ap50']:.3f}, "
                      f"{row['cpu_seconds']:.0f} s of CPU", flush=True)  # fmt: skip


def _key(row: dict[str, Any]) -> tuple[str, int, str]:
    return row["arm"], row["seed"], row["model"]


def read_results(path: Path) -> list[dict[str, Any]]:
    """Rows of the runs that are done; a last line that was cut off is none."""
    rows = []
    if path.exists():
        for line in path.read_text(encoding="utf-8").splitlines():
            try:
                rows.append(json.loads(line))
            except json.JSONDecodeError:
                continue
    return rows


def run(
    arm: Arm, sets: Path, seed: int, model: str, bf16: bool, pictures: dict[str, Any]
) -> dict[str, Any]:
    """Train once and evaluate on the test crops."""
    fed = feed(arm, sets, seed, STEPS, BATCH, bf16, pictures)
    begun = time.process_time()
    flow = batches(fed.samples, fed.order, AUGMENTS[arm.augment], seed, BATCH)
    net = train(flow, STEPS, len(CLASSES), width=MODELS[model], seed=seed, bf16=bf16)
    seconds = time.process_time() - begun
    test = fl.read(sets / "test")
    found = predict(net, [s.image for s in samples_of(test, pictures)], bf16=bf16)
    pred = fl.read_predictions(results_of(test, list(range(len(test))), found), test, seen="all")
    scored = fl.evaluate(test, pred, workers=1)
    ap50 = _by_class(scored, 0)
    row = {
        "arm": arm.name,
        "seed": seed,
        "model": model,
        "parameters": net.parameter_count(),
        "ap": _mean(scored.precision[:, :, :, 0, -1]),
        "ap50": float(np.mean(list(ap50.values()))),
        "by_class": ap50,
        "cpu_seconds": round(seconds, 1),
        "bf16": bf16,
        "steps": STEPS,
        "torch": torch.__version__,
        **fed.facts,
    }
    for part, classes in (
        ("bccd", CLASSES[:3]),
        ("raccoon", CLASSES[3:4]),
        ("garbage", CLASSES[4:]),
    ):
        row[f"ap50_{part}"] = float(np.mean([ap50[c] for c in classes]))
    return row


def _mean(precision: Any) -> float:
    return float(precision[precision >= 0].mean())


def _by_class(scored: fl.Evaluation, threshold: int) -> dict[str, float]:
    names = scored.dataset.categories["name"].to_pylist()
    curves = scored.precision[threshold, :, :, 0, -1]
    return {name: float(curves[:, k].mean()) for k, name in enumerate(names)}


if __name__ == "__main__":
    main()
