"""The sandbox's calls: the set, previews, own pictures, the verdict, the export."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from .. import deploy
from ..augment.recipe import Recipe
from ..config import ConfigError
from ..dataset import Dataset
from ..report.text import visible
from .app import body_of, json_response
from .guard import ApiError, as_json
from .objects import Objects
from .palette import palette
from .pictures import Pictures
from .preview import Previews, at_input, frame
from .samples import varied
from .verdict import Counted, histograms, lint, of_picture
from .writing import Writing

if TYPE_CHECKING:
    from ..deploy import Profile

__all__ = ["LIMITS", "Sandbox"]

#: Bytes of a picture that is dropped on the page, and of a recipe.
LIMITS = {"/api/own": 128 << 20}
#: Pictures below the stage.
STRIP = 12
#: Longest name that is shown or kept.
LONGEST_NAME = 200


@dataclass
class Sandbox:
    """A data set on the page.

    Attributes
    ----------
    ds : Dataset
    pictures : Pictures
        Of it.
    profile : Profile or None
        Where the model will run, if the user said so.
    out : pathlib.Path or None
        Where an augmented set may be written; None: nothing may be.
    overwrite : bool
        Whether what is there already is replaced.
    """

    ds: Dataset
    pictures: Pictures
    profile: Profile | None = None
    out: Path | None = None
    overwrite: bool = False
    previews: Previews = field(init=False)
    objects: Objects = field(init=False)
    writing: Writing = field(init=False)
    _asked: int = 0
    _counted: Counted = field(default_factory=Counted)
    _counting: Lock = field(default_factory=Lock)

    def __post_init__(self) -> None:
        self.previews = Previews(self.ds, self.pictures)
        self.objects = Objects(self.ds)
        self.writing = Writing(self.ds, self.out, self.overwrite)

    def close(self) -> None:
        """End what still runs; nothing is left half written."""
        self._asked += 1
        self.writing.close()

    def routes(self) -> list[Route]:
        """The calls, for :func:`fastlabel.sandbox.app.make_app`."""
        asked = {
            "preview": self.preview,
            "export": self.export,
            "place": self.place,
            "write": self.write,
            "stop": self.stop,
            "verdict": self.verdict,
            "histograms": self.histograms,
            "recipe": self.recipe_of_text,
        }
        return [
            Route("/api/set", lambda request: json_response(self.set()), methods=["GET"]),
            Route("/api/image/{row:int}", self.image, methods=["GET"]),
            Route("/api/bank/{image}", self.bank, methods=["GET"]),
            Route("/api/object/{row:int}", self.object, methods=["GET"]),
            Route("/api/written", self.written, methods=["GET"]),
            Route("/api/own", self.own, methods=["POST"]),
            *(
                Route(f"/api/{name}", partial(_answer, work), methods=["POST"])
                for name, work in asked.items()
            ),
        ]

    # ---- the set ---------------------------------------------------------------

    def set(self) -> dict[str, Any]:
        """What the page has to know before anything is drawn."""
        ds = self.ds
        return {
            "name": visible(ds.root.resolve().name, LONGEST_NAME),
            "images": len(ds),
            "boxes": ds.annotations.num_rows,
            "classes": [visible(name, 80) for name in ds.categories["name"].to_pylist()],
            "palette": palette(),
            "profiles": [_profile(p) for p in self._profiles()],
            "out": visible(self.out, LONGEST_NAME) if self.out is not None else None,
            "deploy": self.profile.name if self.profile is not None else None,
            "strip": [self._image(row) for row in varied(ds, STRIP)],
        }

    def _profiles(self) -> list[Profile]:
        known = list(deploy.PROFILES.values())
        if self.profile is not None and self.profile.name not in deploy.PROFILES:
            known.insert(0, self.profile)
        return known

    def image(self, request: Request) -> Response:
        """Id and name of a row."""
        row = request.path_params["row"]
        if not 0 <= row < len(self.ds):
            raise ApiError(404, "row", f"there is no picture {row:,}; the set has {len(self.ds):,}")
        return json_response(self._image(row))

    def _image(self, row: int) -> dict[str, Any]:
        name = visible(self.previews.name(row), LONGEST_NAME)
        return {"id": self.pictures.id(row), "row": row, "name": name}

    async def own(self, request: Request) -> Response:
        """Take a picture of the user's own: the body is its file."""
        data = await request.body()
        name = visible(unquote(request.headers.get("x-name", "")), LONGEST_NAME) or "picture"
        text = f"own-{secrets.token_hex(8)}"
        wide, high = await run_in_threadpool(self.previews.take_own, text, name, data)
        return json_response({"id": text, "name": name, "width": wide, "height": high})

    # ---- recipes ---------------------------------------------------------------

    def preview(self, asked: dict[str, Any]) -> Response:
        """Paint one picture: JSON and pixels."""
        recipe, seed = recipe_of(asked), _seed(asked)
        view = asked.get("view", "fit")
        if view not in ("fit", "full", "model"):
            raise ApiError(400, "view", f"view: got {view!r}, expected fit, full or model")
        subject = self.previews.subject(_text(asked, "image"), whole=view != "fit")
        side = asked.get("side")
        context = self._context(recipe)
        made = self.previews.make(subject, recipe, seed, context, follow=side is None)
        if view == "model":
            made = at_input(made, self.deployed(asked))
        if side is not None:
            made = _small(made, _whole(asked, "side", 16, 960))
        shown = {
            "width": made.image.shape[1],
            "height": made.image.shape[0],
            "full": subject.full,
            "from": subject.picture.shape[1],
            "view": view,
            "number": asked.get("number"),
            "steps": [
                {"stage": row["stage"], "skipped": row.get("skipped"), "drawn": _plain(row)}
                for row in made.ledger
            ],
            **self.previews.labels(subject, made),
        }
        return Response(frame(as_json(shown), made.image), media_type="application/octet-stream")

    def _context(self, recipe: Recipe) -> dict[str, Any]:
        return {"paste": self.objects.for_recipe({stage.op for stage in recipe.stages})}

    # ---- objects ---------------------------------------------------------------

    def bank(self, request: Request) -> Response:
        """Objects to put into a picture."""
        text = request.path_params["image"]
        image = None if text.startswith("own-") else self.pictures.row(text)
        return json_response({"objects": self.objects.shown(image)})

    def object(self, request: Request) -> Response:
        """The thumbnail of one."""
        data = self.objects.thumbnail(request.path_params["row"])
        return Response(data, media_type="image/png", headers={"cache-control": "max-age=3600"})

    def place(self, asked: dict[str, Any]) -> Response:
        """Find a place for an object in a picture as it is now."""
        recipe = recipe_of(asked)
        subject = self.previews.subject(_text(asked, "image"))
        made = self.previews.make(subject, recipe, _seed(asked), self._context(recipe))
        at = _whole(asked, "object", 0, 2**53)
        found = self.objects.place(at, made, subject.full, len(recipe.stages))
        if subject.image is not None and self.objects.chosen().strange(at, subject.image):
            raise ApiError(
                409,
                "split",
                "This object is of another split: what a model is measured with "
                "stays out of what it learns from",
            )
        return json_response({**found, "image": subject.name})

    def deployed(self, asked: dict[str, Any]) -> Profile:
        """The deployment that the page names."""
        name = asked.get("deploy") or (self.profile.name if self.profile else "edge-640")
        for profile in self._profiles():
            if profile.name == name:
                return profile
        raise ApiError(400, "deploy", f"there is no deployment named {visible(name, 80)!r}")

    # ---- the verdict -----------------------------------------------------------

    def verdict(self, asked: dict[str, Any]) -> Response:
        """What the linter says of the recipe, and the rules of the picture as it is now."""
        recipe, seed, profile = recipe_of(asked), _seed(asked), self.deployed(asked)
        found: dict[str, Any] = {"lint": lint(recipe, self.ds, profile), "picture": []}
        try:
            subject = self.previews.subject(_text(asked, "image"))
        except ApiError as error:
            if error.code != "unreadable":
                raise
            return json_response(found)
        context = self._context(recipe)
        before = self.previews.make(subject, Recipe(()), seed)
        after = self.previews.make(subject, recipe, seed, context)
        return json_response({**found, "picture": of_picture(subject, before, after, profile)})

    def histograms(self, asked: dict[str, Any]) -> Response:
        """Light and box sizes of the set after the recipe; `null` where it is asked again."""
        recipe, seed, profile = recipe_of(asked), _seed(asked), self.deployed(asked)
        self._asked += 1
        mine = self._asked

        def stale() -> bool:
            return mine != self._asked

        context = self._context(recipe)
        with self._counting:
            found = histograms(self.previews, recipe, seed, profile, context, self._counted, stale)
        return json_response(found)

    # ---- writing ---------------------------------------------------------------

    def written(self, request: Request) -> Response:
        """How far writing is."""
        return json_response(self.writing.state())

    def write(self, asked: dict[str, Any]) -> Response:
        """Write the set; refused, as ``augment`` does, where the linter calls it an error."""
        from ..lint import errors

        recipe = recipe_of(asked)
        if not asked.get("force"):
            wrong = errors(recipe, self.ds)
            if wrong:
                raise ApiError(409, "lint", visible("; ".join(wrong)))
        copies = _whole({"copies": 1, **asked}, "copies", 1, 100)
        self.writing.start(recipe, _seed(asked), copies, asked.get("originals") is not False)
        return json_response(self.writing.state())

    def stop(self, asked: dict[str, Any]) -> Response:
        """End a run of writing; nothing is left of it."""
        self.writing.stop()
        return json_response(self.writing.state())

    # ---- the recipe ------------------------------------------------------------

    def export(self, asked: dict[str, Any]) -> Response:
        """The recipe as TOML, as Python and as a command."""
        recipe, seed = recipe_of(asked), _seed(asked)
        toml = recipe.to_toml()
        name = self.ds.root.resolve().name
        code = "\n".join(
            [
                "from fastlabel.augment import Recipe, augment_set",
                "",
                'recipe = Recipe.from_toml("recipe.toml")',
                f"made = augment_set({name!r}, {name + '-augmented'!r}, recipe, seed={seed})",
                "",
            ]
        )
        command = (
            f"fastlabel augment {_shell(name)} {_shell(name + '-augmented')} "
            f"--recipe recipe.toml --seed {seed}"
        )
        return json_response({"toml": toml, "python": code, "command": command})

    def recipe_of_text(self, asked: dict[str, Any]) -> Response:
        """Read a recipe file that was opened on the page."""
        import tomllib

        try:
            table = tomllib.loads(_text(asked, "text"))
        except tomllib.TOMLDecodeError as error:
            raise ConfigError(f"recipe: {error}") from error
        recipe = Recipe.from_dict(table, "recipe")
        stages = [
            {"op": s.op, "p": s.p, "group": s.group, "params": dict(s.params)}
            for s in recipe.stages
        ]
        return json_response({"stages": stages})


async def _answer(work: Callable[[dict[str, Any]], Response], request: Request) -> Response:
    return await run_in_threadpool(work, await body_of(request))


def recipe_of(asked: dict[str, Any]) -> Recipe:
    """The recipe that the page has in its stack."""
    return Recipe.from_dict({"stages": asked.get("stages", [])}, "recipe")


def _seed(asked: dict[str, Any]) -> int:
    return _whole({"seed": 0, **asked}, "seed", 0, 2**53 - 1)


def _whole(asked: dict[str, Any], name: str, least: int, most: int) -> int:
    value = asked.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise ApiError(
            400, name, f"{name}: got {value!r}, expected a whole number, {least} to {most}"
        )
    return value


def _text(asked: dict[str, Any], name: str) -> str:
    value = asked.get(name)
    if not isinstance(value, str):
        raise ApiError(400, name, f"{name}: expected a text")
    return value


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    """What was drawn and noted, as JSON has it."""
    kinds = (str, int, float, bool, list)
    return {k: v for k, v in row.items() if k not in ("stage", "op") and isinstance(v, kinds)}


def _small(made: Any, side: int) -> Any:
    from dataclasses import replace

    from ..pixels import resize_area

    high, wide = made.image.shape[:2]
    scale = min(side / max(high, wide), 1.0)
    size = max(round(wide * scale), 1), max(round(high * scale), 1)
    sx, sy = size[0] / wide, size[1] / high
    return replace(
        made,
        image=resize_area(made.image, size),
        boxes=made.boxes * (sx, sy, sx, sy),
        ignore=made.ignore * (sx, sy, sx, sy),
        obb=made.obb * (sx, sy),
        polygons=[
            None if rings is None else [ring * (sx, sy) for ring in rings]
            for rings in made.polygons
        ],
    )


def _profile(profile: Profile) -> dict[str, Any]:
    return {
        "name": visible(profile.name, 80),
        "width": profile.input_width,
        "height": profile.input_height,
        "stride": profile.strides[0],
    }


def _shell(text: str) -> str:
    import shlex

    return shlex.quote(visible(text))
