"""Who may ask the local server, by raw requests against a real one."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("starlette")
from starlette.routing import Route

from fastlabel.sandbox.app import body_of, json_response, make_app


async def _echo(request: Any) -> Any:
    return json_response(await body_of(request))


@pytest.fixture(scope="module")
def stranger(pictures: Any, on_loopback: Any) -> Any:
    routes = [Route("/api/echo", _echo, methods=["POST"])]
    return on_loopback(
        lambda token, port: make_app("desk.html", routes, token=token, port=port, pictures=pictures)
    )


@pytest.fixture(scope="module")
def client(stranger: Any) -> Any:
    return stranger.known()


def test_the_token_becomes_a_cookie(stranger: Any, client: Any) -> None:
    answer = stranger.get(f"/?token={stranger.token}")
    assert answer.status == 200
    assert "HttpOnly" in answer.headers["set-cookie"]
    assert "SameSite=Strict" in answer.headers["set-cookie"]
    assert stranger.token.encode() not in answer.body
    for path in ("/", "/static/base.css", "/static/lib.js"):
        assert stranger.get(path).status == 403
        assert client.get(path).status == 200


@pytest.mark.parametrize("token", ["", "wrong", "secret-of-this-ru", "secret-of-this-run2", "é"])
def test_a_wrong_token_is_refused(stranger: Any, token: str) -> None:
    from urllib.parse import quote

    answer = stranger.get(f"/?token={quote(token)}")
    assert answer.status == 403
    assert answer.json["error"]["code"] == "token"
    assert "set-cookie" not in answer.headers
    bearer = {"authorization": f"Bearer {token}".encode().decode("latin-1")}
    assert stranger.get("/static/lib.js", **bearer).status == 403
    cookie = f"fastlabel-{stranger.port}={token}".encode().decode("latin-1")
    assert stranger.get("/static/lib.js", cookie=cookie).status == 403


def test_the_token_opens_no_other_address(stranger: Any) -> None:
    assert stranger.get(f"/static/lib.js?token={stranger.token}").status == 403
    twice = f"/?token={stranger.token}&token={stranger.token}"
    assert stranger.get(twice).status == 403


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1", "127.0.0.1:1", "evil.example:{port}", "[::1]:{port}", ""]
)
def test_a_wrong_host_is_refused(client: Any, host: str) -> None:
    answer = client.get("/", host=host.format(port=client.port))
    assert answer.status == 421
    assert answer.json["error"]["code"] == "host"


def test_hosts_that_are_ours(client: Any) -> None:
    for name in ("127.0.0.1", "localhost"):
        assert client.get("/", host=f"{name}:{client.port}").status == 200
    head = f"Cookie: {client.headers['cookie']}\r\n\r\n"
    twice = f"GET / HTTP/1.1\r\nHost: 127.0.0.1:{client.port}\r\nHost: evil.example\r\n{head}"
    assert client.raw(twice.encode()).split()[1] == b"400"
    assert client.raw(f"GET / HTTP/1.0\r\n{head}".encode()).split()[1] in (b"421", b"400")


@pytest.mark.parametrize(
    "origin", ["null", "http://evil.example", "https://127.0.0.1:{port}", "http://127.0.0.1:1", ""]
)
def test_a_foreign_origin_is_refused(client: Any, origin: str) -> None:
    given = origin.format(port=client.port)
    for answer in (
        client.get("/static/lib.js", origin=given),
        client.post("/api/echo", {}, origin=given),
    ):
        assert answer.status == 403
        assert answer.json["error"]["code"] == "origin"
        assert "access-control-allow-origin" not in answer.headers


def test_other_sites_and_preflights_are_refused(client: Any) -> None:
    for site in ("cross-site", "same-site"):
        assert client.get("/picture/x", sec_fetch_site=site).status == 403
    asked = client.ask("OPTIONS", "/api/echo", origin="http://evil.example")
    assert asked.status == 403
    assert client.ask("OPTIONS", "/api/echo", origin=client.origin).status == 405
    for method in ("PUT", "DELETE", "PATCH", "TRACE"):
        assert client.ask(method, "/", origin=client.origin).status == 405


def test_a_change_needs_an_origin_and_json(client: Any, stranger: Any) -> None:
    assert client.post("/api/echo", {"a": 1}).json == {"a": 1}
    assert client.ask("POST", "/api/echo", {}).status == 403  # no origin, only the cookie
    bearer = {"authorization": f"Bearer {stranger.token}"}
    assert stranger.ask("POST", "/api/echo", {}, **bearer).status == 200
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data"):
        assert client.post("/api/echo", b"{}", content_type=kind).status == 415
    for body in (b"", b"[1]", b"{", b'{"a": NaN}', b"\xff", b"[" * 100_000):
        answer = client.post("/api/echo", body, content_type="application/json")
        assert answer.status == 400, body[:20]
        assert answer.json["error"]["code"] == "json"


def test_a_body_of_a_gigabyte_is_refused_unread(client: Any) -> None:
    head = (
        f"POST /api/echo HTTP/1.1\r\nHost: 127.0.0.1:{client.port}\r\n"
        f"Origin: {client.origin}\r\nCookie: {client.headers['cookie']}\r\n"
        "Content-Type: application/json\r\n"
    )
    told = client.raw(f"{head}Content-Length: {1 << 30}\r\n\r\n".encode())
    assert told.split()[1] == b"413"
    assert b"connection: close" in told.lower()
    # One that hides its size is counted as it comes.
    part = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
    told = client.raw(f"{head}Transfer-Encoding: chunked\r\n\r\n".encode() + part * 20)
    assert told.split()[1] == b"413"
    for length in ("-1", "1e3", "9" * 30):
        told = client.raw(f"{head}Content-Length: {length}\r\n\r\n".encode())
        assert told.split()[1] in (b"400", b"413")


def test_pictures_go_by_id_alone(client: Any, pictures: Any) -> None:
    good = pictures.id(0)
    answer = client.get(f"/picture/{good}?side=64")
    assert answer.status == 200
    assert answer.headers["content-type"] == "image/jpeg"
    number, sign = good.split("-")
    for bad in (
        "..", "../labels.json", "..%2flabels.json", "%2e%2e%2f%2e%2e%2fetc%2fpasswd", "a1.jpg",
        "0", f"1-{sign}", f"{number}-{sign[:-1]}0", f"{number}-", f"-1-{sign}", f"+0-{sign}",
        "%00", f"ffffffffffffffff-{sign}", "%ef%bc%90-" + sign,
    ):  # fmt: skip
        answer = client.get(f"/picture/{bad}?side=64")
        assert answer.status == 404, bad
        assert b"images" not in answer.body
    for bad in ("../desk.html", "..%2f..%2fapp.py", "%2e%2e/app.py", "nothing.js", "lib.js%00"):
        assert client.get(f"/static/{bad}").status == 404, bad
    for query in ("side=0", "side=99999", "side=-1", "side=x", "side=64&x=0&y=0&w=0&h=5"):
        assert client.get(f"/picture/{good}?{query}").status == 400, query


def test_a_picture_that_cannot_be_read_is_a_notice(client: Any, pictures: Any) -> None:
    answer = client.get(f"/picture/{pictures.id(11)}")
    assert answer.status == 200
    assert answer.headers["content-type"] == "image/svg+xml"
    assert b"cannot be shown" in answer.body
    assert answer.headers["cache-control"] == "no-store"


def test_each_answer_has_the_security_headers(client: Any, stranger: Any, pictures: Any) -> None:
    good = pictures.id(0)
    for answer in (
        client.get("/"), client.get("/static/lib.js"), client.get(f"/picture/{good}"),
        client.get("/nothing"), client.post("/api/echo", {}), stranger.get("/"),
    ):  # fmt: skip
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cross-origin-resource-policy"] == "same-origin"
        assert "cache-control" in answer.headers
        assert "access-control-allow-origin" not in answer.headers


def test_only_loopback_listens() -> None:
    """An address of this machine that others can reach is not bound."""
    import socket
    import threading

    from fastlabel.sandbox.serving import serve

    told: list[str] = []
    stop = threading.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        raise AssertionError

    def say(address: str) -> None:
        told.append(address)
        stop.set()
        raise KeyboardInterrupt  # the server itself is not needed here

    with pytest.raises(KeyboardInterrupt):
        serve(lambda token, port: app, browser=False, say=say)
    assert stop.is_set()
    assert told[0].startswith("http://127.0.0.1:")
    with socket.create_server(("127.0.0.1", int(told[0].split(":")[2].split("/")[0]))):
        pass  # let go of again


def test_the_extra_adds_few_packages() -> None:
    import re
    from importlib.metadata import PackageNotFoundError, requires

    own = {"numpy", "pyarrow", "click", "rich", "lxml", "pyyaml", "jinja2", "matplotlib"}
    found: set[str] = set()
    left = ["starlette", "uvicorn"]
    while left:
        name = left.pop()
        if name in found or name in own:
            continue
        try:
            needed = requires(name) or []
        except PackageNotFoundError:  # not of this Python or system
            continue
        found.add(name)
        for line in needed:
            if "extra ==" not in line:
                left.append(re.split(r"[^A-Za-z0-9_.-]", line)[0].lower())
    assert {"starlette", "uvicorn"} <= found
    assert len(found) <= 8, sorted(found)
