"""Who may ask: every request passes here before anything of the app sees it.

A page on the same machine is still a page on the web's side of the browser: any site may send
requests to loopback, and a rebound name may even read the answers. So each request must name this
server as its host, must not come from another origin, and must bring the secret of this run.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any
from urllib.parse import parse_qs

__all__ = ["ApiError", "Guard", "as_json"]

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

#: Bytes of a request's body, where a path has no limit of its own.
MOST_BODY = 1 << 20
#: Bytes of a request's address: no link of ours is near it.
MOST_ADDRESS = 4096

#: Trusted types forbid every sink that could make markup of a text, by whatever mistake.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)
HEADERS = (
    (b"content-security-policy", POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=()"),
)


class ApiError(Exception):
    """What the user did cannot be done; the page shows the message.

    Attributes
    ----------
    status : int
        Of HTTP.
    code : str
        For programs: one word, or words with hyphens.
    message : str
        For people.
    """

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


def as_json(value: Any) -> bytes:
    """JSON as bytes; a number that JSON does not have is a mistake of ours."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


class Guard:
    """Checks host, origin, secret and size of every request, and adds the security headers.

    Parameters
    ----------
    app : callable
        The ASGI app behind it.
    token : str
        The secret of this run: in the address that is printed (``?token=``), then in a cookie
        that no script can read; a program may send ``Authorization: Bearer``.
    port : int
        Where the server listens.
    limits : mapping of str to int
        Bytes of the body for single paths, over :data:`MOST_BODY`.
    """

    def __init__(
        self, app: App, *, token: str, port: int, limits: Mapping[str, int] | None = None
    ) -> None:
        self.app, self.limits = app, dict(limits or {})
        self._token = token.encode()
        # Cookies know no ports: two servers of one machine must not take each other's.
        self.cookie = f"fastlabel-{port}"
        self._hosts = (f"127.0.0.1:{port}".encode(), f"localhost:{port}".encode())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":  # no websockets here
            await send({"type": "websocket.close", "code": 1008})
            return
        headers = list(scope["headers"])
        answer = _Answer(send, self._given(scope))
        try:
            self._check(scope, headers)
            most = self.limits.get(scope["path"], MOST_BODY)
            _check_length(headers, most)
            await self.app(scope, _Limited(receive, most), answer)
        except ApiError as error:
            await answer.error(error)

    def _check(self, scope: Scope, headers: list[tuple[bytes, bytes]]) -> None:
        host = _only(headers, b"host")
        if host not in self._hosts:
            raise ApiError(421, "host", "this server answers to 127.0.0.1 alone")
        origin = _only(headers, b"origin")
        if origin is not None and origin != b"http://" + host:
            raise ApiError(403, "origin", "a page of another origin may not ask this server")
        # Browsers tell who asks even where they send no origin; programs send neither.
        site = _only(headers, b"sec-fetch-site")
        if site not in (None, b"same-origin", b"none"):
            first = scope["path"] == "/" and _only(headers, b"sec-fetch-mode") == b"navigate"
            if not first:
                raise ApiError(403, "origin", "a page of another site may not ask this server")
        bearer = self._is(_bearer(headers))
        if not (bearer or self._is(self._kept(headers)) or self._given(scope)):
            raise ApiError(
                403,
                "token",
                "this address needs the secret of this run: open the one that the terminal shows",
            )
        if scope["method"] not in ("GET", "HEAD", "POST"):
            raise ApiError(405, "method", "only GET, HEAD and POST are answered")
        # Browsers send an origin with every POST; without it only a program with the secret.
        if scope["method"] == "POST" and origin is None and not bearer:
            raise ApiError(403, "origin", "a request that changes something must say its origin")
        if len(scope.get("raw_path") or b"") + len(scope["query_string"]) > MOST_ADDRESS:
            raise ApiError(414, "address", "the address is too long")

    def _is(self, given: bytes | None) -> bool:
        return given is not None and hmac.compare_digest(given, self._token)

    def _kept(self, headers: list[tuple[bytes, bytes]]) -> bytes | None:
        name = self.cookie.encode()
        for key, value in headers:
            if key == b"cookie":
                for part in value.split(b";"):
                    at, _, text = part.strip().partition(b"=")
                    if at == name:
                        return text
        return None

    def _given(self, scope: Scope) -> bytes | None:
        """A cookie to set: the request came from the address that the terminal shows."""
        if scope["method"] != "GET" or scope["path"] != "/":
            return None
        tokens = parse_qs(scope["query_string"].decode("latin-1")).get("token", [])
        if len(tokens) != 1 or not self._is(tokens[0].encode()):
            return None
        return f"{self.cookie}={tokens[0]}; HttpOnly; SameSite=Strict; Path=/".encode()


def _only(headers: list[tuple[bytes, bytes]], name: bytes) -> bytes | None:
    found = [value for key, value in headers if key == name]
    if len(found) > 1:
        raise ApiError(400, "header", f"{name.decode()} is given twice")
    return found[0] if found else None


def _bearer(headers: list[tuple[bytes, bytes]]) -> bytes | None:
    value = _only(headers, b"authorization")
    return value[7:] if value is not None and value[:7].lower() == b"bearer " else None


def _check_length(headers: list[tuple[bytes, bytes]], most: int) -> None:
    given = _only(headers, b"content-length")
    if given is None:
        return
    if not given.isdigit():
        raise ApiError(400, "header", "content-length is no number")
    if len(given) > 18 or int(given) > most:
        raise _too_large(most)


def _too_large(most: int) -> ApiError:
    return ApiError(413, "body", f"the body is larger than the {most:,} bytes that are taken here")


class _Limited:
    """A body that may not grow beyond its limit, whatever its headers said."""

    def __init__(self, receive: Receive, most: int) -> None:
        self.receive, self.most, self.read = receive, most, 0

    async def __call__(self) -> Message:
        message = await self.receive()
        self.read += len(message.get("body", b""))
        if self.read > self.most:
            raise _too_large(self.most)
        return message


class _Answer:
    """An answer with the security headers on it."""

    def __init__(self, send: Send, cookie: bytes | None) -> None:
        self.send, self.cookie, self.begun = send, cookie, False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.begun = True
            headers = list(message.get("headers", []))
            names = {name.lower() for name, _ in headers}
            headers += HEADERS
            if b"cache-control" not in names:
                headers.append((b"cache-control", b"no-store"))
            if self.cookie is not None:
                headers.append((b"set-cookie", self.cookie))
            message = {**message, "headers": headers}
        await self.send(message)

    async def error(self, error: ApiError) -> None:
        """Refuse; the connection ends, so that nobody reads what is left of the body."""
        if self.begun:
            raise error
        self.cookie = None
        body = as_json({"error": {"code": error.code, "message": error.message}})
        start = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
            (b"connection", b"close"),
        ]
        await self({"type": "http.response.start", "status": error.status, "headers": start})
        await self.send({"type": "http.response.body", "body": body})
