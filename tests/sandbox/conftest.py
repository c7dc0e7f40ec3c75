"""A real server on loopback, in a thread, and a client that sends what it is told."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

import fastlabel as fl

#: A name that tries to be markup, and one that turns the text behind it round.
CLASSES = ["<img src=x onerror=alert(1)>", "dog", "cat \u202eevil"]
FILE = 'it\'s "quoted" \u202egpj.jpg'

TOKEN = "secret-of-this-run"


@dataclass
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Client:
    """Asks a server; `headers` go with every request."""

    port: int
    headers: dict[str, str] = field(default_factory=dict)
    token: str = TOKEN

    def known(self) -> Client:
        """The same with the cookie that the printed address gives."""
        cookie = self.get(f"/?token={self.token}").headers["set-cookie"].split(";")[0]
        return Client(self.port, {"cookie": cookie})

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        given = {**self.headers, **{k.replace("_", "-"): v for k, v in headers.items()}}
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
            given.setdefault("content-type", "application/json")
        opened = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            opened.putrequest(method, path, skip_host="host" in given, skip_accept_encoding=True)
            for name, value in given.items():
                opened.putheader(name, value)
            if body is not None:
                opened.putheader("content-length", str(len(body)))
            opened.endheaders(body)
            answer = opened.getresponse()
            names = {name.lower(): value for name, value in answer.getheaders()}
            return Answer(answer.status, names, answer.read())
        finally:
            opened.close()

    def get(self, path: str, **headers: str) -> Answer:
        return self.ask("GET", path, **headers)

    def post(self, path: str, body: Any, **headers: str) -> Answer:
        return self.ask("POST", path, body, **{"origin": self.origin, **headers})

    def raw(self, data: bytes) -> bytes:
        """Send bytes as they are; the answer until the server closes or falls silent."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=5) as opened:
            opened.sendall(data)
            found = b""
            try:
                while part := opened.recv(1 << 16):
                    found += part
                    if b"\r\n\r\n" in found:
                        opened.settimeout(0.5)
            except OSError:
                pass
            return found


@pytest.fixture(scope="session")
def on_loopback() -> Iterator[Callable[[Callable[[str, int], Any]], Client]]:
    """Give a client, not yet known to it, of an app that runs until the end of the session."""
    uvicorn = pytest.importorskip("uvicorn")
    running = []

    def start(make: Callable[[str, int], Any]) -> Client:
        listener = socket.create_server(("127.0.0.1", 0))
        port = listener.getsockname()[1]
        config = uvicorn.Config(
            make(TOKEN, port), lifespan="off", ws="none", log_config=None, access_log=False
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
        thread.start()
        running.append((server, thread, listener))
        until = time.monotonic() + 10
        while not server.started and time.monotonic() < until:
            time.sleep(0.01)
        return Client(port)

    yield start
    for server, thread, listener in running:
        server.should_exit = True
        thread.join(5)
        listener.close()


@pytest.fixture(scope="session")
def small_set(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Give twelve pictures with three faults each, the last one broken; and its report."""
    root = tmp_path_factory.mktemp("desk") / "data"
    root.mkdir()
    rng = np.random.default_rng(1)
    images, annotations = [], []
    for i in range(12):
        tile = rng.integers(60, 200, (12, 16, 3), dtype=np.uint8)
        picture = cv2.resize(tile, (320, 240), interpolation=cv2.INTER_CUBIC)
        boxes = []
        for j in range(4):
            x, y = 20 + 70 * j, 30 + 10 * i
            colour = tuple(int(v) for v in rng.integers(0, 255, 3))
            cv2.rectangle(picture, (x, y), (x + 45, y + 60), colour, -1)
            boxes.append([x, y, 45, 60])
        (boxes[0][2], boxes[1][0], boxes[1][2]) = (0, -10, 145)
        boxes.append([*boxes[2][:2], 46, 60])
        name = f"a{i}.jpg" if i else FILE
        (root / name).write_bytes(cv2.imencode(".jpg", picture)[1].tobytes())
        images.append({"id": i + 1, "file_name": name, "width": 320, "height": 240})
        for j, box in enumerate(boxes):
            number = len(annotations) + 1
            annotations.append(
                {"id": number, "image_id": i + 1, "category_id": (1, 2, 3, 1, 3)[j], "bbox": box}
            )
    (root / "a11.jpg").write_bytes(b"\xff\xd8\xff broken")
    categories = [{"id": k + 1, "name": name} for k, name in enumerate(CLASSES)]
    document = {"images": images, "annotations": annotations, "categories": categories}
    (root / "labels.json").write_text(json.dumps(document))
    report = root.parent / "report"
    fl.check(root).write(report)
    return root, report


@pytest.fixture(scope="session")
def pictures(small_set: tuple[Path, Path]) -> Any:
    pytest.importorskip("starlette")
    from fastlabel.sandbox.pictures import Pictures

    return Pictures(fl.read(small_set[0]))
