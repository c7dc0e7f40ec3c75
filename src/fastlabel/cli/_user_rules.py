"""Rules of the user on the command line: said to be there, and run only where allowed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from ..config import Config
    from ..rules import Rule, UserRule

__all__ = ["allow_user_code", "own_rules", "say_not_loaded", "table"]

allow_user_code = click.option(
    "--allow-user-code",
    is_flag=True,
    help="Import the modules that user_rules of the settings names, and use their rules.",
)


def own_rules(config: Config, allowed: bool) -> list[UserRule]:
    """Import the rules that the settings name; where that is not allowed, say so."""
    if allowed:
        return _loaded(config)
    if config.user_rules:
        say_not_loaded(config)
    return []


def _loaded(config: Config) -> list[UserRule]:
    from ..report.text import visible
    from ..rules import load_modules

    if not config.user_rules:
        said = (
            "no settings were found"
            if config.source is None
            else (f"{visible(config.source)} names no user_rules")
        )
        click.echo(f"fastlabel: --allow-user-code: {said}", err=True)
    return load_modules(config)


def say_not_loaded(config: Config) -> None:
    """Say on stderr which rules were left alone, and how to run them."""
    from ..report.text import visible

    named = ", ".join(config.user_rules)
    place = visible(config.where("user_rules"))
    click.echo(
        f"fastlabel: {place}: the rules of {named} were not run; "
        "--allow-user-code imports and runs them",
        err=True,
    )


def table(allowed: bool) -> tuple[dict[str, Rule], Config]:
    """Give all rules for the commands that only show them, and the settings.

    Settings that cannot be read matter to these commands only where they were asked to
    import something.
    """
    from .. import config as settings
    from ..rules import table_of

    try:
        config = settings.load()
    except settings.ConfigError:
        if allowed:
            raise
        config = settings.Config()
    return table_of(_loaded(config) if allowed else ()), config
