"""Who may ask the local server, by raw requests against a real one."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("starlette")
from starlette.routing import Route

import fastlabel as fl
from fastlabel.sandbox.app import body_of, json_response, make_app
from fastlabel.sandbox.pictures import Pictures


async def _echo(request: Any) -> Any:
    return json_response(await body_of(request))


@pytest.fixture(scope="module")
def pictures(drawn_sample: Any) -> Pictures:
    root, _ = drawn_sample("coco")
    return Pictures(fl.read(root))


@pytest.fixture(scope="module")
def stranger(pictures: Pictures, on_loopback: Any) -> Any:
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
