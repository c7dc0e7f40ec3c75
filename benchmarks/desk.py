"""The review desk with a million findings: how long until the next card is there.

    python benchmarks/desk.py [--findings 1000000] [--images 20000] [--rounds 40]

Makes a set of linked pictures (1280 x 720) with fifty boxes each and a table of findings about
them, opens the desk, and asks its server over HTTP as the page does: decide, which writes to the
journal and answers with the next card, and its picture.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import shutil
import socket
import statistics
import sys
import tempfile
import threading
import time
from pathlib import Path

import cv2
import numpy as np
import pyarrow as pa

import fastlabel as fl
from fastlabel import schema
from fastlabel.sandbox.desk import Desk
from fastlabel.sandbox.desk_app import desk_app
from fastlabel.sandbox.journal import Journal

BOXES = 50
CODES = ("FL201", "FL204", "FL207", "FL702", "FL401", "FL001")
TOKEN = "benchmark"


def make_set(root: Path, images: int) -> None:
    """A COCO set of links to one picture."""
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 255, (45, 80, 3), dtype=np.uint8)
    picture = cv2.resize(noise, (1280, 720), interpolation=cv2.INTER_CUBIC)
    first = root / "0.jpg"
    first.write_bytes(cv2.imencode(".jpg", picture)[1].tobytes())
    for k in range(1, images):
        os.link(first, root / f"{k}.jpg")
    x, y = rng.integers(0, 1180, images * BOXES), rng.integers(0, 620, images * BOXES)
    with (root / "labels.json").open("w") as file:
        file.write('{"categories":[{"id":1,"name":"car"},{"id":2,"name":"van"}],"images":[')
        file.write(
            ",".join(
                f'{{"id":{k},"file_name":"{k}.jpg","width":1280,"height":720}}'
                for k in range(images)
            )
        )
        file.write('],"annotations":[')
        file.write(
            ",".join(
                f'{{"id":{k},"image_id":{k // BOXES},"category_id":{1 + k % 2},'
                f'"bbox":[{a},{b},60,50]}}'
                for k, (a, b) in enumerate(zip(x.tolist(), y.tolist(), strict=True))
            )
        )
        file.write("]}")


def make_findings(ds: fl.Dataset, n: int) -> pa.Table:
    """Random findings about the boxes of a set."""
    rng = np.random.default_rng(1)
    annotation = rng.integers(0, ds.annotations.num_rows, n)
    fix = json.dumps({"fix": {"action": "relabel", "category_id": 1, "category": "van"}})
    code = rng.integers(0, len(CODES), n)
    about_box = code < 4
    return pa.table(
        {
            "code": pa.array(CODES).take(pa.array(code)),
            "severity": pa.array(["warning"] * n),
            "image_id": annotation // BOXES,
            "annotation_id": pa.array(annotation, mask=~about_box),
            "score": rng.random(n),
            "message": pa.array([f"finding {k} of this benchmark" for k in range(n)]),
            "value": rng.random(n),
            "threshold": np.full(n, 0.5),
            "suggestion": pa.array(["review"] * n),
            "evidence": pa.array([fix if c == 3 else "{}" for c in code.tolist()]),
        },
        schema=schema.FINDINGS,
    )


def ask(port: int, method: str, path: str, body: object = None) -> tuple[float, bytes]:
    """Milliseconds of one request, and its answer."""
    began = time.perf_counter()
    opened = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    headers = {"authorization": f"Bearer {TOKEN}", "content-type": "application/json"}
    opened.request(method, path, None if body is None else json.dumps(body), headers)
    answer = opened.getresponse()
    data = answer.read()
    opened.close()
    if answer.status != 200:
        raise RuntimeError(data[:400])
    return (time.perf_counter() - began) * 1e3, data


def serve(desk: Desk, folder: Path) -> int:
    """Start the server in a thread; its port."""
    import uvicorn

    listener = socket.create_server(("127.0.0.1", 0))
    port = int(listener.getsockname()[1])
    app = desk_app(desk, folder / "plan.parquet", token=TOKEN, port=port)
    config = uvicorn.Config(app, lifespan="off", ws="none", log_config=None, access_log=False)
    threading.Thread(target=uvicorn.Server(config).run, args=([listener],), daemon=True).start()
    return port


def main() -> None:
    """Measure, and print."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--findings", type=int, default=1_000_000)
    options.add_argument("--images", type=int, default=20_000)
    options.add_argument("--rounds", type=int, default=40)
    given = options.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="fastlabel-desk-"))
    try:
        root = folder / "data"
        root.mkdir()
        make_set(root, given.images)
        ds = fl.read(root)
        findings = make_findings(ds, given.findings)
        began = time.perf_counter()
        desk = Desk(ds, findings, Journal(folder / "review.sqlite", "benchmark"))
        print(f"open       {time.perf_counter() - began:.1f} s, {len(desk.cards):,} cards")
        port = serve(desk, folder)
        wanted = {"state": "open", "codes": []}
        card = json.loads(ask(port, "POST", "/api/card", {"from": 0, "filter": wanted})[1])
        times: dict[str, list[float]] = {"next card": [], "picture": [], "filtered": []}
        for _ in range(given.rounds):
            said = {k: card[k] for k in ("finding", "seen", "image_seen")}
            said |= {"verb": "accept", "tab": "b", "filter": wanted}
            took, data = ask(port, "POST", "/api/decide", said)
            card = json.loads(data)
            times["next card"].append(took)
            took, _ = ask(port, "GET", f"/picture/{card['image']['id']}?side=1600")
            times["picture"].append(took)
            narrow = {"state": "open", "codes": ["FL702"], "least": 0.9}
            took, _ = ask(port, "POST", "/api/card", {"from": card["card"], "filter": narrow})
            times["filtered"].append(took)
        for name, found in times.items():
            found.sort()
            print(
                f"{name:<10} median {statistics.median(found):.1f} ms, "
                f"95th percentile {found[int(len(found) * 0.95)]:.1f} ms, least {found[0]:.1f} ms"
            )
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    sys.stdout.flush()
    os._exit(0)  # the server's thread ends with the process


if __name__ == "__main__":
    main()
