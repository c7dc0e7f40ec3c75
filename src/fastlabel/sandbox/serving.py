"""Start the server of a page: a free port of loopback, one address, a clean end."""

from __future__ import annotations

import secrets
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

__all__ = ["missing_extra", "serve"]

#: Connections beyond these wait: one person looks at one page.
MOST_AT_ONCE = 256
BACKLOG = 64


def missing_extra() -> str | None:
    """What to install, where the server's packages are not there."""
    from importlib.util import find_spec

    if find_spec("starlette") is None or find_spec("uvicorn") is None:
        return "the local page needs Starlette and uvicorn: pip install 'fastlabel[ui]'"
    return None


def serve(
    make: Callable[[str, int], Any],
    *,
    port: int = 0,
    browser: bool = True,
    say: Callable[[str], None] = print,
) -> int:
    """Serve an app on 127.0.0.1 until it is stopped with Ctrl-C.

    Parameters
    ----------
    make : callable
        Makes the ASGI app of a token and a port.
    port : int
        Where to listen; 0: any free one.
    browser : bool
        Whether the user's browser is opened.
    say : callable
        Told the one address.

    Returns
    -------
    int
        Exit code: 0, the user ended it.
    """
    import uvicorn

    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    with listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        listener.listen(BACKLOG)
        port = listener.getsockname()[1]
        token = secrets.token_urlsafe(32)
        address = f"http://127.0.0.1:{port}/?token={token}"
        config = uvicorn.Config(
            make(token, port),
            lifespan="off",
            ws="none",
            loop="asyncio",
            http="h11",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            limit_concurrency=MOST_AT_ONCE,
            timeout_keep_alive=30,
            timeout_graceful_shutdown=2,
        )
        say(address)
        if browser:
            threading.Thread(target=_open, args=(address,), daemon=True).start()
        # It listens already, so the address works from the moment it is shown.
        with suppress(KeyboardInterrupt):
            uvicorn.Server(config).run(sockets=[listener])
    return 0


def _open(address: str) -> None:
    import webbrowser

    webbrowser.open(address)
