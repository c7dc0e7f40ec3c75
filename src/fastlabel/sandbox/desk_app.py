"""The calls of the desk's page."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ..report.text import visible
from .app import ApiError, body_of, json_response, make_app
from .cards import Filter
from .desk import Desk
from .guard import Guard

__all__ = ["desk_app"]

_MOST_TILES = 120


def desk_app(desk: Desk, output: Path, *, token: str, port: int, first: int | None = None) -> Guard:
    """Make the app of a desk.

    Parameters
    ----------
    desk : Desk
        The review.
    output : pathlib.Path
        Where the plan goes when the page asks for it.
    token, port
        As :class:`Guard` has them.
    first : int, optional
        The finding to open the page at.
    """
    calls = _Calls(desk, output, first)
    routes = [
        Route("/api/about", calls.about, methods=["GET"]),
        Route("/api/card", calls.card, methods=["POST"]),
        Route("/api/decide", calls.decide, methods=["POST"]),
        Route("/api/undo", calls.undo, methods=["POST"]),
        Route("/api/grid", calls.grid, methods=["POST"]),
        Route("/api/plan", calls.plan, methods=["POST"]),
    ]
    return make_app("desk.html", routes, token=token, port=port, pictures=desk.pictures)


class _Calls:
    def __init__(self, desk: Desk, output: Path, first: int | None) -> None:
        self.desk, self.output, self.first = desk, output, first

    def about(self, request: Request) -> Response:
        return json_response(
            {**self.desk.about(), "first": self.first, "output": visible(str(self.output))}
        )

    async def card(self, request: Request) -> Response:
        """The card of a finding, or the next one from a card on."""
        body = await body_of(request)
        return json_response(await run_in_threadpool(self._card, body))

    def _card(self, body: dict[str, Any]) -> dict[str, Any]:
        wanted = Filter.of(body.get("filter"))
        cards = self.desk.cards
        if body.get("finding") is not None:
            return self.desk.card(self.desk.card_of(body["finding"]), wanted)
        at = body.get("from", 0)
        if isinstance(at, bool) or not isinstance(at, int) or not 0 <= at <= len(cards):
            raise ApiError(400, "from", "from: expected the number of a card")
        step = body.get("step", "here")
        if step == "previous":
            found = cards.step(wanted, at - 1, -1)
        elif step == "kind":
            past = int(cards.code[at]) if at < len(cards) else -1
            found = cards.step(wanted, at + 1, 1, past=past)
        elif step in ("here", "next"):
            found = cards.step(wanted, at + (step == "next"), 1)
        else:
            raise ApiError(400, "step", "step: expected here, next, previous or kind")
        return self._or_none(found, wanted)

    def _or_none(self, at: int | None, wanted: Filter) -> dict[str, Any]:
        if at is None:
            return {"card": None, "progress": self.desk.cards.counts(wanted)}
        return self.desk.card(at, wanted)

    async def decide(self, request: Request) -> Response:
        """Keep a decision; answers with the next card."""
        body = await body_of(request)
        return json_response(await run_in_threadpool(self._decide, body))

    def _decide(self, body: dict[str, Any]) -> dict[str, Any]:
        wanted = Filter.of(body.get("filter"))
        at = self.desk.decide(body)
        if body.get("verb") == "edit":
            return self.desk.card(at, wanted)
        return self._or_none(self.desk.cards.step(wanted, at + 1, 1), wanted)

    async def undo(self, request: Request) -> Response:
        """Take the last decision back; answers with its card."""
        body = await body_of(request)
        return json_response(await run_in_threadpool(self._undo, body))

    def _undo(self, body: dict[str, Any]) -> dict[str, Any]:
        at = self.desk.undo(body.get("tab"))
        if at is None:
            raise ApiError(409, "undo", "there is nothing to take back")
        return self.desk.card(at, Filter.of(body.get("filter")))

    async def grid(self, request: Request) -> Response:
        """Some cards, small."""
        body = await body_of(request)
        start, most = body.get("start", 0), body.get("most", 60)
        if type(start) is not int or type(most) is not int or start < 0 or most < 1:
            raise ApiError(400, "start", "start and most: expected whole numbers")
        wanted = Filter.of(body.get("filter"))
        found = await run_in_threadpool(self.desk.tiles, wanted, start, min(most, _MOST_TILES))
        return json_response(found)

    async def plan(self, request: Request) -> Response:
        """Write the plan and the verdicts."""
        await body_of(request)
        return json_response(await run_in_threadpool(self._plan))

    def _plan(self) -> dict[str, Any]:
        done = self.desk.round()
        files = done.write(self.output)
        judged = done.verdicts["verdict"].to_pylist()
        unsafe = not all(done.plan.table["safe"].to_pylist())
        path = shlex.quote(str(self.output))
        commands = []
        if len(done.plan):
            commands.append(f"fastlabel apply {path} -o NEW" + (" --unsafe" if unsafe else ""))
        if judged:
            commands.append(f"fastlabel calibrate {path} -o calibration.toml")
        return {
            "files": [visible(str(f)) for f in files],
            "actions": done.plan.counts(),
            "commands": [visible(line) for line in commands],
            "verdicts": len(judged),
            "right": len(judged) - judged.count("rejected"),
            "notes": [visible(note) for note in done.plan.notes],
        }
