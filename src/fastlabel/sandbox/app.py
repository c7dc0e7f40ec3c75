"""The app of a page: its files, its pictures, its calls, behind the guard."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ..config import ConfigError
from ..dataset import DatasetError
from ..report.text import visible
from .guard import ApiError, Guard, as_json
from .pictures import Pictures

__all__ = ["ApiError", "body_of", "json_response", "make_app"]

STATIC = Path(__file__).with_name("static")
_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
#: A picture's address holds a key of this run, so what it shows does not change.
_KEEP = {"cache-control": "private, max-age=86400, immutable"}


def make_app(
    page: str,
    routes: Sequence[Route],
    *,
    token: str,
    port: int,
    pictures: Pictures | None = None,
    limits: Mapping[str, int] | None = None,
) -> Guard:
    """Make the app of one page.

    Parameters
    ----------
    page : str
        Name of its HTML in ``static``: what ``/`` shows.
    routes : sequence of Route
        Its calls, below ``/api/``. A plain function runs in a thread.
    token, port, limits
        As :class:`Guard` has them.
    pictures : Pictures, optional
        Served as ``/picture/ID?side=N``, and ``&x=&y=&w=&h=`` for a part, in pixels of the
        whole image.

    Returns
    -------
    Guard
        An ASGI app.
    """
    own = [
        Route("/", lambda request: _file(page), methods=["GET"]),
        Route("/static/{name}", lambda request: _file(request.path_params["name"])),
    ]
    if pictures is not None:
        own.append(Route("/picture/{id}", _picture_of(pictures), methods=["GET"]))
    app = Starlette(
        routes=[*own, *routes],
        exception_handlers={
            ApiError: _refused,
            DatasetError: _refused,
            ConfigError: _refused,
            HTTPException: _refused,
            OSError: _refused,
        },
    )
    return Guard(app, token=token, port=port, limits=limits)


def json_response(value: Any, status: int = 200) -> Response:
    """Answer with JSON."""
    return Response(as_json(value), status, media_type="application/json")


async def body_of(request: Request) -> dict[str, Any]:
    """The JSON object that a page sent.

    Raises
    ------
    ApiError
        If it is none, or is not declared as JSON.
    """
    # A form of another page cannot declare this type without asking first.
    if request.headers.get("content-type", "").split(";")[0].strip() != "application/json":
        raise ApiError(415, "type", "send application/json")
    try:
        value = json.loads(await request.body(), parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise ApiError(400, "json", f"the body is no JSON: {error}") from error
    if not isinstance(value, dict):
        raise ApiError(400, "json", "the body is no JSON object")
    return value


def _no_number(name: str) -> float:
    raise ValueError(f"{name} is no JSON number")


@cache
def _files() -> dict[str, Path]:
    """What may be asked for, by name: a lookup, never a path made of a name."""
    return {file.name: file for file in STATIC.iterdir() if file.suffix in _TYPES}


def _file(name: str) -> Response:
    file = _files().get(name)
    if file is None:
        raise ApiError(404, "file", "there is no such file")
    return Response(file.read_bytes(), headers={"content-type": _TYPES[file.suffix]})


def _picture_of(pictures: Pictures) -> Callable[[Request], Response]:
    def picture(request: Request) -> Response:
        row = pictures.row(request.path_params["id"])
        side = _whole(request, "side", 1280)
        window = None
        if "w" in request.query_params:
            window = (
                _whole(request, "x", 0),
                _whole(request, "y", 0),
                _whole(request, "w", 0),
                _whole(request, "h", 0),
            )
        shown = pictures.shown(row, side, window)
        headers = _KEEP if shown.whole else {"cache-control": "no-store"}
        return Response(shown.data, media_type=shown.kind, headers=headers)

    return picture


def _whole(request: Request, name: str, default: int) -> int:
    text = request.query_params.get(name, str(default))
    if not text.isdecimal() or not text.isascii() or len(text) > 7:
        raise ApiError(400, name, f"{name}: expected a whole number")
    return int(text)


def _refused(request: Request, error: Exception) -> Response:
    status, code, message = 400, "data", str(error)
    if isinstance(error, ApiError):
        status, code = error.status, error.code
    elif isinstance(error, HTTPException):
        status, code, message = error.status_code, "address", error.detail
    elif isinstance(error, OSError):
        where = f"{error.filename}: " if error.filename is not None else ""
        status, code, message = 500, "system", f"{where}{error.strerror or error}"
    return json_response({"error": {"code": code, "message": visible(message)}}, status)
