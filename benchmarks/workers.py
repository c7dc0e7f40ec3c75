"""Two workers against one: ``fl.scan`` of files in memory, in turn, in one process."""

from __future__ import annotations

from harness import Number, Setup, median_of, one_and_two_workers

WANTED = 7
SECONDS = 60.0
#: Enough images that the last one, alone on its worker, does not count.
COPIES = 3


def measure(setup: Setup) -> list[Number]:
    from fastlabel import scan

    contents = [path.read_bytes() for path in setup.raccoon()] * COPIES
    assert scan(contents, workers=1).equals(scan(contents, workers=2))
    rounds = one_and_two_workers(lambda n: scan(contents, workers=n), WANTED, SECONDS)
    one, two = (median_of([r[k] for r in rounds.used]) for k in (0, 1))
    detail = {
        "images": len(contents),
        "one_worker_images_per_s": round(len(contents) / one, 1),
        "two_workers_images_per_s": round(len(contents) / two, 1),
    }
    return [rounds.number("two workers / one", SECONDS, detail)]
