"""A real server on loopback, in a thread, and a client that sends what it is told."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

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
