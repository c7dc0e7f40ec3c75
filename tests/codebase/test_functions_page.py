"""docs/functions.md has all that is public, and nothing else."""

from __future__ import annotations

import re
from dataclasses import fields, is_dataclass
from inspect import signature
from pathlib import Path

import fastlabel
import fastlabel.augment
import fastlabel.engines
import fastlabel.tables
from fastlabel.cli import _COMMANDS

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "functions.md").read_text(encoding="utf-8")
#: Name -> the arguments shown, or None.
ENTRIES = dict(re.findall(r"^- `(\w+)(?:\(([^)]*)\))?[`\n]", PAGE, flags=re.MULTILINE))


def test_it_has_every_public_name_once():
    modules = (fastlabel, fastlabel.augment, fastlabel.engines, fastlabel.tables)
    public = {name for module in modules for name in module.__all__} - {"__version__"}
    assert set(ENTRIES) == public
    assert len(re.findall(r"^- `\w+[(`]", PAGE, flags=re.MULTILINE)) == len(public)


def test_the_arguments_it_shows_are_there_in_that_order():
    for name, shown in ENTRIES.items():
        modules = (fastlabel, fastlabel.augment, fastlabel.engines, fastlabel.tables)
        value = next(getattr(module, name) for module in modules if hasattr(module, name))
        names = [word.strip() for word in shown.split(",") if word.strip()]
        if is_dataclass(value):
            assert set(names) <= {field.name for field in fields(value)}, name
        elif names:
            known = list(signature(value).parameters)
            assert set(names) <= set(known), (name, set(names) - set(known))
            assert names == [word for word in known if word in names], name


def test_it_has_every_command():
    assert set(re.findall(r"^- `fastlabel ([\w-]+)", PAGE, flags=re.MULTILINE)) == set(_COMMANDS)


def test_its_links_lead_somewhere():
    headings = {h.lower().replace(" ", "-") for h in re.findall(r"^## (.+)$", PAGE, re.MULTILINE)}
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)]+)\)", PAGE):
        path, _, anchor = target.partition("#")
        assert not path or (ROOT / "docs" / path).exists(), target
        if not path:
            assert anchor in headings, target
        elif anchor:
            page = (ROOT / "docs" / path).read_text(encoding="utf-8")
            assert f"# {anchor.replace('-', ' ').capitalize()}\n" in page, target
    assert "](docs/functions.md)" in readme
